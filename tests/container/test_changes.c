/* A dict and a list count their changes, and are waited for. */
#include "support.h"

#include <stdlib.h>

static uint64_t generation_of(const kin_dict *dict)
{
    uint64_t generation = 0;
    assert_ok(kin_dict_generation(dict, &generation));
    return generation;
}

static uint64_t generation_of_list(const kin_list *list)
{
    uint64_t generation = 0;
    assert_ok(kin_list_generation(list, &generation));
    return generation;
}

static kin_status nothing(void *value, size_t *size, size_t room, void *context)
{
    (void)value;
    (void)size;
    (void)room;
    return *(kin_status *)context;
}

/* Each call in a line of its own: by how much it has changed the generation. */
#define COUNTS(dict, call, changes)                                                                                    \
    do {                                                                                                               \
        uint64_t before = generation_of(dict);                                                                         \
        assert_true((call) > -1000);                                                                                   \
        assert_int_equal(generation_of(dict) - before, changes);                                                       \
    } while (0)

static void each_change_of_a_dict_counts(void **state)
{
    (void)state;
    kin_dict *dict = NULL;
    kin_status result = KIN_OK;
    int done = 0;
    size_t size = 0;
    char value[8];
    kin_snapshot *items = NULL;
    assert_ok(kin_dict_create(&dict, NULL));
    assert_int_equal(generation_of(dict), 0);
    COUNTS(dict, kin_dict_set(dict, "a", 1, "1", 1), 1);
    COUNTS(dict, kin_dict_set(dict, "a", 1, "1", 1), 1);
    COUNTS(dict, kin_dict_set_if_absent(dict, "a", 1, "2", 1), 0);
    COUNTS(dict, kin_dict_set_if_absent(dict, "b", 1, "2", 1), 1);
    COUNTS(dict, kin_dict_compare_and_set(dict, "b", 1, "3", 1, "4", 1, &done), 0);
    COUNTS(dict, kin_dict_compare_and_set(dict, "b", 1, "2", 1, "4", 1, &done), 1);
    COUNTS(dict, kin_dict_compare_and_set(dict, "b", 1, "4", 1, NULL, 0, &done), 1);
    COUNTS(dict, kin_dict_update(dict, "a", 1, 0, nothing, &result), 1);
    COUNTS(dict, kin_dict_update(dict, "b", 1, 0, nothing, &result), 0);
    COUNTS(dict, kin_dict_update_or_insert(dict, "b", 1, 4, nothing, &result), 1);
    result = KIN_E_CANCELLED;
    COUNTS(dict, kin_dict_update(dict, "a", 1, 0, nothing, &result), 0);
    COUNTS(dict, kin_dict_add_i64(dict, "n", 1, NULL), 1);
    COUNTS(dict, kin_dict_get(dict, "a", 1, value, sizeof value, NULL), 0);
    COUNTS(dict, kin_dict_size(dict, &size), 0);
    COUNTS(dict, kin_dict_snapshot(&items, dict), 0);
    COUNTS(dict, kin_dict_pop(dict, "a", 1, value, sizeof value, NULL), 1);
    COUNTS(dict, kin_dict_pop(dict, "a", 1, value, sizeof value, NULL), 0);
    COUNTS(dict, kin_dict_remove(dict, "b", 1), 1);
    COUNTS(dict, kin_dict_remove(dict, "b", 1), 0);
    COUNTS(dict, kin_dict_clear(dict), 1);
    kin_snapshot_destroy(items);
    for (int i = 0; i < 20000; i++) { /* the table's own changes do not count */
        COUNTS(dict, kin_dict_set(dict, &i, sizeof i, &i, sizeof i), 1);
    }
    for (int i = 0; i < 20000; i++) {
        COUNTS(dict, kin_dict_remove(dict, &i, sizeof i), 1);
    }
    assert_ok(kin_dict_destroy(dict));
}

#define COUNTS_IN_LIST(list, call, changes)                                                                            \
    do {                                                                                                               \
        uint64_t before = generation_of_list(list);                                                                    \
        assert_true((call) > -1000);                                                                                   \
        assert_int_equal(generation_of_list(list) - before, changes);                                                  \
    } while (0)

static void each_change_of_a_list_counts(void **state)
{
    (void)state;
    kin_list *list = NULL;
    char value[8];
    size_t size = 0;
    assert_ok(kin_list_create(&list, NULL));
    assert_int_equal(generation_of_list(list), 0);
    COUNTS_IN_LIST(list, kin_list_append(list, "1", 1), 1);
    COUNTS_IN_LIST(list, kin_list_insert(list, 0, "0", 1), 1);
    COUNTS_IN_LIST(list, kin_list_insert(list, 7, "0", 1), 0);
    COUNTS_IN_LIST(list, kin_list_set(list, 0, "x", 1), 1);
    COUNTS_IN_LIST(list, kin_list_set(list, 7, "x", 1), 0);
    COUNTS_IN_LIST(list, kin_list_get(list, 0, value, sizeof value, NULL), 0);
    COUNTS_IN_LIST(list, kin_list_size(list, &size), 0);
    COUNTS_IN_LIST(list, kin_list_pop(list, 0, value, sizeof value, NULL), 1);
    COUNTS_IN_LIST(list, kin_list_pop(list, 7, value, sizeof value, NULL), 0);
    COUNTS_IN_LIST(list, kin_list_clear(list), 1);
    for (int i = 0; i < 20000; i++) { /* the index's own changes do not count */
        COUNTS_IN_LIST(list, kin_list_append(list, &i, sizeof i), 1);
    }
    for (int i = 0; i < 20000; i++) {
        COUNTS_IN_LIST(list, kin_list_pop(list, i % 2 ? 0 : KIN_LIST_LAST, NULL, 0, NULL), 1);
    }
    assert_ok(kin_list_destroy(list));
}

static void a_wait_ends_at_once_or_in_time(void **state)
{
    (void)state;
    kin_dict *dict = NULL;
    kin_list *list = NULL;
    uint64_t generation = 0;
    assert_ok(kin_dict_create(&dict, NULL));
    assert_ok(kin_list_create(&list, NULL));
    assert_status(kin_dict_wait(dict, 0, KIN_NOW), KIN_E_TIMED_OUT);
    assert_status(kin_list_wait(list, 0, KIN_NOW), KIN_E_TIMED_OUT);
    int64_t began = now_ns();
    assert_status(kin_dict_wait(dict, 0, KIN_MS(30)), KIN_E_TIMED_OUT);
    assert_status(kin_list_wait(list, 0, KIN_MS(30)), KIN_E_TIMED_OUT);
    assert_true(now_ns() - began >= KIN_MS(60));
    assert_ok(kin_dict_wait(dict, 7, KIN_FOREVER)); /* any other number, also a later one */
    assert_ok(kin_dict_set(dict, "k", 1, "", 0));
    assert_ok(kin_dict_wait(dict, 0, KIN_FOREVER));
    assert_ok(kin_list_append(list, "", 0));
    assert_ok(kin_list_wait(list, 0, KIN_FOREVER));
    assert_status(kin_dict_wait(dict, 1, -1), KIN_E_ARGUMENT);
    assert_status(kin_list_wait(list, 1, -1), KIN_E_ARGUMENT);
    assert_status(kin_dict_wait(NULL, 1, 0), KIN_E_ARGUMENT);
    assert_status(kin_dict_generation(dict, NULL), KIN_E_ARGUMENT);
    assert_status(kin_dict_generation(NULL, &generation), KIN_E_ARGUMENT);
    assert_status(kin_list_generation((kin_list *)(void *)dict, &generation), KIN_E_TYPE);
    assert_ok(kin_dict_destroy(dict));
    assert_ok(kin_list_destroy(list));
}

/* ---- several processes ---- */

/* Adds to the number of its own key when the other's is as high. */
static kin_status take_turns(kin_dict *dict, const char *mine, const char *others, int64_t times, int64_t lead)
{
    kin_status status = KIN_OK;
    for (int64_t i = 0; i < times && status == KIN_OK; i++) {
        for (;;) {
            uint64_t generation = 0;
            int64_t there = 0;
            status = kin_dict_generation(dict, &generation);
            status = status == KIN_OK ? kin_dict_get_i64(dict, others, &there) : status;
            if (status != KIN_OK || there >= i + lead) {
                break;
            }
            status = kin_dict_wait(dict, generation, PATIENCE);
            if (status != KIN_OK) {
                return status;
            }
        }
        status = status == KIN_OK ? kin_dict_add_i64(dict, mine, 1, NULL) : status;
    }
    return status;
}

static int child_take_turns(const kin_args *args)
{
    kin_dict *dict = given(args, "dict", KIN_TYPE_DICT);
    CHECK(take_turns(dict, "b", "a", given_number(args, "times"), 1) == KIN_OK);
    return 0;
}

static kin_dict *new_dict_of_two(void)
{
    kin_dict *dict = NULL;
    assert_ok(kin_dict_create(&dict, NULL));
    assert_ok(kin_dict_set_i64(dict, "a", 0));
    assert_ok(kin_dict_set_i64(dict, "b", 0));
    return dict;
}

/* A lost wake-up would cost a slice, or, without slices, hang. */
static void two_processes_take_turns(void **state)
{
    (void)state;
    enum { TURNS = 2000 };
    kin_dict *dict = new_dict_of_two();
    kin_args *args = new_args();
    give(args, "dict", KIN_TYPE_DICT, dict);
    give_number(args, "times", TURNS);
    kin_process *child = start_child("take_turns", args);
    assert_ok(take_turns(dict, "a", "b", TURNS, 0));
    join_child(child, 0);
    kin_args_destroy(args);
    assert_ok(kin_dict_destroy(dict));
}

static void take_turns_in_a_thread(void *argument)
{
    MUST(take_turns(argument, "b", "a", 1000, 1) == KIN_OK);
}

static void two_threads_take_turns(void **state)
{
    (void)state;
    kin_dict *dict = new_dict_of_two();
    void *thread = begin_thread(take_turns_in_a_thread, dict);
    assert_ok(take_turns(dict, "a", "b", 1000, 0));
    end_thread(thread);
    assert_ok(kin_dict_destroy(dict));
}

static int child_watch(const kin_args *args)
{
    kin_list *list = given(args, "list", KIN_TYPE_LIST);
    size_t count = 0;
    while (count < (size_t)given_number(args, "times")) {
        uint64_t generation = 0;
        CHECK(kin_list_generation(list, &generation) == KIN_OK);
        CHECK(kin_list_size(list, &count) == KIN_OK);
        if (count < (size_t)given_number(args, "times")) {
            CHECK(kin_list_wait(list, generation, PATIENCE) == KIN_OK);
        }
    }
    return 0;
}

/* One change wakes all; and each sees the last one. */
static void all_waiters_are_woken(void **state)
{
    (void)state;
    enum { WATCHERS = 4, ITEMS = 3000 };
    kin_list *list = NULL;
    kin_args *args = new_args();
    kin_process *watchers[WATCHERS];
    assert_ok(kin_list_create(&list, NULL));
    give(args, "list", KIN_TYPE_LIST, list);
    give_number(args, "times", ITEMS);
    for (int i = 0; i < WATCHERS; i++) {
        watchers[i] = start_child("watch", args);
    }
    for (int i = 0; i < ITEMS; i++) {
        assert_ok(kin_list_append(list, &i, sizeof i));
        if (i % 300 == 299 && i < ITEMS - 1) {
            await_asleep(list, 256, WATCHERS);
        }
    }
    for (int i = 0; i < WATCHERS; i++) {
        join_child(watchers[i], 0);
    }
    kin_args_destroy(args);
    assert_ok(kin_list_destroy(list));
}

/* ---- deaths ---- */

static kin_status die(void *value, size_t *size, size_t room, void *context)
{
    kin_sem *sem = context;
    (void)value;
    (void)size;
    (void)room;
    kin_sem_release(sem, 1);
    kin_sleep(PATIENCE);
    return KIN_OK;
}

static int child_die_in_update(const kin_args *args)
{
    kin_dict *dict = given(args, "dict", KIN_TYPE_DICT);
    kin_sem *sem = given(args, "sem", KIN_TYPE_SEM);
    kin_dict_update(dict, "a", 1, 0, die, sem);
    return 1;
}

typedef struct waiter {
    kin_dict *dict;
    kin_status status;
    int64_t took;
} waiter;

static void wait_in_a_thread(void *argument)
{
    waiter *it = argument;
    int64_t began = now_ns();
    uint64_t generation = 0;
    MUST(kin_dict_generation(it->dict, &generation) == KIN_OK);
    it->status = kin_dict_wait(it->dict, generation, PATIENCE);
    it->took = now_ns() - began;
}

/* A process is killed with the lock. It may have changed something, so the wait ends. */
static void a_writers_death_ends_the_wait(void **state)
{
    (void)state;
    kin_dict *dict = new_dict_of_two();
    kin_sem *sem = NULL;
    kin_args *args = new_args();
    waiter it = {.dict = dict};
    assert_ok(kin_sem_create(&sem, NULL, 0, 0));
    give(args, "dict", KIN_TYPE_DICT, dict);
    give(args, "sem", KIN_TYPE_SEM, sem);
    void *thread = begin_thread(wait_in_a_thread, &it);
    await_asleep(dict, 256, 1);
    kin_process *child = start_child("die_in_update", args);
    assert_ok(kin_sem_acquire(sem, 1, PATIENCE));
    kill_unseen(child);
    end_thread(thread);
    forget_child(child);
    assert_status(it.status, KIN_OK);
    assert_true(it.took < KIN_SECONDS(5));
    kin_args_destroy(args);
    assert_ok(kin_sem_destroy(sem));
    assert_ok(kin_dict_destroy(dict));
}

static int child_wait(const kin_args *args)
{
    kin_dict *dict = given(args, "dict", KIN_TYPE_DICT);
    uint64_t generation = 0;
    for (;;) {
        CHECK(kin_dict_generation(dict, &generation) == KIN_OK);
        CHECK(kin_dict_wait(dict, generation, PATIENCE) == KIN_OK);
    }
}

/* Waiters and writers are killed; those that are left go on. */
static void killed_at_random_the_others_go_on(void **state)
{
    (void)state;
    enum { TURNS = 300 };
    kin_dict *dict = new_dict_of_two();
    kin_args *args = new_args();
    give(args, "dict", KIN_TYPE_DICT, dict);
    give_number(args, "times", TURNS);
    for (int round = 0; round < 10; round++) {
        assert_ok(kin_dict_set_i64(dict, "a", 0));
        assert_ok(kin_dict_set_i64(dict, "b", 0));
        kin_process *victim = start_child("wait", args), *child = start_child("take_turns", args);
        assert_ok(take_turns(dict, "a", "b", TURNS / 2, 0));
        kin_sleep(KIN_US(300) * round);
        kill_child(victim);
        assert_ok(kin_dict_add_i64(dict, "a", TURNS, NULL));
        join_child(child, 0);
    }
    kin_args_destroy(args);
    assert_ok(kin_dict_destroy(dict));
}

int main(void)
{
    static const kin_child_entry entries[] = {{"take_turns", child_take_turns},
                                              {"watch", child_watch},
                                              {"die_in_update", child_die_in_update},
                                              {"wait", child_wait}};
    limit_own_family();
    kin_child_main(entries, 4);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_of_a_dict_counts),
        cmocka_unit_test(each_change_of_a_list_counts),
        cmocka_unit_test(a_wait_ends_at_once_or_in_time),
        cmocka_unit_test(two_processes_take_turns),
        cmocka_unit_test(two_threads_take_turns),
        cmocka_unit_test(all_waiters_are_woken),
        unit_test_with_deaths(a_writers_death_ends_the_wait),
        unit_test_with_deaths(killed_at_random_the_others_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
