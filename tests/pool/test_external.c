/* Pools whose workers the program starts: they come, work, leave and die; tasks are not lost, nothing is left. */
#include "os.h"
#include "support.h"

#include <stdlib.h>

#define ITEMS 200

static char name[64];

/* ---- what workers run ---- */

static int run_square(kin_task *task)
{
    const int32_t *in = task->in;
    int32_t *out = task->out;
    for (size_t i = 0; i < task->count; i++) {
        out[i] = in[i] * in[i];
    }
    return 0;
}

/* In the first attempt the process ends; 13 is the exit code. */
static int run_exit_once(kin_task *task)
{
    void *out;
    if (task->attempt == 0) {
        kin_task_output(&out, task, 100);
        exit(13);
    }
    return run_square(task);
}

static int run_exit(kin_task *task)
{
    (void)task;
    exit(13);
}

/* Says that it has begun, and goes on when it is told to. */
static int run_wait(kin_task *task)
{
    kin_sem *begun = NULL, *go = NULL;
    if (kin_args_get_object((void **)&begun, task->shared, "begun", KIN_TYPE_SEM) != KIN_OK ||
        kin_args_get_object((void **)&go, task->shared, "go", KIN_TYPE_SEM) != KIN_OK ||
        kin_sem_release(begun, 1) != KIN_OK) {
        return 1;
    }
    return kin_sem_acquire(go, 1, PATIENCE) != KIN_OK;
}

static int run_refuse(kin_task *task)
{
    snprintf(task->message, sizeof task->message, "no licence");
    return 77;
}

static const kin_task_entry functions[] = {
    {"square", run_square}, {"exit_once", run_exit_once}, {"exit", run_exit},
    {"wait", run_wait},     {"refuse", run_refuse},
};

/* ---- helpers ---- */

static kin_pool *new_pool(kin_ref *ref, kin_family *family, const kin_args *args, const char *initializer)
{
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    options.external = 1;
    options.workers = 2;
    options.args = args;
    options.initializer = initializer;
    assert_ok(kin_pool_create(&pool, family, &options));
    assert_ok(kin_pool_ref(ref, pool));
    return pool;
}

static kin_pool_info inspect(kin_pool *pool)
{
    kin_pool_info info = KIN_POOL_INFO_INIT;
    assert_ok(kin_pool_poll(pool));
    assert_ok(kin_pool_inspect(pool, &info));
    return info;
}

static void await_alive(kin_pool *pool, uint32_t alive)
{
    for (int64_t end = now_ns() + PATIENCE; inspect(pool).alive != alive && now_ns() < end;) {
        kin_sleep(KIN_MS(1));
    }
    assert_int_equal(inspect(pool).alive, alive);
}

static int32_t *new_numbers(kin_family *family)
{
    int32_t *numbers = NULL;
    assert_ok(KIN_ALLOC(&numbers, family, ITEMS));
    for (int32_t i = 0; i < ITEMS; i++) {
        numbers[i] = i;
    }
    return numbers;
}

static kin_job job_on(const char *task, int32_t *numbers)
{
    kin_job job = KIN_JOB_INIT;
    job.task = task;
    job.in = job.out = numbers;
    job.in_size = job.out_size = sizeof *numbers;
    job.count = ITEMS;
    job.chunk = 1;
    return job;
}

static void check_squares(const int32_t *numbers)
{
    for (int32_t i = 0; i < ITEMS; i++) {
        assert_int_equal(numbers[i], i * i);
    }
}

static kin_future *submit(kin_pool *pool, const kin_job *job)
{
    kin_future *future = NULL;
    assert_ok(kin_pool_submit(&future, pool, job, PATIENCE));
    return future;
}

static kin_process *start_worker(kin_ref ref, int64_t max_tasks)
{
    kin_args *args = new_args();
    assert_ok(kin_args_add_bytes(args, "pool", &ref, sizeof ref));
    give_number(args, "max_tasks", max_tasks);
    kin_process *worker = start_child("work", args);
    kin_args_destroy(args);
    return worker;
}

/* ---- children ---- */

static int child_work(const kin_args *args)
{
    const void *bytes;
    size_t size;
    kin_ref ref;
    CHECK(kin_args_get_bytes(&bytes, &size, args, "pool") == KIN_OK && size == sizeof ref);
    memcpy(&ref, bytes, sizeof ref);
    return -(int)kin_pool_work(ref, (uint64_t)given_number(args, "max_tasks"), PATIENCE);
}

/* Owns a pool until it is killed. */
static int child_own(const kin_args *args)
{
    kin_ref *place = given(args, "place", KIN_TYPE_MEMORY);
    kin_sem *ready = given(args, "ready", KIN_TYPE_SEM);
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    options.external = 1;
    CHECK(place && ready && kin_pool_create(&pool, NULL, &options) == KIN_OK);
    CHECK(kin_pool_ref(place, pool) == KIN_OK);
    CHECK(kin_sem_release(ready, 1) == KIN_OK);
    kin_sleep(PATIENCE);
    return 0;
}

/* A program that nobody of the family has started, and that finds the pool by its name. */
static int be_stranger(void)
{
    kin_family *family = NULL;
    void *place = NULL;
    kin_ref ref;
    CHECK(kin_family_open(&family, name, KIN_FAMILY_JOIN, NULL) == KIN_OK);
    CHECK(kin_name_get(&place, family, "pool", KIN_TYPE_MEMORY) == KIN_OK);
    CHECK(kin_ref_of(&ref, KIN_TYPE_MEMORY, place) == KIN_OK);
    CHECK(kin_pool_work(ref, 0, PATIENCE) == KIN_OK);
    kin_family_close(family);
    return 0;
}

/* ---- tests ---- */

static void jobs_wait_for_workers_that_come(void **state)
{
    (void)state;
    kin_ref ref;
    uint64_t before = count_blocks();
    int32_t *numbers = new_numbers(NULL);
    kin_pool *pool = new_pool(&ref, NULL, NULL, NULL);
    kin_job job = job_on("square", numbers);
    kin_future *future = submit(pool, &job);
    assert_status(kin_future_wait(future, KIN_MS(30)), KIN_E_TIMED_OUT);
    assert_non_null(strstr(kin_last_error(), "no worker"));
    assert_int_equal(inspect(pool).alive, 0);
    kin_process *workers[] = {start_worker(ref, 0), start_worker(ref, 0)};
    assert_ok(kin_future_wait(future, PATIENCE));
    check_squares(numbers);
    await_alive(pool, 2);
    kin_pool_info info = inspect(pool);
    for (int i = 0; i < 2; i++) {
        uint32_t pid = kin_process_pid(workers[i]);
        assert_true(info.pids[0] == pid || info.pids[1] == pid);
    }
    assert_int_equal(info.started, 2);
    assert_int_equal(info.workers, 2);
    assert_ok(kin_pool_close(pool));
    assert_ok(kin_pool_join(pool, PATIENCE));
    for (int i = 0; i < 2; i++) {
        join_child(workers[i], KIN_OK);
    }
    info = inspect(pool);
    assert_true(info.alive == 0 && info.died == 0 && info.closed);
    kin_future_close(future);
    kin_pool_destroy(pool);
    assert_ok(kin_free(numbers));
    assert_int_equal(count_blocks(), before);
}

static void strangers_work_in_a_family_with_a_name(void **state)
{
    (void)state;
    enum { STRANGERS = 3 };
    kin_family *family = NULL;
    kin_ref ref;
    void *place = NULL;
    intptr_t strangers[STRANGERS];
    snprintf(name, sizeof name, "external-%u-%llx", (unsigned)kin_os_pid(), (unsigned long long)now_ns());
    assert_ok(kin_family_open(&family, name, KIN_FAMILY_CREATE, NULL));
    int32_t *numbers = new_numbers(family);
    kin_pool *pool = new_pool(&ref, family, NULL, NULL);
    assert_ok(kin_ref_get(&place, KIN_TYPE_MEMORY, ref));
    assert_ok(kin_name_set("pool", KIN_TYPE_MEMORY, place));
    for (int i = 0; i < STRANGERS; i++) {
        strangers[i] = start_stranger("work", name);
    }
    kin_job job = job_on("square", numbers);
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    check_squares(numbers);
    await_alive(pool, STRANGERS);
    assert_ok(kin_pool_close(pool));
    for (int i = 0; i < STRANGERS; i++) {
        assert_int_equal(end_of_self(strangers[i]), 0);
    }
    kin_pool_destroy(pool);
    assert_ok(kin_free(numbers));
    kin_family_close(family);
}

static void worker_says_how_long_it_works(void **state)
{
    (void)state;
    kin_ref ref;
    int32_t *numbers = new_numbers(NULL);
    kin_thread self;
    assert_ok(kin_thread_current(&self));
    kin_pool *pool = new_pool(&ref, NULL, NULL, NULL);
    kin_job job = job_on("square", numbers);
    assert_status(kin_pool_work(ref, 0, KIN_NOW), KIN_E_TIMED_OUT); /* also the owner's own thread */
    assert_status(kin_pool_work(ref, 0, KIN_MS(5)), KIN_E_TIMED_OUT);
    kin_future *future = submit(pool, &job);
    assert_ok(kin_pool_work(ref, ITEMS / 2, KIN_NOW));
    kin_job_result result = KIN_JOB_RESULT_INIT;
    assert_ok(kin_future_inspect(future, &result));
    assert_int_equal(result.done, ITEMS / 2);
    assert_ok(kin_thread_interrupt(self)); /* it does a task or none, and says so */
    assert_status(kin_pool_work(ref, 0, PATIENCE), KIN_E_INTERRUPTED);
    assert_status(kin_pool_work(ref, 0, KIN_NOW), KIN_E_TIMED_OUT);
    assert_ok(kin_future_wait(future, KIN_NOW));
    check_squares(numbers);
    assert_ok(kin_thread_interrupt(self));
    assert_status(kin_pool_work(ref, 0, KIN_FOREVER), KIN_E_INTERRUPTED);
    assert_int_equal(inspect(pool).alive, 0);
    assert_int_equal(inspect(pool).started, 6);
    kin_future_close(future);
    assert_ok(kin_pool_close(pool));
    assert_ok(kin_pool_work(ref, 0, PATIENCE));
    kin_pool_destroy(pool);
    assert_status(kin_pool_work(ref, 0, PATIENCE), KIN_E_STALE);
    assert_ok(kin_free(numbers));
}

static void death_fails_one_task_or_is_tried_again(void **state)
{
    (void)state;
    kin_ref ref;
    uint64_t before = count_blocks();
    int32_t *numbers = new_numbers(NULL);
    kin_pool *pool = new_pool(&ref, NULL, NULL, NULL);
    kin_job job = job_on("exit_once", numbers);
    job.count = 3;
    job.retries = 1;
    kin_future *future = submit(pool, &job);
    for (uint32_t died = 1; died <= 3; died++) { /* nobody starts another one but this program */
        join_child(start_worker(ref, 0), 13);
        kin_pool_info info = inspect(pool);
        assert_true(info.alive == 0 && info.died == died && info.started == died);
    }
    assert_status(kin_future_wait(future, KIN_MS(30)), KIN_E_TIMED_OUT);
    kin_process *worker = start_worker(ref, 0);
    assert_ok(kin_future_wait(future, PATIENCE));
    assert_true(numbers[0] == 0 && numbers[1] == 1 && numbers[2] == 4);
    kin_future_close(future);
    kin_job exits = job_on("exit", NULL);
    exits.in_size = exits.out_size = 0;
    exits.count = 1;
    future = submit(pool, &exits);
    join_child(worker, 13);
    assert_status(kin_future_wait(future, PATIENCE), KIN_E_WORKER_DIED);
    kin_future_close(future);
    kin_pool_destroy(pool);
    assert_ok(kin_free(numbers));
    assert_int_equal(count_blocks(), before);
}

/* Two semaphores for run_wait. */
typedef struct gate {
    kin_sem *begun, *go;
    kin_args *args;
} gate;

static gate new_gate(void)
{
    gate it = {.args = new_args()};
    assert_ok(kin_sem_create(&it.begun, NULL, 0, 0));
    assert_ok(kin_sem_create(&it.go, NULL, 0, 0));
    give(it.args, "begun", KIN_TYPE_SEM, it.begun);
    give(it.args, "go", KIN_TYPE_SEM, it.go);
    return it;
}

static void end_gate(gate *it)
{
    kin_args_destroy(it->args);
    assert_ok(kin_sem_destroy(it->begun));
    assert_ok(kin_sem_destroy(it->go));
}

static void killed_worker_is_noticed(void **state)
{
    (void)state;
    kin_ref ref;
    gate at = new_gate();
    kin_pool *pool = new_pool(&ref, NULL, at.args, NULL);
    kin_job job = KIN_JOB_INIT;
    job.task = "wait";
    kin_process *worker = start_worker(ref, 0), *idle = start_worker(ref, 0);
    await_alive(pool, 2);
    kin_future *future = submit(pool, &job);
    assert_ok(kin_sem_acquire(at.begun, 1, PATIENCE));
    assert_status(kin_future_kill(future), KIN_E_BUSY); /* kin kills no such worker */
    kill_child(worker);
    kill_child(idle); /* one of them had the task */
    assert_status(kin_future_wait(future, PATIENCE), KIN_E_WORKER_DIED);
    assert_true(inspect(pool).alive == 0 && inspect(pool).died == 2);
    kin_future_close(future);
    kin_pool_destroy(pool);
    end_gate(&at);
}

/* The pool's memory is not freed under a worker that is in a task. */
static void destroy_waits_for_tasks_that_run(void **state)
{
    (void)state;
    kin_ref ref;
    gate at = new_gate();
    uint64_t before = count_blocks();
    kin_pool *pool = new_pool(&ref, NULL, at.args, NULL);
    kin_job job = KIN_JOB_INIT;
    job.task = "wait";
    kin_future *running = submit(pool, &job), *waiting = submit(pool, &job);
    kin_process *worker = start_worker(ref, 0);
    assert_ok(kin_sem_acquire(at.begun, 1, PATIENCE));
    assert_ok(kin_pool_terminate(pool));
    assert_status(kin_future_wait(waiting, PATIENCE), KIN_E_CANCELLED);
    assert_status(kin_future_wait(running, KIN_NOW), KIN_E_TIMED_OUT);
    assert_status(kin_pool_join(pool, KIN_MS(30)), KIN_E_TIMED_OUT);
    assert_ok(kin_sem_release(at.go, 1));
    kin_pool_destroy(pool);
    assert_ok(kin_future_wait(running, KIN_NOW));
    kin_future_close(running);
    kin_future_close(waiting);
    join_child(worker, KIN_OK);
    assert_int_equal(count_blocks(), before);
    end_gate(&at);
}

static void workers_leave_when_the_owner_dies(void **state)
{
    (void)state;
    kin_ref *place = NULL;
    kin_sem *ready = NULL;
    assert_ok(KIN_ALLOC(&place, NULL, 1));
    assert_ok(kin_sem_create(&ready, NULL, 0, 0));
    kin_args *args = new_args();
    give(args, "place", KIN_TYPE_MEMORY, place);
    give(args, "ready", KIN_TYPE_SEM, ready);
    kin_process *owner = start_child("own", args);
    kin_args_destroy(args);
    assert_ok(kin_sem_acquire(ready, 1, PATIENCE));
    kin_process *worker = start_worker(*place, 0);
    kin_sleep(KIN_MS(30));
    kill_child(owner);
    join_child(worker, -KIN_E_CLOSED);
    assert_status(kin_pool_work(*place, 0, PATIENCE), KIN_E_CLOSED);
    assert_ok(kin_free(place));
    assert_ok(kin_sem_destroy(ready));
}

static void initializer_that_fails_is_told_to_the_worker(void **state)
{
    (void)state;
    kin_ref ref;
    kin_pool *pool = new_pool(&ref, NULL, NULL, "refuse");
    assert_status(kin_pool_work(ref, 0, PATIENCE), KIN_E_TASK);
    assert_non_null(strstr(kin_last_error(), "77"));
    assert_non_null(strstr(kin_last_error(), "no licence"));
    assert_true(inspect(pool).alive == 0 && !inspect(pool).broken);
    kin_pool_destroy(pool);
}

typedef struct current { /* the pool that is there just now */
    kin_ref ref;
    _Atomic int over;
} current;

/* The two words may be of two pools. */
static kin_ref read_ref(const current *it)
{
    const volatile kin_word *words = it->ref.opaque;
    return (kin_ref){{words[0], words[1]}};
}

static void write_ref(current *it, kin_ref ref)
{
    volatile kin_word *words = it->ref.opaque;
    words[0] = ref.opaque[0];
    words[1] = ref.opaque[1];
}

static int child_enter(const kin_args *args)
{
    current *it = given(args, "current", KIN_TYPE_MEMORY);
    CHECK(it);
    for (int64_t end = now_ns() + PATIENCE; !atomic_load(&it->over);) { /* also if the test has failed */
        CHECK(now_ns() < end);
        kin_status status = kin_pool_work(read_ref(it), 0, KIN_US(100));
        if (status != KIN_OK && status != KIN_E_TIMED_OUT && status != KIN_E_STALE) {
            fprintf(stderr, "%s: %s\n", kin_status_name(status), kin_last_error());
            return 1;
        }
    }
    return 0;
}

/* Pools are destroyed while workers enter them. */
static void workers_enter_while_pools_are_destroyed(void **state)
{
    (void)state;
    current *it = NULL;
    kin_ref ref;
    kin_process *enterers[2] = {NULL, NULL};
    uint64_t before = count_blocks();
    assert_ok(KIN_ALLOC(&it, NULL, 1));
    kin_args *args = new_args();
    give(args, "current", KIN_TYPE_MEMORY, it);
    for (int64_t end = now_ns() + KIN_SECONDS(1); now_ns() < end;) {
        kin_pool *pool = new_pool(&ref, NULL, NULL, NULL);
        kin_job job = KIN_JOB_INIT;
        job.task = "square";
        write_ref(it, ref);
        for (int i = 0; i < 2 && !enterers[1]; i++) {
            enterers[i] = start_child("enter", args);
        }
        kin_future *future = submit(pool, &job);
        kin_future_wait(future, KIN_US(200));
        kin_future_close(future);
        kin_pool_destroy(pool);
        char *other = NULL; /* perhaps where the pool was */
        assert_ok(KIN_ALLOC(&other, NULL, 50000));
        for (size_t i = 0; i < 50000; i++) {
            assert_int_equal(other[i], 0);
        }
        assert_ok(kin_free(other));
    }
    atomic_store(&it->over, 1);
    for (int i = 0; i < 2; i++) {
        join_child(enterers[i], 0);
    }
    kin_args_destroy(args);
    assert_ok(kin_free(it));
    assert_int_equal(count_blocks(), before);
}

static void bad_use_is_refused(void **state)
{
    (void)state;
    kin_ref ref;
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL, *own = NULL;
    kin_future *future = NULL;
    int *memory = NULL;
    options.external = 1;
    options.max_tasks = 1;
    assert_status(kin_pool_create(&pool, NULL, &options), KIN_E_ARGUMENT);
    options.max_tasks = 0;
    assert_ok(kin_pool_create(&pool, NULL, &options));
    assert_status(kin_pool_ref(NULL, pool), KIN_E_ARGUMENT);
    assert_status(kin_pool_ref(&ref, NULL), KIN_E_ARGUMENT);
    assert_ok(kin_pool_ref(&ref, pool));
    assert_status(kin_pool_resize(pool, 1), KIN_E_UNSUPPORTED);
    kin_job job = KIN_JOB_INIT;
    job.task = "square";
    job.limit = KIN_SECONDS(1);
    assert_status(kin_pool_submit(&future, pool, &job, PATIENCE), KIN_E_UNSUPPORTED);
    assert_status(kin_pool_work(ref, 0, -1), KIN_E_ARGUMENT);
    kin_pool_destroy(pool);
    assert_status(kin_pool_work(ref, 0, PATIENCE), KIN_E_STALE);
    assert_ok(KIN_ALLOC(&memory, NULL, 100000));
    assert_ok(kin_ref_of(&ref, KIN_TYPE_MEMORY, memory));
    assert_status(kin_pool_work(ref, 0, PATIENCE), KIN_E_TYPE);
    assert_ok(kin_free(memory));
    options.external = 0;
    options.workers = 1;
    assert_ok(kin_pool_create(&own, NULL, &options));
    assert_status(kin_pool_ref(&ref, own), KIN_E_UNSUPPORTED);
    kin_pool_destroy(own);
}

int main(int argc, char **argv)
{
    kin_register_tasks(functions, sizeof functions / sizeof functions[0]);
    const char *colon = argc == 2 ? strchr(argv[1], ':') : NULL;
    if (colon) {
        snprintf(name, sizeof name, "%s", colon + 1);
        return be_stranger();
    }
    static const kin_child_entry entries[] = {{"work", child_work}, {"own", child_own}, {"enter", child_enter}};
    kin_child_main(entries, 3);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_wait_for_workers_that_come),
        cmocka_unit_test(strangers_work_in_a_family_with_a_name),
        cmocka_unit_test(worker_says_how_long_it_works),
        unit_test_with_deaths(death_fails_one_task_or_is_tried_again),
        unit_test_with_deaths(killed_worker_is_noticed),
        cmocka_unit_test(destroy_waits_for_tasks_that_run),
        unit_test_with_deaths(workers_leave_when_the_owner_dies),
        cmocka_unit_test(initializer_that_fails_is_told_to_the_worker),
        cmocka_unit_test(workers_enter_while_pools_are_destroyed),
        cmocka_unit_test(bad_use_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
