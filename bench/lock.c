/* lock.c: kin's lock beside the system's, alone and contended. */
#include "bench.h"

#include <stdio.h>

/* ---- contenders: kin's lock, then the system's ---- */

static int kin_create(void *memory)
{
    return kin_lock_init(memory, 0) != KIN_OK;
}

static void kin_destroy(void *memory)
{
    kin_lock_fini(memory);
}

PEER_LOCK_LOOPS(kin, kin_lock, kin_lock_acquire(lock, KIN_FOREVER), kin_lock_release(lock))

static const peer_lock kin_contender = {.name = "kin_lock",
                                        .create = kin_create,
                                        .destroy = kin_destroy,
                                        .attach = peer_same,
                                        .detach = peer_nothing,
                                        .alone = kin_alone,
                                        .contend = kin_contend};

const peer_lock *lock_at(int contender)
{
    int peer = contender - 1, first = (int)peer_lock_count;
    return contender == 0 ? &kin_contender : peer < first ? &peer_locks[peer] : peer_more_locks[peer - first];
}

int lock_count(void)
{
    int count = 1;
    while (lock_at(count) != NULL) {
        count++;
    }
    return count;
}

/* ---- a lock alone ---- */

static double lock_alone(const bench *b, int contender)
{
    const peer_lock *it = lock_at(contender);
    void *memory = board_create();
    void *object = board_in(memory)->object;
    must(it->create(object), it->name);
    void *attached = it->attach(object);
    must(attached == NULL, it->name);
    int64_t errors = 0;
    int64_t ns = 0;
    int64_t pairs = 500;
    while (ns < b->span / 4) { /* the last run counts: the others find out how many pairs take that long */
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

void bench_lock(bench *b)
{
    figure of[CONTENDERS_MAX];
    must(peer_pin(0), "pinning");
    measure(b, lock_alone, lock_count(), of);
    must(peer_pin(PEER_ANY_CPU), "pinning");
    for (int i = 1; i < lock_count(); i++) {
        peer_target target = lock_at(i)->alone_target;
        row(b, &(line){"lock, nobody else, pinned", "ns/pair", of[0], of[i], lock_at(i)->name,
                       target.bound > 0 ? target : NO_TARGET, 0, 0});
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
    const peer_lock *lock = lock_at(it.contender);
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
    const peer_lock *lock = lock_at(contender);
    kin_process *processes[WORKERS_MAX];
    kin_sem *never;
    void *memory = board_create();
    board *shared = board_in(memory);
    tool_check(kin_sem_create(&never, NULL, 0, 0), "kin_sem_create");
    must(lock->create(shared->object), lock->name);
    for (int i = 0; i < workers; i++) {
        processes[i] = start_worker("bench_contend", memory,
                                    &(plan){.contender = contender, .cpu = i, .index = i, .apart = apart});
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

/* ---- rows ---- */

static struct {
    int workers;
    unsigned apart;
    double shares[CONTENDERS_MAX][ROUNDS_MAX];
    int rounds[CONTENDERS_MAX];
} now; /* what is measured */

static double contended_rate(const bench *b, int contender)
{
    if (lock_at(contender)->one_process) {
        return NAN;
    }
    contention one = contend(b, contender, now.workers, now.apart);
    now.shares[contender][now.rounds[contender]++] = one.share;
    return one.rate;
}

static void contended_rows(bench *b, const figure *of)
{
    for (int i = 1; i < lock_count(); i++) {
        const peer_lock *peer = lock_at(i);
        char name[64];
        if (absent(of[i].median)) {
            continue;
        }
        snprintf(name, sizeof name, "lock, %d processes, pinned, work apart", now.workers);
        row(b, &(line){name, "M pairs/s", of[0], of[i], peer->name,
                       peer->contended_processes == now.workers ? peer->contended_target : NO_TARGET, 0, now.workers});
        snprintf(name, sizeof name, "  the slowest of %d processes: its share", now.workers);
        row(b, &(line){name, "of the mean", just(median(now.shares[0], now.rounds[0])),
                       just(median(now.shares[i], now.rounds[i])), peer->name, NO_TARGET, 0, now.workers});
    }
}

void bench_contended(bench *b)
{
    static const int workers[] = {1, 2, 4, 8};
    figure two = just(NAN);
    now.apart = work_apart();
    for (size_t i = 0; i < sizeof workers / sizeof workers[0]; i++) {
        figure of[CONTENDERS_MAX];
        now.workers = workers[i];
        if (b->quick && now.workers != 2 && now.workers != 4) {
            continue; /* those that have a target */
        }
        for (int contender = 0; contender < lock_count(); contender++) {
            now.rounds[contender] = 0;
        }
        measure(b, contended_rate, lock_count(), of);
        contended_rows(b, of);
        two = workers[i] == 2 ? of[0] : two;
        if (workers[i] > 2) {
            char name[64];
            snprintf(name, sizeof name, "  the same, %d against 2 processes", workers[i]);
            row(b, &(line){name, "M pairs/s", of[0], two, "kin_lock, 2 processes", AT_LEAST(0.8), 0, 0});
        }
    }
}
