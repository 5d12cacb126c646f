/* pipe.c: messages through kin's pipes, and through the system's with as many bytes. */
#include "bench.h"

enum { KIN, RAW, CONTENDERS };

typedef struct end {
    kin_pipe *pipe;
    int64_t raw;
    int contender;
} end;

static struct {
    size_t size;
    int cpus;
} now;

/* ---- an end of either kind ---- */

static int send_one(const end *to, const unsigned char *message, size_t size)
{
    return to->contender == KIN ? kin_pipe_send(to->pipe, message + PEER_HEAD, size, KIN_FOREVER)
                                : peer_pair_send(to->raw, message, size + PEER_HEAD);
}

static int recv_one(const end *from, unsigned char *message, size_t size)
{
    return from->contender == KIN ? kin_pipe_recv(from->pipe, message + PEER_HEAD, size, NULL, KIN_FOREVER)
                                  : peer_pair_recv(from->raw, message, size + PEER_HEAD);
}

static void make_ends(end ends[2], int contender)
{
    kin_pipe *pipes[2] = {NULL, NULL};
    int64_t raw[2] = {0, 0};
    if (contender == KIN) {
        tool_check(kin_pipe_create(pipes, 0), "kin_pipe_create");
    } else {
        must(peer_pair_create(raw), peer_pair_name);
    }
    for (int i = 0; i < 2; i++) {
        ends[i] = (end){pipes[i], raw[i], contender};
    }
}

static void close_end(const end *it)
{
    if (it->contender == KIN) {
        kin_pipe_close(it->pipe);
    } else {
        peer_end_close(it->raw);
    }
}

/* ---- workers ---- */

static kin_process *start_talk(const char *entry, void *memory, const end *mine, const plan *it)
{
    kin_args *args = worker_args(memory, it);
    tool_check(it->contender == KIN ? kin_args_add_pipe(args, "end", mine->pipe)
                                    : kin_args_add_handle(args, "end", (kin_handle)mine->raw),
               "end");
    return start_with(entry, args);
}

static board *begin_talk(const kin_args *args, plan *it, end *mine)
{
    kin_handle handle = 0;
    board *shared = begin_worker(args, it);
    mine->contender = it->contender;
    tool_check(it->contender == KIN ? kin_args_get_pipe(&mine->pipe, args, "end")
                                    : kin_args_get_handle(&handle, args, "end", KIN_HANDLE_ANY),
               "end");
    mine->raw = (int64_t)handle;
    pass_gate(shared);
    return shared;
}

static unsigned char message[PEER_HEAD + 4096];

static int move_messages(const kin_args *args, int sends)
{
    plan it;
    end mine;
    board *shared = begin_talk(args, &it, &mine);
    int failed = 0;
    int64_t began = peer_now_ns();
    for (int64_t i = 0; i < it.messages && !failed; i++) {
        failed = sends ? send_one(&mine, message, (size_t)it.size) : recv_one(&mine, message, (size_t)it.size);
    }
    shared->results[it.index] = (worker_result){began, peer_now_ns()};
    return failed;
}

int bench_send(const kin_args *args)
{
    return move_messages(args, 1);
}

int bench_recv(const kin_args *args)
{
    return move_messages(args, 0);
}

/* Number 0 begins, the other answers. */
int bench_talk(const kin_args *args)
{
    plan it;
    end mine;
    size_t size;
    board *shared = begin_talk(args, &it, &mine);
    int failed = 0;
    int64_t began = peer_now_ns();
    size = (size_t)it.size;
    for (int64_t i = 0; i < it.messages && !failed; i++) {
        failed = it.index == 0 ? send_one(&mine, message, size) || recv_one(&mine, message, size)
                               : recv_one(&mine, message, size) || send_one(&mine, message, size);
    }
    shared->results[it.index] = (worker_result){began, peer_now_ns()};
    return failed;
}

/* Nanoseconds from the first's beginning to the last's end. */
static int64_t run_both(const char *const entries[2], int contender, int64_t messages)
{
    end ends[2];
    kin_process *workers[2];
    void *memory = board_create();
    int failed = 0;
    make_ends(ends, contender);
    for (int i = 0; i < 2; i++) {
        const plan it = {.contender = contender,
                         .cpu = now.cpus == 1 ? 0 : i,
                         .index = i,
                         .size = (int64_t)now.size,
                         .messages = messages};
        workers[i] = start_talk(entries[i], memory, &ends[i], &it);
        close_end(&ends[i]);
    }
    open_gate(board_in(memory), 2);
    for (int i = 0; i < 2; i++) {
        failed |= tool_finish(workers[i]);
    }
    must(failed, contender == KIN ? "kin_pipe" : peer_pair_name);
    const worker_result *results = board_in(memory)->results;
    int64_t begin = results[0].done < results[1].done ? results[0].done : results[1].done;
    int64_t last = results[0].ns > results[1].ns ? results[0].ns : results[1].ns;
    board_destroy(memory);
    return last - begin;
}

/* ---- rows ---- */

static const char *const one_way[2] = {"bench_send", "bench_recv"}, *const both_ways[2] = {"bench_talk", "bench_talk"};

static double microseconds(const bench *b, int contender, const char *const entries[2])
{
    int64_t messages = 500, ns = run_both(entries, contender, messages);
    while (ns < b->span / 2) { /* the last counts */
        int64_t more = messages * b->span / (ns + 1) + 500;
        messages = more < messages * 20 ? more : messages * 20;
        ns = run_both(entries, contender, messages);
    }
    return (double)ns / 1e3 / (double)messages;
}

static double rate(const bench *b, int contender)
{
    return 1e3 / microseconds(b, contender, one_way);
}

static double trip(const bench *b, int contender)
{
    return microseconds(b, contender, both_ways);
}

static void compare(bench *b, const char *what, const char *unit, meter once, size_t size, peer_target target)
{
    figure medians[CONTENDERS_MAX];
    now.size = size;
    measure(b, once, CONTENDERS, medians);
    row(b, &(line){what, unit, medians[KIN], medians[RAW], peer_pair_name, target, 0, 0});
}

void bench_pipe(bench *b)
{
    if (peer_cpu_count() >= 2) {
        now.cpus = 2;
        compare(b, "pipe, 64 B", "k/s", rate, 64, AT_LEAST(0.8));
        compare(b, "pipe, 4 KiB", "k/s", rate, 4096, AT_LEAST(0.8));
        compare(b, "pipe round trip, 2 CPUs, pinned", "us", trip, 64, AT_MOST(1.2));
    }
    now.cpus = 1;
    compare(b, "pipe round trip, 1 CPU, pinned", "us", trip, 64, AT_MOST(1.2));
}
