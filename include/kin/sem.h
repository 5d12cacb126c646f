/* sem.h: a counting semaphore with an exact maximum.
 *
 *     kin_sem *slots;
 *     kin_sem_create(&slots, NULL, 3, 3);
 *     kin_sem_acquire(slots, 1, KIN_FOREVER);
 *     ...
 *     kin_sem_release(slots, 1);
 *
 * A semaphore has no owner: any thread of any member may release permits that another thread acquired. The permits of a
 * process that dies are lost. If they must come back, use kin_sem_create_leased.
 *
 * Cost: one atomic operation to acquire and one to release while no thread waits. A waiter spins for a moment if that
 * has paid off on this semaphore; then it sleeps and uses no processor time. A semaphore takes 32 bytes and no kernel
 * object.
 *
 * Death: a process that is killed inside kin_sem_release has either released the permits or not. If it has released
 * them, the next waiter notices within 300 ms. The same holds when a waiter is killed just after it was woken: the next
 * waiter takes its place within 300 ms. Both take up to five seconds where the waiters that have waited longer have
 * died too or are stopped.
 */
#ifndef KIN_SEM_H
#define KIN_SEM_H

#include "family.h"

KIN_BEGIN

typedef struct kin_sem {
    kin_word kin_private[4];
} kin_sem;

#define KIN_SEM_MAX 0x7fffffffu

/* Allocates a semaphore in the family's arena (family NULL: this process's own family). It has value free permits, and
 * at most maximum. maximum 0: KIN_SEM_MAX (a semaphore that can never have a permit would be useless). Free it with
 * kin_sem_destroy. Errors: KIN_E_ARGUMENT (out null, value > maximum, maximum > KIN_SEM_MAX), those of kin_alloc. */
KIN_API kin_status kin_sem_create(kin_sem **out, kin_family *family, uint32_t value, uint32_t maximum);

#define KIN_SEM_LEASE_MAX 4096u

/* Allocates a leased semaphore with 1 to KIN_SEM_LEASE_MAX permits, all free. Acquire, release, value, destroy, names
 * and refs work as on any semaphore, with these differences:
 * - A permit belongs to the process that acquired it. Any thread of that process may release it, no other process, not
 *   even a forked child.
 * - When the process ends (killed, exec, exit without release), its permits become free. Waiters notice within 50 ms
 *   after the kernel has released the process (100 ms if it died while acquiring or releasing). An acquire with KIN_NOW
 *   notices at once.
 * - It takes 64 bytes plus 8 per permit, so it exists only as a block of its own, never inside a struct. Acquiring and
 *   releasing take an internal lock for a moment and search the permits.
 * Errors: KIN_E_ARGUMENT (out null, permits out of range), and those of kin_alloc. */
KIN_API kin_status kin_sem_create_leased(kin_sem **out, kin_family *family, uint32_t permits);
/* Destroys a semaphore from kin_sem_create or kin_sem_create_leased and frees its memory, as kin_lock_destroy does. */
KIN_API kin_status kin_sem_destroy(kin_sem *sem);
/* Initialises a semaphore in shared memory that the caller owns, as kin_lock_init does. value and maximum: as
 * kin_sem_create. Errors: KIN_E_ARGUMENT (null, not aligned to 8 bytes, value or maximum out of range),
 * KIN_E_NOT_SHARED (not in an arena). */
KIN_API kin_status kin_sem_init(kin_sem *sem, uint32_t value, uint32_t maximum);
/* Ends the use of a semaphore from kin_sem_init, as kin_lock_fini does. */
KIN_API kin_status kin_sem_fini(kin_sem *sem);

/* Acquires count permits, all or none. Waits at most timeout nanoseconds (KIN_NOW: does not wait; KIN_FOREVER: no
 * limit). Waiters are woken oldest first, but a running thread may take permits before a waiter that is being woken. A
 * waiter that needs many permits may wait while others acquire few.
 * Errors:
 *   KIN_E_TIMED_OUT   a leased semaphore: also, up to two seconds late, while another process is stopped in the middle
 *                     of an operation on it. It works again when that process is continued or killed
 *   KIN_E_INTERRUPTED kin_thread_interrupt ended the wait (thread.h)
 *   KIN_E_ARGUMENT    sem is null, count is 0 or above the maximum, timeout is negative
 *   KIN_E_NOT_SHARED  sem lies in no family of this process
 *   KIN_E_TYPE        not a semaphore, or destroyed
 *   KIN_E_LIMIT       the family has no free thread slot
 *   KIN_E_STALE       the other members took this process for dead */
KIN_API kin_status kin_sem_acquire(kin_sem *sem, uint32_t count, int64_t timeout);

/* Releases count permits and wakes the waiters for which there are enough permits now.
 * Errors:
 *   KIN_E_OVERFLOW   plain semaphore only: the permits would exceed the maximum, which is exact on every system;
 *                    nothing changes
 *   KIN_E_NOT_OWNER  leased only: this process holds fewer permits than count; nothing changes
 *   KIN_E_BUSY       leased only: another process has been stopped for more than ten seconds in the middle of an
 *                    operation on it; nothing changes
 *   KIN_E_LIMIT      the caller has no thread slot and none is free
 *   KIN_E_ARGUMENT (sem null, count 0), KIN_E_NOT_SHARED, KIN_E_TYPE: as kin_sem_acquire */
KIN_API kin_status kin_sem_release(kin_sem *sem, uint32_t count);

/* Writes the number of permits that are free at this moment to *value. It changes nothing. Leased: the permits of a
 * dead process count as held until another process has noticed the death (a waiter, a process that joins the dead one,
 * kin_family_reap). While others acquire and release, the number is approximate, because the permits are counted one
 * after the other. Errors: KIN_E_ARGUMENT (null), KIN_E_NOT_SHARED, KIN_E_TYPE. */
KIN_API kin_status kin_sem_value(const kin_sem *sem, uint32_t *value);

KIN_END

#endif
