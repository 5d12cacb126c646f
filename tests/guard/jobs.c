/* jobs.c: what it costs to submit a job and to get its result: to a pool whose only worker is busy, so that nobody is
 * woken, and to one whose worker sleeps. The worker is forked; what it does is not counted. */
#include "guard.h"

#include <time.h>

typedef struct desk {
    kin_event go; /* lets the worker go on */
    _Atomic int works;
} desk;

static desk *here;
static kin_pool *pool;

static int guard_work(kin_task *task)
{
    int waits = task->in_size == sizeof(int) && *(const int *)task->in;
    if (waits) {
        atomic_store(&here->works, 1);
        return kin_event_wait(&here->go, KIN_SECONDS(60)) < 0;
    }
    return 0;
}

void guard_register_jobs(void)
{
    static const kin_task_entry tasks[] = {{"guard_work", guard_work}};
    must(kin_register_tasks(tasks, 1), "kin_register_tasks");
}

void guard_prepare_jobs(void)
{
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    options.workers = 1;
    options.method = KIN_START_FORK;
    must(KIN_ALLOC(&here, NULL, 1), "kin_alloc");
    must(kin_event_init(&here->go), "kin_event_init");
    must(kin_pool_create(&pool, NULL, &options), "kin_pool_create");
}

static void pause_for(long milliseconds)
{
    struct timespec pause = {0, milliseconds * 1000000};
    nanosleep(&pause, NULL);
}

static kin_job job_of(const int *waits)
{
    kin_job job = KIN_JOB_INIT;
    job.task = "guard_work";
    job.in = waits;
    job.in_size = sizeof *waits;
    return job;
}

static kin_status close_future(kin_future *future)
{
    kin_future_close(future);
    return KIN_OK;
}

void guard_run_jobs(void)
{
    static const int waits = 1, goes_on = 0;
    kin_job blocking = job_of(&waits), simple = job_of(&goes_on);
    kin_future *first = NULL, *second = NULL;
    const void *result = NULL;
    size_t size = 0;
    must(kin_event_clear(&here->go), "kin_event_clear");
    atomic_store(&here->works, 0);
    must(kin_pool_submit(&first, pool, &blocking, KIN_FOREVER), "kin_pool_submit");
    while (!atomic_load(&here->works)) {
        pause_for(1);
    }
    STEP("pool submit, the worker is busy", kin_pool_submit(&second, pool, &simple, KIN_FOREVER));
    must(kin_event_set(&here->go), "kin_event_set");
    must(kin_future_wait(first, KIN_FOREVER), "kin_future_wait");
    must(kin_future_wait(second, KIN_FOREVER), "kin_future_wait");
    STEP("future get, done", kin_future_get(&result, &size, second, KIN_FOREVER));
    STEP("future close, done", close_future(second));
    kin_future_close(first);
}

void guard_end_jobs(void)
{
    kin_pool_destroy(pool);
}
