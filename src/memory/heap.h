/* heap.h: blocks of the arena. Protocol: heap.c. Public face: kin/memory.h. */
#ifndef KIN_HEAP_H
#define KIN_HEAP_H

#include "family/thread_slot.h"

/* A block word names one block as long as it is allocated: generation (32 bits) | offset of its bytes / 16. It is never
 * 0. It is not used again before 2^32 other blocks were at that place. Tables in the arena refer to blocks by block
 * words. */
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

/* kin_alloc for a caller whose death must not lose the block. The block word is stored in *note before the block is
 * LIVE. So another process may call kin__heap_give with the word in *note at any moment. The bytes are zero only if
 * that is asked for. */
kin_status kin__heap_take(void **out, kin__seat *seat, uint64_t size, bool zero, _Atomic uint64_t *note);
/* Allocates a block of which at least the first `filled` bytes have memory. The caller commits the others before it
 * uses them. The bytes may be anything. If leaving memory out is not worth it, the whole block has memory. */
kin_status kin__heap_take_sparse(void **out, kin_family *family, uint64_t size, uint64_t filled, uint64_t *has);
/* Commits the pages of these bytes. All must lie in one live block. */
kin_status kin__heap_commit(kin_family *family, const void *from, const void *to);
/* Whether the block that the word names is still allocated. */
bool kin__heap_has(kin_family *family, uint64_t word);
/* Frees that block if it is still allocated. KIN_OK: it is free now, or was before. KIN_E_BUSY: as kin_free. Two
 * threads must not do it for one word at the same time. */
kin_status kin__heap_give(kin__seat *seat, uint64_t word);

/* The same for a block that only refs name. KIN_E_STALE: it is already free. */
kin_status kin__heap_free(kin__seat *seat, uint64_t word);

/* A block's generation, for refs: KIN_E_ARGUMENT if no live block begins at that offset. */
kin_status kin__heap_generation(kin_family *family, uint64_t offset, uint32_t *generation, uint64_t *size);
/* Frees the block that the dead thread of that slot was allocating or freeing, if there is one. False: not possible
 * now; try later. */
bool kin__heap_reap(kin_family *family, uint32_t slot, uint64_t token);

#endif
