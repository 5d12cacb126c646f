/* queues.h: the queues that are compared, and moving messages through them. */
#ifndef QUEUES_H
#define QUEUES_H

#include "bench.h"

#define MESSAGE_MAX 65536u
#define WARM_UP_NS KIN_MS(5) /* not counted */

/* The first contenders; the others are those of peer_more_queues. */
enum { QUEUES_COPYING, QUEUES_IN_PLACE, QUEUES_SPINNING, QUEUES_PIPE, QUEUES_KNOWN };

typedef struct trial {
    size_t message;
    int producers, consumers;
    int cpus; /* for round trips */
} trial;

const peer_queue *queue_at(int contender);
int queue_count(void);
/* Whether the contender takes messages of that size, and so many users. */
int queue_can(int contender, const trial *it);
/* Whether its round trips are measured: not in place, and not those of a ring for one producer. On one processor, not
 * those of what spins: it waits for the end of its time slice. */
int queue_can_echo(int contender, const trial *it);

/* ---- transfer.c ---- */

/* Nanoseconds for that many messages: a multiple of producers and of consumers. */
int64_t transfer(int contender, const trial *it, int64_t messages);
/* Microseconds for a round trip of 64 bytes, of as many as that time allows. */
double echo(int contender, const trial *it, int64_t span);

/* Round trips by their time: values below 32 ns have a bucket each, above that 32 for each power of two. */
#define BUCKETS 2048
typedef struct histogram {
    int64_t counts[BUCKETS];
} histogram;

void histogram_add(histogram *it, int64_t ns);
/* Nanoseconds: where the bucket begins up to which that part (0 to 1) of all values are. */
double histogram_quantile(const histogram *it, double part);
/* As echo; adds the time of each trip to *out. */
void echo_times(int contender, const trial *it, int64_t span, histogram *out);

/* A queue's memory, and a worker that uses it. */
void *queue_memory(void);
kin_process *start_queue_worker(const char *entry, void *board_memory, void *queue, const plan *it);
/* In a worker: what put and get take. */
void *attach_queue(const kin_args *args, const peer_queue *it);

#endif
