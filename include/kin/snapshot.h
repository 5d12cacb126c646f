/* snapshot.h: a private copy of what a dict or a list holds, all of one moment.
 *
 *     kin_snapshot *items;
 *     kin_snapshot_item item;
 *     kin_dict_snapshot(&items, dict);
 *     while (kin_snapshot_next(items, &item)) { use(item.key, item.key_size, item.value, item.value_size); }
 *     kin_snapshot_destroy(items);
 *
 * The copy is this process's own memory: what others change meanwhile does not show in it, and it may be kept as long
 * as wanted. One thread at a time uses it. Its bytes are aligned to 8.
 */
#ifndef KIN_SNAPSHOT_H
#define KIN_SNAPSHOT_H

#include "status.h"

KIN_BEGIN

typedef struct kin_snapshot kin_snapshot;

typedef struct kin_snapshot_item {
    const void *key; /* of a list's: NULL */
    size_t key_size;
    const void *value;
    size_t value_size;
} kin_snapshot_item;

/* The next of them, valid until kin_snapshot_destroy; 0: there is none, and the following call begins from the first
 * again. */
KIN_API int kin_snapshot_next(kin_snapshot *items, kin_snapshot_item *item);
/* How many there are; 0 for NULL. */
KIN_API size_t kin_snapshot_count(const kin_snapshot *items);
/* NULL: nothing. */
KIN_API void kin_snapshot_destroy(kin_snapshot *items);

KIN_END

#endif
