/* heap_lock.c: the use of spans changes under the heap's lock.
 *
 * ---- The changes ----
 *
 * Each change becomes valid by one store of a span word:
 *
 *     small:   headers; span = SMALL; marks                             all blocks are free
 *     large:   tails; the block's tag; head = LARGE|n (heap.c)          a tail counts only behind a head that covers it
 *     unused:  head = UNUSED, then the tails
 *     retired: span = RETIRING; each block FREE ──cas──► RETIRED; span = UNUSED, with a new version
 *
 * 1. A span can be retired if all its blocks are free. Allocating takes no lock, so the retiring thread claims each
 *    block by its tag, as an allocator does. If a block is not FREE, the RETIRED ones become FREE, and the span SMALL.
 * 2. If all blocks are RETIRED, no thread can change a byte of the span any more. Tags of a version are never used
 *    again, so the compare-and-swap of a late allocator fails (heap.c).
 *
 * ---- When spans are retired ----
 *
 * 3. A program that alternates between block sizes must not convert a span each time. So spans are retired only when
 *    there is no unused span and the heap would have to grow.
 * 4. Then as many spans as are needed, and FEW more, are tried, in turn. So the cost does not depend on the heap's
 *    size. Each class keeps one span that has free blocks.
 * 5. All spans that have a mark are tried only before the heap is reported full.
 *
 * ---- The search of a full heap ----
 *
 * A full heap may have many spans with a mark, each with a block that is not free. A refusal must not search all of
 * them each time. So `searched` says that no block has become free since the last search:
 *
 *     search: searched = 1 (seq_cst); fence (seq_cst); the marks, the tags
 *     free:   the tag (seq_cst), the marks (seq_cst); load searched (seq_cst), and if it is 1: searched = 0
 *
 * 6. At least one of the two sees what the other has done: the search finds the block free, or the free clears
 *    `searched` and there is another search.
 * 7. A thread that sets a mark which was missing for a moment clears `searched` too.
 *
 * ---- Deaths ----
 *
 * 8. A killed holder may leave tails that no head covers, a RETIRING span, and marks or runs that are not set. The next
 *    holder (KIN_OWNER_DIED) turns the tails into UNUSED, makes RETIRING spans SMALL again, sets all marks, and
 *    computes the runs anew.
 * 9. If a thread is killed before it has cleared `searched`, its reaper sets `lost`. If a holder is killed in its
 *    search, the next holder clears `searched` (recover).
 */
#include "memory/heap_lock.h"

#include "base/last_error.h"
#include "memory/block.h"
#include "memory/marks.h"
#include "park/owner_lock.h"

#define LOCK_PATIENCE KIN_SECONDS(10) /* the lock is held for microseconds, unless its holder is stopped */
#define FEW 16u

/* ---- small spans ---- */

static kin__block *block_in(const kin_family *family, uint32_t index, uint32_t at)
{
    return kin__block_at(family, kin__span_offset(family, index) + at);
}

void kin__span_make_small(kin_family *family, uint32_t index, uint32_t class)
{
    uint32_t stride = kin__strides[class];
    uint32_t version = kin__span_version(atomic_load(kin__span_at(family, index)));
    uint64_t span = kin__span_word(KIN__SPAN_SMALL, class, version);
    for (uint32_t at = 0; at + stride <= KIN__SPAN_SIZE; at += stride) {
        kin__block *made = block_in(family, index, at);
        atomic_store_explicit(&made->generation, version, memory_order_relaxed);
        atomic_store_explicit(&made->tag, kin__tag_free(family, span), memory_order_relaxed);
    }
    atomic_store(kin__span_at(family, index), span);
    kin__mark_span(family, class, index);
    kin__spans_changed(family, index, 1);
}

/* Looks without changing anything. Mostly the first block decides. */
static bool seems_free(kin_family *family, uint32_t index, uint64_t span)
{
    uint32_t stride = kin__strides[kin__span_number(span)];
    for (uint32_t at = 0; at + stride <= KIN__SPAN_SIZE; at += stride) {
        uint64_t tag = atomic_load_explicit(&block_in(family, index, at)->tag, memory_order_relaxed);
        if (tag != kin__tag_free(family, span)) {
            return false;
        }
    }
    return true;
}

/* Makes a RETIRING span SMALL again. span: its word, as it was read and found to have a class. */
static void undo_retiring(kin_family *family, uint32_t index, uint64_t span)
{
    uint32_t class = kin__span_number(span), stride = kin__strides[class];
    for (uint32_t at = 0; at + stride <= KIN__SPAN_SIZE; at += stride) {
        uint64_t tag = kin__tag_retired(family, span);
        atomic_compare_exchange_strong(&block_in(family, index, at)->tag, &tag, kin__tag_free(family, span));
    }
    atomic_store(kin__span_at(family, index), kin__span_word(KIN__SPAN_SMALL, class, kin__span_version(span)));
    kin__mark_span(family, class, index);
}

/* False: a block is not free. *newest: the newest generation of the blocks. */
static bool retire_blocks(kin_family *family, uint32_t index, uint64_t span, uint32_t *newest)
{
    uint32_t stride = kin__strides[kin__span_number(span)], version = kin__span_version(span);
    *newest = version;
    for (uint32_t at = 0; at + stride <= KIN__SPAN_SIZE; at += stride) {
        kin__block *each = block_in(family, index, at);
        uint64_t tag = kin__tag_free(family, span);
        if (!atomic_compare_exchange_strong(&each->tag, &tag, kin__tag_retired(family, span))) {
            return false;
        }
        uint32_t generation = atomic_load_explicit(&each->generation, memory_order_relaxed);
        *newest = generation - version > *newest - version ? generation : *newest;
    }
    return true;
}

/* Whether the span is unused now. span: its word, as it was read. */
static bool retire(kin_family *family, uint32_t index, uint64_t span)
{
    uint32_t newest;
    if (!kin__span_has_class(span) || !seems_free(family, index, span)) {
        return false;
    }
    atomic_store(kin__span_at(family, index),
                 kin__span_word(KIN__SPAN_RETIRING, kin__span_number(span), kin__span_version(span)));
    if (!retire_blocks(family, index, span, &newest)) {
        undo_retiring(family, index, span);
        return false;
    }
    kin__unmark_all(family, index);
    atomic_store(kin__span_at(family, index), kin__span_word(KIN__SPAN_UNUSED, 0, newest + 1));
    kin__spans_changed(family, index, 1);
    return true;
}

/* ---- recovery ---- */

static void mark_all(kin_family *family)
{
    uint64_t span;
    uint32_t used = kin__spans_used(family);
    for (uint32_t i = 0; i < used; i += kin__span_step(span, used - i)) {
        span = atomic_load(kin__span_at(family, i));
        if (kin__span_kind_of(span) == KIN__SPAN_SMALL && kin__span_has_class(span)) {
            kin__mark_span(family, kin__span_number(span), i);
        }
    }
}

/* Repairs what a killed holder may have left. */
static void recover(kin_family *family)
{
    uint64_t span;
    uint32_t used = kin__spans_used(family);
    for (uint32_t i = 0; i < used; i += kin__span_step(span, used - i)) {
        span = atomic_load(kin__span_at(family, i));
        if (kin__span_kind_of(span) == KIN__SPAN_RETIRING && kin__span_has_class(span)) {
            undo_retiring(family, i, span);
        } else if (kin__span_kind_of(span) == KIN__SPAN_TAIL) {
            atomic_store(kin__span_at(family, i), kin__span_word(KIN__SPAN_GIVEN, 0, kin__span_version(span)));
        }
    }
    mark_all(family);
    atomic_store(&family->arena->heap.searched, 0);
    kin__spans_count_given(family);
    kin__spans_rebuild(family);
}

/* The holder cannot be cancelled: the system calls by which the heap grows are cancellation points. */
kin_status kin__heap_enter(kin__seat *seat)
{
    int held = kin_os_cancel_hold();
    kin_status status = kin__lock_acquire(seat, &seat->family->arena->heap.lock, LOCK_PATIENCE);
    if (status == KIN_OWNER_DIED) {
        recover(seat->family);
        status = kin__lock_repair(seat, &seat->family->arena->heap.lock);
    }
    if (status == KIN_OK) {
        seat->cancel = held;
    } else {
        kin_os_cancel_release(held);
    }
    return status == KIN_E_TIMED_OUT ? KIN_E_BUSY : status;
}

void kin__heap_leave(kin__seat *seat)
{
    kin__lock_release(seat, &seat->family->arena->heap.lock);
    kin_os_cancel_release(seat->cancel);
}

/* ---- runs ---- */

/* Whether several spans of that class may have free blocks. */
static bool is_spare(kin_family *family, uint32_t index, uint32_t class)
{
    uint32_t other = 0;
    if (kin__marks_next(family, class, &other) && other == index) {
        other++;
        return kin__marks_next(family, class, &other);
    }
    return other < index;
}

/* Tries so many spans, from where the last call ended. Returns whether one became unused. */
static bool retire_some(kin_family *family, uint32_t count)
{
    kin__heap *heap = &family->arena->heap;
    bool any = false;
    uint32_t used = kin__spans_used(family), at = atomic_load_explicit(&heap->hand, memory_order_relaxed);
    for (uint32_t i = 0; i < count && i < used; i++) {
        at = at < used ? at : 0;
        uint64_t span = atomic_load(kin__span_at(family, at));
        if (kin__span_has_class(span) && is_spare(family, at, kin__span_number(span))) {
            any = retire(family, at, span) || any;
        }
        at += kin__span_step(span, used - at);
    }
    atomic_store_explicit(&heap->hand, at, memory_order_relaxed);
    return any;
}

/* Whether all blocks of a span may have become free since the last search of all spans. */
static bool is_search_due(kin_family *family)
{
    const kin__heap *heap = &family->arena->heap;
    return atomic_load(&heap->searched) == 0 || atomic_load(&heap->lost) != 0;
}

static bool retire_marked(kin_family *family)
{
    bool any = false;
    if (!is_search_due(family)) {
        return false;
    }
    if (atomic_exchange(&family->arena->heap.lost, 0) != 0) {
        mark_all(family);
    }
    atomic_store(&family->arena->heap.searched, 1);
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t class = 0; class < KIN__CLASSES; class ++) {
        for (uint32_t i = 0; kin__marks_next(family, class, &i); i++) {
            any = retire(family, i, atomic_load(kin__span_at(family, i))) || any;
        }
    }
    return any;
}

static bool find_usable(kin_family *family, uint32_t count, uint32_t *index)
{
    return kin__spans_find(family, count, index) && kin__spans_usable(family, *index, count);
}

static kin_status find_or_grow(kin_family *family, uint32_t count, uint32_t *index)
{
    return kin__spans_find(family, count, index) ? kin__spans_commit(family, *index, count) : kin__family_full();
}

static kin_status find(kin_family *family, uint32_t count, uint32_t *index)
{
    if (find_usable(family, count, index) ||
        (is_search_due(family) && retire_some(family, count + FEW) && find_usable(family, count, index))) {
        return KIN_OK;
    }
    kin_status status = find_or_grow(family, count, index);
    if (status == KIN_E_NO_MEMORY && retire_marked(family)) {
        status = find_or_grow(family, count, index);
    }
    return status;
}

static void note_used(kin_family *family, uint64_t end)
{
    if (end > atomic_load(&family->arena->heap.span_end)) {
        atomic_store(&family->arena->heap.span_end, end);
    }
}

kin_status kin__run_find(kin_family *family, uint32_t count, uint32_t *index)
{
    if (count > family->layout.span_count) {
        return kin__family_full();
    }
    kin_status status = find(family, count, index);
    if (status == KIN_OK) {
        status = kin__spans_regain(family, *index, count);
        if (status == KIN_E_NO_MEMORY && kin__spans_find_kept(family, count, index)) {
            status = KIN_OK;
        }
    }
    if (status == KIN_OK) {
        note_used(family, (uint64_t)*index + count);
    }
    return status;
}

kin_status kin__run_find_sparse(kin_family *family, uint32_t count, uint32_t filled, uint32_t *index)
{
    if (count > family->layout.span_count) {
        return kin__family_full();
    }
    bool found =
        kin__spans_find(family, count, index) || (retire_marked(family) && kin__spans_find(family, count, index));
    kin_status status = found ? kin__spans_reach(family, *index, count, filled) : kin__family_full();
    if (status == KIN_OK) {
        note_used(family, (uint64_t)*index + count);
    }
    return status;
}

void kin__run_release(kin_family *family, uint32_t index, uint32_t newest, bool give)
{
    uint64_t head = atomic_load(kin__span_at(family, index));
    uint32_t used = kin__spans_used(family);
    uint32_t count = index < used ? kin__span_step(head, used - index) : 1;
    atomic_store(kin__span_at(family, index), kin__span_word(KIN__SPAN_UNUSED, 0, newest + 1));
    for (uint32_t i = index + 1; i < index + count; i++) {
        uint64_t tail = atomic_load(kin__span_at(family, i));
        atomic_store(kin__span_at(family, i), kin__span_word(KIN__SPAN_UNUSED, 0, kin__span_version(tail)));
    }
    if (give && count >= KIN__SPARSE) {
        kin__spans_give_back(family, index, count);
    } else if (count >= KIN__SPARSE) {
        kin__spans_disown(family, index, count);
    }
    kin__spans_changed(family, index, count);
}
