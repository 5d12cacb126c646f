/* future.c: the public functions of futures: waiting for work, and its end. Giving work: submit.c. Its results one
 * after the other: next.c. Protocol: shared.h. */
#include "pool/future.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "base/sized.h"
#include "base/spin.h"
#include "family/thread_slot.h"
#include "park/slices.h"
#include "pool/external.h"
#include "pool/job.h"
#include "pool/maker.h"
#include "pool/outputs.h"
#include "pool/pool.h"
#include "pool/shared.h"
#include "pool/tracking.h"
#include "pool/workers.h"

#include <stdlib.h>
#include <string.h>

#define KILL_PATIENCE KIN_SECONDS(1) /* how long to wait for the ends of killed workers */

/* ---- waiting ----
 *
 * The slices of the maker's threads are short, because at the end of each slice they look after the pool. A worker
 * wakes them when enough batches are done, or when it leaves. The end of a slice finds this only if that worker was
 * killed before it woke them.
 */

/* The word whose change ended the caller's wait. NULL: the wait has not ended. */
static _Atomic uint64_t *told_by(kin_future *future, uint64_t want)
{
    kin__job *job = future->plan.job;
    if (atomic_load(&job->finished) >> 1 >= want) {
        return &job->finished;
    }
    return kin__workers_left(future->pool) ? &future->pool->shared->leaves : NULL;
}

void kin__future_sleep(kin_future *future, uint64_t want, kin__interrupt *by, int64_t end)
{
    kin__job *job = future->plan.job;
    kin__seat *seat;
    uint64_t seen = atomic_load(&job->finished);
    if (seen >> 1 >= want || kin__workers_left(future->pool) ||
        (future->plan.batches == 1 && kin__spin(&job->finished, seen, &job->spin))) {
        return;
    }
    if (kin__seat_take(&seat, future->pool->family) != KIN_OK) {
        kin_os_sleep_until(kin__slice_end(kin_os_now(), KIN_MS(1), end));
        return;
    }
    atomic_store(&job->want, want);
    kin__park_begin(seat, &job->finished, 1);
    atomic_fetch_or(&job->finished, KIN__FLAG);
    if (!told_by(future, want) && !kin__park_sleep_by(seat, by, end)) {
        _Atomic uint64_t *word = told_by(future, want);
        if (word) {
            kin__slices_forgotten(seat, word);
        }
    }
    kin__park_end(seat);
}

bool kin__future_ended(kin_future *future)
{
    if (!future->ended && kin__future_counted_done(future) && kin__pool_enter(future->pool) == KIN_OK) {
        if (!future->ended) {
            kin__future_settle(future);
        }
        kin__pool_leave(future->pool);
    }
    return future->ended;
}

/* The worker of the last batch adds it to `finished`, and then loads FLAG and `want` (job.c). This function sets FLAG
 * and `want`, and then loads `finished`. All are sequentially consistent. A worker that leaves does the same, with
 * `leaves` in place of `finished`. */
uint32_t kin__future_look(kin__look *how, void *object, uint32_t interest)
{
    kin_future *future = object;
    kin__job *job = future->plan.job;
    how->buckets |= kin__watch_bucket(how->seat->family, &job->finished);
    if (how->arm && !future->ended) {
        atomic_store(&job->want, future->plan.batches);
        atomic_fetch_or(&job->finished, KIN__FLAG);
    }
    how->due |= !future->ended && kin__workers_left(future->pool);
    return kin__future_ended(future) ? interest : 0;
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

/* KIN_OK: the future has ended, in any way. */
static kin_status wait_until(kin_future *future, kin__interrupt *by, int64_t deadline)
{
    while (!kin__future_ended(future)) {
        int64_t now = kin_os_now();
        kin_status status = kin__interrupt_or_timeout(by, now, deadline);
        if (status != KIN_OK) {
            kin__pool_tend(future->pool, false);
            return kin__future_ended(future) ? KIN_OK : kin__external_explain(future->pool, status);
        }
        tell_progress(future);
        kin__future_sleep(future, future->plan.batches, by, kin__slice_end(now, KIN__POOL_SLICE, deadline));
        if (!kin__future_counted_done(future)) {
            kin__pool_tend(future->pool, true);
        }
    }
    tell_progress(future);
    return KIN_OK;
}

static void count_states(kin_job_result *out, const kin_future *future)
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
    out->died = counts[KIN__TASK_DIED] + counts[KIN__TASK_LATE];
    out->cancelled = counts[KIN__TASK_CANCELLED];
    out->unfinished = counts[KIN__TASK_TODO] + counts[KIN__TASK_AGAIN];
}

const kin__failure *kin__future_failure(const kin_future *future)
{
    kin__failure *failure = &future->plan.job->failure;
    return atomic_load(&failure->stage) == KIN__FAILURE_READY ? failure : NULL;
}

/* The status of work that no worker has done, because no worker has begun. */
static void describe_broken(kin_job_result *out, const kin_pool *pool)
{
    if (pool->broken) {
        out->status = pool->status != 0 ? pool->status : KIN_E_WORKER_DIED;
        out->worker = pool->last;
        memcpy(out->message, pool->message, sizeof out->message);
    }
}

/* Under the pool's lock. */
static void describe(kin_job_result *out, const kin_future *future)
{
    const kin__failure *failure = kin__future_failure(future);
    size_t size = out->size;
    *out = (kin_job_result){0};
    if (future->has_death) {
        *out = future->first_death;
    } else if (failure) {
        out->task = failure->task;
        out->status = failure->status;
        memcpy(out->message, failure->message, sizeof out->message);
        out->message[sizeof out->message - 1] = '\0';
    }
    out->size = size;
    count_states(out, future);
    if (out->status == 0 && out->failed > 0) {
        out->status = KIN_E_TASK; /* the worker that claimed the message died before it was complete */
    }
    if (out->status == 0 && out->cancelled > 0) {
        describe_broken(out, future->pool);
    }
}

/* Whether a task may have failed, died or been cancelled: one of these is set before its state says so. */
static bool is_suspect(const kin_future *future)
{
    kin__job *job = future->plan.job;
    return future->has_death || future->cancelled || atomic_load(&job->cancelled) ||
           atomic_load(&job->failure.stage) != KIN__FAILURE_NONE;
}

static kin_status verdict(const kin_future *future)
{
    kin_job_result outcome = KIN_JOB_RESULT_INIT;
    if (!is_suspect(future)) {
        return KIN_OK;
    }
    count_states(&outcome, future);
    return outcome.failed > 0      ? KIN_E_TASK
           : outcome.died > 0      ? KIN_E_WORKER_DIED
           : outcome.cancelled > 0 ? (future->pool->broken ? KIN_E_WORKER_DIED : KIN_E_CANCELLED)
                                   : KIN_OK;
}

static kin_status wait_for_all(kin_future *future, int64_t deadline)
{
    kin_pool *pool = future->pool;
    bool told = future->work.finished;
    kin_status status = wait_until(future, kin__interrupt_mine(), deadline);
    if (status != KIN_OK) {
        return status;
    }
    status = verdict(future);
    if (told) {
        kin__pool_tell(pool); /* calls work.finished, which may close the future */
    }
    return status;
}

kin_status kin_future_wait(kin_future *future, int64_t timeout)
{
    if (!future || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "future is NULL, or timeout is negative");
    }
    kin_status status = kin__pool_check(future->pool);
    return kin__told(status == KIN_OK ? wait_for_all(future, kin__future_deadline(timeout)) : status);
}

int kin_future_ready(kin_future *future)
{
    return future && kin__pool_check(future->pool) == KIN_OK && wait_until(future, NULL, 0) == KIN_OK;
}

kin_status kin_future_get(const void **result, size_t *size, kin_future *future, int64_t timeout)
{
    if (!future || !result || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "future is NULL, or result is NULL, or timeout is negative");
    }
    if (!future->plan.alone) {
        return kin__refuse(KIN_E_UNSUPPORTED,
                           "an array's results are in job->out: kin_future_get is for a job with count 0");
    }
    kin_status status = kin_future_wait(future, timeout);
    if (status == KIN_OK && kin__has_outputs(&future->plan)) {
        status = kin__output_of_single(result, size, future->pool->family, &future->plan);
    } else if (status == KIN_OK) {
        *result = future->plan.out;
        if (size) {
            *size = (size_t)kin__room_used(&future->plan);
        }
    }
    return kin__told(status);
}

/* Under no lock: a future is for one thread at a time. KIN_OK: the task is done. */
static kin_status task_of(uint64_t *task, const kin_future *future, uint64_t item)
{
    const kin__plan *plan = &future->plan;
    kin_status status = kin__pool_check(future->pool);
    if (status != KIN_OK) {
        return status;
    }
    if (item >= plan->count) {
        return kin__refuse(KIN_E_ARGUMENT, "the job has no such item");
    }
    *task = item / plan->chunk;
    uint8_t state = atomic_load(&plan->states[*task]);
    return kin__task_todo(state)       ? kin__refuse(KIN_E_BUSY, "the task has not ended")
           : state == KIN__TASK_DONE   ? KIN_OK
           : state == KIN__TASK_FAILED ? KIN_E_TASK
           : state == KIN__TASK_DIED   ? KIN_E_WORKER_DIED
           : state == KIN__TASK_LATE   ? KIN_E_TIMED_OUT
                                       : KIN_E_CANCELLED;
}

static kin_status output_of(void **data, size_t *size, uint64_t *task, const kin_future *future, uint64_t item)
{
    uint64_t length;
    void *found;
    if (!future || !data || !size) {
        return kin__refuse(KIN_E_ARGUMENT, "future is NULL, or data is NULL, or size is NULL");
    }
    kin_status status = task_of(task, future, item);
    if (status == KIN_OK) {
        status = kin__output_read(&found, &length, future->pool->family, &future->plan, *task);
    }
    if (status == KIN_OK) {
        *data = found;
        *size = (size_t)length;
    }
    return status == KIN_E_NOT_FOUND
               ? kin__refuse(KIN_E_NOT_FOUND, "the task has made no output with kin_task_output, or it was taken")
               : status;
}

kin_status kin_future_output(const void **data, size_t *size, kin_future *future, uint64_t item)
{
    uint64_t task;
    void *found = NULL;
    kin_status status = output_of(data ? &found : NULL, size, &task, future, item);
    if (status == KIN_OK) {
        *data = found;
    }
    return kin__told(status);
}

kin_status kin_future_take(void **data, size_t *size, kin_future *future, uint64_t item)
{
    uint64_t task;
    kin_status status = output_of(data, size, &task, future, item);
    if (status == KIN_OK) {
        kin__output_release(future->pool->family, &future->plan, task);
    }
    return kin__told(status);
}

kin_status kin_future_inspect(kin_future *future, kin_job_result *result)
{
    kin_job_result own = KIN_JOB_RESULT_INIT;
    if (!future) {
        return kin__refuse(KIN_E_ARGUMENT, "future is NULL");
    }
    kin_status status = kin__info_check(result, "KIN_JOB_RESULT_INIT");
    if (status == KIN_OK) {
        status = kin__pool_enter(future->pool);
    }
    if (status == KIN_OK) {
        describe(&own, future);
        kin__pool_leave(future->pool);
        kin__info_write(result, &own, sizeof own);
    }
    return kin__told(status);
}

/* ---- the end ---- */

kin_status kin_future_cancel(kin_future *future)
{
    if (!future) {
        return kin__refuse(KIN_E_ARGUMENT, "future is NULL");
    }
    kin_status status = kin__pool_enter(future->pool);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if (!future->ended) {
        kin__future_cancel(future);
    }
    kin__pool_leave(future->pool);
    return kin__told(kin__future_ended(future) ? KIN_OK : KIN_E_BUSY);
}

kin_status kin_future_kill(kin_future *future)
{
    kin_status status = kin_future_cancel(future);
    bool can_kill = status == KIN_E_BUSY && !future->pool->options.external;
    int64_t deadline = kin_os_now() + KILL_PATIENCE;
    while (can_kill && status == KIN_E_BUSY && kin_os_now() < deadline) {
        status = kin__pool_enter(future->pool);
        if (status != KIN_OK) {
            return kin__told(status);
        }
        kin__workers_end(future->pool, future->plan.number); /* one that has yet to open its turn in the next round */
        kin__pool_leave(future->pool);
        kin__pool_tend(future->pool, true);
        kin__future_sleep(future, future->plan.batches, NULL, kin_os_now() + KIN_MS(1));
        status = kin__future_ended(future) ? KIN_OK : KIN_E_BUSY;
    }
    return kin__told(status);
}

void kin_future_close(kin_future *future)
{
    if (!future || kin__pool_enter(future->pool) != KIN_OK) { /* a forked child: the future is not its own */
        return;
    }
    int before = kin_os_error();
    kin_pool *pool = future->pool;
    future->work.progress = NULL;
    if (!future->telling) {
        future->work.finished = NULL;
    }
    if (!future->ended) {
        kin__future_cancel(future);
    }
    kin__pool_leave(pool);
    wait_until(future, NULL, KIN_OS_NEVER);
    if (kin__pool_enter(pool) == KIN_OK) {
        future->abandoned = true;
        if (!future->telling) {
            kin__future_release(future);
        }
        kin__pool_leave(pool);
    }
    kin_os_error_set(before);
}

/* All of the job's own room, or an output that the task has made, as far as it fits. */
static kin_status copy_single(const kin_job *job, const kin_future *future)
{
    uint64_t used;
    void *output;
    kin_status status = kin__output_read(&output, &used, future->pool->family, &future->plan, 0);
    if (status == KIN_E_NOT_FOUND) {
        output = future->plan.out;
        used = job->out_size;
        status = KIN_OK;
    }
    if (status == KIN_OK) {
        memcpy(job->out, output, used < job->out_size ? (size_t)used : job->out_size);
    }
    return status == KIN_OK && used > job->out_size
               ? kin__refuse(KIN_E_BUFFER, "the task's output is longer than job->out_size: use kin_future_get")
               : status;
}

kin_status kin_pool_map(kin_pool *pool, const kin_job *job, kin_job_result *result, int64_t timeout)
{
    kin_future *future;
    int64_t deadline = timeout < 0 ? 0 : kin__deadline(timeout); /* kin_pool_submit refuses the former */
    kin_status status = result ? kin__info_check(result, "KIN_JOB_RESULT_INIT") : KIN_OK;
    if (status == KIN_OK) {
        status = kin_pool_submit(&future, pool, job, timeout);
    }
    if (status != KIN_OK) {
        if (result && status == KIN_E_WORKER_DIED && kin__pool_enter(pool) == KIN_OK) {
            kin_job_result own = KIN_JOB_RESULT_INIT;
            describe_broken(&own, pool);
            kin__pool_leave(pool);
            kin__info_write(result, &own, sizeof own);
        }
        return kin__told(status);
    }
    status = wait_for_all(future, deadline);
    if (status == KIN_OK && job->count == 0 && job->out) {
        status = copy_single(job, future);
    }
    if ((status == KIN_E_TIMED_OUT || status == KIN_E_INTERRUPTED) && kin_future_kill(future) == KIN_E_BUSY) {
        wait_until(future, NULL, KIN_OS_NEVER);
    }
    if (result) {
        kin_future_inspect(future, result);
    }
    kin_future_close(future);
    return kin__told(status);
}
