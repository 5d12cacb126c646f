/* park.c: a futex between processes. unpark.c: waking. slices.c: what a sleeper does if nobody wakes it.
 *
 * ---- The states ----
 *
 * Each thread slot has a wait slot: {state, address, ticket, want, owes} and a native semaphore. `state` is a sequence
 * number (62 bits) and a phase. It alone decides: the native semaphore only tells its thread to look at it.
 *
 *     state                            next            who changes it                    how
 *     IDLE(s)                          WAIT(s+1)       the slot's thread: park           store
 *     WAIT(s)                          WOKEN(s)        any thread: unpark                compare-and-swap
 *     WOKEN(s)                         WAIT(s+1)       the slot's thread: renew          compare-and-swap
 *     WAIT(s), WOKEN(s)                TOLD(s)         any thread: tell                  compare-and-swap
 *     WAIT(s), WOKEN(s), TOLD(s)       IDLE(s)         the slot's thread: leave          exchange
 *     the same, of a dead thread       IDLE(s+1)       any thread: bury; reap            compare-and-swap; exchange
 *
 * A thread renews when it was woken and found nothing to take: it stays a sleeper all the time. What TOLD means is a
 * matter of the object (barrier.c).
 *
 * ---- The steps ----
 *
 *     park(word, expected)                             unpark(word), after the word was changed
 *     1. draw a ticket; write it, address, want        a. load the ticket counter; find the slots of the word's bucket
 *     2. set the slot's bit in the word's bucket       b. load state: WAIT(s); load address: the word's
 *     3. state = WAIT(s+1)             seq_cst         c. state: WAIT(s) ──► WOKEN(s)    seq_cst
 *     4. load word; if changed: leave  seq_cst         d. post the slot's native semaphore
 *     5. sleep while state is WAIT(s+1)
 *     6. exchange state with IDLE; clear the bit
 *
 * ---- Why no wake-up is lost while nobody dies ----
 *
 * 1. Step 3 comes before step 4, and the change of the word before step b. All four are sequentially consistent.
 * 2. So either the sleeper sees the change in step 4, or the waker sees WAIT in step b.
 * 3. The waker passes over a slot whose ticket is not below the counter that it loaded in step a. That ticket was drawn
 *    after the change, so its thread sees the change in step 4.
 * 4. A thread that sleeps again in the same call keeps its ticket. It may be marked once more, but not twice by one
 *    unpark.
 * 5. Step c hits no later wait of the same slot, whose address step b did not read: that wait has another sequence
 *    number.
 * 6. If step c fails, it has woken no thread. It does not count, and the waker goes on to the next oldest.
 * 7. A thread whose semaphore was posted, and whose state is still WAIT, sleeps on. That post was for an earlier wait.
 * 8. A thread that was woken may leave without taking anything: its time is over, or there was an error. Then it passes
 *    the wake-up on by an unpark of its own.
 *
 * ---- What a death leaves ----
 *
 * 1. A waker dies between the change of the word and step d. The sleepers see the change at the ends of their slices.
 * 2. A sleeper dies. An unpark may have been spent on its slot. Others that sleep on the word find the slot at the ends
 *    of their slices, or its reaper does, and pass the wake-up on.
 * 3. A thread dies after it has left its slot and before it has taken what it was woken for. If the word shows that
 *    there is something to take, the sleepers see it at the ends of their slices. If it does not (cond.c), the thread
 *    leaves its slot with a debt: `owes` is the word's offset until it has taken its due. A thread that finds the debt
 *    of a dead one passes the wake-up on.
 *
 * A watcher (park.h) sleeps without an address, in the buckets of all its words. An unpark of any of them wakes it in
 * addition to the others, and does not count it.
 *
 * model/lock.pml is this protocol and that of owner_lock.c for spin; model/check verifies it.
 */
#include "park/park.h"

#include "base/deadline.h"
#include "base/spin.h"
#include "family/input.h"
#include "park/slots.h"

/* ---- buckets ---- */

static void enter_bucket(kin_family *family, uint32_t number, uint32_t index)
{
    atomic_fetch_or(&kin__bucket_at(family, number)[index / 64], UINT64_C(1) << (index % 64));
}

static void leave_bucket(kin_family *family, uint32_t number, uint32_t index)
{
    atomic_fetch_and(&kin__bucket_at(family, number)[index / 64], ~(UINT64_C(1) << (index % 64)));
}

static void enter_buckets(kin_family *family, uint64_t buckets, uint32_t index)
{
    for (uint32_t i = 0; i < KIN__BUCKETS; i++) {
        if (buckets >> i & 1) {
            enter_bucket(family, i, index);
        }
    }
}

static void leave_buckets(kin_family *family, uint64_t buckets, uint32_t index)
{
    for (uint32_t i = 0; i < KIN__BUCKETS; i++) {
        if (buckets >> i & 1) {
            leave_bucket(family, i, index);
        }
    }
}

/* ---- the own slot ---- */

/* Before the slot says WAIT: what its last holder left as the place of a semaphore is not for posts to this one. */
static void make_semaphore(kin__seat *seat)
{
    kin_family *family = seat->family;
    if (!seat->has_sem) {
        seat->has_sem = kin_os_sem_create(&seat->sem, &seat->thread->place, &family->id, kin__token_index(seat->token),
                                          family->self->named, &family->access) == KIN_OK;
    }
}

static uint64_t own_state(const kin__seat *seat)
{
    return atomic_load_explicit(&seat->thread->state, memory_order_relaxed);
}

static bool still_waits(const kin__seat *seat)
{
    return kin__slot_waits(atomic_load(&seat->thread->state));
}

uint64_t kin__park_ticket(kin_family *family)
{
    return atomic_fetch_add(&family->arena->next_ticket, 1);
}

void kin__park_begin_with(kin__seat *seat, _Atomic uint64_t *word, uint32_t want, uint64_t ticket)
{
    kin__thread *slot = seat->thread;
    uint64_t address = kin__offset(seat->family, (void *)word);
    make_semaphore(seat);
    atomic_store_explicit(&slot->address, address, memory_order_relaxed);
    atomic_store_explicit(&slot->want, want, memory_order_relaxed);
    atomic_store_explicit(&slot->ticket, ticket, memory_order_relaxed);
    enter_bucket(seat->family, kin__bucket_number(address), kin__token_index(seat->token));
    atomic_store(&slot->state, kin__slot_next(own_state(seat), KIN__SLOT_WAIT));
}

void kin__park_begin(kin__seat *seat, _Atomic uint64_t *word, uint32_t want)
{
    kin__park_begin_with(seat, word, want, kin__park_ticket(seat->family));
}

bool kin__park_renew(kin__seat *seat)
{
    uint64_t state = atomic_load(&seat->thread->state);
    while (KIN__SLOT_PHASE(state) != KIN__SLOT_TOLD) {
        if (atomic_compare_exchange_weak(&seat->thread->state, &state, kin__slot_next(state, KIN__SLOT_WAIT))) {
            return true;
        }
    }
    return false;
}

bool kin__park_told(const kin__seat *seat)
{
    return KIN__SLOT_PHASE(atomic_load(&seat->thread->state)) == KIN__SLOT_TOLD;
}

static bool doze(kin__seat *seat, int64_t deadline)
{
    kin_status status = KIN_OK;
    if (still_waits(seat)) {
        status = seat->has_sem ? kin_os_sem_wait(seat->sem, deadline) : KIN_E_NOT_FOUND;
    }
    if (status != KIN_OK &&
        status != KIN_E_TIMED_OUT) { /* no native semaphore, or a spoilt one: look again and again */
        kin_os_sleep_until(kin__slice_end(kin_os_now(), KIN_MS(5), deadline));
    }
    return !still_waits(seat);
}

bool kin__park_sleep(kin__seat *seat, int64_t deadline)
{
    bool woken;
    do {
        woken = doze(seat, deadline);
    } while (!woken && kin_os_now() < deadline); /* any member may post tokens, any number of them */
    return woken;
}

bool kin__park_doze_by(kin__seat *seat, kin__interrupt *by, int64_t deadline)
{
    if (kin__interrupt_sleeps(by, KIN__SLEEPS_BY_SEM, seat->has_sem ? seat->sem : KIN_OS_NO_SEM)) {
        doze(seat, deadline);
    }
    kin__interrupt_awake(by);
    return !still_waits(seat);
}

bool kin__park_sleep_by(kin__seat *seat, kin__interrupt *by, int64_t deadline)
{
    bool woken;
    do {
        woken = kin__park_doze_by(seat, by, deadline);
    } while (!woken && !kin__interrupt_pending(by) && kin_os_now() < deadline);
    return woken;
}

bool kin__slot_waits(uint64_t state)
{
    return KIN__SLOT_PHASE(state) == KIN__SLOT_WAIT;
}

static void leave_word(kin__seat *seat, uint64_t address)
{
    uint64_t owes = atomic_load_explicit(&seat->thread->owes, memory_order_relaxed);
    if (owes == 0 || kin__bucket_number(owes) != kin__bucket_number(address)) {
        leave_bucket(seat->family, kin__bucket_number(address), kin__token_index(seat->token));
    }
}

bool kin__park_end(kin__seat *seat)
{
    kin__thread *slot = seat->thread;
    uint64_t last = atomic_exchange(&slot->state, kin__slot_state(own_state(seat), KIN__SLOT_IDLE));
    leave_word(seat, atomic_load_explicit(&slot->address, memory_order_relaxed));
    return KIN__SLOT_PHASE(last) == KIN__SLOT_WOKEN;
}

/* It owes before it ends: killed in between, it is WOKEN still. */
bool kin__park_end_owing(kin__seat *seat)
{
    kin__thread *slot = seat->thread;
    uint64_t address = atomic_load_explicit(&slot->address, memory_order_relaxed);
    atomic_store_explicit(&slot->owes, address, memory_order_relaxed);
    uint64_t last = atomic_exchange(&slot->state, kin__slot_state(own_state(seat), KIN__SLOT_IDLE));
    if (KIN__SLOT_PHASE(last) == KIN__SLOT_WOKEN) {
        return true;
    }
    kin__park_settle(seat);
    return false;
}

void kin__park_settle(kin__seat *seat)
{
    uint64_t address = atomic_load_explicit(&seat->thread->owes, memory_order_relaxed);
    atomic_store_explicit(&seat->thread->owes, 0, memory_order_release);
    leave_bucket(seat->family, kin__bucket_number(address), kin__token_index(seat->token));
}

void kin__park_spin(kin__seat *seat, _Atomic uint32_t *spin)
{
    uint64_t state = atomic_load(&seat->thread->state);
    if (kin__slot_waits(state)) {
        kin__spin(&seat->thread->state, state, spin);
    }
}

/* ---- watchers ---- */

uint64_t kin__watch_bucket(const kin_family *family, const _Atomic uint64_t *word)
{
    return UINT64_C(1) << kin__bucket_number(kin__offset(family, (const void *)word));
}

void kin__watch_begin(kin__seat *seat, uint64_t buckets, uint32_t bell)
{
    kin__thread *slot = seat->thread;
    make_semaphore(seat);
    atomic_store_explicit(&slot->address, KIN__WATCHING, memory_order_relaxed);
    atomic_store_explicit(&slot->want, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->bell, bell, memory_order_relaxed);
    enter_buckets(seat->family, buckets, kin__token_index(seat->token));
    atomic_store(&slot->state, kin__slot_next(own_state(seat), KIN__SLOT_WAIT));
}

void kin__watch_end(kin__seat *seat, uint64_t buckets)
{
    kin__thread *slot = seat->thread;
    atomic_store(&slot->state, kin__slot_state(own_state(seat), KIN__SLOT_IDLE));
    atomic_store_explicit(&slot->bell, 0, memory_order_relaxed);
    leave_buckets(seat->family, buckets, kin__token_index(seat->token));
}

/* ---- the slots of the dead ----
 *
 * A wake-up is passed on before it is taken off the slot: if several do so at once, or one is killed in between, a
 * sleeper is woken for nothing; but none is forgotten.
 */

/* NULL: never used, or overwritten by a faulty member. */
static _Atomic uint64_t *word_at(kin_family *family, uint64_t address)
{
    return address != 0 ? kin__at(family, address, sizeof(uint64_t), sizeof(uint64_t)) : NULL;
}

static void take_from_buckets(kin_family *family, uint32_t index, uint64_t address)
{
    if (address == KIN__WATCHING) {
        leave_buckets(family, UINT64_MAX, index);
    } else {
        leave_bucket(family, kin__bucket_number(address), index);
    }
}

void kin__park_reap(kin_family *family, uint32_t index)
{
    kin__thread *slot = kin__thread_at(family, index);
    kin__sleeper it = kin__slot_look(family, index);
    _Atomic uint64_t *word = word_at(family, it.address);
    _Atomic uint64_t *owes = word_at(family, atomic_load(&slot->owes));
    bool woken = word && KIN__SLOT_PHASE(it.state) == KIN__SLOT_WOKEN; /* what woke a watcher is not its own */
    if (woken) {
        kin__unpark(family, word, it.want);
    }
    if (owes && !(woken && owes == word)) {
        kin__unpark(family, owes, 1);
    }
    if (owes) {
        take_from_buckets(family, index, kin__offset(family, (void *)owes));
    }
    if (it.address != 0) {
        take_from_buckets(family, index, it.address);
    }
    atomic_store(&slot->owes, 0);
    atomic_store(&slot->bell, 0);
    if (KIN__SLOT_PHASE(it.state) == KIN__SLOT_IDLE) {
        return;
    }
    uint64_t last = atomic_exchange(&slot->state, kin__slot_next(it.state, KIN__SLOT_IDLE));
    if (word && last != it.state && KIN__SLOT_PHASE(last) == KIN__SLOT_WOKEN) { /* by an unpark just now */
        kin__unpark(family, word, it.want);
    }
}

bool kin__park_bury(kin_family *family, uint32_t index, _Atomic uint64_t *word)
{
    kin__thread *slot = kin__thread_at(family, index);
    kin__sleeper it = kin__slot_look(family, index);
    uint64_t address = kin__offset(family, (void *)word);
    bool begun = it.address == address && KIN__SLOT_PHASE(it.state) != KIN__SLOT_IDLE;
    bool owes = atomic_load(&slot->owes) == address;
    uint64_t lease = atomic_load(&slot->lease);
    if ((!begun && !owes) || kin__slot_alive(family, index, lease)) {
        return false;
    }
    if (owes || (begun && KIN__SLOT_PHASE(it.state) == KIN__SLOT_WOKEN)) {
        kin__unpark(family, word, begun ? it.want : 1);
    }
    if (owes && atomic_load(&slot->lease) == lease) {
        atomic_compare_exchange_strong(&slot->owes, &address, 0);
    }
    if (begun) {
        kin__slot_move(family, &it, kin__slot_next(it.state, KIN__SLOT_IDLE));
    }
    return true;
}
