/* submit.c: makes a job of the program's work, and posts it. Protocol: shared.h. */
#include "base/deadline.h"
#include "base/last_error.h"
#include "base/sized.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "pool/functions.h"
#include "pool/job.h"
#include "pool/maker.h"
#include "pool/pool.h"
#include "pool/shared.h"
#include "pool/tracking.h"
#include "pool/workers.h"
#include "process/arguments.h"

#include <stdlib.h>
#include <string.h>

#define TASKS_PER_WORKER 16u
#define BATCHES_PER_WORKER 32u
#define BATCH_MAX 256u
#define MEMORY_PATIENCE KIN_MS(100) /* how long to wait for memory of closed works that workers still look at */

/* ---- making a job ---- */

#define MOST (UINT64_C(1) << 40) /* bytes; no block has so many */

typedef struct layout { /* offsets from the job */
    uint64_t in, out, args, args_size, owners, notes, outputs, states, inputs, size;
} layout;

static bool add(uint64_t *at, uint64_t count, uint64_t size)
{
    if (size > 0 && count > MOST / size) {
        return false;
    }
    *at += (count * size + 15) / 16 * 16;
    return true;
}

/* The inputs' table, and their bytes. */
static bool add_inputs(uint64_t *at, const kin_job *work)
{
    bool fits = add(at, work->inputs ? work->count : 0, sizeof(kin__input));
    for (size_t i = 0; work->inputs && i < work->count && fits; i++) {
        fits = *at < MOST && add(at, 1, work->inputs[i].size);
    }
    return fits;
}

static bool lay_out(layout *out, const kin__plan *plan, const kin_job *work)
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
    out->notes = at;
    fits = fits && add(&at, plan->tasks > 1 ? plan->batches : 0, sizeof(uint64_t));
    out->outputs = plan->batches == 1 ? offsetof(kin__job, output) : at;
    fits = fits && add(&at, plan->batches == 1 ? 0 : plan->batches, sizeof(uint64_t));
    out->states = at;
    fits = fits && add(&at, plan->tasks, 1);
    out->inputs = at;
    fits = fits && add_inputs(&at, work);
    out->size = at;
    return fits;
}

static uint64_t share(uint64_t count, uint64_t parts)
{
    return count / parts > 0 ? count / parts : 1;
}

static void divide(kin__plan *out, const kin_pool *pool, const kin_job *work)
{
    out->alone = work->count == 0;
    out->count = out->alone ? 1 : work->count;
    out->chunk =
        work->chunk > 0 && !out->alone ? work->chunk : share(out->count, (uint64_t)pool->size * TASKS_PER_WORKER);
    out->tasks = (out->count - 1) / out->chunk + 1;
    out->batch = share(out->tasks, (uint64_t)pool->size * BATCHES_PER_WORKER);
    out->batch = out->batch < BATCH_MAX ? out->batch : BATCH_MAX;
    out->batches = (out->tasks - 1) / out->batch + 1;
    out->in_size = work->in_size;
    out->out_size = work->out_size;
    out->limit = work->limit;
}

static void copy_inputs(kin__job *job, const kin_job *work, const layout *where)
{
    kin__input *table = (kin__input *)(void *)((char *)job + where->inputs);
    uint64_t at = where->inputs;
    add(&at, work->count, sizeof *table);
    for (size_t i = 0; i < work->count; i++) {
        table[i] = (kin__input){at, work->inputs[i].size};
        if (table[i].size > 0) {
            memcpy((char *)job + at, work->inputs[i].data, work->inputs[i].size);
        }
        add(&at, 1, table[i].size);
    }
}

static void fill_job(kin__job *job, const kin_pool *pool, const kin__plan *plan, const kin_job *work,
                     const layout *where)
{
    uint64_t at = kin__offset(pool->family, job);
    job->number = plan->number;
    memcpy(job->function, work->task, strlen(work->task));
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
    job->notes_at = where->notes;
    job->outputs_at = where->outputs;
    job->states_at = where->states;
    job->args_at = where->args;
    job->args_size = where->args_size;
    if (plan->alone && plan->in_size > 0) {
        memcpy((char *)job + where->in, work->in, (size_t)plan->in_size);
    }
    if (work->inputs) {
        job->inputs_at = where->inputs;
        copy_inputs(job, work, where);
    }
    if (where->args_size > 0) {
        kin__writer out = {(unsigned char *)job + where->args, (size_t)where->args_size, 0};
        kin__args_write(&out, work->args);
    }
    atomic_store(&job->want, plan->batches);
}

/* The maker uses its own copy of the numbers. Those in the arena may have been overwritten. */
static void place_plan(kin__plan *plan, kin__job *job, const layout *where, const kin_job *work)
{
    char *start = (char *)job;
    plan->job = job;
    plan->in = plan->alone ? start + where->in : work->in;
    plan->out = plan->alone ? start + where->out : work->out;
    plan->states = (_Atomic uint8_t *)(start + where->states);
    plan->owners = (_Atomic uint32_t *)(void *)(start + where->owners);
    plan->notes = plan->tasks > 1 ? (_Atomic uint64_t *)(void *)(start + where->notes) : NULL;
    plan->outputs = (_Atomic uint64_t *)(void *)(start + where->outputs);
}

static kin_status make_job(kin_future *future, const kin_job *work)
{
    kin_pool *pool = future->pool;
    layout where;
    divide(&future->plan, pool, work);
    if (!lay_out(&where, &future->plan, work) || where.size > SIZE_MAX - KIN__LINE_SLACK) {
        return kin__refuse(KIN_E_TOO_BIG, "the job has more tasks, or more bytes, than one job can have");
    }
    kin_status status = kin_alloc(&future->memory, pool->family, (size_t)where.size + KIN__LINE_SLACK);
    if (status != KIN_OK) {
        return status;
    }
    kin__job *job = kin__line(future->memory);
    fill_job(job, pool, &future->plan, work, &where);
    place_plan(&future->plan, job, &where, work);
    return KIN_OK;
}

/* ---- checking the arguments ---- */

static bool array_sound(const kin_pool *pool, const void *array, size_t count, size_t size)
{
    return size == 0 || (array && count <= SIZE_MAX / size && kin__family_at(array) == pool->family &&
                         kin__family_covers(pool->family, kin__offset(pool->family, array), (uint64_t)count * size));
}

static kin_status check_inputs(const kin_job *work)
{
    if (work->count == 0 || work->in || work->in_size > 0) {
        return kin__refuse(KIN_E_ARGUMENT, "job->inputs is for a job with count > 0, and replaces in and in_size");
    }
    for (size_t i = 0; i < work->count; i++) {
        if (!work->inputs[i].data && work->inputs[i].size > 0) {
            return kin__explain(KIN_E_ARGUMENT, "job->inputs[%zu].data is NULL, and its size is not 0", i);
        }
    }
    return KIN_OK;
}

static kin_status check(const kin_pool *pool, const kin_job *work)
{
    if (!work->task || work->limit < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "job->task is NULL, or job->limit is negative");
    }
    if (work->retries > KIN__RETRIES_MAX || (work->count == 0 && !work->in && work->in_size > 0)) {
        return kin__refuse(KIN_E_ARGUMENT, "job->retries is too large, or job->in is NULL and in_size is not 0");
    }
    if (!kin__function_find(work->task)) {
        return kin__function_missing(work->task);
    }
    if (work->args && (work->args->handle_count > 0 || work->args->family != pool->family)) {
        return work->args->handle_count > 0 ? kin__refuse(KIN_E_UNSUPPORTED, "job->args cannot carry handles")
                                            : kin__refuse(KIN_E_FAMILY, "job->args belongs to another family");
    }
    if (work->limit > 0 && pool->options.external) {
        return kin__refuse(KIN_E_UNSUPPORTED, "job->limit: kin does not kill the workers of an external pool");
    }
    kin_status status = work->inputs ? check_inputs(work) : KIN_OK;
    if (status != KIN_OK) {
        return status;
    }
    if (work->count > 0 && (!array_sound(pool, work->in, work->count, work->in_size) ||
                            !array_sound(pool, work->out, work->count, work->out_size))) {
        return kin__refuse(KIN_E_NOT_SHARED,
                           "job->in and job->out must lie in the pool's family, as kin_alloc gives them");
    }
    return KIN_OK;
}

static kin_status check_open(const kin_pool *pool)
{
    if (pool->broken) {
        return kin__refuse(KIN_E_WORKER_DIED, "the pool is broken: its workers ended before they could work");
    }
    return pool->closed || pool->ended ? kin__refuse(KIN_E_CLOSED, "the pool is closed") : KIN_OK;
}

/* ---- posting ---- */

/* The next number whose place is free: a job that takes long keeps its place. */
static bool find_number(const kin_pool *pool, uint64_t *number)
{
    for (uint64_t end = *number + KIN__JOBS; *number < end; (*number)++) {
        if (!pool->places[*number % KIN__JOBS]) {
            return true;
        }
    }
    return false;
}

/* The spinner, if there is one, takes a batch without being woken. */
static void wake_workers(const kin_future *future)
{
    kin_pool *pool = future->pool;
    uint32_t crew = pool->options.external ? kin__pool_slots(pool) : pool->size;
    uint64_t useful = future->plan.batches < crew ? future->plan.batches : crew;
    uint32_t spinner = atomic_load(&pool->shared->spinner);
    if (spinner != 0 && useful > 0 && atomic_compare_exchange_strong(&pool->shared->spinner, &spinner, 0)) {
        useful--;
    }
    if (useful > 0) {
        kin__pool_wake(pool->family, pool->shared, (uint32_t)useful);
    }
}

/* KIN_E_BUSY: there is no room for a job. KIN_E_NO_MEMORY: perhaps until workers look away from closed works. */
static kin_status prepare(kin_future *future, const kin_job *work, uint64_t *number)
{
    kin_pool *pool = future->pool;
    kin_status status = check_open(pool);
    kin__futures_free(pool, KIN__FREE_FEW);
    if (status == KIN_OK && !find_number(pool, number)) {
        kin__futures_tend(pool); /* settles futures that have ended */
        *number = pool->posted;
        status = find_number(pool, number) ? KIN_OK : KIN_E_BUSY;
    }
    if (status != KIN_OK) {
        return status;
    }
    future->plan.number = *number;
    status = make_job(future, work);
    if (status == KIN_E_NO_MEMORY && pool->to_free.head) {
        kin__futures_free(pool, KIN__FREE_ALL);
        status = make_job(future, work);
    }
    return status;
}

/* Under the pool's lock. Errors: those of prepare. */
static kin_status post(kin_future *future, const kin_job *work)
{
    kin_pool *pool = future->pool;
    kin__pool *shared = pool->shared;
    uint64_t number = pool->posted;
    kin_status status = prepare(future, work, &number);
    if (status != KIN_OK) {
        return status;
    }
    kin__future_list_add(&pool->active, future);
    pool->places[number % KIN__JOBS] = future;
    atomic_store(&shared->jobs[number % KIN__JOBS], kin__offset(pool->family, future->plan.job));
    uint64_t before = atomic_fetch_add(&shared->posted, (number + 1 - pool->posted) * 2);
    if (before >> 1 != pool->posted) { /* a member has overwritten it */
        atomic_store(&shared->posted, (number + 1) << 1 | KIN__FLAG);
    }
    pool->posted = number + 1;
    wake_workers(future);
    if (kin__workers_left(pool)) {
        kin__workers_tend(pool); /* others have to take their places */
    }
    return KIN_OK;
}

/* Whether another try is useless. Memory may come back until patience is over, and room until deadline. Replaces
 * KIN_E_BUSY by the status for the caller. */
static bool is_final(const kin_pool *pool, kin_status *status, kin__interrupt *by, int64_t patience, int64_t deadline)
{
    int64_t now = kin_os_now();
    if (*status == KIN_E_BUSY) {
        kin_status given_up = kin__interrupt_or_timeout(by, now, deadline);
        *status = given_up == KIN_OK ? KIN_E_BUSY : given_up;
        return given_up != KIN_OK;
    }
    bool soon = *status == KIN_E_NO_MEMORY && pool->to_free.head && now < patience;
    return !soon || now >= deadline;
}

static kin_status post_until(kin_future *future, const kin_job *work, int64_t deadline)
{
    kin_pool *pool = future->pool;
    kin__interrupt *by = kin__interrupt_mine();
    kin_status status = kin__pool_enter(pool);
    if (status != KIN_OK) {
        return status;
    }
    pool->users++; /* from now on the future is one */
    status = post(future, work);
    for (int64_t patience = INT64_MAX; status != KIN_OK && !is_final(pool, &status, by, patience, deadline);) {
        patience = patience < INT64_MAX ? patience : kin_os_now() + MEMORY_PATIENCE;
        kin__mutex_unlock(&pool->mutex);
        kin_os_sleep_until(kin__slice_end(kin_os_now(), KIN_MS(1), deadline));
        kin__pool_tend(pool, true);
        kin__mutex_lock(&pool->mutex, KIN_OS_NEVER);
        status = post(future, work);
    }
    if (status != KIN_OK) {
        pool->users--;
    }
    kin__pool_leave(pool);
    return status;
}

kin_status kin_pool_submit(kin_future **out, kin_pool *pool, const kin_job *job, int64_t timeout)
{
    kin_job work;
    if (!out || !pool || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL, or pool is NULL, or timeout is negative");
    }
    kin_status status =
        job ? kin__options_read(&work, sizeof work, job, "KIN_JOB_INIT") : kin__refuse(KIN_E_ARGUMENT, "job is NULL");
    if (status == KIN_OK) {
        status = check(pool, &work);
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    kin_future *future = calloc(1, sizeof *future);
    if (!future) {
        return kin__malloc_failed();
    }
    future->pool = pool;
    future->work = work;
    status = post_until(future, &work, kin__deadline(timeout));
    if (status != KIN_OK) {
        free(future);
        return kin__told(status);
    }
    *out = future;
    return KIN_OK;
}
