/* pool.c: work through kin's pool, and as others do it. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 1000000
#define WORKERS 2
#define WINDOW 256 /* tasks on their way through a peer's pipes */

static int *in, *out;

/* ---- what is done ---- */

static void square_all(int *to, const int *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[i] = from[i] * from[i];
    }
}

int bench_square(kin_task *task)
{
    square_all(task->out, task->in, task->count);
    return 0;
}

static kin_pool *new_pool(kin_start_method method)
{
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    options.workers = WORKERS;
    options.method = method;
    tool_check(kin_pool_create(&pool, NULL, &options), "kin_pool_create");
    return pool;
}

static kin_pool *pool; /* of the measurements that need one */

static kin_job squares_of(size_t count, size_t chunk)
{
    kin_job job = KIN_JOB_INIT;
    job.task = "bench_square";
    job.in = in;
    job.out = out;
    job.in_size = job.out_size = sizeof *in;
    job.count = count;
    job.chunk = chunk;
    return job;
}

static int map_items(size_t count, size_t chunk)
{
    const kin_job job = squares_of(count, chunk);
    return kin_pool_map(pool, &job, NULL, KIN_FOREVER) != KIN_OK;
}

static int map_once(void)
{
    return map_items(ITEMS, 0);
}

static int map_single_once(void)
{
    return map_items(ITEMS, 1);
}

static int serial_once(void)
{
    square_all(out, in, ITEMS);
    atomic_signal_fence(memory_order_seq_cst); /* the compiler may not omit it */
    return 0;
}

static kin_job square_of(const int *number)
{
    kin_job job = KIN_JOB_INIT;
    job.task = "bench_square";
    job.in = number;
    job.in_size = job.out_size = sizeof *number;
    return job;
}

static int submit_once(void)
{
    const void *result = NULL;
    kin_future *future = NULL;
    const int number = 3;
    const kin_job job = square_of(&number);
    int failed = kin_pool_submit(&future, pool, &job, KIN_FOREVER) != KIN_OK ||
                 kin_future_get(&result, NULL, future, KIN_FOREVER) != KIN_OK || *(const int *)result != 9;
    kin_future_close(future);
    return failed;
}

/* ---- a pool as it is usually made in C: tasks through one pipe, results through another ---- */

typedef struct parcel {
    int32_t number, square;
} parcel;

/* What a worker's arguments call the handles of the two pipes. */
static const char *const handle_names[2][2] = {{"in", "out"}, {"answers-in", "answers-out"}};

int bench_square_piped(const kin_args *args)
{
    int64_t both[2][2];
    void *ends[2], *memory = tool_given(args, "board", KIN_TYPE_MEMORY);
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++) {
            kin_handle handle = 0;
            tool_check(kin_args_get_handle(&handle, args, handle_names[i][j], KIN_HANDLE_PIPE), "handle");
            both[i][j] = (int64_t)handle;
        }
        ends[i] = peer_pipe_queue.attach(memory, both[i]);
    }
    for (;;) {
        parcel it;
        if (peer_pipe_queue.get(ends[0], &it, sizeof it) != 0 || it.number < 0) {
            return 0;
        }
        it.square = it.number * it.number;
        if (peer_pipe_queue.put(ends[1], &it, sizeof it) != 0) {
            return 1;
        }
    }
}

typedef struct piped {
    int64_t memory[2][2];
    void *ends[2];
    kin_process *workers[WORKERS];
    void *board;
} piped;

static void begin_piped(piped *it)
{
    kin_args *args = NULL;
    it->board = board_create();
    tool_check(kin_args_create(&args, NULL), "kin_args_create");
    tool_check(kin_args_add_object(args, "board", KIN_TYPE_MEMORY, it->board), "board");
    for (int i = 0; i < 2; i++) {
        int64_t both[2];
        must(peer_pipe_queue.create(it->memory[i], sizeof(parcel)), peer_pipe_queue.name);
        peer_pipe_queue.handles(it->memory[i], both);
        for (int j = 0; j < 2; j++) {
            tool_check(kin_args_add_handle(args, handle_names[i][j], (kin_handle)both[j]), "handle");
        }
        it->ends[i] = peer_pipe_queue.attach(it->memory[i], both);
    }
    for (int i = 0; i < WORKERS; i++) {
        tool_check(kin_process_start(&it->workers[i], "bench_square_piped", args, NULL), "bench_square_piped");
    }
    kin_args_destroy(args);
}

static int map_piped(const piped *it, int count)
{
    int failed = 0;
    for (int sent = 0; sent < count && !failed; sent += WINDOW) {
        for (int i = 0; i < WINDOW; i++) {
            parcel task = {i, 0};
            failed |= peer_pipe_queue.put(it->ends[0], &task, sizeof task);
        }
        for (int i = 0; i < WINDOW; i++) {
            parcel done = {0, 0};
            failed |= peer_pipe_queue.get(it->ends[1], &done, sizeof done) || done.square != done.number * done.number;
        }
    }
    return failed;
}

static void end_piped(piped *it)
{
    parcel last = {-1, 0};
    for (int i = 0; i < WORKERS; i++) {
        peer_pipe_queue.put(it->ends[0], &last, sizeof last);
    }
    for (int i = 0; i < WORKERS; i++) {
        must(tool_finish(it->workers[i]), "bench_square_piped");
    }
    for (int i = 0; i < 2; i++) {
        peer_pipe_queue.destroy(it->memory[i]);
    }
    board_destroy(it->board);
}

/* ---- figures ---- */

/* Milliseconds: the pool, a plain loop. */
static double map_time(const bench *b, int contender)
{
    return repeat(b, contender == 0 ? map_once : serial_once, 1, "map") / 1e6;
}

/* Thousand tasks a second: the pool, pipes. */
static double task_rate(const bench *b, int contender)
{
    static piped it;
    int count = b->quick ? 4 * WINDOW : 200 * WINDOW;
    if (contender == 0) {
        return ITEMS * 1e6 / repeat(b, map_single_once, 1, "map");
    }
    begin_piped(&it);
    int64_t began = peer_now_ns();
    must(map_piped(&it, count), "pipes");
    double rate = (double)count * 1e6 / (double)(peer_now_ns() - began);
    end_piped(&it);
    return rate;
}

static double submit_time(const bench *b, int contender)
{
    (void)contender;
    return repeat(b, submit_once, 100, "submit") / 1e3;
}

static int pool_once(kin_start_method method)
{
    kin_pool *it = new_pool(method);
    int failed = kin_pool_close(it) != KIN_OK || kin_pool_join(it, PATIENCE) != KIN_OK;
    kin_pool_destroy(it);
    return failed;
}

static int pool_fork_once(void)
{
    return pool_once(KIN_START_FORK);
}

static int pool_spawn_once(void)
{
    return pool_once(KIN_START_SPAWN);
}

static int two_forks_once(void)
{
    int failed = peer_fork_many(1);
    return failed | peer_fork_many(1);
}

static double pool_fork(const bench *b, int contender)
{
    return repeat(b, contender == 0 ? pool_fork_once : two_forks_once, 1, "fork") / 1e3;
}

static double pool_spawn(const bench *b, int contender)
{
    return contender == 0 ? repeat(b, pool_spawn_once, 1, "pool") / 1e3
                          : 2 * repeat(b, peer_spawn_once, 1, "spawn") / 1e3;
}

/* ---- as they grow ---- */

/* Microseconds for each of so many works, all submitted before the first is waited for, then closed. */
static double outstanding_once(kin_pool *by, size_t count)
{
    int failed = 0;
    const int number = 3;
    const kin_job job = square_of(&number);
    const void *result = NULL;
    kin_future **futures = calloc(count, sizeof(kin_future *));
    must(!futures, "no memory");
    int64_t began = peer_now_ns();
    for (size_t i = 0; i < count; i++) {
        failed |= kin_pool_submit(&futures[i], by, &job, KIN_FOREVER) != KIN_OK;
    }
    for (size_t i = 0; i < count; i++) {
        failed |= kin_future_get(&result, NULL, futures[i], KIN_FOREVER) != KIN_OK;
        kin_future_close(futures[i]);
    }
    double took = (double)(peer_now_ns() - began) / (double)count / 1e3;
    must(failed, "works");
    free(futures);
    return took;
}

/* The same for the results of one work of so many tasks, in the order in which they end. */
static double next_once(kin_pool *by, size_t count)
{
    uint64_t first, items, given = 0;
    kin_future *future = NULL;
    const kin_job job = squares_of(count, 1);
    int64_t began = peer_now_ns();
    tool_check(kin_pool_submit(&future, by, &job, KIN_FOREVER), "kin_pool_submit");
    while (kin_future_next(future, 0, &first, &items, NULL, KIN_FOREVER) == KIN_OK) {
        given += items;
    }
    kin_future_close(future);
    must(given != count, "results");
    return (double)(peer_now_ns() - began) / (double)count / 1e3;
}

static double best_of(const bench *b, double (*once)(kin_pool *by, size_t count), kin_pool *by, size_t count)
{
    double best = once(by, count);
    for (int i = 0; i < (b->quick ? 1 : 6); i++) {
        double took = once(by, count);
        best = took < best ? took : best;
    }
    return best;
}

/* A row that compares the value with the first one. */
static void growth(bench *b, const char *what, double value, double first, double most)
{
    row(b, &(line){what, "us", just(value), just(first), "the fewest", AT_MOST(most), 0, 0});
}

static void many_works(bench *b)
{
    double first = 0, next = 0;
    for (size_t count = 1000; count <= 100000; count *= 10) {
        char name[64];
        double took = best_of(b, outstanding_once, pool, count), given = best_of(b, next_once, pool, count);
        first = first > 0 ? first : took;
        next = next > 0 ? next : given;
        snprintf(name, sizeof name, "pool, %zu works outstanding", count);
        growth(b, name, took, first, 3); /* as many as fit wait in colder memory */
        snprintf(name, sizeof name, "pool, next of %zu results", count);
        growth(b, name, given, next, 2);
    }
}

/* They share the machine's processors: more workers cost more wake-ups, and more time to look at each. */
static void many_workers(bench *b)
{
    double first = 0;
    for (uint32_t workers = 1; workers <= 64; workers *= 4) {
        char name[64];
        kin_pool_options options = KIN_POOL_OPTIONS_INIT;
        kin_pool *it = NULL;
        options.workers = workers;
        tool_check(kin_pool_create(&it, NULL, &options), "kin_pool_create");
        outstanding_once(it, 1000); /* most have begun */
        double took = best_of(b, outstanding_once, it, 10000);
        first = first > 0 ? first : took;
        snprintf(name, sizeof name, "pool of %u, 10000 works outstanding", (unsigned)workers);
        growth(b, name, took, first, 8);
        kin_pool_destroy(it);
    }
}

/* ---- rows ---- */

/* Modules with a ProcessPoolExecutor. */
static const struct {
    const char *module, *name;
} executors[] = {{"concurrent.futures", "CPython's ProcessPoolExecutor"}, {"loky", "loky"}};

#define EXECUTORS (sizeof executors / sizeof executors[0])

static void beside_python(bench *b, const char *what, double rate, size_t count, size_t chunk, double target)
{
    double python = peer_python_pool(count, chunk);
    if (python > 0) {
        row(b, &(line){what, "k/s", just(rate), just(python), "CPython's Pool.map", AT_LEAST(target), 0, 0});
    }
    for (size_t i = 0; i < EXECUTORS; i++) {
        python = peer_python_map(executors[i].module, chunk == 1 ? count / 10 : count, chunk > 0 ? chunk : count / 8);
        if (python > 0) {
            row(b, &(line){what, "k/s", just(rate), just(python), executors[i].name, NO_TARGET, 0, 0});
        }
    }
}

static void maps(bench *b)
{
    figure medians[CONTENDERS_MAX];
    measure(b, map_time, 2, medians);
    row(b, &(line){"pool, map 1 M ints", "ms", medians[0], just(medians[1].median / WORKERS + 1), "a loop / 2 + 1 ms",
                   AT_MOST(2), 0, 0});
    beside_python(b, "pool, map 1 M ints", ITEMS / medians[0].median, ITEMS, 0, 20);
    measure(b, task_rate, 2, medians);
    row(b, &(line){"pool, 1 M tasks of 1 int", "k/s", medians[0], medians[1], "a pool over pipes", AT_LEAST(2), 0, 0});
    row(b, &(line){"pool, 1 M tasks of 1 int", "k/s", medians[0], just(NAN), NULL, AT_LEAST(3000), 1, 0});
    beside_python(b, "pool, 1 M tasks of 1 int", medians[0].median, 50000, 1, 60);
}

static void submits(bench *b, figure of)
{
    static const char what[] = "pool, submit and get, one at a time";
    row(b, &(line){what, "us", of, just(NAN), NULL, AT_MOST(5), 1, 0});
    for (size_t i = 0; i < EXECUTORS; i++) {
        double python = peer_python_submit(executors[i].module);
        if (python > 0) {
            row(b, &(line){what, "us", of, just(python), executors[i].name, NO_TARGET, 0, 0});
        }
    }
}

void bench_pool(bench *b)
{
    figure medians[CONTENDERS_MAX];
    tool_check(kin_alloc((void **)&in, NULL, ITEMS * sizeof *in), "kin_alloc");
    tool_check(kin_alloc((void **)&out, NULL, ITEMS * sizeof *out), "kin_alloc");
    for (int i = 0; i < ITEMS; i++) {
        in[i] = i % 30000;
    }
    pool = new_pool(KIN_START_DEFAULT);
    must(map_once(), "map"); /* all have begun */
    maps(b);
    measure(b, submit_time, 1, medians);
    submits(b, medians[0]);
    many_works(b);
    kin_pool_destroy(pool);
    many_workers(b);
    if (peer_has_fork()) {
        measure(b, pool_fork, 2, medians);
        row(b, &(line){"pool of 2, create and close, fork", "us", medians[0], medians[1], "fork, waitpid: twice",
                       AT_MOST(3), 0, 0});
    }
    measure(b, pool_spawn, 2, medians);
    row(b, &(line){"pool of 2, create and close, spawn", "us", medians[0], medians[1], "spawn, wait: twice",
                   AT_MOST(1.5), 0, 0});
    kin_free(out);
    kin_free(in);
}
