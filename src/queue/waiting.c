/* waiting.c: waiting for a queue's messages, or for room in it.
 *
 * Waiters sleep on `readable` and `writable`. Their only content is the flag WAITERS: a thread sleeps, or is about to.
 *
 *     consumer: begin the wait slot; set WAITERS; load the lock's word, the marks; nothing there: sleep
 *     producer: store tail; unlock; load `readable`; WAITERS: unpark, and clear it when nobody is left
 *
 * The word does not change with what is waited for, and an unpark that leaves somebody asleep leaves it as it is. So
 * the look comes after the slot has begun: the unpark finds the slot, or the look finds the message.
 *
 * The unlock, the setting of WAITERS and both loads are sequentially consistent: if the producer sees no WAITERS, then
 * the consumer finds the lock's word of that unlock or a later one, with which it synchronises, and so the mark stored
 * before. The same with the sides exchanged; for a commit or a consume, the exchange of the record's owner stands in
 * for the unlock.
 */
#include "queue/waiting.h"

#include "base/backoff.h"
#include "base/spin.h"
#include "family/member.h"
#include "family/reap.h"
#include "queue/ring.h"

#define WATCH_INTERVAL KIN_MS(10) /* to ask the system whether a process lives costs a system call */

bool kin__queue_worthwhile(const kin__ring *ring, const kin__waiting *w)
{
    if (w->units > 0) {
        return kin__ring_writable(ring, w->units) || kin__queue_closed(ring);
    }
    return kin__ring_readable(ring) || (kin__queue_closed(ring) && kin__ring_count(ring) == 0);
}

bool kin__queue_obstructed(const kin__ring *ring, const kin__waiting *w)
{
    return w->units > 0 ? kin__ring_room(ring) < ring->units : kin__ring_count(ring) > 0;
}

/* ---- pausing ----
 *
 * Where one side is a little faster than the other, it finds one message (or room for one) whenever it looks, and each
 * look takes the cache lines from the other side. Both are then three times slower than if it had waited a moment and
 * found ten. But where only one message is to come, as an answer to a question, that moment is lost. So the pause after
 * a spin learns: it grows while it brings more and shrinks while it does not. Where there is none, one is tried now and
 * then, more and more rarely in vain.
 *
 * This is not part of kin__spin, which learns whether waiting pays. The pause comes after that, and its length is
 * learnt, from how much has come meanwhile. How often to try one is decided by the same backoff.
 *
 * Each side's memory of it: skip (16 bits) | doubt (8 bits) | length, in pauses of the processor (8 bits). skip and
 * doubt are a kin__backoff. Races only blur it.
 */
#define PAUSES_MAX 128u
#define PAUSES_TRIAL 32u
#define DOUBT_MAX 12u
#define TRIAL_UNIT 8u
#define BATCH 4u

typedef struct memory {
    uint32_t pauses;
    kin__backoff backoff;
} memory;

static memory recall(_Atomic uint32_t *where)
{
    uint32_t all = atomic_load_explicit(where, memory_order_relaxed);
    return (memory){all & 0xff, {all >> 8 & 0xff, all >> 16}};
}

static void remember(_Atomic uint32_t *where, const memory *m)
{
    atomic_store_explicit(where, m->backoff.skip << 16 | m->backoff.doubt << 8 | m->pauses, memory_order_relaxed);
}

static void learn(memory *m, uint32_t more)
{
    if (more >= BATCH) {
        m->pauses = m->pauses * 2 < PAUSES_MAX ? m->pauses * 2 : PAUSES_MAX;
    } else if (more <= 1) {
        m->pauses /= 2;
    }
    if (m->pauses >= PAUSES_TRIAL) {
        kin__backoff_succeeded(&m->backoff);
    } else {
        m->pauses = 0;
        kin__backoff_failed(&m->backoff, 1, DOUBT_MAX, TRIAL_UNIT);
    }
}

static void pause_for_more(const kin__ring *ring, const kin__waiting *w)
{
    _Atomic uint32_t *where = w->units == 0 ? &ring->ends->read_pause : &ring->ends->write_pause;
    memory m = recall(where);
    if (kin__backoff_due(&m.backoff)) {
        m.pauses = m.pauses == 0 ? PAUSES_TRIAL : m.pauses;
        for (uint32_t i = 0; i < m.pauses; i++) {
            kin_os_cpu_relax();
        }
        learn(&m, w->units == 0 ? kin__ring_count(ring) : kin__ring_room(ring) / w->units);
    }
    remember(where, &m);
}

static bool spin(const kin__ring *ring, const kin__waiting *w)
{
    kin__queue_ends *ends = ring->ends;
    return w->units == 0
               ? kin__spin(&ends->tail, atomic_load_explicit(&ends->tail_seen, memory_order_relaxed), &ends->read_spin)
               : kin__spin(&ends->head, atomic_load_explicit(&ends->head_seen, memory_order_relaxed),
                           &ends->write_spin);
}

/* At the first wait of a call. Whether to try again at once. */
static bool begin_waiting(const kin__ring *ring, kin__waiting *w)
{
    w->begun = true;
    w->parked = KIN__CHANGED;
    w->now = w->timeout == KIN_FOREVER ? 0 : kin_os_now();
    w->deadline = w->timeout > KIN_OS_NEVER - w->now ? KIN_OS_NEVER : w->now + w->timeout;
    w->slices = kin__slices_of(w->deadline, false);
    w->ask = w->timeout == KIN_NOW;
    if (w->ask) {
        return true;
    }
    bool moved = spin(ring, w);
    if (moved) {
        pause_for_more(ring, w);
    }
    return moved;
}

static void sleep_a_slice(const kin__ring *ring, kin__waiting *w)
{
    const bool reads = w->units == 0;
    _Atomic uint64_t *word = reads ? &ring->ends->readable : &ring->ends->writable;
    kin__lock *other = reads ? &ring->ends->put_lock : &ring->ends->get_lock;
    if (kin__queue_obstructed(ring, w)) {
        kin__slices_hurry(&w->slices);
    }
    kin__slices_begin(ring->seat, &w->slices, word, reads ? 1 : w->units);
    atomic_fetch_or(word, KIN__WAITERS);
    atomic_load(&other->word);
    bool there = kin__queue_worthwhile(ring, w);
    if (!there && !kin__slices_sleep(ring->seat, &w->slices) && kin__queue_worthwhile(ring, w)) {
        kin__slices_forgotten(ring->seat, reads ? &ring->ends->tail : &ring->ends->head);
    }
    w->parked = kin__park_end(ring->seat) ? KIN__WOKEN : there ? KIN__CHANGED : KIN__TIMED_OUT;
    w->now = there || w->deadline == KIN_OS_NEVER ? w->now : kin_os_now();
}

kin_status kin__queue_wait(const kin__ring *ring, kin__waiting *w)
{
    if (!w->begun && begin_waiting(ring, w)) {
        return KIN_OK;
    }
    w->now = kin_os_now();
    if (w->now >= w->deadline) {
        return KIN_E_TIMED_OUT;
    }
    w->ask = w->now - w->asked > WATCH_INTERVAL && kin__queue_obstructed(ring, w);
    if (w->ask) {
        w->asked = w->now;
        return KIN_OK;
    }
    if (w->parked == KIN__TIMED_OUT) {
        kin_status status = kin__member_check(ring->seat->family);
        if (status != KIN_OK) {
            return status;
        }
    }
    sleep_a_slice(ring, w);
    return KIN_OK;
}

void kin__queue_pass_on(const kin__ring *ring, const kin__waiting *w)
{
    if (!w->begun) {
        return;
    }
    /* After a slice, too: who should have woken others may be dead. */
    if (w->parked != KIN__CHANGED && kin__queue_worthwhile(ring, w)) {
        kin__unpark(ring->seat->family, w->units == 0 ? &ring->ends->readable : &ring->ends->writable,
                    w->units == 0 ? 1 : KIN__ALL);
    }
    if (w->slices.dead) {
        kin__reap_all(ring->seat->family);
    }
}
