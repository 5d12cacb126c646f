/* dict.c: keys and values. The protocol of readers, writers and deaths: container.c. Table: hash_table.c. */
#include "kin/dict.h"

#include "base/last_error.h"
#include "container/container.h"
#include "container/cursor.h"
#include "container/hash.h"
#include "container/hash_table.h"
#include "container/snapshot.h"
#include "family/thread_slot.h"

#include <string.h>

#define ATTEMPTS 100 /* of a get, before it takes the lock */
#define NO_NUMBER "the value has not the 8 bytes of a number"

typedef struct work { /* of one call */
    kin__seat *seat;
    kin__container *it;
    kin__key key;
    kin__way way;
    kin__place place;
    bool there; /* under the lock: the key has a value, at place */
} work;

kin_status kin_dict_create(kin_dict **out, kin_family *family)
{
    return kin__told(kin__container_create(out, family, &kin__dict_kind));
}

kin_status kin_dict_destroy(kin_dict *dict)
{
    return kin__told(kin__container_destroy(dict, &kin__dict_kind));
}

static inline kin_status open_work(work *out, kin_dict *dict, const void *key, size_t key_size, bool to_read)
{
    if (!key || key_size == 0 || key_size > KIN_DICT_KEY_MAX) {
        return kin__refuse(KIN_E_ARGUMENT, "key is NULL, or key_size is 0, or key_size is more than KIN_DICT_KEY_MAX");
    }
    kin_status status = to_read ? kin__container_open_to_read(&out->seat, dict, &kin__dict_kind)
                                : kin__container_open(&out->seat, dict, &kin__dict_kind);
    if (status == KIN_OK) {
        out->it = (kin__container *)dict;
        out->key = (kin__key){key, key_size, kin__hash(out->it->seed, key, key_size)};
    }
    return status;
}

/* ---- reading ---- */

static kin_status read_locked(work *w, void *buffer, size_t capacity, size_t *size)
{
    kin_status status = kin__container_enter(w->seat, w->it, &kin__dict_kind);
    if (status == KIN_OK) {
        status = kin__table_read(w->seat->family, w->it, &w->key, buffer, capacity, size);
        status = status == KIN_E_BUSY ? KIN_E_DAMAGED : status;
        kin__container_leave(w->seat, w->it);
    }
    return status;
}

/* As a process that only reads: without the lock. */
static kin_status read_patiently(work *w, void *buffer, size_t capacity, size_t *size)
{
    kin_status status = KIN_E_BUSY;
    for (int i = 0; kin__reader_tries_again(&status, i); i++) {
        status = kin__table_read(w->seat->family, w->it, &w->key, buffer, capacity, size);
    }
    return status;
}

static kin_status no_key(void)
{
    return kin__refuse(KIN_E_NOT_FOUND, "the dict has no such key");
}

kin_status kin_dict_get(kin_dict *dict, const void *key, size_t key_size, void *buffer, size_t capacity, size_t *size)
{
    work w;
    kin_status status = buffer || capacity == 0 ? open_work(&w, dict, key, key_size, true)
                                                : kin__refuse(KIN_E_ARGUMENT, "buffer is NULL and capacity is not 0");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    for (int i = 0; i < ATTEMPTS; i++) {
        status = kin__table_read(w.seat->family, w.it, &w.key, buffer, capacity, size);
        if (status != KIN_E_BUSY) {
            return kin__told(status == KIN_E_NOT_FOUND ? no_key() : status);
        }
    }
    status = kin__seat_only_reads(w.seat) ? read_patiently(&w, buffer, capacity, size)
                                          : read_locked(&w, buffer, capacity, size);
    return kin__told(status == KIN_E_NOT_FOUND ? no_key() : status);
}

kin_status kin_dict_contains(kin_dict *dict, const void *key, size_t key_size, int *found)
{
    if (!found) {
        return kin__refuse(KIN_E_ARGUMENT, "found is NULL");
    }
    kin_status status = kin_dict_get(dict, key, key_size, NULL, 0, NULL);
    bool has = status == KIN_OK || status == KIN_E_BUFFER;
    if (has || status == KIN_E_NOT_FOUND) {
        *found = has;
        return KIN_OK;
    }
    return kin__told(status);
}

/* ---- changing ---- */

/* KIN_OK: the lock is held, and w says whether the key is there. */
static kin_status begin(work *w, kin_dict *dict, const void *key, size_t key_size)
{
    kin_status status = open_work(w, dict, key, key_size, false);
    if (status == KIN_OK) {
        status = kin__container_enter(w->seat, w->it, &kin__dict_kind);
    }
    if (status != KIN_OK) {
        return status;
    }
    status = kin__table_find(w->seat->family, w->it, &w->key, &w->way, &w->place);
    w->there = status == KIN_OK;
    if (status == KIN_E_DAMAGED) {
        kin__container_leave(w->seat, w->it);
        return status;
    }
    return KIN_OK;
}

static kin_status end(work *w, kin_status status)
{
    kin__container_leave(w->seat, w->it);
    return status;
}

/* value NULL: the caller writes the entry's value, before kin__table_put. */
static kin_status prepare(work *w, const void *value, size_t size, kin__entry **entry)
{
    kin_status status = w->there ? KIN_OK : kin__table_make_room(w->seat, w->it, &w->key, &w->way, &w->place);
    return status == KIN_OK ? kin__entry_make(entry, w->seat, w->it, w->key.bytes, w->key.size, value, size) : status;
}

static kin_status put(work *w, const void *value, size_t size)
{
    kin__entry *entry;
    kin_status status = prepare(w, value, size, &entry);
    if (status == KIN_OK) {
        kin__table_put(w->seat, w->it, &w->key, &w->way, &w->place);
    }
    return status;
}

static bool sound_value(const void *value, size_t size)
{
    return value || size == 0;
}

kin_status kin_dict_set(kin_dict *dict, const void *key, size_t key_size, const void *value, size_t size)
{
    work w;
    kin_status status = sound_value(value, size) ? begin(&w, dict, key, key_size)
                                                 : kin__refuse(KIN_E_ARGUMENT, "value is NULL and size is not 0");
    return kin__told(status == KIN_OK ? end(&w, put(&w, value, size)) : status);
}

kin_status kin_dict_set_if_absent(kin_dict *dict, const void *key, size_t key_size, const void *value, size_t size)
{
    work w;
    kin_status status = sound_value(value, size) ? begin(&w, dict, key, key_size)
                                                 : kin__refuse(KIN_E_ARGUMENT, "value is NULL and size is not 0");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    return kin__told(
        end(&w, w.there ? kin__refuse(KIN_E_EXISTS, "the key has a value already") : put(&w, value, size)));
}

static bool is_expected(const work *w, const void *expected, size_t size)
{
    if (!expected || !w->there) {
        return !expected && !w->there;
    }
    return w->place.found.value_size == size && memcmp(w->place.found.value, expected, size) == 0;
}

kin_status kin_dict_compare_and_set(kin_dict *dict, const void *key, size_t key_size, const void *expected,
                                    size_t expected_size, const void *value, size_t size, int *done)
{
    work w;
    bool sound = done && (expected || value) && sound_value(expected, expected_size) && sound_value(value, size);
    kin_status status =
        sound ? begin(&w, dict, key, key_size)
              : kin__refuse(KIN_E_ARGUMENT,
                            "expected and value are both NULL, or done is NULL, or a size is not 0 for NULL");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    *done = is_expected(&w, expected, expected_size);
    if (*done && value) {
        status = put(&w, value, size);
    } else if (*done) {
        kin__table_remove(w.seat, w.it, &w.way, &w.place);
    }
    *done = *done && status == KIN_OK;
    return kin__told(end(&w, status));
}

/* Changes a copy, which is in doubt until it is published. */
static kin_status change_copy(work *w, size_t room, kin_dict_change *change, void *context)
{
    kin__entry *entry;
    size_t size = w->there ? w->place.found.value_size : 0;
    room = room > size ? room : size;
    kin_status status = prepare(w, NULL, room, &entry);
    if (status != KIN_OK) {
        return status;
    }
    char *value = entry->bytes + kin__value_at(w->key.size);
    if (w->there) {
        memcpy(value, w->place.found.value, size);
    } else {
        memset(value, 0, room);
    }
    status = change(value, &size, room, context);
    if (status == KIN_OK && size > room) {
        status = kin__refuse(KIN_E_TOO_BIG, "the change has set *size to more than room");
    }
    if (status != KIN_OK) {
        kin__container_undo(w->seat, w->it, &kin__dict_kind);
        return status;
    }
    atomic_store_explicit(&entry->value_size, (uint32_t)size, memory_order_relaxed);
    kin__table_put(w->seat, w->it, &w->key, &w->way, &w->place);
    return KIN_OK;
}

kin_status kin_dict_update(kin_dict *dict, const void *key, size_t key_size, size_t room, kin_dict_change *change,
                           void *context)
{
    work w;
    kin_status status = change ? begin(&w, dict, key, key_size) : kin__refuse(KIN_E_ARGUMENT, "change is NULL");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    return kin__told(end(&w, w.there ? change_copy(&w, room, change, context) : no_key()));
}

kin_status kin_dict_update_or_insert(kin_dict *dict, const void *key, size_t key_size, size_t room,
                                     kin_dict_change *change, void *context)
{
    work w;
    kin_status status = change ? begin(&w, dict, key, key_size) : kin__refuse(KIN_E_ARGUMENT, "change is NULL");
    return kin__told(status == KIN_OK ? end(&w, change_copy(&w, room, change, context)) : status);
}

static kin_status pop(work *w, void *buffer, size_t capacity, size_t *size)
{
    kin_status status = w->there ? kin__entry_copy(&w->place.found, buffer, capacity, size) : no_key();
    if (status == KIN_OK) {
        kin__table_remove(w->seat, w->it, &w->way, &w->place);
    }
    return status;
}

kin_status kin_dict_pop(kin_dict *dict, const void *key, size_t key_size, void *buffer, size_t capacity, size_t *size)
{
    work w;
    kin_status status = buffer || capacity == 0 ? begin(&w, dict, key, key_size)
                                                : kin__refuse(KIN_E_ARGUMENT, "buffer is NULL and capacity is not 0");
    return kin__told(status == KIN_OK ? end(&w, pop(&w, buffer, capacity, size)) : status);
}

kin_status kin_dict_remove(kin_dict *dict, const void *key, size_t key_size)
{
    work w;
    kin_status status = begin(&w, dict, key, key_size);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if (w.there) {
        kin__table_remove(w.seat, w.it, &w.way, &w.place);
    }
    return kin__told(end(&w, w.there ? KIN_OK : no_key()));
}

/* ---- the whole of it ---- */

kin_status kin_dict_clear(kin_dict *dict)
{
    kin__seat *seat;
    kin_status status = kin__container_open(&seat, dict, &kin__dict_kind);
    return kin__told(status == KIN_OK ? kin__container_clear(seat, (kin__container *)dict, &kin__dict_kind) : status);
}

kin_status kin_dict_size(kin_dict *dict, size_t *count)
{
    kin__seat *seat;
    kin__container *it = (kin__container *)dict;
    kin_status status = count ? kin__container_open_to_read(&seat, dict, &kin__dict_kind)
                              : kin__refuse(KIN_E_ARGUMENT, "count is NULL");
    if (status == KIN_OK && kin__seat_only_reads(seat)) {
        *count = (size_t)atomic_load_explicit(&it->count, memory_order_relaxed);
        return KIN_OK;
    }
    if (status == KIN_OK) {
        status = kin__container_enter(seat, it, &kin__dict_kind); /* repairs the count that a dead writer left wrong */
    }
    if (status == KIN_OK) {
        *count = (size_t)atomic_load_explicit(&it->count, memory_order_relaxed);
        kin__container_leave(seat, it);
    }
    return kin__told(status);
}

kin_status kin_dict_snapshot(kin_snapshot **out, kin_dict *dict)
{
    kin__seat *seat;
    kin__container *it = (kin__container *)dict;
    kin_status status =
        out ? kin__container_open(&seat, dict, &kin__dict_kind) : kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    if (status == KIN_OK) {
        status = kin__container_enter(seat, it, &kin__dict_kind);
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    kin__words_walk walk = kin__words_of(seat->family, &kin__dict_kind, atomic_load(&it->root));
    bool sound = walk.parts > 0 || walk.root == 0;
    status = sound ? kin__snapshot_take(out, &walk, 0, UINT64_MAX) : KIN_E_DAMAGED;
    kin__container_leave(seat, it);
    return kin__told(status);
}

static kin_status show_all(kin__seat *seat, kin__container *it, kin_dict_visit *visit, void *context)
{
    kin__cursor cursor;
    const kin__copy *entry = &cursor.entry;
    bool more = true;
    kin_status status = kin__cursor_open(&cursor, seat->family, it);
    while (status == KIN_OK && more) {
        status = kin__cursor_next(&cursor, seat);
        more = status != KIN_E_END;
        if (status == KIN_OK) {
            status = visit(entry->bytes, entry->key_size, kin__copy_value(entry), entry->value_size, context);
        }
    }
    kin__cursor_close(&cursor);
    return more ? status : KIN_OK;
}

kin_status kin_dict_for_each(kin_dict *dict, kin_dict_visit *visit, void *context)
{
    kin__seat *seat;
    kin_status status = visit ? kin__container_open_to_read(&seat, dict, &kin__dict_kind)
                              : kin__refuse(KIN_E_ARGUMENT, "visit is NULL");
    return kin__told(status == KIN_OK ? show_all(seat, (kin__container *)dict, visit, context) : status);
}

/* ---- its changes ---- */

kin_status kin_dict_generation(const kin_dict *dict, uint64_t *generation)
{
    return kin__told(kin__container_generation(dict, &kin__dict_kind, generation));
}

kin_status kin_dict_wait(kin_dict *dict, uint64_t generation, int64_t timeout)
{
    return kin__told(kin__container_wait(dict, &kin__dict_kind, generation, timeout));
}

/* ---- strings and numbers ---- */

static size_t length_of(const char *key)
{
    return key ? strlen(key) : 0;
}

kin_status kin_dict_set_string(kin_dict *dict, const char *key, const char *value)
{
    return kin__told(value ? kin_dict_set(dict, key, length_of(key), value, strlen(value))
                           : kin__refuse(KIN_E_ARGUMENT, "value is NULL"));
}

kin_status kin_dict_get_string(kin_dict *dict, const char *key, char *buffer, size_t capacity, size_t *size)
{
    size_t length = 0;
    if (!buffer || capacity == 0) {
        return kin__refuse(KIN_E_ARGUMENT, "buffer is NULL, or capacity is 0");
    }
    kin_status status = kin_dict_get(dict, key, length_of(key), buffer, capacity - 1, &length);
    if (status == KIN_OK) {
        buffer[length] = '\0';
    }
    if (size && (status == KIN_OK || status == KIN_E_BUFFER)) {
        *size = length;
    }
    return kin__told(status);
}

kin_status kin_dict_set_i64(kin_dict *dict, const char *key, int64_t value)
{
    return kin_dict_set(dict, key, length_of(key), &value, sizeof value);
}

kin_status kin_dict_get_i64(kin_dict *dict, const char *key, int64_t *value)
{
    int64_t found;
    size_t size;
    kin_status status = value ? kin_dict_get(dict, key, length_of(key), &found, sizeof found, &size)
                              : kin__refuse(KIN_E_ARGUMENT, "value is NULL");
    if (status == KIN_E_BUFFER || (status == KIN_OK && size != sizeof found)) {
        return kin__refuse(KIN_E_SIZE, NO_NUMBER);
    }
    if (status == KIN_OK) {
        *value = found;
    }
    return kin__told(status);
}

static kin_status add(work *w, int64_t amount, int64_t *after)
{
    int64_t value = 0;
    if (w->there && w->place.found.value_size != sizeof value) {
        return kin__refuse(KIN_E_SIZE, NO_NUMBER);
    }
    if (w->there) {
        memcpy(&value, w->place.found.value, sizeof value);
    }
    if (amount > 0 ? value > INT64_MAX - amount : value < INT64_MIN - amount) {
        return kin__refuse(KIN_E_OVERFLOW, "the sum is outside of 64 bits");
    }
    value += amount;
    kin_status status = put(w, &value, sizeof value);
    if (status == KIN_OK && after) {
        *after = value;
    }
    return status;
}

kin_status kin_dict_add_i64(kin_dict *dict, const char *key, int64_t amount, int64_t *after)
{
    work w;
    kin_status status = begin(&w, dict, key, length_of(key));
    return kin__told(status == KIN_OK ? end(&w, add(&w, amount, after)) : status);
}

kin_status kin_dict_remove_string(kin_dict *dict, const char *key)
{
    return kin_dict_remove(dict, key, length_of(key));
}
