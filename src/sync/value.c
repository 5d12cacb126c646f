/* value.c: typed values and arrays. Both are a head, with a lock in it, and elements behind it; a value is an array of one
 * that answers to another type. */
#include "kin/lock.h"
#include "kin/value.h"

#include "kin/memory.h"
#include "memory/object.h"

#include <string.h>

typedef struct items {
    kin__object object; /* detail: flags << 8 | element */
    uint64_t count;
    kin_lock lock; /* initialised only if KIN_LOCKED */
    uint64_t fill; /* the elements are aligned to 16, as their block is */
} items;

_Static_assert(sizeof(items) % 16 == 0, "elements follow, aligned");

size_t kin_element_size(kin_element element)
{
    switch (element) {
    case KIN_I8:
    case KIN_U8:
        return 1;
    case KIN_I16:
    case KIN_U16:
        return 2;
    case KIN_I32:
    case KIN_U32:
    case KIN_F32:
        return 4;
    case KIN_I64:
    case KIN_U64:
    case KIN_F64:
        return 8;
    }
    return 0;
}

static size_t size_of_each(const items *of)
{
    return kin_element_size(
        (kin_element)(atomic_load_explicit(&((items *)(uintptr_t)of)->object.detail, memory_order_relaxed) & 0xff));
}

static bool locked(const items *of)
{
    return atomic_load_explicit(&((items *)(uintptr_t)of)->object.detail, memory_order_relaxed) >> 8 & KIN_LOCKED;
}

static kin_status create(void **out, kin_family *family, kin_type type, kin_element element, size_t count,
                         uint32_t flags)
{
    void *memory;
    size_t each = kin_element_size(element);
    if (!out || each == 0 || count == 0 || (flags & ~KIN_LOCKED)) {
        return KIN_E_ARGUMENT;
    }
    if (count > (SIZE_MAX - sizeof(items)) / each) {
        return KIN_E_TOO_BIG;
    }
    kin_status status = kin_alloc(&memory, family, sizeof(items) + count * each);
    if (status != KIN_OK) {
        return status;
    }
    items *made = memory;
    made->count = count;
    if (flags & KIN_LOCKED) {
        kin_lock_init(&made->lock, 0); /* cannot fail in a block just allocated */
    }
    kin__object_init(&made->object, type, flags << 8 | (uint32_t)element);
    *out = made;
    return KIN_OK;
}

static kin_status acquire(items *of, kin_type type, int64_t timeout)
{
    kin_status status = kin__object_check(of, type);
    if (status != KIN_OK) {
        return status;
    }
    return locked(of) ? kin_lock_acquire(&of->lock, timeout) : KIN_E_UNSUPPORTED;
}

static kin_status release(items *of, kin_type type)
{
    kin_status status = kin__object_check(of, type);
    if (status != KIN_OK) {
        return status;
    }
    return locked(of) ? kin_lock_release(&of->lock) : KIN_E_UNSUPPORTED;
}

/* Copies count elements out of the object or, with in, into it. */
static kin_status copy(items *of, kin_type type, size_t first, size_t count, void *out, const void *in, size_t size)
{
    kin_status status = out || in ? kin__object_check(of, type) : KIN_E_ARGUMENT;
    if (status != KIN_OK) {
        return status;
    }
    size_t each = size_of_each(of);
    if (first > of->count || count > of->count - first || size != count * each) {
        return KIN_E_ARGUMENT;
    }
    if (locked(of)) {
        status = kin_lock_acquire(&of->lock, KIN_FOREVER);
        if (status < 0) {
            return status;
        }
    }
    char *items_bytes = (char *)(of + 1) + first * each;
    if (in) {
        memcpy(items_bytes, in, size);
    } else {
        memcpy(out, items_bytes, size);
    }
    if (locked(of)) {
        kin_lock_repair(&of->lock);
        kin_lock_release(&of->lock);
    }
    return status;
}

static void *data(items *of, kin_type type)
{
    return kin__object_check(of, type) == KIN_OK ? of + 1 : NULL;
}

static kin_lock *lock_of(items *of, kin_type type)
{
    return kin__object_check(of, type) == KIN_OK && locked(of) ? &of->lock : NULL;
}

/* ---- value ---- */

kin_status kin_value_create(kin_value **out, kin_family *family, kin_element element, uint32_t flags)
{
    return create((void **)out, family, KIN_TYPE_VALUE, element, 1, flags);
}

kin_status kin_value_destroy(kin_value *value)
{
    return kin__object_destroy(value, KIN_TYPE_VALUE);
}

kin_status kin_value_get(kin_value *value, void *out, size_t size)
{
    return copy((items *)value, KIN_TYPE_VALUE, 0, 1, out, NULL, size);
}

kin_status kin_value_set(kin_value *value, const void *in, size_t size)
{
    return copy((items *)value, KIN_TYPE_VALUE, 0, 1, NULL, in, size);
}

void *kin_value_data(kin_value *value)
{
    return data((items *)value, KIN_TYPE_VALUE);
}

kin_status kin_value_acquire(kin_value *value, int64_t timeout)
{
    return acquire((items *)value, KIN_TYPE_VALUE, timeout);
}

kin_status kin_value_release(kin_value *value)
{
    return release((items *)value, KIN_TYPE_VALUE);
}

struct kin_lock *kin_value_lock(kin_value *value)
{
    return lock_of((items *)value, KIN_TYPE_VALUE);
}

/* ---- array ---- */

kin_status kin_array_create(kin_array **out, kin_family *family, kin_element element, size_t count, uint32_t flags)
{
    return create((void **)out, family, KIN_TYPE_ARRAY, element, count, flags);
}

kin_status kin_array_destroy(kin_array *array)
{
    return kin__object_destroy(array, KIN_TYPE_ARRAY);
}

size_t kin_array_count(const kin_array *array)
{
    return kin__object_check(array, KIN_TYPE_ARRAY) == KIN_OK ? (size_t)((const items *)array)->count : 0;
}

kin_status kin_array_get(kin_array *array, size_t first, size_t count, void *out, size_t size)
{
    return copy((items *)array, KIN_TYPE_ARRAY, first, count, out, NULL, size);
}

kin_status kin_array_set(kin_array *array, size_t first, size_t count, const void *in, size_t size)
{
    return copy((items *)array, KIN_TYPE_ARRAY, first, count, NULL, in, size);
}

void *kin_array_data(kin_array *array)
{
    return data((items *)array, KIN_TYPE_ARRAY);
}

kin_status kin_array_acquire(kin_array *array, int64_t timeout)
{
    return acquire((items *)array, KIN_TYPE_ARRAY, timeout);
}

kin_status kin_array_release(kin_array *array)
{
    return release((items *)array, KIN_TYPE_ARRAY);
}

struct kin_lock *kin_array_lock(kin_array *array)
{
    return lock_of((items *)array, KIN_TYPE_ARRAY);
}
