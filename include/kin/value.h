/* value.h: one typed value, or an array of them, in shared memory, with or without a lock of its own.
 *
 *     kin_array *squares;
 *     kin_array_create(&squares, NULL, KIN_ELEMENT_I32, 4, KIN_VALUE_LOCKED);
 *     int32_t *item = kin_array_data(squares);
 *     kin_value_set(sum, &(int64_t){174}, sizeof(int64_t));
 *
 * get and set check the size and copy under the object's own lock, if it has one. For a change that reads first
 * ("value += 1"), hold the lock over the whole change: kin_value_acquire, change kin_value_data, kin_value_release. Or
 * use a kin_counter. Without a lock, the program itself has to order the accesses of its processes.
 *
 * If a process dies while it holds the lock, the next caller that acquires it, by kin_value_acquire or inside get and
 * set, gets KIN_OWNER_DIED. get and set have then done their work and repaired the lock. From get, KIN_OWNER_DIED means
 * that the value may be only partly written. set replaces such a value.
 *
 * Any thread of any member may call all of these functions. A process that has opened the family for reading only
 * (kin_family_open) may call count, data, and get of an object without a lock, and must not store by the pointer from
 * data; the others return KIN_E_READ_ONLY.
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

/* Bytes of one element; 0 if element is not a kin_element. */
KIN_API size_t kin_element_size(kin_element element);

#define KIN_VALUE_UNLOCKED 0u
#define KIN_VALUE_LOCKED 1u

typedef struct kin_value kin_value;
typedef struct kin_array kin_array;

/* Allocates a value in the family's arena (NULL: the default family). It starts as zero. Free it with
 * kin_value_destroy. flags: KIN_VALUE_LOCKED or KIN_VALUE_UNLOCKED. Errors: KIN_E_ARGUMENT (out null, unknown element
 * or flags), and those of kin_alloc. */
KIN_API kin_status kin_value_create(kin_value **out, kin_family *family, kin_element element, uint32_t flags);
/* Destroys and frees the value, held or not; refs to it become stale. The caller makes sure that no process uses it any
 * more. NULL: KIN_OK. Errors: KIN_E_NOT_SHARED, KIN_E_TYPE, KIN_E_ARGUMENT (not the start of a block), KIN_E_STALE,
 * KIN_E_LIMIT (no free thread slot), KIN_E_BUSY (as kin_free). */
KIN_API kin_status kin_value_destroy(kin_value *value);

/* Copies the value to out, or in to the value. size is the size of out or in in bytes, and must be that of the element.
 * KIN_OK, or KIN_OWNER_DIED (done; see above). With a lock, waits for it without a time limit. Errors: KIN_E_ARGUMENT
 * (a null pointer), KIN_E_SIZE (size is not the element's), KIN_E_NOT_SHARED (in no family of this process), KIN_E_TYPE
 * (not a value), KIN_E_DAMAGED (a member overwrote it), and those of kin_lock_acquire: KIN_E_DEADLOCK if the caller
 * holds the value's lock. */
KIN_API kin_status kin_value_get(kin_value *value, void *out, size_t size);
KIN_API kin_status kin_value_set(kin_value *value, const void *in, size_t size);

/* The address of the value, aligned for its type; NULL if value is not a value. Borrowed: valid until the value is
 * destroyed. It takes no lock: the caller does the locking for every use. */
KIN_API void *kin_value_data(kin_value *value);

/* Acquire and release the value's own lock, as kin_lock_acquire (timeout in nanoseconds) and kin_lock_release do. After
 * KIN_OWNER_DIED from kin_value_acquire, put the value in order and call kin_lock_repair(kin_value_lock(value)).
 * Errors: KIN_E_UNSUPPORTED (the value was created without a lock), KIN_E_DAMAGED (a member overwrote it), and those of
 * kin_lock_acquire and kin_lock_release. */
KIN_API kin_status kin_value_acquire(kin_value *value, int64_t timeout);
KIN_API kin_status kin_value_release(kin_value *value);
/* The value's own lock; NULL if it was created without one. Borrowed: it lives as long as the value. */
KIN_API struct kin_lock *kin_value_lock(kin_value *value);

/* Allocates an array of count elements, all zero. Free it with kin_array_destroy. Errors: KIN_E_ARGUMENT (count 0),
 * KIN_E_TOO_BIG (the array's size in bytes overflows, or is more than 64 GiB), and those of kin_value_create. */
KIN_API kin_status kin_array_create(kin_array **out, kin_family *family, kin_element element, size_t count,
                                    uint32_t flags);
/* As kin_value_destroy. */
KIN_API kin_status kin_array_destroy(kin_array *array);
/* The number of elements; 0 if array is not an array. */
KIN_API size_t kin_array_count(const kin_array *array);

/* Copies elements [first, first + count) to out, or in to these elements. size is the buffer's size in bytes, exactly
 * that of count elements (else KIN_E_SIZE). Other statuses as kin_value_get; KIN_E_ARGUMENT also if the range reaches
 * beyond the array. If a process dies in kin_array_set, some of the elements may be written. O(count). */
KIN_API kin_status kin_array_get(kin_array *array, size_t first, size_t count, void *out, size_t size);
KIN_API kin_status kin_array_set(kin_array *array, size_t first, size_t count, const void *in, size_t size);

/* As the functions of a value. */
KIN_API void *kin_array_data(kin_array *array);
KIN_API kin_status kin_array_acquire(kin_array *array, int64_t timeout);
KIN_API kin_status kin_array_release(kin_array *array);
KIN_API struct kin_lock *kin_array_lock(kin_array *array);

KIN_END

#endif
