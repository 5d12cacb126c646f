/* block.h: a block's header and its tag. Protocol: heap.c. */
#ifndef KIN_BLOCK_H
#define KIN_BLOCK_H

#include "family/input.h"
#include "memory/spans.h"

typedef struct kin__block {
    _Atomic uint64_t tag;
    _Atomic uint32_t generation;
    _Atomic uint32_t size; /* asked for: its low 32 bits */
} kin__block;

#define KIN__BLOCK_HEADER ((uint32_t)sizeof(kin__block))

/* offset: of a block's header. All of its span may be touched; see kin__row_at. */
static inline kin__block *kin__block_at(const kin_family *family, uint64_t offset)
{
    return kin__pointer(family, offset);
}

/* ---- tags ---- */

enum { KIN__TAG_FREE = 1, KIN__TAG_TAKEN = 2, KIN__TAG_LIVE = 3, KIN__TAG_RETIRED = 4 };

/* span: the word of the block's span, SMALL or RETIRING. */
static inline uint64_t kin__tag_free(const kin_family *family, uint64_t span)
{
    return family->key ^ ((span & ~UINT64_C(0xff)) | KIN__TAG_FREE);
}

static inline uint64_t kin__tag_retired(const kin_family *family, uint64_t span)
{
    return family->key ^ ((span & ~UINT64_C(0xff)) | KIN__TAG_RETIRED);
}

static inline uint64_t kin__tag_taken(const kin_family *family, uint64_t token)
{
    return family->key ^ (token | KIN__TAG_TAKEN);
}

static inline uint64_t kin__tag_live(const kin_family *family, uint32_t generation)
{
    return family->key ^ ((uint64_t)generation << 32 | KIN__TAG_LIVE);
}

#endif
