/* The heap in long use: memory of one size serves another size later, also after kills. */
#include "support.h"

#include <stdlib.h>

#include "memory/block.h"
#include "memory/heap.h"
#include "memory/spans.h"

#define MOST 400000

static void *blocks[MOST];

/* How many blocks of that size there is room for. */
static int fill(kin_family *family, size_t size)
{
    int count = 0;
    kin_status status = KIN_OK;
    while (count < MOST && (status = kin_alloc(&blocks[count], family, size)) == KIN_OK) {
        memset(blocks[count], 0x55, size);
        count++;
    }
    assert_string_equal(kin_status_name(status), "KIN_E_NO_MEMORY");
    return count;
}

/* Not in the order in which they were allocated. */
static void free_all(int count)
{
    for (int start = 0; start < 7; start++) {
        for (int i = start; i < count; i += 7) {
            assert_ok(kin_free(blocks[i]));
        }
    }
}

static int fill_and_free(kin_family *family, size_t size)
{
    int count = fill(family, size);
    free_all(count);
    return count;
}

/* ---- children ---- */

/* Fills the heap with blocks of one size, frees them, takes the next size, until it is killed. */
static int child_convert(const kin_args *args)
{
    static const size_t sizes[] = {20, 3000, 100, 70000, 500, 16000, 40, 200000};
    static void *mine[2000];
    kin_sem *told = given(args, "told", KIN_TYPE_SEM), *go = given(args, "go", KIN_TYPE_SEM);
    unsigned from = (unsigned)given_number(args, "seed");
    kin_family *family = NULL;
    CHECK(told && go && kin_family_of(&family, told) == KIN_OK && kin_sem_release(told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(go, 1, PATIENCE) == KIN_OK);
    int64_t end = now_ns() + PATIENCE; /* not longer, if the test fails */
    for (unsigned i = from; now_ns() < end; i++) {
        int count = 0;
        while (count < 2000 && kin_alloc(&mine[count], family, sizes[i % 8]) == KIN_OK) {
            memset(mine[count++], 0xff, sizes[i % 8]);
        }
        while (count > 0) {
            CHECK(kin_free(mine[--count]) == KIN_OK);
        }
    }
    return 0;
}

/* ---- tests ---- */

static void freed_blocks_serve_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {100, 1000, 20, 30000, 100, 16384, 100, 5000};
    kin_family *family = new_family(16 << 20);
    int first = fill_and_free(family, 100);
    assert_true((size_t)first * 100 > 12 << 20);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *large = NULL;
        size_t count = (size_t)fill_and_free(family, sizes[i]);
        assert_true(sizes[i] == 20 || count * sizes[i] > 11 << 20);
        assert_true(sizes[i] != 100 || count == (size_t)first);
        assert_ok(kin_alloc(&large, family, 12 << 20)); /* in one piece */
        assert_ok(kin_free(large));
    }
    kin_family_close(family);
}

/* Half of the blocks stay: what is there is kept, and what was freed is used. */
static void blocks_that_stay_are_left_alone(void **state)
{
    (void)state;
    kin_family *family = new_family(8 << 20);
    int count = fill(family, 100);
    for (int i = 0; i < count; i += 2) {
        assert_ok(kin_free(blocks[i]));
    }
    void *other = NULL;
    assert_status(kin_alloc(&other, family, 1000), KIN_E_NO_MEMORY); /* each span has some that stay */
    for (int i = 0; i < count; i += 2) {
        assert_ok(kin_alloc(&blocks[i], family, 100));
    }
    assert_status(kin_alloc(&other, family, 100), KIN_E_NO_MEMORY);
    for (int i = 1; i < count; i += 2) {
        assert_int_equal(((unsigned char *)blocks[i])[99], 0x55);
    }
    free_all(count);
    kin_family_close(family);
}

static int fill_dict(kin_dict *dict, size_t size)
{
    static char value[400];
    int count = 0;
    while (kin_dict_set(dict, &count, sizeof count, value, size) == KIN_OK) {
        count++;
    }
    return count;
}

static int square(kin_task *task)
{
    const int *in = task->in;
    int *out = task->out;
    for (size_t i = 0; i < task->count; i++) {
        out[i] = in[i] * in[i];
    }
    return 0;
}

/* As it can in an empty family. */
static void use_pool(kin_family *family)
{
    kin_pool *pool = NULL;
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_job job = KIN_JOB_INIT;
    int *numbers = NULL;
    options.workers = 2;
    job.task = "square";
    job.count = 1000;
    job.in_size = job.out_size = sizeof *numbers;
    assert_ok(kin_alloc((void **)&numbers, family, job.count * sizeof *numbers));
    job.in = job.out = numbers;
    numbers[999] = 999;
    assert_ok(kin_pool_create(&pool, family, &options));
    assert_ok(kin_pool_map(pool, &job, NULL, PATIENCE));
    assert_int_equal(numbers[999], 999 * 999);
    kin_pool_destroy(pool);
    assert_ok(kin_free(numbers));
}

static void an_emptied_dict_takes_as_much_again(void **state)
{
    (void)state;
    kin_dict *dict = NULL;
    kin_family *family = new_family(16 << 20);
    assert_ok(kin_dict_create(&dict, family));
    int first = fill_dict(dict, 100);
    assert_ok(kin_dict_clear(dict));
    assert_true(fill_dict(dict, 400) > first / 4);
    assert_ok(kin_dict_clear(dict));
    assert_int_equal(fill_dict(dict, 100), first);
    assert_ok(kin_dict_clear(dict));
    use_pool(family);
    assert_ok(kin_dict_destroy(dict));
    kin_family_close(family);
}

static uint64_t add_versions(kin_family *family)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < kin__spans_used(family); i++) {
        sum += kin__span_version(atomic_load(kin__span_at(family, i)));
    }
    return sum;
}

/* Blocks of several sizes in turn, none left: no span is converted for it. */
static void spans_are_not_converted_in_vain(void **state)
{
    (void)state;
    static const size_t sizes[] = {100, 1000, 5000, 30000};
    kin_family *family = new_family(8 << 20);
    for (int i = 0; i < 1000; i++) {
        void *one = NULL;
        assert_ok(kin_alloc(&one, family, sizes[i % 4]));
        assert_ok(kin_free(one));
    }
    assert_int_equal(add_versions(family), 0);
    assert_int_equal(kin__spans_used(family), 4);
    kin_family_close(family);
}

/* Where there was a block, one with the same word does not come again: not in another use of the span, nor after it. */
static void block_words_do_not_come_again(void **state)
{
    (void)state;
    enum { KINDS = 3, ROUNDS = 20 };
    static const size_t sizes[KINDS] = {100, 900, 60000};
    static uint64_t words[KINDS * ROUNDS * 5];
    kin_family *family = new_family(1 << 20);
    kin__seat *seat;
    int count = 0;
    assert_ok(kin__seat_take(&seat, family));
    for (int i = 0; i < KINDS * ROUNDS; i++) {
        for (int k = 0; k < 5; k++) { /* some generations in each use */
            void *one = NULL;
            _Atomic uint64_t note = 0;
            assert_ok(kin__heap_take(&one, seat, sizes[i % KINDS], false, &note));
            assert_true(kin__heap_has(family, note));
            words[count++] = note;
            assert_ok(kin__heap_give(seat, note));
        }
        for (int k = 0; k < count; k++) {
            assert_false(kin__heap_has(family, words[k]));
            assert_ok(kin__heap_give(seat, words[k])); /* nothing happens */
            for (int other = k + 1; other < count; other++) {
                assert_true(words[k] != words[other]);
            }
        }
        void *most = NULL; /* all spans */
        assert_ok(kin_alloc(&most, family, (size_t)family->layout.span_count * KIN__SPAN_SIZE - 16));
        assert_ok(kin_free(most));
    }
    kin_family_close(family);
}

static size_t size_of(const void *memory)
{
    size_t size = 0;
    assert_ok(kin_alloc_size(memory, &size));
    return size;
}

/* A reader of as many bytes as kin_alloc_size says stays inside the block, whatever other processes wrote. */
static void sizes_are_never_more_than_there_is(void **state)
{
    (void)state;
    kin_family *family = new_family(16 << 20);
    char *small = NULL, *large = NULL;
    assert_ok(kin_alloc((void **)&small, family, 100));
    assert_ok(kin_alloc((void **)&large, family, 200000));
    assert_true(size_of(small) == 100 && size_of(large) == 200000);
    atomic_store(&((kin__block *)(void *)(small - KIN__BLOCK_HEADER))->size, UINT32_MAX);
    assert_in_range(size_of(small), 1, 128 - KIN__BLOCK_HEADER);
    atomic_store(&((kin__block *)(void *)(large - KIN__BLOCK_HEADER))->size, 1);
    assert_in_range(size_of(large), 1, 4 * KIN__SPAN_SIZE - KIN__BLOCK_HEADER);
    uint32_t index = kin__span_of(family, kin__offset(family, large));
    uint64_t span = atomic_load(kin__span_at(family, index));
    static const uint32_t numbers[] = {0, 1, 1000, 0xffffff};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        atomic_store(kin__span_at(family, index), kin__span_word(KIN__SPAN_LARGE, numbers[i], kin__span_version(span)));
        uint64_t left = kin__span_offset(family, kin__spans_used(family)) - kin__offset(family, large);
        assert_in_range(size_of(large), 1, left);
    }
    atomic_store(kin__span_at(family, index), span);
    assert_ok(kin_free(large));
    assert_ok(kin_free(small));
    kin_family_close(family);
}

static void as_many_are_remembered_as_there_is_room_for(void **state)
{
    (void)state;
    static const size_t sizes[] = {10, 100, 1000, 16000};
    kin_family *family = new_family(8 << 20);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int count = 0; count < 3 * (int)KIN__HINTS; count++) {
            assert_ok(kin_alloc(&blocks[count], family, sizes[i]));
        }
        free_all(3 * KIN__HINTS);
        uint32_t full = 0;
        for (uint32_t class = 0; class < KIN__CLASSES; class ++) {
            uint32_t hints = atomic_load(&family->hints[class].count);
            assert_true(hints <= KIN__HINTS);
            full += hints == KIN__HINTS;
        }
        assert_true(full > 0);
    }
    kin_family_close(family);
}

static void a_large_block_may_have_memory_in_its_beginning_only(void **state)
{
    (void)state;
    enum { SIZE = 16 << 20, FILLED = 1 << 20 };
    kin_family *family = new_family(64 << 20);
    char *one = NULL, *whole = NULL;
    uint64_t has = 0;
    assert_ok(kin__heap_take_sparse((void **)&one, family, SIZE, FILLED, &has));
    assert_true(has >= FILLED && has < FILLED + 2 * KIN__SPAN_SIZE);
    assert_true(size_of(one) == SIZE);
    memset(one, 1, (size_t)has);
    assert_ok(kin__heap_commit(family, one + has, one + SIZE));
    memset(one + has, 2, SIZE - (size_t)has);
    assert_int_equal(one[has - 1], 1);
    assert_ok(kin__heap_take_sparse((void **)&whole, family, SIZE, SIZE, &has));
    assert_true(has == SIZE && (whole >= one + SIZE || one >= whole + SIZE));
    memset(whole, 3, SIZE);
    assert_ok(kin_free(whole));
    assert_ok(kin_free(one));
    assert_ok(kin__heap_take_sparse((void **)&one, family, FILLED, 1, &has)); /* not worth it */
    assert_true(has == FILLED);
    memset(one, 4, FILLED);
    assert_ok(kin_free(one));
    assert_status(kin__heap_take_sparse((void **)&one, family, 65 << 20, 1, &has), KIN_E_NO_MEMORY);
    kin_family_close(family);
}

/* A process makes spans usable, but not the part of the table that describes them. */
static void spans_without_a_word_are_not_used(void **state)
{
    (void)state;
    enum { SPANS = 1200 };
    kin_family *family = new_family(128 << 20);
    void *one = NULL;
    uint64_t sum = 0;
    assert_ok(kin_alloc(&one, family, 100));
    assert_true(kin__layout_table_end(&family->layout, SPANS) > kin__round_up(family->layout.low, kin_os_page_size()));
    for (uint32_t i = 1; i < SPANS; i++) {
        assert_true(kin__layout_table_spans(&family->layout, kin__layout_table_end(&family->layout, i)) >= i);
        assert_true(kin__layout_table_spans(&family->layout, kin__layout_table_end(&family->layout, i) - 1) < i);
    }
    assert_ok(kin_os_shm_commit(family->shm, family->base, (size_t)kin__span_offset(family, 1),
                                (size_t)kin__span_offset(family, SPANS)));
    atomic_store(&family->arena->heap.span_end, SPANS);
    for (uint32_t i = 0; i < kin__spans_used(family); i++) {
        sum += atomic_load(kin__span_at(family, i));
    }
    assert_true(sum != 0);
    uint64_t live, bytes;
    assert_ok(kin_alloc_total(family, &live, &bytes));
    assert_ok(kin_alloc(&one, family, 100 << 20));
    assert_ok(kin_free(one));
    kin_family_close(family);
}

/* What the dead have left, live or not, is freed. */
static void free_what_is_left(kin_family *family, const void *keep, const void *keep_too)
{
    for (uint32_t i = 0; i < kin__spans_used(family); i++) {
        uint64_t span = atomic_load(kin__span_at(family, i));
        uint32_t stride = kin__span_has_class(span) ? kin__strides[kin__span_number(span)] : KIN__SPAN_SIZE;
        for (uint32_t at = 0; at + stride <= KIN__SPAN_SIZE; at += stride) {
            void *one = kin__pointer(family, kin__span_offset(family, i) + at + 16);
            kin_status status = one == keep || one == keep_too ? KIN_OK : kin_free(one);
            assert_true(status == KIN_OK || status == KIN_E_STALE || status == KIN_E_ARGUMENT);
        }
    }
}

static void show_spans(kin_family *family)
{
    for (uint32_t i = 0; i < family->layout.span_count; i++) {
        bool there = i < kin__spans_used(family);
        uint64_t span = there ? atomic_load(kin__span_at(family, i)) : 0;
        uint64_t tag = there ? atomic_load((_Atomic uint64_t *)kin__pointer(family, kin__span_offset(family, i))) : 0;
        print_message("span %d: kind %d, number %d, version %d, first tag %llx, groups %llx\n", (int)i,
                      (int)kin__span_kind_of(span), (int)kin__span_number(span), (int)kin__span_version(span),
                      (unsigned long long)(tag ^ family->key),
                      there ? (unsigned long long)atomic_load(&kin__row_at(family, i)->groups[i % 64]) : 0);
    }
}

/* ---- a live block, while others try to retire its span ---- */

typedef struct flip {
    _Atomic uint64_t *word;
    _Atomic int done;
} flip;

/* What retiring does to the word of a span in which it comes to a live block. */
static void try_to_retire(void *argument)
{
    flip *it = argument;
    uint64_t small = atomic_load(it->word);
    uint64_t retiring = kin__span_word(KIN__SPAN_RETIRING, kin__span_number(small), kin__span_version(small));
    while (!atomic_load(&it->done)) {
        atomic_store(it->word, retiring);
        atomic_store(it->word, small);
    }
}

static void a_live_block_is_live_while_its_span_is_retired(void **state)
{
    (void)state;
    kin_family *family = new_family(4 << 20);
    void *block = NULL, *found = NULL;
    kin_ref ref;
    size_t size = 0;
    assert_ok(kin_alloc(&block, family, 100));
    flip it = {kin__span_at(family, kin__span_of(family, kin__offset(family, block))), 0};
    void *thread = begin_thread(try_to_retire, &it);
    for (int i = 0; i < 300000; i++) {
        assert_ok(kin_ref_of(&ref, KIN_TYPE_MEMORY, block));
        assert_ok(kin_ref_get(&found, KIN_TYPE_MEMORY, ref));
        assert_ok(kin_alloc_size(block, &size));
    }
    atomic_store(&it.done, 1);
    end_thread(thread);
    assert_ok(kin_free(block));
    kin_family_close(family);
}

/* Each span of the heap has free blocks, and one that stays. A refusal looks at all of them; the next one does not:
 * a block that has become free unnoticed is not found, until another one is freed. */
static void a_full_heap_is_searched_once(void **state)
{
    (void)state;
    enum { SIZE = 1000, LARGE = 60000 };
    void *large = NULL, *small = NULL;
    kin_family *family = new_family(4 << 20);
    int count = fill(family, SIZE), stays = 0, last = -1;
    for (int i = 0; i < count; i++) {
        int span = (int)kin__span_of(family, kin__offset(family, blocks[i]));
        if (span == last) {
            assert_ok(kin_free(blocks[i]));
        } else {
            blocks[stays++] = blocks[i];
            last = span;
        }
    }
    assert_ok(kin_alloc(&small, family, SIZE));
    assert_status(kin_alloc(&large, family, LARGE), KIN_E_NO_MEMORY);
    void *gone = small != blocks[3] ? blocks[3] : blocks[4];
    uint64_t offset = kin__offset(family, gone) - KIN__BLOCK_HEADER;
    uint64_t span = atomic_load(kin__span_at(family, kin__span_of(family, offset)));
    atomic_store(&kin__block_at(family, offset)->tag, kin__tag_free(family, span));
    assert_status(kin_alloc(&large, family, LARGE), KIN_E_NO_MEMORY);
    assert_ok(kin_free(small));
    assert_ok(kin_alloc(&large, family, LARGE));
    assert_status(kin_alloc(&large, family, LARGE), KIN_E_NO_MEMORY);
    assert_ok(kin_free(blocks[6]));
    assert_ok(kin_alloc(&large, family, LARGE));
    kin_family_close(family);
}

/* Killed while they convert spans: no block is lost, none is in two. They begin when both are there, for starting a
 * child takes a block, too, and one that converts leaves none. */
static void killed_converters_lose_nothing(void **state)
{
    (void)state;
    kin_sem *told = NULL, *go = NULL;
    kin_args *args = NULL;
    kin_family *family = new_family(2 << 20);
    assert_ok(kin_sem_create(&told, family, 0, 0));
    assert_ok(kin_sem_create(&go, family, 0, 0));
    int first = fill_and_free(family, 100);
    for (int round = 0; round < 25; round++) {
        assert_ok(kin_args_create(&args, family));
        give(args, "told", KIN_TYPE_SEM, told);
        give(args, "go", KIN_TYPE_SEM, go);
        give_number(args, "seed", round);
        kin_process *children[2] = {start_child("convert", args), start_child("convert", args)};
        assert_ok(kin_sem_acquire(told, 2, PATIENCE));
        assert_ok(kin_sem_release(go, 2));
        int64_t end = now_ns() + KIN_MS(2) + round % 5 * KIN_MS(1);
        while (now_ns() < end) {
        }
        kill_child(children[round % 2]);
        kill_child(children[1 - round % 2]);
        kin_args_destroy(args);
        assert_ok(kin_family_reap(family, NULL));
        while (kin_sem_acquire(go, 1, KIN_NOW) == KIN_OK) { /* one that was killed before it took its permit */
        }
        free_what_is_left(family, told, go);
        int count = fill(family, 100);
        if (count != first) {
            show_spans(family);
        }
        free_all(count);
        assert_int_equal(count, first);
    }
    assert_ok(kin_sem_destroy(told));
    assert_ok(kin_sem_destroy(go));
    kin_family_close(family);
}

int main(void)
{
    static const kin_child_entry entries[] = {{"convert", child_convert}};
    static const kin_task_entry functions[] = {{"square", square}};
    kin_register_tasks(functions, 1);
    kin_child_main(entries, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freed_blocks_serve_any_size),
        cmocka_unit_test(blocks_that_stay_are_left_alone),
        cmocka_unit_test(an_emptied_dict_takes_as_much_again),
        cmocka_unit_test(spans_are_not_converted_in_vain),
        cmocka_unit_test(block_words_do_not_come_again),
        cmocka_unit_test(sizes_are_never_more_than_there_is),
        cmocka_unit_test(as_many_are_remembered_as_there_is_room_for),
        cmocka_unit_test(a_large_block_may_have_memory_in_its_beginning_only),
        cmocka_unit_test(spans_without_a_word_are_not_used),
        cmocka_unit_test(a_full_heap_is_searched_once),
        cmocka_unit_test(killed_converters_lose_nothing),
        cmocka_unit_test(a_live_block_is_live_while_its_span_is_retired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
