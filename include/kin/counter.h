/* counter.h: a 64-bit number that processes change without a lock.
 *
 *     kin_counter_add(hits, 1, NULL);
 *
 * Each operation is one atomic instruction, sequentially consistent: a process killed at any point has done it or not.
 * Arithmetic wraps around in two's complement.
 */
#ifndef KIN_COUNTER_H
#define KIN_COUNTER_H

#include "family.h"

KIN_BEGIN

typedef struct kin_counter {
    kin_word kin_private[3];
} kin_counter;

/* Errors: as kin_alloc. */
KIN_API kin_status kin_counter_create(kin_counter **out, kin_family *family, int64_t value);
/* As kin_lock_destroy. */
KIN_API kin_status kin_counter_destroy(kin_counter *counter);
/* In the caller's shared memory. Errors: KIN_E_ARGUMENT (null, misaligned), KIN_E_NOT_SHARED. */
KIN_API kin_status kin_counter_init(kin_counter *counter, int64_t value);
KIN_API kin_status kin_counter_fini(kin_counter *counter);

/* All of these: KIN_E_ARGUMENT (null), KIN_E_NOT_SHARED, KIN_E_TYPE (not a counter of a family this process is in). */

/* Adds; *after, if not null, is the sum. */
KIN_API kin_status kin_counter_add(kin_counter *counter, int64_t amount, int64_t *after);
KIN_API kin_status kin_counter_get(const kin_counter *counter, int64_t *value);
KIN_API kin_status kin_counter_set(kin_counter *counter, int64_t value);
/* Sets it to desired if it is *expected, else writes what it is to *expected. *done tells which. */
KIN_API kin_status kin_counter_compare_exchange(kin_counter *counter, int64_t *expected, int64_t desired, int *done);

KIN_END

#endif
