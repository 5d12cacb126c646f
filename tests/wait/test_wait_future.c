/* Futures among other things that a thread waits for: it is woken at a job's end, and services the pool meanwhile. */
#include "support.h"

enum { WORKERS = 2, MANY = 40, ROUNDS = 600 };

/* ---- what workers run ---- */

static int run_nothing(kin_task *task)
{
    (void)task;
    return 0;
}

static int run_until_set(kin_task *task)
{
    kin_event *go = NULL;
    return kin_args_get_object((void **)&go, task->args, "go", KIN_TYPE_EVENT) != KIN_OK ||
           kin_event_wait(go, PATIENCE) != KIN_OK;
}

static int run_fail(kin_task *task)
{
    return 1000 + (int)task->index;
}

static const kin_task_entry tasks[] = {{"nothing", run_nothing}, {"until_set", run_until_set}, {"fail", run_fail}};

/* ---- helpers ---- */

typedef struct course {
    kin_pool *pool;
    kin_event *go, *never;
    kin_args *args;
} course;

static course begin(uint64_t max_tasks)
{
    course it;
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    options.workers = WORKERS;
    options.max_tasks = max_tasks;
    assert_ok(kin_pool_create(&it.pool, NULL, &options));
    assert_ok(kin_event_create(&it.go, NULL));
    assert_ok(kin_event_create(&it.never, NULL));
    it.args = new_args();
    give(it.args, "go", KIN_TYPE_EVENT, it.go);
    return it;
}

static void end(course *it)
{
    kin_args_destroy(it->args);
    kin_pool_destroy(it->pool);
    assert_ok(kin_event_destroy(it->go));
    assert_ok(kin_event_destroy(it->never));
}

static kin_job job_of(const course *it, const char *task)
{
    kin_job job = KIN_JOB_INIT;
    job.task = task;
    job.args = it->args;
    return job;
}

static kin_future *submit(const course *it, const kin_job *job)
{
    kin_future *future = NULL;
    assert_ok(kin_pool_submit(&future, it->pool, job, PATIENCE));
    return future;
}

static kin_wait_item item_of(kin_future *future)
{
    return (kin_wait_item){KIN_WAIT_FUTURE, KIN_WAIT_READABLE, future, 0, 0};
}

static kin_wait_item event_item(kin_event *event)
{
    return (kin_wait_item){KIN_TYPE_EVENT, KIN_WAIT_READABLE, event, 0, 0};
}

/* ---- tests ---- */

static void bad_input_is_refused(void **state)
{
    (void)state;
    course it = begin(0);
    kin_job job = job_of(&it, "nothing");
    kin_wait_item item = item_of(NULL);
    assert_status(kin_wait(&item, 1, 0, KIN_NOW, NULL), KIN_E_ARGUMENT);
    item = item_of(submit(&it, &job));
    item.interest = KIN_WAIT_WRITABLE;
    assert_status(kin_wait(&item, 1, 0, KIN_NOW, NULL), KIN_E_ARGUMENT);
    kin_family *other = new_family(1 << 20);
    kin_event *foreign = NULL;
    assert_ok(kin_event_create(&foreign, other));
    kin_wait_item both[] = {event_item(foreign), item_of(item.object)};
    assert_status(kin_wait(both, 2, 0, KIN_NOW, NULL), KIN_E_FAMILY);
    kin_family_close(other);
    kin_future_close(item.object);
    end(&it);
}

static void job_that_runs_is_not_ready(void **state)
{
    (void)state;
    course it = begin(0);
    kin_job job = job_of(&it, "until_set");
    kin_future *future = submit(&it, &job);
    kin_wait_item items[] = {item_of(future), event_item(it.never)};
    size_t ready = 9;
    int64_t start = now_ns();
    assert_status(kin_wait(items, 2, 0, KIN_NOW, &ready), KIN_E_TIMED_OUT);
    assert_status(kin_wait(items, 2, 0, KIN_MS(60), &ready), KIN_E_TIMED_OUT);
    assert_true(now_ns() - start >= KIN_MS(60));
    assert_ok(kin_event_set(it.go));
    assert_ok(kin_wait(items, 2, 0, PATIENCE, &ready));
    assert_true(ready == 1 && items[0].ready == KIN_WAIT_READABLE && !items[1].ready);
    assert_ok(kin_wait(items, 1, 0, KIN_NOW, NULL)); /* it only looked */
    assert_status(kin_wait(items, 2, KIN_WAIT_ALL, KIN_MS(5), NULL), KIN_E_TIMED_OUT);
    assert_ok(kin_event_set(it.never));
    assert_ok(kin_wait(items, 2, KIN_WAIT_ALL, KIN_NOW, NULL));
    assert_ok(kin_future_wait(future, KIN_NOW));
    kin_future_close(future);
    end(&it);
}

/* Each end meets each instruction of the wait, sooner or later. Without slices one that is not told hangs for the
 * pool's 20 ms, and is counted. native: a descriptor or HANDLE is waited for, too, so that the thread sleeps elsewhere.
 */
static void wait_for_each(bool native)
{
    course it = begin(0);
    kin_job job = job_of(&it, "nothing");
    intptr_t never = make_signal();
    for (int i = 0; i < ROUNDS; i++) {
        kin_future *future = submit(&it, &job);
        kin_wait_item items[] = {
            item_of(future), event_item(it.never), {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, never, 0}};
        assert_ok(kin_wait(items, native ? 3 : 2, 0, PATIENCE, NULL));
        assert_true(items[0].ready);
        assert_ok(kin_future_wait(future, KIN_NOW));
        kin_future_close(future);
    }
    close_handle(never);
    end(&it);
}

static void end_wakes(void **state)
{
    (void)state;
    wait_for_each(false);
}

static void end_wakes_who_waits_for_natives_too(void **state)
{
    (void)state;
    wait_for_each(true);
}

static void all_means_each_of_them(void **state)
{
    (void)state;
    course it = begin(0);
    kin_job good = job_of(&it, "nothing"), bad = job_of(&it, "fail");
    kin_wait_item items[MANY];
    for (int i = 0; i < MANY; i++) {
        items[i] = item_of(submit(&it, i % 2 == 0 ? &good : &bad));
    }
    assert_ok(kin_wait(items, MANY, KIN_WAIT_ALL, PATIENCE, NULL));
    for (int i = 0; i < MANY; i++) {
        assert_true(items[i].ready);
        assert_status(kin_future_wait(items[i].object, KIN_NOW), i % 2 == 0 ? KIN_OK : KIN_E_TASK);
        kin_future_close(items[i].object);
    }
    end(&it);
}

/* The item behind the last one has an invalid address: reading its object crashes. */
static void nothing_behind_the_items_is_read(void **state)
{
    (void)state;
    void *nowhere = (void *)(uintptr_t)16;
    course it = begin(0);
    kin_job job = job_of(&it, "nothing");
    intptr_t always = make_signal();
    raise_signal(always);
    kin_wait_item items[] = {item_of(submit(&it, &job)),
                             {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, always, 0},
                             {KIN_WAIT_FUTURE, KIN_WAIT_READABLE, nowhere, 0, KIN_WAIT_READABLE}};
    assert_ok(kin_wait(items, 2, KIN_WAIT_ALL, PATIENCE, NULL));
    items[2] = (kin_wait_item){KIN_WAIT_PROGRAM, KIN_WAIT_READABLE, nowhere, 0, KIN_WAIT_READABLE};
    assert_ok(kin_wait(items, 2, KIN_WAIT_ALL, PATIENCE, NULL));
    kin_future_close(items[0].object);
    close_handle(always);
    end(&it);
}

/* If the waiter did not replace them, no worker would do the rest. */
static void spent_workers_are_replaced_meanwhile(void **state)
{
    (void)state;
    course it = begin(1);
    kin_job job = job_of(&it, "nothing");
    job.count = 20;
    job.chunk = 1;
    kin_wait_item items[] = {item_of(submit(&it, &job)), event_item(it.never)};
    assert_ok(kin_wait(items, 2, 0, PATIENCE, NULL));
    assert_ok(kin_future_wait(items[0].object, KIN_NOW));
    kin_future_close(items[0].object);
    end(&it);
}

static void count_call(void *context, kin_future *future)
{
    (void)future;
    ++*(int *)context;
}

static void finished_is_called_by_the_waiter(void **state)
{
    (void)state;
    int calls = 0;
    course it = begin(0);
    kin_job job = job_of(&it, "nothing");
    job.finished = count_call;
    job.context = &calls;
    kin_wait_item item = item_of(submit(&it, &job));
    assert_ok(kin_wait(&item, 1, 0, PATIENCE, NULL));
    assert_int_equal(calls, 1);
    assert_ok(kin_wait(&item, 1, 0, PATIENCE, NULL));
    assert_int_equal(calls, 1);
    kin_future_close(item.object);
    end(&it);
}

static void time_limit_is_enforced_by_the_waiter(void **state)
{
    (void)state;
    course it = begin(0);
    kin_job job = job_of(&it, "until_set");
    job.limit = KIN_MS(30);
    kin_wait_item items[] = {item_of(submit(&it, &job)), event_item(it.never)};
    assert_ok(kin_wait(items, 2, 0, PATIENCE, NULL));
    assert_true(items[0].ready);
    assert_status(kin_future_wait(items[0].object, KIN_NOW), KIN_E_WORKER_DIED);
    kin_future_close(items[0].object);
    end(&it);
}

int main(void)
{
    kin_register_tasks(tasks, sizeof tasks / sizeof tasks[0]);
    kin_child_main(NULL, 0);
    const struct CMUnitTest tests_of_all[] = {
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(job_that_runs_is_not_ready),
        cmocka_unit_test(end_wakes),
        cmocka_unit_test(end_wakes_who_waits_for_natives_too),
        cmocka_unit_test(all_means_each_of_them),
        cmocka_unit_test(nothing_behind_the_items_is_read),
        cmocka_unit_test(spent_workers_are_replaced_meanwhile),
        cmocka_unit_test(finished_is_called_by_the_waiter),
        unit_test_with_deaths(time_limit_is_enforced_by_the_waiter),
    };
    return cmocka_run_group_tests(tests_of_all, NULL, NULL);
}
