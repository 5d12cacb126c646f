/* external.c: pools whose workers the program starts itself (kin_pool_options.external), as the maker sees them. The
 * worker's side: serve.c. What a worker does once it has a slot: shared.h.
 *
 * ---- A slot ----
 *
 * The worker takes a slot itself. The maker has no thread that could give it one.
 *
 *     who: 0 ──a worker──► its token      by compare-and-swap, in the door
 *          its token ──► 0                the worker when it leaves; the maker for a dead one
 *
 * 1. A free slot's words are those of a worker that has just begun: `job`, `task`, `turn`, `id` and `begun` are 0. The
 *    side that frees a slot clears them first, and `who` last. So a worker that is killed right after it has taken the
 *    slot has no job, and the maker only frees the slot.
 * 2. A worker writes its id before it names a job. No two workers of a pool have the same id until 2^23 have joined. So
 *    the batches that a dead worker had are found by the id in its slot, and a batch's word is not mistaken.
 * 3. A worker that leaves owns no batch, and has set `gone`, before it clears the words. If it is killed there, the
 *    maker frees the slot and does not count it as dead.
 * 4. The token is that of a thread. So the maker notices the death of a process, and also the end of a thread, by
 *    asking whether the token lives. It tries the task again or fails it, as for any worker. Nobody starts another one.
 * 5. Turns are opened and closed as in any pool, but nobody condemns them: kin does not kill these workers.
 *
 * ---- The door ----
 *
 * A worker knows the pool by a ref of its memory. The memory must not be freed while the worker takes a slot.
 *
 *     worker: begins a wait slot on `door` (park.h); sees that the ref is valid, loads `door`, and sees again that the
 *             ref is valid; takes a slot; ends the wait slot
 *     maker:  stores GONE in `door`; waits until no living thread has begun on `door`; waits until each slot is free or
 *             its worker is dead; frees the memory
 *
 * 6. To begin a wait slot writes no byte of the pool: the slot has the word's address. All these steps are sequentially
 *    consistent. So either the worker sees GONE, or the maker sees the worker on `door`, and after that in a slot.
 * 7. What the worker loaded was the pool's `door`, because the ref was valid before and after. A ref's block is never
 *    valid again once it was freed.
 * 8. A worker that is killed in the door does not count: its token is dead.
 * 9. If the maker is killed, nobody frees the memory before the family ends. Workers find that the maker is dead and
 *    leave.
 */
#include "pool/external.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "family/member.h"
#include "family/thread_slot.h"
#include "park/slices.h"
#include "pool/serve.h"
#include "pool/tracking.h"

#define STEP KIN_MS(1) /* how often to look whether all have left */

static kin__worker_slot *slot_of(const kin_pool *pool, uint32_t i)
{
    return &pool->shared->slots[i];
}

/* 0 in a pool that starts its workers itself. */
static uint32_t slots_in(const kin_pool *pool)
{
    return pool->options.external ? kin__pool_slots(pool) : 0;
}

/* The worker of that slot has died. */
static void bury(kin_pool *pool, uint32_t i, uint64_t who)
{
    kin__worker_slot *slot = slot_of(pool, i);
    uint64_t job = atomic_load(&slot->job), task = atomic_load(&slot->task);
    uint32_t id = atomic_load(&slot->id);
    kin_future *future = kin__future_of(pool, job - 1); /* job 0: there is none with that number */
    if (future && id != 0) {
        kin_exit how = {.code = 0, .signal = 0};                     /* not known: the program started it */
        kin__future_lost(future, id, task - 1, how, KIN__TASK_DIED); /* task 0: no such task */
    }
    pool->died += !atomic_load(&slot->gone);
    atomic_compare_exchange_strong(&pool->shared->spinner, &id, 0);
    kin__slot_free(slot, who);
    kin__pool_wake(pool->family, pool->shared, 1); /* the maker may have relied on it: see shared.h, the spinner */
}

void kin__external_tend(kin_pool *pool)
{
    for (uint32_t i = 0; i < slots_in(pool); i++) {
        uint64_t who = atomic_load(&slot_of(pool, i)->who);
        if (who != 0 && !kin__token_alive(pool->family, who)) {
            bury(pool, i, who);
        }
    }
}

uint32_t kin__external_pids(const kin_pool *pool, uint32_t pids[KIN_POOL_WORKERS_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < slots_in(pool); i++) {
        uint64_t who = atomic_load(&slot_of(pool, i)->who);
        uint32_t pid = who != 0 ? kin__token_pid(pool->family, who) : 0;
        if (pid != 0) {
            pids[count++] = pid;
        }
    }
    return count;
}

bool kin__external_any(const kin_pool *pool)
{
    for (uint32_t i = 0; i < slots_in(pool); i++) {
        if (atomic_load(&slot_of(pool, i)->who) != 0) {
            return true;
        }
    }
    return false;
}

static bool is_entered(kin_pool *pool)
{
    kin__seat *seat;
    return kin__seat_take(&seat, pool->family) != KIN_OK ||
           kin__sleepers_alive(seat, &pool->shared->door, KIN__AT_DOOR, KIN__NOBODY, UINT32_MAX) > 0;
}

/* First those in the door: from there they come into the slots. */
static bool has_left(kin_pool *pool)
{
    bool left = !is_entered(pool);
    kin__mutex_lock(&pool->mutex, KIN_OS_NEVER);
    kin__external_tend(pool);
    left = left && !kin__external_any(pool);
    kin__mutex_unlock(&pool->mutex);
    return left;
}

void kin__external_end(kin_pool *pool)
{
    if (!pool->options.external) {
        return;
    }
    atomic_store(&pool->shared->door, KIN__DOOR_GONE);
    while (!has_left(pool)) {
        kin_os_sleep_until(kin_os_now() + STEP);
    }
}

kin_status kin__external_explain(const kin_pool *pool, kin_status status)
{
    return status == KIN_E_TIMED_OUT && pool->options.external && !kin__external_any(pool)
               ? kin__refuse(KIN_E_TIMED_OUT, "the pool has no worker: no process is in kin_pool_work for it")
               : status;
}
