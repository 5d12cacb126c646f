/* heap.c: blocks of the arena.
 *
 * The heap is cut into spans of 64 KiB. A span is fresh, free, part of a large block, or holds blocks of one size
 * class.
 *
 * Blocks. Each begins with a header whose `tag` is the truth about it:
 *
 *     FREE ──allocate──► token|TAKEN ──► LIVE ──free──► FREE
 *
 * Allocate and free are one compare-and-swap. Before the tag says TAKEN by a thread, that thread's entry says in
 * `taking` which block it is; so when the thread dies, its reaper looks at one block. All else is a hint and may be
 * wrong: the process's list of blocks freed lately, and the class's bitmap of spans that may have a free block (set
 * after a block became free; cleared before a span is searched, and set again if something is found).
 *
 * Spans change under the heap's lock, each by one store of its word in the span table that makes the change valid:
 *
 *     small:  headers cleared, then span = SMALL|class
 *     large:  tails first, then head = LARGE|n     a tail counts only behind a head that covers it
 *     free:   head = FREE, then the tails
 *
 * A holder killed in between leaves tails that no head covers; whoever gets the lock next (KIN_OWNER_DIED) turns them
 * into FREE, and sets every small span's bit.
 */
#include "memory/heap.h"

#include "family/create.h"
#include "family/member.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "park/owner_lock.h"

#include <stdlib.h>
#include <string.h>

/* ---- blocks ---- */

#define FREE UINT64_C(0)
#define TAKEN UINT64_C(1) /* with the token of the thread that allocates or frees it */
#define LIVE UINT64_C(2)

typedef struct block {
    _Atomic uint64_t tag;
    _Atomic uint32_t generation;
    _Atomic uint32_t size; /* asked for */
} block;

#define HEADER ((uint32_t)sizeof(block))
#define BLOCK_MAX (UINT64_C(0xffffffff) - KIN__SPAN_SIZE)

static const uint32_t strides[KIN__CLASSES] = {32,  48,  64,   80,   96,   128,  160,  192,  256,  320,  384,  512,
                                               640, 768, 1024, 1280, 1536, 2048, 2560, 3072, 4096, 6144, 8192, 16384};

static uint32_t class_of(uint64_t size)
{
    uint32_t class = 0;
    while (class < KIN__CLASSES && strides[class] < size + HEADER) {
        class ++;
    }
    return class;
}

static block *block_at(kin_family *family, uint64_t offset)
{
    return kin__pointer(family, offset);
}

/* ---- spans ---- */

typedef enum span_kind { FRESH = 0, UNUSED = 1, SMALL = 2, LARGE = 3, TAIL = 4 } span_kind;

#define SPAN(kind, number) ((uint64_t)(number) << 8 | (uint64_t)(kind))
#define KIND(span) ((span_kind)((span)&0xff))
#define NUMBER(span) ((uint32_t)((span) >> 8)) /* SMALL: class. LARGE: spans */

/* How far it is to the next: a count that cannot be true is taken for 1. */
static uint32_t step_over(uint64_t span, uint32_t left)
{
    return KIND(span) == LARGE && NUMBER(span) > 0 && NUMBER(span) <= left ? NUMBER(span) : 1;
}

static _Atomic uint64_t *span_at(kin_family *family, uint32_t index)
{
    return (_Atomic uint64_t *)kin__pointer(family, family->layout.spans) + index;
}

static uint32_t span_limit(const kin_family *family)
{
    return (uint32_t)((family->layout.reserve - family->layout.heap_start) / KIN__SPAN_SIZE);
}

static uint64_t span_offset(const kin_family *family, uint32_t index)
{
    return family->layout.heap_start + (uint64_t)index * KIN__SPAN_SIZE;
}

static uint32_t span_of(const kin_family *family, uint64_t offset)
{
    return (uint32_t)((offset - family->layout.heap_start) / KIN__SPAN_SIZE);
}

/* ---- the bitmap of a class: spans that may have a free block ---- */

static _Atomic uint64_t *bitmap_word(kin_family *family, uint32_t class, uint32_t word)
{
    uint32_t words = (family->layout.span_count + 63) / 64;
    return (_Atomic uint64_t *)kin__pointer(family, family->layout.bitmaps) + (uint64_t) class * words + word;
}

static void mark_span(kin_family *family, uint32_t class, uint32_t index)
{
    _Atomic uint64_t *word = bitmap_word(family, class, index / 64);
    uint64_t bit = UINT64_C(1) << (index % 64);
    if (!(atomic_load(word) & bit)) {
        atomic_fetch_or(word, bit);
    }
}

static void unmark_span(kin_family *family, uint32_t class, uint32_t index)
{
    atomic_fetch_and(bitmap_word(family, class, index / 64), ~(UINT64_C(1) << (index % 64)));
}

/* ---- this process's hints: where blocks were free a moment ago. Lossy on purpose, so without atomic
 * read-modify-write. */

/* NULL where there is no memory for them. */
static kin__hints *hints_of(kin_family *family, uint32_t class)
{
    kin__hints *hints = atomic_load_explicit(&family->hints, memory_order_acquire);
    if (!hints) {
        kin__hints *made = calloc(KIN__CLASSES, sizeof *made);
        if (!made) {
            return NULL;
        }
        if (atomic_compare_exchange_strong(&family->hints, &hints, made)) {
            hints = made;
        } else {
            free(made);
        }
    }
    return &hints[class];
}

/* False: the list is full. */
static bool push_hint(kin_family *family, uint32_t class, uint64_t offset)
{
    kin__hints *hints = hints_of(family, class);
    uint32_t count = hints ? atomic_load_explicit(&hints->count, memory_order_relaxed) : KIN__HINTS;
    if (count >= KIN__HINTS) {
        return false;
    }
    atomic_store_explicit(&hints->offsets[count], (uint32_t)(offset / 16), memory_order_relaxed);
    atomic_store_explicit(&hints->count, count + 1, memory_order_relaxed);
    return true;
}

static uint64_t pop_hint(kin_family *family, uint32_t class)
{
    kin__hints *hints = hints_of(family, class);
    uint32_t count = hints ? atomic_load_explicit(&hints->count, memory_order_relaxed) : 0;
    if (count == 0 || count > KIN__HINTS) {
        return 0;
    }
    atomic_store_explicit(&hints->count, count - 1, memory_order_relaxed);
    return (uint64_t)atomic_load_explicit(&hints->offsets[count - 1], memory_order_relaxed) * 16;
}

/* ---- small blocks ---- */

static bool claim(kin__seat *seat, uint64_t offset)
{
    uint64_t tag = FREE;
    atomic_store_explicit(&seat->thread->taking, offset, memory_order_relaxed); /* ordered by the exchange's release */
    return atomic_compare_exchange_strong(&block_at(seat->family, offset)->tag, &tag, seat->token | TAKEN);
}

/* Claims the span's first free block and notes the next ones as hints. */
static uint64_t claim_in_span(kin__seat *seat, uint32_t class, uint32_t index)
{
    kin_family *family = seat->family;
    uint64_t start = span_offset(family, index);
    uint64_t claimed = 0;
    for (uint32_t at = 0; at + strides[class] <= KIN__SPAN_SIZE; at += strides[class]) {
        uint64_t offset = start + at;
        if (atomic_load_explicit(&block_at(family, offset)->tag, memory_order_relaxed) != FREE) {
            continue;
        }
        if (!claimed) {
            claimed = claim(seat, offset) ? offset : 0;
        } else if (!push_hint(family, class, offset)) {
            break;
        }
    }
    return claimed;
}

static uint64_t claim_or_unmark(kin__seat *seat, uint32_t class, uint32_t index)
{
    uint64_t offset = claim_in_span(seat, class, index);
    if (!offset) {
        unmark_span(seat->family, class, index);
        offset = claim_in_span(seat, class, index); /* one may have been freed just before the mark went */
        if (offset) {
            mark_span(seat->family, class, index);
        }
    }
    return offset;
}

static uint64_t claim_marked(kin__seat *seat, uint32_t class)
{
    kin_family *family = seat->family;
    kin__heap *heap = &family->arena->heap;
    uint32_t words = (family->layout.span_count + 63) / 64;
    uint32_t start = atomic_load_explicit(&heap->cursor[class], memory_order_relaxed) % words;
    for (uint32_t i = 0; i < words; i++) {
        uint32_t w = (start + i) % words;
        uint64_t bits = atomic_load_explicit(bitmap_word(family, class, w), memory_order_relaxed);
        for (uint32_t b = 0; bits; b++, bits >>= 1) {
            uint32_t index = w * 64 + b;
            bool there = (bits & 1) && index < span_limit(family) &&
                         kin__family_covers(family, span_offset(family, index), KIN__SPAN_SIZE);
            uint64_t offset = there ? claim_or_unmark(seat, class, index) : 0;
            if (offset) {
                atomic_store_explicit(&heap->cursor[class], w, memory_order_relaxed);
                return offset;
            }
        }
    }
    return 0;
}

/* ---- spans, under the heap's lock ---- */

/* Frees tails without a head and marks every small span: what a holder killed half-way may have left. */
static void recover(kin_family *family)
{
    kin__heap *heap = &family->arena->heap;
    uint64_t span, end = atomic_load(&heap->span_end);
    uint32_t limit = end < span_limit(family) ? (uint32_t)end : span_limit(family);
    for (uint32_t i = 0; i < limit; i += step_over(span, limit - i)) {
        span = atomic_load(span_at(family, i));
        if (KIND(span) == SMALL && NUMBER(span) < KIN__CLASSES) {
            mark_span(family, NUMBER(span), i);
        } else if (KIND(span) == TAIL) {
            atomic_store(span_at(family, i), SPAN(UNUSED, 0));
        }
    }
    atomic_store(&heap->lowest, 0);
}

#define LOCK_PATIENCE KIN_SECONDS(10) /* the lock is held for microseconds, or by somebody stopped */

static kin_status enter(kin__seat *seat)
{
    kin_status status = kin__lock_acquire(seat, &seat->family->arena->heap.lock, LOCK_PATIENCE);
    if (status == KIN_OWNER_DIED) {
        recover(seat->family);
        status = kin__lock_repair(seat, &seat->family->arena->heap.lock);
    }
    return status;
}

static void leave(kin__seat *seat)
{
    kin__lock_release(seat, &seat->family->arena->heap.lock);
}

static kin_status commit_to(kin_family *family, uint64_t end)
{
    if (kin__family_covers(family, 0, end)) {
        return KIN_OK;
    }
    uint64_t from = atomic_load(&family->known); /* the system's word, just asked for: not the arena's */
    uint64_t step = from / 4 < (1u << 20) ? from / 4 : 1u << 20;
    uint64_t most = end + step / KIN__SPAN_SIZE * KIN__SPAN_SIZE;
    uint64_t to = most < family->layout.reserve ? most : family->layout.reserve;
    kin_status status = kin_os_shm_commit(family->shm, family->base, (size_t)from, (size_t)to);
    if (status == KIN_E_NO_MEMORY && to != end) {
        to = end;
        status = kin_os_shm_commit(family->shm, family->base, (size_t)from, (size_t)to);
    }
    return status;
}

/* The first run of count spans that nobody uses; span_limit if there is none. */
static uint32_t find_run(kin_family *family, uint32_t count)
{
    uint32_t run = 0, limit = span_limit(family);
    uint32_t i = (uint32_t)atomic_load(&family->arena->heap.lowest);
    while (i < limit) {
        uint64_t span = atomic_load(span_at(family, i));
        run = KIND(span) <= UNUSED ? run + 1 : 0;
        if (run == count) {
            return i + 1 - count;
        }
        i += step_over(span, limit - i);
    }
    return limit;
}

static kin_status take_run(kin_family *family, uint32_t count, uint32_t *index)
{
    kin__heap *heap = &family->arena->heap;
    *index = find_run(family, count);
    if (*index == span_limit(family)) {
        return KIN_E_NO_MEMORY;
    }
    kin_status status = commit_to(family, span_offset(family, *index + count));
    if (status == KIN_OK) {
        uint64_t end = *index + count;
        if (end > atomic_load(&heap->span_end)) {
            atomic_store(&heap->span_end, end);
        }
        if (count == 1) {
            atomic_store(&heap->lowest, end); /* what lies before it is used: it was the first */
        }
    }
    return status;
}

/* Where a header is new, what lies there may be bytes of a former block, as of many others: a generation that begins
 * with them could come again. */
static uint32_t next_generation(kin_family *family)
{
    return atomic_fetch_add_explicit(&family->arena->next_generation, 1, memory_order_relaxed);
}

static kin_status add_small_span(kin__seat *seat, uint32_t class)
{
    kin_family *family = seat->family;
    uint32_t index;
    kin_status status = enter(seat);
    if (status != KIN_OK) {
        return status;
    }
    status = take_run(family, 1, &index);
    if (status == KIN_OK) {
        uint32_t generation = next_generation(family);
        for (uint32_t at = 0; at + strides[class] <= KIN__SPAN_SIZE; at += strides[class]) {
            block *made = block_at(family, span_offset(family, index) + at);
            atomic_store_explicit(&made->generation, generation, memory_order_relaxed);
            atomic_store_explicit(&made->tag, FREE, memory_order_relaxed);
        }
        atomic_store(span_at(family, index), SPAN(SMALL, class));
        mark_span(family, class, index);
    }
    leave(seat);
    return status;
}

static kin_status claim_large(kin__seat *seat, uint64_t size, uint64_t *offset, bool *fresh)
{
    kin_family *family = seat->family;
    uint32_t count = (uint32_t)((size + HEADER + KIN__SPAN_SIZE - 1) / KIN__SPAN_SIZE);
    uint32_t index;
    kin_status status = enter(seat);
    if (status != KIN_OK) {
        return status;
    }
    status = take_run(family, count, &index);
    if (status == KIN_OK) {
        *offset = span_offset(family, index);
        *fresh = true;
        for (uint32_t i = 0; i < count; i++) {
            *fresh = *fresh && KIND(atomic_load(span_at(family, index + i))) == FRESH;
        }
        for (uint32_t i = 1; i < count; i++) {
            atomic_store(span_at(family, index + i), SPAN(TAIL, 0));
        }
        atomic_store_explicit(&block_at(family, *offset)->generation, next_generation(family), memory_order_relaxed);
        atomic_store_explicit(&seat->thread->taking, *offset, memory_order_relaxed);
        atomic_store(&block_at(family, *offset)->tag, seat->token | TAKEN);
        atomic_store(span_at(family, index), SPAN(LARGE, count));
    }
    leave(seat);
    return status;
}

static kin_status release_large(kin__seat *seat, uint32_t index)
{
    kin_family *family = seat->family;
    kin_status status = enter(seat);
    if (status != KIN_OK) {
        return status;
    }
    uint64_t span = atomic_load(span_at(family, index));
    if (KIND(span) == LARGE) {
        atomic_store(span_at(family, index), SPAN(UNUSED, 0));
        for (uint32_t i = 1; i < NUMBER(span) && index + i < span_limit(family); i++) {
            atomic_store(span_at(family, index + i), SPAN(UNUSED, 0));
        }
        if (index < atomic_load(&family->arena->heap.lowest)) {
            atomic_store(&family->arena->heap.lowest, index);
        }
    }
    leave(seat);
    return KIN_OK;
}

/* ---- allocate ---- */

static kin_status claim_small(kin__seat *seat, uint32_t class, uint64_t *offset)
{
    for (;;) {
        while ((*offset = pop_hint(seat->family, class)) != 0) {
            if (claim(seat, *offset)) {
                return KIN_OK;
            }
        }
        *offset = claim_marked(seat, class);
        if (*offset) {
            return KIN_OK;
        }
        kin_status status = add_small_span(seat, class);
        if (status != KIN_OK) {
            return status;
        }
    }
}

static void *make_live(kin__seat *seat, uint64_t offset, uint64_t size, bool zero, _Atomic uint64_t *note)
{
    block *made = block_at(seat->family, offset);
    uint32_t generation = atomic_load_explicit(&made->generation, memory_order_relaxed) + 1;
    atomic_store_explicit(&made->generation, generation, memory_order_relaxed);
    atomic_store_explicit(&made->size, (uint32_t)size, memory_order_relaxed);
    if (zero) {
        memset(made + 1, 0, (size_t)size);
    }
    if (note) {
        atomic_store(note, kin__block_word(offset + HEADER, generation));
    }
    atomic_store_explicit(&made->tag, LIVE, memory_order_release);
    atomic_store_explicit(&seat->thread->taking, 0, memory_order_release);
    return made + 1;
}

static kin_status allocate(void **out, kin__seat *seat, uint64_t size, bool zero, _Atomic uint64_t *note)
{
    uint64_t offset;
    bool fresh = false;
    if (size > BLOCK_MAX) {
        return KIN_E_TOO_BIG;
    }
    uint32_t class = class_of(size);
    kin_status status =
        class < KIN__CLASSES ? claim_small(seat, class, &offset) : claim_large(seat, size, &offset, &fresh);
    if (status == KIN_OK) {
        *out = make_live(seat, offset, size, zero && !fresh, note);
    }
    return status == KIN_E_TIMED_OUT ? KIN_E_BUSY : status;
}

kin_status kin_alloc(void **out, kin_family *family, size_t size)
{
    kin__seat *seat;
    if (!out || size == 0) {
        return KIN_E_ARGUMENT;
    }
    if (size > BLOCK_MAX) {
        return KIN_E_TOO_BIG;
    }
    kin_status status = kin__family_resolve(&family, family);
    if (status == KIN_OK) {
        status = kin__seat_take(&seat, family);
    }
    return status == KIN_OK ? allocate(out, seat, size, true, NULL) : status;
}

kin_status kin__heap_take(void **out, kin__seat *seat, uint64_t size, bool zero, _Atomic uint64_t *note)
{
    return allocate(out, seat, size, zero, note);
}

/* ---- free ---- */

/* The block whose bytes begin at offset, and the span it lies in. */
static kin_status find_block(kin_family *family, uint64_t offset, block **out, uint64_t *span)
{
    if (offset < family->layout.heap_start + HEADER || !kin__family_covers(family, offset - HEADER, HEADER)) {
        return KIN_E_ARGUMENT;
    }
    uint64_t start = offset - HEADER;
    uint32_t index = span_of(family, start);
    uint64_t within = start - span_offset(family, index);
    *span = atomic_load(span_at(family, index));
    bool begins = KIND(*span) == SMALL && NUMBER(*span) < KIN__CLASSES && within % strides[NUMBER(*span)] == 0 &&
                  within + strides[NUMBER(*span)] <= KIN__SPAN_SIZE;
    if (!begins && !(KIND(*span) == LARGE && within == 0)) {
        return KIN_E_ARGUMENT;
    }
    *out = block_at(family, start);
    return KIN_OK;
}

static kin_status release_block(kin__seat *seat, block *freed, uint64_t span)
{
    kin_family *family = seat->family;
    uint64_t offset = kin__offset(family, freed);
    uint64_t tag = LIVE;
    uint64_t next = KIND(span) == LARGE ? seat->token | TAKEN : FREE;
    kin_status status = KIN_OK;
    atomic_store_explicit(&seat->thread->taking, offset, memory_order_relaxed);
    if (!atomic_compare_exchange_strong(&freed->tag, &tag, next)) {
        return KIN_E_STALE;
    }
    if (KIND(span) == LARGE) {
        status = release_large(seat, span_of(family, offset));
        if (status != KIN_OK) {
            atomic_store(&freed->tag, LIVE); /* as it was */
        }
    } else {
        mark_span(family, NUMBER(span), span_of(family, offset));
        push_hint(family, NUMBER(span), offset);
    }
    atomic_store_explicit(&seat->thread->taking, 0, memory_order_release);
    return status;
}

kin_status kin_free(void *memory)
{
    kin__seat *seat;
    block *freed;
    uint64_t span;
    if (!memory) {
        return KIN_OK;
    }
    kin_family *family = kin__family_at(memory);
    if (!family) {
        return KIN_E_FAMILY;
    }
    kin_status status = find_block(family, kin__offset(family, memory), &freed, &span);
    if (status == KIN_OK) {
        status = kin__seat_take(&seat, family);
    }
    if (status == KIN_OK) {
        status = release_block(seat, freed, span);
    }
    return status == KIN_E_TIMED_OUT ? KIN_E_BUSY : status;
}

kin_status kin__heap_generation(kin_family *family, uint64_t offset, uint32_t *generation, uint64_t *size)
{
    block *found;
    uint64_t span;
    kin_status status = find_block(family, offset, &found, &span);
    if (status != KIN_OK) {
        return status;
    }
    if (atomic_load(&found->tag) != LIVE) {
        return KIN_E_STALE;
    }
    *generation = atomic_load(&found->generation);
    *size = atomic_load(&found->size);
    return KIN_OK;
}

/* The block that a block word names, if it is live. */
static bool find_named(kin_family *family, uint64_t word, block **out, uint64_t *span)
{
    return find_block(family, kin__block_offset(word), out, span) == KIN_OK && atomic_load(&(*out)->tag) == LIVE &&
           atomic_load(&(*out)->generation) == kin__block_generation(word);
}

bool kin__heap_has(kin_family *family, uint64_t word)
{
    block *found;
    uint64_t span;
    return find_named(family, word, &found, &span);
}

kin_status kin__heap_give(kin__seat *seat, uint64_t word)
{
    block *found;
    uint64_t span;
    if (!find_named(seat->family, word, &found, &span)) {
        return KIN_OK;
    }
    kin_status status = release_block(seat, found, span);
    return status == KIN_E_TIMED_OUT ? KIN_E_BUSY : status;
}

kin_status kin_alloc_size(const void *memory, size_t *size)
{
    uint32_t generation;
    uint64_t bytes;
    if (!memory || !size) {
        return KIN_E_ARGUMENT;
    }
    kin_family *family = kin__family_at(memory);
    if (!family) {
        return KIN_E_FAMILY;
    }
    kin_status status = kin__heap_generation(family, kin__offset(family, memory), &generation, &bytes);
    if (status == KIN_OK) {
        *size = (size_t)bytes;
    }
    return status;
}

/* ---- counting ---- */

static void count_block(kin_family *family, uint64_t offset, uint64_t *blocks, uint64_t *bytes)
{
    block *each = block_at(family, offset);
    if (atomic_load(&each->tag) == LIVE) {
        *blocks += 1;
        *bytes += atomic_load(&each->size);
    }
}

kin_status kin_alloc_total(kin_family *family, uint64_t *blocks, uint64_t *bytes)
{
    kin_status status = blocks && bytes ? kin__family_resolve(&family, family) : KIN_E_ARGUMENT;
    if (status != KIN_OK) {
        return status;
    }
    uint64_t span, end = atomic_load(&family->arena->heap.span_end);
    uint32_t limit = end < span_limit(family) ? (uint32_t)end : span_limit(family);
    *blocks = *bytes = 0;
    for (uint32_t i = 0; i < limit && kin__family_covers(family, span_offset(family, i), KIN__SPAN_SIZE);
         i += step_over(span, limit - i)) {
        span = atomic_load(span_at(family, i));
        uint32_t stride = KIND(span) == SMALL && NUMBER(span) < KIN__CLASSES ? strides[NUMBER(span)] : KIN__SPAN_SIZE;
        for (uint32_t at = 0; (KIND(span) == SMALL || KIND(span) == LARGE) && at + stride <= KIN__SPAN_SIZE;
             at += stride) {
            count_block(family, span_offset(family, i) + at, blocks, bytes);
        }
    }
    return KIN_OK;
}

/* ---- after a death ---- */

bool kin__heap_reap(kin_family *family, uint32_t slot, uint64_t token)
{
    kin__seat *seat;
    block *found;
    uint64_t span;
    kin__thread *thread = kin__thread_at(family, slot);
    uint64_t offset = atomic_load(&thread->taking);
    if (offset == 0 || find_block(family, offset + HEADER, &found, &span) != KIN_OK) {
        return true;
    }
    uint64_t tag = token | TAKEN;
    if (KIND(span) == SMALL) {
        atomic_compare_exchange_strong(&found->tag, &tag, FREE);
        mark_span(family, NUMBER(span), span_of(family, offset));
    } else if (atomic_load(&found->tag) == tag) {
        if (!atomic_load(&family->self->joined) || kin__seat_take(&seat, family) != KIN_OK ||
            release_large(seat, span_of(family, offset)) != KIN_OK) {
            return false;
        }
    }
    atomic_store(&thread->taking, 0);
    return true;
}
