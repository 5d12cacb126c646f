/* crowd.h: what many threads or processes wait with, as the system has it. posix/crowd.c, win32/crowd.c. Functions
 * return 0 for done and another number for not done. */
#ifndef CROWD_H
#define CROWD_H

#include <stddef.h>

/* A barrier, and a lock with two conditions, in shared memory. A name that is NULL: it has none between processes. */
typedef struct peer_crowd {
    const char *barrier_name, *cond_name;
    size_t size;
    int (*create)(void *memory, int parties);
    void (*destroy)(void *memory);
    int (*pass)(void *memory);
    int (*lock)(void *memory);
    int (*unlock)(void *memory);
    int (*wait)(void *memory, int which);     /* under the lock */
    int (*wake_all)(void *memory, int which); /* under the lock */
} peer_crowd;

extern const peer_crowd *const peer_crowds[]; /* NULL ends the list */

/* Threads with small stacks. */
int peer_thread_start(void **out, void (*body)(void *argument), void *argument);
void peer_thread_join(void *thread);

#endif
