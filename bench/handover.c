/* handover.c: round trips between two processes by semaphores, events and conditions; and what waiting costs. */
#include "beside.h"
#include "bench.h"

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
    "kin_sem", kin_sems_create, kin_sems_destroy, peer_same, peer_nothing, kin_sems_give, kin_sems_take,
};
static const peer_sems spin_sems = {
    "spinning on shared flags", spin_create, peer_nothing, peer_same, peer_nothing, spin_give, spin_take,
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

/* A flag under a lock, and the condition that it is set. */
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
    "kin_event", events_create, events_destroy, peer_same, peer_nothing, events_give, events_take,
};
static const peer_sems kin_conds = {
    "kin_cond", conds_create, conds_destroy, peer_same, peer_nothing, conds_give, conds_take,
};

enum { SEMS_KIN, SEMS_NATIVE, SEMS_SPIN, SEMS_EVENT, SEMS_COND, SEMS_KNOWN };

/* The contenders after those: each list of the system's. */
enum { MORE_SEMS, EVENTS, CONDS, LISTS };

static const peer_sems *const *const lists[LISTS] = {peer_more_sems, peer_events, peer_conds};

static int length(const peer_sems *const *list)
{
    int count = 0;
    while (list[count] != NULL) {
        count++;
    }
    return count;
}

/* The number of the list's first contender; LISTS: that of all of them. */
static int first_of(int list)
{
    int number = SEMS_KNOWN;
    for (int before = 0; before < list; before++) {
        number += length(lists[before]);
    }
    return number;
}

static const peer_sems *sems_at(int contender)
{
    static const peer_sems *const known[SEMS_KNOWN] = {&kin_sems, &peer_native_sems, &spin_sems, &kin_events,
                                                       &kin_conds};
    int list = MORE_SEMS;
    if (contender < SEMS_KNOWN) {
        return known[contender];
    }
    while (contender >= first_of(list + 1)) {
        list++;
    }
    return lists[list][contender - first_of(list)];
}

/* Without the events and conditions. */
static int sems_count(void)
{
    return first_of(EVENTS);
}

const peer_sems *sems_to_compare(int contender)
{
    int known = contender == 0 ? SEMS_KIN : contender == 1 ? SEMS_NATIVE : SEMS_KNOWN + contender - 2;
    return known < sems_count() ? sems_at(known) : NULL;
}

#define TRIPS_AT_ONCE 100

/* In a worker: the pair that its plan names. */
static const peer_sems *begin_pair(const kin_args *args, plan *it, board **shared, void **attached)
{
    *shared = begin_worker(args, it);
    const peer_sems *pair = sems_at(it->contender);
    *attached = pair->attach((*shared)->object);
    must(*attached == NULL, pair->name);
    return pair;
}

/* Round trips until the time is up; then wakes the other to its end. */
int bench_ping(const kin_args *args)
{
    plan it;
    board *shared;
    void *attached;
    const peer_sems *pair = begin_pair(args, &it, &shared, &attached);
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
    board *shared;
    void *attached;
    const peer_sems *pair = begin_pair(args, &it, &shared, &attached);
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
    const peer_sems *pair = sems_at(contender);
    void *memory = board_create();
    board *shared = board_in(memory);
    must(pair->create(shared->object), pair->name);
    kin_process *pong = start_worker("bench_pong", memory,
                                     &(plan){.contender = contender, .cpu = other_cpu, .index = 1, .span = b->span});
    kin_process *ping = start_worker("bench_ping", memory, &(plan){.contender = contender, .span = b->span});
    open_gate(shared, 2);
    must(tool_finish(ping) + tool_finish(pong), pair->name);
    double us = (double)shared->results[0].ns / 1e3 / (double)shared->results[0].done;
    pair->destroy(shared->object);
    board_destroy(memory);
    return us;
}

/* Waits for a permit that never comes, and stores the processor time that it took. */
int bench_wait(const kin_args *args)
{
    plan it;
    board *shared;
    void *attached;
    const peer_sems *pair = begin_pair(args, &it, &shared, &attached);
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
    const peer_sems *pair = sems_at(contender);
    void *memory = board_create();
    board *shared = board_in(memory);
    int64_t span = b->quick ? KIN_MS(300) : KIN_SECONDS(2);
    must(pair->create(shared->object), pair->name);
    kin_process *process =
        start_worker("bench_wait", memory, &(plan){.contender = contender, .cpu = PEER_ANY_CPU, .span = span});
    must(tool_finish(process), pair->name);
    double percent = (double)shared->results[0].done * 100 / (double)shared->results[0].ns;
    pair->destroy(shared->object);
    board_destroy(memory);
    return percent;
}

/* ---- rows ---- */

/* Contenders of the measurements below: the semaphore, the event, the condition; the system's events and conditions. */
enum { OBJECT_SEM, OBJECT_EVENT, OBJECT_COND, OBJECTS };

static double trip_of(const bench *b, int contender, int other_cpu)
{
    static const int which[OBJECTS] = {SEMS_KIN, SEMS_EVENT, SEMS_COND};
    return round_trip(b, contender < OBJECTS ? which[contender] : first_of(EVENTS) + contender - OBJECTS, other_cpu);
}

static double objects_apart(const bench *b, int contender)
{
    return trip_of(b, contender, 1);
}

static double objects_together(const bench *b, int contender)
{
    return trip_of(b, contender, 0);
}

/* kin's object beside kin's semaphore, and beside the system's objects of that list. */
static void object_rows(bench *b, const char *what, const figure *of, int object, int list)
{
    row(b, &(line){what, "us", of[object], of[OBJECT_SEM], "kin_sem", AT_MOST(2), 0, 0});
    for (int i = first_of(list); i < first_of(list + 1); i++) {
        row(b, &(line){what, "us", of[object], of[OBJECTS + i - first_of(EVENTS)], sems_at(i)->name, NO_TARGET, 0, 0});
    }
}

void bench_waiting(bench *b)
{
    figure of[CONTENDERS_MAX];
    int count = OBJECTS + first_of(LISTS) - first_of(EVENTS);
    if (peer_cpu_count() >= 2) {
        measure(b, objects_apart, count, of);
        object_rows(b, "event round trip, 2 CPUs, pinned", of, OBJECT_EVENT, EVENTS);
        object_rows(b, "condition round trip, 2 CPUs, pinned", of, OBJECT_COND, CONDS);
    }
    measure(b, objects_together, count, of);
    object_rows(b, "event round trip, 1 CPU, pinned", of, OBJECT_EVENT, EVENTS);
    object_rows(b, "condition round trip, 1 CPU, pinned", of, OBJECT_COND, CONDS);
}

/* Events and conditions have their rows elsewhere. Spinning is a limit on two processors only. */
static double sems_apart(const bench *b, int contender)
{
    return contender == SEMS_EVENT || contender == SEMS_COND ? (double)NAN : round_trip(b, contender, 1);
}

static double sems_together(const bench *b, int contender)
{
    return contender == SEMS_SPIN || contender == SEMS_EVENT || contender == SEMS_COND ? (double)NAN
                                                                                       : round_trip(b, contender, 0);
}

static void sems_rows(bench *b, const char *name, const figure *of, int judged, peer_target target)
{
    for (int i = SEMS_NATIVE; i < sems_count(); i++) {
        if (!absent(of[i].median)) {
            row(b, &(line){name, "us", of[SEMS_KIN], of[i], sems_at(i)->name, i == judged ? target : NO_TARGET, 0, 0});
        }
    }
}

void bench_semaphore(bench *b)
{
    figure of[CONTENDERS_MAX];
    if (peer_cpu_count() >= 2) {
        measure(b, sems_apart, sems_count(), of);
        sems_rows(b, "semaphore round trip, 2 CPUs, pinned", of, SEMS_SPIN, AT_MOST(2));
    }
    measure(b, sems_together, sems_count(), of);
    sems_rows(b, "semaphore round trip, 1 CPU, pinned", of, SEMS_NATIVE, AT_MOST(1.2));
    bench once = *b;
    once.rounds = 1;
    measure(&once, wait_alone, 2, of);
    row(b, &(line){"a waiter left alone", "% of a CPU", of[SEMS_KIN], of[SEMS_NATIVE], peer_native_sems.name,
                   AT_MOST(0.1), 1, 0});
}
