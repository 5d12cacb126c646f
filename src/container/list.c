/* list.c: lists: operations on an index of block words (list_index.c). The protocol of readers, writers and deaths:
 * container.c. */
#include "container/list.h"

#include "base/last_error.h"
#include "container/container.h"
#include "container/copy.h"
#include "container/list_index.h"
#include "container/snapshot.h"
#include "family/thread_slot.h"
#include "kin/list.h"

#include <stdlib.h>

#define ATTEMPTS 100 /* of a get, before it takes the lock */
#define NO_ITEM "the list has no item of that index"

typedef kin__index_view view;
typedef kin__index_work work;

uint64_t kin__list_count(kin_family *family, kin__container *it)
{
    return kin__index_count_at(family, atomic_load(&it->root));
}

kin_status kin_list_create(kin_list **out, kin_family *family)
{
    return kin__told(kin__container_create(out, family, &kin__list_kind));
}

kin_status kin_list_destroy(kin_list *list)
{
    return kin__told(kin__container_destroy(list, &kin__list_kind));
}

/* ---- reading ---- */

/* Whether the list has an item with that number (still or again). */
static bool still_there(const view *in, uint64_t index, bool last)
{
    uint64_t span = kin__load_racing(&in->index->span, memory_order_acquire);
    uint64_t count = kin__index_count(span);
    return kin__index_first(span) == in->first && (last ? count == index + 1 : count > index);
}

/* Whether the words that led to the item are unchanged. The caller checks the root afterwards. */
static bool still_leads(const kin__index_word *place, uint64_t word)
{
    return kin__load_racing(place->word, memory_order_acquire) == word &&
           (!place->segment || kin__load_racing(place->segment, memory_order_acquire) == place->segment_word);
}

/* KIN_E_BUSY: the list was being changed, so nothing is known. */
static kin_status read_item(kin_family *family, kin__container *it, size_t index, void *buffer, size_t capacity,
                            size_t *size)
{
    view in;
    kin__found found;
    kin__index_word place;
    uint64_t root = atomic_load_explicit(&it->root, memory_order_acquire);
    bool sound = kin__index_open(family, root, &in), last = index == KIN_LIST_LAST, stands = true;
    uint64_t at = last ? in.count - 1 : index;
    kin_status status = !sound ? KIN_E_DAMAGED : at < in.count ? KIN_OK : kin__refuse(KIN_E_NOT_FOUND, NO_ITEM);
    if (status == KIN_OK) {
        bool led = kin__index_find(family, &in, in.first + at, &place);
        uint64_t word = led ? kin__load_racing(place.word, memory_order_acquire) : 0;
        sound = led && kin__entry_open(family, word, &found);
        status = sound ? kin__entry_copy(&found, buffer, capacity, size) : KIN_E_DAMAGED;
        atomic_thread_fence(memory_order_acquire);
        stands = still_there(&in, at, last) && (!led || still_leads(&place, word));
    }
    atomic_thread_fence(memory_order_acquire);
    return stands && atomic_load_explicit(&it->root, memory_order_relaxed) == root ? status : KIN_E_BUSY;
}

/* Before a further attempt, after many: takes the lock; a process that only reads rests instead. n: how often it was
 * called before. */
static kin_status try_otherwise(kin__seat *seat, kin__container *it, int n, bool *entered)
{
    if (kin__seat_only_reads(seat)) {
        return kin__reader_rests(n) ? KIN_OK : kin__always_changing();
    }
    if (*entered) {
        return KIN_E_DAMAGED; /* only the lock's holder changes it */
    }
    kin_status status = kin__container_enter(seat, it, &kin__list_kind);
    *entered = status == KIN_OK;
    return status;
}

kin_status kin_list_get(kin_list *list, size_t index, void *buffer, size_t capacity, size_t *size)
{
    kin__seat *seat;
    kin__container *it = (kin__container *)list;
    kin_status status = buffer || capacity == 0 ? kin__container_open_to_read(&seat, list, &kin__list_kind)
                                                : kin__refuse(KIN_E_ARGUMENT, "buffer is NULL and capacity is not 0");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    bool entered = false, again = true;
    for (int i = 0; again; i++) {
        status = i < ATTEMPTS ? KIN_OK : try_otherwise(seat, it, i - ATTEMPTS, &entered);
        again = status == KIN_OK;
        if (again) {
            status = read_item(seat->family, it, index, buffer, capacity, size);
            again = status == KIN_E_BUSY;
        }
    }
    if (entered) {
        kin__container_leave(seat, it);
    }
    return kin__told(status);
}

/* ---- changing ---- */

static kin_status end(work *w, kin_status status)
{
    kin__container_leave(w->seat, w->it);
    return status;
}

/* To be called after a change, or after a failed one. */
static kin_status settle(work *w, kin_status status)
{
    if (status != KIN_OK) {
        kin__container_undo(w->seat, w->it, &kin__list_kind);
        return status;
    }
    kin__container_changed(w->it);
    kin__container_settle_entry(w->seat, w->it);
    if (w->tables) {
        kin__container_settle_tables(w->seat, w->it, &kin__list_kind);
    }
    return KIN_OK;
}

/* The seat may be one that only reads. */
static kin_status open_list(work *w, kin_list *list)
{
    w->it = (kin__container *)list;
    return kin__container_open_to_read(&w->seat, list, &kin__list_kind);
}

static inline kin_status enter(work *w)
{
    kin_status status = kin__container_enter(w->seat, w->it, &kin__list_kind);
    if (status != KIN_OK) {
        return status;
    }
    status = kin__index_begin(w);
    return status == KIN_OK ? KIN_OK : end(w, status);
}

static kin_status begin(work *w, kin_list *list)
{
    kin_status status = kin__container_open(&w->seat, list, &kin__list_kind);
    w->it = (kin__container *)list;
    return status == KIN_OK ? enter(w) : status;
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
        return kin__told(end(&w, kin__refuse(KIN_E_NOT_FOUND, NO_ITEM)));
    }
    status = kin__entry_make(&entry, w.seat, w.it, NULL, 0, data, size);
    if (status == KIN_OK) {
        status = settle(&w, kin__index_insert(&w, at, kin__container_taken(w.it, KIN__ENTRY_MADE)));
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
    kin__index_word place;
    uint64_t at = index == KIN_LIST_LAST ? w.in.count - 1 : index;
    status = at >= w.in.count                                                  ? kin__refuse(KIN_E_NOT_FOUND, NO_ITEM)
             : kin__index_find(w.seat->family, &w.in, w.in.first + at, &place) ? KIN_OK
                                                                               : KIN_E_DAMAGED;
    if (status == KIN_OK) {
        status = kin__entry_make(&entry, w.seat, w.it, NULL, 0, data, size);
    }
    if (status == KIN_OK) {
        kin__container_doubt(w.it, KIN__ENTRY_GONE, atomic_load_explicit(place.word, memory_order_relaxed));
        atomic_store_explicit(place.word, kin__container_taken(w.it, KIN__ENTRY_MADE), memory_order_release);
        kin__container_changed(w.it);
        kin__container_settle_entry(w.seat, w.it);
    }
    return kin__told(end(&w, status));
}

/* Takes out the item at that place. Its entry has that word. */
static kin_status remove_at(work *w, uint64_t at, const kin__index_word *place, uint64_t word)
{
    kin__container_doubt(w->it, KIN__ENTRY_GONE, word);
    kin_status status = settle(w, kin__index_remove(w, at, place));
    if (status == KIN_OK) {
        kin__index_shrink(w);
    }
    return status;
}

kin_status kin_list_pop(kin_list *list, size_t index, void *buffer, size_t capacity, size_t *size)
{
    work w;
    kin__found found;
    kin__index_word place;
    kin_status status =
        buffer || capacity == 0 ? begin(&w, list) : kin__refuse(KIN_E_ARGUMENT, "buffer is NULL and capacity is not 0");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    uint64_t at = index == KIN_LIST_LAST ? w.in.count - 1 : index;
    if (at >= w.in.count) {
        return kin__told(end(&w, kin__refuse(KIN_E_NOT_FOUND, NO_ITEM)));
    }
    if (!kin__index_find(w.seat->family, &w.in, w.in.first + at, &place)) {
        return kin__told(end(&w, KIN_E_DAMAGED));
    }
    uint64_t word = atomic_load_explicit(place.word, memory_order_relaxed);
    if (!kin__entry_open(w.seat->family, word, &found)) {
        return kin__told(end(&w, KIN_E_DAMAGED));
    }
    if (buffer || size) {
        status = kin__entry_copy(&found, buffer, capacity, size);
    }
    return kin__told(end(&w, status == KIN_OK ? remove_at(&w, at, &place, word) : status));
}

/* ---- the whole of it ---- */

kin_status kin_list_clear(kin_list *list)
{
    kin__seat *seat;
    kin_status status = kin__container_open(&seat, list, &kin__list_kind);
    return kin__told(status == KIN_OK ? kin__container_clear(seat, (kin__container *)list, &kin__list_kind) : status);
}

/* Without the lock. A root that is unchanged was the list's all the time. */
static kin_status read_count(kin_family *family, kin__container *it, size_t *count)
{
    view in;
    uint64_t root = atomic_load_explicit(&it->root, memory_order_acquire);
    bool sound = kin__index_open(family, root, &in);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&it->root, memory_order_relaxed) != root) {
        return KIN_E_BUSY;
    }
    *count = (size_t)in.count;
    return sound ? KIN_OK : KIN_E_DAMAGED;
}

static kin_status size_to_reader(kin_family *family, kin__container *it, size_t *count)
{
    kin_status status = read_count(family, it, count);
    for (int i = 0; kin__reader_tries_again(&status, i); i++) {
        status = read_count(family, it, count);
    }
    return status;
}

kin_status kin_list_size(kin_list *list, size_t *count)
{
    work w;
    kin_status status = count ? open_list(&w, list) : kin__refuse(KIN_E_ARGUMENT, "count is NULL");
    if (status == KIN_OK && kin__seat_only_reads(w.seat)) {
        return kin__told(size_to_reader(w.seat->family, w.it, count));
    }
    status = status == KIN_OK ? enter(&w) : status;
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
    uint64_t before;
    kin__words_walk walk = kin__words_of(w.seat->family, &kin__list_kind, w.in.root);
    first = first < w.in.count ? first : (size_t)w.in.count;
    walk.part = kin__index_part_of(&w.in, first, &before);
    return kin__told(end(&w, kin__snapshot_take(out, &walk, first - before, count)));
}

/* ---- each of its items ---- */

typedef struct item_words { /* copied at one moment */
    uint64_t *words;
    uint64_t count;
} item_words;

/* Under the lock, or checked afterwards. Allocates room for all words of the parts. Their number is bounded by the
 * arena. */
static kin_status copy_words(kin_family *family, uint64_t root, item_words *out)
{
    uint64_t count = 0;
    kin__words_walk walk = kin__words_of(family, &kin__list_kind, root), again = walk;
    while (kin__words_next(&walk)) {
        count += walk.words.count;
    }
    out->words = walk.damaged ? NULL : malloc((size_t)(count + 1) * sizeof *out->words);
    if (!out->words) {
        return walk.damaged ? KIN_E_DAMAGED : kin__malloc_failed();
    }
    while (kin__words_next(&again) && again.words.count <= count - out->count) {
        for (uint64_t i = 0; i < again.words.count; i++) {
            const char *at = again.words.first + i * again.words.step;
            out->words[out->count++] =
                kin__load_racing((const _Atomic uint64_t *)(const void *)at, memory_order_acquire);
        }
    }
    return out->count == count ? KIN_OK : KIN_E_DAMAGED;
}

/* Without the lock. Each change is published by one store (list_index.c), and then counted, before a block that it has
 * taken out is freed. So if root and generation are the same before and after the copying, at most one change was
 * published meanwhile, no block that was read was freed before it was read, and the words are those from before the
 * change or after it.
 *
 *     reader:  load generation, root (acquire); copy; fence (acquire); load root, generation
 *     writer:  store a word, span or root (release); store generation (release); free
 *
 * KIN_E_BUSY: it was changed. */
static kin_status try_copy_words(kin_family *family, kin__container *it, item_words *out)
{
    uint64_t generation = atomic_load_explicit(&it->generation, memory_order_acquire);
    uint64_t root = atomic_load_explicit(&it->root, memory_order_acquire);
    *out = (item_words){NULL, 0};
    kin_status status = copy_words(family, root, out);
    atomic_thread_fence(memory_order_acquire);
    bool same = atomic_load_explicit(&it->root, memory_order_acquire) == root &&
                atomic_load_explicit(&it->generation, memory_order_relaxed) == generation;
    if (!same || status != KIN_OK) {
        free(out->words);
        out->words = NULL;
    }
    return same ? status : KIN_E_BUSY;
}

/* A change that is not counted yet may look like damage, once. */
static kin_status copy_words_to_reader(kin_family *family, kin__container *it, item_words *out)
{
    kin_status status = try_copy_words(family, it, out);
    for (int i = 0; (status == KIN_E_BUSY || status == KIN_E_DAMAGED) && kin__reader_rests(i); i++) {
        status = try_copy_words(family, it, out);
    }
    return status == KIN_E_BUSY ? kin__always_changing() : status;
}

/* Items that are gone are left out. */
static kin_status show_items(kin_family *family, const item_words *items, kin_list_visit *visit, void *context)
{
    kin__copy copy = {NULL, 0, 0, 0};
    kin_status status = KIN_OK;
    for (uint64_t i = 0; i < items->count && status == KIN_OK; i++) {
        status = kin__copy_entry(&copy, family, items->words[i]);
        if (status == KIN_OK) {
            status = visit((size_t)i, kin__copy_value(&copy), copy.value_size, context);
        } else if (status == KIN_E_BUSY) {
            status = KIN_OK;
        }
    }
    free(copy.bytes);
    return status;
}

kin_status kin_list_for_each(kin_list *list, kin_list_visit *visit, void *context)
{
    work w;
    item_words items = {NULL, 0};
    kin_status status = visit ? open_list(&w, list) : kin__refuse(KIN_E_ARGUMENT, "visit is NULL");
    if (status == KIN_OK && kin__seat_only_reads(w.seat)) {
        status = copy_words_to_reader(w.seat->family, w.it, &items);
    } else if (status == KIN_OK) {
        status = enter(&w);
        status = status == KIN_OK ? end(&w, copy_words(w.seat->family, w.in.root, &items)) : status;
    }
    if (status == KIN_OK) {
        status = show_items(w.seat->family, &items, visit, context);
    }
    free(items.words);
    return kin__told(status);
}

/* ---- its changes ---- */

kin_status kin_list_generation(const kin_list *list, uint64_t *generation)
{
    return kin__told(kin__container_generation(list, &kin__list_kind, generation));
}

kin_status kin_list_wait(kin_list *list, uint64_t generation, int64_t timeout)
{
    return kin__told(kin__container_wait(list, &kin__list_kind, generation, timeout));
}
