/* rwlock.h: a lock for many readers or one writer.
 *
 *     kin_rwlock_acquire(table, KIN_RWLOCK_READ, KIN_FOREVER);
 *     ...
 *     kin_rwlock_release(table);
 *
 * Any number of threads may hold the lock for reading at the same time. The holder is a thread. While no writer waits,
 * a reader may acquire the lock for reading again; it must release it as many times.
 *
 * Order: a waiting writer keeps new readers out, so readers do not starve it. A reader that waits for a writer gets the
 * lock before the next writer does, so writers do not starve it. There is no order among writers, as with kin_lock.
 *
 * Cost of writing: one atomic operation to acquire and one to release, as with kin_lock. If a thread has read since the
 * last writer, the writer also checks the 64 reader slots of the lock. Once more than 64 threads have read at the same
 * time, it checks the thread slots of the whole family too.
 * Cost of reading: one atomic operation to acquire and one to release. Up to eight readers use different cache lines;
 * when more than 64 threads read at the same time, all use different cache lines.
 * There is no system call while no thread waits. A lock takes 592 bytes and no kernel object.
 *
 * Death: a reader that dies loses its hold; reading damages nothing. If a writer dies while it holds the lock, the next
 * thread that acquires the lock, in either mode, gets it *for writing*, with KIN_OWNER_DIED, once per death, within
 * 150 ms after the kernel has released the dead process. That thread calls kin_rwlock_repair or kin_rwlock_poison.
 * Releasing the lock without either call poisons it. The death of a waiting writer changes nothing.
 *
 * Any thread of any member may call these functions.
 */
#ifndef KIN_RWLOCK_H
#define KIN_RWLOCK_H

#include "family.h"

KIN_BEGIN

typedef struct kin_rwlock {
    kin_word kin_private[74];
} kin_rwlock;

typedef enum kin_rwlock_mode { KIN_RWLOCK_READ = 1, KIN_RWLOCK_WRITE = 2 } kin_rwlock_mode;

/* Allocates a lock in the family's arena (family NULL: this process's own family). Free it with kin_rwlock_destroy.
 * Errors: KIN_E_ARGUMENT (out null), and those of kin_alloc. */
KIN_API kin_status kin_rwlock_create(kin_rwlock **out, kin_family *family);
/* Destroys a lock from kin_rwlock_create and frees its memory, as kin_lock_destroy does. */
KIN_API kin_status kin_rwlock_destroy(kin_rwlock *lock);
/* Initialises a lock in shared memory that the caller owns, as kin_lock_init does. Errors: KIN_E_ARGUMENT (null, not
 * aligned to 8 bytes), KIN_E_NOT_SHARED (not in an arena). */
KIN_API kin_status kin_rwlock_init(kin_rwlock *lock);
/* Ends the use of a lock from kin_rwlock_init, as kin_lock_fini does. */
KIN_API kin_status kin_rwlock_fini(kin_rwlock *lock);

/* All functions below also return KIN_E_ARGUMENT (null), KIN_E_NOT_SHARED (the lock lies in no family of this process),
 * KIN_E_TYPE (not a kin_rwlock, or destroyed) and KIN_E_LIMIT (the caller has no thread slot and none is free). */

/* Acquires the lock for reading (mode KIN_RWLOCK_READ) or for writing (KIN_RWLOCK_WRITE). Waits at most timeout
 * nanoseconds (KIN_NOW: does not wait; KIN_FOREVER: no limit). KIN_OK: the caller holds the lock. KIN_OWNER_DIED: the
 * caller holds the lock for writing; a writer died holding it.
 * Errors:
 *   KIN_E_TIMED_OUT
 *   KIN_E_INTERRUPTED  kin_thread_interrupt ended the wait (thread.h)
 *   KIN_E_DEADLOCK  the caller holds the lock and would wait for itself; or the wait would close a cycle of threads, in
 *                   which each waits for a lock that the next one holds, a kin_rwlock or a kin_lock. The thread that
 *                   gets this status is chosen as with kin_lock_acquire
 *   KIN_E_POISONED  the lock was poisoned
 *   KIN_E_ARGUMENT  timeout is negative, unknown mode
 *   KIN_E_LIMIT     more than 64 threads read this lock, and the caller already reads two other locks that more than 64
 *                   threads read
 *   KIN_E_STALE     the other members took this process for dead */
KIN_API kin_status kin_rwlock_acquire(kin_rwlock *lock, kin_rwlock_mode mode, int64_t timeout);

/* Releases the lock, in either mode. Errors: KIN_E_NOT_OWNER (the caller does not hold it; nothing changes). */
KIN_API kin_status kin_rwlock_release(kin_rwlock *lock);

/* As kin_lock_repair and kin_lock_poison. The caller must hold the lock for writing. Errors: KIN_E_NOT_OWNER. */
KIN_API kin_status kin_rwlock_repair(kin_rwlock *lock);
KIN_API kin_status kin_rwlock_poison(kin_rwlock *lock);

KIN_END

#endif
