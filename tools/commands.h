/* commands.h: what the parts of the kin command share. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "program.h"

/* A command gets its own name as argv[0]. Exit status: 0, 1 (it failed, or a demonstration came out wrong), 2
 * (usage), 3 (what it was to read or change is not there). */
#define EXIT_NOT_THERE 3

int demo_command(int argc, char **argv);
int ps_command(int argc, char **argv);
int reap_command(int argc, char **argv);
int manager_command(int argc, char **argv);
int health_command(int argc, char **argv);
int data_run(int argc, char **argv); /* get, set, add, rm, keys, dump, put, take, drain, close, unlock, stat */

const char *type_name(kin_type type);

/* A family's id in hexadecimal digits, in text. */
#define FAMILY_ID_TEXT 33
const char *family_id_text(const uint8_t id[16], char text[FAMILY_ID_TEXT]);

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
