/* rwlock.c: readers-writer locks: alone, and readers who read at once. */
#include "bench.h"

/* ---- alone ---- */

enum { READ, WRITE, ALTERNATE, USES };

static int use; /* what is measured */

static int kin_create(void *memory)
{
    return kin_rwlock_init(memory) != KIN_OK;
}

static void kin_destroy(void *memory)
{
    kin_rwlock_fini(memory);
}

static int kin_acquire(void *memory, int writing)
{
    return kin_rwlock_acquire(memory, writing ? KIN_RWLOCK_WRITE : KIN_RWLOCK_READ, KIN_FOREVER);
}

static int kin_release(void *memory)
{
    return kin_rwlock_release(memory);
}

static const peer_rwlock kin_contender = {"kin_rwlock", kin_create, kin_destroy, kin_acquire, kin_release};

/* Nanoseconds for a pair. */
static double alone(const bench *b, int contender)
{
    const peer_rwlock *it = contender == 0 ? &kin_contender : &peer_native_rwlock;
    void *memory = NULL;
    int64_t ns = 0, pairs = 0;
    int failed = 0;
    tool_check(kin_alloc(&memory, NULL, 1024), "kin_alloc");
    must(it->create(memory), it->name);
    for (int64_t began = peer_now_ns(); ns < b->span / 2 && !failed; ns = peer_now_ns() - began) {
        for (int i = 0; i < 1000; i++, pairs++) {
            failed |= it->acquire(memory, use == WRITE || (use == ALTERNATE && i % 2));
            failed |= it->release(memory);
        }
    }
    must(failed, it->name);
    it->destroy(memory);
    kin_free(memory);
    return (double)ns / (double)pairs;
}

void bench_rwlock(bench *b)
{
    static const char *const names[USES] = {"rwlock, nobody else, reading", "rwlock, nobody else, writing",
                                            "rwlock, nobody else, in turns"};
    must(peer_pin(0), "pinning");
    for (use = READ; use < USES; use++) {
        figure of[CONTENDERS_MAX];
        of[1] = just(NAN);
        measure(b, alone, peer_native_rwlock.name ? 2 : 1, of);
        row(b, &(line){names[use], "ns/pair", of[0], of[1], peer_native_rwlock.name, NO_TARGET, 0, 0});
    }
    must(peer_pin(PEER_ANY_CPU), "pinning");
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
        failed |= it.contender == 0 ? kin_rwlock_acquire(&objects->rwlock, KIN_RWLOCK_READ, PATIENCE) != KIN_OK
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
        kin_args *args = worker_args(memory, &(plan){.contender = contender, .cpu = i, .index = i, .span = b->span});
        tool_check(kin_args_add_object(args, "shelf", KIN_TYPE_MEMORY, objects), "shelf");
        workers[i] = start_with("bench_read", args);
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

void bench_readers(bench *b)
{
    figure medians[CONTENDERS_MAX];
    if (peer_cpu_count() < 2) {
        return;
    }
    measure(b, read_rate, 2, medians);
    row(b,
        &(line){"2 readers, 2 CPUs, 1 us each", "k reads/s", medians[0], medians[1], "kin_lock", AT_LEAST(1.5), 0, 0});
}
