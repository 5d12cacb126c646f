/* limits.c: what the machine allows at this moment: how long a cache line takes from one processor to the other and
 * back, a system call, a copy. A virtual machine's processors may not share a cache for minutes, so the first of them
 * is measured again before each subject. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#define AT_ONCE 256 /* trips between two looks at the clock */
#define BOUNCE_SPAN KIN_MS(20)
#define OVER 2 /* a turn that ends the measurement */

/* Two processes change one word in turns: each round is a cache line's way there and back. The first one ends it. */
int bench_bounce(const kin_args *args)
{
    plan it;
    board *shared = begin_worker(args, &it);
    atomic_int *turn = (atomic_int *)(void *)shared->object;
    int64_t trips = 0, began;
    pass_gate(shared);
    began = peer_now_ns();
    for (int seen = 0; seen != OVER; trips++) {
        while ((seen = atomic_load_explicit(turn, memory_order_acquire)) != it.index && seen != OVER) {
        }
        int over = it.index == 0 && trips % AT_ONCE == AT_ONCE - 1 && peer_now_ns() - began > BOUNCE_SPAN;
        seen = over ? OVER : seen;
        if (seen != OVER || over) {
            atomic_store_explicit(turn, over ? OVER : !it.index, memory_order_release);
        }
    }
    shared->results[it.index] = (worker_result){trips, peer_now_ns() - began};
    return 0;
}

static double bounce(const bench *b, int contender)
{
    void *memory = board_create();
    kin_process *both[2];
    (void)b;
    (void)contender;
    memset(board_in(memory)->object, 0, sizeof(atomic_int));
    for (int i = 0; i < 2; i++) {
        both[i] = start_worker("bench_bounce", memory, &(plan){.cpu = i, .index = i});
    }
    open_gate(board_in(memory), 2);
    must(tool_finish(both[0]) + tool_finish(both[1]), "bouncing");
    double ns = (double)board_in(memory)->results[0].ns / (double)board_in(memory)->results[0].done;
    board_destroy(memory);
    return ns;
}

void show_distance(bench *b)
{
    figure of[1];
    bench few = *b;
    few.rounds = b->quick ? 1 : 3;
    if (peer_cpu_count() >= 2) {
        measure(&few, bounce, 1, of);
        row(b, &(line){"a cache line to CPU 1 and back", "ns", of[0], just(NAN), NULL, NO_TARGET, 0, 0});
    }
}

/* ---- copies ---- */

static unsigned char from[65536], to[65536];
static size_t copied;

static int copy(void)
{
    memcpy(to, from, copied);
    return ((volatile unsigned char *)to)[0] != from[0];
}

static double copy_time(const bench *b, int contender)
{
    (void)contender;
    return repeat(b, copy, 1000, "memcpy");
}

static void copies(bench *b)
{
    static const size_t sizes[] = {64, 4096, sizeof from};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        figure of[1];
        char name[64];
        copied = sizes[i];
        measure(b, copy_time, 1, of);
        snprintf(name, sizeof name, "memcpy, %zu B, cached", copied);
        row(b, &(line){name, "ns", of[0], just(NAN), NULL, NO_TARGET, 0, (double)copied});
    }
}

/* ---- the system ---- */

static double call_time(const bench *b, int contender)
{
    (void)contender;
    return repeat(b, peer_system_call, 1000, "a system call");
}

void bench_limits(bench *b)
{
    figure of[1];
    copies(b);
    measure(b, call_time, 1, of);
    row(b, &(line){"a system call", "ns", of[0], just(NAN), NULL, NO_TARGET, 0, 0});
}
