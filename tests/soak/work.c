/* job.c: pools whose tasks do, fail and die; pipes to processes that end. */
#include "soak.h"

#define ITEMS 500u

/* ---- a pool ---- */

static int soak_double(kin_task *task)
{
    const int64_t *in = task->in;
    int64_t *out = task->out;
    for (size_t i = 0; i < task->count; i++) {
        out[i] = 2 * in[i];
    }
    return 0;
}

static int soak_fail(kin_task *task)
{
    snprintf(task->message, sizeof task->message, "as wanted");
    return 7;
}

/* The first time, its process ends in it. */
static int soak_die(kin_task *task)
{
    if (task->attempt == 0) {
        exit(1);
    }
    return 0;
}

const kin_task_entry soak_functions[] = {
    {"soak_double", soak_double},
    {"soak_fail", soak_fail},
    {"soak_die", soak_die},
};
const size_t soak_function_count = sizeof soak_functions / sizeof soak_functions[0];

static int use_map(kin_pool *pool)
{
    kin_job job = KIN_JOB_INIT;
    int64_t *numbers = NULL;
    kin_status status = kin_alloc((void **)&numbers, NULL, ITEMS * sizeof *numbers);
    if (status == KIN_E_NO_MEMORY) {
        return 0;
    }
    CHECK(status == KIN_OK);
    for (unsigned i = 0; i < ITEMS; i++) {
        numbers[i] = i;
    }
    job.task = "soak_double";
    job.in = job.out = numbers;
    job.in_size = job.out_size = sizeof *numbers;
    job.count = ITEMS;
    status = kin_pool_map(pool, &job, NULL, PATIENCE);
    CHECK(status == KIN_OK || status == KIN_E_NO_MEMORY);
    for (unsigned i = 0; i < ITEMS && status == KIN_OK; i++) {
        CHECK(numbers[i] == 2 * (int64_t)i);
    }
    CHECK(kin_free(numbers) == KIN_OK);
    return 0;
}

static int use_single(kin_pool *pool, const char *function, kin_status expected)
{
    kin_job job = KIN_JOB_INIT;
    kin_future *future = NULL;
    job.task = function;
    job.retries = 1;
    kin_status status = kin_pool_submit(&future, pool, &job, PATIENCE);
    if (status == KIN_OK) {
        status = kin_future_wait(future, PATIENCE);
        kin_future_close(future);
    }
    CHECK(status == expected || status == KIN_E_NO_MEMORY);
    return 0;
}

int use_pool(chance *random)
{
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    options.workers = 1 + next_random(random, 3);
    options.max_tasks = next_random(random, 3) * (ITEMS / 5); /* each replacement of a worker is a start */
    kin_status status = kin_pool_create(&pool, NULL, &options);
    if (status == KIN_E_NO_MEMORY) {
        return 0;
    }
    CHECK(status == KIN_OK);
    for (int i = 0; i < 4; i++) {
        CHECK(use_map(pool) == 0);
        CHECK(use_single(pool, "soak_fail", KIN_E_TASK) == 0);
        CHECK(next_random(random, 4) || use_single(pool, "soak_die", KIN_OK) == 0);
    }
    kin_pool_destroy(pool);
    return 0;
}

/* ---- pipes ---- */

int child_echo(const kin_args *args)
{
    static unsigned char bytes[1 << 18];
    kin_pipe *end = NULL;
    size_t size = 0;
    CHECK(kin_args_get_pipe(&end, args, "pipe") == KIN_OK);
    while (kin_pipe_recv(end, bytes, sizeof bytes, &size, KIN_FOREVER) == KIN_OK) {
        CHECK(kin_pipe_send(end, bytes, size, PATIENCE) == KIN_OK);
    }
    kin_pipe_close(end);
    return 0;
}

static int send_and_see(kin_pipe *end, chance *random)
{
    static unsigned char sent[1 << 18], back[1 << 18];
    size_t size = 0;
    for (int i = 0; i < 20; i++) {
        size_t wanted = next_random(random, i % 4 ? 200 : sizeof sent);
        memset(sent, i, wanted);
        CHECK(kin_pipe_send(end, sent, wanted, PATIENCE) == KIN_OK);
        CHECK(kin_pipe_recv(end, back, sizeof back, &size, PATIENCE) == KIN_OK);
        CHECK(size == wanted && memcmp(sent, back, size) == 0);
    }
    return 0;
}

int use_pipes(chance *random)
{
    kin_pipe *ends[2] = {NULL};
    kin_args *args = NULL;
    kin_exit ended = {0};
    CHECK(kin_pipe_create(ends, 0) == KIN_OK);
    kin_status status = kin_args_create(&args, NULL);
    if (status == KIN_OK) {
        CHECK(kin_args_add_pipe(args, "pipe", ends[1]) == KIN_OK);
        kin_process *echo = NULL;
        status = kin_process_start(&echo, "echo", args, NULL);
        kin_args_destroy(args);
        kin_pipe_close(ends[1]);
        ends[1] = NULL;
        CHECK(status == KIN_OK || status == KIN_E_NO_MEMORY);
        if (status == KIN_OK) {
            CHECK(send_and_see(ends[0], random) == 0);
            kin_pipe_close(ends[0]);
            ends[0] = NULL;
            CHECK(kin_process_join(echo, PATIENCE, &ended) == KIN_OK && ended.code == 0);
            kin_process_close(echo);
        }
    }
    kin_pipe_close(ends[0]);
    kin_pipe_close(ends[1]);
    CHECK(status == KIN_OK || status == KIN_E_NO_MEMORY);
    return 0;
}
