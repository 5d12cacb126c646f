/* queue.c: queues: messages from many processes to many. The ring and its states: ring.c. Waiting: waiting.c. This file
 * has the public functions and the ring's two locks.
 *
 * put_lock guards the producers' part of the ring, get_lock the consumers'. Each is an owner lock, so its next owner
 * learns that a holder has died. A put is one lock, the copy, one store of `tail`, one unlock. Each side keeps a copy
 * of the other side's mark, and reads the mark itself only if the copy shows no room or no message. A thread may
 * acquire get_lock while it holds put_lock, never the other way round.
 */
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
#include "park/owner_lock.h"
#include "park/park.h"
#include "queue/joinable.h"
#include "queue/large.h"
#include "queue/ring.h"
#include "queue/waiting.h"

#include <string.h>

#define MOMENT                                                                                                         \
    KIN_MS(100) /* how long a call with KIN_NOW waits for the lock: the lock's holder works, and does not sleep */
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

static uint64_t capacity_of(const kin__ring *ring)
{
    return (uint64_t)(ring->units - 1) * KIN__UNIT;
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

/* ---- the locks ---- */

static kin_status enter(const kin__ring *ring, kin__lock *lock, int64_t timeout)
{
    kin_status status = kin__lock_acquire(ring->seat, lock, timeout < MOMENT ? MOMENT : timeout);
    if (status == KIN_OWNER_DIED) {
        if (lock == &ring->ends->put_lock) {
            kin__ring_mend_put(ring);
        } else {
            kin__ring_mend_get(ring);
        }
        status = kin__lock_repair(ring->seat, lock);
    }
    return status;
}

static void leave(const kin__ring *ring, kin__lock *lock)
{
    kin__lock_release(ring->seat, lock);
}

/* ---- waking ---- */

static void wake_readers(const kin__ring *ring)
{
    if (atomic_load(&ring->ends->readable) & KIN__WAITERS) {
        kin__queue_wake(ring, true);
    }
}

static void wake_writers(const kin__ring *ring)
{
    if (atomic_load(&ring->ends->writable) & KIN__WAITERS) {
        kin__queue_wake(ring, false);
    }
}

static void wake_all(const kin__ring *ring, _Atomic uint64_t *word)
{
    if (atomic_load(word) & KIN__WAITERS) {
        kin__unpark_flagged(ring->seat->family, word, KIN__WAITERS, KIN__ALL);
    }
}

/* ---- producers ---- */

typedef struct putting {
    const kin_message *messages;
    size_t count, done;
    bool large; /* some messages may be larger than the ring */
    bool reserve;
    void *reserved; /* where the message is to be written */
    bool now;       /* KIN_NOW: the call does not wait and is not held back */
    bool turn;      /* it has waited, and its turn has come (waiting.c) */
    bool held;      /* the last try was held back */
    bool padded;    /* the last try passed to the ring's beginning, and found no room there */
} putting;

static void fill(kin__record *record, const kin_message *message)
{
    atomic_store_explicit(&record->length, (uint32_t)message->size, memory_order_relaxed);
    if (message->size > 0) {
        memcpy(record + 1, message->data, message->size);
    }
    atomic_store_explicit(&record->owner, KIN__READY, memory_order_relaxed);
}

/* Units that a message takes in the ring. */
static uint32_t units_for(const kin__ring *ring, const putting *it, size_t size)
{
    return it->large && size > capacity_of(ring) ? KIN__LARGE_UNITS : (uint32_t)kin__ring_need(size);
}

/* Under put_lock: puts a message that is larger than the ring, and publishes it, with those before it. */
static kin_status put_large(const kin__ring *ring, putting *it, uint64_t *tail)
{
    const kin_message *message = &it->messages[it->done];
    const uint64_t before = *tail;
    kin__record *record;
    kin__large *block;
    kin__ring_publish(ring, before);
    kin_status status = kin__large_ready(ring);
    if (status == KIN_OK) {
        status = kin__ring_claim(ring, tail, KIN__LARGE_UNITS, &record);
    }
    if (status != KIN_OK) {
        return status;
    }
    status = kin__large_make(&block, ring, record, message->size);
    if (status != KIN_OK) {
        kin__ring_unclaim(ring, before);
        *tail = before;
        return status;
    }
    it->reserved = block + 1;
    if (!it->reserve) {
        memcpy(block + 1, message->data, message->size);
        atomic_store_explicit(&record->owner, KIN__READY, memory_order_relaxed);
    }
    kin__ring_publish(ring, *tail);
    kin__large_settle(ring);
    return KIN_OK;
}

/* word: `writable`. */
static kin_status may_put(const kin__ring *ring, putting *it, uint64_t word)
{
    it->held = kin__queue_held_back(word, &ring->ends->put_barged, &ring->ends->put_limit, it->turn || it->now);
    return word & KIN__CLOSED ? KIN_E_CLOSED : it->held ? KIN_E_TIMED_OUT : KIN_OK;
}

/* Under put_lock: puts a message into the ring, behind *tail, which the caller publishes. */
static inline kin_status put_small(const kin__ring *ring, putting *it, uint64_t *tail)
{
    const kin_message *message = &it->messages[it->done];
    kin__record *record;
    kin_status status = kin__ring_claim(ring, tail, (uint32_t)kin__ring_need(message->size), &record);
    if (status == KIN_OK && it->reserve) {
        atomic_store_explicit(&record->length, (uint32_t)message->size, memory_order_relaxed);
        it->reserved = record + 1;
    } else if (status == KIN_OK) {
        fill(record, message);
    }
    return status;
}

/* The same for messages of any size. Not in one loop with those that are known to fit: that made these slower. */
static kin_status put_mixed(const kin__ring *ring, putting *it, uint64_t *tail)
{
    kin_status status = KIN_OK;
    while (status == KIN_OK && it->done < it->count) {
        bool large = it->messages[it->done].size > capacity_of(ring);
        status = large ? put_large(ring, it, tail) : put_small(ring, it, tail);
        it->done += status == KIN_OK;
    }
    return status;
}

/* Under put_lock. KIN_E_TIMED_OUT: no room for all, or held back. */
static kin_status put_what_fits(const kin__ring *ring, putting *it)
{
    uint64_t start = atomic_load_explicit(&ring->ends->tail, memory_order_relaxed);
    uint64_t tail = start, word = atomic_load(&ring->ends->writable);
    size_t before = it->done;
    kin_status status = word != 0 ? may_put(ring, it, word) : KIN_OK;
    if (it->large && status == KIN_OK) {
        status = put_mixed(ring, it, &tail);
    }
    while (status == KIN_OK && it->done < it->count) {
        status = put_small(ring, it, &tail);
        it->done += status == KIN_OK;
    }
    if (tail != start) {
        kin__ring_publish(ring, tail);
    }
    if (word != 0) {
        kin__queue_served(word, &ring->ends->put_barged, it->turn, it->done - before);
    }
    it->padded = tail != start && status == KIN_E_TIMED_OUT;
    return status;
}

/* Reclaims records that were consumed, and records that dead processes left, if there is no room because of them. */
static kin_status make_room(const kin__ring *ring, bool ask)
{
    kin__first first;
    if (!ask && !kin__ring_reclaimable(ring)) {
        return KIN_OK;
    }
    kin_status status = enter(ring, &ring->ends->get_lock, KIN_NOW);
    if (status != KIN_OK) {
        return status == KIN_E_TIMED_OUT ? KIN_OK : status;
    }
    status = kin__ring_first(ring, ask, &first); /* passes over padding */
    if (status != KIN_E_DAMAGED) {
        status = kin__ring_reclaim(ring, ask);
    }
    leave(ring, &ring->ends->get_lock);
    return status;
}

static kin_status put_once(const kin__ring *ring, putting *it, int64_t timeout)
{
    size_t before = it->done;
    kin_status status = enter(ring, &ring->ends->put_lock, timeout);
    if (status == KIN_OK) {
        status = put_what_fits(ring, it);
        leave(ring, &ring->ends->put_lock);
        if (it->done > before && !it->reserve) {
            wake_readers(ring);
        }
    }
    return status;
}

static kin_status put_waiting(const kin__ring *ring, putting *it, int64_t timeout)
{
    kin__waiting w = {.timeout = timeout};
    kin_status status;
    it->now = timeout == KIN_NOW;
    do {
        w.units = units_for(ring, it, it->messages[it->done].size);
        w.held = it->held;
        status = kin__queue_wait(ring, &w);
        it->held = false;
        it->turn = w.turn;
        if (status == KIN_OK) {
            status = make_room(ring, w.ask);
        }
        if (status != KIN_OK) {
            break;
        }
        status = put_once(ring, it, w.deadline - w.now);
        if (status == KIN_E_TIMED_OUT && it->padded) { /* the ring may contain nothing but the padding */
            status = make_room(ring, false);
            status = status == KIN_OK ? put_once(ring, it, w.deadline - w.now) : status;
        }
    } while (status == KIN_E_TIMED_OUT);
    kin__queue_pass_on(ring, &w);
    return status;
}

static kin_status put_all(const kin__ring *ring, putting *it, int64_t timeout)
{
    kin_status status = put_once(ring, it, timeout);
    return status == KIN_E_TIMED_OUT ? put_waiting(ring, it, timeout) : status;
}

/* ---- consumers ---- */

typedef struct getting {
    kin_message *messages;
    size_t count, done;
    bool peek;
    bool stay;            /* the message is only copied */
    bool now, turn, held; /* as for putting */
} getting;

/* Gives the caller the record's message, which lies at bytes: in the record, or in a block of its own (large). */
static inline kin_status take(const kin__ring *ring, getting *it, kin__first *first, void *bytes, size_t size,
                              bool large)
{
    kin_message *message = &it->messages[it->done];
    message->size = size;
    if (it->peek) {
        message->data = bytes;
        atomic_store_explicit(&first->record->owner, ring->seat->token | KIN__TAKEN, memory_order_relaxed);
        first->state = KIN__TAKEN;
    } else if (size > message->capacity) {
        return kin__buffer_short("message", size, message->capacity);
    } else if (size > 0) {
        memcpy(message->data, bytes, size);
    }
    if (it->stay) {
        it->done++;
        return KIN_OK;
    }
    kin__tasks_got(ring);
    it->done++;
    if (large) {
        kin__ring_pass_slowly(ring, first, it->done);
    } else {
        kin__ring_pass(ring, first, it->done);
    }
    return KIN_OK;
}

static kin_status get_large(const kin__ring *ring, getting *it, kin__first *first)
{
    kin__large *block;
    uint64_t size;
    return kin__large_open(ring, first->record, &block, &size) ? take(ring, it, first, block + 1, (size_t)size, true)
                                                               : KIN_E_DAMAGED;
}

static kin_status get_one(const kin__ring *ring, getting *it, kin__first *first)
{
    uint32_t length = atomic_load_explicit(&first->record->length, memory_order_relaxed);
    if (kin__ring_need(length) > first->units) {
        return length == KIN__LARGE ? get_large(ring, it, first) : KIN_E_DAMAGED;
    }
    return take(ring, it, first, first->record + 1, length, false);
}

/* Under get_lock. KIN_OK: at least one. KIN_E_TIMED_OUT: nothing there, or held back. */
static kin_status get_what_is_there(const kin__ring *ring, getting *it, bool ask)
{
    uint64_t word = it->stay ? 0 : atomic_load(&ring->ends->readable); /* a copy takes nobody's turn */
    it->held =
        word != 0 && kin__queue_held_back(word, &ring->ends->get_barged, &ring->ends->get_limit, it->turn || it->now);
    kin_status status = it->held ? KIN_E_TIMED_OUT : KIN_OK;
    while (status == KIN_OK && it->done < it->count) {
        kin__first first;
        status = kin__ring_first(ring, ask, &first);
        if (status == KIN_OK) {
            status = get_one(ring, it, &first);
        }
    }
    kin__ring_got(ring);
    if (word != 0) {
        kin__queue_served(word, &ring->ends->get_barged, it->turn, it->done);
    }
    return it->done > 0 ? KIN_OK : status;
}

static kin_status get_once(const kin__ring *ring, getting *it, int64_t timeout, bool ask)
{
    kin_status status = enter(ring, &ring->ends->get_lock, timeout);
    if (status == KIN_OK) {
        status = get_what_is_there(ring, it, ask);
        leave(ring, &ring->ends->get_lock);
        if (status == KIN_OK) {
            wake_writers(ring);
        }
    }
    return status;
}

static kin_status get_waiting(const kin__ring *ring, getting *it, int64_t timeout)
{
    kin__waiting w = {.timeout = timeout};
    kin_status status;
    it->now = timeout == KIN_NOW;
    do {
        w.held = it->held;
        status = kin__queue_wait(ring, &w);
        it->turn = w.turn;
        if (status != KIN_OK) {
            break;
        }
        bool last = kin__queue_closed(ring); /* loaded first: messages put before the closing are still got */
        status = get_once(ring, it, w.deadline - w.now, w.ask);
        if (status == KIN_E_TIMED_OUT && last && !it->held && kin__ring_count(ring) == 0) { /* else: no lock in time */
            status = KIN_E_CLOSED;
        }
    } while (status == KIN_E_TIMED_OUT || status == KIN_E_BUSY);
    kin__queue_pass_on(ring, &w);
    return status;
}

static kin_status get_some(const kin__ring *ring, getting *it, int64_t timeout)
{
    kin_status status = get_once(ring, it, timeout, false);
    return status == KIN_E_TIMED_OUT || status == KIN_E_BUSY ? get_waiting(ring, it, timeout) : status;
}

/* ---- the public face: copying ---- */

static kin_status too_large(const kin__ring *ring, size_t size)
{
    return kin__explain(KIN_E_TOO_BIG,
                        "the message has %zu bytes, the queue at most %llu: raise options.capacity, or create the "
                        "queue with KIN_QUEUE_LARGE",
                        size, (unsigned long long)capacity_of(ring));
}

/* Of a message that is larger than the ring. */
static kin_status allow_large(const kin__ring *ring, putting *it, size_t size)
{
    it->large = takes_large(ring->queue);
    return it->large ? KIN_OK : too_large(ring, size);
}

/* The ring, for the call's one message. Inline: a put takes 17 instructions fewer. */
static inline kin_status open_for(kin__ring *out, kin_queue *queue, putting *it)
{
    kin_status status = open_ring(out, queue);
    size_t size = it->messages->size;
    return status == KIN_OK && size > capacity_of(out) ? allow_large(out, it, size) : status;
}

kin_status kin_queue_put_many(kin_queue *queue, const kin_message *messages, size_t count, size_t *done,
                              int64_t timeout)
{
    kin__ring ring;
    putting it = {.messages = messages, .count = count};
    if (done) {
        *done = 0;
    }
    kin_status status = messages && timeout >= 0
                            ? open_ring(&ring, queue)
                            : kin__refuse(KIN_E_ARGUMENT, "messages is NULL, or timeout is negative");
    for (size_t i = 0; i < count && status == KIN_OK; i++) {
        if (!messages[i].data && messages[i].size > 0) {
            status = kin__refuse(KIN_E_ARGUMENT, "messages has an element whose data is NULL and size is not 0");
        } else if (messages[i].size > capacity_of(&ring)) {
            status = allow_large(&ring, &it, messages[i].size);
        }
    }
    if (status == KIN_OK && count > 0) {
        status = put_all(&ring, &it, timeout);
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
    putting it = {.messages = &message, .count = 1};
    if ((!data && size > 0) || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "data is NULL and size is not 0, or timeout is negative");
    }
    kin_status status = open_for(&ring, queue, &it);
    return kin__told(status == KIN_OK ? put_all(&ring, &it, timeout) : status);
}

kin_status kin_queue_get_many(kin_queue *queue, kin_message *messages, size_t count, size_t *done, int64_t timeout)
{
    kin__ring ring;
    getting it = {.messages = messages, .count = count};
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
        status = get_some(&ring, &it, timeout);
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
    getting it = {.messages = &message, .count = 1};
    if ((!buffer && capacity > 0) || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "buffer is NULL and capacity is not 0, or timeout is negative");
    }
    kin_status status = open_ring(&ring, queue);
    if (status == KIN_OK) {
        status = get_some(&ring, &it, timeout);
    }
    if (size && (status == KIN_OK || status == KIN_E_BUFFER)) {
        *size = message.size;
    }
    return kin__told(status);
}

/* `next`, which alone says what has been got, is not moved behind the message. A process that dies in it has changed
 * nothing but `next`, behind holes and padding. */
static kin_status copy_first(const kin__ring *ring, getting *it)
{
    bool last = kin__queue_closed(ring); /* loaded first, as in get_waiting */
    kin_status status = get_once(ring, it, KIN_NOW, true);
    if (status == KIN_E_TIMED_OUT || status == KIN_E_BUSY) {
        wake_writers(ring); /* what was passed may have made room */
        status = last && kin__ring_count(ring) == 0 ? KIN_E_CLOSED : KIN_E_TIMED_OUT;
    }
    return status;
}

kin_status kin_queue_front(kin_queue *queue, void *buffer, size_t capacity, size_t *size)
{
    kin__ring ring;
    kin_message message = {buffer, 0, capacity};
    getting it = {.messages = &message, .count = 1, .stay = true};
    if (!buffer && capacity > 0) {
        return kin__refuse(KIN_E_ARGUMENT, "buffer is NULL and capacity is not 0");
    }
    kin_status status = open_ring(&ring, queue);
    if (status == KIN_OK) {
        status = copy_first(&ring, &it);
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
    putting it = {.messages = &message, .count = 1, .reserve = true};
    kin_status status = memory && timeout >= 0 ? open_for(&ring, queue, &it)
                                               : kin__refuse(KIN_E_ARGUMENT, "memory is NULL, or timeout is negative");
    if (status == KIN_OK) {
        status = put_all(&ring, &it, timeout);
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
    wake_readers(&ring); /* also for messages behind it, which could not be got before it */
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
        make_room(out, false); /* frees the block now, and not when a producer needs room in the ring */
    }
    return status;
}

kin_status kin_queue_discard(kin_queue *queue, void *memory)
{
    kin__ring ring;
    kin_status status = give_up(&ring, queue, memory, KIN__RESERVED, KIN__HOLE);
    if (status == KIN_OK) {
        wake_readers(&ring);
        wake_writers(&ring);
    }
    return kin__told(status);
}

kin_status kin_queue_peek(const void **memory, size_t *size, kin_queue *queue, int64_t timeout)
{
    kin__ring ring;
    kin_message message = {NULL, 0, 0};
    getting it = {.messages = &message, .count = 1, .peek = true};
    kin_status status = memory && size && timeout >= 0
                            ? open_ring(&ring, queue)
                            : kin__refuse(KIN_E_ARGUMENT, "memory or size is NULL, or timeout is negative");
    if (status == KIN_OK) {
        status = get_some(&ring, &it, timeout);
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
        wake_writers(&ring);
    }
    return kin__told(status);
}

/* If several threads drop at once, each drops the messages that leave its own no room. */
static kin_status drop_oldest(const kin__ring *ring)
{
    kin_message message = {NULL, 0, 0};
    getting it = {.messages = &message, .count = 1, .peek = true};
    kin_status status = get_some(ring, &it, KIN_NOW);
    if (status == KIN_OK) {
        status = hand_over(ring, record_of(ring, message.data), KIN__TAKEN, KIN__DONE);
    }
    return status == KIN_OK && ring->in_hand ? kin__tasks_done(ring) : status;
}

kin_status kin_queue_put_over(kin_queue *queue, const void *data, size_t size, uint64_t *dropped)
{
    kin__ring ring;
    kin_message message = {(void *)(uintptr_t)data, size, 0};
    putting it = {.messages = &message, .count = 1};
    uint64_t count = 0;
    kin_status status =
        data || size == 0 ? open_for(&ring, queue, &it) : kin__refuse(KIN_E_ARGUMENT, "data is NULL and size is not 0");
    while (status == KIN_OK && (status = put_all(&ring, &it, KIN_NOW)) == KIN_E_TIMED_OUT) {
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
    if (status == KIN_OK) { /* under the lock: a put is before it or after it */
        status = enter(&ring, &ring.ends->put_lock, KIN_FOREVER);
    }
    if (status == KIN_OK) {
        atomic_fetch_or(&ring.ends->writable, KIN__CLOSED);
        leave(&ring, &ring.ends->put_lock);
        wake_all(&ring, &ring.ends->readable);
        wake_all(&ring, &ring.ends->writable);
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
        kin_queue_info own = {.capacity = capacity_of(&ring),
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
        make_room(&ring, true);
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

kin_status kin_queue_join(kin_queue *queue, int64_t timeout)
{
    kin__ring ring;
    kin_status status = timeout >= 0 ? open_ring(&ring, queue) : kin__refuse(KIN_E_ARGUMENT, "timeout is negative");
    return kin__told(status == KIN_OK ? kin__tasks_join(&ring, timeout) : status);
}
