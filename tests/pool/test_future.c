/* Futures: they cost what they cost however many there are; each task's end is told; ending them early harms no other.
 */
#include "pool/maker.h"
#include "support.h"

#include <stdlib.h>

/* ---- what workers run ---- */

static int run_nothing(kin_task *task)
{
    (void)task;
    return 0;
}

/* What it returns depends on which it is; every third succeeds. */
static int status_of(uint64_t index)
{
    return index % 3 == 0 ? 0 : 1000 + (int)index;
}

static int run_fail(kin_task *task)
{
    return status_of(task->index);
}

/* The first one waits until it is let go. */
static int run_first_is_slow(kin_task *task)
{
    kin_event *go = NULL;
    if (task->index > 0) {
        return 0;
    }
    return kin_args_get(task->args, "go", KIN_TYPE_EVENT, (void **)&go) != KIN_OK ||
           kin_event_wait(go, PATIENCE) != KIN_OK;
}

static const kin_function functions[] = {
    {"nothing", run_nothing},
    {"fail", run_fail},
    {"first_is_slow", run_first_is_slow},
};

/* ---- helpers ---- */

static kin_pool *new_pool(kin_family *family, uint32_t workers)
{
    kin_pool_options options = KIN_POOL_OPTIONS;
    kin_pool *pool = NULL;
    options.workers = workers;
    assert_ok(kin_pool_create(&pool, family, &options));
    return pool;
}

/* All its workers have begun. */
static void await_begun(kin_pool *pool)
{
    for (uint32_t i = 0; i < pool->size; i++) {
        while (!atomic_load(&pool->shared->slots[i].begun)) {
            kin_os_yield();
        }
    }
}

/* count tasks of one item each. */
static kin_work tasks_of(const char *function, size_t count)
{
    kin_work work = KIN_WORK;
    work.function = function;
    work.count = count;
    work.chunk = 1;
    return work;
}

static kin_future *submit(kin_pool *pool, const kin_work *work)
{
    kin_future *future = NULL;
    assert_ok(kin_pool_submit(&future, pool, work, PATIENCE));
    return future;
}

static uint64_t blocks_in(kin_family *family)
{
    uint64_t blocks = 0, bytes = 0;
    assert_ok(kin_alloc_total(family, &blocks, &bytes));
    return blocks;
}

/* ---- many of them ---- */

static void closed_works_give_their_memory_back(void **state)
{
    (void)state;
    enum { ROUNDS = 20000, WORKERS = 2 };
    kin_family *family = new_family(4 << 20);
    kin_pool *pool = new_pool(family, WORKERS);
    kin_work work = KIN_WORK;
    work.function = "nothing";
    work.out_size = 4096;
    uint64_t before = blocks_in(family);
    for (int i = 0; i < ROUNDS; i++) {
        kin_future *future = submit(pool, &work);
        assert_ok(kin_future_wait(future, PATIENCE));
        kin_future_close(future);
        assert_true(i % 1000 > 0 || blocks_in(family) <= before + 4 * WORKERS);
    }
    kin_pool_destroy(pool);
    kin_family_close(family);
}

/* More than there are places for jobs, so that what has ended has to make room. */
static void works_nobody_waits_for_make_room(void **state)
{
    (void)state;
    enum { COUNT = 3 * KIN__JOBS };
    kin_future **futures = calloc(COUNT, sizeof(kin_future *));
    assert_non_null(futures);
    kin_pool *pool = new_pool(NULL, 2);
    kin_work work = KIN_WORK;
    work.function = "nothing";
    for (int i = 0; i < COUNT; i++) {
        futures[i] = submit(pool, &work);
    }
    for (int i = COUNT; i-- > 0;) {
        assert_ok(kin_future_wait(futures[i], PATIENCE));
        kin_future_close(futures[i]);
    }
    kin_pool_destroy(pool);
    free(futures);
}

/* ---- results one after the other ---- */

/* Each costs the same, however many came before the one that is not there yet. */
static void results_behind_a_slow_task_come_at_once(void **state)
{
    (void)state;
    enum { COUNT = 100000, REST = 300 /* in the slow one's batch */ };
    kin_pool *pool = new_pool(NULL, 2);
    kin_event *go = NULL;
    kin_args *args = new_args();
    unsigned char *seen = calloc(COUNT, 1);
    uint64_t first, count;
    int status = 0;
    assert_non_null(seen);
    assert_ok(kin_event_create(&go, NULL));
    give(args, "go", KIN_TYPE_EVENT, go);
    kin_work work = tasks_of("first_is_slow", COUNT);
    work.args = args;
    kin_future *future = submit(pool, &work);
    int64_t begun = now_ns();
    for (int i = 0; i < COUNT - REST; i++) {
        assert_ok(kin_future_next(future, 0, &first, &count, &status, PATIENCE));
        assert_true(first > 0 && count == 1 && status == 0 && !seen[first]++);
    }
    assert_true(now_ns() - begun < KIN_SECONDS(5)); /* they take milliseconds */
    assert_ok(kin_event_set(go));
    for (int i = 0; i < REST; i++) {
        assert_ok(kin_future_next(future, 0, &first, &count, &status, PATIENCE));
        assert_true(count == 1 && status == 0 && !seen[first]++);
    }
    assert_status(kin_future_next(future, 0, &first, &count, &status, PATIENCE), KIN_E_NOT_FOUND);
    kin_future_close(future);
    kin_pool_destroy(pool);
    kin_args_destroy(args);
    assert_ok(kin_event_destroy(go));
    free(seen);
}

static void each_task_tells_what_it_returned(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 40, 3000};
    kin_pool *pool = new_pool(NULL, 2);
    await_begun(pool); /* what they were given is freed by now */
    uint64_t before = count_blocks();
    for (size_t i = 0; i < 2 * sizeof counts / sizeof counts[0]; i++) {
        size_t tasks = counts[i / 2];
        uint64_t first = 0, count = 0, seen = 0;
        int status = 0;
        kin_work work = tasks_of("fail", tasks);
        kin_future *future = submit(pool, &work);
        while (kin_future_next(future, i % 2 == 0, &first, &count, &status, PATIENCE) == KIN_OK) {
            assert_int_equal(status, status_of(first));
            seen++;
        }
        assert_int_equal(seen, tasks);
        kin_future_close(future);
    }
    assert_ok(kin_pool_tend(pool));
    for (int64_t end = now_ns() + PATIENCE; count_blocks() > before && now_ns() < end;) {
        assert_ok(kin_pool_tend(pool)); /* a worker looks at the last one for a moment yet */
    }
    assert_int_equal(count_blocks(), before);
    kin_pool_destroy(pool);
}

int main(void)
{
    kin_functions(functions, sizeof functions / sizeof functions[0]);
    kin_main(NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_works_give_their_memory_back),
        cmocka_unit_test(works_nobody_waits_for_make_room),
        cmocka_unit_test(results_behind_a_slow_task_come_at_once),
        cmocka_unit_test(each_task_tells_what_it_returned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
