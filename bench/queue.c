/* queue.c: messages through kin's queue, and through others: by size, by how many put and get, there and back. */
#include "queues.h"

#include <stdio.h>

static trial now; /* what is measured */

/* Thousand messages per second. */
static double rate(const bench *b, int contender)
{
    if (!queue_can(contender, &now)) {
        return NAN;
    }
    int64_t messages = 6400, ns = transfer(contender, &now, messages);
    while (ns < b->span / 2) { /* the last counts */
        int64_t more = messages * b->span / (ns + 1) + 6400;
        messages = (more < messages * 20 ? more : messages * 20) / 6400 * 6400;
        ns = transfer(contender, &now, messages);
    }
    return (double)messages * 1e6 / (double)ns;
}

/* Microseconds. */
static double trip(const bench *b, int contender)
{
    return queue_can_echo(contender, &now) ? echo(contender, &now, b->span) : (double)NAN;
}

/* ---- rows ---- */

/* A row for each other queue that was measured. targets: of the first QUEUES_KNOWN, or NULL. */
static void beside_all(bench *b, const char *what, const char *unit, const figure *of, const peer_target *targets,
                       double x)
{
    for (int i = QUEUES_SPINNING; i < queue_count(); i++) {
        if (!absent(of[i].median)) {
            peer_target target = targets && i < QUEUES_KNOWN ? targets[i] : NO_TARGET;
            row(b, &(line){what, unit, of[QUEUES_COPYING], of[i], queue_at(i)->name, target, 0, x});
        }
    }
}

static void throughput(bench *b, int producers, int consumers)
{
    figure of[CONTENDERS_MAX];
    char name[64];
    peer_target targets[QUEUES_KNOWN] = {
        [QUEUES_SPINNING] = AT_LEAST(0.5), [QUEUES_PIPE] = AT_LEAST(peer_has_fork() ? 3 : 100)};
    now = (trial){.message = 64, .producers = producers, .consumers = consumers};
    bench few = *b;
    few.rounds = b->rounds > 3 && producers > 8 ? 3 : b->rounds;
    measure(&few, rate, queue_count(), of);
    snprintf(name, sizeof name, "queue, 64 B, %d to %d", producers, consumers);
    beside_all(b, name, "k/s", of, producers == 1 ? targets : NULL, producers + consumers);
    double python = producers <= 8 ? peer_python_queue(producers, consumers) : -1;
    if (python > 0) {
        row(b, &(line){name, "k/s", of[QUEUES_COPYING], just(python), "CPython's Queue",
                       producers == 1 ? AT_LEAST(50) : NO_TARGET, 0, producers + consumers});
    }
}

static void by_size(bench *b)
{
    static const size_t sizes[] = {8, 64, 512, 4096, 16384, MESSAGE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        figure of[CONTENDERS_MAX];
        char name[64];
        now = (trial){.message = sizes[i], .producers = 1, .consumers = 1};
        if (b->quick && i != 0 && sizes[i] != 4096) {
            continue;
        }
        bench few = *b;
        few.rounds = b->quick ? 1 : 3;
        few.span = b->span / 2;
        measure(&few, rate, queue_count(), of);
        snprintf(name, sizeof name, "queue, 1 to 1, by size: %zu B", sizes[i]);
        beside_all(b, name, "k/s", of, NULL, (double)sizes[i]);
        snprintf(name, sizeof name, "queue, 1 to 1, in place: %zu B", sizes[i]);
        row(b, &(line){name, "k/s", of[QUEUES_IN_PLACE], of[QUEUES_COPYING], "kin, copied", NO_TARGET, 0,
                       (double)sizes[i]});
    }
}

static void round_trips(bench *b)
{
    figure of[CONTENDERS_MAX];
    peer_target apart[QUEUES_KNOWN] = {[QUEUES_SPINNING] = AT_MOST(2), [QUEUES_PIPE] = NO_TARGET};
    peer_target together[QUEUES_KNOWN] = {[QUEUES_SPINNING] = NO_TARGET, [QUEUES_PIPE] = AT_MOST(1.2)};
    if (peer_cpu_count() >= 2) {
        now.cpus = 2;
        measure(b, trip, queue_count(), of);
        beside_all(b, "queue round trip, 2 CPUs, pinned", "us", of, apart, 0);
    }
    now.cpus = 1;
    measure(b, trip, queue_count(), of);
    beside_all(b, "queue round trip, 1 CPU, pinned", "us", of, together, 0);
}

/* ---- how long a single round trip takes, at worst ---- */

static void latencies(bench *b, int cpus, const char *place)
{
    static const double parts[] = {0.5, 0.9, 0.99, 0.999, 0.9999, 1};
    static histogram times[CONTENDERS_MAX];
    now.cpus = cpus;
    for (int i = 0; i < queue_count(); i++) {
        times[i] = (histogram){{0}};
    }
    for (int round = 0; round < b->rounds; round++) {
        for (int i = 0; i < queue_count(); i++) {
            if (queue_can_echo(i, &now)) {
                echo_times(i, &now, 2 * b->span, &times[i]);
            }
        }
    }
    for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++) {
        figure of[CONTENDERS_MAX];
        char name[64];
        for (int i = 0; i < queue_count(); i++) {
            of[i] = just(histogram_quantile(&times[i], parts[part]) / 1e3);
        }
        snprintf(name, sizeof name, "queue round trip, %s: %g %%", place, parts[part] * 100);
        beside_all(b, name, "us", of, NULL, parts[part] * 100);
    }
}

void bench_latency(bench *b)
{
    if (peer_cpu_count() >= 2) {
        latencies(b, 2, "2 CPUs");
    }
    latencies(b, 1, "1 CPU");
}

/* ---- a consumer left alone ---- */

int bench_idle(const kin_args *args)
{
    plan it;
    char byte;
    board *shared = begin_worker(args, &it);
    void *queue = attach_queue(args, queue_at(QUEUES_COPYING));
    int64_t began = peer_now_ns(), cpu = peer_cpu_ns();
    kin_status status = kin_queue_get(queue, &byte, 1, NULL, it.span);
    shared->results[0] = (worker_result){peer_cpu_ns() - cpu, peer_now_ns() - began};
    return status != KIN_E_TIMED_OUT;
}

static void idle(bench *b)
{
    const peer_queue *queue = queue_at(QUEUES_COPYING);
    void *memory = board_create(), *object = queue_memory();
    int64_t span = b->quick ? KIN_MS(300) : KIN_SECONDS(10);
    must(queue->create(object, 64) != 0, "kin_queue_create");
    kin_process *worker = start_queue_worker("bench_idle", memory, object,
                                             &(plan){.contender = QUEUES_COPYING, .cpu = PEER_ANY_CPU, .span = span});
    must(tool_finish(worker), "bench_idle");
    worker_result result = board_in(memory)->results[0];
    row(b, &(line){"a consumer left alone", "% of a CPU", just(100.0 * (double)result.done / (double)result.ns),
                   just(NAN), NULL, AT_MOST(0.1), 1, 0});
    queue->destroy(object);
    kin_free(object);
    board_destroy(memory);
}

void bench_queue(bench *b)
{
    if (peer_cpu_count() >= 2) {
        throughput(b, 1, 1);
        throughput(b, b->quick ? 2 : 8, b->quick ? 2 : 8);
        if (!b->quick) {
            throughput(b, 64, 64);
        }
        by_size(b);
    }
    round_trips(b);
    idle(b);
}
