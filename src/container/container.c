/* container.c: what keeps a container whole when a process is killed.
 *
 * Readers take no lock. They read the table, and entries, which never change once their word stands in a table. Both
 * may be freed, and their memory be used for something else, while a reader reads. So a reader copies first, and then
 * looks whether the words that led it there still stand: a block word is not used again, so a word that stands was
 * valid all the time. If one does not stand, it reads once more. Until then nothing that was read is believed: offsets
 * are checked against the arena's bounds before they are followed.
 *
 *     reader:  load root, word (acquire); copy; fence (acquire); load word, root again
 *     writer:  store word (release); free the old block; another thread allocates it (acquire) and writes to it
 *
 * If the copy has bytes that the new owner wrote, the writer's store came before them, and the second look finds it.
 * (The copying itself races with the new owner's plain stores, as in every seqlock over memory that others use freely.
 * What it copied is then only compared with a key.)
 *
 * Writers hold the lock. Each change is published by one store: of a word, or of the table's root. (hash_table.c has
 * changes of several stores, which the next writer finishes.) A block stands in `doubts` from when it is allocated
 * until it is published, and from before it is taken out until it is freed:
 *
 *     made:  allocate (heap.c notes the word before the block is live) ... publish, clear the doubt
 *     gone:  note the word; publish what takes it out; free the block; clear the doubt
 *
 * A writer that acquires the lock after a death, or finds doubts of a block that could not be freed, looks of each
 * whether it is in the container. If not, it frees the block: that is right for both kinds at any moment. `dropped` is
 * a whole table: if it is not the root, all its entries and then the table are freed. Freeing twice does nothing, since
 * words are not used again. If the writer is killed while it repairs, the next one repairs again.
 */
#include "container/container.h"

#include "base/last_error.h"
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

/* Whether the part's block is allocated, and as long as its words say. */
static bool is_block_of(kin_family *family, const kin__words *words)
{
    uint32_t generation;
    uint64_t size;
    return words->count > 0 &&
           kin__heap_generation(family, kin__block_offset(words->block), &generation, &size) == KIN_OK &&
           generation == kin__block_generation(words->block) && size / words->step >= words->count;
}

/* Frees a table that is not the root, with its parts, and all its entries if they are meant, too. KIN_E_BUSY: not all
 * could be freed. Of one that was freed in part before, the blocks that are left are those that are still allocated. */
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

/* Frees the block that a note names, and that is not part of the container. */
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
        return status == KIN_E_POISONED ? KIN_E_DAMAGED : status; /* kin never poisons it */
    }
    if (status == KIN_OWNER_DIED) {
        kin__reap_all(seat->family); /* frees a block that the holder was allocating */
        if (kind->repair) {
            kind->repair(seat->family, it);
        }
        kin__container_changed(it); /* it may have been killed between its change and its telling */
    }
    status = clear_doubts(seat, it, kind);
    kin__lock_repair(seat, &it->lock);
    if (status != KIN_OK) {
        kin__container_leave(seat, it);
    }
    return status;
}

/* ---- telling a change: protocol in changes.c ---- */

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

void kin__container_settle(kin__seat *seat, kin__container *it, const kin__kind *kind)
{
    kin__container_settle_entry(seat, it);
    kin__container_settle_tables(seat, it, kind);
}

/* A table that is gone stays noted: it is noted at its publishing only, so it is one that could not be freed then. */
void kin__container_undo(kin__seat *seat, kin__container *it, const kin__kind *kind)
{
    atomic_store_explicit(&it->doubts[KIN__ENTRY_GONE], 0, memory_order_release);
    free_doubt(seat, it, kind, KIN__ENTRY_MADE);
    free_doubt(seat, it, kind, KIN__TABLE_MADE);
    free_doubt(seat, it, kind, KIN__TABLE_MADE_TOO);
}

/* ---- made, emptied, ended ---- */

kin_status kin__container_create(void **out, kin_family *family, const kin__kind *kind)
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
    *out = memory;
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
