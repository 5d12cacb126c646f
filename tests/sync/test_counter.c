#include "support.h"

static int child_add(const kin_args *args)
{
    kin_counter *counter = given(args, "counter", KIN_TYPE_COUNTER);
    CHECK(counter);
    for (int i = 0; i < 10000; i++) {
        CHECK(kin_counter_add(counter, 1, NULL) == KIN_OK);
    }
    return 0;
}

static void adds_and_exchanges(void **state)
{
    (void)state;
    kin_counter *counter = NULL;
    int64_t value = 0, expected = 7;
    int done = -1;
    assert_ok(kin_counter_create(&counter, NULL, -5));
    assert_ok(kin_counter_add(counter, 12, &value));
    assert_int_equal(value, 7);
    assert_ok(kin_counter_compare_exchange(counter, &expected, 100, &done));
    assert_int_equal(done, 1);
    assert_ok(kin_counter_compare_exchange(counter, &expected, 200, &done));
    assert_int_equal(done, 0);
    assert_int_equal(expected, 100);
    assert_ok(kin_counter_set(counter, INT64_MAX));
    assert_ok(kin_counter_add(counter, 1, &value));
    assert_true(value == INT64_MIN);
    assert_ok(kin_counter_destroy(counter));
}

static void processes_lose_no_addition(void **state)
{
    (void)state;
    kin_counter *counter = NULL;
    kin_process *children[4];
    int64_t value = 0;
    kin_args *args = new_args();
    assert_ok(kin_counter_create(&counter, NULL, 0));
    give(args, "counter", KIN_TYPE_COUNTER, counter);
    for (int i = 0; i < 4; i++) {
        children[i] = start_child("add", args);
    }
    for (int i = 0; i < 4; i++) {
        join_child(children[i], 0);
    }
    assert_ok(kin_counter_get(counter, &value));
    assert_int_equal(value, 40000);
    kin_args_destroy(args);
    assert_ok(kin_counter_destroy(counter));
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_counter outside, *counter = NULL;
    int64_t value = 0;
    int done = 0;
    memset(&outside, 0, sizeof outside);
    assert_ok(kin_counter_create(&counter, NULL, 3));
    assert_status(kin_counter_create(NULL, NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_counter_init(NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_counter_init(&outside, 0), KIN_E_NOT_SHARED);
    assert_status(kin_counter_add(NULL, 1, NULL), KIN_E_ARGUMENT);
    assert_status(kin_counter_add(&outside, 1, NULL), KIN_E_NOT_SHARED);
    assert_status(kin_counter_get(counter, NULL), KIN_E_ARGUMENT);
    assert_status(kin_counter_get(&outside, &value), KIN_E_NOT_SHARED);
    assert_status(kin_counter_set(NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_counter_compare_exchange(counter, NULL, 0, &done), KIN_E_ARGUMENT);
    assert_status(kin_counter_compare_exchange(counter, &value, 0, NULL), KIN_E_ARGUMENT);
    assert_ok(kin_counter_get(counter, &value));
    assert_int_equal(value, 3);
    assert_ok(kin_counter_destroy(counter));
    assert_true(kin_counter_get(counter, &value) < 0);
    assert_true(kin_counter_destroy(counter) < 0);
    assert_ok(kin_counter_destroy(NULL));
}

int main(void)
{
    static const kin_child_entry entries[] = {{"add", child_add}};
    kin_child_main(entries, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_and_exchanges),
        cmocka_unit_test(processes_lose_no_addition),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
