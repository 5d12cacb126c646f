/* waiting.h: waiting for a queue's messages, or for room in it. Protocol: waiting.c. */
#ifndef KIN_WAITING_H
#define KIN_WAITING_H

#include "park/slices.h"
#include "queue/ring.h"

/* In a queue's `readable`, of consumers, and `writable`, of producers; see waiting.c. */
#define KIN__WAITERS UINT64_C(1) /* a thread sleeps, or is about to */
#define KIN__WAKING UINT64_C(2)  /* one of them has been woken, or is about to be. It looks soon */
#define KIN__CLOSED UINT64_C(4)  /* in `writable` only: the queue is closed. Set under put_lock */

#define KIN__BARGED_MAX 512u /* messages that running threads may put, or get, before the waiters */

typedef struct kin__waiting { /* one call's wait, for a message (units 0) or for room */
    int64_t timeout, deadline;
    int64_t now;   /* the clock's last reading: to read it takes as long as a message to another processor */
    int64_t asked; /* when the system was last asked whether owners live */
    uint32_t units;
    kin__slices slices;
    kin__parked parked;
    bool begun, slept;
    bool ask;  /* ask the system whether the owners of the obstructing records live */
    bool turn; /* it has waited in line and its turn has come */
    bool held; /* set by the caller: the last try was held back. It sleeps, even if there is a message or room */
} kin__waiting;

/* Sequentially consistent: for a waiter that has set WAITERS this is the last look before it sleeps (waiting.c). */
static inline bool kin__queue_closed(const kin__ring *ring)
{
    return (atomic_load(&ring->ends->writable) & KIN__CLOSED) != 0;
}

/* ---- under the side's lock; word: `readable` or `writable` ---- */

/* Whether the call has to wait in line although there may be a message, or room. */
static inline bool kin__queue_held_back(uint64_t word, _Atomic uint32_t *barged, _Atomic uint32_t *limit, bool turn)
{
    return (word & KIN__WAITERS) && !turn &&
           atomic_load_explicit(barged, memory_order_relaxed) >= atomic_load_explicit(limit, memory_order_relaxed);
}

/* The call has put, or got, so many messages. */
static inline void kin__queue_served(uint64_t word, _Atomic uint32_t *barged, bool turn, size_t messages)
{
    if ((word & KIN__WAITERS) && messages > 0) {
        uint32_t all = turn ? 0 : atomic_load_explicit(barged, memory_order_relaxed);
        uint32_t more = turn ? 0 : messages < KIN__BARGED_MAX ? (uint32_t)messages : KIN__BARGED_MAX;
        atomic_store_explicit(barged, all < KIN__BARGED_MAX ? all + more : all, memory_order_relaxed);
    }
}

/* ---- without a lock ---- */

/* Whether the call would find a message or room, or that the queue is closed. */
bool kin__queue_worthwhile(const kin__ring *ring, const kin__waiting *w);
/* Whether records of another thread, which may be dead, are in the way. */
bool kin__queue_obstructed(const kin__ring *ring, const kin__waiting *w);
/* Waits for one change. KIN_OK: try again. Other statuses: as kin_queue_get. */
kin_status kin__queue_wait(const kin__ring *ring, kin__waiting *w);
/* To be called when there is a new message, or new room, and WAITERS is set in that side's word. Wakes the oldest
 * sleeper, if there is enough for it and no woken thread is on its way. */
void kin__queue_wake(const kin__ring *ring, bool readers);
static inline void kin__queue_wake_readers(const kin__ring *ring)
{
    if (atomic_load(&ring->ends->readable) & KIN__WAITERS) {
        kin__queue_wake(ring, true);
    }
}
static inline void kin__queue_wake_writers(const kin__ring *ring)
{
    if (atomic_load(&ring->ends->writable) & KIN__WAITERS) {
        kin__queue_wake(ring, false);
    }
}
/* Sets WAITERS in that side's word. A thread calls it before it sleeps there. */
void kin__queue_line_up(const kin__ring *ring, bool readers);
/* At the end of a call: wakes the next waiter if there is a message, or room, for it. */
void kin__queue_pass_on(const kin__ring *ring, const kin__waiting *w);

#endif
