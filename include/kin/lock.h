/* lock.h: mutual exclusion between the threads of one or more processes.
 *
 *     kin_lock *lock;
 *     kin_lock_create(&lock, NULL, 0);
 *     kin_status status = kin_lock_acquire(lock, KIN_FOREVER);
 *     if (status == KIN_OWNER_DIED) {
 *         put_in_order(data);
 *         kin_lock_repair(lock);
 *     }
 *     ...
 *     kin_lock_release(lock);
 *
 * The owner of a lock is a thread. The lock is not fair: a running thread may acquire it before a waiter that is being
 * woken.
 *
 * Cost: one atomic operation to acquire and one to release. There is no system call while no thread waits. A lock takes
 * 32 bytes and no kernel object.
 *
 * Owner death: the owner dies when its process is killed, exits or execs, or when its thread ends. The next thread that
 * acquires the lock gets KIN_OWNER_DIED, once per death. A waiter gets it within 100 ms after the kernel has released
 * the dead process. This takes up to five seconds when many threads wait and the longest waiters have died too or are
 * stopped. The new owner then calls kin_lock_repair (the data is consistent again) or kin_lock_poison (the data is
 * lost; every later acquire returns KIN_E_POISONED). Releasing the lock without either call poisons it.
 *
 * Any thread of any member may call these functions.
 */
#ifndef KIN_LOCK_H
#define KIN_LOCK_H

#include "family.h"

KIN_BEGIN

typedef struct kin_lock {
    kin_word kin_private[4];
} kin_lock;

#define KIN_LOCK_RECURSIVE 1u /* the owner may acquire the lock again; it must release it as many times */

/* Allocates a lock in the family's arena (family NULL: this process's own family). Free it with kin_lock_destroy.
 * flags: 0 or KIN_LOCK_RECURSIVE. Errors: KIN_E_ARGUMENT (out null, unknown flags), and those of kin_alloc. */
KIN_API kin_status kin_lock_create(kin_lock **out, kin_family *family, uint32_t flags);

/* Destroys a lock from kin_lock_create, held or not, and frees its memory. Refs to it become stale. The caller ensures
 * that no thread uses the lock any more. NULL: KIN_OK.
 * Errors: KIN_E_NOT_SHARED (not in an arena), KIN_E_TYPE (not a lock, or destroyed already), KIN_E_ARGUMENT
 * (misaligned, or the lock lies inside a struct: use kin_lock_fini), KIN_E_STALE (its block is free already), and those
 * of kin_free. */
KIN_API kin_status kin_lock_destroy(kin_lock *lock);

/* Initialises a lock in shared memory that the caller owns, for instance inside a struct from kin_alloc. flags: 0 or
 * KIN_LOCK_RECURSIVE. One thread must initialise the lock before any thread uses it. End its use with kin_lock_fini.
 * Errors: KIN_E_ARGUMENT (null, not aligned to 8 bytes, unknown flags), KIN_E_NOT_SHARED (not in an arena). */
KIN_API kin_status kin_lock_init(kin_lock *lock, uint32_t flags);

/* Ends the use of a lock from kin_lock_init. Refs to it become stale; the memory stays the caller's.
 * Errors: KIN_E_ARGUMENT (null, misaligned), KIN_E_NOT_SHARED, KIN_E_TYPE (not a lock). */
KIN_API kin_status kin_lock_fini(kin_lock *lock);

/* Acquires the lock. Waits at most timeout nanoseconds (KIN_NOW: does not wait; KIN_FOREVER: no limit).
 * KIN_OK: the caller holds the lock. KIN_OWNER_DIED: the caller holds the lock; its previous owner died holding it.
 * Errors:
 *   KIN_E_TIMED_OUT
 *   KIN_E_INTERRUPTED  kin_thread_interrupt ended the wait (thread.h)
 *   KIN_E_DEADLOCK     the caller holds the lock and it is not recursive; or the wait would close a cycle of threads,
 *                      in which each waits for a lock that the next one holds. The thread that closed the cycle gets
 *                      this status, mostly at once, else within 100 ms
 *   KIN_E_POISONED     the lock was poisoned
 *   KIN_E_OVERFLOW     too many recursive acquires
 *   KIN_E_ARGUMENT     lock is null, timeout is negative
 *   KIN_E_NOT_SHARED   lock lies in no family of this process
 *   KIN_E_TYPE         not a lock, or destroyed
 *   KIN_E_LIMIT        the family has no free thread slot
 *   KIN_E_STALE        the other members took this process for dead
 * After a fork, a lock held by a thread of the parent still belongs to the parent, not to the child. */
KIN_API kin_status kin_lock_acquire(kin_lock *lock, int64_t timeout);

/* Releases the lock: a recursive lock once. Errors: KIN_E_NOT_OWNER (the caller does not hold it; nothing changes),
 * KIN_E_ARGUMENT (null), KIN_E_NOT_SHARED, KIN_E_TYPE, KIN_E_LIMIT (the caller has no thread slot and none is free). */
KIN_API kin_status kin_lock_release(kin_lock *lock);

/* Declares that the data is consistent again, after KIN_OWNER_DIED. The caller must hold the lock and keeps it. KIN_OK
 * also if there was nothing to repair. Errors: as kin_lock_release. */
KIN_API kin_status kin_lock_repair(kin_lock *lock);

/* Gives the lock up for good. The caller must hold it; it is released. Every later acquire by any thread returns
 * KIN_E_POISONED, and so does every acquire that waits now. Only kin_lock_init makes the lock usable again.
 * Errors: as kin_lock_release. */
KIN_API kin_status kin_lock_poison(kin_lock *lock);

typedef struct kin_lock_info {
    size_t size;        /* of this struct, in bytes; its _INIT macro sets it */
    uint32_t owner_pid; /* 0: free */
    int mine;           /* 1: the calling thread holds it */
    int contended;      /* 1: a thread waits, or has waited */
    int inconsistent;   /* 1: acquired with KIN_OWNER_DIED and not yet repaired */
    int poisoned;       /* 1: poisoned */
    uint32_t depth;     /* how many times the owner holds it (recursive locks: more than 1); 0: free */
} kin_lock_info;

#define KIN_LOCK_INFO_INIT                                                                                             \
    {                                                                                                                  \
        sizeof(kin_lock_info), 0, 0, 0, 0, 0, 0                                                                        \
    }

/* Writes the state of the lock at this moment to *info. Errors: KIN_E_ARGUMENT (null, or info->size unknown),
 * KIN_E_NOT_SHARED, KIN_E_TYPE, KIN_E_LIMIT (the caller has no thread slot and none is free). */
KIN_API kin_status kin_lock_inspect(const kin_lock *lock, kin_lock_info *info);

KIN_END

#endif
