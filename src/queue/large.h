/* large.h: messages that do not fit into a queue's ring. Protocol: large.c. */
#ifndef KIN_LARGE_H
#define KIN_LARGE_H

#include "queue/ring_types.h"

#define KIN__LARGE UINT32_MAX /* a record's length: its message lies in a block of its own, which the record names */

typedef struct kin__large { /* a block; the message follows, aligned to 16 */
    _Atomic uint64_t size;  /* of the message */
    _Atomic uint64_t place; /* of the record, in bytes from the first record */
} kin__large;

/* Units of the record of a large message. */
#define KIN__LARGE_UNITS ((uint32_t)((sizeof(kin__record) + sizeof(uint64_t) + KIN__UNIT - 1) / KIN__UNIT))

static inline bool kin__record_is_large(kin__record *record)
{
    return atomic_load_explicit(&record->length, memory_order_relaxed) == KIN__LARGE;
}

/* ---- for the holder of put_lock ---- */

/* Before a large message is put. KIN_E_BUSY: what a dead producer left cannot be freed now. */
kin_status kin__large_ready(const kin__ring *ring);
/* Takes a block for a message of that size, noted in `large`, and writes its word into the record, which is claimed and
 * not published. Errors: those of kin_alloc. */
kin_status kin__large_make(kin__large **out, const kin__ring *ring, kin__record *record, uint64_t size);
/* The record is published. */
void kin__large_settle(const kin__ring *ring);
/* It will not be published. */
void kin__large_undo(const kin__ring *ring);

/* ---- for the holder of get_lock ---- */

/* The block of a record's message, and the message's size. False: damaged. */
bool kin__large_open(const kin__ring *ring, kin__record *record, kin__large **out, uint64_t *size);
/* Frees the block of a record that is passed, if the message is large. Also a second time. False: not possible now. */
bool kin__large_free(const kin__ring *ring, kin__record *record);

/* ---- without a lock ---- */

/* The record of the large message whose bytes begin at memory, which the caller has reserved or peeked; or NULL. */
kin__record *kin__large_record(const kin__ring *ring, const void *memory);

#endif
