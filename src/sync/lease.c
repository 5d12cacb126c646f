/* lease.c: a semaphore whose permits belong to processes. The permits of a process that ends become free.
 *
 * ---- The permits ----
 *
 * Each permit has a word: 0 if it is free, else the member token (family/member.h) of the process that holds it.
 *
 *     0 ──acquire──► me ──release──► 0       under the lock
 *     dead ──a waiter──► 0                   by compare-and-swap, without it
 *
 * 1. A thread that acquires n permits holds the lock. It takes n free words, or none if there are fewer. A thread that
 *    releases n permits holds the lock, too. It frees n words of its own process, or none if there are fewer.
 * 2. Freeing the words of a dead process needs no lock. A token is never used again, so a word that still has the token
 *    still belongs to the dead process. If words become free meanwhile, this does no harm to the lock's holder.
 * 3. So no thread asks the system about processes, which is slow, while others wait for the lock.
 *
 * ---- Waiting ----
 *
 * The semaphore's word is an epoch and the flag WAITERS. Waiters sleep on it:
 *
 *     e ──words freed──► e+1, the flag kept; with the flag: unpark as many units as there are free permits
 *     e ──a waiter that saw too few──► e|WAITERS ──► park, wanting n
 *
 * 4. A waiter loads the word before it looks at the permits. Permits are freed before the epoch changes. So the waiter
 *    sees the free permits, or it sees another epoch, or the unpark sees the waiter.
 * 5. The flag is cleared as in sem.c, when there is no sleeper left.
 *
 * ---- Deaths ----
 *
 * 6. A holder that dies under the lock leaves nothing to repair, since each permit's word is valid by itself. The words
 *    that it had taken belong to a dead process, like all its permits.
 * 7. The end of a process causes no wake-up. A waiter looks for dead holders before its first sleep and at the end of
 *    each slice. If it frees permits, it wakes the other waiters for which they are enough. If it is killed between the
 *    freeing and the unpark, their slices end.
 * 8. A process that is wrongly taken for dead has lost its permits. Its release is refused, since the permits do not
 *    have its token any more. It gets no new permits.
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

/* Asking the system about the holders costs one or several system calls for each. Before a sleep it is done at most
 * this often. */
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

/* The number of permits. 0: the number was overwritten. Then only the semaphore itself may be touched. */
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

/* Frees the permits of dead processes, and wakes their waiters. Returns whether there were any. */
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
        if (parked == KIN__WOKEN) { /* another thread was faster; the rest may be enough for another waiter */
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
