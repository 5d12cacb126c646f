/* heap.c: blocks of the arena.
 *
 * ---- States ----
 *
 * A span (spans.c) is unused, or part of a large block, or holds blocks of one size class. Each block begins with a
 * header. The header's `tag` is the block's state:
 *
 *     FREE(version, class) ──allocate──► TAKEN(token) ──► LIVE(generation) ──free──► FREE(version, class)
 *
 * 1. Allocate and free are one compare-and-swap each.
 * 2. Before a thread changes a tag to TAKEN, it stores the block's offset in `taking` of its slot. So if the thread
 *    dies, its reaper looks at one block only.
 * 3. Everything else is a hint and may be wrong: the process's list of blocks freed lately, and the marks (marks.c).
 *
 * A large block has such a header too, at the beginning of its first span. It is taken and freed under the heap's lock:
 *
 *     take:  tails; generation; taking; tag = TAKEN; head = LARGE|n
 *     give:  tag LIVE ──cas──► TAKEN; head = UNUSED; tails
 *
 * ---- Late compare-and-swaps ----
 *
 * 4. A thread may be stopped for any time between finding a block and changing its tag. Meanwhile the span may be
 *    retired (heap_lock.c), and there may be a user's bytes at the tag's place.
 * 5. So a tag is never used again at its place. It is made of the family's key and a number. The key is 64 random bits,
 *    which are in no block. The number is the span's version in FREE, the token in TAKEN, and the block's generation in
 *    LIVE. A compare-and-swap that expects an old tag fails.
 * 6. The chance that a user's bytes are such a tag is the chance that two families have the same id. (A fence after
 *    `taking`, and a look at all threads' `taking` before a span is retired, would exclude even that. Each allocation
 *    would then cost twice as many atomic operations.)
 * 7. A span that has a TAKEN or LIVE block cannot be retired. So if a thread finds a tag LIVE and then reads the span
 *    word, that word is valid while the tag stays LIVE in that generation. One change is possible: while another thread
 *    tries to retire the span, the word says RETIRING, and then SMALL again (span_of).
 *
 * model/heap.pml is this protocol and that of heap_lock.c, for spin; model/check verifies it.
 *
 * ---- Memory order ----
 *
 * Operations that are not in the list are sequentially consistent, since a weaker order would be no faster.
 *
 *     word              operation                order    pairs with, and why it is enough
 *     tag               claim, free, retire: cas seq_cst  each other: a thread that changes a block's use sees all that
 *                                                         was written to it before. With the marks: see marks.c
 *     tag               to LIVE: store           release  the acquire by a thread that checks for LIVE: generation and
 *                                                         size are written
 *     tag               search of a group: load  seq_cst  marks.c: the second look
 *     tag               retiring, first look     relaxed  none: it decides only whether to try
 *     taking            before a cas: store      relaxed  the cas, which is a release: a thread that sees TAKEN sees
 *                                                         taking. For the reaper, the system orders the stores of a
 *                                                         dead thread
 *     taking            back to 0: store         release  the tag before it: a thread that sees 0 sees LIVE or FREE
 *     generation, size  all                      relaxed  the tag: written before LIVE, read between two looks at it
 *     note              store                    seq_cst  release: the block's generation is written. It pairs with a
 *                                                         repairer's acquire
 *     new contents      fence before them        release  container.c's readers: a reader that sees a new byte by a
 *                                                         plain load, and then fences (acquire), sees the change of
 *                                                         the word that led there
 *     hints             all                      relaxed  none: any mixture of old and new hints is a list of zeros and
 *                                                         offsets of that class. The tag decides about each claim
 */
#include "memory/heap.h"

#include "base/last_error.h"
#include "base/racing.h"
#include "family/create.h"
#include "family/member.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "memory/block.h"
#include "memory/heap_lock.h"
#include "memory/marks.h"
#include "memory/spans.h"

#include <stdlib.h>
#include <string.h>

#define HEADER KIN__BLOCK_HEADER
#define NO_BLOCK "the address is not the start of a block"
#define FREE_ALREADY "the block is free already"

/* The classes of blocks up to 512 bytes, header included, by sixteens. */
static const uint8_t small_classes[] = {0, 0, 0, 1, 2,  3,  4,  5,  5,  6,  6,  7,  7,  8,  8,  8, 8,
                                        9, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11, 11, 11, 11, 11, 11};

static uint32_t class_of(uint64_t size)
{
    uint64_t whole = size + HEADER;
    if (whole <= 512) {
        return small_classes[(whole + 15) / 16];
    }
    uint32_t class = small_classes[32] + 1;
    while (class < KIN__CLASSES && kin__strides[class] < whole) {
        class ++;
    }
    return class;
}

/* It is mostly the seat that was used last. */
static kin_status take_seat(kin__seat **out, kin_family *family)
{
    kin__seat *last = kin_os_thread_get();
    if (last && atomic_load_explicit(&last->base, memory_order_relaxed) == (uint64_t)(uintptr_t)family->base) {
        *out = last;
        return KIN_OK;
    }
    return kin__seat_take(out, family);
}

/* ---- this process's hints: offsets of blocks that were free a moment ago. A hint may be lost, so no atomic
 * read-modify-write is needed. */

/* False: the list is full. */
static bool push_hint(kin_family *family, uint32_t class, uint64_t offset)
{
    kin__hints *hints = &family->hints[class];
    uint32_t count = atomic_load_explicit(&hints->count, memory_order_relaxed);
    if (count >= KIN__HINTS) {
        return false;
    }
    atomic_store_explicit(&hints->offsets[count], (uint32_t)(offset / 16), memory_order_relaxed);
    atomic_store_explicit(&hints->count, count + 1, memory_order_relaxed);
    return true;
}

static uint64_t pop_hint(kin_family *family, uint32_t class)
{
    kin__hints *hints = &family->hints[class];
    uint32_t count = atomic_load_explicit(&hints->count, memory_order_relaxed);
    if (count == 0 || count > KIN__HINTS) {
        return 0;
    }
    atomic_store_explicit(&hints->count, count - 1, memory_order_relaxed);
    return (uint64_t)atomic_load_explicit(&hints->offsets[count - 1], memory_order_relaxed) * 16;
}

/* ---- small blocks ---- */

/* span: the word of the block's span. */
static bool claim(kin__seat *seat, uint64_t offset, uint64_t span)
{
    uint64_t tag = kin__tag_free(seat->family, span);
    atomic_store_explicit(&seat->thread->taking, offset, memory_order_relaxed);
    return atomic_compare_exchange_strong(&kin__block_at(seat->family, offset)->tag, &tag,
                                          kin__tag_taken(seat->family, seat->token));
}

static bool claim_hinted(kin__seat *seat, uint32_t class, uint64_t offset)
{
    uint64_t span = atomic_load(kin__span_at(seat->family, kin__span_of(seat->family, offset)));
    return kin__span_serves(span, class) && claim(seat, offset, span);
}

typedef struct search {
    uint32_t class, index;
    uint64_t span;
    uint64_t claimed; /* the block, 0: none yet */
    bool full;        /* no more hints are taken */
} search;

/* Claims the first free block that begins in a KiB of the span, and notes the others as hints. Returns whether there
 * was a free block. */
static bool search_group(kin__seat *seat, search *it, uint32_t group)
{
    kin_family *family = seat->family;
    uint32_t stride = kin__strides[it->class], end = (group + 1) * 1024;
    uint64_t start = kin__span_offset(family, it->index), free_tag = kin__tag_free(family, it->span);
    bool found = false;
    for (uint32_t at = (group * 1024 + stride - 1) / stride * stride;
         at < end && at + stride <= KIN__SPAN_SIZE && !it->full; at += stride) {
        if (kin__load_racing(&kin__block_at(family, start + at)->tag, memory_order_seq_cst) != free_tag) {
            continue;
        }
        found = true;
        if (it->claimed) {
            it->full = !push_hint(family, it->class, start + at);
        } else if (claim(seat, start + at, it->span)) {
            it->claimed = start + at;
        }
    }
    return found;
}

static void search_and_unmark(kin__seat *seat, search *it, uint32_t group)
{
    if (search_group(seat, it, group) || it->full) {
        return;
    }
    kin__unmark_group(seat->family, it->index, group);
    /* A block may have become free just before the mark was cleared. Or the span has a new use, and this was its
     * mark. */
    if (search_group(seat, it, group) || atomic_load(kin__span_at(seat->family, it->index)) != it->span) {
        kin__mark_group(seat->family, it->class, it->index, group);
    }
}

static uint64_t claim_in_span(kin__seat *seat, uint32_t class, uint32_t index)
{
    kin_family *family = seat->family;
    search it = {class, index, atomic_load(kin__span_at(family, index)), 0, false};
    if (kin__span_serves(it.span, class)) {
        uint64_t groups = kin__marks_of(family, index);
        for (uint32_t g = 0; (g = kin__next_bit(groups, g)) < 64 && !it.full; g++) {
            search_and_unmark(seat, &it, g);
        }
    }
    if (!it.claimed) {
        kin__unmark_span(family, class, index);
    }
    return it.claimed;
}

static uint64_t claim_marked(kin__seat *seat, uint32_t class)
{
    for (uint32_t index = 0; kin__marks_next(seat->family, class, &index); index++) {
        uint64_t offset = claim_in_span(seat, class, index);
        if (offset) {
            return offset;
        }
    }
    return 0;
}

static kin_status add_small_span(kin__seat *seat, uint32_t class)
{
    uint32_t index;
    kin_status status = kin__heap_enter(seat);
    if (status != KIN_OK) {
        return status;
    }
    status = kin__run_find(seat->family, 1, &index);
    if (status == KIN_OK) {
        kin__span_make_small(seat->family, index, class);
    }
    kin__heap_leave(seat);
    return status;
}

static kin_status claim_small(kin__seat *seat, uint32_t class, uint64_t *offset)
{
    for (;;) {
        while ((*offset = pop_hint(seat->family, class)) != 0) {
            if (claim_hinted(seat, class, *offset)) {
                return KIN_OK;
            }
        }
        *offset = claim_marked(seat, class);
        if (*offset) {
            return KIN_OK;
        }
        kin_status status = add_small_span(seat, class);
        if (status == KIN_E_NO_MEMORY && (*offset = claim_marked(seat, class)) != 0) {
            return KIN_OK; /* marks had been missing */
        }
        if (status != KIN_OK) {
            return status;
        }
    }
}

/* ---- large blocks ---- */

/* The most bytes that a large block of so many spans holds. */
static uint64_t capacity_of(uint32_t spans)
{
    return (uint64_t)spans * KIN__SPAN_SIZE - HEADER;
}

/* The size that was asked for, but at most the size of the block, because the header's `size` may be wrong. span: the
 * word of a span of the block's class, or the LARGE word. left: spans from there to the last one that may be
 * touched. */
static uint64_t size_of(const kin__block *it, uint64_t span, uint32_t left)
{
    uint32_t low = kin__load_racing32(&it->size, memory_order_relaxed);
    if (kin__span_kind_of(span) != KIN__SPAN_LARGE) {
        uint32_t most = kin__strides[kin__span_number(span)] - HEADER;
        return low < most ? low : most;
    }
    uint64_t most = capacity_of(kin__span_step(span, left));
    uint32_t less = (uint32_t)most - low;
    return most - (less < KIN__SPAN_SIZE ? less : 0);
}

static bool all_fresh(kin_family *family, uint32_t index, uint32_t count)
{
    for (uint32_t i = index; i < index + count; i++) {
        if (kin__span_kind_of(atomic_load(kin__span_at(family, i))) != KIN__SPAN_FRESH) {
            return false;
        }
    }
    return true;
}

static void take_run(kin__seat *seat, uint32_t index, uint32_t count)
{
    kin_family *family = seat->family;
    kin__block *made = kin__block_at(family, kin__span_offset(family, index));
    uint32_t version = kin__span_version(atomic_load(kin__span_at(family, index)));
    for (uint32_t i = index + 1; i < index + count; i++) {
        uint64_t span = atomic_load(kin__span_at(family, i));
        atomic_store(kin__span_at(family, i), kin__span_word(KIN__SPAN_TAIL, 0, kin__span_version(span)));
    }
    atomic_store_explicit(&made->generation, version, memory_order_relaxed);
    atomic_store_explicit(&seat->thread->taking, kin__span_offset(family, index), memory_order_relaxed);
    atomic_store(&made->tag, kin__tag_taken(family, seat->token));
    atomic_store(kin__span_at(family, index), kin__span_word(KIN__SPAN_LARGE, count, version));
    kin__spans_changed(family, index, count);
}

static uint32_t spans_for(uint64_t size)
{
    return (uint32_t)((size + HEADER + KIN__SPAN_SIZE - 1) / KIN__SPAN_SIZE);
}

/* filled: how many of the block's spans must have memory; all or fewer. */
static kin_status claim_large(kin__seat *seat, uint64_t size, uint32_t filled, uint64_t *offset, bool *fresh)
{
    kin_family *family = seat->family;
    uint32_t index, count = spans_for(size);
    kin_status status = kin__heap_enter(seat);
    if (status != KIN_OK) {
        return status;
    }
    status =
        filled < count ? kin__run_find_sparse(family, count, filled, &index) : kin__run_find(family, count, &index);
    if (status == KIN_OK) {
        *offset = kin__span_offset(family, index);
        *fresh = all_fresh(family, index, count);
        take_run(seat, index, count);
    }
    kin__heap_leave(seat);
    return status;
}

static kin_status release_large(kin__seat *seat, uint32_t index, bool give)
{
    kin_family *family = seat->family;
    kin_status status = kin__heap_enter(seat);
    if (status != KIN_OK) {
        return status;
    }
    if (kin__span_kind_of(atomic_load(kin__span_at(family, index))) == KIN__SPAN_LARGE) {
        const kin__block *it = kin__block_at(family, kin__span_offset(family, index));
        kin__run_release(family, index, atomic_load_explicit(&it->generation, memory_order_relaxed), give);
    }
    kin__heap_leave(seat);
    return KIN_OK;
}

/* ---- allocate ---- */

static inline void *make_live(kin__seat *seat, uint64_t offset, uint64_t size, bool zero, _Atomic uint64_t *note)
{
    kin__block *made = kin__block_at(seat->family, offset);
    uint32_t generation = atomic_load_explicit(&made->generation, memory_order_relaxed) + 1;
    atomic_thread_fence(memory_order_release); /* new contents */
    atomic_store_explicit(&made->generation, generation, memory_order_relaxed);
    atomic_store_explicit(&made->size, (uint32_t)size, memory_order_relaxed);
    if (zero) {
        memset(made + 1, 0, (size_t)size);
    }
    if (note) {
        atomic_store(note, kin__block_word(offset + HEADER, generation));
    }
    atomic_store_explicit(&made->tag, kin__tag_live(seat->family, generation), memory_order_release);
    atomic_store_explicit(&seat->thread->taking, 0, memory_order_release);
    return made + 1;
}

/* Refuses a size that is larger than the family's heap. */
static kin_status too_large(uint64_t size)
{
    return size > KIN__RESERVE_MAX
               ? kin__refuse(KIN_E_TOO_BIG, "a block has at most 64 GiB")
               : kin__refuse(KIN_E_NO_MEMORY,
                             "the block is larger than the family: raise options.reserve when it is created");
}

static kin_status allocate(void **out, kin__seat *seat, uint64_t size, bool zero, _Atomic uint64_t *note)
{
    uint64_t offset;
    bool fresh = false;
    if (size > seat->family->layout.reserve) {
        return too_large(size);
    }
    uint32_t class = class_of(size);
    kin_status status =
        class < KIN__CLASSES ? claim_small(seat, class, &offset) : claim_large(seat, size, UINT32_MAX, &offset, &fresh);
    if (status == KIN_OK) {
        *out = make_live(seat, offset, size, zero && !fresh, note);
    }
    return status;
}

kin_status kin_alloc(void **out, kin_family *family, size_t size)
{
    kin__seat *seat;
    if (!out || size == 0) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL, or size is 0");
    }
    kin_status status = kin__family_resolve(&family, family);
    if (status == KIN_OK) {
        status = take_seat(&seat, family);
    }
    return kin__told(status == KIN_OK ? allocate(out, seat, size, true, NULL) : status);
}

kin_status kin__heap_take(void **out, kin__seat *seat, uint64_t size, bool zero, _Atomic uint64_t *note)
{
    return allocate(out, seat, size, zero, note);
}

kin_status kin__heap_take_sparse(void **out, kin_family *family, uint64_t size, uint64_t filled, uint64_t *has)
{
    kin__seat *seat;
    uint64_t offset;
    bool fresh;
    kin_status status = take_seat(&seat, family);
    if (status == KIN_OK && spans_for(size) < KIN__SPARSE) {
        *has = size;
        return allocate(out, seat, size, false, NULL);
    }
    if (size > family->layout.reserve) {
        return too_large(size);
    }
    uint32_t spans = spans_for(filled);
    if (status == KIN_OK) {
        status = claim_large(seat, size, spans, &offset, &fresh);
    }
    if (status == KIN_OK) {
        *has = spans < spans_for(size) ? capacity_of(spans) : size;
        *out = make_live(seat, offset, size, false, NULL);
    }
    return status;
}

kin_status kin__heap_commit(kin_family *family, const void *from, const void *to)
{
    const uint64_t page = kin_os_page_size(), start = kin__offset(family, from), end = kin__offset(family, to);
    return kin_os_shm_commit(family->shm, family->base, (size_t)(start / page * page),
                             (size_t)kin__round_up(end, page));
}

/* ---- free ---- */

typedef struct found {
    kin__block *block;
    uint64_t offset; /* of its header */
    uint32_t index, within;
    kin__row *row; /* of its span */
    uint64_t span; /* its word, as it was read */
    uint64_t tag;  /* if this is not LIVE, the block is not live */
} found;

/* The span word, with SMALL in place of RETIRING. If a span has a LIVE block, its retiring is undone, and the word is
 * again what it was. So this is the only change of the word of a live block's span. */
static inline uint64_t span_of(const found *it)
{
    uint64_t span = atomic_load(&it->row->spans[it->index % KIN__ROW_SPANS]);
    return kin__span_kind_of(span) == KIN__SPAN_RETIRING ? span - KIN__SPAN_RETIRING + KIN__SPAN_SMALL : span;
}

/* The block whose bytes begin at offset, and its span. Only the tag says whether there is a block. */
static inline kin_status find_block(kin_family *family, uint64_t offset, found *out)
{
    if (offset < family->layout.heap_start + HEADER ||
        (offset > atomic_load_explicit(&family->known, memory_order_relaxed) &&
         !kin__family_covers(family, offset - HEADER, HEADER))) {
        return kin__refuse(KIN_E_ARGUMENT, NO_BLOCK);
    }
    out->offset = offset - HEADER;
    out->index = kin__span_of(family, out->offset);
    out->within = (uint32_t)(out->offset % KIN__SPAN_SIZE);
    out->row = kin__row_at(family, out->index);
    out->span = span_of(out);
    out->block = kin__block_at(family, out->offset);
    if (kin__span_kind_of(out->span) == KIN__SPAN_LARGE) {
        return out->within == 0 ? KIN_OK : kin__refuse(KIN_E_ARGUMENT, NO_BLOCK);
    }
    if (!kin__span_has_class(out->span)) {
        return kin__refuse(KIN_E_ARGUMENT, NO_BLOCK);
    }
    uint32_t stride = kin__strides[kin__span_number(out->span)];
    return out->within % stride == 0 && out->within + stride <= KIN__SPAN_SIZE ? KIN_OK
                                                                               : kin__refuse(KIN_E_ARGUMENT, NO_BLOCK);
}

/* Whether the tag is LIVE of that generation. If so, the span word that was read is valid until the block is freed. */
static inline bool is_live(kin_family *family, found *it, uint32_t generation)
{
    it->tag = kin__tag_live(family, generation);
    return kin__load_racing(&it->block->tag, memory_order_seq_cst) == it->tag && span_of(it) == it->span;
}

static kin_status find_live(kin_family *family, uint64_t offset, found *out)
{
    kin_status status = find_block(family, offset, out);
    if (status == KIN_OK && !is_live(family, out, kin__load_racing32(&out->block->generation, memory_order_relaxed))) {
        status = kin__refuse(KIN_E_STALE, FREE_ALREADY);
    }
    return status;
}

/* give: see kin__run_release. */
static kin_status release_block(kin__seat *seat, const found *it, bool give)
{
    kin_family *family = seat->family;
    bool large = kin__span_kind_of(it->span) == KIN__SPAN_LARGE;
    uint64_t tag = it->tag;
    uint64_t next = large ? kin__tag_taken(family, seat->token) : kin__tag_free(family, it->span);
    kin_status status = KIN_OK;
    atomic_store_explicit(&seat->thread->taking, it->offset, memory_order_relaxed);
    if (!atomic_compare_exchange_strong(&it->block->tag, &tag, next)) {
        return kin__refuse(KIN_E_STALE, FREE_ALREADY);
    }
    if (large) {
        status = release_large(seat, it->index, give);
        if (status != KIN_OK) {
            atomic_store(&it->block->tag, it->tag); /* the block is LIVE again */
        }
    } else {
        kin__mark_block(family, it->row, kin__span_number(it->span), it->index, it->within);
        push_hint(family, kin__span_number(it->span), it->offset);
    }
    atomic_store_explicit(&seat->thread->taking, 0, memory_order_release);
    return status;
}

kin_status kin_alloc_array(void *out, kin_family *family, size_t count, size_t size)
{
    void *memory = NULL;
    if (!out || count == 0 || size == 0) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL, or count or size is 0");
    }
    if (count > SIZE_MAX / size) {
        return kin__refuse(KIN_E_TOO_BIG, "count objects are more than a block can have");
    }
    kin_status status = kin_alloc(&memory, family, count * size);
    if (status == KIN_OK) {
        memcpy(out, &memory, sizeof memory); /* *out is a pointer of any type */
    }
    return status;
}

kin_status kin_free(void *memory)
{
    kin__seat *seat;
    found it;
    if (!memory) {
        return KIN_OK;
    }
    kin_family *family = kin__family_at(memory);
    if (!family) {
        return kin__in_no_family();
    }
    kin_status status = find_live(family, kin__offset(family, memory), &it);
    if (status == KIN_OK) {
        status = take_seat(&seat, family);
    }
    if (status == KIN_OK) {
        status = release_block(seat, &it, true);
    }
    return kin__told(status);
}

kin_status kin__heap_generation(kin_family *family, uint64_t offset, uint32_t *generation, uint64_t *size)
{
    found it;
    kin_status status = find_live(family, offset, &it);
    if (status != KIN_OK) {
        return status;
    }
    uint32_t is = kin__load_racing32(&it.block->generation, memory_order_relaxed);
    uint64_t bytes = size_of(it.block, it.span, kin__spans_used(family) - it.index);
    atomic_thread_fence(memory_order_acquire);
    if (kin__load_racing(&it.block->tag, memory_order_seq_cst) != it.tag || kin__tag_live(family, is) != it.tag) {
        return kin__refuse(KIN_E_STALE, FREE_ALREADY);
    }
    *generation = is;
    *size = bytes;
    return KIN_OK;
}

/* The block that a block word names, if it is live. */
static bool find_named(kin_family *family, uint64_t word, found *out)
{
    return find_block(family, kin__block_offset(word), out) == KIN_OK &&
           is_live(family, out, kin__block_generation(word));
}

bool kin__heap_has(kin_family *family, uint64_t word)
{
    found it;
    return find_named(family, word, &it);
}

kin_status kin__heap_give(kin__seat *seat, uint64_t word)
{
    found it;
    if (!find_named(seat->family, word, &it)) {
        return KIN_OK;
    }
    return release_block(seat, &it, false); /* a container's reader may still read the block */
}

kin_status kin__heap_free(kin__seat *seat, uint64_t word)
{
    found it;
    if (!find_named(seat->family, word, &it)) {
        return kin__refuse(KIN_E_STALE, FREE_ALREADY);
    }
    return release_block(seat, &it, true);
}

kin_status kin_alloc_size(const void *memory, size_t *size)
{
    uint32_t generation;
    uint64_t bytes;
    if (!memory || !size) {
        return kin__refuse(KIN_E_ARGUMENT, "memory is NULL, or size is NULL");
    }
    kin_family *family = kin__family_at(memory);
    if (!family) {
        return kin__in_no_family();
    }
    kin_status status = kin__heap_generation(family, kin__offset(family, memory), &generation, &bytes);
    if (status == KIN_OK) {
        *size = (size_t)bytes;
    }
    return kin__told(status);
}

/* ---- counting ---- */

typedef struct total {
    uint64_t blocks, bytes;
} total;

static void count_block(kin_family *family, total *sum, uint64_t offset, uint64_t span, uint32_t left)
{
    kin__block *each = kin__block_at(family, offset);
    uint32_t generation = kin__load_racing32(&each->generation, memory_order_relaxed);
    if (kin__load_racing(&each->tag, memory_order_seq_cst) == kin__tag_live(family, generation)) {
        sum->blocks++;
        sum->bytes += size_of(each, span, left);
    }
}

kin_status kin_alloc_total(kin_family *family, uint64_t *blocks, uint64_t *bytes)
{
    kin_status status = blocks && bytes ? kin__family_resolve(&family, family)
                                        : kin__refuse(KIN_E_ARGUMENT, "blocks is NULL, or bytes is NULL");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    uint64_t span;
    uint32_t used = kin__spans_used(family);
    total sum = {0, 0};
    for (uint32_t i = 0; i < used; i += kin__span_step(span, used - i)) {
        span = atomic_load(kin__span_at(family, i));
        uint32_t stride = kin__span_has_class(span) ? kin__strides[kin__span_number(span)] : KIN__SPAN_SIZE;
        bool has_blocks = kin__span_has_class(span) || kin__span_kind_of(span) == KIN__SPAN_LARGE;
        for (uint32_t at = 0; has_blocks && at + stride <= KIN__SPAN_SIZE; at += stride) {
            count_block(family, &sum, kin__span_offset(family, i) + at, span, used - i);
        }
    }
    *blocks = sum.blocks;
    *bytes = sum.bytes;
    return KIN_OK;
}

/* ---- after a death ---- */

bool kin__heap_reap(kin_family *family, uint32_t slot, uint64_t token)
{
    kin__seat *seat;
    found it;
    kin__thread *thread = kin__thread_at(family, slot);
    uint64_t offset = atomic_load(&thread->taking);
    uint64_t tag = kin__tag_taken(family, token);
    atomic_store(&family->arena->heap.lost, 1); /* the dead thread may have cleared a mark in a search */
    if (offset == 0 || find_block(family, offset + HEADER, &it) != KIN_OK) {
        return true;
    }
    if (kin__span_kind_of(it.span) != KIN__SPAN_LARGE) {
        atomic_compare_exchange_strong(&it.block->tag, &tag, kin__tag_free(family, it.span));
        kin__mark_group(family, kin__span_number(it.span), it.index,
                        it.within / 1024); /* the block may have become free */
    } else if (atomic_load(&it.block->tag) == tag) {
        if (!atomic_load(&family->self->joined) || kin__seat_take(&seat, family) != KIN_OK ||
            release_large(seat, it.index, false) != KIN_OK) {
            return false;
        }
    }
    atomic_store(&thread->taking, 0);
    return true;
}
