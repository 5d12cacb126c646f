/* waiting.h: waiting for a queue's messages, or for room in it. Protocol: waiting.c. */
#ifndef KIN_WAITING_H
#define KIN_WAITING_H

#include "park/slices.h"
#include "queue/ring.h"

#define KIN__WAITERS UINT64_C(1) /* in a queue's readable, or writable: a thread sleeps, or is about to */

typedef struct kin__waiting { /* of one call, for a message (units 0) or for room */
    int64_t timeout, deadline;
    int64_t now;   /* the clock's last reading: to read it takes as long as a message to another processor */
    int64_t asked; /* when owners were last asked after */
    uint32_t units;
    kin__slices slices;
    kin__parked parked;
    bool begun;
    bool ask; /* whether to ask the system if the owners of what is in the way live */
} kin__waiting;

/* Sequentially consistent: for a waiter that has set WAITERS this is the last look before it sleeps (waiting.c). */
static inline bool kin__queue_closed(const kin__ring *ring)
{
    return atomic_load(&ring->ends->closed) != 0;
}

/* Whether the call would find what it waits for, or the end of the queue. */
bool kin__queue_worthwhile(const kin__ring *ring, const kin__waiting *w);
/* Whether records of another thread, which may be dead, are in the way. */
bool kin__queue_obstructed(const kin__ring *ring, const kin__waiting *w);
/* Waits for one change. KIN_OK: try again. Other statuses: as kin_queue_get. */
kin_status kin__queue_wait(const kin__ring *ring, kin__waiting *w);
/* At the end of a call: wakes the next waiter if there is something for it, and this one was woken, or has found out by
 * itself. */
void kin__queue_pass_on(const kin__ring *ring, const kin__waiting *w);

#endif
