/* ref.c: refs. opaque[0] = type (8 bits) | offset (56), like an object's tag; opaque[1] = the first 32 bits of the
 * family's id | the generation of the object, or of the block for KIN_TYPE_MEMORY. */
#include "memory/ref.h"

#include "base/last_error.h"
#include "base/racing.h"
#include "family/input.h"
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

static uint32_t generation_of(void *object)
{
    return kin__load_racing32(&((kin__object *)object)->generation, memory_order_seq_cst);
}

kin_status kin_ref_of(kin_ref *out, kin_type type, const void *object)
{
    uint32_t generation;
    if (!out || !object) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL, or object is NULL");
    }
    kin_family *family = kin__family_at(object);
    if (!family) {
        return kin__not_shared();
    }
    uint64_t size, offset = kin__offset(family, object);
    kin_status status = type == KIN_TYPE_MEMORY ? kin__heap_generation(family, offset, &generation, &size)
                                                : kin__object_check(object, type);
    if (status == KIN_OK && type != KIN_TYPE_MEMORY) {
        generation = generation_of((void *)(uintptr_t)object);
    }
    if (status == KIN_OK) {
        out->opaque[0] = KIN__TAG(type, offset);
        out->opaque[1] = (uint64_t)mark_of(family) << 32 | generation;
    }
    return kin__told(status);
}

/* The whole object or block of that type at offset, with its generation; NULL: there is none of that type. */
static void *find(kin_family *family, kin_type type, uint64_t offset, uint32_t *generation)
{
    uint64_t size;
    void *object = NULL;
    if (offset < family->layout.heap_start) {
        return NULL;
    }
    if (type != KIN_TYPE_MEMORY) {
        object = kin__object_at(family, offset, (uint32_t)type);
        *generation = object ? generation_of(object) : 0;
    } else if (kin__heap_generation(family, offset, generation, &size) == KIN_OK) {
        object = kin__at(family, offset, size, 8);
    }
    return object;
}

kin_status kin__ref_free(kin_ref ref)
{
    kin__seat *seat;
    kin_family *family = family_of_mark((uint32_t)(ref.opaque[1] >> 32));
    if (!family || KIN__TAG_TYPE(ref.opaque[0]) != KIN_TYPE_MEMORY) {
        return KIN_E_STALE;
    }
    kin_status status = kin__seat_take(&seat, family);
    uint64_t word = kin__block_word(KIN__TAG_OFFSET(ref.opaque[0]), (uint32_t)ref.opaque[1]);
    return status == KIN_OK ? kin__heap_free(seat, word) : status;
}

kin_status kin_ref_get(void **out, kin_type type, kin_ref ref)
{
    uint32_t generation;
    if (!out) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    }
    kin_family *family = family_of_mark((uint32_t)(ref.opaque[1] >> 32));
    if (!family) {
        return kin__refuse(KIN_E_FAMILY, "the reference is of a family that this process is not in");
    }
    if (KIN__TAG_TYPE(ref.opaque[0]) != (uint32_t)type) {
        return kin__refuse(KIN_E_TYPE, "the reference is of an object of another type");
    }
    void *found = find(family, type, KIN__TAG_OFFSET(ref.opaque[0]), &generation);
    if (!found || generation != (uint32_t)ref.opaque[1]) {
        return kin__refuse(KIN_E_STALE, "the object was destroyed, or the reference is forged");
    }
    *out = found;
    return KIN_OK;
}
