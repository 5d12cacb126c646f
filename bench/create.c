/* create.c: objects made and removed, and what a million of them takes. */
#include "queues.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- locks ---- */

static int lock_once(void)
{
    kin_lock *lock = NULL;
    return kin_lock_create(&lock, NULL, 0) != KIN_OK || kin_lock_destroy(lock) != KIN_OK;
}

static double make_one(const bench *b, int contender)
{
    double ns = contender == 0 ? repeat(b, lock_once, 1000, "kin_lock_create")
                               : repeat(b, peer_named_once, 10, peer_named_name);
    return 1e3 / ns;
}

/* ---- locks and queues as they are compared: locks in memory that is there, if they can lie there ---- */

static const peer_lock *lock_now;
static const peer_queue *queue_now;
static void *place;

static int make_lock_once(void)
{
    int failed = lock_now->create(place);
    lock_now->destroy(place);
    return failed;
}

static int make_queue_once(void)
{
    int failed = queue_now->create(place, 64);
    queue_now->destroy(place);
    return failed;
}

static double make_lock(const bench *b, int contender)
{
    lock_now = lock_at(contender);
    return repeat(b, make_lock_once, 10, lock_now->name) / 1e3;
}

static double make_queue(const bench *b, int contender)
{
    queue_now = queue_at(contender);
    return contender == QUEUES_IN_PLACE || queue_now->late ? (double)NAN
                                                           : repeat(b, make_queue_once, 10, queue_now->name) / 1e3;
}

static void make_each(bench *b)
{
    figure of[CONTENDERS_MAX];
    place = queue_memory();
    measure(b, make_lock, lock_count(), of);
    for (int i = 1; i < lock_count(); i++) {
        row(b, &(line){"initialise and end a lock", "us", of[0], of[i], lock_at(i)->name, NO_TARGET, 0, 0});
    }
    measure(b, make_queue, queue_count(), of);
    for (int i = QUEUES_SPINNING; i < queue_count(); i++) {
        if (!absent(of[i].median)) {
            row(b, &(line){"create and destroy a queue", "us", of[0], of[i], queue_at(i)->name, NO_TARGET, 0, 0});
        }
    }
    kin_free(place);
}

/* ---- many ---- */

#define SOME 1000

/* Descriptors and names for each of so many locks. */
static double things_of(const peer_lock *it)
{
    char *places = calloc(SOME, OBJECT_MAX);
    must(places == NULL, "memory");
    int64_t things = peer_handle_count() + peer_name_count();
    int made = 0;
    while (made < SOME && it->create(places + (size_t)made * OBJECT_MAX) == 0) {
        made++;
    }
    things = peer_handle_count() + peer_name_count() - things;
    for (int i = 0; i < made; i++) {
        it->destroy(places + (size_t)i * OBJECT_MAX);
    }
    free(places);
    return made == SOME ? (double)things / SOME : (double)NAN;
}

static uint64_t committed(kin_family *family)
{
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    tool_check(kin_family_inspect(family, &info), "kin_family_inspect");
    return info.committed;
}

/* What so many locks take. */
static double make_many(bench *b, int count, const char *number)
{
    kin_family *family;
    kin_lock *lock;
    char name[64];
    tool_check(kin_family_create(&family, NULL), "kin_family_create");
    tool_check(kin_lock_create(&lock, family, 0), "kin_lock_create");
    int64_t things = peer_handle_count() + peer_name_count();
    for (int i = 1; i < count; i++) {
        tool_check(kin_lock_create(&lock, family, 0), "kin_lock_create");
    }
    things = peer_handle_count() + peer_name_count() - things;
    snprintf(name, sizeof name, "%s: memory", number);
    row(b, &(line){name, "MiB", just((double)committed(family) / 1048576), just(NAN), NULL, AT_MOST(64), 1, 0});
    snprintf(name, sizeof name, "%s: descriptors and names", number);
    row(b, &(line){name, "more", just((double)things), just(NAN), NULL, AT_MOST(0), 1, 0});
    kin_family_close(family);
    return (double)things / count;
}

static void make_more(bench *b)
{
    make_many(b, 1, "1 lock, with its family");
    make_many(b, 10000, "10 000 locks");
    double kins = make_many(b, 1000000, "1 000 000 locks");
    for (int i = 1; i < lock_count(); i++) {
        double each = lock_at(i)->only_one ? (double)NAN : things_of(lock_at(i));
        if (!absent(each)) {
            row(b, &(line){"a lock: descriptors, names in /dev/shm", "each", just(kins), just(each), lock_at(i)->name,
                           NO_TARGET, 0, 0});
        }
    }
}

void bench_create(bench *b)
{
    figure medians[CONTENDERS_MAX];
    measure(b, make_one, 2, medians);
    row(b, &(line){"create and destroy a lock", "M/s", medians[0], medians[1], peer_named_name, AT_LEAST(5), 1, 0});
    make_each(b);
    make_more(b);
}
