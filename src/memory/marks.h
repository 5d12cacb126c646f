/* marks.h: where free blocks may be. Protocol: marks.c. */
#ifndef KIN_MARKS_H
#define KIN_MARKS_H

#include "memory/block.h"

static inline _Atomic uint64_t *kin__groups_at(const kin_family *family, uint32_t index)
{
    return &kin__row_at(family, index)->groups[index % KIN__ROW_SPANS];
}

/* To be called when a block has become free, or a missing mark was set, after the tag and the marks: a thread that
 * needs spans has to search again. */
static inline void kin__search_again(kin_family *family)
{
    if (atomic_load(&family->arena->heap.searched) != 0) {
        atomic_store(&family->arena->heap.searched, 0);
    }
}

void kin__mark_group(kin_family *family, uint32_t class, uint32_t index, uint32_t group);
/* Sets the marks of a block that has become free, so many bytes into its span. row: the span's. */
static inline void kin__mark_block(kin_family *family, kin__row *row, uint32_t class, uint32_t index, uint32_t within)
{
    if (!(atomic_load(&row->groups[index % KIN__ROW_SPANS]) >> within / 1024 & 1)) {
        kin__mark_group(family, class, index, within / 1024);
    }
    kin__search_again(family);
}
/* Sets the marks of a span of which any block may be free. For the holder of the heap's lock. */
void kin__mark_span(kin_family *family, uint32_t class, uint32_t index);
/* The next span, from *index on, that may have a free block of that class. False: there is none. */
bool kin__marks_next(kin_family *family, uint32_t class, uint32_t *index);

/* The KiB of the span in which free blocks may begin, bit by bit. */
uint64_t kin__marks_of(kin_family *family, uint32_t index);
/* Clears the mark of a KiB in which no free block was found. The caller then looks once more, because a block may have
 * become free just before. */
void kin__unmark_group(kin_family *family, uint32_t index, uint32_t group);
/* Clears the mark of a span in which there was no mark. */
void kin__unmark_span(kin_family *family, uint32_t class, uint32_t index);
/* Clears all marks of a span that has no blocks any more. */
void kin__unmark_all(kin_family *family, uint32_t index);

/* By (2^n * KIN__BIT_FACTOR) >> 58: n. */
#define KIN__BIT_FACTOR UINT64_C(0x3f79d71b4cb0a89)
extern const uint8_t kin__bit_numbers[64];

/* The number of a word's lowest bit at `from` or above; 64: there is none. */
static inline uint32_t kin__next_bit(uint64_t word, uint32_t from)
{
    word = from < 64 ? word >> from << from : 0;
    return word == 0 ? 64 : kin__bit_numbers[((word & (0 - word)) * KIN__BIT_FACTOR) >> 58];
}

#endif
