/* step_os.h: stepping a process through its instructions, and killing it at one. posix/step_os.c does it from outside
 * (ptrace), win32/step_os.c from inside (the trap flag, and an exception handler).
 */
#ifndef STEP_OS_H
#define STEP_OS_H

#include <kin/kin.h>
#include <stdatomic.h>
#include <stdint.h>

typedef struct step_count { /* shared between the two */
    _Atomic int64_t done;
    _Atomic int ended; /* the victim came to the operation's end */
} step_count;

/* ---- in the victim ---- */

/* Until step_end each instruction is a step; the last is its end. */
void step_begin(step_count *count, int64_t last);
void step_end(step_count *count);

/* ---- in the one that kills ---- */

/* Lets the victim take at most `last` steps. It is then dead, or stands still, or sleeps in the kernel; the caller kills it.
 * Returns how many it took. */
int64_t step_drive(kin_process *victim, step_count *count, int64_t last);

/* ---- time ---- */

int64_t step_now(void);
void step_rest(int milliseconds);

#endif
