/* step_visible.h: which instructions of this process make a change that others can see. */
#ifndef STEP_VISIBLE_H
#define STEP_VISIBLE_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

/* Before step_sleeps and step_visible. */
void step_learn_calls(void);

/* Before an instruction: whether it is a system call that may sleep. */
bool step_sleeps(const CONTEXT *at);

/* The calling thread is stepped from now on. Shared memory is write-protected, but for the view that begins at `apart`.
 * False: it cannot be. */
bool step_visible_begin(const void *apart);

/* It can be written again. */
void step_visible_end(void);

/* An instruction of the thread raised this. True: it could not write, and can now, if it is stepped over again. */
bool step_visible_write(const EXCEPTION_RECORD *why, const CONTEXT *at);

/* Behind an instruction. *step: others can see what it did; *writer: the instruction, 0 for a system call. Prepares
 * for the next one. False: it cannot be watched. */
bool step_visible(const CONTEXT *at, bool *step, uint64_t *writer);

#endif
