/* cond.c: waiting for a change of data that a lock guards.
 *
 * A condition has no word. The wait slots alone say who waits (park.c).
 *
 *     waiter:    begin (slot WAIT) ──► release the lock ──► sleep until WOKEN ──► end ──► acquire the lock again
 *     notifier:  mark n slots WOKEN, oldest first ──► post
 *
 * ---- Why no notify is lost ----
 *
 * 1. A waiter becomes a sleeper on the condition's address before it releases the lock.
 * 2. So a thread that acquires the lock later, changes the data and notifies, finds the waiter's slot.
 * 3. A slot that is WOKEN stays WOKEN if the notifier dies. A waiter that was not posted sees it at the end of its
 *    slice.
 * 4. A waiter that was notified owes the notify (park.c) until it has the lock. If it dies before, other waiters find
 *    its slot at the ends of their slices, or its reaper does, and pass the notify on.
 * 5. A waiter whose time runs out at the moment of a notify was notified: the exchange in kin__park_end_owing decides.
 *
 * ---- Why a waiter gets its lock again ----
 *
 * 1. It acquires the lock with the ticket of the wait.
 * 2. That ticket is older than that of any thread that has acquired the lock since and waits for something now.
 * 3. If it closes a cycle of owners, another thread of the cycle has the last ticket, and gives up (deadlock.c).
 */
#include "kin/cond.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "family/member.h"
#include "family/reap.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "memory/object.h"
#include "park/owner_lock.h"
#include "park/slices.h"

_Static_assert(sizeof(kin__cond) == sizeof(kin_cond), "kin_cond is kin__cond's outside");

kin_status kin_cond_init(kin_cond *cond)
{
    kin_status status = kin__object_check_place(cond, sizeof *cond);
    if (status == KIN_OK) {
        atomic_store_explicit(&((kin__cond *)cond)->spin, 0, memory_order_relaxed);
        kin__object_init(&((kin__cond *)cond)->object, KIN_TYPE_COND, 0);
    }
    return kin__told(status);
}

kin_status kin_cond_fini(kin_cond *cond)
{
    return kin__told(kin__object_fini(cond, KIN_TYPE_COND));
}

kin_status kin_cond_create(kin_cond **out, kin_family *family)
{
    void *memory;
    if (!out) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    }
    kin_status status = kin_alloc(&memory, family, sizeof **out);
    if (status == KIN_OK) {
        *out = memory;
        status = kin_cond_init(*out);
    }
    return kin__told(status);
}

kin_status kin_cond_destroy(kin_cond *cond)
{
    return kin__told(kin__object_destroy(cond, KIN_TYPE_COND));
}

/* The slot has begun; whether it was notified. */
static bool sleep_until_notified(kin__seat *seat, kin__cond *cond, kin__slices *slices)
{
    do {
        if (kin__slices_sleep(seat, slices)) {
            if (kin__park_end_owing(seat)) {
                return true;
            }
            kin__slices_begin(seat, slices, &cond->word, 1); /* this thread was taken for dead */
        }
    } while (kin_os_now() < slices->deadline && kin__member_check(seat->family) == KIN_OK);
    return kin__park_end_owing(seat);
}

static kin_status wait_until(kin__seat *seat, kin__cond *cond, kin__lock *lock, int64_t deadline)
{
    uint32_t depth;
    kin__slices slices = kin__slices_interruptible(seat, deadline, false);
    kin__slices_begin(seat, &slices, &cond->word, 1);
    kin_status status = kin__lock_release_fully(seat, lock, &depth);
    if (status != KIN_OK) {
        if (kin__park_end(seat)) {
            kin__unpark(seat->family, &cond->word, 1);
        }
        return status;
    }
    kin__park_spin(seat, &cond->spin);
    bool notified = sleep_until_notified(seat, cond, &slices);
    if (slices.dead) {
        kin__reap_all(seat->family);
    }
    status = kin__lock_acquire_again(seat, lock, depth, slices.ticket);
    if (notified) {
        kin__park_settle(seat);
    }
    if (notified && status < 0) {
        kin__unpark(seat->family, &cond->word, 1); /* the next is to be told, too */
    }
    return status == KIN_OK && !notified ? kin__slices_status(&slices, KIN_E_TIMED_OUT) : status;
}

static kin_status find(kin__seat **seat, kin_cond *cond, kin_lock *lock, int64_t timeout)
{
    if (!cond || !lock || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "cond is NULL, or lock is NULL, or timeout is negative");
    }
    kin_status status = kin__object_check(lock, KIN_TYPE_LOCK);
    if (status == KIN_OK) {
        status = kin__seat_find(seat, cond, KIN_TYPE_COND);
    }
    return status == KIN_OK && kin__family_at(lock) != (*seat)->family
               ? kin__refuse(KIN_E_FAMILY, "the condition and the lock lie in different families")
               : status;
}

kin_status kin_cond_wait(kin_cond *cond, kin_lock *lock, int64_t timeout)
{
    kin__seat *seat;
    kin_status status = find(&seat, cond, lock, timeout);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    return kin__told(kin__lock_held(seat, (kin__lock *)lock)
                         ? wait_until(seat, (kin__cond *)cond, (kin__lock *)lock, kin__deadline(timeout))
                         : kin__not_owner());
}

kin_status kin_cond_wait_for(kin_cond *cond, kin_lock *lock, int (*ready)(void *context), void *context,
                             int64_t timeout)
{
    kin__seat *seat;
    kin_status status = ready ? find(&seat, cond, lock, timeout) : kin__refuse(KIN_E_ARGUMENT, "ready is NULL");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if (!kin__lock_held(seat, (kin__lock *)lock)) {
        return kin__not_owner();
    }
    int64_t deadline = kin__deadline(timeout);
    while (!ready(context)) {
        if (status == KIN_E_TIMED_OUT) {
            return kin__told(status);
        }
        status = wait_until(seat, (kin__cond *)cond, (kin__lock *)lock, deadline);
        if (status != KIN_OK && status != KIN_E_TIMED_OUT) {
            return kin__told(status);
        }
    }
    return KIN_OK;
}

kin_status kin_cond_notify(kin_cond *cond, uint32_t count)
{
    kin__seat *seat;
    if (!cond || count == 0) {
        return kin__refuse(KIN_E_ARGUMENT, "cond is NULL, or count is 0");
    }
    kin_status status = kin__seat_find(&seat, cond, KIN_TYPE_COND);
    if (status == KIN_OK) {
        kin__unpark(seat->family, &((kin__cond *)cond)->word, count);
    }
    return kin__told(status);
}
