/* hash_table.c: open addressing, linear probing. A key's slot is the first, from where its hash points to, that holds
 * it; the first unused slot ends the search.
 *
 *     0 ──put──► word ──put──► another word of the key ──remove──► NO_ENTRY, or 0 if the next slot is 0 ──put──► ...
 *
 * Each step is one store, after which every entry can still be found. Entries do not move inside a table, except while
 * `moves` is odd (see below). So a reader that searches meanwhile finds an entry that was there all the time, and
 * misses one only if it was not there at some moment of the search. It believes a slot's entry only if the slot still
 * has the same word afterwards. It believes that a key is not there only if the table is still the root, and `moves` is
 * the same and even. A slot with another hash than the key's needs no second look: a slot's hash is changed only after
 * the entry that its word named was taken out.
 *
 * A table too full, or with too many slots that had an entry, is replaced: the new one is filled, then published by the
 * store of root. Only the lock's holder writes `count` and `used`; after a death they are counted anew.
 *
 * In a family without memory for another table this one is filled further, up to CROWDED entries. Attempts are made
 * when it has become fuller by a part of its size, so that they cost each change little. Slots that had an entry are
 * then purged in place:
 *
 *     1. moves becomes odd
 *     2. each entry whose way leads past such a slot is written into the first of them, then taken out of its own slot
 *     3. no entry's way leads past such a slot any more: all of them become 0
 *     4. moves becomes even
 *
 * A holder that was killed meanwhile has left an entry in two slots, at most. The next one purges again, and takes the
 * second out. A reader that missed an entry has seen its old slot emptied (acquire). That store is a release after 1,
 * so the reader sees the odd number.
 */
#include "container/hash_table.h"

#include "container/container.h"
#include "family/input.h"
#include "family/thread_slot.h"
#include "memory/heap.h"

#include <string.h>

#define CAPACITY_MIN UINT64_C(8)
#define CAPACITY_MAX (UINT64_C(1) << 27) /* slots, 2 GiB */

#define ROOMY(capacity) ((capacity) / 4 * 3)
#define CROWDED(capacity) ((capacity) / 8 * 7)
#define USED_MAX(capacity) (CROWDED(capacity) + (capacity) / 64)
#define RETRY_AFTER(capacity) ((capacity) / 32)
#define PURGE_STEPS 256 /* for each slot, at most: more in a table that somebody has written over */

typedef kin__table_view view;

static bool open_table(kin_family *family, uint64_t root, view *out)
{
    uint64_t offset = kin__block_offset(root);
    out->table = kin__at(family, offset, sizeof(kin__table), 16);
    if (!out->table) {
        return false;
    }
    out->slots = (kin__slot *)(void *)(out->table + 1);
    out->capacity = atomic_load_explicit(&out->table->capacity, memory_order_relaxed);
    return out->capacity >= CAPACITY_MIN && out->capacity <= CAPACITY_MAX &&
           (out->capacity & (out->capacity - 1)) == 0 &&
           kin__family_covers(family, offset, sizeof(kin__table) + out->capacity * sizeof(kin__slot));
}

static uint64_t word_of(kin__slot *slot)
{
    return atomic_load_explicit(&slot->word, memory_order_acquire);
}

/* ---- finding ---- */

/* Whether the slot, which holds word, has the key: KIN_OK, KIN_E_NOT_FOUND; KIN_E_BUSY: it has changed meanwhile. */
static kin_status compare(kin_family *family, kin__slot *slot, uint64_t word, const kin__key *key, kin__found *found)
{
    if (atomic_load_explicit(&slot->hash, memory_order_relaxed) != key->hash) {
        return KIN_E_NOT_FOUND;
    }
    bool sound = kin__entry_open(family, word, found);
    if (sound && found->key_size == key->size && memcmp(found->entry->bytes, key->bytes, key->size) == 0) {
        return KIN_OK;
    }
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&slot->word, memory_order_relaxed) != word) {
        return KIN_E_BUSY;
    }
    return sound ? KIN_E_NOT_FOUND : KIN_E_DAMAGED;
}

static kin_status probe(kin_family *family, const view *in, const kin__key *key, kin__place *out)
{
    out->unused = NULL;
    for (uint64_t i = 0; i < in->capacity; i++) {
        kin__slot *slot = &in->slots[(key->hash + i) & (in->capacity - 1)];
        uint64_t word = word_of(slot);
        if (word <= KIN__NO_ENTRY) {
            out->unused = out->unused ? out->unused : slot;
            if (word == 0) {
                return KIN_E_NOT_FOUND;
            }
            continue;
        }
        kin_status status = compare(family, slot, word, key, &out->found);
        if (status != KIN_E_NOT_FOUND) {
            out->slot = slot;
            out->word = word;
            return status;
        }
    }
    return KIN_E_NOT_FOUND;
}

/* Whether no entry has moved since moves was read. */
static bool moves_are(const view *in, uint64_t moves)
{
    return moves % 2 == 0 && atomic_load_explicit(&in->table->moves, memory_order_relaxed) == moves;
}

kin_status kin__table_read(kin_family *family, kin__container *it, const kin__key *key, void *buffer, size_t capacity,
                           size_t *size)
{
    view in;
    kin__place place;
    kin_status status = KIN_E_NOT_FOUND;
    uint64_t root = atomic_load_explicit(&it->root, memory_order_acquire);
    if (root == 0) {
        return status;
    }
    bool sound = open_table(family, root, &in);
    uint64_t moves = sound ? atomic_load_explicit(&in.table->moves, memory_order_acquire) : 0;
    status = sound ? probe(family, &in, key, &place) : KIN_E_DAMAGED;
    bool found = status == KIN_OK;
    if (found) {
        status = kin__entry_copy(&place.found, buffer, capacity, size);
    }
    atomic_thread_fence(memory_order_acquire);
    bool stands = !sound || moves_are(&in, moves);
    if (found) {
        stands = atomic_load_explicit(&place.slot->word, memory_order_relaxed) == place.word;
    }
    return stands && atomic_load_explicit(&it->root, memory_order_relaxed) == root ? status : KIN_E_BUSY;
}

kin_status kin__table_count(kin_family *family, kin__container *it, size_t *count)
{
    view in;
    uint64_t root = atomic_load_explicit(&it->root, memory_order_acquire);
    *count = 0;
    if (root == 0) {
        return KIN_OK;
    }
    bool sound = open_table(family, root, &in);
    if (sound) {
        *count = (size_t)atomic_load_explicit(&in.table->count, memory_order_relaxed);
    }
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&it->root, memory_order_relaxed) != root) {
        return KIN_E_BUSY;
    }
    return sound ? KIN_OK : KIN_E_DAMAGED;
}

kin_status kin__table_find(kin_family *family, kin__container *it, const kin__key *key, kin__place *out)
{
    uint64_t root = atomic_load_explicit(&it->root, memory_order_relaxed);
    *out = (kin__place){0};
    if (root == 0) {
        return KIN_E_NOT_FOUND;
    }
    kin_status status = open_table(family, root, &out->in) ? probe(family, &out->in, key, out) : KIN_E_DAMAGED;
    return status == KIN_E_BUSY ? KIN_E_DAMAGED : status; /* only the lock's holder changes it */
}

/* ---- another table ---- */

static void add(_Atomic uint64_t *number, uint64_t amount)
{
    atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + amount, memory_order_relaxed);
}

/* The hash first: who sees the word sees its hash. */
static void put_slot(kin__slot *slot, uint64_t hash, uint64_t word)
{
    atomic_store_explicit(&slot->hash, hash, memory_order_relaxed);
    atomic_store_explicit(&slot->word, word, memory_order_release);
}

/* into is not published yet. False: it has no room for all, so that somebody has written over `count`. */
static bool copy_slots(const view *from, const view *into)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < from->capacity; i++) {
        uint64_t word = atomic_load_explicit(&from->slots[i].word, memory_order_relaxed);
        uint64_t hash = atomic_load_explicit(&from->slots[i].hash, memory_order_relaxed);
        if (word <= KIN__NO_ENTRY) {
            continue;
        }
        if (count == ROOMY(into->capacity)) {
            return false;
        }
        uint64_t at = hash & (into->capacity - 1);
        while (atomic_load_explicit(&into->slots[at].word, memory_order_relaxed) != 0) {
            at = (at + 1) & (into->capacity - 1);
        }
        put_slot(&into->slots[at], hash, word);
        count++;
    }
    atomic_store_explicit(&into->table->count, count, memory_order_relaxed);
    atomic_store_explicit(&into->table->used, count, memory_order_relaxed);
    return true;
}

static void count_anew(const view *in)
{
    uint64_t count = 0, used = 0;
    for (uint64_t i = 0; i < in->capacity; i++) {
        uint64_t word = atomic_load_explicit(&in->slots[i].word, memory_order_relaxed);
        count += word > KIN__NO_ENTRY;
        used += word != 0;
    }
    atomic_store_explicit(&in->table->count, count, memory_order_relaxed);
    atomic_store_explicit(&in->table->used, used, memory_order_relaxed);
}

static uint64_t count_of(const view *in)
{
    uint64_t count = in->table ? atomic_load_explicit(&in->table->count, memory_order_relaxed) : 0;
    return count < in->capacity ? count : in->capacity;
}

/* Publishes another table, at most half full with the entries there are and one more. */
static kin_status replace(kin__seat *seat, kin__container *it)
{
    void *memory;
    view from = {0}, into;
    uint64_t capacity = CAPACITY_MIN, root = atomic_load_explicit(&it->root, memory_order_relaxed);
    if (root != 0 && !open_table(seat->family, root, &from)) {
        return KIN_E_DAMAGED;
    }
    while (capacity < 2 * (count_of(&from) + 1)) {
        capacity *= 2;
    }
    if (capacity > CAPACITY_MAX) {
        return KIN_E_NO_MEMORY;
    }
    kin_status status =
        kin__container_take(&memory, seat, it, KIN__TABLE_MADE, sizeof(kin__table) + capacity * sizeof(kin__slot));
    if (status != KIN_OK) {
        return status;
    }
    into = (view){memory, (kin__slot *)(void *)((kin__table *)memory + 1), capacity};
    atomic_store_explicit(&into.table->capacity, capacity, memory_order_relaxed);
    if (!copy_slots(&from, &into)) {
        kin__container_undo(seat, it);
        return KIN_E_DAMAGED;
    }
    kin__container_doubt(it, KIN__TABLE_GONE, root);
    atomic_store_explicit(&it->root, kin__container_taken(it, KIN__TABLE_MADE), memory_order_release);
    kin__container_settle(seat, it);
    return KIN_OK;
}

/* ---- purging ---- */

/* Moves the entry in slot `at` forward, or takes it out if it is a second time on its way. Steps: how many. */
static uint64_t move_up(const view *in, uint64_t at)
{
    const uint64_t mask = in->capacity - 1, word = word_of(&in->slots[at]);
    const uint64_t hash = atomic_load_explicit(&in->slots[at].hash, memory_order_relaxed);
    uint64_t steps = 0;
    for (uint64_t i = hash & mask; i != at && word > KIN__NO_ENTRY; i = (i + 1) & mask) {
        uint64_t other = word_of(&in->slots[i]);
        steps++;
        if (other <= KIN__NO_ENTRY) {
            put_slot(&in->slots[i], hash, word);
        }
        if (other <= KIN__NO_ENTRY || other == word) {
            atomic_store_explicit(&in->slots[at].word, KIN__NO_ENTRY, memory_order_release);
            break;
        }
    }
    return steps;
}

static uint64_t find_never_used(const view *in)
{
    uint64_t at = 0;
    while (at < in->capacity && word_of(&in->slots[at]) != 0) {
        at++;
    }
    return at;
}

/* Under the lock. From behind a slot that was never used: no entry's way leads past that. */
static kin_status purge(const view *in)
{
    const uint64_t start = find_never_used(in), mask = in->capacity - 1;
    uint64_t steps = 0;
    if (start == in->capacity) {
        return KIN_E_DAMAGED;
    }
    if (atomic_load_explicit(&in->table->moves, memory_order_relaxed) % 2 == 0) {
        add(&in->table->moves, 1);
    }
    for (uint64_t i = 1; i < in->capacity && steps < PURGE_STEPS * in->capacity; i++) {
        steps += move_up(in, (start + i) & mask);
    }
    if (steps >= PURGE_STEPS * in->capacity) {
        return KIN_E_DAMAGED;
    }
    for (uint64_t i = 0; i < in->capacity; i++) {
        if (word_of(&in->slots[i]) == KIN__NO_ENTRY) {
            atomic_store_explicit(&in->slots[i].word, 0, memory_order_release);
        }
    }
    atomic_fetch_add_explicit(&in->table->moves, 1, memory_order_release);
    count_anew(in);
    return KIN_OK;
}

static bool is_crowded(const view *in, uint64_t used)
{
    return used >= USED_MAX(in->capacity) || count_of(in) >= CROWDED(in->capacity);
}

/* There is no memory for another table. */
static kin_status go_on_in(const view *in)
{
    uint64_t used = atomic_load_explicit(&in->table->used, memory_order_relaxed);
    if (count_of(in) >= CROWDED(in->capacity)) {
        return KIN_E_NO_MEMORY;
    }
    if (used >= USED_MAX(in->capacity)) {
        return purge(in);
    }
    atomic_store_explicit(&in->table->retry, used + RETRY_AFTER(in->capacity), memory_order_relaxed);
    return KIN_OK;
}

kin_status kin__table_make_room(kin__seat *seat, kin__container *it, const kin__key *key, kin__place *place)
{
    const view *in = &place->in;
    bool again = place->unused && word_of(place->unused) == KIN__NO_ENTRY;
    uint64_t used = place->unused ? atomic_load_explicit(&in->table->used, memory_order_relaxed) : UINT64_MAX;
    if (again || used < ROOMY(in->capacity)) {
        return KIN_OK;
    }
    if (!is_crowded(in, used) && used < atomic_load_explicit(&in->table->retry, memory_order_relaxed)) {
        return KIN_OK;
    }
    kin_status status = replace(seat, it);
    if (status == KIN_E_NO_MEMORY && in->table) {
        status = go_on_in(in);
    }
    if (status == KIN_OK) {
        status = kin__table_find(seat->family, it, key, place);
        return status == KIN_E_NOT_FOUND && place->unused ? KIN_OK : KIN_E_DAMAGED;
    }
    return status;
}

/* ---- changes ---- */

void kin__table_put(kin__seat *seat, kin__container *it, const kin__key *key, const kin__place *place)
{
    uint64_t made = kin__container_taken(it, KIN__ENTRY_MADE);
    if (place->slot) {
        kin__container_doubt(it, KIN__ENTRY_GONE, place->word);
        atomic_store_explicit(&place->slot->word, made, memory_order_release);
    } else {
        bool fresh = word_of(place->unused) == 0;
        put_slot(place->unused, key->hash, made);
        add(&place->in.table->count, 1);
        add(&place->in.table->used, fresh);
    }
    kin__container_settle(seat, it);
}

/* Empties the slot. Where the next slot ends every search, this one may end it, too, and so may the emptied ones
 * before. */
static void vacate(const view *in, kin__slot *slot)
{
    uint64_t at = (uint64_t)(slot - in->slots), mask = in->capacity - 1;
    if (word_of(&in->slots[(at + 1) & mask]) != 0) {
        atomic_store_explicit(&slot->word, KIN__NO_ENTRY, memory_order_release);
        return;
    }
    for (uint64_t i = 0; i < in->capacity; i++, at--) {
        atomic_store_explicit(&in->slots[at & mask].word, 0, memory_order_release);
        add(&in->table->used, UINT64_MAX); /* less one */
        if (word_of(&in->slots[(at - 1) & mask]) != KIN__NO_ENTRY) {
            return;
        }
    }
}

void kin__table_remove(kin__seat *seat, kin__container *it, const kin__place *place)
{
    const view *in = &place->in;
    kin__container_doubt(it, KIN__ENTRY_GONE, place->word);
    vacate(in, place->slot);
    add(&in->table->count, UINT64_MAX);
    kin__container_settle(seat, it);
    if (in->capacity > 8 * CAPACITY_MIN && atomic_load(&in->table->count) < in->capacity / 8) {
        replace(seat, it); /* on failure it stays as it is */
    }
}

/* ---- as a container ---- */

static bool words_of(kin_family *family, uint64_t root, kin__words *out)
{
    view in;
    if (!open_table(family, root, &in)) {
        return false;
    }
    *out = (kin__words){(char *)in.slots, in.capacity, sizeof(kin__slot)};
    return true;
}

static void recount(kin_family *family, kin__container *it)
{
    view in;
    uint64_t root = atomic_load(&it->root);
    if (root == 0 || !open_table(family, root, &in)) {
        return;
    }
    bool purging = atomic_load(&in.table->moves) % 2 != 0;
    if (!purging || purge(&in) != KIN_OK) {
        count_anew(&in);
    }
}

const kin__kind kin__dict_kind = {KIN_TYPE_DICT, words_of, recount};
