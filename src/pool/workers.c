/* workers.c: a pool's workers: started, watched and replaced by its maker. */
#include "pool/workers.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "family/input.h"
#include "family/member.h"
#include "family/reap.h"
#include "pool/external.h"
#include "pool/job.h"
#include "pool/maker.h"
#include "pool/shared.h"
#include "pool/tracking.h"
#include "pool/worker.h"
#include "process/arguments.h"
#include "process/process.h"

#include <stdlib.h>

#define WATCHED_MAX 15u               /* workers whose ends are waited for at once */
#define BLIND_STEP KIN_MS(1)          /* where the system has nothing to wait for */
#define RETRY_FIRST KIN_MS(1)         /* until another start after one that failed, while other workers work; */
#define RETRY_DOUBLED 10u             /* doubled so many times at most */
#define LEAVE_PATIENCE KIN_SECONDS(1) /* how long to wait for the end of a worker that was killed */
#define GONE_PATIENCE KIN_MS(20)      /* how long to wait, once, for each worker that is about to end or was killed */

static const kin_os_bell no_bell = KIN_OS_NO_BELL;

static kin__worker_slot *slot_of(const kin_pool *pool, uint32_t i)
{
    return &pool->shared->slots[i];
}

/* ---- waiting for their ends ---- */

/* Releases the pool's lock until one of these workers has ended, at most until end. */
static void await_ends(kin_pool *pool, const uint32_t *which, uint32_t count, int64_t end)
{
    kin__kept_process *holds[WATCHED_MAX];
    kin_os_watch watches[WATCHED_MAX];
    bool blind = false;
    for (uint32_t i = 0; i < count; i++) {
        holds[i] = pool->workers[which[i]].hold;
        holds[i]->holders++;
        watches[i] = (kin_os_watch){kin__process_handle(holds[i]->process), KIN_OS_READABLE, 0};
        blind = blind || watches[i].handle == KIN_OS_NO_HANDLE;
    }
    kin__mutex_unlock(&pool->mutex);
    end = blind ? kin__slice_end(kin_os_now(), BLIND_STEP, end) : end;
    kin_os_watch_any(watches, count, KIN_OS_NO_SEM, &no_bell, end);
    kin__mutex_lock(&pool->mutex, KIN_OS_NEVER);
    for (uint32_t i = 0; i < count; i++) {
        kin__hold_let_go(holds[i]);
    }
}

bool kin__workers_await_leaving(kin_pool *pool)
{
    int64_t end = 0;
    for (uint32_t i = 0; i < pool->slots; i++) {
        kin__worker *worker = &pool->workers[i];
        if (worker->process && !worker->awaited && (worker->condemned || atomic_load(&slot_of(pool, i)->gone))) {
            end = end > 0 ? end : kin_os_now() + GONE_PATIENCE;
            worker->awaited = true;
            await_ends(pool, &i, 1, end);
        }
    }
    return end > 0;
}

bool kin__workers_await_any(kin_pool *pool, int64_t end)
{
    uint32_t which[WATCHED_MAX], count = 0;
    for (uint32_t i = 0; i < pool->slots && count < WATCHED_MAX; i++) {
        if (pool->workers[i].process) {
            which[count++] = i;
        }
    }
    if (count > 0) {
        await_ends(pool, which, count, end);
    }
    return count > 0;
}

/* ---- starting ---- */

/* The pool's arguments, and two more: the worker's slot and its id. */
static kin_status make_args(kin_args **out, const kin_pool *pool, const uint32_t order[2])
{
    const kin_args *given = pool->options.args;
    kin_args *args;
    kin_status status = kin_args_create(&args, pool->family);
    if (status != KIN_OK) {
        return status;
    }
    for (uint32_t i = 0; given && i < given->count; i++) {
        args->items[i] = given->items[i];
        args->items[i].owned = false;
    }
    args->count = given ? given->count : 0;
    args->handle_count = given ? given->handle_count : 0;
    status = kin_args_add_object(args, KIN__WORKER_POOL, KIN_TYPE_MEMORY, pool->memory);
    if (status == KIN_OK) {
        status = kin_args_add_bytes(args, KIN__WORKER_SLOT, order, 2 * sizeof *order);
    }
    if (status != KIN_OK) {
        kin_args_destroy(args);
        return status;
    }
    *out = args;
    return KIN_OK;
}

static kin_status start_process(kin__worker *worker, const kin_args *args, const kin_process_options *options)
{
    kin__kept_process *hold = calloc(1, sizeof *hold);
    kin_status status = hold ? kin_process_start(&hold->process, KIN__WORKER_ENTRY, args, options) : KIN_E_NO_MEMORY;
    if (status != KIN_OK) {
        free(hold);
        return status;
    }
    hold->holders = 1;
    worker->hold = hold;
    worker->process = hold->process;
    return KIN_OK;
}

static kin_status start(kin_pool *pool, uint32_t i)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin__worker_slot *slot = slot_of(pool, i);
    kin_args *args;
    pool->generation = (pool->generation + 1) & 0x7fffff;
    const uint32_t order[2] = {i, pool->generation << 8 | (i + 1)};
    options.method = pool->options.method;
    options.die_with_parent = 1;
    options.name = "worker";
    kin_status status = make_args(&args, pool, order);
    if (status != KIN_OK) {
        return status;
    }
    atomic_store(&slot->job, 0);
    atomic_store(&slot->task, 0);
    atomic_store(&slot->turn, 0);
    atomic_store(&slot->begun, 0);
    atomic_store(&slot->leave, 0);
    atomic_store(&slot->gone, 0);
    pool->workers[i] = (kin__worker){.id = order[1]};
    pool->slots = i < pool->slots ? pool->slots : i + 1;
    status = start_process(&pool->workers[i], args, &options);
    pool->started += status == KIN_OK;
    kin_args_destroy(args);
    return status;
}

static bool needs_workers(const kin_pool *pool)
{
    if (!pool->closed) {
        return true;
    }
    for (const kin_future *f = pool->active.head; f; f = f->after) {
        if (kin__future_waits(f)) {
            return true;
        }
    }
    return false;
}

static uint32_t count_workers(const kin_pool *pool)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
        count += pool->workers[i].process != NULL;
    }
    return count;
}

static uint32_t count_begun(const kin_pool *pool)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < pool->slots; i++) {
        count += pool->workers[i].process && atomic_load(&slot_of(pool, i)->begun);
    }
    return count;
}

/* Notes that a worker has not begun, or could not be started. The family may be full, the system may have no more
 * processes, or the initializer fails. While other workers do the work, starts are tried again, one at a time and more
 * and more rarely. useful: there are such workers. */
static void fail(kin_pool *pool, bool useful)
{
    uint32_t most = pool->options.max_failures,
             doubled = pool->failures < RETRY_DOUBLED ? pool->failures : RETRY_DOUBLED;
    pool->retry_at = pool->failures > 0 ? kin_os_now() + (RETRY_FIRST << (doubled - 1)) : 0;
    pool->failures++;
    if (!useful && pool->failures >= (most > 0 ? most : 4 + pool->size)) {
        pool->broken = true;
    }
}

static bool may_start(const kin_pool *pool)
{
    return !pool->options.external && !pool->ended && !pool->broken &&
           (pool->failures == 0 || kin_os_now() >= pool->retry_at || count_begun(pool) == 0);
}

static kin_status fill(kin_pool *pool)
{
    for (uint32_t i = 0; i < pool->size; i++) {
        if (pool->workers[i].process || !needs_workers(pool)) {
            continue;
        }
        kin_status status = start(pool, i);
        if (status != KIN_OK) {
            fail(pool, count_workers(pool) > 0);
            return status;
        }
        if (pool->failures > 0 && count_begun(pool) > 0) {
            return KIN_OK; /* the others are started when this one has begun */
        }
    }
    return KIN_OK;
}

kin_status kin__workers_fill(kin_pool *pool)
{
    return pool->options.external || pool->ended || pool->broken ? KIN_OK : fill(pool);
}

static bool has_room(const kin_family *family, uint32_t more)
{
    uint32_t members = kin__member_count((kin_family *)(uintptr_t)family);
    uint32_t threads = kin__thread_count((kin_family *)(uintptr_t)family);
    return members + more <= family->layout.max_members && threads + more <= family->layout.max_threads;
}

kin_status kin__workers_room(const kin_pool *pool, uint32_t size)
{
    uint32_t there = count_workers(pool), more = size > there ? size - there : 0;
    if (has_room(pool->family, more)) {
        return KIN_OK;
    }
    kin__reap_all(pool->family);
    return has_room(pool->family, more)
               ? KIN_OK
               : kin__refuse(KIN_E_LIMIT, "the family has no room for so many workers: raise options.max_members and "
                                          "max_threads when it is created");
}

/* ---- watching ---- */

bool kin__workers_left(const kin_pool *pool)
{
    return atomic_load((_Atomic uint64_t *)(uintptr_t)&pool->shared->leaves) !=
           atomic_load((_Atomic uint64_t *)(uintptr_t)&pool->leaves_seen);
}

/* To be called for a worker that has ended before it had begun. */
static void hear_last_words(kin_pool *pool, uint32_t id)
{
    kin__last_words *words = &pool->shared->last_words;
    if (atomic_load(&words->writer) != id) {
        return;
    }
    if (atomic_load(&words->ready)) {
        pool->status = (int)kin__read_u32((const uint32_t *)&words->status);
        kin__copy_in_text(pool->message, words->message, sizeof pool->message);
    }
    atomic_store(&words->ready, 0);
    atomic_store(&words->writer, 0);
}

/* Removes a worker that has ended. */
static void remove_worker(kin_pool *pool, uint32_t i)
{
    kin__worker *worker = &pool->workers[i];
    kin__worker_slot *slot = slot_of(pool, i);
    kin_exit how = {.code = 0, .signal = 0};
    kin_process_join(worker->process, KIN_NOW, &how);
    kin__hold_let_go(worker->hold);
    worker->process = NULL;
    uint64_t job = atomic_load(&slot->job), task = atomic_load(&slot->task);
    kin_future *future = kin__future_of(pool, job - 1); /* job 0: there is none with that number */
    if (future) {
        bool late = worker->late_task > 0 && worker->late_job == job && worker->late_task == task;
        kin__task_state why = late ? KIN__TASK_LATE : worker->condemned ? KIN__TASK_CANCELLED : KIN__TASK_DIED;
        kin__future_lost(future, worker->id, task - 1, how, why); /* task 0: no such task */
    }
    if (!atomic_load(&slot->begun) && !pool->ended) {
        pool->last = how;
        hear_last_words(pool, worker->id);
        fail(pool, count_begun(pool) > 0);
    }
    uint32_t id = worker->id;
    atomic_compare_exchange_strong(&pool->shared->spinner, &id, 0);
    kin__pool_wake(pool->family, pool->shared,
                   1); /* the maker may have relied on this one: see shared.h, the spinner */
    bool by_will = pool->ended || (worker->condemned && worker->late_task == 0);
    pool->died += !atomic_load(&slot->gone) && !by_will;
}

/* Kills the worker if its turn is still that one. */
static bool condemn(kin_pool *pool, uint32_t i, uint64_t turn)
{
    uint64_t condemned = turn - KIN__TURN_OPEN + KIN__TURN_CONDEMNED;
    if (KIN__TURN_PHASE(turn) != KIN__TURN_OPEN ||
        !atomic_compare_exchange_strong(&slot_of(pool, i)->turn, &turn, condemned)) {
        return false;
    }
    pool->workers[i].condemned = true;
    kin_process_kill(pool->workers[i].process);
    return true;
}

/* Kills the worker if its task takes too long. */
static void enforce_limit(kin_pool *pool, uint32_t i, int64_t now)
{
    kin__worker_slot *slot = slot_of(pool, i);
    uint64_t turn = atomic_load(&slot->turn), job = atomic_load(&slot->job), task = atomic_load(&slot->task);
    int64_t since = atomic_load(&slot->since);
    const kin_future *future = job > 0 && task > 0 ? kin__future_of(pool, job - 1) : NULL;
    if (future && future->plan.limit > 0 && since < now &&
        (uint64_t)now - (uint64_t)since > (uint64_t)future->plan.limit && condemn(pool, i, turn)) {
        pool->workers[i].late_job = job;
        pool->workers[i].late_task = task;
    }
}

void kin__workers_end(kin_pool *pool, uint64_t number)
{
    for (uint32_t i = 0; i < pool->slots; i++) {
        uint64_t turn = atomic_load(&slot_of(pool, i)->turn);
        if (pool->workers[i].process && atomic_load(&slot_of(pool, i)->job) == number + 1) {
            condemn(pool, i, turn);
        }
    }
}

static void look_at(kin_pool *pool, uint32_t i, int64_t now)
{
    kin__worker *worker = &pool->workers[i];
    kin__worker_slot *slot = slot_of(pool, i);
    if (!worker->begun && atomic_load(&slot->begun)) {
        worker->begun = true;
        pool->failures = 0;
    }
    if (!worker->condemned) {
        enforce_limit(pool, i, now);
    }
    if (i >= pool->size && !atomic_load(&slot->leave)) {
        atomic_store(&slot->leave, 1);
    }
    if (!kin_process_alive(worker->process)) {
        remove_worker(pool, i);
    }
}

static void cancel_all(kin_pool *pool)
{
    for (kin_future *f = pool->active.head; f; f = f->after) {
        kin__future_cancel(f);
    }
}

/* Stores the words that let workers go on again, from the maker's own copy: another member may have overwritten
 * them. */
static void restore_words(kin_pool *pool)
{
    uint32_t closed = pool->closed || pool->ended;
    if (atomic_load_explicit(&pool->shared->closed, memory_order_relaxed) != closed) {
        atomic_store(&pool->shared->closed, closed);
    }
}

void kin__workers_tend(kin_pool *pool)
{
    int64_t now = kin_os_now();
    atomic_store(&pool->leaves_seen, atomic_load(&pool->shared->leaves)); /* before the slots */
    restore_words(pool);
    for (uint32_t i = 0; i < pool->slots; i++) {
        if (pool->workers[i].process) {
            look_at(pool, i, now);
        }
    }
    if (pool->options.external) {
        kin__external_tend(pool);
    }
    if (may_start(pool)) {
        fill(pool);
    }
    if (pool->ended || (pool->broken && count_workers(pool) == 0)) {
        cancel_all(pool);
    }
}

void kin__workers_kill(kin_pool *pool)
{
    pool->ended = true;
    for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
        if (pool->workers[i].process) {
            kin_process_kill(pool->workers[i].process);
        }
    }
    for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
        if (pool->workers[i].process &&
            kin__process_await(pool->workers[i].process, kin_os_now() + LEAVE_PATIENCE) != KIN_E_TIMED_OUT) {
            remove_worker(pool, i);
        }
    }
    cancel_all(pool);
}
