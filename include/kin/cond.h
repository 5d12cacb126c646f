/* cond.h: wait, under a lock, until something that the lock guards has changed.
 *
 *     kin_lock_acquire(&shop->lock, KIN_FOREVER);
 *     while (shop->goods == 0) {
 *         kin_cond_wait(&shop->delivered, &shop->lock, KIN_FOREVER);
 *     }
 *     ...
 *     shop->goods++;                              // another process, holding the lock
 *     kin_cond_notify(&shop->delivered, 1);
 *
 * A wait releases the lock and sleeps, as one step, and holds the lock again when it returns. A notify wakes exactly
 * those that wait at that moment, oldest first, and waits for nobody. There are no wake-ups without a notify, but the
 * condition may be gone again when the lock is had: so wait in a loop, or use kin_cond_wait_for.
 *
 * Death: a notify meant for a process that is killed before its wait has returned goes to the next that waits, which
 * notices it within 300 ms; within five seconds where those that have waited longest have died as well. It may wake
 * two then. If the lock's holder dies meanwhile, the wait returns KIN_OWNER_DIED as an acquire would. 32 bytes; no
 * kernel object. A waiter spins for a moment if that has paid off on this condition, then sleeps.
 */
#ifndef KIN_COND_H
#define KIN_COND_H

#include "lock.h"

KIN_BEGIN

typedef struct kin_cond {
    kin_word kin_private[4];
} kin_cond;

/* Errors: as kin_alloc. */
KIN_API kin_status kin_cond_create(kin_cond **out, kin_family *family);
/* As kin_lock_destroy. */
KIN_API kin_status kin_cond_destroy(kin_cond *cond);
/* In the caller's shared memory. Errors: KIN_E_ARGUMENT (null, misaligned), KIN_E_NOT_SHARED. */
KIN_API kin_status kin_cond_init(kin_cond *cond);
KIN_API kin_status kin_cond_fini(kin_cond *cond);

/* Waits for a notify, at most timeout nanoseconds. The caller holds lock; a recursive one is released fully, and
 * held as often as before afterwards. However long the lock takes to be had again is not part of timeout. KIN_OK:
 * notified. KIN_E_TIMED_OUT: not. KIN_OWNER_DIED: the lock's last owner died with it; as for the notify, look at the
 * data. With all three the lock is held. A wait is not refused its lock for a deadlock: if it closes a cycle of
 * owners, then another of these, which waits in kin_lock_acquire, gets KIN_E_DEADLOCK. KIN_E_POISONED: the lock was
 * given up meanwhile. KIN_E_STALE: this process was taken for dead. With both it is not held. Errors before anything
 * is done: KIN_E_NOT_OWNER, KIN_E_ARGUMENT (null, negative), KIN_E_NOT_SHARED, KIN_E_FAMILY (not both in one family),
 * KIN_E_TYPE, KIN_E_LIMIT. */
KIN_API kin_status kin_cond_wait(kin_cond *cond, kin_lock *lock, int64_t timeout);

/* Waits until ready(context) is not 0, which is called holding the lock. Statuses as of kin_cond_wait;
 * KIN_OWNER_DIED at once, whatever ready would say. Also KIN_E_ARGUMENT (ready null). */
KIN_API kin_status kin_cond_wait_for(kin_cond *cond, kin_lock *lock, int (*ready)(void *context), void *context,
                                     int64_t timeout);

/* Wakes count of those that wait, KIN_COND_ALL: all. Holding the lock is not required. Errors: KIN_E_ARGUMENT (null,
 * count 0), KIN_E_NOT_SHARED, KIN_E_TYPE, KIN_E_LIMIT. */
#define KIN_COND_ALL UINT32_MAX
KIN_API kin_status kin_cond_notify(kin_cond *cond, uint32_t count);

KIN_END

#endif
