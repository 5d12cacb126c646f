/* snapshot.c: copies of a container's entries, one behind the other as they lie in the arena. */
#include "container/snapshot.h"

#include "base/last_error.h"
#include "container/container.h"

#include <stdlib.h>
#include <string.h>

struct kin_snapshot {
    size_t count, next; /* next and at: the number and the place of the item to show next */
    size_t at, size;
    char bytes[];
};

static size_t padded(uint64_t size)
{
    return (size_t)((size + 7) / 8 * 8);
}

typedef struct cursor { /* in the words of a walk */
    kin__words_walk walk;
    uint64_t at;   /* in this part: the next */
    uint64_t skip; /* words of the next parts to skip */
    uint64_t left; /* words to copy after those */
} cursor;

/* For the lock's holder, so the entries do not change. False: no entry is left, or the table is damaged. */
static bool next_entry(cursor *c, kin__found *found)
{
    kin__words_walk *walk = &c->walk;
    for (;;) {
        const kin__words *words = &walk->words;
        for (; c->at < words->count && c->left > 0; c->left--) {
            uint64_t word = atomic_load((_Atomic uint64_t *)(void *)(words->first + c->at++ * words->step));
            if (word > KIN__NO_ENTRY) {
                c->left--;
                walk->damaged = !kin__entry_open(walk->family, word, found);
                return !walk->damaged;
            }
        }
        if (c->left == 0 || !kin__words_next(walk) || walk->damaged) {
            return false;
        }
        c->at = c->skip < words->count ? c->skip : words->count;
        c->skip -= c->at;
    }
}

static void append(kin_snapshot *items, const kin__found *found)
{
    uint64_t size = kin__entry_size(found->key_size, found->value_size);
    memcpy(items->bytes + items->size, found->entry, (size_t)size);
    kin__entry *copy = (kin__entry *)(void *)(items->bytes + items->size); /* gets the checked sizes, not the arena's */
    atomic_store_explicit(&copy->key_size, found->key_size, memory_order_relaxed);
    atomic_store_explicit(&copy->value_size, found->value_size, memory_order_relaxed);
    items->size += padded(size);
    items->count++;
}

/* Bounds the sum of all sizes, because many damaged words may name the same entry. */
static kin_status measure(cursor c, size_t *size)
{
    kin__found found;
    uint64_t most = kin__family_end(c.walk.family);
    *size = 0;
    while (*size <= most && *size < SIZE_MAX / 2 && next_entry(&c, &found)) {
        *size += padded(kin__entry_size(found.key_size, found.value_size));
    }
    return c.walk.damaged || *size > most ? KIN_E_DAMAGED : KIN_OK;
}

/* Copies as many entries as were measured, or fewer. */
static kin_status fill(kin_snapshot *items, cursor c, size_t size)
{
    kin__found found;
    while (next_entry(&c, &found)) {
        if (padded(kin__entry_size(found.key_size, found.value_size)) > size - items->size) {
            return KIN_E_DAMAGED;
        }
        append(items, &found);
    }
    return c.walk.damaged ? KIN_E_DAMAGED : KIN_OK;
}

kin_status kin__snapshot_take(kin_snapshot **out, const kin__words_walk *table, uint64_t first, uint64_t most)
{
    const cursor all = {*table, 0, first, most};
    size_t size;
    kin_status status = measure(all, &size);
    if (status != KIN_OK) {
        return status;
    }
    kin_snapshot *made = malloc(sizeof *made + size);
    if (!made) {
        return kin__malloc_failed();
    }
    *made = (kin_snapshot){0};
    status = fill(made, all, size);
    if (status != KIN_OK) {
        free(made);
        return status;
    }
    *out = made;
    return KIN_OK;
}

int kin_snapshot_next(kin_snapshot *items, kin_snapshot_item *item)
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

size_t kin_snapshot_count(const kin_snapshot *items)
{
    return items ? items->count : 0;
}

void kin_snapshot_destroy(kin_snapshot *items)
{
    free(items);
}
