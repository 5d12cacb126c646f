/* kin_last_os_error is set by a call that failed for the system's reasons, and by no other. */
#include "support.h"

#include "os.h"

static int child_nothing(const kin_args *args)
{
    (void)args;
    return 0;
}

static int child_exchange(const kin_args *args)
{
    kin_queue *there = given(args, "there", KIN_TYPE_QUEUE), *back = given(args, "back", KIN_TYPE_QUEUE);
    char text[8];
    size_t size;
    CHECK(kin_queue_get(there, text, sizeof text, &size, PATIENCE) == KIN_OK);
    CHECK(kin_queue_put(back, text, size, PATIENCE) == KIN_OK);
    return 0;
}

static int task(kin_task *it)
{
    (void)it;
    return 0;
}

static const kin_child_entry entries[] = {{"nothing", child_nothing}, {"exchange", child_exchange}};
static const kin_task_entry functions[] = {{"task", task}};

/* Sets a code that no call below has any reason to set. */
static int mark(void)
{
    static char self[4096], big[300000];
    const char *const argv[] = {self, big, NULL};
    memset(big, 'x', sizeof big - 1);
    assert_ok(kin_os_self_path(self, sizeof self));
    assert_status(kin_run(argv, NULL, NULL), KIN_E_TOO_BIG);
    assert_int_not_equal(kin_last_os_error(), 0);
    return kin_last_os_error();
}

#define KEEPS(expression)                                                                                              \
    do {                                                                                                               \
        assert_ok(expression);                                                                                         \
        if (kin_last_os_error() != before) {                                                                           \
            print_message("%s sets %d\n", #expression, kin_last_os_error());                                           \
            well = false;                                                                                              \
            before = mark();                                                                                           \
        }                                                                                                              \
    } while (0)

#define KEEPS_TIMING_OUT(expression)                                                                                   \
    do {                                                                                                               \
        assert_status(expression, KIN_E_TIMED_OUT);                                                                    \
        if (kin_last_os_error() != before) {                                                                           \
            print_message("%s sets %d\n", #expression, kin_last_os_error());                                           \
            well = false;                                                                                              \
            before = mark();                                                                                           \
        }                                                                                                              \
    } while (0)

static void objects_leave_it_alone(void **state)
{
    (void)state;
    bool well = true;
    int before = mark();
    kin_family *family = NULL;
    kin_lock *lock = NULL;
    kin_sem *sem = NULL, *leased = NULL;
    kin_event *event = NULL;
    kin_cond *cond = NULL;
    kin_rwlock *rwlock = NULL;
    kin_queue *queue = NULL;
    kin_dict *dict = NULL;
    kin_pipe *ends[2] = {NULL, NULL};
    void *memory = NULL;
    char text[8];
    size_t size;
    KEEPS(kin_family_default(&family));
    KEEPS(kin_lock_create(&lock, NULL, 0));
    KEEPS(kin_lock_acquire(lock, KIN_NOW));
    KEEPS(kin_lock_release(lock));
    KEEPS(kin_sem_create(&sem, NULL, 0, 0));
    KEEPS_TIMING_OUT(kin_sem_acquire(sem, 1, KIN_NOW));
    KEEPS_TIMING_OUT(kin_sem_acquire(sem, 1, KIN_MS(70)));
    KEEPS(kin_sem_create_leased(&leased, NULL, 2));
    KEEPS(kin_sem_acquire(leased, 1, KIN_NOW));
    KEEPS(kin_sem_release(leased, 1));
    KEEPS(kin_event_create(&event, NULL));
    KEEPS_TIMING_OUT(kin_event_wait(event, KIN_MS(30)));
    KEEPS(kin_event_set(event));
    KEEPS(kin_event_wait(event, KIN_MS(30)));
    KEEPS(kin_cond_create(&cond, NULL));
    KEEPS(kin_lock_acquire(lock, KIN_NOW));
    KEEPS_TIMING_OUT(kin_cond_wait(cond, lock, KIN_MS(30)));
    KEEPS(kin_lock_release(lock));
    KEEPS(kin_rwlock_create(&rwlock, NULL));
    KEEPS(kin_rwlock_acquire(rwlock, KIN_RWLOCK_READ, KIN_NOW));
    KEEPS(kin_rwlock_release(rwlock));
    KEEPS(kin_queue_create(&queue, NULL, NULL));
    KEEPS_TIMING_OUT(kin_queue_get(queue, text, sizeof text, &size, KIN_MS(30)));
    KEEPS(kin_queue_put(queue, "x", 1, KIN_NOW));
    KEEPS(kin_queue_get(queue, text, sizeof text, &size, KIN_NOW));
    KEEPS(kin_dict_create(&dict, NULL));
    KEEPS(kin_dict_set_string(dict, "key", "value"));
    KEEPS(kin_pipe_create(ends, 0));
    KEEPS(kin_pipe_send(ends[0], "x", 1, PATIENCE));
    KEEPS(kin_pipe_recv(ends[1], text, sizeof text, &size, PATIENCE));
    KEEPS_TIMING_OUT(kin_pipe_recv(ends[1], text, sizeof text, &size, KIN_MS(30)));
    KEEPS(kin_alloc(&memory, NULL, 20 << 20));
    KEEPS(kin_free(memory));
    KEEPS(kin_dict_destroy(dict));
    KEEPS(kin_queue_destroy(queue));
    KEEPS(kin_lock_destroy(lock));
    kin_pipe_close(ends[0]);
    kin_pipe_close(ends[1]);
    assert_int_equal(kin_last_os_error(), before);
    assert_true(well);
}

static void families_leave_it_alone(void **state)
{
    (void)state;
    bool well = true;
    int before = mark();
    kin_family *family = NULL, *named = NULL;
    char name[32];
    snprintf(name, sizeof name, "test-os-error-%u", (unsigned)kin_os_pid());
    KEEPS(kin_family_create(&family, NULL));
    KEEPS(kin_family_open(&named, name, 0, NULL));
    kin_family_close(named);
    kin_family_close(family);
    assert_int_equal(kin_last_os_error(), before);
    assert_true(well);
}

static void processes_leave_it_alone(void **state)
{
    (void)state;
    bool well = true;
    int before = mark();
    kin_queue *there = NULL, *back = NULL;
    kin_process *child = NULL;
    kin_args *args = NULL;
    char text[8];
    size_t size;
    KEEPS(kin_queue_create(&there, NULL, NULL));
    KEEPS(kin_queue_create(&back, NULL, NULL));
    KEEPS(kin_args_create(&args, NULL));
    KEEPS(kin_args_add_object(args, "there", KIN_TYPE_QUEUE, there));
    KEEPS(kin_args_add_object(args, "back", KIN_TYPE_QUEUE, back));
    KEEPS(kin_process_start(&child, "exchange", args, NULL));
    KEEPS_TIMING_OUT(kin_process_join(child, KIN_MS(30), NULL));
    KEEPS_TIMING_OUT(kin_queue_get(back, text, sizeof text, &size, KIN_MS(200)));
    KEEPS(kin_queue_put(there, "x", 1, PATIENCE));
    KEEPS(kin_queue_get(back, text, sizeof text, &size, PATIENCE));
    KEEPS(kin_process_join(child, PATIENCE, NULL));
    kin_process_close(child);
    KEEPS(kin_process_start(&child, "nothing", NULL, NULL));
    KEEPS(kin_process_stop(child, PATIENCE, PATIENCE, NULL));
    kin_process_close(child);
    kin_args_destroy(args);
    KEEPS(kin_queue_destroy(there));
    KEEPS(kin_queue_destroy(back));
    assert_int_equal(kin_last_os_error(), before);
    assert_true(well);
}

static void pools_leave_it_alone(void **state)
{
    (void)state;
    bool well = true;
    int before = mark();
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    kin_job job = KIN_JOB_INIT;
    options.workers = 2;
    job.task = "task";
    job.count = 20;
    KEEPS(kin_pool_create(&pool, NULL, &options));
    KEEPS(kin_pool_map(pool, &job, NULL, PATIENCE));
    KEEPS(kin_pool_close(pool));
    KEEPS(kin_pool_join(pool, PATIENCE));
    kin_pool_destroy(pool);
    assert_int_equal(kin_last_os_error(), before);
    assert_true(well);
}

int main(void)
{
    kin_register_tasks(functions, 1);
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_leave_it_alone),
        cmocka_unit_test(families_leave_it_alone),
        cmocka_unit_test(processes_leave_it_alone),
        cmocka_unit_test(pools_leave_it_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
