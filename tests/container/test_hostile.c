/* A member has written over a dict. Another member that uses the dict gets an error: it reads nothing outside of the
 * arena, takes no longer than with a sound dict, and copies no more bytes than the family has. */
#include "support.h"

#include "container/hash_table.h"
#include "family/input.h"
#include "memory/heap.h"

#define RESERVE (UINT64_C(64) << 20)

static kin_dict *new_dict(kin_family *family, uint32_t keys)
{
    kin_dict *dict = NULL;
    assert_ok(kin_dict_create(&dict, family));
    for (uint32_t key = 0; key < keys; key++) {
        assert_ok(kin_dict_set(dict, &key, sizeof key, &key, sizeof key));
    }
    return dict;
}

static _Atomic uint64_t *root_of(kin_dict *dict)
{
    return &((kin__container *)dict)->root;
}

static uint64_t word_of(kin_family *family, void *block)
{
    uint32_t generation = 0;
    uint64_t size = 0;
    assert_ok(kin__heap_generation(family, kin__offset(family, block), &generation, &size));
    return kin__block_word(kin__offset(family, block), generation);
}

static void root_may_be_at_the_end_of_what_there_is(void **state)
{
    (void)state;
    kin_family *family = new_family(RESERVE);
    kin_dict *dict = new_dict(family, 1);
    uint64_t end = kin__family_end(family);
    uint32_t key = 0, value = 0;
    for (uint64_t before = 16; before <= 128; before += 16) {
        memset(kin__pointer(family, end - before), 0, (size_t)before);
        for (uint64_t depth = 0; depth < 3; depth++) {
            if (before >= 2 * sizeof depth) {
                memcpy(kin__pointer(family, end - before + sizeof depth), &depth, sizeof depth);
            }
            atomic_store(root_of(dict), kin__block_word(end - before, 1));
            assert_true(kin_dict_get(dict, &key, sizeof key, &value, sizeof value, NULL) < 0);
            assert_true(kin_dict_set(dict, &key, sizeof key, &value, sizeof value) < 0);
            assert_true(kin_dict_remove(dict, &key, sizeof key) < 0);
        }
    }
    kin_family_close(family);
}

/* A directory of 2^11 words, each of which names a block of 16 bytes; what lies in and behind them names memory that
 * the family does not have yet. */
static void clearing_asks_about_no_word_twice(void **state)
{
    (void)state;
    enum { DEPTH = 11, WORDS = 1 << DEPTH, BEHIND = 192 << 10 };
    kin_family *family = new_family(RESERVE);
    kin_dict *dict = new_dict(family, 1);
    kin__directory *directory = NULL;
    uint64_t *behind = NULL;
    const uint64_t beyond = kin__block_word(RESERVE - 65536, 1);
    assert_ok(kin_alloc((void **)&directory, family, sizeof *directory + WORDS * sizeof(uint64_t)));
    atomic_store(&directory->depth, DEPTH);
    for (int i = 0; i < WORDS; i++) {
        uint64_t *block = NULL;
        assert_ok(kin_alloc((void **)&block, family, 16));
        block[0] = block[1] = beyond;
        atomic_store((_Atomic uint64_t *)(void *)(directory + 1) + i, word_of(family, block));
    }
    assert_ok(kin_alloc((void **)&behind, family, BEHIND));
    for (size_t i = 0; i < BEHIND / sizeof *behind; i++) {
        behind[i] = beyond;
    }
    atomic_store(root_of(dict), word_of(family, directory));
    int64_t began = now_ns();
    kin_snapshot *items = NULL;
    assert_true(kin_dict_snapshot(&items, dict) < 0);
    assert_ok(kin_dict_clear(dict));
    assert_true(now_ns() - began < KIN_SECONDS(5)); /* it was 80 s */
    kin_family_close(family);
}

static void copy_is_no_larger_than_the_family(void **state)
{
    (void)state;
    kin_family *family = new_family(RESERVE);
    kin_dict *dict = new_dict(family, 3000);
    kin__entry *entry = NULL;
    kin__segment_view in;
    kin_snapshot *items = NULL;
    assert_ok(kin_alloc((void **)&entry, family, 1 << 20));
    atomic_store(&entry->key_size, 4);
    atomic_store(&entry->value_size, (1 << 20) - 16);
    assert_true(kin__segment_open(family, atomic_load(root_of(dict)), &in));
    for (uint64_t i = 0; i < in.capacity; i++) {
        atomic_store(&in.slots[i].word, i < 40 ? word_of(family, entry) : KIN__NO_ENTRY);
    }
    assert_status(kin_dict_snapshot(&items, dict), KIN_E_DAMAGED);
    kin_family_close(family);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_may_be_at_the_end_of_what_there_is),
        cmocka_unit_test(clearing_asks_about_no_word_twice),
        cmocka_unit_test(copy_is_no_larger_than_the_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
