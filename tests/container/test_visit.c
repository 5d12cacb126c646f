/* kin_dict_for_each and kin_list_for_each: alone, while others change the container, in a process that is killed. */
#include "support.h"

#include "container/cursor.h"
#include "container/hash_table.h"
#include "family/input.h"

#include <stdlib.h>

typedef struct visited {
    kin_dict *dict;
    kin_list *list;
    unsigned char *seen; /* how often, by key */
    uint64_t keys;       /* how many there may be */
    uint64_t count;
    uint64_t most; /* then it ends the visit */
} visited;

static kin_dict *new_dict(uint64_t keys)
{
    kin_dict *dict = NULL;
    assert_ok(kin_dict_create(&dict, NULL));
    for (uint64_t key = 0; key < keys; key++) {
        assert_ok(kin_dict_set(dict, &key, sizeof key, &key, sizeof key));
    }
    return dict;
}

static kin_list *new_list(uint64_t items)
{
    kin_list *list = NULL;
    assert_ok(kin_list_create(&list, NULL));
    for (uint64_t i = 0; i < items; i++) {
        assert_ok(kin_list_append(list, &i, sizeof i));
    }
    return list;
}

static uint64_t number_in(const void *bytes, size_t size)
{
    uint64_t number = 0;
    MUST(size == sizeof number && (uintptr_t)bytes % 8 == 0);
    memcpy(&number, bytes, sizeof number);
    return number;
}

/* ---- alone ---- */

static kin_status see(const void *key, size_t key_size, const void *value, size_t value_size, void *context)
{
    visited *it = context;
    uint64_t number = number_in(key, key_size);
    MUST(number < it->keys && number_in(value, value_size) == number);
    MUST(it->seen[number]++ == 0);
    return ++it->count == it->most ? KIN_E_CANCELLED : KIN_OK;
}

static void each_key_is_visited_once(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, 6, 7, 1000, 3000, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        visited all = {.dict = new_dict(sizes[i]), .seen = calloc((size_t)sizes[i] + 1, 1), .keys = sizes[i]};
        assert_ok(kin_dict_for_each(all.dict, see, &all));
        assert_true(all.count == sizes[i]);
        all.most = all.count + sizes[i] / 2;
        memset(all.seen, 0, (size_t)sizes[i]);
        assert_status(kin_dict_for_each(all.dict, see, &all), sizes[i] > 1 ? KIN_E_CANCELLED : KIN_OK);
        assert_true(sizes[i] < 2 || all.count == all.most);
        free(all.seen);
        assert_ok(kin_dict_destroy(all.dict));
    }
}

static kin_status see_other(const void *key, size_t key_size, const void *value, size_t value_size, void *context)
{
    visited *it = context;
    MUST(key_size == it->keys && ((const char *)key)[key_size - 1] == 'k');
    MUST(value_size == it->most && (value_size == 0 || ((const char *)value)[value_size - 1] == 'v'));
    it->count++;
    return KIN_E_END; /* another's end is not taken for the dict's */
}

static void entries_are_of_any_size(void **state)
{
    (void)state;
    static char key[KIN_DICT_KEY_MAX], value[1 << 20];
    kin_dict *dict = new_dict(0);
    memset(key, 'k', sizeof key);
    memset(value, 'v', sizeof value);
    for (size_t size = 1; size <= KIN_DICT_KEY_MAX; size *= 4) {
        visited it = {.keys = size, .most = size > 4 ? size * 16 : 0};
        assert_ok(kin_dict_set(dict, key, size, value, (size_t)it.most));
        assert_status(kin_dict_for_each(dict, see_other, &it), KIN_E_END);
        assert_true(it.count == 1);
        assert_ok(kin_dict_clear(dict));
    }
    assert_ok(kin_dict_destroy(dict));
}

static kin_status remove_it(const void *key, size_t key_size, const void *value, size_t value_size, void *context)
{
    visited *it = context;
    see(key, key_size, value, value_size, context);
    return kin_dict_remove(it->dict, key, key_size);
}

static kin_status add_another(const void *key, size_t key_size, const void *value, size_t value_size, void *context)
{
    visited *it = context;
    uint64_t number = number_in(key, key_size) + it->most;
    see(key, key_size, value, value_size, context);
    return kin_dict_set(it->dict, &number, sizeof number, &number, sizeof number);
}

/* A dict that grows or shrinks while it is visited, in its visit. */
static void visit_may_change_the_dict(void **state)
{
    (void)state;
    enum { KEYS = 50000 };
    visited all = {.dict = new_dict(KEYS), .seen = calloc(100 * KEYS, 1), .keys = KEYS};
    size_t left = 7;
    assert_ok(kin_dict_for_each(all.dict, remove_it, &all));
    assert_true(all.count == KEYS);
    assert_ok(kin_dict_size(all.dict, &left));
    assert_int_equal(left, 0);
    assert_ok(kin_dict_destroy(all.dict));

    all = (visited){.dict = new_dict(KEYS / 10), .seen = all.seen, .keys = UINT64_C(100) * KEYS, .most = KEYS};
    memset(all.seen, 0, 100 * KEYS);
    kin_status status = kin_dict_for_each(all.dict, add_another, &all);
    assert_true(status == KIN_OK || status == KIN_E_CANCELLED);
    for (uint64_t key = 0; key < KEYS / 10; key++) {
        assert_int_equal(all.seen[key], 1);
    }
    assert_ok(kin_dict_destroy(all.dict));
    free(all.seen);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_dict *dict = new_dict(1);
    kin_list *list = new_list(1);
    assert_status(kin_dict_for_each(dict, NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_dict_for_each(NULL, see, NULL), KIN_E_ARGUMENT);
    assert_status(kin_dict_for_each((kin_dict *)(void *)list, see, NULL), KIN_E_TYPE);
    assert_status(kin_list_for_each(list, NULL, NULL), KIN_E_ARGUMENT);
    assert_ok(kin_dict_destroy(dict));
    assert_ok(kin_list_destroy(list));
}

/* ---- a list ---- */

static kin_status see_item(size_t index, const void *value, size_t size, void *context)
{
    visited *it = context;
    uint64_t number = number_in(value, size);
    MUST(number == index && number >= it->count);
    it->count = number + 1;
    it->keys++;
    return number == it->most ? KIN_E_CANCELLED : KIN_OK;
}

static void each_item_is_visited_in_order(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, 8, 9, 5000, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        visited all = {.list = new_list(sizes[i]), .most = UINT64_MAX};
        assert_ok(kin_list_for_each(all.list, see_item, &all));
        assert_true(all.keys == sizes[i] && all.count == sizes[i]);
        all = (visited){.list = all.list, .most = 3};
        assert_status(kin_list_for_each(all.list, see_item, &all), sizes[i] > 3 ? KIN_E_CANCELLED : KIN_OK);
        assert_true(all.keys == (sizes[i] > 4 ? 4 : sizes[i]));
        assert_ok(kin_list_destroy(all.list));
    }
}

static kin_status pop_two(size_t index, const void *value, size_t size, void *context)
{
    visited *it = context;
    uint64_t more = UINT64_MAX;
    see_item(index, value, size, context);
    kin_status status = kin_list_pop(it->list, 0, NULL, 0, NULL);
    status = status == KIN_OK ? kin_list_pop(it->list, 0, NULL, 0, NULL) : status;
    return status == KIN_OK ? kin_list_append(it->list, &more, sizeof more) : status;
}

/* Each visit pops its own item and the next one, and appends one. */
static void removed_items_are_left_out_and_added_ones_not_visited(void **state)
{
    (void)state;
    enum { ITEMS = 20000 };
    visited all = {.list = new_list(ITEMS), .most = UINT64_MAX};
    assert_ok(kin_list_for_each(all.list, pop_two, &all));
    assert_true(all.keys == ITEMS / 2);
    assert_ok(kin_list_destroy(all.list));
}

/* ---- what a writer has half done: the states of hash_table.c and segment.c ---- */

static kin_family *own_family(void)
{
    kin_family *family = NULL;
    assert_ok(kin_family_default(&family));
    return family;
}

/* While entries move inside a segment one may be missed: nothing that was read then counts. */
static void a_segment_that_is_purged_is_not_believed(void **state)
{
    (void)state;
    kin_dict *dict = new_dict(3000);
    kin__cursor cursor;
    kin__way way;
    int count = 0;
    kin_status status;
    assert_true(kin__table_way(own_family(), (kin__container *)dict, 0, &way));
    assert_ok(kin__cursor_open(&cursor, own_family(), (kin__container *)dict));
    atomic_fetch_add(&way.in.segment->moves, 1);
    assert_status(kin__cursor_next(&cursor, NULL), KIN_E_BUSY);
    atomic_fetch_add(&way.in.segment->moves, 1);
    while ((status = kin__cursor_next(&cursor, NULL)) == KIN_OK) {
        count++;
    }
    assert_status(status, KIN_E_END);
    assert_int_equal(count, 3000);
    kin__cursor_close(&cursor);
    assert_ok(kin_dict_destroy(dict));
}

/* A merge: a segment has the other's entries already, and the words do not say so yet. */
static void entries_of_two_segments_are_visited_once(void **state)
{
    (void)state;
    enum { KEYS = 5000, LEFT = 2600 };
    visited all = {.dict = new_dict(KEYS), .seen = calloc(KEYS, 1), .keys = KEYS};
    kin__container *it = (kin__container *)all.dict;
    kin__way low, high;
    for (uint64_t key = LEFT; key < KEYS; key++) {
        assert_ok(kin_dict_remove(all.dict, &key, sizeof key));
    }
    assert_true(kin__table_way(own_family(), it, 0, &low) && kin__table_way(own_family(), it, UINT64_MAX, &high));
    assert_true(low.word != high.word);
    assert_true(kin__segment_absorb(&high.in, &low.in));
    assert_ok(kin_dict_for_each(all.dict, see, &all));
    assert_true(all.count == LEFT);
    free(all.seen);
    assert_ok(kin_dict_destroy(all.dict));
}

/* ---- while others change it ---- */

enum { STABLE = 3000, OTHERS = 30000, LONGEST = 100 };

/* A value is a pattern: a torn one would show. The first `STABLE` keys are there all the time. */
static kin_status change(kin_dict *dict, unsigned round)
{
    unsigned char value[LONGEST];
    uint64_t stable = round * UINT64_C(7919) % STABLE, other = STABLE + round * UINT64_C(104729) % OTHERS;
    kin_status status =
        kin_dict_set(dict, &stable, sizeof stable, value, write_pattern(value, 1 + round % (LONGEST - 1), round));
    if (status == KIN_OK && round / OTHERS % 2 == 0) {
        return kin_dict_set(dict, &other, sizeof other, value, write_pattern(value, 1 + round % (LONGEST - 1), round));
    }
    status = status == KIN_OK ? kin_dict_remove(dict, &other, sizeof other) : status;
    return status == KIN_E_NOT_FOUND ? KIN_OK : status;
}

static kin_status see_pattern(const void *key, size_t key_size, const void *value, size_t value_size, void *context)
{
    visited *it = context;
    uint64_t number = number_in(key, key_size);
    MUST(number < it->keys && it->seen[number]++ == 0);
    MUST(is_pattern(value, value_size));
    it->count += number < STABLE;
    return KIN_OK;
}

static kin_dict *new_stable_dict(void)
{
    unsigned char value[LONGEST];
    kin_dict *dict = new_dict(0);
    for (uint64_t key = 0; key < STABLE; key++) {
        assert_ok(kin_dict_set(dict, &key, sizeof key, value,
                               write_pattern(value, 1 + (size_t)key % (LONGEST - 1), (unsigned)key)));
    }
    return dict;
}

static void visit_often(kin_dict *dict, int64_t end)
{
    visited it = {.dict = dict, .seen = calloc(STABLE + OTHERS, 1), .keys = STABLE + OTHERS};
    int visits = 0;
    do {
        memset(it.seen, 0, STABLE + OTHERS);
        it.count = 0;
        assert_ok(kin_dict_for_each(dict, see_pattern, &it));
        assert_true(it.count == STABLE);
        visits++;
    } while (now_ns() < end);
    print_message("%d visits\n", visits);
    free(it.seen);
}

static int child_change(const kin_args *args)
{
    kin_dict *dict = given(args, "dict", KIN_TYPE_DICT);
    int64_t end = now_ns() + given_number(args, "time");
    for (unsigned round = 0; now_ns() < end; round++) {
        CHECK(change(dict, round) == KIN_OK);
    }
    return 0;
}

/* The table is split, merged and purged while it is visited. */
static void what_is_always_there_is_visited_once(void **state)
{
    (void)state;
    kin_dict *dict = new_stable_dict();
    kin_args *args = new_args();
    kin_process *children[2];
    give(args, "dict", KIN_TYPE_DICT, dict);
    give_number(args, "time", KIN_SECONDS(1));
    for (int i = 0; i < 2; i++) {
        children[i] = start_child("change", args);
    }
    visit_often(dict, now_ns() + KIN_SECONDS(1));
    for (int i = 0; i < 2; i++) {
        join_child(children[i], 0);
    }
    kin_args_destroy(args);
    assert_ok(kin_dict_destroy(dict));
}

static void change_in_a_thread(void *argument)
{
    for (unsigned round = 0; round < 2 * OTHERS / (SANITIZED ? 10 : 1); round++) {
        MUST(change(argument, round) == KIN_OK);
    }
}

static void the_same_between_threads(void **state)
{
    (void)state;
    kin_dict *dict = new_stable_dict();
    void *thread = begin_thread(change_in_a_thread, dict);
    visit_often(dict, now_ns() + KIN_MS(500));
    end_thread(thread);
    assert_ok(kin_dict_destroy(dict));
}

/* A writer that replaces one value all the time cannot keep a visit from its end. */
static int child_replace(const kin_args *args)
{
    kin_dict *dict = given(args, "dict", KIN_TYPE_DICT);
    int64_t end = now_ns() + given_number(args, "time");
    unsigned char value[LONGEST];
    uint64_t key = 0;
    for (unsigned round = 0; now_ns() < end; round++) {
        CHECK(kin_dict_set(dict, &key, sizeof key, value, write_pattern(value, 1 + round % (LONGEST - 1), round)) ==
              KIN_OK);
    }
    return 0;
}

static void one_key_that_changes_all_the_time(void **state)
{
    (void)state;
    kin_dict *dict = new_dict(0);
    kin_args *args = new_args();
    unsigned char value[LONGEST], seen[1] = {0};
    uint64_t key = 0;
    assert_ok(kin_dict_set(dict, &key, sizeof key, value, write_pattern(value, 5, 5)));
    give(args, "dict", KIN_TYPE_DICT, dict);
    give_number(args, "time", KIN_MS(500));
    kin_process *child = start_child("replace", args);
    for (int64_t end = now_ns() + KIN_MS(500); now_ns() < end;) {
        visited it = {.dict = dict, .seen = seen, .keys = 1};
        seen[0] = 0;
        assert_ok(kin_dict_for_each(dict, see_pattern, &it));
        assert_int_equal(it.count, 1);
    }
    join_child(child, 0);
    kin_args_destroy(args);
    assert_ok(kin_dict_destroy(dict));
}

static kin_status see_ascending(size_t index, const void *value, size_t size, void *context)
{
    visited *it = context;
    uint64_t number = number_in(value, size);
    (void)index;
    MUST(it->keys == 0 || number > it->count);
    it->count = number;
    it->keys++;
    return KIN_OK;
}

static int child_queue(const kin_args *args)
{
    kin_list *list = given(args, "list", KIN_TYPE_LIST);
    int64_t end = now_ns() + given_number(args, "time");
    for (uint64_t next = 20000; now_ns() < end; next++) {
        CHECK(kin_list_append(list, &next, sizeof next) == KIN_OK);
        CHECK(kin_list_pop(list, 0, NULL, 0, NULL) == KIN_OK);
    }
    return 0;
}

/* A list whose items come at one end and go at the other: what is visited is whole and in order. */
static void items_come_and_go(void **state)
{
    (void)state;
    kin_list *list = new_list(20000);
    kin_args *args = new_args();
    give(args, "list", KIN_TYPE_LIST, list);
    give_number(args, "time", KIN_MS(700));
    kin_process *child = start_child("queue", args);
    for (int64_t end = now_ns() + KIN_MS(700); now_ns() < end;) {
        visited it = {.list = list};
        assert_ok(kin_list_for_each(list, see_ascending, &it));
        assert_true(it.keys <= 20001);
    }
    join_child(child, 0);
    kin_args_destroy(args);
    assert_ok(kin_list_destroy(list));
}

/* ---- a death ---- */

static kin_status see_nothing(const void *key, size_t key_size, const void *value, size_t value_size, void *context)
{
    (void)key;
    (void)key_size;
    (void)value;
    (void)value_size;
    (void)context;
    return KIN_OK;
}

static kin_status see_no_item(size_t index, const void *value, size_t size, void *context)
{
    (void)index;
    (void)value;
    (void)size;
    (void)context;
    return KIN_OK;
}

static int child_visit(const kin_args *args)
{
    kin_dict *dict = given(args, "dict", KIN_TYPE_DICT);
    kin_list *list = given(args, "list", KIN_TYPE_LIST);
    for (;;) {
        CHECK(kin_dict_for_each(dict, see_nothing, NULL) == KIN_OK);
        CHECK(kin_list_for_each(list, see_no_item, NULL) == KIN_OK);
    }
}

static void killed_in_a_visit_it_leaves_nothing(void **state)
{
    (void)state;
    kin_dict *dict = new_dict(20000);
    kin_list *list = new_list(20000);
    kin_args *args = new_args();
    give(args, "dict", KIN_TYPE_DICT, dict);
    give(args, "list", KIN_TYPE_LIST, list);
    for (int round = 0; round < 10; round++) {
        uint64_t before = count_blocks(), key = 7;
        kin_process *child = start_child("visit", args);
        kin_sleep(KIN_MS(2) + KIN_US(777) * round);
        kill_child(child);
        assert_ok(kin_dict_set(dict, &key, sizeof key, &key, sizeof key));
        assert_ok(kin_list_set(list, 7, &key, sizeof key));
        assert_int_equal(count_blocks(), before);
    }
    kin_args_destroy(args);
    assert_ok(kin_dict_destroy(dict));
    assert_ok(kin_list_destroy(list));
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"change", child_change}, {"replace", child_replace}, {"queue", child_queue}, {"visit", child_visit}};
    limit_own_family();
    kin_child_main(entries, 4);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_is_visited_once),
        cmocka_unit_test(entries_are_of_any_size),
        cmocka_unit_test(visit_may_change_the_dict),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(each_item_is_visited_in_order),
        cmocka_unit_test(removed_items_are_left_out_and_added_ones_not_visited),
        cmocka_unit_test(a_segment_that_is_purged_is_not_believed),
        cmocka_unit_test(entries_of_two_segments_are_visited_once),
        cmocka_unit_test(what_is_always_there_is_visited_once),
        cmocka_unit_test(the_same_between_threads),
        cmocka_unit_test(one_key_that_changes_all_the_time),
        cmocka_unit_test(items_come_and_go),
        cmocka_unit_test(killed_in_a_visit_it_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
