/* rwlock.h: many readers or one writer.
 *
 *     kin_rwlock_acquire(table, KIN_READ, KIN_FOREVER);
 *     ...
 *     kin_rwlock_release(table);
 *
 * A writer that waits keeps new readers out, so it is not starved. Readers write each to a cache line of its own as far as
 * there are some, so they do not slow each other down. The holder is a thread. 640 bytes, no kernel object. At most 64
 * threads read at a time; more wait. A thread may read twice as long as no writer waits.
 *
 * Death: a reader that dies is forgotten; nothing is damaged by reading. If a writer dies, the next one to acquire the lock, for
 * whatever, gets it *for writing*, with KIN_OWNER_DIED, once per death, within 300 ms; it calls kin_rwlock_repair or
 * kin_rwlock_poison. Releasing without either poisons.
 */
#ifndef KIN_RWLOCK_H
#define KIN_RWLOCK_H

#include "family.h"

KIN_BEGIN

typedef struct kin_rwlock {
    uint64_t kin_private[80];
} kin_rwlock;

typedef enum kin_access { KIN_READ = 1, KIN_WRITE = 2 } kin_access;

/* Errors: as kin_alloc. */
KIN_API kin_status kin_rwlock_create(kin_rwlock **out, kin_family *family);
/* As kin_lock_destroy. */
KIN_API kin_status kin_rwlock_destroy(kin_rwlock *lock);
/* In the caller's shared memory. Errors: KIN_E_ARGUMENT (null, misaligned), KIN_E_FAMILY. */
KIN_API kin_status kin_rwlock_init(kin_rwlock *lock);
KIN_API kin_status kin_rwlock_fini(kin_rwlock *lock);

/* All of these: KIN_E_ARGUMENT (null), KIN_E_FAMILY, KIN_E_TYPE (not such a lock of a family this process is in). */

/* Waits at most timeout nanoseconds. KIN_OK: held. KIN_OWNER_DIED: held for writing, and a writer died with it.
 * Errors: KIN_E_TIMED_OUT, KIN_E_DEADLOCK (it would wait for the caller itself), KIN_E_POISONED, KIN_E_ARGUMENT (negative, unknown
 * access), KIN_E_LIMIT (no thread entry). */
KIN_API kin_status kin_rwlock_acquire(kin_rwlock *lock, kin_access access, int64_t timeout);

/* Whatever the caller holds it for. Errors: KIN_E_NOT_OWNER. */
KIN_API kin_status kin_rwlock_release(kin_rwlock *lock);

/* As kin_lock_repair and kin_lock_poison; for the writer. Errors: KIN_E_NOT_OWNER. */
KIN_API kin_status kin_rwlock_repair(kin_rwlock *lock);
KIN_API kin_status kin_rwlock_poison(kin_rwlock *lock);

KIN_END

#endif
