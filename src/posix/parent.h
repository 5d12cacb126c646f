/* parent.h: descriptors of processes that are no children. */
#ifndef KIN_POSIX_PARENT_H
#define KIN_POSIX_PARENT_H

#include <sys/types.h>

/* A pidfd, not below KIN_POSIX_FD_MIN; -1 and errno. */
int kin_posix_open_process(pid_t pid);

#endif
