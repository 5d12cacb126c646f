/* rwlock.h: many readers or one writer.
 *
 *     kin_rwlock_acquire(table, KIN_RWLOCK_READ, KIN_FOREVER);
 *     ...
 *     kin_rwlock_release(table);
 *
 * Any number of threads may read at a time. The holder is a thread. A thread may acquire the lock for reading again
 * while no writer waits, and releases it as often.
 *
 * Order: a writer that waits keeps new readers out, so readers do not starve it. A reader that waits for a writer comes
 * in before the next writer does, so writers do not starve it. Among writers there is no order, as with kin_lock.
 *
 * Cost: to write, one atomic operation to acquire and one to release, as kin_lock; after somebody has read, the
 * writer also looks at the 64 places in which readers show themselves. To read, the same two operations, and they are
 * on different cache lines for up to eight threads, and again for all when more than 64 read at a time; then a writer
 * looks at the entries of all the family's threads. No system call while nobody waits. 592 bytes, no kernel object.
 *
 * Death: a reader that dies is forgotten; nothing is damaged by reading. If a writer dies while it holds the lock,
 * the next one to acquire it, for whatever, gets it *for writing*, with KIN_OWNER_DIED, once per death, within 150 ms
 * of the kernel's releasing the dead process; it calls kin_rwlock_repair or kin_rwlock_poison. Releasing without
 * either poisons. A writer that dies while it waits leaves nothing.
 */
#ifndef KIN_RWLOCK_H
#define KIN_RWLOCK_H

#include "family.h"

KIN_BEGIN

typedef struct kin_rwlock {
    kin_word kin_private[74];
} kin_rwlock;

typedef enum kin_rwlock_mode { KIN_RWLOCK_READ = 1, KIN_RWLOCK_WRITE = 2 } kin_rwlock_mode;

/* Errors: as kin_alloc. */
KIN_API kin_status kin_rwlock_create(kin_rwlock **out, kin_family *family);
/* As kin_lock_destroy. */
KIN_API kin_status kin_rwlock_destroy(kin_rwlock *lock);
/* In the caller's shared memory. Errors: KIN_E_ARGUMENT (null, misaligned), KIN_E_NOT_SHARED. */
KIN_API kin_status kin_rwlock_init(kin_rwlock *lock);
KIN_API kin_status kin_rwlock_fini(kin_rwlock *lock);

/* All of these: KIN_E_ARGUMENT (null), KIN_E_NOT_SHARED, KIN_E_TYPE (not such a lock of a family this process is in).
 * */

/* Waits at most timeout nanoseconds (KIN_NOW tries, KIN_FOREVER). KIN_OK: held. KIN_OWNER_DIED: held for writing, and
 * a writer died with it. Errors: KIN_E_TIMED_OUT, KIN_E_DEADLOCK (the caller holds it, and would wait for itself; or
 * it would close a cycle of threads that wait for what others of them hold, with this lock or a kin_lock: told as by
 * kin_lock_acquire), KIN_E_POISONED, KIN_E_ARGUMENT (negative, unknown access), KIN_E_LIMIT (no thread entry is free;
 * or more than 64 threads read this lock, and the caller reads two others already that more than 64 read). */
KIN_API kin_status kin_rwlock_acquire(kin_rwlock *lock, kin_rwlock_mode access, int64_t timeout);

/* Whatever the caller holds it for. Errors: KIN_E_NOT_OWNER. */
KIN_API kin_status kin_rwlock_release(kin_rwlock *lock);

/* As kin_lock_repair and kin_lock_poison; for the writer. Errors: KIN_E_NOT_OWNER. */
KIN_API kin_status kin_rwlock_repair(kin_rwlock *lock);
KIN_API kin_status kin_rwlock_poison(kin_rwlock *lock);

KIN_END

#endif
