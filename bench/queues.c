/* queues.c: the queues that are compared: kin's, a ring that spins, the system's pipe, and what else was found. */
#include "queues.h"

#include <string.h>

#define SLOTS 1024u /* messages in each queue; of large ones fewer */

static size_t slots_for(size_t message)
{
    return message > 16384 ? 16 : message > 1024 ? 64 : SLOTS;
}

/* ---- kin ---- */

static int kin_create(void *memory, size_t message)
{
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    kin_queue *queue = NULL;
    kin_ref ref;
    options.capacity = slots_for(message) * (message + 16);
    if (kin_queue_create(&queue, NULL, &options) != KIN_OK || kin_ref_of(&ref, KIN_TYPE_QUEUE, queue) != KIN_OK) {
        return -1;
    }
    memcpy(memory, &ref, sizeof ref);
    return 0;
}

static void *kin_attach(void *memory, const int64_t *both)
{
    void *queue = NULL;
    kin_ref ref;
    (void)both;
    memcpy(&ref, memory, sizeof ref);
    return kin_ref_get(&queue, KIN_TYPE_QUEUE, ref) == KIN_OK ? queue : NULL;
}

static void kin_destroy(void *memory)
{
    kin_queue_destroy(kin_attach(memory, NULL));
}

static int kin_put(void *attached, const void *data, size_t size)
{
    return kin_queue_put(attached, data, size, KIN_FOREVER);
}

static int kin_get(void *attached, void *buffer, size_t size)
{
    return kin_queue_get(attached, buffer, size, NULL, KIN_FOREVER);
}

static int kin_put_in_place(void *attached, const void *data, size_t size)
{
    void *place = NULL;
    if (kin_queue_reserve(&place, attached, size, KIN_FOREVER) != KIN_OK) {
        return -1;
    }
    memcpy(place, data, size); /* in place of code that makes the message there */
    return kin_queue_commit(attached, place, size);
}

static int kin_get_in_place(void *attached, void *buffer, size_t size)
{
    const void *place = NULL;
    size_t got = 0;
    if (kin_queue_peek(&place, &got, attached, KIN_FOREVER) != KIN_OK || got != size) {
        return -1;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i + 8 <= size; i += LINE) { /* reads from each of its cache lines */
        sum += *(const volatile uint64_t *)(const volatile void *)((const char *)place + i);
    }
    memcpy(buffer, &sum, sizeof sum);
    return kin_queue_consume(attached, place);
}

static const peer_queue kin_copying = {
    .name = "kin", .create = kin_create, .destroy = kin_destroy, .attach = kin_attach, .put = kin_put, .get = kin_get};
static const peer_queue kin_in_place = {.name = "kin, in place",
                                        .create = kin_create,
                                        .destroy = kin_destroy,
                                        .attach = kin_attach,
                                        .put = kin_put_in_place,
                                        .get = kin_get_in_place};

/* ---- the limit: Vyukov's ring, whose sides spin, and which a kill tears ---- */

typedef struct cell {
    _Atomic size_t sequence;
} cell;

typedef struct ring {
    _Alignas(LINE) _Atomic size_t tail;
    _Alignas(LINE) _Atomic size_t head;
    _Alignas(LINE) size_t slots, stride;
} ring;

static cell *cell_at(ring *it, size_t position)
{
    char *cells = (char *)(it + 1);
    return (cell *)(void *)(cells + position % it->slots * it->stride);
}

static void *ring_attach(void *memory, const int64_t *both)
{
    (void)both;
    return peer_line_in(memory);
}

static int ring_create(void *memory, size_t message)
{
    ring *it = ring_attach(memory, NULL);
    it->slots = slots_for(message);
    it->stride = (sizeof(cell) + message + LINE - 1) / LINE * LINE;
    atomic_store(&it->tail, 0);
    atomic_store(&it->head, 0);
    for (size_t i = 0; i < it->slots; i++) {
        atomic_store(&cell_at(it, i)->sequence, i);
    }
    return 0;
}

/* Takes the next position at that end. Its cell is ready when the cell's sequence is the position plus offset. */
static size_t ring_claim(ring *it, _Atomic size_t *end, size_t offset)
{
    size_t position = atomic_load_explicit(end, memory_order_relaxed);
    for (unsigned tries = 1;; tries++) {
        size_t sequence = atomic_load_explicit(&cell_at(it, position)->sequence, memory_order_acquire);
        if (sequence == position + offset) {
            if (atomic_compare_exchange_weak_explicit(end, &position, position + 1, memory_order_relaxed,
                                                      memory_order_relaxed)) {
                return position;
            }
        } else {
            position = atomic_load_explicit(end, memory_order_relaxed);
            if (tries % 1024 == 0) { /* its process may be waiting for this processor */
                peer_yield();
            }
        }
    }
}

static int ring_put(void *attached, const void *data, size_t size)
{
    ring *it = attached;
    size_t position = ring_claim(it, &it->tail, 0);
    memcpy(cell_at(it, position) + 1, data, size);
    atomic_store_explicit(&cell_at(it, position)->sequence, position + 1, memory_order_release);
    return 0;
}

static int ring_get(void *attached, void *buffer, size_t size)
{
    ring *it = attached;
    size_t position = ring_claim(it, &it->head, 1);
    memcpy(buffer, cell_at(it, position) + 1, size);
    atomic_store_explicit(&cell_at(it, position)->sequence, position + it->slots, memory_order_release);
    return 0;
}

static const peer_queue spinning_ring = {.name = "spinning ring (Vyukov)",
                                         .create = ring_create,
                                         .destroy = peer_nothing,
                                         .attach = ring_attach,
                                         .put = ring_put,
                                         .get = ring_get,
                                         .spins = 1};

/* ---- all of them ---- */

const peer_queue *queue_at(int contender)
{
    static const peer_queue *const first[QUEUES_KNOWN] = {&kin_copying, &kin_in_place, &spinning_ring,
                                                          &peer_pipe_queue};
    return contender < QUEUES_KNOWN ? first[contender] : peer_more_queues[contender - QUEUES_KNOWN];
}

int queue_count(void)
{
    int count = QUEUES_KNOWN;
    while (peer_more_queues[count - QUEUES_KNOWN] != NULL) {
        count++;
    }
    return count;
}

int queue_can(int contender, const trial *it)
{
    const peer_queue *queue = queue_at(contender);
    return (queue->largest == 0 || it->message <= queue->largest) &&
           (queue->producers == 0 || it->producers <= queue->producers) &&
           (queue->consumers == 0 || it->consumers <= queue->consumers) &&
           /* Dozens that spin on few processors mostly wait for each other's time slices. */
           (!queue->spins || it->producers + it->consumers <= 16) &&
           /* Several writers of a pipe: only what is written at once stays whole (PIPE_BUF). */
           (contender != QUEUES_PIPE || it->message <= 512 || (it->producers == 1 && it->consumers == 1));
}

int queue_can_echo(int contender, const trial *it)
{
    const peer_queue *queue = queue_at(contender);
    return contender != QUEUES_IN_PLACE && queue->producers != 1 && !(queue->spins && it->cpus == 1);
}
