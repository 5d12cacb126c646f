/* rwlock.c: many readers or one writer.
 *
 * ---- The words ----
 *
 * word: the token (arena.h) of the writer, or 0 if the lock is free; and flags:
 *     DRAINING      the writer waits for readers to leave. Without this flag it is inside
 *     READERS       free: there may be holds, so the next writer has to look. With a writer: readers wait for it
 *     WRITERS       another writer sleeps until this one leaves, or is about to sleep
 *     PHASE         changes when a writer leaves for which readers wait
 *     CROWDED       there may be holds in thread entries. It is never cleared
 *     INCONSISTENT  the writer took over from one that died inside, and has not repaired
 *     POISONED      the lock is given up for good. There is no writer
 *
 * hold: what a reader shows. It is the reader's token in one of the lock's slots; if all slots are taken, it is the
 * lock's name in the reader's thread entry (park/read_holds.h). A hold has a mark:
 *     0             the reader is inside, or is about to look whether it may be
 *     WAITING       the reader waits for a writer. ODD is set if PHASE was set in that writer's word
 *
 * A hold *counts* for a writer unless its mark is WAITING in the phase of the writer's word: that reader waits for this
 * writer to leave, all other readers have to leave before this writer comes in.
 *
 * ---- The steps ----
 *
 * A writer
 *     w1  free, no READERS:  word ──► me                           inside
 *     w2  free, READERS:     word ──► me|DRAINING                  the claim. It clears READERS
 *     w3  loads all holds. If none counts:  me|DRAINING|x ──► me|x inside
 *     w4  else sleeps on `drain`, and goes back to w3
 *     w5  leaves:            me|x ──► 0; if x has READERS: ──► READERS, with the other PHASE. Announces x
 *     w6  gives up in w4:    me|DRAINING|x ──► READERS, with the same PHASE. Announces x
 *     w7  finds a writer:    other|x ──► other|x|WRITERS, sleeps on `word`, and begins again
 *     "announces x": if x has READERS, unparks all who sleep on `turn`; if WRITERS, unparks one who sleeps on `word`
 * A reader
 *     r1  free, no READERS:  word ──► READERS
 *     r2  hold ──► me
 *     r3  loads word. Free and READERS:                            inside
 *     r4  a writer in phase p:  hold ──► me|WAITING|p. If the hold counted before: r7's second half
 *     r5  loads word. A writer in phase p:  word ──► word|READERS  queued
 *     r6  sleeps on `turn`, loads word. The phase is not p:        inside
 *         a writer in phase p: back to r5; free and the phase is p: back to r1
 *     r7  leaves, or gives up:  hold ──► 0. Then loads word; if DRAINING, unparks one who sleeps on `drain`
 * Any thread that finds the writer dead
 *     d1  it was inside:     dead|x ──► me|INCONSISTENT|WRITERS|x  inside, as the writer: KIN_OWNER_DIED
 *     d2  it was DRAINING:   w6 in its place
 * The writer, inside
 *     p1  me|INCONSISTENT ──repair──► me
 *     p2  me|x ──► POISONED, on poison, and on leaving while INCONSISTENT. Unparks all on `turn` and `word`
 *
 * Each change of word is one compare-and-swap of the whole word, but for CROWDED, which is or-ed in. All changes but w5
 * keep PHASE, all but p2 keep CROWDED. A hold is changed by its reader; a dead reader's hold is taken out of a slot by
 * one compare-and-swap.
 *
 * ---- Why a writer is alone ----
 *
 * 1. Only w2 clears READERS of a free word, and a writer that does w2 loads all holds before it comes in.
 * 2. A reader that came in by r3 wrote its hold, and then found the word free with READERS. The next writer comes by
 *    w2, later than that, so in w3 it sees the hold. The hold's mark is 0: it counts until r7.
 * 3. A reader that came in by r6 wrote its hold, and then found in r5 a writer in phase p. Only w5 ends phase p, and it
 *    leaves the word free with READERS. So the next writer comes by w2, and sees the hold. It counts, for its mark is
 *    of another phase than the word now has.
 * 4. While that hold is there, no writer comes in, so none does w5, and the phase stays as it is. So one bit is enough
 *    for it, and the reader may find out late that it is inside.
 * 5. w6 must not change PHASE: readers that came in by r6 may still be inside, and their holds would not count.
 * 6. A reader may be delayed before r2 or r4, so that a writer looks before the hold is there, or is right. Such a
 *    reader is not inside: r3 and r5 load the word afterwards, find the writer or another phase, and begin again.
 * 7. After w1 no reader is inside: a free word without READERS is as w5 of a writer that was alone left it, or new. A
 *    reader that does r1 meanwhile changes the word, and w1's compare-and-swap fails.
 *
 * ---- Why nobody waits for ever ----
 *
 * 8. Readers do not keep a writer out: after its claim no new reader comes in (r3). Writers do not keep a reader out:
 *    once it is queued, it comes in before the next writer does (3). Writers among themselves have no order, as with
 *    lock.c: one that runs may be faster than one that is being woken.
 * 9. No wake-up is lost. A sleeper is seen as such first (kin__slices_begin), and then loads the word again. A thread
 *    changes a word or a hold first, and then unparks:
 *    turn:  READERS is set in r5. The thread that takes it out of a writer's word (w5, w6, p2) unparks all.
 *    word:  WRITERS is set in w7. The thread that takes it out of a writer's word unparks one. That claims with WRITERS
 *           set, since others may sleep on; or sets WRITERS in the word of a writer that was faster; or, if it leaves
 *           without having done either, unparks the next one (writer.owes).
 *    drain: DRAINING is set before w3. A reader changes its hold before it looks for DRAINING (r4, r7).
 *
 * ---- Deaths ----
 *
 * 10. A writer that died inside was alone. So d1 waits for nobody: the next one is inside at once and is told, and
 *     there is no moment at which the word is free while the data may be torn.
 * 11. A writer that died while DRAINING has changed nothing, so nobody is told.
 * 12. A dead reader's hold counts until the writer's first slice has ended; then the writer asks the system. It empties
 *     a slot; a hold in a thread entry does not count while the entry is nobody's, and goes when the entry is reused.
 * 13. A thread killed between a change and its unpark leaves sleepers that wait for the end of their slices.
 * 14. Tokens are never used again, so no compare-and-swap mistakes one owner for another; and a member that was wrongly
 *     taken for dead cannot change a word that has gone to its successor.
 *
 * ---- Memory order ----
 *
 * 15. Where 1 to 9 order accesses to different words, all of them are sequentially consistent: r2 before r3, r4 before
 *     r5, w2 before w3, both halves of r7, and what surrounds kin__slices_begin.
 * 16. The data: each change of word is a read-modify-write, so a thread that loads word acquires what the last w5
 *     released, though others have changed the word in between. What a reader has read is read before r7 empties the
 *     hold, which w3 acquires.
 *
 * ---- Size ----
 *
 * A hold names its reader, so that a dead one is noticed, and holds on different cache lines do not slow each other
 * down. 64 slots are eight cache lines, and eight threads that come one after the other in the thread table have one
 * each. More lines would serve more processors, but most of a lock's 592 bytes are slots already. Readers beyond the
 * slots use their own thread entries, which share no cache line at all; once a lock is CROWDED all readers look there
 * first. The price is the writer's, who then has to look at all thread entries. It looks at holds only if a reader has
 * come in since the last writer.
 *
 * model/rwlock.pml is this protocol, for spin; model/check verifies it.
 */

#include "base/deadline.h"
#include "base/last_error.h"
#include "base/pauses.h"
#include "family/member.h"
#include "family/reap.h"
#include "kin/memory.h"
#include "kin/rwlock.h"
#include "memory/object.h"
#include "park/deadlock.h"
#include "park/owner_lock.h"
#include "park/slices.h"
#include "park/read_holds.h"

#define WRITERS KIN__RW_WRITERS
#define INCONSISTENT KIN__RW_INCONSISTENT
#define POISONED KIN__RW_POISONED
#define READERS KIN__RW_READERS
#define DRAINING KIN__RW_DRAINING
#define PHASE KIN__RW_PHASE
#define CROWDED KIN__RW_CROWDED
#define KEPT (PHASE | CROWDED)
#define OWNER(word) ((word) & ~KIN__TOKEN_FLAGS)
#define WOULD_DEADLOCK "the calling thread holds the lock, or threads wait for locks that the others of them hold"
#define TOO_MANY_HOLDS "more than 64 threads read the lock, and this thread reads two other such locks"

_Static_assert(sizeof(kin__rwlock) == sizeof(kin_rwlock), "kin_rwlock is kin__rwlock's outside");

/* ---- made and ended ---- */

kin_status kin_rwlock_init(kin_rwlock *lock)
{
    kin__rwlock *inside = (kin__rwlock *)lock;
    kin_status status = kin__object_check_place(lock, sizeof *lock);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    atomic_store_explicit(&inside->word, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < KIN__READERS; i++) {
        atomic_store_explicit(&inside->slots[i], 0, memory_order_relaxed);
    }
    kin__object_init(&inside->object, KIN_TYPE_RWLOCK, 0);
    return KIN_OK;
}

kin_status kin_rwlock_fini(kin_rwlock *lock)
{
    return kin__told(kin__object_fini(lock, KIN_TYPE_RWLOCK));
}

kin_status kin_rwlock_create(kin_rwlock **out, kin_family *family)
{
    void *memory;
    if (!out) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    }
    kin_status status = kin_alloc(&memory, family, sizeof **out);
    if (status == KIN_OK) {
        *out = memory;
        status = kin_rwlock_init(*out);
    }
    return kin__told(status);
}

kin_status kin_rwlock_destroy(kin_rwlock *lock)
{
    return kin__told(kin__object_destroy(lock, KIN_TYPE_RWLOCK));
}

/* ---- telling each other ---- */

static inline void tell_writer(kin__seat *seat, kin__rwlock *lock)
{
    if (atomic_load(&lock->word) & DRAINING) {
        kin__unpark(seat->family, &lock->drain, 1);
    }
}

static void announce(kin__seat *seat, kin__rwlock *lock, uint64_t left)
{
    if (left & READERS) {
        kin__unpark(seat->family, &lock->turn, KIN__ALL);
    }
    if (left & WRITERS) {
        kin__unpark(seat->family, &lock->word, 1);
    }
}

/* w6, d2: takes the claim that the word shows out of it; false: the word has changed. */
static bool take_claim_back(kin__seat *seat, kin__rwlock *lock, uint64_t word)
{
    uint64_t claim = word;
    if (!atomic_compare_exchange_strong(&lock->word, &claim, READERS | (word & KEPT))) {
        return false;
    }
    announce(seat, lock, word);
    return true;
}

/* d1, d2. Whether this thread is the writer now; else look again. */
static bool take_from_dead(kin__seat *seat, kin__rwlock *lock, uint64_t word)
{
    if (word & DRAINING) {
        take_claim_back(seat, lock, word);
        return false;
    }
    uint64_t mine = seat->token | INCONSISTENT | WRITERS | (word & (READERS | KEPT));
    return atomic_compare_exchange_strong(&lock->word, &word, mine);
}

/* ---- waiting ---- */

/* After kin__slices_begin: sleeps for a slice, if there still is what to wait for. over: whether there is not, for
 * tests. */
static kin__parked sleep_a_slice(kin__seat *seat, kin__rwlock *lock, bool still, kin__slices *slices,
                                 bool (*over)(const void *waiter), const void *waiter)
{
    if (still && !kin__slices_sleep(seat, slices) && over(waiter)) {
        kin__slices_forgotten(seat, &lock->word);
    }
    if (kin__park_end(seat)) {
        return KIN__WOKEN;
    }
    return still ? KIN__TIMED_OUT : KIN__CHANGED;
}

/* ---- reading ---- */

typedef struct reader {
    kin__seat *seat;
    kin__rwlock *lock;
    kin__hold hold;
    bool queued; /* r5 has found the phase of its mark */
} reader;

/* r2, r4. false: there is no place for a hold. */
static inline bool show(reader *it, uint64_t mark)
{
    it->queued = false;
    return kin__hold_show(it->seat, it->lock, &it->hold, mark);
}

/* Free, and a reader that has a hold may be inside: see r3. */
static inline bool is_open(uint64_t word)
{
    return (word & (~KIN__TOKEN_FLAGS | POISONED | READERS)) == READERS;
}

/* r1 to r3, as long as the word is free. KIN_E_BUSY: it is not. */
static kin_status enter_free(reader *it, uint64_t word)
{
    while (OWNER(word) == 0 && (word & POISONED) == 0) {
        if ((word & READERS) == 0) {
            if (atomic_compare_exchange_strong(&it->lock->word, &word, word | READERS)) {
                word |= READERS;
            }
            continue; /* a failure loads the word */
        }
        if ((!it->hold.place || it->hold.mark != 0) && !show(it, 0)) {
            return kin__refuse(KIN_E_LIMIT, TOO_MANY_HOLDS);
        }
        word = atomic_load(&it->lock->word);
        if (is_open(word)) {
            return KIN_OK;
        }
    }
    return KIN_E_BUSY;
}

static inline bool is_queued_in(const reader *it, uint64_t word)
{
    return OWNER(word) != 0 && (word & READERS) != 0 && kin__hold_mark(word) == it->hold.mark;
}

/* r4, r5: until it is queued behind the writer that is there, or none is there, or its turn has come. */
static kin_status queue_up(reader *it)
{
    uint64_t word = atomic_load(&it->lock->word);
    while (OWNER(word) != 0 && !(it->queued && it->hold.mark != kin__hold_mark(word))) {
        if (it->hold.mark != kin__hold_mark(word)) {
            bool counted = it->hold.place != NULL;
            if (!show(it, kin__hold_mark(word))) {
                return kin__refuse(KIN_E_LIMIT, TOO_MANY_HOLDS);
            }
            if (counted) {
                tell_writer(it->seat, it->lock);
            }
            word = atomic_load(&it->lock->word);
        } else if ((word & READERS) != 0 || atomic_compare_exchange_strong(&it->lock->word, &word, word | READERS)) {
            it->queued = true;
            return KIN_OK;
        }
    }
    return KIN_OK;
}

/* Whether it is still to wait, after a while. */
static bool spin_in_queue(const reader *it)
{
    kin__pauses pauses = KIN__PAUSES;
    while (it->queued && is_queued_in(it, atomic_load_explicit(&it->lock->word, memory_order_relaxed))) {
        if (!kin__pause_again(&pauses)) {
            return true;
        }
    }
    return false;
}

static bool is_turn(const void *reader_)
{
    const reader *it = reader_;
    return !is_queued_in(it, atomic_load(&it->lock->word));
}

/* r6 */
static kin_status sleep_in_queue(reader *it, kin__slices *slices)
{
    kin__slices_begin(it->seat, slices, &it->lock->turn, 1);
    uint64_t word = atomic_load(&it->lock->word);
    bool still = is_queued_in(it, word);
    bool cycle = still && kin__deadlocked(it->seat, OWNER(word));
    kin__parked parked = sleep_a_slice(it->seat, it->lock, still && !cycle, slices, is_turn, it);
    if (cycle && parked != KIN__WOKEN) {
        return kin__refuse(KIN_E_DEADLOCK, WOULD_DEADLOCK);
    }
    return parked == KIN__TIMED_OUT ? kin__member_check(it->seat->family) : KIN_OK;
}

/* One look at the word. KIN_E_BUSY: a writer has it. */
static kin_status look_reading(reader *it)
{
    uint64_t word = atomic_load(&it->lock->word);
    if (word & POISONED) {
        return KIN_E_POISONED;
    }
    if (it->queued && it->hold.mark != kin__hold_mark(word)) {
        return KIN_OK;
    }
    return enter_free(it, word);
}

/* r7 */
static inline void leave_reading(kin__seat *seat, kin__rwlock *lock, _Atomic uint64_t *place)
{
    atomic_store(place, 0);
    tell_writer(seat, lock);
}

/* Waits for what look_reading found, as long as it is the same. KIN_OK: look again. */
static kin_status wait_for_turn(reader *it, bool reads, kin__slices *slices)
{
    bool last = reads || kin_os_now() >= slices->deadline;
    kin_status status = last ? KIN_OK : queue_up(it);
    if (status != KIN_OK || (!last && !spin_in_queue(it))) {
        return status;
    }
    uint64_t word = atomic_load(&it->lock->word);
    if (OWNER(word) == 0) {
        return KIN_OK;
    }
    if (!kin__owner_alive(it->seat, OWNER(word))) {
        return take_from_dead(it->seat, it->lock, word) ? KIN_OWNER_DIED : KIN_OK;
    }
    if (last) {
        return reads ? kin__refuse(KIN_E_DEADLOCK, WOULD_DEADLOCK)
                     : KIN_E_TIMED_OUT; /* DEADLOCK: the writer waits for this very thread */
    }
    return sleep_in_queue(it, slices);
}

static kin_status read_slowly(reader *it, int64_t timeout)
{
    kin__slices slices = kin__slices_interruptible(it->seat, timeout == KIN_NOW ? 0 : kin__deadline(timeout), true);
    bool reads = kin__hold_own(it->seat, it->lock, it->hold.place) != NULL;
    kin_status status =
        OWNER(atomic_load(&it->lock->word)) == it->seat->token ? kin__refuse(KIN_E_DEADLOCK, WOULD_DEADLOCK) : KIN_OK;
    if (status == KIN_OK) {
        do {
            status = look_reading(it);
        } while (status == KIN_E_BUSY && (status = wait_for_turn(it, reads, &slices)) == KIN_OK);
    }
    if (status != KIN_OK && it->hold.place) {
        leave_reading(it->seat, it->lock, it->hold.place);
    }
    return kin__slices_status(&slices, status);
}

/* r2 and r3; else r1 to r3. They need neither a deadline nor a look at all slots. */
static kin_status acquire_reading(kin__seat *seat, kin__rwlock *lock, int64_t timeout)
{
    reader it = {seat, lock, {NULL, 0, 0}, false};
    if (is_open(atomic_load_explicit(&lock->word, memory_order_relaxed)) && show(&it, 0) &&
        is_open(atomic_load(&lock->word))) {
        return KIN_OK;
    }
    kin_status status = enter_free(&it, atomic_load(&lock->word));
    return status == KIN_E_BUSY ? read_slowly(&it, timeout) : status;
}

/* ---- writing ---- */

typedef struct cycles {
    kin__seat *seat;
    kin__rwlock *lock;
    bool found;
} cycles;

static void look_for_cycle(uint64_t token, void *context)
{
    cycles *it = context;
    it->found = it->found || kin__deadlocked(it->seat, token);
}

static bool is_drained(const void *cycles_)
{
    const cycles *it = cycles_;
    return !kin__hold_find(it->seat, it->lock, atomic_load(&it->lock->word), false);
}

static kin_status wait_for_readers(kin__seat *seat, kin__rwlock *lock, _Atomic uint64_t *hold, kin__slices *slices,
                                   bool *ask)
{
    uint64_t seen = atomic_load_explicit(hold, memory_order_relaxed);
    kin__pauses pauses = KIN__PAUSES;
    while (seen == atomic_load_explicit(hold, memory_order_relaxed) && kin__pause_again(&pauses)) {
    }
    kin__slices_begin(seat, slices, &lock->drain, 1);
    cycles it = {seat, lock, false};
    bool still = kin__hold_find(seat, lock, atomic_load(&lock->word), false) != NULL;
    if (still) {
        kin__rwlock_holders(seat->family, lock, look_for_cycle, &it);
    }
    kin__parked parked = sleep_a_slice(seat, lock, still && !it.found, slices, is_drained, &it);
    *ask = parked == KIN__TIMED_OUT;
    if (it.found && parked != KIN__WOKEN) {
        return kin__refuse(KIN_E_DEADLOCK, WOULD_DEADLOCK);
    }
    return *ask ? kin__member_check(seat->family) : KIN_OK;
}

/* w3, w4, w6: it has claimed. */
static kin_status drain(kin__seat *seat, kin__rwlock *lock, kin__slices *slices)
{
    kin_status status = KIN_OK;
    bool ask = false, late = false; /* late: the deadline is over, and it asks before it gives up */
    uint64_t word;
    while (OWNER(word = atomic_load(&lock->word)) == seat->token) {
        if (status != KIN_OK) {
            if (take_claim_back(seat, lock, word)) {
                return status;
            }
            continue;
        }
        _Atomic uint64_t *hold = kin__hold_find(seat, lock, word, ask || late);
        if (!hold && atomic_compare_exchange_strong(&lock->word, &word, word & ~DRAINING)) {
            if (ask || late) {
                kin__reap_all(seat->family); /* a reader may have died; its hold in a thread entry goes with that */
            }
            return KIN_OK;
        }
        if (hold && kin__hold_own(seat, lock, NULL)) {
            status = kin__refuse(KIN_E_DEADLOCK, WOULD_DEADLOCK); /* it would wait for itself */
        } else if (hold && late) {
            status = KIN_E_TIMED_OUT;
        } else if (hold) {
            late = kin_os_now() >= slices->deadline;
            status = late ? KIN_OK : wait_for_readers(seat, lock, hold, slices, &ask);
        }
    }
    return kin__taken_for_dead();
}

typedef struct writer {
    kin__seat *seat;
    kin__rwlock *lock;
    uint64_t slept; /* WRITERS: it has slept, and others may sleep on */
    bool owes;      /* it was woken, and has neither claimed nor set WRITERS in a writer's word since */
} writer;

/* One look at the word, and if it is free all the rest. KIN_E_BUSY: a living writer has it. */
static kin_status look_writing(writer *it, kin__slices *slices)
{
    kin__pauses pauses = KIN__PAUSES;
    uint64_t word = atomic_load(&it->lock->word);
    for (;;) {
        if (word & POISONED) {
            return KIN_E_POISONED;
        }
        if (OWNER(word) == 0) {
            uint64_t claim = it->seat->token | it->slept | (word & KEPT) | (word & READERS ? DRAINING : 0);
            if (atomic_compare_exchange_strong(&it->lock->word, &word, claim)) {
                it->owes = false;
                return claim & DRAINING ? drain(it->seat, it->lock, slices) : KIN_OK;
            }
        } else if (kin__pause_again(&pauses)) {
            word = atomic_load(&it->lock->word);
        } else if (kin__owner_alive(it->seat, OWNER(word))) {
            return KIN_E_BUSY;
        } else if (take_from_dead(it->seat, it->lock, word)) {
            return KIN_OWNER_DIED;
        } else {
            word = atomic_load(&it->lock->word);
        }
    }
}

static bool has_ended(const void *writer_)
{
    const writer *it = writer_;
    return OWNER(atomic_load(&it->lock->word)) == 0;
}

/* w7 */
static kin_status wait_for_writer(writer *it, kin__slices *slices)
{
    if (kin__hold_own(it->seat, it->lock, NULL)) {
        return kin__refuse(KIN_E_DEADLOCK, WOULD_DEADLOCK); /* it waits for this very thread */
    }
    if (kin_os_now() >= slices->deadline) {
        return KIN_E_TIMED_OUT;
    }
    uint64_t word = atomic_load(&it->lock->word);
    if (OWNER(word) == 0 ||
        ((word & WRITERS) == 0 && !atomic_compare_exchange_strong(&it->lock->word, &word, word | WRITERS))) {
        return KIN_OK;
    }
    it->owes = false;
    kin__slices_begin(it->seat, slices, &it->lock->word, 1);
    word = atomic_load(&it->lock->word);
    bool still = OWNER(word) != 0 && (word & WRITERS) != 0;
    bool cycle = still && kin__deadlocked(it->seat, OWNER(word));
    kin__parked parked = sleep_a_slice(it->seat, it->lock, still && !cycle, slices, has_ended, it);
    it->owes = parked == KIN__WOKEN;
    it->slept = parked == KIN__CHANGED ? it->slept : WRITERS;
    if (cycle && parked != KIN__WOKEN) {
        return kin__refuse(KIN_E_DEADLOCK, WOULD_DEADLOCK);
    }
    return parked == KIN__TIMED_OUT ? kin__member_check(it->seat->family) : KIN_OK;
}

static kin_status write_slowly(kin__seat *seat, kin__rwlock *lock, int64_t timeout)
{
    kin__slices slices = kin__slices_interruptible(seat, timeout == KIN_NOW ? 0 : kin__deadline(timeout), true);
    writer it = {seat, lock, 0, false};
    kin_status status;
    if (OWNER(atomic_load(&lock->word)) == seat->token) {
        return kin__refuse(KIN_E_DEADLOCK, WOULD_DEADLOCK);
    }
    do {
        status = look_writing(&it, &slices);
    } while (status == KIN_E_BUSY && (status = wait_for_writer(&it, &slices)) == KIN_OK);
    if (status < 0 && it.owes) {
        kin__unpark(seat->family, &lock->word, 1);
    }
    return kin__slices_status(&slices, status);
}

/* w1; or w2, and w3 once: mostly no hold counts. */
static kin_status acquire_writing(kin__seat *seat, kin__rwlock *lock, int64_t timeout)
{
    uint64_t word = atomic_load_explicit(&lock->word, memory_order_relaxed);
    uint64_t claim = seat->token | (word & KEPT) | (word & READERS ? DRAINING : 0);
    if ((word & ~(KEPT | READERS)) != 0 || !atomic_compare_exchange_strong(&lock->word, &word, claim)) {
        return write_slowly(seat, lock, timeout);
    }
    if ((claim & DRAINING) == 0) {
        return KIN_OK;
    }
    word = claim;
    if (!kin__hold_find(seat, lock, word, false) &&
        atomic_compare_exchange_strong(&lock->word, &word, word & ~DRAINING)) {
        return KIN_OK;
    }
    kin__slices slices = kin__slices_interruptible(seat, timeout == KIN_NOW ? 0 : kin__deadline(timeout), true);
    return kin__slices_status(&slices, drain(seat, lock, &slices));
}

/* w5, or poisons. */
static kin_status leave_writing(kin__seat *seat, kin__rwlock *lock, uint64_t word, bool poison)
{
    uint64_t next;
    do {
        if (OWNER(word) != seat->token) {
            return kin__not_owner();
        }
        poison = poison || (word & INCONSISTENT) != 0;
        next = word & READERS ? READERS | ((word & KEPT) ^ PHASE) : word & KEPT;
    } while (!atomic_compare_exchange_strong(&lock->word, &word, poison ? POISONED : next));
    if (poison) {
        kin__unpark(seat->family, &lock->turn, KIN__ALL);
        kin__unpark(seat->family, &lock->word, KIN__ALL);
    } else if (word & (READERS | WRITERS)) {
        announce(seat, lock, word);
    }
    return KIN_OK;
}

/* ---- the public face ---- */

static inline kin_status find(kin__seat **seat, kin_rwlock *lock)
{
    *seat = lock ? kin__seat_fast(lock, KIN_TYPE_RWLOCK) : NULL;
    return *seat  ? KIN_OK
           : lock ? kin__seat_find(seat, lock, KIN_TYPE_RWLOCK)
                  : kin__refuse(KIN_E_ARGUMENT, "lock is NULL");
}

kin_status kin_rwlock_acquire(kin_rwlock *lock, kin_rwlock_mode mode, int64_t timeout)
{
    kin__rwlock *inside = (kin__rwlock *)lock;
    kin__seat *seat;
    kin_status status = find(&seat, lock);
    if (status != KIN_OK || timeout < 0 || (mode != KIN_RWLOCK_READ && mode != KIN_RWLOCK_WRITE)) {
        return kin__told(status != KIN_OK
                             ? status
                             : kin__refuse(KIN_E_ARGUMENT, "timeout is negative, or mode is not a kin_rwlock_mode"));
    }
    status = mode == KIN_RWLOCK_READ ? acquire_reading(seat, inside, timeout) : acquire_writing(seat, inside, timeout);
    if (status == KIN_OWNER_DIED) {
        kin__reap_all(seat->family); /* it may have left more */
    }
    return kin__told(status);
}

kin_status kin_rwlock_release(kin_rwlock *lock)
{
    kin__rwlock *inside = (kin__rwlock *)lock;
    kin__seat *seat;
    kin_status status = find(&seat, lock);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    uint64_t word = atomic_load_explicit(&inside->word, memory_order_relaxed);
    if (OWNER(word) == seat->token) {
        return kin__told(leave_writing(seat, inside, word, false));
    }
    _Atomic uint64_t *hold = kin__hold_own(seat, inside, NULL);
    if (!hold) {
        return kin__not_owner();
    }
    leave_reading(seat, inside, hold);
    return KIN_OK;
}

kin_status kin_rwlock_repair(kin_rwlock *lock)
{
    kin__rwlock *inside = (kin__rwlock *)lock;
    kin__seat *seat;
    kin_status status = find(&seat, lock);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    uint64_t word = atomic_load(&inside->word);
    do {
        if (OWNER(word) != seat->token) {
            return kin__not_owner();
        }
    } while (!atomic_compare_exchange_weak(&inside->word, &word, word & ~INCONSISTENT));
    return KIN_OK;
}

kin_status kin_rwlock_poison(kin_rwlock *lock)
{
    kin__rwlock *inside = (kin__rwlock *)lock;
    kin__seat *seat;
    kin_status status = find(&seat, lock);
    return kin__told(status == KIN_OK ? leave_writing(seat, inside, atomic_load(&inside->word), true) : status);
}
