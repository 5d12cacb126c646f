/* snapshot.h: a private copy of the contents of a dict or a list, all of one moment.
 *
 *     kin_snapshot *items;
 *     kin_snapshot_item item;
 *     kin_dict_snapshot(&items, dict);
 *     while (kin_snapshot_next(items, &item)) { use(item.key, item.key_size, item.value, item.value_size); }
 *     kin_snapshot_destroy(items);
 *
 * The copy lies in memory of this process. Later changes of the dict or list do not appear in it. The caller owns it,
 * may keep it as long as it wants, and frees it with kin_snapshot_destroy. Only one thread may use a snapshot at a
 * time. Keys and values are aligned to 8 bytes.
 */
#ifndef KIN_SNAPSHOT_H
#define KIN_SNAPSHOT_H

#include "status.h"

KIN_BEGIN

typedef struct kin_snapshot kin_snapshot;

typedef struct kin_snapshot_item {
    const void *key; /* NULL in a list's snapshot */
    size_t key_size;
    const void *value;
    size_t value_size;
} kin_snapshot_item;

/* Writes the next item to *item and returns 1. Its pointers are borrowed: they are valid until kin_snapshot_destroy.
 * Returns 0 if there are no more items (or a pointer is null); the next call then begins with the first item again.
 * O(1). */
KIN_API int kin_snapshot_next(kin_snapshot *items, kin_snapshot_item *item);
/* The number of items; 0 for NULL. O(1). */
KIN_API size_t kin_snapshot_count(const kin_snapshot *items);
/* Frees the snapshot. NULL: does nothing. */
KIN_API void kin_snapshot_destroy(kin_snapshot *items);

KIN_END

#endif
