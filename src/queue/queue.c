/* queue.c: queues: messages from many processes to many. This file has the public functions. The ring and its states:
 * ring.c. Putting and getting, under the ring's two locks: transfer.c. Waiting: waiting.c. */
#include "queue/queue.h"

#include "base/last_error.h"
#include "base/sized.h"
#include "family/create.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "kin/queue.h"
#include "memory/heap.h"
#include "memory/object.h"
#include "park/look.h"
#include "park/park.h"
#include "queue/joinable.h"
#include "queue/large.h"
#include "queue/ring.h"
#include "queue/transfer.h"
#include "queue/waiting.h"

#include <string.h>

#define CAPACITY_DEFAULT 65536u
#define CAPACITY_MAX (UINT64_C(2) << 30)
#define CAPACITY_LARGE 64u /* at least, with KIN_QUEUE_LARGE: records of large messages have to fit */
#define FLAGS (KIN_QUEUE_JOINABLE | KIN_QUEUE_LARGE)

_Static_assert(sizeof(kin__queue) == sizeof(kin_queue), "kin_queue is kin__queue's public face");

/* ---- made and ended ---- */

static kin_status check_options(kin_queue_options *out, const kin_queue_options *options)
{
    kin_status status = kin__options_read(out, sizeof *out, options, "KIN_QUEUE_OPTIONS_INIT");
    if (status != KIN_OK) {
        return status;
    }
    out->capacity = out->capacity ? out->capacity : CAPACITY_DEFAULT;
    if (out->capacity > CAPACITY_MAX) {
        return kin__refuse(KIN_E_ARGUMENT, "options->capacity is more than 2 GiB");
    }
    if (out->flags & KIN_QUEUE_LARGE && out->capacity < CAPACITY_LARGE) {
        out->capacity = CAPACITY_LARGE;
    }
    return out->flags & ~FLAGS ? kin__refuse(KIN_E_ARGUMENT, "options->flags has unknown bits") : KIN_OK;
}

kin_status kin_queue_create(kin_queue **out, kin_family *family, const kin_queue_options *options)
{
    void *memory;
    kin_queue_options checked;
    kin_status status = out ? check_options(&checked, options) : kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    if (status == KIN_OK) {
        status = kin__family_resolve(&family, family);
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    uint64_t table = checked.flags & KIN_QUEUE_JOINABLE ? kin__ring_table_size(family) : 0;
    uint32_t units = (uint32_t)kin__ring_need(checked.capacity);
    uint64_t has = 0;
    status = kin__heap_take_sparse(&memory, family, kin__ring_size(units, table), KIN__RING_BEFORE + table, &has);
    if (status == KIN_OK) {
        kin__queue *queue = memory;
        memset(queue, 0, KIN__RING_BEFORE);
        queue->most = checked.max_messages;
        kin__ring_init(queue, units, table, has);
        kin__object_init(&queue->object, KIN_TYPE_QUEUE, checked.flags);
        *out = memory;
    }
    return kin__told(status);
}

static kin_status open_ring(kin__ring *out, const kin_queue *queue)
{
    kin__seat *seat;
    if (!queue) {
        return kin__refuse(KIN_E_ARGUMENT, "queue is NULL");
    }
    seat = kin__seat_fast(queue, KIN_TYPE_QUEUE);
    kin_status status = seat ? KIN_OK : kin__seat_find(&seat, queue, KIN_TYPE_QUEUE);
    if (status == KIN_OK) {
        status = kin__ring_open(out, seat, (kin__queue *)(uintptr_t)queue);
    }
    return status;
}

static bool takes_large(kin__queue *queue)
{
    return (atomic_load_explicit(&queue->object.detail, memory_order_relaxed) & KIN_QUEUE_LARGE) != 0;
}

kin_status kin_queue_destroy(kin_queue *queue)
{
    kin__ring ring;
    size_t size;
    kin_status status = KIN_OK;
    if (queue && kin__object_check(queue, KIN_TYPE_QUEUE) == KIN_OK && takes_large((kin__queue *)queue)) {
        status = kin_alloc_size(queue, &size); /* before anything is freed: one inside a struct is refused whole */
        status = status == KIN_OK ? open_ring(&ring, queue) : status;
        status = status == KIN_OK ? kin__ring_empty(&ring) : status;
    }
    return kin__told(status == KIN_OK ? kin__object_destroy(queue, KIN_TYPE_QUEUE) : status);
}

/* ---- the public face: copying ---- */

static kin_status too_large(const kin__ring *ring, size_t size)
{
    return kin__explain(KIN_E_TOO_BIG,
                        "the message has %zu bytes, the queue at most %llu: raise options.capacity, or create the "
                        "queue with KIN_QUEUE_LARGE",
                        size, (unsigned long long)kin__ring_capacity(ring));
}

/* Of a message that is larger than the ring. */
static kin_status allow_large(const kin__ring *ring, kin__putting *it, size_t size)
{
    it->large = takes_large(ring->queue);
    return it->large ? KIN_OK : too_large(ring, size);
}

/* The ring, for the call's one message. Inline: a put takes 17 instructions fewer. */
static inline kin_status open_for(kin__ring *out, kin_queue *queue, kin__putting *it)
{
    kin_status status = open_ring(out, queue);
    size_t size = it->messages->size;
    return status == KIN_OK && size > kin__ring_capacity(out) ? allow_large(out, it, size) : status;
}

kin_status kin_queue_put_many(kin_queue *queue, const kin_message *messages, size_t count, size_t *done,
                              int64_t timeout)
{
    kin__ring ring;
    kin__putting it = {.messages = messages, .count = count};
    if (done) {
        *done = 0;
    }
    kin_status status = messages && timeout >= 0
                            ? open_ring(&ring, queue)
                            : kin__refuse(KIN_E_ARGUMENT, "messages is NULL, or timeout is negative");
    for (size_t i = 0; i < count && status == KIN_OK; i++) {
        if (!messages[i].data && messages[i].size > 0) {
            status = kin__refuse(KIN_E_ARGUMENT, "messages has an element whose data is NULL and size is not 0");
        } else if (messages[i].size > kin__ring_capacity(&ring)) {
            status = allow_large(&ring, &it, messages[i].size);
        }
    }
    if (status == KIN_OK && count > 0) {
        status = kin__queue_put(&ring, &it, timeout);
    }
    if (done) {
        *done = it.done;
    }
    return kin__told(status);
}

kin_status kin_queue_put(kin_queue *queue, const void *data, size_t size, int64_t timeout)
{
    kin__ring ring;
    kin_message message = {(void *)(uintptr_t)data, size, 0};
    kin__putting it = {.messages = &message, .count = 1};
    if ((!data && size > 0) || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "data is NULL and size is not 0, or timeout is negative");
    }
    kin_status status = open_for(&ring, queue, &it);
    return kin__told(status == KIN_OK ? kin__queue_put(&ring, &it, timeout) : status);
}

kin_status kin_queue_get_many(kin_queue *queue, kin_message *messages, size_t count, size_t *done, int64_t timeout)
{
    kin__ring ring;
    kin__getting it = {.messages = messages, .count = count};
    if (done) {
        *done = 0;
    }
    kin_status status = messages && count > 0 && timeout >= 0
                            ? open_ring(&ring, queue)
                            : kin__refuse(KIN_E_ARGUMENT, "messages is NULL, or count is 0, or timeout is negative");
    for (size_t i = 0; i < count && status == KIN_OK; i++) {
        status = messages[i].data || messages[i].capacity == 0
                     ? KIN_OK
                     : kin__refuse(KIN_E_ARGUMENT, "messages has an element whose data is NULL and capacity is not 0");
    }
    if (status == KIN_OK) {
        status = kin__queue_get(&ring, &it, timeout);
    }
    if (done) {
        *done = it.done;
    }
    return kin__told(status);
}

kin_status kin_queue_get(kin_queue *queue, void *buffer, size_t capacity, size_t *size, int64_t timeout)
{
    kin__ring ring;
    kin_message message = {buffer, 0, capacity};
    kin__getting it = {.messages = &message, .count = 1};
    if ((!buffer && capacity > 0) || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "buffer is NULL and capacity is not 0, or timeout is negative");
    }
    kin_status status = open_ring(&ring, queue);
    if (status == KIN_OK) {
        status = kin__queue_get(&ring, &it, timeout);
    }
    if (size && (status == KIN_OK || status == KIN_E_BUFFER)) {
        *size = message.size;
    }
    return kin__told(status);
}

kin_status kin_queue_front(kin_queue *queue, void *buffer, size_t capacity, size_t *size)
{
    kin__ring ring;
    kin_message message = {buffer, 0, capacity};
    kin__getting it = {.messages = &message, .count = 1, .stay = true};
    if (!buffer && capacity > 0) {
        return kin__refuse(KIN_E_ARGUMENT, "buffer is NULL and capacity is not 0");
    }
    kin_status status = open_ring(&ring, queue);
    if (status == KIN_OK) {
        status = kin__queue_copy_first(&ring, &it);
    }
    if (size && (status == KIN_OK || status == KIN_E_BUFFER)) {
        *size = message.size;
    }
    return kin__told(status);
}

/* ---- the public face: in place ---- */

kin_status kin_queue_reserve(void **memory, kin_queue *queue, size_t size, int64_t timeout)
{
    kin__ring ring;
    kin_message message = {NULL, size, 0};
    kin__putting it = {.messages = &message, .count = 1, .reserve = true};
    kin_status status = memory && timeout >= 0 ? open_for(&ring, queue, &it)
                                               : kin__refuse(KIN_E_ARGUMENT, "memory is NULL, or timeout is negative");
    if (status == KIN_OK) {
        status = kin__queue_put(&ring, &it, timeout);
    }
    if (status == KIN_OK) {
        *memory = it.reserved;
    }
    return kin__told(status);
}

/* The record whose message begins there; NULL: there can be none. */
static kin__record *record_of(const kin__ring *ring, const void *memory)
{
    kin__record *record = kin__ring_record(ring, memory);
    return record ? record : kin__large_record(ring, memory);
}

/* Changes the state of a record that the calling thread holds; NULL: it holds none. */
static kin_status hand_over(const kin__ring *ring, kin__record *record, uint32_t from, uint32_t to)
{
    uint64_t owner = ring->seat->token | from;
    return record && atomic_compare_exchange_strong(&record->owner, &owner, to)
               ? KIN_OK
               : kin__refuse(KIN_E_STALE, "this thread has not reserved or peeked that memory");
}

/* False: there is less room. */
static bool shorten(kin__record *record, void *memory, size_t size)
{
    kin__large *block = (kin__large *)memory - 1;
    if (kin__record_is_large(record)) {
        bool fits = size <= atomic_load_explicit(&block->size, memory_order_relaxed);
        if (fits) {
            atomic_store_explicit(&block->size, size, memory_order_relaxed);
        }
        return fits;
    }
    if (size > atomic_load_explicit(&record->length, memory_order_relaxed)) {
        return false;
    }
    atomic_store_explicit(&record->length, (uint32_t)size, memory_order_relaxed);
    return true;
}

kin_status kin_queue_commit(kin_queue *queue, void *memory, size_t size)
{
    kin__ring ring;
    kin_status status = memory ? open_ring(&ring, queue) : kin__refuse(KIN_E_ARGUMENT, "memory is NULL");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    kin__record *record = record_of(&ring, memory);
    if (!record || atomic_load(&record->owner) != (ring.seat->token | KIN__RESERVED)) {
        return kin__refuse(KIN_E_STALE, "this thread has not reserved that memory");
    }
    if (!shorten(record, memory, size)) {
        return kin__refuse(KIN_E_TOO_BIG, "size is more than was reserved");
    }
    status = hand_over(&ring, record, KIN__RESERVED, KIN__READY);
    kin__queue_wake_readers(&ring); /* also for messages behind it, which could not be got before it */
    return kin__told(status);
}

/* Ends the calling thread's hold of a record, whose message is gone then. */
static inline kin_status give_up(kin__ring *out, kin_queue *queue, const void *memory, uint32_t from, uint32_t to)
{
    kin_status status = memory ? open_ring(out, queue) : kin__refuse(KIN_E_ARGUMENT, "memory is NULL");
    if (status != KIN_OK) {
        return status;
    }
    kin__record *record = record_of(out, memory);
    bool large = record && kin__record_is_large(record); /* asked now: another message may take its place */
    status = hand_over(out, record, from, to);
    if (status == KIN_OK && large) {
        kin__queue_make_room(out, false); /* frees the block now, and not when a producer needs room in the ring */
    }
    return status;
}

kin_status kin_queue_discard(kin_queue *queue, void *memory)
{
    kin__ring ring;
    kin_status status = give_up(&ring, queue, memory, KIN__RESERVED, KIN__HOLE);
    if (status == KIN_OK) {
        kin__queue_wake_readers(&ring);
        kin__queue_wake_writers(&ring);
    }
    return kin__told(status);
}

kin_status kin_queue_peek(const void **memory, size_t *size, kin_queue *queue, int64_t timeout)
{
    kin__ring ring;
    kin_message message = {NULL, 0, 0};
    kin__getting it = {.messages = &message, .count = 1, .peek = true};
    kin_status status = memory && size && timeout >= 0
                            ? open_ring(&ring, queue)
                            : kin__refuse(KIN_E_ARGUMENT, "memory or size is NULL, or timeout is negative");
    if (status == KIN_OK) {
        status = kin__queue_get(&ring, &it, timeout);
    }
    if (status == KIN_OK) {
        *memory = message.data;
        *size = message.size;
    }
    return kin__told(status);
}

kin_status kin_queue_consume(kin_queue *queue, const void *memory)
{
    kin__ring ring;
    kin_status status = give_up(&ring, queue, memory, KIN__TAKEN, KIN__DONE);
    if (status == KIN_OK) {
        kin__queue_wake_writers(&ring);
    }
    return kin__told(status);
}

/* If several threads drop at once, each drops the messages that leave its own no room. */
static kin_status drop_oldest(const kin__ring *ring)
{
    kin_message message = {NULL, 0, 0};
    kin__getting it = {.messages = &message, .count = 1, .peek = true};
    kin_status status = kin__queue_get(ring, &it, KIN_NOW);
    if (status == KIN_OK) {
        status = hand_over(ring, record_of(ring, message.data), KIN__TAKEN, KIN__DONE);
    }
    return status == KIN_OK && ring->in_hand ? kin__tasks_done(ring) : status;
}

kin_status kin_queue_put_over(kin_queue *queue, const void *data, size_t size, uint64_t *dropped)
{
    kin__ring ring;
    kin_message message = {(void *)(uintptr_t)data, size, 0};
    kin__putting it = {.messages = &message, .count = 1};
    uint64_t count = 0;
    kin_status status =
        data || size == 0 ? open_for(&ring, queue, &it) : kin__refuse(KIN_E_ARGUMENT, "data is NULL and size is not 0");
    while (status == KIN_OK && (status = kin__queue_put(&ring, &it, KIN_NOW)) == KIN_E_TIMED_OUT) {
        status = drop_oldest(&ring);
        count += status == KIN_OK;
    }
    if (dropped) {
        *dropped = count;
    }
    return kin__told(status);
}

/* ---- the public face: the end, and looking ---- */

kin_status kin_queue_close(kin_queue *queue)
{
    kin__ring ring;
    kin_status status = open_ring(&ring, queue);
    if (status == KIN_OK) {
        status = kin__queue_shut(&ring);
    }
    return kin__told(status);
}

kin_status kin_queue_inspect(const kin_queue *queue, kin_queue_info *info)
{
    kin__ring ring;
    kin_status status = kin__info_check(info, "KIN_QUEUE_INFO_INIT");
    if (status == KIN_OK) {
        status = open_ring(&ring, queue);
    }
    if (status == KIN_OK) {
        kin_queue_info own = {.capacity = kin__ring_capacity(&ring),
                              .room = (uint64_t)kin__ring_room(&ring) * KIN__UNIT,
                              .messages = kin__ring_count(&ring),
                              .closed = kin__queue_closed(&ring),
                              .lost_puts = atomic_load(&ring.ends->lost_puts),
                              .lost_gets = atomic_load(&ring.ends->lost_gets)};
        kin__info_write(info, &own, sizeof own);
    }
    return kin__told(status);
}

kin_status kin_queue_size(const kin_queue *queue, size_t *count)
{
    kin__ring ring;
    kin_status status = count ? open_ring(&ring, queue) : kin__refuse(KIN_E_ARGUMENT, "count is NULL");
    if (status == KIN_OK) {
        *count = kin__ring_count(&ring);
    }
    return kin__told(status);
}

kin_status kin_queue_empty(const kin_queue *queue, int *empty)
{
    kin__ring ring;
    kin_status status = empty ? open_ring(&ring, queue) : kin__refuse(KIN_E_ARGUMENT, "empty is NULL");
    if (status == KIN_OK) {
        *empty = kin__ring_count(&ring) == 0;
    }
    return kin__told(status);
}

kin_status kin_queue_full(const kin_queue *queue, int *full)
{
    kin__ring ring;
    kin_status status = full ? open_ring(&ring, queue) : kin__refuse(KIN_E_ARGUMENT, "full is NULL");
    if (status == KIN_OK) {
        *full = !kin__ring_writable(&ring, (uint32_t)kin__ring_need(0));
    }
    return kin__told(status);
}

/* ---- for waiting for several objects ---- */

uint32_t kin__queue_look(kin__look *how, void *object, uint32_t interest)
{
    kin__ring ring;
    kin__waiting reading = {.units = 0}, writing = {.units = (uint32_t)kin__ring_need(0)};
    if (kin__ring_open(&ring, how->seat, object) != KIN_OK) {
        return interest; /* the call that follows reports it */
    }
    how->buckets |= kin__watch_bucket(how->seat->family, &ring.ends->readable);
    how->buckets |= kin__watch_bucket(how->seat->family, &ring.ends->writable);
    if (how->arm && (interest & KIN_WAIT_READABLE)) {
        kin__queue_line_up(&ring, true);
    }
    if (how->arm && (interest & KIN_WAIT_WRITABLE)) {
        kin__queue_line_up(&ring, false);
    }
    if (how->ask && (kin__queue_obstructed(&ring, &reading) || kin__queue_obstructed(&ring, &writing))) {
        kin__queue_make_room(&ring, true);
    }
    how->owned |= kin__queue_obstructed(&ring, &reading);
    return ((interest & KIN_WAIT_READABLE) && kin__queue_worthwhile(&ring, &reading) ? KIN_WAIT_READABLE : 0) |
           ((interest & KIN_WAIT_WRITABLE) && kin__queue_worthwhile(&ring, &writing) ? KIN_WAIT_WRITABLE : 0);
}

/* ---- the public face: tasks ---- */

kin_status kin_queue_task_done(kin_queue *queue)
{
    kin__ring ring;
    kin_status status = open_ring(&ring, queue);
    return kin__told(status == KIN_OK ? kin__tasks_done(&ring) : status);
}

kin_status kin_queue_getter(kin_queue *queue, uint64_t *getter)
{
    kin__ring ring;
    kin_status status = getter ? open_ring(&ring, queue) : kin__refuse(KIN_E_ARGUMENT, "getter is NULL");
    return kin__told(status == KIN_OK ? kin__tasks_getter(getter, &ring) : status);
}

kin_status kin_queue_task_done_for(kin_queue *queue, uint64_t getter)
{
    kin__ring ring;
    kin_status status = open_ring(&ring, queue);
    return kin__told(status == KIN_OK ? kin__tasks_done_for(&ring, getter) : status);
}

kin_status kin_queue_join(kin_queue *queue, int64_t timeout)
{
    kin__ring ring;
    kin_status status = timeout >= 0 ? open_ring(&ring, queue) : kin__refuse(KIN_E_ARGUMENT, "timeout is negative");
    return kin__told(status == KIN_OK ? kin__tasks_join(&ring, timeout) : status);
}
