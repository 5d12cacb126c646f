/* The options of the programs' commands. */
#include "support.h"

#include "options.h"

static const tool_option known[] = {
    {"json", TOOL_NONE, 'j'},      {"jay", TOOL_NONE, 'y'},  {"only", TOOL_REQUIRED, 'o'},
    {"watch", TOOL_OPTIONAL, 'w'}, {"help", TOOL_NONE, 'h'}, {NULL, TOOL_NONE, 0},
};

/* What is found in a command's arguments: marks and values, then where the rest begins. */
static void expect(const char *found, const char *const *argv)
{
    char text[200] = "";
    size_t length = 0;
    int argc = 0;
    while (argv[argc]) {
        argc++;
    }
    tool_arguments it = tool_arguments_of(argc, (char **)(uintptr_t)argv);
    for (char mark; (mark = tool_next_option(&it, known)) != 0 && length < sizeof text;) {
        length += (size_t)snprintf(text + length, sizeof text - length, "%c%s ", mark, it.value ? it.value : "");
        if (mark == '?') {
            break;
        }
    }
    snprintf(text + length, sizeof text - length, "%d", it.next);
    assert_string_equal(text, found);
}

#define EXPECT(found, ...) expect(found, (const char *const[]){"command", __VA_ARGS__})

static void options_and_values_are_found(void **state)
{
    (void)state;
    EXPECT("1", NULL);
    EXPECT("j 2", "--json", NULL);
    EXPECT("j oqueue 4", "--json", "--only", "queue", NULL);
    EXPECT("oqueue j 3", "--only=queue", "--json", NULL);
    EXPECT("o--json 3", "--only", "--json", NULL);
    EXPECT("o 2", "--only=", NULL);
    EXPECT("h 2", "-h", NULL);
    EXPECT("h 2", "--help", NULL);
    EXPECT("w j 3", "--watch", "--json", NULL);
    EXPECT("w0.5 j 4", "--watch", "0.5", "--json", NULL);
    EXPECT("w2 2", "--watch=2", NULL);
    EXPECT("w 2", "--watch", NULL);
}

static void names_may_be_shortened(void **state)
{
    (void)state;
    EXPECT("j 2", "--js", NULL);
    EXPECT("oqueue 2", "--on=queue", NULL);
    EXPECT("? 2", "--j", NULL); /* two begin so */
}

static void rest_is_left(void **state)
{
    (void)state;
    EXPECT("1", "name", "--json", NULL);
    EXPECT("j 2", "--json", "name", "--only", NULL);
    EXPECT("2", "--", "--json", NULL);
    EXPECT("1", "-", NULL);
    EXPECT("1", "", NULL);
}

static void mistakes_are_told(void **state)
{
    (void)state;
    EXPECT("? 2", "--jsonx", NULL);
    EXPECT("? 2", "--json=1", NULL);
    EXPECT("? 2", "--only", NULL);
    EXPECT("? 2", "-j", NULL);
    EXPECT("? 2", "---json", NULL);
    EXPECT("? 2", "--=", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_values_are_found),
        cmocka_unit_test(names_may_be_shortened),
        cmocka_unit_test(rest_is_left),
        cmocka_unit_test(mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
