/* start.c: children started and joined, programs run. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

int bench_nothing(const kin_args *args)
{
    (void)args;
    return 0;
}

static int start_once(kin_start_method method)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    options.method = method;
    kin_process *process = NULL;
    tool_check(kin_process_start(&process, "bench_nothing", NULL, &options), "kin_process_start");
    return tool_finish(process);
}

static int kin_fork_once(void)
{
    return start_once(KIN_START_FORK);
}

static int kin_spawn_once(void)
{
    return start_once(KIN_START_SPAWN);
}

static int raw_fork_once(void)
{
    return peer_fork_many(1);
}

static double fork_one(const bench *b, int contender)
{
    return repeat(b, contender == 0 ? kin_fork_once : raw_fork_once, 1, "fork") / 1e3;
}

/* ---- many at a time ---- */

#define CHILDREN_MAX 2000
#define MANY_CHILDREN 100 /* from here on one round: it takes long enough */

enum { BY_FORK, BY_RAW_FORK, BY_SPAWN, BY_SERVER, WAYS };

static int children_now;
static kin_family *nursery; /* with room for all of them */

static void start_all(kin_start_method method)
{
    static kin_process *children[CHILDREN_MAX];
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_args *args = NULL;
    options.method = method;
    tool_check(kin_args_create(&args, nursery), "kin_args_create");
    for (int i = 0; i < children_now; i++) {
        tool_check(kin_process_start(&children[i], "bench_nothing", args, &options), "kin_process_start");
    }
    for (int i = 0; i < children_now; i++) {
        must(tool_finish(children[i]), "a child");
    }
    kin_args_destroy(args);
}

/* Microseconds for each of so many children that live at the same time: all started, then all joined. */
static double start_many(const bench *b, int way)
{
    static const kin_start_method methods[WAYS] = {
        [BY_FORK] = KIN_START_FORK, [BY_SPAWN] = KIN_START_SPAWN, [BY_SERVER] = KIN_START_FORKSERVER};
    int64_t began = peer_now_ns(), rounds = 0;
    do {
        if (way == BY_RAW_FORK) {
            must(peer_fork_many(children_now), "fork");
        } else {
            start_all(methods[way]);
        }
        rounds++;
    } while (peer_now_ns() - began < b->span);
    return (double)(peer_now_ns() - began) / 1e3 / (double)(rounds * children_now);
}

static void by_number(bench *b)
{
    static const int counts[] = {1, 10, 100, CHILDREN_MAX};
    static const char *const beside[WAYS] = {NULL, "fork, _exit, waitpid", "kin, by spawn", "kin, by fork server"};
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.max_members = options.max_threads = CHILDREN_MAX + 100;
    tool_check(kin_family_create(&nursery, &options), "kin_family_create");
    for (int i = 0; i < (b->quick ? 2 : 4); i++) {
        figure of[CONTENDERS_MAX];
        char name[64];
        bench few = *b;
        children_now = counts[i];
        few.rounds = children_now < MANY_CHILDREN ? b->rounds : 1;
        measure(&few, start_many, WAYS, of);
        snprintf(name, sizeof name, "start and join, %d at a time: fork", children_now);
        for (int way = BY_RAW_FORK; way < WAYS; way++) {
            row(b, &(line){name, "us", of[BY_FORK], of[way], beside[way], NO_TARGET, 0, children_now});
        }
    }
    kin_family_close(nursery);
}

/* ---- a parent with much memory ---- */

static size_t ballast(const bench *b)
{
    return (size_t)(b->quick ? 128 : 1024) * 1048576;
}

static volatile char *touch_ballast(const bench *b)
{
    volatile char *memory = malloc(ballast(b));
    must(memory == NULL, "malloc");
    for (size_t i = 0; i < ballast(b); i += 4096) {
        memory[i] = 1;
    }
    return memory;
}

static double fork_much(const bench *b, int contender)
{
    volatile char *memory = touch_ballast(b);
    double us = fork_one(b, contender);
    free((void *)memory);
    return us;
}

/* Contenders: kin, the peer, and both again by a parent with much memory. */
static double spawn_one(const bench *b, int contender)
{
    volatile char *memory = contender >= 2 ? touch_ballast(b) : NULL;
    double ns = repeat(b, contender % 2 == 0 ? kin_spawn_once : peer_spawn_once, 1, "spawn");
    free((void *)memory);
    return ns / 1e3;
}

void bench_start(bench *b)
{
    figure medians[CONTENDERS_MAX];
    char name[64];
    if (peer_has_fork()) {
        measure(b, fork_one, 2, medians);
        row(b,
            &(line){"start and join, fork", "us", medians[0], medians[1], "fork, _exit, waitpid", AT_MOST(1.1), 0, 0});
        measure(b, fork_much, 2, medians);
        snprintf(name, sizeof name, "start and join, fork, %d MiB touched", (int)(ballast(b) / 1048576));
        row(b, &(line){name, "us", medians[0], medians[1], "fork, _exit, waitpid", AT_MOST(1.1), 0, 0});
        by_number(b);
    }
    measure(b, spawn_one, 4, medians);
    row(b, &(line){"start and join, spawn", "us", medians[0], medians[1], peer_spawn_name, AT_MOST(1.1), 0, 0});
    snprintf(name, sizeof name, "  the same, %d MiB touched before", (int)(ballast(b) / 1048576));
    /* Under Wine CreateProcess forks and copies page tables. Neither kin nor Windows does that. */
    peer_target target = peer_has_fork() ? AT_MOST(1.1) : NO_TARGET;
    row(b, &(line){name, "us", medians[2], medians[3], peer_spawn_name, target, 0, 0});
    row(b, &(line){"  slower for that", "times", just(medians[2].median / medians[0].median),
                   just(medians[3].median / medians[1].median), peer_spawn_name, target, 0, 0});
}

/* ---- running a program ---- */

static int kin_run_once(void)
{
    const char *const argv[] = {tool_path, "noop", NULL};
    kin_exit end = {.code = -1, .signal = 0};
    return kin_run(argv, NULL, &end) != KIN_OK || end.code != 0;
}

static double run_one(const bench *b, int contender)
{
    return repeat(b, contender == 0 ? kin_run_once : peer_spawn_once, 1, "run") / 1e3;
}

void bench_run(bench *b)
{
    figure medians[CONTENDERS_MAX];
    measure(b, run_one, 2, medians);
    row(b, &(line){"run a trivial program", "us", medians[0], medians[1], peer_spawn_name, AT_MOST(1.15), 0, 0});
}
