/* next.c: the results of a work, one after the other: kin_future_next.
 *
 * The cost of finding an ended task must not depend on the number of tasks that have not begun, or that run for long.
 *
 * 1. Workers take batches roughly in the order of their numbers. They run the tasks of a batch in order.
 * 2. So a batch that has been begun (up to kin__future_reach) is either exhausted, because all its tasks are given, or
 *    in a ring. In the ring it is represented by its task that is to be given next.
 * 3. A batch is added to the ring only if no task in the ring has ended. Then each of these tasks is being run by a
 *    worker of its own, so the ring has about as many entries as there are workers. A look at one of them is one load.
 * 4. A batch that has given a task stays in front, since its next task has mostly ended, too.
 */
#include "base/deadline.h"
#include "base/last_error.h"
#include "pool/future.h"
#include "pool/job.h"
#include "pool/maker.h"
#include "pool/pool.h"
#include "pool/shared.h"
#include "pool/statuses.h"
#include "pool/tracking.h"
#include "pool/workers.h"

#include <stdlib.h>

#define ROOM 16u

static bool has_ended(const kin_future *future, uint64_t task)
{
    return !kin__task_todo(atomic_load(&future->plan.states[task]));
}

/* ---- the ring ---- */

static uint64_t *front(kin__given *given)
{
    return &given->ring[given->first & (given->room - 1)];
}

static void pop(kin__given *given)
{
    given->first++;
    given->count--;
}

/* These have room. */
static void push_front(kin__given *given, uint64_t task)
{
    given->first--; /* modulo a power of two */
    given->count++;
    *front(given) = task;
}

static void push_back(kin__given *given, uint64_t task)
{
    given->ring[(given->first + given->count) & (given->room - 1)] = task;
    given->count++;
}

static bool make_room(kin__given *given)
{
    uint64_t room = given->room > 0 ? 2 * given->room : ROOM, count = given->count;
    if (count < given->room) {
        return true;
    }
    uint64_t *ring = calloc((size_t)room, sizeof *ring);
    if (!ring) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        ring[i] = given->ring[(given->first + i) & (given->room - 1)];
    }
    free(given->ring);
    given->ring = ring;
    given->room = room;
    given->first = 0;
    return true;
}

/* ---- what is next ---- */

/* The task in front, if it has ended. Its batch stays there for the next one, if there is one. */
static bool take_front(kin_future *future, uint64_t *task)
{
    kin__given *given = &future->given;
    *task = *front(given);
    if (!has_ended(future, *task)) {
        return false;
    }
    if (*task + 1 < kin__batch_end(&future->plan, *task / future->plan.batch)) {
        ++*front(given);
    } else {
        pop(given);
    }
    return true;
}

static uint64_t begun_batches(kin_future *future)
{
    bool all = future->ended || future->cancelled;
    return all ? future->plan.batches : kin__future_reach(future);
}

/* KIN_E_TIMED_OUT: no task has ended now. */
static kin_status find_any(kin_future *future, uint64_t *task)
{
    kin__given *given = &future->given;
    for (uint64_t left = given->count; left > 0; left--) {
        if (take_front(future, task)) {
            return KIN_OK;
        }
        pop(given);
        push_back(given, *task);
    }
    for (uint64_t end = begun_batches(future); given->begun < end;) {
        if (!make_room(given)) {
            return kin__malloc_failed();
        }
        push_front(given, given->begun++ * future->plan.batch);
        if (take_front(future, task)) {
            return KIN_OK;
        }
    }
    return KIN_E_TIMED_OUT;
}

static kin_status find_next(kin_future *future, bool in_order, uint64_t *task)
{
    if (!in_order) {
        return find_any(future, task);
    }
    *task = future->given.tasks;
    return has_ended(future, *task) ? KIN_OK : KIN_E_TIMED_OUT;
}

static kin_status wait_for_next(kin_future *future, uint64_t *task, bool in_order, int64_t deadline)
{
    kin__interrupt *by = kin__interrupt_mine();
    while (future->given.tasks < future->plan.tasks) {
        bool over = future->ended;
        uint64_t done = atomic_load(&future->plan.job->finished) >> 1;
        kin_status status = find_next(future, in_order, task);
        if (status != KIN_E_TIMED_OUT) {
            return status;
        }
        if (over) {
            return KIN_E_DAMAGED; /* the states of the other tasks were overwritten */
        }
        int64_t now = kin_os_now();
        status = kin__interrupt_or_timeout(by, now, deadline);
        if (status != KIN_OK) {
            return status;
        }
        kin__future_sleep(future, done + 1, by, kin__slice_end(now, KIN__POOL_SLICE, deadline));
        kin__pool_tend(future->pool, kin__workers_left(future->pool));
        kin__future_ended(future);
    }
    return kin__refuse(KIN_E_END, "all tasks have been given");
}

static int status_of(const kin_future *future, uint64_t task)
{
    const kin__failure *failure = kin__future_failure(future);
    switch (atomic_load(&future->plan.states[task])) {
    case KIN__TASK_DONE:
        return KIN_OK;
    case KIN__TASK_FAILED:
        return failure && failure->task == task ? failure->status
                                                : kin__status_read(future->pool->family, &future->plan, task);
    case KIN__TASK_DIED:
        return KIN_E_WORKER_DIED;
    case KIN__TASK_LATE:
        return KIN_E_TIMED_OUT;
    default:
        return KIN_E_CANCELLED;
    }
}

kin_status kin_future_next(kin_future *future, int in_order, uint64_t *first, uint64_t *count, int *status,
                           int64_t timeout)
{
    uint64_t task;
    if (!future || !first || !count || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT,
                           "future is NULL, or first is NULL, or count is NULL, or timeout is negative");
    }
    kin_status result = kin__pool_check(future->pool);
    if (result == KIN_OK) {
        result = wait_for_next(future, &task, in_order != 0, kin__future_deadline(timeout));
    }
    if (result != KIN_OK) {
        return kin__told(result);
    }
    const kin__plan *plan = &future->plan;
    future->given.tasks++;
    *first = task * plan->chunk;
    *count = plan->count - *first < plan->chunk ? plan->count - *first : plan->chunk;
    if (status) {
        *status = status_of(future, task);
    }
    return KIN_OK;
}
