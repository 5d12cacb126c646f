/* tracking.c: the progress of a pool's work. Protocol: shared.h. */
#include "pool/tracking.h"

#include "kin/memory.h"
#include "pool/job.h"
#include "pool/maker.h"
#include "pool/outputs.h"
#include "pool/shared.h"
#include "pool/statuses.h"

#include <stdlib.h>

/* ---- lists ---- */

void kin__future_list_add(kin__future_list *list, kin_future *future)
{
    future->list = list;
    future->before = list->tail;
    future->after = NULL;
    if (list->tail) {
        list->tail->after = future;
    } else {
        list->head = future;
    }
    list->tail = future;
}

/* From the list in which it is, if any. */
static void list_remove(kin_future *future)
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
    } else {
        future->list->tail = future->before;
    }
    future->list = NULL;
}

/* ---- progress ---- */

uint64_t kin__future_reach(kin_future *future)
{
    uint64_t next = atomic_load_explicit(&future->plan.job->next, memory_order_relaxed);
    uint64_t reach = atomic_load_explicit(&future->reach, memory_order_relaxed);
    while (reach < next && !atomic_compare_exchange_weak(&future->reach, &reach, next)) {
    }
    reach = reach < next ? next : reach;
    return reach < future->plan.batches ? reach : future->plan.batches;
}

bool kin__future_counted_done(const kin_future *future)
{
    return atomic_load(&future->plan.job->finished) >> 1 >= future->plan.batches;
}

/* Whether all batches are DONE, including those that a killed worker has not counted. */
static bool all_done(kin_future *future)
{
    const kin__plan *plan = &future->plan;
    if (kin__future_counted_done(future)) {
        return true;
    }
    while (future->looked < plan->batches && atomic_load(&plan->owners[future->looked]) == KIN__BATCH_DONE) {
        future->looked++;
    }
    return future->looked == plan->batches;
}

void kin__future_settle(kin_future *future)
{
    kin_pool *pool = future->pool;
    list_remove(future);
    future->ended = true;
    atomic_store(&pool->shared->jobs[future->plan.number % KIN__JOBS], 0);
    pool->places[future->plan.number % KIN__JOBS] = NULL;
    if (future->work.finished) {
        kin__future_list_add(&pool->to_tell, future);
    }
}

/* The first batch that seems to be FREE; batches if none does. */
static uint64_t find_free(const kin__plan *plan)
{
    uint64_t i = 0;
    while (i < plan->batches && atomic_load_explicit(&plan->owners[i], memory_order_relaxed) != KIN__BATCH_FREE) {
        i++;
    }
    return i;
}

bool kin__future_waits(const kin_future *future)
{
    return find_free(&future->plan) < future->plan.batches;
}

kin_future *kin__future_of(kin_pool *pool, uint64_t number)
{
    kin_future *future = pool->places[number % KIN__JOBS];
    return future && future->plan.number == number ? future : NULL;
}

/* Lowers the hints again if a worker that did not know of a reopened batch has raised them. */
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

static bool has_worker(const kin_pool *pool, uint32_t i)
{
    return pool->options.external ? atomic_load(&pool->shared->slots[i].who) != 0 : pool->workers[i].process != NULL;
}

/* Whether a worker looks at the future's job. The job is not in the pool's jobs any more: a worker that names it from
 * now on finds that, and does not look at it (shared.h). So each slot is checked only until it once names another
 * job. */
static bool is_looked_at(kin_future *future)
{
    const kin_pool *pool = future->pool;
    for (; future->passed < kin__pool_slots(pool); future->passed++) {
        uint32_t i = future->passed;
        if (atomic_load(&pool->shared->slots[i].job) == future->plan.number + 1 && has_worker(pool, i)) {
            return true;
        }
    }
    return false;
}

static uint32_t id_of(const kin_pool *pool, uint32_t i)
{
    return pool->options.external ? atomic_load(&pool->shared->slots[i].id) : pool->workers[i].id;
}

/* Whether a batch's word can be true: the worker that it names exists, and looks at that job. (A worker names the job
 * before it takes a batch, and as long as it has one. The maker removes its own marks before it releases the pool's
 * lock.) */
static bool has_owner(const kin_future *future, uint32_t word)
{
    kin_pool *pool = future->pool;
    uint32_t i = (word & 0xff) - 1;
    return i < KIN_POOL_WORKERS_MAX && has_worker(pool, i) && id_of(pool, i) == word &&
           atomic_load(&pool->shared->slots[i].job) == future->plan.number + 1;
}

/* Makes batches FREE whose word names an owner, but which no worker has: a member has overwritten the word, or the slot
 * of a worker that died. Otherwise these batches would never end. */
static void free_unowned(kin_future *future)
{
    const kin__plan *plan = &future->plan;
    for (uint64_t i = future->looked; i < plan->batches; i++) {
        uint32_t word = atomic_load(&plan->owners[i]);
        if (word != KIN__BATCH_FREE && word != KIN__BATCH_DONE && !has_owner(future, word) &&
            atomic_compare_exchange_strong(&plan->owners[i], &word, KIN__BATCH_FREE)) {
            kin__batch_show(future->pool->family, future->pool->shared, plan, i);
        }
    }
}

/* Stores the word by which workers find a job again, from the maker's own copy: another member may have overwritten
 * it. */
static void restore_place(const kin_future *future)
{
    kin_pool *pool = future->pool;
    _Atomic uint64_t *place = &pool->shared->jobs[future->plan.number % KIN__JOBS];
    uint64_t offset = kin__offset(pool->family, future->plan.job);
    if (atomic_load_explicit(place, memory_order_relaxed) != offset) {
        atomic_store(place, offset);
    }
}

void kin__future_release(kin_future *future)
{
    list_remove(future);
    if (is_looked_at(future)) {
        kin__future_list_add(&future->pool->to_free, future);
        return;
    }
    future->pool->users--;
    kin__statuses_free(future->pool->family, &future->plan);
    kin__outputs_free(future->pool->family, &future->plan);
    kin_free(future->memory);
    free(future->given.ring);
    free(future);
}

void kin__futures_free(kin_pool *pool, uint32_t most)
{
    const kin_future *last = pool->to_free.tail;
    for (kin_future *f = pool->to_free.head, *next; f && most > 0; f = next, most--) {
        next = f == last ? NULL : f->after;
        kin__future_release(f);
    }
}

void kin__futures_tend(kin_pool *pool)
{
    for (kin_future *f = pool->active.head, *next; f; f = next) {
        next = f->after;
        if (all_done(f)) {
            kin__future_settle(f);
            continue;
        }
        restore_place(f);
        free_unowned(f);
        if (f->cancelled) {
            kin__future_cancel(f);
        } else {
            show_again(f);
        }
    }
    kin__futures_free(pool, KIN__FREE_ALL);
}

kin_future *kin__future_to_tell(kin_pool *pool)
{
    kin_future *future = pool->to_tell.head;
    if (future) {
        list_remove(future);
        future->telling = true;
    }
    return future;
}

void kin__future_told(kin_future *future)
{
    future->telling = false;
    if (future->abandoned) {
        kin__future_release(future);
    }
}

/* ---- dead workers, cancelled work ---- */

static void note_death(kin_future *future, uint64_t task, kin_exit how, kin__task_state why)
{
    if (future->has_death || why == KIN__TASK_CANCELLED) {
        return;
    }
    int status = why == KIN__TASK_LATE ? KIN_E_TIMED_OUT : KIN_E_WORKER_DIED;
    how.timed_out = why == KIN__TASK_LATE;
    future->has_death = true;
    future->first_death = (kin_job_result){.task = task, .status = status, .worker = how};
}

/* Marks a task whose worker died: to be tried again, or ended. */
static void settle_task(kin_future *future, uint64_t task, kin_exit how, kin__task_state why)
{
    _Atomic uint8_t *state = &future->plan.states[task];
    uint8_t seen = atomic_load(state);
    if (!kin__task_todo(seen)) {
        return;
    }
    uint32_t deaths = seen == KIN__TASK_TODO ? 1 : seen - KIN__TASK_AGAIN + 2u;
    if (deaths <= future->work.retries && !future->cancelled) {
        atomic_store(state, (uint8_t)(KIN__TASK_AGAIN + deaths - 1));
        return;
    }
    note_death(future, task, how, why);
    atomic_store(state, (uint8_t)why);
}

static bool has_todo(const kin__plan *plan, uint64_t batch)
{
    for (uint64_t task = batch * plan->batch; task < kin__batch_end(plan, batch); task++) {
        if (kin__task_todo(atomic_load(&plan->states[task]))) {
            return true;
        }
    }
    return false;
}

void kin__future_lost(kin_future *future, uint32_t id, uint64_t task, kin_exit how, kin__task_state why)
{
    kin_pool *pool = future->pool;
    const kin__plan *plan = &future->plan;
    for (uint64_t i = 0; i < plan->batches; i++) {
        if (atomic_load(&plan->owners[i]) == id) {
            if (task < plan->tasks && task / plan->batch == i) {
                settle_task(future, task, how, why);
            }
            kin__future_reach(future);
            if (has_todo(plan, i)) {
                kin__batch_reopen(pool->family, pool->shared, plan, i);
            } else {
                kin__batch_finish(pool->family, plan, i); /* an external pool may have no worker that would */
            }
        }
    }
}

void kin__future_cancel(kin_future *future)
{
    const kin__plan *plan = &future->plan;
    future->cancelled = true;
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
