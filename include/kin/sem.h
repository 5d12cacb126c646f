/* sem.h: a counting semaphore with an exact maximum.
 *
 *     kin_sem *slots;
 *     kin_sem_create(&slots, NULL, 3, 3);
 *     kin_sem_acquire(slots, 1, KIN_FOREVER);
 *     ...
 *     kin_sem_release(slots, 1);
 *
 * It has no owner: any thread of any member may release what another acquired, and permits held by a process that
 * dies are gone; where they have to come back, see kin_sem_create_leased. One atomic operation each while nobody
 * waits; 32 bytes; no kernel object. A waiter spins for a moment if that has paid off on this semaphore, then sleeps
 * and uses no processor.
 *
 * A process killed inside kin_sem_release has released or not; if it has, and in place of a waiter that is killed
 * when it has just been woken, the next that waits notices within 300 ms; within five seconds where those that have
 * waited longest have died as well, or are stopped.
 */
#ifndef KIN_SEM_H
#define KIN_SEM_H

#include "family.h"

KIN_BEGIN

typedef struct kin_sem {
    kin_word kin_private[4];
} kin_sem;

#define KIN_SEM_MAX 0x7fffffffu

/* Allocates one with value permits of at most maximum. maximum 0 stands for KIN_SEM_MAX; there is none that may
 * never have a permit, for nothing could be done with it. Errors: KIN_E_ARGUMENT (value > maximum, maximum >
 * KIN_SEM_MAX), and those of kin_alloc. */
KIN_API kin_status kin_sem_create(kin_sem **out, kin_family *family, uint32_t value, uint32_t maximum);

#define KIN_SEM_LEASE_MAX 4096u

/* Allocates a leased one, of 1 to KIN_SEM_LEASE_MAX permits, all free. Acquire, release, value, destroy, names and
 * refs work on it as on any semaphore, but
 * - a permit belongs to the process that acquired it: any thread of that may release it, nobody else, a forked child
 *   neither;
 * - when the process ends in whatever way (killed, exec, exit without release), its permits are free again: those who
 *   wait notice within 50 ms of the kernel's releasing it (100 ms if it was in the middle of acquiring or releasing),
 *   an acquire with KIN_NOW at once;
 * - it costs 64 bytes and 8 for each permit, so it exists as a block of its own only. Acquiring and releasing take a
 *   lock inside it for a moment, and look through the permits.
 * Errors: KIN_E_ARGUMENT (null, permits out of range), and those of kin_alloc. */
KIN_API kin_status kin_sem_create_leased(kin_sem **out, kin_family *family, uint32_t permits);
/* As kin_lock_destroy. */
KIN_API kin_status kin_sem_destroy(kin_sem *sem);
/* In the caller's shared memory. Errors: KIN_E_ARGUMENT (also null, misaligned), KIN_E_NOT_SHARED. */
KIN_API kin_status kin_sem_init(kin_sem *sem, uint32_t value, uint32_t maximum);
KIN_API kin_status kin_sem_fini(kin_sem *sem);

/* Takes count permits at once, or none, waiting at most timeout nanoseconds. Waiters are woken oldest first, but who
 * runs may take permits before one that is being woken; one that wants many may wait while others take few. Errors:
 * KIN_E_TIMED_OUT, KIN_E_ARGUMENT (null, count 0 or above the maximum, negative timeout), KIN_E_NOT_SHARED, KIN_E_TYPE,
 * KIN_E_LIMIT, KIN_E_STALE (this process was taken for dead by the others). A leased one that another process holds
 * up, stopped in the middle of an operation on it: KIN_E_TIMED_OUT, up to two seconds late; it goes on when that one
 * is continued or killed. */
KIN_API kin_status kin_sem_acquire(kin_sem *sem, uint32_t count, int64_t timeout);

/* Gives count permits back and wakes whom they suffice. Errors: KIN_E_OVERFLOW (it would pass the maximum, which is
 * exact on every system; nothing changes), KIN_E_ARGUMENT, KIN_E_NOT_SHARED, KIN_E_TYPE. A leased one: KIN_E_NOT_OWNER
 * (more than this process holds; nothing changes) in place of KIN_E_OVERFLOW; KIN_E_BUSY (for more than ten seconds
 * another process was stopped in the middle of an operation on it; nothing changes); KIN_E_LIMIT. */
KIN_API kin_status kin_sem_release(kin_sem *sem, uint32_t count);

/* The permits free at this moment; asking disturbs nothing. Of a leased one: those of a dead process count as held
 * until somebody has noticed its death (who waits, who joins it, kin_family_reap); and while others acquire and
 * release it, it is near the truth only, for the permits are counted one after the other. Errors: KIN_E_ARGUMENT,
 * KIN_E_NOT_SHARED, KIN_E_TYPE. */
KIN_API kin_status kin_sem_value(const kin_sem *sem, uint32_t *value);

KIN_END

#endif
