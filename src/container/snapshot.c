/* snapshot.c: copies of a container's entries, one behind the other as they lie in the arena. */
#include "container/snapshot.h"

#include "container/container.h"

#include <stdlib.h>
#include <string.h>

struct kin_items {
    size_t count, next; /* next and at: the number and the place of the item to show next */
    size_t at, size;
    char bytes[];
};

static size_t padded(uint64_t size)
{
    return (size_t)((size + 7) / 8 * 8);
}

/* For the lock's holder: nothing that is found changes. False: the word names no entry. *sound false: it is damaged. */
static bool open_at(kin_family *family, const kin__words *words, uint64_t index, kin__found *found, bool *sound)
{
    uint64_t word = atomic_load((_Atomic uint64_t *)(void *)(words->first + index * words->step));
    if (word <= KIN__NO_ENTRY) {
        return false;
    }
    *sound = kin__entry_open(family, word, found);
    return *sound;
}

static void append(kin_items *items, const kin__found *found)
{
    uint64_t size = kin__entry_size(found->key_size, found->value_size);
    memcpy(items->bytes + items->size, found->entry, (size_t)size);
    kin__entry *copy = (kin__entry *)(void *)(items->bytes + items->size); /* what was checked, not what is there now */
    atomic_store_explicit(&copy->key_size, found->key_size, memory_order_relaxed);
    atomic_store_explicit(&copy->value_size, found->value_size, memory_order_relaxed);
    items->size += padded(size);
    items->count++;
}

kin_status kin__snapshot_take(kin_items **out, kin_family *family, const kin__words *words)
{
    kin__found found;
    bool sound = true;
    size_t size = 0, limit = SIZE_MAX / 2;
    for (uint64_t i = 0; i < words->count && sound && size < limit; i++) {
        if (open_at(family, words, i, &found, &sound)) {
            size += padded(kin__entry_size(found.key_size, found.value_size));
        }
    }
    if (!sound || size > family->layout.reserve) { /* many damaged words may name the same entry */
        return KIN_E_DAMAGED;
    }
    kin_items *made = malloc(sizeof *made + size);
    if (!made) {
        return KIN_E_NO_MEMORY;
    }
    *made = (kin_items){0};
    for (uint64_t i = 0; i < words->count && sound; i++) {
        if (open_at(family, words, i, &found, &sound)) {
            sound = padded(kin__entry_size(found.key_size, found.value_size)) <= size - made->size;
            if (sound) {
                append(made, &found);
            }
        }
    }
    if (!sound) {
        free(made);
        return KIN_E_DAMAGED;
    }
    *out = made;
    return KIN_OK;
}

int kin_items_next(kin_items *items, kin_item *item)
{
    if (!items || !item || items->next >= items->count) {
        if (items) {
            items->next = items->at = 0;
        }
        return 0;
    }
    kin__entry *entry = (kin__entry *)(void *)(items->bytes + items->at);
    item->key_size = atomic_load_explicit(&entry->key_size, memory_order_relaxed);
    item->value_size = atomic_load_explicit(&entry->value_size, memory_order_relaxed);
    item->key = item->key_size > 0 ? entry->bytes : NULL;
    item->value = entry->bytes + kin__value_at(item->key_size);
    items->at += padded(kin__entry_size(item->key_size, item->value_size));
    items->next++;
    return 1;
}

size_t kin_items_count(const kin_items *items)
{
    return items ? items->count : 0;
}

void kin_items_destroy(kin_items *items)
{
    free(items);
}
