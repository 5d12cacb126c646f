/* Pools whose workers the program starts: they come, work, leave and die; tasks are not lost, nothing is left. */
#include "family/thread_slot.h"
#include "os.h"
#include "park/park.h"
#include "pool/external.h"
#include "pool/maker.h"
#include "pool/serve.h"
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

/* Item 0 waits as run_wait does, and so does item 1, which takes nothing from `go`. */
static int run_first_waits(kin_task *task)
{
    kin_sem *begun = NULL;
    return task->index == 0   ? run_wait(task)
           : task->index == 1 ? kin_args_get_object((void **)&begun, task->shared, "begun", KIN_TYPE_SEM) != KIN_OK ||
                                    kin_sem_release(begun, 1) != KIN_OK
                              : 0;
}

static int run_refuse(kin_task *task)
{
    snprintf(task->message, sizeof task->message, "no licence");
    return 77;
}

static const kin_task_entry functions[] = {
    {"square", run_square}, {"exit_once", run_exit_once}, {"exit", run_exit},
    {"wait", run_wait},     {"refuse", run_refuse},       {"first_waits", run_first_waits},
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
    kin_job_result outcome = KIN_JOB_RESULT_INIT;
    assert_ok(kin_future_inspect(future, &outcome));
    assert_true(outcome.unfinished > 0 && outcome.done + outcome.unfinished == 3);
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
    assert_status(kin_future_wait(future, KIN_MS(5)), KIN_E_TIMED_OUT);
    assert_null(strstr(kin_last_error(), "no worker"));
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

/* A thread that does something while the pool is being destroyed. */
typedef struct meanwhile {
    kin_pool *pool;
    kin_ref ref;
    gate at;
    kin_process *worker;
    kin_status entered;
    _Atomic int over; /* the pool is destroyed */
    bool was_over;
} meanwhile;

static void try_to_enter(void *meanwhile_)
{
    meanwhile *it = meanwhile_;
    kin_sleep(KIN_MS(30));
    it->entered = kin_pool_work(it->ref, 0, KIN_NOW);
    MUST(kin_sem_release(it->at.go, 1) == KIN_OK);
}

static void kill_worker(void *meanwhile_)
{
    meanwhile *it = meanwhile_;
    kin_sleep(KIN_MS(30));
    kill_child(it->worker);
}

static void kill_worker_under_the_lock(void *meanwhile_)
{
    meanwhile *it = meanwhile_;
    kin_sleep(KIN_MS(30));
    MUST(kin__pool_enter(it->pool) == KIN_OK);
    kill_child(it->worker);
    kin_sleep(KIN_MS(30));
    it->was_over = atomic_load(&it->pool->shared->slots[0].who) == 0;
    kin__pool_leave(it->pool);
}

/* Neither does a worker that comes now get in, nor does one that dies now hold it up. */
static void destroy_meanwhile(void (*body)(void *meanwhile), meanwhile *it)
{
    it->at = new_gate();
    it->pool = new_pool(&it->ref, NULL, it->at.args, NULL);
    kin_job job = KIN_JOB_INIT;
    job.task = "wait";
    kin_future *future = submit(it->pool, &job);
    it->worker = start_worker(it->ref, 0);
    assert_ok(kin_sem_acquire(it->at.begun, 1, PATIENCE));
    void *thread = begin_thread(body, it);
    kin_pool_destroy(it->pool);
    end_thread(thread);
    kin_future_close(future);
    end_gate(&it->at);
}

static void nobody_enters_a_pool_that_is_being_destroyed(void **state)
{
    (void)state;
    meanwhile it = {.entered = KIN_OK};
    destroy_meanwhile(try_to_enter, &it);
    assert_int_equal(it.entered, KIN_E_STALE);
    join_child(it.worker, KIN_OK);
}

static void destroy_goes_on_when_a_worker_dies(void **state)
{
    (void)state;
    meanwhile it = {.entered = KIN_OK};
    destroy_meanwhile(kill_worker, &it);
    destroy_meanwhile(kill_worker_under_the_lock, &it);
    assert_false(it.was_over); /* its slot is freed under the lock */
}

/* As a worker that is stopped in kin_pool_work, between finding the pool and taking a slot. */
static void stand_in_the_door(void *meanwhile_)
{
    meanwhile *it = meanwhile_;
    kin__seat *seat;
    MUST(kin__seat_take(&seat, it->pool->family) == KIN_OK);
    kin__park_begin(seat, &it->pool->shared->door, KIN__AT_DOOR);
    MUST(kin_sem_release(it->at.begun, 1) == KIN_OK);
    kin_sleep(KIN_MS(50));
    it->was_over = atomic_load(&it->over);
    kin__park_end(seat);
}

static void destroy_waits_for_who_is_in_the_door(void **state)
{
    (void)state;
    meanwhile it = {.at = new_gate()};
    it.pool = new_pool(&it.ref, NULL, NULL, NULL);
    void *thread = begin_thread(stand_in_the_door, &it);
    assert_ok(kin_sem_acquire(it.at.begun, 1, PATIENCE));
    kin_pool_destroy(it.pool);
    atomic_store(&it.over, 1);
    end_thread(thread);
    assert_false(it.was_over);
    end_gate(&it.at);
}

static void work_in_it(void *meanwhile_)
{
    meanwhile *it = meanwhile_;
    MUST(kin_pool_work(it->ref, 0, PATIENCE) == KIN_OK);
}

/* What lies behind the slots is none: here, the token of a thread that lives. */
static void as_many_work_as_there_are_slots(void **state)
{
    (void)state;
    static char bytes[4096];
    static void *threads[KIN_POOL_WORKERS_MAX];
    meanwhile it = {.entered = KIN_OK};
    kin__seat *seat;
    int32_t *numbers = new_numbers(NULL);
    kin_args *args = new_args();
    assert_ok(kin_args_add_bytes(args, "much", bytes, sizeof bytes));
    it.pool = new_pool(&it.ref, NULL, args, NULL);
    assert_ok(kin__seat_take(&seat, it.pool->family));
    char *behind = (char *)it.pool->shared->slots + sizeof it.pool->shared->slots;
    memcpy(behind + offsetof(kin__worker_slot, who), &seat->token, sizeof seat->token);
    for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
        threads[i] = begin_thread(work_in_it, &it);
    }
    await_alive(it.pool, KIN_POOL_WORKERS_MAX);
    assert_int_equal(inspect(it.pool).alive, KIN_POOL_WORKERS_MAX);
    assert_status(kin_pool_work(it.ref, 0, PATIENCE), KIN_E_LIMIT);
    kin_job job = job_on("square", numbers);
    assert_ok(kin_pool_map(it.pool, &job, NULL, PATIENCE));
    check_squares(numbers);
    assert_ok(kin_pool_close(it.pool));
    for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
        end_thread(threads[i]);
    }
    kin_pool_destroy(it.pool);
    kin_args_destroy(args);
    assert_ok(kin_free(numbers));
}

/* The owner has counted on a worker that watched for the next job, and it is dead. early: the owner has noticed that
 * before it posts the job. */
static void lose_the_spinner(bool early)
{
    kin_ref ref;
    kin_pool *pool = new_pool(&ref, NULL, NULL, NULL);
    kin_job job = KIN_JOB_INIT;
    job.task = "square";
    job.count = 1;
    kin_process *dies = start_worker(ref, 0);
    await_alive(pool, 1);
    uint32_t id = atomic_load(&pool->shared->slots[0].id);
    kin_process *sleeps = start_worker(ref, 0);
    await_alive(pool, 2);
    kin_sleep(KIN_MS(50)); /* both sleep */
    kill_child(dies);
    atomic_store(&pool->shared->spinner, id);
    if (early) {
        assert_int_equal(inspect(pool).alive, 1);
        kin_sleep(KIN_MS(50));
    }
    int32_t number = 0;
    int32_t *numbers = new_numbers(NULL);
    job.in = job.out = numbers;
    job.in_size = job.out_size = sizeof number;
    kin_future *future = submit(pool, &job);
    assert_ok(kin_future_wait(future, PATIENCE));
    kin_future_close(future);
    assert_ok(kin_pool_close(pool));
    join_child(sleeps, KIN_OK);
    kin_pool_destroy(pool);
    assert_ok(kin_free(numbers));
}

static void task_is_taken_though_who_was_counted_on_died(void **state)
{
    (void)state;
    lose_the_spinner(false);
    lose_the_spinner(true);
}

/* A worker that leaves in the middle of a batch; the owner does nothing meanwhile. */
static void rest_of_a_batch_is_done_by_who_sleeps(void **state)
{
    (void)state;
    kin_ref ref;
    gate at = new_gate();
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    kin_job job = KIN_JOB_INIT;
    options.external = 1;
    options.workers = 1; /* then a batch has two of the tasks */
    options.args = at.args;
    job.task = "first_waits";
    job.count = 64;
    job.chunk = 1;
    assert_ok(kin_pool_create(&pool, NULL, &options));
    assert_ok(kin_pool_ref(&ref, pool));
    kin_future *future = submit(pool, &job);
    assert_int_equal(future->plan.batch, 2);
    kin_process *leaves = start_worker(ref, 1);
    assert_ok(kin_sem_acquire(at.begun, 1, PATIENCE));
    kin_process *sleeps = start_worker(ref, 0);
    while (atomic_load(&future->plan.job->finished) >> 1 < future->plan.batches - 1) {
        kin_sleep(KIN_MS(1));
    }
    kin_sleep(KIN_MS(50));
    assert_ok(kin_sem_release(at.go, 1));
    join_child(leaves, KIN_OK);
    assert_ok(kin_sem_acquire(at.begun, 1, KIN_SECONDS(10)));
    assert_ok(kin_future_wait(future, PATIENCE));
    kin_future_close(future);
    assert_ok(kin_pool_close(pool));
    join_child(sleeps, KIN_OK);
    kin_pool_destroy(pool);
    end_gate(&at);
}

/* Numbers of a job that do not belong together are not computed with. */
static void plan_of_a_job_that_was_written_over_is_refused(void **state)
{
    (void)state;
    kin_ref ref;
    kin__plan plan;
    kin_pool *pool = new_pool(&ref, NULL, NULL, NULL);
    kin_job work = KIN_JOB_INIT;
    work.task = "square";
    work.count = 40;
    work.chunk = 2;
    kin_future *future = submit(pool, &work);
    kin__job *job = future->plan.job;
    assert_ok(kin__plan_read(&plan, pool->family, job));
    for (int what = 0; what < 9; what++) {
        uint64_t *numbers[] = {&job->count, &job->chunk, &job->batch, &job->tasks, &job->batches};
        uint64_t usual[5];
        int64_t limit = job->limit;
        for (int i = 0; i < 5; i++) {
            usual[i] = *numbers[i];
        }
        if (what < 3) { /* 0 */
            *numbers[what] = 0;
        } else if (what < 6) { /* one too many */
            ++*numbers[what == 3 ? 0 : what - 1];
            job->count += what == 3;
        } else if (what == 6) {
            job->limit = -1;
        } else if (what == 7) { /* of no items, all the rest fits */
            job->count = job->tasks = job->batches = 0;
            job->chunk = job->batch = 1;
        } else {
            job->batch = UINT64_MAX;
        }
        assert_status(kin__plan_read(&plan, pool->family, job), KIN_E_DAMAGED);
        for (int i = 0; i < 5; i++) {
            *numbers[i] = usual[i];
        }
        job->limit = limit;
    }
    assert_ok(kin__plan_read(&plan, pool->family, job));
    kin_future_close(future);
    kin_pool_destroy(pool);
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
        cmocka_unit_test(nobody_enters_a_pool_that_is_being_destroyed),
        unit_test_with_deaths(destroy_goes_on_when_a_worker_dies),
        cmocka_unit_test(destroy_waits_for_who_is_in_the_door),
        cmocka_unit_test(as_many_work_as_there_are_slots),
        cmocka_unit_test(task_is_taken_though_who_was_counted_on_died),
        cmocka_unit_test(rest_of_a_batch_is_done_by_who_sleeps),
        cmocka_unit_test(plan_of_a_job_that_was_written_over_is_refused),
        unit_test_with_deaths(workers_leave_when_the_owner_dies),
        cmocka_unit_test(initializer_that_fails_is_told_to_the_worker),
        cmocka_unit_test(workers_enter_while_pools_are_destroyed),
        cmocka_unit_test(bad_use_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
