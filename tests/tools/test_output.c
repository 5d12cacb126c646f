/* test_output.c: texts of any bytes in JSON, as the programs print them (tools/output.c). */
#include "../tools/output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

/* As it is printed and read again. */
static void assert_text(const char *given, const char *wanted)
{
    json_t *array = json_array();
    output_add(array, output_text(given));
    char *printed = json_dumps(array, 0);
    assert_non_null(printed);
    json_t *read = json_loads(printed, 0, NULL);
    assert_non_null(read);
    assert_string_equal(json_string_value(json_array_get(read, 0)), wanted);
    json_decref(read);
    free(printed);
    json_decref(array);
}

static void text_arrives_as_it_is(void **state)
{
    (void)state;
    assert_text("", "");
    assert_text("a \"quoted\" back\\slash, a\nline and \x01", "a \"quoted\" back\\slash, a\nline and \x01");
    assert_text("Stra\xc3\x9f"
                "e",
                "Stra\xc3\x9f"
                "e");
}

/* A name in shared memory is what another process wrote there. */
static void bytes_that_are_no_utf8_become_text(void **state)
{
    (void)state;
    assert_text("Stra\xdf"
                "e",
                "Stra\xc3\x9f"
                "e");
    assert_text("cut\xc3", "cut\xc3\x83");
    assert_text("\x80\xff", "\xc2\x80\xc3\xbf");
    assert_text("\xc3\x9f and \xff", "\xc3\x83\xc2\x9f and \xc3\xbf");
    assert_text("\xed\xa0\x80", "\xc3\xad\xc2\xa0\xc2\x80"); /* half of a surrogate pair */
}

/* What output_print has written. */
static void assert_printed(const char *given, const char *wanted)
{
    char path[] = "kin-test-output", got[256] = "";
    fflush(stdout);
    int saved = dup(1);
    assert_non_null(freopen(path, "wb", stdout));
    output_print(given);
    fflush(stdout);
    dup2(saved, 1);
    close(saved);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    got[fread(got, 1, sizeof got - 1, file)] = '\0';
    fclose(file);
    remove(path);
    assert_string_equal(got, wanted);
}

/* A terminal obeys control characters. */
static void nothing_but_text_reaches_a_terminal(void **state)
{
    (void)state;
    assert_printed("plain Stra\xc3\x9f"
                   "e \xf0\x9f\x98\x80",
                   "plain Stra\xc3\x9f"
                   "e \xf0\x9f\x98\x80");
    assert_printed("\x1b[2J\x1b]0;x\a\n\x7f", "\\x1b[2J\\x1b]0;x\\x07\\x0a\\x7f");
    assert_printed("\xc2\x9b"
                   "2J",
                   "\\xc2\\x9b"
                   "2J"); /* CSI as one character */
    assert_printed("a\x9b\xff\xc3", "a\\x9b\\xff\\xc3");
    assert_printed("\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80", "\\xed\\xa0\\x80\\xc0\\x80\\xf4\\x90\\x80\\x80");
    assert_printed("\xe2\x80\xae"
                   "txt",
                   "\\xe2\\x80\\xae"
                   "txt");                            /* right to left from here */
    assert_printed("\"a\\x1b\"", "\\\"a\\\\x1b\\\""); /* nor is an escape to be mistaken */
}

static void no_text_is_null(void **state)
{
    (void)state;
    json_t *object = json_object();
    output_set(object, "name", output_text(NULL));
    assert_true(json_is_null(json_object_get(object, "name")));
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_arrives_as_it_is),
        cmocka_unit_test(bytes_that_are_no_utf8_become_text),
        cmocka_unit_test(nothing_but_text_reaches_a_terminal),
        cmocka_unit_test(no_text_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
