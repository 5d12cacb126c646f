/* family.c: the table of the families that this process has mapped.
 *
 * The table is static, so that a child that only joins needs no allocator. stage: FREE ──► FILLING ──► USABLE, when the
 * family is found by its pointers and its id, ──► FILLING ──► FREE.
 */
#include "family/family.h"

#include "base/last_error.h"

#include <stdlib.h>
#include <string.h>

enum { FREE, FILLING, USABLE };

kin__self kin__nobody;

static kin_family families[KIN__FAMILIES];
static kin_family *_Atomic standard; /* what NULL stands for */

kin_family *kin__family_number(uint32_t number)
{
    kin_family *family = &families[number];
    return atomic_load_explicit(&family->stage, memory_order_acquire) == USABLE ? family : NULL;
}

kin_family *kin__family_at(const void *p)
{
    for (uint32_t i = 0; i < KIN__FAMILIES; i++) {
        kin_family *family = kin__family_number(i);
        if (family && (const char *)p >= family->base && (const char *)p < family->base + family->layout.reserve) {
            return family;
        }
    }
    return NULL;
}

kin_family *kin__family_by_id(const kin_os_id *id)
{
    for (uint32_t i = 0; i < KIN__FAMILIES; i++) {
        kin_family *family = kin__family_number(i);
        if (family && memcmp(&family->id, id, sizeof *id) == 0) {
            return family;
        }
    }
    return NULL;
}

static kin_status claim_place(kin_family **out)
{
    for (uint32_t i = 0; i < KIN__FAMILIES; i++) {
        uint32_t stage = FREE;
        if (atomic_compare_exchange_strong(&families[i].stage, &stage, FILLING)) {
            *out = &families[i];
            return KIN_OK;
        }
    }
    return kin__refuse(KIN_E_LIMIT, "a process can be in 8 families at one time");
}

static void close_natives(kin_family *family)
{
    kin__native *natives = atomic_load(&family->natives);
    for (uint32_t i = 0; natives && i < family->layout.max_threads; i++) {
        if (natives[i].lease != 0) {
            kin_os_sem_close(natives[i].sem);
        }
    }
    kin_os_pages_free(natives, family->layout.max_threads * sizeof *natives);
}

void kin__family_discard(kin_family *family)
{
    atomic_store(&family->stage, FILLING);
    kin_os_shm_close(family->shm, family->base);
    if (family->base) {
        kin_os_shm_unmap(family->base, (size_t)family->layout.reserve);
    }
    if (family->self != &kin__nobody) {
        kin_os_private_free(family->self, sizeof(kin__self));
    }
    kin_os_handle_close(family->holder);
    kin_os_pulse_close(&family->pulse);
    close_natives(family);
    free(family->reader);
    atomic_store(&family->stage, FREE);
}

kin_status kin__family_allocate(kin_family **out, const kin_os_id *id, uint64_t reserve)
{
    kin_family *family;
    kin_status status = claim_place(&family);
    if (status != KIN_OK) {
        return status;
    }
    family->base = NULL;
    family->arena = NULL;
    family->self = &kin__nobody;
    family->natives = NULL;
    family->reader = NULL;
    for (uint32_t i = 0; i < KIN__CLASSES; i++) {
        atomic_store_explicit(&family->hints[i].count, 0, memory_order_relaxed);
    }
    family->id = *id;
    family->layout = (kin__layout){.reserve = reserve};
    family->shm = family->holder = KIN_OS_NO_HANDLE;
    family->name[0] = '\0';
    family->access = (kin_os_access){{""}, {""}};
    atomic_store(&family->uses, 1);
    family->pulse = (kin_os_pulse)KIN_OS_NO_PULSE;
    *out = family;
    return KIN_OK;
}

kin_status kin__family_map(kin_family *family)
{
    void *base;
    kin_os_use use = family->reader ? KIN_OS_TO_READ : KIN_OS_TO_WRITE;
    kin_status status = kin_os_shm_map(&base, family->shm, (size_t)family->layout.reserve, use);
    if (status == KIN_OK) {
        family->base = base;
        family->arena = base;
    }
    return status;
}

void kin__family_publish(kin_family *family)
{
    atomic_store_explicit(&family->stage, USABLE, memory_order_release);
}

/* ---- the default ---- */

kin_family *kin__family_default(void)
{
    return atomic_load(&standard);
}

void kin__family_offer_default(kin_family *family)
{
    kin_family *none = NULL;
    atomic_compare_exchange_strong(&standard, &none, family);
}

void kin__family_set_default(kin_family *family)
{
    atomic_store(&standard, family);
}

void kin__family_drop_default(kin_family *family)
{
    atomic_compare_exchange_strong(&standard, &family, NULL);
}

/* ---- addresses and names ---- */

/* Whole spans, and those of which the table's part is usable, too: a thread that may touch a span may touch its word.
 * */
static uint64_t usable_end(const kin_family *family)
{
    const kin__layout *layout = &family->layout;
    uint64_t start = layout->heap_start;
    uint64_t spans = kin__layout_table_spans(layout, kin_os_shm_committed(family->shm, family->base, 0, (size_t)start));
    spans = spans < layout->span_count ? spans : layout->span_count;
    uint64_t most = start + spans * KIN__SPAN_SIZE;
    return kin_os_shm_committed(family->shm, family->base, (size_t)start, (size_t)most);
}

bool kin__family_covers_now(kin_family *family, uint64_t offset, uint64_t size)
{
    const kin__layout *layout = &family->layout;
    if (offset < layout->heap_start) {
        return offset <= layout->low && size <= layout->low - offset;
    }
    if (offset > layout->reserve || size > layout->reserve - offset) {
        return false;
    }
    uint64_t now = usable_end(family);
    uint64_t known = atomic_load_explicit(&family->known, memory_order_relaxed);
    while (now > known && !atomic_compare_exchange_weak(&family->known, &known, now)) {
    } /* it never shrinks: a system that cannot be asked now, or another thread's older answer, changes nothing */
    return offset + size <= now;
}

uint64_t kin__family_end(kin_family *family)
{
    kin__family_covers_now(family, family->layout.heap_start, 0);
    return atomic_load_explicit(&family->known, memory_order_relaxed);
}

uint64_t kin__family_committed(const kin_family *family)
{
    const kin__layout *layout = &family->layout;
    uint64_t end = usable_end(family);
    uint64_t heap = end > layout->heap_start ? end - layout->heap_start : 0;
    uint64_t table = kin__layout_table_end(layout, heap / KIN__SPAN_SIZE);
    uint64_t given = atomic_load(&family->arena->heap.given);
    heap -= given <= heap / KIN__SPAN_SIZE ? given * KIN__SPAN_SIZE : 0;
    return kin__round_up(table > layout->low ? table : layout->low, kin_os_page_size()) + heap;
}

bool kin__family_name_sound(const char *name)
{
    size_t length = name ? strlen(name) : 0;
    if (length == 0 || length > KIN_FAMILY_NAME_MAX || name[0] == '.') {
        return false;
    }
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}
