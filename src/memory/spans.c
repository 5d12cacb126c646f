/* spans.c: the table of spans.
 *
 * The heap is cut into spans of 64 KiB, each with a word (spans.h) in the table that lies before the heap. Span words
 * change under the heap's lock only, and may be read at any time.
 *
 * A run is a sequence of unused spans. A tree with three levels finds one: 64 spans are a row, 64 rows are a sheet, at
 * most 256 sheets are the heap. Each row and each sheet has a word `runs`: how many spans are unused at its beginning,
 * how long its longest run is, how many spans are unused at its end. So finding the first run of any length takes at
 * most 256 + 64 + 64 steps. Noting a change takes as many steps as the changed rows and sheets have entries.
 *
 * `runs` is computed from the span words alone. It may be wrong after a holder of the lock was killed, or after a
 * member wrote garbage. A thread that notices this computes it anew.
 *
 * The table grows with the heap. The part for a span becomes usable before the span does, so a thread that may touch a
 * span may read its word. Spans that are not usable yet are unused.
 *
 * Memory order. Span words and runs are written under the lock, which orders their writers. Readers without the lock
 * use a span word only to find where a block may begin; the block's state is in its tag (heap.c). Their loads are
 * sequentially consistent, which on the path that allocates is a plain load.
 */
#include "memory/spans.h"

#include "family/layout.h"

const uint32_t kin__strides[KIN__CLASSES] = {32,   48,   64,   80,   96,   128,   160,   192,  256,
                                             320,  384,  512,  640,  768,  1024,  1280,  1536, 2048,
                                             2560, 3072, 4096, 6144, 8192, 16384, 21840, 32768};

/* ---- what may be touched ---- */

static uint32_t known_spans(const kin_family *family)
{
    uint64_t known = atomic_load_explicit(&family->known, memory_order_relaxed);
    uint64_t start = family->layout.heap_start;
    uint64_t spans = known > start ? (known - start) / KIN__SPAN_SIZE : 0;
    return spans < family->layout.span_count ? (uint32_t)spans : family->layout.span_count;
}

bool kin__spans_usable(kin_family *family, uint32_t index, uint32_t count)
{
    return kin__family_covers(family, kin__span_offset(family, index), (uint64_t)count * KIN__SPAN_SIZE);
}

uint32_t kin__spans_used(kin_family *family)
{
    uint64_t end = atomic_load(&family->arena->heap.span_end);
    uint32_t most = end < family->layout.span_count ? (uint32_t)end : family->layout.span_count;
    if (most > known_spans(family)) {
        kin__spans_usable(family, most - 1, 1); /* asks the system */
    }
    return most < known_spans(family) ? most : known_spans(family);
}

/* ---- runs ---- */

typedef struct runs {
    uint32_t width, start, most, end;
} runs;

#define RUNS_MASK UINT64_C(0x1fffff)

static uint32_t smaller(uint32_t a, uint64_t b)
{
    return a < b ? a : (uint32_t)b;
}

static runs read_runs(uint64_t word, uint32_t width)
{
    return (runs){width, smaller(width, word & RUNS_MASK), smaller(width, word >> 21 & RUNS_MASK),
                  smaller(width, word >> 42 & RUNS_MASK)};
}

static runs join_runs(runs a, runs b)
{
    uint32_t across = a.end + b.start;
    uint32_t most = a.most > b.most ? a.most : b.most;
    return (runs){a.width + b.width, a.start == a.width ? a.width + b.start : a.start, most > across ? most : across,
                  b.end == b.width ? b.width + a.end : b.end};
}

enum { SHEETS, ROWS };

static const uint32_t widths[] = {KIN__SHEET_SPANS, KIN__ROW_SPANS};

/* The `runs` word of a sheet or a row that has existing spans, as it is stored. */
static runs runs_of(kin_family *family, int level, uint32_t item)
{
    uint32_t first = item * widths[level];
    uint32_t width = smaller(widths[level], family->layout.span_count - first);
    if (level == SHEETS) {
        return read_runs(atomic_load(&family->arena->heap.runs[item]), width);
    }
    return first >= known_spans(family) ? (runs){width, width, width, width}
                                        : read_runs(atomic_load(&kin__row_at(family, first)->runs), width);
}

static bool is_unused_now(kin_family *family, uint32_t index, uint32_t known)
{
    return index >= known || kin__span_is_unused(atomic_load(kin__span_at(family, index)));
}

static uint64_t sum_of_row(kin_family *family, uint32_t row)
{
    uint32_t first = row * KIN__ROW_SPANS, known = known_spans(family);
    uint32_t width = smaller(KIN__ROW_SPANS, family->layout.span_count - first);
    uint32_t there = known > first ? smaller(width, known - first) : 0;
    kin__row *of = kin__row_at(family, first);
    uint32_t start = width, most = 0, run = 0;
    for (uint32_t i = 0; i < there; i++) {
        if (kin__span_is_unused(atomic_load(&of->spans[i]))) {
            run++;
        } else {
            start = start < width ? start : i;
            most = run > most ? run : most;
            run = 0;
        }
    }
    run += width - there;
    return kin__runs(start, run > most ? run : most, run);
}

static uint64_t sum_of_sheet(kin_family *family, uint32_t sheet)
{
    uint32_t first = sheet * KIN__SHEET_SPANS, known = known_spans(family);
    uint32_t width = smaller(KIN__SHEET_SPANS, family->layout.span_count - first);
    runs sum = {0, 0, 0, 0};
    for (uint32_t at = first; at < first + width && at < known; at += KIN__ROW_SPANS) {
        sum = join_runs(sum, runs_of(family, ROWS, at / KIN__ROW_SPANS));
    }
    uint32_t rest = width - sum.width; /* rows that are not usable yet */
    sum = join_runs(sum, (runs){rest, rest, rest, rest});
    return kin__runs(sum.start, sum.most, sum.end);
}

void kin__spans_changed(kin_family *family, uint32_t index, uint32_t count)
{
    uint32_t last = index + count - 1;
    for (uint32_t i = index / KIN__ROW_SPANS; i <= last / KIN__ROW_SPANS; i++) {
        atomic_store(&kin__row_at(family, i * KIN__ROW_SPANS)->runs, sum_of_row(family, i));
    }
    for (uint32_t i = index / KIN__SHEET_SPANS; i <= last / KIN__SHEET_SPANS; i++) {
        atomic_store(&family->arena->heap.runs[i], sum_of_sheet(family, i));
    }
}

/* Finds the first such run in a row that has one. */
static bool find_in_row(kin_family *family, uint32_t row, uint32_t count, uint32_t *index)
{
    uint32_t run = 0, known = known_spans(family);
    for (uint32_t i = row * KIN__ROW_SPANS; i < (row + 1) * KIN__ROW_SPANS && i < family->layout.span_count; i++) {
        run = is_unused_now(family, i, known) ? run + 1 : 0;
        if (run == count) {
            *index = i + 1 - count;
            return true;
        }
    }
    return false;
}

/* Searches all sheets, or the rows of one sheet. False: there is none. If the levels contradict each other, *index is
 * not the index of a span. */
static bool find_in(kin_family *family, int level, uint32_t sheet, uint32_t count, uint32_t *index)
{
    const uint32_t first = level == SHEETS ? 0 : sheet * KIN__SHEET_ROWS;
    const uint32_t end = level == SHEETS ? KIN__SHEETS_MAX : first + KIN__SHEET_ROWS;
    uint32_t before = 0;
    for (uint32_t i = first; i < end && i * widths[level] < family->layout.span_count; i++) {
        runs it = runs_of(family, level, i);
        if (before + it.start >= count) {
            *index = i * widths[level] - before;
            return true;
        }
        if (it.most >= count) {
            bool found =
                level == SHEETS ? find_in(family, ROWS, i, count, index) : find_in_row(family, i, count, index);
            *index = found ? *index : family->layout.span_count;
            return true;
        }
        before = it.start == it.width ? before + it.width : it.end;
    }
    return false;
}

static bool is_unused(kin_family *family, uint32_t index, uint32_t count)
{
    uint32_t known = known_spans(family);
    for (uint32_t i = index; i < index + count && i < known; i++) {
        if (!kin__span_is_unused(atomic_load(kin__span_at(family, i)))) {
            return false;
        }
    }
    return count <= family->layout.span_count - index;
}

void kin__spans_rebuild(kin_family *family)
{
    kin__spans_usable(family, family->layout.span_count - 1, 1); /* asks the system how much there is by now */
    uint32_t known = known_spans(family);
    if (known > 0) {
        kin__spans_changed(family, 0, known);
    }
}

bool kin__spans_find(kin_family *family, uint32_t count, uint32_t *index)
{
    kin__spans_used(family); /* spans that other processes have made usable */
    if (count == 0 || count > family->layout.span_count || !find_in(family, SHEETS, 0, count, index)) {
        return false;
    }
    if (!is_unused(family, *index, count)) {
        kin__spans_rebuild(family);
        return find_in(family, SHEETS, 0, count, index) && is_unused(family, *index, count);
    }
    return true;
}

/* ---- growth ---- */

/* The part of the table for the spans below `to`. It may be committed already. */
static kin_status commit_table(kin_family *family, uint32_t from, uint32_t to)
{
    uint64_t page = kin_os_page_size();
    uint64_t had = kin__layout_table_end(&family->layout, from), end = kin__layout_table_end(&family->layout, to);
    had = had > family->layout.low ? had : family->layout.low;
    if (end <= had) {
        return KIN_OK;
    }
    return kin_os_shm_commit(family->shm, family->base, (size_t)(had / page * page), (size_t)kin__round_up(end, page));
}

static kin_status commit_spans(kin_family *family, uint32_t from, uint32_t to)
{
    kin_status status = commit_table(family, from, to);
    if (status == KIN_OK) {
        status = kin_os_shm_commit(family->shm, family->base, (size_t)kin__span_offset(family, from),
                                   (size_t)kin__span_offset(family, to));
    }
    bool whole = kin__spans_usable(family, from, to - from); /* asks the system: a part is there after a failure, too */
    uint32_t end = smaller(to, known_spans(family));
    if (end > from) {
        kin__spans_changed(family, from, end - from);
    }
    return status == KIN_OK && !whole ? KIN_E_NO_MEMORY : status;
}

#define STEP_MOST 16u /* spans that are made usable beyond what is asked for */

kin_status kin__spans_commit(kin_family *family, uint32_t index, uint32_t count)
{
    uint32_t end = index + count;
    if (kin__spans_usable(family, index, count)) {
        return KIN_OK;
    }
    uint32_t from = known_spans(family);
    uint32_t more = from / 4 < STEP_MOST ? from / 4 : STEP_MOST;
    uint32_t to = smaller(end + more, family->layout.span_count);
    kin_status status = commit_spans(family, from, to);
    if (status == KIN_E_NO_MEMORY && to != end) {
        status = commit_spans(family, from, end);
    }
    return status;
}

/* ---- memory that is given back ----
 *
 * A span's word becomes GIVEN before its memory is given back. The span is committed before its word is UNUSED again.
 * So a death in between has one effect at most: the span keeps memory that the system could have.
 */

static uint32_t end_of_kind(kin_family *family, uint32_t index, uint32_t end, kin__span_kind kind)
{
    while (index < end && kin__span_kind_of(atomic_load(kin__span_at(family, index))) == kind) {
        index++;
    }
    return index;
}

static void set_kind(kin_family *family, uint32_t index, uint32_t end, kin__span_kind kind)
{
    for (uint32_t i = index; i < end; i++) {
        uint32_t version = kin__span_version(atomic_load(kin__span_at(family, i)));
        atomic_store(kin__span_at(family, i), kin__span_word(kind, 0, version));
    }
}

kin_status kin__spans_regain(kin_family *family, uint32_t index, uint32_t count)
{
    uint32_t end = index + count;
    if (atomic_load(&family->arena->heap.given) == 0) {
        return KIN_OK;
    }
    for (uint32_t i = index; i < end; i++) {
        uint32_t to = end_of_kind(family, i, end, KIN__SPAN_GIVEN);
        if (to > i) {
            kin_status status = kin_os_shm_commit(family->shm, family->base, (size_t)kin__span_offset(family, i),
                                                  (size_t)kin__span_offset(family, to));
            if (status != KIN_OK) {
                return status;
            }
            set_kind(family, i, to, KIN__SPAN_UNUSED);
            atomic_fetch_sub(&family->arena->heap.given, to - i);
            i = to;
        }
    }
    return KIN_OK;
}

kin_status kin__spans_reach(kin_family *family, uint32_t index, uint32_t count, uint32_t filled)
{
    kin_status status = KIN_OK;
    uint32_t end = index + count, known = known_spans(family);
    if (end > known) {
        status = commit_table(family, known, end);
        if (status == KIN_OK) {
            status = kin_os_shm_extend(family->shm, family->base, (size_t)kin__span_offset(family, known),
                                       (size_t)kin__span_offset(family, end));
        }
        if (status == KIN_OK && !kin__spans_usable(family, index, count)) {
            status = KIN_E_NO_MEMORY;
        }
        if (known_spans(family) > known) {
            kin__spans_changed(family, known, known_spans(family) - known);
        }
    }
    if (status == KIN_OK) {
        status = kin_os_shm_commit(family->shm, family->base, (size_t)kin__span_offset(family, index),
                                   (size_t)kin__span_offset(family, index + filled));
    }
    for (uint32_t i = index; status == KIN_OK && i < end; i++) {
        if (kin__span_kind_of(atomic_load(kin__span_at(family, i))) == KIN__SPAN_GIVEN) {
            atomic_fetch_sub(&family->arena->heap.given, 1);
        }
    }
    return status;
}

void kin__spans_disown(kin_family *family, uint32_t index, uint32_t count)
{
    set_kind(family, index, index + count, KIN__SPAN_GIVEN);
    atomic_fetch_add(&family->arena->heap.given, count);
}

void kin__spans_give_back(kin_family *family, uint32_t index, uint32_t count)
{
    kin__spans_disown(family, index, count);
    if (kin_os_shm_decommit(family->shm, family->base, (size_t)kin__span_offset(family, index),
                            (size_t)kin__span_offset(family, index + count)) != KIN_OK) {
        set_kind(family, index, index + count, KIN__SPAN_UNUSED);
        atomic_fetch_sub(&family->arena->heap.given, count);
    }
}

bool kin__spans_find_kept(kin_family *family, uint32_t count, uint32_t *index)
{
    uint32_t run = 0, used = kin__spans_used(family);
    for (uint32_t i = 0; i < used; i++) {
        kin__span_kind kind = kin__span_kind_of(atomic_load(kin__span_at(family, i)));
        run = kind == KIN__SPAN_FRESH || kind == KIN__SPAN_UNUSED ? run + 1 : 0;
        if (run == count) {
            *index = i + 1 - count;
            return true;
        }
    }
    return false;
}

void kin__spans_count_given(kin_family *family)
{
    uint64_t given = 0;
    uint32_t used = kin__spans_used(family);
    for (uint32_t i = 0; i < used; i++) {
        given += kin__span_kind_of(atomic_load(kin__span_at(family, i))) == KIN__SPAN_GIVEN;
    }
    atomic_store(&family->arena->heap.given, given);
}
