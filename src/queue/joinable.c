/* joinable.c: messages that the consumers of a joinable queue have got and not finished.
 *
 * Each member has a count in the queue's table. A get counts up before it moves the ring's `next`. task_done counts
 * down, in any process: for itself, or for the member that got the message. So a message is always in the ring or in a
 * count. The count of a dead member is ignored, so a kill leaves nothing to clean up.
 *
 *     count: mark of the member (32 bits) | messages (32 bits)
 *
 * The next process that uses a member's index has another token, and so another mark. It starts at 0, under the queue's
 * get_lock. A process that counts down for another one may be slow, and come when the count is the next member's. Then
 * the mark differs, and the count stays as it is.
 *
 * All messages are finished if, at one moment, the ring is empty and the counts of all living members are 0. The counts
 * are loaded one after the other. Meanwhile a task may put another message, a member whose count was already loaded may
 * get it, and the task may finish. So:
 *
 *     1. Load next and tail. As many messages must have been got as put.
 *     2. Load the counts. All must be 0.
 *     3. Load tail. If it differs from 1, begin again.
 *
 * 4. Between 1 and 3 nothing was put, so nothing was got. A count that was 0 has stayed 0.
 * 5. A caller that puts a message and then counts down has stored `tail` before. If 2 loads the count after that, 3
 *    loads the later tail. The exchange of the count and the load in 2 are sequentially consistent, so they
 *    synchronise. The store of tail happens before that exchange, and the load in 3 after that load.
 *
 * Waiters sleep on `finished`, with the flag WAITERS set. A member that brings a count to 0, and then finds the ring
 * empty, wakes them. If the ring is not empty, another count comes to 0 later.
 */
#include "queue/joinable.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "family/member.h"
#include "family/reap.h"
#include "park/slices.h"
#include "queue/ring.h"

#define WAITERS UINT64_C(1)
#define TRIES 1000
#define NOT_JOINABLE "the queue was created without KIN_QUEUE_JOINABLE"

static kin__in_hand *mine(const kin__ring *ring)
{
    return &ring->in_hand[ring->seat->family->self->index];
}

/* A member's mark is the upper half of its token, which has the generation of its entry. */
static uint64_t none_of(uint64_t who)
{
    return who & ~(uint64_t)UINT32_MAX;
}

static bool is_of(uint64_t count, uint64_t who)
{
    return (count ^ who) >> 32 == 0;
}

static uint32_t messages_in(uint64_t count)
{
    return (uint32_t)count;
}

void kin__tasks_got(const kin__ring *ring)
{
    uint64_t me = kin__member_token(ring->seat->family);
    if (!ring->in_hand) {
        return;
    }
    kin__in_hand *it = mine(ring);
    if (atomic_load_explicit(&it->who, memory_order_relaxed) != me) {
        atomic_store_explicit(&it->count, none_of(me), memory_order_relaxed);
        atomic_store(&it->who, me);
    }
    atomic_fetch_add(&it->count, 1);
}

kin_status kin__tasks_getter(uint64_t *getter, const kin__ring *ring)
{
    if (!ring->in_hand) {
        return kin__refuse(KIN_E_UNSUPPORTED, NOT_JOINABLE);
    }
    *getter = kin__member_token(ring->seat->family);
    return KIN_OK;
}

/* it: the entry of the member whose token is who. */
static inline kin_status count_down(const kin__ring *ring, kin__in_hand *it, uint64_t who)
{
    kin_family *family = ring->seat->family;
    uint64_t count = atomic_load(&it->count);
    do {
        if (!is_of(count, who) || messages_in(count) == 0) {
            return kin__refuse(KIN_E_OVERFLOW,
                               "kin_queue_task_done was called more often than the process has got messages");
        }
    } while (!atomic_compare_exchange_weak(&it->count, &count, count - 1));
    if (messages_in(count) == 1 && (atomic_load(&ring->ends->finished) & WAITERS) && kin__ring_count(ring) == 0) {
        kin__unpark_flagged(family, &ring->ends->finished, WAITERS, KIN__ALL);
    }
    return KIN_OK;
}

kin_status kin__tasks_done(const kin__ring *ring)
{
    return ring->in_hand ? count_down(ring, mine(ring), kin__member_token(ring->seat->family))
                         : kin__refuse(KIN_E_UNSUPPORTED, NOT_JOINABLE);
}

kin_status kin__tasks_done_for(const kin__ring *ring, uint64_t who)
{
    kin_family *family = ring->seat->family;
    uint32_t index = kin__member_token_index(who);
    if (!ring->in_hand) {
        return kin__refuse(KIN_E_UNSUPPORTED, NOT_JOINABLE);
    }
    bool counted = index < family->layout.max_members && count_down(ring, &ring->in_hand[index], who) == KIN_OK;
    if (!counted && !kin__member_token_listed(family, who)) {
        return kin__refuse(KIN_E_STALE, "the process that got the message has left the family or died, so the message "
                                        "counts as lost; or this is not a number from kin_queue_getter");
    }
    return counted ? KIN_OK : KIN_E_OVERFLOW;
}

static bool counts_are_0(const kin__ring *ring, bool ask)
{
    kin_family *family = ring->seat->family;
    for (uint32_t i = 0; i < kin__member_end(family); i++) {
        kin__in_hand *it = &ring->in_hand[i];
        uint64_t who = atomic_load(&it->who);
        if (messages_in(atomic_load(&it->count)) > 0 && (!ask || kin__member_token_alive(family, who))) {
            return false;
        }
    }
    return true;
}

static bool all_done(const kin__ring *ring, bool ask)
{
    uint64_t tail;
    for (int tries = 0; tries < TRIES; tries++) {
        if (!kin__ring_drained(ring, &tail) || !counts_are_0(ring, ask)) {
            return false;
        }
        if (atomic_load(&ring->ends->tail) == tail) {
            return true;
        }
    }
    return false; /* other threads keep putting and finishing work */
}

/* Whether a slice ended it. */
static bool sleep_a_slice(const kin__ring *ring, kin__slices *slices)
{
    _Atomic uint64_t *word = &ring->ends->finished;
    kin__slices_begin(ring->seat, slices, word, 1);
    atomic_fetch_or(word, WAITERS);
    bool slept = !all_done(ring, false);
    if (slept && !kin__slices_sleep(ring->seat, slices) && all_done(ring, false)) {
        kin__slices_forgotten(ring->seat, &ring->ends->tail);
    }
    return !kin__park_end(ring->seat) && slept;
}

kin_status kin__tasks_join(const kin__ring *ring, int64_t timeout)
{
    kin_family *family = ring->seat->family;
    kin__slices slices = kin__slices_interruptible(ring->seat, kin__deadline(timeout), false);
    bool ask = true; /* the first time, and at the end of each slice */
    kin_status status = ring->in_hand ? KIN_OK : kin__refuse(KIN_E_UNSUPPORTED, NOT_JOINABLE);
    while (status == KIN_OK && !all_done(ring, ask)) {
        status = kin_os_now() >= slices.deadline ? KIN_E_TIMED_OUT : ask ? kin__member_check(family) : KIN_OK;
        ask = status == KIN_OK && sleep_a_slice(ring, &slices);
    }
    if (slices.dead) {
        kin__reap_all(family);
    }
    return kin__slices_status(&slices, status);
}
