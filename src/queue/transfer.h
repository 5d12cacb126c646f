/* transfer.h: one call's messages on their way into a queue's ring, or out of it. See transfer.c. */
#ifndef KIN_TRANSFER_H
#define KIN_TRANSFER_H

#include "kin/queue.h"
#include "queue/ring.h"

typedef struct kin__putting {
    const kin_message *messages;
    size_t count, done;
    bool large; /* some messages may be larger than the ring */
    bool reserve;
    void *reserved; /* where the message is to be written */
    bool now;       /* KIN_NOW: the call does not wait and is not held back */
    bool turn;      /* it has waited, and its turn has come (waiting.c) */
    bool held;      /* the last try was held back */
    bool padded;    /* the last try passed to the ring's beginning, and found no room there */
} kin__putting;

typedef struct kin__getting {
    kin_message *messages;
    size_t count, done;
    bool peek;
    bool stay;            /* the message is only copied */
    bool now, turn, held; /* as for kin__putting */
} kin__getting;

/* Puts all messages, waiting for room. it->done: so many have been put, whatever the status. Statuses: as
 * kin_queue_put. */
kin_status kin__queue_put(const kin__ring *ring, kin__putting *it, int64_t timeout);
/* Gets the messages that are there, at least one: waits for it. Statuses: as kin_queue_get. */
kin_status kin__queue_get(const kin__ring *ring, kin__getting *it, int64_t timeout);
/* Copies the first message, which stays in the queue (it->stay). Does not wait. Statuses: as kin_queue_front. */
kin_status kin__queue_copy_first(const kin__ring *ring, kin__getting *it);
/* Reclaims records that were consumed, and records that dead processes left, if there is no room because of them. ask:
 * asks the system whether their owners live. */
kin_status kin__queue_make_room(const kin__ring *ring, bool ask);
/* Closes the queue, and wakes all that wait. */
kin_status kin__queue_shut(const kin__ring *ring);

#endif
