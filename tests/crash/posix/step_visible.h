/* step_visible.h: from one change that others can see to the next. */
#ifndef STEP_VISIBLE_H
#define STEP_VISIBLE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The victim's next stop, at most until `end`; false: it sleeps in the kernel, or has ended, or the time is over. */
bool step_await_stop(pid_t victim, siginfo_t *info, int64_t end);

/* A victim that stands at its first stop, within a system call. False: this cannot be done here. */
bool step_visible_begin(pid_t victim);

/* Before it is stepped, and before it is killed or left alone: its memory is protected, and writable again. */
bool step_visible_watch(pid_t victim);
void step_visible_unwatch(pid_t victim);

/* Runs the victim to the end of its next visible step. False: it sleeps, or was at the end of the operation. */
bool step_visible(pid_t victim, int64_t end);

/* See step_changes. After step_visible_begin, without step_visible_watch. */
int64_t step_changes_of(pid_t victim, int64_t *at, int64_t most, int64_t *length);

#endif
