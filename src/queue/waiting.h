/* waiting.h: waiting for a queue's messages, or for room in it. Protocol: waiting.c. */
#ifndef KIN_WAITING_H
#define KIN_WAITING_H

#include "park/slices.h"
#include "queue/ring.h"

/* In a queue's `readable`, of consumers, and `writable`, of producers; see waiting.c. */
#define KIN__WAITERS UINT64_C(1) /* a thread sleeps, or is about to */
#define KIN__WAKING UINT64_C(2)  /* one of them has been woken, or is about to be, and looks soon */
#define KIN__CLOSED UINT64_C(4)  /* in `writable` only: the queue is closed. Set under put_lock */

#define KIN__BARGED_MAX 512u /* messages that may be put, or got, before those who wait */

typedef struct kin__waiting { /* of one call, for a message (units 0) or for room */
    int64_t timeout, deadline;
    int64_t now;   /* the clock's last reading: to read it takes as long as a message to another processor */
    int64_t asked; /* when owners were last asked after */
    uint32_t units;
    kin__slices slices;
    kin__parked parked;
    bool begun, slept;
    bool ask;  /* whether to ask the system if the owners of what is in the way live */
    bool turn; /* it has waited in line and its turn has come */
    bool held; /* by the caller: the last try was held back. It sleeps, whatever is there */
} kin__waiting;

/* Sequentially consistent: for a waiter that has set WAITERS this is the last look before it sleeps (waiting.c). */
static inline bool kin__queue_closed(const kin__ring *ring)
{
    return (atomic_load(&ring->ends->writable) & KIN__CLOSED) != 0;
}

/* ---- under the side's lock; word: `readable` or `writable` ---- */

/* Whether the call has to wait in line although it may find what it wants. */
static inline bool kin__queue_held_back(uint64_t word, _Atomic uint32_t *barged, _Atomic uint32_t *limit, bool turn)
{
    return (word & KIN__WAITERS) && !turn &&
           atomic_load_explicit(barged, memory_order_relaxed) >= atomic_load_explicit(limit, memory_order_relaxed);
}

/* It has put, or got, so many. */
static inline void kin__queue_served(uint64_t word, _Atomic uint32_t *barged, bool turn, size_t messages)
{
    if ((word & KIN__WAITERS) && messages > 0) {
        uint32_t all = turn ? 0 : atomic_load_explicit(barged, memory_order_relaxed);
        uint32_t more = turn ? 0 : messages < KIN__BARGED_MAX ? (uint32_t)messages : KIN__BARGED_MAX;
        atomic_store_explicit(barged, all < KIN__BARGED_MAX ? all + more : all, memory_order_relaxed);
    }
}

/* ---- without a lock ---- */

/* Whether the call would find what it waits for, or the end of the queue. */
bool kin__queue_worthwhile(const kin__ring *ring, const kin__waiting *w);
/* Whether records of another thread, which may be dead, are in the way. */
bool kin__queue_obstructed(const kin__ring *ring, const kin__waiting *w);
/* Waits for one change. KIN_OK: try again. Other statuses: as kin_queue_get. */
kin_status kin__queue_wait(const kin__ring *ring, kin__waiting *w);
/* After a message or room has come, and WAITERS was seen in the word of that side: wakes the oldest sleeper, if it is
 * enough for it and nobody is on the way. */
void kin__queue_wake(const kin__ring *ring, bool readers);
/* For who begins to wait in that word: sets WAITERS. */
void kin__queue_line_up(const kin__ring *ring, bool readers);
/* At the end of a call: wakes the next waiter if there is something for it. */
void kin__queue_pass_on(const kin__ring *ring, const kin__waiting *w);

#endif
