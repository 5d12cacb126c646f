#include "support.h"

#include <stdlib.h>

#include "os.h"

#define BIG ((size_t)KIN_ARG_BYTES_MAX)

/* ---- children ---- */

static int child_exit(const kin_args *args)
{
    return (int)given_number(args, "code");
}

static int child_wait(const kin_args *args)
{
    kin_sem *told = given(args, "told", KIN_TYPE_SEM);
    kin_sem *go = given(args, "go", KIN_TYPE_SEM);
    CHECK(told && go && kin_sem_release(told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(go, 1, PATIENCE) == KIN_OK);
    return 0;
}

static int child_take_all(const kin_args *args)
{
    const void *bytes = NULL;
    void *object = NULL;
    size_t size = 1;
    char text[8] = "";
    kin_handle file = 0, pipe = 0;
    CHECK(given(args, "lock", KIN_TYPE_LOCK) && given(args, "sem", KIN_TYPE_SEM));
    CHECK(given(args, "counter", KIN_TYPE_COUNTER) && given(args, "value", KIN_TYPE_VALUE));
    CHECK(given(args, "array", KIN_TYPE_ARRAY) && given(args, "memory", KIN_TYPE_MEMORY));
    CHECK(kin_args_get_bytes(&bytes, &size, args, "nothing") == KIN_OK && size == 0);
    CHECK(kin_args_get_bytes(&bytes, &size, args, "big") == KIN_OK && size == BIG);
    CHECK(((const unsigned char *)bytes)[0] == 1 && ((const unsigned char *)bytes)[BIG - 1] == 2);
    CHECK(kin_args_get_object(&object, args, "lock", KIN_TYPE_SEM) == KIN_E_TYPE);
    CHECK(kin_args_get_object(&object, args, "big", KIN_TYPE_SEM) == KIN_E_TYPE);
    CHECK(kin_args_get_object(&object, args, "no such", KIN_TYPE_SEM) == KIN_E_NOT_FOUND);
    CHECK(kin_args_get_bytes(&bytes, &size, args, "lock") == KIN_E_TYPE);
    CHECK(kin_args_get_handle(&file, args, "file", KIN_HANDLE_PIPE) == KIN_E_HANDLE);
    CHECK(kin_args_get_handle(&file, args, "file", KIN_HANDLE_FILE) == KIN_OK);
    CHECK(read_handle(file, text, sizeof text) == 5 && memcmp(text, "hello", 5) == 0);
    CHECK(kin_args_get_handle(&pipe, args, "pipe", KIN_HANDLE_ANY) == KIN_OK);
    CHECK(write_handle(pipe, "back", 4));
    close_handle(pipe);
    close_handle(file);
    return 0;
}

static int child_take_every_object(const kin_args *args)
{
    CHECK(given(args, "lock", KIN_TYPE_LOCK) && given(args, "sem", KIN_TYPE_SEM));
    CHECK(given(args, "counter", KIN_TYPE_COUNTER) && given(args, "event", KIN_TYPE_EVENT));
    CHECK(given(args, "cond", KIN_TYPE_COND) && given(args, "barrier", KIN_TYPE_BARRIER));
    CHECK(given(args, "rwlock", KIN_TYPE_RWLOCK) && given(args, "queue", KIN_TYPE_QUEUE));
    return 0;
}

static int child_count_handles(const kin_args *args)
{
    kin_counter *counter = given(args, "counter", KIN_TYPE_COUNTER);
    CHECK(counter && kin_counter_set(counter, (int64_t)count_handles()) == KIN_OK);
    return 0;
}

static int child_start_another(const kin_args *args)
{
    kin_process *process = NULL;
    kin_exit result = {.code = 0, .signal = 0};
    CHECK(kin_process_start(&process, "exit", args, NULL) == KIN_OK);
    CHECK(kin_process_join(process, PATIENCE, &result) == KIN_OK);
    kin_process_close(process);
    return result.code + 1;
}

static const kin_child_entry entries[] = {
    {"exit", child_exit},
    {"wait", child_wait},
    {"take_all", child_take_all},
    {"take_every_object", child_take_every_object},
    {"count_handles", child_count_handles},
    {"start_another", child_start_another},
};

/* Another program, as it were: this one, told so by its arguments. */
static int forgets_kin_main(void)
{
    kin_process *process = NULL;
    return kin_process_start(&process, "exit", NULL, NULL) == KIN_E_NO_CHILD_MAIN ? 7 : 8;
}

/* ---- tests ---- */

static void exit_codes_come_back(void **state)
{
    (void)state;
    static const int codes[] = {0, 1, 42, 113, 127, 128, 255};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        kin_args *args = new_args();
        give_number(args, "code", codes[i]);
        join_child(start_child("exit", args), codes[i]);
        kin_args_destroy(args);
    }
}

static void child_can_start_children(void **state)
{
    (void)state;
    kin_args *args = new_args();
    give_number(args, "code", 20);
    join_child(start_child("start_another", args), 21);
    kin_args_destroy(args);
}

typedef struct waiting {
    kin_sem *told, *go;
    kin_args *args;
} waiting;

static waiting prepare_to_wait(void)
{
    waiting it = {NULL, NULL, new_args()};
    assert_ok(kin_sem_create(&it.told, NULL, 0, 0));
    assert_ok(kin_sem_create(&it.go, NULL, 0, 0));
    give(it.args, "told", KIN_TYPE_SEM, it.told);
    give(it.args, "go", KIN_TYPE_SEM, it.go);
    return it;
}

static void forget(waiting *it)
{
    kin_args_destroy(it->args);
    assert_ok(kin_sem_destroy(it->told));
    assert_ok(kin_sem_destroy(it->go));
}

static void join_waits_and_may_be_asked_again(void **state)
{
    (void)state;
    waiting it = prepare_to_wait();
    kin_exit result = {.code = -1, .signal = -1};
    kin_process *child = start_child("wait", it.args);
    assert_ok(kin_sem_acquire(it.told, 1, PATIENCE));
    assert_true(kin_process_alive(child) && kin_process_pid(child) != 0);
    assert_status(kin_process_join(child, KIN_NOW, &result), KIN_E_TIMED_OUT);
    assert_status(kin_process_join(child, KIN_MS(20), &result), KIN_E_TIMED_OUT);
    assert_ok(kin_sem_release(it.go, 1));
    for (int i = 0; i < 2; i++) {
        assert_ok(kin_process_join(child, PATIENCE, &result));
        assert_true(result.code == 0 && result.signal == 0 && !kin_process_alive(child));
    }
    assert_ok(kin_process_kill(child));
    assert_ok(kin_process_terminate(child));
    kin_process_close(child);
    forget(&it);
}

static void end_by_force_is_told(void **state)
{
    (void)state;
    waiting it = prepare_to_wait();
    for (int force = 0; force < 2; force++) {
        kin_exit result = {.code = -1, .signal = -1};
        kin_process *child = start_child("wait", it.args);
        assert_ok(kin_sem_acquire(it.told, 1, PATIENCE));
        assert_ok(force ? kin_process_kill(child) : kin_process_terminate(child));
        assert_ok(kin_process_join(child, PATIENCE, &result));
        int number = force ? 9 : 15;
        assert_true(result.how == KIN_END_KILLED && result.signal == number && result.code == -1);
        kin_process_close(child);
    }
    forget(&it);
}

static void every_kind_of_argument_arrives(void **state)
{
    (void)state;
    kin_lock *lock = NULL;
    kin_sem *sem = NULL;
    kin_counter *counter = NULL;
    kin_value *value = NULL;
    kin_array *array = NULL;
    void *memory = NULL;
    unsigned char *big = calloc(1, BIG);
    char text[8] = "";
    intptr_t file = open_file_with("hello"), ends[2];
    kin_args *args = new_args();
    assert_non_null(big);
    big[0] = 1;
    big[BIG - 1] = 2;
    make_pipe(ends);
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_ok(kin_sem_create(&sem, NULL, 0, 0));
    assert_ok(kin_counter_create(&counter, NULL, 0));
    assert_ok(kin_value_create(&value, NULL, KIN_ELEMENT_F64, KIN_VALUE_LOCKED));
    assert_ok(kin_array_create(&array, NULL, KIN_ELEMENT_F64, 5, KIN_VALUE_UNLOCKED));
    assert_ok(kin_alloc(&memory, NULL, 77));
    give(args, "lock", KIN_TYPE_LOCK, lock);
    give(args, "sem", KIN_TYPE_SEM, sem);
    give(args, "counter", KIN_TYPE_COUNTER, counter);
    give(args, "value", KIN_TYPE_VALUE, value);
    give(args, "array", KIN_TYPE_ARRAY, array);
    give(args, "memory", KIN_TYPE_MEMORY, memory);
    assert_ok(kin_args_add_bytes(args, "nothing", NULL, 0));
    assert_ok(kin_args_add_bytes(args, "big", big, BIG));
    assert_ok(kin_args_add_handle(args, "file", file));
    assert_ok(kin_args_add_handle(args, "pipe", ends[1]));
    run_child("take_all", args);
    assert_int_equal(read_handle(ends[0], text, sizeof text), 4);
    assert_memory_equal(text, "back", 4);
    kin_args_destroy(args);
    close_handle(file);
    close_handle(ends[0]);
    close_handle(ends[1]);
    free(big);
    assert_ok(kin_lock_destroy(lock));
    assert_ok(kin_sem_destroy(sem));
    assert_ok(kin_counter_destroy(counter));
    assert_ok(kin_value_destroy(value));
    assert_ok(kin_array_destroy(array));
    assert_ok(kin_free(memory));
}

static void every_object_may_be_an_argument(void **state)
{
    (void)state;
    kin_lock *lock = NULL;
    kin_sem *sem = NULL;
    kin_counter *counter = NULL;
    kin_event *event = NULL;
    kin_cond *cond = NULL;
    kin_barrier *barrier = NULL;
    kin_rwlock *rwlock = NULL;
    kin_queue *queue = NULL;
    kin_args *args = new_args();
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_ok(kin_sem_create(&sem, NULL, 0, 0));
    assert_ok(kin_counter_create(&counter, NULL, 0));
    assert_ok(kin_event_create(&event, NULL));
    assert_ok(kin_cond_create(&cond, NULL));
    assert_ok(kin_barrier_create(&barrier, NULL, 1));
    assert_ok(kin_rwlock_create(&rwlock, NULL));
    assert_ok(kin_queue_create(&queue, NULL, NULL));
    give(args, "lock", KIN_TYPE_LOCK, lock);
    give(args, "sem", KIN_TYPE_SEM, sem);
    give(args, "counter", KIN_TYPE_COUNTER, counter);
    give(args, "event", KIN_TYPE_EVENT, event);
    give(args, "cond", KIN_TYPE_COND, cond);
    give(args, "barrier", KIN_TYPE_BARRIER, barrier);
    give(args, "rwlock", KIN_TYPE_RWLOCK, rwlock);
    give(args, "queue", KIN_TYPE_QUEUE, queue);
    run_child("take_every_object", args);
    kin_args_destroy(args);
    assert_ok(kin_lock_destroy(lock));
    assert_ok(kin_sem_destroy(sem));
    assert_ok(kin_counter_destroy(counter));
    assert_ok(kin_event_destroy(event));
    assert_ok(kin_cond_destroy(cond));
    assert_ok(kin_barrier_destroy(barrier));
    assert_ok(kin_rwlock_destroy(rwlock));
    assert_ok(kin_queue_destroy(queue));
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    kin_args *args = new_args();
    kin_lock *lock = NULL, outside;
    void *object = NULL;
    const void *bytes = NULL;
    size_t size = 0;
    kin_handle handle = 0;
    char name[KIN_TASK_NAME_MAX + 2];
    memset(name, 'x', sizeof name);
    name[KIN_TASK_NAME_MAX + 1] = '\0';
    memset(&outside, 0, sizeof outside);
    intptr_t closed = open_file_with("");
    close_handle(closed);
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_status(kin_args_create(NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_args_add_object(NULL, "a", KIN_TYPE_LOCK, lock), KIN_E_ARGUMENT);
    assert_status(kin_args_add_object(args, NULL, KIN_TYPE_LOCK, lock), KIN_E_ARGUMENT);
    assert_status(kin_args_add_object(args, "", KIN_TYPE_LOCK, lock), KIN_E_ARGUMENT);
    assert_status(kin_args_add_object(args, name, KIN_TYPE_LOCK, lock), KIN_E_ARGUMENT);
    assert_status(kin_args_add_object(args, "a", KIN_TYPE_LOCK, NULL), KIN_E_ARGUMENT);
    assert_status(kin_args_add_object(args, "a", KIN_TYPE_LOCK, &outside), KIN_E_NOT_SHARED);
    assert_status(kin_args_add_object(args, "a", KIN_TYPE_SEM, lock), KIN_E_TYPE);
    assert_status(kin_args_add_bytes(args, "a", NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_args_add_bytes(args, "a", name, BIG + 1), KIN_E_TOO_BIG);
    assert_status(kin_args_add_handle(args, "a", closed), KIN_E_HANDLE);
    assert_status(kin_args_add_handle(args, "a", -1), KIN_E_HANDLE);
    assert_ok(kin_args_add_object(args, "a", KIN_TYPE_LOCK, lock));
    assert_status(kin_args_add_object(args, "a", KIN_TYPE_LOCK, lock), KIN_E_EXISTS);
    assert_status(kin_args_get_object(NULL, args, "a", KIN_TYPE_LOCK), KIN_E_ARGUMENT);
    assert_status(kin_args_get_object(&object, NULL, "a", KIN_TYPE_LOCK), KIN_E_ARGUMENT);
    assert_status(kin_args_get_bytes(&bytes, &size, args, "b"), KIN_E_NOT_FOUND);
    assert_status(kin_args_get_handle(&handle, args, "a", KIN_HANDLE_ANY), KIN_E_TYPE);
    for (unsigned i = 1; i < KIN_ARGS_MAX; i++) {
        snprintf(name, sizeof name, "%u", i);
        assert_ok(kin_args_add_bytes(args, name, "", 0));
    }
    assert_status(kin_args_add_bytes(args, "one more", "", 0), KIN_E_LIMIT);
    kin_args_destroy(args);
    kin_args_destroy(NULL);
    assert_ok(kin_lock_destroy(lock));
}

static void failed_starts_leave_nothing(void **state)
{
    (void)state;
    kin_process *process = NULL;
    kin_args *args = new_args();
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    give_number(args, "code", 0);
    join_child(start_child("exit", args), 0);
    kin_family_info before = {0};
    size_t handles = 0;
    for (int i = 0; i < 20; i++) {
        if (i == 1) {
            before = inspect_family();
            handles = count_handles();
        }
        options = (kin_process_options)KIN_PROCESS_OPTIONS_INIT;
        assert_status(kin_process_start(NULL, "exit", args, NULL), KIN_E_ARGUMENT);
        assert_status(kin_process_start(&process, NULL, args, NULL), KIN_E_ARGUMENT);
        assert_status(kin_process_start(&process, "no such entry", args, NULL), KIN_E_ENTRY);
        options.program = "/no/such/program";
        assert_status(kin_process_start(&process, "exit", args, &options), KIN_E_PROGRAM);
        options.method = KIN_START_FORK;
        assert_status(kin_process_start(&process, "exit", args, &options), KIN_E_ARGUMENT);
        options.program = NULL;
        options.method = (kin_start_method)4;
        assert_status(kin_process_start(&process, "exit", args, &options), KIN_E_ARGUMENT);
        options.size = 1;
        assert_status(kin_process_start(&process, "exit", args, &options), KIN_E_ARGUMENT);
    }
    assert_null(process);
    assert_true(count_handles() <= handles);
    assert_true(inspect_family().committed == before.committed);
    assert_int_equal(inspect_family().members, before.members);
    kin_args_destroy(args);
}

static void closed_handle_is_noticed_at_the_start(void **state)
{
    (void)state;
    kin_process *process = NULL;
    kin_args *args = new_args();
    intptr_t file = open_file_with("x");
    assert_ok(kin_args_add_handle(args, "file", file));
    close_handle(file);
    assert_status(kin_process_start(&process, "exit", args, NULL), KIN_E_HANDLE);
    kin_args_destroy(args);
}

static void fork_exists_or_is_unsupported(void **state)
{
    (void)state;
    kin_process *process = NULL;
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    options.method = KIN_START_FORK;
    kin_status status = kin_process_start(&process, "exit", NULL, &options);
    assert_int_equal(status, has_fork() ? KIN_OK : KIN_E_UNSUPPORTED);
    if (process) {
        join_child(process, 0);
    }
}

static void wrong_entries_are_refused(void **state)
{
    (void)state;
    static const kin_child_entry twice[] = {{"a", child_exit}, {"a", child_exit}};
    static const kin_child_entry nameless[] = {{"", child_exit}};
    static const kin_child_entry empty[] = {{"a", NULL}};
    assert_status(kin_child_main(NULL, 1), KIN_E_ARGUMENT);
    assert_ok(kin_child_main(NULL, 0)); /* what was registered stays */
    assert_status(kin_child_main(twice, 2), KIN_E_ARGUMENT);
    assert_status(kin_child_main(nameless, 1), KIN_E_ARGUMENT);
    assert_status(kin_child_main(empty, 1), KIN_E_ARGUMENT);
    assert_ok(kin_child_main(entries, sizeof entries / sizeof entries[0]));
}

static void null_processes_are_harmless(void **state)
{
    (void)state;
    assert_status(kin_process_join(NULL, 0, NULL), KIN_E_ARGUMENT);
    assert_status(kin_process_kill(NULL), KIN_E_ARGUMENT);
    assert_status(kin_process_terminate(NULL), KIN_E_ARGUMENT);
    assert_int_equal(kin_process_alive(NULL), 0);
    assert_int_equal(kin_process_pid(NULL), 0);
    kin_process_close(NULL);
}

static int64_t handles_of_a_child(kin_args *args, kin_counter *counter)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *process = NULL;
    int64_t count = -1;
    options.method = KIN_START_SPAWN;
    assert_ok(kin_process_start(&process, "count_handles", args, &options));
    join_child(process, 0);
    assert_ok(kin_counter_get(counter, &count));
    return count;
}

static void spawned_child_has_exactly_what_it_was_given(void **state)
{
    (void)state;
    intptr_t files[3], others[20];
    kin_counter *counter = NULL;
    kin_args *args = new_args();
    assert_ok(kin_counter_create(&counter, NULL, 0));
    give(args, "counter", KIN_TYPE_COUNTER, counter);
    int64_t none = handles_of_a_child(args, counter);
    for (size_t i = 0; i < 20; i++) {
        others[i] = open_file_with("other");
    }
    assert_int_equal(handles_of_a_child(args, counter), none);
    for (size_t i = 0; i < 3; i++) {
        char name[] = {'f', (char)('0' + i), '\0'};
        files[i] = open_file_with("given");
        assert_ok(kin_args_add_handle(args, name, files[i]));
    }
    assert_int_equal(handles_of_a_child(args, counter), none + 3);
    for (size_t i = 0; i < 20; i++) {
        close_handle(others[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        close_handle(files[i]);
    }
    kin_args_destroy(args);
    assert_ok(kin_counter_destroy(counter));
}

static void start_before_kin_main_is_refused(void **state)
{
    (void)state;
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    const char *const argv[] = {"test_process", "forget kin_child_main", NULL};
    kin_process *process = NULL;
    options.method = KIN_START_SPAWN;
    options.argv = argv;
    assert_ok(kin_process_start(&process, "exit", NULL, &options));
    join_child(process, 7);
}

static void program_without_the_entry_says_so(void **state)
{
    (void)state;
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    char path[4096];
    kin_process *process = NULL;
    assert_ok(kin_os_self_path(path, sizeof path));
    options.program = path;
    assert_ok(kin_process_start(&process, "an entry of another program", NULL, &options));
    join_child(process, KIN_EXIT_START);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "forget kin_child_main") == 0) {
        return forgets_kin_main();
    }
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes_come_back),
        cmocka_unit_test(child_can_start_children),
        cmocka_unit_test(join_waits_and_may_be_asked_again),
        cmocka_unit_test(end_by_force_is_told),
        cmocka_unit_test(every_kind_of_argument_arrives),
        cmocka_unit_test(every_object_may_be_an_argument),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(failed_starts_leave_nothing),
        cmocka_unit_test(closed_handle_is_noticed_at_the_start),
        cmocka_unit_test(fork_exists_or_is_unsupported),
        cmocka_unit_test(wrong_entries_are_refused),
        cmocka_unit_test(null_processes_are_harmless),
        cmocka_unit_test(spawned_child_has_exactly_what_it_was_given),
        cmocka_unit_test(start_before_kin_main_is_refused),
        cmocka_unit_test(program_without_the_entry_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
