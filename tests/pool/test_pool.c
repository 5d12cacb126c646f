/* Pools: work of all kinds comes back whole; who dies fails one task; nothing hangs and nothing is left. */
#include "pool/maker.h"
#include "support.h"

#include <stdlib.h>

/* ---- what workers run ---- */

static int run_square(kin_task *task)
{
    const int32_t *in = task->in;
    int32_t *out = task->out;
    for (size_t i = 0; i < task->count; i++) {
        out[i] = (int32_t)((uint32_t)in[i] * (uint32_t)in[i]); /* of large ones the lowest bits */
    }
    return 0;
}

/* Some twenty microseconds for each. */
static int run_square_slowly(kin_task *task)
{
    int64_t end = kin_now() + KIN_US(20) * (int64_t)task->count;
    while (kin_now() < end) {
    }
    return run_square(task);
}

/* The text, twice. */
static int run_echo(kin_task *task)
{
    if (task->out_size < 2 * task->in_size) {
        return KIN_E_TOO_BIG;
    }
    memcpy(task->out, task->in, task->in_size);
    memcpy((char *)task->out + task->in_size, task->in, task->in_size);
    task->out_used = 2 * task->in_size;
    return 0;
}

static int run_nap(kin_task *task)
{
    (void)task;
    kin_os_sleep_until(kin_os_now() + KIN_MS(2));
    return 0;
}

static int run_fail_on_7(kin_task *task)
{
    const int32_t *in = task->in;
    for (size_t i = 0; i < task->count; i++) {
        if (in[i] == 7) {
            snprintf(task->message, sizeof task->message, "I do not like %d", (int)in[i]);
            return 1234;
        }
    }
    return run_square(task);
}

static int run_die_on_7(kin_task *task)
{
    const int32_t *in = task->in;
    for (size_t i = 0; i < task->count; i++) {
        if (in[i] == 7) {
            abort();
        }
    }
    return run_square(task);
}

static int run_exit(kin_task *task)
{
    exit(*(const int *)task->in);
}

/* Dies of the first attempts. */
static int run_third_time(kin_task *task)
{
    if (task->attempt < 2) {
        abort();
    }
    *(uint32_t *)task->out = task->attempt;
    return 0;
}

static int run_rest(kin_task *task)
{
    kin_sem *never = NULL;
    if (kin_args_get_object((void **)&never, task->args, "never", KIN_TYPE_SEM) != KIN_OK) {
        return 1;
    }
    for (size_t i = 0; i < task->count; i++) {
        kin_sem_acquire(never, 1000, ((const int64_t *)task->in)[i]);
    }
    return 0;
}

/* Adds under a lock that came as the task's argument, or as the pool's. */
static int run_add(kin_task *task)
{
    kin_lock *lock = NULL;
    int64_t *sum = NULL;
    const kin_args *from =
        kin_args_get_object((void **)&lock, task->args, "lock", KIN_TYPE_LOCK) == KIN_OK ? task->args : task->shared;
    if (kin_args_get_object((void **)&lock, from, "lock", KIN_TYPE_LOCK) != KIN_OK ||
        kin_args_get_object((void **)&sum, from, "sum", KIN_TYPE_MEMORY) != KIN_OK ||
        kin_lock_acquire(lock, PATIENCE) != KIN_OK) {
        return 1;
    }
    int64_t seen = *sum;
    for (volatile int i = 0; i < 100; i++) {
    }
    *sum = seen + 1;
    return kin_lock_release(lock) != KIN_OK;
}

static int initialized;

static int run_initialize(kin_task *task)
{
    kin_counter *count = NULL;
    if (kin_args_get_object((void **)&count, task->shared, "count", KIN_TYPE_COUNTER) != KIN_OK ||
        kin_counter_add(count, 1, NULL) != KIN_OK) {
        return 1;
    }
    initialized = 1;
    return 0;
}

static int run_ask_initialized(kin_task *task)
{
    *(int *)task->out = initialized;
    return 0;
}

static int run_crash(kin_task *task)
{
    (void)task;
    abort();
}

static int run_count_pid(kin_task *task)
{
    kin_counter *count = NULL;
    if (kin_args_get_object((void **)&count, task->args, "count", KIN_TYPE_COUNTER) != KIN_OK) {
        return 1;
    }
    for (size_t i = 0; i < task->count; i++) {
        kin_counter_add(count, 1, NULL);
    }
    return 0;
}

static const kin_task_entry functions[] = {
    {"square", run_square},
    {"echo", run_echo},
    {"square_slowly", run_square_slowly},
    {"fail_on_7", run_fail_on_7},
    {"die_on_7", run_die_on_7},
    {"exit", run_exit},
    {"third_time", run_third_time},
    {"nap", run_nap},
    {"rest", run_rest},
    {"add", run_add},
    {"initialize", run_initialize},
    {"ask_initialized", run_ask_initialized},
    {"crash", run_crash},
    {"count", run_count_pid},
};

/* ---- helpers ---- */

static kin_pool *new_pool(uint32_t workers)
{
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    options.workers = workers;
    assert_ok(kin_pool_create(&pool, NULL, &options));
    return pool;
}

static int32_t *new_numbers(size_t count)
{
    int32_t *numbers = NULL;
    assert_ok(kin_alloc((void **)&numbers, NULL, count * sizeof *numbers));
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (int32_t)(i % 30000);
    }
    return numbers;
}

static kin_job job_on(const char *function, void *in, void *out, size_t item, size_t count)
{
    kin_job job = KIN_JOB_INIT;
    job.task = function;
    job.in = in;
    job.out = out;
    job.in_size = in ? item : 0;
    job.out_size = out ? item : 0;
    job.count = count;
    return job;
}

static kin_pool_info inspect(kin_pool *pool)
{
    kin_pool_info info = KIN_POOL_INFO_INIT;
    assert_ok(kin_pool_inspect(pool, &info));
    return info;
}

static void wait_until_alive(kin_pool *pool, uint32_t alive)
{
    int64_t end = now_ns() + KIN_SECONDS(20);
    while (inspect(pool).alive != alive && now_ns() < end) {
        assert_ok(kin_pool_poll(pool));
    }
    assert_int_equal(inspect(pool).alive, alive);
}

/* A task that takes so long. */
static kin_future *rest_for(kin_pool *pool, kin_sem *never, int64_t time, int64_t limit)
{
    kin_future *future = NULL;
    kin_args *args = new_args();
    give(args, "never", KIN_TYPE_SEM, never);
    kin_job job = job_on("rest", &time, NULL, sizeof time, 0);
    job.args = args;
    job.limit = limit;
    assert_ok(kin_pool_submit(&future, pool, &job, KIN_FOREVER));
    kin_args_destroy(args);
    return future;
}

static kin_job_result outcome_of(kin_future *future)
{
    kin_job_result outcome = KIN_JOB_RESULT_INIT;
    assert_ok(kin_future_inspect(future, &outcome));
    return outcome;
}

static void check_squares(const int32_t *in, const int32_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(out[i], in[i] * in[i]);
    }
}

/* ---- children ---- */

/* Has a pool whose workers rest for minutes, and waits to be killed. */
static int child_have_pool(const kin_args *args)
{
    kin_sem *never = given(args, "never", KIN_TYPE_SEM), *ready = given(args, "ready", KIN_TYPE_SEM);
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    kin_future *future = NULL;
    int64_t times[2] = {KIN_SECONDS(200), KIN_SECONDS(200)}, *shared = NULL;
    options.workers = 2;
    CHECK(never && ready && kin_pool_create(&pool, NULL, &options) == KIN_OK);
    CHECK(kin_alloc((void **)&shared, NULL, sizeof times) == KIN_OK);
    memcpy(shared, times, sizeof times);
    kin_job job = job_on("rest", shared, NULL, sizeof times[0], 2);
    job.out_size = 0;
    job.chunk = 1;
    job.args = args;
    CHECK(kin_pool_submit(&future, pool, &job, PATIENCE) == KIN_OK);
    CHECK(kin_future_wait(future, KIN_MS(300)) == KIN_E_TIMED_OUT);
    CHECK(kin_sem_release(ready, 1) == KIN_OK);
    kin_sem_acquire(never, 1000, PATIENCE);
    return 0;
}

/* ---- tests ---- */

static void workers_die_with_their_maker(void **state)
{
    (void)state;
    kin_sem *never = NULL, *ready = NULL;
    assert_ok(kin_sem_create(&never, NULL, 0, 0));
    assert_ok(kin_sem_create(&ready, NULL, 0, 0));
    kin_args *args = new_args();
    give(args, "never", KIN_TYPE_SEM, never);
    give(args, "ready", KIN_TYPE_SEM, ready);
    kin_process *maker = start_child("have_pool", args);
    kin_args_destroy(args);
    assert_ok(kin_sem_acquire(ready, 1, PATIENCE));
    for (int64_t end = now_ns() + PATIENCE; inspect_family().members < 4 && now_ns() < end;) {
        assert_ok(kin_sleep(KIN_MS(1))); /* both workers begin at once, on a quiet machine */
    }
    assert_int_equal(inspect_family().members, 4);
    kill_child(maker);
    for (int64_t end = now_ns() + KIN_SECONDS(10); inspect_family().members > 1 && now_ns() < end;) {
        assert_ok(kin_family_reap(NULL, NULL));
    }
    assert_int_equal(inspect_family().members, 1);
    assert_ok(kin_sem_destroy(ready));
    assert_ok(kin_sem_destroy(never));
}

static void map_does_all_items_once(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 3, 100, 12345, 300000}, chunks[] = {0, 1, 7, 1000000};
    kin_pool *pool = new_pool(3);
    int32_t *in = new_numbers(300000), *out = new_numbers(300000);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (size_t j = 0; j < sizeof chunks / sizeof chunks[0]; j++) {
            kin_job_result outcome = KIN_JOB_RESULT_INIT;
            kin_job job = job_on("square", in, out, sizeof *in, counts[i]);
            job.chunk = chunks[j];
            memset(out, 255, 300000 * sizeof *out);
            assert_ok(kin_pool_map(pool, &job, &outcome, KIN_FOREVER));
            check_squares(in, out, counts[i]);
            assert_true(counts[i] == 300000 || out[counts[i]] == -1);
            assert_int_equal(outcome.done, outcome.tasks);
        }
    }
    kin_job job = job_on("square", in, in, sizeof *in, 5); /* in place */
    assert_ok(kin_pool_map(pool, &job, NULL, KIN_FOREVER));
    assert_true(in[4] == 16 && in[5] == 5);
    kin_pool_destroy(pool);
    assert_ok(kin_free(in));
    assert_ok(kin_free(out));
}

static void work_submitted_alone_brings_its_result(void **state)
{
    (void)state;
    kin_pool *pool = new_pool(2);
    kin_future *futures[50];
    for (int i = 0; i < 50; i++) {
        char text[16];
        kin_job job = KIN_JOB_INIT;
        snprintf(text, sizeof text, "%d,", i);
        job.task = "echo";
        job.in = text;
        job.in_size = strlen(text);
        job.out_size = 32;
        assert_ok(kin_pool_submit(&futures[i], pool, &job, KIN_FOREVER));
    }
    for (int i = 49; i >= 0; i--) {
        const void *result = NULL;
        size_t size = 0;
        char expected[32];
        snprintf(expected, sizeof expected, "%d,%d,", i, i);
        assert_ok(kin_future_get(&result, &size, futures[i], PATIENCE));
        assert_int_equal(size, strlen(expected));
        assert_memory_equal(result, expected, size);
        assert_true(kin_future_ready(futures[i]));
        kin_future_close(futures[i]);
    }
    char text[] = "ab", out[4] = "";
    kin_job job = KIN_JOB_INIT;
    job.task = "echo";
    job.in = text;
    job.in_size = 2;
    job.out = out;
    job.out_size = 4;
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    assert_memory_equal(out, "abab", 4);
    kin_pool_destroy(pool);
}

static void failure_is_told_with_its_message(void **state)
{
    (void)state;
    kin_pool *pool = new_pool(2);
    int32_t *numbers = new_numbers(100), *out = new_numbers(100);
    kin_job_result outcome = KIN_JOB_RESULT_INIT;
    kin_job job = job_on("fail_on_7", numbers, out, sizeof *numbers, 100);
    job.chunk = 1;
    assert_status(kin_pool_map(pool, &job, &outcome, PATIENCE), KIN_E_TASK);
    assert_true(outcome.done == 99 && outcome.failed == 1 && outcome.task == 7 && outcome.status == 1234);
    assert_string_equal(outcome.message, "I do not like 7");
    out[7] = 49;
    check_squares(numbers, out, 100);
    assert_int_equal(inspect(pool).died, 0);
    kin_pool_destroy(pool);
    assert_ok(kin_free(numbers));
    assert_ok(kin_free(out));
}

static void death_fails_one_task(void **state)
{
    (void)state;
    kin_pool *pool = new_pool(2);
    int32_t *numbers = new_numbers(5000), *out = new_numbers(5000);
    kin_job_result outcome = KIN_JOB_RESULT_INIT;
    kin_job job = job_on("die_on_7", numbers, out, sizeof *numbers, 5000);
    job.chunk = 1;
    assert_status(kin_pool_map(pool, &job, &outcome, PATIENCE), KIN_E_WORKER_DIED);
    assert_true(outcome.done == 4999 && outcome.died == 1 && outcome.task == 7 && outcome.status == KIN_E_WORKER_DIED);
    assert_true(outcome.worker.signal != 0 || outcome.worker.code != 0);
    out[7] = 49;
    check_squares(numbers, out, 5000);
    wait_until_alive(pool, 2);
    assert_int_equal(inspect(pool).died, 1);
    int code = 3;
    job = job_on("exit", &code, NULL, sizeof code, 0);
    assert_status(kin_pool_map(pool, &job, &outcome, PATIENCE), KIN_E_WORKER_DIED);
    assert_true(outcome.worker.code == 3 && outcome.worker.signal == 0);
    kin_pool_destroy(pool);
    assert_ok(kin_free(numbers));
    assert_ok(kin_free(out));
}

static void retries_are_counted(void **state)
{
    (void)state;
    kin_pool *pool = new_pool(1);
    uint32_t attempt = 0;
    kin_job job = job_on("third_time", NULL, &attempt, sizeof attempt, 0);
    job.retries = 2;
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    assert_int_equal(attempt, 2);
    job.retries = 1;
    assert_status(kin_pool_map(pool, &job, NULL, PATIENCE), KIN_E_WORKER_DIED);
    kin_pool_destroy(pool);
}

static void task_that_takes_too_long_is_killed(void **state)
{
    (void)state;
    kin_pool *pool = new_pool(1);
    kin_sem *never = NULL;
    assert_ok(kin_sem_create(&never, NULL, 0, 0));
    kin_future *future = rest_for(pool, never, KIN_SECONDS(100), KIN_MS(50));
    assert_status(kin_future_wait(future, PATIENCE), KIN_E_WORKER_DIED);
    assert_int_equal(outcome_of(future).status, KIN_E_TIMED_OUT);
    assert_int_equal(outcome_of(future).worker.timed_out, 1);
    kin_future_close(future);
    future = rest_for(pool, never, KIN_MS(1), KIN_SECONDS(20));
    assert_ok(kin_future_wait(future, PATIENCE));
    kin_future_close(future);
    kin_pool_destroy(pool);
    assert_ok(kin_sem_destroy(never));
}

static void locks_are_arguments(void **state)
{
    (void)state;
    kin_lock *lock = NULL;
    int64_t *sum = NULL;
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_ok(kin_alloc((void **)&sum, NULL, sizeof *sum));
    kin_args *args = new_args();
    give(args, "lock", KIN_TYPE_LOCK, lock);
    give(args, "sum", KIN_TYPE_MEMORY, sum);
    kin_pool *pool = new_pool(3);
    kin_job job = job_on("add", NULL, NULL, 0, 3000);
    job.chunk = 1;
    job.args = args;
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    assert_int_equal(*sum, 3000);
    kin_pool_destroy(pool);
    kin_pool_options options = KIN_POOL_OPTIONS_INIT; /* the same, as the pool's own */
    options.workers = 3;
    options.args = args;
    assert_ok(kin_pool_create(&pool, NULL, &options));
    job.args = NULL;
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    assert_int_equal(*sum, 6000);
    kin_pool_destroy(pool);
    kin_args_destroy(args);
    assert_ok(kin_lock_destroy(lock));
    assert_ok(kin_free(sum));
}

static void initializer_runs_once_in_each_worker(void **state)
{
    (void)state;
    kin_counter *count = NULL;
    kin_pool *pool = NULL;
    int answer = 0;
    int64_t ran = 0;
    assert_ok(kin_counter_create(&count, NULL, 0));
    kin_args *args = new_args();
    give(args, "count", KIN_TYPE_COUNTER, count);
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    options.workers = 2;
    options.initializer = "initialize";
    options.args = args;
    assert_ok(kin_pool_create(&pool, NULL, &options));
    for (int i = 0; i < 10; i++) {
        kin_job job = job_on("ask_initialized", NULL, &answer, sizeof answer, 0);
        assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
        assert_int_equal(answer, 1);
    }
    assert_ok(kin_pool_close(pool));
    assert_ok(kin_pool_join(pool, PATIENCE));
    assert_ok(kin_counter_get(count, &ran));
    assert_int_equal(ran, 2);
    kin_pool_destroy(pool);
    kin_args_destroy(args);
    assert_ok(kin_counter_destroy(count));
}

static void initializer_that_always_crashes_ends_the_pool(void **state)
{
    (void)state;
    kin_pool *pool = NULL;
    kin_future *future = NULL;
    int answer = 0;
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    options.workers = 2;
    options.initializer = "crash";
    assert_ok(kin_pool_create(&pool, NULL, &options));
    kin_job job = job_on("ask_initialized", NULL, &answer, sizeof answer, 0);
    assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
    assert_status(kin_future_wait(future, PATIENCE), KIN_E_WORKER_DIED);
    kin_future_close(future);
    assert_status(kin_pool_submit(&future, pool, &job, PATIENCE), KIN_E_WORKER_DIED);
    kin_pool_info info = inspect(pool);
    assert_true(info.broken && info.alive == 0 && (info.last.signal != 0 || info.last.code != 0));
    kin_pool_destroy(pool);
}

static void workers_end_after_so_many_tasks(void **state)
{
    (void)state;
    kin_pool *pool = NULL;
    int32_t *numbers = new_numbers(100), *out = new_numbers(100);
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    options.workers = 2;
    options.max_tasks = 10;
    assert_ok(kin_pool_create(&pool, NULL, &options));
    kin_job job = job_on("square", numbers, out, sizeof *numbers, 100);
    job.chunk = 1;
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    check_squares(numbers, out, 100);
    assert_true(inspect(pool).started >= 10);
    assert_int_equal(inspect(pool).died, 0);
    kin_pool_destroy(pool);
    assert_ok(kin_free(numbers));
    assert_ok(kin_free(out));
}

static void close_lets_all_be_done(void **state)
{
    (void)state;
    kin_pool *pool = new_pool(2);
    kin_counter *count = NULL;
    kin_future *future = NULL;
    int64_t done = 0;
    assert_ok(kin_counter_create(&count, NULL, 0));
    kin_args *args = new_args();
    give(args, "count", KIN_TYPE_COUNTER, count);
    kin_job job = job_on("count", NULL, NULL, 0, 1000);
    job.args = args;
    assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
    assert_status(kin_pool_join(pool, KIN_NOW), KIN_E_BUSY);
    assert_ok(kin_pool_close(pool));
    kin_future *late = NULL;
    assert_status(kin_pool_submit(&late, pool, &job, PATIENCE), KIN_E_CLOSED);
    assert_ok(kin_pool_join(pool, PATIENCE));
    assert_ok(kin_future_wait(future, KIN_NOW));
    assert_ok(kin_counter_get(count, &done));
    assert_int_equal(done, 1000);
    assert_int_equal(inspect(pool).alive, 0);
    kin_future_close(future);
    kin_pool_destroy(pool);
    kin_args_destroy(args);
    assert_ok(kin_counter_destroy(count));
}

static void terminate_ends_it_at_once(void **state)
{
    (void)state;
    kin_sem *never = NULL;
    assert_ok(kin_sem_create(&never, NULL, 0, 0));
    for (int i = 0; i < 3; i++) {
        kin_pool *pool = new_pool(2);
        kin_future *futures[6];
        for (int j = 0; j < 6; j++) {
            futures[j] = rest_for(pool, never, KIN_SECONDS(100), 0);
        }
        if (i == 1) {
            assert_status(kin_future_wait(futures[0], KIN_MS(100)), KIN_E_TIMED_OUT);
        }
        if (i == 2) {
            assert_ok(kin_pool_close(pool));
        }
        int64_t start = now_ns();
        assert_ok(kin_pool_terminate(pool));
        assert_true(now_ns() - start < KIN_SECONDS(1));
        for (int j = 0; j < 6; j++) {
            kin_status status = kin_future_wait(futures[j], KIN_NOW);
            assert_true(status == KIN_E_CANCELLED || status == KIN_E_WORKER_DIED);
            kin_future_close(futures[j]);
        }
        assert_ok(kin_pool_join(pool, PATIENCE));
        kin_pool_destroy(pool);
    }
    assert_ok(kin_sem_destroy(never));
}

static void cancel_takes_what_nobody_has_begun(void **state)
{
    (void)state;
    kin_pool *pool = new_pool(1);
    kin_sem *never = NULL;
    assert_ok(kin_sem_create(&never, NULL, 0, 0));
    kin_future *first = rest_for(pool, never, KIN_MS(300), 0), *second = rest_for(pool, never, KIN_SECONDS(100), 0);
    assert_status(kin_future_wait(first, KIN_MS(50)), KIN_E_TIMED_OUT);
    assert_ok(kin_future_cancel(second));
    assert_status(kin_future_wait(second, KIN_NOW), KIN_E_CANCELLED);
    assert_int_equal(outcome_of(second).cancelled, 1);
    kin_future_close(second);
    assert_ok(kin_future_wait(first, PATIENCE));
    kin_future_close(first);
    kin_pool_destroy(pool);
    assert_ok(kin_sem_destroy(never));
}

static void results_come_one_after_the_other(void **state)
{
    (void)state;
    kin_pool *pool = new_pool(2);
    int32_t *numbers = new_numbers(1000), *out = new_numbers(1000);
    for (int in_order = 0; in_order < 2; in_order++) {
        kin_future *future = NULL;
        uint64_t first = 0, count = 0, seen = 0;
        int status = 0;
        char given[1000] = {0};
        kin_job job = job_on("fail_on_7", numbers, out, sizeof *numbers, 1000);
        job.chunk = 3;
        assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
        while (kin_future_next(future, in_order, &first, &count, &status, PATIENCE) == KIN_OK) {
            assert_true(!in_order || first == seen);
            assert_true(count == 3 || first == 999);
            assert_int_equal(status, first == 6 ? 1234 : 0);
            assert_false(given[first]);
            given[first] = 1;
            seen += count;
        }
        assert_int_equal(seen, 1000);
        assert_status(kin_future_next(future, in_order, &first, &count, &status, PATIENCE), KIN_E_END);
        kin_future_close(future);
    }
    kin_pool_destroy(pool);
    assert_ok(kin_free(numbers));
    assert_ok(kin_free(out));
}

static void pool_grows_and_shrinks(void **state)
{
    (void)state;
    kin_pool *pool = new_pool(1);
    int32_t *numbers = new_numbers(100), *out = new_numbers(100);
    kin_job job = job_on("square", numbers, out, sizeof *numbers, 100);
    assert_ok(kin_pool_resize(pool, 4));
    wait_until_alive(pool, 4);
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    assert_ok(kin_pool_resize(pool, 2));
    wait_until_alive(pool, 2);
    memset(out, 0, 100 * sizeof *out);
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    check_squares(numbers, out, 100);
    assert_status(kin_pool_resize(pool, 0), KIN_E_ARGUMENT);
    assert_int_equal(inspect(pool).died, 0);
    kin_pool_destroy(pool);
    assert_ok(kin_free(numbers));
    assert_ok(kin_free(out));
}

typedef struct told {
    uint64_t last, calls, finished;
} told;

static void on_progress(void *context, uint64_t done, uint64_t total)
{
    told *it = context;
    assert_true(done >= it->last && done <= total && total == 100);
    it->last = done;
    it->calls++;
}

static void on_finished(void *context, kin_future *future)
{
    assert_true(kin_future_ready(future));
    ((told *)context)->finished++;
}

static void progress_and_end_are_told(void **state)
{
    (void)state;
    kin_pool *pool = new_pool(2);
    int32_t *numbers = new_numbers(100), *out = new_numbers(100);
    kin_future *future = NULL;
    told it = {0, 0, 0};
    kin_job job = job_on("square", numbers, out, sizeof *numbers, 100);
    job.progress = on_progress;
    job.finished = on_finished;
    job.context = &it;
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    assert_true(it.calls > 0 && it.last == 100 && it.finished == 1);
    it = (told){0, 0, 0};
    assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
    for (int64_t end = now_ns() + PATIENCE; it.finished == 0 && now_ns() < end;) {
        assert_ok(kin_pool_poll(pool)); /* nobody waits for the future itself */
    }
    assert_int_equal(it.finished, 1);
    kin_future_close(future);
    kin_pool_destroy(pool);
    assert_ok(kin_free(numbers));
    assert_ok(kin_free(out));
}

/* Kills one every 50 ms while a hundred thousand tasks are done; each is accounted for. */
static void storm_leaves_no_task_unaccounted_for(void **state)
{
    (void)state;
    enum { COUNT = 100000, KILLS = 25 };
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    options.workers = 2;
    options.max_failures = 1000; /* some are killed before they have begun */
    assert_ok(kin_pool_create(&pool, NULL, &options));
    int32_t *numbers = new_numbers(COUNT), *out = new_numbers(COUNT);
    kin_future *future = NULL;
    uint64_t kills = 0, wrong = 0;
    kin_job job = job_on("square_slowly", numbers, out, sizeof *numbers, COUNT);
    job.chunk = 1;
    memset(out, 255, COUNT * sizeof *out);
    assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
    while (kin_future_wait(future, KIN_MS(50)) == KIN_E_TIMED_OUT) {
        kin_pool_info info = inspect(pool);
        if (info.alive > 0 && kills < KILLS) { /* where beginning takes longer than living, it would not end */
            kill_pid(info.pids[(size_t)rand() % info.alive]);
            kills++;
        }
    }
    kin_job_result outcome = outcome_of(future);
    print_message("%d kills, %d tasks died\n", (int)kills, (int)outcome.died);
    assert_int_equal(outcome.done + outcome.died, COUNT);
    for (int i = 0; i < COUNT; i++) {
        wrong += out[i] != numbers[i] * numbers[i];
    }
    assert_true(kills > 5 && outcome.died <= kills && wrong <= outcome.died);
    kin_future_close(future);
    kin_pool_destroy(pool);
    assert_ok(kin_free(numbers));
    assert_ok(kin_free(out));
    assert_ok(kin_family_reap(NULL, NULL));
    assert_int_equal(inspect_family().members, 1);
}

/* How long one task takes whose poster has counted on a worker that is dead, and is not replaced. */
static int64_t time_after_death_of_spinner(void)
{
    kin_pool *pool = new_pool(2);
    int32_t *numbers = new_numbers(1000);
    kin_job job = job_on("square", numbers, numbers, sizeof *numbers, 1000);
    while (!atomic_load(&pool->shared->slots[0].begun) || !atomic_load(&pool->shared->slots[1].begun)) {
        kin_os_yield();
    }
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE)); /* then both fall asleep, for a whole slice */
    kin_os_sleep_until(kin_os_now() + KIN_MS(10));
    atomic_store(&pool->shared->spinner, pool->workers[1].id);
    pool->size = 1;
    kin_process_kill(pool->workers[1].process);
    job.count = 1;
    int64_t begun = kin_now();
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    int64_t took = kin_now() - begun;
    kin_pool_destroy(pool);
    assert_ok(kin_free(numbers));
    return took;
}

static void task_is_taken_though_who_was_counted_on_died(void **state)
{
    (void)state;
    int64_t best = PATIENCE;
    for (int i = 0; i < 5; i++) {
        int64_t took = time_after_death_of_spinner();
        best = took < best ? took : best;
    }
    assert_true(best < KIN_MS(150)); /* a slice of the pool's, not one of the other worker's sleep */
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_pool *pool = NULL;
    kin_future *future = NULL;
    int32_t private[4] = {0};
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    assert_status(kin_pool_create(NULL, NULL, NULL), KIN_E_ARGUMENT);
    options.workers = 256;
    assert_status(kin_pool_create(&pool, NULL, &options), KIN_E_ARGUMENT);
    options.workers = 1;
    options.initializer = "nobody";
    assert_status(kin_pool_create(&pool, NULL, &options), KIN_E_ENTRY);
    options.size = 1;
    assert_status(kin_pool_create(&pool, NULL, &options), KIN_E_ARGUMENT);
    const kin_task_entry twice[] = {{"square", run_square}, {"square", run_square}}, idle[] = {{"square", NULL}};
    assert_status(kin_register_tasks(NULL, 1), KIN_E_ARGUMENT); /* what was registered stays */
    assert_status(kin_register_tasks(twice, 2), KIN_E_ARGUMENT);
    assert_status(kin_register_tasks(idle, 1), KIN_E_ARGUMENT);
    assert_status(kin_register_tasks(functions, 1), KIN_E_TOO_LATE); /* spawned workers would not have it */
    pool = new_pool(1);
    kin_job job = job_on("square", private, private, sizeof private[0], 4);
    assert_status(kin_pool_submit(&future, pool, &job, 0), KIN_E_NOT_SHARED);
    assert_status(kin_pool_submit(&future, pool, NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_pool_submit(&future, NULL, &job, 0), KIN_E_ARGUMENT);
    assert_status(kin_pool_submit(&future, pool, &job, -1), KIN_E_ARGUMENT);
    job.task = "nobody";
    assert_status(kin_pool_submit(&future, pool, &job, 0), KIN_E_ENTRY);
    job = job_on("square", NULL, NULL, 0, SIZE_MAX);
    job.chunk = 1;
    assert_status(kin_pool_submit(&future, pool, &job, 0), KIN_E_TOO_BIG);
    assert_status(kin_future_wait(NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_pool_close(NULL), KIN_E_ARGUMENT);
    assert_false(kin_future_ready(NULL));
    kin_future_close(NULL);
    kin_pool_destroy(NULL);
    kin_pool_destroy(pool);
}

/* A member writes the words of a pool. Work may be lost; nobody waits for what no worker has. */
static void words_written_over_keep_nobody_waiting(void **state)
{
    (void)state;
    int32_t *numbers = new_numbers(40);
    for (int what = 0; what < 9; what++) {
        kin_pool *pool = new_pool(1);
        kin_future *future = NULL;
        kin_job job = job_on("nap", numbers, numbers, sizeof *numbers, 40);
        job.chunk = 1;
        int64_t start = now_ns();
        assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
        _Atomic uint32_t *last = &future->plan.owners[future->plan.batches - 1];
        kin__pool *shared = pool->shared;
        uint32_t living = pool->workers[0].id;
        switch (what) {
        case 0: /* of a worker that there never was */
            atomic_store(last, 0x12345);
            break;
        case 1: /* of one that there is, and that looks at another job */
            atomic_store(last, living);
            atomic_store(&shared->slots[0].job, 0);
            break;
        case 2: /* the maker's own */
            atomic_store(last, KIN__BATCH_CANCELLING);
            break;
        case 3:
            shared->maker = 1;
            break;
        case 4:
            atomic_store(&shared->closed, 1);
            break;
        case 5:
            atomic_store(&shared->jobs[future->plan.number % KIN__JOBS], 12345);
            break;
        case 6:
            atomic_store(&future->plan.job->finished, UINT64_MAX / 2);
            break;
        case 7: /* the worker is told that it is about to be killed */
            atomic_store(&shared->slots[0].turn, atomic_load(&shared->slots[0].turn) | KIN__TURN_CONDEMNED);
            break;
        default:
            atomic_store(&shared->slots[0].gone, 1);
            break;
        }
        kin_status status = kin_future_wait(future, KIN_MS(100));
        assert_true(now_ns() - start < KIN_SECONDS(2));
        uint64_t first, count;
        while (kin_future_next(future, 1, &first, &count, NULL, KIN_MS(100)) == KIN_OK) {
        }
        assert_true(now_ns() - start < KIN_SECONDS(4));
        kin_future_close(future);
        assert_true(now_ns() - start < KIN_SECONDS(8));
        assert_true(status == KIN_OK || status == KIN_E_TIMED_OUT || status == KIN_E_WORKER_DIED);
        if (what < 8) { /* and it is of use afterwards */
            job = job_on("square", numbers, numbers, sizeof *numbers, 40);
            assert_true(kin_pool_map(pool, &job, NULL, PATIENCE) != KIN_E_TIMED_OUT);
        }
        kin_pool_destroy(pool);
        assert_true(now_ns() - start < KIN_SECONDS(10));
    }
    assert_ok(kin_free(numbers));
}

/* A batch whose word names a worker that there is not: the maker finds that, and wakes a worker that sleeps. */
static void batch_that_nobody_has_is_done_by_who_sleeps(void **state)
{
    (void)state;
    int32_t *numbers = new_numbers(40);
    kin_pool *pool = new_pool(1);
    kin_future *future = NULL;
    kin_job job = job_on("nap", numbers, numbers, sizeof *numbers, 40);
    job.chunk = 1;
    assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
    atomic_store(&future->plan.owners[future->plan.batches - 1], 0x12345);
    while (atomic_load(&future->plan.job->finished) >> 1 < future->plan.batches - 1) {
        kin_os_yield();
    }
    kin_os_sleep_until(kin_os_now() + KIN_MS(50));
    assert_ok(kin_future_wait(future, PATIENCE));
    kin_future_close(future);
    kin_pool_destroy(pool);
    assert_ok(kin_free(numbers));
}

static void nothing_is_left(void **state)
{
    (void)state;
    int32_t *numbers = new_numbers(1000);
    size_t handles = 0;
    uint64_t committed = 0;
    for (int i = 0; i < 20; i++) {
        kin_pool *pool = new_pool(2);
        kin_job job = job_on("die_on_7", numbers, numbers, sizeof *numbers, 1000);
        kin_pool_map(pool, &job, NULL, PATIENCE);
        numbers[7] = 7;
        kin_pool_destroy(pool);
        if (i == 4) {
            handles = count_handles();
            committed = inspect_family().committed;
        }
    }
    assert_true(count_handles() <= handles + 4);
    assert_true(inspect_family().committed <= committed + 262144);
    assert_ok(kin_free(numbers));
    assert_ok(kin_family_reap(NULL, NULL));
    assert_int_equal(inspect_family().members, 1);
}

int main(void)
{
    kin_register_tasks(functions, sizeof functions / sizeof functions[0]);
    static const kin_child_entry entries[] = {{"have_pool", child_have_pool}};
    kin_child_main(entries, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(map_does_all_items_once),
        cmocka_unit_test(work_submitted_alone_brings_its_result),
        cmocka_unit_test(failure_is_told_with_its_message),
        unit_test_with_deaths(death_fails_one_task),
        unit_test_with_deaths(retries_are_counted),
        unit_test_with_deaths(task_that_takes_too_long_is_killed),
        cmocka_unit_test(locks_are_arguments),
        cmocka_unit_test(initializer_runs_once_in_each_worker),
        unit_test_with_deaths(initializer_that_always_crashes_ends_the_pool),
        cmocka_unit_test(workers_end_after_so_many_tasks),
        cmocka_unit_test(close_lets_all_be_done),
        unit_test_with_deaths(terminate_ends_it_at_once),
        cmocka_unit_test(cancel_takes_what_nobody_has_begun),
        cmocka_unit_test(results_come_one_after_the_other),
        cmocka_unit_test(pool_grows_and_shrinks),
        cmocka_unit_test(progress_and_end_are_told),
        unit_test_with_deaths(storm_leaves_no_task_unaccounted_for),
        unit_test_with_deaths(task_is_taken_though_who_was_counted_on_died),
        unit_test_with_deaths(workers_die_with_their_maker),
        unit_test_with_deaths(words_written_over_keep_nobody_waiting),
        cmocka_unit_test(batch_that_nobody_has_is_done_by_who_sleeps),
        unit_test_with_deaths(nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
