/* hash_table.h: a dict's segments, and which of them a key is in. Protocol: hash_table.c. */
#ifndef KIN_HASH_TABLE_H
#define KIN_HASH_TABLE_H

#include "container/segment.h"

typedef struct kin__directory { /* a block; the words follow */
    _Atomic uint64_t zero;      /* where a segment has its capacity */
    _Atomic uint64_t depth;     /* there are 2^depth words */
    uint64_t fill[4];
} kin__directory;

_Static_assert(sizeof(kin__directory) == sizeof(kin__segment), "either may be a dict's root");

typedef struct kin__way { /* to a key's segment; checked, and believed for one call */
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

/* The way to the segment that has the keys of that hash. False: damaged. A dict without any segment has none in
 * out->in. */
bool kin__table_way(kin_family *family, kin__container *it, uint64_t hash, kin__way *out);
/* After an acquire fence: whether the words that led there still stand. */
bool kin__table_leads(kin__container *it, const kin__way *way);

/* ---- for the lock's holder ---- */

/* KIN_OK, KIN_E_NOT_FOUND, KIN_E_DAMAGED. */
kin_status kin__table_find(kin_family *family, kin__container *it, const kin__key *key, kin__way *way,
                           kin__place *place);
/* Makes sure of a slot for a key that was not found; *place then says which. May change the segments. */
kin_status kin__table_make_room(kin__seat *seat, kin__container *it, const kin__key *key, kin__way *way,
                                kin__place *place);
/* The entry in doubt as KIN__ENTRY_MADE becomes the key's: it replaces the one that was found, or is a new one. */
void kin__table_put(kin__seat *seat, kin__container *it, const kin__key *key, const kin__way *way,
                    const kin__place *place);
void kin__table_remove(kin__seat *seat, kin__container *it, const kin__way *way, const kin__place *place);

#endif
