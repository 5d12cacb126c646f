/* demo.h: what the parts of `kin demo` share. */
#ifndef DEMO_H
#define DEMO_H

#include "commands.h"

#define TEXT_MAX 96
#define PATIENCE KIN_SECONDS(30)

typedef struct outcome {
    char expected[TEXT_MAX];
    char got[TEXT_MAX];
    int failed; /* children that did not end well */
} outcome;

/* Writes a text of outcome's. */
void say(char *text, const char *format, ...);
/* Adds a word to it. */
void append(char *text, const char *word);

/* Shared memory, an empty set of arguments, an argument, a child; a failure ends the program. */
void *shared(size_t size);
kin_args *arguments(void);
void add(kin_args *args, const char *name, kin_type type, const void *object);
kin_process *start(kin_start_method method, const char *entry, const kin_args *args);

/* ---- programs in files of their own ---- */

void demo_count_unlocked(kin_start_method method, outcome *out);
void demo_count_locked(kin_start_method method, outcome *out);
void demo_bank(kin_start_method method, outcome *out);
void demo_squares(kin_start_method method, outcome *out);
void demo_pass(kin_start_method method, outcome *out);
void demo_clicks(kin_start_method method, outcome *out);
void demo_rounds(kin_start_method method, outcome *out);
void demo_stream(kin_start_method method, outcome *out);
void demo_tasks(kin_start_method method, outcome *out);
void demo_pool_map(kin_start_method method, outcome *out);
void demo_pool_arguments(kin_start_method method, outcome *out);
void demo_pool_shared(kin_start_method method, outcome *out);
void demo_processes(kin_start_method method, outcome *out);
void demo_manager_pool(kin_start_method method, outcome *out);
void demo_manager_processes(kin_start_method method, outcome *out);
void demo_manager_fill(kin_start_method method, outcome *out);
void demo_crowd(kin_start_method method, outcome *out);
void demo_run(kin_start_method method, outcome *out);
void demo_run_checked(kin_start_method method, outcome *out);
void demo_run_output(kin_start_method method, outcome *out);
void demo_run_missing(kin_start_method method, outcome *out);
void demo_jobs(kin_start_method method, outcome *out);

#endif
