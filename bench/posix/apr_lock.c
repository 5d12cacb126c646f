/* apr_lock.c: APR's process mutex, of its default kind. See ../peers.h. */
#include "../peers.h"

#include <apr_general.h>
#include <apr_proc_mutex.h>
#include <stdlib.h>
#include <unistd.h>

/* The mutex is private memory: a forked child has a copy, and tells APR that it is one. */
typedef struct copy {
    apr_pool_t *pool;
    apr_proc_mutex_t *mutex;
    pid_t maker;
} copy;

static copy made;

static int create(void *memory)
{
    (void)memory;
    static int initialised;
    if (!initialised && apr_initialize() != APR_SUCCESS) {
        return -1;
    }
    initialised = 1;
    made.maker = getpid();
    return apr_pool_create(&made.pool, NULL) != APR_SUCCESS ||
           apr_proc_mutex_create(&made.mutex, NULL, APR_LOCK_DEFAULT, made.pool) != APR_SUCCESS;
}

static void destroy(void *memory)
{
    (void)memory;
    apr_pool_destroy(made.pool); /* and the mutex with it */
}

static void *attach(void *memory)
{
    (void)memory;
    if (made.mutex == NULL) {
        return NULL; /* this process was not forked from the one that made it */
    }
    if (made.maker == getpid()) {
        return made.mutex;
    }
    return apr_proc_mutex_child_init(&made.mutex, NULL, made.pool) == APR_SUCCESS ? made.mutex : NULL;
}

PEER_LOCK_LOOPS(apr, apr_proc_mutex_t, apr_proc_mutex_lock(lock), apr_proc_mutex_unlock(lock))

const peer_lock peer_apr_lock = {.name = "APR proc_mutex, default",
                                 .create = create,
                                 .destroy = destroy,
                                 .attach = attach,
                                 .detach = peer_nothing,
                                 .alone = apr_alone,
                                 .contend = apr_contend,
                                 .only_one = 1};
