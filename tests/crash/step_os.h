/* step_os.h: stepping a process through its instructions, and killing it at one. posix/step_os.c does it from outside
 * (ptrace), win32/step_os.c from inside (the trap flag, and an exception handler): such a victim ends itself.
 */
#ifndef STEP_OS_H
#define STEP_OS_H

#include <kin/kin.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum step_kind {
    STEP_INSTRUCTION,
    STEP_CALL,    /* the beginning and the end of each system call */
    STEP_VISIBLE, /* each change of what others can see: of shared memory, and by a system call */
} step_kind;

/* ---- in the victim ---- */

/* Until step_end the victim makes steps of that kind; the last one is its end. */
void step_begin(step_kind kind, int64_t last);
void step_end(void);

/* ---- in the one that kills ---- */

int step_has(step_kind kind);

/* Whether a victim stands still after its last step: only then step_release and step_changes do something. */
int step_halts(void);

/* Lets the victim, a child of the caller's or of its thread's, take at most `last` steps. It is then dead, or stands
 * still, or sleeps in the kernel; the caller kills it. Returns how many it took. */
int64_t step_drive(int64_t victim, step_kind kind, int64_t last);

/* The same for one that step_drive has come back from, `more` steps. */
int64_t step_drive_on(int64_t victim, step_kind kind, int64_t more);

/* Lets it run to the end of its operation, at most for so long. */
void step_release(int64_t victim, int64_t ns);

/* Lets the victim go on, by instructions, to its end. at: after which of them, counted from 1, the shared memory was
 * not the same as before, or a system call had been made that is a visible step. Returns how many; at most `most` are
 * written. *length: how many instructions there were. */
int64_t step_changes(int64_t victim, int64_t *at, int64_t most, int64_t *length);

/* Whether that visible step of the last victim, counted from 0, is one of more than 64 by the same instruction, and
 * neither of the first nor of the last of these: a kill after it is much like the kills after those around it. */
bool step_within_loop(int64_t step);

/* The same of these steps. writers: of each the address of the instruction that wrote, or 0: a system call. */
#define STEPS_NOTED 65536
bool step_is_in_loop(const uint64_t *writers, int64_t steps, int64_t step);

/* Kills a victim that is no kin_process of the caller. Another process joins it. */
void step_kill(int64_t victim);

/* Runs in a thread of its own, and waits for it: what may have to wait for the victim. */
void step_aside(void (*run)(void));
void step_aside_join(void);

/* Whether there is a child yet, the victim's orphans among them; where those are nobody's children, 0. */
int step_has_children(void);

/* How many names there are in the system of families that nobody is alive in; where there are no such names, 0. */
int step_names(void);
int64_t step_pid(void);

/* ---- time ---- */

int64_t step_now(void);
void step_rest(int milliseconds);

#endif
