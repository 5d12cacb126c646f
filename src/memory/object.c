#include "memory/object.h"

#include "base/hooks.h"
#include "base/last_error.h"
#include "base/racing.h"
#include "family/input.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "memory/spans.h"

static inline kin_status find_place(kin_family **out, const void *p, size_t size)
{
    if (!p || (uintptr_t)p % 8 != 0) {
        return kin__refuse(KIN_E_ARGUMENT, "the object is NULL, or not aligned to 8 bytes");
    }
    *out = kin__family_at(p);
    return *out && kin__family_covers(*out, kin__offset(*out, p), size) ? KIN_OK : kin__not_shared();
}

kin_status kin__object_check_place(const void *p, size_t size)
{
    kin_family *family;
    kin_status status = find_place(&family, p, size);
    return status == KIN_OK ? kin__may_change(family) : status;
}

void kin__object_init(kin__object *object, kin_type type, uint32_t detail)
{
    kin_family *family = kin__family_at(object);
    uint32_t generation = atomic_fetch_add_explicit(&family->arena->next_generation, 1, memory_order_relaxed);
    atomic_store_explicit(&object->detail, detail, memory_order_relaxed);
    atomic_store_explicit(&object->generation, generation, memory_order_relaxed);
    atomic_store_explicit(&object->tag, KIN__TAG(type, kin__offset(family, object)), memory_order_release);
}

static kin_status find_object(kin_family **out, const void *p, kin_type type)
{
    kin_status status = find_place(out, p, sizeof(kin__object));
    if (status != KIN_OK) {
        return status;
    }
    uint64_t tag = atomic_load(&((kin__object *)(uintptr_t)p)->tag);
    return tag == KIN__TAG(type, kin__offset(*out, p)) ? KIN_OK : kin__wrong_type();
}

kin_status kin__object_check(const void *p, kin_type type)
{
    kin_family *family;
    if (!p) {
        return kin__refuse(KIN_E_ARGUMENT, "the object is NULL");
    }
    return kin__seat_fast(p, (uint32_t)type) ? KIN_OK : find_object(&family, p, type);
}

/* With a seat there, the thread is a member's. */
kin_status kin__object_check_to_change(const void *p, kin_type type)
{
    kin_family *family;
    if (!p) {
        return kin__refuse(KIN_E_ARGUMENT, "the object is NULL");
    }
    if (kin__seat_fast(p, (uint32_t)type)) {
        return KIN_OK;
    }
    kin_status status = find_object(&family, p, type);
    return status == KIN_OK ? kin__may_change(family) : status;
}

void *kin__object_at(kin_family *family, uint64_t offset, uint32_t type)
{
    kin__object *object = kin__at(family, offset, sizeof *object, 8);
    if (!object || type >= kin__hooks.extent_count || kin__lies_in_unused(family, offset) ||
        kin__load_racing(&object->tag, memory_order_acquire) != KIN__TAG(type, offset)) {
        return NULL;
    }
    const kin__extent *extent = &kin__hooks.extents[type];
    uint64_t size = extent->of ? extent->of(family, offset) : extent->fixed;
    return size > 0 ? kin__at(family, offset, size, 8) : NULL;
}

kin_status kin__object_fini(void *p, kin_type type)
{
    kin_status status = kin__object_check_to_change(p, type);
    if (status == KIN_OK) {
        atomic_store(&((kin__object *)p)->tag, 0);
    }
    return status;
}

kin_status kin__object_destroy(void *p, kin_type type)
{
    size_t size;
    if (!p) {
        return KIN_OK;
    }
    kin_status status = kin__object_check_to_change(p, type);
    if (status == KIN_OK) {
        status = kin_alloc_size(p, &size); /* before fini: an object inside a struct is refused whole */
    }
    if (status == KIN_OK) {
        status = kin__object_fini(p, type);
    }
    return status == KIN_OK ? kin_free(p) : status;
}
