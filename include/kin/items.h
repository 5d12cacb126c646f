/* items.h: a private copy of what a dict or a list holds, all of one moment.
 *
 *     kin_items *items;
 *     kin_item item;
 *     kin_dict_items(&items, dict);
 *     while (kin_items_next(items, &item)) { use(item.key, item.key_size, item.value, item.value_size); }
 *     kin_items_destroy(items);
 *
 * The copy is this process's own memory: what others change meanwhile does not show in it, and it may be kept as long
 * as wanted. One thread at a time uses it. Its bytes are aligned to 8.
 */
#ifndef KIN_ITEMS_H
#define KIN_ITEMS_H

#include "status.h"

KIN_BEGIN

typedef struct kin_items kin_items;

typedef struct kin_item {
    const void *key; /* of a list's: NULL */
    size_t key_size;
    const void *value;
    size_t value_size;
} kin_item;

/* The next of them, valid until kin_items_destroy; 0: there is none, and the following call begins from the first
 * again. */
KIN_API int kin_items_next(kin_items *items, kin_item *item);
/* How many there are; 0 for NULL. */
KIN_API size_t kin_items_count(const kin_items *items);
/* NULL: nothing. */
KIN_API void kin_items_destroy(kin_items *items);

KIN_END

#endif
