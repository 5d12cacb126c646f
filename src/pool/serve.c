/* serve.c: kin_pool_work: the calling thread is a worker of a pool that another process has. Protocol: external.c. */
#include "pool/serve.h"

#include "base/last_error.h"
#include "family/input.h"
#include "family/member.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "kin/ref.h"
#include "park/park.h"
#include "pool/maker.h"
#include "pool/worker.h"
#include "process/arguments.h"

void kin__slot_free(kin__worker_slot *slot, uint64_t who)
{
    atomic_store(&slot->job, 0);
    atomic_store(&slot->task, 0);
    atomic_store(&slot->turn, 0);
    atomic_store(&slot->id, 0);
    atomic_store(&slot->begun, 0);
    atomic_compare_exchange_strong(&slot->who, &who, 0);
}

kin_status kin_pool_ref(kin_ref *out, kin_pool *pool)
{
    kin_status status = out ? kin__pool_enter(pool) : kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    status = pool->options.external ? kin_ref_of(out, KIN_TYPE_MEMORY, pool->memory)
                                    : kin__refuse(KIN_E_UNSUPPORTED, "the pool starts its own workers: create it with "
                                                                     "options.external to work in it");
    kin__pool_leave(pool);
    return kin__told(status);
}

/* ---- the door ---- */

#define not_a_pool() kin__refuse(KIN_E_TYPE, "the reference is not one of kin_pool_ref")

/* The pool in a block of memory, if it is one of which all may be touched. */
static kin_status look_at(kin__pool **out, void *memory)
{
    size_t room;
    kin_status status = kin_alloc_size(memory, &room);
    if (status != KIN_OK || room < sizeof(kin__pool) + KIN__LINE_SLACK) {
        return not_a_pool();
    }
    kin__pool *pool = kin__line(memory);
    if (kin__read_u64(&pool->kind) != KIN__POOL_KIND || !kin__read_u32(&pool->external)) {
        return not_a_pool();
    }
    *out = pool;
    return KIN_OK;
}

/* The pool that the ref names. Its block may be freed, and used again, at any moment: what was seen is true if the ref
 * is still valid after that. */
static kin_status find(kin__pool **out, kin_ref ref)
{
    void *memory;
    kin_status status = kin_ref_get(&memory, KIN_TYPE_MEMORY, ref);
    if (status != KIN_OK) {
        return status;
    }
    kin_status looked = look_at(out, memory);
    status = kin_ref_get(&memory, KIN_TYPE_MEMORY, ref);
    return status == KIN_OK ? looked : status;
}

static void cover(_Atomic uint32_t *end, uint32_t index)
{
    uint32_t known = atomic_load(end);
    while (known <= index && !atomic_compare_exchange_weak(end, &known, index + 1)) {
    }
}

/* Takes a free slot for the thread. */
static kin_status take_slot(kin__service *how, uint64_t token)
{
    kin__pool *pool = how->pool;
    for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
        uint64_t nobody = 0;
        if (atomic_load(&pool->slots[i].who) != 0) {
            continue;
        }
        cover(&pool->slots_end, i);
        if (atomic_compare_exchange_strong(&pool->slots[i].who, &nobody, token)) {
            atomic_store(&pool->slots[i].gone, 0);
            atomic_store(&pool->slots[i].leave, 0);
            how->slot = i;
            how->id = (atomic_fetch_add(&pool->next_id, 1) & 0x7fffff) << 8 | (i + 1);
            atomic_store(&pool->slots[i].id, how->id);
            atomic_fetch_add(&pool->joined, 1);
            return KIN_OK;
        }
    }
    return kin__refuse(KIN_E_LIMIT, "the pool has KIN_POOL_WORKERS_MAX workers");
}

/* Between begin and end on the door. */
static kin_status enter(kin__service *how, kin_ref ref, uint64_t token)
{
    kin__pool *pool = how->pool;
    atomic_thread_fence(memory_order_seq_cst); /* what a ref's check loads comes after the wait slot's begin, too */
    kin_status status = find(&pool, ref);
    if (status != KIN_OK) {
        return status;
    }
    uint64_t door = atomic_load(&pool->door);
    status = find(&pool, ref);
    if (status == KIN_OK && door == KIN__DOOR_GONE) {
        status = kin__refuse(KIN_E_STALE, "the pool is being destroyed");
    }
    return status == KIN_OK ? take_slot(how, token) : status;
}

static kin_status come_in(kin__service *how, kin_ref ref, uint64_t *token)
{
    kin__seat *seat;
    kin_status status = find(&how->pool, ref);
    if (status != KIN_OK) {
        return status;
    }
    how->family = kin__family_at(how->pool);
    status = kin__seat_take(&seat, how->family);
    if (status != KIN_OK) {
        return status;
    }
    *token = seat->token;
    kin__park_begin(seat, &how->pool->door, KIN__AT_DOOR);
    status = enter(how, ref, seat->token);
    kin__park_end(seat);
    return status;
}

/* ---- work ---- */

static kin_status read_shared_args(kin_args **out, const kin__service *how, kin_ref ref)
{
    void *memory;
    uint64_t size = kin__read_u64(&how->pool->args_size);
    kin_status status = kin_ref_get(&memory, KIN_TYPE_MEMORY, ref);
    if (status != KIN_OK || size == 0) {
        return status;
    }
    uint64_t at = kin__offset(how->family, memory) + kin__read_u64(&how->pool->args_at);
    return kin__worker_read_args(out, how->family, at, size);
}

static kin_status serve(kin__service *how, kin_ref ref)
{
    static const kin_args nothing;
    kin_args *shared = NULL;
    kin_task initial;
    int failed;
    kin_status status = kin__member_token_alive(how->family, kin__read_u64(&how->pool->maker))
                            ? read_shared_args(&shared, how, ref)
                            : KIN_E_CLOSED;
    if (status == KIN_OK) {
        how->shared = shared ? shared : &nothing;
        status = kin__worker_serve(how, &initial, &failed);
    }
    kin__worker_free_args(shared);
    if (status == KIN_E_TASK) {
        return kin__explain(KIN_E_TASK, "the pool's initializer returned %d: %.*s", failed, (int)sizeof initial.message,
                            initial.message);
    }
    return status == KIN_E_CLOSED ? kin__refuse(KIN_E_CLOSED, "the process that owns the pool has ended") : status;
}

kin_status kin_pool_work(kin_ref pool, uint64_t max_tasks, int64_t timeout)
{
    uint64_t token;
    kin__service how = {.max_tasks = max_tasks, .timeout = timeout, .by = kin__interrupt_mine()};
    if (timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "timeout is negative");
    }
    kin_status status = come_in(&how, pool, &token);
    if (status == KIN_OK) {
        status = serve(&how, pool);
        kin__slot_free(&how.pool->slots[how.slot], token);
    }
    return kin__told(status);
}
