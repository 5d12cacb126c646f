/* commands.h: what the parts of the kin command share. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "kin/kin.h"

/* A command gets its own name as argv[0]. Exit status: 0, 1 (it failed, or a demonstration came out wrong), 2 (usage). */
int demo_command(int argc, char **argv);
int bench_command(int argc, char **argv);
int ps_command(int argc, char **argv);
int reap_command(int argc, char **argv);
int manager_command(int argc, char **argv);
int set_command(int argc, char **argv);
int get_command(int argc, char **argv);
int put_command(int argc, char **argv);
int take_command(int argc, char **argv);

#define EXIT_USAGE 2

/* What children are started with: kin.c registers them all under their own names. */
#define COMMAND_ENTRIES(X)                                                                                             \
    X(demo_count)                                                                                                      \
    X(demo_deposit)                                                                                                    \
    X(demo_withdraw)                                                                                                   \
    X(demo_square)                                                                                                     \
    X(demo_wait)                                                                                                       \
    X(demo_click)                                                                                                      \
    X(demo_produce)                                                                                                    \
    X(demo_consume)                                                                                                    \
    X(demo_work)                                                                                                       \
    X(demo_job)                                                                                                        \
    X(demo_take)                                                                                                       \
    X(demo_deliver_alone)                                                                                              \
    X(demo_fill)                                                                                                       \
    X(demo_limited)                                                                                                    \
    X(demo_nothing)                                                                                                    \
    X(bench_contend)                                                                                                   \
    X(bench_ping)                                                                                                      \
    X(bench_pong)                                                                                                      \
    X(bench_read)                                                                                                      \
    X(bench_wait)                                                                                                      \
    X(bench_put)                                                                                                       \
    X(bench_get)                                                                                                       \
    X(bench_echo)                                                                                                      \
    X(bench_idle)                                                                                                      \
    X(bench_send)                                                                                                      \
    X(bench_recv)                                                                                                      \
    X(bench_talk)                                                                                                      \
    X(bench_mix)                                                                                                       \
    X(bench_square_piped)                                                                                              \
    X(bench_nothing)

#define COMMAND_ENTRY_DECLARATION(name) int name(const kin_args *args);
COMMAND_ENTRIES(COMMAND_ENTRY_DECLARATION)
#undef COMMAND_ENTRY_DECLARATION

/* What pools' workers run, likewise. */
#define COMMAND_FUNCTIONS(X)                                                                                           \
    X(demo_square_all)                                                                                                 \
    X(demo_deliver)                                                                                                    \
    X(bench_square)

#define COMMAND_FUNCTION_DECLARATION(name) int name(kin_task *task);
COMMAND_FUNCTIONS(COMMAND_FUNCTION_DECLARATION)
#undef COMMAND_FUNCTION_DECLARATION

/* What this program was called by: to run it again. */
extern const char *tool_path;

/* A failure says what failed on stderr and ends the process with status 1. */
kin_status tool_check(kin_status status, const char *what);
/* The object given under that name. */
void *tool_given(const kin_args *args, const char *name, kin_type type);
/* 0 if the child ended by itself with code 0, else 1. The process is closed. */
int tool_finish(kin_process *process);

#endif
