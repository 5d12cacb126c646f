/* counter.h: a 64-bit number that processes change without a lock.
 *
 *     kin_counter_add(hits, 1, NULL);
 *
 * Each operation is one atomic instruction, sequentially consistent: a process killed at any point has done it or not.
 * Sums wrap around in two's complement. Any thread of any member may call all of these functions.
 */
#ifndef KIN_COUNTER_H
#define KIN_COUNTER_H

#include "family.h"

KIN_BEGIN

typedef struct kin_counter {
    kin_word kin_private[3];
} kin_counter;

/* Allocates a counter in the family's arena (NULL: the default family), set to value. Free it with kin_counter_destroy.
 * Errors: KIN_E_ARGUMENT (out null), and those of kin_alloc. */
KIN_API kin_status kin_counter_create(kin_counter **out, kin_family *family, int64_t value);
/* Destroys and frees a counter of kin_counter_create; refs to it become stale. The caller makes sure that no process
 * uses it any more. NULL: KIN_OK. Errors: KIN_E_NOT_SHARED, KIN_E_TYPE, KIN_E_ARGUMENT (it lies in a struct: use
 * kin_counter_fini), KIN_E_STALE, KIN_E_LIMIT (no free thread slot). */
KIN_API kin_status kin_counter_destroy(kin_counter *counter);
/* Initialises a counter in the caller's shared memory, inside a struct from kin_alloc for instance. One thread
 * initialises it before any other uses it. Errors: KIN_E_ARGUMENT (null, misaligned), KIN_E_NOT_SHARED (not in an
 * arena). */
KIN_API kin_status kin_counter_init(kin_counter *counter, int64_t value);
/* Ends a counter of kin_counter_init; refs to it become stale. Frees nothing. Errors: those below. */
KIN_API kin_status kin_counter_fini(kin_counter *counter);

/* All of these: KIN_E_ARGUMENT (a null pointer), KIN_E_NOT_SHARED (in no family of this process), KIN_E_TYPE (not a
 * counter). */

/* Adds amount. *after, if not null, receives the sum. */
KIN_API kin_status kin_counter_add(kin_counter *counter, int64_t amount, int64_t *after);
KIN_API kin_status kin_counter_get(const kin_counter *counter, int64_t *value);
KIN_API kin_status kin_counter_set(kin_counter *counter, int64_t value);
/* If the counter equals *expected, sets it to desired and *done to 1. Otherwise writes the counter's value to *expected
 * and sets *done to 0. */
KIN_API kin_status kin_counter_compare_exchange(kin_counter *counter, int64_t *expected, int64_t desired, int *done);

KIN_END

#endif
