/* Tasks with inputs and outputs of any size: they come back whole. No death leaves a block. */
#include "family/input.h"
#include "memory/heap.h"
#include "pool/maker.h"
#include "support.h"

#include <stdlib.h>

static const size_t sizes[] = {0, 1, 15, 16, 100, 4096, 70000, 1 << 20, 20 << 20};
#define SIZES (sizeof sizes / sizeof sizes[0])

static unsigned char byte_at(size_t size, size_t i)
{
    return (unsigned char)(size * 7 + i * 31 + i / 251);
}

/* ---- what workers run ---- */

/* All inputs of the task, one after the other, in one output. */
static int run_join(kin_task *task)
{
    const void *data;
    size_t size, whole = 0, at = 0;
    void *out;
    for (size_t i = 0; i < task->count; i++) {
        if (kin_task_input(&data, &size, task, i) != KIN_OK) {
            return 1;
        }
        whole += size;
    }
    if (kin_task_input(&data, &size, task, task->count) != KIN_E_ARGUMENT) {
        return 2;
    }
    int status = kin_task_output(&out, task, whole);
    for (size_t i = 0; i < task->count && status == KIN_OK; i++) {
        status = kin_task_input(&data, &size, task, i);
        if (size > 0) {
            memcpy((char *)out + at, data, size);
        }
        at += size;
    }
    return status;
}

/* The input, which is the only one. */
static int run_copy(kin_task *task)
{
    void *out;
    int status = kin_task_output(&out, task, task->in_size);
    if (status == KIN_OK && task->in_size > 0) {
        memcpy(out, task->in, task->in_size);
    }
    return status;
}

/* An output, another in its place, and of that the first three bytes. */
static int run_twice(kin_task *task)
{
    void *first, *second;
    int status = kin_task_output(&first, task, 5000);
    if (status == KIN_OK) {
        memset(first, 'x', 5000);
        status = kin_task_output(&second, task, 100);
    }
    if (status == KIN_OK) {
        memcpy(second, "abc", 3);
        task->out_used = 3;
    }
    return status;
}

/* A number says how large the output is to be. */
static int run_large(kin_task *task)
{
    void *out;
    return kin_task_output(&out, task, (size_t) * (const uint64_t *)task->in);
}

/* One too large after one that fits: then there is none. */
static int run_too_large(kin_task *task)
{
    void *out;
    if (kin_task_output(&out, task, 100) != KIN_OK) {
        return 1;
    }
    int status = kin_task_output(&out, task, (size_t) * (const uint64_t *)task->in);
    return status == KIN_E_NO_MEMORY && !task->out && task->out_size == 0 ? 0 : 2;
}

/* Makes an output, and dies of the first attempts. The last one makes none for odd items. */
static int run_die_twice(kin_task *task)
{
    void *out;
    if (task->attempt == 2 && task->index % 2 == 1) {
        return 0;
    }
    int status = kin_task_output(&out, task, 1000);
    if (task->attempt < 2) {
        abort();
    }
    memset(out, (int)task->attempt, 1000);
    return status;
}

static int run_die(kin_task *task)
{
    void *out;
    kin_task_output(&out, task, 100000);
    abort();
}

static int run_fail(kin_task *task)
{
    void *out;
    return kin_task_output(&out, task, 10) == KIN_OK ? 99 : 1;
}

static int run_nothing(kin_task *task)
{
    (void)task;
    return 0;
}

/* Makes an output, says that it has, and sleeps. */
static int run_rest(kin_task *task)
{
    void *out;
    kin_sem *begun = NULL;
    if (kin_task_output(&out, task, 100000) == KIN_OK &&
        kin_args_get_object((void **)&begun, task->args, "begun", KIN_TYPE_SEM) == KIN_OK) {
        kin_sem_release(begun, 1);
    }
    kin_sleep(PATIENCE);
    return 0;
}

static int run_initialize(kin_task *task)
{
    void *out;
    return kin_task_output(&out, task, 10) == KIN_E_UNSUPPORTED ? 0 : 1;
}

static const kin_task_entry functions[] = {
    {"join", run_join},           {"copy", run_copy}, {"twice", run_twice},           {"large", run_large},
    {"too_large", run_too_large}, {"die", run_die},   {"die_twice", run_die_twice},   {"fail", run_fail},
    {"nothing", run_nothing},     {"rest", run_rest}, {"initialize", run_initialize},
};

/* ---- helpers ---- */

static kin_pool *new_pool(kin_family *family, uint32_t workers)
{
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    options.workers = workers;
    options.initializer = "initialize";
    assert_ok(kin_pool_create(&pool, family, &options));
    return pool;
}

static uint64_t blocks_in(kin_family *family)
{
    uint64_t blocks = 0, bytes = 0;
    assert_ok(kin_alloc_total(family, &blocks, &bytes));
    return blocks;
}

static unsigned char *new_bytes(size_t size)
{
    unsigned char *bytes = malloc(size + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = byte_at(size, i);
    }
    return bytes;
}

static void check_bytes(const void *data, size_t size, size_t expected)
{
    const unsigned char *bytes = data;
    assert_int_equal(size, expected);
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != byte_at(size, i)) {
            fail_msg("byte %zu of %zu", i, size);
        }
    }
}

static kin_future *submit(kin_pool *pool, const char *task, const void *in, size_t size, uint32_t retries)
{
    kin_future *future = NULL;
    kin_job job = KIN_JOB_INIT;
    job.task = task;
    job.in = in;
    job.in_size = size;
    job.retries = retries;
    assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
    return future;
}

/* A job with the inputs of `sizes`. */
static kin_job job_of_sizes(kin_bytes *inputs)
{
    kin_job job = KIN_JOB_INIT;
    for (size_t i = 0; i < SIZES; i++) {
        inputs[i] = (kin_bytes){new_bytes(sizes[i]), sizes[i]};
    }
    job.inputs = inputs;
    job.count = SIZES;
    job.chunk = 1;
    job.task = "copy";
    return job;
}

static void free_inputs(const kin_bytes *inputs)
{
    for (size_t i = 0; i < SIZES; i++) {
        free((void *)(uintptr_t)inputs[i].data);
    }
}

static void end(kin_pool *pool, kin_family *family, uint64_t blocks)
{
    kin_pool_destroy(pool);
    assert_int_equal(blocks_in(family), blocks);
}

/* ---- tests ---- */

static void single_job_has_an_output_of_any_size(void **state)
{
    (void)state;
    uint64_t before = blocks_in(NULL);
    kin_pool *pool = new_pool(NULL, 2);
    for (size_t i = 0; i < SIZES; i++) {
        const void *data;
        void *taken;
        size_t size;
        unsigned char *in = new_bytes(sizes[i]);
        kin_future *future = submit(pool, "copy", in, sizes[i], 0);
        assert_ok(kin_future_get(&data, &size, future, PATIENCE));
        check_bytes(data, size, sizes[i]);
        assert_ok(kin_future_output(&data, &size, future, 0));
        check_bytes(data, size, sizes[i]);
        assert_ok(kin_future_take(&taken, &size, future, 0));
        assert_ptr_equal(taken, data);
        assert_status(kin_future_take(&taken, &size, future, 0), KIN_E_NOT_FOUND);
        kin_future_close(future);
        check_bytes(taken, sizes[i], sizes[i]);
        assert_ok(kin_free(taken));
        free(in);
    }
    end(pool, NULL, before);
}

static void inputs_of_an_array_differ_in_size(void **state)
{
    (void)state;
    kin_bytes inputs[SIZES];
    uint64_t before = blocks_in(NULL), first, count;
    kin_pool *pool = new_pool(NULL, 2);
    kin_job job = job_of_sizes(inputs);
    kin_future *future = NULL;
    int status;
    const void *data;
    size_t size;
    assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
    for (size_t i = 0; i < SIZES; i++) {
        assert_ok(kin_future_next(future, 0, &first, &count, &status, PATIENCE));
        assert_int_equal(status, 0);
        assert_ok(kin_future_output(&data, &size, future, first));
        check_bytes(data, size, sizes[first]);
    }
    kin_future_close(future);
    end(pool, NULL, before);
    free_inputs(inputs);
}

static void chunk_has_one_output(void **state)
{
    (void)state;
    kin_bytes inputs[SIZES];
    kin_pool *pool = new_pool(NULL, 2);
    kin_job job = job_of_sizes(inputs);
    kin_future *future = NULL;
    const char *data;
    size_t size;
    job.task = "join";
    job.chunk = 4;
    assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
    assert_ok(kin_future_wait(future, PATIENCE));
    for (size_t i = 0; i < SIZES; i++) {
        size_t at = 0;
        for (size_t k = i / 4 * 4; k < i; k++) {
            at += sizes[k];
        }
        assert_ok(kin_future_output((const void **)&data, &size, future, i));
        assert_true(at + sizes[i] <= size);
        check_bytes(data + at, sizes[i], sizes[i]);
    }
    kin_future_close(future);
    kin_pool_destroy(pool);
    free_inputs(inputs);
}

static void inputs_of_one_size_are_found_the_same_way(void **state)
{
    (void)state;
    kin_pool *pool = new_pool(NULL, 1);
    kin_job job = KIN_JOB_INIT;
    char *in = NULL;
    const void *data;
    size_t size;
    kin_future *future = NULL;
    assert_ok(KIN_ALLOC(&in, NULL, 10));
    memcpy(in, "0123456789", 10);
    job.task = "join";
    job.in = in;
    job.in_size = 2;
    job.count = 5;
    job.chunk = 5;
    assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
    assert_ok(kin_future_wait(future, PATIENCE));
    assert_ok(kin_future_output(&data, &size, future, 3));
    assert_int_equal(size, 10);
    assert_memory_equal(data, "0123456789", 10);
    kin_future_close(future);
    kin_pool_destroy(pool);
    assert_ok(kin_free(in));
}

static void second_output_replaces_the_first(void **state)
{
    (void)state;
    const void *data;
    size_t size;
    uint64_t before = blocks_in(NULL);
    kin_pool *pool = new_pool(NULL, 1);
    kin_future *future = submit(pool, "twice", NULL, 0, 0);
    assert_ok(kin_future_get(&data, &size, future, PATIENCE));
    assert_int_equal(size, 3);
    assert_memory_equal(data, "abc", 3);
    kin_future_close(future);
    end(pool, NULL, before);
}

static void map_copies_what_fits(void **state)
{
    (void)state;
    char out[4] = "????";
    kin_pool *pool = new_pool(NULL, 1);
    kin_job job = KIN_JOB_INIT;
    job.task = "copy";
    job.in = "abcdef";
    job.out = out;
    job.out_size = sizeof out;
    job.in_size = 3;
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    assert_memory_equal(out, "abc?", 4);
    job.in_size = 6;
    assert_status(kin_pool_map(pool, &job, NULL, PATIENCE), KIN_E_BUFFER);
    assert_memory_equal(out, "abcd", 4);
    kin_pool_destroy(pool);
}

static void memory_that_is_used_up_is_an_error(void **state)
{
    (void)state;
    kin_family *family = new_family(32 << 20);
    kin_future *future = NULL;
    kin_job_result result = KIN_JOB_RESULT_INIT;
    uint64_t large = 64 << 20, fits = 1 << 20;
    uint64_t before = blocks_in(family);
    kin_pool *pool = new_pool(family, 1);
    kin_job job = KIN_JOB_INIT;
    void *in = calloc(1, (size_t)large);
    job.task = "nothing";
    job.in = in;
    job.in_size = (size_t)large;
    assert_status(kin_pool_submit(&future, pool, &job, PATIENCE), KIN_E_NO_MEMORY);
    assert_non_null(strstr(kin_last_error(), "reserve"));
    job.in_size = 0;
    job.count = 1;
    job.in = NULL;
    job.inputs = &(const kin_bytes){in, (size_t)large};
    assert_status(kin_pool_submit(&future, pool, &job, PATIENCE), KIN_E_NO_MEMORY);
    free(in);
    future = submit(pool, "large", &large, sizeof large, 0);
    assert_status(kin_future_wait(future, PATIENCE), KIN_E_TASK);
    assert_ok(kin_future_inspect(future, &result));
    assert_int_equal(result.status, KIN_E_NO_MEMORY);
    kin_future_close(future);
    future = submit(pool, "too_large", &large, sizeof large, 0);
    assert_ok(kin_future_wait(future, PATIENCE));
    kin_future_close(future);
    for (int i = 0; i < 100; i++) { /* what is closed can be had again */
        future = submit(pool, "large", &fits, sizeof fits, 0);
        assert_ok(kin_future_wait(future, PATIENCE));
        kin_future_close(future);
    }
    end(pool, family, before);
    kin_family_close(family);
}

static void output_is_of_the_attempt_that_ended_the_task(void **state)
{
    (void)state;
    kin_bytes inputs[8] = {{NULL, 0}};
    uint64_t before = blocks_in(NULL);
    kin_pool *pool = new_pool(NULL, 2);
    kin_future *future = NULL;
    const unsigned char *data;
    size_t size;
    kin_job job = KIN_JOB_INIT;
    job.task = "die_twice";
    job.inputs = inputs;
    job.count = 8;
    job.chunk = 1;
    job.retries = 2;
    assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
    assert_ok(kin_future_wait(future, PATIENCE));
    for (uint64_t i = 0; i < 8; i++) {
        if (i % 2 == 1) {
            assert_status(kin_future_output((const void **)&data, &size, future, i), KIN_E_NOT_FOUND);
            continue;
        }
        assert_ok(kin_future_output((const void **)&data, &size, future, i));
        assert_int_equal(size, 1000);
        assert_true(data[0] == 2 && data[999] == 2);
    }
    kin_future_close(future);
    end(pool, NULL, before);
}

static void output_of_a_task_that_is_not_done_is_freed(void **state)
{
    (void)state;
    const void *data;
    size_t size;
    kin_sem *begun = NULL;
    kin_args *args = new_args();
    assert_ok(kin_sem_create(&begun, NULL, 0, 0));
    give(args, "begun", KIN_TYPE_SEM, begun);
    uint64_t before = blocks_in(NULL);
    kin_pool *pool = new_pool(NULL, 1);
    kin_future *future = submit(pool, "die", NULL, 0, 1);
    assert_status(kin_future_wait(future, PATIENCE), KIN_E_WORKER_DIED);
    assert_status(kin_future_output(&data, &size, future, 0), KIN_E_WORKER_DIED);
    kin_future_close(future);
    future = submit(pool, "fail", NULL, 0, 0);
    assert_status(kin_future_wait(future, PATIENCE), KIN_E_TASK);
    assert_status(kin_future_output(&data, &size, future, 0), KIN_E_TASK);
    kin_future_close(future);
    kin_job job = KIN_JOB_INIT;
    job.task = "rest";
    job.args = args;
    assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
    assert_ok(kin_sem_acquire(begun, 1, PATIENCE));
    assert_status(kin_future_output(&data, &size, future, 0), KIN_E_BUSY);
    assert_ok(kin_future_kill(future));
    assert_status(kin_future_output(&data, &size, future, 0), KIN_E_CANCELLED);
    kin_future_close(future);
    kin_args_destroy(args);
    end(pool, NULL, before);
    assert_ok(kin_sem_destroy(begun));
}

/* A member writes the words of an output. */
static void output_that_was_written_over_is_not_given(void **state)
{
    (void)state;
    const void *data;
    size_t size;
    uint64_t before = blocks_in(NULL);
    kin_pool *pool = new_pool(NULL, 1);
    kin_family *family = NULL;
    assert_ok(kin_family_default(&family));
    kin_future *future = submit(pool, "twice", NULL, 0, 0);
    assert_ok(kin_future_get(&data, &size, future, PATIENCE));
    assert_int_equal(size, 3);
    uint64_t note = atomic_load(&future->plan.outputs[0]);
    _Atomic uint64_t *words = kin__at(family, kin__block_offset(note), 16, 16); /* which block, how many bytes */
    assert_non_null(words);
    for (uint64_t length = (uint64_t)1 << 20; length < UINT64_MAX / 2; length *= 2) {
        atomic_store(&words[1], length);
        assert_status(kin_future_get(&data, &size, future, KIN_NOW), KIN_E_DAMAGED);
        assert_status(kin_future_output(&data, &size, future, 0), KIN_E_DAMAGED);
    }
    atomic_store(&words[1], 3);
    assert_ok(kin_future_get(&data, &size, future, KIN_NOW));
    kin_future_close(future);
    end(pool, NULL, before);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_pool *pool = new_pool(NULL, 1);
    kin_future *future = NULL;
    const void *data;
    void *taken;
    size_t size;
    kin_bytes inputs[2] = {{"a", 1}, {NULL, 1}};
    kin_job job = KIN_JOB_INIT;
    job.task = "nothing";
    job.inputs = inputs;
    assert_status(kin_pool_submit(&future, pool, &job, PATIENCE), KIN_E_ARGUMENT); /* a single item */
    job.count = 2;
    assert_status(kin_pool_submit(&future, pool, &job, PATIENCE), KIN_E_ARGUMENT);
    assert_non_null(strstr(kin_last_error(), "inputs[1]"));
    inputs[1].size = SIZE_MAX;
    inputs[1].data = "b";
    assert_status(kin_pool_submit(&future, pool, &job, PATIENCE), KIN_E_TOO_BIG);
    inputs[1].size = 1;
    job.in_size = 1;
    assert_status(kin_pool_submit(&future, pool, &job, PATIENCE), KIN_E_ARGUMENT);
    job.in_size = 0;
    assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
    assert_ok(kin_future_wait(future, PATIENCE));
    assert_status(kin_future_output(&data, &size, future, 0), KIN_E_NOT_FOUND);
    assert_status(kin_future_output(&data, &size, future, 2), KIN_E_ARGUMENT);
    assert_status(kin_future_output(NULL, &size, future, 0), KIN_E_ARGUMENT);
    assert_status(kin_future_output(&data, NULL, future, 0), KIN_E_ARGUMENT);
    assert_status(kin_future_take(&taken, &size, NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_task_output(&taken, NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_task_input(&data, &size, NULL, 0), KIN_E_ARGUMENT);
    kin_future_close(future);
    kin_pool_destroy(pool);
}

int main(void)
{
    kin_register_tasks(functions, sizeof functions / sizeof functions[0]);
    kin_child_main(NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_job_has_an_output_of_any_size),
        cmocka_unit_test(inputs_of_an_array_differ_in_size),
        cmocka_unit_test(chunk_has_one_output),
        cmocka_unit_test(inputs_of_one_size_are_found_the_same_way),
        cmocka_unit_test(second_output_replaces_the_first),
        cmocka_unit_test(map_copies_what_fits),
        cmocka_unit_test(memory_that_is_used_up_is_an_error),
        unit_test_with_deaths(output_is_of_the_attempt_that_ended_the_task),
        unit_test_with_deaths(output_of_a_task_that_is_not_done_is_freed),
        cmocka_unit_test(output_that_was_written_over_is_not_given),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
