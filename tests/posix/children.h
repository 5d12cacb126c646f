/* children.h: children that a test forks by itself. */
#ifndef KIN_TESTS_POSIX_CHILDREN_H
#define KIN_TESTS_POSIX_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>

/* fork(2), which has to succeed; what this process has not written yet is not written twice. */
pid_t fork_child(void);
/* Waits for its end: its exit code, or the negative number of the signal that ended it. */
int end_of(pid_t pid);
/* Whether there is to be a fork server: not with musl, where asking for one is KIN_E_UNSUPPORTED. */
bool has_fork_server(void);

#endif
