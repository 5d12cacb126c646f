/* marks.c: where free blocks may be.
 *
 * A mark is a bit that leads to a free block. There are four levels: which KiB of a span, which span of a row, which
 * row of a sheet, which sheet. The upper three levels exist for each class. Marks are hints: a mark may lead to no
 * block. But no mark may stay missing, or memory would not be used again. Marks are changed without a lock:
 *
 *     a block becomes free:  tag (seq_cst); load mark, set it if it is not set (seq_cst); then the levels above
 *     none is found:         clear mark (seq_cst); look once more at the tags (seq_cst); if there is one, set it again
 *
 * 1. At least one of the two threads sees what the other has done. If the load finds the mark set, the load comes
 *    before the clearing in the order of all sequentially consistent operations. So does the change of the tag, and the
 *    second look finds it.
 * 2. The same holds between a level and the level above it, with a mark in place of the tag.
 * 3. If the lowest mark is already set, the thread that set it sets the levels above.
 * 4. The use of a span may change while a thread searches it. Then the thread may clear a mark of the new use. So after
 *    clearing a mark it checks whether the span's word is unchanged (heap.c). A thread that changes a span's use writes
 *    the marks after the word.
 * 5. A thread that is killed in between leaves a mark missing. Its reaper sets the marks of the block that the thread
 *    was freeing, and stores in `lost` that others may be missing. All marks are set before the heap is reported full
 *    (heap_lock.c).
 */
#include "memory/marks.h"

#define BIT(n) (UINT64_C(1) << (n))

/* Each six consecutive bits of KIN__BIT_FACTOR are a different number. So the upper six bits of its product with a
 * power of two say which power it is. */
const uint8_t kin__bit_numbers[64] = {0,  1,  48, 2,  57, 49, 28, 3,  61, 58, 50, 42, 38, 29, 17, 4,
                                      62, 55, 59, 36, 53, 51, 43, 22, 45, 39, 33, 30, 24, 18, 12, 5,
                                      63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21, 44, 32, 23, 11,
                                      46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,  13, 8,  7,  6};

static void set(_Atomic uint64_t *word, uint64_t bit)
{
    if (!(atomic_load(word) & bit)) {
        atomic_fetch_or(word, bit);
    }
}

static _Atomic uint64_t *sheets_word(kin_family *family, uint32_t class, uint32_t sheet)
{
    return &family->arena->heap.marks[class][sheet / 64];
}

static uint64_t row_bit(uint32_t index)
{
    return BIT(index / KIN__ROW_SPANS % KIN__SHEET_ROWS);
}

static void set_above(kin_family *family, uint32_t class, uint32_t index)
{
    uint32_t sheet = index / KIN__SHEET_SPANS;
    set(&kin__row_at(family, index)->marks[class], BIT(index % KIN__ROW_SPANS));
    set(&kin__sheet_at(family, index)->marks[class], row_bit(index));
    set(sheets_word(family, class, sheet), BIT(sheet % 64));
    kin__search_again(family);
}

void kin__mark_group(kin_family *family, uint32_t class, uint32_t index, uint32_t group)
{
    atomic_fetch_or(kin__groups_at(family, index), BIT(group));
    set_above(family, class, index);
}

void kin__mark_span(kin_family *family, uint32_t class, uint32_t index)
{
    uint64_t groups = 0;
    for (uint32_t at = 0; at + kin__strides[class] <= KIN__SPAN_SIZE; at += kin__strides[class]) {
        groups |= BIT(at / 1024);
    }
    atomic_store(kin__groups_at(family, index), groups);
    set_above(family, class, index);
}

uint64_t kin__marks_of(kin_family *family, uint32_t index)
{
    return atomic_load(kin__groups_at(family, index));
}

void kin__unmark_group(kin_family *family, uint32_t index, uint32_t group)
{
    atomic_fetch_and(kin__groups_at(family, index), ~BIT(group));
}

void kin__unmark_all(kin_family *family, uint32_t index)
{
    atomic_store(kin__groups_at(family, index), 0);
}

/* Clears a bit if the word below it is 0. False: the word below became nonzero meanwhile. */
static bool clear(_Atomic uint64_t *word, uint64_t bit, _Atomic uint64_t *below)
{
    if (atomic_load(below) == 0 && atomic_load(word) & bit) {
        atomic_fetch_and(word, ~bit);
        return atomic_load(below) == 0;
    }
    return true;
}

void kin__unmark_span(kin_family *family, uint32_t class, uint32_t index)
{
    _Atomic uint64_t *word = &kin__row_at(family, index)->marks[class];
    uint64_t bit = BIT(index % KIN__ROW_SPANS);
    if (atomic_load(word) & bit) {
        atomic_fetch_and(word, ~bit);
        if (kin__span_serves(atomic_load(kin__span_at(family, index)), class) && kin__marks_of(family, index) != 0) {
            set_above(family, class, index);
        }
    }
}

/* The next span in the sheet of *index, from *index on. */
static bool next_in_sheet(kin_family *family, uint32_t class, uint32_t *index)
{
    kin__sheet *sheet = kin__sheet_at(family, *index);
    uint32_t base = *index / KIN__SHEET_SPANS * KIN__SHEET_SPANS;
    for (uint32_t at = *index - base; at < KIN__SHEET_SPANS;) {
        uint32_t row = kin__next_bit(atomic_load(&sheet->marks[class]), at / KIN__ROW_SPANS);
        if (row == 64 || base + row * KIN__ROW_SPANS >= kin__spans_used(family)) {
            break;
        }
        at = row == at / KIN__ROW_SPANS ? at : row * KIN__ROW_SPANS;
        _Atomic uint64_t *marks = &kin__row_at(family, base + row * KIN__ROW_SPANS)->marks[class];
        uint32_t span = kin__next_bit(atomic_load(marks), at % KIN__ROW_SPANS);
        if (span < 64) {
            *index = base + row * KIN__ROW_SPANS + span;
            return true;
        }
        if (!clear(&sheet->marks[class], BIT(row), marks)) {
            set_above(family, class, base + row * KIN__ROW_SPANS);
        }
        at = (row + 1) * KIN__ROW_SPANS;
    }
    return false;
}

bool kin__marks_next(kin_family *family, uint32_t class, uint32_t *index)
{
    uint32_t used = kin__spans_used(family);
    while (*index < used) {
        uint32_t sheet = *index / KIN__SHEET_SPANS;
        _Atomic uint64_t *word = sheets_word(family, class, sheet);
        uint32_t next = kin__next_bit(atomic_load(word), sheet % 64);
        if (next < 64) {
            next += sheet / 64 * 64;
            *index = next == sheet ? *index : next * KIN__SHEET_SPANS;
            if (*index < used && next_in_sheet(family, class, index)) {
                return *index < used;
            }
            if (*index < used && !clear(word, BIT(next % 64), &kin__sheet_at(family, *index)->marks[class])) {
                atomic_fetch_or(word, BIT(next % 64));
                kin__search_again(family);
            }
            *index = (next + 1) * KIN__SHEET_SPANS;
        } else {
            *index = (sheet / 64 + 1) * 64 * KIN__SHEET_SPANS;
        }
    }
    return false;
}
