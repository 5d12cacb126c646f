/* textbook.c: the ring of a process-shared mutex and two unnamed semaphores. See ../textbook.h. */
#include "../textbook.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#define LINE 64u

typedef struct book {
    pthread_mutex_t mutex;
    sem_t items, room;
    size_t head, tail, slots, message; /* head, tail: under the mutex */
    atomic_int ended;
} book;

static char *slot_at(book *it, size_t position)
{
    return (char *)it + (sizeof *it + LINE - 1) / LINE * LINE + position % it->slots * it->message;
}

static size_t size(size_t slots, size_t message)
{
    return (sizeof(book) + LINE - 1) / LINE * LINE + slots * message;
}

static int create(void *memory, size_t slots, size_t message)
{
    book *it = memory;
    pthread_mutexattr_t shared;
    int failed = pthread_mutexattr_init(&shared);
    failed |= pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    failed |= pthread_mutex_init(&it->mutex, &shared);
    pthread_mutexattr_destroy(&shared);
    failed |= sem_init(&it->items, 1, 0) | sem_init(&it->room, 1, (unsigned)slots);
    it->head = it->tail = 0;
    it->slots = slots;
    it->message = message;
    atomic_store(&it->ended, 0);
    return failed;
}

static void destroy(void *memory)
{
    book *it = memory;
    sem_destroy(&it->items);
    sem_destroy(&it->room);
    pthread_mutex_destroy(&it->mutex);
}

static int take(book *it, sem_t *sem)
{
    while (sem_wait(sem) != 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return atomic_load_explicit(&it->ended, memory_order_relaxed);
}

static int put(void *memory, const void *data)
{
    book *it = memory;
    if (take(it, &it->room)) {
        return -1;
    }
    pthread_mutex_lock(&it->mutex);
    memcpy(slot_at(it, it->tail++), data, it->message);
    pthread_mutex_unlock(&it->mutex);
    return sem_post(&it->items);
}

static int get(void *memory, void *buffer)
{
    book *it = memory;
    if (take(it, &it->items)) {
        return -1;
    }
    pthread_mutex_lock(&it->mutex);
    memcpy(buffer, slot_at(it, it->head++), it->message);
    pthread_mutex_unlock(&it->mutex);
    return sem_post(&it->room);
}

static void end(void *memory, int users)
{
    book *it = memory;
    atomic_store(&it->ended, 1);
    for (int i = 0; i < users; i++) {
        sem_post(&it->items);
        sem_post(&it->room);
    }
}

const peer_textbook peer_textbook_ring = {"mutex, 2 semaphores", size, create, destroy, put, get, end};
