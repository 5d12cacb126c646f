/* worker.c: a pool's worker: looks for a batch, runs its tasks, sleeps. Protocol: shared.h. */
#include "pool/worker.h"

#include "base/deadline.h"
#include "base/spin.h"
#include "family/input.h"
#include "family/member.h"
#include "family/reap.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "park/slices.h"
#include "pool/functions.h"
#include "pool/job.h"
#include "pool/outputs.h"
#include "pool/shared.h"
#include "pool/statuses.h"
#include "pool/task.h"
#include "process/arguments.h"

#include <stdlib.h>

#define LOOK_MAX (16 * KIN__JOBS) /* jobs in one search: the numbers in the arena may be garbage */
#define DEATH_PATIENCE KIN_SECONDS(2)

typedef struct worker {
    kin_family *family;
    kin__pool *pool;
    kin__worker_slot *slot;
    uint32_t id;
    uint64_t maker; /* member token */
    uint64_t left;  /* tasks that it may still run */
    uint64_t turn;  /* the slot's, OPEN or CLOSED */
    const kin_args *shared;
    const kin__service *how;
    /* the job that it looked at last: */
    uint64_t known; /* its number + 1 */
    kin__plan plan;
    const kin_task_entry *function;
    kin_args *args;
    kin_status args_status;
} worker;

/* ---- a job's arguments ---- */

void kin__worker_free_args(kin_args *args)
{
    if (args) {
        kin__args_clear(args);
        free(args);
    }
}

static void forget_args(worker *w)
{
    kin__worker_free_args(w->args);
    w->args = NULL;
}

/* Copies them to private memory first, because another process could change them while they are read. */
kin_status kin__worker_read_args(kin_args **out, kin_family *family, uint64_t at, uint64_t size)
{
    const void *there = kin__at(family, at, size, 1);
    if (!there) {
        return KIN_E_DAMAGED;
    }
    kin_args *args = calloc(1, sizeof *args);
    void *copy = malloc((size_t)size);
    kin_status status = args && copy ? KIN_OK : KIN_E_NO_MEMORY;
    if (status == KIN_OK) {
        memcpy(copy, there, (size_t)size);
        status = kin__args_parse(args, copy, (size_t)size, 0);
    }
    if (status != KIN_OK) {
        free(copy);
        free(args);
        return status;
    }
    args->block = copy;
    args->family = family;
    *out = args;
    return KIN_OK;
}

static bool know(worker *w, kin__job *job, uint64_t number)
{
    char name[KIN_TASK_NAME_MAX + 1];
    if (w->known == number + 1) {
        return true;
    }
    forget_args(w);
    w->known = 0;
    if (kin__plan_read(&w->plan, w->family, job) != KIN_OK) {
        return false;
    }
    kin__copy_in_text(name, job->function, sizeof name);
    w->function = kin__function_find(name);
    uint64_t args_size = kin__read_u64(&job->args_size);
    uint64_t args_at = kin__offset(w->family, job) + kin__read_u64(&job->args_at);
    w->args_status = args_size > 0 ? kin__worker_read_args(&w->args, w->family, args_at, args_size) : KIN_OK;
    w->known = number + 1;
    return true;
}

/* ---- turns ---- */

static void open_turn(worker *w)
{
    w->turn += KIN__TURN_NEXT;
    atomic_store_explicit(&w->slot->turn, w->turn | KIN__TURN_OPEN, memory_order_release);
}

/* Waits for the maker to kill this process. The word may also have been overwritten by another member. So the process
 * ends by itself after a while. */
static void await_death(void)
{
    kin_os_sleep_until(kin_os_now() + DEATH_PATIENCE);
    kin_os_exit_now(KIN_EXIT_START);
}

static void close_turn(worker *w)
{
    uint64_t word = w->turn | KIN__TURN_OPEN;
    if (!atomic_compare_exchange_strong(&w->slot->turn, &word, w->turn) &&
        KIN__TURN_PHASE(word) == KIN__TURN_CONDEMNED) {
        await_death();
    }
}

/* ---- running ---- */

static void report(worker *w, uint64_t task, int status, const char *message)
{
    kin__failure *failure = &w->plan.job->failure;
    uint32_t none = KIN__FAILURE_NONE;
    if (atomic_compare_exchange_strong(&failure->stage, &none, KIN__FAILURE_CLAIMED)) {
        failure->task = task;
        failure->status = status;
        memcpy(failure->message, message, sizeof failure->message);
        failure->message[sizeof failure->message - 1] = '\0';
        atomic_store(&failure->stage, KIN__FAILURE_READY);
    } else {
        kin__status_write(w->family, &w->plan, task, status);
    }
}

static int call(worker *w, kin_task *task)
{
    if (!w->function) {
        return KIN_E_ENTRY;
    }
    kin_status status = w->args_status;
    if (status == KIN_OK && w->plan.inputs && task->count == 1) {
        status = kin__input_read(&task->in, &task->in_size, w->family, &w->plan, task->index);
    }
    return status == KIN_OK ? w->function->run(task) : status;
}

/* To be called before the task's byte says that it has ended. */
static void settle_output(worker *w, const kin_task *task, int status)
{
    const kin__running *it = task->internal;
    uint64_t used = task->out_used < task->out_size ? task->out_used : task->out_size;
    if (w->plan.alone) {
        atomic_store_explicit(&w->plan.job->out_used, used, memory_order_relaxed);
    }
    if (it->has_output && status == 0) {
        kin__output_settle(w->family, &w->plan, it->number, used);
    }
}

static void run_task(worker *w, uint64_t number, uint8_t state)
{
    static const kin_args nothing;
    const kin__plan *plan = &w->plan;
    uint64_t first = number * plan->chunk, left = plan->count - first;
    kin_task task;
    kin__running running = {w->family, plan, number, false};
    task.internal = &running;
    task.in = plan->in ? plan->in + first * plan->in_size : NULL;
    task.out = plan->out ? plan->out + first * plan->out_size : NULL;
    task.in_size = (size_t)plan->in_size;
    task.out_size = task.out_used = (size_t)plan->out_size;
    task.count = (size_t)(left < plan->chunk ? left : plan->chunk);
    task.index = first;
    task.attempt = state == KIN__TASK_TODO ? 0 : state - KIN__TASK_AGAIN + 1u;
    task.args = w->args ? w->args : &nothing;
    task.shared = w->shared;
    task.message[0] = '\0';
    if (task.attempt > 0) {
        kin__output_forget(w->family, plan, number);
    }
    int status = call(w, &task);
    if (plan->limit > 0) {
        close_turn(w); /* before any word says that the task has ended */
    }
    if (status != 0) {
        report(w, number, status, task.message);
    }
    if (plan->alone || running.has_output) {
        settle_output(w, &task, status);
    }
    atomic_store_explicit(&plan->states[number], status == 0 ? KIN__TASK_DONE : KIN__TASK_FAILED, memory_order_release);
}

static bool is_to_leave(const worker *w)
{
    return w->left == 0 || atomic_load_explicit(&w->slot->leave, memory_order_relaxed) ||
           kin__interrupt_pending(w->how->by);
}

/* Whether the batch is still this worker's. */
static void end_batch(worker *w)
{
    if (w->plan.limit == 0) {
        close_turn(w);
    }
    atomic_store_explicit(&w->slot->task, 0, memory_order_release);
}

/* A worker that has to leave gives the rest of the batch back. */
static void run_batch(worker *w, uint64_t batch)
{
    const kin__plan *plan = &w->plan;
    const bool limited = plan->limit > 0;
    if (!limited) {
        open_turn(w);
    }
    for (uint64_t task = batch * plan->batch; task < kin__batch_end(plan, batch); task++) {
        uint8_t state = atomic_load_explicit(&plan->states[task], memory_order_relaxed);
        if (!kin__task_todo(state)) {
            continue;
        }
        if (atomic_load_explicit(&plan->job->cancelled, memory_order_relaxed)) {
            atomic_store_explicit(&plan->states[task], KIN__TASK_CANCELLED, memory_order_relaxed);
            continue;
        }
        if (is_to_leave(w)) {
            end_batch(w);
            kin__batch_reopen(w->family, w->pool, plan, batch);
            return;
        }
        atomic_store_explicit(&w->slot->task, task + 1, memory_order_release);
        if (limited) {
            atomic_store_explicit(&w->slot->since, kin_os_now(), memory_order_release);
            open_turn(w);
        }
        run_task(w, task, state);
        w->left--;
    }
    end_batch(w);
    kin__batch_finish(w->family, plan, batch);
}

/* ---- looking for a batch ---- */

static bool take_from(worker *w, kin__job *job, uint64_t number)
{
    if (!know(w, job, number)) {
        return false;
    }
    const kin__plan *plan = &w->plan;
    while (atomic_load_explicit(&job->next, memory_order_relaxed) < plan->batches) {
        uint64_t batch = atomic_fetch_add(&job->next, 1);
        uint32_t free = KIN__BATCH_FREE;
        if (batch < plan->batches && atomic_compare_exchange_strong(&plan->owners[batch], &free, w->id)) {
            run_batch(w, batch);
            return true;
        }
    }
    return false;
}

/* Runs one batch, if there is one. */
static bool work(worker *w)
{
    uint64_t posted = atomic_load(&w->pool->posted) >> 1, first = atomic_load(&w->pool->first);
    for (uint64_t number = first; number < posted && number - first < LOOK_MAX; number++) {
        atomic_store(&w->slot->job, number + 1);
        kin__job *job = kin__job_at(w->family, w->pool, number);
        if (job && take_from(w, job, number)) {
            return true;
        }
        uint64_t passed = number;
        atomic_compare_exchange_strong(&w->pool->first, &passed, number + 1);
    }
    atomic_store(&w->slot->job, 0);
    return false;
}

/* ---- waiting for work ---- */

static bool spin(worker *w, uint64_t seen)
{
    uint32_t none = 0;
    if (!atomic_compare_exchange_strong(&w->pool->spinner, &none, w->id)) {
        return false;
    }
    bool changed = kin__spin(&w->pool->posted, seen, &w->pool->spin);
    uint32_t mine = w->id;
    return !atomic_compare_exchange_strong(&w->pool->spinner, &mine, 0) || changed;
}

/* Whether there may be a FREE batch, by the hints. The slot names its job until forget_job. */
static _Atomic uint64_t *find_work(worker *w)
{
    kin__plan plan;
    uint64_t posted = atomic_load(&w->pool->posted) >> 1, first = atomic_load(&w->pool->first);
    for (uint64_t number = first; number < posted && number - first < LOOK_MAX; number++) {
        atomic_store(&w->slot->job, number + 1);
        kin__job *job = kin__job_at(w->family, w->pool, number);
        if (!job || kin__plan_read(&plan, w->family, job) != KIN_OK) {
            continue;
        }
        for (uint64_t i = atomic_load(&job->next); i < plan.batches; i++) {
            if (atomic_load(&plan.owners[i]) == KIN__BATCH_FREE) {
                return &job->next;
            }
        }
    }
    return NULL;
}

static void forget_job(worker *w)
{
    atomic_store(&w->slot->job, 0);
}

/* Whether the worker must not sleep. seen: the value of `posted` before the last search for work. */
static bool is_called(const worker *w, uint64_t seen)
{
    uint64_t posted = atomic_load(&w->pool->posted) >> 1;
    return posted != seen >> 1 || atomic_load(&w->pool->first) < posted || atomic_load(&w->pool->closed) ||
           atomic_load(&w->slot->leave);
}

/* To be called at the end of a slice without a wake-up. */
static void look_for_forgotten(worker *w, kin__seat *seat)
{
    _Atomic uint64_t *hint = find_work(w);
    if (hint) {
        kin__slices_forgotten(seat, hint);
    }
    forget_job(w);
}

/* Returns whether it was woken, or did not have to sleep. */
static bool sleep_a_slice(worker *w, kin__seat *seat, kin__slices *slices, uint64_t seen)
{
    kin__slices_begin(seat, slices, &w->pool->posted, 1);
    atomic_fetch_or(&w->pool->posted, KIN__FLAG);
    bool called = is_called(w, seen);
    if (!called && !kin__slices_sleep(seat, slices)) {
        look_for_forgotten(w, seat);
    }
    return kin__park_end(seat) || called || is_called(w, seen);
}

/* KIN_E_CLOSED: the maker is gone, no more work will come. KIN_E_TIMED_OUT, KIN_E_INTERRUPTED: as w->how says. */
static kin_status sleep_for_work(worker *w, uint64_t seen)
{
    kin__seat *seat;
    if (w->how->timeout > 0 && spin(w, seen)) {
        return KIN_OK;
    }
    kin_status status = kin__seat_take(&seat, w->family);
    kin__slices slices = kin__slices_of(kin__deadline(w->how->timeout), false);
    slices.by = w->how->by;
    while (status == KIN_OK && !sleep_a_slice(w, seat, &slices, seen)) {
        status = !kin__member_token_alive(w->family, w->maker) ? KIN_E_CLOSED
                 : kin_os_now() >= slices.deadline             ? KIN_E_TIMED_OUT
                                                               : KIN_OK;
    }
    if (slices.dead) {
        kin__reap_all(w->family);
    }
    return kin__slices_status(&slices, status);
}

/* KIN_OK: the pool is closed, or the worker has to leave. */
static kin_status work_on(worker *w)
{
    kin_status status = KIN_OK;
    while (status == KIN_OK && !is_to_leave(w)) {
        uint64_t seen = atomic_load(&w->pool->posted);
        bool closed = atomic_load(&w->pool->closed) != 0;
        if (work(w)) {
            continue;
        }
        if (closed) {
            return KIN_OK;
        }
        status = sleep_for_work(w, seen);
    }
    return status == KIN_OK && kin__interrupt_pending(w->how->by) ? kin__interrupt_tell(w->how->by) : status;
}

/* Wakes the maker's threads that sleep on the job at that place, if there is one. */
static void wake_waiters(worker *w, uint32_t place)
{
    uint64_t offset = atomic_load(&w->pool->jobs[place]);
    kin__job *job = offset != 0 ? kin__at(w->family, offset, sizeof *job, _Alignof(kin__job)) : NULL;
    uint64_t number = job ? kin__read_u64(&job->number) : 0;
    atomic_store(&w->slot->job, number + 1);
    if (job && kin__job_at(w->family, w->pool, number) == job && (atomic_load(&job->finished) & KIN__FLAG)) {
        kin__unpark_flagged(w->family, &job->finished, KIN__FLAG, KIN__ALL);
    }
}

/* Wakes another worker, which takes the work that this one may have been woken for. Wakes the maker, which replaces
 * this one. */
static void leave(worker *w)
{
    atomic_store(&w->slot->gone, 1);
    atomic_fetch_add(&w->pool->leaves, 1);
    kin__pool_wake(w->family, w->pool, 1);
    uint64_t posted = atomic_load(&w->pool->posted) >> 1;
    for (uint32_t place = 0; place < KIN__JOBS && place < posted; place++) {
        if (atomic_load(&w->pool->jobs[place]) != 0) {
            wake_waiters(w, place);
        }
    }
    atomic_store(&w->slot->job, 0);
}

static void tell_failure(const worker *w, int status, const char *message)
{
    kin__last_words *words = &w->pool->last_words;
    uint32_t nobody = 0;
    if (!kin__read_u32(&w->pool->external) && atomic_compare_exchange_strong(&words->writer, &nobody, w->id)) {
        words->status = status;
        memcpy(words->message, message, sizeof words->message);
        atomic_store(&words->ready, 1);
    }
}

/* Returns what it returns; task->message says why. */
static int initialize(const worker *w, kin_task *task)
{
    static const kin_args nothing;
    char name[KIN_TASK_NAME_MAX + 1];
    *task = (kin_task){.count = 0, .args = &nothing, .shared = w->shared};
    kin__copy_in_text(name, w->pool->initializer, sizeof name);
    if (name[0] == '\0') {
        return 0;
    }
    const kin_task_entry *function = kin__function_find(name);
    return function ? function->run(task) : KIN_E_ENTRY;
}

kin_status kin__worker_serve(const kin__service *how, kin_task *initial, int *failed)
{
    kin__worker_slot *slot = &how->pool->slots[how->slot];
    worker w = {.family = how->family, .pool = how->pool, .slot = slot, .id = how->id, .shared = how->shared};
    w.how = how;
    w.maker = kin__read_u64(&how->pool->maker);
    w.left = how->max_tasks > 0 ? how->max_tasks : UINT64_MAX;
    *failed = initialize(&w, initial);
    if (*failed) {
        tell_failure(&w, *failed, initial->message);
        return KIN_E_TASK;
    }
    atomic_store(&slot->begun, 1);
    kin_status status = work_on(&w);
    leave(&w);
    forget_args(&w);
    return status;
}

static int run(const kin_args *args)
{
    void *memory;
    const void *bytes;
    size_t size, room;
    uint32_t order[2]; /* slot, id */
    if (kin_args_get_object(&memory, args, KIN__WORKER_POOL, KIN_TYPE_MEMORY) != KIN_OK ||
        kin_alloc_size(memory, &room) != KIN_OK || room < sizeof(kin__pool) + KIN__LINE_SLACK ||
        kin_args_get_bytes(&bytes, &size, args, KIN__WORKER_SLOT) != KIN_OK || size != sizeof order) {
        return KIN_EXIT_START;
    }
    memcpy(order, bytes, sizeof order);
    kin_family *family = kin_args_family(args);
    if (!kin__at(family, kin__offset(family, memory), sizeof(kin__pool) + KIN__LINE_SLACK, 1)) {
        return KIN_EXIT_START;
    }
    kin__pool *pool = kin__line(memory);
    if (order[0] >= KIN_POOL_WORKERS_MAX) {
        return KIN_EXIT_START;
    }
    kin__seat *seat; /* if the family has no room, the worker ends at once, and its exit code says so to the maker */
    if (kin__seat_take(&seat, family) != KIN_OK) {
        return KIN_EXIT_START;
    }
    kin__service how = {.family = family, .pool = pool, .slot = order[0], .id = order[1], .shared = args};
    how.max_tasks = kin__read_u64(&pool->max_tasks);
    how.timeout = KIN_FOREVER;
    kin_task initial;
    int failed;
    if (kin__worker_serve(&how, &initial, &failed) == KIN_E_TASK) {
        return failed & 0xff ? failed & 0xff : 1;
    }
    return 0;
}

const kin_child_entry kin__worker_entry = {KIN__WORKER_ENTRY, run};
