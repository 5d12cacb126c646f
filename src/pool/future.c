/* future.c: how work given to a pool stands, and waiting for it. How it is given: submit.c. Protocol: pool.h. */
#include "park/park.h"
#include "pool/shared.h"

#include "kin/memory.h"

#include <stdlib.h>

/* ---- lists ---- */

void kin__list_add(kin__list *list, kin_future *future)
{
    future->list = list;
    future->before = NULL;
    future->after = list->head;
    if (list->head) {
        list->head->before = future;
    }
    list->head = future;
}

void kin__list_remove(kin_future *future)
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
    kin__list_remove(future);
    future->ended = true;
    atomic_store(&pool->shared->jobs[future->plan.number % KIN__JOBS], 0);
    if (future->work.finished) {
        kin__list_add(&pool->news, future);
    }
}

/* The first that seems to be FREE; batches if none does. */
static uint64_t find_free(const kin__plan *plan)
{
    uint64_t i = 0;
    while (i < plan->batches && atomic_load_explicit(&plan->owners[i], memory_order_relaxed) != KIN__BATCH_FREE) {
        i++;
    }
    return i;
}

bool kin__future_open(const kin_future *future)
{
    return find_free(&future->plan) < future->plan.batches;
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
    uint64_t free = passed ? find_free(plan) : plan->batches;
    if (free < plan->batches) {
        kin__batch_show(future->pool->family, shared, plan, free);
    }
}

/* It is closed: freed now, or when no worker looks at its job any more. */
static void give_up(kin_future *future)
{
    kin__list_remove(future);
    if (kin__crew_looks_at(future->pool, future->plan.number)) {
        kin__list_add(&future->pool->dead, future);
        return;
    }
    kin_free(future->memory);
    free(future->marks);
    free(future);
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
        give_up(f);
    }
}

kin_future *kin__future_news(kin_pool *pool)
{
    kin_future *future = pool->news.head;
    if (future) {
        kin__list_remove(future);
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

/* What the first task that failed has told; NULL: nothing. */
static const kin__trouble *told_trouble(const kin_future *future)
{
    kin__trouble *trouble = &future->plan.job->trouble;
    return atomic_load(&trouble->stage) == KIN__TROUBLE_READY ? trouble : NULL;
}

static void describe(kin_outcome *out, const kin_future *future)
{
    const kin__trouble *trouble = told_trouble(future);
    size_t size = out->size;
    *out = (kin_outcome){0};
    if (future->troubled) {
        *out = future->trouble;
    } else if (trouble) {
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

/* Whether a task may have ended otherwise than well: each that did has left one of these before. */
static bool is_suspect(const kin_future *future)
{
    kin__job *job = future->plan.job;
    return future->troubled || atomic_load(&job->cancelled) || atomic_load(&job->trouble.stage) != KIN__TROUBLE_NONE;
}

static kin_status verdict(const kin_future *future)
{
    kin_outcome outcome = {.size = sizeof outcome};
    if (!is_suspect(future)) {
        return KIN_OK;
    }
    count_states(&outcome, future);
    return outcome.failed > 0      ? KIN_E_TASK
           : outcome.died > 0      ? KIN_E_WORKER_DIED
           : outcome.cancelled > 0 ? (future->pool->broken ? KIN_E_WORKER_DIED : KIN_E_CANCELLED)
                                   : KIN_OK;
}

/* Without a look at the clock where nobody is to wait. */
static int64_t deadline_of(int64_t timeout)
{
    return timeout == KIN_NOW ? 0 : kin__deadline(timeout);
}

static kin_status wait_for_all(kin_future *future, int64_t deadline)
{
    kin_pool *pool = future->pool;
    bool ended = wait_until(future, deadline), told = future->work.finished;
    kin_status status = ended ? verdict(future) : KIN_E_TIMED_OUT;
    if (ended && told) {
        kin__pool_tend(pool, true); /* which may be the future's end */
    }
    return status;
}

kin_status kin_future_wait(kin_future *future, int64_t timeout)
{
    if (!future || timeout < 0) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin__pool_check(future->pool);
    return status == KIN_OK ? wait_for_all(future, deadline_of(timeout)) : status;
}

int kin_future_ready(kin_future *future)
{
    return future && kin__pool_check(future->pool) == KIN_OK && wait_until(future, 0);
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
    kin_status status = kin__pool_check(future->pool);
    if (status == KIN_OK) {
        describe(outcome, future);
    }
    return status;
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

static int status_of(const kin_future *future, uint64_t task)
{
    const kin__trouble *trouble = told_trouble(future);
    switch (atomic_load(&future->plan.states[task])) {
    case KIN__TASK_DONE:
        return KIN_OK;
    case KIN__TASK_FAILED:
        return trouble && trouble->task == task ? trouble->status : KIN_E_TASK;
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
    kin_status result = kin__pool_check(future->pool);
    if (result != KIN_OK) {
        return result;
    }
    const kin__plan *plan = &future->plan;
    if (!in_order && !future->marks && !(future->marks = calloc((size_t)plan->tasks / 8 + 1, 1))) {
        return KIN_E_NO_MEMORY;
    }
    result = wait_for_next(future, &task, in_order != 0, deadline_of(timeout));
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
    int64_t deadline = timeout < 0 ? 0 : kin__deadline(timeout); /* submitting refuses the former */
    if (outcome && outcome->size != sizeof *outcome) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin_pool_submit(&future, pool, work, timeout);
    if (status != KIN_OK) {
        return status;
    }
    status = wait_for_all(future, deadline);
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
