/* crowded.c: many producers, many consumers, one queue: how much comes through, and whether each gets its share. And
 * what a put and a get cost as the queue and its messages grow. */
#include "bench.h"
#include "crowd.h"
#include "textbook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 128 /* producers and consumers together */
#define MESSAGE 64u
#define SLOTS 1024u

enum { KIN, TEXTBOOK, RINGS };

typedef struct share {
    _Alignas(LINE) int64_t messages; /* while it was measured */
} share;

typedef struct crowd {
    kin_sem ready, gate;
    _Atomic int counts; /* 1 while it is measured, 2 afterwards */
    share shares[MOST];
    _Alignas(LINE) unsigned char textbook[];
} crowd;

typedef struct worker {
    crowd *of;
    kin_queue *queue;
    int ring, puts, index;
} worker;

typedef struct meeting {
    int producers, consumers, processes;
} meeting;

static meeting now; /* what is measured */
static double fairness[RINGS][ROUNDS_MAX];
static int rounds[RINGS];

/* ---- a producer, or a consumer ---- */

static int move_one(const worker *it, unsigned char *message)
{
    if (it->ring == TEXTBOOK) {
        return it->puts ? peer_textbook_ring.put(it->of->textbook, message)
                        : peer_textbook_ring.get(it->of->textbook, message);
    }
    return it->puts ? kin_queue_put(it->queue, message, MESSAGE, KIN_FOREVER)
                    : kin_queue_get(it->queue, message, MESSAGE, NULL, KIN_FOREVER);
}

static void work(void *worker_)
{
    worker *it = worker_;
    unsigned char message[MESSAGE] = {1};
    int64_t messages = 0;
    tool_check(kin_sem_release(&it->of->ready, 1), "ready");
    tool_check(kin_sem_acquire(&it->of->gate, 1, PATIENCE), "gate");
    for (int stage = 0; stage < 2 && move_one(it, message) == 0;) {
        stage = atomic_load_explicit(&it->of->counts, memory_order_relaxed);
        messages += stage == 1;
    }
    it->of->shares[it->index].messages = messages;
}

int bench_crowd(const kin_args *args)
{
    const void *bytes = NULL;
    size_t size = 0;
    worker it;
    tool_check(kin_args_get_bytes(&bytes, &size, args, "worker"), "worker");
    memcpy(&it, bytes, sizeof it);
    it.of = peer_line_in(tool_given(args, "crowd", KIN_TYPE_MEMORY));
    it.queue = tool_given(args, "queue", KIN_TYPE_QUEUE);
    work(&it);
    return 0;
}

/* ---- one measurement ---- */

/* Ends the measurement between two looks at the clock. Returns how long it took. */
static int64_t watch_over(const bench *b, crowd *it, kin_queue *queue, int ring)
{
    int count = now.producers + now.consumers;
    int64_t span = b->quick ? b->span : 4 * b->span;
    tool_check(kin_sem_acquire(&it->ready, (uint32_t)count, PATIENCE), "the workers");
    tool_check(kin_sem_release(&it->gate, (uint32_t)count), "gate");
    kin_sem_acquire(&it->ready, 1, span / 8); /* nobody releases it: a pause */
    int64_t began = peer_now_ns();
    atomic_store(&it->counts, 1);
    kin_sem_acquire(&it->ready, 1, span);
    atomic_store(&it->counts, 2);
    int64_t ns = peer_now_ns() - began;
    if (ring == TEXTBOOK) {
        peer_textbook_ring.end(it->textbook, count);
    } else {
        tool_check(kin_queue_close(queue), "kin_queue_close");
    }
    return ns;
}

static void *start_one(kin_family *family, void *memory, worker *it)
{
    void *thread = NULL;
    if (!now.processes) {
        must(peer_thread_start(&thread, work, it), "thread");
        return thread;
    }
    kin_args *args = NULL;
    tool_check(kin_args_create(&args, family), "kin_args_create");
    tool_check(kin_args_add_object(args, "crowd", KIN_TYPE_MEMORY, memory), "crowd");
    tool_check(kin_args_add_object(args, "queue", KIN_TYPE_QUEUE, it->queue), "queue");
    tool_check(kin_args_add_bytes(args, "worker", it, sizeof *it), "worker");
    return start_with("bench_crowd", args);
}

static int64_t run(const bench *b, kin_family *family, void *memory, kin_queue *queue, int ring)
{
    static worker workers[MOST];
    void *each[MOST];
    int count = now.producers + now.consumers, failed = 0;
    for (int i = 0; i < count; i++) {
        workers[i] = (worker){peer_line_in(memory), queue, ring, i < now.producers, i};
        each[i] = start_one(family, memory, &workers[i]);
    }
    int64_t ns = watch_over(b, peer_line_in(memory), queue, ring);
    for (int i = 0; i < count; i++) {
        if (now.processes) {
            failed |= tool_finish(each[i]);
        } else {
            peer_thread_join(each[i]);
        }
    }
    must(failed, "a worker");
    return ns;
}

/* The largest share by the smallest, of so many equal ones. */
static double unequal(const share *shares, int count)
{
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < count; i++) {
        least = shares[i].messages < least ? shares[i].messages : least;
        most = shares[i].messages > most ? shares[i].messages : most;
    }
    return (double)most / (double)(least > 0 ? least : 1);
}

/* Thousand messages per second. */
static double crowded(const bench *b, int ring)
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_queue_options large = KIN_QUEUE_OPTIONS_INIT;
    kin_family *family = NULL;
    kin_queue *queue = NULL;
    void *memory = NULL;
    size_t textbook = peer_textbook_ring.name ? peer_textbook_ring.size(SLOTS, MESSAGE) : 0;
    options.max_members = options.max_threads = 2 * MOST;
    large.capacity = SLOTS * (MESSAGE + 16);
    tool_check(kin_family_create(&family, &options), "kin_family_create");
    tool_check(kin_alloc(&memory, family, sizeof(crowd) + LINE + textbook), "kin_alloc");
    tool_check(kin_queue_create(&queue, family, &large), "kin_queue_create");
    crowd *it = peer_line_in(memory);
    memset(it, 0, sizeof *it);
    tool_check(kin_sem_init(&it->ready, 0, 0), "kin_sem_init");
    tool_check(kin_sem_init(&it->gate, 0, 0), "kin_sem_init");
    must(ring == TEXTBOOK && peer_textbook_ring.create(it->textbook, SLOTS, MESSAGE), "textbook");
    int64_t ns = run(b, family, memory, queue, ring), messages = 0;
    for (int i = 0; i < now.consumers; i++) {
        messages += it->shares[now.producers + i].messages;
    }
    double puts = unequal(it->shares, now.producers), gets = unequal(it->shares + now.producers, now.consumers);
    fairness[ring][rounds[ring]++] = puts > gets ? puts : gets;
    if (ring == TEXTBOOK) {
        peer_textbook_ring.destroy(it->textbook);
    }
    kin_family_close(family);
    return (double)messages * 1e6 / (double)ns;
}

static void crowds(bench *b)
{
    static const int sides[][2] = {{1, 1}, {8, 8}, {64, 1}, {1, 64}, {64, 64}};
    int contenders = peer_textbook_ring.name ? RINGS : 1;
    for (int i = 0; i < 10; i++) {
        figure medians[CONTENDERS_MAX], ratios[RINGS] = {just(NAN), just(NAN)};
        char name[96];
        now = (meeting){sides[i / 2][0], sides[i / 2][1], i % 2};
        if (b->quick && now.producers + now.consumers > 16) {
            continue;
        }
        medians[TEXTBOOK] = just(NAN);
        memset(rounds, 0, sizeof rounds);
        bench few = *b;
        few.rounds = b->rounds > 3 && now.producers + now.consumers > 16 ? 3 : b->rounds;
        measure(&few, crowded, contenders, medians);
        for (int ring = 0; ring < contenders; ring++) {
            ratios[ring] = just(median(fairness[ring], rounds[ring]));
        }
        const char *whose = now.processes ? "processes" : "threads";
        snprintf(name, sizeof name, "queue, 64 B, %d to %d %s", now.producers, now.consumers, whose);
        row(b, &(line){name, "k/s", medians[KIN], medians[TEXTBOOK], peer_textbook_ring.name,
                       contenders == RINGS ? AT_LEAST(1) : NO_TARGET, 0, 0});
        if (now.producers + now.consumers > 2) {
            snprintf(name, sizeof name, "  the largest share by the smallest, %d to %d %s", now.producers,
                     now.consumers, whose);
            row(b, &(line){name, "times", ratios[KIN], ratios[TEXTBOOK], peer_textbook_ring.name, AT_MOST(4), 1, 0});
        }
    }
}

/* ---- growing ---- */

static kin_queue *grown;
static size_t message_size;
static unsigned char one_message[1 << 20];

static int put_and_get(void)
{
    size_t size = 0;
    return kin_queue_put(grown, one_message, message_size, KIN_NOW) != KIN_OK ||
           kin_queue_get(grown, one_message, sizeof one_message, &size, KIN_NOW) != KIN_OK;
}

/* In a queue with so many others. */
static void grow(bench *b, size_t messages, size_t size)
{
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    char name[64];
    options.capacity = (messages + 4) * (size + 32);
    tool_check(kin_queue_create(&grown, NULL, &options), "kin_queue_create");
    message_size = size;
    for (size_t i = 0; i < messages; i++) {
        tool_check(kin_queue_put(grown, one_message, size, KIN_NOW), "kin_queue_put");
    }
    double ns = repeat(b, put_and_get, 1, "put and get");
    snprintf(name, sizeof name, "put and get, %zu B, %zu others there", size, messages);
    row(b, &(line){name, "ns", just(ns), just(NAN), NULL, NO_TARGET, 0, 0});
    kin_queue_destroy(grown);
}

void bench_crowded(bench *b)
{
    static const size_t counts[] = {0, 100, 10000, 100000}, sizes[] = {0, 1024, 16384, 262144};
    for (int i = 0; i < 4; i++) {
        grow(b, counts[i], 64);
    }
    for (int i = 0; i < 4; i++) {
        grow(b, 0, sizes[i]);
    }
    crowds(b);
}
