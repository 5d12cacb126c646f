/* hash_table.h: a dict's segments, and the way to the segment of a key. Protocol: hash_table.c. */
#ifndef KIN_HASH_TABLE_H
#define KIN_HASH_TABLE_H

#include "container/segment.h"

typedef struct kin__directory { /* a block; the words follow */
    _Atomic uint64_t zero;      /* 0. A segment has its capacity at this place */
    _Atomic uint64_t depth;     /* there are 2^depth words */
    uint64_t fill[4];
} kin__directory;

_Static_assert(sizeof(kin__directory) == sizeof(kin__segment), "either may be a dict's root");

typedef struct kin__way { /* the way to a key's segment; checked, and valid for one call */
    uint64_t root;
    _Atomic uint64_t *words; /* a directory's; NULL: the root is the segment itself */
    uint64_t depth;          /* of the directory */
    uint64_t index;          /* among the words */
    uint64_t word;           /* the segment's */
    kin__segment_view in;
} kin__way;

extern const kin__kind kin__dict_kind;

/* Copies the key's value, without the lock. KIN_E_NOT_FOUND, KIN_E_BUFFER (see kin__entry_copy), KIN_E_DAMAGED.
 * KIN_E_BUSY: the table was being changed, so nothing is known. */
kin_status kin__table_read(kin_family *family, kin__container *it, const kin__key *key, void *buffer, size_t capacity,
                           size_t *size);

/* The way to the segment that has the keys of that hash. False: damaged. For a dict without segments, out->in has no
 * segment. */
bool kin__table_way(kin_family *family, kin__container *it, uint64_t hash, kin__way *out);
/* Whether the words that led there are unchanged. To be called after an acquire fence. */
bool kin__table_leads(kin__container *it, const kin__way *way);

/* ---- for the lock's holder ---- */

/* KIN_OK, KIN_E_NOT_FOUND, KIN_E_DAMAGED. */
kin_status kin__table_find(kin_family *family, kin__container *it, const kin__key *key, kin__way *way,
                           kin__place *place);
/* Makes sure that there is a slot for a key that was not found, and stores it in *place. May change the segments. */
kin_status kin__table_make_room(kin__seat *seat, kin__container *it, const kin__key *key, kin__way *way,
                                kin__place *place);
/* Publishes the entry that is in doubt as KIN__ENTRY_MADE. It replaces the key's entry that was found, or is new. */
void kin__table_put(kin__seat *seat, kin__container *it, const kin__key *key, const kin__way *way,
                    const kin__place *place);
void kin__table_remove(kin__seat *seat, kin__container *it, const kin__way *way, const kin__place *place);

#endif
