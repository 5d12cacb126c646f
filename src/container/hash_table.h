/* hash_table.h: a dict's table of slots. Protocol: hash_table.c; of its blocks: container.c. */
#ifndef KIN_HASH_TABLE_H
#define KIN_HASH_TABLE_H

#include "container/container.h"

typedef struct kin__slot {
    _Atomic uint64_t word; /* the entry's block word; 0: never used; KIN__NO_ENTRY: its entry is gone */
    _Atomic uint64_t hash; /* of its key; written before word */
} kin__slot;

typedef struct kin__table {    /* a block; the slots follow */
    _Atomic uint64_t capacity; /* a power of 2 */
    _Atomic uint64_t count;    /* entries */
    _Atomic uint64_t used;     /* slots whose word is not 0 */
    _Atomic uint64_t retry;    /* there was no memory for another table: not tried again while fewer are used */
    _Atomic uint64_t moves;    /* odd while entries move inside the table */
    uint64_t fill;
} kin__table;

typedef struct kin__key {
    const void *bytes;
    size_t size;
    uint64_t hash;
} kin__key;

typedef struct kin__table_view { /* checked, and believed for one call */
    kin__table *table;
    kin__slot *slots;
    uint64_t capacity;
} kin__table_view;

typedef struct kin__place { /* where a key is, or would be */
    uint64_t word;          /* its entry's */
    kin__found found;
    kin__slot *slot;
    kin__table_view in;
    kin__slot *unused; /* where the key would go if it is not there */
} kin__place;

extern const kin__kind kin__dict_kind;

/* Copies the key's value, without the lock. KIN_E_NOT_FOUND, KIN_E_TOO_BIG (see kin__entry_copy), KIN_E_DAMAGED.
 * KIN_E_BUSY: the table was being changed, so nothing is known. */
kin_status kin__table_read(kin_family *family, kin__container *it, const kin__key *key, void *buffer, size_t capacity,
                           size_t *size);
/* How many entries there are, likewise. Exact only under the lock. */
kin_status kin__table_count(kin_family *family, kin__container *it, size_t *count);

/* ---- for the lock's holder ---- */

/* KIN_OK, KIN_E_NOT_FOUND, KIN_E_DAMAGED. */
kin_status kin__table_find(kin_family *family, kin__container *it, const kin__key *key, kin__place *out);
/* Makes sure of a slot for a key that was not found; *place then says which. May replace the table. */
kin_status kin__table_make_room(kin__seat *seat, kin__container *it, const kin__key *key, kin__place *place);
/* The entry in doubt as KIN__ENTRY_MADE becomes the key's: it replaces the one that was found, or is a new one. */
void kin__table_put(kin__seat *seat, kin__container *it, const kin__key *key, const kin__place *place);
void kin__table_remove(kin__seat *seat, kin__container *it, const kin__place *place);

#endif
