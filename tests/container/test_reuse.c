/* A reader has no lock. So the block that it reads may be freed meanwhile, and another thread may get the block and
 * write there. The reader never returns what that thread wrote, and ThreadSanitizer, under which this runs too, has
 * nothing to report: the owner of a block writes with plain stores. */
#include "support.h"

enum { KEYS = 400, ROUNDS = SANITIZED ? 15000 : 60000, LONGEST = 300, OWNED = 64, OWNED_SIZE = 600 };

typedef struct shared {
    kin_dict *dict;
    kin_list *list;
    _Atomic int changing;
} shared;

/* A pattern: a byte that somebody else wrote would show. */
static size_t new_value(unsigned char *value, unsigned round)
{
    return write_pattern(value, 1 + round * 37 % (LONGEST - 1), round);
}

static kin_status change_dict(kin_dict *dict, unsigned round)
{
    unsigned char value[LONGEST];
    uint64_t key = round * UINT64_C(7919) % KEYS;
    kin_status status = round % 3 == 2 ? kin_dict_remove(dict, &key, sizeof key)
                                       : kin_dict_set(dict, &key, sizeof key, value, new_value(value, round));
    return status == KIN_E_NOT_FOUND ? KIN_OK : status;
}

/* Every so often all goes, so that the table, too, is freed and made again. */
static kin_status empty_both(shared *it)
{
    kin_status status = kin_dict_clear(it->dict);
    return status == KIN_OK ? kin_list_clear(it->list) : status;
}

static void change(void *argument)
{
    shared *it = argument;
    unsigned char value[LONGEST];
    for (unsigned round = 0; round < ROUNDS; round++) {
        MUST(change_dict(it->dict, round) == KIN_OK);
        MUST(kin_list_append(it->list, value, new_value(value, round)) == KIN_OK);
        MUST(round % 5 < 4 || kin_list_set(it->list, 0, value, new_value(value, round + 1)) == KIN_OK);
        MUST(round % 1000 < 999 || empty_both(it) == KIN_OK);
    }
    it->changing = 0;
}

/* The next owner of the blocks. */
static void own(void *argument)
{
    shared *it = argument;
    unsigned char *owned[OWNED] = {NULL};
    for (unsigned round = 0; it->changing; round++) {
        unsigned char **block = &owned[round % OWNED];
        size_t size = 1 + round * 31 % OWNED_SIZE;
        MUST(kin_free(*block) == KIN_OK);
        MUST(KIN_ALLOC(block, NULL, size) == KIN_OK);
        memset(*block, 0xA5, size);
    }
    for (int i = 0; i < OWNED; i++) {
        MUST(kin_free(owned[i]) == KIN_OK);
    }
}

static kin_status see(const void *key, size_t key_size, const void *value, size_t value_size, void *context)
{
    MUST(key_size == sizeof(uint64_t) && key != context && is_pattern(value, value_size));
    return KIN_OK;
}

static kin_status see_item(size_t index, const void *value, size_t size, void *context)
{
    MUST(index < ROUNDS && value != context && is_pattern(value, size));
    return KIN_OK;
}

static void read_one(shared *it, unsigned round)
{
    unsigned char value[LONGEST];
    size_t size;
    uint64_t key = round % KEYS;
    kin_status status = kin_dict_get(it->dict, &key, sizeof key, value, sizeof value, &size);
    MUST(status == KIN_E_NOT_FOUND || (status == KIN_OK && is_pattern(value, size)));
    status = kin_list_get(it->list, round % 900, value, sizeof value, &size);
    MUST(status == KIN_E_NOT_FOUND || (status == KIN_OK && is_pattern(value, size)));
}

static void what_a_reader_reads_may_be_used_again(void **state)
{
    (void)state;
    shared it = {.changing = 1};
    uint64_t blocks, bytes;
    assert_ok(kin_dict_create(&it.dict, NULL));
    assert_ok(kin_list_create(&it.list, NULL));
    void *changer = begin_thread(change, &it), *owner = begin_thread(own, &it);
    for (unsigned round = 0; it.changing; round++) {
        read_one(&it, round);
        if (round % 200 == 0) {
            assert_ok(kin_dict_for_each(it.dict, see, NULL));
            assert_ok(kin_list_for_each(it.list, see_item, NULL));
            assert_ok(kin_alloc_total(NULL, &blocks, &bytes));
        }
    }
    end_thread(changer);
    end_thread(owner);
    assert_ok(kin_dict_destroy(it.dict));
    assert_ok(kin_list_destroy(it.list));
}

int main(void)
{
    limit_own_family();
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_a_reader_reads_may_be_used_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
