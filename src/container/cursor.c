/* cursor.c: visits each entry of a dict, without the lock and without copying the whole dict.
 *
 * The entries are visited in the order of their keys' hashes. A segment has the keys of one range of hashes; the
 * directory names the segments in the order of their ranges. So the cursor has to remember only `hash`, the least hash
 * that is still to be visited, even if segments are split, merged and replaced meanwhile.
 *
 *     1. read the steps: the hash and the word of each entry of the segment that has `hash`, sorted by hash
 *     2. for each step: copy the entry; check that its block is still allocated
 *     3. hash = the end of the segment's range; continue with 1, up to the last segment
 *
 * A key's hash never changes. A key that was visited has a lower hash than `hash`, so it is not visited again, even if
 * it is removed and added meanwhile. A key that is in the dict all the time is visited:
 *
 * - Step 1 sees each entry of the range that is in the segment all the time. Entries stay in their slots, except
 *   during a purge: then `moves` changes, and the segment is read again. Afterwards the words that led to the segment
 *   are loaded again. If they are unchanged, the segment was the dict's during the whole step, and it had all entries
 *   of the range, by the protocol of hash_table.c. During a merge it may also have entries of another segment's range:
 *   they are left out.
 * - A slot's hash is written before its word. The reader loads the word, the hash, and the word again. If the word is
 *   the same, the hash was that word's: a word is not used again.
 * - After step 1 only the words are relied upon. An entry's word does not change if the entry moves to another segment.
 *   If the block is gone in step 2, the key has another value, or was removed: step 1 is done again, from this hash on.
 *
 * After many failed attempts in a row, one step is done under the lock. A process that only reads rests and tries again
 * instead (family/reader.c). Two keys with the same 64 bits of hash may be visited twice if one of them changes in
 * between. The hash has a secret seed, so such keys cannot be chosen.
 */
#include "container/cursor.h"

#include "base/last_error.h"
#include "container/hash_table.h"

#include <stdlib.h>

#define ATTEMPTS 100 /* then one step is done under the lock */

kin_status kin__cursor_open(kin__cursor *out, kin_family *family, kin__container *it)
{
    *out = (kin__cursor){.family = family, .it = it, .stale = true};
    out->most = kin__family_end(family) / sizeof(kin__slot);
    out->steps = malloc(KIN__SEGMENT_MAX * sizeof *out->steps);
    return out->steps ? KIN_OK : kin__malloc_failed();
}

void kin__cursor_close(kin__cursor *it)
{
    free(it->steps);
    free(it->entry.bytes);
}

/* ---- the steps of a segment ---- */

static int compare_steps(const void *a, const void *b)
{
    const kin__step *left = a, *right = b;
    if (left->hash != right->hash) {
        return left->hash < right->hash ? -1 : 1;
    }
    return left->word < right->word ? -1 : left->word > right->word;
}

/* The last of the neighbouring directory words that name the segment. */
static uint64_t last_index(const kin__way *way)
{
    uint64_t last = way->index;
    while (last + 1 < UINT64_C(1) << way->depth &&
           kin__load_racing(&way->words[last + 1], memory_order_acquire) == way->word) {
        last++;
    }
    return last;
}

/* False: the slot has no entry, or it was changing. */
static bool read_slot(kin__slot *slot, kin__step *out)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        out->word = kin__load_racing(&slot->word, memory_order_acquire);
        out->hash = kin__load_racing(&slot->hash, memory_order_acquire);
        if (kin__load_racing(&slot->word, memory_order_relaxed) == out->word) {
            break;
        }
    }
    return out->word > KIN__NO_ENTRY;
}

static void read_slots(kin__cursor *c, const kin__segment_view *in, uint64_t end)
{
    for (uint64_t i = 0; i < in->capacity; i++) {
        kin__step *step = &c->steps[c->count];
        if (read_slot(&in->slots[i], step) && step->hash >= c->hash && (end == 0 || step->hash < end)) {
            c->count++;
        }
    }
}

/* Whether all words that named the segment still name it. */
static bool still_named(const kin__cursor *c, const kin__way *way, uint64_t last)
{
    bool named = kin__table_leads(c->it, way);
    for (uint64_t i = way->index; way->words && named && i <= last; i++) {
        named = kin__load_racing(&way->words[i], memory_order_relaxed) == way->word;
    }
    return named;
}

/* KIN_E_BUSY: the table was being changed. */
static kin_status read_steps(kin__cursor *c)
{
    kin__way way;
    c->count = c->at = 0;
    bool sound = kin__table_way(c->family, c->it, c->hash, &way);
    if (!sound || !way.in.segment) {
        atomic_thread_fence(memory_order_acquire);
        c->end = 0;
        c->stale = false;
        return sound ? KIN_OK : kin__table_leads(c->it, &way) ? KIN_E_DAMAGED : KIN_E_BUSY;
    }
    uint64_t last = way.words ? last_index(&way) : 0;
    uint64_t end = way.words && last + 1 < UINT64_C(1) << way.depth ? (last + 1) << (64 - way.depth) : 0;
    uint64_t moves = kin__segment_moves(&way.in);
    read_slots(c, &way.in, end);
    atomic_thread_fence(memory_order_acquire);
    if (!kin__segment_moves_are(&way.in, moves) || !still_named(c, &way, last)) {
        return KIN_E_BUSY;
    }
    qsort(c->steps, c->count, sizeof *c->steps, compare_steps);
    c->end = end;
    c->stale = false;
    return KIN_OK;
}

/* Bounds the sum of all slots that are read, because many damaged words may name the same segment. The family may have
 * grown. */
static kin_status go_to_next_segment(kin__cursor *c)
{
    c->looked += KIN__SEGMENT_MAX;
    if (c->looked > c->most) {
        c->most = kin__family_end(c->family) / sizeof(kin__slot);
    }
    c->hash = c->end;
    c->stale = true;
    return c->looked > c->most ? KIN_E_DAMAGED : KIN_OK;
}

/* ---- an entry ---- */

static kin_status show(kin__cursor *c)
{
    const kin__step *step = &c->steps[c->at];
    kin_status status = kin__copy_entry(&c->entry, c->family, step->word);
    if (status == KIN_OK) {
        c->hash = step->hash + 1;
        c->at++;
    } else if (status == KIN_E_BUSY) {
        c->hash = step->hash;
        c->stale = true;
    }
    return status;
}

/* Whether the step's entry has just been shown: while entries move, an entry may be in two slots. */
static bool is_doubled(const kin__cursor *c)
{
    return c->at > 0 && c->steps[c->at].word == c->steps[c->at - 1].word;
}

static kin_status attempt(kin__cursor *c)
{
    for (;;) {
        kin_status status = c->stale ? read_steps(c) : KIN_OK;
        while (status == KIN_OK && c->at < c->count && is_doubled(c)) {
            c->at++;
        }
        if (status != KIN_OK || c->at < c->count) {
            return status == KIN_OK ? show(c) : status;
        }
        if (c->end == 0) {
            return KIN_E_END;
        }
        status = go_to_next_segment(c);
        if (status != KIN_OK) {
            return status;
        }
    }
}

kin_status kin__cursor_next(kin__cursor *it, kin__seat *seat)
{
    kin_status status = KIN_E_BUSY;
    for (int i = 0; i < ATTEMPTS && status == KIN_E_BUSY; i++) {
        status = attempt(it);
    }
    if (status != KIN_E_BUSY || !seat) {
        return status;
    }
    if (kin__seat_only_reads(seat)) {
        for (int i = 0; kin__reader_tries_again(&status, i); i++) {
            status = attempt(it);
        }
        return status;
    }
    status = kin__container_enter(seat, it->it, &kin__dict_kind);
    if (status == KIN_OK) {
        status = attempt(it);
        kin__container_leave(seat, it->it);
        status = status == KIN_E_BUSY ? KIN_E_DAMAGED : status; /* only the lock's holder changes it */
    }
    return status;
}
