#include "support.h"

/* What kin_last_error says after a mistake: each sentence has these words. */
static void says(const char *words)
{
    const char *sentence = kin_last_error();
    if (!strstr(sentence, words)) {
        print_message("\"%s\" does not say \"%s\"\n", sentence, words);
    }
    assert_non_null(strstr(sentence, words));
}

#define FAILS(call, status, words)                                                                                     \
    do {                                                                                                               \
        assert_status(call, status);                                                                                   \
        says(words);                                                                                                   \
    } while (0)

static int nothing(kin_task *task)
{
    (void)task;
    return 0;
}

static int child_nothing(const kin_args *args)
{
    (void)args;
    return 0;
}

static void objects_in_the_wrong_place(void **state)
{
    (void)state;
    kin_lock local, *lock = NULL;
    kin_sem *sem = NULL;
    void *block = NULL;
    memset(&local, 0, sizeof local);
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_ok(kin_sem_create(&sem, NULL, 1, 1));
    assert_ok(kin_alloc(&block, NULL, 100));
    FAILS(kin_lock_init(&local, 0), KIN_E_NOT_SHARED, "kin_alloc");
    FAILS(kin_lock_acquire(&local, KIN_NOW), KIN_E_NOT_SHARED, "kin_alloc");
    FAILS(kin_lock_acquire((kin_lock *)(void *)sem, KIN_NOW), KIN_E_TYPE, "another type");
    FAILS(kin_lock_init((kin_lock *)(void *)((char *)block + 1), 0), KIN_E_ARGUMENT, "aligned to 8");
    FAILS(kin_free((char *)block + 16), KIN_E_ARGUMENT, "start of a block");
    FAILS(kin_free(&local), KIN_E_NOT_SHARED, "no family");
    assert_ok(kin_free(block));
    FAILS(kin_free(block), KIN_E_STALE, "free already");
    assert_ok(kin_sem_destroy(sem));
    assert_ok(kin_lock_destroy(lock));
}

static void arguments_that_cannot_be(void **state)
{
    (void)state;
    kin_lock *lock = NULL;
    FAILS(kin_lock_create(NULL, NULL, 0), KIN_E_ARGUMENT, "kin_lock_create: out is NULL");
    FAILS(kin_lock_create(&lock, NULL, 8), KIN_E_ARGUMENT, "flags has unknown bits");
    assert_ok(kin_lock_create(&lock, NULL, 0));
    FAILS(kin_lock_acquire(NULL, KIN_NOW), KIN_E_ARGUMENT, "kin_lock_acquire: lock is NULL");
    FAILS(kin_lock_acquire(lock, -1), KIN_E_ARGUMENT, "timeout is negative");
    FAILS(kin_name_set("", KIN_TYPE_LOCK, lock), KIN_E_ARGUMENT, "1 to 255 bytes");
    assert_ok(kin_lock_destroy(lock));
}

static void locks_used_wrongly(void **state)
{
    (void)state;
    kin_lock *lock = NULL;
    kin_value *value = NULL;
    int64_t number = 0;
    assert_ok(kin_lock_create(&lock, NULL, 0));
    FAILS(kin_lock_release(lock), KIN_E_NOT_OWNER, "does not hold the lock");
    assert_ok(kin_lock_acquire(lock, KIN_NOW));
    FAILS(kin_lock_acquire(lock, KIN_FOREVER), KIN_E_DEADLOCK, "KIN_LOCK_RECURSIVE");
    assert_ok(kin_lock_destroy(lock));
    assert_ok(kin_value_create(&value, NULL, KIN_ELEMENT_I32, 0));
    FAILS(kin_value_acquire(value, KIN_NOW), KIN_E_UNSUPPORTED, "KIN_VALUE_LOCKED");
    FAILS(kin_value_set(value, &number, sizeof number), KIN_E_SIZE, "elements' size");
    assert_ok(kin_value_destroy(value));
}

static void buffers_and_limits(void **state)
{
    (void)state;
    char text[8] = "";
    size_t size = 0;
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    kin_queue *queue = NULL;
    kin_dict *dict = NULL;
    options.capacity = 100;
    assert_ok(kin_queue_create(&queue, NULL, &options));
    assert_ok(kin_dict_create(&dict, NULL));
    FAILS(kin_queue_put(queue, text, 5000, KIN_NOW), KIN_E_TOO_BIG, "raise options.capacity");
    assert_ok(kin_queue_put(queue, "0123456789", 10, KIN_NOW));
    FAILS(kin_queue_get(queue, text, 8, &size, KIN_NOW), KIN_E_BUFFER, "10 bytes, the buffer 8");
    FAILS(kin_queue_join(queue, KIN_NOW), KIN_E_UNSUPPORTED, "KIN_QUEUE_JOINABLE");
    assert_ok(kin_dict_set(dict, "k", 1, "0123456789", 10));
    FAILS(kin_dict_get(dict, "k", 1, text, 8, &size), KIN_E_BUFFER, "10 bytes, the buffer 8");
    FAILS(kin_dict_get(dict, "other", 5, text, 8, &size), KIN_E_NOT_FOUND, "no such key");
    FAILS(kin_dict_add_i64(dict, "k", 1, NULL), KIN_E_SIZE, "8 bytes");
    assert_ok(kin_dict_destroy(dict));
    assert_ok(kin_queue_destroy(queue));
}

static void a_full_family_names_its_option(void **state)
{
    (void)state;
    kin_family *family = new_family(UINT64_C(8) << 20);
    kin_dict *dict = NULL;
    static char bytes[100000];
    void *block = NULL;
    FAILS(kin_alloc(&block, family, (size_t)16 << 20), KIN_E_NO_MEMORY, "options.reserve");
    assert_ok(kin_dict_create(&dict, family));
    kin_status status = KIN_OK;
    for (int i = 0; i < 1000 && status == KIN_OK; i++) {
        status = kin_dict_set(dict, &i, sizeof i, bytes, sizeof bytes);
    }
    FAILS(status, KIN_E_NO_MEMORY, "options.reserve");
    FAILS(kin_lock_acquire(NULL, 0), KIN_E_ARGUMENT, "lock is NULL"); /* and not that of before */
    kin_family_close(family);
}

static void too_many_families_and_members(void **state)
{
    (void)state;
    kin_family *families[8] = {NULL};
    kin_status status = KIN_OK;
    int count = 0;
    while (count < 8 && (status = kin_family_create(&families[count], NULL)) == KIN_OK) {
        count++;
    }
    FAILS(status, KIN_E_LIMIT, "8 families");
    while (count > 0) {
        kin_family_close(families[--count]);
    }
}

static void names_that_are_not_there(void **state)
{
    (void)state;
    kin_family *family = NULL;
    kin_process *process = NULL;
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    const char *const argv[] = {"there-is-no-such-program", NULL};
    void *object = NULL;
    FAILS(kin_family_open(&family, "no.such.family", KIN_FAMILY_JOIN, NULL), KIN_E_NOT_FOUND, "\"no.such.family\"");
    FAILS(kin_family_open(&family, "bad/name", 0, NULL), KIN_E_ARGUMENT, "letters, digits");
    FAILS(kin_name_get(&object, NULL, "nothing", KIN_TYPE_LOCK), KIN_E_NOT_FOUND, "no object of that name");
    FAILS(kin_process_start(&process, "nohting", NULL, NULL), KIN_E_ENTRY, "\"nohting\"");
    options.program = "/no/such/program";
    options.method = KIN_START_SPAWN;
    FAILS(kin_process_start(&process, "nothing", NULL, &options), KIN_E_PROGRAM, "/no/such/program");
    FAILS(kin_run(argv, NULL, NULL), KIN_E_PROGRAM, "there-is-no-such-program");
}

static void tasks_that_are_not_there(void **state)
{
    (void)state;
    static const kin_task_entry late[] = {{"late", nothing}};
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_job job = KIN_JOB_INIT;
    kin_pool *pool = NULL;
    kin_future *future = NULL;
    int64_t mine = 0;
    FAILS(kin_register_tasks(late, 1), KIN_E_TOO_LATE, "before kin_child_main");
    options.workers = 1;
    assert_ok(kin_pool_create(&pool, NULL, &options));
    job.task = "nohting";
    FAILS(kin_pool_submit(&future, pool, &job, KIN_NOW), KIN_E_ENTRY, "\"nohting\"");
    job.task = "nothing";
    job.in = &mine;
    job.in_size = sizeof mine;
    job.count = 1;
    FAILS(kin_pool_submit(&future, pool, &job, KIN_NOW), KIN_E_NOT_SHARED, "kin_alloc");
    assert_ok(kin_pool_close(pool));
    FAILS(kin_pool_submit(&future, pool, &(kin_job){.size = sizeof job, .task = "nothing"}, KIN_NOW), KIN_E_CLOSED,
          "the pool is closed");
    kin_pool_destroy(pool);
}

static void the_systems_reason(void **state)
{
    (void)state;
    kin_args *args = new_args();
    char text[256];
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *process = NULL;
    options.streams[1] = (kin_handle)0x7ffff000;
    FAILS(kin_process_start(&process, "nothing", args, &options), KIN_E_HANDLE, "options->streams");
    kin_args_destroy(args);
    const char *const plain[] = {has_fork() ? "/etc/passwd" : "C:\\windows\\win.ini", NULL}; /* no program */
    kin_status status = kin_run(plain, NULL, NULL);
    assert_true(status < 0 && status != KIN_E_PROGRAM);
    says(kin_os_error_text(kin_last_os_error(), text, sizeof text));
}

static void sizes_that_are_not_set(void **state)
{
    (void)state;
    kin_queue_options options = {0};
    kin_queue *queue = NULL;
    kin_family_info info = {0};
    FAILS(kin_queue_create(&queue, NULL, &options), KIN_E_ARGUMENT, "KIN_QUEUE_OPTIONS_INIT");
    FAILS(kin_family_inspect(NULL, &info), KIN_E_ARGUMENT, "KIN_FAMILY_INFO_INIT");
}

/* What a program of a later version of kin may pass. */
typedef struct later_options {
    kin_queue_options known;
    uint64_t unknown;
} later_options;

static void structs_of_other_versions(void **state)
{
    (void)state;
    later_options later = {{sizeof later, 100, 0, 0}, 0};
    kin_queue_options earlier = {offsetof(kin_queue_options, max_messages), 100, 5, 0xffff};
    struct {
        kin_queue_info known;
        uint64_t unknown;
    } info = {{sizeof info, 0, 0, 0, 0, 0, 0}, 7};
    kin_queue *queue = NULL;
    assert_ok(kin_queue_create(&queue, NULL, &later.known));
    assert_ok(kin_queue_inspect(queue, &info.known));
    assert_int_equal(info.known.size, sizeof info);
    assert_true(info.known.capacity >= 100 && info.unknown == 0);
    info.known.size = offsetof(kin_queue_info, messages);
    info.known.messages = 77;
    assert_ok(kin_queue_put(queue, "a", 1, KIN_NOW));
    assert_ok(kin_queue_inspect(queue, &info.known));
    assert_int_equal(info.known.messages, 77); /* an earlier version has no such field there */
    assert_ok(kin_queue_destroy(queue));
    later.unknown = 1;
    FAILS(kin_queue_create(&queue, NULL, &later.known), KIN_E_ARGUMENT, "this version of kin does not have");
    assert_ok(kin_queue_create(&queue, NULL, &earlier)); /* what stands beyond is not looked at */
    for (int i = 0; i < 6; i++) {
        assert_ok(kin_queue_put(queue, NULL, 0, KIN_NOW)); /* max_messages is not 5 */
    }
    assert_ok(kin_queue_destroy(queue));
}

static void what_is_not_explained_is_said_in_general(void **state)
{
    (void)state;
    kin_sem *sem = NULL;
    assert_ok(kin_sem_create(&sem, NULL, 0, 1));
    FAILS(kin_lock_acquire(NULL, KIN_NOW), KIN_E_ARGUMENT, "lock is NULL");
    FAILS(kin_sem_acquire(sem, 1, KIN_NOW), KIN_E_TIMED_OUT, kin_status_text(KIN_E_TIMED_OUT));
    assert_ok(kin_sem_destroy(sem));
}

int main(void)
{
    static const kin_child_entry entries[] = {{"nothing", child_nothing}};
    static const kin_task_entry tasks[] = {{"nothing", nothing}};
    limit_own_family();
    if (kin_register_tasks(tasks, 1) != KIN_OK || kin_child_main(entries, 1) != KIN_OK) {
        return 2;
    }
    const struct CMUnitTest tests_of_it[] = {
        cmocka_unit_test(objects_in_the_wrong_place),
        cmocka_unit_test(arguments_that_cannot_be),
        cmocka_unit_test(locks_used_wrongly),
        cmocka_unit_test(buffers_and_limits),
        cmocka_unit_test(a_full_family_names_its_option),
        cmocka_unit_test(too_many_families_and_members),
        cmocka_unit_test(names_that_are_not_there),
        cmocka_unit_test(tasks_that_are_not_there),
        cmocka_unit_test(the_systems_reason),
        cmocka_unit_test(sizes_that_are_not_set),
        cmocka_unit_test(structs_of_other_versions),
        cmocka_unit_test(what_is_not_explained_is_said_in_general),
    };
    return cmocka_run_group_tests(tests_of_it, NULL, NULL);
}
