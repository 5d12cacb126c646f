/* lease.c: a semaphore whose permits belong to processes, and come back when those end.
 *
 * The truth is one word per permit: 0 free, else the member token (family/member.h) of the process that holds it.
 *
 *     0 ──acquire──► me ──release──► 0       under the lock
 *     dead ──a waiter──► 0                   by compare-and-swap, without it
 *
 * Under the lock somebody who wants n permits sees n free words, or takes none; who releases n sees n of its own, or
 * releases none. Each word is right by itself, so there is nothing to put in order after one who died under the lock:
 * what it had taken of its n by then belongs to a dead process, as all that it held.
 *
 * Freeing the words of the dead needs no lock: a token is never used again, so a word that still holds it is still
 * the dead one's; and more free words than expected disturb nobody under the lock. So the system, which takes its
 * time, is never asked while others wait for the lock.
 *
 * The semaphore's word, an epoch and WAITERS, is what waiters sleep on:
 *
 *     e ──words freed──► e+1, the flag kept; with the flag: unpark as many units as there are free permits
 *     e ──a waiter that saw too few──► e|WAITERS ──► park, wanting n
 *
 * A waiter notes the word before it looks at the permits. The words are freed before the epoch changes: so either it
 * sees them free, or another epoch, or it is seen by the unpark. The flag goes as sem.c's does, when nobody is left
 * asleep.
 *
 * Nobody wakes anybody when a process ends: a waiter looks for dead holders before its first sleep and at the end of
 * each slice, and wakes the others whom it suffices. If that thread is killed between the freeing and the unpark,
 * the slices end.
 *
 * A process wrongly taken for dead has lost its permits: its release is refused, since they are not in its name any
 * more, and it gets no new ones.
 */
#include "sync/lease.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "base/spin.h"
#include "family/input.h"
#include "family/member.h"
#include "family/reap.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "memory/object.h"
#include "park/look.h"
#include "park/owner_lock.h"
#include "park/slices.h"

#define WAITERS UINT64_C(1)
#define EPOCH UINT64_C(2)
#define TOO_FEW_HELD "this process holds fewer permits"

/* The lock is held for microseconds, unless its holder is stopped in the middle. */
#define PATIENCE_TO_TAKE KIN_SECONDS(1) /* then it counts as "too few" */
#define PATIENCE_TO_GIVE KIN_SECONDS(10)

/* Asking about the holders costs a system call or several for each: before a sleep not more often than this. */
#define WATCH_INTERVAL KIN_MS(10)

_Static_assert(KIN_SEM_MAX < KIN__LEASED, "no maximum looks like a lease");

/* ---- the permits ---- */

static uint64_t size_with(uint32_t permits)
{
    return sizeof(kin__lease) + (uint64_t)permits * sizeof(uint64_t);
}

uint64_t kin__sem_extent(kin_family *family, uint64_t offset)
{
    kin__sem *sem = kin__at(family, offset, sizeof *sem, 8);
    uint32_t detail = sem ? atomic_load_explicit(&sem->object.detail, memory_order_relaxed) : 0;
    uint32_t permits = detail & ~KIN__LEASED;
    if (!sem || !(detail & KIN__LEASED)) {
        return sem ? sizeof *sem : 0;
    }
    return permits <= KIN_SEM_LEASE_MAX ? size_with(permits) : 0;
}

/* How many there are; 0 if somebody has written over it: then nothing but the semaphore may be touched. */
static uint32_t permits_of(kin_family *family, const kin__lease *lease)
{
    kin__object *object = &((kin__lease *)(uintptr_t)lease)->sem.object;
    uint32_t permits = atomic_load_explicit(&object->detail, memory_order_relaxed) & ~KIN__LEASED;
    bool sound =
        permits <= KIN_SEM_LEASE_MAX && kin__family_covers(family, kin__offset(family, lease), size_with(permits));
    return sound ? permits : 0;
}

static uint32_t count_free(kin__lease *lease, uint32_t permits)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < permits; i++) {
        count += atomic_load(&lease->holders[i]) == 0;
    }
    return count;
}

/* Where count permits of `from`, those from `start` on, begin; permits if there are not as many. */
static uint32_t find(kin__lease *lease, uint32_t permits, uint32_t start, uint64_t from, uint32_t count)
{
    uint32_t first = permits, at = start;
    for (uint32_t i = 0; i < permits; i++) {
        if (atomic_load_explicit(&lease->holders[at], memory_order_relaxed) == from) {
            first = first == permits ? at : first;
            if (--count == 0) {
                return first;
            }
        }
        at = at + 1 < permits ? at + 1 : 0;
    }
    return permits;
}

/* Under the lock: makes count permits of `from` those of `to`, or none if there are not as many. The place is
 * remembered: what was given last is taken next, and the reverse. */
static bool hand(kin__lease *lease, uint32_t permits, uint64_t from, uint64_t to, uint32_t count)
{
    uint32_t hint = atomic_load_explicit(&lease->sem.spare, memory_order_relaxed);
    uint32_t first = find(lease, permits, hint < permits ? hint : 0, from, count);
    if (first == permits) {
        return false;
    }
    atomic_store_explicit(&lease->sem.spare, first, memory_order_relaxed);
    uint32_t at = first;
    for (uint32_t i = 0; i < permits && count > 0; i++) {
        if (atomic_load_explicit(&lease->holders[at], memory_order_relaxed) == from) {
            atomic_store(&lease->holders[at], to);
            count--;
        }
        at = at + 1 < permits ? at + 1 : 0;
    }
    return true;
}

static kin_status enter(kin__seat *seat, kin__lease *lease, int64_t patience)
{
    kin_status status = kin__lock_acquire(seat, &lease->lock, patience);
    return status == KIN_OWNER_DIED ? kin__lock_repair(seat, &lease->lock) : status;
}

/* ---- the dead ---- */

/* living: a bit for each member found alive, so that each is asked about once. */
static bool lives(kin_family *family, uint64_t token, uint64_t *living)
{
    uint32_t index = kin__member_token_index(token) % KIN__MEMBERS_MAX;
    uint64_t bit = UINT64_C(1) << index % 64;
    if (living[index / 64] & bit) {
        return kin__member_token_listed(family, token);
    }
    if (!kin__member_token_alive(family, token)) {
        return false;
    }
    living[index / 64] |= bit;
    return true;
}

static void free_all_of(kin__lease *lease, uint32_t permits, uint64_t dead)
{
    for (uint32_t i = 0; i < permits; i++) {
        uint64_t token = atomic_load(&lease->holders[i]);
        if (token == dead) {
            atomic_compare_exchange_strong(&lease->holders[i], &token, 0);
        }
    }
}

/* Frees the permits of dead processes, and wakes who waits for them. Whether there were any. */
static bool sweep(kin__seat *seat, kin__lease *lease, uint32_t permits)
{
    uint64_t living[KIN__MEMBERS_MAX / 64] = {0};
    bool any = false;
    for (uint32_t i = 0; i < permits; i++) {
        uint64_t token = atomic_load(&lease->holders[i]);
        if (token != 0 && !lives(seat->family, token, living)) {
            free_all_of(lease, permits, token);
            any = true;
        }
    }
    if (any && (atomic_fetch_add(&lease->sem.word, EPOCH) & WAITERS)) {
        kin__unpark_flagged(seat->family, &lease->sem.word, WAITERS, count_free(lease, permits));
    }
    return any;
}

/* No lock's owner has this number: a token's low bits are 0. */
static uint64_t watch_of(const kin__seat *seat, const kin__lease *lease)
{
    return kin__offset(seat->family, lease) | 1;
}

static bool swept_lately(const kin__seat *seat, const kin__lease *lease)
{
    return seat->watched == watch_of(seat, lease) && kin_os_now() - seat->watched_at < WATCH_INTERVAL;
}

static kin_status look_around(kin__seat *seat, kin__lease *lease, uint32_t permits, bool *died)
{
    kin_status status = kin__member_check(seat->family);
    if (status == KIN_OK) {
        *died = sweep(seat, lease, permits) || *died;
        seat->watched = watch_of(seat, lease);
        seat->watched_at = kin_os_now();
    }
    return status;
}

/* ---- acquire and release ---- */

/* KIN_E_BUSY: too few are free. */
static kin_status try_take(kin__seat *seat, kin__lease *lease, uint32_t permits, uint32_t count)
{
    uint64_t me = kin__member_token(seat->family);
    kin_status status = enter(seat, lease, PATIENCE_TO_TAKE);
    if (status != KIN_OK) {
        return status == KIN_E_TIMED_OUT ? KIN_E_BUSY : status;
    }
    if (!kin__member_token_listed(seat->family, me)) {
        status = kin__taken_for_dead();
    } else if (!hand(lease, permits, 0, me, count)) {
        status = KIN_E_BUSY;
    }
    kin__lock_release(seat, &lease->lock);
    return status;
}

static kin__parked wait_a_slice(kin__seat *seat, kin__lease *lease, uint32_t permits, uint64_t word, uint32_t count,
                                kin__slices *slices)
{
    uint64_t flagged = word | WAITERS;
    if (word != flagged && !atomic_compare_exchange_strong(&lease->sem.word, &word, flagged)) {
        return KIN__CHANGED;
    }
    kin__slices_begin(seat, slices, &lease->sem.word, count);
    bool changed = atomic_load(&lease->sem.word) != flagged;
    if (!changed && !kin__slices_sleep(seat, slices) && count_free(lease, permits) >= count) {
        kin__slices_forgotten(seat, &lease->sem.word);
    }
    return kin__park_end(seat) ? KIN__WOKEN : changed ? KIN__CHANGED : KIN__TIMED_OUT;
}

/* word: what was there before too few permits were. */
static kin_status acquire_waiting(kin__seat *seat, kin__lease *lease, uint32_t permits, uint64_t word, uint32_t count,
                                  int64_t deadline, bool *died)
{
    kin__spin(&lease->sem.word, word, &lease->sem.spin);
    kin__parked parked = swept_lately(seat, lease) ? KIN__CHANGED : KIN__TIMED_OUT;
    kin__slices slices = kin__slices_interruptible(seat, deadline, true);
    kin_status status;
    for (;;) {
        status = parked == KIN__TIMED_OUT ? look_around(seat, lease, permits, died) : KIN_OK;
        word = atomic_load(&lease->sem.word);
        if (status == KIN_OK) {
            status = try_take(seat, lease, permits, count);
        }
        if (status == KIN_E_BUSY && parked == KIN__TIMED_OUT && kin_os_now() >= slices.deadline) {
            status = KIN_E_TIMED_OUT;
        }
        if (status != KIN_E_BUSY) {
            break;
        }
        if (parked == KIN__WOKEN) { /* somebody was faster; what is left may be enough for another */
            kin__unpark(seat->family, &lease->sem.word, count_free(lease, permits));
        }
        parked = wait_a_slice(seat, lease, permits, word, count, &slices);
    }
    if (status < 0 && parked == KIN__WOKEN) {
        kin__unpark(seat->family, &lease->sem.word, count_free(lease, permits));
    }
    return kin__slices_status(&slices, status);
}

kin_status kin__lease_acquire(kin__seat *seat, kin__sem *sem, uint32_t count, int64_t timeout)
{
    kin__lease *lease = (kin__lease *)sem;
    uint32_t permits = permits_of(seat->family, lease);
    bool died = false;
    if (count > permits) {
        return kin__refuse(KIN_E_ARGUMENT, "count is more than the semaphore has permits");
    }
    uint64_t word = atomic_load(&sem->word);
    kin_status status = try_take(seat, lease, permits, count);
    if (status == KIN_E_BUSY && timeout == KIN_NOW) {
        died = sweep(seat, lease, permits);
        status = try_take(seat, lease, permits, count); /* in any case: another may just have freed them */
        status = status == KIN_E_BUSY ? KIN_E_TIMED_OUT : status;
    } else if (status == KIN_E_BUSY) {
        status = acquire_waiting(seat, lease, permits, word, count, kin__deadline(timeout), &died);
    }
    if (died) {
        kin__reap_all(seat->family); /* they may have left more */
    }
    return status;
}

kin_status kin__lease_release(kin__seat *seat, kin__sem *sem, uint32_t count)
{
    kin__lease *lease = (kin__lease *)sem;
    uint32_t permits = permits_of(seat->family, lease);
    if (permits == 0) {
        return kin__refuse(KIN_E_NOT_OWNER, TOO_FEW_HELD);
    }
    kin_status status = enter(seat, lease, PATIENCE_TO_GIVE);
    if (status != KIN_OK) {
        return status == KIN_E_TIMED_OUT ? KIN_E_BUSY : status;
    }
    bool had = hand(lease, permits, kin__member_token(seat->family), 0, count);
    uint64_t word = had ? atomic_fetch_add(&sem->word, EPOCH) : 0;
    kin__lock_release(seat, &lease->lock);
    if (word & WAITERS) {
        kin__unpark_flagged(seat->family, &sem->word, WAITERS, count_free(lease, permits));
    }
    return had ? KIN_OK : kin__refuse(KIN_E_NOT_OWNER, TOO_FEW_HELD);
}

/* ---- made, and asked ---- */

kin_status kin_sem_create_leased(kin_sem **out, kin_family *family, uint32_t permits)
{
    void *memory;
    if (!out || permits == 0 || permits > KIN_SEM_LEASE_MAX) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL, or permits is 0, or permits is more than KIN_SEM_LEASE_MAX");
    }
    kin_status status = kin_alloc(&memory, family, sizeof(kin__lease) + permits * sizeof(uint64_t)); /* zeroed */
    if (status == KIN_OK) {
        kin__lease *lease = memory;
        kin__lock_init(kin__family_at(lease), &lease->lock, 0);
        kin__object_init(&lease->sem.object, KIN_TYPE_SEM, KIN__LEASED | permits);
        *out = memory;
    }
    return kin__told(status);
}

uint32_t kin__lease_value(const kin__sem *sem)
{
    kin__lease *lease = (kin__lease *)(uintptr_t)sem;
    kin_family *family = kin__family_at(sem);
    uint32_t permits = permits_of(family, lease), value = 0;
    for (uint32_t i = 0; i < permits; i++) {
        uint64_t token = atomic_load(&lease->holders[i]);
        value += token == 0 || !kin__member_token_listed(family, token);
    }
    return value;
}

uint32_t kin__lease_look(kin__look *how, kin__sem *sem, uint32_t interest)
{
    kin__lease *lease = (kin__lease *)sem;
    how->buckets |= kin__watch_bucket(how->seat->family, &sem->word);
    how->owned = true;
    if (how->arm) {
        atomic_fetch_or(&sem->word, WAITERS);
    }
    if (how->ask) {
        sweep(how->seat, lease, permits_of(how->seat->family, lease));
    }
    return kin__lease_value(sem) > 0 ? interest : 0;
}
