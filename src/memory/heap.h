/* heap.h: blocks of the arena. Protocol: heap.c. Public face: kin/memory.h. */
#ifndef KIN_HEAP_H
#define KIN_HEAP_H

#include "family/thread_slot.h"

/* A block word names one block for the time it is allocated: generation (32 bits) | offset of its bytes / 16. It is
 * never 0, and not used again before 2^32 others were at that place: what a table in the arena refers to its blocks
 * by. */
static inline uint64_t kin__block_word(uint64_t offset, uint32_t generation)
{
    return (uint64_t)generation << 32 | offset / 16;
}

static inline uint64_t kin__block_offset(uint64_t word)
{
    return (word & UINT32_MAX) * 16;
}

static inline uint32_t kin__block_generation(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

/* kin_alloc, for who must not lose the block by being killed: *note is its block word before it is allocated for
 * good, so that kin__heap_give of what *note holds is right at any moment. Bytes are zero only if asked for. */
kin_status kin__heap_take(void **out, kin__seat *seat, uint64_t size, bool zero, _Atomic uint64_t *note);
/* A block of which only the first `filled` bytes have memory for sure: the others are to be committed before they are
 * used. Its bytes may be anything. Where that is not worth it, all have. */
kin_status kin__heap_take_sparse(void **out, kin_family *family, uint64_t size, uint64_t filled, uint64_t *has);
/* Makes the pages of such bytes usable; all must lie in one live block. */
kin_status kin__heap_commit(kin_family *family, const void *from, const void *to);
/* Whether that block is still allocated. */
bool kin__heap_has(kin_family *family, uint64_t word);
/* Frees that block, if it is still allocated; KIN_OK if not. KIN_E_BUSY: as kin_free. Not by two at once. */
kin_status kin__heap_give(kin__seat *seat, uint64_t word);

/* The same for what only refs name; KIN_E_STALE: it is free. */
kin_status kin__heap_free(kin__seat *seat, uint64_t word);

/* A block's generation, for refs: KIN_E_ARGUMENT if no live block begins at that offset. */
kin_status kin__heap_generation(kin_family *family, uint64_t offset, uint32_t *generation, uint64_t *size);
/* Returns the block that the dead thread of that slot was just allocating or freeing, if any. False: not possible
 * now, try later. */
bool kin__heap_reap(kin_family *family, uint32_t slot, uint64_t token);

#endif
