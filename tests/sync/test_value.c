#include "support.h"

static const kin_element elements[] = {KIN_ELEMENT_I8,  KIN_ELEMENT_U8,  KIN_ELEMENT_I16, KIN_ELEMENT_U16,
                                       KIN_ELEMENT_I32, KIN_ELEMENT_U32, KIN_ELEMENT_I64, KIN_ELEMENT_U64,
                                       KIN_ELEMENT_F32, KIN_ELEMENT_F64};
#define ELEMENTS (sizeof elements / sizeof elements[0])

static int child_square(const kin_args *args)
{
    kin_array *numbers = given(args, "numbers", KIN_TYPE_ARRAY);
    kin_value *sum = given(args, "sum", KIN_TYPE_VALUE);
    CHECK(numbers && sum);
    int32_t *item = kin_array_data(numbers);
    CHECK(kin_array_acquire(numbers, PATIENCE) == KIN_OK);
    CHECK(kin_value_acquire(sum, PATIENCE) == KIN_OK);
    for (size_t i = 0; i < kin_array_count(numbers); i++) {
        item[i] *= item[i];
        *(int64_t *)kin_value_data(sum) += item[i];
    }
    CHECK(kin_value_release(sum) == KIN_OK);
    CHECK(kin_array_release(numbers) == KIN_OK);
    return 0;
}

static int child_die_holding(const kin_args *args)
{
    kin_value *value = given(args, "value", KIN_TYPE_VALUE);
    CHECK(value && kin_value_acquire(value, PATIENCE) == KIN_OK);
    return 0;
}

static void value_of_every_type_keeps_its_bytes(void **state)
{
    (void)state;
    static const size_t sizes[ELEMENTS] = {1, 1, 2, 2, 4, 4, 8, 8, 4, 8};
    for (size_t i = 0; i < 2 * ELEMENTS; i++) {
        kin_value *value = NULL;
        unsigned char in[8] = {1, 2, 3, 4, 5, 6, 7, 0xf8}, out[8] = {0}, zero[8] = {0};
        size_t size = sizes[i / 2];
        assert_int_equal(kin_element_size(elements[i / 2]), size);
        assert_ok(kin_value_create(&value, NULL, elements[i / 2], i % 2 ? KIN_VALUE_LOCKED : KIN_VALUE_UNLOCKED));
        assert_ok(kin_value_get(value, out, size));
        assert_memory_equal(out, zero, size);
        assert_ok(kin_value_set(value, in, size));
        assert_ok(kin_value_get(value, out, size));
        assert_memory_equal(out, in, size);
        assert_status(kin_value_get(value, out, size + 1), KIN_E_SIZE);
        assert_status(kin_value_set(value, in, size - 1), KIN_E_SIZE);
        assert_int_equal((uintptr_t)kin_value_data(value) % size, 0);
        assert_ok(kin_value_destroy(value));
    }
}

static void array_is_read_and_written_in_ranges(void **state)
{
    (void)state;
    kin_array *array = NULL;
    int32_t in[4] = {1, -2, 3, -4}, out[4] = {0};
    assert_ok(kin_array_create(&array, NULL, KIN_ELEMENT_I32, 10, KIN_VALUE_LOCKED));
    assert_int_equal(kin_array_count(array), 10);
    assert_ok(kin_array_set(array, 6, 4, in, sizeof in));
    assert_ok(kin_array_get(array, 5, 3, out, 12));
    assert_true(out[0] == 0 && out[1] == 1 && out[2] == -2);
    assert_ok(kin_array_get(array, 10, 0, out, 0));
    assert_status(kin_array_get(array, 7, 4, out, 16), KIN_E_ARGUMENT);
    assert_status(kin_array_get(array, 11, 0, out, 0), KIN_E_ARGUMENT);
    assert_status(kin_array_set(array, SIZE_MAX, 2, in, 8), KIN_E_ARGUMENT);
    assert_status(kin_array_set(array, 0, 4, in, 15), KIN_E_SIZE);
    assert_ok(kin_array_destroy(array));
}

static void child_works_in_place(void **state)
{
    (void)state;
    kin_array *numbers = NULL;
    kin_value *sum = NULL;
    int32_t items[] = {5, 6, 7, 8};
    int64_t total = 0;
    kin_args *args = new_args();
    assert_ok(kin_array_create(&numbers, NULL, KIN_ELEMENT_I32, 4, KIN_VALUE_LOCKED));
    assert_ok(kin_value_create(&sum, NULL, KIN_ELEMENT_I64, KIN_VALUE_LOCKED));
    assert_ok(kin_array_set(numbers, 0, 4, items, sizeof items));
    give(args, "numbers", KIN_TYPE_ARRAY, numbers);
    give(args, "sum", KIN_TYPE_VALUE, sum);
    run_child("square", args);
    assert_ok(kin_array_get(numbers, 0, 4, items, sizeof items));
    assert_ok(kin_value_get(sum, &total, sizeof total));
    assert_true(items[0] == 25 && items[1] == 36 && items[2] == 49 && items[3] == 64 && total == 174);
    kin_args_destroy(args);
    assert_ok(kin_array_destroy(numbers));
    assert_ok(kin_value_destroy(sum));
}

static void death_of_the_holder_is_news(void **state)
{
    (void)state;
    kin_value *value = NULL;
    int64_t number = 5;
    kin_args *args = new_args();
    assert_ok(kin_value_create(&value, NULL, KIN_ELEMENT_I64, KIN_VALUE_LOCKED));
    give(args, "value", KIN_TYPE_VALUE, value);
    run_child("die_holding", args);
    assert_status(kin_value_set(value, &number, sizeof number), KIN_OWNER_DIED);
    assert_ok(kin_value_get(value, &number, sizeof number));
    assert_int_equal(number, 5);
    run_child("die_holding", args);
    assert_status(kin_value_acquire(value, PATIENCE), KIN_OWNER_DIED);
    assert_ok(kin_lock_repair(kin_value_lock(value)));
    assert_ok(kin_value_release(value));
    kin_args_destroy(args);
    assert_ok(kin_value_destroy(value));
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_value *value = NULL;
    kin_array *array = NULL;
    int64_t number = 0;
    assert_int_equal(kin_element_size((kin_element)0), 0);
    assert_int_equal(kin_element_size((kin_element)11), 0);
    assert_status(kin_value_create(NULL, NULL, KIN_ELEMENT_I8, 0), KIN_E_ARGUMENT);
    assert_status(kin_value_create(&value, NULL, (kin_element)11, 0), KIN_E_ARGUMENT);
    assert_status(kin_value_create(&value, NULL, KIN_ELEMENT_I8, 2), KIN_E_ARGUMENT);
    assert_status(kin_array_create(&array, NULL, KIN_ELEMENT_I8, 0, 0), KIN_E_ARGUMENT);
    assert_status(kin_array_create(&array, NULL, KIN_ELEMENT_I64, SIZE_MAX / 4, 0), KIN_E_TOO_BIG);
    if (SIZE_MAX > UINT32_MAX) {
        assert_status(kin_array_create(&array, NULL, KIN_ELEMENT_I64, SIZE_MAX / 64, 0), KIN_E_TOO_BIG);
    }
    assert_status(kin_array_create(&array, NULL, KIN_ELEMENT_I8, (size_t)1 << 30, 0), KIN_E_NO_MEMORY);
    assert_ok(kin_value_create(&value, NULL, KIN_ELEMENT_I64, KIN_VALUE_UNLOCKED));
    assert_ok(kin_array_create(&array, NULL, KIN_ELEMENT_I64, 1, KIN_VALUE_UNLOCKED));
    assert_status(kin_value_get(NULL, &number, 8), KIN_E_ARGUMENT);
    assert_status(kin_value_get(value, NULL, 8), KIN_E_ARGUMENT);
    assert_status(kin_value_get((kin_value *)array, &number, 8), KIN_E_TYPE);
    assert_status(kin_array_get((kin_array *)value, 0, 1, &number, 8), KIN_E_TYPE);
    assert_status(kin_value_get((kin_value *)&number, &number, 8), KIN_E_NOT_SHARED);
    assert_status(kin_value_acquire(value, KIN_NOW), KIN_E_UNSUPPORTED);
    assert_status(kin_value_release(value), KIN_E_UNSUPPORTED);
    assert_status(kin_array_acquire(array, KIN_NOW), KIN_E_UNSUPPORTED);
    assert_null(kin_value_lock(value));
    assert_null(kin_array_lock(array));
    assert_null(kin_value_data((kin_value *)array));
    assert_null(kin_array_data(NULL));
    assert_int_equal(kin_array_count((kin_array *)value), 0);
    assert_ok(kin_value_destroy(value));
    assert_true(kin_value_destroy(value) < 0);
    assert_ok(kin_array_destroy(array));
    assert_ok(kin_array_destroy(NULL));
}

static void get_while_holding_the_own_lock_is_a_deadlock(void **state)
{
    (void)state;
    kin_value *value = NULL;
    int64_t number = 0;
    assert_ok(kin_value_create(&value, NULL, KIN_ELEMENT_I64, KIN_VALUE_LOCKED));
    assert_ok(kin_value_acquire(value, KIN_NOW));
    assert_status(kin_value_get(value, &number, 8), KIN_E_DEADLOCK);
    assert_ok(kin_value_release(value));
    assert_ok(kin_value_destroy(value));
}

/* A member writes an array's numbers: nothing leads behind the arena, and each call goes by one reading. */
static void count_written_over_leads_nowhere(void **state)
{
    (void)state;
    kin_array *array = NULL;
    void *found = NULL;
    kin_ref ref;
    int32_t number = 5;
    assert_ok(kin_array_create(&array, NULL, KIN_ELEMENT_I32, 10, KIN_VALUE_LOCKED));
    assert_ok(kin_ref_of(&ref, KIN_TYPE_ARRAY, array));
    uint64_t *count = (uint64_t *)(void *)array + 2;
    assert_int_equal(*count, 10);
    const uint64_t wrong[] = {0, UINT64_MAX, UINT64_MAX / 4 + 1, UINT64_C(1) << 28};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        *count = wrong[i];
        assert_status(kin_array_get(array, 0, 1, &number, sizeof number), KIN_E_DAMAGED);
        assert_status(kin_array_set(array, (size_t)1 << 27, 1, &number, sizeof number), KIN_E_DAMAGED);
        assert_status(kin_array_acquire(array, KIN_NOW), KIN_E_DAMAGED);
        assert_int_equal(kin_array_count(array), 0);
        assert_null(kin_array_data(array));
        assert_null(kin_array_lock(array));
        assert_status(kin_ref_get(&found, KIN_TYPE_ARRAY, ref), KIN_E_STALE);
    }
    *count = 10;
    assert_ok(kin_ref_get(&found, KIN_TYPE_ARRAY, ref));
    assert_ok(kin_array_destroy(array));
}

int main(void)
{
    static const kin_child_entry entries[] = {{"square", child_square}, {"die_holding", child_die_holding}};
    limit_own_family();
    kin_child_main(entries, 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_of_every_type_keeps_its_bytes),
        cmocka_unit_test(array_is_read_and_written_in_ranges),
        cmocka_unit_test(child_works_in_place),
        cmocka_unit_test(death_of_the_holder_is_news),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(get_while_holding_the_own_lock_is_a_deadlock),
        cmocka_unit_test(count_written_over_leads_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
