/* ring.h: the memory of a queue, in which records lie one behind the other. Protocol: ring.c. */
#ifndef KIN_RING_H
#define KIN_RING_H

#include "queue/ring_types.h"

#define KIN__NO_MARK UINT64_MAX
#define KIN__ENDS_ALIGNMENT 128u

/* Units that a message of size bytes takes. */
static inline uint64_t kin__ring_need(uint64_t size)
{
    return (size + sizeof(kin__record) + KIN__UNIT - 1) / KIN__UNIT;
}

/* Bytes of the largest message that fits into the ring. */
static inline uint64_t kin__ring_capacity(const kin__ring *ring)
{
    return (uint64_t)(ring->units - 1) * KIN__UNIT;
}

/* Bytes of the table that a joinable queue has before its ring. */
static inline uint64_t kin__ring_table_size(const kin_family *family)
{
    return (uint64_t)family->layout.max_members * sizeof(kin__in_hand);
}

/* See hooks.h. */
uint64_t kin__ring_extent(kin_family *family, uint64_t offset);
/* Bytes of a queue whose ring has that many units, and of the table before it. */
uint64_t kin__ring_size(uint32_t units, uint64_t table_size);
/* Initializes the marks of an empty queue, its locks and its table. has: bytes of the queue that have memory. */
void kin__ring_init(kin__queue *queue, uint32_t units, uint64_t table_size, uint64_t has);
/* Bytes of a queue before its ring, at most. */
#define KIN__RING_BEFORE (sizeof(kin__queue) + KIN__ENDS_ALIGNMENT + sizeof(kin__queue_ends))
/* From the queue's start. */
static inline uint64_t kin__ring_ends(const kin__queue *queue)
{
    uint64_t after = (uint64_t)(uintptr_t)(queue + 1);
    return sizeof *queue + (0 - after) % KIN__ENDS_ALIGNMENT;
}

/* Fills in a call's copy of the queue's fields. Each is read once and checked. KIN_E_DAMAGED: they lead out of the
 * arena. */
static inline kin_status kin__ring_open(kin__ring *out, kin__seat *seat, kin__queue *queue)
{
    kin_family *family = seat->family;
    uint64_t start = kin__ring_ends(queue), records = start + sizeof(kin__queue_ends);
    uint32_t units = kin__read_u32(&queue->units), most = kin__read_u32(&queue->most);
    out->seat = seat;
    out->queue = queue;
    out->ends = (kin__queue_ends *)(void *)((char *)queue + start);
    out->in_hand = NULL;
    if (kin__read_u64(&queue->table) != 0) {
        out->in_hand = (kin__in_hand *)(void *)((char *)queue + records);
        records += kin__ring_table_size(family);
    }
    out->records = (char *)queue + records;
    out->units = units;
    out->most = most ? most : UINT32_MAX;
    bool sound = units > 0 && units < UINT32_MAX / 2 &&
                 kin__family_covers(family, kin__offset(family, queue), records + (uint64_t)units * KIN__UNIT);
    return sound ? KIN_OK : KIN_E_DAMAGED;
}

/* ---- for the holder of put_lock ---- */

/* Finds room for a record of need units at *tail, and moves *tail behind it. KIN_E_TIMED_OUT: there is no room now.
 * Then *tail may still have moved, over padding that has to be reclaimed before there can be room. */
kin_status kin__ring_claim(const kin__ring *ring, uint64_t *tail, uint32_t need, kin__record **out);
void kin__ring_publish(const kin__ring *ring, uint64_t tail);
/* What was claimed behind tail will not be published. */
void kin__ring_unclaim(const kin__ring *ring, uint64_t tail);
/* Counts the messages that a dead holder was putting as lost, and frees the block of a large one among them. */
void kin__ring_mend_put(const kin__ring *ring);

/* ---- for the holder of get_lock ---- */

typedef struct kin__first { /* a copy of a record's numbers. They were read once and checked */
    kin__record *record;
    uint64_t at; /* its mark: what `next` was */
    uint32_t units, state;
} kin__first;

/* The first message. Passes padding and holes before it. ask: asks the system whether the owner of a reserved record
 * lives. KIN_E_TIMED_OUT: there is no message. KIN_E_BUSY: the first record is reserved. */
kin_status kin__ring_first(const kin__ring *ring, bool ask, kin__first *out);
/* Moves `next` behind the first record. got: if the record is a message, its number among those that this call gets. */
void kin__ring_pass(const kin__ring *ring, const kin__first *first, size_t got);
/* The same where a block may have to be freed: of a large message, or a hole. */
void kin__ring_pass_slowly(const kin__ring *ring, const kin__first *first, size_t got);
/* The call is finished: the messages that it got can no longer be lost. */
void kin__ring_got(const kin__ring *ring);
/* Reclaims the room of passed records, and the blocks of large messages. ask: asks the system whether the owners of
 * records that are being read in place live. */
kin_status kin__ring_reclaim(const kin__ring *ring, bool ask);
void kin__ring_mend_get(const kin__ring *ring);

/* ---- without a lock: the result was true at one moment ---- */

bool kin__ring_readable(const kin__ring *ring);
/* Whether a record of need units would fit, or kin__ring_reclaim might change that. */
bool kin__ring_writable(const kin__ring *ring, uint32_t need);
bool kin__ring_reclaimable(const kin__ring *ring);
/* Units that have to be free for a record of need units. */
uint32_t kin__ring_wanted(const kin__ring *ring, uint32_t need);
/* Units free. */
uint32_t kin__ring_room(const kin__ring *ring);
/* Units free for one more message: 0 if the queue has its maximum of messages. UINT32_MAX: the marks make no sense. */
uint32_t kin__ring_space(const kin__ring *ring);
/* Counts of all messages put, and of all got, since the queue was made, modulo 2^32. */
uint32_t kin__ring_count_put(const kin__ring *ring);
uint32_t kin__ring_count_got(const kin__ring *ring);
uint32_t kin__ring_count(const kin__ring *ring);
/* Whether all messages have been got; *tail: the mark then. */
bool kin__ring_drained(const kin__ring *ring, uint64_t *tail);
/* Frees the blocks of all large messages, before the queue is destroyed. KIN_E_BUSY: not possible now. */
kin_status kin__ring_empty(const kin__ring *ring);
/* The record whose message begins at memory, or NULL if there can be none. */
kin__record *kin__ring_record(const kin__ring *ring, const void *memory);

#endif
