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

static int kin_release(void *memory, int writing)
{
    (void)writing;
    return kin_rwlock_release(memory);
}

static const peer_rwlock kin_contender = {"kin_rwlock", kin_create, kin_destroy, kin_acquire, kin_release, 0};

/* 0: kin's. */
static const peer_rwlock *rwlock_at(int contender)
{
    return contender == 0 ? &kin_contender : peer_rwlocks[contender - 1];
}

static int rwlock_count(void)
{
    int count = 1;
    while (rwlock_at(count) != NULL) {
        count++;
    }
    return count;
}

/* Nanoseconds for a pair. */
static double alone(const bench *b, int contender)
{
    const peer_rwlock *it = rwlock_at(contender);
    void *memory = NULL;
    int64_t ns = 0, pairs = 0;
    int failed = 0;
    tool_check(kin_alloc(&memory, NULL, 1024), "kin_alloc");
    must(it->create(memory), it->name);
    for (int64_t began = peer_now_ns(); ns < b->span / 2 && !failed; ns = peer_now_ns() - began) {
        for (int i = 0; i < 1000; i++, pairs++) {
            int writing = use == WRITE || (use == ALTERNATE && i % 2);
            failed |= it->acquire(memory, writing);
            failed |= it->release(memory, writing);
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
        measure(b, alone, rwlock_count(), of);
        for (int i = 1; i < rwlock_count(); i++) {
            row(b, &(line){names[use], "ns/pair", of[0], of[i], rwlock_at(i)->name, NO_TARGET, 0, 0});
        }
    }
    must(peer_pin(PEER_ANY_CPU), "pinning");
}

/* ---- readers ---- */

#define READING_NS 1000

/* The last contender is kin's lock, which lets one of them in. */
static int enter(void *object, int contender)
{
    return contender < rwlock_count() ? rwlock_at(contender)->acquire(object, 0)
                                      : kin_lock_acquire(object, PATIENCE) != KIN_OK;
}

static int leave(void *object, int contender)
{
    return contender < rwlock_count() ? rwlock_at(contender)->release(object, 0) : kin_lock_release(object) != KIN_OK;
}

/* Reads, a microsecond each time, until the time is up. */
int bench_read(const kin_args *args)
{
    plan it;
    board *shared = begin_worker(args, &it);
    void *object = peer_line_in(tool_given(args, "shelf", KIN_TYPE_MEMORY));
    pass_gate(shared);
    int failed = 0;
    int64_t reads = 0, began = peer_now_ns(), now = began;
    for (; now - began < it.span && !failed; reads++) {
        failed |= enter(object, it.contender);
        int64_t entered = peer_now_ns();
        for (now = entered; now - entered < READING_NS; now = peer_now_ns()) {
        }
        failed |= leave(object, it.contender);
    }
    shared->results[it.index] = (worker_result){reads, now - began};
    return failed;
}

/* Thousands of reads in a second, of two processes. */
static double read_rate(const bench *b, int contender)
{
    void *memory = board_create();
    void *shelf = NULL;
    board *shared = board_in(memory);
    kin_process *workers[2];
    double rate = 0;
    int of_lock = contender == rwlock_count();
    if (!of_lock && rwlock_at(contender)->one_process) {
        board_destroy(memory);
        return NAN;
    }
    tool_check(kin_alloc(&shelf, NULL, 1024 + LINE), "kin_alloc");
    void *object = peer_line_in(shelf);
    must(of_lock ? kin_lock_init(object, 0) != KIN_OK : rwlock_at(contender)->create(object), "a lock");
    for (int i = 0; i < 2; i++) {
        kin_args *args = worker_args(memory, &(plan){.contender = contender, .cpu = i, .index = i, .span = b->span});
        tool_check(kin_args_add_object(args, "shelf", KIN_TYPE_MEMORY, shelf), "shelf");
        workers[i] = start_with("bench_read", args);
    }
    open_gate(shared, 2);
    for (int i = 0; i < 2; i++) {
        must(tool_finish(workers[i]), "reading");
        rate += (double)shared->results[i].done * 1e6 / (double)shared->results[i].ns;
    }
    kin_free(shelf);
    board_destroy(memory);
    return rate;
}

void bench_readers(bench *b)
{
    static const char what[] = "2 readers, 2 CPUs, 1 us each";
    figure of[CONTENDERS_MAX];
    if (peer_cpu_count() < 2) {
        return;
    }
    measure(b, read_rate, rwlock_count() + 1, of);
    row(b, &(line){what, "k reads/s", of[0], of[rwlock_count()], "kin_lock", AT_LEAST(1.5), 0, 0});
    for (int i = 1; i < rwlock_count(); i++) {
        if (!absent(of[i].median)) {
            row(b, &(line){what, "k reads/s", of[0], of[i], rwlock_at(i)->name, NO_TARGET, 0, 0});
        }
    }
}
