/* ring_types.h: a queue's ring as a call sees it. */
#ifndef KIN_RING_TYPES_H
#define KIN_RING_TYPES_H

#include "family/input.h"
#include "family/thread_slot.h"

typedef struct kin__ring { /* a call's checked copy of the queue's fields */
    kin__seat *seat;
    kin__queue *queue;
    kin__queue_ends *ends;
    char *records;
    kin__in_hand *in_hand; /* of a joinable queue, one for each member; else NULL */
    uint32_t units;
    uint32_t most;
} kin__ring;

/* Record states, in the low bits of `owner`. */
enum { KIN__READY = 1, KIN__RESERVED, KIN__TAKEN, KIN__DONE, KIN__HOLE, KIN__PAD };

#endif
