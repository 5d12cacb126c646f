/* bench.c: kin-bench: kin beside what the system offers, in one run.
 *
 * What is compared is measured in turns, round by round, and the medians are shown: what else the machine does meanwhile
 * meets all alike. Processes that measure together are kin's children, started at one gate, each pinned to a CPU.
 */
#include "bench.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const tool_name = "kin-bench";

/* ---- rows ---- */

static const report_column columns[] = {
    {"name", "what", REPORT_TEXT, 38},  {"unit", "unit", REPORT_TEXT, 12},    {"kin", "kin", REPORT_NUMBER, 8},
    {"peer", "peer", REPORT_NUMBER, 8}, {"ratio", "ratio", REPORT_NUMBER, 7}, {"bound", "target", REPORT_TEXT, 8},
    {"target", "", REPORT_NUMBER, 5},   {"holds", "holds", REPORT_TRUTH, 5},  {"beside", "peer is", REPORT_TEXT, 24},
};

/* NAN? mingw's isnan warns of a double. */
static int absent(double number)
{
    return number != number;
}

void row(bench *b, const line *it)
{
    static const char *const bounds[2][2] = {{"ratio <=", "ratio >="}, {"kin <=", "kin >="}};
    int alone = it->absolute || absent(it->peer);
    int wanted = !absent(it->target.bound);
    double ratio = it->kin / it->peer;
    double judged = alone ? it->kin : ratio;
    int holds = it->target.at_least ? judged >= it->target.bound : judged <= it->target.bound;
    const report_cell cells[] = {
        {it->name, 0},
        {it->unit, 0},
        {NULL, it->kin},
        {NULL, it->peer},
        {NULL, ratio},
        {wanted ? bounds[alone][it->target.at_least] : NULL, 0},
        {NULL, it->target.bound},
        {NULL, wanted ? holds : (double)NAN},
        {it->beside, 0},
    };
    report_row(&b->out, cells);
    b->all &= !wanted || holds;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* Measures each contender once a round, and gives their medians. */
void measure(const bench *b, meter once, int contenders, double *medians)
{
    double values[CONTENDERS_MAX][ROUNDS_MAX];
    for (int round = 0; round < b->rounds; round++) {
        for (int i = 0; i < contenders; i++) {
            values[i][round] = once(b, i);
        }
    }
    for (int i = 0; i < contenders; i++) {
        medians[i] = median(values[i], b->rounds);
    }
}

void must(int failed, const char *what)
{
    if (failed) {
        fprintf(stderr, "%s: %s failed\n", tool_name, what);
        exit(EXIT_FAILURE);
    }
}

/* ---- workers ---- */

/* kin_alloc aligns to 16; the arena to pages, in every process. */
board *board_in(void *memory)
{
    return (board *)(((uintptr_t)memory + LINE - 1) / LINE * LINE);
}

void *board_create(void)
{
    void *memory = NULL;
    tool_check(kin_alloc(&memory, NULL, sizeof(board) + LINE), "kin_alloc");
    tool_check(kin_sem_init(&board_in(memory)->ready, 0, 0), "kin_sem_init");
    tool_check(kin_sem_init(&board_in(memory)->gate, 0, 0), "kin_sem_init");
    return memory;
}

void board_destroy(void *memory)
{
    kin_sem_fini(&board_in(memory)->gate);
    kin_sem_fini(&board_in(memory)->ready);
    kin_free(memory);
}

/* more: a further object, or NULL. */
kin_process *start_worker_with(const char *entry, void *memory, const plan *it, const char *name, kin_type type,
                               void *more)
{
    kin_args *args = NULL;
    kin_process *process = NULL;
    tool_check(kin_args_create(&args, NULL), "kin_args_create");
    tool_check(kin_args_add(args, "board", KIN_TYPE_MEMORY, memory), "board");
    tool_check(kin_args_add_bytes(args, "plan", it, sizeof *it), "plan");
    if (more) {
        tool_check(kin_args_add(args, name, type, more), name);
    }
    tool_check(kin_process_start(&process, entry, args, NULL), entry);
    kin_args_destroy(args);
    return process;
}

kin_process *start_worker(const char *entry, void *memory, const plan *it)
{
    return start_worker_with(entry, memory, it, NULL, KIN_TYPE_MEMORY, NULL);
}

/* In a worker: takes what it was given, and its CPU. */
board *begin_worker(const kin_args *args, plan *out)
{
    const void *bytes = NULL;
    size_t size = 0;
    tool_check(kin_args_get_bytes(args, "plan", &bytes, &size), "plan");
    memcpy(out, bytes, sizeof *out);
    must(peer_pin(out->cpu) != 0, "pinning");
    return board_in(tool_given(args, "board", KIN_TYPE_MEMORY));
}

void pass_gate(board *it)
{
    tool_check(kin_sem_release(&it->ready, 1), "ready");
    tool_check(kin_sem_acquire(&it->gate, 1, PATIENCE), "gate");
}

void open_gate(board *it, int workers)
{
    tool_check(kin_sem_acquire(&it->ready, (uint32_t)workers, PATIENCE), "the workers");
    tool_check(kin_sem_release(&it->gate, (uint32_t)workers), "gate");
}

/* ---- a lock alone ---- */

static double lock_alone(const bench *b, int contender)
{
    const peer_lock *it = &peer_locks[contender];
    void *memory = board_create();
    void *object = board_in(memory)->object;
    must(it->create(object), it->name);
    void *attached = it->attach(object);
    must(attached == NULL, it->name);
    int64_t errors = 0;
    int64_t ns = 0;
    int64_t pairs = 500;
    while (ns < b->span / 4) { /* the last of them counts: the others find out how many make that long */
        pairs = ns > 0 ? pairs * (b->span / 2) / ns + 1 : pairs;
        int64_t began = peer_now_ns();
        errors += it->alone(attached, pairs);
        ns = peer_now_ns() - began;
    }
    must(errors != 0, it->name);
    it->detach(attached);
    it->destroy(object);
    board_destroy(memory);
    return (double)ns / (double)pairs;
}

static void bench_lock(bench *b)
{
    double medians[CONTENDERS_MAX];
    must(peer_pin(0), "pinning");
    measure(b, lock_alone, (int)peer_lock_count, medians);
    must(peer_pin(PEER_ANY_CPU), "pinning");
    for (size_t i = 1; i < peer_lock_count; i++) {
        peer_target target = peer_locks[i].alone_target;
        row(b, &(line){"lock, nobody else, pinned", "ns/pair", medians[0], medians[i], peer_locks[i].name,
                       target.bound > 0 ? target : NO_TARGET, 0});
    }
}

/* ---- a lock that several want ---- */

typedef struct contention {
    double rate;  /* million pairs per second, all together */
    double share; /* the slowest process's pairs / the mean */
} contention;

int bench_contend(const kin_args *args)
{
    plan it;
    board *shared = begin_worker(args, &it);
    const peer_lock *lock = &peer_locks[it.contender];
    void *attached = lock->attach(shared->object);
    must(attached == NULL, lock->name);
    pass_gate(shared);
    int64_t began = peer_now_ns();
    int64_t pairs = lock->contend(attached, &shared->contest, it.apart);
    shared->results[it.index] = (worker_result){pairs, peer_now_ns() - began};
    lock->detach(attached);
    return pairs < 0;
}

static contention summarise(const board *shared, int workers)
{
    contention sum = {0, 0};
    int64_t pairs = 0;
    int64_t least = INT64_MAX;
    for (int i = 0; i < workers; i++) {
        const worker_result *it = &shared->results[i];
        sum.rate += (double)it->done * 1e3 / (double)it->ns;
        pairs += it->done;
        least = it->done < least ? it->done : least;
    }
    sum.share = (double)least * workers / (double)pairs;
    must(pairs != shared->contest.guarded, "mutual exclusion");
    return sum;
}

/* Iterations of peer_work that take about 100 ns. */
static unsigned work_apart(void)
{
    int64_t best = INT64_MAX;
    for (int i = 0; i < 20; i++) {
        int64_t began = peer_now_ns();
        peer_work(10000);
        int64_t ns = peer_now_ns() - began;
        best = ns < best ? ns : best;
    }
    return (unsigned)(100 * 10000 / (best > 0 ? best : 1)) + 1;
}

static contention contend(const bench *b, int contender, int workers, unsigned apart)
{
    const peer_lock *lock = &peer_locks[contender];
    kin_process *processes[WORKERS_MAX];
    kin_sem *never;
    void *memory = board_create();
    board *shared = board_in(memory);
    tool_check(kin_sem_create(&never, NULL, 0, 0), "kin_sem_create");
    must(lock->create(shared->object), lock->name);
    for (int i = 0; i < workers; i++) {
        processes[i] = start_worker("bench_contend", memory, &(plan){contender, i, i, apart, 0});
    }
    open_gate(shared, workers);
    kin_sem_acquire(never, 1, b->span);
    atomic_store(&shared->contest.stop, 1);
    int failed = 0;
    for (int i = 0; i < workers; i++) {
        failed += tool_finish(processes[i]);
    }
    must(failed, lock->name);
    contention sum = summarise(shared, workers);
    lock->destroy(shared->object);
    kin_sem_destroy(never);
    board_destroy(memory);
    return sum;
}

/* [0] is kin, [1] the peer */
static void contend_both(const bench *b, int workers, unsigned apart, contention *both)
{
    int contenders[2] = {0, (int)(peer_contended - peer_locks)};
    double rates[2][ROUNDS_MAX];
    double shares[2][ROUNDS_MAX];
    for (int round = 0; round < b->rounds; round++) {
        for (int i = 0; i < 2; i++) {
            contention one = contend(b, contenders[i], workers, apart);
            rates[i][round] = one.rate;
            shares[i][round] = one.share;
        }
    }
    for (int i = 0; i < 2; i++) {
        both[i] = (contention){median(rates[i], b->rounds), median(shares[i], b->rounds)};
    }
}

static void bench_contended(bench *b)
{
    static const int workers[] = {2, 4, 8};
    unsigned apart = work_apart();
    double two = 0;
    for (size_t i = 0; i < sizeof workers / sizeof workers[0]; i++) {
        char name[64];
        contention both[2];
        int judged = peer_contended->contended_processes == workers[i];
        contend_both(b, workers[i], apart, both);
        snprintf(name, sizeof name, "lock, %d processes, pinned, work apart", workers[i]);
        row(b, &(line){name, "M pairs/s", both[0].rate, both[1].rate, peer_contended->name,
                       judged ? peer_contended->contended_target : NO_TARGET, 0});
        snprintf(name, sizeof name, "  its slowest process's share");
        row(b, &(line){name, "of the mean", both[0].share, both[1].share, peer_contended->name, NO_TARGET, 0});
        if (workers[i] == 2) {
            two = both[0].rate;
        } else {
            snprintf(name, sizeof name, "  the same, %d against 2 processes", workers[i]);
            row(b, &(line){name, "M pairs/s", both[0].rate, two, "kin_lock, 2 processes", AT_LEAST(0.8), 0});
        }
    }
}

/* ---- semaphores ---- */

static int kin_sems_create(void *memory)
{
    kin_sem *sems = memory;
    return kin_sem_init(&sems[0], 0, 0) != KIN_OK || kin_sem_init(&sems[1], 0, 0) != KIN_OK;
}

static void kin_sems_destroy(void *memory)
{
    kin_sem *sems = memory;
    kin_sem_fini(&sems[0]);
    kin_sem_fini(&sems[1]);
}

static void *same(void *memory)
{
    return memory;
}

static void nothing(void *attached)
{
    (void)attached;
}

static int kin_sems_give(void *attached, int which)
{
    return kin_sem_release((kin_sem *)attached + which, 1);
}

static int kin_sems_take(void *attached, int which, int64_t timeout_ns)
{
    return kin_sem_acquire((kin_sem *)attached + which, 1, timeout_ns);
}

/* Two flags, each on a cache line of its own. */
typedef struct spin_flag {
    _Alignas(LINE) atomic_int set;
} spin_flag;

static int spin_create(void *memory)
{
    spin_flag *flags = memory;
    atomic_init(&flags[0].set, 0);
    atomic_init(&flags[1].set, 0);
    return 0;
}

static int spin_give(void *attached, int which)
{
    atomic_store_explicit(&((spin_flag *)attached)[which].set, 1, memory_order_release);
    return 0;
}

static int spin_take(void *attached, int which, int64_t timeout_ns)
{
    (void)timeout_ns;
    spin_flag *flag = (spin_flag *)attached + which;
    while (atomic_load_explicit(&flag->set, memory_order_acquire) == 0) {
    }
    atomic_store_explicit(&flag->set, 0, memory_order_relaxed);
    return 0;
}

static const peer_sems kin_sems = {
    "kin_sem", 2 * sizeof(kin_sem), kin_sems_create, kin_sems_destroy, same, nothing, kin_sems_give, kin_sems_take,
};
static const peer_sems spin_sems = {
    "spinning on shared flags", 2 * sizeof(spin_flag), spin_create, nothing, same, nothing, spin_give, spin_take,
};

static int events_create(void *memory)
{
    kin_event *events = memory;
    return kin_event_init(&events[0]) != KIN_OK || kin_event_init(&events[1]) != KIN_OK;
}

static void events_destroy(void *memory)
{
    kin_event *events = memory;
    kin_event_fini(&events[0]);
    kin_event_fini(&events[1]);
}

static int events_give(void *attached, int which)
{
    return kin_event_set((kin_event *)attached + which);
}

static int events_take(void *attached, int which, int64_t timeout_ns)
{
    kin_event *event = (kin_event *)attached + which;
    return kin_event_wait(event, timeout_ns) != KIN_OK || kin_event_clear(event) != KIN_OK;
}

/* A flag under a lock, and the news of it. */
typedef struct told_flag {
    kin_lock lock;
    kin_cond cond;
    int64_t set;
} told_flag;

static int conds_create(void *memory)
{
    told_flag *flags = memory;
    flags[0].set = flags[1].set = 0;
    return kin_lock_init(&flags[0].lock, 0) != KIN_OK || kin_lock_init(&flags[1].lock, 0) != KIN_OK ||
           kin_cond_init(&flags[0].cond) != KIN_OK || kin_cond_init(&flags[1].cond) != KIN_OK;
}

static void conds_destroy(void *memory)
{
    told_flag *flags = memory;
    for (int i = 0; i < 2; i++) {
        kin_cond_fini(&flags[i].cond);
        kin_lock_fini(&flags[i].lock);
    }
}

static int conds_give(void *attached, int which)
{
    told_flag *flag = (told_flag *)attached + which;
    int failed = kin_lock_acquire(&flag->lock, KIN_FOREVER) != KIN_OK;
    flag->set = 1;
    failed |= kin_lock_release(&flag->lock) != KIN_OK;
    return failed | (kin_cond_notify(&flag->cond, 1) != KIN_OK);
}

static int conds_take(void *attached, int which, int64_t timeout_ns)
{
    told_flag *flag = (told_flag *)attached + which;
    int failed = kin_lock_acquire(&flag->lock, KIN_FOREVER) != KIN_OK;
    while (!failed && !flag->set) {
        failed |= kin_cond_wait(&flag->cond, &flag->lock, timeout_ns) != KIN_OK;
    }
    flag->set = 0;
    return failed | (kin_lock_release(&flag->lock) != KIN_OK);
}

static const peer_sems kin_events = {
    "kin_event", 2 * sizeof(kin_event), events_create, events_destroy, same, nothing, events_give, events_take,
};
static const peer_sems kin_conds = {
    "kin_cond", 2 * sizeof(told_flag), conds_create, conds_destroy, same, nothing, conds_give, conds_take,
};

enum { SEMS_KIN, SEMS_NATIVE, SEMS_SPIN, SEMS_EVENT, SEMS_COND };

static const peer_sems *const sems[] = {&kin_sems, &peer_native_sems, &spin_sems, &kin_events, &kin_conds};

#define TRIPS_AT_ONCE 100

/* Round trips until the time is up; then wakes the other to its end. */
int bench_ping(const kin_args *args)
{
    plan it;
    board *shared = begin_worker(args, &it);
    const peer_sems *pair = sems[it.contender];
    void *attached = pair->attach(shared->object);
    must(attached == NULL, pair->name);
    pass_gate(shared);
    int failed = 0;
    int64_t trips = 0;
    int64_t began = peer_now_ns();
    int64_t ns = 0;
    for (; ns < it.span && !failed; trips += TRIPS_AT_ONCE) {
        for (int i = 0; i < TRIPS_AT_ONCE; i++) {
            failed |= pair->give(attached, 0);
            failed |= pair->take(attached, 1, PATIENCE);
        }
        ns = peer_now_ns() - began;
    }
    shared->results[it.index] = (worker_result){trips, ns};
    atomic_store(&shared->contest.stop, 1);
    failed |= pair->give(attached, 0);
    pair->detach(attached);
    return failed != 0;
}

int bench_pong(const kin_args *args)
{
    plan it;
    board *shared = begin_worker(args, &it);
    const peer_sems *pair = sems[it.contender];
    void *attached = pair->attach(shared->object);
    must(attached == NULL, pair->name);
    pass_gate(shared);
    int failed = 0;
    for (;;) {
        failed |= pair->take(attached, 0, PATIENCE);
        if (failed || atomic_load_explicit(&shared->contest.stop, memory_order_relaxed)) {
            break;
        }
        failed |= pair->give(attached, 1);
    }
    pair->detach(attached);
    return failed != 0;
}

/* Microseconds for a round trip. */
static double round_trip(const bench *b, int contender, int other_cpu)
{
    const peer_sems *pair = sems[contender];
    void *memory = board_create();
    board *shared = board_in(memory);
    must(pair->create(shared->object), pair->name);
    kin_process *pong = start_worker("bench_pong", memory, &(plan){contender, other_cpu, 1, 0, b->span});
    kin_process *ping = start_worker("bench_ping", memory, &(plan){contender, 0, 0, 0, b->span});
    open_gate(shared, 2);
    must(tool_finish(ping) + tool_finish(pong), pair->name);
    double us = (double)shared->results[0].ns / 1e3 / (double)shared->results[0].done;
    pair->destroy(shared->object);
    board_destroy(memory);
    return us;
}

static double trip_apart(const bench *b, int contender)
{
    return round_trip(b, contender, 1);
}

static double trip_together(const bench *b, int contender)
{
    return round_trip(b, contender, 0);
}

/* Waits for what does not come, and notes what that cost. */
int bench_wait(const kin_args *args)
{
    plan it;
    board *shared = begin_worker(args, &it);
    const peer_sems *pair = sems[it.contender];
    void *attached = pair->attach(shared->object);
    must(attached == NULL, pair->name);
    int64_t began = peer_now_ns();
    int64_t cpu = peer_cpu_ns();
    int came = pair->take(attached, 0, it.span) == 0;
    cpu = peer_cpu_ns() - cpu;
    shared->results[it.index] = (worker_result){cpu, peer_now_ns() - began};
    pair->detach(attached);
    return came;
}

/* Processor time in percent. */
static double wait_alone(const bench *b, int contender)
{
    const peer_sems *pair = sems[contender];
    void *memory = board_create();
    board *shared = board_in(memory);
    int64_t span = b->quick ? KIN_MS(300) : KIN_SECONDS(2);
    must(pair->create(shared->object), pair->name);
    kin_process *process = start_worker("bench_wait", memory, &(plan){contender, PEER_ANY_CPU, 0, 0, span});
    must(tool_finish(process), pair->name);
    double percent = (double)shared->results[0].done * 100 / (double)shared->results[0].ns;
    pair->destroy(shared->object);
    board_destroy(memory);
    return percent;
}

/* ---- readers ---- */

typedef struct shelf {
    kin_rwlock rwlock;
    kin_lock lock;
} shelf;

#define READING_NS 1000

/* Reads, a microsecond each time, until the time is up. */
int bench_read(const kin_args *args)
{
    plan it;
    board *shared = begin_worker(args, &it);
    shelf *objects = tool_given(args, "shelf", KIN_TYPE_MEMORY);
    pass_gate(shared);
    int failed = 0;
    int64_t reads = 0, began = peer_now_ns(), now = began;
    for (; now - began < it.span && !failed; reads++) {
        failed |= it.contender == 0 ? kin_rwlock_acquire(&objects->rwlock, KIN_READ, PATIENCE) != KIN_OK
                                    : kin_lock_acquire(&objects->lock, PATIENCE) != KIN_OK;
        int64_t entered = peer_now_ns();
        for (now = entered; now - entered < READING_NS; now = peer_now_ns()) {
        }
        failed |= it.contender == 0 ? kin_rwlock_release(&objects->rwlock) != KIN_OK
                                    : kin_lock_release(&objects->lock) != KIN_OK;
    }
    shared->results[it.index] = (worker_result){reads, now - began};
    return failed;
}

/* Thousands of reads in a second, of two processes. */
static double read_rate(const bench *b, int contender)
{
    void *memory = board_create();
    void *objects = NULL;
    board *shared = board_in(memory);
    kin_process *workers[2];
    double rate = 0;
    tool_check(kin_alloc(&objects, NULL, sizeof(shelf)), "kin_alloc");
    tool_check(kin_rwlock_init(&((shelf *)objects)->rwlock), "kin_rwlock_init");
    tool_check(kin_lock_init(&((shelf *)objects)->lock, 0), "kin_lock_init");
    for (int i = 0; i < 2; i++) {
        workers[i] = start_worker_with("bench_read", memory, &(plan){contender, i, i, 0, b->span}, "shelf",
                                       KIN_TYPE_MEMORY, objects);
    }
    open_gate(shared, 2);
    for (int i = 0; i < 2; i++) {
        must(tool_finish(workers[i]), "reading");
        rate += (double)shared->results[i].done * 1e6 / (double)shared->results[i].ns;
    }
    kin_free(objects);
    board_destroy(memory);
    return rate;
}

static void bench_readers(bench *b)
{
    double medians[CONTENDERS_MAX];
    if (peer_cpu_count() < 2) {
        return;
    }
    measure(b, read_rate, 2, medians);
    row(b, &(line){"2 readers, 2 CPUs, 1 us each", "k reads/s", medians[0], medians[1], "kin_lock", AT_LEAST(1.5), 0});
}

/* Contenders of the measurements below: the semaphore, the event, the condition. */
static double trip_of(const bench *b, int contender, int other_cpu)
{
    static const int which[] = {SEMS_KIN, SEMS_EVENT, SEMS_COND};
    return round_trip(b, which[contender], other_cpu);
}

static double objects_apart(const bench *b, int contender)
{
    return trip_of(b, contender, 1);
}

static double objects_together(const bench *b, int contender)
{
    return trip_of(b, contender, 0);
}

static void bench_waiting(bench *b)
{
    double medians[CONTENDERS_MAX];
    if (peer_cpu_count() >= 2) {
        measure(b, objects_apart, 3, medians);
        row(b, &(line){"event round trip, 2 CPUs, pinned", "us", medians[1], medians[0], "kin_sem", AT_MOST(2), 0});
        row(b, &(line){"condition round trip, 2 CPUs, pinned", "us", medians[2], medians[0], "kin_sem", AT_MOST(2), 0});
    }
    measure(b, objects_together, 3, medians);
    row(b, &(line){"event round trip, 1 CPU, pinned", "us", medians[1], medians[0], "kin_sem", AT_MOST(2), 0});
    row(b, &(line){"condition round trip, 1 CPU, pinned", "us", medians[2], medians[0], "kin_sem", AT_MOST(2), 0});
}

static void bench_semaphore(bench *b)
{
    double medians[CONTENDERS_MAX];
    if (peer_cpu_count() >= 2) {
        measure(b, trip_apart, 3, medians);
        row(b, &(line){"semaphore round trip, 2 CPUs, pinned", "us", medians[SEMS_KIN], medians[SEMS_SPIN],
                       spin_sems.name, AT_MOST(2), 0});
        row(b, &(line){"semaphore round trip, 2 CPUs, pinned", "us", medians[SEMS_KIN], medians[SEMS_NATIVE],
                       peer_native_sems.name, NO_TARGET, 0});
    }
    measure(b, trip_together, 2, medians);
    row(b, &(line){"semaphore round trip, 1 CPU, pinned", "us", medians[SEMS_KIN], medians[SEMS_NATIVE],
                   peer_native_sems.name, AT_MOST(1.2), 0});
    bench once = *b;
    once.rounds = 1;
    measure(&once, wait_alone, 2, medians);
    row(b, &(line){"a waiter left alone", "% of a CPU", medians[SEMS_KIN], medians[SEMS_NATIVE], peer_native_sems.name,
                   AT_MOST(0.1), 1});
}

/* ---- making and starting things ---- */

double repeat(const bench *b, int (*once)(void), int at_once, const char *what)
{
    int failed = 0;
    int64_t done = 0;
    int64_t ns = 0;
    int64_t began = peer_now_ns();
    for (; ns < b->span || done < 3; done += at_once) {
        for (int i = 0; i < at_once; i++) {
            failed |= once();
        }
        ns = peer_now_ns() - began;
    }
    must(failed, what);
    return (double)ns / (double)done;
}

static int lock_once(void)
{
    kin_lock *lock = NULL;
    return kin_lock_create(&lock, NULL) != KIN_OK || kin_lock_destroy(lock) != KIN_OK;
}

static double make_one(const bench *b, int contender)
{
    double ns = contender == 0 ? repeat(b, lock_once, 1000, "kin_lock_create")
                               : repeat(b, peer_named_once, 10, peer_named_name);
    return 1e3 / ns;
}

#define MANY 1000000

static uint64_t committed(kin_family *family)
{
    kin_family_info info = {.size = sizeof info};
    tool_check(kin_family_inspect(family, &info), "kin_family_inspect");
    return info.committed;
}

static void make_many(bench *b)
{
    kin_family *family;
    kin_lock *lock;
    tool_check(kin_family_create(&family, NULL), "kin_family_create");
    tool_check(kin_lock_create(&lock, family), "kin_lock_create");
    int64_t things = peer_handle_count() + peer_name_count();
    for (int i = 1; i < MANY; i++) {
        tool_check(kin_lock_create(&lock, family), "kin_lock_create");
    }
    things = peer_handle_count() + peer_name_count() - things;
    row(b, &(line){"1 000 000 locks: memory", "MiB", (double)committed(family) / 1048576, NAN, NULL, AT_MOST(64), 1});
    row(b, &(line){"1 000 000 locks: descriptors and names", "more", (double)things, NAN, NULL, AT_MOST(0), 1});
    kin_family_close(family);
}

static void bench_create(bench *b)
{
    double medians[CONTENDERS_MAX];
    measure(b, make_one, 2, medians);
    row(b, &(line){"create and destroy a lock", "M/s", medians[0], medians[1], peer_named_name, AT_LEAST(5), 1});
    make_many(b);
}

int bench_nothing(const kin_args *args)
{
    (void)args;
    return 0;
}

static int start_once(kin_method method)
{
    kin_process_options options = KIN_PROCESS_OPTIONS;
    options.method = method;
    kin_process *process = NULL;
    tool_check(kin_process_start(&process, "bench_nothing", NULL, &options), "kin_process_start");
    return tool_finish(process);
}

static int kin_fork_once(void)
{
    return start_once(KIN_FORK);
}

static int kin_spawn_once(void)
{
    return start_once(KIN_SPAWN);
}

static double fork_one(const bench *b, int contender)
{
    return repeat(b, contender == 0 ? kin_fork_once : peer_fork_once, 1, "fork") / 1e3;
}

static size_t ballast(const bench *b)
{
    return (size_t)(b->quick ? 128 : 1024) * 1048576;
}

/* Contenders: kin, the peer, and both again by a parent with much memory. */
static double spawn_one(const bench *b, int contender)
{
    volatile char *memory = NULL;
    if (contender >= 2) {
        memory = malloc(ballast(b));
        must(memory == NULL, "malloc");
        for (size_t i = 0; i < ballast(b); i += 4096) {
            memory[i] = 1;
        }
    }
    double ns = repeat(b, contender % 2 == 0 ? kin_spawn_once : peer_spawn_once, 1, "spawn");
    free((void *)memory);
    return ns / 1e3;
}

static void bench_start(bench *b)
{
    double medians[CONTENDERS_MAX];
    char name[64];
    if (peer_has_fork()) {
        measure(b, fork_one, 2, medians);
        row(b, &(line){"start and join, fork", "us", medians[0], medians[1], "fork, _exit, waitpid", AT_MOST(1.1), 0});
    }
    measure(b, spawn_one, 4, medians);
    row(b, &(line){"start and join, spawn", "us", medians[0], medians[1], peer_spawn_name, AT_MOST(1.1), 0});
    snprintf(name, sizeof name, "  the same, %d MiB touched before", (int)(ballast(b) / 1048576));
    /* Under Wine CreateProcess forks, and copies page tables: that is not kin's, nor Windows'. */
    peer_target target = peer_has_fork() ? AT_MOST(1.1) : NO_TARGET;
    row(b, &(line){name, "us", medians[2], medians[3], peer_spawn_name, target, 0});
    row(b, &(line){"  slower for that", "times", medians[2] / medians[0], medians[3] / medians[1], peer_spawn_name,
                   target, 0});
}

/* ---- running a program ---- */

static int kin_run_once(void)
{
    const char *const argv[] = {tool_path, "noop", NULL};
    kin_exit end = {-1, 0};
    return kin_run(argv, NULL, &end) != KIN_OK || end.code != 0;
}

static double run_one(const bench *b, int contender)
{
    return repeat(b, contender == 0 ? kin_run_once : peer_spawn_once, 1, "run") / 1e3;
}

static void bench_run(bench *b)
{
    double medians[CONTENDERS_MAX];
    measure(b, run_one, 2, medians);
    row(b, &(line){"run a trivial program", "us", medians[0], medians[1], peer_spawn_name, AT_MOST(1.15), 0});
}

/* ---- the command ---- */

typedef struct subject {
    const char *name;
    const char *summary;
    void (*run)(bench *b);
} subject;

static const subject subjects[] = {
    {"lock", "acquire and release, nobody else", bench_lock},
    {"contended", "the same with 2, 4, 8 processes", bench_contended},
    {"semaphore", "hand-over between two processes, and waiting", bench_semaphore},
    {"waiting", "hand-over by events and by conditions", bench_waiting},
    {"readers", "two that read at once", bench_readers},
    {"queue", "messages through queues", bench_queue},
    {"pipe", "messages through pipes", bench_pipe},
    {"pool", "work for pools", bench_pool},
    {"dict", "dicts, and what a manager keeps", bench_dict},
    {"run", "run a program to its end", bench_run},
    {"create", "create and destroy locks, and what a million of them takes", bench_create},
    {"start", "start and join processes", bench_start},
};

#define SUBJECT_COUNT (sizeof subjects / sizeof subjects[0])

static int usage(FILE *stream, int status)
{
    fprintf(stream, "usage: kin-bench [--json] [--quick] [--only NAME]\n\n"
                    "  --json       one JSON document instead of a table\n"
                    "  --quick      short measurements: to see that it runs\n"
                    "  --only NAME  one of:\n");
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        fprintf(stream, "                 %-10s %s\n", subjects[i].name, subjects[i].summary);
    }
    fprintf(stream,
            "\nWhether a target is met is in its row; the exit status tells only whether it could be measured.\n");
    return status;
}

static int known_subject(const char *name)
{
    int found = 0;
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        found |= strcmp(subjects[i].name, name) == 0;
    }
    return found;
}

static void run_subjects(int json, int quick, const char *only)
{
    bench b = {.quick = quick, .rounds = quick ? 3 : 5, .span = quick ? KIN_MS(20) : KIN_MS(200), .all = 1};
    must(peer_pin(PEER_ANY_CPU), "pinning");
    report_open(&b.out, "bench", columns, sizeof columns / sizeof columns[0], json);
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        if (only == NULL || strcmp(subjects[i].name, only) == 0) {
            subjects[i].run(&b);
        }
    }
    report_close(&b.out, b.all);
}

static int command(int argc, char **argv)
{
    static const struct option known[] = {
        {"json", no_argument, NULL, 'j'},
        {"quick", no_argument, NULL, 'q'},
        {"only", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int json = 0;
    int quick = 0;
    const char *only = NULL;
    for (int option; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (option == 'j') {
            json = 1;
        } else if (option == 'q') {
            quick = 1;
        } else if (option == 'o' && known_subject(optarg)) {
            only = optarg;
        } else {
            return option == 'h' ? usage(stdout, EXIT_SUCCESS) : usage(stderr, EXIT_USAGE);
        }
    }
    if (optind != argc) {
        return usage(stderr, EXIT_USAGE);
    }
    run_subjects(json, quick, only);
    return EXIT_SUCCESS;
}

#define BENCH_ENTRY(name) {#name, name},
static const kin_entry entries[] = {BENCH_ENTRIES(BENCH_ENTRY)};

static const kin_function functions[] = {{"bench_square", bench_square}};

int main(int argc, char **argv)
{
    tool_check(kin_functions(functions, sizeof functions / sizeof functions[0]), "kin_functions");
    tool_check(kin_main(entries, sizeof entries / sizeof entries[0]), "kin_main");
    /* What is started to see what starting a program costs. */
    if (argc == 2 && strcmp(argv[1], "noop") == 0) {
        return EXIT_SUCCESS;
    }
    tool_path = argv[0];
    return command(argc, argv);
}
