/* pool.c: killed in a pool: a worker, and the maker.
 *
 * A worker is the pool's child, so the tracer makes the pool. A task, or the initializer, makes its worker the
 * victim: it says which process it is, and is stepped from where it returns. So the victim is stepped through what
 * workers do in the library, on both systems. What the maker does meanwhile a thread of the tracer does, half way: it
 * may have to wait for what the victim holds.
 *
 * A worker that the program starts itself is a child of the tracer, which has the pool.
 *
 * The maker is a child of the tracer as any other victim; its workers have to be gone afterwards.
 */
#include "step.h"

#include <string.h>

#define TASKS 64u /* of one item each; two make a batch */

/* ---- what workers run ---- */

typedef struct field { /* the pool's argument */
    _Atomic int armed; /* the first process that sees it is the victim */
    _Atomic int64_t victim, last;
    step_kind steps; /* the victim's */
    uint32_t turns;  /* so long a task takes: to be killed in */
    _Atomic int begun[TASKS];
    int32_t numbers[TASKS];
    bool makes[TASKS]; /* the attempt that ended it has made an output */
} field;

static bool stepped; /* this is the victim */

static field *field_of(const kin_task *task)
{
    void *memory = NULL;
    kin_args_get_object(&memory, task->shared, "field", KIN_TYPE_MEMORY);
    return memory;
}

static int run_arm(kin_task *task)
{
    field *it = field_of(task);
    if (atomic_exchange(&it->armed, 0)) {
        stepped = true;
        atomic_store(&it->victim, step_pid());
        step_begin(it->steps, atomic_load(&it->last));
    }
    return 0;
}

static int run_count(kin_task *task)
{
    field *it = field_of(task);
    atomic_fetch_add(&it->begun[task->index], 1);
    for (volatile uint32_t i = 0; i < it->turns; i++) {
    }
    *(int32_t *)task->out = *(const int32_t *)task->in + 1;
    if (stepped && task->index == TASKS - 1) {
        step_end();
    }
    return 0;
}

#define OUTPUT(index) ((index) % 2 == 0 ? (size_t)200 : (size_t)40000) /* its size: a small block, or whole spans */

/* The same, with an output that replaces another one; a second attempt makes none. */
static int run_make(kin_task *task)
{
    void *out;
    const void *in;
    size_t size;
    int status = run_count(task);
    field_of(task)->makes[task->index] = task->attempt == 0;
    if (task->attempt > 0) {
        return 0;
    }
    if (status != 0 || kin_task_output(&out, task, 10) != KIN_OK ||
        kin_task_output(&out, task, OUTPUT(task->index)) != KIN_OK || kin_task_input(&in, &size, task, 0) != KIN_OK) {
        return 1;
    }
    ((unsigned char *)out)[0] = ((unsigned char *)out)[OUTPUT(task->index) - 1] = (unsigned char)task->index;
    return 0;
}

static int run_square(kin_task *task)
{
    *(int32_t *)task->out = *(const int32_t *)task->in * *(const int32_t *)task->in;
    return 0;
}

static int run_copy(kin_task *task)
{
    void *out;
    int status = kin_task_output(&out, task, task->in_size);
    if (status == KIN_OK && task->in_size > 0) {
        memcpy(out, task->in, task->in_size);
    }
    return status;
}

static int run_die(kin_task *task)
{
    (void)task;
    step_kill(step_pid());
    return 0;
}

const kin_task_entry pool_functions[] = {{"arm", run_arm},       {"count", run_count}, {"make", run_make},
                                         {"square", run_square}, {"copy", run_copy},   {"die", run_die}};
const size_t pool_function_count = sizeof pool_functions / sizeof pool_functions[0];

/* ---- a worker is killed ---- */

struct pool_course {
    uint32_t workers;
    uint64_t max_tasks;
    uint32_t retries;   /* of the tasks */
    uint32_t turns;     /* how long each takes */
    uint32_t before;    /* so many tasks are there already when stepping begins, */
    uint32_t during;    /* so many come meanwhile */
    bool initializer;   /* it is stepped from its initializer's end on */
    bool asleep;        /* ..., when it has fallen asleep */
    bool grow;          /* the victim is the second worker, which came later */
    bool shrink, close; /* so does the maker meanwhile */
    bool outputs;       /* the tasks make outputs */
};

typedef struct share { /* some work */
    kin_future *future;
    uint32_t tasks;
    int told;   /* how often its `finished` was called */
    bool makes; /* its tasks make outputs */
} share;

static struct {
    const pool_course *course;
    kin_pool *pool;
    kin_args *args;
    field *field;
    share arm, before, during;
    const char *wrong;
} now;

static void finished(void *told, kin_future *future)
{
    (void)future;
    ++*(int *)told;
}

/* Tasks of `function` from the field's first number on. */
static void give(share *out, const char *function, uint32_t tasks, uint32_t retries)
{
    kin_job job = KIN_JOB_INIT;
    out->tasks = tasks;
    out->makes = strcmp(function, "make") == 0;
    job.task = function;
    job.in = job.out = now.field->numbers;
    job.in_size = job.out_size = sizeof now.field->numbers[0];
    job.count = tasks;
    job.chunk = 1;
    job.retries = retries;
    job.finished = finished;
    job.context = &out->told;
    if (kin_pool_submit(&out->future, now.pool, &job, POOL_LIMIT) != KIN_OK) {
        now.wrong = "work is not taken";
    }
}

static const char *task_name(void)
{
    return now.course->outputs ? "make" : "count";
}

static void do_meanwhile(void)
{
    if (now.course->during > 0) {
        give(&now.during, task_name(), now.course->during, now.course->retries);
    }
    if (now.course->shrink) {
        kin_pool_resize(now.pool, 1);
    }
    if (now.course->close) {
        kin_pool_close(now.pool);
    }
}

static void make(int k)
{
    const pool_course *course = now.course;
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    if (kin_alloc((void **)&now.field, NULL, sizeof *now.field) != KIN_OK ||
        kin_args_create(&now.args, NULL) != KIN_OK) {
        now.wrong = "no memory";
        return;
    }
    kin_args_add_object(now.args, "field", KIN_TYPE_MEMORY, now.field);
    now.field->steps = step_by;
    atomic_store(&now.field->last, course->asleep ? INT64_MAX : k);
    atomic_store(&now.field->armed, !course->grow);
    now.field->turns = course->turns;
    options.workers = course->grow ? 1 : course->workers;
    options.max_tasks = course->max_tasks;
    options.args = now.args;
    options.initializer = course->initializer ? "arm" : NULL;
    if (kin_pool_create(&now.pool, NULL, &options) != KIN_OK) {
        now.wrong = "no pool";
        return;
    }
    if (!course->initializer) {
        give(&now.arm, "arm", 1, 0);
    }
    if (course->before > 0) {
        give(&now.before, task_name(), course->before, course->retries);
    }
    if (course->grow) {
        kin_future_wait(now.before.future, POOL_LIMIT);
        atomic_store(&now.field->armed, 1);
        kin_pool_resize(now.pool, course->workers);
    }
}

static int64_t await_victim(void)
{
    int64_t end = step_now() + POOL_LIMIT, victim = 0;
    while (!now.wrong && !(victim = atomic_load(&now.field->victim))) {
        if (step_now() > end) {
            now.wrong = "no worker begins";
        }
        step_rest(1);
    }
    return victim;
}

int pool_kill(const pool_course *course, int k)
{
    memset(&now, 0, sizeof now);
    now.course = course;
    make(k);
    int64_t victim = await_victim();
    if (now.wrong) {
        return 0;
    }
    int64_t before = step_drive(victim, step_by, course->asleep ? INT64_C(1) << 20 : k / 2);
    step_aside(do_meanwhile);
    int64_t done = step_drive_on(victim, step_by, course->asleep ? k : k - before);
    step_kill(victim);
    step_aside_join();
    return (int)(course->asleep ? done : before + done);
}

/* ---- what has to hold ---- */

static bool output_is_right(kin_future *future, uint64_t item)
{
    const unsigned char *data;
    size_t size;
    if (!now.field->makes[item]) {
        return kin_future_output((const void **)&data, &size, future, item) == KIN_E_NOT_FOUND;
    }
    return kin_future_output((const void **)&data, &size, future, item) == KIN_OK && size == OUTPUT(item) &&
           data[0] == item && data[size - 1] == item;
}

/* Each task has one end, a dead one's included; *died: tasks whose worker has. */
static const char *use_share(share *it, uint32_t *died)
{
    uint64_t first, count;
    int status;
    uint32_t seen[TASKS] = {0};
    kin_job_result outcome = KIN_JOB_RESULT_INIT;
    if (!it->future) {
        return NULL;
    }
    for (uint32_t i = 0; i < it->tasks; i++) {
        if (kin_future_next(it->future, 0, &first, &count, &status, POOL_LIMIT) != KIN_OK) {
            return "a task does not end";
        }
        if (first >= it->tasks || count != 1 || seen[first]++ > 0 ||
            (status != KIN_OK && status != KIN_E_WORKER_DIED)) {
            return "a task's end";
        }
        *died += status != KIN_OK;
        if (it->makes && status == KIN_OK && !output_is_right(it->future, first)) {
            return "a task's output";
        }
    }
    if (kin_future_next(it->future, 0, &first, &count, &status, KIN_NOW) != KIN_E_END) {
        return "a task more";
    }
    kin_status whole = kin_future_wait(it->future, POOL_LIMIT);
    kin_future_inspect(it->future, &outcome);
    if ((whole != KIN_OK && whole != KIN_E_WORKER_DIED) || (whole == KIN_OK) != (outcome.died == 0) ||
        outcome.done + outcome.died != it->tasks || it->told != 1) {
        return "a work's end";
    }
    return NULL;
}

/* No task ran twice, unless one was tried again, and all ran to their end; but for one, who died. */
static const char *count_runs(uint32_t tasks, uint32_t died)
{
    uint32_t none = 0, more = 0, broken_off = 0;
    for (uint32_t i = 0; i < tasks; i++) {
        int begun = atomic_load(&now.field->begun[i]);
        none += begun == 0;
        more += begun > 1 ? (uint32_t)begun - 1 : 0;
        broken_off += begun != now.field->numbers[i];
    }
    return more > (now.course->retries > 0) ? "a task ran twice"
           : none > died                    ? "a task did not run"
           : broken_off > died + (more > 0) ? "a task's result"
                                            : NULL;
}

static const char *go_on(void)
{
    share more = {0};
    uint32_t died = 0;
    kin_pool_info info = KIN_POOL_INFO_INIT;
    if (now.course->close) {
        return NULL;
    }
    give(&more, "count", 8, 0);
    const char *wrong = now.wrong ? now.wrong : use_share(&more, &died);
    kin_future_close(more.future);
    if (wrong || died > 0) {
        return wrong ? wrong : "another task died";
    }
    kin_pool_poll(now.pool);
    if (kin_pool_inspect(now.pool, &info) != KIN_OK || info.broken || info.died > 1 || info.alive < info.workers) {
        return "the pool's workers";
    }
    return NULL;
}

static const char *use_works(void)
{
    uint32_t died = 0;
    const char *wrong = use_share(&now.arm, &died);
    wrong = wrong ? wrong : use_share(&now.before, &died);
    wrong = wrong ? wrong : use_share(&now.during, &died);
    wrong = wrong ? wrong : died > 1 ? "two tasks died" : NULL;
    wrong = wrong ? wrong : now.before.future ? count_runs(now.before.tasks, died) : NULL;
    wrong = wrong ? wrong : now.during.future ? count_runs(now.during.tasks, died) : NULL;
    return wrong ? wrong : died > 0 && now.course->retries > 0 && !now.arm.future ? "nothing was tried again" : NULL;
}

static const char *end(void)
{
    kin_pool_info info = KIN_POOL_INFO_INIT;
    kin_future_close(now.arm.future);
    kin_future_close(now.before.future);
    kin_future_close(now.during.future);
    if (kin_pool_close(now.pool) != KIN_OK || kin_pool_join(now.pool, POOL_LIMIT) != KIN_OK ||
        kin_pool_inspect(now.pool, &info) != KIN_OK || info.alive > 0) {
        return "the pool does not end";
    }
    kin_pool_destroy(now.pool);
    kin_args_destroy(now.args);
    kin_free(now.field);
    return NULL;
}

/* What has gone wrong could go on for good in closing it. */
const char *use_pool(void)
{
    const char *wrong = now.wrong ? now.wrong : use_works();
    wrong = wrong ? wrong : go_on();
    wrong = wrong ? wrong : end();
    if (wrong) {
        kin_pool_terminate(now.pool);
    }
    return wrong;
}

/* ---- the maker is killed ---- */

static kin_pool *pool;
static kin_future *future;
static int32_t *numbers;

static void create(place *it)
{
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    (void)it;
    options.workers = 2;
    kin_pool_create(&pool, NULL, &options);
}

static kin_job work_of(uint32_t count)
{
    kin_job job = KIN_JOB_INIT;
    job.task = "square";
    job.in = job.out = numbers;
    job.in_size = job.out_size = sizeof *numbers;
    job.count = count;
    job.chunk = 1;
    return job;
}

static void map(place *it)
{
    kin_job job = work_of(TASKS);
    (void)it;
    kin_pool_map(pool, &job, NULL, KIN_FOREVER);
}

/* A pool that has worked. */
static void worked(place *it)
{
    create(it);
    kin_alloc((void **)&numbers, NULL, TASKS * sizeof *numbers);
    it->block = numbers;
    map(it);
}

static void submit(place *it)
{
    kin_job job = work_of(TASKS);
    (void)it;
    kin_pool_submit(&future, pool, &job, KIN_FOREVER);
}

static void submitted(place *it)
{
    worked(it);
    submit(it);
}

static void get(place *it)
{
    int32_t number = 3;
    const void *result;
    kin_job job = work_of(0);
    (void)it;
    job.in = &number;
    kin_pool_submit(&future, pool, &job, KIN_FOREVER);
    kin_future_get(&result, NULL, future, KIN_FOREVER);
    kin_future_close(future);
}

static void next(place *it)
{
    uint64_t first, count;
    (void)it;
    while (kin_future_next(future, 1, &first, &count, NULL, KIN_FOREVER) == KIN_OK) {
    }
}

/* A job whose tasks have inputs and outputs of their own. */
static void submit_sizes(place *it)
{
    static const kin_bytes inputs[] = {{"a", 1}, {NULL, 0}, {"bcd", 3}};
    kin_job job = KIN_JOB_INIT;
    (void)it;
    job.task = "copy";
    job.inputs = inputs;
    job.count = sizeof inputs / sizeof inputs[0];
    job.chunk = 1;
    job.retries = 1;
    kin_pool_submit(&future, pool, &job, KIN_FOREVER);
}

static void made_outputs(place *it)
{
    create(it);
    submit_sizes(it);
    kin_future_wait(future, KIN_FOREVER);
}

static void take_outputs(place *it)
{
    void *block;
    const void *data;
    size_t size;
    (void)it;
    for (uint64_t i = 0; i < 3; i++) {
        kin_future_output(&data, &size, future, i);
        if (i < 2 && kin_future_take(&block, &size, future, i) == KIN_OK) {
            kin_free(block);
        }
    }
    kin_future_close(future);
}

static void cancel(place *it)
{
    submit(it);
    kin_future_cancel(future);
    kin_future_close(future);
}

static void give_up(place *it)
{
    submit(it);
    kin_future_kill(future);
    kin_future_wait(future, KIN_FOREVER);
    kin_future_close(future);
}

static void resize(place *it)
{
    (void)it;
    kin_pool_resize(pool, 3);
    kin_pool_resize(pool, 1);
}

static void close_it(place *it)
{
    (void)it;
    kin_pool_close(pool);
    kin_pool_join(pool, KIN_FOREVER);
}

static void destroy(place *it)
{
    (void)it;
    kin_pool_terminate(pool);
    kin_future_close(future);
    kin_pool_destroy(pool);
}

static void lost_a_worker(place *it)
{
    kin_job job = work_of(0);
    worked(it);
    job.task = "die";
    job.in_size = job.out_size = 0;
    kin_pool_submit(&future, pool, &job, KIN_FOREVER);
    step_rest(10);
}

static void tend(place *it)
{
    (void)it;
    kin_pool_poll(pool);
    kin_pool_poll(pool);
}

/* ---- a worker that the pool has not started is killed ---- */

#define INPUTS 3u

/* The tracer has the pool. */
static void open_external(place *it)
{
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    options.external = 1;
    if (kin_pool_create(&pool, NULL, &options) == KIN_OK && kin_pool_ref(&it->pool, pool) == KIN_OK) {
        submit_sizes(it);
    }
}

static void work(place *it)
{
    kin_pool_work(it->pool, INPUTS - 1, KIN_NOW);
}

/* What the victim has not done the tracer does. */
static void end_external(place *it)
{
    const void *data;
    size_t size;
    kin_pool_info info = KIN_POOL_INFO_INIT;
    kin_status worked = KIN_E_TIMED_OUT;
    for (int64_t end = step_now() + POOL_LIMIT; worked == KIN_E_TIMED_OUT && step_now() < end;) {
        kin_pool_poll(pool); /* it finds a batch that the victim has passed and not taken */
        worked = kin_future_ready(future) ? KIN_OK : kin_pool_work(it->pool, 0, KIN_NOW);
    }
    bool good = kin_future_wait(future, KIN_NOW) == KIN_OK;
    for (uint64_t i = 0; i < INPUTS; i++) {
        good = good && kin_future_output(&data, &size, future, i) == KIN_OK && size == (i == 0 ? 1 : i == 1 ? 0 : 3);
    }
    kin_pool_inspect(pool, &info);
    good = good && info.alive == 0 && info.died <= 1;
    kin_future_close(future);
    kin_pool_destroy(pool);
    it->unusable = !good || kin_pool_work(it->pool, 0, KIN_NOW) != KIN_E_STALE;
}

/* ---- rows ---- */

#define COURSE(...) (&(const pool_course){__VA_ARGS__}), .owned = true

static const scenario rows[] = {
    {"pool", "worker: a task's end, nothing more to do", .course = COURSE(.workers = 1)},
    {"pool", "worker: takes batches, runs their tasks", .course = COURSE(.workers = 1, .before = TASKS, .turns = 10)},
    {"pool", "worker: takes a batch, its task is tried again",
     .course = COURSE(.workers = 1, .before = 8, .turns = 150, .retries = 1)},
    {"pool", "worker: its tasks make outputs", "kin_task_output",
     .course = COURSE(.workers = 1, .before = 3, .outputs = true, .retries = 1)},
    {"pool", "worker: goes to sleep, work is posted", .course = COURSE(.workers = 2, .during = 8)},
    {"pool", "worker: sleeps, work is posted", .course = COURSE(.workers = 1, .during = 8, .asleep = true)},
    {"pool", "worker: initialized, begins",
     .course = COURSE(.workers = 1, .before = 8, .turns = 50, .initializer = true)},
    {"pool", "worker: its last task, leaves a batch", .course = COURSE(.workers = 1, .before = TASKS, .max_tasks = 22)},
    {"pool", "worker: leaves, the pool is closed", .course = COURSE(.workers = 1, .before = 8, .close = true)},
    {"pool", "worker: leaves, the pool shrinks",
     .course = COURSE(.workers = 2, .before = 8, .initializer = true, .grow = true, .shrink = true)},
    {"pool", "external worker: comes, works, leaves", "kin_pool_work", .arrange = open_external, .operation = work,
     .conclude = end_external, .owned = true, .slow = true},
    {"pool", "maker: create", "kin_pool_create", .before = lock_both, .operation = create},
    {"pool", "maker: submit one, get", "kin_pool_submit kin_future_get kin_future_close", .before = worked,
     .operation = get},
    {"pool", "maker: map", "kin_pool_map", .before = worked, .operation = map},
    {"pool", "maker: next", "kin_future_next", .before = submitted, .operation = next},
    {"pool", "maker: submit inputs of any sizes", "kin_pool_submit", .before = create, .operation = submit_sizes},
    {"pool", "maker: outputs, take", "kin_future_output kin_future_take kin_future_close", .before = made_outputs,
     .operation = take_outputs},
    {"pool", "maker: cancel", "kin_pool_submit kin_future_cancel kin_future_close", .before = worked,
     .operation = cancel},
    {"pool", "maker: kill, wait", "kin_pool_submit kin_future_kill kin_future_wait kin_future_close", .before = worked,
     .operation = give_up},
    {"pool", "maker: resize", "kin_pool_resize", .before = worked, .operation = resize},
    {"pool", "maker: tend, a worker has died", "kin_pool_poll", .before = lost_a_worker, .operation = tend},
    {"pool", "maker: close, join", "kin_pool_close kin_pool_join", .before = submitted, .operation = close_it},
    {"pool", "maker: terminate, destroy", "kin_pool_terminate kin_future_close kin_pool_destroy", .before = submitted,
     .operation = destroy},
};

const subject step_pools = {rows, sizeof rows / sizeof rows[0]};
