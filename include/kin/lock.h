/* lock.h: mutual exclusion between processes, and between their threads.
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
 * Cost: one atomic operation to acquire, one to release, no system call while nobody waits; 32 bytes; no kernel object.
 * The owner is a thread. Not fair: a running thread may take the lock before one that is just being woken.
 *
 * If the owner dies (its process is killed, exits or execs, or its thread ends), the next one to acquire gets the
 * lock with KIN_OWNER_DIED, once per death, within 100 ms of the kernel's releasing the dead process; within five
 * seconds where many wait, and those that have waited longest have died as well, or are stopped. It then decides:
 * kin_lock_repair (the data is sound again) or kin_lock_poison (it is not, and everyone is told so from now on).
 * Releasing without either poisons.
 */
#ifndef KIN_LOCK_H
#define KIN_LOCK_H

#include "family.h"

KIN_BEGIN

typedef struct kin_lock {
    kin_word kin_private[4];
} kin_lock;

#define KIN_LOCK_RECURSIVE 1u /* the owner may acquire it again, and releases it as often */

/* Allocates a lock in the family's arena (NULL: this process's own); free it with kin_lock_destroy.
 * flags: 0 or KIN_LOCK_RECURSIVE. Errors: KIN_E_ARGUMENT (out null, unknown flags), and those of kin_alloc. */
KIN_API kin_status kin_lock_create(kin_lock **out, kin_family *family, uint32_t flags);

/* Destroys what kin_lock_create made, held or not; refs to it become stale. The caller sees to it that nobody uses it.
 * NULL: KIN_OK. Errors: KIN_E_NOT_SHARED, KIN_E_TYPE, KIN_E_ARGUMENT (it lies in a struct: use kin_lock_fini),
 * KIN_E_STALE.
 */
KIN_API kin_status kin_lock_destroy(kin_lock *lock);

/* Makes a lock in shared memory of the caller's, inside a struct from kin_alloc for instance. flags: 0 or
 * KIN_LOCK_RECURSIVE. One thread initialises it before any uses it.
 * Errors: KIN_E_ARGUMENT (null, misaligned, unknown flags), KIN_E_NOT_SHARED (not in an arena). */
KIN_API kin_status kin_lock_init(kin_lock *lock, uint32_t flags);

/* Ends it: refs to it become stale. Errors: KIN_E_NOT_SHARED, KIN_E_TYPE (not a lock). */
KIN_API kin_status kin_lock_fini(kin_lock *lock);

/* Waits at most timeout nanoseconds (KIN_NOW tries, KIN_FOREVER). KIN_OK: held. KIN_OWNER_DIED: held, and its last
 * owner died with it. Errors: KIN_E_TIMED_OUT, KIN_E_DEADLOCK (the caller holds it and it is not recursive; or its
 * owner waits for a lock whose owner waits ... for one that the caller holds. Of those in such a cycle the last to
 * come is told, mostly at once, else within 100 ms), KIN_E_POISONED, KIN_E_OVERFLOW (recursion), KIN_E_ARGUMENT
 * (null, negative), KIN_E_NOT_SHARED (in no family of this process), KIN_E_TYPE (not a lock), KIN_E_LIMIT (no thread
 * entry is free). After fork: a lock that the parent's thread held is still the parent's, not the child's. */
KIN_API kin_status kin_lock_acquire(kin_lock *lock, int64_t timeout);

/* Errors: KIN_E_NOT_OWNER (nothing changes), KIN_E_ARGUMENT, KIN_E_NOT_SHARED, KIN_E_TYPE. */
KIN_API kin_status kin_lock_release(kin_lock *lock);

/* The owner, told KIN_OWNER_DIED, declares the data sound. KIN_OK also where there was nothing to repair.
 * Errors: as kin_lock_release. */
KIN_API kin_status kin_lock_repair(kin_lock *lock);

/* The owner gives up the lock for good: it is released, and this and every later acquire of anybody, also of those that
 * wait now, is KIN_E_POISONED. Only kin_lock_init makes it whole. Errors: as kin_lock_release. */
KIN_API kin_status kin_lock_poison(kin_lock *lock);

typedef struct kin_lock_info {
    size_t size;        /* of this struct, in bytes; its _INIT macro sets it */
    uint32_t owner_pid; /* 0: free */
    int mine;           /* the calling thread holds it */
    int contended;      /* somebody waits, or has waited */
    int inconsistent;   /* acquired with KIN_OWNER_DIED and not yet repaired */
    int poisoned;
    uint32_t depth; /* how often a recursive lock is held */
} kin_lock_info;

#define KIN_LOCK_INFO_INIT                                                                                             \
    {                                                                                                                  \
        sizeof(kin_lock_info), 0, 0, 0, 0, 0, 0                                                                        \
    }

/* How it stands at this moment. Errors: KIN_E_ARGUMENT, KIN_E_NOT_SHARED, KIN_E_TYPE. */
KIN_API kin_status kin_lock_inspect(const kin_lock *lock, kin_lock_info *info);

KIN_END

#endif
