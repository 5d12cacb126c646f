/* pool.c: the public functions of pools, and looking after them. Protocol: shared.h. */
#include "pool/pool.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "base/sized.h"
#include "family/create.h"
#include "family/join.h"
#include "family/member.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "park/park.h"
#include "pool/external.h"
#include "pool/functions.h"
#include "pool/job.h"
#include "pool/maker.h"
#include "pool/shared.h"
#include "pool/tracking.h"
#include "pool/workers.h"
#include "process/arguments.h"

#include <stdlib.h>
#include <string.h>

/* ---- looking after it ---- */

static bool is_due(kin_pool *pool, bool force)
{
    int64_t now = kin_os_now();
    if (!force && now - atomic_load_explicit(&pool->tended, memory_order_relaxed) < KIN__POOL_SLICE) {
        return false;
    }
    atomic_store_explicit(&pool->tended, now, memory_order_relaxed);
    return true;
}

/* Under the pool's lock, which it releases for the calls. The caller is a user of the pool. */
static void tell(kin_pool *pool)
{
    kin_future *ended;
    while ((ended = kin__future_to_tell(pool)) != NULL) {
        kin__mutex_unlock(&pool->mutex);
        ended->work.finished(ended->work.context, ended);
        kin__mutex_lock(&pool->mutex, KIN_OS_NEVER);
        kin__future_told(ended);
    }
}

void kin__pool_tell(kin_pool *pool)
{
    if (kin__pool_enter(pool) == KIN_OK) {
        pool->users++;
        tell(pool);
        pool->users--;
        kin__pool_leave(pool);
    }
}

void kin__pool_tend(kin_pool *pool, bool force)
{
    if (!is_due(pool, force) || kin__pool_enter(pool) != KIN_OK) {
        return;
    }
    pool->users++;
    kin__workers_tend(pool);
    if (kin__workers_await_leaving(pool)) {
        kin__workers_tend(pool);
    }
    kin__futures_tend(pool);
    tell(pool);
    pool->users--;
    kin__pool_leave(pool);
}

void kin__pool_tend_since(kin_pool *pool, int64_t time)
{
    if (kin__workers_left(pool) || atomic_load_explicit(&pool->tended, memory_order_relaxed) < time) {
        kin__pool_tend(pool, true);
    }
}

/* ---- made ---- */

static kin_status make_shared(kin_pool *pool)
{
    const size_t args_at = sizeof *pool->shared + KIN__LINE_SLACK;
    kin__writer measure = {NULL, 0, 0};
    if (pool->options.external && pool->options.args) {
        kin__args_write(&measure, pool->options.args);
    }
    kin_status status = kin_alloc(&pool->memory, pool->family, args_at + measure.used);
    if (status != KIN_OK) {
        return status;
    }
    if (measure.used > 0) {
        kin__writer out = {(unsigned char *)pool->memory + args_at, measure.used, 0};
        kin__args_write(&out, pool->options.args);
    }
    pool->shared = kin__line(pool->memory);
    pool->shared->kind = KIN__POOL_KIND;
    pool->shared->external = pool->options.external != 0;
    pool->shared->args_at = args_at;
    pool->shared->args_size = measure.used;
    pool->maker = kin__member_token(pool->family);
    pool->shared->maker = pool->maker;
    pool->shared->max_tasks = pool->options.max_tasks;
    if (pool->options.initializer) {
        memcpy(pool->shared->initializer, pool->options.initializer, strlen(pool->options.initializer));
    }
    return KIN_OK;
}

static kin_status check(kin_pool_options *out, const kin_pool_options *options)
{
    kin_status status = kin__options_read(out, sizeof *out, options, "KIN_POOL_OPTIONS_INIT");
    if (status != KIN_OK) {
        return status;
    }
    if (out->workers > KIN_POOL_WORKERS_MAX) {
        return kin__refuse(KIN_E_ARGUMENT, "options->workers is more than KIN_POOL_WORKERS_MAX");
    }
    if (out->initializer && !kin__function_find(out->initializer)) {
        return kin__function_missing(out->initializer);
    }
    if (out->external && out->max_tasks > 0) {
        return kin__refuse(KIN_E_ARGUMENT, "options->max_tasks is for workers that kin starts: see kin_pool_work");
    }
    if (out->external && out->args && out->args->handle_count > 0) {
        return kin__refuse(KIN_E_UNSUPPORTED, "options->args cannot carry handles to workers that kin does not start");
    }
    if (out->args && out->args->count > KIN_ARGS_MAX - 2) {
        return kin__refuse(KIN_E_LIMIT, "options->args has more than 62 arguments");
    }
    return KIN_OK;
}

static kin_status start_all(kin_pool *pool)
{
    kin_status status = make_shared(pool);
    if (status != KIN_OK) {
        return status;
    }
    pool->size = pool->options.workers > 0 ? pool->options.workers : kin_cpu_count();
    pool->size = pool->size < KIN_POOL_WORKERS_MAX ? pool->size : KIN_POOL_WORKERS_MAX;
    if (pool->options.external) {
        return KIN_OK;
    }
    status = kin__workers_room(pool, pool->size);
    if (status == KIN_OK) {
        status = kin__workers_fill(pool);
    }
    if (status != KIN_OK) {
        kin__workers_kill(pool);
        kin_free(pool->memory);
    }
    return status;
}

kin_status kin_pool_create(kin_pool **out, kin_family *family, const kin_pool_options *options)
{
    kin_pool_options checked;
    kin_status status = out ? check(&checked, options) : kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    if (status == KIN_OK) {
        status = kin__family_resolve(&family, family);
    }
    if (status == KIN_OK) {
        status = kin__member_join(family);
    }
    kin_pool *pool = status == KIN_OK ? calloc(1, sizeof *pool) : NULL;
    if (!pool) {
        return kin__told(status == KIN_OK ? kin__malloc_failed() : status);
    }
    pool->family = family;
    pool->options = checked;
    pool->users = 1;
    status = start_all(pool);
    if (status != KIN_OK) {
        free(pool);
        return kin__told(status);
    }
    *out = pool;
    return KIN_OK;
}

/* ---- used ---- */

kin_status kin_pool_poll(kin_pool *pool)
{
    kin_status status = kin__pool_enter(pool);
    if (status == KIN_OK) {
        kin__pool_leave(pool);
        kin__pool_tend(pool, true);
    }
    return kin__told(status);
}

/* Wakes all workers. Each checks whether it has to leave, and whether the pool is closed. */
static void wake_all(kin_pool *pool)
{
    kin__pool_wake(pool->family, pool->shared, KIN__ALL);
}

kin_status kin_pool_resize(kin_pool *pool, uint32_t workers)
{
    if (workers == 0 || workers > KIN_POOL_WORKERS_MAX) {
        return kin__refuse(KIN_E_ARGUMENT, "workers is 0, or workers is more than KIN_POOL_WORKERS_MAX");
    }
    kin_status status = kin__pool_enter(pool);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if (pool->options.external) {
        status = kin__refuse(KIN_E_UNSUPPORTED, "kin does not start the workers of an external pool");
    } else if (pool->closed || pool->ended || pool->broken) {
        status = KIN_E_CLOSED;
    } else {
        status = kin__workers_room(pool, workers);
    }
    if (status == KIN_OK) {
        pool->size = workers;
        for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
            atomic_store(&pool->shared->slots[i].leave, i >= workers);
        }
        wake_all(pool);
        status = kin__workers_fill(pool);
    }
    kin__pool_leave(pool);
    return kin__told(status);
}

kin_status kin_pool_inspect(kin_pool *pool, kin_pool_info *info)
{
    kin_status status = kin__info_check(info, "KIN_POOL_INFO_INIT");
    if (status == KIN_OK) {
        status = kin__pool_enter(pool);
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    kin_pool_info own = {.workers = pool->size,
                         .started = pool->started,
                         .died = pool->died,
                         .closed = pool->closed || pool->ended,
                         .broken = pool->broken,
                         .last = pool->last,
                         .status = pool->status};
    memcpy(own.message, pool->message, sizeof own.message);
    for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
        if (pool->workers[i].process) {
            own.pids[own.alive++] = kin_process_pid(pool->workers[i].process);
        }
    }
    if (pool->options.external) {
        own.started = atomic_load(&pool->shared->joined);
        own.alive = kin__external_pids(pool, own.pids);
    }
    kin__pool_leave(pool);
    kin__info_write(info, &own, sizeof own);
    return KIN_OK;
}

/* ---- ended ---- */

kin_status kin_pool_close(kin_pool *pool)
{
    kin_status status = kin__pool_enter(pool);
    if (status == KIN_OK) {
        pool->closed = true;
        atomic_store(&pool->shared->closed, 1);
        wake_all(pool);
        kin__pool_leave(pool);
    }
    return kin__told(status);
}

kin_status kin_pool_terminate(kin_pool *pool)
{
    kin_status status = kin__pool_enter(pool);
    if (status == KIN_OK) {
        atomic_store(&pool->shared->closed, 1);
        kin__workers_kill(pool);
        kin__futures_tend(pool);
        kin__pool_leave(pool);
    }
    return kin__told(status);
}

/* Waits a slice for a worker's end. Under the pool's lock, which it releases meanwhile. KIN_E_BUSY: not all have ended.
 */
static kin_status join_some(kin_pool *pool, kin__interrupt *by, int64_t deadline)
{
    int64_t now = kin_os_now();
    if (!kin__workers_await_any(pool, kin__slice_end(now, KIN__POOL_SLICE, deadline))) {
        if (!pool->active.head && !kin__external_any(pool)) {
            return KIN_OK;
        }
        kin__mutex_unlock(&pool->mutex); /* a worker is yet to be started */
        kin_os_sleep_until(kin__slice_end(now, KIN_MS(1), deadline));
        kin__mutex_lock(&pool->mutex, KIN_OS_NEVER);
    }
    kin_status status = kin__interrupt_or_timeout(by, now, deadline);
    return status == KIN_OK ? KIN_E_BUSY : status;
}

kin_status kin_pool_join(kin_pool *pool, int64_t timeout)
{
    if (timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "timeout is negative");
    }
    kin_status status = kin__pool_enter(pool);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    int64_t deadline = kin__deadline(timeout);
    bool closed = pool->closed || pool->ended;
    pool->users++;
    status = KIN_E_BUSY;
    while (closed && status == KIN_E_BUSY) {
        kin__mutex_unlock(&pool->mutex);
        kin__pool_tend(pool, true);
        kin__mutex_lock(&pool->mutex, KIN_OS_NEVER);
        status = join_some(pool, kin__interrupt_mine(), deadline);
    }
    pool->users--;
    kin__pool_leave(pool);
    return kin__told(status);
}

/* True for the first call only. The second call may come from a callback, which gets the cancelled work. */
static bool begin_to_destroy(kin_pool *pool)
{
    bool first = kin__pool_enter(pool) == KIN_OK;
    if (first) {
        first = !pool->destroyed;
        pool->destroyed = true;
        kin__pool_leave(pool);
    }
    return first;
}

void kin_pool_destroy(kin_pool *pool)
{
    if (!pool || !begin_to_destroy(pool)) {
        return;
    }
    int before = kin_os_error();
    kin_pool_terminate(pool);
    kin__pool_tend(pool, true);
    kin__external_end(pool);
    if (kin__pool_enter(pool) == KIN_OK) {
        kin__futures_free(pool, KIN__FREE_ALL); /* no worker looks at their jobs any more */
        pool->users--;
        kin__pool_leave(pool);
    }
    kin_os_error_set(before);
}
