/* asleep.c: the processor time of processes that wait for something that never happens. */
#include "bench.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define SLEEPERS 400
#define SLEEPERS_QUICK 40

enum { ON_LOCK, ON_BARRIER, ON_EVENT, ON_SEMAPHORE, ON_CONDITION, ON_QUEUE, KINDS };

static const char *const kind_names[KINDS] = {"lock", "barrier", "event", "semaphore", "condition", "queue"};

typedef struct bedroom {
    int sleepers;
    int64_t span;
    kin_sem gate, ready;
    kin_lock held, lock; /* held by the measuring process; the condition's */
    kin_barrier barrier;
    kin_event event;
    kin_sem sem;
    kin_cond cond;
    _Atomic int64_t spent[KINDS]; /* nanoseconds of processor time of all sleepers */
} bedroom;

static kin_status sleep_on(bedroom *it, kin_queue *queue, int kind, int64_t span)
{
    unsigned char message[8];
    size_t size;
    kin_status status;
    switch (kind) {
    case ON_LOCK:
        return kin_lock_acquire(&it->held, span);
    case ON_BARRIER:
        return kin_barrier_wait(&it->barrier, NULL, span);
    case ON_EVENT:
        return kin_event_wait(&it->event, span);
    case ON_SEMAPHORE:
        return kin_sem_acquire(&it->sem, 1, span);
    case ON_CONDITION:
        tool_check(kin_lock_acquire(&it->lock, PATIENCE), "kin_lock_acquire");
        status = kin_cond_wait(&it->cond, &it->lock, span);
        tool_check(kin_lock_release(&it->lock), "kin_lock_release");
        return status;
    default:
        return kin_queue_get(queue, message, sizeof message, &size, span);
    }
}

int bench_sleep(const kin_args *args)
{
    bedroom *it = tool_given(args, "bedroom", KIN_TYPE_MEMORY);
    kin_queue *queue = tool_given(args, "queue", KIN_TYPE_QUEUE);
    for (int kind = 0; kind < KINDS; kind++) {
        tool_check(kin_sem_release(&it->ready, 1), "ready");
        tool_check(kin_sem_acquire(&it->gate, 1, PATIENCE), "gate");
        int64_t before = peer_cpu_ns();
        kin_status status = sleep_on(it, queue, kind, it->span);
        must(status != KIN_E_TIMED_OUT && status != KIN_E_BROKEN, "sleeping");
        atomic_fetch_add(&it->spent[kind], peer_cpu_ns() - before);
    }
    return 0;
}

static void create(bedroom *it, const bench *b)
{
    memset(it, 0, sizeof *it);
    it->sleepers = b->quick ? SLEEPERS_QUICK : SLEEPERS;
    it->span = b->quick ? KIN_SECONDS(1) : KIN_SECONDS(5);
    tool_check(kin_sem_init(&it->gate, 0, 0), "kin_sem_init");
    tool_check(kin_sem_init(&it->ready, 0, 0), "kin_sem_init");
    tool_check(kin_sem_init(&it->sem, 0, 0), "kin_sem_init");
    tool_check(kin_lock_init(&it->held, 0), "kin_lock_init");
    tool_check(kin_lock_init(&it->lock, 0), "kin_lock_init");
    tool_check(kin_barrier_init(&it->barrier, (uint32_t)it->sleepers + 1), "kin_barrier_init");
    tool_check(kin_event_init(&it->event), "kin_event_init");
    tool_check(kin_cond_init(&it->cond), "kin_cond_init");
    tool_check(kin_lock_acquire(&it->held, KIN_NOW), "kin_lock_acquire");
}

/* The same processes wait for one kind of object after the other, each time until the time is up. Going to sleep and
 * waking up count, too. */
static void sleep_all(bedroom *it, kin_queue *queue, kin_family *family)
{
    static kin_process *processes[SLEEPERS];
    int failed = 0;
    for (int i = 0; i < it->sleepers; i++) {
        kin_args *args = NULL;
        tool_check(kin_args_create(&args, family), "kin_args_create");
        tool_check(kin_args_add_object(args, "bedroom", KIN_TYPE_MEMORY, it), "bedroom");
        tool_check(kin_args_add_object(args, "queue", KIN_TYPE_QUEUE, queue), "queue");
        processes[i] = start_with("bench_sleep", args);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        tool_check(kin_sem_acquire(&it->ready, (uint32_t)it->sleepers, 4 * PATIENCE), "ready");
        tool_check(kin_sem_release(&it->gate, (uint32_t)it->sleepers), "gate");
    }
    for (int i = 0; i < it->sleepers; i++) {
        failed += tool_finish(processes[i]);
    }
    must(failed, "sleeping");
}

void bench_asleep(bench *b)
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_family *family = NULL;
    bedroom *it = NULL;
    kin_queue *queue = NULL;
    options.max_members = options.max_threads = 2 * SLEEPERS;
    tool_check(kin_family_create(&family, &options), "kin_family_create");
    tool_check(kin_alloc((void **)&it, family, sizeof *it), "kin_alloc");
    tool_check(kin_queue_create(&queue, family, NULL), "kin_queue_create");
    create(it, b);
    sleep_all(it, queue, family);
    for (int kind = 0; kind < KINDS; kind++) {
        char name[64];
        double percent = 100.0 * (double)atomic_load(&it->spent[kind]) / (double)it->span;
        snprintf(name, sizeof name, "%d asleep: %s", it->sleepers, kind_names[kind]);
        row(b, &(line){name, "% of a CPU", just(percent), just(NAN), NULL, AT_MOST(1), 1, 0});
    }
    tool_check(kin_lock_release(&it->held), "kin_lock_release");
    tool_check(kin_queue_destroy(queue), "kin_queue_destroy");
    tool_check(kin_free(it), "kin_free");
    kin_family_close(family);
}
