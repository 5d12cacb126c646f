/* changes.c: waiting for a change of a dict or list. The writers' part is in container.c.
 *
 * `generation` counts the changes. The lock's holder stores the next number after it has published its change. Readers
 * load it without the lock. A waiter sleeps on it (park.c). `watched` says whether there are waiters; only the lock's
 * holder loads and stores it, so writers need neither an atomic operation nor a fence for it:
 *
 *     NOT_WATCHED ──a waiter──► WATCHED ──a writer, with its change──► CHANGE_TOLD ──the same, leaving──► NOT_WATCHED
 *
 *     waiter:  generation is what the caller knows; enter; WATCHED; leave; park on generation
 *     writer:  enter; publish; generation + 1; if WATCHED: CHANGE_TOLD;
 *              if CHANGE_TOLD: NOT_WATCHED; leave; unpark all
 *     writer, nobody waits:  one load of watched with the change, one when it leaves
 *
 * 1. A writer that enters after the waiter has left finds WATCHED, or another writer has changed generation since.
 * 2. Such a writer's store of generation is sequentially consistent and comes before its unpark. The waiter shows its
 *    wait slot before it loads generation for the last time. So the waiter sees the change, or the writer sees the
 *    slot.
 * 3. All sleepers are woken at once, since generation differs from what each of them waits to change.
 *
 * Death of a writer:
 * - between publishing and the store of generation: the next process that enters finds OWNER_DIED, and counts a change.
 *   It may count one change too many. To a waiter that is like a change that was undone. If no other process enters,
 *   the waiter enters itself when it finds the lock's owner dead at the end of a slice.
 * - between that store and the unpark: a waiter's slice ends. It finds the new generation, and wakes the others.
 *
 * Death of a waiter: WATCHED stays. The next writer wakes nobody, once.
 */
#include "base/deadline.h"
#include "base/last_error.h"
#include "container/container.h"
#include "family/member.h"
#include "family/reap.h"
#include "park/slices.h"

#define LOOK_PATIENCE KIN_MS(10) /* for the lock, in a wait for several objects */

static bool is_another(uint64_t word, uint64_t known, uint32_t want)
{
    (void)want;
    return word != known;
}

/* The rest of a time limit. */
static int64_t left_until(int64_t deadline)
{
    int64_t now = kin_os_now();
    return deadline == KIN_OS_NEVER ? KIN_FOREVER : deadline > now ? deadline - now : KIN_NOW;
}

/* Also repairs the container after a death. */
static kin_status watch(kin__seat *seat, kin__container *it, const kin__kind *kind, int64_t deadline)
{
    kin_status status = kin__container_enter_for(seat, it, kind, left_until(deadline));
    if (status == KIN_OK) {
        if (atomic_load_explicit(&it->watched, memory_order_relaxed) == KIN__NOT_WATCHED) {
            atomic_store_explicit(&it->watched, KIN__WATCHED, memory_order_relaxed);
        }
        kin__container_leave(seat, it);
    }
    return status;
}

static bool owner_is_dead(kin__seat *seat, const kin__container *it)
{
    int64_t held;
    uint64_t owner = kin__lock_owner(&it->lock, &held);
    return owner != 0 && !kin__owner_alive(seat, owner);
}

static kin_status sleep_until_changed(kin__seat *seat, kin__container *it, const kin__kind *kind, uint64_t known,
                                      kin__slices *slices)
{
    kin_status status = watch(seat, it, kind, slices->deadline);
    while (status == KIN_OK && atomic_load(&it->generation) == known) {
        kin__parked parked = kin__slices_park(seat, slices, &it->generation, known, 1, is_another);
        if (parked == KIN__TIMED_OUT && atomic_load(&it->generation) != known) {
            kin__unpark(seat->family, &it->generation, KIN__ALL); /* the writer may be dead */
        } else if (parked == KIN__TIMED_OUT) {
            status = kin_os_now() >= slices->deadline ? KIN_E_TIMED_OUT : kin__member_check(seat->family);
            if (status == KIN_OK && owner_is_dead(seat, it)) {
                status = watch(seat, it, kind, slices->deadline);
            }
        }
    }
    return status;
}

kin_status kin__container_generation(const void *p, const kin__kind *kind, uint64_t *generation)
{
    kin__container *it = (kin__container *)(uintptr_t)p;
    kin_status status =
        generation ? kin__object_check(p, kind->type) : kin__refuse(KIN_E_ARGUMENT, "generation is NULL");
    if (status == KIN_OK) {
        *generation = atomic_load_explicit(&it->generation, memory_order_acquire);
    }
    return status;
}

kin_status kin__container_wait(void *p, const kin__kind *kind, uint64_t generation, int64_t timeout)
{
    kin__seat *seat;
    kin__container *it = p;
    kin_status status =
        timeout >= 0 ? kin__container_open(&seat, p, kind) : kin__refuse(KIN_E_ARGUMENT, "timeout is negative");
    if (status != KIN_OK || atomic_load_explicit(&it->generation, memory_order_acquire) != generation) {
        return status;
    }
    if (timeout == KIN_NOW) {
        return KIN_E_TIMED_OUT;
    }
    kin__slices slices = kin__slices_interruptible(seat, kin__deadline(timeout), false);
    status = sleep_until_changed(seat, it, kind, generation, &slices);
    if (slices.dead) {
        kin__reap_all(seat->family);
    }
    return kin__slices_status(&slices, status);
}

/* The same order as above: WATCHED, then the wait slot, which the caller begins, then the last load of generation. If
 * the lock cannot be had, the thread is not to sleep yet. */
uint32_t kin__container_look(kin__look *how, kin__container *it, const kin__kind *kind, uint64_t known,
                             uint32_t interest)
{
    how->buckets |= kin__watch_bucket(how->seat->family, &it->generation);
    if (how->prepare && atomic_load(&it->generation) == known) {
        kin_status status = watch(how->seat, it, kind, kin_os_now() + LOOK_PATIENCE);
        if (status != KIN_OK && status != KIN_E_TIMED_OUT) {
            return interest; /* the call that follows reports it */
        }
        how->due |= status == KIN_E_TIMED_OUT;
    }
    return atomic_load(&it->generation) != known ? interest : 0;
}
