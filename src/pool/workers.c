/* crew.c: a pool's workers, started, watched and replaced by its maker. */
#include "pool/shared.h"

#include <stdlib.h>

#define LEAVE_PATIENCE KIN_SECONDS(1) /* for one that has said it is gone */

static kin__place *place_of(const kin_pool *pool, uint32_t i)
{
    return &pool->shared->places[i];
}

/* ---- starting ---- */

/* The pool's arguments, and what makes it this worker. */
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
    status = kin_args_add(args, KIN__WORKER_POOL, KIN_TYPE_MEMORY, pool->memory);
    if (status == KIN_OK) {
        status = kin_args_add_bytes(args, KIN__WORKER_PLACE, order, 2 * sizeof *order);
    }
    if (status != KIN_OK) {
        kin_args_destroy(args);
        return status;
    }
    *out = args;
    return KIN_OK;
}

static kin_status start(kin_pool *pool, uint32_t i)
{
    kin_process_options options = KIN_PROCESS_OPTIONS;
    kin__place *place = place_of(pool, i);
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
    atomic_store(&place->job, 0);
    atomic_store(&place->task, 0);
    atomic_store(&place->begun, 0);
    atomic_store(&place->leave, 0);
    atomic_store(&place->gone, 0);
    pool->hands[i] = (kin__hand){.id = order[1]};
    status = kin_process_start(&pool->hands[i].process, KIN__WORKER_ENTRY, args, &options);
    pool->started += status == KIN_OK;
    kin_args_destroy(args);
    return status;
}

static void fail(kin_pool *pool)
{
    uint32_t most = pool->options.max_failures;
    pool->failures++;
    if (pool->failures >= (most > 0 ? most : 4 + pool->workers)) {
        pool->broken = true;
    }
}

static bool needs_workers(const kin_pool *pool)
{
    if (!pool->closed) {
        return true;
    }
    for (const kin_future *f = pool->active.head; f; f = f->after) {
        if (kin__future_open(f)) {
            return true;
        }
    }
    return false;
}

kin_status kin__crew_fill(kin_pool *pool)
{
    kin_status status = KIN_OK;
    for (uint32_t i = 0; i < pool->workers && !pool->ended && !pool->broken; i++) {
        if (!pool->hands[i].process && needs_workers(pool)) {
            status = start(pool, i);
            if (status != KIN_OK) { /* as long as others work it can wait */
                if (kin__crew_count(pool) == 0) {
                    fail(pool);
                }
                return status;
            }
        }
    }
    return status;
}

/* ---- watching ---- */

uint32_t kin__crew_count(const kin_pool *pool)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
        count += pool->hands[i].process != NULL;
    }
    return count;
}

kin_process *kin__crew_any(const kin_pool *pool)
{
    for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
        if (pool->hands[i].process) {
            return pool->hands[i].process;
        }
    }
    return NULL;
}

bool kin__crew_looks_at(const kin_pool *pool, uint64_t number)
{
    for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
        if (pool->hands[i].process && atomic_load(&place_of(pool, i)->job) == number + 1) {
            return true;
        }
    }
    return false;
}

/* It has ended. */
static void take_off(kin_pool *pool, uint32_t i)
{
    kin__hand *hand = &pool->hands[i];
    kin__place *place = place_of(pool, i);
    kin_exit how = {0, 0};
    kin_process_join(hand->process, KIN_NOW, &how);
    kin_process_close(hand->process);
    hand->process = NULL;
    uint64_t job = atomic_load(&place->job), task = atomic_load(&place->task);
    kin_future *future = job > 0 ? kin__future_of(pool, job - 1) : NULL;
    if (future) {
        bool late = hand->late_task > 0 && hand->late_job == job && hand->late_task == task;
        bool by_mistake = hand->late_task > 0 && !late; /* it had just begun the next one: that is begun anew */
        kin__future_lost(future, hand->id, task > 0 && !by_mistake ? task - 1 : UINT64_MAX, how, late);
    }
    if (!atomic_load(&place->begun) && !pool->ended) {
        pool->last = how;
        fail(pool);
    }
    uint32_t id = hand->id;
    atomic_compare_exchange_strong(&pool->shared->spinner, &id, 0);
    kin__pool_call(pool->family, pool->shared, 1); /* somebody had perhaps counted on this one */
    pool->died += !atomic_load(&place->gone) && !pool->ended;
}

/* A task that takes too long is killed with its worker. */
static void keep_limit(kin_pool *pool, uint32_t i, int64_t now)
{
    kin__place *place = place_of(pool, i);
    uint64_t job = atomic_load(&place->job), task = atomic_load(&place->task);
    kin_future *future = job > 0 && task > 0 ? kin__future_of(pool, job - 1) : NULL;
    if (!future || future->plan.limit == 0) {
        return;
    }
    int64_t since = atomic_load(&place->since);
    if (now - since > future->plan.limit && atomic_load(&place->task) == task && atomic_load(&place->job) == job &&
        atomic_load(&place->since) == since) {
        pool->hands[i].late_job = job;
        pool->hands[i].late_task = task;
        kin_process_kill(pool->hands[i].process);
        kin_process_join(pool->hands[i].process, LEAVE_PATIENCE, NULL);
    }
}

static void look_at(kin_pool *pool, uint32_t i, int64_t now)
{
    kin__hand *hand = &pool->hands[i];
    kin__place *place = place_of(pool, i);
    if (!hand->begun && atomic_load(&place->begun)) {
        hand->begun = true;
        pool->failures = 0;
    }
    keep_limit(pool, i, now);
    if (i >= pool->workers && !atomic_load(&place->leave)) {
        atomic_store(&place->leave, 1);
    }
    if (atomic_load(&place->gone)) {
        kin_process_join(hand->process, LEAVE_PATIENCE, NULL);
    }
    if (!kin_process_alive(hand->process)) {
        take_off(pool, i);
    }
}

static void cancel_all(kin_pool *pool)
{
    for (kin_future *f = pool->active.head; f; f = f->after) {
        kin__future_cancel(f);
    }
}

void kin__crew_tend(kin_pool *pool)
{
    int64_t now = kin_os_now();
    for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
        if (pool->hands[i].process) {
            look_at(pool, i, now);
        }
    }
    kin__crew_fill(pool);
    if (pool->ended || (pool->broken && kin__crew_count(pool) == 0)) {
        cancel_all(pool);
    }
}

void kin__crew_kill(kin_pool *pool)
{
    pool->ended = true;
    for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
        if (pool->hands[i].process) {
            kin_process_kill(pool->hands[i].process);
        }
    }
    for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
        if (pool->hands[i].process &&
            kin_process_join(pool->hands[i].process, LEAVE_PATIENCE, NULL) != KIN_E_TIMED_OUT) {
            take_off(pool, i);
        }
    }
    cancel_all(pool);
}
