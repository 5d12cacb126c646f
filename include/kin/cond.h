/* cond.h: a condition variable: wait until data under a lock has changed.
 *
 *     kin_lock_acquire(&shop->lock, KIN_FOREVER);
 *     while (shop->goods == 0) {
 *         kin_cond_wait(&shop->delivered, &shop->lock, KIN_FOREVER);
 *     }
 *     ...
 *     shop->goods++;                              // another process, holding the lock
 *     kin_cond_notify(&shop->delivered, 1);
 *
 * A wait releases the lock and sleeps in one atomic step. When it returns, the caller holds the lock again. A notify
 * wakes only threads that wait at that moment, oldest first, and never blocks. There are no spurious wake-ups, but the
 * condition may be false again by the time the waiter holds the lock. So wait in a loop, or use kin_cond_wait_for.
 *
 * Death: if a notified process is killed before its wait has returned, the notify goes to the next waiter, which
 * notices it within 300 ms. This takes up to five seconds where the longest waiters have died too. Such a notify may
 * wake two threads. If the lock's owner dies meanwhile, the wait returns KIN_OWNER_DIED, as an acquire would.
 *
 * Cost: a condition takes 32 bytes and no kernel object. A waiter spins for a moment if that has paid off on this
 * condition; then it sleeps. Any thread of any member may call these functions.
 */
#ifndef KIN_COND_H
#define KIN_COND_H

#include "lock.h"

KIN_BEGIN

typedef struct kin_cond {
    kin_word kin_private[4];
} kin_cond;

/* Allocates a condition in the family's arena (family NULL: this process's own family). Free it with kin_cond_destroy.
 * Errors: KIN_E_ARGUMENT (out null), and those of kin_alloc. */
KIN_API kin_status kin_cond_create(kin_cond **out, kin_family *family);
/* Destroys a condition from kin_cond_create and frees its memory, as kin_lock_destroy does. */
KIN_API kin_status kin_cond_destroy(kin_cond *cond);
/* Initialises a condition in shared memory that the caller owns, as kin_lock_init does. Errors: KIN_E_ARGUMENT (null,
 * not aligned to 8 bytes), KIN_E_NOT_SHARED (not in an arena). */
KIN_API kin_status kin_cond_init(kin_cond *cond);
/* Ends the use of a condition from kin_cond_init, as kin_lock_fini does. */
KIN_API kin_status kin_cond_fini(kin_cond *cond);

/* Waits for a notify, at most timeout nanoseconds. The caller must hold lock. A recursive lock is released completely,
 * and afterwards held as many times as before. The time that it takes to acquire the lock again is not part of timeout.
 *
 * The caller holds the lock after these statuses:
 *   KIN_OK            notified
 *   KIN_E_TIMED_OUT   not notified in time
 *   KIN_E_INTERRUPTED not notified; kin_thread_interrupt ended the wait (thread.h)
 *   KIN_OWNER_DIED    the lock's previous owner died holding it. Look at the data to learn whether a notify came
 * The caller does not hold the lock after these:
 *   KIN_E_POISONED    the lock was poisoned meanwhile
 *   KIN_E_STALE       the other members took this process for dead
 * Errors before anything is done; the lock is as before:
 *   KIN_E_NOT_OWNER   the caller does not hold the lock
 *   KIN_E_ARGUMENT    null, timeout is negative
 *   KIN_E_NOT_SHARED  cond or lock lies in no family of this process
 *   KIN_E_FAMILY      cond and lock lie in different families
 *   KIN_E_TYPE        not a condition or not a lock, or destroyed
 *   KIN_E_LIMIT       the family has no free thread slot
 * A wait never returns KIN_E_DEADLOCK. If acquiring the lock again closes a cycle of owners, another thread of the
 * cycle, one that waits in kin_lock_acquire, gets KIN_E_DEADLOCK. */
KIN_API kin_status kin_cond_wait(kin_cond *cond, kin_lock *lock, int64_t timeout);

/* Waits until ready(context) returns a value other than 0, at most timeout nanoseconds. ready runs in the calling
 * thread, which holds the lock. Statuses: as kin_cond_wait, with KIN_E_TIMED_OUT only if ready still returns 0. After
 * KIN_OWNER_DIED and KIN_E_INTERRUPTED it returns at once, without calling ready. Also KIN_E_ARGUMENT (ready null). */
KIN_API kin_status kin_cond_wait_for(kin_cond *cond, kin_lock *lock, int (*ready)(void *context), void *context,
                                     int64_t timeout);

/* Wakes at most count waiters; KIN_COND_ALL wakes all. The caller need not hold the lock. Errors: KIN_E_ARGUMENT (null,
 * count 0), KIN_E_NOT_SHARED, KIN_E_TYPE, KIN_E_LIMIT (the caller has no thread slot and none is free). */
#define KIN_COND_ALL UINT32_MAX
KIN_API kin_status kin_cond_notify(kin_cond *cond, uint32_t count);

KIN_END

#endif
