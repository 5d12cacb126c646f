/* Managers: objects under names, kept by a process of its own. Strangers are this program once more. */
#include "support.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "os.h"

#define STRANGERS 5
#define ASKERS 4
#define OVER INT64_MAX

static char name[64]; /* another in each test and run */

static void new_name(void)
{
    static int number;
    snprintf(name, sizeof name, "manager-%u-%d", (unsigned)kin_os_pid(), number++);
}

static kin_manager *open_manager(uint32_t flags)
{
    kin_manager_options options = KIN_MANAGER_OPTIONS_INIT;
    kin_manager *manager = NULL;
    options.flags = flags;
    assert_ok(kin_manager_open(&manager, name, &options));
    return manager;
}

static void stop_and_close(kin_manager *manager)
{
    kin_manager_close(manager);
    assert_ok(kin_manager_stop(name, PATIENCE));
    kin_family *family = NULL;
    kin_status status = KIN_OK; /* the keeper leaves a moment after it has let the lock go */
    for (int64_t end = now_ns() + PATIENCE; status == KIN_OK && now_ns() < end;) {
        status = kin_family_open(&family, name, KIN_FAMILY_JOIN, NULL);
        if (status == KIN_OK) {
            kin_family_close(family);
        }
    }
    assert_status(status, KIN_E_NOT_FOUND);
}

/* ---- strangers: "WHAT:NAME" ---- */

static int be_counter(void)
{
    kin_manager *manager = NULL;
    kin_lock *lock = NULL;
    kin_value *sum = NULL;
    kin_queue *queue = NULL;
    CHECK(kin_manager_open(&manager, name, NULL) == KIN_OK);
    CHECK(kin_named_lock(&lock, kin_manager_family(manager), "lock", 0) == KIN_OK);
    CHECK(kin_named_value(&sum, kin_manager_family(manager), "sum", KIN_ELEMENT_I64, 0) == KIN_OK);
    CHECK(kin_named_queue(&queue, kin_manager_family(manager), "queue", NULL) == KIN_OK);
    for (int i = 0; i < 1000; i++) {
        CHECK(kin_lock_acquire(lock, PATIENCE) == KIN_OK);
        ++*(int64_t *)kin_value_data(sum);
        CHECK(kin_lock_release(lock) == KIN_OK);
    }
    CHECK(kin_queue_put(queue, "done", 4, PATIENCE) == KIN_OK);
    kin_manager_close(manager);
    return 0;
}

static int be_creator(void)
{
    kin_manager *manager = NULL;
    kin_dict *dict = NULL;
    CHECK(kin_manager_open(&manager, name, NULL) == KIN_OK);
    CHECK(kin_named_dict(&dict, kin_manager_family(manager), "dict") == KIN_OK);
    CHECK(kin_dict_set_string(dict, "key", "value") == KIN_OK);
    kin_os_exit_now(0);
    return 1;
}

static int be_passing_creator(void)
{
    kin_manager_options options = KIN_MANAGER_OPTIONS_INIT;
    kin_manager *manager = NULL;
    options.ends_with_starter = 1;
    CHECK(kin_manager_open(&manager, name, &options) == KIN_OK);
    kin_os_exit_now(0);
    return 1;
}

enum { ROUND, ARRIVED, PLACES, BOARD = PLACES + ASKERS };

static _Atomic int64_t *board_of(kin_manager *manager)
{
    kin_array *array = NULL;
    return kin_named_array(&array, kin_manager_family(manager), "board", KIN_ELEMENT_I64, BOARD, 0) == KIN_OK
               ? kin_array_data(array)
               : NULL;
}

static void await_count(_Atomic int64_t *count, int64_t wanted)
{
    for (int64_t end = now_ns() + PATIENCE; atomic_load(count) < wanted && now_ns() < end;) {
        kin_os_yield();
    }
}

/* In each round, when told to go: asks for the lock that has just been destroyed, and says where it found one. */
static int be_asker(void)
{
    kin_manager *manager = NULL;
    CHECK(kin_manager_open(&manager, name, NULL) == KIN_OK);
    _Atomic int64_t *board = board_of(manager);
    CHECK(board);
    int64_t me = atomic_fetch_add(&board[ARRIVED], 1);
    for (int64_t round = 1;; round++) {
        kin_lock *lock = NULL;
        await_count(&board[ROUND], round);
        if (atomic_load(&board[ROUND]) == OVER) {
            break;
        }
        CHECK(kin_named_lock(&lock, kin_manager_family(manager), "lock", 0) == KIN_OK);
        atomic_store(&board[PLACES + me], (char *)lock - (char *)board);
        atomic_fetch_add(&board[ARRIVED], 1);
    }
    kin_manager_close(manager);
    return 0;
}

static int be_stranger(const char *argument)
{
    const char *colon = strchr(argument, ':');
    snprintf(name, sizeof name, "%s", colon + 1);
    switch (argument[0]) {
    case 'a':
        return be_asker();
    case 'c':
        return be_counter();
    case 'm':
        return be_creator();
    default:
        return be_passing_creator();
    }
}

/* ---- tests ---- */

static void strangers_meet_at_a_manager(void **state)
{
    (void)state;
    intptr_t strangers[STRANGERS];
    new_name();
    for (int i = 0; i < STRANGERS; i++) {
        strangers[i] = start_stranger("count", name); /* the first of them creates the family */
    }
    for (int i = 0; i < STRANGERS; i++) {
        assert_int_equal(end_of_self(strangers[i]), 0);
    }
    kin_manager *manager = open_manager(KIN_FAMILY_JOIN);
    kin_value *sum = NULL;
    kin_queue *queue = NULL;
    size_t count = 0;
    int64_t value = 0;
    assert_ok(kin_named_value(&sum, kin_manager_family(manager), "sum", KIN_ELEMENT_I64, 0));
    assert_ok(kin_value_get(sum, &value, sizeof value));
    assert_int_equal(value, STRANGERS * 1000);
    assert_ok(kin_named_queue(&queue, kin_manager_family(manager), "queue", NULL));
    assert_ok(kin_queue_size(queue, &count));
    assert_int_equal(count, STRANGERS);
    stop_and_close(manager);
}

static void all_kinds_are_found_again(void **state)
{
    (void)state;
    new_name();
    kin_manager *manager = open_manager(KIN_FAMILY_CREATE);
    void *first[11], *second[11];
    for (int round = 0; round < 2; round++) {
        void **to = round == 0 ? first : second;
        assert_ok(kin_named_lock((kin_lock **)&to[0], kin_manager_family(manager), "a", KIN_LOCK_RECURSIVE));
        assert_ok(kin_named_rwlock((kin_rwlock **)&to[1], kin_manager_family(manager), "b"));
        assert_ok(kin_named_sem((kin_sem **)&to[2], kin_manager_family(manager), "c", 3, 0));
        assert_ok(kin_named_event((kin_event **)&to[3], kin_manager_family(manager), "d"));
        assert_ok(kin_named_cond((kin_cond **)&to[4], kin_manager_family(manager), "e"));
        assert_ok(kin_named_barrier((kin_barrier **)&to[5], kin_manager_family(manager), "f", 2));
        assert_ok(kin_named_queue((kin_queue **)&to[6], kin_manager_family(manager), "g", NULL));
        assert_ok(
            kin_named_value((kin_value **)&to[7], kin_manager_family(manager), "h", KIN_ELEMENT_F64, KIN_VALUE_LOCKED));
        assert_ok(kin_named_array((kin_array **)&to[8], kin_manager_family(manager), "i", KIN_ELEMENT_I32, 10,
                                  KIN_VALUE_LOCKED));
        assert_ok(kin_named_dict((kin_dict **)&to[9], kin_manager_family(manager), "j"));
        assert_ok(kin_named_list((kin_list **)&to[10], kin_manager_family(manager), "k"));
    }
    assert_memory_equal(first, second, sizeof first);
    assert_ok(kin_lock_acquire(first[0], KIN_NOW)); /* it is recursive */
    assert_ok(kin_lock_acquire(first[0], KIN_NOW));
    assert_ok(kin_lock_release(first[0]));
    assert_ok(kin_lock_release(first[0]));
    assert_ok(kin_sem_acquire(first[2], 3, KIN_NOW));
    kin_event *wrong = NULL;
    assert_status(kin_named_event(&wrong, kin_manager_family(manager), "a"), KIN_E_TYPE);
    assert_ok(kin_event_destroy(first[3]));
    assert_ok(kin_named_event((kin_event **)&second[3], kin_manager_family(manager), "d")); /* a new one */
    stop_and_close(manager);
}

static void destroyed_object_is_made_anew_once(void **state)
{
    (void)state;
    intptr_t askers[ASKERS];
    int different = 0;
    new_name();
    kin_manager *manager = open_manager(0);
    _Atomic int64_t *board = board_of(manager);
    assert_non_null(board);
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = start_stranger("ask", name);
    }
    await_count(&board[ARRIVED], ASKERS);
    int64_t end = now_ns() + KIN_SECONDS(2);
    for (int64_t round = 1; now_ns() < end; round++) {
        kin_lock *lock = NULL;
        assert_ok(kin_named_lock(&lock, kin_manager_family(manager), "lock", 0));
        assert_ok(kin_lock_destroy(lock));
        atomic_store(&board[ROUND], round);
        await_count(&board[ARRIVED], ASKERS * (round + 1));
        for (int i = 1; i < ASKERS; i++) {
            different += atomic_load(&board[PLACES + i]) != atomic_load(&board[PLACES]);
        }
    }
    atomic_store(&board[ROUND], OVER);
    assert_int_equal(different, 0);
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(end_of_self(askers[i]), 0);
    }
    stop_and_close(manager);
}

static void keeper_outlives_who_started_it(void **state)
{
    (void)state;
    char value[16];
    new_name();
    assert_int_equal(end_of_self(start_stranger("make", name)), 0);
    kin_manager *manager = open_manager(KIN_FAMILY_JOIN);
    kin_dict *dict = NULL;
    assert_true(kin_manager_pid(manager) != 0);
    assert_ok(kin_named_dict(&dict, kin_manager_family(manager), "dict"));
    assert_ok(kin_dict_get_string(dict, "key", value, sizeof value, NULL));
    assert_string_equal(value, "value");
    stop_and_close(manager);
}

static void keeper_ends_with_who_started_it_if_asked(void **state)
{
    (void)state;
    kin_family *family = NULL;
    kin_status status = KIN_OK;
    new_name();
    assert_int_equal(end_of_self(start_stranger("pass", name)), 0);
    for (int64_t end = now_ns() + PATIENCE; status == KIN_OK && now_ns() < end;) {
        status = kin_family_open(&family, name, KIN_FAMILY_JOIN, NULL);
        if (status == KIN_OK) {
            kin_family_close(family);
        }
    }
    assert_status(status, KIN_E_NOT_FOUND);
}

static void killed_keeper_is_replaced(void **state)
{
    (void)state;
    new_name();
    kin_manager *manager = open_manager(0), *again;
    kin_list *list = NULL;
    char item[8];
    assert_ok(kin_named_list(&list, kin_manager_family(manager), "list"));
    uint32_t keeper = kin_manager_pid(manager);
    assert_true(keeper != 0);
    kill_pid(keeper);
    assert_ok(kin_list_append(list, "one", 4)); /* clients go on */
    for (int64_t end = now_ns() + PATIENCE; kin_manager_pid(manager) != 0 && now_ns() < end;) {
    }
    again = open_manager(0);
    assert_true(kin_manager_pid(again) != 0 && kin_manager_pid(again) != keeper);
    kin_manager_close(manager);
    assert_ok(kin_named_list(&list, kin_manager_family(again), "list"));
    assert_ok(kin_list_get(list, 0, item, sizeof item, NULL));
    assert_string_equal(item, "one");
    stop_and_close(again);
}

typedef struct asking {
    kin_manager *manager;
    _Atomic uint32_t other; /* a pid that another process got */
} asking;

static void ask_for_keeper(void *asking_)
{
    asking *it = asking_;
    for (int64_t end = now_ns() + KIN_MS(300); now_ns() < end;) {
        uint32_t pid = kin_manager_pid(it->manager);
        if (pid != 0) {
            atomic_store(&it->other, pid);
        }
    }
}

static void nobody_that_asks_is_taken_for_the_keeper(void **state)
{
    (void)state;
    new_name();
    asking it = {open_manager(0), 0};
    kill_pid(kin_manager_pid(it.manager));
    for (int64_t end = now_ns() + PATIENCE; kin_manager_pid(it.manager) != 0 && now_ns() < end;) {
    }
    void *other = begin_thread(ask_for_keeper, &it);
    ask_for_keeper(&it);
    end_thread(other);
    assert_int_equal(atomic_load(&it.other), 0);
    kin_manager_close(it.manager);
}

/* A program's own family with a name. */
static void asking_for_a_keeper_makes_no_manager(void **state)
{
    (void)state;
    kin_family *family = NULL;
    void *found = NULL;
    new_name();
    assert_ok(kin_family_open(&family, name, KIN_FAMILY_CREATE, NULL));
    assert_status(kin_manager_stop(name, PATIENCE), KIN_E_NOT_FOUND);
    assert_status(kin_name_get(&found, family, "kin.keeper", KIN_TYPE_LOCK), KIN_E_NOT_FOUND);
    assert_status(kin_name_get(&found, family, "kin.keeper.stop", KIN_TYPE_EVENT), KIN_E_NOT_FOUND);
    kin_family_close(family);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_manager *manager = NULL;
    kin_lock *lock = NULL;
    kin_manager_options options = KIN_MANAGER_OPTIONS_INIT;
    assert_status(kin_manager_open(NULL, "a", NULL), KIN_E_ARGUMENT);
    assert_status(kin_manager_open(&manager, "a/b", NULL), KIN_E_ARGUMENT);
    options.size = 1;
    assert_status(kin_manager_open(&manager, "a", &options), KIN_E_ARGUMENT);
    new_name();
    options = (kin_manager_options)KIN_MANAGER_OPTIONS_INIT;
    options.flags = KIN_FAMILY_JOIN;
    assert_status(kin_manager_open(&manager, name, &options), KIN_E_NOT_FOUND);
    assert_status(kin_manager_stop(name, PATIENCE), KIN_E_NOT_FOUND);
    assert_status(kin_manager_stop(name, -1), KIN_E_ARGUMENT);
    assert_status(kin_named_lock(&lock, NULL, NULL, 0), KIN_E_ARGUMENT);
    kin_manager_close(NULL);
    assert_int_equal(kin_manager_pid(NULL), 0);
    assert_null(kin_manager_family(NULL));
}

static void init_board(void *memory, void *context)
{
    (void)context;
    assert_ok(kin_lock_init(memory, 0));
}

static void things_have_names_in_any_family(void **state)
{
    (void)state;
    kin_family *family = new_family(UINT64_C(8) << 20), *places[] = {NULL, family};
    for (int i = 0; i < 2; i++) {
        void *memory = NULL, *again = NULL;
        kin_counter *counter = NULL, *same = NULL;
        kin_sem *leased = NULL;
        int64_t number = 0;
        assert_ok(kin_named_counter(&counter, places[i], "hits", 5));
        assert_ok(kin_named_counter(&same, places[i], "hits", 7));
        assert_ptr_equal(counter, same);
        assert_ok(kin_counter_get(counter, &number));
        assert_int_equal(number, 5);
        assert_ok(kin_named_memory(&memory, places[i], "board", 1000, init_board, NULL));
        assert_ok(kin_named_memory(&again, places[i], "board", 1, NULL, NULL));
        assert_ptr_equal(memory, again);
        assert_ok(kin_lock_acquire(memory, KIN_NOW));
        assert_ok(kin_lock_release(memory));
        assert_ok(kin_named_sem_leased(&leased, places[i], "permits", 3));
        assert_status(kin_sem_release(leased, 1), KIN_E_NOT_OWNER);
        assert_status(kin_named_memory(&again, places[i], "hits", 1, NULL, NULL), KIN_E_TYPE);
        assert_ok(kin_free(memory));
        assert_ok(kin_counter_destroy(counter));
        assert_ok(kin_sem_destroy(leased));
    }
    kin_family_close(family);
}

int main(int argc, char **argv)
{
    kin_child_main(NULL, 0);
    if (argc > 1 && strchr(argv[1], ':')) {
        return be_stranger(argv[1]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_meet_at_a_manager),
        cmocka_unit_test(all_kinds_are_found_again),
        cmocka_unit_test(destroyed_object_is_made_anew_once),
        cmocka_unit_test(keeper_outlives_who_started_it),
        cmocka_unit_test(keeper_ends_with_who_started_it_if_asked),
        cmocka_unit_test(killed_keeper_is_replaced),
        cmocka_unit_test(things_have_names_in_any_family),
        cmocka_unit_test(nobody_that_asks_is_taken_for_the_keeper),
        cmocka_unit_test(asking_for_a_keeper_makes_no_manager),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
