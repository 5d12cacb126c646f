/* waiting.c: waiting in line for a queue's messages, or for room in it.
 *
 * ---- The words ----
 *
 * Consumers sleep on `readable`, producers on `writable`. Each word has flags only:
 *
 *     WAITERS  a thread sleeps on the word, or is about to, or has been woken and has not left its slot
 *     WAKING   one of them is being woken, or has been. It looks soon
 *     CLOSED   (in `writable`) the queue is closed
 *
 *     0 ──a waiter, its slot begun──► WAITERS              clears WAKING: the thread that set it may be dead
 *     WAITERS ──after a put or a get──► WAITERS|WAKING     the caller then unparks the oldest sleeper
 *     WAITERS|WAKING ──the woken thread──► WAITERS         it then looks, and at its call's end passes on
 *     WAITERS|WAKING ──a waker that woke nobody──► WAITERS it then looks once more
 *     WAITERS ──unpark, nobody is left──► 0                clears the flag, and looks for sleepers again
 *
 * ---- Turns ----
 *
 * A message, or the room of one message, causes at most one wake-up; mostly it causes fewer.
 *
 * 1. A call that has put or got a message loads the other side's word after it has released its lock. If it finds
 *    WAITERS and not WAKING, it sets WAKING. It wakes the oldest sleeper (kin__unpark_oldest) if there is enough for
 *    that sleeper. If it finds WAKING, it does nothing: the woken thread will find the message, or the room.
 * 2. A call that has slept checks at its end, however it ends, whether a message or room is left. If so, it does step
 *    1. So sleepers that wake one another take everything there is.
 * 3. Only the oldest sleeper is woken. If it wants more room than there is, later sleepers that want less have to wait.
 *    A thread that sleeps again in the same call keeps its ticket, and so its place.
 * 4. A call that has not waited may take a message or room, because a running thread is faster than one that has to be
 *    woken. But between two threads whose turn has come, such calls take a limited number of messages in all. The
 *    counts are `put_barged`, `get_barged`, the limits `put_limit`, `get_limit`. A call beyond the limit is held back:
 *    it sleeps although there is a message or room, and makes sure that the oldest sleeper is woken. Calls with KIN_NOW
 *    are not held back.
 * 5. At the end of a slice a sleeper takes what it finds if it is the oldest. It also does so if nothing has moved
 *    during the slice: the sleepers before it may want more room than there will ever be, or be stopped, or the
 *    consumers may be held back themselves.
 *
 * A woken thread may be dead or stopped. Other threads do not wait for it for long:
 *
 * 6. While WAKING is set, the 4th, the 16th, the 64th, ... message since it was set wakes another sleeper nevertheless.
 * 7. A sleeper whose slice ends clears WAKING. If it is the oldest and finds a message or room, the threads that were
 *    woken before it are late. It stores its ticket in `read_late` or `write_late`. Wakers do not wait for slots with
 *    earlier tickets.
 *
 * ---- Why no wake-up is lost ----
 *
 * No thread sleeps on while there is a message, or room, for it. The word does not say whether there is any. So a
 * waiter begins its slot first and then looks: either the unpark finds the slot, or the look finds the message. The
 * order is:
 *
 *     waiter:  begin the slot; set WAITERS; load the lock's word; load the marks; nothing there: sleep
 *     waker:   store the mark; unlock; load the word; WAITERS: set WAKING; load the marks; unpark
 *     woken:   end the slot; clear WAKING; load the lock's word; load the marks; at last as in 2
 *
 * 8. All of these are sequentially consistent, except the store of the mark, which the unlock releases.
 * 9. If the waker sees no WAITERS, the waiter loads the lock's word of that unlock or of a later one. The two
 *    synchronise, so the waiter sees the mark.
 * 10. If the waker sees WAKING and does nothing, a thread clears WAKING later, and loads the marks after that. It sees
 *    the mark by the same argument. That thread is the woken one, or a waiter that begins, or a waker that woke nobody
 *    and had loaded older marks. The first two take what they find, and leave the rest to 2.
 * 11. A waker that finds a slot which was woken and has not ended (KIN__UNPARKED_BEFORE) leaves WAKING set. The slot's
 *    thread clears it later.
 * 12. In a commit or a consume, the exchange of the record's owner takes the place of the unlock.
 *
 * ---- Deaths ----
 *
 * 13. A waker may die between setting WAKING and the post; a woken thread may die before it looks. Then 6, or 7, or the
 *    next thread that begins to wait repairs it, at the latest when the oldest sleeper's slice ends.
 * 14. All counts are hints. A wrong one causes a useless wake-up, or makes a turn longer.
 *
 * model/line.pml is this protocol, for spin; model/check verifies it.
 */
#include "queue/waiting.h"

#include "base/backoff.h"
#include "base/spin.h"
#include "family/member.h"
#include "family/reap.h"
#include "queue/ring.h"

#define ROUND 1024u /* messages until each waiter has had its turn, if there are few waiters */
#define BARGED_LEAST 32u
#define ANOTHER 4u                /* see kin__queue_wake */
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
 * If one side is a little faster than the other, each of its looks finds one message (or room for one), and takes the
 * cache lines from the other side. Both sides are then three times slower than if the faster one had waited a moment
 * and found ten messages. But if only one message is coming, such as the answer to a question, that moment is wasted.
 * So the length of the pause after a spin is learnt: it grows while the pause brings more messages, and shrinks while
 * it does not. If the length is 0, a pause is tried now and then, and more and more rarely if it does not help.
 *
 * kin__spin learns something else: whether waiting pays at all. The pause comes after the spin. Its length is learnt
 * from the number of messages that have come meanwhile. The same kind of backoff decides how often a pause is tried.
 *
 * Each side stores it as: skip (16 bits) | doubt (8 bits) | length, in pauses of the processor (8 bits). skip and doubt
 * are a kin__backoff. Races make the values only less exact.
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
    w->slices = kin__slices_interruptible(ring->seat, w->deadline, false);
    w->ask = w->timeout == KIN_NOW;
    if (w->ask || w->held) {
        return w->ask;
    }
    bool moved = spin(ring, w);
    if (moved) {
        pause_for_more(ring, w);
    }
    return moved;
}

/* ---- waking ---- */

static _Atomic uint64_t *word_of(const kin__ring *ring, bool readers)
{
    return readers ? &ring->ends->readable : &ring->ends->writable;
}

/* Loads the word of the other side's lock, which is released after the change that this side waits for. To be called
 * after the change of this side's word. */
static void see_releases(const kin__ring *ring, bool readers)
{
    atomic_load(readers ? &ring->ends->put_lock.word : &ring->ends->get_lock.word);
}

/* Units available to the oldest sleeper. */
static uint32_t there_is(const kin__ring *ring, bool readers)
{
    if (kin__queue_closed(ring)) {
        return KIN__ALL;
    }
    if (readers) {
        return kin__ring_readable(ring);
    }
    return kin__ring_reclaimable(ring) ? KIN__ALL : kin__ring_space(ring);
}

/* ---- step 6's word: after how many more messages to wake another sleeper (32 bits) | messages put or got when WAKING
 * was set (32 bits) ---- */

static uint32_t moved(const kin__ring *ring, bool readers)
{
    return readers ? kin__ring_count_put(ring) : kin__ring_count_got(ring);
}

static void note_wake(const kin__ring *ring, bool readers, uint32_t count, uint64_t next)
{
    atomic_store_explicit(readers ? &ring->ends->read_wakes : &ring->ends->write_wakes, next << 32 | count,
                          memory_order_relaxed);
}

static bool another_is_due(const kin__ring *ring, bool readers)
{
    uint64_t wakes =
        atomic_load_explicit(readers ? &ring->ends->read_wakes : &ring->ends->write_wakes, memory_order_relaxed);
    if (moved(ring, readers) - (uint32_t)wakes < wakes >> 32) {
        return false;
    }
    note_wake(ring, readers, (uint32_t)wakes,
              wakes >> 32 < UINT32_MAX / ANOTHER ? (wakes >> 32) * ANOTHER : UINT32_MAX);
    return true;
}

static _Atomic uint64_t *late_of(const kin__ring *ring, bool readers)
{
    return readers ? &ring->ends->read_late : &ring->ends->write_late;
}

/* The more sleepers, the shorter a turn, so that each sleeper's turn comes soon. */
static void choose_limit(const kin__ring *ring, bool readers, uint32_t sleepers)
{
    uint32_t limit = ROUND / (sleepers + 1);
    limit = limit < BARGED_LEAST ? BARGED_LEAST : limit < KIN__BARGED_MAX ? limit : KIN__BARGED_MAX;
    atomic_store_explicit(readers ? &ring->ends->get_limit : &ring->ends->put_limit, limit, memory_order_relaxed);
}

void kin__queue_wake(const kin__ring *ring, bool readers)
{
    _Atomic uint64_t *word = word_of(ring, readers);
    uint32_t units, sleepers;
    do {
        bool another = (atomic_fetch_or(word, KIN__WAKING) & KIN__WAKING) != 0;
        if (!another) {
            note_wake(ring, readers, moved(ring, readers), ANOTHER);
        } else if (!another_is_due(ring, readers)) {
            return;
        }
        uint64_t late = atomic_load_explicit(late_of(ring, readers), memory_order_relaxed);
        units = there_is(ring, readers);
        kin__unparked result =
            kin__unpark_oldest(ring->seat->family, word, KIN__WAITERS, units, late, another, &sleepers);
        choose_limit(ring, readers, sleepers);
        if (result == KIN__UNPARKED_ONE || result == KIN__UNPARKED_BEFORE) {
            return;
        }
        units = result == KIN__UNPARKED_NOBODY ? 0 : units;
        atomic_fetch_and(word, ~KIN__WAKING);
        see_releases(ring, readers);
    } while ((atomic_load(word) & KIN__WAITERS) && there_is(ring, readers) > units);
}

void kin__queue_line_up(const kin__ring *ring, bool readers)
{
    _Atomic uint64_t *word = word_of(ring, readers);
    uint64_t value = atomic_load(word);
    while (!atomic_compare_exchange_weak(word, &value, (value | KIN__WAITERS) & ~KIN__WAKING)) {
    }
    see_releases(ring, readers);
}

/* ---- sleeping ---- */

/* The mark that moves when a thread of this side is served: `next` for consumers. For producers it is `head`, which
 * moves when room is made. */
static uint64_t progress(const kin__ring *ring, bool readers)
{
    return atomic_load(readers ? &ring->ends->next : &ring->ends->head);
}

/* Ends the wait slot. there: the look before the sleep found a message or room. before: the progress at that time. */
static void arrive(const kin__ring *ring, kin__waiting *w, bool there, uint64_t before)
{
    const bool reads = w->units == 0;
    w->parked = kin__park_end(ring->seat) ? KIN__WOKEN : there ? KIN__CHANGED : KIN__TIMED_OUT;
    w->held = false;
    w->turn = w->parked == KIN__WOKEN;
    if (w->parked == KIN__CHANGED) {
        return;
    }
    atomic_fetch_and(word_of(ring, reads), ~KIN__WAKING);
    see_releases(ring, reads);
    if (w->parked == KIN__TIMED_OUT && w->slices.older == 0 && kin__queue_worthwhile(ring, w)) {
        atomic_store_explicit(late_of(ring, reads), w->slices.ticket, memory_order_relaxed);
    }
    w->turn |= w->slices.older == 0 || progress(ring, reads) == before;
}

static void sleep_a_slice(const kin__ring *ring, kin__waiting *w)
{
    const bool reads = w->units == 0;
    uint64_t before = progress(ring, reads);
    if (kin__queue_obstructed(ring, w)) {
        kin__slices_hurry(&w->slices);
    }
    kin__slices_begin(ring->seat, &w->slices, word_of(ring, reads), reads ? 1 : kin__ring_wanted(ring, w->units));
    w->slept = true;
    kin__queue_line_up(ring, reads);
    bool there = !w->held && kin__queue_worthwhile(ring, w);
    if (w->held) {
        kin__queue_wake(ring, reads);
    }
    /* A thread that is held back is behind another waiter. That one may be between two slices, so `older` may be 0. */
    if (!there && !kin__slices_sleep(ring->seat, &w->slices) && !w->held && w->slices.older == 0 &&
        kin__queue_worthwhile(ring, w)) {
        kin__slices_forgotten(ring->seat, reads ? &ring->ends->tail : &ring->ends->head);
    }
    arrive(ring, w, there, before);
    w->deadline = w->slices.deadline; /* an interrupt ends it early */
    w->now = there || w->deadline == KIN_OS_NEVER ? w->now : kin_os_now();
}

kin_status kin__queue_wait(const kin__ring *ring, kin__waiting *w)
{
    if (!w->begun && begin_waiting(ring, w)) {
        return KIN_OK;
    }
    w->now = kin_os_now();
    if (w->now >= w->deadline) {
        return kin__slices_status(&w->slices, KIN_E_TIMED_OUT);
    }
    /* Never ask twice without a sleep in between, however slowly this thread runs. */
    w->ask = !w->ask && w->now - w->asked > WATCH_INTERVAL && kin__queue_obstructed(ring, w);
    if (w->ask && !w->held) {
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
    const bool reads = w->units == 0;
    if (w->slept && (atomic_load(word_of(ring, reads)) & KIN__WAITERS) && there_is(ring, reads) > 0) {
        kin__queue_wake(ring, reads);
    }
    if (w->slices.dead) {
        kin__reap_all(ring->seat->family);
    }
}
