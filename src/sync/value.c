/* value.c: typed values and arrays. Both are a head, which contains a lock, and the elements behind it. A value is an
 * array of one element with another object type. */
#include "kin/value.h"

#include "base/last_error.h"
#include "base/out.h"
#include "family/input.h"
#include "family/reap.h"
#include "kin/lock.h"
#include "kin/memory.h"
#include "memory/object.h"
#include "park/owner_lock.h"
#include "sync/value.h"

#include <string.h>

#define NOT_LOCKED "it was created without KIN_VALUE_LOCKED"

typedef struct items {
    kin__object object; /* detail: flags << 8 | element */
    uint64_t count;
    kin_lock lock; /* initialised only if KIN_VALUE_LOCKED */
    uint64_t fill; /* the elements are aligned to 16, as their block is */
} items;

_Static_assert(sizeof(items) % 16 == 0, "elements follow, aligned");

size_t kin_element_size(kin_element element)
{
    switch (element) {
    case KIN_ELEMENT_I8:
    case KIN_ELEMENT_U8:
        return 1;
    case KIN_ELEMENT_I16:
    case KIN_ELEMENT_U16:
        return 2;
    case KIN_ELEMENT_I32:
    case KIN_ELEMENT_U32:
    case KIN_ELEMENT_F32:
        return 4;
    case KIN_ELEMENT_I64:
    case KIN_ELEMENT_U64:
    case KIN_ELEMENT_F64:
        return 8;
    }
    return 0;
}

/* ---- a call's copy of the head: each number is read once, and checked ---- */

typedef struct view {
    items *of;
    char *elements;
    uint64_t count;
    size_t each; /* bytes of one element */
    kin_family *family;
    bool locked;
} view;

/* The size of an object with that many such elements; 0: there can be none. */
static uint64_t size_with(uint64_t count, size_t each)
{
    bool sound = each > 0 && count > 0 && count <= (SIZE_MAX - sizeof(items)) / each;
    return sound ? sizeof(items) + count * each : 0;
}

static uint64_t read_head(view *out, items *of, kin_type type)
{
    uint32_t detail = atomic_load_explicit(&of->object.detail, memory_order_relaxed);
    *out = (view){.of = of,
                  .elements = (char *)(of + 1),
                  .count = kin__read_u64(&of->count),
                  .each = kin_element_size((kin_element)(detail & 0xff)),
                  .locked = (detail >> 8 & KIN_VALUE_LOCKED) != 0};
    return type == KIN_TYPE_VALUE && out->count != 1 ? 0 : size_with(out->count, out->each);
}

static uint64_t extent(kin_family *family, uint64_t offset, kin_type type)
{
    view it;
    items *of = kin__at(family, offset, sizeof *of, 8);
    return of ? read_head(&it, of, type) : 0;
}

uint64_t kin__value_extent(kin_family *family, uint64_t offset)
{
    return extent(family, offset, KIN_TYPE_VALUE);
}

uint64_t kin__array_extent(kin_family *family, uint64_t offset)
{
    return extent(family, offset, KIN_TYPE_ARRAY);
}

/* The errors of kin__object_check; KIN_E_DAMAGED: a member wrote over its numbers. */
static kin_status look(view *out, const void *p, kin_type type)
{
    items *of = (items *)(uintptr_t)p;
    kin_status status = kin__object_check(of, type);
    if (status != KIN_OK) {
        return status;
    }
    kin_family *family = kin__family_at(of);
    uint64_t offset = kin__offset(family, of);
    uint64_t size = kin__family_covers(family, offset, sizeof *of) ? read_head(out, of, type) : 0;
    out->family = family;
    return size > 0 && kin__family_covers(family, offset, size) ? KIN_OK : KIN_E_DAMAGED;
}

/* ---- for both types ---- */

static kin_status create(void *out, kin_family *family, kin_type type, kin_element element, size_t count,
                         uint32_t flags)
{
    void *memory;
    size_t each = kin_element_size(element);
    if (!out || each == 0 || count == 0 || (flags & ~KIN_VALUE_LOCKED)) {
        return kin__refuse(KIN_E_ARGUMENT,
                           "out is NULL, or element is not a kin_element, or count is 0, or flags has unknown bits");
    }
    uint64_t size = size_with(count, each);
    if (size == 0) {
        return kin__refuse(KIN_E_TOO_BIG, "count elements are more than an array can have");
    }
    kin_status status = kin_alloc(&memory, family, (size_t)size);
    if (status != KIN_OK) {
        return status;
    }
    items *made = memory;
    made->count = count;
    if (flags & KIN_VALUE_LOCKED) {
        kin_lock_init(&made->lock, 0); /* cannot fail in a block just allocated */
    }
    kin__object_init(&made->object, type, flags << 8 | (uint32_t)element);
    kin__out(out, made);
    return KIN_OK;
}

static kin_status acquire(items *of, kin_type type, int64_t timeout)
{
    view it;
    kin_status status = look(&it, of, type);
    if (status != KIN_OK) {
        return status;
    }
    return it.locked ? kin_lock_acquire(&of->lock, timeout) : kin__refuse(KIN_E_UNSUPPORTED, NOT_LOCKED);
}

static kin_status release(items *of, kin_type type)
{
    view it;
    kin_status status = look(&it, of, type);
    if (status != KIN_OK) {
        return status;
    }
    return it.locked ? kin_lock_release(&of->lock) : kin__refuse(KIN_E_UNSUPPORTED, NOT_LOCKED);
}

/* Not interruptible: what has no timeout ends when it is done. */
static kin_status lock_for_copy(items *of)
{
    kin__seat *seat;
    kin_status status = kin__seat_find(&seat, &of->lock, KIN_TYPE_LOCK);
    if (status == KIN_OK) {
        status = kin__lock_acquire(seat, (kin__lock *)&of->lock, KIN_FOREVER);
    }
    if (status == KIN_OWNER_DIED) {
        kin__reap_all(seat->family);
    }
    return status;
}

/* Copies count elements out of the object or, with in, into it. */
static kin_status copy(items *of, kin_type type, size_t first, size_t count, void *out, const void *in, size_t size)
{
    view it;
    kin_status status = out || in ? look(&it, of, type) : kin__refuse(KIN_E_ARGUMENT, "the buffer is NULL");
    if (status != KIN_OK) {
        return status;
    }
    if (first > it.count || count > it.count - first) {
        return kin__refuse(KIN_E_ARGUMENT, "first and count reach beyond the end of the array");
    }
    if (size != count * it.each) {
        return kin__refuse(KIN_E_SIZE, "size is not the elements' size times their number");
    }
    if (it.locked) {
        status = lock_for_copy(of);
    } else if (in) {
        status = kin__may_change(it.family);
    }
    if (status < 0) {
        return status;
    }
    char *elements = it.elements + first * it.each;
    memcpy(in ? elements : out, in ? in : elements, size);
    if (it.locked) {
        kin_lock_repair(&of->lock);
        kin_lock_release(&of->lock);
    }
    return status;
}

static void *data(items *of, kin_type type)
{
    view it;
    return look(&it, of, type) == KIN_OK ? it.elements : NULL;
}

static kin_lock *lock_of(items *of, kin_type type)
{
    view it;
    return look(&it, of, type) == KIN_OK && it.locked ? &of->lock : NULL;
}

/* ---- value ---- */

kin_status kin_value_create(kin_value **out, kin_family *family, kin_element element, uint32_t flags)
{
    return kin__told(create(out, family, KIN_TYPE_VALUE, element, 1, flags));
}

kin_status kin_value_destroy(kin_value *value)
{
    return kin__told(kin__object_destroy(value, KIN_TYPE_VALUE));
}

kin_status kin_value_get(kin_value *value, void *out, size_t size)
{
    return kin__told(copy((items *)value, KIN_TYPE_VALUE, 0, 1, out, NULL, size));
}

kin_status kin_value_set(kin_value *value, const void *in, size_t size)
{
    return kin__told(copy((items *)value, KIN_TYPE_VALUE, 0, 1, NULL, in, size));
}

void *kin_value_data(kin_value *value)
{
    return data((items *)value, KIN_TYPE_VALUE);
}

kin_status kin_value_acquire(kin_value *value, int64_t timeout)
{
    return kin__told(acquire((items *)value, KIN_TYPE_VALUE, timeout));
}

kin_status kin_value_release(kin_value *value)
{
    return kin__told(release((items *)value, KIN_TYPE_VALUE));
}

struct kin_lock *kin_value_lock(kin_value *value)
{
    return lock_of((items *)value, KIN_TYPE_VALUE);
}

/* ---- array ---- */

kin_status kin_array_create(kin_array **out, kin_family *family, kin_element element, size_t count, uint32_t flags)
{
    return kin__told(create(out, family, KIN_TYPE_ARRAY, element, count, flags));
}

kin_status kin_array_destroy(kin_array *array)
{
    return kin__told(kin__object_destroy(array, KIN_TYPE_ARRAY));
}

size_t kin_array_count(const kin_array *array)
{
    view it;
    return look(&it, array, KIN_TYPE_ARRAY) == KIN_OK ? (size_t)it.count : 0;
}

kin_status kin_array_get(kin_array *array, size_t first, size_t count, void *out, size_t size)
{
    return kin__told(copy((items *)array, KIN_TYPE_ARRAY, first, count, out, NULL, size));
}

kin_status kin_array_set(kin_array *array, size_t first, size_t count, const void *in, size_t size)
{
    return kin__told(copy((items *)array, KIN_TYPE_ARRAY, first, count, NULL, in, size));
}

void *kin_array_data(kin_array *array)
{
    return data((items *)array, KIN_TYPE_ARRAY);
}

kin_status kin_array_acquire(kin_array *array, int64_t timeout)
{
    return kin__told(acquire((items *)array, KIN_TYPE_ARRAY, timeout));
}

kin_status kin_array_release(kin_array *array)
{
    return kin__told(release((items *)array, KIN_TYPE_ARRAY));
}

struct kin_lock *kin_array_lock(kin_array *array)
{
    return lock_of((items *)array, KIN_TYPE_ARRAY);
}
