/* container.c: the protocol that keeps a container whole when a process is killed.
 *
 * ---- Readers ----
 *
 * 1. Readers take no lock. They read the table and the entries. An entry does not change while its word is in a table.
 * 2. While a reader reads, another process may free the table or an entry and use the memory for something else. So a
 *    reader copies first. Then it checks that the words which led it there are unchanged.
 * 3. A block word is never used again. So if a word is unchanged, it was valid all the time. If a word has changed, the
 *    reader reads once more.
 * 4. Until that check the reader trusts nothing that it has read. It compares each offset with the arena's bounds
 *    before it follows the offset.
 *
 *     reader:  load root, word (acquire); copy; fence (acquire); load word, root again
 *     writer:  store word (release); free the old block; another thread allocates it (acquire) and writes to it
 *
 * 5. If the copy has bytes of the block's new owner, the writer's store came before them. So the second load finds it.
 * 6. The copying races with the new owner's plain stores, as in every seqlock over memory that others use freely. In
 *    that case the copied bytes are only compared with a key.
 *
 * A process that has opened the family for reading only reads in the same way (family/reader.c).
 *
 * ---- Writers ----
 *
 * 7. Writers hold the lock. Each change is published by one store: of a word, or of the table's root. (hash_table.c has
 *    changes of several stores. If a writer dies between them, the next one finishes them.)
 * 8. A block is in `doubts` from its allocation until it is published, and from before it is taken out of the container
 *    until it is freed:
 *
 *     made:  allocate (heap.c notes the word before the block is live) ... publish, clear the doubt
 *     gone:  note the word; publish the change that takes it out; free the block; clear the doubt
 *
 * ---- Deaths ----
 *
 * 9. A writer may acquire the lock after a death, or find doubts of blocks that could not be freed. Then it checks for
 *    each doubt whether the block is in the container. If not, it frees the block. This is right for both kinds of
 *    doubt at any moment.
 * 10. `dropped` is a whole table. If it is not the root, all its entries and then the table are freed.
 * 11. Freeing a block twice does nothing, since block words are never used again. So if a writer is killed during the
 *    repair, the next one repairs again.
 *
 * model/dict.pml is this protocol and those of hash_table.c and segment.c, for spin; model/check verifies it.
 */
#include "container/container.h"

#include "base/last_error.h"
#include "base/out.h"
#include "family/create.h"
#include "family/reap.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "memory/heap.h"
#include "memory/object.h"
#include "park/owner_lock.h"
#include "park/unpark.h"

#include <string.h>

/* ---- what a dead writer left ---- */

static uint64_t word_in(const kin__words *words, uint64_t index)
{
    return atomic_load_explicit((_Atomic uint64_t *)(void *)(words->first + index * words->step), memory_order_relaxed);
}

static bool is_among(const kin__words *words, uint64_t entry)
{
    bool has = false;
    for (uint64_t i = 0; i < words->count && !has; i++) {
        has = word_in(words, i) == entry;
    }
    return has;
}

static bool has_entry(kin_family *family, kin__container *it, const kin__kind *kind, uint64_t entry)
{
    kin__words words;
    bool has = false;
    if (kind->doubtful) {
        return kind->doubtful(family, it, &words) && is_among(&words, entry);
    }
    kin__words_walk walk = kin__words_of(family, kind, atomic_load(&it->root));
    while (!has && kin__words_next(&walk)) {
        has = is_among(&walk.words, entry);
    }
    return has;
}

kin__words_walk kin__words_of(kin_family *family, const kin__kind *kind, uint64_t root)
{
    return (kin__words_walk){.family = family,
                             .kind = kind,
                             .root = root,
                             .parts = kind->parts(family, root),
                             .left = kin__family_end(family) / sizeof(uint64_t)};
}

bool kin__words_next(kin__words_walk *walk)
{
    if (walk->part >= walk->parts) {
        return false;
    }
    bool sound = walk->kind->words(walk->family, walk->root, walk->part++, &walk->words);
    if (!sound || walk->words.count > walk->left) {
        walk->damaged = true;
        walk->words.count = 0;
    }
    walk->left -= walk->words.count;
    return true;
}

static kin_status free_entries(kin__seat *seat, const kin__words *words)
{
    kin_status status = KIN_OK;
    for (uint64_t i = 0; i < words->count && status != KIN_E_BUSY; i++) {
        uint64_t word = word_in(words, i);
        if (word > KIN__NO_ENTRY && kin__family_covers_known(seat->family, kin__block_offset(word), 1)) {
            status = kin__heap_give(seat, word);
        }
    }
    return status;
}

/* Whether the part's block is allocated and long enough for its words. */
static bool is_block_of(kin_family *family, const kin__words *words)
{
    uint32_t generation;
    uint64_t size;
    return words->count > 0 &&
           kin__heap_generation(family, kin__block_offset(words->block), &generation, &size) == KIN_OK &&
           generation == kin__block_generation(words->block) && size / words->step >= words->count;
}

/* Frees a table that is not the root, with its parts, and if asked with all its entries. KIN_E_BUSY: not all could be
 * freed. The table may have been freed in part before; then it frees the blocks that are still allocated. */
static kin_status free_table(kin__seat *seat, const kin__kind *kind, uint64_t table, bool entries)
{
    if (!kin__heap_has(seat->family, table)) {
        return KIN_OK;
    }
    kin_status status = KIN_OK;
    kin__words_walk walk = kin__words_of(seat->family, kind, table);
    while (status != KIN_E_BUSY && kin__words_next(&walk)) {
        if (!is_block_of(seat->family, &walk.words)) {
            continue;
        }
        status = entries ? free_entries(seat, &walk.words) : KIN_OK;
        if (status != KIN_E_BUSY && walk.words.block != table) {
            status = kin__heap_give(seat, walk.words.block);
        }
    }
    return status == KIN_E_BUSY ? status : kin__heap_give(seat, table);
}

/* Frees the block that a note names. The block is not part of the container. */
static kin_status free_noted(kin__seat *seat, const kin__kind *kind, kin__doubt doubt, uint64_t word)
{
    bool table = kind->tables && (doubt == KIN__TABLE_MADE_TOO || doubt == KIN__TABLE_GONE_TOO);
    return table ? free_table(seat, kind, word, false) : kin__heap_give(seat, word);
}

static kin_status clear_doubts(kin__seat *seat, kin__container *it, const kin__kind *kind)
{
    uint64_t root = atomic_load(&it->root);
    for (int i = 0; i < KIN__DOUBTS; i++) {
        uint64_t word = atomic_load(&it->doubts[i]);
        bool entry = i == KIN__ENTRY_MADE || i == KIN__ENTRY_GONE;
        bool has =
            word == 0 || (entry ? has_entry(seat->family, it, kind, word) : kind->has_block(seat->family, root, word));
        if (!has && free_noted(seat, kind, (kin__doubt)i, word) == KIN_E_BUSY) {
            return KIN_E_BUSY;
        }
        atomic_store(&it->doubts[i], 0);
    }
    uint64_t dropped = atomic_load(&it->dropped);
    if (dropped != 0 && dropped != root && free_table(seat, kind, dropped, true) == KIN_E_BUSY) {
        return KIN_E_BUSY;
    }
    atomic_store(&it->dropped, 0);
    return KIN_OK;
}

/* ---- the lock ---- */

kin_status kin__container_enter_slowly(kin__seat *seat, kin__container *it, const kin__kind *kind, kin_status status)
{
    if (status < 0) {
        return status == KIN_E_POISONED ? KIN_E_DAMAGED : status; /* kin never poisons this lock */
    }
    if (status == KIN_OWNER_DIED) {
        kin__reap_all(seat->family); /* frees a block that the holder was allocating */
        if (kind->repair) {
            kind->repair(seat->family, it);
        }
        kin__container_changed(it); /* the dead holder may have published a change without counting it */
    }
    status = clear_doubts(seat, it, kind);
    kin__lock_repair(seat, &it->lock);
    if (status != KIN_OK) {
        kin__container_leave(seat, it);
    }
    return status;
}

/* ---- counting a change and waking its waiters: protocol in changes.c ---- */

void kin__container_tell(kin__container *it, uint64_t generation)
{
    atomic_store(&it->generation, generation);
    atomic_store_explicit(&it->watched, KIN__CHANGE_TOLD, memory_order_relaxed);
}

void kin__container_leave_and_wake(kin__seat *seat, kin__container *it)
{
    atomic_store_explicit(&it->watched, KIN__NOT_WATCHED, memory_order_relaxed);
    kin__lock_release(seat, &it->lock);
    kin__unpark(seat->family, &it->generation, KIN__ALL);
}

/* ---- blocks in doubt ---- */

kin_status kin__container_take(void **out, kin__seat *seat, kin__container *it, kin__doubt doubt, uint64_t size)
{
    bool entry = doubt == KIN__ENTRY_MADE;
    return kin__heap_take(out, seat, size, !entry, &it->doubts[doubt]);
}

static void free_doubt(kin__seat *seat, kin__container *it, const kin__kind *kind, kin__doubt doubt)
{
    uint64_t word = atomic_load_explicit(&it->doubts[doubt], memory_order_relaxed);
    if (word != 0 && free_noted(seat, kind, doubt, word) != KIN_E_BUSY) {
        atomic_store_explicit(&it->doubts[doubt], 0, memory_order_release);
    }
}

void kin__container_settle_entry(kin__seat *seat, kin__container *it)
{
    uint64_t gone = atomic_load_explicit(&it->doubts[KIN__ENTRY_GONE], memory_order_relaxed);
    atomic_store_explicit(&it->doubts[KIN__ENTRY_MADE], 0, memory_order_release);
    if (gone != 0 && kin__heap_give(seat, gone) != KIN_E_BUSY) {
        atomic_store_explicit(&it->doubts[KIN__ENTRY_GONE], 0, memory_order_release);
    }
}

void kin__container_settle_tables(kin__seat *seat, kin__container *it, const kin__kind *kind)
{
    atomic_store_explicit(&it->doubts[KIN__TABLE_MADE], 0, memory_order_release);
    atomic_store_explicit(&it->doubts[KIN__TABLE_MADE_TOO], 0, memory_order_release);
    free_doubt(seat, it, kind, KIN__TABLE_GONE);
    free_doubt(seat, it, kind, KIN__TABLE_GONE_TOO);
}

/* A note of a table that is gone is kept: it is made only when the change is published, so that table could not be
 * freed then. */
void kin__container_undo(kin__seat *seat, kin__container *it, const kin__kind *kind)
{
    atomic_store_explicit(&it->doubts[KIN__ENTRY_GONE], 0, memory_order_release);
    free_doubt(seat, it, kind, KIN__ENTRY_MADE);
    free_doubt(seat, it, kind, KIN__TABLE_MADE);
    free_doubt(seat, it, kind, KIN__TABLE_MADE_TOO);
}

/* ---- made, emptied, ended ---- */

kin_status kin__container_create(void *out, kin_family *family, const kin__kind *kind)
{
    void *memory;
    kin_status status = out ? kin__family_resolve(&family, family) : kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    if (status == KIN_OK) {
        status = kin_alloc(&memory, family, sizeof(kin__container));
    }
    if (status != KIN_OK) {
        return status;
    }
    kin__container *made = memory;
    status = kin_os_random(made->seed, sizeof made->seed);
    if (status != KIN_OK) {
        kin_free(memory);
        return status;
    }
    kin__lock_init(family, &made->lock, 0);
    kin__object_init(&made->object, kind->type, 0);
    kin__out(out, memory);
    return KIN_OK;
}

kin_status kin__container_open(kin__seat **out, const void *p, const kin__kind *kind)
{
    if (!p) {
        return kin__refuse(KIN_E_ARGUMENT, "the object is NULL");
    }
    *out = kin__seat_fast(p, (uint32_t)kind->type);
    return *out ? KIN_OK : kin__seat_find(out, p, (uint32_t)kind->type);
}

kin_status kin__container_open_to_read(kin__seat **out, const void *p, const kin__kind *kind)
{
    if (!p) {
        return kin__refuse(KIN_E_ARGUMENT, "the object is NULL");
    }
    *out = kin__seat_fast(p, (uint32_t)kind->type);
    return *out ? KIN_OK : kin__seat_find_to_read(out, p, (uint32_t)kind->type);
}

void kin__container_drop(kin__seat *seat, kin__container *it, const kin__kind *kind)
{
    atomic_store(&it->dropped, atomic_load(&it->root));
    atomic_store(&it->root, 0);
    atomic_store(&it->count, 0);
    kin__container_changed(it);
    if (free_table(seat, kind, atomic_load(&it->dropped), true) != KIN_E_BUSY) {
        atomic_store(&it->dropped, 0);
    }
}

kin_status kin__container_clear(kin__seat *seat, kin__container *it, const kin__kind *kind)
{
    kin_status status = kin__container_enter(seat, it, kind);
    if (status == KIN_OK) {
        kin__container_drop(seat, it, kind);
        kin__container_leave(seat, it);
    }
    return status;
}

kin_status kin__container_destroy(void *p, const kin__kind *kind)
{
    kin__seat *seat;
    if (!p) {
        return KIN_OK;
    }
    kin_status status = kin__container_open(&seat, p, kind);
    if (status == KIN_OK) {
        status = kin__container_clear(seat, p, kind);
    }
    if (status == KIN_OK && kin__container_in_doubt(p)) {
        status = KIN_E_BUSY; /* not all could be freed */
    }
    return status == KIN_OK ? kin__object_destroy(p, kind->type) : status;
}

/* ---- entries ---- */

kin_status kin__entry_make(kin__entry **out, kin__seat *seat, kin__container *it, const void *key, size_t key_size,
                           const void *value, size_t value_size)
{
    void *memory;
    if (value_size > UINT32_MAX) {
        return kin__refuse(KIN_E_TOO_BIG, "a value has less than 4 GiB");
    }
    kin_status status = kin__container_take(&memory, seat, it, KIN__ENTRY_MADE, kin__entry_size(key_size, value_size));
    if (status != KIN_OK) {
        return status;
    }
    kin__entry *made = memory;
    atomic_store_explicit(&made->key_size, (uint32_t)key_size, memory_order_relaxed);
    atomic_store_explicit(&made->value_size, (uint32_t)value_size, memory_order_relaxed);
    if (key_size > 0) {
        memcpy(made->bytes, key, key_size);
    }
    if (value && value_size > 0) {
        memcpy(made->bytes + kin__value_at(key_size), value, value_size);
    }
    *out = made;
    return KIN_OK;
}
