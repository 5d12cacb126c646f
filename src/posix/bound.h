/* bound.h: starting a program that ends with this process. */
#ifndef KIN_POSIX_BOUND_H
#define KIN_POSIX_BOUND_H

#include "os.h"

typedef struct kin_posix_bound {
    const char *program; /* a path */
    const char *const *argv;
    char *const *environment;
    const char *directory; /* or NULL */
    bool tree;             /* it leads a process group */
    kin_os_stream streams[3];
    int inner[3]; /* for KIN_OS_STREAM_PIPE, above the standard streams */
} kin_posix_bound;

/* 0, or an errno. */
int kin_posix_start_bound(pid_t *pid, const kin_posix_bound *what);

#endif
