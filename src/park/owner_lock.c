/* owner_lock.c: mutual exclusion with an owner. It needs no heap.
 *
 * ---- The word ----
 *
 * 0: the lock is free. Else the owner's token (arena.h), and these flags in its low bits:
 *     CONTENDED     a thread sleeps, or is about to: the release has to unpark
 *     INCONSISTENT  the owner took the lock from a dead owner, and has not repaired it
 *     POISONED      the lock is given up for good; there is no owner
 *
 *     from                 to                              by                                    then
 *     0                    me                              acquire
 *     other                other|CONTENDED                 acquire, before it sleeps             park
 *     0                    me|CONTENDED                    acquire, after it has slept
 *     dead                 me|CONTENDED|INCONSISTENT       acquire, once a death                 KIN_OWNER_DIED
 *     me                   0                               release
 *     me|CONTENDED         0                               release                               unpark one
 *     me|INCONSISTENT      me                              repair
 *     me|INCONSISTENT      POISONED                        release                               unpark all
 *     me                   POISONED                        poison                                unpark all
 *
 * Each change is one compare-and-swap.
 *
 * ---- Why it excludes ----
 *
 * 1. Only the owner changes a word away from its token, except that another thread takes over a dead owner's word.
 * 2. So release compares, too: a member that was taken for dead while it lived cannot overwrite its successor.
 * 3. A token is never used again, so a word that has the expected value has not been changed meanwhile.
 * 4. Taking the word is an acquire. Freeing it is sequentially consistent: it is a release, and park.c needs its order
 *    before the unpark.
 *
 * ---- Why no sleeper is forgotten ----
 *
 * 1. A thread sleeps only on a word with CONTENDED, so the release unparks one.
 * 2. A thread that has slept does not know whether others sleep. So it takes the word with CONTENDED, and its own
 *    release unparks the next.
 *
 * ---- What a death leaves ----
 *
 * 1. Before the compare-and-swap of acquire: nothing has happened.
 * 2. After it: the word names the dead owner.
 * 3. After that of release and before the unpark: a sleeper finds the lock free at the end of its slice.
 */
#include "park/owner_lock.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "base/pauses.h"
#include "family/member.h"
#include "family/thread_slot.h"
#include "park/deadlock.h"
#include "park/look.h"
#include "park/slices.h"

#define CONTENDED UINT64_C(1)
#define INCONSISTENT UINT64_C(2)
#define POISONED UINT64_C(4)
#define OWNER(word) ((word) & ~KIN__TOKEN_FLAGS)

static bool recursive(kin__lock *lock)
{
    return atomic_load_explicit(&lock->object.detail, memory_order_relaxed) & KIN_LOCK_RECURSIVE;
}

static kin_status acquire_again(kin__lock *lock)
{
    if (!recursive(lock)) {
        return kin__refuse(
            KIN_E_DEADLOCK,
            "the calling thread holds the lock already: with KIN_LOCK_RECURSIVE it could acquire it again");
    }
    uint32_t depth = atomic_load_explicit(&lock->depth, memory_order_relaxed);
    if (depth == UINT32_MAX) {
        return kin__refuse(KIN_E_OVERFLOW, "the lock is held too often by the same thread");
    }
    atomic_store_explicit(&lock->depth, depth + 1, memory_order_relaxed);
    return KIN_OK;
}

static void note_owner(kin__lock *lock)
{
    atomic_store_explicit(&lock->since, (uint32_t)(kin_os_now() / KIN_MS(1)), memory_order_relaxed);
}

/* One look at the word: takes the lock, or says why not. KIN_E_BUSY: a living thread holds it. */
static kin_status try_take(kin__seat *seat, kin__lock *lock, uint64_t *word, uint64_t slept)
{
    while (OWNER(*word) == 0) {
        if (*word & POISONED) {
            return KIN_E_POISONED;
        }
        if (atomic_compare_exchange_weak_explicit(&lock->word, word, seat->token | slept, memory_order_acquire,
                                                  memory_order_relaxed)) {
            if (slept) {
                note_owner(lock);
            }
            return KIN_OK;
        }
    }
    return OWNER(*word) == seat->token ? acquire_again(lock) : KIN_E_BUSY;
}

/* Asking the system whether a process lives costs a system call or several: not more often than this. */
#define WATCH_INTERVAL KIN_MS(10)

bool kin__owner_alive(kin__seat *seat, uint64_t owner)
{
    int64_t now = kin_os_now();
    if (seat->watched == owner && now - seat->watched_at < WATCH_INTERVAL) {
        return true;
    }
    if (!kin__token_alive(seat->family, owner)) {
        return false;
    }
    seat->watched = owner;
    seat->watched_at = now;
    return true;
}

static kin_status take_from_dead(kin__seat *seat, kin__lock *lock, uint64_t word)
{
    if (OWNER(word) == 0 || kin__owner_alive(seat, OWNER(word)) ||
        !atomic_compare_exchange_strong(&lock->word, &word, seat->token | CONTENDED | INCONSISTENT)) {
        return KIN_E_BUSY;
    }
    atomic_store_explicit(&lock->depth, 0, memory_order_relaxed);
    return KIN_OWNER_DIED;
}

/* Tries a little before it sleeps. again: not where others sleep already. */
static uint64_t await_release(kin__lock *lock, bool again)
{
    uint64_t word = atomic_load(&lock->word);
    kin__pauses pauses = KIN__PAUSES;
    bool more = !(again && (word & CONTENDED)); /* else one of many that a notify has woken, or at a slice's end */
    while (more && OWNER(word) != 0) {
        more = kin__pause_again(&pauses);
        word = atomic_load_explicit(&lock->word, memory_order_relaxed);
    }
    return word;
}

/* Sleeps for one slice while `word` names the lock's owner, unless that could never end: *deadlock. */
static kin__parked wait_a_slice(kin__seat *seat, kin__lock *lock, uint64_t word, kin__slices *slices, bool *deadlock)
{
    uint64_t contended = word | CONTENDED;
    if (word != contended) {
        if (!atomic_compare_exchange_strong(&lock->word, &word, contended)) {
            return KIN__CHANGED;
        }
        note_owner(lock);
    }
    kin__slices_begin(seat, slices, &lock->word, 1);
    bool changed = atomic_load(&lock->word) != contended;
    *deadlock = !changed && kin__deadlocked(seat, OWNER(contended));
    if (!changed && !*deadlock && !kin__slices_sleep(seat, slices) && OWNER(atomic_load(&lock->word)) == 0) {
        kin__slices_forgotten(seat, &lock->word);
    }
    if (kin__park_end(seat)) {
        return KIN__WOKEN;
    }
    return changed ? KIN__CHANGED : KIN__TIMED_OUT;
}

/* At the end of a slice without a wake-up. */
static kin_status look_around(kin__seat *seat, kin__lock *lock, uint64_t word, int64_t deadline)
{
    kin_status status = kin__member_check(seat->family);
    if (status == KIN_OK) {
        status = take_from_dead(seat, lock, word);
    }
    return status == KIN_E_BUSY && kin_os_now() >= deadline ? KIN_E_TIMED_OUT : status;
}

static kin_status acquire_waiting(kin__seat *seat, kin__lock *lock, kin__slices *slices, bool again)
{
    kin__parked parked = KIN__CHANGED;
    uint64_t slept = 0;
    bool deadlock = false;
    kin_status status;
    for (;;) {
        uint64_t word = await_release(lock, again || parked == KIN__TIMED_OUT);
        status = try_take(seat, lock, &word, slept);
        if (status == KIN_E_BUSY && deadlock && parked == KIN__TIMED_OUT && !again) {
            status = kin__refuse(
                KIN_E_DEADLOCK,
                "threads wait for locks that the others of them hold: acquire locks in the same order everywhere");
        } else if (status == KIN_E_BUSY && parked == KIN__TIMED_OUT) {
            status = look_around(seat, lock, word, slices->deadline);
        } else if (status == KIN_E_BUSY) {
            status = take_from_dead(seat, lock, word);
        }
        if (status == KIN_E_BUSY && parked == KIN__CHANGED && kin_os_now() >= slices->deadline) {
            status = KIN_E_TIMED_OUT; /* it may change for ever */
        }
        if (status != KIN_E_BUSY) {
            break;
        }
        parked = wait_a_slice(seat, lock, word, slices, &deadlock);
        slept = parked == KIN__CHANGED ? slept : CONTENDED;
    }
    if (status < 0 && parked == KIN__WOKEN) {
        kin__unpark(seat->family, &lock->word, 1); /* poisoned: the next sleeper has to be told, too */
    }
    return status;
}

static kin_status acquire_slowly(kin__seat *seat, kin__lock *lock, int64_t timeout, bool interruptible)
{
    uint64_t word = atomic_load(&lock->word);
    kin_status status = try_take(seat, lock, &word, 0);
    if (status == KIN_E_BUSY && timeout == KIN_NOW) {
        status = take_from_dead(seat, lock, word);
        return status == KIN_E_BUSY ? KIN_E_TIMED_OUT : status;
    }
    if (status == KIN_E_BUSY) {
        int64_t deadline = kin__deadline(timeout);
        kin__slices slices =
            interruptible ? kin__slices_interruptible(seat, deadline, true) : kin__slices_of(deadline, true);
        status = kin__slices_status(&slices, acquire_waiting(seat, lock, &slices, false));
    }
    return status;
}

kin_status kin__lock_acquire_slowly(kin__seat *seat, kin__lock *lock, int64_t timeout)
{
    return acquire_slowly(seat, lock, timeout, false);
}

kin_status kin__lock_acquire_interruptibly(kin__seat *seat, kin__lock *lock, int64_t timeout)
{
    return acquire_slowly(seat, lock, timeout, true);
}

/* ---- release, repair, poison ---- */

kin_status kin__lock_release_slowly(kin__seat *seat, kin__lock *lock)
{
    uint64_t word = atomic_load(&lock->word);
    if (OWNER(word) == seat->token && atomic_load(&lock->depth) > 0) {
        atomic_fetch_sub_explicit(&lock->depth, 1, memory_order_relaxed);
        return KIN_OK;
    }
    if (OWNER(word) != seat->token) {
        return kin__not_owner();
    }
    uint64_t next = word & INCONSISTENT ? POISONED : 0;
    while (!atomic_compare_exchange_weak(&lock->word, &word, next)) {
        if (OWNER(word) != seat->token) {
            return kin__not_owner();
        }
    }
    if (word & CONTENDED) {
        kin__unpark(seat->family, &lock->word, next == POISONED ? KIN__ALL : 1);
    }
    return KIN_OK;
}

bool kin__lock_held(const kin__seat *seat, kin__lock *lock)
{
    return OWNER(atomic_load(&lock->word)) == seat->token;
}

kin_status kin__lock_release_fully(kin__seat *seat, kin__lock *lock, uint32_t *depth)
{
    *depth = atomic_load_explicit(&lock->depth, memory_order_relaxed);
    atomic_store_explicit(&lock->depth, 0, memory_order_relaxed);
    return kin__lock_release(seat, lock);
}

kin_status kin__lock_acquire_again(kin__seat *seat, kin__lock *lock, uint32_t depth, uint64_t ticket)
{
    uint64_t word = atomic_load(&lock->word);
    kin_status status = try_take(seat, lock, &word, 0);
    if (status == KIN_E_BUSY) {
        kin__slices slices = kin__slices_of(KIN_OS_NEVER, true);
        slices.ticket = ticket;
        slices.ticketed = true;
        status = acquire_waiting(seat, lock, &slices, true);
    }
    if (status >= 0) {
        atomic_store_explicit(&lock->depth, depth, memory_order_relaxed);
    }
    return status;
}

kin_status kin__lock_repair(kin__seat *seat, kin__lock *lock)
{
    uint64_t word = atomic_load(&lock->word);
    do {
        if (OWNER(word) != seat->token) {
            return kin__not_owner();
        }
    } while (!atomic_compare_exchange_weak(&lock->word, &word, word & ~INCONSISTENT));
    return KIN_OK;
}

kin_status kin__lock_poison(kin__seat *seat, kin__lock *lock)
{
    uint64_t word = atomic_load(&lock->word);
    do {
        if (OWNER(word) != seat->token) {
            return kin__not_owner();
        }
        atomic_store_explicit(&lock->depth, 0, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak(&lock->word, &word, POISONED));
    kin__unpark(seat->family, &lock->word, KIN__ALL);
    return KIN_OK;
}

uint32_t kin__lock_look(kin__look *how, void *object, uint32_t interest)
{
    kin__lock *lock = object;
    uint64_t word = atomic_load(&lock->word);
    how->buckets |= kin__watch_bucket(how->seat->family, &lock->word);
    while (how->arm && OWNER(word) != 0 && !(word & CONTENDED)) {
        if (atomic_compare_exchange_weak(&lock->word, &word, word | CONTENDED)) {
            word |= CONTENDED;
            note_owner(lock);
        }
    }
    bool held = OWNER(word) != 0 && OWNER(word) != how->seat->token;
    how->owned |= held;
    return held && (!how->ask || kin__owner_alive(how->seat, OWNER(word))) ? 0 : interest;
}

uint64_t kin__lock_owner(const kin__lock *lock, int64_t *held)
{
    uint64_t word = atomic_load(&((kin__lock *)(uintptr_t)lock)->word);
    uint32_t since = atomic_load_explicit(&((kin__lock *)(uintptr_t)lock)->since, memory_order_relaxed);
    uint32_t now = (uint32_t)(kin_os_now() / KIN_MS(1));
    *held = word & CONTENDED ? KIN_MS((int64_t)(now - since)) : -1;
    return OWNER(word);
}

void kin__lock_inspect(const kin__seat *seat, kin__lock *lock, kin_lock_info *info)
{
    uint64_t word = atomic_load(&lock->word);
    info->owner_pid = OWNER(word) ? kin__token_pid(seat->family, OWNER(word)) : 0;
    info->mine = OWNER(word) == seat->token;
    info->contended = (word & CONTENDED) != 0;
    info->inconsistent = (word & INCONSISTENT) != 0;
    info->poisoned = (word & POISONED) != 0;
    info->depth = OWNER(word) ? atomic_load(&lock->depth) + 1 : 0;
}

void kin__lock_init(kin_family *family, kin__lock *lock, uint32_t flags)
{
    kin__lock_format(lock, family->base, flags);
}
