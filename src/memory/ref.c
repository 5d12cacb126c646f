/* ref.c: refs. opaque[0] = type (8 bits) | offset (56), like an object's tag; opaque[1] = the first 32 bits of the family's
 * id | the generation of the object, or of the block for KIN_TYPE_MEMORY. */
#include "kin/ref.h"

#include "memory/heap.h"
#include "memory/object.h"

#include <string.h>

static uint32_t mark_of(const kin_family *family)
{
    uint32_t mark;
    memcpy(&mark, family->id.bytes, sizeof mark);
    return mark;
}

static kin_family *family_of_mark(uint32_t mark)
{
    for (uint32_t i = 0; i < KIN__FAMILIES; i++) {
        kin_family *family = kin__family_number(i);
        if (family && mark_of(family) == mark) {
            return family;
        }
    }
    return NULL;
}

static uint32_t object_generation(const void *object)
{
    return atomic_load(&((kin__object *)(uintptr_t)object)->generation);
}

static kin_status generation_at(kin_family *family, kin_type type, uint64_t offset, uint32_t *generation)
{
    uint64_t size;
    if (type == KIN_TYPE_MEMORY) {
        return kin__heap_generation(family, offset, generation, &size);
    }
    const void *object = kin__pointer(family, offset);
    kin_status status = kin__object_check(object, type);
    if (status == KIN_OK) {
        *generation = object_generation(object);
    }
    return status;
}

kin_status kin_ref_of(kin_ref *out, kin_type type, const void *object)
{
    uint32_t generation;
    if (!out || !object) {
        return KIN_E_ARGUMENT;
    }
    kin_family *family = kin__family_at(object);
    if (!family) {
        return KIN_E_FAMILY;
    }
    uint64_t offset = kin__offset(family, object);
    kin_status status = generation_at(family, type, offset, &generation);
    if (status == KIN_OK) {
        out->opaque[0] = KIN__TAG(type, offset);
        out->opaque[1] = (uint64_t)mark_of(family) << 32 | generation;
    }
    return status;
}

kin_status kin_ref_get(void **out, kin_type type, kin_ref ref)
{
    uint32_t generation;
    if (!out) {
        return KIN_E_ARGUMENT;
    }
    kin_family *family = family_of_mark((uint32_t)(ref.opaque[1] >> 32));
    if (!family) {
        return KIN_E_FAMILY;
    }
    uint64_t offset = KIN__TAG_OFFSET(ref.opaque[0]);
    if (KIN__TAG_TYPE(ref.opaque[0]) != (uint32_t)type) {
        return KIN_E_TYPE;
    }
    if (offset % 8 != 0 || offset < family->layout.heap_start ||
        !kin__family_covers(family, offset, sizeof(kin__object)) ||
        generation_at(family, type, offset, &generation) != KIN_OK || generation != (uint32_t)ref.opaque[1]) {
        return KIN_E_STALE;
    }
    *out = kin__pointer(family, offset);
    return KIN_OK;
}
