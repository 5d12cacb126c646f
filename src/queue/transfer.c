/* transfer.c: putting messages into a queue's ring, and getting them out. The ring and its states: ring.c. Waiting:
 * waiting.c. This file has the ring's two locks.
 *
 * put_lock guards the producers' part of the ring, get_lock the consumers'. Each is an owner lock, so its next owner
 * learns that a holder has died. A put is one lock, the copy, one store of `tail`, one unlock. Each side keeps a copy
 * of the other side's mark, and reads the mark itself only if the copy shows no room or no message. A thread may
 * acquire get_lock while it holds put_lock, never the other way round.
 */
#include "queue/transfer.h"

#include "base/last_error.h"
#include "park/owner_lock.h"
#include "park/park.h"
#include "queue/joinable.h"
#include "queue/large.h"
#include "queue/waiting.h"

#include <string.h>

#define MOMENT                                                                                                         \
    KIN_MS(100) /* how long a call with KIN_NOW waits for the lock: the lock's holder works, and does not sleep */

/* ---- the locks ---- */

static kin_status enter(const kin__ring *ring, kin__lock *lock, int64_t timeout)
{
    kin_status status = kin__lock_acquire(ring->seat, lock, timeout < MOMENT ? MOMENT : timeout);
    if (status == KIN_OWNER_DIED) {
        if (lock == &ring->ends->put_lock) {
            kin__ring_mend_put(ring);
        } else {
            kin__ring_mend_get(ring);
        }
        status = kin__lock_repair(ring->seat, lock);
    }
    return status;
}

static void leave(const kin__ring *ring, kin__lock *lock)
{
    kin__lock_release(ring->seat, lock);
}

/* ---- producers ---- */

static void fill(kin__record *record, const kin_message *message)
{
    atomic_store_explicit(&record->length, (uint32_t)message->size, memory_order_relaxed);
    if (message->size > 0) {
        memcpy(record + 1, message->data, message->size);
    }
    atomic_store_explicit(&record->owner, KIN__READY, memory_order_relaxed);
}

/* Units that a message takes in the ring. */
static uint32_t units_for(const kin__ring *ring, const kin__putting *it, size_t size)
{
    return it->large && size > kin__ring_capacity(ring) ? KIN__LARGE_UNITS : (uint32_t)kin__ring_need(size);
}

/* Under put_lock: puts a message that is larger than the ring, and publishes it, with those before it. */
static kin_status put_large(const kin__ring *ring, kin__putting *it, uint64_t *tail)
{
    const kin_message *message = &it->messages[it->done];
    const uint64_t before = *tail;
    kin__record *record;
    kin__large *block;
    kin__ring_publish(ring, before);
    kin_status status = kin__large_ready(ring);
    if (status == KIN_OK) {
        status = kin__ring_claim(ring, tail, KIN__LARGE_UNITS, &record);
    }
    if (status != KIN_OK) {
        return status;
    }
    status = kin__large_make(&block, ring, record, message->size);
    if (status != KIN_OK) {
        kin__ring_unclaim(ring, before);
        *tail = before;
        return status;
    }
    it->reserved = block + 1;
    if (!it->reserve) {
        memcpy(block + 1, message->data, message->size);
        atomic_store_explicit(&record->owner, KIN__READY, memory_order_relaxed);
    }
    kin__ring_publish(ring, *tail);
    kin__large_settle(ring);
    return KIN_OK;
}

/* word: `writable`. */
static kin_status may_put(const kin__ring *ring, kin__putting *it, uint64_t word)
{
    it->held = kin__queue_held_back(word, &ring->ends->put_barged, &ring->ends->put_limit, it->turn || it->now);
    return word & KIN__CLOSED ? KIN_E_CLOSED : it->held ? KIN_E_TIMED_OUT : KIN_OK;
}

/* Under put_lock: puts a message into the ring, behind *tail, which the caller publishes. */
static inline kin_status put_small(const kin__ring *ring, kin__putting *it, uint64_t *tail)
{
    const kin_message *message = &it->messages[it->done];
    kin__record *record;
    kin_status status = kin__ring_claim(ring, tail, (uint32_t)kin__ring_need(message->size), &record);
    if (status == KIN_OK && it->reserve) {
        atomic_store_explicit(&record->length, (uint32_t)message->size, memory_order_relaxed);
        it->reserved = record + 1;
    } else if (status == KIN_OK) {
        fill(record, message);
    }
    return status;
}

/* The same for messages of any size. Not in one loop with those that are known to fit: that made these slower. */
static kin_status put_mixed(const kin__ring *ring, kin__putting *it, uint64_t *tail)
{
    kin_status status = KIN_OK;
    while (status == KIN_OK && it->done < it->count) {
        bool large = it->messages[it->done].size > kin__ring_capacity(ring);
        status = large ? put_large(ring, it, tail) : put_small(ring, it, tail);
        it->done += status == KIN_OK;
    }
    return status;
}

/* Under put_lock. KIN_E_TIMED_OUT: no room for all, or held back. */
static kin_status put_what_fits(const kin__ring *ring, kin__putting *it)
{
    uint64_t start = atomic_load_explicit(&ring->ends->tail, memory_order_relaxed);
    uint64_t tail = start, word = atomic_load(&ring->ends->writable);
    size_t before = it->done;
    kin_status status = word != 0 ? may_put(ring, it, word) : KIN_OK;
    if (it->large && status == KIN_OK) {
        status = put_mixed(ring, it, &tail);
    }
    while (status == KIN_OK && it->done < it->count) {
        status = put_small(ring, it, &tail);
        it->done += status == KIN_OK;
    }
    if (tail != start) {
        kin__ring_publish(ring, tail);
    }
    if (word != 0) {
        kin__queue_served(word, &ring->ends->put_barged, it->turn, it->done - before);
    }
    it->padded = tail != start && status == KIN_E_TIMED_OUT;
    return status;
}

kin_status kin__queue_make_room(const kin__ring *ring, bool ask)
{
    kin__first first;
    if (!ask && !kin__ring_reclaimable(ring)) {
        return KIN_OK;
    }
    kin_status status = enter(ring, &ring->ends->get_lock, KIN_NOW);
    if (status != KIN_OK) {
        return status == KIN_E_TIMED_OUT ? KIN_OK : status;
    }
    status = kin__ring_first(ring, ask, &first); /* passes over padding */
    if (status != KIN_E_DAMAGED) {
        status = kin__ring_reclaim(ring, ask);
    }
    leave(ring, &ring->ends->get_lock);
    return status;
}

static kin_status put_once(const kin__ring *ring, kin__putting *it, int64_t timeout)
{
    size_t before = it->done;
    kin_status status = enter(ring, &ring->ends->put_lock, timeout);
    if (status == KIN_OK) {
        status = put_what_fits(ring, it);
        leave(ring, &ring->ends->put_lock);
        if (it->done > before && !it->reserve) {
            kin__queue_wake_readers(ring);
        }
    }
    return status;
}

static kin_status put_waiting(const kin__ring *ring, kin__putting *it, int64_t timeout)
{
    kin__waiting w = {.timeout = timeout};
    kin_status status;
    it->now = timeout == KIN_NOW;
    do {
        w.units = units_for(ring, it, it->messages[it->done].size);
        w.held = it->held;
        status = kin__queue_wait(ring, &w);
        it->held = false;
        it->turn = w.turn;
        if (status == KIN_OK) {
            status = kin__queue_make_room(ring, w.ask);
        }
        if (status != KIN_OK) {
            break;
        }
        status = put_once(ring, it, w.deadline - w.now);
        if (status == KIN_E_TIMED_OUT && it->padded) { /* the ring may contain nothing but the padding */
            status = kin__queue_make_room(ring, false);
            status = status == KIN_OK ? put_once(ring, it, w.deadline - w.now) : status;
        }
    } while (status == KIN_E_TIMED_OUT);
    kin__queue_pass_on(ring, &w);
    return status;
}

kin_status kin__queue_put(const kin__ring *ring, kin__putting *it, int64_t timeout)
{
    kin_status status = put_once(ring, it, timeout);
    return status == KIN_E_TIMED_OUT ? put_waiting(ring, it, timeout) : status;
}

/* ---- consumers ---- */

/* Gives the caller the record's message, which lies at bytes: in the record, or in a block of its own (large). */
static inline kin_status take(const kin__ring *ring, kin__getting *it, kin__first *first, void *bytes, size_t size,
                              bool large)
{
    kin_message *message = &it->messages[it->done];
    message->size = size;
    if (it->peek) {
        message->data = bytes;
        atomic_store_explicit(&first->record->owner, ring->seat->token | KIN__TAKEN, memory_order_relaxed);
        first->state = KIN__TAKEN;
    } else if (size > message->capacity) {
        return kin__buffer_short("message", size, message->capacity);
    } else if (size > 0) {
        memcpy(message->data, bytes, size);
    }
    if (it->stay) {
        it->done++;
        return KIN_OK;
    }
    kin__tasks_got(ring);
    it->done++;
    if (large) {
        kin__ring_pass_slowly(ring, first, it->done);
    } else {
        kin__ring_pass(ring, first, it->done);
    }
    return KIN_OK;
}

static kin_status get_large(const kin__ring *ring, kin__getting *it, kin__first *first)
{
    kin__large *block;
    uint64_t size;
    return kin__large_open(ring, first->record, &block, &size) ? take(ring, it, first, block + 1, (size_t)size, true)
                                                               : KIN_E_DAMAGED;
}

static kin_status get_one(const kin__ring *ring, kin__getting *it, kin__first *first)
{
    uint32_t length = atomic_load_explicit(&first->record->length, memory_order_relaxed);
    if (kin__ring_need(length) > first->units) {
        return length == KIN__LARGE ? get_large(ring, it, first) : KIN_E_DAMAGED;
    }
    return take(ring, it, first, first->record + 1, length, false);
}

/* Under get_lock. KIN_OK: at least one. KIN_E_TIMED_OUT: nothing there, or held back. */
static kin_status get_what_is_there(const kin__ring *ring, kin__getting *it, bool ask)
{
    uint64_t word = it->stay ? 0 : atomic_load(&ring->ends->readable); /* a copy takes nobody's turn */
    it->held =
        word != 0 && kin__queue_held_back(word, &ring->ends->get_barged, &ring->ends->get_limit, it->turn || it->now);
    kin_status status = it->held ? KIN_E_TIMED_OUT : KIN_OK;
    while (status == KIN_OK && it->done < it->count) {
        kin__first first;
        status = kin__ring_first(ring, ask, &first);
        if (status == KIN_OK) {
            status = get_one(ring, it, &first);
        }
    }
    kin__ring_got(ring);
    if (word != 0) {
        kin__queue_served(word, &ring->ends->get_barged, it->turn, it->done);
    }
    return it->done > 0 ? KIN_OK : status;
}

static kin_status get_once(const kin__ring *ring, kin__getting *it, int64_t timeout, bool ask)
{
    kin_status status = enter(ring, &ring->ends->get_lock, timeout);
    if (status == KIN_OK) {
        status = get_what_is_there(ring, it, ask);
        leave(ring, &ring->ends->get_lock);
        if (status == KIN_OK) {
            kin__queue_wake_writers(ring);
        }
    }
    return status;
}

static kin_status get_waiting(const kin__ring *ring, kin__getting *it, int64_t timeout)
{
    kin__waiting w = {.timeout = timeout};
    kin_status status;
    it->now = timeout == KIN_NOW;
    do {
        w.held = it->held;
        status = kin__queue_wait(ring, &w);
        it->turn = w.turn;
        if (status != KIN_OK) {
            break;
        }
        bool last = kin__queue_closed(ring); /* loaded first: messages put before the closing are still got */
        status = get_once(ring, it, w.deadline - w.now, w.ask);
        if (status == KIN_E_TIMED_OUT && last && !it->held && kin__ring_count(ring) == 0) { /* else: no lock in time */
            status = KIN_E_CLOSED;
        }
    } while (status == KIN_E_TIMED_OUT || status == KIN_E_BUSY);
    kin__queue_pass_on(ring, &w);
    return status;
}

kin_status kin__queue_get(const kin__ring *ring, kin__getting *it, int64_t timeout)
{
    kin_status status = get_once(ring, it, timeout, false);
    return status == KIN_E_TIMED_OUT || status == KIN_E_BUSY ? get_waiting(ring, it, timeout) : status;
}

/* `next`, which alone says what has been got, is not moved behind the message. A process that dies in it has changed
 * nothing but `next`, behind holes and padding. */
kin_status kin__queue_copy_first(const kin__ring *ring, kin__getting *it)
{
    bool last = kin__queue_closed(ring); /* loaded first, as in get_waiting */
    kin_status status = get_once(ring, it, KIN_NOW, true);
    if (status == KIN_E_TIMED_OUT || status == KIN_E_BUSY) {
        kin__queue_wake_writers(ring); /* what was passed may have made room */
        status = last && kin__ring_count(ring) == 0 ? KIN_E_CLOSED : KIN_E_TIMED_OUT;
    }
    return status;
}

/* ---- closing ---- */

static void wake_all(const kin__ring *ring, _Atomic uint64_t *word)
{
    if (atomic_load(word) & KIN__WAITERS) {
        kin__unpark_flagged(ring->seat->family, word, KIN__WAITERS, KIN__ALL);
    }
}

kin_status kin__queue_shut(const kin__ring *ring)
{
    kin_status status = enter(ring, &ring->ends->put_lock, KIN_FOREVER); /* a put is before it or after it */
    if (status == KIN_OK) {
        atomic_fetch_or(&ring->ends->writable, KIN__CLOSED);
        leave(ring, &ring->ends->put_lock);
        wake_all(ring, &ring->ends->readable);
        wake_all(ring, &ring->ends->writable);
    }
    return status;
}
