/* beside.c: what a hand-over costs while hundreds of other threads sleep on objects of their own. */
#include "beside.h"
#include "bench.h"
#include "crowd.h"

#include <stdio.h>

#define SLEEPERS 1000
#define TRIPS_AT_ONCE 100

/* All of it are threads of this process, on one processor: each hand-over is a sleep and a wake-up. */
typedef struct room {
    const peer_sems *kind;
    unsigned char *places; /* OBJECT_MAX bytes for each pair of semaphores; the first is the players' */
    int sleepers;
    int64_t span;
    atomic_int ready, failed;
    int64_t trips, ns;
} room;

typedef struct guest {
    room *of;
    int number;
} guest;

static void *pair_of(const room *it, int number)
{
    return it->places + (size_t)number * OBJECT_MAX;
}

static void report_failure(room *it, int failed)
{
    if (failed) {
        atomic_store(&it->failed, 1);
    }
}

static void sleep_on(void *guest_)
{
    guest *it = guest_;
    const peer_sems *kind = it->of->kind;
    void *attached = kind->attach(pair_of(it->of, it->number));
    atomic_fetch_add(&it->of->ready, 1);
    report_failure(it->of, kind->take(attached, 0, PATIENCE));
    kind->detach(attached);
}

/* 0 asks, 1 answers. */
static void play(void *guest_)
{
    guest *it = guest_;
    room *of = it->of;
    const peer_sems *kind = of->kind;
    void *attached = kind->attach(pair_of(of, 0));
    int failed = 0;
    int64_t began = peer_now_ns();
    if (it->number == 1) {
        for (int64_t left = of->trips; left > 0 && !failed; left--) {
            failed = kind->take(attached, 0, PATIENCE) || kind->give(attached, 1);
        }
    } else {
        for (int64_t left = of->trips; left > 0 && !failed; left--) {
            failed = kind->give(attached, 0) || kind->take(attached, 1, PATIENCE);
        }
        of->ns = peer_now_ns() - began;
    }
    report_failure(of, failed);
    kind->detach(attached);
}

static void play_trips(room *it, int64_t trips)
{
    guest players[2] = {{it, 0}, {it, 1}};
    void *threads[2];
    it->trips = trips;
    for (int i = 0; i < 2; i++) {
        must(peer_thread_start(&threads[i], play, &players[i]), "thread");
    }
    for (int i = 0; i < 2; i++) {
        peer_thread_join(threads[i]);
    }
}

/* Until all have come and had the time to fall asleep. */
static void await_sleepers(room *it)
{
    while (atomic_load(&it->ready) < it->sleepers) {
        peer_yield();
    }
    play_trips(it, TRIPS_AT_ONCE);
}

static void wake_up(room *it)
{
    for (int i = 1; i <= it->sleepers; i++) {
        void *attached = it->kind->attach(pair_of(it, i));
        report_failure(it, attached == NULL || it->kind->give(attached, 0));
        it->kind->detach(attached);
    }
}

/* Microseconds for a round trip. */
static double trip_among(room *it)
{
    static void *threads[SLEEPERS];
    static guest guests[SLEEPERS];
    int failed = 0;
    for (int i = 0; i <= it->sleepers; i++) {
        failed |= it->kind->create(pair_of(it, i));
    }
    must(failed, it->kind->name);
    for (int i = 0; i < it->sleepers; i++) {
        guests[i] = (guest){it, i + 1};
        must(peer_thread_start(&threads[i], sleep_on, &guests[i]), "thread");
    }
    await_sleepers(it);
    int64_t trips = TRIPS_AT_ONCE;
    for (it->ns = 0; it->ns < it->span / 2; trips *= 2) { /* the last counts */
        play_trips(it, trips);
    }
    double us = (double)it->ns / 1e3 / (double)it->trips;
    wake_up(it);
    for (int i = 0; i < it->sleepers; i++) {
        peer_thread_join(threads[i]);
    }
    for (int i = 0; i <= it->sleepers; i++) {
        it->kind->destroy(pair_of(it, i));
    }
    must(atomic_load(&it->failed), it->kind->name);
    return us;
}

static int sleepers_now;

static double beside(const bench *b, int contender)
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_family *family = NULL;
    void *memory = NULL;
    options.max_threads = 2 * SLEEPERS;
    tool_check(kin_family_create(&family, &options), "kin_family_create");
    tool_check(kin_alloc(&memory, family, (size_t)(sleepers_now + 1) * OBJECT_MAX + LINE), "kin_alloc");
    room it = {
        .kind = sems_to_compare(contender), .places = peer_line_in(memory), .sleepers = sleepers_now, .span = b->span};
    double us = trip_among(&it);
    kin_free(memory);
    kin_family_close(family);
    return us;
}

void bench_beside(bench *b)
{
    static const int counts[] = {0, SLEEPERS};
    must(peer_pin(0), "pinning");
    for (int i = 0; i < 2; i++) {
        figure of[CONTENDERS_MAX];
        char name[64];
        bench few = *b;
        int count = 0;
        while (sems_to_compare(count) != NULL) {
            count++;
        }
        few.rounds = b->quick ? 1 : 3;
        sleepers_now = b->quick ? counts[i] / 10 : counts[i];
        measure(&few, beside, count, of);
        snprintf(name, sizeof name, "semaphore round trip beside %d sleepers", sleepers_now);
        for (int peer = 1; peer < count; peer++) {
            row(b, &(line){name, "us", of[0], of[peer], sems_to_compare(peer)->name, NO_TARGET, 0, 0});
        }
    }
    must(peer_pin(PEER_ANY_CPU), "pinning");
}
