#include "support.h"

#include "container/list_index.h"

#include <stdlib.h>

static kin_list *new_list(void)
{
    kin_list *list = NULL;
    assert_ok(kin_list_create(&list, NULL));
    return list;
}

static size_t size_of(kin_list *list)
{
    size_t count = 0;
    assert_ok(kin_list_size(list, &count));
    return count;
}

static int64_t number_at(kin_list *list, size_t index)
{
    int64_t number = -1;
    size_t size = 0;
    assert_ok(kin_list_get(list, index, &number, sizeof number, &size));
    assert_int_equal(size, sizeof number);
    return number;
}

static int64_t pop_number(kin_list *list, size_t index)
{
    int64_t number = -1;
    assert_ok(kin_list_pop(list, index, &number, sizeof number, NULL));
    return number;
}

static void insert_number(kin_list *list, size_t index, int64_t number)
{
    assert_ok(kin_list_insert(list, index, &number, sizeof number));
}

/* ---- alone ---- */

static void items_stand_where_they_were_put(void **state)
{
    (void)state;
    kin_list *list = new_list();
    char buffer[8];
    size_t size = 0;
    assert_status(kin_list_get(list, 0, buffer, 8, &size), KIN_E_NOT_FOUND);
    assert_status(kin_list_get(list, KIN_LIST_LAST, buffer, 8, &size), KIN_E_NOT_FOUND);
    assert_status(kin_list_pop(list, KIN_LIST_LAST, NULL, 0, NULL), KIN_E_NOT_FOUND);
    assert_status(kin_list_set(list, KIN_LIST_LAST, "", 0), KIN_E_NOT_FOUND);
    assert_ok(kin_list_append(list, "b", 1));
    assert_ok(kin_list_append(list, "dee", 3));
    assert_ok(kin_list_insert(list, 0, "", 0));
    assert_ok(kin_list_insert(list, 2, "cc", 2));
    assert_status(kin_list_insert(list, 5, "x", 1), KIN_E_NOT_FOUND);
    static const char *const expected[] = {"", "b", "cc", "dee"};
    for (size_t i = 0; i < 4; i++) {
        assert_ok(kin_list_get(list, i, buffer, 8, &size));
        assert_int_equal(size, strlen(expected[i]));
        assert_memory_equal(buffer, expected[i], size);
    }
    assert_ok(kin_list_set(list, KIN_LIST_LAST, "dd", 2));
    assert_status(kin_list_pop(list, 3, buffer, 1, &size), KIN_E_BUFFER);
    assert_int_equal(size, 2);
    assert_int_equal(size_of(list), 4);
    assert_ok(kin_list_pop(list, 3, buffer, 2, &size));
    assert_memory_equal(buffer, "dd", 2);
    assert_ok(kin_list_pop(list, 1, NULL, 0, NULL));
    assert_ok(kin_list_get(list, KIN_LIST_LAST, buffer, 8, &size));
    assert_memory_equal(buffer, "cc", 2);
    assert_int_equal(size_of(list), 2);
    assert_ok(kin_list_clear(list));
    assert_int_equal(size_of(list), 0);
    assert_ok(kin_list_append(list, "again", 5));
    assert_ok(kin_list_destroy(list));
}

static void compare_with(kin_list *list, const int64_t *model, size_t count)
{
    assert_int_equal(size_of(list), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(number_at(list, i), model[i]);
    }
}

typedef struct model { /* what must be in the list */
    int64_t *numbers;
    size_t count, most;
} model;

/* Puts a number into both, or takes one out of both. */
static void change_both(kin_list *list, model *it, size_t at, int filling, int64_t number)
{
    if (rand() % 4 == 0 && at < it->count) {
        assert_ok(kin_list_set(list, at, &number, sizeof number));
        it->numbers[at] = number;
    } else if (it->count < it->most && (filling ? rand() % 4 != 0 : rand() % 4 == 0)) {
        insert_number(list, at, number);
        memmove(&it->numbers[at + 1], &it->numbers[at], (it->count++ - at) * sizeof number);
        it->numbers[at] = number;
    } else if (it->count > 0) {
        at = at == it->count ? it->count - 1 : at;
        assert_int_equal(pop_number(list, at), it->numbers[at]);
        memmove(&it->numbers[at], &it->numbers[at + 1], (--it->count - at) * sizeof number);
    }
}

/* Whatever is done, a plain array to which the same is done has the same in it. */
static void it_does_what_an_array_does(void **state)
{
    (void)state;
    static int64_t numbers[300];
    model it = {numbers, 0, 300};
    kin_list *list = new_list();
    uint64_t before = count_blocks();
    srand(3);
    for (int64_t i = 0; i < 40000; i++) {
        size_t at = rand() % 2 ? 0 : rand() % 2 ? it.count : (size_t)rand() % (it.count + 1);
        change_both(list, &it, at, i / 3000 % 2 == 0, i);
        if (i % 100 == 0) {
            compare_with(list, numbers, it.count);
        }
        assert_true(i % 1000 != 0 || count_blocks() <= before + it.count + 1);
    }
    compare_with(list, numbers, it.count);
    assert_ok(kin_list_destroy(list));
    assert_int_equal(count_blocks(), before - 1);
}

/* The blocks of the index of so many items, at most: of its segments, one at each end may be nearly empty. */
static uint64_t blocks_of_index(size_t count)
{
    return 3 + count / KIN__INDEX_SEGMENT;
}

static void change_many(kin_list *list, model *it, int side, int filling, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        size_t at = rand() % 500 == 0 ? (size_t)rand() % (it->count + 1) : side == 0 ? 0 : it->count;
        change_both(list, it, at, filling, (int64_t)i);
    }
}

/* The same for a list of several segments, which grows and shrinks at either end, and through the middle. */
static void a_long_one_does_so_too(void **state)
{
    (void)state;
    enum { MOST = 36000 };
    static int64_t numbers[MOST];
    static const int phases[][3] = {/* side, filling, thousands of changes (under a sanitizer: quarters of them) */
                                    {1, 1, 20}, {0, 1, 40}, {1, 0, 20}, {0, 0, 30}, {0, 1, 50}, {1, 0, 50},
                                    {1, 1, 60}, {0, 0, 12}, {1, 1, 20}, {0, 0, 40}, {0, 1, 8},  {0, 0, 30}};
    model it = {numbers, 0, MOST};
    kin_list *list = new_list();
    uint64_t before = count_blocks();
    srand(5);
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        for (int k = 0; k < phases[i][2]; k++) {
            change_many(list, &it, phases[i][0], phases[i][1], SANITIZED ? 250 : 1000);
            assert_true(count_blocks() <= before + it.count + blocks_of_index(it.count));
        }
        compare_with(list, numbers, it.count);
    }
    assert_ok(kin_list_destroy(list));
    assert_int_equal(count_blocks(), before - 1);
}

static void it_grows_shrinks_and_leaves_nothing(void **state)
{
    (void)state;
    const int64_t many = 100000;
    uint64_t before = count_blocks(), blocks, bytes;
    kin_list *list = new_list();
    for (int64_t i = 0; i < many; i++) {
        insert_number(list, KIN_LIST_LAST, i);
    }
    for (int64_t i = 1; i <= 1000; i++) {
        insert_number(list, 0, -i);
    }
    assert_int_equal(size_of(list), many + 1000);
    assert_in_range(count_blocks(), before + (uint64_t)many + 1002, before + (uint64_t)many + 1002 + 14);
    for (int64_t i = 0; i < many + 1000; i++) {
        assert_int_equal(number_at(list, (size_t)i), i - 1000);
    }
    for (int64_t i = -1000; i < many / 2; i++) {
        assert_int_equal(pop_number(list, 0), i);
    }
    for (int64_t i = many - 1; i >= many / 2 + 10; i--) {
        assert_int_equal(pop_number(list, KIN_LIST_LAST), i);
    }
    assert_int_equal(size_of(list), 10);
    assert_ok(kin_alloc_total(NULL, &blocks, &bytes));
    assert_int_equal(blocks, before + 12);
    assert_true(bytes < 1 << 20);
    assert_ok(kin_list_destroy(list));
    assert_int_equal(count_blocks(), before);
}

static _Atomic uint64_t *root_of(kin_list *list)
{
    return &((kin__container *)list)->root;
}

/* Where another index takes the place of a list's, that of a long list is a small part of what the list has. So no
 * append takes longer than all others. */
static void no_append_copies_a_long_index(void **state)
{
    (void)state;
    const int64_t many = 30 * (int64_t)KIN__INDEX_SEGMENT;
    kin_list *list = new_list();
    uint64_t root = 0;
    int changes = 0;
    for (int64_t i = 0; i < many; i++) {
        insert_number(list, i % 2 ? 0 : KIN_LIST_LAST, i);
        if (atomic_load(root_of(list)) != root) {
            size_t size = 0;
            root = atomic_load(root_of(list));
            assert_ok(kin_alloc_size(kin__pointer(kin__family_at(list), kin__block_offset(root)), &size));
            assert_in_range(size, 0, sizeof(kin__index) + KIN__INDEX_WHOLE * sizeof(uint64_t));
            changes++;
        }
    }
    assert_in_range(changes, 10, 40);
    assert_ok(kin_list_destroy(list));
}

/* What goes in at the end comes out at the beginning: the index does not grow with what has passed through. */
static void as_a_queue_it_stays_small(void **state)
{
    (void)state;
    kin_list *list = new_list();
    uint64_t blocks, before, after;
    for (int64_t i = 0; i < 50; i++) {
        insert_number(list, KIN_LIST_LAST, i);
    }
    assert_ok(kin_alloc_total(NULL, &blocks, &before));
    for (int64_t i = 50; i < 10000; i++) {
        insert_number(list, KIN_LIST_LAST, i);
        assert_int_equal(pop_number(list, 0), i - 50);
    }
    assert_ok(kin_alloc_total(NULL, &blocks, &after));
    assert_true(after < before + 2000);
    assert_ok(kin_list_destroy(list));
}

static void slices_are_those_of_one_moment(void **state)
{
    (void)state;
    static const size_t ranges[][3] = {/* first, count, what comes */
                                       {0, SIZE_MAX, 20},
                                       {5, 3, 3},
                                       {18, 5, 2},
                                       {20, 1, 0},
                                       {SIZE_MAX, SIZE_MAX, 0}};
    kin_list *list = new_list();
    kin_snapshot *items = NULL;
    kin_snapshot_item item;
    int64_t number = 0;
    assert_ok(kin_list_snapshot(&items, list, 0, SIZE_MAX));
    assert_int_equal(kin_snapshot_count(items), 0);
    kin_snapshot_destroy(items);
    for (int64_t i = 0; i < 20; i++) {
        insert_number(list, KIN_LIST_LAST, i);
    }
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        assert_ok(kin_list_snapshot(&items, list, ranges[i][0], ranges[i][1]));
        assert_int_equal(kin_snapshot_count(items), ranges[i][2]);
        for (size_t k = 0; k < ranges[i][2]; k++) {
            assert_true(kin_snapshot_next(items, &item));
            assert_null(item.key);
            assert_int_equal(item.value_size, sizeof number);
            memcpy(&number, item.value, sizeof number);
            assert_int_equal(number, ranges[i][0] + k);
        }
        assert_false(kin_snapshot_next(items, &item));
        kin_snapshot_destroy(items);
    }
    assert_ok(kin_list_destroy(list));
}

static void what_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    kin_list *list = new_list();
    static char byte;
    insert_number(list, 0, 7);
    uint64_t before = count_blocks();
    assert_status(kin_list_append(list, &byte, (size_t)1 << 30), KIN_E_NO_MEMORY);
    assert_status(kin_list_set(list, 0, &byte, (size_t)1 << 30), KIN_E_NO_MEMORY);
    if (SIZE_MAX > UINT32_MAX) {
        assert_status(kin_list_insert(list, 0, &byte, (size_t)UINT32_MAX + 1), KIN_E_TOO_BIG);
    }
    assert_int_equal(count_blocks(), before);
    assert_int_equal(size_of(list), 1);
    assert_int_equal(number_at(list, 0), 7);
    assert_ok(kin_list_destroy(list));
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_list *list = new_list(), *gone = new_list();
    kin_dict *dict = NULL;
    kin_snapshot *items = NULL;
    kin_ref ref;
    void *found = NULL;
    char buffer[8];
    size_t size;
    assert_ok(kin_dict_create(&dict, NULL));
    assert_status(kin_list_create(NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_list_append(NULL, "a", 1), KIN_E_ARGUMENT);
    assert_status(kin_list_append(list, NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_list_insert(list, 0, NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_list_set(list, 0, NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_list_get(list, 0, NULL, 1, NULL), KIN_E_ARGUMENT);
    assert_status(kin_list_pop(list, 0, NULL, 1, NULL), KIN_E_ARGUMENT);
    assert_status(kin_list_size(list, NULL), KIN_E_ARGUMENT);
    assert_status(kin_list_size(NULL, &size), KIN_E_ARGUMENT);
    assert_status(kin_list_clear(NULL), KIN_E_ARGUMENT);
    assert_status(kin_list_snapshot(NULL, list, 0, 1), KIN_E_ARGUMENT);
    assert_status(kin_list_get((kin_list *)dict, 0, buffer, 8, NULL), KIN_E_TYPE);
    assert_status(kin_list_append((kin_list *)dict, "a", 1), KIN_E_TYPE);
    assert_status(kin_list_snapshot(&items, (kin_list *)dict, 0, 1), KIN_E_TYPE);
    assert_status(kin_dict_set((kin_dict *)list, "a", 1, "a", 1), KIN_E_TYPE);
    assert_status(kin_list_append((kin_list *)(void *)&ref, "a", 1), KIN_E_NOT_SHARED);
    assert_ok(kin_ref_of(&ref, KIN_TYPE_LIST, gone));
    assert_ok(kin_ref_get(&found, KIN_TYPE_LIST, ref));
    assert_ptr_equal(found, gone);
    assert_ok(kin_list_destroy(gone));
    assert_status(kin_ref_get(&found, KIN_TYPE_LIST, ref), KIN_E_STALE);
    assert_status(kin_list_append(gone, "a", 1), KIN_E_TYPE);
    assert_ok(kin_list_destroy(NULL));
    assert_ok(kin_list_destroy(list));
    assert_ok(kin_dict_destroy(dict));
}

/* ---- several processes ---- */

#define LARGEST 2000u

/* What a get or a pop answered; size: the argument is evaluated before the call, what it points to after it. */
static int sound(kin_status status, const unsigned char *bytes, const size_t *size)
{
    return status == KIN_E_NOT_FOUND || (status == KIN_OK && is_pattern(bytes, *size));
}

/* Up to about 50 items, with all that can be done to them. */
static int use_once(kin_list *list)
{
    unsigned char bytes[LARGEST];
    size_t count = 0, size = 0;
    CHECK(kin_list_size(list, &count) == KIN_OK);
    size_t at = rand() % 3 == 0 ? 0 : rand() % 3 == 0 ? KIN_LIST_LAST : (size_t)rand() % (count + 1);
    size_t length = 1 + (size_t)rand() % (rand() % 4 == 0 ? LARGEST : 100);
    kin_status status = KIN_OK;
    int what = rand() % 10;
    if (what < 4) {
        CHECK(sound(kin_list_get(list, at, bytes, sizeof bytes, &size), bytes, &size));
    } else if (what < 5) {
        status = kin_list_set(list, at, bytes, write_pattern(bytes, length, (unsigned)rand()));
        CHECK(status == KIN_OK || status == KIN_E_NOT_FOUND);
    } else if ((size_t)rand() % 100 >= count) {
        status = kin_list_insert(list, at, bytes, write_pattern(bytes, length, (unsigned)rand()));
        CHECK(status == KIN_OK || status == KIN_E_NOT_FOUND);
    } else if (rand() % 1000 == 0) {
        CHECK(kin_list_clear(list) == KIN_OK);
    } else {
        CHECK(sound(kin_list_pop(list, at, bytes, sizeof bytes, &size), bytes, &size));
    }
    return 0;
}

static int child_use(const kin_args *args)
{
    kin_list *list = given(args, "list", KIN_TYPE_LIST);
    int64_t times = given_number(args, "times");
    CHECK(list);
    srand((unsigned)given_number(args, "seed"));
    int64_t end = now_ns() + PATIENCE; /* where the test is at its end before it kills this */
    for (int64_t i = 0; i < times && now_ns() < end; i++) {
        CHECK(use_once(list) == 0);
    }
    return 0;
}

static kin_process *start_user(kin_list *list, const char *entry, int64_t times, int64_t seed)
{
    kin_args *args = new_args();
    give(args, "list", KIN_TYPE_LIST, list);
    give_number(args, "times", times);
    give_number(args, "seed", seed);
    kin_process *process = start_child(entry, args);
    kin_args_destroy(args);
    return process;
}

/* All that is in it makes sense, and there is no block in the family that is not accounted for. */
static void check_whole(kin_list *list, uint64_t before)
{
    kin_snapshot *items = NULL;
    kin_snapshot_item item;
    size_t count = size_of(list), seen = 0;
    assert_ok(kin_list_snapshot(&items, list, 0, SIZE_MAX));
    for (; kin_snapshot_next(items, &item); seen++) {
        assert_true(is_pattern(item.value, item.value_size));
    }
    assert_int_equal(seen, count);
    kin_snapshot_destroy(items);
    assert_in_range(count_blocks(), before + count, before + count + blocks_of_index(count));
}

static void nothing_is_torn_between_processes(void **state)
{
    (void)state;
    kin_list *list = new_list();
    uint64_t before = count_blocks();
    kin_process *users[4];
    for (int i = 0; i < 4; i++) {
        users[i] = start_user(list, "use", 30000, i);
    }
    for (int i = 0; i < 4; i++) {
        join_child(users[i], 0);
    }
    check_whole(list, before);
    assert_ok(kin_list_destroy(list));
}

#define TIMES 2000 /* a number stands in its item: so many bytes take a moment to copy */

/* The list has numbers, each one more than the one before. A reader never sees anything else. */
static int child_pass_through(const kin_args *args)
{
    kin_list *list = given(args, "list", KIN_TYPE_LIST);
    int64_t item[TIMES];
    for (int64_t i = 0, times = given_number(args, "times"); i < times; i++) {
        for (int k = 0; k < TIMES; k++) {
            item[k] = i;
        }
        CHECK(i < 3 ||
              kin_list_pop(list, 0, NULL, 0, NULL) == KIN_OK); /* the next takes its place in memory, at once */
        CHECK(kin_list_append(list, item, sizeof item) == KIN_OK);
    }
    return 0;
}

/* The number in the item; 0 if the list is still empty. */
static int64_t number_in(kin_list *list, size_t index)
{
    int64_t item[TIMES] = {0};
    kin_status status = kin_list_get(list, index, item, sizeof item, NULL);
    assert_true(status == KIN_OK || status == KIN_E_NOT_FOUND);
    for (int k = 1; k < TIMES; k++) {
        assert_true(item[k] == item[0]);
    }
    return item[0];
}

static void who_reads_sees_the_list_of_some_moment(void **state)
{
    (void)state;
    const int64_t times = 50000;
    kin_list *list = new_list();
    int64_t first = 0, last = 0, looks = 0;
    kin_process *writer = start_user(list, "pass_through", times, 0);
    while (last != times - 1) {
        int64_t now_first = number_in(list, 0), now_last = number_in(list, KIN_LIST_LAST);
        assert_true(first <= now_first && now_first <= now_last && last <= now_last);
        first = now_first;
        last = now_last;
        looks++;
    }
    join_child(writer, 0);
    print_message("%d looks\n", (int)looks);
    assert_ok(kin_list_destroy(list));
}

static int child_take(const kin_args *args)
{
    kin_list *list = given(args, "list", KIN_TYPE_LIST), *taken = given(args, "taken", KIN_TYPE_LIST);
    int64_t number;
    size_t left = 1;
    while (left > 0) {
        kin_status status = kin_list_pop(list, left / 2, &number, sizeof number, NULL);
        CHECK(status == KIN_E_NOT_FOUND ||
              (status == KIN_OK && kin_list_append(taken, &number, sizeof number) == KIN_OK));
        CHECK(kin_list_size(list, &left) == KIN_OK);
    }
    return 0;
}

/* Each comes out once, however many take. */
static void every_item_is_taken_once(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    static char seen[MANY];
    kin_list *list = new_list(), *taken = new_list();
    kin_process *users[3];
    kin_args *args = new_args();
    for (int64_t i = 0; i < MANY; i++) {
        insert_number(list, KIN_LIST_LAST, i);
    }
    give(args, "list", KIN_TYPE_LIST, list);
    give(args, "taken", KIN_TYPE_LIST, taken);
    for (int i = 0; i < 3; i++) {
        users[i] = start_child("take", args);
    }
    for (int i = 0; i < 3; i++) {
        join_child(users[i], 0);
    }
    kin_args_destroy(args);
    assert_int_equal(size_of(list), 0);
    assert_int_equal(size_of(taken), MANY);
    for (size_t i = 0; i < MANY; i++) {
        int64_t number = number_at(taken, i);
        assert_true(number >= 0 && number < MANY && !seen[number]);
        seen[number] = 1;
    }
    assert_ok(kin_list_destroy(list));
    assert_ok(kin_list_destroy(taken));
}

/* Processes change the list, and are killed and replaced. */
static void kill_users(kin_list *list, const char *entry, int64_t duration)
{
    kin_process *users[3];
    int64_t seed = 100;
    for (int i = 0; i < 3; i++) {
        users[i] = start_user(list, entry, INT64_MAX, seed++);
    }
    int64_t end = now_ns() + duration;
    srand(7);
    while (now_ns() < end) {
        int victim = rand() % 3;
        int64_t until = now_ns() + KIN_US(rand() % 3000);
        while (now_ns() < until) {
            unsigned char bytes[LARGEST];
            size_t size = 0;
            assert_true(sound(kin_list_get(list, (size_t)rand() % 50, bytes, sizeof bytes, &size), bytes, &size));
        }
        kill_child(users[victim]);
        users[victim] = start_user(list, entry, INT64_MAX, seed++);
    }
    for (int i = 0; i < 3; i++) {
        kill_child(users[i]);
    }
    print_message("%d killed\n", (int)seed - 100);
    assert_ok(kin_family_reap(NULL, NULL));
}

static void killed_at_random_it_stays_whole(void **state)
{
    (void)state;
    kin_list *list = new_list();
    uint64_t before = count_blocks();
    kill_users(list, "change", KIN_SECONDS(4));
    check_whole(list, before);
    assert_ok(kin_list_destroy(list));
    assert_int_equal(count_blocks(), before - 1);
}

#define ABOUT (KIN__INDEX_SEGMENT + 5) /* so many items: each few changes, a segment begins or ends */

static void a_long_one_killed_at_random_stays_whole(void **state)
{
    (void)state;
    kin_list *list = new_list();
    uint64_t before = count_blocks();
    unsigned char bytes[20];
    for (unsigned i = 0; i < ABOUT; i++) {
        assert_ok(kin_list_append(list, bytes, write_pattern(bytes, sizeof bytes, i)));
    }
    kill_users(list, "change_ends", KIN_SECONDS(4));
    check_whole(list, before);
    assert_ok(kin_list_destroy(list));
    assert_int_equal(count_blocks(), before - 1);
}

static int child_change_ends(const kin_args *args)
{
    kin_list *list = given(args, "list", KIN_TYPE_LIST);
    unsigned char bytes[20];
    write_pattern(bytes, sizeof bytes, 1);
    srand((unsigned)given_number(args, "seed"));
    int64_t end = now_ns() + PATIENCE; /* where the test is at its end before it kills this */
    while (now_ns() < end) {
        size_t count = 0;
        CHECK(kin_list_size(list, &count) == KIN_OK);
        size_t at = rand() % 50 == 0 ? (size_t)rand() % count : rand() % 2 ? 0 : KIN_LIST_LAST;
        int more = rand() % 20 >= (count > ABOUT ? 14 : 6);
        kin_status status =
            more ? kin_list_insert(list, at, bytes, sizeof bytes) : kin_list_pop(list, at, NULL, 0, NULL);
        CHECK(status == KIN_OK || status == KIN_E_NOT_FOUND);
    }
    return 0;
}

/* Nothing but changes, so that it is killed in the middle of one. */
static int child_change(const kin_args *args)
{
    static unsigned char values[16][LARGEST];
    kin_list *list = given(args, "list", KIN_TYPE_LIST);
    unsigned number = (unsigned)given_number(args, "seed") * 12345;
    for (unsigned i = 0; i < 16; i++) {
        write_pattern(values[i], LARGEST, i);
    }
    int64_t end = now_ns() + PATIENCE; /* where the test is at its end before it kills this */
    while (now_ns() < end) {
        number = number * 1103515245 + 12345;
        unsigned pick = number >> 16;
        size_t size = pick % 64 == 1 ? LARGEST : 1 + pick % 100, at = pick / 8 % 64;
        kin_status status = KIN_OK;
        switch (pick % 8) {
        case 0:
            status = kin_list_set(list, at, values[at % 16], size);
            break;
        case 1:
            status = pick % 16384 == 1 ? kin_list_clear(list) : KIN_OK;
            break;
        case 2:
            status = kin_list_append(list, values[at % 16], size);
            break;
        case 3:
        case 4:
            status = kin_list_insert(list, at & 32 ? 0 : at, values[at % 16], size);
            break;
        default:
            status = kin_list_pop(list, at & 32 ? at : at & 16 ? KIN_LIST_LAST : 0, NULL, 0, NULL);
        }
        CHECK(status == KIN_OK || status == KIN_E_NOT_FOUND);
    }
    return 0;
}

int main(void)
{
    static const kin_child_entry entries[] = {{"use", child_use},
                                              {"pass_through", child_pass_through},
                                              {"take", child_take},
                                              {"change", child_change},
                                              {"change_ends", child_change_ends}};
    limit_own_family();
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_stand_where_they_were_put),
        cmocka_unit_test(it_does_what_an_array_does),
        cmocka_unit_test(a_long_one_does_so_too),
        cmocka_unit_test(it_grows_shrinks_and_leaves_nothing),
        cmocka_unit_test(no_append_copies_a_long_index),
        cmocka_unit_test(as_a_queue_it_stays_small),
        cmocka_unit_test(slices_are_those_of_one_moment),
        cmocka_unit_test(what_does_not_fit_changes_nothing),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(nothing_is_torn_between_processes),
        cmocka_unit_test(who_reads_sees_the_list_of_some_moment),
        cmocka_unit_test(every_item_is_taken_once),
        cmocka_unit_test(killed_at_random_it_stays_whole),
        cmocka_unit_test(a_long_one_killed_at_random_stays_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
