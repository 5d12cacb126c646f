#include "family/layout.h"

#include "family/input.h"

#include <string.h>

#define FIRST_SPANS 1024u /* so many can be described without growth of the table */

uint32_t kin__layout_fingerprint(void)
{
    uint32_t sizes[] = {sizeof(kin__arena), sizeof(kin__member), sizeof(kin__thread), sizeof(kin__container),
                        sizeof(kin__lock),  sizeof(kin__sem),    sizeof(kin__sheet),  sizeof(kin__row),
                        KIN__BUCKETS,       KIN__SPAN_SIZE,      KIN__CLASSES};
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

void kin__layout_compute(kin__layout *layout)
{
    uint64_t next = 4096, spans = layout->reserve / KIN__SPAN_SIZE; /* a few more than there is room for */
    layout->members = place(&next, (uint64_t)layout->max_members * sizeof(kin__member));
    layout->threads = place(&next, (uint64_t)layout->max_threads * sizeof(kin__thread));
    layout->buckets = place(&next, (uint64_t)KIN__BUCKETS * layout->max_threads / 8);
    layout->names = place(&next, sizeof(kin__container));
    layout->sheets = place(&next, (spans + KIN__SHEET_SPANS - 1) / KIN__SHEET_SPANS * sizeof(kin__sheet));
    layout->rows = place(&next, 0);
    layout->low = kin__layout_table_end(layout, spans < FIRST_SPANS ? spans : FIRST_SPANS);
    layout->heap_start = kin__round_up(kin__layout_table_end(layout, spans), KIN__SPAN_SIZE);
    uint64_t heap = layout->reserve > layout->heap_start ? layout->reserve - layout->heap_start : 0;
    layout->span_count = (uint32_t)(heap / KIN__SPAN_SIZE);
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
    kin__layout_compute(out);
    return out->low <= usable && out->span_count > 0 && memcmp(out, &claimed, sizeof *out) == 0;
}

/* All spans are unused; the table needs no writing for that, but for what stands in the header. */
static void format_runs(kin__heap *heap, uint32_t spans)
{
    for (uint32_t i = 0; i * KIN__SHEET_SPANS < spans; i++) {
        uint32_t left = spans - i * KIN__SHEET_SPANS;
        uint32_t width = left < KIN__SHEET_SPANS ? left : KIN__SHEET_SPANS;
        atomic_store(&heap->runs[i], kin__runs(width, width, width));
    }
}

/* It has no tag: no pointer of a program leads to it. */
static void format_names(kin__arena *arena, const kin__layout *layout, const uint64_t seed[2])
{
    kin__container *names = (kin__container *)(void *)((char *)arena + layout->names);
    memcpy(names->seed, seed, sizeof names->seed);
    kin__lock_format(&names->lock, arena, 0);
}

void kin__layout_format(kin__arena *arena, const kin__layout *layout, const kin_os_id *id, const char *name,
                        const kin_os_access *access, const uint64_t secrets[3])
{
    arena->layout = *layout;
    arena->heap.key = secrets[0];
    format_runs(&arena->heap, layout->span_count);
    arena->id = *id;
    memcpy(arena->name, name, strlen(name) + 1);
    arena->access = *access;
    arena->version = KIN__LAYOUT;
    arena->fingerprint = kin__layout_fingerprint();
    format_names(arena, layout, &secrets[1]);
    kin__lock_format(&arena->heap.lock, arena, 0);
    atomic_store(&arena->magic, KIN__MAGIC);
}
