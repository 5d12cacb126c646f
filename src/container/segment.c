/* segment.c: open addressing, linear probing. A search begins at the slot that the key's hash gives. It ends at the
 * slot that has the key, or at the first unused slot.
 *
 *     0 ──put──► word ──put──► another word of the key ──remove──► NO_ENTRY, or 0 if the next slot is 0 ──put──► ...
 *
 * Each step is one store. Every entry can still be found after it. Entries do not move inside a segment, except while
 * `moves` is odd (see below). So:
 *
 * - A reader that searches meanwhile finds an entry that is there all the time. It misses an entry only if that was not
 *   there at some moment of the search.
 * - A reader trusts a slot's entry only if the slot has the same word afterwards. It trusts that a key is not there
 *   only if the segment is still the key's, and `moves` is unchanged and even.
 * - A slot whose hash differs from the key's needs no second look. A slot's hash changes only after the entry that its
 *   word named was taken out or moved.
 *
 * Only the lock's holder writes `count` and `used`. After a death they are counted anew. Slots that have lost their
 * entry are left out when a segment is copied. If there is no memory for a copy, they are purged in place:
 *
 *     1. moves becomes odd
 *     2. each entry whose way leads past such a slot is written into the first of them, then taken out of its own slot
 *     3. no entry's way leads past such a slot any more: all of them become 0
 *     4. moves becomes even
 *
 * A holder that is killed meanwhile leaves at most one entry in two slots. The next holder purges again, and takes the
 * second one out. A reader that missed an entry has seen its old slot emptied (acquire). That store is a release after
 * 1, so the reader sees the odd number.
 */
#include "container/segment.h"

#include "container/container.h"
#include "family/input.h"
#include "memory/heap.h"

#include <string.h>

#define PURGE_STEPS 256 /* most steps for each slot. Only a damaged segment needs more */

typedef kin__segment_view view;

bool kin__segment_open(kin_family *family, uint64_t word, view *out)
{
    kin__segment *it = kin__at(family, kin__block_offset(word), sizeof *it, 16);
    return it && kin__segment_of(family, it, kin__load_racing(&it->capacity, memory_order_relaxed), out);
}

static uint64_t word_of(kin__slot *slot)
{
    return kin__load_racing(&slot->word, memory_order_acquire);
}

static uint64_t hash_of(kin__slot *slot)
{
    return kin__load_racing(&slot->hash, memory_order_acquire);
}

/* The hash's low half; its high bits choose the segment. */
static uint64_t home_of(const view *in, uint64_t hash)
{
    return (hash & UINT32_MAX) * in->capacity >> 32;
}

static uint64_t after(const view *in, uint64_t at)
{
    return at + 1 < in->capacity ? at + 1 : 0;
}

static uint64_t before(const view *in, uint64_t at)
{
    return at > 0 ? at - 1 : in->capacity - 1;
}

/* ---- finding ---- */

/* Whether the slot, which has the word, has the key: KIN_OK, KIN_E_NOT_FOUND. KIN_E_BUSY: it has changed meanwhile. */
static kin_status compare(kin_family *family, kin__slot *slot, uint64_t word, const kin__key *key, kin__found *found)
{
    if (hash_of(slot) != key->hash) {
        return KIN_E_NOT_FOUND;
    }
    bool sound = kin__entry_open(family, word, found);
    if (sound && found->key_size == key->size && kin__equal_racing(key->bytes, found->entry->bytes, key->size)) {
        return KIN_OK;
    }
    atomic_thread_fence(memory_order_acquire);
    if (kin__load_racing(&slot->word, memory_order_relaxed) != word) {
        return KIN_E_BUSY;
    }
    return sound ? KIN_E_NOT_FOUND : KIN_E_DAMAGED;
}

kin_status kin__segment_find(kin_family *family, const view *in, const kin__key *key, kin__place *out)
{
    uint64_t at = home_of(in, key->hash);
    out->slot = out->unused = NULL;
    for (uint64_t i = 0; i < in->capacity; i++, at = after(in, at)) {
        kin__slot *slot = &in->slots[at];
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

/* ---- numbers ---- */

static void set(_Atomic uint64_t *number, uint64_t value)
{
    atomic_store_explicit(number, value, memory_order_relaxed);
}

static void add(_Atomic uint64_t *number, uint64_t amount)
{
    set(number, atomic_load_explicit(number, memory_order_relaxed) + amount);
}

static void count_anew(const view *in)
{
    uint64_t count = 0, used = 0;
    for (uint64_t i = 0; i < in->capacity; i++) {
        uint64_t word = atomic_load_explicit(&in->slots[i].word, memory_order_relaxed);
        count += word > KIN__NO_ENTRY;
        used += word != 0;
    }
    set(&in->segment->count, count);
    set(&in->segment->used, used);
}

/* ---- another segment ---- */

kin_status kin__segment_make(view *out, kin__seat *seat, kin__container *it, kin__doubt doubt, uint64_t capacity,
                             uint64_t depth)
{
    void *memory;
    kin_status status =
        kin__container_take(&memory, seat, it, doubt, sizeof(kin__segment) + capacity * sizeof(kin__slot));
    if (status == KIN_OK) {
        *out = (view){memory, (kin__slot *)(void *)((kin__segment *)memory + 1), capacity};
        set(&out->segment->capacity, capacity);
        set(&out->segment->depth, depth);
    }
    return status;
}

/* Stores the hash first, so a reader that sees the word sees its hash. In a purge, the hash is stored after the slot's
 * old entry was written elsewhere (release). So a reader that sees the new hash with the old word sees that moves is
 * odd or has changed. */
static void put_slot(kin__slot *slot, uint64_t hash, uint64_t word)
{
    atomic_store_explicit(&slot->hash, hash, memory_order_release);
    atomic_store_explicit(&slot->word, word, memory_order_release);
}

/* The slot of the hash's probe sequence that has the word, else the first slot without an entry. NULL: there is
 * none. */
static kin__slot *find_free(const view *in, uint64_t hash, uint64_t word)
{
    kin__slot *free = NULL;
    uint64_t at = home_of(in, hash);
    for (uint64_t i = 0; i < in->capacity; i++, at = after(in, at)) {
        uint64_t other = word_of(&in->slots[at]);
        if (other == word) {
            return &in->slots[at];
        }
        free = !free && other <= KIN__NO_ENTRY ? &in->slots[at] : free;
        if (other == 0) {
            break;
        }
    }
    return free;
}

bool kin__segment_copy(const view *from, const view *into, uint32_t shift, uint64_t odd)
{
    uint64_t count = kin__segment_count(into);
    for (uint64_t i = 0; i < from->capacity; i++) {
        uint64_t word = atomic_load_explicit(&from->slots[i].word, memory_order_relaxed);
        uint64_t hash = hash_of(&from->slots[i]);
        if (word <= KIN__NO_ENTRY || (shift < 64 && (hash >> shift & 1) != odd)) {
            continue;
        }
        kin__slot *slot = find_free(into, hash, word);
        if (!slot) {
            return false;
        }
        put_slot(slot, hash, word);
        count++;
    }
    set(&into->segment->count, count);
    set(&into->segment->used, count);
    return true;
}

bool kin__segment_absorb(const view *from, const view *into)
{
    for (uint64_t i = 0; i < from->capacity; i++) {
        uint64_t word = atomic_load_explicit(&from->slots[i].word, memory_order_relaxed);
        uint64_t hash = hash_of(&from->slots[i]);
        if (word <= KIN__NO_ENTRY) {
            continue;
        }
        kin__slot *slot = find_free(into, hash, word);
        if (!slot) {
            return false;
        }
        if (word_of(slot) != word) {
            kin__segment_put(into, slot, hash, word);
        }
    }
    return true;
}

/* ---- changes ---- */

void kin__segment_put(const view *in, kin__slot *unused, uint64_t hash, uint64_t entry)
{
    bool fresh = word_of(unused) == 0;
    put_slot(unused, hash, entry);
    add(&in->segment->count, 1);
    add(&in->segment->used, fresh);
}

/* If the next slot is unused, it ends every search. Then this slot may become unused, too, and so may the slots before
 * it that have lost their entry. */
void kin__segment_vacate(const view *in, kin__slot *slot)
{
    uint64_t at = (uint64_t)(slot - in->slots);
    add(&in->segment->count, UINT64_MAX); /* less one */
    if (word_of(&in->slots[after(in, at)]) != 0) {
        atomic_store_explicit(&slot->word, KIN__NO_ENTRY, memory_order_release);
        return;
    }
    for (uint64_t i = 0; i < in->capacity; i++) {
        atomic_store_explicit(&in->slots[at].word, 0, memory_order_release);
        add(&in->segment->used, UINT64_MAX);
        at = before(in, at);
        if (word_of(&in->slots[at]) != KIN__NO_ENTRY) {
            return;
        }
    }
}

/* ---- purging ---- */

/* Moves the entry in slot `at` to an earlier slot of its probe sequence, or takes it out if it is there already.
 * Returns the number of steps. */
static uint64_t move_up(const view *in, uint64_t at)
{
    const uint64_t word = word_of(&in->slots[at]), hash = hash_of(&in->slots[at]);
    uint64_t steps = 0;
    for (uint64_t i = home_of(in, hash); i != at && word > KIN__NO_ENTRY; i = after(in, i)) {
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

/* Begins behind an unused slot, because no entry's probe sequence leads past that. */
kin_status kin__segment_purge(const view *in)
{
    const uint64_t start = find_never_used(in);
    uint64_t steps = 0;
    if (start == in->capacity) {
        return KIN_E_DAMAGED;
    }
    if (atomic_load_explicit(&in->segment->moves, memory_order_relaxed) % 2 == 0) {
        atomic_fetch_add_explicit(&in->segment->moves, 1, memory_order_release);
    }
    for (uint64_t at = after(in, start); at != start && steps < PURGE_STEPS * in->capacity; at = after(in, at)) {
        steps += move_up(in, at);
    }
    if (steps >= PURGE_STEPS * in->capacity) {
        return KIN_E_DAMAGED;
    }
    for (uint64_t i = 0; i < in->capacity; i++) {
        if (word_of(&in->slots[i]) == KIN__NO_ENTRY) {
            atomic_store_explicit(&in->slots[i].word, 0, memory_order_release);
        }
    }
    atomic_fetch_add_explicit(&in->segment->moves, 1, memory_order_release);
    count_anew(in);
    return KIN_OK;
}

void kin__segment_repair(const view *in)
{
    bool purging = atomic_load_explicit(&in->segment->moves, memory_order_relaxed) % 2 != 0;
    if (!purging || kin__segment_purge(in) != KIN_OK) {
        count_anew(in);
    }
}
