/* sem.c: a counting semaphore.
 *
 * The word: the number of free permits (low 32 bits), and WAITERS: a thread sleeps, or is about to.
 *
 *     acquire n: count >= n ──► count - n, the flag kept            one compare-and-swap
 *     waiter:    count < n, flag set ──► park, wanting n
 *     release n: count + n <= maximum ──► count + n, the flag kept  one compare-and-swap; with the flag: unpark
 *
 * 1. An unpark that finds no sleeper left clears the flag. Then it looks for sleepers again, since one may have come in
 *    between. It wakes such a sleeper, which sets the flag anew.
 * 2. A release cannot always clear the flag, as a lock's release does: two quick releases of one permit must wake two
 *    sleepers.
 * 3. An unpark gives as many units as there are permits. Each sleeper takes the number that it wants. A sleeper that
 *    wants more than there are is passed over, so it does not delay a sleeper that wants fewer.
 * 4. Every change is sequentially consistent, as park.c requires.
 * 5. Deaths: a thread that is killed before its compare-and-swap has changed nothing. If a thread is killed after the
 *    compare-and-swap of a release and before the unpark, the sleeper's slice ends.
 *
 * A leased semaphore (lease.c) has the same functions and another implementation. A bit of `detail` tells which.
 */
#include "sync/sem.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "base/spin.h"
#include "family/member.h"
#include "family/reap.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "kin/sem.h"
#include "memory/object.h"
#include "park/look.h"
#include "park/slices.h"
#include "sync/lease.h"

#define WAITERS (UINT64_C(1) << 32)
#define COUNT(word) ((uint32_t)(word))

_Static_assert(sizeof(kin__sem) == sizeof(kin_sem), "kin_sem is kin__sem's outside");

static uint32_t maximum_of(const kin__sem *sem)
{
    return atomic_load_explicit(&((kin__sem *)(uintptr_t)sem)->object.detail, memory_order_relaxed);
}

static bool try_take(kin__sem *sem, uint64_t *word, uint32_t count)
{
    while (COUNT(*word) >= count) {
        if (atomic_compare_exchange_weak(&sem->word, word, *word - count)) {
            return true;
        }
    }
    return false;
}

static bool suffices(uint64_t word, uint64_t before, uint32_t count)
{
    (void)before;
    return COUNT(word) >= count;
}

/* Sleeps for one slice while there are too few permits. */
static kin__parked wait_a_slice(kin__seat *seat, kin__sem *sem, uint64_t word, uint32_t count, kin__slices *slices)
{
    uint64_t flagged = word | WAITERS;
    if (word != flagged && !atomic_compare_exchange_strong(&sem->word, &word, flagged)) {
        return KIN__CHANGED;
    }
    return kin__slices_park(seat, slices, &sem->word, flagged, count, suffices);
}

/* For a thread that was woken and found too few, since another one was faster, or that found permits without being
 * woken, since who released them may be dead: what is left may suffice for others. */
static void wake_others(kin__seat *seat, kin__sem *sem)
{
    uint64_t word = atomic_load(&sem->word);
    if ((word & WAITERS) && COUNT(word) > 0) {
        kin__unpark(seat->family, &sem->word, COUNT(word));
    }
}

/* word: too few permits were in it. */
static kin_status acquire_waiting(kin__seat *seat, kin__sem *sem, uint64_t word, uint32_t count, kin__slices *slices)
{
    kin__parked parked = KIN__CHANGED;
    kin__spin(&sem->word, word, &sem->spin);
    word = atomic_load(&sem->word);
    while (!try_take(sem, &word, count)) {
        if (parked != KIN__WOKEN && kin_os_now() >= slices->deadline) {
            return KIN_E_TIMED_OUT;
        }
        kin_status status = parked == KIN__TIMED_OUT ? kin__member_check(seat->family) : KIN_OK;
        if (status != KIN_OK) {
            return status;
        }
        if (parked == KIN__WOKEN) {
            wake_others(seat, sem);
        }
        parked = wait_a_slice(seat, sem, word, count, slices);
        word = atomic_load(&sem->word);
    }
    if (parked == KIN__TIMED_OUT) {
        wake_others(seat, sem);
    }
    return KIN_OK;
}

/* ---- the public face ---- */

kin_status kin_sem_init(kin_sem *sem, uint32_t value, uint32_t maximum)
{
    kin__sem *inside = (kin__sem *)sem;
    uint32_t most = maximum ? maximum : KIN_SEM_MAX;
    if (most > KIN_SEM_MAX || value > most) {
        return kin__refuse(KIN_E_ARGUMENT, "maximum is more than KIN_SEM_MAX, or value is more than maximum");
    }
    kin_status status = kin__object_check_place(sem, sizeof *sem);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    atomic_store_explicit(&inside->word, value, memory_order_relaxed);
    atomic_store_explicit(&inside->spin, 0, memory_order_relaxed);
    kin__object_init(&inside->object, KIN_TYPE_SEM, most);
    return KIN_OK;
}

kin_status kin_sem_fini(kin_sem *sem)
{
    return kin__told(kin__object_fini(sem, KIN_TYPE_SEM));
}

kin_status kin_sem_create(kin_sem **out, kin_family *family, uint32_t value, uint32_t maximum)
{
    void *memory;
    uint32_t most = maximum ? maximum : KIN_SEM_MAX;
    if (!out || most > KIN_SEM_MAX || value > most) {
        return kin__refuse(KIN_E_ARGUMENT,
                           "out is NULL, or maximum is more than KIN_SEM_MAX, or value is more than maximum");
    }
    kin_status status = kin_alloc(&memory, family, sizeof **out);
    if (status == KIN_OK) {
        *out = memory;
        status = kin_sem_init(*out, value, maximum);
    }
    return kin__told(status);
}

kin_status kin_sem_destroy(kin_sem *sem)
{
    return kin__told(kin__object_destroy(sem, KIN_TYPE_SEM));
}

kin_status kin_sem_acquire(kin_sem *sem, uint32_t count, int64_t timeout)
{
    kin__sem *inside = (kin__sem *)sem;
    kin__seat *seat;
    if (!sem || count == 0 || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "sem is NULL, or count is 0, or timeout is negative");
    }
    kin_status status = kin__seat_find(&seat, sem, KIN_TYPE_SEM);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if (kin__leased(inside)) {
        return kin__told(kin__lease_acquire(seat, inside, count, timeout));
    }
    if (count > maximum_of(inside)) {
        return kin__refuse(KIN_E_ARGUMENT, "count is more than the maximum of the semaphore");
    }
    uint64_t word = atomic_load(&inside->word);
    if (try_take(inside, &word, count)) {
        return KIN_OK;
    }
    if (timeout == KIN_NOW) {
        return kin__told(KIN_E_TIMED_OUT);
    }
    kin__slices slices = kin__slices_interruptible(seat, kin__deadline(timeout), false);
    status = kin__slices_status(&slices, acquire_waiting(seat, inside, word, count, &slices));
    if (slices.dead) {
        kin__reap_all(seat->family);
    }
    return kin__told(status);
}

kin_status kin_sem_release(kin_sem *sem, uint32_t count)
{
    kin__sem *inside = (kin__sem *)sem;
    kin__seat *seat;
    if (!sem || count == 0) {
        return kin__refuse(KIN_E_ARGUMENT, "sem is NULL, or count is 0");
    }
    kin_status status = kin__seat_find(&seat, sem, KIN_TYPE_SEM);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if (kin__leased(inside)) {
        return kin__told(kin__lease_release(seat, inside, count));
    }
    uint32_t maximum = maximum_of(inside);
    uint64_t word = atomic_load(&inside->word);
    do {
        if (count > maximum || COUNT(word) > maximum - count) {
            return kin__refuse(KIN_E_OVERFLOW, "the semaphore has its maximum of permits");
        }
    } while (!atomic_compare_exchange_weak(&inside->word, &word, word + count));
    if (word & WAITERS) {
        kin__unpark_flagged(seat->family, &inside->word, WAITERS, COUNT(atomic_load(&inside->word)));
    }
    return KIN_OK;
}

uint32_t kin__sem_look(kin__look *how, void *object, uint32_t interest)
{
    kin__sem *sem = object;
    if (kin__leased(sem)) {
        return kin__lease_look(how, sem, interest);
    }
    how->buckets |= kin__watch_bucket(how->seat->family, &sem->word);
    uint64_t word = atomic_load(&sem->word);
    while (how->arm && COUNT(word) == 0 && !(word & WAITERS)) {
        if (atomic_compare_exchange_weak(&sem->word, &word, word | WAITERS)) {
            word |= WAITERS;
        }
    }
    return COUNT(word) > 0 ? interest : 0;
}

kin_status kin_sem_value(const kin_sem *sem, uint32_t *value)
{
    const kin__sem *inside = (const kin__sem *)sem;
    if (!value) {
        return kin__refuse(KIN_E_ARGUMENT, "value is NULL");
    }
    kin_status status = kin__object_check(sem, KIN_TYPE_SEM);
    if (status == KIN_OK) {
        *value =
            kin__leased(inside) ? kin__lease_value(inside) : COUNT(atomic_load(&((kin__sem *)(uintptr_t)sem)->word));
    }
    return kin__told(status);
}
