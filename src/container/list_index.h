/* list_index.h: the places of a list's items. Protocol: list_index.c. */
#ifndef KIN_LIST_INDEX_H
#define KIN_LIST_INDEX_H

#include "container/container.h"
#include "family/input.h"
#include "memory/heap.h"

#define KIN__INDEX_MIN UINT64_C(8)        /* places of the smallest index */
#define KIN__INDEX_WHOLE UINT64_C(4096)   /* places of the largest index that is one block */
#define KIN__INDEX_SEGMENT UINT64_C(8190) /* places of a segment: its block then fills one span of the heap */
#define KIN__INDEX_SEGMENT_SIZE (KIN__INDEX_SEGMENT * sizeof(uint64_t))
#define KIN__INDEX_SEGMENTS_MIN UINT64_C(16) /* words of a directory */
#define KIN__INDEX_SEGMENTS_MAX (UINT64_C(1) << 17)
#define KIN__INDEX_CAPACITY_MAX (KIN__INDEX_SEGMENTS_MAX * KIN__INDEX_SEGMENT)

_Static_assert(KIN__INDEX_CAPACITY_MAX < UINT32_MAX, "the numbers of places have 32 bits");

typedef struct kin__index {    /* a block */
    _Atomic uint64_t span;     /* which places have items: first (32 bits) | count (32 bits) */
    _Atomic uint64_t capacity; /* places; up to KIN__INDEX_WHOLE: each is a word here. More: the words name segments */
    _Atomic uint64_t words[];
} kin__index;

typedef struct kin__index_view { /* checked, and valid for one call */
    kin__index *index;           /* NULL: the list has none */
    uint64_t root, capacity, first, count;
} kin__index_view;

typedef struct kin__index_word { /* the place of an item's word */
    _Atomic uint64_t *word;
    _Atomic uint64_t *segment; /* the directory's word that led there; NULL: there is no directory */
    uint64_t segment_word;     /* as it was read */
    uint64_t within;           /* the number of the word in its segment */
} kin__index_word;

typedef struct kin__index_work { /* one call's work, by the lock's holder */
    kin__seat *seat;
    kin__container *it;
    kin__index_view in;
    bool tables; /* the call has used the notes of tables, too */
} kin__index_work;

extern const kin__kind kin__list_kind;

static inline uint64_t kin__index_span(uint64_t first, uint64_t count)
{
    return first << 32 | count;
}

static inline uint64_t kin__index_first(uint64_t span)
{
    return span >> 32;
}

static inline uint64_t kin__index_count(uint64_t span)
{
    return span & UINT32_MAX;
}

static inline bool kin__index_is_whole(const kin__index_view *in)
{
    return in->capacity <= KIN__INDEX_WHOLE;
}

/* False: damaged. The words of a directory are checked one by one, see kin__index_find. */
static inline bool kin__index_open(kin_family *family, uint64_t root, kin__index_view *out)
{
    uint64_t offset = kin__block_offset(root);
    out->root = root;
    out->index = root ? kin__at(family, offset, sizeof(kin__index), 16) : NULL;
    if (!out->index) {
        out->capacity = out->first = out->count = 0;
        return root == 0;
    }
    out->capacity = kin__load_racing(&out->index->capacity, memory_order_relaxed);
    uint64_t span = kin__load_racing(&out->index->span, memory_order_acquire);
    out->first = kin__index_first(span);
    out->count = kin__index_count(span);
    return !kin__index_is_whole(out) ||
           (out->first + out->count <= out->capacity &&
            kin__family_covers(family, offset, sizeof(kin__index) + out->capacity * sizeof(uint64_t)));
}

/* The word of a place in the span. False: damaged. */
static inline bool kin__index_find(kin_family *family, const kin__index_view *in, uint64_t place, kin__index_word *out)
{
    if (kin__index_is_whole(in)) {
        out->word = &in->index->words[place];
        out->segment = NULL;
        return true;
    }
    uint64_t segment = place / KIN__INDEX_SEGMENT;
    out->segment = &in->index->words[segment];
    if (!kin__family_covers(family, kin__block_offset(in->root) + sizeof(kin__index) + segment * sizeof(uint64_t),
                            sizeof(uint64_t))) {
        return false;
    }
    out->segment_word = kin__load_racing(out->segment, memory_order_acquire);
    _Atomic uint64_t *words = kin__at(family, kin__block_offset(out->segment_word), KIN__INDEX_SEGMENT_SIZE, 16);
    out->within = place % KIN__INDEX_SEGMENT;
    out->word = words ? words + out->within : NULL;
    return words != NULL;
}

/* How many items there are; 0: damaged. */
uint64_t kin__index_count_at(kin_family *family, uint64_t root);

/* ---- for the lock's holder ---- */

/* Fills in everything except seat and it. KIN_E_DAMAGED. */
kin_status kin__index_begin(kin__index_work *w);
static inline void kin__index_publish_span(kin__index_work *w, uint64_t first, uint64_t count)
{
    w->in.first = first;
    w->in.count = count;
    atomic_store_explicit(&w->in.index->span, kin__index_span(first, count), memory_order_release);
}

kin_status kin__index_insert_slowly(kin__index_work *w, uint64_t at, uint64_t word);
/* Makes the word of an entry in doubt the item with that number (0 to count). The caller settles the entry. */
static inline kin_status kin__index_insert(kin__index_work *w, uint64_t at, uint64_t word)
{
    kin__index_word place;
    uint64_t end = w->in.first + w->in.count;
    if (at != w->in.count || end >= w->in.capacity || (!kin__index_is_whole(&w->in) && end % KIN__INDEX_SEGMENT == 0)) {
        return kin__index_insert_slowly(w, at, word);
    }
    if (!kin__index_find(w->seat->family, &w->in, end, &place)) {
        return KIN_E_DAMAGED;
    }
    atomic_store_explicit(place.word, word, memory_order_release); /* a reader may see it before span */
    kin__index_publish_span(w, w->in.first, w->in.count + 1);
    return KIN_OK;
}

kin_status kin__index_remove_slowly(kin__index_work *w, uint64_t at, const kin__index_word *place);
/* Takes out the item with that number at that place. Its entry is in doubt as KIN__ENTRY_GONE. The caller settles
 * it. */
static inline kin_status kin__index_remove(kin__index_work *w, uint64_t at, const kin__index_word *place)
{
    if (at != w->in.count - 1 || (place->segment && (place->within == 0 || at == 0))) {
        return kin__index_remove_slowly(w, at, place);
    }
    kin__index_publish_span(w, w->in.first, at);
    return KIN_OK;
}

void kin__index_shrink_now(kin__index_work *w);
/* Makes the index smaller, if that is worth it and there is memory for it. To be called after an item was taken out and
 * settled. */
static inline void kin__index_shrink(kin__index_work *w)
{
    if (w->tables || w->in.count < (kin__index_is_whole(&w->in) ? w->in.capacity / 8 : KIN__INDEX_WHOLE / 4)) {
        kin__index_shrink_now(w);
    }
}

/* The part that has the item with that number, and how many items the parts before it have. */
uint64_t kin__index_part_of(const kin__index_view *in, uint64_t at, uint64_t *before);

#endif
