/* demo_messages.c: the programs of `kin demo` in which processes send each other messages. */
#include "demo.h"

#include <stdio.h>

static kin_queue *new_queue(uint32_t flags)
{
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    kin_queue *queue = NULL;
    options.flags = flags;
    tool_check(kin_queue_create(&queue, NULL, &options), "kin_queue_create");
    return queue;
}

/* ---- a producer, a consumer, and an event that ends it ---- */

#define ROUNDS 10

int demo_produce(const kin_args *args)
{
    kin_queue *queue = tool_given(args, "queue", KIN_TYPE_QUEUE);
    kin_event *end = tool_given(args, "end", KIN_TYPE_EVENT);
    for (int i = 0; i < ROUNDS; i++) {
        tool_check(kin_queue_put(queue, &i, sizeof i, PATIENCE), "put");
    }
    tool_check(kin_event_set(end), "end");
    return 0;
}

int demo_consume(const kin_args *args)
{
    kin_queue *queue = tool_given(args, "queue", KIN_TYPE_QUEUE);
    kin_event *end = tool_given(args, "end", KIN_TYPE_EVENT);
    int *result = tool_given(args, "result", KIN_TYPE_MEMORY);
    kin_wait_item items[] = {{KIN_TYPE_QUEUE, KIN_WAIT_READABLE, queue, 0, 0},
                             {KIN_TYPE_EVENT, KIN_WAIT_READABLE, end, 0, 0}};
    for (int number = 0;;) {
        tool_check(kin_wait(items, 2, 0, PATIENCE, NULL), "wait");
        if (kin_queue_get(queue, &number, sizeof number, NULL, KIN_NOW) == KIN_OK) {
            result[0]++;
            result[1] += number;
        } else if (items[1].ready) {
            return 0;
        }
    }
}

void demo_rounds(kin_start_method method, outcome *out)
{
    kin_queue *queue = new_queue(0);
    kin_event *end = NULL;
    int *result = shared(2 * sizeof *result);
    tool_check(kin_event_create(&end, NULL), "kin_event_create");
    kin_args *args = arguments();
    add(args, "queue", KIN_TYPE_QUEUE, queue);
    add(args, "end", KIN_TYPE_EVENT, end);
    add(args, "result", KIN_TYPE_MEMORY, result);
    kin_process *consumer = start(method, "demo_consume", args);
    kin_process *producer = start(method, "demo_produce", args);
    out->failed += tool_finish(producer) + tool_finish(consumer);
    say(out->expected, "%d, sum %d", ROUNDS, ROUNDS * (ROUNDS - 1) / 2);
    say(out->got, "%d, sum %d", result[0], result[1]);
    kin_args_destroy(args);
    kin_event_destroy(end);
    kin_queue_destroy(queue);
    kin_free(result);
}

/* ---- a pipe whose consumer sets the pace, until the producer closes it ---- */

int demo_take(const kin_args *args)
{
    kin_pipe *pipe = NULL;
    int *result = tool_given(args, "result", KIN_TYPE_MEMORY), number = 0;
    kin_status status;
    tool_check(kin_args_get_pipe(&pipe, args, "pipe"), "pipe");
    while ((status = kin_pipe_recv(pipe, &number, sizeof number, NULL, PATIENCE)) == KIN_OK) {
        result[0]++;
        result[1] += number;
        tool_check(kin_pipe_send(pipe, &number, sizeof number, PATIENCE), "acknowledge");
    }
    kin_pipe_close(pipe);
    return status != KIN_E_CLOSED;
}

void demo_stream(kin_start_method method, outcome *out)
{
    kin_pipe *ends[2];
    int *result = shared(2 * sizeof *result), taken = -1;
    tool_check(kin_pipe_create(ends, 0), "kin_pipe_create");
    kin_args *args = arguments();
    add(args, "result", KIN_TYPE_MEMORY, result);
    tool_check(kin_args_add_pipe(args, "pipe", ends[1]), "pipe");
    kin_process *consumer = start(method, "demo_take", args);
    kin_pipe_close(ends[1]);
    for (int i = 0; i < ROUNDS; i++) {
        tool_check(kin_pipe_send(ends[0], &i, sizeof i, PATIENCE), "send");
        tool_check(kin_pipe_recv(ends[0], &taken, sizeof taken, NULL, PATIENCE), "the acknowledgement");
        out->failed += taken != i;
    }
    kin_pipe_close(ends[0]); /* the consumer sees that, and ends */
    out->failed += tool_finish(consumer);
    say(out->expected, "%d, sum %d", ROUNDS, ROUNDS * (ROUNDS - 1) / 2);
    say(out->got, "%d, sum %d", result[0], result[1]);
    kin_args_destroy(args);
    kin_free(result);
}

/* ---- tasks, and waiting until all are done ---- */

#define TASKS 20
#define WORKERS 3

int demo_work(const kin_args *args)
{
    kin_queue *queue = tool_given(args, "queue", KIN_TYPE_QUEUE);
    kin_counter *done = tool_given(args, "done", KIN_TYPE_COUNTER);
    int task = 0;
    kin_status status;
    while ((status = kin_queue_get(queue, &task, sizeof task, NULL, PATIENCE)) == KIN_OK) {
        tool_check(kin_counter_add(done, 1, NULL), "done");
        tool_check(kin_queue_task_done(queue), "task_done");
    }
    return status != KIN_E_CLOSED;
}

void demo_tasks(kin_start_method method, outcome *out)
{
    kin_queue *queue = new_queue(KIN_QUEUE_JOINABLE);
    kin_counter *done = NULL;
    kin_process *workers[WORKERS];
    int64_t count = 0;
    tool_check(kin_counter_create(&done, NULL, 0), "kin_counter_create");
    kin_args *args = arguments();
    add(args, "queue", KIN_TYPE_QUEUE, queue);
    add(args, "done", KIN_TYPE_COUNTER, done);
    for (int i = 0; i < TASKS; i++) {
        tool_check(kin_queue_put(queue, &i, sizeof i, PATIENCE), "put");
    }
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = start(method, "demo_work", args);
    }
    tool_check(kin_queue_join(queue, PATIENCE), "join");
    tool_check(kin_counter_get(done, &count), "done");
    tool_check(kin_queue_close(queue), "close");
    for (int i = 0; i < WORKERS; i++) {
        out->failed += tool_finish(workers[i]);
    }
    say(out->expected, "%d done", TASKS);
    say(out->got, "%d done", (int)count);
    kin_args_destroy(args);
    kin_counter_destroy(done);
    kin_queue_destroy(queue);
}

/* ---- ten jobs that print one at a time, and report ---- */

#define JOBS 10

int demo_job(const kin_args *args)
{
    kin_queue *queue = tool_given(args, "queue", KIN_TYPE_QUEUE);
    kin_lock *lock = tool_given(args, "lock", KIN_TYPE_LOCK);
    const void *index = NULL;
    size_t size = 0;
    tool_check(kin_args_get_bytes(&index, &size, args, "index"), "index");
    tool_check(kin_lock_acquire(lock, PATIENCE), "lock");
    fprintf(stderr, "job %d ", *(const int *)index);
    fflush(stderr);
    fprintf(stderr, "of %d\n", JOBS);
    tool_check(kin_lock_release(lock), "lock");
    tool_check(kin_queue_put(queue, index, size, PATIENCE), "put");
    return 0;
}

void demo_jobs(kin_start_method method, outcome *out)
{
    kin_queue *queue = new_queue(0);
    kin_lock *lock = NULL;
    kin_process *jobs[JOBS];
    int seen[JOBS] = {0}, index = 0;
    tool_check(kin_lock_create(&lock, NULL, 0), "kin_lock_create");
    for (int i = 0; i < JOBS; i++) {
        kin_args *args = arguments();
        add(args, "queue", KIN_TYPE_QUEUE, queue);
        add(args, "lock", KIN_TYPE_LOCK, lock);
        tool_check(kin_args_add_bytes(args, "index", &i, sizeof i), "index");
        jobs[i] = start(method, "demo_job", args);
        kin_args_destroy(args);
    }
    for (int i = 0; i < JOBS; i++) {
        out->failed += tool_finish(jobs[i]);
    }
    while (kin_queue_get(queue, &index, sizeof index, NULL, KIN_NOW) == KIN_OK) {
        seen[index]++;
    }
    for (int i = 0; i < JOBS; i++) {
        out->expected[i] = (char)('0' + i);
        out->got[i] = seen[i] == 1 ? (char)('0' + i) : '-';
    }
    kin_lock_destroy(lock);
    kin_queue_destroy(queue);
}
