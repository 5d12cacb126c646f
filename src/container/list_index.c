/* list_index.c: the index of a list: the block words of its entries, one behind the other, with some room before and
 * behind them.
 *
 * ---- The index ----
 *
 * The index of a short list is one block. The index of a longer list is a directory of segments. So an append or a pop
 * at an end copies at most a directory, which has 8 bytes for 8190 items.
 *
 *     root ──► words                     up to KIN__INDEX_WHOLE; replaced by an index of another size
 *     root ──► directory ──► segments    of KIN__INDEX_SEGMENT words each
 *
 * Place p of a directory is word p % KIN__INDEX_SEGMENT of segment p / KIN__INDEX_SEGMENT. `span` says which places
 * have items. A segment is in use if one of its places is in the span. So span alone says which words of a directory
 * are valid. The other words are left as they are, and no thread reads them. The first place of an empty list is the
 * first place of a segment.
 *
 * ---- The changes ----
 *
 * Each change is published by one store:
 *
 *     set                  the item's word
 *     append, pop          span. An append writes the item's word before. If it needs a new segment, it makes the
 *                          segment and stores its word in the directory before that. If a pop gives up the last place
 *                          of a segment, the same store of span puts the segment out of use. It is freed afterwards
 *     renew                root, of a directory of another size that names the same segments
 *     insert, pop within   root, of an index all of whose segments are new
 *     grow, shrink         the same, if the index is one block before or after
 *
 * ---- Deaths ----
 *
 * A holder makes notes (container.c). If it is killed, the next holder does the following:
 *
 *     TABLE_MADE, _GONE          one block: an index of one block, a directory whose segments another directory has,
 *                                too, or a segment. If it is the root, or a segment in use, it is part of the list.
 *                                Else it is freed.
 *     TABLE_MADE_TOO, _GONE_TOO  a directory and all its segments in use, which no other directory has. If it is the
 *                                root, they are part of the list. Else all are freed, the directory last. No entry is.
 *
 * A new directory's span and capacity are written before its first segment is made. Its words are zero until then. So
 * if its maker is killed, the directory names all segments that it has, except at most one, which TABLE_MADE names.
 *
 * ---- Readers ----
 *
 * 1. A reader loads root, span, the directory's word and the item's word, and then copies.
 * 2. Then it checks, in this order: span still has an item with that number; the item's word, the directory's word and
 *    the root are unchanged. If so, the item had that number at the first of these checks. A word that was there before
 *    and after was there all the time, in a block that was part of the list all the time.
 * 3. A directory's word that was stale when the reader loaded it is found, too. The writer that gave the segment up has
 *    published span since. If the place is in the span again, another segment's word was written there before that
 *    (release; the reader's second load of span is an acquire).
 * 4. Memory order: words of items and of the directory are stored before span or root (release). Readers load them and
 *    span with acquire, so they see an entry's bytes. The loads of the checks come after an acquire fence, or are
 *    acquires themselves if another check follows.
 */
#include "container/list_index.h"

#include "base/last_error.h"

#define TOO_MANY_ITEMS "the list has as many items as one can have"

typedef kin__index_view view;

/* ---- which segments are in use ---- */

static uint64_t segment_of(uint64_t place)
{
    return place / KIN__INDEX_SEGMENT;
}

static uint64_t segments_for(uint64_t places)
{
    return (places + KIN__INDEX_SEGMENT - 1) / KIN__INDEX_SEGMENT;
}

/* Segments [first, end) are in use. */
static uint64_t end_of_use(const view *in)
{
    return in->count > 0 ? segments_for(in->first + in->count) : segment_of(in->first);
}

static uint64_t segments_in_use(const view *in)
{
    return end_of_use(in) - segment_of(in->first);
}

/* ---- as a container ---- */

/* False: damaged, or no directory. All of its words may be touched. */
static bool open_directory(kin_family *family, uint64_t root, view *out)
{
    return root != 0 && kin__index_open(family, root, out) && !kin__index_is_whole(out) &&
           out->first + out->count <= out->capacity && out->capacity <= KIN__INDEX_CAPACITY_MAX &&
           kin__family_covers(family, kin__block_offset(root),
                              sizeof(kin__index) + segments_for(out->capacity) * sizeof(uint64_t));
}

static uint64_t part_count(kin_family *family, uint64_t root)
{
    view in;
    if (root == 0 || !kin__index_open(family, root, &in)) {
        return 0;
    }
    if (kin__index_is_whole(&in)) {
        return 1;
    }
    return open_directory(family, root, &in) ? segments_in_use(&in) : 0;
}

/* Does not ask the system whether the segments may be touched: the caller has done so for all of them. */
static bool part_words(kin_family *family, uint64_t root, uint64_t part, kin__words *out)
{
    view in;
    *out = (kin__words){NULL, 0, sizeof(uint64_t), root};
    if (!kin__index_open(family, root, &in)) {
        return false;
    }
    if (kin__index_is_whole(&in)) {
        out->first = in.index ? (char *)&in.index->words[in.first] : NULL;
        out->count = in.count;
        return part == 0;
    }
    if (!open_directory(family, root, &in) || part >= segments_in_use(&in)) {
        return false;
    }
    uint64_t segment = segment_of(in.first) + part, start = segment * KIN__INDEX_SEGMENT;
    uint64_t from = in.first > start ? in.first - start : 0, end = in.first + in.count - start;
    out->block = atomic_load_explicit(&in.index->words[segment], memory_order_relaxed);
    uint64_t offset = kin__block_offset(out->block);
    if (!kin__family_covers_known(family, offset, KIN__INDEX_SEGMENT_SIZE)) {
        return false;
    }
    out->first = (char *)kin__at(family, offset, KIN__INDEX_SEGMENT_SIZE, 16) + from * sizeof(uint64_t);
    out->count = (end < KIN__INDEX_SEGMENT ? end : KIN__INDEX_SEGMENT) - from;
    return true;
}

static bool has_block(kin_family *family, uint64_t root, uint64_t word)
{
    view in;
    bool has = root == word;
    if (!has && open_directory(family, root, &in)) {
        for (uint64_t i = segment_of(in.first); i < end_of_use(&in) && !has; i++) {
            has = atomic_load_explicit(&in.index->words[i], memory_order_relaxed) == word;
        }
    }
    return has;
}

const kin__kind kin__list_kind = {KIN_TYPE_LIST, part_count, part_words, has_block, NULL, NULL, true};

uint64_t kin__index_part_of(const view *in, uint64_t at, uint64_t *before)
{
    uint64_t part = kin__index_is_whole(in) ? 0 : segment_of(in->first + at) - segment_of(in->first);
    *before = part == 0 ? 0 : part * KIN__INDEX_SEGMENT - in->first % KIN__INDEX_SEGMENT;
    return part;
}

uint64_t kin__index_count_at(kin_family *family, uint64_t root)
{
    view in;
    return kin__index_open(family, root, &in) ? in.count : 0;
}

kin_status kin__index_begin(kin__index_work *w)
{
    uint64_t root = atomic_load_explicit(&w->it->root, memory_order_relaxed);
    w->tables = false;
    return kin__index_open(w->seat->family, root, &w->in) ? KIN_OK : KIN_E_DAMAGED;
}

/* ---- publishing ---- */

static void note_gone(kin__index_work *w, kin__doubt doubt, uint64_t word)
{
    w->tables = true;
    kin__container_doubt(w->it, doubt, word);
}

static void publish_root(kin__index_work *w, kin__doubt gone, const view *made)
{
    note_gone(w, gone, w->in.root);
    atomic_store_explicit(&w->it->root, made->root, memory_order_release);
    w->in = *made;
}

/* Before others see it. */
static void write_header(const view *made)
{
    atomic_store_explicit(&made->index->capacity, made->capacity, memory_order_relaxed);
    atomic_store_explicit(&made->index->span, kin__index_span(made->first, made->count), memory_order_relaxed);
}

/* Takes a block, in doubt. */
static kin_status take(kin__index_work *w, kin__doubt doubt, uint64_t words, bool zero, view *made)
{
    void *memory;
    uint64_t size = sizeof(kin__index) + words * sizeof(uint64_t);
    w->tables = true;
    kin_status status = kin__heap_take(&memory, w->seat, size, zero, &w->it->doubts[doubt]);
    if (status == KIN_OK) {
        made->index = memory;
        made->root = kin__container_taken(w->it, doubt);
    }
    return status;
}

/* Makes a new segment of that directory. Its words may be anything: span says which of them are valid. */
static kin_status add_segment(kin__index_work *w, const view *in, uint64_t segment)
{
    void *memory;
    w->tables = true;
    kin_status status =
        kin__heap_take(&memory, w->seat, KIN__INDEX_SEGMENT_SIZE, false, &w->it->doubts[KIN__TABLE_MADE]);
    if (status == KIN_OK) {
        atomic_store_explicit(&in->index->words[segment], kin__container_taken(w->it, KIN__TABLE_MADE),
                              memory_order_release);
    }
    return status;
}

/* ---- another directory with the same segments ---- */

/* A power of two, at least twice as many words as segments. 0: too many. */
static uint64_t words_for(uint64_t segments)
{
    uint64_t words = KIN__INDEX_SEGMENTS_MIN;
    while (words < 2 * segments) {
        words *= 2;
    }
    return words <= KIN__INDEX_SEGMENTS_MAX ? words : 0;
}

/* Publishes a directory with room for another segment behind, or before, if that is needed. The entry in doubt stays in
 * doubt. */
static kin_status renew(kin__index_work *w, bool front)
{
    if (!open_directory(w->seat->family, w->in.root, &w->in)) {
        return KIN_E_DAMAGED;
    }
    view made = w->in;
    uint64_t used = segments_in_use(&w->in), words = words_for(used + 1), from = segment_of(w->in.first);
    if (words == 0) {
        return kin__refuse(KIN_E_NO_MEMORY, TOO_MANY_ITEMS);
    }
    kin_status status = take(w, KIN__TABLE_MADE, words, false, &made);
    if (status != KIN_OK) {
        return status;
    }
    uint64_t to = front ? (words - used) / 2 : 0;
    made.capacity = words * KIN__INDEX_SEGMENT;
    made.first = to * KIN__INDEX_SEGMENT + w->in.first % KIN__INDEX_SEGMENT;
    write_header(&made);
    for (uint64_t i = 0; i < used; i++) {
        uint64_t word = atomic_load_explicit(&w->in.index->words[from + i], memory_order_relaxed);
        atomic_store_explicit(&made.index->words[to + i], word, memory_order_relaxed);
    }
    publish_root(w, KIN__TABLE_GONE, &made);
    kin__container_settle_tables(w->seat, w->it, &kin__list_kind);
    return KIN_OK;
}

/* ---- another index altogether ---- */

/* How many places there are from this one to the end of its segment. */
static uint64_t places_left(const view *in, uint64_t place)
{
    return kin__index_is_whole(in) ? in->capacity - place : KIN__INDEX_SEGMENT - place % KIN__INDEX_SEGMENT;
}

/* Copies the words of count items. False: damaged. */
static bool copy_words(kin_family *family, const view *from, uint64_t first, const view *into, uint64_t to,
                       uint64_t count)
{
    first += from->first;
    to += into->first;
    while (count > 0) {
        kin__index_word source, target;
        uint64_t run = count;
        run = places_left(from, first) < run ? places_left(from, first) : run;
        run = places_left(into, to) < run ? places_left(into, to) : run;
        if (!kin__index_find(family, from, first, &source) || !kin__index_find(family, into, to, &target)) {
            return false;
        }
        for (uint64_t i = 0; i < run; i++) {
            atomic_store_explicit(&target.word[i], atomic_load_explicit(&source.word[i], memory_order_relaxed),
                                  memory_order_relaxed);
        }
        first += run;
        to += run;
        count -= run;
    }
    return true;
}

/* The size of an index for made->count items, at most half full, and the place of the first item: behind some room if
 * that is wanted. Returns how many words its block has; 0: too many. */
static uint64_t plan(view *made, bool room_before)
{
    if (2 * made->count <= KIN__INDEX_WHOLE) {
        made->capacity = KIN__INDEX_MIN;
        while (made->capacity < 2 * made->count) {
            made->capacity *= 2;
        }
        made->first = room_before ? (made->capacity - made->count) / 2 : 0;
        return made->capacity;
    }
    uint64_t segments = segments_for(made->count), words = words_for(segments);
    made->capacity = words * KIN__INDEX_SEGMENT;
    made->first = room_before ? (words - segments) / 2 * KIN__INDEX_SEGMENT : 0;
    return words;
}

static kin_status make_index(kin__index_work *w, view *made, bool room_before)
{
    uint64_t words = plan(made, room_before);
    if (words == 0) {
        return kin__refuse(KIN_E_NO_MEMORY, TOO_MANY_ITEMS);
    }
    bool whole = kin__index_is_whole(made);
    kin_status status = take(w, whole ? KIN__TABLE_MADE : KIN__TABLE_MADE_TOO, words, !whole, made);
    if (status != KIN_OK) {
        return status;
    }
    write_header(made);
    for (uint64_t i = segment_of(made->first); !whole && status == KIN_OK && i < end_of_use(made); i++) {
        status = add_segment(w, made, i);
    }
    return status;
}

/* Whether the blocks of the index have room for as many items as it claims. To be called before a copy of that size is
 * allocated: a member that has overwritten the index may claim any number. */
static bool has_its_segments(kin_family *family, view *in)
{
    if (kin__index_is_whole(in)) {
        return true;
    }
    bool has = open_directory(family, in->root, in);
    for (uint64_t i = segment_of(in->first); has && i < end_of_use(in); i++) {
        has = kin__heap_has(family, atomic_load_explicit(&in->index->words[i], memory_order_relaxed));
    }
    return has;
}

/* Publishes a new index without the `gone` items at `at`. If `word` is not 0, it takes their place. If items have been
 * put before the first one, the new index has room there, too. */
static kin_status rebuild(kin__index_work *w, uint64_t at, uint64_t gone, uint64_t word, bool front)
{
    kin_family *family = w->seat->family;
    view from = w->in;
    if (!has_its_segments(family, &from) || at + gone > from.count) {
        return KIN_E_DAMAGED;
    }
    view made = {.count = from.count - gone + (word != 0)};
    kin__index_word place;
    kin_status status = make_index(w, &made, front || from.first > 0);
    if (status != KIN_OK) {
        return status;
    }
    if (!copy_words(family, &from, 0, &made, 0, at) ||
        !copy_words(family, &from, at + gone, &made, at + (word != 0), from.count - at - gone)) {
        return KIN_E_DAMAGED;
    }
    if (word) {
        if (!kin__index_find(family, &made, made.first + at, &place)) {
            return KIN_E_DAMAGED;
        }
        atomic_store_explicit(place.word, word, memory_order_relaxed);
    }
    publish_root(w, kin__index_is_whole(&from) ? KIN__TABLE_GONE : KIN__TABLE_GONE_TOO, &made);
    return KIN_OK;
}

/* ---- at the ends ---- */

/* Stores the word at the place before or behind the span. The span then begins at `first` and includes the place. */
static kin_status extend(kin__index_work *w, uint64_t place, uint64_t word, uint64_t first)
{
    kin__index_word at;
    bool boundary = (place > w->in.first ? place : w->in.first) % KIN__INDEX_SEGMENT == 0;
    kin_status status = KIN_OK;
    if (!kin__index_is_whole(&w->in) && boundary) {
        status = open_directory(w->seat->family, w->in.root, &w->in) ? add_segment(w, &w->in, segment_of(place))
                                                                     : KIN_E_DAMAGED;
    }
    if (status == KIN_OK && !kin__index_find(w->seat->family, &w->in, place, &at)) {
        status = KIN_E_DAMAGED;
    }
    if (status == KIN_OK) {
        atomic_store_explicit(at.word, word, memory_order_release); /* a reader may see it before span */
        kin__index_publish_span(w, first, w->in.count + 1);
    }
    return status;
}

static kin_status append(kin__index_work *w, uint64_t word)
{
    kin_status status = KIN_OK;
    if (w->in.first + w->in.count >= w->in.capacity) {
        if (kin__index_is_whole(&w->in)) {
            return rebuild(w, w->in.count, 0, word, false);
        }
        status = renew(w, false);
    }
    return status == KIN_OK ? extend(w, w->in.first + w->in.count, word, w->in.first) : status;
}

static kin_status prepend(kin__index_work *w, uint64_t word)
{
    kin_status status = KIN_OK;
    if (w->in.first == 0) {
        if (kin__index_is_whole(&w->in)) {
            return rebuild(w, 0, 0, word, true);
        }
        status = renew(w, true);
    }
    return status == KIN_OK ? extend(w, w->in.first - 1, word, w->in.first - 1) : status;
}

kin_status kin__index_insert_slowly(kin__index_work *w, uint64_t at, uint64_t word)
{
    if (at == w->in.count) {
        return append(w, word);
    }
    return at == 0 ? prepend(w, word) : rebuild(w, at, 0, word, false);
}

kin_status kin__index_remove_slowly(kin__index_work *w, uint64_t at, const kin__index_word *place)
{
    const view *in = &w->in;
    const bool last = at == in->count - 1, only = in->count == 1;
    if (!last && at > 0) {
        return rebuild(w, at, 1, 0, false);
    }
    uint64_t first = last ? in->first : in->first + 1;
    if (place->segment && (only || place->within == (last ? 0 : KIN__INDEX_SEGMENT - 1))) {
        note_gone(w, KIN__TABLE_GONE, place->segment_word);
        first = only ? segment_of(first) * KIN__INDEX_SEGMENT : first;
    }
    kin__index_publish_span(w, first, in->count - 1);
    return KIN_OK;
}

/* ---- smaller ---- */

/* If there is no memory, the list stays as it is. */
static void make_small(kin__index_work *w)
{
    if (rebuild(w, 0, 0, 0, false) == KIN_OK) {
        kin__container_settle_tables(w->seat, w->it, &kin__list_kind);
    } else {
        kin__container_undo(w->seat, w->it, &kin__list_kind);
    }
}

void kin__index_shrink_now(kin__index_work *w)
{
    const view *in = &w->in;
    if (kin__container_in_doubt(w->it)) {
        return;
    }
    if (kin__index_is_whole(in)) {
        if (in->capacity > 8 * KIN__INDEX_MIN && in->count < in->capacity / 8) {
            make_small(w);
        }
    } else if (in->count < KIN__INDEX_WHOLE / 4 && (in->count & (in->count - 1)) == 0) {
        make_small(w);
    } else if (segment_of(in->capacity) > KIN__INDEX_SEGMENTS_MIN &&
               segments_in_use(in) < segment_of(in->capacity) / 8) {
        renew(w, false);
    }
}
