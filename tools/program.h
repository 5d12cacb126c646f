/* program.h: what the programs kin and kin-bench share: failing, and the children they start. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "kin/kin.h"

#define EXIT_USAGE 2

/* The program's name, for what it says on stderr. Each program defines it. */
extern const char *const tool_name;
/* What it was called by: to run it again. */
extern const char *tool_path;

/* What a failure calls before it says something, or NULL. */
extern void (*tool_before_failing)(void);
/* A failure says what failed on stderr and ends the process with status 1. */
kin_status tool_check(kin_status status, const char *what);
/* realloc that does not return without memory: tool_check ends the process then. */
void *tool_resize(void *memory, size_t size, const char *what);
/* The object given under that name. */
void *tool_given(const kin_args *args, const char *name, kin_type type);
/* 0 if the child ended by itself with code 0, else 1. The process is closed. */
int tool_finish(kin_process *process);

#endif
