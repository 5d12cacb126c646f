#include "support.h"

#include <stdlib.h>

#include "container/hash.h"

static kin_dict *new_dict(void)
{
    kin_dict *dict = NULL;
    assert_ok(kin_dict_create(&dict, NULL));
    return dict;
}

static size_t size_of(kin_dict *dict)
{
    size_t count = 0;
    assert_ok(kin_dict_size(dict, &count));
    return count;
}

/* ---- alone ---- */

static void what_is_set_is_got(void **state)
{
    (void)state;
    kin_dict *dict = new_dict();
    char buffer[8] = {0};
    size_t size = 77;
    int there = 7;
    assert_status(kin_dict_get(dict, "a", 1, buffer, 8, &size), KIN_E_NOT_FOUND);
    assert_ok(kin_dict_contains(dict, "a", 1, &there));
    assert_int_equal(there, 0);
    assert_ok(kin_dict_set(dict, "a", 1, "first", 5));
    assert_ok(kin_dict_set(dict, "b\0c", 3, "", 0));
    assert_ok(kin_dict_get(dict, "a", 1, buffer, 8, &size));
    assert_int_equal(size, 5);
    assert_memory_equal(buffer, "first", 5);
    assert_ok(kin_dict_get(dict, "b\0c", 3, NULL, 0, &size));
    assert_int_equal(size, 0);
    assert_status(kin_dict_get(dict, "b\0d", 3, buffer, 8, NULL), KIN_E_NOT_FOUND);
    assert_status(kin_dict_get(dict, "a", 1, buffer, 4, &size), KIN_E_BUFFER);
    assert_int_equal(size, 5);
    assert_ok(kin_dict_set(dict, "a", 1, "2nd", 3));
    assert_ok(kin_dict_get(dict, "a", 1, buffer, 8, &size));
    assert_int_equal(size, 3);
    assert_memory_equal(buffer, "2nd", 3);
    assert_int_equal(size_of(dict), 2);
    assert_ok(kin_dict_contains(dict, "a", 1, &there));
    assert_int_equal(there, 1);
    assert_ok(kin_dict_remove(dict, "a", 1));
    assert_status(kin_dict_remove(dict, "a", 1), KIN_E_NOT_FOUND);
    assert_status(kin_dict_get(dict, "a", 1, buffer, 8, &size), KIN_E_NOT_FOUND);
    assert_int_equal(size_of(dict), 1);
    assert_ok(kin_dict_destroy(dict));
}

static void conditions_are_kept(void **state)
{
    (void)state;
    kin_dict *dict = new_dict();
    int done = 7;
    assert_ok(kin_dict_set_if_absent(dict, "k", 1, "one", 3));
    assert_status(kin_dict_set_if_absent(dict, "k", 1, "two", 3), KIN_E_EXISTS);
    assert_ok(kin_dict_compare_and_set(dict, "k", 1, "two", 3, "three", 5, &done));
    assert_int_equal(done, 0);
    assert_ok(kin_dict_compare_and_set(dict, "k", 1, "one", 3, "three", 5, &done));
    assert_int_equal(done, 1);
    assert_ok(kin_dict_compare_and_set(dict, "k", 1, "thre", 4, "x", 1, &done));
    assert_int_equal(done, 0);
    assert_ok(kin_dict_compare_and_set(dict, "k", 1, NULL, 0, "x", 1, &done));
    assert_int_equal(done, 0);
    assert_ok(kin_dict_compare_and_set(dict, "n", 1, "", 0, "x", 1, &done));
    assert_int_equal(done, 0);
    assert_ok(kin_dict_compare_and_set(dict, "n", 1, NULL, 0, "x", 1, &done));
    assert_int_equal(done, 1);
    assert_ok(kin_dict_compare_and_set(dict, "k", 1, "three", 5, NULL, 0, &done));
    assert_int_equal(done, 1);
    assert_int_equal(size_of(dict), 1);
    assert_status(kin_dict_get(dict, "k", 1, NULL, 0, NULL), KIN_E_NOT_FOUND);
    assert_ok(kin_dict_destroy(dict));
}

static kin_status append_x(void *value, size_t *size, size_t room, void *context)
{
    kin_dict *dict = context;
    char old[20];
    size_t there = 0;
    if (*size == room || kin_dict_get(dict, "k", 1, old, sizeof old, &there) != KIN_OK || there != *size ||
        kin_dict_set(dict, "k", 1, "", 0) != KIN_E_DEADLOCK || kin_dict_clear(dict) != KIN_E_DEADLOCK) {
        return KIN_E_LIMIT;
    }
    ((char *)value)[(*size)++] = 'x';
    return KIN_OK;
}

static kin_status spoil(void *value, size_t *size, size_t room, void *context)
{
    memset(value, 'y', room);
    *size = *(size_t *)context;
    return *size == 0 ? KIN_E_CLOSED : KIN_OK;
}

static void update_changes_a_copy(void **state)
{
    (void)state;
    kin_dict *dict = new_dict();
    char buffer[20] = {0};
    size_t size = 0, none = 0, many = 11;
    uint64_t blocks = count_blocks();
    assert_status(kin_dict_update(dict, "k", 1, 10, append_x, dict), KIN_E_NOT_FOUND);
    assert_ok(kin_dict_set(dict, "k", 1, "ab", 2));
    assert_ok(kin_dict_update(dict, "k", 1, 10, append_x, dict));
    assert_ok(kin_dict_update(dict, "k", 1, 10, append_x, dict));
    assert_status(kin_dict_update(dict, "k", 1, 0, append_x, dict), KIN_E_LIMIT);
    assert_status(kin_dict_update(dict, "k", 1, 10, spoil, &none), KIN_E_CLOSED);
    assert_status(kin_dict_update(dict, "k", 1, 10, spoil, &many), KIN_E_TOO_BIG);
    assert_ok(kin_dict_get(dict, "k", 1, buffer, sizeof buffer, &size));
    assert_int_equal(size, 4);
    assert_memory_equal(buffer, "abxx", 4);
    assert_int_equal(count_blocks(), blocks + 2);
    assert_ok(kin_dict_destroy(dict));
}

static void strings_and_numbers(void **state)
{
    (void)state;
    kin_dict *dict = new_dict();
    char buffer[6] = "?????";
    int64_t number = 0;
    size_t size = 0;
    assert_ok(kin_dict_set_string(dict, "name", "kinds"));
    assert_ok(kin_dict_get_string(dict, "name", buffer, 6, &size));
    assert_string_equal(buffer, "kinds");
    assert_int_equal(size, 5);
    assert_status(kin_dict_get_string(dict, "name", buffer, 5, &size), KIN_E_BUFFER);
    assert_ok(kin_dict_set_i64(dict, "n", INT64_MAX - 2));
    assert_ok(kin_dict_get_i64(dict, "n", &number));
    assert_true(number == INT64_MAX - 2);
    assert_ok(kin_dict_add_i64(dict, "n", 2, &number));
    assert_true(number == INT64_MAX);
    assert_status(kin_dict_add_i64(dict, "n", 1, &number), KIN_E_OVERFLOW);
    assert_ok(kin_dict_add_i64(dict, "new", -5, NULL));
    assert_ok(kin_dict_get_i64(dict, "new", &number));
    assert_int_equal(number, -5);
    assert_status(kin_dict_get_i64(dict, "name", &number), KIN_E_SIZE);
    assert_status(kin_dict_add_i64(dict, "name", 1, &number), KIN_E_SIZE);
    assert_ok(kin_dict_set_string(dict, "name", "longer than 8"));
    assert_status(kin_dict_get_i64(dict, "name", &number), KIN_E_SIZE);
    assert_ok(kin_dict_remove_string(dict, "name"));
    assert_status(kin_dict_get_string(dict, "name", buffer, 6, NULL), KIN_E_NOT_FOUND);
    assert_ok(kin_dict_destroy(dict));
}

static void set_number(kin_dict *dict, uint32_t key, uint32_t value)
{
    assert_ok(kin_dict_set(dict, &key, sizeof key, &value, sizeof value));
}

static void it_grows_shrinks_and_leaves_nothing(void **state)
{
    (void)state;
    const uint32_t many = 100000;
    uint64_t before = count_blocks();
    kin_dict *dict = new_dict();
    uint32_t value = 0;
    for (uint32_t i = 0; i < many; i++) {
        set_number(dict, i, i * 7);
    }
    assert_int_equal(size_of(dict), many);
    assert_in_range(count_blocks(), before + many + 2, before + many + many / 1000);
    for (uint32_t i = 0; i < many; i++) {
        assert_ok(kin_dict_get(dict, &i, sizeof i, &value, sizeof value, NULL));
        assert_int_equal(value, i * 7);
    }
    for (uint32_t i = 0; i < many; i += i % 3 == 0 ? 2 : 1) {
        assert_ok(kin_dict_remove(dict, &i, sizeof i));
    }
    size_t left = size_of(dict);
    assert_in_range(count_blocks(), before + left + 2, before + left + many / 1000);
    for (uint32_t i = 0; i < many; i++) {
        kin_status status = kin_dict_get(dict, &i, sizeof i, &value, sizeof value, NULL);
        assert_int_equal(status, i % 3 == 1 ? KIN_OK : KIN_E_NOT_FOUND);
        if (i % 3 == 1 && i > 100) {
            assert_ok(kin_dict_remove(dict, &i, sizeof i));
        }
    }
    assert_int_equal(size_of(dict), 34);
    uint64_t blocks, bytes;
    assert_ok(kin_alloc_total(NULL, &blocks, &bytes));
    assert_int_equal(blocks, before + 36);
    assert_true(bytes < 1 << 20);
    assert_ok(kin_dict_clear(dict));
    assert_int_equal(size_of(dict), 0);
    assert_int_equal(count_blocks(), before + 1);
    set_number(dict, 1, 2);
    assert_ok(kin_dict_destroy(dict));
    assert_int_equal(count_blocks(), before);
}

/* Growing takes a part of the room at a time: not a second table of twice the size. */
static void it_fills_a_family(void **state)
{
    (void)state;
    const uint64_t reserve = 16 << 20, entry = 48; /* and a slot of 16, of which up to a half is in use */
    kin_family *family = new_family(reserve);
    kin_dict *dict = NULL;
    uint32_t count = 0;
    assert_ok(kin_dict_create(&dict, family));
    while (kin_dict_set(dict, &count, sizeof count, &count, sizeof count) == KIN_OK) {
        count++;
    }
    assert_true(count * (entry + 16) > reserve / 10 * 7);
    assert_int_equal(size_of(dict), count);
    for (uint32_t i = 0; i < count; i++) {
        assert_ok(kin_dict_remove(dict, &i, sizeof i));
    }
    uint64_t blocks, bytes;
    assert_ok(kin_alloc_total(family, &blocks, &bytes));
    assert_int_equal(blocks, 2);
    assert_true(bytes < 4096);
    kin_family_close(family);
}

/* In a family that is full all the time: segments that get empty are given up without memory for others. */
static void one_gives_its_room_to_another(void **state)
{
    (void)state;
    kin_family *family = new_family((SANITIZED ? 4 : 16) << 20);
    kin_dict *old = NULL, *new = NULL;
    uint32_t most = 0, oldest = 0, newest = 0;
    assert_ok(kin_dict_create(&old, family));
    assert_ok(kin_dict_create(&new, family));
    while (kin_dict_set(old, &most, sizeof most, &most, sizeof most) == KIN_OK) {
        most++;
    }
    while (oldest < most) {
        if (kin_dict_set(new, &newest, sizeof newest, &newest, sizeof newest) == KIN_OK) {
            newest++;
        } else {
            assert_ok(kin_dict_remove(old, &oldest, sizeof oldest));
            oldest++;
        }
    }
    while (kin_dict_set(new, &newest, sizeof newest, &newest, sizeof newest) == KIN_OK) {
        newest++;
    }
    assert_int_equal(size_of(old), 0);
    assert_true(newest > most / 10 * 9);
    kin_family_close(family);
}

/* The same keys come and go: what is gone must not fill the table, nor hide what is there. */
static void churn(void **state)
{
    (void)state;
    enum { KEYS = 200 };
    kin_dict *dict = new_dict();
    uint32_t model[KEYS] = {0}, value = 0;
    uint64_t before = count_blocks();
    srand(1);
    for (uint32_t i = 1; i < 200000; i++) {
        uint32_t key = (uint32_t)rand() % KEYS;
        if (rand() % 2) {
            set_number(dict, key, i);
            model[key] = i;
        } else {
            kin_status status = kin_dict_remove(dict, &key, sizeof key);
            assert_int_equal(status, model[key] ? KIN_OK : KIN_E_NOT_FOUND);
            model[key] = 0;
        }
        key = (uint32_t)rand() % KEYS;
        value = 0;
        kin_dict_get(dict, &key, sizeof key, &value, sizeof value, NULL);
        assert_int_equal(value, model[key]);
    }
    assert_true(count_blocks() <= before + KEYS + 1);
    assert_ok(kin_dict_destroy(dict));
}

static void sizes_at_the_limits(void **state)
{
    (void)state;
    kin_dict *dict = new_dict();
    char *big = calloc(1, KIN_DICT_KEY_MAX + 1), *huge = malloc(8000001), *out = malloc(8000001);
    size_t size = 0;
    assert_true(big && huge && out);
    assert_ok(kin_dict_set(dict, big, KIN_DICT_KEY_MAX, "v", 1));
    assert_ok(kin_dict_get(dict, big, KIN_DICT_KEY_MAX, out, 1, &size));
    assert_status(kin_dict_get(dict, big, KIN_DICT_KEY_MAX - 1, out, 1, &size), KIN_E_NOT_FOUND);
    assert_status(kin_dict_set(dict, big, KIN_DICT_KEY_MAX + 1, "v", 1), KIN_E_ARGUMENT);
    memset(huge, 5, 8000001);
    assert_ok(kin_dict_set(dict, "k", 1, huge, 8000001));
    assert_ok(kin_dict_get(dict, "k", 1, out, 8000001, &size));
    assert_int_equal(size, 8000001);
    assert_memory_equal(out, huge, size);
    if (SIZE_MAX > UINT32_MAX) {
        assert_status(kin_dict_set(dict, "k", 1, huge, UINT32_MAX), KIN_E_NO_MEMORY);
        assert_status(kin_dict_set(dict, "k", 1, huge, (size_t)UINT32_MAX + 1), KIN_E_TOO_BIG);
    }
    assert_status(kin_dict_set(dict, "k", 1, huge, (size_t)1 << 30), KIN_E_NO_MEMORY);
    assert_status(kin_dict_set(dict, "n", 1, huge, (size_t)1 << 30), KIN_E_NO_MEMORY);
    assert_ok(kin_dict_get(dict, "k", 1, out, 8000001, &size));
    assert_int_equal(size_of(dict), 2);
    assert_ok(kin_dict_destroy(dict));
    free(big);
    free(huge);
    free(out);
}

static void items_are_those_of_one_moment(void **state)
{
    (void)state;
    kin_dict *dict = new_dict();
    kin_snapshot *items = NULL;
    kin_snapshot_item item;
    int seen[50] = {0};
    assert_ok(kin_dict_snapshot(&items, dict));
    assert_int_equal(kin_snapshot_count(items), 0);
    assert_false(kin_snapshot_next(items, &item));
    kin_snapshot_destroy(items);
    for (uint32_t i = 0; i < 50; i++) {
        set_number(dict, i, i + 1000);
    }
    assert_ok(kin_dict_snapshot(&items, dict));
    assert_ok(kin_dict_clear(dict));
    assert_int_equal(kin_snapshot_count(items), 50);
    for (int round = 1; round <= 2; round++) {
        while (kin_snapshot_next(items, &item)) {
            uint32_t key, value;
            assert_true(item.key_size == sizeof key && item.value_size == sizeof value);
            memcpy(&key, item.key, sizeof key);
            memcpy(&value, item.value, sizeof value);
            assert_true(key < 50 && value == key + 1000);
            seen[key]++;
        }
        for (int i = 0; i < 50; i++) {
            assert_int_equal(seen[i], round);
        }
    }
    kin_snapshot_destroy(items);
    kin_snapshot_destroy(NULL);
    assert_ok(kin_dict_destroy(dict));
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_dict *dict = new_dict(), *gone = new_dict();
    kin_lock *lock = NULL;
    kin_snapshot *items = NULL;
    kin_ref ref;
    void *found = NULL;
    char buffer[8];
    size_t size;
    int done;
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_status(kin_dict_create(NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_dict_get(NULL, "a", 1, buffer, 8, NULL), KIN_E_ARGUMENT);
    assert_status(kin_dict_get(dict, NULL, 1, buffer, 8, NULL), KIN_E_ARGUMENT);
    assert_status(kin_dict_get(dict, "a", 0, buffer, 8, NULL), KIN_E_ARGUMENT);
    assert_status(kin_dict_get(dict, "a", 1, NULL, 8, NULL), KIN_E_ARGUMENT);
    assert_status(kin_dict_get((kin_dict *)lock, "a", 1, buffer, 8, NULL), KIN_E_TYPE);
    assert_status(kin_dict_get((kin_dict *)(void *)&ref, "a", 1, buffer, 8, NULL), KIN_E_NOT_SHARED);
    assert_status(kin_dict_set(dict, "a", 1, NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_dict_set(NULL, "a", 1, "b", 1), KIN_E_ARGUMENT);
    assert_status(kin_dict_set_if_absent(dict, "a", 1, NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_dict_compare_and_set(dict, "a", 1, NULL, 0, NULL, 0, &done), KIN_E_ARGUMENT);
    assert_status(kin_dict_compare_and_set(dict, "a", 1, "a", 1, "b", 1, NULL), KIN_E_ARGUMENT);
    assert_status(kin_dict_update(dict, "a", 1, 1, NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_dict_contains(dict, "a", 1, NULL), KIN_E_ARGUMENT);
    assert_status(kin_dict_size(dict, NULL), KIN_E_ARGUMENT);
    assert_status(kin_dict_size(NULL, &size), KIN_E_ARGUMENT);
    assert_status(kin_dict_clear(NULL), KIN_E_ARGUMENT);
    assert_status(kin_dict_snapshot(NULL, dict), KIN_E_ARGUMENT);
    assert_status(kin_dict_snapshot(&items, (kin_dict *)lock), KIN_E_TYPE);
    assert_status(kin_dict_set_string(dict, NULL, "a"), KIN_E_ARGUMENT);
    assert_status(kin_dict_set_string(dict, "a", NULL), KIN_E_ARGUMENT);
    assert_status(kin_dict_get_i64(dict, "a", NULL), KIN_E_ARGUMENT);
    assert_status(kin_lock_destroy((kin_lock *)dict), KIN_E_TYPE);
    assert_ok(kin_ref_of(&ref, KIN_TYPE_DICT, gone));
    assert_ok(kin_ref_get(&found, KIN_TYPE_DICT, ref));
    assert_ptr_equal(found, gone);
    assert_ok(kin_dict_destroy(gone));
    assert_status(kin_ref_get(&found, KIN_TYPE_DICT, ref), KIN_E_STALE);
    assert_status(kin_dict_set(gone, "a", 1, "b", 1), KIN_E_TYPE);
    assert_ok(kin_dict_destroy(NULL));
    assert_ok(kin_dict_destroy(dict));
    assert_ok(kin_lock_destroy(lock));
}

/* Numbers of another implementation: Python's hash of bytes under PYTHONHASHSEED=0, whose key is zeros. */
static void the_hash_is_siphash_1_3(void **state)
{
    (void)state;
    const uint64_t zeros[2] = {0, 0};
    assert_int_equal((int64_t)kin__hash(zeros, "a", 1), INT64_C(4644417185603328019));
    assert_int_equal((int64_t)kin__hash(zeros, "12345678", 8), INT64_C(3785724242978802311));
    assert_int_equal((int64_t)kin__hash(zeros, "the quick brown fox", 19), INT64_C(6491753435481021626));
}

/* ---- several processes ---- */

#define LARGEST 3000u

static size_t random_size(void)
{
    return 1 + (size_t)rand() % (rand() % 4 == 0 ? LARGEST : 100);
}

/* One change or look, at random, among so many keys. */
static int use_once(kin_dict *dict, int keys)
{
    unsigned char bytes[LARGEST];
    size_t size = 0;
    int what = rand() % 16, key = rand() % keys;
    kin_status status = KIN_OK;
    if (what < 6) {
        status = kin_dict_get(dict, &key, sizeof key, bytes, sizeof bytes, &size);
        CHECK(status == KIN_E_NOT_FOUND || (status == KIN_OK && is_pattern(bytes, size)));
    } else if (what < 11) {
        size = write_pattern(bytes, random_size(), (unsigned)rand());
        CHECK(kin_dict_set(dict, &key, sizeof key, bytes, size) == KIN_OK);
    } else if (what < 15 || rand() % 100 > 0) {
        status = kin_dict_remove(dict, &key, sizeof key);
        CHECK(status == KIN_OK || status == KIN_E_NOT_FOUND);
    } else {
        CHECK(kin_dict_clear(dict) == KIN_OK);
    }
    return 0;
}

static int child_use(const kin_args *args)
{
    kin_dict *dict = given(args, "dict", KIN_TYPE_DICT);
    int64_t times = given_number(args, "times");
    CHECK(dict);
    srand((unsigned)given_number(args, "seed"));
    for (int64_t i = 0; i < times; i++) {
        CHECK(use_once(dict, (int)given_number(args, "keys")) == 0);
    }
    return 0;
}

/* Nothing but changes, so that it is killed in the middle of one. */
static int child_change(const kin_args *args)
{
    enum { VALUES = 16 };
    static unsigned char values[VALUES][40 * LARGEST];
    kin_dict *dict = given(args, "dict", KIN_TYPE_DICT);
    unsigned number = (unsigned)given_number(args, "seed") * 12345;
    int keys = (int)given_number(args, "keys");
    for (unsigned i = 0; i < VALUES; i++) {
        write_pattern(values[i], sizeof values[i], i);
    }
    int64_t end = now_ns() + PATIENCE; /* where the test is at its end before it kills this */
    while (now_ns() < end) {
        number = number * 1103515245 + 12345;
        unsigned pick = number >> 16;
        int key = (int)(pick % (unsigned)keys);
        size_t size = pick % 64 == 1 ? sizeof values[0] : 1 + pick % 100;
        if (pick % 4096 == 0) {
            CHECK(kin_dict_clear(dict) == KIN_OK);
        } else if (pick & 0x200) {
            CHECK(kin_dict_set(dict, &key, sizeof key, values[pick % VALUES], size) == KIN_OK);
        } else {
            kin_status status = kin_dict_remove(dict, &key, sizeof key);
            CHECK(status == KIN_OK || status == KIN_E_NOT_FOUND);
        }
    }
    return 0;
}

static kin_process *start_user(kin_dict *dict, const char *entry, int64_t times, int64_t keys, int64_t seed)
{
    kin_args *args = new_args();
    give(args, "dict", KIN_TYPE_DICT, dict);
    give_number(args, "times", times);
    give_number(args, "keys", keys);
    give_number(args, "seed", seed);
    kin_process *process = start_child(entry, args);
    kin_args_destroy(args);
    return process;
}

/* All that is in it makes sense, and there is no block in the family that is not accounted for. */
static void check_whole(kin_dict *dict, uint64_t before)
{
    kin_snapshot *items = NULL;
    kin_snapshot_item item;
    size_t count = size_of(dict), seen = 0;
    assert_ok(kin_dict_snapshot(&items, dict));
    assert_int_equal(kin_snapshot_count(items), count);
    for (; kin_snapshot_next(items, &item); seen++) {
        assert_true(is_pattern(item.value, item.value_size));
        assert_status(kin_dict_set_if_absent(dict, item.key, item.key_size, "", 0), KIN_E_EXISTS);
    }
    assert_int_equal(seen, count);
    kin_snapshot_destroy(items);
    assert_in_range(count_blocks(), before + count, before + count + 1); /* perhaps a table */
}

static void nothing_is_torn_between_processes(void **state)
{
    (void)state;
    kin_dict *dict = new_dict();
    uint64_t before = count_blocks();
    for (int round = 0; round < 2; round++) {
        kin_process *users[4];
        for (int i = 0; i < 4; i++) {
            users[i] = start_user(dict, "use", 30000, round == 0 ? 3 : 1000, 4 * round + i);
        }
        for (int i = 0; i < 4; i++) {
            join_child(users[i], 0);
        }
        check_whole(dict, before);
    }
    assert_ok(kin_dict_destroy(dict));
}

/* Two keys change places with every change of either: each is always there, and both stay what they are. */
static int child_replace(const kin_args *args)
{
    kin_dict *dict = given(args, "dict", KIN_TYPE_DICT);
    unsigned char bytes[LARGEST];
    srand((unsigned)given_number(args, "seed"));
    for (int64_t i = 0; i < given_number(args, "times"); i++) {
        CHECK(kin_dict_set(dict, "k", 1, bytes, write_pattern(bytes, random_size(), (unsigned)i)) == KIN_OK);
        CHECK(kin_dict_set(dict, &i, sizeof i, "", 0) == KIN_OK); /* the table is replaced now and then */
        CHECK(i < 50 || kin_dict_remove(dict, &(int64_t){i - 50}, sizeof i) == KIN_OK);
    }
    CHECK(kin_dict_set(dict, "end", 3, "", 0) == KIN_OK);
    return 0;
}

static void who_reads_always_finds_what_is_always_there(void **state)
{
    (void)state;
    kin_dict *dict = new_dict();
    unsigned char bytes[LARGEST];
    size_t size = 0, looks = 0;
    int end = 0;
    assert_ok(kin_dict_set(dict, "k", 1, bytes, write_pattern(bytes, 10, 1)));
    kin_process *writer = start_user(dict, "replace", 50000, 0, 1);
    while (!end) {
        for (int i = 0; i < 100; i++, looks++) {
            assert_ok(kin_dict_get(dict, "k", 1, bytes, sizeof bytes, &size));
            assert_true(is_pattern(bytes, size));
        }
        assert_ok(kin_dict_contains(dict, "end", 3, &end));
    }
    join_child(writer, 0);
    print_message("%d looks\n", (int)looks);
    assert_ok(kin_dict_destroy(dict));
}

static int child_count(const kin_args *args)
{
    kin_dict *dict = given(args, "dict", KIN_TYPE_DICT);
    for (int64_t i = 0; i < given_number(args, "times"); i++) {
        int64_t old, new;
        int done = 0;
        CHECK(kin_dict_add_i64(dict, "added", 1, NULL) == KIN_OK);
        while (!done) {
            CHECK(kin_dict_get_i64(dict, "compared", &old) == KIN_OK);
            new = old + 1;
            CHECK(kin_dict_compare_and_set(dict, "compared", 8, &old, sizeof old, &new, sizeof new, &done) == KIN_OK);
        }
    }
    return 0;
}

static void counters_are_exact(void **state)
{
    (void)state;
    kin_dict *dict = new_dict();
    kin_process *counters[3];
    int64_t number = 0;
    assert_ok(kin_dict_set_i64(dict, "compared", 0));
    for (int i = 0; i < 3; i++) {
        counters[i] = start_user(dict, "count", 5000, 0, 0);
    }
    for (int i = 0; i < 3; i++) {
        join_child(counters[i], 0);
    }
    assert_ok(kin_dict_get_i64(dict, "added", &number));
    assert_int_equal(number, 15000);
    assert_ok(kin_dict_get_i64(dict, "compared", &number));
    assert_int_equal(number, 15000);
    assert_ok(kin_dict_destroy(dict));
}

static void killed_at_random_it_stays_whole(void **state)
{
    (void)state;
    kin_dict *dict = new_dict();
    static unsigned char bytes[40 * LARGEST];
    uint64_t before = count_blocks();
    kin_process *users[3];
    int64_t seed = 100;
    for (int i = 0; i < 3; i++) {
        users[i] = start_user(dict, "change", 0, 60, seed++);
    }
    int64_t end = now_ns() + KIN_SECONDS(4);
    srand(7);
    while (now_ns() < end) {
        int victim = rand() % 3;
        int64_t until = now_ns() + KIN_US(rand() % 3000);
        while (now_ns() < until) {
            size_t size;
            int key = rand() % 60;
            kin_status status = kin_dict_get(dict, &key, sizeof key, bytes, sizeof bytes, &size);
            assert_true(status == KIN_E_NOT_FOUND || (status == KIN_OK && is_pattern(bytes, size)));
        }
        kill_child(users[victim]);
        users[victim] = start_user(dict, "change", 0, 60, seed++);
    }
    for (int i = 0; i < 3; i++) {
        kill_child(users[i]);
    }
    print_message("%d killed\n", (int)seed - 100);
    assert_ok(kin_family_reap(NULL, NULL));
    check_whole(dict, before);
    assert_ok(kin_dict_destroy(dict));
    assert_int_equal(count_blocks(), before - 1);
}

static void what_is_popped_is_gone(void **state)
{
    (void)state;
    kin_dict *dict = new_dict();
    char buffer[8] = "";
    size_t size = 0, count = 9;
    assert_status(kin_dict_pop(dict, "k", 1, buffer, sizeof buffer, &size), KIN_E_NOT_FOUND);
    assert_ok(kin_dict_set(dict, "k", 1, "value", 5));
    assert_status(kin_dict_pop(dict, "k", 1, buffer, 4, &size), KIN_E_BUFFER);
    assert_int_equal(size, 5);
    assert_ok(kin_dict_pop(dict, "k", 1, buffer, sizeof buffer, &size));
    assert_memory_equal(buffer, "value", 5);
    assert_status(kin_dict_pop(dict, "k", 1, NULL, 0, NULL), KIN_E_NOT_FOUND);
    assert_status(kin_dict_pop(dict, "k", 1, NULL, 1, NULL), KIN_E_ARGUMENT);
    assert_ok(kin_dict_size(dict, &count));
    assert_int_equal(count, 0);
    assert_ok(kin_dict_destroy(dict));
}

static kin_status count_calls(void *value, size_t *size, size_t room, void *context)
{
    static const unsigned char zeros[8] = {0};
    assert_true(room >= 8);
    assert_true(*size == 8 || (*size == 0 && memcmp(value, zeros, 8) == 0));
    *size = 8;
    ++*(unsigned char *)value;
    return context ? KIN_E_CANCELLED : KIN_OK;
}

static void update_can_insert(void **state)
{
    (void)state;
    kin_dict *dict = new_dict();
    unsigned char number[8] = {0};
    int stop = 0;
    assert_status(kin_dict_update_or_insert(dict, "n", 1, 8, count_calls, &stop), KIN_E_CANCELLED);
    assert_status(kin_dict_get(dict, "n", 1, number, 8, NULL), KIN_E_NOT_FOUND);
    for (int i = 0; i < 3; i++) {
        assert_ok(kin_dict_update_or_insert(dict, "n", 1, 8, count_calls, NULL));
    }
    assert_ok(kin_dict_get(dict, "n", 1, number, 8, NULL));
    assert_int_equal(number[0], 3);
    assert_status(kin_dict_update_or_insert(dict, "n", 1, 8, NULL, NULL), KIN_E_ARGUMENT);
    assert_ok(kin_dict_destroy(dict));
}

#define DIED_IN_UPDATE 3

static kin_status die(void *value, size_t *size, size_t room, void *context)
{
    (void)context;
    memset(value, 'z', room);
    *size = room;
    exit(DIED_IN_UPDATE);
}

static int child_die_in_update(const kin_args *args)
{
    kin_dict_update(given(args, "dict", KIN_TYPE_DICT), "k", 1, 100, die, NULL);
    return 1;
}

static void a_death_in_update_changes_nothing(void **state)
{
    (void)state;
    kin_dict *dict = new_dict();
    char buffer[100];
    size_t size = 0;
    assert_ok(kin_dict_set(dict, "k", 1, "old", 3));
    uint64_t before = count_blocks();
    kin_args *args = new_args();
    give(args, "dict", KIN_TYPE_DICT, dict);
    join_child(start_child("die_in_update", args), DIED_IN_UPDATE);
    kin_args_destroy(args);
    assert_ok(kin_dict_get(dict, "k", 1, buffer, sizeof buffer, &size));
    assert_int_equal(size, 3);
    assert_ok(kin_dict_set(dict, "k", 1, "new", 3));
    assert_int_equal(count_blocks(), before);
    assert_ok(kin_dict_destroy(dict));
}

/* A full family whose dict cannot grow. A program that drops an entry and tries again goes on, one for one. */
static void at_the_limit_one_goes_for_one(void **state)
{
    (void)state;
    enum { SETS = 20000 };
    kin_family *family = new_family(4 << 20);
    kin_dict *dict = NULL;
    assert_ok(kin_dict_create(&dict, family));
    uint64_t next = 0, oldest = 0, filled, value = 0;
    while (kin_dict_set(dict, &next, sizeof next, &next, sizeof next) == KIN_OK) {
        next++;
    }
    filled = next;
    for (uint64_t dropped = 0; next < filled + SETS;) {
        kin_status status = kin_dict_set(dict, &next, sizeof next, &next, sizeof next);
        if (status == KIN_OK) {
            next++;
            continue;
        }
        assert_status(status, KIN_E_NO_MEMORY);
        assert_ok(kin_dict_remove(dict, &oldest, sizeof oldest));
        oldest++;
        assert_true(++dropped < SETS + SETS / 4);
    }
    for (uint64_t key = 0; key < next; key++) {
        kin_status status = kin_dict_get(dict, &key, sizeof key, &value, sizeof value, NULL);
        assert_int_equal(status, key < oldest ? KIN_E_NOT_FOUND : KIN_OK);
        assert_true(key < oldest || value == key);
    }
    kin_family_close(family);
}

int main(void)
{
    static const kin_child_entry entries[] = {{"use", child_use},
                                              {"replace", child_replace},
                                              {"count", child_count},
                                              {"die_in_update", child_die_in_update},
                                              {"change", child_change}};
    limit_own_family();
    kin_child_main(entries, 5);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_is_got),
        cmocka_unit_test(conditions_are_kept),
        cmocka_unit_test(update_changes_a_copy),
        cmocka_unit_test(strings_and_numbers),
        cmocka_unit_test(it_grows_shrinks_and_leaves_nothing),
        cmocka_unit_test(it_fills_a_family),
        cmocka_unit_test(one_gives_its_room_to_another),
        cmocka_unit_test(churn),
        cmocka_unit_test(sizes_at_the_limits),
        cmocka_unit_test(items_are_those_of_one_moment),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(the_hash_is_siphash_1_3),
        cmocka_unit_test(nothing_is_torn_between_processes),
        cmocka_unit_test(who_reads_always_finds_what_is_always_there),
        cmocka_unit_test(counters_are_exact),
        cmocka_unit_test(at_the_limit_one_goes_for_one),
        cmocka_unit_test(killed_at_random_it_stays_whole),
        cmocka_unit_test(a_death_in_update_changes_nothing),
        cmocka_unit_test(what_is_popped_is_gone),
        cmocka_unit_test(update_can_insert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
