#include "family/layout.h"

#include "family/input.h"

#include <string.h>

uint32_t kin__layout_fingerprint(void)
{
    uint32_t sizes[] = {sizeof(kin__arena), sizeof(kin__member), sizeof(kin__thread), sizeof(kin__name),
                        sizeof(kin__lock),  sizeof(kin__sem),    KIN__BUCKETS,        KIN__NAMES,
                        KIN__SPAN_SIZE,     KIN__CLASSES};
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        hash = (hash ^ sizes[i]) * 16777619u;
    }
    return hash;
}

static uint64_t place(uint64_t *next, uint64_t size)
{
    uint64_t offset = *next;
    *next = kin__round_up(offset + size, 128);
    return offset;
}

uint64_t kin__layout_compute(kin__layout *layout)
{
    uint64_t next = 4096;
    layout->span_count = (uint32_t)(layout->reserve / KIN__SPAN_SIZE);
    layout->members = place(&next, (uint64_t)layout->max_members * sizeof(kin__member));
    layout->threads = place(&next, (uint64_t)layout->max_threads * sizeof(kin__thread));
    layout->buckets = place(&next, (uint64_t)KIN__BUCKETS * layout->max_threads / 8);
    layout->names = place(&next, (uint64_t)KIN__NAMES * sizeof(kin__name));
    layout->spans = place(&next, (uint64_t)layout->span_count * sizeof(uint64_t));
    layout->bitmaps = place(&next, (uint64_t)KIN__CLASSES * kin__round_up(layout->span_count, 64) / 8);
    layout->heap_start = kin__round_up(next, KIN__SPAN_SIZE);
    return next;
}

bool kin__layout_read(kin__layout *out, const kin__arena *arena, uint64_t reserve, uint64_t usable)
{
    kin__layout claimed;
    kin__copy_in(&claimed, &arena->layout, sizeof claimed);
    *out = (kin__layout){.reserve = reserve};
    out->max_members = claimed.max_members;
    out->max_threads = claimed.max_threads;
    if (out->max_members == 0 || out->max_members > KIN__MEMBERS_MAX || out->max_threads == 0 ||
        out->max_threads > KIN__THREADS_MAX || out->max_threads % 64 != 0 || reserve < KIN__SPAN_SIZE ||
        reserve > KIN__RESERVE_MAX || reserve % KIN__SPAN_SIZE != 0) {
        return false;
    }
    uint64_t tables_end = kin__layout_compute(out);
    return tables_end <= usable && out->heap_start < reserve && memcmp(out, &claimed, sizeof *out) == 0;
}

void kin__layout_format(kin__arena *arena, const kin__layout *layout, const kin_os_id *id, const char *name,
                        const kin_os_access *access)
{
    arena->layout = *layout;
    arena->id = *id;
    memcpy(arena->name, name, strlen(name) + 1);
    arena->access = *access;
    arena->version = KIN__LAYOUT;
    arena->fingerprint = kin__layout_fingerprint();
    kin__lock_format(&arena->name_lock, arena, 0);
    kin__lock_format(&arena->heap.lock, arena, 0);
    atomic_store(&arena->magic, KIN__MAGIC);
}
