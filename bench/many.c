/* many.c: what it takes to wake many: a round of a barrier, a notify of all that wait for a condition. */
#include "bench.h"
#include "crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 1000
#define WARM_UP 5
#define PEER_MAX 512

enum { BARRIER, CONDITION };
enum { DRIVER, OTHERS }; /* which condition */

typedef struct crowd {
    int kind, count, rounds;
    int peer; /* 0: kin; else which of peer_crowds, from 1 */
    int64_t began, ended;
    int waiting, generation; /* under the lock */
    kin_barrier barrier;
    kin_lock lock;
    kin_cond conds[2];
    _Alignas(LINE) unsigned char native[PEER_MAX];
} crowd;

typedef struct member {
    crowd *of;
    int index;
} member;

/* ---- kin's, or the system's ---- */

static const peer_crowd *peer_of(const crowd *it)
{
    return peer_crowds[it->peer - 1];
}

static void pass(crowd *it)
{
    must(it->peer ? peer_of(it)->pass(it->native) : kin_barrier_wait(&it->barrier, NULL, PATIENCE) != KIN_OK,
         "barrier");
}

static void lock(crowd *it)
{
    must(it->peer ? peer_of(it)->lock(it->native) : kin_lock_acquire(&it->lock, PATIENCE) != KIN_OK, "lock");
}

static void unlock(crowd *it)
{
    must(it->peer ? peer_of(it)->unlock(it->native) : kin_lock_release(&it->lock) != KIN_OK, "unlock");
}

static void wait_for(crowd *it, int which)
{
    must(it->peer ? peer_of(it)->wait(it->native, which)
                  : kin_cond_wait(&it->conds[which], &it->lock, PATIENCE) != KIN_OK,
         "wait");
}

static void wake_all(crowd *it, int which)
{
    must(it->peer ? peer_of(it)->wake_all(it->native, which)
                  : kin_cond_notify(&it->conds[which], KIN_COND_ALL) != KIN_OK,
         "notify");
}

/* ---- rounds ---- */

static void go_round(crowd *it, int index)
{
    for (int i = 0; i < WARM_UP + it->rounds; i++) {
        if (index == 0 && i == WARM_UP) {
            it->began = peer_now_ns();
        }
        pass(it);
    }
    if (index == 0) {
        it->ended = peer_now_ns();
    }
    pass(it);
}

/* Wakes all that wait, when all do; the time of a round is until they wait again. */
static void drive(crowd *it)
{
    for (int i = 0; i <= WARM_UP + it->rounds; i++) {
        lock(it);
        while (it->waiting < it->count - 1) {
            wait_for(it, DRIVER);
        }
        if (i == WARM_UP) {
            it->began = peer_now_ns();
        }
        it->ended = peer_now_ns();
        it->waiting = 0;
        it->generation++;
        wake_all(it, OTHERS);
        unlock(it);
    }
}

static void be_driven(crowd *it)
{
    for (int i = 0; i <= WARM_UP + it->rounds; i++) {
        lock(it);
        int generation = it->generation;
        if (++it->waiting == it->count - 1) {
            wake_all(it, DRIVER);
        }
        while (it->generation == generation) {
            wait_for(it, OTHERS);
        }
        unlock(it);
    }
}

static void take_part(void *member_)
{
    member *it = member_;
    if (it->of->kind == BARRIER) {
        go_round(it->of, it->index);
    } else if (it->index == 0) {
        drive(it->of);
    } else {
        be_driven(it->of);
    }
}

int bench_take_part(const kin_args *args)
{
    const void *index = NULL;
    size_t size = 0;
    member it = {.of = NULL};
    tool_check(kin_args_get_bytes(&index, &size, args, "index"), "index");
    memcpy(&it.index, index, sizeof it.index);
    it.of = peer_line_in(tool_given(args, "crowd", KIN_TYPE_MEMORY));
    take_part(&it);
    return 0;
}

/* ---- one measurement ---- */

typedef struct run {
    int kind, processes, count;
} run;

static run now; /* what is measured */

static void run_threads(crowd *it)
{
    static void *threads[MOST];
    static member members[MOST];
    for (int i = 0; i < it->count; i++) {
        members[i] = (member){it, i};
        must(peer_thread_start(&threads[i], take_part, &members[i]), "thread");
    }
    for (int i = 0; i < it->count; i++) {
        peer_thread_join(threads[i]);
    }
}

static void run_processes(kin_family *family, crowd *it, void *memory)
{
    static kin_process *processes[MOST];
    int failed = 0;
    for (int i = 0; i < it->count; i++) {
        kin_args *args = NULL;
        tool_check(kin_args_create(&args, family), "kin_args_create");
        tool_check(kin_args_add_object(args, "crowd", KIN_TYPE_MEMORY, memory), "crowd");
        tool_check(kin_args_add_bytes(args, "index", &i, sizeof i), "index");
        processes[i] = start_with("bench_take_part", args);
    }
    for (int i = 0; i < it->count; i++) {
        failed += tool_finish(processes[i]);
    }
    must(failed, "taking part");
}

static void create(crowd *it)
{
    tool_check(kin_barrier_init(&it->barrier, (uint32_t)it->count), "kin_barrier_init");
    tool_check(kin_lock_init(&it->lock, 0), "kin_lock_init");
    tool_check(kin_cond_init(&it->conds[0]), "kin_cond_init");
    tool_check(kin_cond_init(&it->conds[1]), "kin_cond_init");
    must(it->peer && (peer_of(it)->size > PEER_MAX || peer_of(it)->create(it->native, it->count)), "peer");
}

static const char *name_of(int contender)
{
    const peer_crowd *it = peer_crowds[contender - 1];
    return now.kind == BARRIER ? it->barrier_name : it->cond_name;
}

/* Microseconds for one of them and one round. */
static double wake_many(const bench *b, int contender)
{
    if (contender > 0 && name_of(contender) == NULL) {
        return NAN;
    }
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_family *family = NULL;
    void *memory = NULL;
    options.max_members = options.max_threads = 2 * MOST;
    tool_check(kin_family_create(&family, &options), "kin_family_create");
    tool_check(kin_alloc(&memory, family, sizeof(crowd) + LINE), "kin_alloc");
    crowd *it = peer_line_in(memory);
    *it = (crowd){.kind = now.kind, .peer = contender, .count = now.count};
    it->rounds = (b->quick ? 1000 : 20000) / now.count;
    create(it);
    if (now.processes) {
        run_processes(family, it, memory);
    } else {
        run_threads(it);
    }
    double us = (double)(it->ended - it->began) / 1e3 / it->rounds / it->count;
    if (it->peer) {
        peer_of(it)->destroy(it->native);
    }
    tool_check(kin_free(memory), "kin_free");
    kin_family_close(family);
    return us;
}

static void compare(bench *b, const char *what)
{
    figure of[CONTENDERS_MAX];
    int peers = 0, rows = 0;
    while (peer_crowds[peers] != NULL) {
        peers++;
    }
    bench few = *b; /* of the largest ones: each takes seconds */
    few.rounds = b->rounds > 3 && now.count == MOST ? 3 : b->rounds;
    measure(&few, wake_many, peers + 1, of);
    for (int i = 1; i <= peers; i++) {
        if (!absent(of[i].median)) {
            rows++;
            row(b, &(line){what, "us/each", of[0], of[i], name_of(i), AT_MOST(2), 0, 0});
        }
    }
    if (rows == 0) {
        row(b, &(line){what, "us/each", of[0], just(NAN), NULL, NO_TARGET, 0, 0});
    }
}

void bench_many(bench *b)
{
    static const int counts[] = {16, 64, 256, MOST};
    static const char *const kinds[] = {"barrier", "notify all"}, *const whose[] = {"threads", "processes"};
    for (int i = 0; i < 16; i++) {
        char name[64];
        now = (run){i / 8, i / 4 % 2, counts[i % 4]};
        if (b->quick && now.count > 64) {
            continue;
        }
        snprintf(name, sizeof name, "%s, %d %s", kinds[now.kind], now.count, whose[now.processes]);
        compare(b, name);
    }
}
