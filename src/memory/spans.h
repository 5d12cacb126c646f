/* spans.h: the table of spans: what each is used for, and where there is room. Protocol: spans.c. */
#ifndef KIN_SPANS_H
#define KIN_SPANS_H

#include "family/input.h"

/* Bytes of a block, with its header, by class. */
extern const uint32_t kin__strides[KIN__CLASSES];

/* A span word is version (32 bits) | number (24) | kind (8). The version grows each time the span's use changes. It is
 * then greater than any generation of a block that began there. So neither a span word nor a block word (heap.h) is
 * used again before 2^32 others were. */
typedef enum kin__span_kind {
    KIN__SPAN_FRESH = 0, /* unused; its bytes are 0 */
    KIN__SPAN_UNUSED = 1,
    KIN__SPAN_GIVEN = 2,    /* unused; its memory was given back to the system, or is about to be */
    KIN__SPAN_SMALL = 3,    /* blocks of one class; number: the class */
    KIN__SPAN_LARGE = 4,    /* a block of so many spans begins here */
    KIN__SPAN_TAIL = 5,     /* a LARGE block continues here */
    KIN__SPAN_RETIRING = 6, /* as SMALL, but no thread allocates here; see heap_lock.c */
} kin__span_kind;

static inline uint64_t kin__span_word(kin__span_kind kind, uint32_t number, uint32_t version)
{
    return (uint64_t)version << 32 | (uint64_t)number << 8 | (uint64_t)kind;
}

static inline kin__span_kind kin__span_kind_of(uint64_t span)
{
    return (kin__span_kind)(span & 0xff);
}

static inline uint32_t kin__span_number(uint64_t span)
{
    return (uint32_t)(span >> 8) & 0xffffff;
}

static inline uint32_t kin__span_version(uint64_t span)
{
    return (uint32_t)(span >> 32);
}

/* Whether it has blocks of a class. */
static inline bool kin__span_has_class(uint64_t span)
{
    kin__span_kind kind = kin__span_kind_of(span);
    return (kind == KIN__SPAN_SMALL || kind == KIN__SPAN_RETIRING) && kin__span_number(span) < KIN__CLASSES;
}

/* Whether blocks of that class may be allocated there. */
static inline bool kin__span_serves(uint64_t span, uint32_t class)
{
    return (span & UINT32_MAX) == ((uint64_t) class << 8 | KIN__SPAN_SMALL);
}

static inline bool kin__span_is_unused(uint64_t span)
{
    return kin__span_kind_of(span) <= KIN__SPAN_GIVEN;
}

/* A block of at least so many spans (8 MiB) may have no memory in places. When it is freed, its memory goes back to the
 * system. */
#define KIN__SPARSE 128u

/* ---- places ---- */

/* The table's parts for a span that this process may touch. That is a span whose index is less than kin__spans_used,
 * that kin__spans_commit has made usable, or that contains an offset which the family covers. */
static inline kin__sheet *kin__sheet_at(const kin_family *family, uint32_t index)
{
    return (kin__sheet *)kin__pointer(family, family->layout.sheets) + index / KIN__SHEET_SPANS;
}

static inline kin__row *kin__row_at(const kin_family *family, uint32_t index)
{
    return (kin__row *)kin__pointer(family, family->layout.rows) + index / KIN__ROW_SPANS;
}

static inline _Atomic uint64_t *kin__span_at(const kin_family *family, uint32_t index)
{
    return &kin__row_at(family, index)->spans[index % KIN__ROW_SPANS];
}

static inline uint64_t kin__span_offset(const kin_family *family, uint32_t index)
{
    return family->layout.heap_start + (uint64_t)index * KIN__SPAN_SIZE;
}

static inline uint32_t kin__span_of(const kin_family *family, uint64_t offset)
{
    return (uint32_t)((offset - family->layout.heap_start) / KIN__SPAN_SIZE);
}

/* Whether an offset that the family covers lies in an unused span. Its memory may have been given back to the system;
 * to read it would take it again. */
static inline bool kin__lies_in_unused(const kin_family *family, uint64_t offset)
{
    return offset >= family->layout.heap_start &&
           kin__span_is_unused(atomic_load(kin__span_at(family, kin__span_of(family, offset))));
}

/* How many spans a word covers: the distance to the next span's word. A count that cannot be true is taken as 1. */
static inline uint32_t kin__span_step(uint64_t span, uint32_t left)
{
    uint32_t number = kin__span_number(span);
    return kin__span_kind_of(span) == KIN__SPAN_LARGE && number > 0 && number <= left ? number : 1;
}

/* Spans [0, result) have been used and may be touched. */
uint32_t kin__spans_used(kin_family *family);

/* ---- for the holder of the heap's lock ---- */

/* The first run of so many unused spans. False: there is none. */
bool kin__spans_find(kin_family *family, uint32_t count, uint32_t *index);
/* Whether this run may be touched. */
bool kin__spans_usable(kin_family *family, uint32_t index, uint32_t count);
/* Makes this run usable. */
kin_status kin__spans_commit(kin_family *family, uint32_t index, uint32_t count);
/* Commits a run that is usable, but whose memory may have been given back. */
kin_status kin__spans_regain(kin_family *family, uint32_t index, uint32_t count);
/* Both, for a run of which only the first `filled` spans need memory. The GIVEN spans of the run are no longer counted,
 * so the caller changes their words. */
kin_status kin__spans_reach(kin_family *family, uint32_t index, uint32_t count, uint32_t filled);
/* Notes that these unused spans may have no memory. */
void kin__spans_disown(kin_family *family, uint32_t index, uint32_t count);
/* Gives the memory of unused spans back to the system, where that is possible. */
void kin__spans_give_back(kin_family *family, uint32_t index, uint32_t count);
/* The first run of so many unused spans of which none may lack memory. False: there is none. */
bool kin__spans_find_kept(kin_family *family, uint32_t count, uint32_t *index);
/* Counts the GIVEN spans anew. */
void kin__spans_count_given(kin_family *family);
/* Updates `runs`. To be called after the words of these spans have changed. */
void kin__spans_changed(kin_family *family, uint32_t index, uint32_t count);
/* The same for all spans, if it is not known which words have changed. */
void kin__spans_rebuild(kin_family *family);

#endif
