/* queue.c: messages through kin's queue, and through others. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX 4096u
#define SLOTS 1024u /* messages in each queue; of the large ones 64 */

static size_t slots_for(size_t message)
{
    return message > 1024 ? 64 : SLOTS;
}

/* ---- kin ---- */

static int kin_create(void *memory, size_t message)
{
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    kin_queue *queue = NULL;
    kin_ref ref;
    options.capacity = slots_for(message) * (message + 16);
    if (kin_queue_create(&queue, NULL, &options) != KIN_OK || kin_ref_of(&ref, KIN_TYPE_QUEUE, queue) != KIN_OK) {
        return -1;
    }
    memcpy(memory, &ref, sizeof ref);
    return 0;
}

static void *kin_attach(void *memory, const int64_t *both)
{
    void *queue = NULL;
    kin_ref ref;
    (void)both;
    memcpy(&ref, memory, sizeof ref);
    return kin_ref_get(&queue, KIN_TYPE_QUEUE, ref) == KIN_OK ? queue : NULL;
}

static void kin_destroy(void *memory)
{
    kin_queue_destroy(kin_attach(memory, NULL));
}

static int kin_put(void *attached, const void *data, size_t size)
{
    return kin_queue_put(attached, data, size, KIN_FOREVER);
}

static int kin_get(void *attached, void *buffer, size_t size)
{
    return kin_queue_get(attached, buffer, size, NULL, KIN_FOREVER);
}

static int kin_put_in_place(void *attached, const void *data, size_t size)
{
    void *place = NULL;
    if (kin_queue_reserve(&place, attached, size, KIN_FOREVER) != KIN_OK) {
        return -1;
    }
    memcpy(place, data, size); /* stands for the making of the message */
    return kin_queue_commit(attached, place, size);
}

static int kin_get_in_place(void *attached, void *buffer, size_t size)
{
    const void *place = NULL;
    size_t got = 0;
    if (kin_queue_peek(&place, &got, attached, KIN_FOREVER) != KIN_OK || got != size) {
        return -1;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i + 8 <= size; i += LINE) { /* reads all of it, so far as the memory is concerned */
        sum += *(const volatile uint64_t *)(const volatile void *)((const char *)place + i);
    }
    memcpy(buffer, &sum, sizeof sum);
    return kin_queue_consume(attached, place);
}

static const peer_queue kin_copying = {"kin", kin_create, kin_destroy, NULL, kin_attach, kin_put, kin_get};
static const peer_queue kin_in_place = {"kin, in place", kin_create,       kin_destroy,     NULL,
                                        kin_attach,      kin_put_in_place, kin_get_in_place};

/* ---- the limit: Vyukov's ring, whose sides spin, and which a kill tears ---- */

typedef struct cell {
    _Atomic size_t sequence;
} cell;

typedef struct ring {
    _Alignas(LINE) _Atomic size_t tail;
    _Alignas(LINE) _Atomic size_t head;
    _Alignas(LINE) size_t slots, stride;
} ring;

static cell *cell_at(ring *it, size_t position)
{
    char *cells = (char *)(it + 1);
    return (cell *)(void *)(cells + position % it->slots * it->stride);
}

static void *ring_attach(void *memory, const int64_t *both)
{
    (void)both;
    return (void *)(((uintptr_t)memory + LINE - 1) / LINE * LINE);
}

static int ring_create(void *memory, size_t message)
{
    ring *it = ring_attach(memory, NULL);
    it->slots = slots_for(message);
    it->stride = (sizeof(cell) + message + LINE - 1) / LINE * LINE;
    atomic_store(&it->tail, 0);
    atomic_store(&it->head, 0);
    for (size_t i = 0; i < it->slots; i++) {
        atomic_store(&cell_at(it, i)->sequence, i);
    }
    return 0;
}

/* Takes the next position whose cell has come to it; offset: by how much its sequence is ahead then. */
static size_t ring_claim(ring *it, _Atomic size_t *end, size_t offset)
{
    size_t position = atomic_load_explicit(end, memory_order_relaxed);
    for (unsigned tries = 1;; tries++) {
        size_t sequence = atomic_load_explicit(&cell_at(it, position)->sequence, memory_order_acquire);
        if (sequence == position + offset) {
            if (atomic_compare_exchange_weak_explicit(end, &position, position + 1, memory_order_relaxed,
                                                      memory_order_relaxed)) {
                return position;
            }
        } else {
            position = atomic_load_explicit(end, memory_order_relaxed);
            if (tries % 1024 == 0) { /* its process may be waiting for this processor */
                peer_yield();
            }
        }
    }
}

static int ring_put(void *attached, const void *data, size_t size)
{
    ring *it = attached;
    size_t position = ring_claim(it, &it->tail, 0);
    memcpy(cell_at(it, position) + 1, data, size);
    atomic_store_explicit(&cell_at(it, position)->sequence, position + 1, memory_order_release);
    return 0;
}

static int ring_get(void *attached, void *buffer, size_t size)
{
    ring *it = attached;
    size_t position = ring_claim(it, &it->head, 1);
    memcpy(buffer, cell_at(it, position) + 1, size);
    atomic_store_explicit(&cell_at(it, position)->sequence, position + it->slots, memory_order_release);
    return 0;
}

static const peer_queue spinning_ring = {
    "spinning ring (Vyukov)", ring_create, peer_nothing, NULL, ring_attach, ring_put, ring_get};

/* ---- throughput ---- */

enum { COPYING, IN_PLACE, SPINNING, PIPE, BOOST, QUEUES };

static const peer_queue *const queues[QUEUES] = {&kin_copying, &kin_in_place, &spinning_ring, &peer_pipe_queue,
                                                 &peer_boost_queue};

typedef struct trial { /* what is measured now */
    size_t message;
    int producers, consumers;
    int64_t messages;
    int cpus; /* for round trips */
} trial;

static trial now;

static void *attach_given(const kin_args *args, const peer_queue *it, const char *memory, const char *first,
                          const char *second)
{
    int64_t both[2] = {0, 0};
    if (it->handles) {
        kin_handle handle = 0;
        tool_check(kin_args_get_handle(&handle, args, first, KIN_HANDLE_PIPE), first);
        both[0] = (int64_t)handle;
        tool_check(kin_args_get_handle(&handle, args, second, KIN_HANDLE_PIPE), second);
        both[1] = (int64_t)handle;
    }
    void *attached = it->attach(tool_given(args, memory, KIN_TYPE_MEMORY), both);
    must(attached == NULL, it->name);
    return attached;
}

static void give_queue(kin_args *args, const peer_queue *it, void *queue, const char *memory, const char *first,
                       const char *second)
{
    int64_t both[2] = {0, 0};
    tool_check(kin_args_add_object(args, memory, KIN_TYPE_MEMORY, queue), memory);
    if (it->handles) {
        it->handles(queue, both);
        tool_check(kin_args_add_handle(args, first, (kin_handle)both[0]), first);
        tool_check(kin_args_add_handle(args, second, (kin_handle)both[1]), second);
    }
}

static int move_messages(const kin_args *args, int put)
{
    static unsigned char message[MESSAGE_MAX];
    plan it;
    board *shared = begin_worker(args, &it);
    const peer_queue *queue = queues[it.contender];
    void *attached = attach_given(args, queue, "queue", "in", "out");
    int failed = 0;
    memset(message, 'm', sizeof message);
    pass_gate(shared);
    int64_t began = peer_now_ns();
    for (int64_t i = 0; i < it.messages && !failed; i++) {
        failed = put ? queue->put(attached, message, (size_t)it.size) : queue->get(attached, message, (size_t)it.size);
    }
    shared->results[it.index] = (worker_result){began, peer_now_ns()}; /* the clock is the same for all */
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

static void *shared_memory(void)
{
    void *memory = NULL;
    tool_check(kin_alloc(&memory, NULL, PEER_QUEUE_MEMORY), "kin_alloc");
    return memory;
}

static kin_process *start_job(const char *entry, void *board_memory, void *queue, void *answers, const plan *it)
{
    kin_args *args = worker_args(board_memory, it);
    give_queue(args, queues[it->contender], queue, "queue", "in", "out");
    if (answers) {
        give_queue(args, queues[it->contender], answers, "answers", "answers-in", "answers-out");
    }
    return start_with(entry, args);
}

/* Nanoseconds for that many messages. */
static int64_t transfer(int contender, int64_t messages)
{
    const peer_queue *queue = queues[contender];
    kin_process *workers[WORKERS_MAX];
    int count = now.producers + now.consumers, failed = 0;
    int64_t begin = INT64_MAX, end = 0;
    void *memory = board_create(), *object = shared_memory();
    must(queue->create(object, now.message) != 0, queue->name);
    for (int i = 0; i < count; i++) {
        int puts = i < now.producers, sharers = puts ? now.producers : now.consumers;
        const plan it = {.contender = contender,
                         .cpu = i % 2,
                         .index = i,
                         .size = (int64_t)now.message,
                         .messages = messages / sharers};
        workers[i] = start_job(puts ? "bench_put" : "bench_get", memory, object, NULL, &it);
    }
    open_gate(board_in(memory), count);
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

/* Thousand messages per second. Contenders without a name, and large messages through a pipe, are not measured. */
static double rate(const bench *b, int contender)
{
    if (queues[contender]->name == NULL || (contender == PIPE && now.message > 512)) {
        return NAN;
    }
    int64_t messages = 4000, ns = transfer(contender, messages);
    while (ns < b->span / 2) { /* the last counts */
        int64_t more = messages * b->span / (ns + 1) + 4000;
        messages = (more < messages * 20 ? more : messages * 20) / 1000 * 1000;
        ns = transfer(contender, messages);
    }
    return (double)messages * 1e6 / (double)ns;
}

/* ---- round trips over two queues ---- */

int bench_echo(const kin_args *args)
{
    static unsigned char message[MESSAGE_MAX];
    plan it;
    board *shared = begin_worker(args, &it);
    const peer_queue *queue = queues[it.contender];
    void *in = attach_given(args, queue, "queue", "in", "out");
    void *out = attach_given(args, queue, "answers", "answers-in", "answers-out");
    int failed = 0;
    if (it.index == 0) { /* the one that begins has them the other way round */
        void *swap = in;
        in = out;
        out = swap;
    }
    pass_gate(shared);
    int64_t began = peer_now_ns();
    for (int64_t i = 0; i < it.messages && !failed; i++) {
        failed = it.index == 0 ? queue->put(out, message, 64) || queue->get(in, message, 64)
                               : queue->get(in, message, 64) || queue->put(out, message, 64);
    }
    shared->results[it.index] = (worker_result){it.messages, peer_now_ns() - began};
    return failed != 0;
}

/* Microseconds. */
static double echo(int contender, int64_t messages)
{
    const peer_queue *queue = queues[contender];
    void *memory = board_create(), *there = shared_memory(), *back = shared_memory();
    must(queue->create(there, 64) != 0 || queue->create(back, 64) != 0, queue->name);
    plan it = {.contender = contender, .size = 64, .messages = messages};
    kin_process *first = start_job("bench_echo", memory, there, back, &it);
    it.cpu = now.cpus - 1;
    it.index = 1;
    kin_process *second = start_job("bench_echo", memory, there, back, &it);
    open_gate(board_in(memory), 2);
    must(tool_finish(first) + tool_finish(second), queue->name);
    double us = (double)board_in(memory)->results[0].ns / 1e3 / (double)messages;
    queue->destroy(back);
    queue->destroy(there);
    kin_free(back);
    kin_free(there);
    board_destroy(memory);
    return us;
}

static double trip(const bench *b, int contender)
{
    if ((contender == SPINNING && now.cpus == 1) || contender == IN_PLACE || contender == BOOST) {
        return NAN;
    }
    double us = echo(contender, 500);
    int64_t messages = (int64_t)((double)b->span / 1e3 / us) + 500;
    return echo(contender, messages < 1000000 ? messages : 1000000);
}

/* ---- rows ---- */

static void compare(bench *b, const char *what, const char *unit, double kin, double peer, const char *beside,
                    peer_target target)
{
    if (!absent(peer)) {
        row(b, &(line){what, unit, kin, peer, beside, target, 0});
    }
}

static void throughput(bench *b, int producers, int consumers)
{
    double medians[CONTENDERS_MAX];
    char name[64];
    int one = producers == 1;
    now = (trial){.message = 64, .producers = producers, .consumers = consumers};
    measure(b, rate, QUEUES, medians);
    snprintf(name, sizeof name, "queue, 64 B, %d to %d", producers, consumers);
    compare(b, name, "k/s", medians[COPYING], medians[SPINNING], spinning_ring.name, one ? AT_LEAST(0.5) : NO_TARGET);
    compare(b, name, "k/s", medians[COPYING], medians[BOOST], "Boost message_queue", AT_LEAST(2));
    int wine = !peer_has_fork();
    compare(b, name, "k/s", medians[COPYING], medians[PIPE], peer_pipe_queue.name,
            one ? AT_LEAST(wine ? 100 : 3) : NO_TARGET);
    double python = peer_python_queue(producers, consumers);
    compare(b, name, "k/s", medians[COPYING], python > 0 ? python : NAN, "CPython's Queue",
            one ? AT_LEAST(50) : NO_TARGET);
}

static void large(bench *b)
{
    double medians[CONTENDERS_MAX];
    now = (trial){.message = 4096, .producers = 1, .consumers = 1};
    measure(b, rate, QUEUES, medians);
    compare(b, "queue, 4 KiB, 1 to 1", "k/s", medians[COPYING], medians[SPINNING], spinning_ring.name, NO_TARGET);
    compare(b, "queue, 4 KiB, 1 to 1", "k/s", medians[COPYING], medians[BOOST], "Boost message_queue", AT_LEAST(3));
    compare(b, "  in place", "k/s", medians[IN_PLACE], medians[BOOST], "Boost message_queue", AT_LEAST(5));
}

static void round_trips(bench *b)
{
    double medians[CONTENDERS_MAX];
    if (peer_cpu_count() >= 2) {
        now.cpus = 2;
        measure(b, trip, QUEUES, medians);
        compare(b, "queue round trip, 2 CPUs, pinned", "us", medians[COPYING], medians[SPINNING], spinning_ring.name,
                AT_MOST(2));
    }
    now.cpus = 1;
    measure(b, trip, QUEUES, medians);
    compare(b, "queue round trip, 1 CPU, pinned", "us", medians[COPYING], medians[PIPE], peer_pipe_queue.name,
            AT_MOST(1.2));
}

/* ---- a consumer left alone ---- */

int bench_idle(const kin_args *args)
{
    plan it;
    char byte;
    board *shared = begin_worker(args, &it);
    void *queue = attach_given(args, &kin_copying, "queue", "in", "out");
    int64_t began = peer_now_ns(), cpu = peer_cpu_ns();
    kin_status status = kin_queue_get(queue, &byte, 1, NULL, it.span);
    shared->results[0] = (worker_result){peer_cpu_ns() - cpu, peer_now_ns() - began};
    return status != KIN_E_TIMED_OUT;
}

static void idle(bench *b)
{
    void *memory = board_create(), *object = shared_memory();
    int64_t span = b->quick ? KIN_MS(300) : KIN_SECONDS(10);
    must(kin_create(object, 64) != 0, "kin_queue_create");
    kin_process *worker = start_job("bench_idle", memory, object, NULL, &(plan){.contender = COPYING, .span = span});
    must(tool_finish(worker), "bench_idle");
    worker_result result = board_in(memory)->results[0];
    row(b, &(line){"a consumer left alone", "% of a CPU", 100.0 * (double)result.done / (double)result.ns, NAN, NULL,
                   AT_MOST(0.1), 1});
    kin_destroy(object);
    kin_free(object);
    board_destroy(memory);
}

void bench_queue(bench *b)
{
    if (peer_cpu_count() >= 2) {
        throughput(b, 1, 1);
        throughput(b, 2, 2);
        throughput(b, 4, 4);
        large(b);
    }
    round_trips(b);
    idle(b);
}
