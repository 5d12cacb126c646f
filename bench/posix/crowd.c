/* crowd.c: pthread's barrier, mutex and condition, process-shared; the same with a robust mutex. There is no robust
 * barrier and no robust readers-writer lock: POSIX has robust mutexes only (pthread_mutexattr_setrobust(3)). See
 * ../crowd.h. */
#include "../crowd.h"

#include <pthread.h>
#include <stdlib.h>

#define STACK 65536

typedef struct crowd {
    pthread_barrier_t barrier;
    pthread_mutex_t mutex;
    pthread_cond_t conds[2];
} crowd;

static int create_with(void *memory, int parties, int robust)
{
    crowd *it = memory;
    pthread_barrierattr_t barrier;
    pthread_mutexattr_t mutex;
    pthread_condattr_t cond;
    pthread_barrierattr_init(&barrier);
    pthread_mutexattr_init(&mutex);
    pthread_condattr_init(&cond);
    pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&mutex, robust);
    pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
    int failed = pthread_barrier_init(&it->barrier, &barrier, (unsigned)parties);
    failed |= pthread_mutex_init(&it->mutex, &mutex);
    for (int i = 0; i < 2; i++) {
        failed |= pthread_cond_init(&it->conds[i], &cond);
    }
    return failed;
}

static int create(void *memory, int parties)
{
    return create_with(memory, parties, PTHREAD_MUTEX_STALLED);
}

static int create_robust(void *memory, int parties)
{
    return create_with(memory, parties, PTHREAD_MUTEX_ROBUST);
}

static void destroy(void *memory)
{
    crowd *it = memory;
    pthread_barrier_destroy(&it->barrier);
    pthread_mutex_destroy(&it->mutex);
    pthread_cond_destroy(&it->conds[0]);
    pthread_cond_destroy(&it->conds[1]);
}

static int pass(void *memory)
{
    int result = pthread_barrier_wait(&((crowd *)memory)->barrier);
    return result != 0 && result != PTHREAD_BARRIER_SERIAL_THREAD;
}

static int lock(void *memory)
{
    return pthread_mutex_lock(&((crowd *)memory)->mutex);
}

static int unlock(void *memory)
{
    return pthread_mutex_unlock(&((crowd *)memory)->mutex);
}

static int wait_for(void *memory, int which)
{
    crowd *it = memory;
    return pthread_cond_wait(&it->conds[which], &it->mutex);
}

static int wake_all(void *memory, int which)
{
    return pthread_cond_broadcast(&((crowd *)memory)->conds[which]);
}

static const peer_crowd plain = {
    "pthread barrier", "pthread condition", sizeof(crowd), create, destroy, pass, lock, unlock, wait_for, wake_all,
};
static const peer_crowd robust = {
    NULL, "pthread condition, robust", sizeof(crowd), create_robust, destroy, pass, lock, unlock, wait_for, wake_all,
};

const peer_crowd *const peer_crowds[] = {&plain, &robust, NULL};

/* ---- threads ---- */

typedef struct thread {
    pthread_t handle;
    void (*body)(void *argument);
    void *argument;
} thread;

static void *run(void *thread_)
{
    thread *it = thread_;
    it->body(it->argument);
    return NULL;
}

int peer_thread_start(void **out, void (*body)(void *argument), void *argument)
{
    pthread_attr_t small;
    thread *it = malloc(sizeof *it);
    if (!it) {
        return 1;
    }
    *it = (thread){.body = body, .argument = argument};
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK);
    int failed = pthread_create(&it->handle, &small, run, it);
    pthread_attr_destroy(&small);
    if (failed) {
        free(it);
        return 1;
    }
    *out = it;
    return 0;
}

void peer_thread_join(void *thread_)
{
    thread *it = thread_;
    pthread_join(it->handle, NULL);
    free(it);
}
