/* rwlock.h: the readers-writer lock. Public face: kin/rwlock.h. */
#ifndef KIN_INTERNAL_RWLOCK_H
#define KIN_INTERNAL_RWLOCK_H

#include <stdint.h>

/* How long a waiter sleeps before it asks whether somebody has died: KIN__SLICE_OWNER. Tests in which nobody dies make
 * it endless, so that a missing wake-up shows. */
extern int64_t kin__rwlock_slice;

#endif
