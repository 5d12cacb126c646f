/* transfer.c: messages from processes to processes: how long many take, and how long one takes there and back. */
#include "queues.h"

#include <string.h>

/* ---- what a worker gets ---- */

void *queue_memory(void)
{
    void *memory = NULL;
    tool_check(kin_alloc(&memory, NULL, PEER_QUEUE_MEMORY), "kin_alloc");
    return memory;
}

/* What the arguments of a worker call a queue: its memory, its two handles. */
typedef struct queue_names {
    const char *memory, *handles[2];
} queue_names;

static const queue_names there_names = {"queue", {"in", "out"}},
                         back_names = {"answers", {"answers-in", "answers-out"}};

static void *attach_given(const kin_args *args, const peer_queue *it, const queue_names *names)
{
    int64_t both[2] = {0, 0};
    for (int i = 0; it->handles && i < 2; i++) {
        kin_handle handle = 0;
        tool_check(kin_args_get_handle(&handle, args, names->handles[i], KIN_HANDLE_ANY), names->handles[i]);
        both[i] = (int64_t)handle;
    }
    void *attached = it->attach(tool_given(args, names->memory, KIN_TYPE_MEMORY), both);
    must(attached == NULL, it->name);
    return attached;
}

void *attach_queue(const kin_args *args, const peer_queue *it)
{
    return attach_given(args, it, &there_names);
}

static void give_queue(kin_args *args, const peer_queue *it, void *queue, const queue_names *names)
{
    int64_t both[2] = {0, 0};
    tool_check(kin_args_add_object(args, names->memory, KIN_TYPE_MEMORY, queue), names->memory);
    if (it->handles) {
        it->handles(queue, both);
    }
    for (int i = 0; it->handles && i < 2; i++) {
        tool_check(kin_args_add_handle(args, names->handles[i], (kin_handle)both[i]), names->handles[i]);
    }
}

kin_process *start_queue_worker(const char *entry, void *board_memory, void *queue, const plan *it)
{
    kin_args *args = worker_args(board_memory, it);
    give_queue(args, queue_at(it->contender), queue, &there_names);
    return start_with(entry, args);
}

/* ---- many messages ---- */

/* Some peers lose what a process has sent when it ends, so each worker stays until all are done. */
static int move_messages(const kin_args *args, int put)
{
    static unsigned char message[MESSAGE_MAX];
    plan it;
    board *shared = begin_worker(args, &it);
    const peer_queue *queue = queue_at(it.contender);
    void *attached = attach_queue(args, queue);
    int failed = 0;
    memset(message, 'm', sizeof message);
    pass_gate(shared);
    int64_t began = peer_now_ns();
    for (int64_t i = 0; i < it.messages && !failed; i++) {
        failed = put ? queue->put(attached, message, (size_t)it.size) : queue->get(attached, message, (size_t)it.size);
    }
    shared->results[it.index] = (worker_result){began, peer_now_ns()}; /* the clock is the same for all */
    pass_exit(shared);
    return failed != 0;
}

int bench_put(const kin_args *args)
{
    return move_messages(args, 1);
}

int bench_get(const kin_args *args)
{
    return move_messages(args, 0);
}

int64_t transfer(int contender, const trial *it, int64_t messages)
{
    const peer_queue *queue = queue_at(contender);
    kin_process *workers[WORKERS_MAX];
    int count = it->producers + it->consumers, failed = 0;
    int64_t begin = INT64_MAX, end = 0;
    void *memory = board_create(), *object = queue_memory();
    must(queue->create(object, it->message) != 0, queue->name);
    for (int i = 0; i < count; i++) {
        int puts = i < it->producers, sharers = puts ? it->producers : it->consumers;
        const plan job = {.contender = contender,
                          .cpu = i % 2,
                          .index = i,
                          .size = (int64_t)it->message,
                          .messages = messages / sharers};
        workers[i] = start_queue_worker(puts ? "bench_put" : "bench_get", memory, object, &job);
    }
    open_gate(board_in(memory), count);
    open_exit(board_in(memory), count);
    for (int i = 0; i < count; i++) {
        failed |= tool_finish(workers[i]);
        worker_result result = board_in(memory)->results[i];
        begin = result.done < begin ? result.done : begin;
        end = result.ns > end ? result.ns : end;
    }
    must(failed, queue->name);
    queue->destroy(object);
    kin_free(object);
    board_destroy(memory);
    return end - begin;
}

/* ---- round trips over two queues ---- */

#define TRIPS_AT_ONCE 32 /* between two looks at the clock */
#define LAST 'l'         /* the first byte of the last message */

/* The side that begins: makes round trips until the time is up, at least one. Returns their number, or -1 after an
 * error. times: NULL, or gets the time of each. */
static int64_t ask(const peer_queue *queue, void *out, void *in, int64_t span, histogram *times)
{
    static char message[64];
    int64_t began = peer_now_ns(), before = began, now = began, trips = 0;
    message[0] = 0;
    for (int last = 0; !last;) {
        last = now - began >= span;
        message[0] = last ? LAST : 0;
        if (queue->put(out, message, sizeof message) || queue->get(in, message, sizeof message)) {
            return -1;
        }
        trips++;
        if (times || trips % TRIPS_AT_ONCE == 0) {
            now = peer_now_ns();
        }
        if (times) {
            histogram_add(times, now - before);
            before = now;
        }
    }
    return trips;
}

static int answer(const peer_queue *queue, void *in, void *out)
{
    static char message[64];
    do {
        if (queue->get(in, message, sizeof message) || queue->put(out, message, sizeof message)) {
            return -1;
        }
    } while (message[0] != LAST);
    return 0;
}

int bench_echo(const kin_args *args)
{
    plan it;
    board *shared = begin_worker(args, &it);
    const peer_queue *queue = queue_at(it.contender);
    void *there = attach_queue(args, queue);
    void *back = attach_given(args, queue, &back_names);
    histogram *times = it.timed && it.index == 0 ? tool_given(args, "times", KIN_TYPE_MEMORY) : NULL;
    int failed = 0;
    pass_gate(shared);
    if (it.index == 0) {
        failed = ask(queue, there, back, WARM_UP_NS, NULL) < 0;
        int64_t began = peer_now_ns();
        int64_t trips = ask(queue, there, back, it.span, times);
        shared->results[0] = (worker_result){trips, peer_now_ns() - began};
        failed |= trips < 0;
    } else {
        failed = answer(queue, there, back); /* to warm up */
        failed |= answer(queue, there, back);
    }
    pass_exit(shared);
    return failed;
}

/* Microseconds for one. */
static double echo_for(int contender, const trial *it, int64_t span, histogram *times)
{
    const peer_queue *queue = queue_at(contender);
    void *memory = board_create(), *there = queue_memory(), *back = queue_memory(), *shared = NULL;
    must(queue->create(there, 64) != 0 || queue->create(back, 64) != 0, queue->name);
    tool_check(kin_alloc(&shared, NULL, sizeof(histogram)), "kin_alloc");
    memset(shared, 0, sizeof(histogram));
    kin_process *both[2];
    for (int i = 0; i < 2; i++) {
        const plan job = {
            .contender = contender, .cpu = i * (it->cpus - 1), .index = i, .span = span, .timed = times != NULL};
        kin_args *args = worker_args(memory, &job);
        give_queue(args, queue, there, &there_names);
        give_queue(args, queue, back, &back_names);
        tool_check(kin_args_add_object(args, "times", KIN_TYPE_MEMORY, shared), "times");
        both[i] = start_with("bench_echo", args);
    }
    open_gate(board_in(memory), 2);
    open_exit(board_in(memory), 2);
    must(tool_finish(both[0]) + tool_finish(both[1]), queue->name);
    worker_result result = board_in(memory)->results[0];
    for (int i = 0; times && i < BUCKETS; i++) {
        times->counts[i] += ((histogram *)shared)->counts[i];
    }
    queue->destroy(back);
    queue->destroy(there);
    kin_free(shared);
    kin_free(back);
    kin_free(there);
    board_destroy(memory);
    return (double)result.ns / 1e3 / (double)result.done;
}

double echo(int contender, const trial *it, int64_t span)
{
    return echo_for(contender, it, span, NULL);
}

void echo_times(int contender, const trial *it, int64_t span, histogram *out)
{
    echo_for(contender, it, span, out);
}
