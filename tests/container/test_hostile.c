/* A member has written over a dict or a list. Another member that uses it gets an error: it reads nothing outside of
 * the arena, takes no longer than with a sound one, and copies no more bytes than the family has. */
#include "support.h"

#include "container/hash_table.h"
#include "container/list_index.h"
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

/* One of the two words of a directory names an empty segment, the other one memory that the family does not have. */
static void items_of_a_damaged_table_are_an_error(void **state)
{
    (void)state;
    kin_family *family = new_family(RESERVE);
    kin_dict *dict = new_dict(family, 0);
    kin__directory *directory = NULL;
    void *segment = NULL;
    kin_snapshot *items = NULL;
    assert_ok(kin_alloc((void **)&directory, family, sizeof *directory + 2 * sizeof(uint64_t)));
    assert_ok(kin_alloc(&segment, family, KIN__SEGMENT_SIZE));
    _Atomic uint64_t *words = (void *)(directory + 1);
    atomic_store(&directory->depth, 1);
    atomic_store(&words[0], word_of(family, segment));
    atomic_store(&words[1], kin__block_word(RESERVE - 65536, 1));
    atomic_store(root_of(dict), word_of(family, directory));
    assert_status(kin_dict_snapshot(&items, dict), KIN_E_DAMAGED);
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

/* ---- lists ---- */

static kin_list *new_list(kin_family *family, size_t items)
{
    kin_list *list = NULL;
    assert_ok(kin_list_create(&list, family));
    for (size_t i = 0; i < items; i++) {
        assert_ok(kin_list_append(list, &i, sizeof i));
    }
    return list;
}

static _Atomic uint64_t *root_of_list(kin_list *list)
{
    return &((kin__container *)list)->root;
}

static kin__index *index_of(kin_family *family, kin_list *list)
{
    return kin__pointer(family, kin__block_offset(atomic_load(root_of_list(list))));
}

/* All that reads or changes it; what comes of it is not known. */
static void use(kin_list *list)
{
    static const size_t indices[] = {0, 1, KIN__INDEX_SEGMENT - 1, KIN__INDEX_SEGMENT, 1 << 20, KIN_LIST_LAST};
    kin_snapshot *items = NULL;
    char buffer[64];
    size_t size = 0;
    for (size_t i = 0; i < sizeof indices / sizeof indices[0]; i++) {
        kin_list_get(list, indices[i], buffer, sizeof buffer, &size);
        kin_list_set(list, indices[i], "set", 3);
        kin_list_insert(list, indices[i], "insert", 6);
        kin_list_pop(list, indices[i], buffer, sizeof buffer, &size);
        if (kin_list_snapshot(&items, list, indices[i], 100) == KIN_OK) {
            kin_snapshot_destroy(items);
        }
    }
    kin_list_size(list, &size);
    if (kin_list_snapshot(&items, list, 0, SIZE_MAX) == KIN_OK) {
        kin_snapshot_destroy(items);
    }
}

static void index_may_be_at_the_end_of_what_there_is(void **state)
{
    (void)state;
    static const uint64_t capacities[] = {KIN__INDEX_MIN, KIN__INDEX_WHOLE, KIN__INDEX_WHOLE + 1, UINT64_MAX};
    kin_family *family = new_family(RESERVE);
    kin_list *list = new_list(family, 1);
    uint64_t end = kin__family_end(family);
    char buffer[8];
    for (uint64_t before = 16; before <= 48; before += 16) {
        kin__index *index = kin__pointer(family, end - before);
        memset(index, 0, (size_t)before);
        for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
            atomic_store(&index->capacity, capacities[i]);
            atomic_store(&index->span, kin__index_span(KIN__INDEX_MIN - 1, 1));
            atomic_store(root_of_list(list), kin__block_word(end - before, 1));
            assert_true(kin_list_get(list, 0, buffer, sizeof buffer, NULL) < 0);
            assert_true(kin_list_pop(list, KIN_LIST_LAST, NULL, 0, NULL) < 0);
        }
    }
    use(list);
    kin_family_close(family);
}

typedef struct lie { /* what is written over a directory; UINT64_MAX: nothing */
    uint64_t span, capacity, word;
} lie;

static void a_directory_may_say_anything(void **state)
{
    (void)state;
    const uint64_t none = UINT64_MAX;
    const lie lies[] = {
        {kin__index_span(0, UINT32_MAX), none, none},
        {kin__index_span(UINT32_MAX, UINT32_MAX), UINT64_MAX, none},
        {kin__index_span(5, 0), none, none},
        {kin__index_span(KIN__INDEX_SEGMENT * 3 - 1, 1), none, none},
        {none, KIN__INDEX_CAPACITY_MAX, none},
        {none, KIN__INDEX_WHOLE, none},
        {none, KIN__INDEX_WHOLE + 1, none},
        {none, 0, none},
        {none, none, 0},
        {none, none, KIN__NO_ENTRY},
        {none, none, kin__block_word(RESERVE - 65536, 1)},
        {none, none, UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        kin_family *family = new_family(RESERVE);
        kin_list *list = new_list(family, 2 * (size_t)KIN__INDEX_SEGMENT);
        kin__index *index = index_of(family, list);
        if (lies[i].word != none) {
            atomic_store(&index->words[i % 2], lies[i].word);
        }
        if (lies[i].capacity != none) {
            atomic_store(&index->capacity, lies[i].capacity);
        }
        if (lies[i].span != none) {
            atomic_store(&index->span, lies[i].span);
        }
        use(list);
        kin_list_clear(list);
        use(list);
        kin_family_close(family);
    }
}

/* A directory as large as can be, all of whose words name one segment, and which is said to have so many items. */
static void name_one_segment_many_times(kin_family *family, kin_list *list, uint64_t count)
{
    uint64_t segment = atomic_load(&index_of(family, list)->words[0]);
    kin__index *index = NULL;
    assert_ok(kin_alloc((void **)&index, family, sizeof *index + KIN__INDEX_SEGMENTS_MAX * sizeof(uint64_t)));
    for (uint64_t i = 0; i < KIN__INDEX_SEGMENTS_MAX; i++) {
        atomic_store(&index->words[i], segment);
    }
    atomic_store(&index->capacity, KIN__INDEX_CAPACITY_MAX);
    atomic_store(&index->span, kin__index_span(0, count));
    atomic_store(root_of_list(list), word_of(family, index));
}

static void a_directory_may_name_one_segment_many_times(void **state)
{
    (void)state;
    int64_t began = now_ns();
    for (uint64_t count = KIN__INDEX_SEGMENT; count < KIN__INDEX_CAPACITY_MAX; count *= 64) {
        kin_family *family = new_family(RESERVE / 4);
        kin_list *list = new_list(family, 2 * (size_t)KIN__INDEX_SEGMENT);
        name_one_segment_many_times(family, list, count);
        use(list);
        kin_list_clear(list);
        kin_family_close(family);
    }
    print_message("%d ms\n", (int)((now_ns() - began) / 1000000));
    assert_true(now_ns() - began < KIN_SECONDS(20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_may_be_at_the_end_of_what_there_is),
        cmocka_unit_test(clearing_asks_about_no_word_twice),
        cmocka_unit_test(items_of_a_damaged_table_are_an_error),
        cmocka_unit_test(copy_is_no_larger_than_the_family),
        cmocka_unit_test(index_may_be_at_the_end_of_what_there_is),
        cmocka_unit_test(a_directory_may_say_anything),
        cmocka_unit_test(a_directory_may_name_one_segment_many_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
