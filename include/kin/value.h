/* value.h: one typed value, or an array of them, in shared memory, with a lock of its own or without.
 *
 *     kin_array *squares;
 *     kin_array_create(&squares, NULL, KIN_ELEMENT_I32, 4, KIN_VALUE_LOCKED);
 *     int32_t *item = kin_array_data(squares);
 *     kin_value_set(sum, &(int64_t){174}, sizeof(int64_t));
 *
 * get and set copy under the object's own lock, if it has one, and check the size. For a change that reads first
 * ("value += 1") hold the lock over all of it: kin_value_acquire, work on kin_value_data, kin_value_release; or take a
 * kin_counter. Without a lock, nothing orders the processes but you.
 *
 * If a process dies while it holds the lock, the next to acquire it, by kin_value_acquire or inside get and set, gets
 * KIN_OWNER_DIED; get and set repair the lock in that case, since a torn copy is replaced by set and harmless to get
 * once: the news says that the value may be half of what was last written.
 */
#ifndef KIN_VALUE_H
#define KIN_VALUE_H

#include "family.h"

KIN_BEGIN

typedef enum kin_element { /* pinned */
                           KIN_ELEMENT_I8 = 1,
                           KIN_ELEMENT_U8 = 2,
                           KIN_ELEMENT_I16 = 3,
                           KIN_ELEMENT_U16 = 4,
                           KIN_ELEMENT_I32 = 5,
                           KIN_ELEMENT_U32 = 6,
                           KIN_ELEMENT_I64 = 7,
                           KIN_ELEMENT_U64 = 8,
                           KIN_ELEMENT_F32 = 9,
                           KIN_ELEMENT_F64 = 10,
} kin_element;

/* The bytes of one element; 0 for a number that is none. */
KIN_API size_t kin_element_size(kin_element element);

#define KIN_VALUE_UNLOCKED 0u
#define KIN_VALUE_LOCKED 1u

typedef struct kin_value kin_value;
typedef struct kin_array kin_array;

/* flags: KIN_VALUE_LOCKED or KIN_VALUE_UNLOCKED. Starts as zero.
 * Errors: KIN_E_ARGUMENT (unknown element or flags), and those of kin_alloc. */
KIN_API kin_status kin_value_create(kin_value **out, kin_family *family, kin_element element, uint32_t flags);
/* As kin_lock_destroy. */
KIN_API kin_status kin_value_destroy(kin_value *value);

/* size must be the element's. KIN_OK or KIN_OWNER_DIED (done, see above). Errors: KIN_E_ARGUMENT (null), KIN_E_SIZE
 * (another size), KIN_E_NOT_SHARED, KIN_E_TYPE, and those of kin_lock_acquire, which is called with KIN_FOREVER:
 * KIN_E_DEADLOCK if the caller holds the value's lock. */
KIN_API kin_status kin_value_get(kin_value *value, void *out, size_t size);
KIN_API kin_status kin_value_set(kin_value *value, const void *in, size_t size);

/* Where it lies, aligned for its type; NULL for what is no value. Any use of it is up to the caller's own locking. */
KIN_API void *kin_value_data(kin_value *value);

/* The value's own lock: as kin_lock_acquire and kin_lock_release; KIN_E_UNSUPPORTED where it was made without. After
 * KIN_OWNER_DIED here call kin_lock_repair(kin_value_lock(value)). */
KIN_API kin_status kin_value_acquire(kin_value *value, int64_t timeout);
KIN_API kin_status kin_value_release(kin_value *value);
/* NULL where it was made without. Borrowed: it lives as long as the value. */
KIN_API struct kin_lock *kin_value_lock(kin_value *value);

/* count elements, all zero. Errors: KIN_E_ARGUMENT (count 0), KIN_E_TOO_BIG (size overflows), and as
 * kin_value_create. */
KIN_API kin_status kin_array_create(kin_array **out, kin_family *family, kin_element element, size_t count,
                                    uint32_t flags);
KIN_API kin_status kin_array_destroy(kin_array *array);
/* 0 for what is no array. */
KIN_API size_t kin_array_count(const kin_array *array);

/* Copies elements [first, first + count). size is the buffer's size in bytes, exactly count elements
 * (else KIN_E_SIZE). Statuses as kin_value_get; KIN_E_ARGUMENT also for a range outside the array. */
KIN_API kin_status kin_array_get(kin_array *array, size_t first, size_t count, void *out, size_t size);
KIN_API kin_status kin_array_set(kin_array *array, size_t first, size_t count, const void *in, size_t size);

/* As for a value. */
KIN_API void *kin_array_data(kin_array *array);
KIN_API kin_status kin_array_acquire(kin_array *array, int64_t timeout);
KIN_API kin_status kin_array_release(kin_array *array);
KIN_API struct kin_lock *kin_array_lock(kin_array *array);

KIN_END

#endif
