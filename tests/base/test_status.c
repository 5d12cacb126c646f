#include "support.h"

static void every_status_has_name_and_text(void **state)
{
    (void)state;
#define HAS(number, name, text)                                                                                        \
    assert_int_equal(name, number);                                                                                    \
    assert_string_equal(kin_status_name(name), #name);                                                                 \
    assert_string_equal(kin_status_text((kin_status)(number)), text);
    KIN_STATUS_LIST(HAS)
}

static void other_numbers_say_so(void **state)
{
    (void)state;
    assert_string_equal(kin_status_name((kin_status)-9999), "KIN_E_?");
    assert_string_equal(kin_status_text((kin_status)9999), "not a status of kin");
}

static void os_error_text_is_bounded(void **state)
{
    (void)state;
    char buffer[256] = "x";
    char tiny[4] = "abc";
    assert_string_equal(kin_os_error_text(5, NULL, 10), "");
    assert_string_equal(kin_os_error_text(5, buffer, 0), "");
    assert_ptr_equal(kin_os_error_text(5, buffer, sizeof buffer), buffer);
    assert_true(strlen(buffer) > 0);
    kin_os_error_text(5, tiny, sizeof tiny);
    assert_true(strlen(tiny) < sizeof tiny);
    kin_os_error_text(-12345678, buffer, sizeof buffer);
}

static void timeouts_are_nanoseconds(void **state)
{
    (void)state;
    assert_true(KIN_US(3) == 3000 && KIN_MS(3) == 3000000 && KIN_SECONDS(3) == INT64_C(3000000000));
    assert_true(KIN_SECONDS(1000000000) > 0 && KIN_NOW == 0 && KIN_FOREVER == INT64_MAX);
}

static void parts_of_a_second_are_nanoseconds(void **state)
{
    (void)state;
    static const int64_t at_compile_time = KIN_SECONDS(0.25);
    const double half = 0.5;
    assert_true(KIN_SECONDS(0.5) == 500000000 && KIN_SECONDS(half) == 500000000 && at_compile_time == 250000000);
    assert_true(KIN_MS(0.5) == 500000 && KIN_US(1.5) == 1500 && KIN_US(0.001) == 1);
    assert_true(KIN_SECONDS(0.1) == 100000000 && KIN_SECONDS(4000000001) == INT64_C(4000000001000000000));
    assert_true(KIN_MS(INT64_C(123456789012)) == INT64_C(123456789012000000));
}

static void sleeping_takes_its_time(void **state)
{
    (void)state;
    int64_t began = kin_now();
    assert_ok(kin_sleep(KIN_MS(20)));
    assert_true(kin_now() - began >= KIN_MS(20));
    assert_ok(kin_sleep(KIN_NOW));
    assert_status(kin_sleep(-1), KIN_E_ARGUMENT);
}

static void the_library_is_of_these_headers(void **state)
{
    (void)state;
    assert_int_equal(kin_version(), KIN_VERSION_MAJOR * 1000000 + KIN_VERSION_MINOR * 1000 + KIN_VERSION_PATCH);
}

static void times_saturate(void **state)
{
    (void)state;
    assert_true(KIN_SECONDS(-1) == -1000000000 && KIN_SECONDS(-0.5) == -500000000);
    assert_true(KIN_SECONDS(1e30) == KIN_FOREVER && KIN_SECONDS(INT64_MAX) == KIN_FOREVER);
    assert_true(KIN_MS(INT64_MAX) == KIN_FOREVER && KIN_US(UINT64_MAX) == KIN_FOREVER);
    assert_true(KIN_SECONDS(-1e30) == INT64_MIN && KIN_SECONDS(INT64_MIN) == INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_name_and_text),    cmocka_unit_test(other_numbers_say_so),
        cmocka_unit_test(os_error_text_is_bounded),          cmocka_unit_test(timeouts_are_nanoseconds),
        cmocka_unit_test(parts_of_a_second_are_nanoseconds), cmocka_unit_test(times_saturate),
        cmocka_unit_test(sleeping_takes_its_time),           cmocka_unit_test(the_library_is_of_these_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
