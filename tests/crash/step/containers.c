/* containers.c: killed in dicts and lists; a value is of one kind of byte. */
#include "step.h"

#include <stdlib.h>
#include <string.h>

#define KEYS 16    /* of one character, from 'a' on */
#define FITTING 6u /* in a dict's first table */
#define LARGE 20000u

static void dict_put(place *it, unsigned key, int byte, size_t size)
{
    static char value[LARGE];
    char name = (char)('a' + key);
    memset(value, byte, size);
    kin_dict_set(dict_of(it), &name, 1, value, size);
}

static void dict_some(place *it)
{
    for (unsigned key = 0; key < FITTING; key += 2) {
        dict_put(it, key, 1, 10 * key + 1);
    }
}

static void dict_full(place *it)
{
    for (unsigned key = 0; key < FITTING; key++) {
        dict_put(it, key, 1, 50);
    }
}

static void dict_insert(place *it)
{
    dict_put(it, 1, 2, 50);
}

static void dict_replace(place *it)
{
    dict_put(it, 2, 2, 50);
}

static void dict_replace_large(place *it)
{
    dict_put(it, 2, 2, LARGE);
    dict_put(it, 2, 3, LARGE);
}

static void dict_grow(place *it)
{
    dict_put(it, FITTING, 2, 50);
}

static void dict_delete(place *it)
{
    kin_dict_remove(dict_of(it), "c", 1);
}

static void dict_delete_last(place *it)
{
    kin_dict_remove(dict_of(it), "a", 1);
    kin_dict_remove(dict_of(it), "c", 1);
    kin_dict_remove(dict_of(it), "e", 1);
}

static void dict_get(place *it)
{
    char value[100];
    kin_dict_get(dict_of(it), "c", 1, value, sizeof value, NULL);
}

static void dict_clear(place *it)
{
    kin_dict_clear(dict_of(it));
}

static kin_status make_longer(void *value, size_t *size, size_t room, void *context)
{
    (void)context;
    memset(value, 4, room);
    *size = room;
    return KIN_OK;
}

static void dict_update_or_insert(place *it)
{
    kin_dict_update_or_insert(dict_of(it), "b", 1, 60, make_longer, NULL);
}

static void dict_set_if_absent(place *it)
{
    kin_dict_set_if_absent(dict_of(it), "b", 1, "\2\2", 2);
}

/* The value of "a" is one byte, 1. */
static void dict_compare_and_set(place *it)
{
    int done = 0;
    kin_dict_compare_and_set(dict_of(it), "a", 1, "\1", 1, "\2\2", 2, &done);
}

static void dict_pop(place *it)
{
    char value[100];
    kin_dict_pop(dict_of(it), "c", 1, value, sizeof value, NULL);
}

static void dict_numbers(place *it)
{
    kin_dict_set_i64(dict_of(it), "b", INT64_C(0x0202020202020202));
    kin_dict_add_i64(dict_of(it), "b", INT64_C(0x0101010101010101), NULL);
}

/* A value of one kind of byte, its end not counted. */
static void dict_strings(place *it)
{
    kin_dict_set_string(dict_of(it), "b", "");
    kin_dict_remove_string(dict_of(it), "c");
}

static void list_append_one(place *it)
{
    kin_list_append(list_of(it), "\2\2\2", 3);
}

static void dict_update(place *it)
{
    kin_dict_update(dict_of(it), "c", 1, 60, make_longer, NULL);
}

/* Waits for what another process changes. */
static void dict_await(place *it)
{
    uint64_t generation = 0;
    kin_dict_generation(dict_of(it), &generation);
    kin_dict_wait(dict_of(it), generation, KIN_FOREVER);
}

static kin_status see_entry(const void *key, size_t key_size, const void *value, size_t value_size, void *context)
{
    (void)key;
    (void)key_size;
    (void)value;
    (void)value_size;
    (void)context;
    return KIN_OK;
}

static void dict_visit(place *it)
{
    kin_dict_for_each(dict_of(it), see_entry, NULL);
}

/* The next process repairs what a dead one has left, and dies during the repair. */
static void dict_inherit(place *it)
{
    dict_full(it);
    run_helper("die_in_dict", it);
}

static void list_put(place *it, size_t index, int byte, size_t size)
{
    static char value[LARGE];
    memset(value, byte, size);
    kin_list_insert(list_of(it), index, value, size);
}

static void list_some(place *it)
{
    for (size_t i = 0; i < 3; i++) {
        list_put(it, KIN_LIST_LAST, 1, 10 * i + 1);
    }
}

static void list_full(place *it)
{
    for (size_t i = 0; i < 8; i++) {
        list_put(it, KIN_LIST_LAST, 1, 50);
    }
}

/* As list_index.c has it: the most items of an index that is one block, made by appending; the places of a segment. */
enum { WHOLE_INDEX = 2048, SEGMENT = 8190 };

/* The heap has room for segments and items afterwards: its own growth is not what is stepped through. */
static void list_long(place *it, size_t count)
{
    void *room = NULL;
    for (size_t i = 0; i < count + 2; i++) {
        list_put(it, KIN_LIST_LAST, 1, 50);
    }
    kin_list_pop(list_of(it), KIN_LIST_LAST, NULL, 0, NULL);
    kin_list_pop(list_of(it), KIN_LIST_LAST, NULL, 0, NULL);
    if (kin_alloc(&room, NULL, 4 * SEGMENT * sizeof(uint64_t)) == KIN_OK) {
        kin_free(room);
    }
}

static void list_one_block(place *it)
{
    list_long(it, WHOLE_INDEX);
}

static void list_segments(place *it)
{
    list_long(it, WHOLE_INDEX + 1);
}

static void list_one_segment(place *it)
{
    list_long(it, SEGMENT);
}

static void list_two_segments(place *it)
{
    list_long(it, SEGMENT + 1);
}

/* One more than those for which a list has one block again. */
static void list_few_in_segments(place *it)
{
    list_segments(it);
    for (size_t i = WHOLE_INDEX + 1; i > WHOLE_INDEX / 4 + 1; i--) {
        kin_list_pop(list_of(it), KIN_LIST_LAST, NULL, 0, NULL);
    }
}

/* The same, at the border of two segments. */
static void list_few_in_two_segments(place *it)
{
    list_two_segments(it);
    for (size_t i = SEGMENT + 1; i > WHOLE_INDEX / 4 + 1; i--) {
        kin_list_pop(list_of(it), 0, NULL, 0, NULL);
    }
}

static void list_append(place *it)
{
    list_put(it, KIN_LIST_LAST, 2, 50);
}

static void list_insert(place *it)
{
    list_put(it, 1, 2, 50);
}

static void list_insert_first(place *it)
{
    list_put(it, 0, 2, 50);
    list_put(it, 0, 3, LARGE);
}

static void list_set(place *it)
{
    kin_list_set(list_of(it), 1, "\3\3\3", 3);
}

static void list_get(place *it)
{
    char value[100];
    kin_list_get(list_of(it), 1, value, sizeof value, NULL);
}

static void list_pop(place *it)
{
    kin_list_pop(list_of(it), 1, NULL, 0, NULL);
}

static void list_pop_ends(place *it)
{
    char value[100];
    kin_list_pop(list_of(it), 0, value, sizeof value, NULL);
    kin_list_pop(list_of(it), KIN_LIST_LAST, value, sizeof value, NULL);
}

static void list_pop_last(place *it)
{
    kin_list_pop(list_of(it), KIN_LIST_LAST, NULL, 0, NULL);
}

static void list_pop_first(place *it)
{
    kin_list_pop(list_of(it), 0, NULL, 0, NULL);
}

static void list_await(place *it)
{
    uint64_t generation = 0;
    kin_list_generation(list_of(it), &generation);
    kin_list_wait(list_of(it), generation, KIN_FOREVER);
}

static kin_status see_item(size_t index, const void *value, size_t size, void *context)
{
    (void)index;
    (void)value;
    (void)size;
    (void)context;
    return KIN_OK;
}

static void list_visit(place *it)
{
    kin_list_for_each(list_of(it), see_item, NULL);
}

static void list_clear(place *it)
{
    kin_list_clear(list_of(it));
}

/* ---- for the above: who dies in a change ---- */

static kin_status end_here(void *value, size_t *size, size_t room, void *context)
{
    (void)value;
    (void)size;
    (void)room;
    (void)context;
    exit(0);
}

int child_die_in_dict(const kin_args *args)
{
    void *it = NULL;
    kin_args_get_object(&it, args, "place", KIN_TYPE_MEMORY);
    kin_dict_update(dict_of(it), "c", 1, 60, end_here, NULL);
    return 1;
}

/* ---- afterwards ---- */

/* Whether what is in there is so many whole values; changes nothing. */
static bool whole(kin_snapshot *items, size_t count)
{
    kin_snapshot_item item;
    bool right = kin_snapshot_count(items) == count;
    while (right && kin_snapshot_next(items, &item)) {
        note((int64_t)item.value_size << 8 | *(const char *)item.value);
        for (size_t i = 1; i < item.value_size; i++) {
            right = right && ((const char *)item.value)[i] == *(const char *)item.value;
        }
    }
    kin_snapshot_destroy(items);
    return right;
}

const char *use_dict(place *it)
{
    kin_snapshot *items = NULL;
    size_t count = 0, found = 0;
    char value[LARGE];
    for (char key = 'a'; key < 'a' + KEYS; key++) { /* before the repair */
        found += kin_dict_get(dict_of(it), &key, 1, value, sizeof value, NULL) == KIN_OK;
    }
    note((int64_t)found);
    if (kin_dict_size(dict_of(it), &count) != KIN_OK || count != found) {
        return "the dict's size";
    }
    if (kin_dict_snapshot(&items, dict_of(it)) != KIN_OK || !whole(items, count)) {
        return "the dict's values";
    }
    for (unsigned key = 0; key < KEYS; key++) {
        dict_put(it, key, 5, 70);
    }
    for (char key = 'a'; key < 'a' + KEYS; key++) {
        size_t size = 0;
        if (kin_dict_get(dict_of(it), &key, 1, value, sizeof value, &size) != KIN_OK || size != 70 || value[69] != 5 ||
            (key % 2 == 0 && kin_dict_remove(dict_of(it), &key, 1) != KIN_OK)) {
            return "dict";
        }
    }
    return kin_dict_size(dict_of(it), &count) == KIN_OK && count == KEYS / 2 ? NULL : "the dict's size afterwards";
}

const char *use_list(place *it)
{
    kin_snapshot *items = NULL;
    size_t count = 0, found = 0;
    char value[LARGE];
    while (kin_list_get(list_of(it), found, value, sizeof value, NULL) == KIN_OK) {
        found++;
    }
    note((int64_t)found);
    if (kin_list_size(list_of(it), &count) != KIN_OK || count != found) {
        return "the list's size";
    }
    if (kin_list_snapshot(&items, list_of(it), 0, SIZE_MAX) != KIN_OK || !whole(items, count)) {
        return "the list's items";
    }
    for (size_t i = 0; i < 10; i++) {
        list_put(it, i % 2 ? 0 : KIN_LIST_LAST, 5, 70);
    }
    for (size_t i = 0; i < 10; i++) {
        size_t size = 0;
        if (kin_list_pop(list_of(it), i % 2 ? 0 : KIN_LIST_LAST, value, sizeof value, &size) != KIN_OK || size != 70 ||
            value[69] != 5) {
            return "list";
        }
    }
    return kin_list_size(list_of(it), &found) == KIN_OK && count == found ? NULL : "the list's size afterwards";
}

/* ---- rows ---- */

static const scenario rows[] = {
    {"dict", "set, a new key", "kin_dict_set", .before = dict_some, .operation = dict_insert, .owned = true},
    {"dict", "set, the first key", "kin_dict_set", .before = dict_clear, .operation = dict_insert, .owned = true},
    {"dict", "set, a key that is there", "kin_dict_set", .before = dict_some, .operation = dict_replace, .owned = true},
    {"dict", "set, it grows", "kin_dict_set", .before = dict_full, .operation = dict_grow, .owned = true},
    {"dict", "set, large values", "kin_dict_set", .before = dict_some, .operation = dict_replace_large, .owned = true},
    {"dict", "update", "kin_dict_update", .before = dict_some, .operation = dict_update, .owned = true},
    {"dict", "get", "kin_dict_get", .before = dict_some, .operation = dict_get, .owned = true},
    {"dict", "delete", "kin_dict_remove", .before = dict_full, .operation = dict_delete, .owned = true},
    {"dict", "delete all, one by one", "kin_dict_remove", .before = dict_some, .operation = dict_delete_last,
     .owned = true},
    {"dict", "clear", "kin_dict_clear", .before = dict_some, .operation = dict_clear, .owned = true},
    {"dict", "set, after a death in a change", "kin_dict_set", .before = dict_inherit, .operation = dict_replace,
     .owned = true},
    {"dict", "update or insert", "kin_dict_update_or_insert", .before = dict_some, .operation = dict_update_or_insert,
     .owned = true},
    {"dict", "set if absent", "kin_dict_set_if_absent", .before = dict_some, .operation = dict_set_if_absent,
     .owned = true},
    {"dict", "compare and set", "kin_dict_compare_and_set", .before = dict_some, .operation = dict_compare_and_set,
     .owned = true},
    {"dict", "pop", "kin_dict_pop", .before = dict_some, .operation = dict_pop, .owned = true},
    {"dict", "numbers", "kin_dict_set_i64 kin_dict_add_i64", .before = dict_some, .operation = dict_numbers,
     .owned = true},
    {"dict", "strings", "kin_dict_set_string kin_dict_remove_string", .before = dict_some, .operation = dict_strings,
     .owned = true},
    {"dict", "visit all", "kin_dict_for_each", .before = dict_full, .operation = dict_visit, .owned = true},
    {"dict", "set, another waits for a change", "kin_dict_set", .before = dict_some, .operation = dict_insert,
     .sleep = dict_await, .finish = dict_replace, .owned = true},
    {"dict", "clear, another waits for a change", "kin_dict_clear", .before = dict_some, .operation = dict_clear,
     .sleep = dict_await, .finish = dict_replace, .owned = true},
    {"dict", "wait for a change", "kin_dict_generation kin_dict_wait", .before = dict_some, .operation = dict_await,
     .owned = true},
    {"dict", "wait for a change, another waits too", "kin_dict_generation kin_dict_wait", .before = dict_some,
     .operation = dict_await, .sleep = dict_await, .finish = dict_replace, .owned = true},
    {"list", "append at the end", "kin_list_append", .before = list_some, .operation = list_append_one, .owned = true},
    {"list", "append", "kin_list_insert", .before = list_some, .operation = list_append, .owned = true},
    {"list", "append, it grows", "kin_list_insert", .before = list_full, .operation = list_append, .owned = true},
    {"list", "insert", "kin_list_insert", .before = list_some, .operation = list_insert, .owned = true},
    {"list", "insert before the first", "kin_list_insert", .before = list_some, .operation = list_insert_first,
     .owned = true},
    {"list", "set", "kin_list_set", .before = list_some, .operation = list_set, .owned = true},
    {"list", "get", "kin_list_get", .before = list_some, .operation = list_get, .owned = true},
    {"list", "pop", "kin_list_pop", .before = list_some, .operation = list_pop, .owned = true},
    {"list", "pop, first and last", "kin_list_pop", .before = list_some, .operation = list_pop_ends, .owned = true},
    {"list", "clear", "kin_list_clear", .before = list_some, .operation = list_clear, .owned = true},
    {"list", "append, its index becomes segments", "kin_list_insert", .before = list_one_block,
     .operation = list_append, .owned = true},
    {"list", "append, a segment begins", "kin_list_insert", .before = list_one_segment, .operation = list_append,
     .owned = true},
    {"list", "pop the last of a segment", "kin_list_pop", .before = list_two_segments, .operation = list_pop_last,
     .owned = true},
    {"list", "insert before the first segment", "kin_list_insert", .before = list_segments,
     .operation = list_insert_first, .owned = true},
    {"list", "insert between segments' items", "kin_list_insert", .before = list_segments, .operation = list_insert,
     .owned = true},
    {"list", "pop within segments", "kin_list_pop", .before = list_one_segment, .operation = list_pop, .owned = true},
    {"list", "pop, its index becomes one block", "kin_list_pop", .before = list_few_in_segments,
     .operation = list_pop_first, .owned = true},
    {"list", "clear segments", "kin_list_clear", .before = list_few_in_two_segments, .operation = list_clear,
     .owned = true},
    {"list", "visit all", "kin_list_for_each", .before = list_full, .operation = list_visit, .owned = true},
    {"list", "append, another waits for a change", "kin_list_insert", .before = list_some, .operation = list_append,
     .sleep = list_await, .finish = list_set, .owned = true},
    {"list", "wait for a change", "kin_list_generation kin_list_wait", .before = list_some, .operation = list_await,
     .owned = true},
};

const subject step_containers = {rows, sizeof rows / sizeof rows[0]};
