/* ring.c: the memory of a queue.
 *
 *     head ≤ next ≤ tail: three marks, each a count of messages (32 bits) | a position (32 bits)
 *
 *     ....DONE TAKEN DONE READY READY RESERVED READY PAD........
 *         head            next                           tail
 *
 * Positions count units of 16 bytes in [0, 2 * units). They cover the ring twice, so that an empty ring differs from a
 * full one. A record is contiguous: if it does not fit before the ring's end, a PAD record fills the rest. The numbers
 * in a record are written before `tail` covers it, and do not change until `head` has passed it.
 *
 *     producers, under put_lock:  write the record, then tail            one store publishes it
 *     consumers, under get_lock:  copy the message, then next, then head one store takes it
 *
 * A record's `owner` is its state, with the token of the thread that may change it:
 *
 *     READY      a message                 ──get──► passed      ──peek, consumer──► TAKEN
 *     RESERVED   its producer writes it    ──commit──► READY    ──abandon, or found dead──► HOLE
 *     TAKEN      its consumer reads it     ──consume, or found dead──► DONE
 *     PAD, HOLE  no message: consumers pass over it
 *
 * 1. Between head and next every record may be reclaimed unless it is TAKEN. A READY record there was got by a consumer
 *    that has not moved head yet, or was killed before it did.
 * 2. A TAKEN record behind next was marked by a peek that was killed before it moved next. It is a message like any
 *    other.
 *
 * Deaths
 *
 * 3. A producer that is killed before the store of tail has put nothing.
 * 4. A consumer that is killed before the store of next leaves the message in the queue. After that store the message
 *    is gone. It is counted as lost if the get had not finished.
 * 5. So a death leaves nothing half done. The next owner of the lock only counts the lost messages (`putting`,
 *    `getting`).
 *
 * model/ring.pml is this protocol and that of large.c, for spin; model/check verifies it.
 *
 * All members can write this memory, so a number from it is checked before it is used as a position or a length.
 */
#include "queue/ring.h"

#include "base/racing.h"
#include "family/member.h"
#include "memory/heap.h"
#include "park/owner_lock.h"
#include "queue/large.h"

#include <string.h>

#define COUNT(mark) ((uint32_t)((mark) >> 32))
#define POSITION(mark) ((uint32_t)(mark))
#define STATE(owner) ((uint32_t)((owner)&KIN__TOKEN_FLAGS))

/* If a record would cross a multiple of this while the ring is empty, the ring starts again at its beginning. So a
 * large ring that holds little touches little memory, and stays in the processor's cache. */
#define RESTART (65536u / KIN__UNIT)
#define LINE 64u
#define FILL_STEP ((uint32_t)(1 << 20) / KIN__UNIT) /* a system call for a MiB */
#define TURNS_MORE 64u
#define COUNT_TRIES 1000 /* more: the marks are garbage, or they change so fast that any count is out of date */

/* ---- marks ---- */

static uint64_t mark(uint32_t count, uint32_t position)
{
    return (uint64_t)count << 32 | position;
}

static uint32_t offset_of(const kin__ring *ring, uint64_t at)
{
    return POSITION(at) >= ring->units ? POSITION(at) - ring->units : POSITION(at);
}

static uint64_t forward(const kin__ring *ring, uint64_t from, uint32_t units, bool counts)
{
    uint32_t position = POSITION(from) + units;
    return mark(COUNT(from) + counts, position >= 2 * ring->units ? position - 2 * ring->units : position);
}

/* Units between two marks; more than the ring has if they make no sense. */
static uint32_t distance(const kin__ring *ring, uint64_t from, uint64_t to)
{
    if (POSITION(from) >= 2 * ring->units || POSITION(to) >= 2 * ring->units) {
        return UINT32_MAX;
    }
    return POSITION(to) - POSITION(from) + (POSITION(to) < POSITION(from) ? 2 * ring->units : 0);
}

static kin__record *record_at(const kin__ring *ring, uint64_t at)
{
    return (kin__record *)(void *)(ring->records + (uint64_t)offset_of(ring, at) * KIN__UNIT);
}

/* The record at from, which must end before to. Leaves its state to the caller. */
static kin_status look(const kin__ring *ring, uint64_t from, uint64_t to, kin__first *out)
{
    uint32_t there = distance(ring, from, to);
    if (there > ring->units) {
        return KIN_E_DAMAGED;
    }
    kin__record *record = record_at(ring, from);
    uint32_t units = atomic_load_explicit(&record->units, memory_order_relaxed);
    if (units == 0 || units > there || units > ring->units - offset_of(ring, from)) {
        return KIN_E_DAMAGED;
    }
    *out = (kin__first){record, from, units, 0};
    return KIN_OK;
}

static uint32_t state_of(kin__record *record)
{
    return STATE(atomic_load(&record->owner));
}

/* ---- made and opened ---- */

uint64_t kin__ring_size(uint32_t units, uint64_t table_size)
{
    return sizeof(kin__queue) + KIN__ENDS_ALIGNMENT + sizeof(kin__queue_ends) + table_size +
           (uint64_t)units * KIN__UNIT;
}

uint64_t kin__ring_extent(kin_family *family, uint64_t offset)
{
    kin__queue *queue = kin__at(family, offset, sizeof *queue, 8);
    if (!queue) {
        return 0;
    }
    uint64_t table = kin__read_u64(&queue->table) != 0 ? kin__ring_table_size(family) : 0;
    return kin__ring_ends(queue) + sizeof(kin__queue_ends) + table + (uint64_t)kin__read_u32(&queue->units) * KIN__UNIT;
}

void kin__ring_init(kin__queue *queue, uint32_t units, uint64_t table_size, uint64_t has)
{
    kin_family *family = kin__family_at(queue);
    kin__queue_ends *ends = (kin__queue_ends *)(void *)((char *)queue + kin__ring_ends(queue));
    memset(ends, 0, sizeof *ends);
    kin__lock_init(family, &ends->put_lock, 0);
    kin__lock_init(family, &ends->get_lock, 0);
    atomic_store_explicit(&ends->getting, KIN__NO_MARK, memory_order_relaxed);
    uint64_t start = kin__ring_ends(queue) + sizeof *ends;
    memset((char *)queue + start, 0, (size_t)table_size);
    start += table_size;
    uint64_t filled = has > start ? (has - start) / KIN__UNIT : 0;
    atomic_store_explicit(&ends->filled, filled < units ? (uint32_t)filled : units, memory_order_relaxed);
    queue->units = units;
    queue->table = table_size ? kin__ring_ends(queue) + sizeof *ends : 0;
}

/* ---- producers ---- */

static bool empty_at(const kin__ring *ring, uint64_t tail)
{
    uint64_t head = atomic_load_explicit(&ring->ends->head, memory_order_acquire);
    atomic_store_explicit(&ring->ends->head_seen, head, memory_order_relaxed);
    return POSITION(head) == POSITION(tail);
}

/* Units to leave unused, so that the record is contiguous, or so that the ring starts again at its beginning. */
static uint32_t padding(const kin__ring *ring, uint64_t tail, uint32_t offset, uint32_t need)
{
    uint32_t left = ring->units - offset;
    if (need > left) {
        return left;
    }
    bool restart = offset / RESTART != (offset + need) / RESTART && need <= offset && empty_at(ring, tail);
    return restart ? left : 0;
}

/* KIN_OK: so many units are free, and another message is allowed. KIN_E_TIMED_OUT: not now. */
static kin_status fits(const kin__ring *ring, uint64_t head, uint64_t tail, uint64_t units)
{
    uint32_t used = distance(ring, head, tail);
    if (used > ring->units) {
        return KIN_E_DAMAGED;
    }
    return units <= ring->units - used && COUNT(tail) - COUNT(head) < ring->most ? KIN_OK : KIN_E_TIMED_OUT;
}

static kin_status find_room(const kin__ring *ring, uint64_t tail, uint64_t units)
{
    uint64_t head = atomic_load_explicit(&ring->ends->head_seen, memory_order_relaxed);
    if (fits(ring, head, tail, units) == KIN_OK) {
        return KIN_OK;
    }
    head = atomic_load_explicit(&ring->ends->head, memory_order_acquire);
    atomic_store_explicit(&ring->ends->head_seen, head, memory_order_relaxed);
    return fits(ring, head, tail, units);
}

/* The fence: a thread that looks at a mark without the lock, and finds these bytes there, finds the mark moved. It
 * pairs with the acquire in state_at. */
static void write_header(kin__record *record, uint64_t owner, uint32_t units)
{
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&record->units, units, memory_order_relaxed);
    atomic_store_explicit(&record->length, 0, memory_order_relaxed);
    atomic_store_explicit(&record->owner, owner, memory_order_relaxed);
}

/* The memory of the next record is in the consumers' cache. Fetched now, it arrives while this record is written. The
 * line where the next record begins comes by itself. */
static void fetch_next(kin__record *record, uint32_t need)
{
    char *after = (char *)record + (uint64_t)need * KIN__UNIT;
    kin_os_cpu_fetch(after + LINE);
    kin_os_cpu_fetch(after + 2 * LINE);
}

/* Whether the padding has to be written and reclaimed before there can be room for the record. If padding and record
 * fit into the ring together, writing the padding earlier would only take room from shorter records. */
static bool pads_first(const kin__ring *ring, uint32_t pad, uint32_t need)
{
    return pad > 0 && (uint64_t)pad + need > ring->units;
}

/* Commits the ring's memory up to a unit, and some more. */
static kin_status fill(const kin__ring *ring, uint32_t end)
{
    uint32_t filled = atomic_load_explicit(&ring->ends->filled, memory_order_relaxed);
    uint32_t more = ring->units - end > FILL_STEP ? end + FILL_STEP : ring->units;
    const char *from = ring->records + (uint64_t)filled * KIN__UNIT;
    kin_status status = kin__heap_commit(ring->seat->family, from, ring->records + (uint64_t)more * KIN__UNIT);
    if (status == KIN_E_NO_MEMORY && more > end) {
        more = end;
        status = kin__heap_commit(ring->seat->family, from, ring->records + (uint64_t)more * KIN__UNIT);
    }
    if (status == KIN_OK) {
        atomic_store_explicit(&ring->ends->filled, more, memory_order_relaxed);
    }
    return status;
}

/* Commits the memory for a record at offset, or for padding there and a record at the ring's beginning. */
static kin_status fill_at(const kin__ring *ring, uint32_t offset, uint32_t pad, uint32_t need)
{
    uint32_t end = pad > 0 ? offset + 1 : offset + need;
    end = end > need ? end : need;
    return end <= atomic_load_explicit(&ring->ends->filled, memory_order_relaxed) ? KIN_OK : fill(ring, end);
}

kin_status kin__ring_claim(const kin__ring *ring, uint64_t *tail, uint32_t need, kin__record **out)
{
    if (POSITION(*tail) >= 2 * ring->units) {
        return KIN_E_DAMAGED;
    }
    uint32_t offset = offset_of(ring, *tail), pad = padding(ring, *tail, offset, need);
    if (offset + need > atomic_load_explicit(&ring->ends->filled, memory_order_relaxed)) {
        kin_status filled = fill_at(ring, offset, pad, need);
        if (filled != KIN_OK) {
            return filled;
        }
    }
    kin_status status = find_room(ring, *tail, (uint64_t)pad + need);
    if (pad > 0 && (status == KIN_OK || (status == KIN_E_TIMED_OUT && pads_first(ring, pad, need) &&
                                         find_room(ring, *tail, pad) == KIN_OK))) {
        write_header(record_at(ring, *tail), KIN__PAD, pad);
        *tail = forward(ring, *tail, pad, false);
        offset = 0;
    }
    if (status == KIN_OK) {
        *out = (kin__record *)(void *)(ring->records + (uint64_t)offset * KIN__UNIT);
        fetch_next(*out, need);
        write_header(*out, ring->seat->token | KIN__RESERVED, need);
        *tail = forward(ring, *tail, need, true);
        atomic_store_explicit(&ring->ends->putting, *tail, memory_order_relaxed);
    }
    return status;
}

void kin__ring_publish(const kin__ring *ring, uint64_t tail)
{
    atomic_store_explicit(&ring->ends->putting, tail, memory_order_relaxed);
    atomic_store_explicit(&ring->ends->tail, tail, memory_order_release);
}

void kin__ring_unclaim(const kin__ring *ring, uint64_t tail)
{
    atomic_store_explicit(&ring->ends->putting, tail, memory_order_relaxed);
}

void kin__ring_mend_put(const kin__ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->ends->tail, memory_order_relaxed);
    uint64_t putting = atomic_load_explicit(&ring->ends->putting, memory_order_relaxed);
    if (tail != putting) {
        kin__large_undo(ring);
        atomic_store_explicit(&ring->ends->putting, tail, memory_order_relaxed);
        atomic_fetch_add_explicit(&ring->ends->lost_puts, COUNT(putting) - COUNT(tail), memory_order_relaxed);
    }
    kin__large_settle(ring);
}

/* ---- consumers ---- */

kin_status kin__ring_reclaim(const kin__ring *ring, bool ask)
{
    kin__first first;
    kin_status status = KIN_OK;
    uint64_t head = atomic_load_explicit(&ring->ends->head, memory_order_relaxed);
    uint64_t next = atomic_load_explicit(&ring->ends->next, memory_order_relaxed);
    while (head != next) {
        status = look(ring, head, next, &first);
        if (status != KIN_OK) {
            break;
        }
        uint64_t owner = atomic_load_explicit(&first.record->owner, memory_order_acquire);
        if (STATE(owner) == KIN__TAKEN) {
            if (!ask || kin__token_alive(ring->seat->family, owner)) {
                break;
            }
            if (atomic_compare_exchange_strong(&first.record->owner, &owner, KIN__DONE)) {
                atomic_fetch_add_explicit(&ring->ends->lost_gets, 1, memory_order_relaxed);
            } else if (STATE(owner) == KIN__TAKEN) {
                break; /* another token: cannot happen unless the memory is damaged */
            }
        }
        if (!kin__large_free(ring, first.record)) {
            break;
        }
        head = forward(ring, head, first.units, STATE(owner) != KIN__PAD);
    }
    atomic_store_explicit(&ring->ends->head, head, memory_order_release);
    return status;
}

/* Moves `next` behind the record, and returns it. */
static inline uint64_t pass(const kin__ring *ring, const kin__first *first, size_t got)
{
    uint64_t next = forward(ring, first->at, first->units, first->state != KIN__PAD);
    if (first->state == KIN__READY) {
        atomic_store_explicit(&ring->ends->getting, mark((uint32_t)got, POSITION(next)), memory_order_relaxed);
    }
    atomic_store_explicit(&ring->ends->next, next, memory_order_release);
    return next;
}

void kin__ring_pass(const kin__ring *ring, const kin__first *first, size_t got)
{
    uint64_t next = pass(ring, first, got);
    if (first->state != KIN__TAKEN && atomic_load_explicit(&ring->ends->head, memory_order_relaxed) == first->at) {
        atomic_store_explicit(&ring->ends->head, next, memory_order_release);
    } else {
        kin__ring_reclaim(ring, false);
    }
}

void kin__ring_pass_slowly(const kin__ring *ring, const kin__first *first, size_t got)
{
    pass(ring, first, got);
    kin__ring_reclaim(ring, true); /* what a dead consumer had peeked may be large, too, and hold up all behind it */
}

void kin__ring_got(const kin__ring *ring)
{
    atomic_store_explicit(&ring->ends->getting, KIN__NO_MARK, memory_order_relaxed);
}

kin_status kin__ring_first(const kin__ring *ring, bool ask, kin__first *out)
{
    /* Each turn passes one record. After more turns than the ring has units the records are new, or the memory is
     * damaged. Then the caller checks its deadline. */
    for (uint32_t turn = 0; turn < ring->units + TURNS_MORE; turn++) {
        uint64_t next = atomic_load_explicit(&ring->ends->next, memory_order_relaxed);
        uint64_t tail = atomic_load_explicit(&ring->ends->tail_seen, memory_order_relaxed);
        if (next == tail) {
            tail = atomic_load_explicit(&ring->ends->tail, memory_order_acquire);
            atomic_store_explicit(&ring->ends->tail_seen, tail, memory_order_relaxed);
        }
        if (next == tail) {
            return KIN_E_TIMED_OUT;
        }
        kin_status status = look(ring, next, tail, out);
        if (status != KIN_OK) {
            return status;
        }
        uint64_t owner = atomic_load_explicit(&out->record->owner, memory_order_acquire);
        out->state = STATE(owner);
        switch (out->state) {
        case KIN__TAKEN:
            atomic_store_explicit(&out->record->owner, KIN__READY, memory_order_relaxed);
            out->state = KIN__READY;
            return KIN_OK;
        case KIN__READY:
            return KIN_OK;
        case KIN__RESERVED:
            if (!ask || kin__token_alive(ring->seat->family, owner)) {
                return KIN_E_BUSY;
            }
            if (atomic_compare_exchange_strong(&out->record->owner, &owner, KIN__HOLE)) {
                atomic_fetch_add_explicit(&ring->ends->lost_puts, 1, memory_order_relaxed);
            }
            break;
        case KIN__HOLE:
            kin__ring_pass_slowly(ring, out, 0);
            break;
        case KIN__PAD:
            kin__ring_pass(ring, out, 0);
            break;
        default:
            return KIN_E_DAMAGED;
        }
    }
    return KIN_E_TIMED_OUT;
}

/* `getting` is the number of messages that a call has got | the position behind the last of them. The number includes
 * that last message, although `next` may not have passed it yet. `next` may also have passed holes after it. */
void kin__ring_mend_get(const kin__ring *ring)
{
    uint64_t getting = atomic_load_explicit(&ring->ends->getting, memory_order_relaxed);
    uint64_t next = atomic_load_explicit(&ring->ends->next, memory_order_relaxed);
    if (getting != KIN__NO_MARK && COUNT(getting) > 0) {
        bool published = distance(ring, getting, next) < ring->units;
        atomic_fetch_add_explicit(&ring->ends->lost_gets, COUNT(getting) - !published, memory_order_relaxed);
    }
    kin__ring_got(ring);
    kin__ring_reclaim(ring, true);
}

kin_status kin__ring_empty(const kin__ring *ring)
{
    kin__first first;
    uint64_t at = atomic_load_explicit(&ring->ends->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&ring->ends->tail, memory_order_acquire);
    kin__ring_mend_put(ring);
    kin_status status = kin__large_ready(ring);
    while (status == KIN_OK && at != tail && look(ring, at, tail, &first) == KIN_OK) { /* damaged: what is left stays */
        bool counts = state_of(first.record) != KIN__PAD;
        status = kin__large_free(ring, first.record) ? KIN_OK : KIN_E_BUSY;
        at = forward(ring, at, first.units, counts);
    }
    return status;
}

/* ---- without a lock ---- */

/* The state of the record at a mark. It is valid only if the mark is unchanged afterwards: else the bytes there may be
 * anything, and the new mark's record is tried. Sequentially consistent: for a waiter that has set WAITERS this is the
 * last look before it sleeps (waiting.c). */
static uint32_t state_at(const kin__ring *ring, _Atomic uint64_t *end, uint64_t *at)
{
    for (int i = 0; i < COUNT_TRIES; i++) {
        uint32_t state = STATE(kin__load_racing(&record_at(ring, *at)->owner, memory_order_seq_cst));
        uint64_t before = *at;
        *at = atomic_load(end);
        if (*at == before || POSITION(*at) >= 2 * ring->units) {
            return state;
        }
    }
    return KIN__READY; /* other threads keep taking messages */
}

bool kin__ring_readable(const kin__ring *ring)
{
    uint64_t next = atomic_load(&ring->ends->next);
    if (POSITION(next) >= 2 * ring->units) {
        return next != atomic_load(&ring->ends->tail); /* damaged: the call that follows will say so */
    }
    if (next == atomic_load(&ring->ends->tail)) {
        return false; /* the memory at next may not be committed yet */
    }
    uint32_t state = state_at(ring, &ring->ends->next, &next);
    return next != atomic_load(&ring->ends->tail) && state != KIN__RESERVED;
}

bool kin__ring_reclaimable(const kin__ring *ring)
{
    uint64_t head = atomic_load(&ring->ends->head);
    uint64_t next = atomic_load(&ring->ends->next);
    if (POSITION(head) >= 2 * ring->units || POSITION(next) >= 2 * ring->units) {
        return true; /* damaged: the call that follows will say so */
    }
    if (head != next) {
        uint32_t state = state_at(ring, &ring->ends->head, &head);
        next = atomic_load(&ring->ends->next);
        if (head != next || POSITION(next) >= 2 * ring->units) {
            return state != KIN__TAKEN;
        }
    }
    if (next == atomic_load(&ring->ends->tail)) {
        return false;
    }
    uint32_t state = state_at(ring, &ring->ends->next, &next);
    return next != atomic_load(&ring->ends->tail) && (state == KIN__PAD || state == KIN__HOLE);
}

/* Units after the tail that a record of need units takes, including its padding; or the padding's alone, if that has to
 * be written first. */
static uint32_t next_step(const kin__ring *ring, uint64_t tail, uint32_t need)
{
    uint32_t left = ring->units - (POSITION(tail) < 2 * ring->units ? offset_of(ring, tail) : 0);
    return need <= left ? need : pads_first(ring, left, need) ? left : left + need;
}

bool kin__ring_writable(const kin__ring *ring, uint32_t need)
{
    uint64_t tail = atomic_load(&ring->ends->tail);
    uint32_t units = next_step(ring, tail, need);
    return fits(ring, atomic_load(&ring->ends->head), tail, units) != KIN_E_TIMED_OUT || kin__ring_reclaimable(ring);
}

uint32_t kin__ring_wanted(const kin__ring *ring, uint32_t need)
{
    uint32_t units = next_step(ring, atomic_load(&ring->ends->tail), need);
    return units > need ? units : need;
}

uint32_t kin__ring_room(const kin__ring *ring)
{
    uint32_t used = distance(ring, atomic_load(&ring->ends->head), atomic_load(&ring->ends->tail));
    return used <= ring->units ? ring->units - used : 0;
}

uint32_t kin__ring_space(const kin__ring *ring)
{
    uint64_t head = atomic_load(&ring->ends->head), tail = atomic_load(&ring->ends->tail);
    kin_status status = fits(ring, head, tail, 0);
    if (status != KIN_OK) {
        return status == KIN_E_DAMAGED ? UINT32_MAX : 0;
    }
    return ring->units - distance(ring, head, tail);
}

uint32_t kin__ring_count_put(const kin__ring *ring)
{
    return COUNT(atomic_load_explicit(&ring->ends->tail, memory_order_relaxed));
}

uint32_t kin__ring_count_got(const kin__ring *ring)
{
    return COUNT(atomic_load_explicit(&ring->ends->next, memory_order_relaxed));
}

/* next is the same before and after the load of tail, so both were valid at that moment. */
static uint32_t count(const kin__ring *ring, uint64_t *tail)
{
    uint64_t next = atomic_load(&ring->ends->next);
    for (int i = 0; i < COUNT_TRIES; i++) {
        uint64_t before = next;
        *tail = atomic_load(&ring->ends->tail);
        next = atomic_load(&ring->ends->next);
        if (next == before) {
            break;
        }
    }
    return COUNT(*tail) - COUNT(next);
}

uint32_t kin__ring_count(const kin__ring *ring)
{
    uint64_t tail;
    return count(ring, &tail);
}

bool kin__ring_drained(const kin__ring *ring, uint64_t *tail)
{
    return count(ring, tail) == 0;
}

kin__record *kin__ring_record(const kin__ring *ring, const void *memory)
{
    uintptr_t first = (uintptr_t)ring->records + sizeof(kin__record);
    uintptr_t place = (uintptr_t)memory - first;
    if ((uintptr_t)memory < first || place % KIN__UNIT != 0 || place / KIN__UNIT >= ring->units) {
        return NULL;
    }
    return (kin__record *)(void *)((char *)(uintptr_t)memory - sizeof(kin__record));
}
