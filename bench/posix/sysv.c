/* sysv.c: System V semaphores and message queues. See ../peers.h. A semaphore's changes are undone when its process
 * ends (SEM_UNDO), as one would use it for a lock. */
#include "../peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <time.h>

/* ---- a lock ---- */

static int change(int set, unsigned short which, short by, short flags)
{
    struct sembuf operation = {which, by, flags};
    while (semop(set, &operation, 1) != 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

static int create_set(void *memory, int count)
{
    int set = semget(IPC_PRIVATE, count, 0600);
    memcpy(memory, &set, sizeof set);
    return set < 0;
}

static int lock_create(void *memory)
{
    return create_set(memory, 1) || change(*(int *)memory, 0, 1, 0);
}

static void set_destroy(void *memory)
{
    semctl(*(int *)memory, 0, IPC_RMID);
}

PEER_LOCK_LOOPS(sysv, int, change(*lock, 0, -1, SEM_UNDO), change(*lock, 0, 1, SEM_UNDO))

const peer_lock peer_sysv_lock = {.name = "System V semaphore, undo",
                                  .create = lock_create,
                                  .destroy = set_destroy,
                                  .attach = peer_same,
                                  .detach = peer_nothing,
                                  .alone = sysv_alone,
                                  .contend = sysv_contend};

/* ---- two semaphores ---- */

static int sems_create(void *memory)
{
    return create_set(memory, 2);
}

static int give(void *attached, int which)
{
    return change(*(int *)attached, (unsigned short)which, 1, 0);
}

static int take(void *attached, int which, int64_t timeout_ns)
{
    struct sembuf operation = {(unsigned short)which, -1, 0};
    const struct timespec timeout = {timeout_ns / 1000000000, (long)(timeout_ns % 1000000000)};
    return semtimedop(*(int *)attached, &operation, 1, &timeout) != 0;
}

const peer_sems peer_sysv_sems = {"System V semaphore", sems_create, set_destroy, peer_same, peer_nothing, give, take};

/* ---- a queue ---- */

typedef struct packet {
    long type;
    char bytes[8192];
} packet;

static int queue_create(void *memory, size_t message)
{
    int id = msgget(IPC_PRIVATE, 0600);
    (void)message;
    memcpy(memory, &id, sizeof id);
    return id < 0;
}

static void queue_destroy(void *memory)
{
    msgctl(*(int *)memory, IPC_RMID, NULL);
}

static void *queue_attach(void *memory, const int64_t *both)
{
    (void)both;
    return memory;
}

static int queue_put(void *attached, const void *data, size_t size)
{
    packet it = {.type = 1};
    memcpy(it.bytes, data, size);
    return msgsnd(*(int *)attached, &it, size, 0);
}

static int queue_get(void *attached, void *buffer, size_t size)
{
    packet it;
    ssize_t got = msgrcv(*(int *)attached, &it, sizeof it.bytes, 0, 0);
    if (got < 0 || (size_t)got != size) {
        return -1;
    }
    memcpy(buffer, it.bytes, size);
    return 0;
}

const peer_queue peer_sysv_queue = {.name = "System V message queue",
                                    .create = queue_create,
                                    .destroy = queue_destroy,
                                    .attach = queue_attach,
                                    .put = queue_put,
                                    .get = queue_get,
                                    .largest = 4096};
