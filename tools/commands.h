/* commands.h: what the parts of the kin command share. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "command.h"
#include "look.h"
#include "program.h"

/* Each is defined beside what it runs; kin.c lists them in the order of the help. */
#define COMMANDS(X)                                                                                                    \
    X(ps)                                                                                                              \
    X(top)                                                                                                             \
    X(health)                                                                                                          \
    X(reap)                                                                                                            \
    X(names)                                                                                                           \
    X(stat)                                                                                                            \
    X(unlock)                                                                                                          \
    X(get)                                                                                                             \
    X(set)                                                                                                             \
    X(add)                                                                                                             \
    X(rm)                                                                                                              \
    X(keys)                                                                                                            \
    X(dump)                                                                                                            \
    X(watch)                                                                                                           \
    X(put)                                                                                                             \
    X(peek)                                                                                                            \
    X(take)                                                                                                            \
    X(tail)                                                                                                            \
    X(drain)                                                                                                           \
    X(close)                                                                                                           \
    X(manager_start)                                                                                                   \
    X(manager_list)                                                                                                    \
    X(manager_stop)                                                                                                    \
    X(demo)                                                                                                            \
    X(completion)                                                                                                      \
    X(manual)

#define COMMAND_DECLARATION(name) extern const command name##_command;
COMMANDS(COMMAND_DECLARATION)
#undef COMMAND_DECLARATION

/* The filters that ps and top have. */
#define PS_FILTER_OPTIONS                                                                                              \
    {"family", TOOL_REQUIRED, 'f', "NAME", NULL, "only the family of that name, or whose id begins so"},               \
        {"pid", TOOL_REQUIRED, 'p', "PID", NULL, "only that process, what it holds and what it waits for"},            \
        {"type", TOOL_REQUIRED, 't', "TYPE", LOOK_TYPES, "only objects of that type"},                                 \
    {                                                                                                                  \
        "sort", TOOL_REQUIRED, 's', "KEY", LOOK_SORTS, "order by it"                                                   \
    }
void ps_filter(look_filter *out, const command_line *line, char option);

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
    X(demo_nothing)

#define COMMAND_ENTRY_DECLARATION(name) int name(const kin_args *args);
COMMAND_ENTRIES(COMMAND_ENTRY_DECLARATION)
#undef COMMAND_ENTRY_DECLARATION

/* What pools' workers run, likewise. */
#define COMMAND_FUNCTIONS(X)                                                                                           \
    X(demo_square_all)                                                                                                 \
    X(demo_deliver)

#define COMMAND_FUNCTION_DECLARATION(name) int name(kin_task *task);
COMMAND_FUNCTIONS(COMMAND_FUNCTION_DECLARATION)
#undef COMMAND_FUNCTION_DECLARATION

#endif
