/* The heap from inside: a death between two instructions, what an operation costs, blocks that no machine has memory
 * for. */
#include "support.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/step_os.h"
#include "memory/heap.h"
#include "memory/marks.h"
#include "memory/spans.h"

static void wait_for(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
}

/* ---- a death between two instructions ---- */

/* Dies when it notes the block: that is TAKEN, and not LIVE yet. */
static void die_taking(kin_family *family, size_t size)
{
    kin__seat *seat;
    void *one;
    signal(SIGSEGV, SIG_DFL); /* not CMocka's */
    if (kin__seat_take(&seat, family) == KIN_OK) {
        kin__heap_take(&one, seat, size, false, (_Atomic uint64_t *)8);
    }
    _exit(0);
}

static void *blocks[4096];

static int fill_and_free(kin_family *family, size_t size)
{
    int count = 0;
    while (count < 4096 && kin_alloc(&blocks[count], family, size) == KIN_OK) {
        count++;
    }
    for (int i = 0; i < count; i++) {
        assert_ok(kin_free(blocks[i]));
    }
    return count;
}

static void what_the_dead_were_taking_is_free(void **state)
{
    (void)state;
    static const size_t sizes[] = {1000, 20000, 100000};
    kin_family *family = new_family(2 << 20);
    for (int i = 0; i < 3; i++) {
        int first = fill_and_free(family, sizes[i]);
        for (int death = 0; death < 3; death++) {
            pid_t child = fork();
            if (child == 0) {
                die_taking(family, sizes[i]);
            }
            wait_for(child);
            assert_ok(kin_family_reap(family, NULL));
        }
        assert_int_equal(fill_and_free(family, sizes[i]), first);
    }
    kin_family_close(family);
}

/* Only a member can free a large block. A process that finds the death and is no member leaves it to one. */
static void what_no_member_finds_is_freed_later(void **state)
{
    (void)state;
    kin_family *family = NULL;
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.reserve = 2 << 20;
    options.max_members = 2;
    assert_ok(kin_family_create(&family, &options));
    int first = fill_and_free(family, 100000);
    for (int death = 0; death < 3; death++) {
        pid_t child = fork();
        if (child == 0) {
            die_taking(family, 100000);
        }
        wait_for(child);
        child = fork();
        if (child == 0) {
            void *one;
            kin_alloc(&one, family, 1); /* looks for a place, and finds that of the dead */
            _exit(0);
        }
        wait_for(child);
        assert_ok(kin_family_reap(family, NULL));
        kin_family_info info = KIN_FAMILY_INFO_INIT;
        assert_ok(kin_family_inspect(family, &info));
        assert_int_equal(info.members, 1);
    }
    assert_int_equal(fill_and_free(family, 100000), first);
    kin_family_close(family);
}

typedef struct operation {
    size_t size;
    bool frees;
} operation;

/* A child, stopped at the beginning of the operation. */
static pid_t start_operation(kin_family *family, const operation *it, void **result)
{
    pid_t child = fork();
    if (child == 0) {
        kin__seat *seat;
        void *one = NULL;
        if (kin_alloc(&one, family, it->frees ? it->size : 10) != KIN_OK) { /* what happens once in a process */
            _exit(1);
        }
        if (kin__seat_take(&seat, family) != KIN_OK) {
            _exit(1);
        }
        step_begin(STEP_INSTRUCTION, 1 << 20);
        if (it->frees) {
            kin_free(one);
        } else {
            kin__heap_take(result, seat, it->size, false, NULL);
        }
        step_end();
        _exit(0);
    }
    return child;
}

/* What is LIVE, but the blocks that are kept, is freed: a killed process's. */
static void free_live(kin_family *family, const void *keep)
{
    for (uint32_t i = 0; i < kin__spans_used(family); i++) {
        uint64_t span = atomic_load(kin__span_at(family, i));
        uint32_t stride = kin__span_has_class(span) ? kin__strides[kin__span_number(span)] : KIN__SPAN_SIZE;
        for (uint32_t at = 0; at + stride <= KIN__SPAN_SIZE; at += stride) {
            void *one = kin__pointer(family, kin__span_offset(family, i) + at + 16);
            if (one != keep) {
                kin_free(one);
            }
        }
    }
}

/* Killed after some of its instructions, evenly spread: then there is as much room as before, for each size. */
static void try_deaths(const operation *it, int count)
{
    kin_family *family = new_family(1 << 20);
    void **result = NULL;
    assert_ok(kin_alloc((void **)&result, family, sizeof *result));
    int small = fill_and_free(family, 1000), large = fill_and_free(family, 40000);
    pid_t child = start_operation(family, it, result);
    int64_t steps = step_drive(child, STEP_INSTRUCTION, 1 << 20);
    for (int i = 0; i <= count; i++) {
        kill(child, SIGKILL);
        wait_for(child);
        assert_ok(kin_family_reap(family, NULL));
        free_live(family, result);
        assert_int_equal(fill_and_free(family, i % 2 ? 40000 : 1000), i % 2 ? large : small);
        assert_int_equal(fill_and_free(family, i % 2 ? 1000 : 40000), i % 2 ? small : large);
        child = start_operation(family, it, result);
        step_drive(child, STEP_INSTRUCTION, steps * i / count);
    }
    kill(child, SIGKILL);
    wait_for(child);
    kin_family_close(family);
}

static void nothing_is_lost_whenever_one_dies(void **state)
{
    (void)state;
    const operation all[] = {{1000, false}, {1000, true}, {40000, false}, {40000, true}, {500000, false}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        try_deaths(&all[i], 8);
    }
}

/* A process is stopped in the middle of an allocation; meanwhile the span comes to have blocks of another size, all
 * free. What it gets, if it gets one, is not in a block of that size. */
static void a_late_allocator_gets_no_others_memory(void **state)
{
    (void)state;
    const operation late = {1000, false};
    for (int k = 1; k < 400; k += 7) {
        kin_family *family = new_family(1 << 20);
        void **result = NULL, *one = NULL;
        const size_t most = (size_t)(family->layout.span_count - 2) * KIN__SPAN_SIZE;
        assert_ok(kin_alloc((void **)&result, family, sizeof *result));
        *result = NULL;
        assert_ok(kin_alloc(&one, family, 1000)); /* the child has hints to others of the span */
        assert_ok(kin_free(one));
        pid_t child = start_operation(family, &late, result);
        int64_t steps = step_drive(child, STEP_INSTRUCTION, k);
        if (kin_alloc(&one, family, most) == KIN_OK) { /* not if the child had its block */
            assert_ok(kin_free(one));
        }
        assert_ok(kin_alloc(&one, family, 100));
        assert_ok(kin_free(one));
        step_drive_on(child, STEP_INSTRUCTION, 1 << 20);
        kill(child, SIGKILL);
        wait_for(child);
        if (*result) {
            uint32_t index = kin__span_of(family, kin__offset(family, *result));
            uint64_t span = atomic_load(kin__span_at(family, index));
            assert_true(kin__span_has_class(span) && kin__strides[kin__span_number(span)] >= 1016);
            assert_ok(kin_free(*result));
        }
        kin_family_close(family);
        if (steps < k) {
            break;
        }
    }
}

/* What this process remembers of blocks that it has freed. */
static void forget_hints(kin_family *family)
{
    for (uint32_t i = 0; i < KIN__CLASSES; i++) {
        atomic_store(&family->hints[i].count, 0);
    }
}

/* Lets the child, that searches, go on until it has cleared a mark of that span, but not farther than `most`. Returns
 * how many instructions that took. */
static int clear_a_mark(kin_family *family, pid_t child, uint32_t index, int most)
{
    const uint64_t marks = kin__marks_of(family, index);
    int count = 0;
    while (count < most && kin__marks_of(family, index) == marks && step_drive_on(child, STEP_INSTRUCTION, 1) == 1) {
        count++;
    }
    return count;
}

/* All blocks are in use, and a mark leads to one that was taken a moment ago. A child looks there; after so many
 * instructions the block becomes free; and the child dies when it has cleared the mark. Returns after how many more. */
static int die_in_search(kin_family *family, void **block, void **result, int after, int most)
{
    const operation search = {1000, false};
    assert_ok(kin_free(*block));
    forget_hints(family);
    assert_ok(kin_alloc(block, family, 1000));
    pid_t child = start_operation(family, &search, result);
    uint32_t index = kin__span_of(family, kin__offset(family, *block));
    assert_true(step_drive(child, STEP_INSTRUCTION, after) == after);
    if (after > 1) {
        assert_ok(kin_free(*block));
        forget_hints(family);
    }
    int more = clear_a_mark(family, child, index, most);
    kill(child, SIGKILL);
    wait_for(child);
    assert_ok(kin_family_reap(family, NULL));
    if (after > 1 && kin_alloc(block, family, 1000) != KIN_OK) {
        assert_ok(kin_free(*block)); /* the child had it */
        assert_ok(kin_alloc(block, family, 1000));
    }
    return more;
}

static void a_search_that_ends_by_death_hides_no_block(void **state)
{
    (void)state;
    enum { BEFORE = 40, MOST = 10000 };
    kin_family *family = new_family(1 << 20);
    void **result = NULL, *block = NULL, *next = NULL;
    assert_ok(kin_alloc((void **)&result, family, sizeof *result));
    assert_ok(kin_alloc(&block, family, 1000));
    while (kin_alloc(&next, family, 1000) == KIN_OK) {
    }
    int cleared = 1 + die_in_search(family, &block, result, 1, MOST);
    assert_true(cleared > BEFORE && cleared < MOST);
    for (int after = cleared - BEFORE; after < cleared; after++) {
        die_in_search(family, &block, result, after, BEFORE);
    }
    kin_family_close(family);
}

/* ---- what an operation costs ---- */

typedef struct course {
    size_t size; /* of the block that is allocated */
    void (*prepare)(kin_family *family);
} course;

static void fill_with_large(kin_family *family)
{
    void *one;
    for (int i = 0; i < 20000; i++) {
        kin_alloc(&one, family, 60000);
    }
}

/* Spans with many small blocks, of which one is free that this process has no hint to. */
static void free_one_of_many(kin_family *family)
{
    enum { COUNT = 20000 };
    static void *all[COUNT];
    for (int i = 0; i < COUNT; i++) {
        kin_alloc(&all[i], family, 20);
    }
    pid_t child = fork();
    if (child == 0) {
        kin_free(all[5000]);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    kin_family_reap(family, NULL);
}

/* The file is made as long as the arena may get: so the heap takes all for usable, and memory comes as it is
 * touched. */
static kin_family *new_sparse_family(uint64_t reserve)
{
    kin_family *family = new_family(reserve);
    assert_int_equal(ftruncate(family->shm, (off_t)family->layout.reserve), 0);
    return family;
}

/* Instructions of one allocation, in a child. */
static int64_t steps_of(const course *it)
{
    kin_family *family = new_sparse_family((uint64_t)4 << 30);
    pid_t child = fork();
    if (child == 0) {
        void *one = NULL;
        it->prepare(family);
        kin_alloc(&one, family, it->size); /* what happens once */
        kin_free(one);
        step_begin(STEP_INSTRUCTION, 1 << 20);
        kin_alloc(&one, family, it->size);
        step_end();
        _exit(0);
    }
    int64_t steps = step_drive(child, STEP_INSTRUCTION, 1 << 20);
    kill(child, SIGKILL);
    wait_for(child);
    kin_family_close(family);
    return steps;
}

/* A search of all spans would be hundreds of thousands. */
static void allocation_does_not_search_the_heap(void **state)
{
    (void)state;
    const course large = {100000, fill_with_large}, sparse = {20, free_one_of_many};
    int64_t steps[] = {steps_of(&large), steps_of(&sparse)};
    print_message("large, after 20000 others: %d instructions; the one free block among 20000: %d\n", (int)steps[0],
                  (int)steps[1]);
    assert_true(steps[0] > 100 && steps[0] < 30000);
    assert_true(steps[1] > 50 && steps[1] < 3000);
}

/* ---- more than there is memory for ---- */

static void blocks_may_be_larger_than_4_gib(void **state)
{
    (void)state;
    const size_t size = ((size_t)5 << 30) + 12345;
    kin_family *family = new_sparse_family((uint64_t)16 << 30);
    unsigned char *one = NULL, *other = NULL;
    size_t is = 0;
    assert_ok(kin_alloc((void **)&one, family, size));
    assert_ok(kin_alloc((void **)&other, family, size));
    assert_true(other >= one + size || one >= other + size);
    memset(one + ((size_t)4 << 30), 1, 4096);
    memset(one + size - 4096, 2, 4096);
    assert_int_equal(other[0], 0);
    assert_int_equal(other[size - 1], 0);
    assert_ok(kin_alloc_size(one, &is));
    assert_true(is == size);
    uint64_t count = 0, bytes = 0;
    assert_ok(kin_alloc_total(family, &count, &bytes));
    assert_true(count == 2 && bytes == 2 * (uint64_t)size);
    assert_status(kin_free(one + ((size_t)4 << 30)), KIN_E_ARGUMENT);
    assert_ok(kin_free(one));
    assert_true(kin_free(one) < 0);
    assert_ok(kin_free(other));
    kin_family_close(family);
}

/* ---- memory given back ---- */

static uint64_t allocated_by_system(const kin_family *family)
{
    struct stat info;
    assert_int_equal(fstat(family->shm, &info), 0);
    return (uint64_t)info.st_blocks * 512;
}

static void memory_of_large_blocks_is_given_back(void **state)
{
    (void)state;
    const size_t size = 20 << 20;
    kin_family *family = new_family(64 << 20);
    kin_family_info info[3] = {{.size = sizeof info[0]}, {.size = sizeof info[0]}, {.size = sizeof info[0]}};
    unsigned char *one = NULL;
    void *others[100];
    uint64_t before = allocated_by_system(family);
    assert_ok(kin_family_inspect(family, &info[0]));
    for (int round = 0; round < 3; round++) {
        assert_ok(kin_alloc((void **)&one, family, size));
        assert_true(allocated_by_system(family) >= before + size);
        memset(one, 0x77, size);
        assert_ok(kin_family_inspect(family, &info[1]));
        assert_ok(kin_free(one));
        assert_true(allocated_by_system(family) < before + (4 << 20));
        assert_ok(kin_family_inspect(family, &info[2]));
        assert_true(info[1].committed >= info[0].committed + size && info[2].committed < info[0].committed + (4 << 20));
        for (int i = 0; i < 100; i++) { /* smaller ones in its place */
            assert_ok(kin_alloc(&others[i], family, 30000));
            assert_true(allocated_by_system(family) >= before + (uint64_t)(i / 2) * KIN__SPAN_SIZE);
        }
        for (int i = 0; i < 100; i++) {
            assert_ok(kin_free(others[i]));
        }
    }
    kin_family_close(family);
}

int main(void)
{
    kin_child_main(NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_dead_were_taking_is_free),
        cmocka_unit_test(what_no_member_finds_is_freed_later),
        cmocka_unit_test(nothing_is_lost_whenever_one_dies),
        cmocka_unit_test(a_late_allocator_gets_no_others_memory),
        cmocka_unit_test(a_search_that_ends_by_death_hides_no_block),
        cmocka_unit_test(allocation_does_not_search_the_heap),
        cmocka_unit_test(blocks_may_be_larger_than_4_gib),
        cmocka_unit_test(memory_of_large_blocks_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
