#include "support.h"

#include <stdlib.h>

#define BLOCKS 512

/* ---- children ---- */

/* Allocates and frees without end, blocks of all sizes. */
static int child_churn(const kin_args *args)
{
    kin_sem *told = given(args, "told", KIN_TYPE_SEM);
    void *blocks[16] = {NULL};
    CHECK(told && kin_sem_release(told, 1) == KIN_OK);
    for (unsigned i = 0;; i++) {
        void **one = &blocks[i % 16];
        CHECK(kin_free(*one) == KIN_OK);
        *one = NULL;
        kin_status status = kin_alloc(one, NULL, i % 61 == 0 ? 200000 : 1 + i * 37 % 3000);
        CHECK(status == KIN_OK || status == KIN_E_NO_MEMORY);
    }
}

static int child_fill(const kin_args *args)
{
    kin_array *pointers = given(args, "refs", KIN_TYPE_ARRAY);
    CHECK(pointers);
    uint64_t *word = kin_array_data(pointers);
    for (size_t i = 0; i < BLOCKS; i++) {
        void *memory = NULL;
        kin_ref ref;
        CHECK(kin_alloc(&memory, NULL, 100) == KIN_OK);
        memset(memory, (int)(i & 0xff), 100);
        CHECK(kin_ref_of(&ref, KIN_TYPE_MEMORY, memory) == KIN_OK);
        word[2 * i] = ref.opaque[0];
        word[2 * i + 1] = ref.opaque[1];
    }
    return 0;
}

/* ---- tests ---- */

static void blocks_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 15, 16, 17, 48, 100, 1000, 4096, 16383, 16384, 16385, 65536, 1000000};
    unsigned char *blocks[sizeof sizes / sizeof sizes[0]];
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            size_t size = 0;
            assert_ok(kin_alloc((void **)&blocks[i], NULL, sizes[i]));
            assert_int_equal((uintptr_t)blocks[i] % 16, 0);
            assert_ok(kin_alloc_size(blocks[i], &size));
            assert_int_equal(size, sizes[i]);
            for (size_t k = 0; k < sizes[i]; k++) {
                assert_int_equal(blocks[i][k], 0);
            }
            memset(blocks[i], (int)(0x80 + i), sizes[i]);
        }
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            assert_int_equal(blocks[i][0], 0x80 + i);
            assert_int_equal(blocks[i][sizes[i] - 1], 0x80 + i);
            assert_ok(kin_free(blocks[i]));
        }
    }
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    char *memory = NULL, outside[64];
    size_t size = 0;
    assert_status(kin_alloc(NULL, NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_alloc_total(NULL, NULL, &(uint64_t){0}), KIN_E_ARGUMENT);
    assert_status(kin_alloc_total(NULL, &(uint64_t){0}, NULL), KIN_E_ARGUMENT);
    assert_status(kin_alloc((void **)&memory, NULL, 0), KIN_E_ARGUMENT);
    if (SIZE_MAX > UINT32_MAX) {
        const uint64_t most = UINT64_C(64) << 30;
        assert_status(kin_alloc((void **)&memory, NULL, (size_t)(most + 1)), KIN_E_TOO_BIG);
        assert_status(kin_alloc((void **)&memory, NULL, (size_t)most), KIN_E_NO_MEMORY);
        assert_status(kin_alloc((void **)&memory, NULL, SIZE_MAX), KIN_E_TOO_BIG);
    }
    assert_null(memory);
    assert_ok(kin_free(NULL));
    assert_status(kin_free(outside), KIN_E_NOT_SHARED);
    assert_ok(kin_alloc((void **)&memory, NULL, 100));
    assert_status(kin_free(memory + 1), KIN_E_ARGUMENT);
    assert_status(kin_free(memory + 16), KIN_E_ARGUMENT);
    assert_status(kin_free(memory - 16), KIN_E_ARGUMENT);
    assert_status(kin_alloc_size(memory + 16, &size), KIN_E_ARGUMENT);
    assert_status(kin_alloc_size(memory, NULL), KIN_E_ARGUMENT);
    assert_ok(kin_free(memory));
    assert_status(kin_free(memory), KIN_E_STALE);
    assert_ok(kin_alloc((void **)&memory, NULL, 300000));
    assert_status(kin_free(memory + 65536), KIN_E_ARGUMENT);
    assert_ok(kin_free(memory));
    assert_true(kin_free(memory) < 0);
}

static void arrays_are_blocks_of_whole_objects(void **state)
{
    void *memory = NULL;
    size_t size = 0;
    (void)state;
    assert_int_equal(kin_alloc_array(&memory, NULL, 10, 24), KIN_OK);
    assert_int_equal(kin_alloc_size(memory, &size), KIN_OK);
    assert_true(size >= 240);
    assert_int_equal(kin_free(memory), KIN_OK);
    assert_int_equal(kin_alloc_array(NULL, NULL, 10, 24), KIN_E_ARGUMENT);
    assert_int_equal(kin_alloc_array(&memory, NULL, 0, 24), KIN_E_ARGUMENT);
    assert_int_equal(kin_alloc_array(&memory, NULL, 10, 0), KIN_E_ARGUMENT);
    assert_int_equal(kin_alloc_array(&memory, NULL, SIZE_MAX / 2, 3), KIN_E_TOO_BIG);
}

static void full_arena_says_so_and_recovers(void **state)
{
    (void)state;
    kin_family *family = new_family(4 << 20);
    void *blocks[256], *one = NULL;
    size_t count = 0;
    kin_status status = KIN_OK;
    while (count < 256 && (status = kin_alloc(&blocks[count], family, 60000)) == KIN_OK) {
        count++;
    }
    assert_string_equal(kin_status_name(status), "KIN_E_NO_MEMORY");
    assert_true(count > 10 && count < 256);
    assert_status(kin_alloc(&one, family, 1 << 20), KIN_E_NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        assert_ok(kin_free(blocks[i]));
    }
    assert_ok(kin_alloc(&one, family, 1 << 20)); /* neighbours have joined again */
    assert_ok(kin_free(one));
    kin_family_close(family);
}

static void freed_memory_is_used_again(void **state)
{
    (void)state;
    void *blocks[BLOCKS];
    uint64_t committed = 0;
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            assert_ok(kin_alloc(&blocks[i], NULL, 1 + i * 7));
        }
        for (size_t i = 0; i < BLOCKS; i++) {
            assert_ok(kin_free(blocks[i * 5 % BLOCKS]));
        }
        if (round == 5) {
            committed = inspect_family().committed;
        }
    }
    assert_true(inspect_family().committed == committed);
}

static void another_process_frees_what_one_allocated(void **state)
{
    (void)state;
    kin_array *refs = NULL;
    kin_args *args = new_args();
    assert_ok(kin_array_create(&refs, NULL, KIN_ELEMENT_U64, 2 * BLOCKS, KIN_VALUE_UNLOCKED));
    give(args, "refs", KIN_TYPE_ARRAY, refs);
    run_child("fill", args);
    const uint64_t *word = kin_array_data(refs);
    for (size_t i = 0; i < BLOCKS; i++) {
        unsigned char *memory = NULL;
        kin_ref ref = {{word[2 * i], word[2 * i + 1]}};
        assert_ok(kin_ref_get((void **)&memory, KIN_TYPE_MEMORY, ref));
        assert_true(memory[0] == (i & 0xff) && memory[99] == (i & 0xff));
        assert_ok(kin_free(memory));
        assert_status(kin_ref_get((void **)&memory, KIN_TYPE_MEMORY, ref), KIN_E_STALE);
    }
    kin_args_destroy(args);
    assert_ok(kin_array_destroy(refs));
}

/* What a killed child had is not freed (memory.h), but nothing breaks: blocks are whole, and none is given out
 * twice. */
static void killed_allocators_break_nothing(void **state)
{
    (void)state;
    kin_sem *told = NULL;
    kin_args *args = new_args();
    unsigned char *blocks[64];
    assert_ok(kin_sem_create(&told, NULL, 0, 0));
    give(args, "told", KIN_TYPE_SEM, told);
    for (int round = 0; round < 10; round++) {
        kin_process *children[2] = {start_child("churn", args), start_child("churn", args)};
        assert_ok(kin_sem_acquire(told, 2, PATIENCE));
        for (int i = 0; i < 64; i++) {
            assert_ok(kin_alloc((void **)&blocks[i], NULL, 1 + (size_t)i * 50));
            memset(blocks[i], i + 1, 1 + (size_t)i * 50);
        }
        kill_child(children[round % 2]);
        kill_child(children[1 - round % 2]);
        for (int i = 0; i < 64; i++) {
            assert_true(blocks[i][0] == i + 1 && blocks[i][(size_t)i * 50] == i + 1);
            assert_ok(kin_free(blocks[i]));
        }
    }
    kin_args_destroy(args);
    assert_ok(kin_sem_destroy(told));
}

static void what_is_allocated_is_counted(void **state)
{
    (void)state;
    void *memory[3];
    uint64_t blocks[2], bytes[2];
    assert_ok(kin_alloc_total(NULL, &blocks[0], &bytes[0]));
    assert_ok(kin_alloc(&memory[0], NULL, 10));
    assert_ok(kin_alloc(&memory[1], NULL, 300000));
    assert_ok(kin_alloc(&memory[2], NULL, 16384));
    assert_ok(kin_alloc_total(NULL, &blocks[1], &bytes[1]));
    assert_int_equal(blocks[1] - blocks[0], 3);
    assert_int_equal(bytes[1] - bytes[0], 316394);
    for (int i = 0; i < 3; i++) {
        assert_ok(kin_free(memory[i]));
    }
    assert_ok(kin_alloc_total(NULL, &blocks[1], &bytes[1]));
    assert_true(blocks[1] == blocks[0] && bytes[1] == bytes[0]);
}

int main(void)
{
    static const kin_child_entry entries[] = {{"churn", child_churn}, {"fill", child_fill}};
    limit_own_family();
    kin_child_main(entries, 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_aligned_and_apart),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(arrays_are_blocks_of_whole_objects),
        cmocka_unit_test(full_arena_says_so_and_recovers),
        cmocka_unit_test(freed_memory_is_used_again),
        cmocka_unit_test(another_process_frees_what_one_allocated),
        cmocka_unit_test(killed_allocators_break_nothing),
        cmocka_unit_test(what_is_allocated_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
