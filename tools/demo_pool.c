/* demo_pool.c: the programs of `kin demo` in which pools and groups of processes work. */
#include "demo.h"

#include <stdio.h>

#include "progress.h"

static kin_pool *new_pool_in(kin_family *family, kin_start_method method, uint32_t workers, const kin_args *args)
{
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_pool *pool = NULL;
    options.workers = workers;
    options.method = method;
    options.args = args;
    tool_check(kin_pool_create(&pool, family, &options), "kin_pool_create");
    return pool;
}

static void tell_pids(kin_pool *pool)
{
    kin_pool_info info = KIN_POOL_INFO_INIT;
    tool_check(kin_pool_inspect(pool, &info), "kin_pool_inspect");
    fprintf(stderr, "squares by");
    for (uint32_t i = 0; i < info.alive; i++) {
        fprintf(stderr, " %u", (unsigned)info.pids[i]);
    }
    fprintf(stderr, "\n");
}

/* ---- squares ---- */

#define SQUARES 5

static char progress_text[] = "squares";

int demo_square_all(kin_task *task)
{
    const int *in = task->in;
    int *out = task->out;
    for (size_t i = 0; i < task->count; i++) {
        out[i] = in[i] * in[i];
    }
    return 0;
}

void demo_pool_map(kin_start_method method, outcome *out)
{
    kin_pool *pool = new_pool_in(NULL, method, 2, NULL);
    int *numbers = shared(2 * SQUARES * sizeof *numbers), *squares = numbers + SQUARES;
    kin_job job = KIN_JOB_INIT;
    for (int i = 0; i < SQUARES; i++) {
        numbers[i] = i + 1;
    }
    job.task = "demo_square_all";
    job.in = numbers;
    job.out = squares;
    job.in_size = job.out_size = sizeof *numbers;
    job.count = SQUARES;
    job.progress = progress_bar;
    job.context = progress_text;
    tool_check(kin_pool_map(pool, &job, NULL, PATIENCE), "map");
    tell_pids(pool);
    kin_pool_destroy(pool);
    say(out->expected, "1 4 9 16 25");
    say(out->got, "%d %d %d %d %d", squares[0], squares[1], squares[2], squares[3], squares[4]);
    kin_free(numbers);
}

/* ---- a lock and a queue, given to workers ---- */

#define DELIVERIES 20

/* Counts under the lock, and puts what it counted into the queue. */
static int deliver(const kin_args *from)
{
    kin_queue *queue = tool_given(from, "queue", KIN_TYPE_QUEUE);
    kin_lock *lock = tool_given(from, "lock", KIN_TYPE_LOCK);
    int *count = tool_given(from, "count", KIN_TYPE_MEMORY);
    tool_check(kin_lock_acquire(lock, PATIENCE), "lock");
    int number = *count + 1;
    *count = number;
    tool_check(kin_lock_release(lock), "lock");
    tool_check(kin_queue_put(queue, &number, sizeof number, PATIENCE), "put");
    return 0;
}

int demo_deliver(kin_task *task)
{
    kin_queue *queue = NULL;
    int with_task = kin_args_get_object((void **)&queue, task->args, "queue", KIN_TYPE_QUEUE) == KIN_OK;
    return deliver(with_task ? task->args : task->shared);
}

int demo_deliver_alone(const kin_args *args)
{
    return deliver(args);
}

typedef struct delivery {
    kin_queue *queue;
    kin_lock *lock;
    int *count;
    kin_args *args;
} delivery;

/* The objects are this family's, or a manager's. */
static void begin_delivery(delivery *it, kin_manager *manager)
{
    kin_family *family = kin_manager_family(manager);
    void *count = NULL;
    if (manager) {
        tool_check(kin_named_queue(&it->queue, kin_manager_family(manager), "queue", NULL), "kin_named_queue");
        tool_check(kin_named_lock(&it->lock, kin_manager_family(manager), "lock", 0), "kin_named_lock");
    } else {
        tool_check(kin_queue_create(&it->queue, NULL, NULL), "kin_queue_create");
        tool_check(kin_lock_create(&it->lock, NULL, 0), "kin_lock_create");
    }
    tool_check(kin_alloc(&count, family, sizeof *it->count), "kin_alloc");
    tool_check(kin_args_create(&it->args, family), "kin_args_create");
    it->count = count;
    add(it->args, "queue", KIN_TYPE_QUEUE, it->queue);
    add(it->args, "lock", KIN_TYPE_LOCK, it->lock);
    add(it->args, "count", KIN_TYPE_MEMORY, it->count);
}

static void end_delivery(delivery *it, outcome *out)
{
    int number = 0, sum = 0;
    while (kin_queue_get(it->queue, &number, sizeof number, NULL, KIN_NOW) == KIN_OK) {
        sum += number;
    }
    say(out->expected, "%d, sum %d", DELIVERIES, DELIVERIES * (DELIVERIES + 1) / 2);
    say(out->got, "%d, sum %d", *it->count, sum);
    kin_args_destroy(it->args);
    kin_lock_destroy(it->lock); /* a manager's, too: no other process uses it */
    kin_queue_destroy(it->queue);
    kin_free(it->count);
}

static void deliver_by_pool(kin_start_method method, outcome *out, int with_tasks, kin_manager *manager)
{
    delivery it;
    begin_delivery(&it, manager);
    kin_pool *pool = new_pool_in(kin_manager_family(manager), method, 3, with_tasks ? NULL : it.args);
    kin_job job = KIN_JOB_INIT;
    job.task = "demo_deliver";
    job.args = with_tasks ? it.args : NULL;
    job.count = DELIVERIES;
    job.chunk = 1;
    tool_check(kin_pool_map(pool, &job, NULL, PATIENCE), "map");
    kin_pool_destroy(pool);
    end_delivery(&it, out);
}

void demo_pool_arguments(kin_start_method method, outcome *out)
{
    deliver_by_pool(method, out, 1, NULL);
}

void demo_pool_shared(kin_start_method method, outcome *out)
{
    deliver_by_pool(method, out, 0, NULL);
}

static void deliver_by_processes(kin_start_method method, outcome *out, kin_manager *manager)
{
    delivery it;
    kin_process *processes[DELIVERIES];
    begin_delivery(&it, manager);
    for (int i = 0; i < DELIVERIES; i++) {
        processes[i] = start(method, "demo_deliver_alone", it.args);
    }
    for (int i = 0; i < DELIVERIES; i++) {
        out->failed += tool_finish(processes[i]);
    }
    end_delivery(&it, out);
}

void demo_processes(kin_start_method method, outcome *out)
{
    deliver_by_processes(method, out, NULL);
}

/* ---- the same with a manager's ---- */

/* With a name that no other process has: it is made of this process's id. */
static kin_manager *new_manager(char name[32])
{
    kin_process_info me = KIN_PROCESS_INFO_INIT;
    kin_manager_options options = KIN_MANAGER_OPTIONS_INIT;
    kin_manager *manager = NULL;
    tool_check(kin_process_current(&me), "kin_process_current");
    snprintf(name, 32, "demo-%u", (unsigned)me.pid);
    options.ends_with_starter = 1;
    tool_check(kin_manager_open(&manager, name, &options), "kin_manager_open");
    return manager;
}

static void end_manager(kin_manager *manager, const char *name)
{
    kin_manager_close(manager);
    tool_check(kin_manager_stop(name, PATIENCE), "kin_manager_stop");
}

void demo_manager_pool(kin_start_method method, outcome *out)
{
    char name[32];
    kin_manager *manager = new_manager(name);
    deliver_by_pool(method, out, 1, manager);
    end_manager(manager, name);
}

void demo_manager_processes(kin_start_method method, outcome *out)
{
    char name[32];
    kin_manager *manager = new_manager(name);
    deliver_by_processes(method, out, manager);
    end_manager(manager, name);
}

#define FILLERS 4
#define FILLED 25

/* Strangers to the objects: they know the manager's name, and the objects'. */
int demo_fill(const kin_args *args)
{
    const void *name = NULL;
    size_t size = 0;
    kin_manager *manager = NULL;
    kin_dict *dict = NULL;
    kin_list *list = NULL;
    tool_check(kin_args_get_bytes(&name, &size, args, "name"), "name");
    tool_check(kin_manager_open(&manager, name, NULL), "kin_manager_open");
    tool_check(kin_named_dict(&dict, kin_manager_family(manager), "dict"), "dict");
    tool_check(kin_named_list(&list, kin_manager_family(manager), "list"), "list");
    for (int i = 0; i < FILLED; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        tool_check(kin_dict_add_i64(dict, key, 1, NULL), "dict");
        tool_check(kin_list_append(list, &i, sizeof i), "list");
    }
    kin_manager_close(manager);
    return 0;
}

void demo_manager_fill(kin_start_method method, outcome *out)
{
    char name[32];
    kin_manager *manager = new_manager(name);
    kin_process *fillers[FILLERS];
    kin_dict *dict = NULL;
    kin_list *list = NULL;
    size_t keys = 0, items = 0;
    int64_t last = 0;
    kin_args *args = arguments();
    tool_check(kin_args_add_bytes(args, "name", name, sizeof name), "name");
    for (int i = 0; i < FILLERS; i++) {
        fillers[i] = start(method, "demo_fill", args);
    }
    for (int i = 0; i < FILLERS; i++) {
        out->failed += tool_finish(fillers[i]);
    }
    kin_args_destroy(args);
    tool_check(kin_named_dict(&dict, kin_manager_family(manager), "dict"), "dict");
    tool_check(kin_named_list(&list, kin_manager_family(manager), "list"), "list");
    tool_check(kin_dict_size(dict, &keys), "dict");
    tool_check(kin_list_size(list, &items), "list");
    tool_check(kin_dict_get_i64(dict, "24", &last), "dict");
    say(out->expected, "%d keys, %d each, %d items", FILLED, FILLERS, FILLERS * FILLED);
    say(out->got, "%d keys, %d each, %d items", (int)keys, (int)last, (int)items);
    end_manager(manager, name);
}

/* ---- at most three of ten at a time ---- */

#define CROWD 10
#define AT_ONCE 3

int demo_limited(const kin_args *args)
{
    kin_sem *seats = tool_given(args, "seats", KIN_TYPE_SEM);
    kin_sem *pause = tool_given(args, "pause", KIN_TYPE_SEM);
    kin_counter *inside = tool_given(args, "inside", KIN_TYPE_COUNTER);
    kin_counter *most = tool_given(args, "most", KIN_TYPE_COUNTER);
    int64_t now = 0, seen = 0;
    tool_check(kin_sem_acquire(seats, 1, PATIENCE), "seats");
    tool_check(kin_counter_add(inside, 1, &now), "inside");
    tool_check(kin_counter_get(most, &seen), "most");
    for (int done = 0; seen < now && !done;) {
        tool_check(kin_counter_compare_exchange(most, &seen, now, &done), "most");
    }
    kin_sem_acquire(pause, 1, KIN_MS(5)); /* it is never released */
    tool_check(kin_counter_add(inside, -1, NULL), "inside");
    tool_check(kin_sem_release(seats, 1), "seats");
    return 0;
}

void demo_crowd(kin_start_method method, outcome *out)
{
    kin_sem *seats = NULL, *pause = NULL;
    kin_counter *inside = NULL, *most = NULL;
    kin_process *crowd[CROWD];
    int64_t seen = 0;
    tool_check(kin_sem_create_leased(&seats, NULL, AT_ONCE), "kin_sem_create_leased");
    tool_check(kin_sem_create(&pause, NULL, 0, 0), "kin_sem_create");
    tool_check(kin_counter_create(&inside, NULL, 0), "kin_counter_create");
    tool_check(kin_counter_create(&most, NULL, 0), "kin_counter_create");
    kin_args *args = arguments();
    add(args, "seats", KIN_TYPE_SEM, seats);
    add(args, "pause", KIN_TYPE_SEM, pause);
    add(args, "inside", KIN_TYPE_COUNTER, inside);
    add(args, "most", KIN_TYPE_COUNTER, most);
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = start(method, "demo_limited", args);
    }
    for (int i = 0; i < CROWD; i++) {
        out->failed += tool_finish(crowd[i]);
    }
    tool_check(kin_counter_get(most, &seen), "most");
    say(out->expected, "at most %d", AT_ONCE);
    say(out->got, "at most %d", seen <= AT_ONCE ? AT_ONCE : (int)seen);
    kin_args_destroy(args);
    kin_counter_destroy(most);
    kin_counter_destroy(inside);
    kin_sem_destroy(pause);
    kin_sem_destroy(seats);
}
