/* bench.h: what the parts of kin-bench share. */
#ifndef BENCH_H
#define BENCH_H

#include <math.h>

#include "peers.h"
#include "report.h"
#include "program.h"

#define PATIENCE KIN_SECONDS(30)
#define ROUNDS_MAX 9
#define WORKERS_MAX 128
#define CONTENDERS_MAX 16

typedef struct bench {
    int quick;
    int rounds;
    const char *subject; /* that runs now */
    int64_t span;        /* nanoseconds that one measurement takes, roughly */
    report out;
    int all; /* all targets met */
} bench;

/* ---- rows ---- */

/* NAN: not measured. */
typedef struct figure {
    double median;
    double low, high; /* quartiles of the rounds */
    double busy;      /* processors, on average, while it was measured; the start of its processes counts */
} figure;

typedef struct line {
    const char *name;
    const char *unit;
    figure kin;
    figure peer; /* not measured: the target is for kin's figure */
    const char *beside;
    peer_target target;
    int absolute; /* the target is for kin's figure although there is a peer */
    double x;     /* where the figure is in a plot: a number of processes, bytes, entries; 0: in none */
} line;

#define AT_MOST(bound) ((peer_target){bound, 0})
#define AT_LEAST(bound) ((peer_target){bound, 1})
#define NO_TARGET ((peer_target){NAN, 0})

/* Begins the table or the document. */
void open_rows(bench *b, int json);
void row(bench *b, const line *it);
int absent(double number); /* NAN */
/* A figure of one value, without rounds. */
figure just(double value);

/* One figure of one contender. */
typedef double (*meter)(const bench *b, int contender);

/* Each contender in turn, round by round. */
void measure(const bench *b, meter once, int contenders, figure *out);
/* Sorts them. */
double median(double *values, int count);
/* Nanoseconds for a call of once, of as many as the time allows. The clock is read after each at_once of them. */
double repeat(const bench *b, int (*once)(void), int at_once, const char *what);
/* Ends the program if failed. */
void must(int failed, const char *what);

typedef char entry_key[PEER_KEY + 1];

/* The key of that entry of a table. */
void make_key(entry_key out, uint32_t number);
/* One of so many numbers, from 0. */
static inline uint32_t random_below(uint64_t *seed, uint32_t count)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*seed >> 32) * count >> 32);
}

/* The locks that are compared. 0 is kin's. */
const peer_lock *lock_at(int contender);
int lock_count(void);

/* ---- workers ---- */

/* Shared by the processes that measure together. The object has cache lines of its own. */
#define OBJECT_MAX 512

typedef struct worker_result {
    int64_t done;
    int64_t ns;
} worker_result;

typedef struct board {
    kin_sem ready;
    kin_sem gate;
    kin_sem exit; /* not the gate again: a fast worker could take a slow one's permit */
    worker_result results[WORKERS_MAX];
    _Alignas(LINE) peer_contest contest;
    _Alignas(LINE) unsigned char object[OBJECT_MAX];
} board;

/* What a worker is to do. Each subject sets what it needs. */
typedef struct plan {
    int contender;
    int cpu;
    int index;
    unsigned apart;
    int64_t span;
    int64_t size, messages;
    int timed; /* each round trip by itself */
} plan;

void *board_create(void);
void board_destroy(void *memory);
board *board_in(void *memory);
/* Arguments with the board and the plan; start_with takes them. */
kin_args *worker_args(void *memory, const plan *it);
kin_process *start_with(const char *entry, kin_args *args);
kin_process *start_worker(const char *entry, void *memory, const plan *it);
/* In a worker: reads the plan, and pins the worker to its CPU. Returns the board. */
board *begin_worker(const kin_args *args, plan *out);
void pass_gate(board *it);
void open_gate(board *it, int workers);
/* The same at the end, for workers that must not go before the others are done. */
void pass_exit(board *it);
void open_exit(board *it, int workers);

/* The entries of children. bench.c registers each under its own name. */
#define BENCH_ENTRIES(X)                                                                                               \
    X(bench_bounce)                                                                                                    \
    X(bench_contend)                                                                                                   \
    X(bench_ping)                                                                                                      \
    X(bench_pong)                                                                                                      \
    X(bench_read)                                                                                                      \
    X(bench_wait)                                                                                                      \
    X(bench_put)                                                                                                       \
    X(bench_get)                                                                                                       \
    X(bench_echo)                                                                                                      \
    X(bench_crowd)                                                                                                     \
    X(bench_idle)                                                                                                      \
    X(bench_send)                                                                                                      \
    X(bench_recv)                                                                                                      \
    X(bench_talk)                                                                                                      \
    X(bench_mix)                                                                                                       \
    X(bench_share)                                                                                                     \
    X(bench_sleep)                                                                                                     \
    X(bench_take_part)                                                                                                 \
    X(bench_square_piped)                                                                                              \
    X(bench_nothing)

#define BENCH_ENTRY_DECLARATION(name) int name(const kin_args *args);
BENCH_ENTRIES(BENCH_ENTRY_DECLARATION)
#undef BENCH_ENTRY_DECLARATION

/* What a pool's workers run. */
int bench_square(kin_task *task);

/* ---- subjects in files of their own ---- */

void bench_lock(bench *b);
void bench_contended(bench *b);
void bench_semaphore(bench *b);
void bench_waiting(bench *b);
void bench_readers(bench *b);
void bench_rwlock(bench *b);
void bench_many(bench *b);
void bench_asleep(bench *b);
void bench_beside(bench *b);
void bench_queue(bench *b);
void bench_latency(bench *b);
void bench_tables(bench *b);
void bench_limits(bench *b);
/* Measures and shows how long a cache line takes between two processors now. */
void show_distance(bench *b);
void bench_crowded(bench *b);
void bench_pipe(bench *b);
void bench_pool(bench *b);
void bench_dict(bench *b);
void bench_sharing(bench *b);
void bench_growth(bench *b);
void bench_create(bench *b);
void bench_run(bench *b);
void bench_start(bench *b);

#endif
