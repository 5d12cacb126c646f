/* segment.h: an array of slots in which keys are found. A dict has one segment or many (hash_table.c). */
#ifndef KIN_SEGMENT_H
#define KIN_SEGMENT_H

#include "container/container.h"

typedef struct kin__slot {
    _Atomic uint64_t word; /* the entry's block word; 0: never used; KIN__NO_ENTRY: its entry is gone */
    _Atomic uint64_t hash; /* of its key; written before word */
} kin__slot;

typedef struct kin__segment {  /* a block; the slots follow */
    _Atomic uint64_t capacity; /* 0: this block is a directory */
    _Atomic uint64_t depth;    /* how many bits of a hash choose this segment */
    _Atomic uint64_t count;    /* entries */
    _Atomic uint64_t used;     /* slots whose word is not 0 */
    _Atomic uint64_t retry;    /* there was no memory. It is tried again when so many slots are used */
    _Atomic uint64_t moves;    /* odd while entries move inside the segment */
} kin__segment;

#define KIN__SEGMENT_MIN UINT64_C(8)
/* The most slots: the block then fills one span of the heap. */
#define KIN__SEGMENT_MAX UINT64_C(4092)
#define KIN__SEGMENT_SIZE (sizeof(kin__segment) + KIN__SEGMENT_MAX * sizeof(kin__slot)) /* bytes of those */

typedef struct kin__key {
    const void *bytes;
    size_t size;
    uint64_t hash;
} kin__key;

typedef struct kin__segment_view { /* checked, and valid for one call */
    kin__segment *segment;         /* NULL: none */
    kin__slot *slots;
    uint64_t capacity;
} kin__segment_view;

typedef struct kin__place { /* where a key is, or would be */
    uint64_t word;          /* its entry's */
    kin__found found;
    kin__slot *slot;   /* NULL: the key is not there */
    kin__slot *unused; /* then: the slot for it; NULL: no slot is free */
} kin__place;

/* The segment with that header, which may be touched, and that capacity; false: there can be none. */
static inline bool kin__segment_of(kin_family *family, kin__segment *header, uint64_t capacity, kin__segment_view *out)
{
    out->segment = header;
    out->slots = (kin__slot *)(void *)(out->segment + 1);
    out->capacity = capacity;
    return capacity >= KIN__SEGMENT_MIN && capacity <= KIN__SEGMENT_MAX &&
           kin__family_covers(family, kin__offset(family, header), sizeof *header + capacity * sizeof(kin__slot));
}

/* The segment that a block word names; false: there can be none. */
bool kin__segment_open(kin_family *family, uint64_t word, kin__segment_view *out);
/* The same for a segment that must have KIN__SEGMENT_MAX slots. Its header is not read. */
static inline bool kin__segment_open_whole(kin_family *family, uint64_t word, kin__segment_view *out)
{
    out->segment = kin__at(family, kin__block_offset(word), KIN__SEGMENT_SIZE, 16);
    out->slots = out->segment ? (kin__slot *)(void *)(out->segment + 1) : NULL;
    out->capacity = KIN__SEGMENT_MAX;
    return out->segment != NULL;
}

/* KIN_OK; KIN_E_NOT_FOUND; KIN_E_DAMAGED; KIN_E_BUSY: it has changed meanwhile. */
kin_status kin__segment_find(kin_family *family, const kin__segment_view *in, const kin__key *key, kin__place *out);
static inline uint64_t kin__segment_moves(const kin__segment_view *in)
{
    return kin__load_racing(&in->segment->moves, memory_order_acquire);
}
/* After a fence: whether no entry has moved since moves was read. */
static inline bool kin__segment_moves_are(const kin__segment_view *in, uint64_t moves)
{
    return moves % 2 == 0 && kin__load_racing(&in->segment->moves, memory_order_relaxed) == moves;
}

/* ---- for the lock's holder ---- */

/* Allocates a block for a segment, in doubt as that kind. Its slots are unused. */
kin_status kin__segment_make(kin__segment_view *out, kin__seat *seat, kin__container *it, kin__doubt doubt,
                             uint64_t capacity, uint64_t depth);
/* Copies slots of `from` into `into`, which is not published yet: those whose hash, without its lowest `shift` bits, is
 * odd, or those where it is even. shift 64: copies all. False: there is no room for all, so a count was overwritten. */
bool kin__segment_copy(const kin__segment_view *from, const kin__segment_view *into, uint32_t shift, uint64_t odd);
/* Puts all entries of `from` that are not there yet into `into`. False: there is no room for all. */
bool kin__segment_absorb(const kin__segment_view *from, const kin__segment_view *into);
void kin__segment_put(const kin__segment_view *in, kin__slot *unused, uint64_t hash, uint64_t entry);
void kin__segment_vacate(const kin__segment_view *in, kin__slot *slot);
/* Makes the slots whose entries are gone unused, in place, and counts anew. KIN_E_DAMAGED. */
kin_status kin__segment_purge(const kin__segment_view *in);
/* To be called after a death. */
void kin__segment_repair(const kin__segment_view *in);
static inline uint64_t kin__segment_count(const kin__segment_view *in)
{
    uint64_t count = in->segment ? atomic_load_explicit(&in->segment->count, memory_order_relaxed) : 0;
    return count < in->capacity ? count : in->capacity;
}
static inline uint64_t kin__segment_used(const kin__segment_view *in)
{
    return atomic_load_explicit(&in->segment->used, memory_order_relaxed);
}

#endif
