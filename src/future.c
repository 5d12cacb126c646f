/* future.c: work given to a pool, and waiting for it: the maker's side of jobs. Protocol: pool.h. */
#include "park.h"
#include "pool.h"

#include "kin/memory.h"

#include <stdlib.h>

#define TASKS_PER_WORKER 16u
#define BATCHES_PER_WORKER 32u
#define BATCH_MAX 256u
#define ALIGN_UP(n, to) (((n) + ((to)-1)) / (to) * (to))

/* ---- lists ---- */

static void link_to(kin__list *list, kin_future *future)
{
    future->list = list;
    future->before = NULL;
    future->after = list->head;
    if (list->head) {
        list->head->before = future;
    }
    list->head = future;
}

static void unlink_from(kin_future *future)
{
    if (!future->list) {
        return;
    }
    if (future->before) {
        future->before->after = future->after;
    } else {
        future->list->head = future->after;
    }
    if (future->after) {
        future->after->before = future->before;
    }
    future->list = NULL;
}

/* ---- making a job ---- */

typedef struct layout { /* offsets from the job */
    uint64_t in, out, args, args_size, owners, states, size;
} layout;

static bool add(uint64_t *at, uint64_t count, uint64_t size)
{
    if (size > 0 && count > (UINT64_C(1) << 40) / size) {
        return false;
    }
    *at += ALIGN_UP(count * size, 16);
    return true;
}

static bool lay_out(layout *out, const kin__plan *plan, const kin_work *work)
{
    kin__writer measure = {NULL, 0, 0};
    uint64_t at = sizeof(kin__job);
    if (work->args && work->args->count > 0) {
        kin__args_write(&measure, work->args);
    }
    out->args_size = measure.used;
    out->in = at;
    bool fits = add(&at, plan->alone ? 1 : 0, plan->in_size);
    out->out = at;
    fits = fits && add(&at, plan->alone ? 1 : 0, plan->out_size);
    out->args = at;
    fits = fits && add(&at, 1, out->args_size);
    out->owners = at;
    fits = fits && add(&at, plan->batches, sizeof(uint32_t));
    out->states = at;
    fits = fits && add(&at, plan->tasks, 1);
    out->size = at;
    return fits;
}

static uint64_t share(uint64_t count, uint64_t parts)
{
    return count / parts > 0 ? count / parts : 1;
}

static void divide(kin__plan *out, const kin_pool *pool, const kin_work *work)
{
    out->alone = work->count == 0;
    out->count = out->alone ? 1 : work->count;
    out->chunk =
        work->chunk > 0 && !out->alone ? work->chunk : share(out->count, (uint64_t)pool->workers * TASKS_PER_WORKER);
    out->tasks = (out->count - 1) / out->chunk + 1;
    out->batch = share(out->tasks, (uint64_t)pool->workers * BATCHES_PER_WORKER);
    out->batch = out->batch < BATCH_MAX ? out->batch : BATCH_MAX;
    out->batches = (out->tasks - 1) / out->batch + 1;
    out->in_size = work->in_size;
    out->out_size = work->out_size;
    out->limit = work->limit;
}

static void fill_job(kin__job *job, const kin_pool *pool, const kin__plan *plan, const kin_work *work,
                     const layout *where)
{
    uint64_t at = kin__offset(pool->family, job);
    job->number = plan->number;
    memcpy(job->function, work->function, strlen(work->function));
    job->count = plan->count;
    job->chunk = plan->chunk;
    job->tasks = plan->tasks;
    job->batch = plan->batch;
    job->batches = plan->batches;
    job->in_size = plan->in_size;
    job->out_size = plan->out_size;
    job->limit = plan->limit;
    job->alone = plan->alone;
    job->in = plan->alone ? at + where->in : work->in ? kin__offset(pool->family, work->in) : 0;
    job->out = plan->alone ? at + where->out : work->out ? kin__offset(pool->family, work->out) : 0;
    job->batches_at = where->owners;
    job->states_at = where->states;
    job->args_at = where->args;
    job->args_size = where->args_size;
    if (plan->alone && plan->in_size > 0) {
        memcpy(kin__pointer(pool->family, job->in), work->in, (size_t)plan->in_size);
    }
    if (where->args_size > 0) {
        kin__writer out = {(unsigned char *)job + where->args, (size_t)where->args_size, 0};
        kin__args_write(&out, work->args);
    }
    atomic_store(&job->want, plan->batches);
}

static kin_status make_job(kin_future *future, const kin_work *work)
{
    kin_pool *pool = future->pool;
    layout where;
    divide(&future->plan, pool, work);
    if (!lay_out(&where, &future->plan, work) || where.size > UINT32_MAX - 64) {
        return KIN_E_TOO_BIG;
    }
    kin_status status = kin_alloc(&future->memory, pool->family, (size_t)where.size + 63);
    if (status != KIN_OK) {
        return status;
    }
    kin__job *job = (void *)ALIGN_UP((uintptr_t)future->memory, 64);
    fill_job(job, pool, &future->plan, work, &where);
    status = kin__plan_read(&future->plan, pool->family, job);
    if (status != KIN_OK) {
        kin_free(future->memory);
    }
    return status;
}

/* ---- checking what is asked ---- */

static bool array_sound(const kin_pool *pool, const void *array, size_t count, size_t size)
{
    return size == 0 || (array && count <= SIZE_MAX / size && kin__family_at(array) == pool->family &&
                         kin__family_covers(pool->family, kin__offset(pool->family, array), (uint64_t)count * size));
}

static kin_status check(const kin_pool *pool, const kin_work *work)
{
    if (!work || work->size != sizeof *work || !work->function || work->limit < 0 || work->retries > KIN__RETRIES_MAX ||
        (work->count == 0 && !work->in && work->in_size > 0)) {
        return KIN_E_ARGUMENT;
    }
    if (!kin__function_find(work->function)) {
        return KIN_E_ENTRY;
    }
    if (work->args && (work->args->handle_count > 0 || work->args->family != pool->family)) {
        return work->args->handle_count > 0 ? KIN_E_UNSUPPORTED : KIN_E_FAMILY;
    }
    if (work->count > 0 && (!array_sound(pool, work->in, work->count, work->in_size) ||
                            !array_sound(pool, work->out, work->count, work->out_size))) {
        return KIN_E_FAMILY;
    }
    return KIN_OK;
}

static kin_status check_open(const kin_pool *pool)
{
    return pool->broken ? KIN_E_WORKER_DIED : pool->closed || pool->ended ? KIN_E_CLOSED : KIN_OK;
}

/* ---- posting ---- */

/* The next number whose place is free: a work that takes long keeps its own. */
static bool find_number(const kin_pool *pool, uint64_t *number)
{
    for (uint64_t end = *number + KIN__JOBS; *number < end; (*number)++) {
        if (atomic_load(&pool->shared->jobs[*number % KIN__JOBS]) == 0) {
            return true;
        }
    }
    return false;
}

/* The spinner, if there is one, takes a batch uncalled. */
static void call_workers(const kin_future *future)
{
    kin_pool *pool = future->pool;
    uint64_t useful = future->plan.batches < pool->workers ? future->plan.batches : pool->workers;
    uint32_t spinner = atomic_load(&pool->shared->spinner);
    if (spinner != 0 && atomic_compare_exchange_strong(&pool->shared->spinner, &spinner, 0)) {
        useful--;
    }
    if (useful > 0) {
        kin__pool_call(pool->family, pool->shared, (uint32_t)useful);
    }
}

/* Under turn. KIN_E_BUSY: no room. */
static kin_status post(kin_future *future, const kin_work *work)
{
    kin_pool *pool = future->pool;
    kin__pool *shared = pool->shared;
    uint64_t number = pool->posted;
    kin_status status = check_open(pool);
    if (status == KIN_OK && !find_number(pool, &number)) {
        status = KIN_E_BUSY;
    }
    if (status != KIN_OK) {
        return status;
    }
    future->plan.number = number;
    status = make_job(future, work);
    if (status != KIN_OK) {
        return status;
    }
    link_to(&pool->active, future);
    atomic_store(&shared->jobs[number % KIN__JOBS], kin__offset(pool->family, future->plan.job));
    atomic_fetch_add(&shared->posted, (number + 1 - pool->posted) * 2);
    pool->posted = number + 1;
    call_workers(future);
    return KIN_OK;
}

static kin_status post_until(kin_future *future, const kin_work *work, int64_t deadline)
{
    for (;;) {
        kin_status status = kin__pool_enter(future->pool);
        if (status != KIN_OK) {
            return status;
        }
        status = post(future, work);
        kin__pool_leave(future->pool);
        if (status != KIN_E_BUSY) {
            return status;
        }
        int64_t now = kin_os_now();
        if (now >= deadline) {
            return KIN_E_TIMED_OUT;
        }
        kin_os_sleep_until(kin__slice_end(now, KIN_MS(1), deadline));
        kin__pool_tend(future->pool, true);
    }
}

kin_status kin_pool_submit(kin_future **out, kin_pool *pool, const kin_work *work, int64_t timeout)
{
    if (!out || !pool || timeout < 0) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = check(pool, work);
    if (status != KIN_OK) {
        return status;
    }
    kin_future *future = calloc(1, sizeof *future);
    if (!future) {
        return KIN_E_NO_MEMORY;
    }
    future->pool = pool;
    future->work = *work;
    status = post_until(future, work, kin__deadline(timeout));
    if (status != KIN_OK) {
        free(future);
        return status;
    }
    *out = future;
    return KIN_OK;
}

/* ---- how it stands ---- */

/* One that died in between may not have been counted: then all_done tells. */
static bool counted_done(const kin_future *future)
{
    return atomic_load(&future->plan.job->finished) >> 1 >= future->plan.batches;
}

/* Under turn. */
static bool all_done(kin_future *future)
{
    const kin__plan *plan = &future->plan;
    if (counted_done(future)) {
        return true;
    }
    while (future->looked < plan->batches && atomic_load(&plan->owners[future->looked]) == KIN__BATCH_DONE) {
        future->looked++;
    }
    return future->looked == plan->batches;
}

/* It needs its place among the jobs no more. */
static void settle(kin_future *future)
{
    kin_pool *pool = future->pool;
    unlink_from(future);
    future->ended = true;
    atomic_store(&pool->shared->jobs[future->plan.number % KIN__JOBS], 0);
    if (future->work.finished) {
        link_to(&pool->news, future);
    }
}

bool kin__future_open(const kin_future *future)
{
    const kin__plan *plan = &future->plan;
    for (uint64_t i = 0; i < plan->batches; i++) {
        if (atomic_load_explicit(&plan->owners[i], memory_order_relaxed) == KIN__BATCH_FREE) {
            return true;
        }
    }
    return false;
}

kin_future *kin__future_of(kin_pool *pool, uint64_t number)
{
    for (kin_future *f = pool->active.head; f; f = f->after) {
        if (f->plan.number == number) {
            return f;
        }
    }
    return NULL;
}

/* A hint was raised again by who had not seen a batch come back. */
static void show_again(kin_future *future)
{
    kin__pool *shared = future->pool->shared;
    const kin__plan *plan = &future->plan;
    bool passed = atomic_load(&shared->first) > plan->number || atomic_load(&plan->job->next) >= plan->batches;
    for (uint64_t i = 0; passed && i < plan->batches; i++) {
        if (atomic_load_explicit(&plan->owners[i], memory_order_relaxed) == KIN__BATCH_FREE) {
            kin__batch_show(future->pool->family, shared, plan, i);
            return;
        }
    }
}

static void free_job(kin_future *future)
{
    kin_free(future->memory);
    free(future->marks);
    free(future);
}

/* It is closed: freed now, or when no worker looks at its job any more. */
static void give_up(kin_future *future)
{
    unlink_from(future);
    if (kin__crew_looks_at(future->pool, future->plan.number)) {
        link_to(&future->pool->dead, future);
    } else {
        free_job(future);
    }
}

void kin__futures_tend(kin_pool *pool)
{
    for (kin_future *f = pool->active.head, *next; f; f = next) {
        next = f->after;
        if (all_done(f)) {
            settle(f);
        } else {
            show_again(f);
        }
    }
    for (kin_future *f = pool->dead.head, *next; f; f = next) {
        next = f->after;
        if (!kin__crew_looks_at(pool, f->plan.number)) {
            unlink_from(f);
            free_job(f);
        }
    }
}

kin_future *kin__future_news(kin_pool *pool)
{
    kin_future *future = pool->news.head;
    if (future) {
        unlink_from(future);
        future->telling = true;
    }
    return future;
}

void kin__future_told(kin_future *future)
{
    future->telling = false;
    if (future->abandoned) {
        give_up(future);
    }
}

/* ---- trouble ---- */

static void note_death(kin_future *future, uint64_t task, kin_exit how, bool late)
{
    if (future->troubled) {
        return;
    }
    future->troubled = true;
    future->trouble = (kin_outcome){.task = task, .status = late ? KIN_E_TIMED_OUT : KIN_E_WORKER_DIED, .worker = how};
}

/* A task that killed its worker is tried again, or has died. */
static void settle_task(kin_future *future, uint64_t task, kin_exit how, bool late)
{
    _Atomic uint8_t *state = &future->plan.states[task];
    uint8_t seen = atomic_load(state);
    if (!kin__task_todo(seen)) {
        return;
    }
    uint32_t deaths = seen == KIN__TASK_TODO ? 1 : seen - KIN__TASK_AGAIN + 2u;
    if (deaths <= future->work.retries && !atomic_load(&future->plan.job->cancelled)) {
        atomic_store(state, (uint8_t)(KIN__TASK_AGAIN + deaths - 1));
        return;
    }
    note_death(future, task, how, late);
    atomic_store(state, KIN__TASK_DIED);
}

void kin__future_lost(kin_future *future, uint32_t id, uint64_t task, kin_exit how, bool late)
{
    kin_pool *pool = future->pool;
    const kin__plan *plan = &future->plan;
    for (uint64_t i = 0; i < plan->batches; i++) {
        if (atomic_load(&plan->owners[i]) == id) {
            if (task < plan->tasks && task / plan->batch == i) {
                settle_task(future, task, how, late);
            }
            kin__batch_reopen(pool->family, pool->shared, plan, i);
        }
    }
}

void kin__future_cancel(kin_future *future)
{
    const kin__plan *plan = &future->plan;
    atomic_store(&plan->job->cancelled, 1);
    for (uint64_t i = 0; i < plan->batches; i++) {
        uint32_t free = KIN__BATCH_FREE;
        if (!atomic_compare_exchange_strong(&plan->owners[i], &free, KIN__BATCH_CANCELLING)) {
            continue;
        }
        for (uint64_t task = i * plan->batch; task < kin__batch_end(plan, i); task++) {
            if (kin__task_todo(atomic_load(&plan->states[task]))) {
                atomic_store(&plan->states[task], KIN__TASK_CANCELLED);
            }
        }
        kin__batch_finish(future->pool->family, plan, i);
    }
}

/* ---- waiting ---- */

/* Until so many batches are done, at most until end. */
static void sleep_until_done(kin_future *future, uint64_t want, int64_t end)
{
    kin__job *job = future->plan.job;
    kin__seat *seat;
    uint64_t seen = atomic_load(&job->finished);
    if (seen >> 1 >= want || (future->plan.batches == 1 && kin__spin(&job->finished, seen, &job->spin))) {
        return;
    }
    if (kin__seat_take(&seat, future->pool->family) != KIN_OK) {
        kin_os_sleep_until(kin__slice_end(kin_os_now(), KIN_MS(1), end));
        return;
    }
    atomic_store(&job->want, want);
    kin__park_begin(seat, &job->finished, 1);
    if (atomic_fetch_or(&job->finished, KIN__FLAG) >> 1 < want) {
        kin__park_sleep(seat, end);
    }
    kin__park_end(seat);
}

static bool ended_now(kin_future *future)
{
    if (!future->ended && counted_done(future) && kin__pool_enter(future->pool) == KIN_OK) {
        if (!future->ended) {
            settle(future);
        }
        kin__pool_leave(future->pool);
    }
    return future->ended;
}

static uint64_t items_done(const kin_future *future)
{
    const kin__plan *plan = &future->plan;
    uint64_t items = (atomic_load(&plan->job->finished) >> 1) * plan->batch * plan->chunk;
    return items < plan->count ? items : plan->count;
}

static void tell_progress(kin_future *future)
{
    uint64_t done = items_done(future);
    if (future->work.progress && (done != future->told || done == 0)) {
        future->told = done;
        future->work.progress(future->work.context, done, future->plan.count);
    }
}

static bool wait_until(kin_future *future, int64_t deadline)
{
    while (!ended_now(future)) {
        int64_t now = kin_os_now();
        if (now >= deadline) {
            kin__pool_tend(future->pool, false);
            return ended_now(future);
        }
        tell_progress(future);
        sleep_until_done(future, future->plan.batches, kin__slice_end(now, KIN__POOL_SLICE, deadline));
        if (!counted_done(future)) {
            kin__pool_tend(future->pool, true);
        }
    }
    tell_progress(future);
    return true;
}

static void count_states(kin_outcome *out, const kin_future *future)
{
    const kin__plan *plan = &future->plan;
    uint64_t counts[KIN__TASK_AGAIN + 1] = {0};
    for (uint64_t i = 0; i < plan->tasks; i++) {
        uint8_t state = atomic_load_explicit(&plan->states[i], memory_order_relaxed);
        counts[state < KIN__TASK_AGAIN ? state : KIN__TASK_AGAIN]++;
    }
    out->tasks = plan->tasks;
    out->done = counts[KIN__TASK_DONE];
    out->failed = counts[KIN__TASK_FAILED];
    out->died = counts[KIN__TASK_DIED];
    out->cancelled = counts[KIN__TASK_CANCELLED];
    out->unfinished = counts[KIN__TASK_TODO] + counts[KIN__TASK_AGAIN];
}

static void describe(kin_outcome *out, kin_future *future)
{
    const kin__trouble *trouble = &future->plan.job->trouble;
    size_t size = out->size;
    *out = (kin_outcome){0};
    if (future->troubled) {
        *out = future->trouble;
    } else if (atomic_load((_Atomic uint32_t *)(uintptr_t)&trouble->stage) == KIN__TROUBLE_READY) {
        out->task = trouble->task;
        out->status = trouble->status;
        memcpy(out->message, trouble->message, sizeof out->message);
        out->message[sizeof out->message - 1] = '\0';
    }
    out->size = size;
    count_states(out, future);
    if (out->status == 0 && out->failed > 0) {
        out->status = KIN_E_TASK; /* who was to say more died of its next task */
    }
}

static kin_status verdict(kin_future *future)
{
    kin_outcome outcome = {.size = sizeof outcome};
    count_states(&outcome, future);
    return outcome.failed > 0      ? KIN_E_TASK
           : outcome.died > 0      ? KIN_E_WORKER_DIED
           : outcome.cancelled > 0 ? (future->pool->broken ? KIN_E_WORKER_DIED : KIN_E_CANCELLED)
                                   : KIN_OK;
}

/* In a forked child it is not. */
static bool is_makers(const kin_future *future)
{
    return kin__member_token(future->pool->family) == future->pool->shared->maker;
}

kin_status kin_future_wait(kin_future *future, int64_t timeout)
{
    if (!future || timeout < 0) {
        return KIN_E_ARGUMENT;
    }
    if (!is_makers(future)) {
        return KIN_E_NOT_OWNER;
    }
    kin_pool *pool = future->pool;
    bool ended = wait_until(future, timeout == KIN_NOW ? 0 : kin__deadline(timeout)), told = future->work.finished;
    kin_status status = ended ? verdict(future) : KIN_E_TIMED_OUT;
    if (ended && told) {
        kin__pool_tend(pool, true);
    }
    return status;
}

int kin_future_ready(kin_future *future)
{
    return future && is_makers(future) && wait_until(future, 0);
}

kin_status kin_future_get(kin_future *future, const void **result, size_t *size, int64_t timeout)
{
    if (!future || !result || timeout < 0) {
        return KIN_E_ARGUMENT;
    }
    if (!future->plan.alone) {
        return KIN_E_UNSUPPORTED;
    }
    kin_status status = kin_future_wait(future, timeout);
    if (status == KIN_OK) {
        uint64_t used = atomic_load(&future->plan.job->out_used);
        *result = future->plan.out;
        if (size) {
            *size = (size_t)(used < future->plan.out_size ? used : future->plan.out_size);
        }
    }
    return status;
}

kin_status kin_future_inspect(kin_future *future, kin_outcome *outcome)
{
    if (!future || !outcome || outcome->size != sizeof *outcome) {
        return KIN_E_ARGUMENT;
    }
    if (!is_makers(future)) {
        return KIN_E_NOT_OWNER;
    }
    describe(outcome, future);
    return KIN_OK;
}

/* ---- one after the other ---- */

static bool is_marked(const kin_future *future, uint64_t task)
{
    return future->marks && (future->marks[task / 8] >> task % 8 & 1);
}

/* A task that has ended and has not been given; tasks if there is none now. */
static uint64_t find_next(kin_future *future, bool in_order)
{
    const kin__plan *plan = &future->plan;
    while (future->given < plan->tasks && is_marked(future, future->given)) {
        future->given++;
    }
    uint64_t end = in_order && future->given < plan->tasks ? future->given + 1 : plan->tasks;
    for (uint64_t task = future->given; task < end; task++) {
        if (!is_marked(future, task) && !kin__task_todo(atomic_load(&plan->states[task]))) {
            return task;
        }
    }
    return plan->tasks;
}

static int status_of(kin_future *future, uint64_t task)
{
    const kin__trouble *trouble = &future->plan.job->trouble;
    switch (atomic_load(&future->plan.states[task])) {
    case KIN__TASK_DONE:
        return KIN_OK;
    case KIN__TASK_FAILED:
        return atomic_load((_Atomic uint32_t *)(uintptr_t)&trouble->stage) == KIN__TROUBLE_READY &&
                       trouble->task == task
                   ? trouble->status
                   : KIN_E_TASK;
    case KIN__TASK_DIED:
        return future->troubled && future->trouble.task == task ? future->trouble.status : KIN_E_WORKER_DIED;
    default:
        return KIN_E_CANCELLED;
    }
}

static kin_status wait_for_next(kin_future *future, uint64_t *task, bool in_order, int64_t deadline)
{
    for (;;) {
        uint64_t done = atomic_load(&future->plan.job->finished) >> 1;
        *task = find_next(future, in_order);
        if (*task < future->plan.tasks) {
            return KIN_OK;
        }
        int64_t now = kin_os_now();
        if (future->given >= future->plan.tasks) {
            return KIN_E_NOT_FOUND;
        }
        if (now >= deadline) {
            return KIN_E_TIMED_OUT;
        }
        sleep_until_done(future, done + 1, kin__slice_end(now, KIN__POOL_SLICE, deadline));
        kin__pool_tend(future->pool, false);
        ended_now(future);
    }
}

kin_status kin_future_next(kin_future *future, int in_order, uint64_t *first, uint64_t *count, int *status,
                           int64_t timeout)
{
    uint64_t task;
    if (!future || !first || !count || timeout < 0) {
        return KIN_E_ARGUMENT;
    }
    if (!is_makers(future)) {
        return KIN_E_NOT_OWNER;
    }
    const kin__plan *plan = &future->plan;
    if (!in_order && !future->marks && !(future->marks = calloc((size_t)plan->tasks / 8 + 1, 1))) {
        return KIN_E_NO_MEMORY;
    }
    kin_status result = wait_for_next(future, &task, in_order != 0, timeout == KIN_NOW ? 0 : kin__deadline(timeout));
    if (result != KIN_OK) {
        return result;
    }
    if (in_order) {
        future->given++;
    } else {
        future->marks[task / 8] |= (uint8_t)(1u << task % 8);
    }
    *first = task * plan->chunk;
    *count = plan->count - *first < plan->chunk ? plan->count - *first : plan->chunk;
    if (status) {
        *status = status_of(future, task);
    }
    return KIN_OK;
}

/* ---- the end ---- */

kin_status kin_future_cancel(kin_future *future)
{
    if (!future) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin__pool_enter(future->pool);
    if (status != KIN_OK) {
        return status;
    }
    if (!future->ended) {
        kin__future_cancel(future);
    }
    kin__pool_leave(future->pool);
    return ended_now(future) ? KIN_OK : KIN_E_BUSY;
}

void kin_future_close(kin_future *future)
{
    if (!future || kin__pool_enter(future->pool) != KIN_OK) { /* a forked child's copy: not its own */
        return;
    }
    kin_pool *pool = future->pool;
    future->work.progress = NULL;
    if (!future->telling) {
        future->work.finished = NULL;
    }
    if (!future->ended) {
        kin__future_cancel(future);
    }
    kin__pool_leave(pool);
    wait_until(future, KIN_OS_NEVER);
    if (kin__pool_enter(pool) == KIN_OK) {
        future->abandoned = true;
        if (!future->telling) {
            give_up(future);
        }
        kin__pool_leave(pool);
    }
}

kin_status kin_pool_map(kin_pool *pool, const kin_work *work, kin_outcome *outcome, int64_t timeout)
{
    kin_future *future;
    int64_t deadline = timeout < 0 ? 0 : kin__deadline(timeout);
    if (outcome && outcome->size != sizeof *outcome) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin_pool_submit(&future, pool, work, timeout);
    if (status != KIN_OK) {
        return status;
    }
    int64_t now = timeout == KIN_FOREVER ? 0 : kin_os_now();
    status = kin_future_wait(future, timeout == KIN_FOREVER ? timeout : deadline > now ? deadline - now : 0);
    if (status == KIN_OK && work->count == 0 && work->out) {
        memcpy(work->out, future->plan.out, work->out_size);
    }
    if (status == KIN_E_TIMED_OUT) {
        kin_future_cancel(future);
        wait_until(future, KIN_OS_NEVER);
    }
    if (outcome) {
        describe(outcome, future);
    }
    kin_future_close(future);
    return status;
}
