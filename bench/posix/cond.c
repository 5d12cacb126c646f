/* cond.c: flags under pthread's mutex, plain and robust, with conditions. See ../peers.h. */
#include "../peers.h"

#include <pthread.h>
#include <time.h>

typedef struct flag {
    _Alignas(LINE) pthread_mutex_t mutex;
    pthread_cond_t cond;
    int set;
} flag;

static int create_with(void *memory, int robust)
{
    flag *flags = memory;
    pthread_mutexattr_t mutex;
    pthread_condattr_t cond;
    int failed = pthread_mutexattr_init(&mutex) | pthread_condattr_init(&cond);
    failed |= pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
    failed |= pthread_mutexattr_setrobust(&mutex, robust);
    failed |= pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
    failed |= pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
    for (int i = 0; i < 2; i++) {
        failed |= pthread_mutex_init(&flags[i].mutex, &mutex) | pthread_cond_init(&flags[i].cond, &cond);
        flags[i].set = 0;
    }
    return failed;
}

static int create(void *memory)
{
    return create_with(memory, PTHREAD_MUTEX_STALLED);
}

static int create_robust(void *memory)
{
    return create_with(memory, PTHREAD_MUTEX_ROBUST);
}

static void destroy(void *memory)
{
    flag *flags = memory;
    for (int i = 0; i < 2; i++) {
        pthread_cond_destroy(&flags[i].cond);
        pthread_mutex_destroy(&flags[i].mutex);
    }
}

static int give(void *attached, int which)
{
    flag *it = (flag *)attached + which;
    int failed = pthread_mutex_lock(&it->mutex);
    it->set = 1;
    failed |= pthread_mutex_unlock(&it->mutex);
    return failed | pthread_cond_signal(&it->cond);
}

static int take(void *attached, int which, int64_t timeout_ns)
{
    flag *it = (flag *)attached + which;
    int64_t deadline = peer_now_ns() + timeout_ns;
    const struct timespec until = {(time_t)(deadline / 1000000000), (long)(deadline % 1000000000)};
    int failed = pthread_mutex_lock(&it->mutex);
    while (!failed && !it->set) {
        failed = pthread_cond_timedwait(&it->cond, &it->mutex, &until);
    }
    it->set = failed ? it->set : 0;
    return failed | pthread_mutex_unlock(&it->mutex);
}

const peer_sems peer_pthread_conds = {
    "pthread condition", create, destroy, peer_same, peer_nothing, give, take,
};
const peer_sems peer_robust_conds = {
    "pthread condition, robust", create_robust, destroy, peer_same, peer_nothing, give, take,
};
