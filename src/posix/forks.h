/* forks.h: functions that run around every fork. */
#ifndef KIN_POSIX_FORKS_H
#define KIN_POSIX_FORKS_H

#include <stdbool.h>

#include "kin/status.h"

typedef struct kin_posix_fork_watcher {
    void (*before)(void);         /* in the forking thread, before the fork; or NULL */
    void (*after)(bool in_child); /* in the same thread, and in the child's only thread */
    bool listed;                  /* these two are forks.c's */
    struct kin_posix_fork_watcher *next;
} kin_posix_fork_watcher;

/* From now on every fork runs the watcher, which must stay valid. Registering it again does nothing. */
kin_status kin_posix_watch_forks(kin_posix_fork_watcher *watcher);
/* For one watcher, outside of all others: its before runs first, its after last. It needs both. */
kin_status kin_posix_watch_forks_around(const kin_posix_fork_watcher *watcher);

#endif
