/* list.c: lists: an index of block words, with some room before and behind them. Who may read and write when, and what
 * a death leaves: container.c.
 *
 * `span` says which words are in the list: first (32 bits) | count (32 bits). Each change is one store:
 *
 *     set:                the word
 *     append, pop:        span, after the word behind the last or before the first has been written
 *     insert, pop within: root, of a new index
 *
 * A reader loads span, then a word, then copies. Then it looks whether span still has an item under that number,
 * whether the word still stands there, and whether the index is still the root, in this order. If so, the item had that
 * number at the first of these looks: a word that stood before and after stood there all the time.
 */
#include "container/list.h"

#include "container/container.h"
#include "container/snapshot.h"
#include "family/input.h"
#include "family/thread_slot.h"
#include "kin/list.h"
#include "memory/heap.h"
#include "base/last_error.h"

#define ATTEMPTS 100 /* of a get, before it takes the lock */
#define CAPACITY_MIN UINT64_C(8)
#define CAPACITY_MAX (UINT64_C(1) << 28) /* its block has to be smaller than 4 GiB */
#define SPAN(first, count) ((uint64_t)(first) << 32 | (uint64_t)(count))
#define FIRST(span) ((span) >> 32)
#define COUNT(span) ((span)&UINT32_MAX)

typedef struct index_block {
    _Atomic uint64_t span;
    _Atomic uint64_t capacity;
    _Atomic uint64_t words[];
} index_block;

typedef struct view { /* checked, and believed for one call */
    index_block *index;
    uint64_t capacity, first, count;
} view;

static bool open_index(kin_family *family, uint64_t root, view *out)
{
    uint64_t offset = kin__block_offset(root);
    *out = (view){0};
    if (root == 0) {
        return true;
    }
    out->index = kin__at(family, offset, sizeof(index_block), 16);
    if (!out->index) {
        return false;
    }
    out->capacity = atomic_load_explicit(&out->index->capacity, memory_order_relaxed);
    uint64_t span = atomic_load_explicit(&out->index->span, memory_order_acquire);
    out->first = FIRST(span);
    out->count = COUNT(span);
    return out->capacity <= CAPACITY_MAX && out->first + out->count <= out->capacity &&
           kin__family_covers(family, offset, sizeof(index_block) + out->capacity * sizeof(uint64_t));
}

static uint64_t part_count(kin_family *family, uint64_t root)
{
    (void)family;
    return root != 0;
}

static bool part_words(kin_family *family, uint64_t root, uint64_t part, kin__words *out)
{
    view in;
    if (part > 0 || !open_index(family, root, &in)) {
        return false;
    }
    *out = (kin__words){in.index ? (char *)&in.index->words[in.first] : NULL, in.count, sizeof(uint64_t), root};
    return true;
}

static bool has_block(kin_family *family, uint64_t root, uint64_t word)
{
    (void)family;
    return root == word;
}

uint64_t kin__list_count(kin_family *family, kin__container *it)
{
    view in;
    return open_index(family, atomic_load(&it->root), &in) ? in.count : 0;
}

static _Atomic uint64_t *word_at(const view *in, uint64_t index)
{
    return &in->index->words[in->first + index];
}

static bool doubtful(kin_family *family, kin__container *it, kin__words *out)
{
    return part_words(family, atomic_load(&it->root), 0, out);
}

static const kin__kind list_kind = {KIN_TYPE_LIST, part_count, part_words, has_block, doubtful, NULL};

kin_status kin_list_create(kin_list **out, kin_family *family)
{
    return kin__told(kin__container_create((void **)out, family, &list_kind));
}

kin_status kin_list_destroy(kin_list *list)
{
    return kin__told(kin__container_destroy(list, &list_kind));
}

/* ---- reading ---- */

/* Whether there is an item with that number still, or again. */
static bool still_there(const view *in, uint64_t index, bool last)
{
    uint64_t span = atomic_load_explicit(&in->index->span, memory_order_acquire);
    return FIRST(span) == in->first && (last ? COUNT(span) == index + 1 : COUNT(span) > index);
}

/* KIN_E_BUSY: the list was being changed, so nothing is known. */
static kin_status read_item(kin_family *family, kin__container *it, size_t index, void *buffer, size_t capacity,
                            size_t *size)
{
    view in;
    kin__found found;
    uint64_t word = 0, root = atomic_load_explicit(&it->root, memory_order_acquire);
    bool sound = open_index(family, root, &in), last = index == KIN_LIST_LAST, stands = true;
    uint64_t at = last ? in.count - 1 : index;
    kin_status status = !sound          ? KIN_E_DAMAGED
                        : at < in.count ? KIN_OK
                                        : kin__refuse(KIN_E_NOT_FOUND, "the list has no item of that index");
    if (status == KIN_OK) {
        word = atomic_load_explicit(word_at(&in, at), memory_order_acquire);
        sound = kin__entry_open(family, word, &found);
        status = sound ? kin__entry_copy(&found, buffer, capacity, size) : KIN_E_DAMAGED;
        atomic_thread_fence(memory_order_acquire);
        stands = still_there(&in, at, last) && atomic_load_explicit(word_at(&in, at), memory_order_relaxed) == word;
    }
    atomic_thread_fence(memory_order_acquire);
    return stands && atomic_load_explicit(&it->root, memory_order_relaxed) == root ? status : KIN_E_BUSY;
}

kin_status kin_list_get(kin_list *list, size_t index, void *buffer, size_t capacity, size_t *size)
{
    kin__seat *seat;
    kin__container *it = (kin__container *)list;
    kin_status status = buffer || capacity == 0 ? kin__container_open(&seat, list, &list_kind)
                                                : kin__refuse(KIN_E_ARGUMENT, "buffer is NULL and capacity is not 0");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    for (int i = 0; i < ATTEMPTS; i++) {
        status = read_item(seat->family, it, index, buffer, capacity, size);
        if (status != KIN_E_BUSY) {
            return kin__told(status);
        }
    }
    status = kin__container_enter(seat, it, &list_kind);
    if (status == KIN_OK) {
        status = read_item(seat->family, it, index, buffer, capacity, size);
        status = status == KIN_E_BUSY ? KIN_E_DAMAGED : status;
        kin__container_leave(seat, it);
    }
    return kin__told(status);
}

/* ---- changing ---- */

typedef struct work { /* of one call, under the lock */
    kin__seat *seat;
    kin__container *it;
    view in;
} work;

static kin_status end(work *w, kin_status status)
{
    kin__container_leave(w->seat, w->it);
    return status;
}

static kin_status look(work *w)
{
    uint64_t root = atomic_load_explicit(&w->it->root, memory_order_relaxed);
    return open_index(w->seat->family, root, &w->in) ? KIN_OK : KIN_E_DAMAGED;
}

static kin_status begin(work *w, kin_list *list)
{
    kin_status status = kin__container_open(&w->seat, list, &list_kind);
    w->it = (kin__container *)list;
    if (status == KIN_OK) {
        status = kin__container_enter(w->seat, w->it, &list_kind);
    }
    if (status != KIN_OK) {
        return status;
    }
    status = look(w);
    return status == KIN_OK ? KIN_OK : end(w, status);
}

static void publish_span(work *w, uint64_t first, uint64_t count)
{
    w->in.first = first;
    w->in.count = count;
    atomic_store_explicit(&w->in.index->span, SPAN(first, count), memory_order_release);
}

static void copy_words(const view *from, uint64_t first, view *into, uint64_t to, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        atomic_store_explicit(word_at(into, to + i),
                              atomic_load_explicit(word_at(from, first + i), memory_order_relaxed),
                              memory_order_relaxed);
    }
}

/* Publishes a new index, half full, without the `gone` words at `at`; if `word` is not 0, it stands in their place.
 * Where items have been put before the first, there is room before the words, too. */
static kin_status replace(work *w, uint64_t at, uint64_t gone, uint64_t word, bool front)
{
    void *memory;
    view from = w->in, into = {.capacity = CAPACITY_MIN, .count = from.count - gone + (word != 0)};
    while (into.capacity < 2 * into.count) {
        into.capacity *= 2;
    }
    if (into.capacity > CAPACITY_MAX) {
        return kin__refuse(KIN_E_NO_MEMORY, "the family's memory is used up: raise options.reserve when it is created");
    }
    uint64_t size = sizeof(index_block) + into.capacity * sizeof(uint64_t);
    kin_status status = kin__container_take(&memory, w->seat, w->it, KIN__TABLE_MADE, size);
    if (status != KIN_OK) {
        return status;
    }
    into.index = memory;
    into.first = front || from.first > 0 ? (into.capacity - into.count) / 2 : 0;
    copy_words(&from, 0, &into, 0, at);
    if (word) {
        atomic_store_explicit(word_at(&into, at), word, memory_order_relaxed);
    }
    copy_words(&from, at + gone, &into, at + (word != 0), from.count - at - gone);
    atomic_store_explicit(&into.index->capacity, into.capacity, memory_order_relaxed);
    atomic_store_explicit(&into.index->span, SPAN(into.first, into.count), memory_order_relaxed);
    kin__container_doubt(w->it, KIN__TABLE_GONE, atomic_load_explicit(&w->it->root, memory_order_relaxed));
    atomic_store_explicit(&w->it->root, kin__container_taken(w->it, KIN__TABLE_MADE), memory_order_release);
    w->in = into;
    return KIN_OK;
}

/* Inserts the entry in doubt as KIN__ENTRY_MADE. */
static kin_status insert_at(work *w, uint64_t at)
{
    uint64_t made = kin__container_taken(w->it, KIN__ENTRY_MADE);
    view *in = &w->in;
    if (at == in->count && in->first + in->count < in->capacity) {
        atomic_store_explicit(word_at(in, at), made, memory_order_release); /* a reader may see it before span */
        publish_span(w, in->first, in->count + 1);
        return KIN_OK;
    }
    if (at == 0 && in->first > 0) {
        atomic_store_explicit(&in->index->words[in->first - 1], made, memory_order_release);
        publish_span(w, in->first - 1, in->count + 1);
        return KIN_OK;
    }
    return replace(w, at, 0, made, at == 0 && in->count > 0);
}

kin_status kin_list_insert(kin_list *list, size_t index, const void *data, size_t size)
{
    work w;
    kin__entry *entry;
    kin_status status =
        data || size == 0 ? begin(&w, list) : kin__refuse(KIN_E_ARGUMENT, "data is NULL and size is not 0");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    uint64_t at = index == KIN_LIST_LAST ? w.in.count : index;
    if (at > w.in.count) {
        return kin__told(end(&w, kin__refuse(KIN_E_NOT_FOUND, "the list has no item of that index")));
    }
    status = kin__entry_make(&entry, w.seat, w.it, NULL, 0, data, size);
    if (status == KIN_OK) {
        status = insert_at(&w, at);
    }
    if (status == KIN_OK) {
        kin__container_settle(w.seat, w.it);
    } else {
        kin__container_undo(w.seat, w.it);
    }
    return kin__told(end(&w, status));
}

kin_status kin_list_append(kin_list *list, const void *data, size_t size)
{
    return kin_list_insert(list, KIN_LIST_LAST, data, size);
}

kin_status kin_list_set(kin_list *list, size_t index, const void *data, size_t size)
{
    work w;
    kin__entry *entry;
    kin_status status =
        data || size == 0 ? begin(&w, list) : kin__refuse(KIN_E_ARGUMENT, "data is NULL and size is not 0");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    uint64_t at = index == KIN_LIST_LAST ? w.in.count - 1 : index;
    status = at < w.in.count ? kin__entry_make(&entry, w.seat, w.it, NULL, 0, data, size)
                             : kin__refuse(KIN_E_NOT_FOUND, "the list has no item of that index");
    if (status == KIN_OK) {
        kin__container_doubt(w.it, KIN__ENTRY_GONE, atomic_load_explicit(word_at(&w.in, at), memory_order_relaxed));
        atomic_store_explicit(word_at(&w.in, at), kin__container_taken(w.it, KIN__ENTRY_MADE), memory_order_release);
        kin__container_settle(w.seat, w.it);
    }
    return kin__told(end(&w, status));
}

static void shrink(work *w)
{
    if (w->in.capacity > 8 * CAPACITY_MIN && w->in.count < w->in.capacity / 8 &&
        replace(w, 0, 0, 0, false) == KIN_OK) { /* on failure it stays as it is */
        kin__container_settle(w->seat, w->it);
    }
}

static kin_status remove_at(work *w, uint64_t at)
{
    view *in = &w->in;
    kin__container_doubt(w->it, KIN__ENTRY_GONE, atomic_load_explicit(word_at(in, at), memory_order_relaxed));
    kin_status status = KIN_OK;
    if (at == in->count - 1) {
        publish_span(w, in->first, in->count - 1);
    } else if (at == 0) {
        publish_span(w, in->first + 1, in->count - 1);
    } else {
        status = replace(w, at, 1, 0, false);
    }
    if (status != KIN_OK) {
        kin__container_undo(w->seat, w->it);
        return status;
    }
    kin__container_settle(w->seat, w->it);
    shrink(w);
    return KIN_OK;
}

kin_status kin_list_pop(kin_list *list, size_t index, void *buffer, size_t capacity, size_t *size)
{
    work w;
    kin__found found;
    kin_status status =
        buffer || capacity == 0 ? begin(&w, list) : kin__refuse(KIN_E_ARGUMENT, "buffer is NULL and capacity is not 0");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    uint64_t at = index == KIN_LIST_LAST ? w.in.count - 1 : index;
    if (at >= w.in.count) {
        return kin__told(end(&w, kin__refuse(KIN_E_NOT_FOUND, "the list has no item of that index")));
    }
    if (!kin__entry_open(w.seat->family, atomic_load_explicit(word_at(&w.in, at), memory_order_relaxed), &found)) {
        return kin__told(end(&w, KIN_E_DAMAGED));
    }
    if (buffer || size) {
        status = kin__entry_copy(&found, buffer, capacity, size);
    }
    return kin__told(end(&w, status == KIN_OK ? remove_at(&w, at) : status));
}

/* ---- the whole of it ---- */

kin_status kin_list_clear(kin_list *list)
{
    kin__seat *seat;
    kin_status status = kin__container_open(&seat, list, &list_kind);
    return kin__told(status == KIN_OK ? kin__container_clear(seat, (kin__container *)list, &list_kind) : status);
}

kin_status kin_list_size(kin_list *list, size_t *count)
{
    work w;
    kin_status status = count ? begin(&w, list) : kin__refuse(KIN_E_ARGUMENT, "count is NULL");
    if (status == KIN_OK) {
        *count = (size_t)w.in.count;
        kin__container_leave(w.seat, w.it);
    }
    return kin__told(status);
}

kin_status kin_list_snapshot(kin_snapshot **out, kin_list *list, size_t first, size_t count)
{
    work w;
    kin_status status = out ? begin(&w, list) : kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    kin__words_walk walk = kin__words_of(w.seat->family, &list_kind, atomic_load(&w.it->root));
    return kin__told(end(&w, kin__snapshot_take(out, &walk, first, count)));
}
