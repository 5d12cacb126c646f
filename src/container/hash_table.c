/* hash_table.c: extendible hashing.
 *
 * ---- The table ----
 *
 * A small dict is one segment, which its root names. A larger one has a directory of 2^depth words. Each word names a
 * segment. The high bits of a key's hash are the index of its word. A segment of depth d is named by 2^(depth - d)
 * neighbouring words. The d highest bits of the hash are the same for all its keys.
 *
 *     root ──► segment                     up to KIN__SEGMENT_MAX slots; replaced by one of another size
 *     root ──► directory ──► segments      of KIN__SEGMENT_MAX slots each
 *
 * ---- The changes ----
 *
 *     split    a segment is too full. Two new ones replace it, each with the entries of one value of the next bit
 *     renew    too many slots of a segment have lost their entry. A copy without these slots replaces it
 *     merge    two segments are nearly empty and differ in their last bit only. One takes the other's entries and words
 *     resize   a segment of the directory's depth has to be split, or no segment has that depth any more
 *
 * 1. A change copies at most one segment or a directory. So a dict grows and shrinks without a long pause.
 * 2. A new segment has all its entries before it is published. It is published by storing words: either the root, which
 *    is one store, or words of a directory. Several words of a directory may have to be stored.
 * 3. While these words are stored, the old and the new segments have the same entries, and the lock's holder changes no
 *    entry. So a reader finds the right entry through each word. It trusts the result if the word and the root are
 *    unchanged afterwards.
 *
 * ---- Deaths ----
 *
 * 4. The container's notes say which segments the killed holder has made and which are gone:
 *
 *     split, renew   made: one or two new segments; gone: one. If a word names a made segment, publishing has begun,
 *                    and the next holder stores the other words. If no word does, nothing has happened.
 *     merge          made: the segment that stays; gone: the other. A merge needs no memory. The words name both
 *                    segments from the beginning, and the next holder repeats the whole merge. No reader finds the
 *                    other segment's entries in the one that stays before the other's words name it.
 *
 * 5. `changing` names the segment whose entries are being changed. After a death only that segment is repaired.
 *
 * ---- No memory ----
 *
 * If the family has no memory for a new segment, a segment is filled further, up to CROWDED entries. Each time it has
 * become fuller by a fraction of its size, there is another attempt to get memory. So attempts cost each change little.
 */
#include "container/hash_table.h"

#include "base/last_error.h"
#include "container/container.h"
#include "family/input.h"
#include "family/thread_slot.h"
#include "memory/heap.h"

#define DOUBLED_MAX UINT64_C(1024) /* slots; a segment that needs more has KIN__SEGMENT_MAX */
#define DEPTH_MAX 20u              /* 4 * 10^9 slots, a directory of 8 MiB */

#define ROOMY(capacity) ((capacity) / 4 * 3)
#define CROWDED(capacity) ((capacity) / 8 * 7)
#define USED_MAX(capacity) (CROWDED(capacity) + (capacity) / 64)
#define RETRY_AFTER(capacity) ((capacity) / 32 + 2)
#define SPARSE(capacity) ((capacity) / 8)

typedef kin__segment_view view;

/* ---- the way to a segment ---- */

/* The directory at that offset, whose header may be touched. False: there can be none. */
static bool directory_at(kin_family *family, uint64_t offset, kin__directory *it, kin__way *out)
{
    uint64_t depth = kin__load_racing(&it->depth, memory_order_relaxed);
    if (depth < 1 || depth > DEPTH_MAX ||
        !kin__family_covers(family, offset, sizeof *it + (sizeof(uint64_t) << depth))) {
        return false;
    }
    out->words = (_Atomic uint64_t *)(void *)(it + 1);
    out->depth = depth;
    return true;
}

/* False: the root is no directory, or a damaged one. */
static bool open_directory(kin_family *family, uint64_t root, kin__way *out)
{
    uint64_t offset = kin__block_offset(root);
    kin__directory *it = root ? kin__at(family, offset, sizeof *it, 16) : NULL;
    out->root = root;
    return it && kin__load_racing(&it->zero, memory_order_relaxed) == 0 && directory_at(family, offset, it, out);
}

/* False: damaged. For a dict without segments, out->in has no segment, and the word is 0. */
static bool open_way(kin_family *family, uint64_t root, uint64_t hash, kin__way *out)
{
    uint64_t offset = kin__block_offset(root);
    out->root = out->word = root;
    out->words = NULL;
    out->depth = out->index = 0;
    out->in = (view){0};
    if (root == 0) {
        return true;
    }
    kin__segment *head = kin__at(family, offset, sizeof *head, 16); /* or a directory's header, which is as long */
    uint64_t capacity = head ? kin__load_racing(&head->capacity, memory_order_relaxed) : 0;
    if (capacity != 0) {
        return kin__segment_of(family, head, capacity, &out->in);
    }
    if (!head || !directory_at(family, offset, (kin__directory *)(void *)head, out)) {
        return false;
    }
    out->index = hash >> (64 - out->depth);
    out->word = kin__load_racing(&out->words[out->index], memory_order_acquire);
    return kin__segment_open_whole(family, out->word, &out->in);
}

bool kin__table_way(kin_family *family, kin__container *it, uint64_t hash, kin__way *out)
{
    return open_way(family, atomic_load_explicit(&it->root, memory_order_acquire), hash, out);
}

bool kin__table_leads(kin__container *it, const kin__way *way)
{
    return (!way->words || kin__load_racing(&way->words[way->index], memory_order_relaxed) == way->word) &&
           atomic_load_explicit(&it->root, memory_order_relaxed) == way->root;
}

kin_status kin__table_read(kin_family *family, kin__container *it, const kin__key *key, void *buffer, size_t capacity,
                           size_t *size)
{
    kin__way way;
    kin__place place;
    uint64_t root = atomic_load_explicit(&it->root, memory_order_acquire);
    if (root == 0) {
        return KIN_E_NOT_FOUND;
    }
    bool sound = open_way(family, root, key->hash, &way);
    uint64_t moves = sound ? kin__segment_moves(&way.in) : 0;
    kin_status status = sound ? kin__segment_find(family, &way.in, key, &place) : KIN_E_DAMAGED;
    bool found = status == KIN_OK;
    if (found) {
        status = kin__entry_copy(&place.found, buffer, capacity, size);
    }
    atomic_thread_fence(memory_order_acquire);
    bool stands = !sound || kin__segment_moves_are(&way.in, moves);
    if (found) {
        stands = kin__load_racing(&place.slot->word, memory_order_relaxed) == place.word;
    }
    return stands && kin__table_leads(it, &way) ? status : KIN_E_BUSY;
}

kin_status kin__table_find(kin_family *family, kin__container *it, const kin__key *key, kin__way *way,
                           kin__place *place)
{
    *place = (kin__place){0};
    if (!open_way(family, atomic_load_explicit(&it->root, memory_order_relaxed), key->hash, way)) {
        return KIN_E_DAMAGED;
    }
    kin_status status = way->root ? kin__segment_find(family, &way->in, key, place) : KIN_E_NOT_FOUND;
    return status == KIN_E_BUSY ? KIN_E_DAMAGED : status; /* only the lock's holder changes it */
}

/* ---- publishing ---- */

static void publish_root(kin__seat *seat, kin__container *it, uint64_t gone, uint64_t root)
{
    kin__container_doubt(it, KIN__TABLE_GONE, gone);
    atomic_store_explicit(&it->root, root, memory_order_release);
    kin__container_settle_tables(seat, it, &kin__dict_kind);
}

typedef struct exchange { /* of segments in a directory; depth: of the segments that are made */
    uint64_t made[2], gone[2], depth;
} exchange;

static exchange exchange_of(kin__container *it, uint64_t depth)
{
    return (exchange){
        {kin__container_taken(it, KIN__TABLE_MADE), kin__container_taken(it, KIN__TABLE_MADE_TOO)},
        {kin__container_taken(it, KIN__TABLE_GONE), kin__container_taken(it, KIN__TABLE_GONE_TOO)},
        depth,
    };
}

/* Words [from, to) of the directory. */
static void publish_words(const kin__way *in, const exchange *what, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        uint64_t word = atomic_load_explicit(&in->words[i], memory_order_relaxed);
        bool high = i >> (in->depth - what->depth) & 1;
        if (word != 0 && (word == what->gone[0] || word == what->gone[1])) {
            atomic_store_explicit(&in->words[i], what->made[what->made[1] != 0 && high], memory_order_release);
        }
    }
}

static bool names(const kin__way *in, uint64_t word)
{
    for (uint64_t i = 0; i < UINT64_C(1) << in->depth; i++) {
        if (atomic_load_explicit(&in->words[i], memory_order_relaxed) == word) {
            return true;
        }
    }
    return false;
}

/* ---- growing and shrinking ---- */

static uint64_t capacity_for(uint64_t count)
{
    uint64_t capacity = KIN__SEGMENT_MIN;
    while (capacity < 2 * count && capacity < KIN__SEGMENT_MAX) {
        capacity = capacity < DOUBLED_MAX ? 2 * capacity : KIN__SEGMENT_MAX;
    }
    return capacity;
}

/* The depth of a segment must not exceed the directory's. False: damaged. */
static bool depth_of(const kin__way *way, uint64_t *depth)
{
    *depth = atomic_load_explicit(&way->in.segment->depth, memory_order_relaxed);
    return *depth <= way->depth;
}

/* The words that name a segment of that depth. */
static void range_of(const kin__way *way, uint64_t depth, uint64_t *from, uint64_t *to)
{
    uint64_t count = UINT64_C(1) << (way->depth - depth);
    *from = way->index & ~(count - 1);
    *to = *from + count;
}

/* Replaces a segment of that depth by the segments that were made, of depth `made`. */
static void exchange_segment(kin__seat *seat, kin__container *it, const kin__way *way, uint64_t depth, uint64_t made)
{
    uint64_t from, to;
    kin__container_doubt(it, KIN__TABLE_GONE, way->word);
    exchange what = exchange_of(it, made);
    range_of(way, depth, &from, &to);
    publish_words(way, &what, from, to);
    kin__container_settle_tables(seat, it, &kin__dict_kind);
}

/* Publishes another segment as the root. It is at most half full with the present entries and one more. */
static kin_status replace(kin__seat *seat, kin__container *it, const kin__way *way)
{
    view into;
    kin_status status =
        kin__segment_make(&into, seat, it, KIN__TABLE_MADE, capacity_for(kin__segment_count(&way->in) + 1), 0);
    if (status != KIN_OK) {
        return status;
    }
    if (way->root && !kin__segment_copy(&way->in, &into, 64, 0)) {
        kin__container_undo(seat, it, &kin__dict_kind);
        return KIN_E_DAMAGED;
    }
    publish_root(seat, it, way->root, kin__container_taken(it, KIN__TABLE_MADE));
    return KIN_OK;
}

/* Publishes another segment in the same place, without the slots that have lost their entry. */
static kin_status renew(kin__seat *seat, kin__container *it, const kin__way *way, uint64_t depth)
{
    view into;
    kin_status status = kin__segment_make(&into, seat, it, KIN__TABLE_MADE, KIN__SEGMENT_MAX, depth);
    if (status == KIN_OK && !kin__segment_copy(&way->in, &into, 64, 0)) {
        status = KIN_E_DAMAGED;
    }
    if (status != KIN_OK) {
        kin__container_undo(seat, it, &kin__dict_kind);
        return status;
    }
    exchange_segment(seat, it, way, depth, depth);
    return KIN_OK;
}

/* Publishes another directory. It has each word of the old one twice, or every other word. The old root may be a
 * segment without a directory. */
static kin_status resize(kin__seat *seat, kin__container *it, const kin__way *way, uint64_t depth)
{
    void *memory;
    if (depth > DEPTH_MAX) {
        return kin__family_full();
    }
    kin_status status =
        kin__container_take(&memory, seat, it, KIN__TABLE_MADE, sizeof(kin__directory) + (sizeof(uint64_t) << depth));
    if (status != KIN_OK) {
        return status;
    }
    kin__directory *made = memory;
    _Atomic uint64_t *words = (_Atomic uint64_t *)(void *)(made + 1);
    atomic_store_explicit(&made->depth, depth, memory_order_relaxed);
    for (uint64_t i = 0; i < UINT64_C(1) << depth; i++) {
        uint64_t from = depth > way->depth ? i >> (depth - way->depth) : i << (way->depth - depth);
        uint64_t word = way->words ? atomic_load_explicit(&way->words[from], memory_order_relaxed) : way->root;
        atomic_store_explicit(&words[i], word, memory_order_relaxed);
    }
    publish_root(seat, it, way->words ? way->root : 0, kin__container_taken(it, KIN__TABLE_MADE));
    return KIN_OK;
}

/* The directory is deeper than the segment. */
static kin_status split(kin__seat *seat, kin__container *it, const kin__way *way, uint64_t depth)
{
    view halves[2];
    kin_status status = kin__segment_make(&halves[0], seat, it, KIN__TABLE_MADE, KIN__SEGMENT_MAX, depth + 1);
    if (status == KIN_OK) {
        status = kin__segment_make(&halves[1], seat, it, KIN__TABLE_MADE_TOO, KIN__SEGMENT_MAX, depth + 1);
    }
    for (uint32_t odd = 0; odd < 2 && status == KIN_OK; odd++) {
        status = kin__segment_copy(&way->in, &halves[odd], 63 - (uint32_t)depth, odd) ? KIN_OK : KIN_E_DAMAGED;
    }
    if (status != KIN_OK) {
        kin__container_undo(seat, it, &kin__dict_kind);
        return status;
    }
    exchange_segment(seat, it, way, depth, depth + 1);
    return KIN_OK;
}

/* Makes the directory deeper than the segment, and finds the way to the segment again. */
static kin_status deepen(kin__seat *seat, kin__container *it, const kin__key *key, kin__way *way, uint64_t depth)
{
    kin_status status = resize(seat, it, way, depth + 1);
    if (status != KIN_OK || !kin__container_notes_are_free(it)) {
        return status == KIN_OK ? KIN_E_BUSY : status;
    }
    bool sound = open_way(seat->family, atomic_load_explicit(&it->root, memory_order_relaxed), key->hash, way);
    return sound && depth < way->depth ? KIN_OK : KIN_E_DAMAGED;
}

/* Makes room in a segment that is full of entries, or of slots that have lost their entry. */
static kin_status grow(kin__seat *seat, kin__container *it, const kin__key *key, kin__way *way)
{
    uint64_t depth;
    if (!kin__container_notes_are_free(it)) {
        return KIN_E_BUSY;
    }
    if (!way->words && (way->in.capacity < KIN__SEGMENT_MAX || kin__segment_count(&way->in) < way->in.capacity / 2)) {
        return replace(seat, it, way);
    }
    if (!depth_of(way, &depth)) {
        return KIN_E_DAMAGED;
    }
    if (kin__segment_count(&way->in) < way->in.capacity / 2) {
        return renew(seat, it, way, depth);
    }
    kin_status status = depth < way->depth ? KIN_OK : deepen(seat, it, key, way, depth);
    return status == KIN_OK ? split(seat, it, way, depth) : status;
}

/* Whether the words are equal in pairs. */
static bool is_doubled(const kin__way *way)
{
    for (uint64_t i = 0; i < UINT64_C(1) << way->depth; i += 2) {
        if (atomic_load_explicit(&way->words[i], memory_order_relaxed) !=
            atomic_load_explicit(&way->words[i + 1], memory_order_relaxed)) {
            return false;
        }
    }
    return true;
}

static void shrink_directory(kin__seat *seat, kin__container *it)
{
    kin__way way;
    kin_status status = KIN_OK;
    for (uint64_t depth = DEPTH_MAX; depth > 0 && status == KIN_OK && kin__container_notes_are_free(it);
         depth = way.depth - 1) {
        if (!open_directory(seat->family, atomic_load(&it->root), &way) || way.depth > depth || !is_doubled(&way)) {
            return;
        }
        if (way.depth > 1) {
            status = resize(seat, it, &way, way.depth - 1); /* without memory it stays as it is */
        } else {
            publish_root(seat, it, way.root, atomic_load_explicit(&way.words[0], memory_order_relaxed));
        }
    }
}

/* The segment whose bits differ in the last one only, if it has the same depth. */
static bool open_buddy(kin_family *family, const kin__way *way, uint64_t depth, kin__way *out)
{
    uint64_t depth_there;
    *out = *way;
    out->index ^= UINT64_C(1) << (way->depth - depth);
    out->word = atomic_load_explicit(&way->words[out->index], memory_order_relaxed);
    return out->word != way->word && kin__segment_open_whole(family, out->word, &out->in) &&
           depth_of(out, &depth_there) && depth_there == depth;
}

/* Merges the segments of the notes: the made one takes the entries and words of the other. It may be repeated after a
 * death. */
static bool finish_merge(kin_family *family, const kin__way *in, const exchange *what)
{
    view stays, goes;
    uint64_t named = 0, depth = in->depth;
    if (!kin__segment_open_whole(family, what->made[0], &stays) ||
        !kin__segment_open_whole(family, what->gone[0], &goes) || !kin__segment_absorb(&goes, &stays)) {
        return false;
    }
    publish_words(in, what, 0, UINT64_C(1) << in->depth);
    for (uint64_t i = 0; i < UINT64_C(1) << in->depth; i++) {
        named += atomic_load_explicit(&in->words[i], memory_order_relaxed) == what->made[0];
    }
    for (; named > 1; named /= 2) {
        depth--;
    }
    atomic_store_explicit(&stays.segment->depth, depth, memory_order_relaxed);
    return true;
}

static bool has_room_for(const view *stays, const view *goes)
{
    return kin__segment_used(stays) + kin__segment_count(goes) <= CROWDED(KIN__SEGMENT_MAX);
}

static void merge(kin__seat *seat, kin__container *it, const kin__way *way)
{
    kin__way buddy;
    uint64_t depth;
    if (!kin__container_notes_are_free(it) || !depth_of(way, &depth)) {
        return;
    }
    if (depth > 0) {
        if (!open_buddy(seat->family, way, depth, &buddy) ||
            kin__segment_count(&way->in) + kin__segment_count(&buddy.in) > 2 * SPARSE(KIN__SEGMENT_MAX)) {
            return;
        }
        bool this_stays = kin__segment_count(&way->in) > kin__segment_count(&buddy.in);
        const kin__way *stays = this_stays ? way : &buddy, *goes = this_stays ? &buddy : way;
        if (!has_room_for(&stays->in, &goes->in)) {
            return; /* too many slots that have lost their entry: it will be tried later */
        }
        atomic_store_explicit(&it->changing, stays->word, memory_order_relaxed);
        kin__container_doubt(it, KIN__TABLE_MADE, stays->word);
        kin__container_doubt(it, KIN__TABLE_GONE, goes->word);
        exchange what = exchange_of(it, 0);
        if (!finish_merge(seat->family, way, &what)) {
            return; /* damaged; the notes stay */
        }
        kin__container_settle_tables(seat, it, &kin__dict_kind);
    }
    shrink_directory(seat, it);
}

/* ---- room ---- */

/* Notes that there is no memory for more. */
static kin_status go_on_in(kin__container *it, const kin__way *way)
{
    const view *in = &way->in;
    kin_status status = KIN_OK;
    if (kin__segment_count(in) >= CROWDED(in->capacity)) {
        return kin__family_full();
    }
    if (kin__segment_used(in) >= USED_MAX(in->capacity)) {
        atomic_store_explicit(&it->changing, way->word, memory_order_relaxed);
        status = kin__segment_purge(in);
    }
    atomic_store_explicit(&in->segment->retry, kin__segment_used(in) + RETRY_AFTER(in->capacity), memory_order_relaxed);
    return status;
}

/* Whether the notes name a block that was made, was not published, and could not be freed. */
static bool made_is_noted(kin__container *it)
{
    return (kin__container_taken(it, KIN__TABLE_MADE) | kin__container_taken(it, KIN__TABLE_MADE_TOO)) != 0;
}

/* Whether it is time to try to get memory. If not, there was none a moment ago. */
static bool is_due(const view *in, uint64_t used)
{
    return kin__segment_count(in) >= CROWDED(in->capacity) ||
           used >= atomic_load_explicit(&in->segment->retry, memory_order_relaxed);
}

kin_status kin__table_make_room(kin__seat *seat, kin__container *it, const kin__key *key, kin__way *way,
                                kin__place *place)
{
    const view *in = &way->in;
    bool again = place->unused && atomic_load_explicit(&place->unused->word, memory_order_relaxed) == KIN__NO_ENTRY;
    uint64_t used = place->unused ? kin__segment_used(in) : UINT64_MAX;
    if (again || used < ROOMY(in->capacity)) {
        return KIN_OK;
    }
    bool due = !in->segment || is_due(in, used);
    if (!due && used < USED_MAX(in->capacity)) {
        return KIN_OK;
    }
    kin_status status = due ? grow(seat, it, key, way) : kin__family_full();
    if (made_is_noted(it)) {
        return status == KIN_OK || status == KIN_E_NO_MEMORY ? KIN_E_BUSY : status;
    }
    if ((status == KIN_E_NO_MEMORY || status == KIN_E_BUSY) && in->segment) {
        kin_status otherwise = go_on_in(it, way);
        status = otherwise == KIN_E_NO_MEMORY ? status : otherwise;
    }
    if (status == KIN_OK) {
        status = kin__table_find(seat->family, it, key, way, place);
        return status == KIN_E_NOT_FOUND && place->unused ? KIN_OK : KIN_E_DAMAGED;
    }
    return status;
}

/* ---- changes ---- */

static void count(kin__container *it, uint64_t more)
{
    atomic_store_explicit(&it->count, atomic_load_explicit(&it->count, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

void kin__table_put(kin__seat *seat, kin__container *it, const kin__key *key, const kin__way *way,
                    const kin__place *place)
{
    uint64_t made = kin__container_taken(it, KIN__ENTRY_MADE);
    atomic_store_explicit(&it->changing, way->word, memory_order_relaxed);
    if (place->slot) {
        kin__container_doubt(it, KIN__ENTRY_GONE, place->word);
        atomic_store_explicit(&place->slot->word, made, memory_order_release);
    } else {
        kin__segment_put(&way->in, place->unused, key->hash, made);
        count(it, 1);
    }
    kin__container_changed(it);
    kin__container_settle_entry(seat, it);
}

void kin__table_remove(kin__seat *seat, kin__container *it, const kin__way *way, const kin__place *place)
{
    const view *in = &way->in;
    atomic_store_explicit(&it->changing, way->word, memory_order_relaxed);
    kin__container_doubt(it, KIN__ENTRY_GONE, place->word);
    kin__segment_vacate(in, place->slot);
    count(it, UINT64_MAX); /* less one */
    kin__container_changed(it);
    kin__container_settle_entry(seat, it);
    uint64_t left = kin__segment_count(in);
    if (left >= SPARSE(in->capacity)) {
        return;
    }
    if (way->words) {
        merge(seat, it, way);
    } else if (in->capacity > 8 * KIN__SEGMENT_MIN && (left & (left - 1)) == 0 && kin__container_notes_are_free(it)) {
        replace(seat, it, way); /* without memory it stays as it is, until half as many are left */
    }
}

/* ---- as a container ---- */

static uint64_t part_count(kin_family *family, uint64_t root)
{
    kin__way way;
    view in;
    if (root == 0 || kin__segment_open(family, root, &in)) {
        return root != 0;
    }
    return open_directory(family, root, &way) ? UINT64_C(1) << way.depth : 0;
}

/* As kin__segment_open_whole, without asking the system: the caller has done so for all of them. */
static bool open_known(kin_family *family, uint64_t word, view *out)
{
    return kin__family_covers_known(family, kin__block_offset(word), KIN__SEGMENT_SIZE) &&
           kin__segment_open_whole(family, word, out);
}

static kin__words words_in(const view *in, uint64_t block)
{
    return (kin__words){(char *)in->slots, in->capacity, sizeof(kin__slot), block};
}

/* A segment that several words name is the part of the first of them. */
static bool part_words(kin_family *family, uint64_t root, uint64_t part, kin__words *out)
{
    kin__way way;
    view in;
    *out = (kin__words){.block = root};
    if (!kin__segment_open(family, root, &in)) {
        if (!open_directory(family, root, &way) || part >> way.depth != 0) {
            return false;
        }
        out->block = atomic_load_explicit(&way.words[part], memory_order_relaxed);
        if (part > 0 && atomic_load_explicit(&way.words[part - 1], memory_order_relaxed) == out->block) {
            return true;
        }
        if (!open_known(family, out->block, &in)) {
            return false;
        }
    }
    *out = words_in(&in, out->block);
    return true;
}

static bool has_block(kin_family *family, uint64_t root, uint64_t word)
{
    kin__way way;
    return root == word || (open_directory(family, root, &way) && names(&way, word));
}

/* A segment of the dict, or false. */
static bool open_changing(kin_family *family, kin__container *it, view *out)
{
    uint64_t word = atomic_load(&it->changing);
    return word != 0 && has_block(family, atomic_load(&it->root), word) && kin__segment_open(family, word, out);
}

static bool doubtful(kin_family *family, kin__container *it, kin__words *out)
{
    view in;
    bool has = open_changing(family, it, &in);
    if (has) {
        *out = words_in(&in, atomic_load(&it->changing));
    }
    return has;
}

/* To be called after a death, before the notes are cleared. */
static void finish_publishing(kin_family *family, kin__container *it)
{
    kin__way way;
    view made;
    exchange what = exchange_of(it, 0);
    if (what.made[0] == 0 || what.gone[0] == 0 || !open_directory(family, atomic_load(&it->root), &way)) {
        return;
    }
    bool named[2] = {names(&way, what.made[0]), what.made[1] != 0 && names(&way, what.made[1])};
    if (!named[0] && !named[1]) {
        return;
    }
    if (what.made[1] == 0) {
        finish_merge(family, &way, &what); /* of a segment that is renewed, all entries are there */
    } else if (kin__segment_open_whole(family, what.made[0], &made)) {
        what.depth = atomic_load_explicit(&made.segment->depth, memory_order_relaxed);
        if (what.depth <= way.depth) {
            publish_words(&way, &what, 0, UINT64_C(1) << way.depth);
        }
    }
}

static uint64_t count_all(kin_family *family, uint64_t root)
{
    uint64_t sum = 0, last = 0;
    kin__way way;
    view in;
    if (root == 0 || kin__segment_open(family, root, &in)) {
        return root ? kin__segment_count(&in) : 0;
    }
    if (!open_directory(family, root, &way)) {
        return 0;
    }
    kin__family_end(family);
    for (uint64_t i = 0; i < UINT64_C(1) << way.depth; i++) {
        uint64_t word = atomic_load_explicit(&way.words[i], memory_order_relaxed);
        if (word != last && open_known(family, word, &in)) {
            sum += kin__segment_count(&in);
        }
        last = word;
    }
    return sum;
}

static void repair(kin_family *family, kin__container *it)
{
    view in;
    finish_publishing(family, it);
    if (open_changing(family, it, &in)) {
        kin__segment_repair(&in);
    }
    atomic_store(&it->count, count_all(family, atomic_load(&it->root)));
}

const kin__kind kin__dict_kind = {KIN_TYPE_DICT, part_count, part_words, has_block, doubtful, repair, false};
