/* Futures: they cost what they cost however many there are; each task's end is told; ending them early harms no other.
 */
#include "family/thread_slot.h"
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
    return kin_args_get_object((void **)&go, task->args, "go", KIN_TYPE_EVENT) != KIN_OK ||
           kin_event_wait(go, PATIENCE) != KIN_OK;
}

/* ---- tasks that are killed, and their neighbours ---- */

enum { NOTED = 3000 };

typedef struct notes {                              /* in shared memory */
    _Atomic uint32_t begun[NOTED], attempts[NOTED]; /* how often; a bit for each attempt's number, */
    _Atomic uint32_t repeated;                      /* of those that there were twice */
    _Atomic uint32_t alive;                         /* is written again and again by a task that does not end */
} notes;

static notes *notes_of(const kin_task *task)
{
    void *memory = NULL;
    kin_args_get_object(&memory, task->args, "notes", KIN_TYPE_MEMORY);
    return memory;
}

static int note_begun(const kin_task *task)
{
    notes *it = notes_of(task);
    if (!it) {
        return 1;
    }
    atomic_fetch_add(&it->begun[task->index], 1);
    uint32_t bit = 1u << task->attempt;
    if (atomic_fetch_or(&it->attempts[task->index], bit) & bit) {
        atomic_fetch_add(&it->repeated, 1);
    }
    return 0;
}

/* About a millisecond. */
static int run_about(kin_task *task)
{
    int64_t end = kin_now() + KIN_US(800) + (int64_t)(task->index * 7919 % 400) * KIN_US(1);
    int failed = note_begun(task);
    while (kin_now() < end) {
    }
    return failed;
}

static int run_briefly(kin_task *task)
{
    int64_t end = kin_now() + KIN_US(20);
    int failed = note_begun(task);
    while (kin_now() < end) {
    }
    return failed;
}

static int run_for_good(kin_task *task)
{
    notes *it = notes_of(task);
    note_begun(task);
    for (int64_t end = kin_now() + KIN_SECONDS(100); kin_now() < end;) {
        atomic_fetch_add(&it->alive, 1);
    }
    return 0;
}

/* As an initializer. */
static int run_refuse(kin_task *task)
{
    snprintf(task->message, sizeof task->message, "no licence");
    return 4321;
}

/* As an initializer: only after an event is set. */
static int run_refuse_when_set(kin_task *task)
{
    kin_event *go = NULL;
    return kin_args_get_object((void **)&go, task->shared, "go", KIN_TYPE_EVENT) != KIN_OK ||
           kin_event_wait(go, KIN_NOW) == KIN_OK;
}

static const kin_task_entry functions[] = {
    {"refuse", run_refuse},     {"refuse_when_set", run_refuse_when_set},
    {"about", run_about},       {"briefly", run_briefly},
    {"for_good", run_for_good}, {"nothing", run_nothing},
    {"fail", run_fail},         {"first_is_slow", run_first_is_slow},
};

/* ---- helpers ---- */

static kin_pool *new_pool(kin_family *family, uint32_t workers)
{
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
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
static kin_job tasks_of(const char *function, size_t count)
{
    kin_job job = KIN_JOB_INIT;
    job.task = function;
    job.count = count;
    job.chunk = 1;
    return job;
}

static kin_future *submit(kin_pool *pool, const kin_job *job)
{
    kin_future *future = NULL;
    assert_ok(kin_pool_submit(&future, pool, job, PATIENCE));
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
    kin_job job = KIN_JOB_INIT;
    job.task = "nothing";
    job.out_size = 4096;
    uint64_t before = blocks_in(family);
    for (int i = 0; i < ROUNDS; i++) {
        kin_future *future = submit(pool, &job);
        assert_ok(kin_future_wait(future, PATIENCE));
        kin_future_close(future);
        assert_true(i % 1000 > 0 || blocks_in(family) <= before + 4 * WORKERS);
    }
    kin_pool_destroy(pool);
    kin_family_close(family);
}

/* Gives the pool so many works; waits for each, the last one first. */
static void wait_from_the_last(kin_pool *pool, kin_future **futures, int count)
{
    kin_job job = KIN_JOB_INIT;
    job.task = "nothing";
    for (int i = 0; i < count; i++) {
        futures[i] = submit(pool, &job);
    }
    for (int i = count; i-- > 0;) {
        assert_ok(kin_future_wait(futures[i], PATIENCE));
        kin_future_close(futures[i]);
    }
}

/* More than there are places for jobs, so that what has ended has to make room. */
static void works_nobody_waits_for_make_room(void **state)
{
    (void)state;
    enum { COUNT = 3 * KIN__JOBS };
    kin_future **futures = calloc(COUNT, sizeof(kin_future *));
    assert_non_null(futures);
    kin_pool *pool = new_pool(NULL, 2);
    wait_from_the_last(pool, futures, COUNT);
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
    kin_job job = tasks_of("first_is_slow", COUNT);
    job.args = args;
    kin_future *future = submit(pool, &job);
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
    assert_status(kin_future_next(future, 0, &first, &count, &status, PATIENCE), KIN_E_END);
    kin_future_close(future);
    kin_pool_destroy(pool);
    kin_args_destroy(args);
    assert_ok(kin_event_destroy(go));
    free(seen);
}

/* A job whose first task waits for `go`, in a pool with one worker, which runs it. */
typedef struct slow {
    kin_pool *pool;
    kin_event *go;
    kin_args *args;
    kin_future *future;
} slow;

static slow begin_slow(size_t count)
{
    slow it = {.pool = new_pool(NULL, 1), .args = new_args()};
    assert_ok(kin_event_create(&it.go, NULL));
    give(it.args, "go", KIN_TYPE_EVENT, it.go);
    kin_job job = tasks_of("first_is_slow", count);
    job.args = it.args;
    it.future = submit(it.pool, &job);
    while (atomic_load(&it.pool->shared->slots[0].task) == 0) {
        kin_os_yield();
    }
    return it;
}

static void end_slow(slow *it)
{
    kin_future_close(it->future);
    kin_pool_destroy(it->pool);
    kin_args_destroy(it->args);
    assert_ok(kin_event_destroy(it->go));
}

/* Also those that no worker has come to, while a task still runs. */
static void cancelled_tasks_are_given_at_once(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    uint64_t first, count, given = 0;
    int status = 0;
    slow it = begin_slow(COUNT);
    assert_status(kin_future_cancel(it.future), KIN_E_BUSY);
    while (kin_future_next(it.future, 0, &first, &count, &status, KIN_NOW) == KIN_OK) {
        assert_true(first > 0 && status == KIN_E_CANCELLED);
        given++;
    }
    assert_true(given >= COUNT - it.future->plan.batch);
    assert_ok(kin_event_set(it.go));
    while (kin_future_next(it.future, 0, &first, &count, &status, PATIENCE) == KIN_OK) {
        assert_int_equal(status, first == 0 ? KIN_OK : KIN_E_CANCELLED);
        given++;
    }
    assert_int_equal(given, COUNT);
    end_slow(&it);
}

/* How often the calling thread has begun a wait in the default family. */
static uint64_t count_sleeps(void)
{
    kin_family *family = NULL;
    kin__seat *seat;
    assert_ok(kin_family_default(&family));
    assert_ok(kin__seat_take(&seat, family));
    return atomic_load(&seat->thread->state) >> 2;
}

static void who_waits_for_the_next_result_sleeps(void **state)
{
    (void)state;
    uint64_t first, count;
    slow it = begin_slow(1);
    uint64_t before = count_sleeps();
    assert_status(kin_future_next(it.future, 0, &first, &count, NULL, KIN_MS(300)), KIN_E_TIMED_OUT);
    uint64_t sleeps = count_sleeps() - before;
    assert_true(sleeps > 0 && sleeps < 40); /* of 20 ms */
    assert_ok(kin_event_set(it.go));
    assert_ok(kin_future_next(it.future, 0, &first, &count, NULL, PATIENCE));
    end_slow(&it);
}

static kin_job_result outcome_of(kin_future *future)
{
    kin_job_result outcome = KIN_JOB_RESULT_INIT;
    assert_ok(kin_future_inspect(future, &outcome));
    return outcome;
}

/* Each task is counted once; and a message without an end, from a member that is not to be trusted, gets one. */
static void outcome_is_of_the_works_own_tasks(void **state)
{
    (void)state;
    enum { COUNT = 48 };
    kin_pool *pool = new_pool(NULL, 2);
    kin_job job = tasks_of("fail", COUNT);
    kin_future *future = submit(pool, &job);
    assert_status(kin_future_wait(future, PATIENCE), KIN_E_TASK);
    kin_job_result outcome = outcome_of(future);
    assert_true(outcome.tasks == COUNT && outcome.done == COUNT / 3 && outcome.failed == COUNT - COUNT / 3);
    assert_true(outcome.died == 0 && outcome.cancelled == 0 && outcome.unfinished == 0);
    kin__failure *failure = &future->plan.job->failure;
    memset(failure->message, 'x', sizeof failure->message);
    outcome = outcome_of(future);
    assert_int_equal(outcome.message[sizeof outcome.message - 2], 'x');
    assert_int_equal(outcome.message[sizeof outcome.message - 1], '\0');
    kin_future_close(future);
    kin_pool_destroy(pool);
}

typedef struct look {
    kin_future *future;
    _Atomic int over;
} look;

static void look_at(void *look_)
{
    look *it = look_;
    kin_job_result outcome = KIN_JOB_RESULT_INIT;
    MUST(kin_future_inspect(it->future, &outcome) == KIN_OK && outcome.tasks == 1);
    atomic_store(&it->over, 1);
}

/* Another thread may be changing it. */
static void outcome_is_read_under_the_pools_lock(void **state)
{
    (void)state;
    kin_pool *pool = new_pool(NULL, 1);
    kin_job job = tasks_of("nothing", 1);
    look it = {submit(pool, &job), 0};
    assert_ok(kin__pool_enter(pool));
    void *thread = begin_thread(look_at, &it);
    kin_os_sleep_until(kin_os_now() + KIN_MS(50));
    int was_over = atomic_load(&it.over);
    kin__pool_leave(pool);
    end_thread(thread);
    assert_false(was_over);
    kin_future_close(it.future);
    kin_pool_destroy(pool);
}

/* A member cancels the tasks, without the program: they were not done, and that is told. */
static void tasks_that_were_not_run_are_not_done(void **state)
{
    (void)state;
    slow it = begin_slow(100);
    atomic_store(&it.future->plan.job->cancelled, 1);
    assert_ok(kin_event_set(it.go));
    assert_status(kin_future_wait(it.future, PATIENCE), KIN_E_CANCELLED);
    assert_true(outcome_of(it.future).done == 1 && outcome_of(it.future).cancelled == 99);
    end_slow(&it);
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
        kin_job job = tasks_of("fail", tasks);
        kin_future *future = submit(pool, &job);
        while (kin_future_next(future, i % 2 == 0, &first, &count, &status, PATIENCE) == KIN_OK) {
            assert_int_equal(status, status_of(first));
            seen++;
        }
        assert_int_equal(seen, tasks);
        kin_future_close(future);
    }
    assert_ok(kin_pool_poll(pool));
    for (int64_t end = now_ns() + PATIENCE; count_blocks() > before && now_ns() < end;) {
        assert_ok(kin_pool_poll(pool)); /* a worker looks at the last one for a moment yet */
    }
    assert_int_equal(count_blocks(), before);
    kin_pool_destroy(pool);
}

/* ---- ended early ---- */

static notes *new_notes(kin_args *args)
{
    void *memory = NULL;
    assert_ok(kin_alloc(&memory, NULL, sizeof(notes)));
    give(args, "notes", KIN_TYPE_MEMORY, memory);
    return memory;
}

typedef struct tender {
    kin_pool *pool;
    _Atomic int over;
} tender;

static void tend_all_the_time(void *tender_)
{
    tender *it = tender_;
    while (!atomic_load(&it->over)) {
        kin_pool_poll(it->pool);
    }
}

/* Tasks that take about as long as they may. None is begun once more but in its next attempt, and of a work beside it,
 * whose tasks the same workers run, none dies. */
static void limit_kills_what_exceeds_it_and_no_other(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    for (uint32_t retries = 0; retries < 2; retries++) {
        kin_args *args = new_args(), *others = new_args();
        notes *noted = new_notes(args), *beside = new_notes(others);
        kin_job_result outcome = KIN_JOB_RESULT_INIT;
        uint64_t first, count, late = 0;
        int status;
        tender it = {new_pool(NULL, 2), 0};
        kin_job job = tasks_of("about", COUNT), brief = tasks_of("briefly", NOTED);
        job.args = args;
        job.limit = KIN_MS(1);
        job.retries = retries;
        brief.args = others;
        void *thread = begin_thread(tend_all_the_time, &it);
        kin_future *innocent = submit(it.pool, &brief), *future = submit(it.pool, &job);
        while (kin_future_next(future, 0, &first, &count, &status, PATIENCE) == KIN_OK) {
            assert_true(status == KIN_OK || status == KIN_E_TIMED_OUT);
            late += status != KIN_OK;
            assert_true(atomic_load(&noted->attempts[first]) <= 1 + 2 * retries);
        }
        assert_int_equal(atomic_load(&noted->repeated), 0);
        assert_status(kin_future_wait(innocent, PATIENCE), KIN_OK);
        for (int i = 0; i < NOTED; i++) {
            assert_int_equal(atomic_load(&beside->begun[i]), 1);
        }
        assert_ok(kin_future_inspect(future, &outcome));
        print_message("%d of %d tasks exceeded their limit, %d were done, %d died\n", (int)late, COUNT,
                      (int)outcome.done, (int)outcome.died);
        assert_true(outcome.done + outcome.died == COUNT && outcome.died == late); /* by chance, none */
        atomic_store(&it.over, 1);
        end_thread(thread);
        kin_future_close(future);
        kin_future_close(innocent);
        kin_pool_destroy(it.pool);
        kin_args_destroy(args);
        kin_args_destroy(others);
        assert_ok(kin_free(noted));
        assert_ok(kin_free(beside));
    }
}

static void await_alive(notes *noted)
{
    for (int64_t end = now_ns() + PATIENCE; atomic_load(&noted->alive) == 0 && now_ns() < end;) {
        kin_os_yield();
    }
    assert_true(atomic_load(&noted->alive) > 0);
}

static void assert_still(notes *noted)
{
    uint32_t seen = atomic_load(&noted->alive);
    kin_os_sleep_until(kin_os_now() + KIN_MS(50));
    assert_int_equal(atomic_load(&noted->alive), seen);
}

static void running_task_can_be_killed(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    kin_args *args = new_args();
    notes *noted = new_notes(args);
    kin_job_result outcome = KIN_JOB_RESULT_INIT;
    kin_pool *pool = new_pool(NULL, 2);
    kin_pool_info info = KIN_POOL_INFO_INIT;
    kin_job job = tasks_of("for_good", COUNT);
    job.args = args;
    job.retries = 3;
    kin_future *future = submit(pool, &job);
    await_alive(noted);
    int64_t begun = now_ns();
    assert_ok(kin_future_kill(future));
    assert_true(now_ns() - begun < KIN_SECONDS(5));
    assert_status(kin_future_wait(future, KIN_NOW), KIN_E_CANCELLED);
    assert_ok(kin_future_inspect(future, &outcome));
    assert_int_equal(outcome.cancelled, COUNT);
    assert_still(noted);
    for (int i = 0; i < COUNT; i++) {
        assert_true(atomic_load(&noted->begun[i]) <= 1); /* it was not tried again */
    }
    assert_ok(kin_future_kill(future)); /* once more does nothing */
    kin_future_close(future);
    job = tasks_of("nothing", COUNT);
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    assert_ok(kin_pool_inspect(pool, &info));
    assert_int_equal(info.died, 0);
    assert_int_equal(info.alive, 2);
    assert_status(kin_future_kill(NULL), KIN_E_ARGUMENT);
    kin_pool_destroy(pool);
    kin_args_destroy(args);
    assert_ok(kin_free(noted));
}

/* Works are killed while their workers go from one work to the next. */
static void kill_ends_no_other_works_task(void **state)
{
    (void)state;
    enum { ROUNDS = 100 };
    kin_args *args = new_args(), *others = new_args();
    notes *noted = new_notes(args), *beside = new_notes(others);
    kin_pool *pool = new_pool(NULL, 2);
    uint32_t killed = 0;
    kin_job job = KIN_JOB_INIT, brief = KIN_JOB_INIT;
    job.task = brief.task = "briefly";
    job.args = args;
    brief.args = others;
    for (int i = 0; i < ROUNDS; i++) {
        kin_future *future = submit(pool, &job), *innocents[4];
        for (int j = 0; j < 4; j++) {
            innocents[j] = submit(pool, &brief);
        }
        int64_t end = now_ns() + i % 60 * KIN_US(1);
        while (now_ns() < end) {
        }
        assert_ok(kin_future_kill(future));
        killed += kin_future_wait(future, KIN_NOW) == KIN_E_CANCELLED;
        kin_future_close(future);
        for (int j = 0; j < 4; j++) {
            assert_ok(kin_future_wait(innocents[j], PATIENCE));
            kin_future_close(innocents[j]);
        }
    }
    print_message("%d of %d killed\n", (int)killed, ROUNDS);
    assert_int_equal(atomic_load(&beside->begun[0]), 4 * ROUNDS);
    kin_pool_destroy(pool);
    kin_args_destroy(args);
    kin_args_destroy(others);
    assert_ok(kin_free(noted));
    assert_ok(kin_free(beside));
}

static void map_returns_at_its_timeout(void **state)
{
    (void)state;
    kin_args *args = new_args();
    notes *noted = new_notes(args);
    kin_job_result outcome = KIN_JOB_RESULT_INIT;
    kin_pool *pool = new_pool(NULL, 1);
    await_begun(pool);
    kin_job job = tasks_of("for_good", 3);
    job.args = args;
    int64_t begun = now_ns();
    assert_status(kin_pool_map(pool, &job, &outcome, KIN_MS(200)), KIN_E_TIMED_OUT);
    assert_true(now_ns() - begun >= KIN_MS(200) && now_ns() - begun < KIN_SECONDS(5));
    assert_int_equal(outcome.cancelled, 3);
    assert_still(noted);
    job = tasks_of("nothing", 3);
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    kin_pool_destroy(pool);
    kin_args_destroy(args);
    assert_ok(kin_free(noted));
}

/* ---- spent workers ---- */

/* A worker that runs one task only is replaced when it leaves, not at the end of a slice (20 ms). */
static int64_t time_of_tasks(kin_pool *pool, int count)
{
    kin_job job = KIN_JOB_INIT;
    job.task = "nothing";
    int64_t begun = now_ns();
    for (int i = 0; i < count; i++) {
        assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    }
    return (now_ns() - begun) / count;
}

/* Of one that is as a worker is. */
static int64_t time_of_child(void)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *process = NULL;
    int64_t begun = now_ns();
    options.die_with_parent = 1;
    assert_ok(kin_process_start(&process, "nothing", NULL, &options));
    join_child(process, 0);
    return now_ns() - begun;
}

static void spent_workers_are_replaced_at_once(void **state)
{
    (void)state;
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    kin_pool_info info = KIN_POOL_INFO_INIT;
    int64_t task = INT64_MAX, child = INT64_MAX;
    options.workers = 2;
    options.max_tasks = 1;
    assert_ok(kin_pool_create(&pool, NULL, &options));
    for (int i = 0; i < (SANITIZED ? 3 : 8); i++) {
        int64_t took = time_of_tasks(pool, 5), took_child = time_of_child();
        task = took < task ? took : task;
        child = took_child < child ? took_child : child;
    }
    print_message("a task %d us, a child %d us\n", (int)(task / 1000), (int)(child / 1000));
    assert_true(task < 3 * child + KIN_MS(6)); /* with slices it is 11 ms more than a child */
    assert_ok(kin_pool_inspect(pool, &info));
    assert_int_equal(info.died, 0);
    kin_pool_destroy(pool);
}

/* The last one is waited for first: nobody sleeps on the jobs that the workers leave. */
static void spent_workers_are_replaced_whichever_is_waited_for(void **state)
{
    (void)state;
    enum { COUNT = SANITIZED ? 8 : 20 };
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    kin_future *futures[COUNT];
    options.workers = 1;
    options.max_tasks = 1;
    assert_ok(kin_pool_create(&pool, NULL, &options));
    wait_from_the_last(pool, futures, COUNT);
    kin_pool_destroy(pool);
}

/* ---- other threads ---- */

static void join_it(void *pool)
{
    MUST(kin_pool_join(pool, PATIENCE) == KIN_OK);
}

static int is_longer(const void *one_, const void *other_)
{
    const int64_t *one = one_, *other = other_;
    return *one > *other ? 1 : *one < *other ? -1 : 0;
}

static void joining_does_not_hold_up_others(void **state)
{
    (void)state;
    enum { CALLS = 201 };
    int64_t took[CALLS];
    kin_args *args = new_args();
    kin_event *go = NULL;
    kin_pool_info info = KIN_POOL_INFO_INIT;
    assert_ok(kin_event_create(&go, NULL));
    give(args, "go", KIN_TYPE_EVENT, go);
    kin_pool *pool = new_pool(NULL, 2);
    await_begun(pool);
    kin_job job = tasks_of("first_is_slow", 1);
    job.args = args;
    kin_future *future = submit(pool, &job);
    assert_ok(kin_pool_close(pool));
    void *thread = begin_thread(join_it, pool);
    for (int i = 0; i < CALLS; i++) {
        kin_os_sleep_until(kin_os_now() + KIN_MS(1));
        took[i] = now_ns();
        assert_ok(kin_pool_inspect(pool, &info));
        took[i] = now_ns() - took[i];
    }
    qsort(took, CALLS, sizeof took[0], is_longer);
    assert_true(took[CALLS / 2] < KIN_US(500)); /* a microsecond */
    assert_ok(kin_event_set(go));
    end_thread(thread);
    assert_ok(kin_future_wait(future, KIN_NOW));
    kin_future_close(future);
    kin_pool_destroy(pool);
    kin_args_destroy(args);
    assert_ok(kin_event_destroy(go));
}

/* ---- destroyed by a callback ---- */

typedef struct doomed {
    kin_pool *pool;
    kin_future *future;
    int called;
} doomed;

static void destroy_it(void *doomed_, kin_future *future)
{
    doomed *it = doomed_;
    it->called++;
    if (it->future == future) {
        kin_future_close(future);
        it->future = NULL;
    }
    kin_pool_destroy(it->pool);
}

static kin_future *submit_with_end(doomed *it, const char *function)
{
    kin_job job = KIN_JOB_INIT;
    job.task = function;
    job.finished = destroy_it;
    job.context = it;
    return submit(it->pool, &job);
}

static void await_done(kin_future *future)
{
    for (int64_t end = now_ns() + PATIENCE;
         atomic_load(&future->plan.owners[0]) != KIN__BATCH_DONE && now_ns() < end;) {
        kin_os_yield();
    }
}

static void callback_may_destroy_the_pool(void **state)
{
    (void)state;
    uint64_t first, count;
    for (int what = 0; what < 7; what++) {
        doomed it = {new_pool(NULL, 2), NULL, 0};
        kin_future *last = submit_with_end(&it, "nothing"), *other;
        kin_job job = KIN_JOB_INIT;
        job.task = "nothing";
        other = submit(it.pool, &job);
        it.future = what % 2 == 0 ? last : NULL;
        await_done(last);
        switch (what) {
        case 0:
        case 1:
            assert_ok(kin_pool_poll(it.pool));
            break;
        case 2:
        case 3:
            assert_ok(kin_pool_close(it.pool));
            kin_pool_join(it.pool, PATIENCE);
            break;
        case 4: /* a thread waits for another one of its futures */
            assert_ok(kin_pool_close(it.pool));
            kin_future_wait(other, PATIENCE);
            kin_future_next(other, 0, &first, &count, NULL, PATIENCE);
            kin_pool_poll(it.pool);
            break;
        case 5: /* a thread waits for this one */
            assert_ok(kin_future_wait(last, PATIENCE));
            break;
        default: /* it is being destroyed */
            kin_pool_destroy(it.pool);
            break;
        }
        assert_int_equal(it.called, 1);
        if (!it.future && what % 2 == 1) {
            assert_ok(kin_future_wait(last, KIN_NOW));
            kin_future_close(last);
        }
        kin_status status = kin_future_wait(other, KIN_NOW);
        assert_true(status == KIN_OK || status == KIN_E_CANCELLED || status == KIN_E_WORKER_DIED);
        kin_future_close(other); /* after its pool */
    }
    for (int64_t end = now_ns() + PATIENCE;
         inspect_family().members > 1 && now_ns() < end;) { /* killed, not gone yet */
        kin_os_sleep_until(kin_os_now() + KIN_MS(1));
        assert_true(kin_family_reap(NULL, NULL) >= 0);
    }
    assert_int_equal(inspect_family().members, 1);
}

static void initializer_says_why_it_fails(void **state)
{
    (void)state;
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    kin_pool_info info = KIN_POOL_INFO_INIT;
    kin_job job = tasks_of("nothing", 3);
    options.workers = 2;
    options.initializer = "refuse";
    assert_ok(kin_pool_create(&pool, NULL, &options));
    for (int i = 0; i < 2; i++) { /* before it is known, perhaps, and when it is */
        kin_job_result outcome = KIN_JOB_RESULT_INIT;
        assert_status(kin_pool_map(pool, &job, &outcome, PATIENCE), KIN_E_WORKER_DIED);
        assert_int_equal(outcome.status, 4321);
        assert_string_equal(outcome.message, "no licence");
        assert_int_equal(outcome.worker.code, 4321 & 0xff);
    }
    assert_ok(kin_pool_inspect(pool, &info));
    assert_true(info.broken && info.status == 4321);
    assert_string_equal(info.message, "no licence");
    kin_pool_destroy(pool);
}

/* The pool breaks after a work has ended well: that one is told nothing of it. */
static void work_that_was_done_knows_nothing_of_a_pool_that_breaks(void **state)
{
    (void)state;
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    kin_event *go = NULL;
    kin_args *args = new_args();
    kin_job job = tasks_of("nothing", 1);
    assert_ok(kin_event_create(&go, NULL));
    give(args, "go", KIN_TYPE_EVENT, go);
    options.workers = 1;
    options.max_tasks = 1;
    options.args = args;
    options.initializer = "refuse_when_set";
    options.max_failures = 1;
    assert_ok(kin_pool_create(&pool, NULL, &options));
    kin_future *good = submit(pool, &job);
    assert_ok(kin_future_wait(good, PATIENCE));
    assert_ok(kin_event_set(go));
    kin_status status;
    do { /* the worker after the first one may have begun before the event was set */
        status = kin_pool_map(pool, &job, NULL, PATIENCE);
    } while (status == KIN_OK);
    assert_int_equal(status, KIN_E_WORKER_DIED);
    kin_job_result outcome = outcome_of(good);
    assert_true(outcome.status == 0 && outcome.done == 1 && outcome.message[0] == '\0');
    kin_future_close(good);
    kin_pool_destroy(pool);
    kin_args_destroy(args);
    assert_ok(kin_event_destroy(go));
}

/* As a worker that was killed, and has not ended in a second: the pool does not wait for it any longer. */
static void worker_that_does_not_end_leaves_nothing_in_its_maker(void **state)
{
    (void)state;
    kin_job job = tasks_of("nothing", 1);
    kin__kept_process *hold = calloc(1, sizeof *hold);
    kin_pool *pool = new_pool(NULL, 1);
    kin_future *future = submit(pool, &job);
    assert_non_null(hold);
    assert_ok(kin_future_wait(future, PATIENCE));
    kin_pool_destroy(pool); /* but the future still uses it */
    *hold = (kin__kept_process){start_child("nothing", NULL), 2};
    pool->workers[1].process = hold->process; /* in a slot that never had one */
    pool->workers[1].hold = hold;
    kin_future_close(future);
    assert_int_equal(hold->holders, 1); /* this test */
    kin__hold_let_go(hold);
}

/* ---- a family that is full ---- */

/* In a child: has a place in the family until it is told to go. */
static int child_occupy(const kin_args *args)
{
    kin_sem *there = given(args, "there", KIN_TYPE_SEM);
    kin_event *go = given(args, "go", KIN_TYPE_EVENT);
    CHECK(there && go && kin_sem_release(there, 1) == KIN_OK && kin_event_wait(go, PATIENCE) == KIN_OK);
    return 0;
}

static kin_pool_info inspect(kin_pool *pool)
{
    kin_pool_info info = KIN_POOL_INFO_INIT;
    assert_ok(kin_pool_inspect(pool, &info));
    return info;
}

static void pool_goes_on_with_the_workers_that_have_room(void **state)
{
    (void)state;
    enum { MEMBERS = 5 }; /* this process, two workers, and two children in the end */
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_pool_options pool_options = KIN_POOL_OPTIONS_INIT;
    kin_family *family = NULL;
    kin_pool *pool = NULL;
    kin_sem *there = NULL;
    kin_event *go = NULL;
    kin_args *args = NULL;
    kin_process *occupants[2];
    options.max_members = MEMBERS;
    assert_ok(kin_family_create(&family, &options));
    pool_options.workers = MEMBERS;
    assert_status(kin_pool_create(&pool, family, &pool_options), KIN_E_LIMIT);
    assert_int_equal(blocks_in(family), 0);
    assert_ok(kin_sem_create(&there, family, 0, 0));
    assert_ok(kin_event_create(&go, family));
    assert_ok(kin_args_create(&args, family));
    give(args, "there", KIN_TYPE_SEM, there);
    give(args, "go", KIN_TYPE_EVENT, go);
    pool_options.workers = 3;
    assert_ok(kin_pool_create(&pool, family, &pool_options));
    await_begun(pool);
    occupants[0] = start_child("occupy", args);
    assert_ok(kin_sem_acquire(there, 1, PATIENCE));
    assert_status(kin_pool_resize(pool, 4), KIN_E_LIMIT);
    kill_pid(inspect(pool).pids[0]);
    while (kin_process_alive(pool->workers[0].process)) { /* which cleans up after it */
    }
    occupants[1] = start_child("occupy", args); /* this process takes its place */
    assert_ok(kin_sem_acquire(there, 1, PATIENCE));
    kin_job job = tasks_of("nothing", 20);
    for (int64_t end = now_ns() + KIN_SECONDS(1); now_ns() < end;) {
        assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
        assert_ok(kin_pool_poll(pool));
        assert_true(inspect(pool).alive >= 2 && !inspect(pool).broken);
    }
    assert_true(inspect(pool).started > 3 && inspect(pool).started < 30);
    assert_ok(kin_event_set(go));
    join_child(occupants[0], 0);
    join_child(occupants[1], 0);
    for (int64_t end = now_ns() + PATIENCE; pool->failures > 0 && now_ns() < end;) {
        assert_ok(kin_pool_poll(pool));
    }
    assert_int_equal(inspect(pool).alive, 3);
    kin_pool_destroy(pool);
    kin_args_destroy(args);
    kin_family_close(family);
}

/* In a child: nothing to do. */
static int child_nothing(const kin_args *args)
{
    (void)args;
    return 0;
}

int main(void)
{
    kin_register_tasks(functions, sizeof functions / sizeof functions[0]);
    static const kin_child_entry entries[] = {{"nothing", child_nothing}, {"occupy", child_occupy}};
    kin_child_main(entries, 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancelled_tasks_are_given_at_once),
        cmocka_unit_test(who_waits_for_the_next_result_sleeps),
        cmocka_unit_test(outcome_is_of_the_works_own_tasks),
        cmocka_unit_test(outcome_is_read_under_the_pools_lock),
        cmocka_unit_test(tasks_that_were_not_run_are_not_done),
        cmocka_unit_test(work_that_was_done_knows_nothing_of_a_pool_that_breaks),
        cmocka_unit_test(worker_that_does_not_end_leaves_nothing_in_its_maker),
        cmocka_unit_test(closed_works_give_their_memory_back),
        cmocka_unit_test(works_nobody_waits_for_make_room),
        cmocka_unit_test(results_behind_a_slow_task_come_at_once),
        cmocka_unit_test(each_task_tells_what_it_returned),
        unit_test_with_deaths(limit_kills_what_exceeds_it_and_no_other),
        unit_test_with_deaths(running_task_can_be_killed),
        unit_test_with_deaths(kill_ends_no_other_works_task),
        unit_test_with_deaths(map_returns_at_its_timeout),
        cmocka_unit_test(spent_workers_are_replaced_at_once),
        cmocka_unit_test(spent_workers_are_replaced_whichever_is_waited_for),
        cmocka_unit_test(joining_does_not_hold_up_others),
        unit_test_with_deaths(callback_may_destroy_the_pool),
        unit_test_with_deaths(initializer_says_why_it_fails),
        unit_test_with_deaths(pool_goes_on_with_the_workers_that_have_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
