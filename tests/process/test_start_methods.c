/* What a child finds when it is started, by each method: the rows of docs/start-methods.md. CTest runs this list once
 * for each method. What only POSIX has is in tests/posix/test_start_methods_posix.c.
 */
#include "support.h"

#include <stdlib.h>

#include "os.h"

static bool by_fork(void)
{
    const char *how = getenv("KIN_START");
    return has_fork() && (!how || strcmp(how, "fork") == 0);
}

/* ---- children ---- */

static int child_family(const kin_args *args)
{
    kin_family *own = NULL, *of = NULL;
    void *memory = NULL;
    CHECK(kin_family_default(&own) == KIN_OK && own == kin_args_family(args));
    CHECK(kin_alloc(&memory, NULL, 100) == KIN_OK);
    CHECK(kin_family_of(&of, memory) == KIN_OK && of == kin_args_family(args));
    CHECK(kin_free(memory) == KIN_OK);
    return 0;
}

static int child_grandparent(const kin_args *args)
{
    kin_args *more = NULL;
    kin_exit how = {.code = -1, .signal = 0};
    kin_process *child = NULL;
    CHECK(kin_args_create(&more, NULL) == KIN_OK && kin_args_family(more) == kin_args_family(args));
    CHECK(kin_process_start(&child, "family", more, NULL) == KIN_OK);
    CHECK(kin_process_join(child, PATIENCE, &how) == KIN_OK && how.code == 0);
    kin_process_close(child);
    kin_args_destroy(more);
    return 0;
}

/* Says what its variables are, and what is in a file of the current directory. */
static int child_surroundings(const kin_args *args)
{
    const void *text = NULL;
    size_t size = 0;
    char value[64] = "", first[16] = "";
    CHECK(kin_args_get_bytes(&text, &size, args, "value") == KIN_OK);
    int length = own_variable(value, sizeof value, "KIN_TEST_ROW");
    CHECK(size == 0 ? length < 0 : length == (int)size && memcmp(value, text, size) == 0);
    if (kin_args_get_bytes(&text, &size, args, "file") == KIN_OK) {
        FILE *file = fopen(text, "r");
        CHECK(file && fread(first, 1, sizeof first - 1, file) == 4 && strcmp(first, "here") == 0);
        fclose(file);
    }
    return 0;
}

static int child_echo(const kin_args *args)
{
    char text[64];
    (void)args;
    size_t size = read_input(text, sizeof text);
    CHECK(size > 0 && size < sizeof text);
    printf("%.*s", (int)size, text); /* left in the buffer */
    return 0;
}

static int child_deaf(const kin_args *args)
{
    char text[4];
    (void)args;
    CHECK(read_input(text, sizeof text) == 0);
    fprintf(stderr, "nobody reads this\n");
    printf("nor this\n");
    return fflush(stdout) == 0 ? 0 : 1;
}

static int child_look_at(const kin_args *args)
{
    char text[8] = "";
    intptr_t handle = (intptr_t)given_number(args, "handle");
    return read_handle(handle, text, 6) == 6 && memcmp(text, "secret", 6) == 0 ? 1 : 0;
}

static kin_counter *at_exit_counter;

static void count_at_exit(void)
{
    kin_counter_add(at_exit_counter, 1, NULL);
}

static int child_at_exit(const kin_args *args)
{
    at_exit_counter = given(args, "counter", KIN_TYPE_COUNTER);
    CHECK(at_exit_counter && atexit(count_at_exit) == 0);
    return 0;
}

static int child_return(const kin_args *args)
{
    return (int)given_number(args, "code");
}

static int child_who(const kin_args *args)
{
    kin_process_info info = KIN_PROCESS_INFO_INIT;
    CHECK(kin_process_current(&info) == KIN_OK && info.started);
    CHECK(info.parent == (uint32_t)given_number(args, "parent") && strcmp(info.entry, "who") == 0);
    return 0;
}

static const kin_child_entry entries[] = {
    {"family", child_family},
    {"grandparent", child_grandparent},
    {"surroundings", child_surroundings},
    {"echo", child_echo},
    {"deaf", child_deaf},
    {"look_at", child_look_at},
    {"at_exit", child_at_exit},
    {"return", child_return},
    {"who", child_who},
};

/* ---- tests ---- */

static void run_with(const char *entry, const kin_args *args, const kin_process_options *options)
{
    kin_process *child = NULL;
    assert_ok(kin_process_start(&child, entry, args, options));
    join_child(child, 0);
}

static void null_is_the_family_of_the_arguments(void **state)
{
    (void)state;
    kin_args *own = new_args(), *other = NULL;
    kin_family *family = new_family(8 << 20);
    assert_ok(kin_args_create(&other, family));
    assert_ptr_not_equal(kin_args_family(own), family);
    run_child("family", own);
    run_child("family", other);
    run_child("grandparent", other);
    kin_family *now = NULL;
    assert_ok(kin_family_default(&now));
    assert_ptr_equal(now, kin_args_family(own)); /* the parent's is what it was */
    kin_args_destroy(own);
    kin_args_destroy(other);
    kin_family_close(family);
}

static void expect_variable(const char *value, const kin_process_options *options)
{
    kin_args *args = new_args();
    assert_ok(kin_args_add_bytes(args, "value", value, value ? strlen(value) : 0));
    run_with("surroundings", args, options);
    kin_args_destroy(args);
}

static void environment_is_that_of_now(void **state)
{
    (void)state;
    static const char *const changed[] = {"KIN_TEST_ROW=from the option", NULL}, *const removed[] = {"KIN_TEST_ROW",
                                                                                                     NULL};
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    set_variable("KIN_TEST_ROW", NULL);
    expect_variable(NULL, NULL);
    set_variable("KIN_TEST_ROW", "set now");
    expect_variable("set now", NULL);
    options.environment = changed;
    expect_variable("from the option", &options);
    options.environment = removed;
    expect_variable(NULL, &options);
    expect_variable("set now", NULL); /* nothing of that is the parent's */
    set_variable("KIN_TEST_ROW", NULL);
    expect_variable(NULL, NULL);
}

/* DIRECTORY/NAME in two. */
static char *split(char *path)
{
    char *slash = path;
    for (char *at = path; *at; at++) {
        slash = *at == '/' || *at == '\\' ? at : slash;
    }
    *slash = '\0';
    return slash + 1;
}

static void directory_is_that_of_now_or_of_the_option(void **state)
{
    (void)state;
    char *path = make_plain_file("here");
    char *directory = strdup(path);
    const char *name = split(directory);
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *none = NULL;
    kin_args *args = new_args();
    assert_ok(kin_args_add_bytes(args, "value", NULL, 0));
    assert_ok(kin_args_add_bytes(args, "file", name, strlen(name) + 1));
    options.directory = directory;
    run_with("surroundings", args, &options);
    test_place place = enter_place_of(path);
    run_with("surroundings", args, NULL);
    leave_place(&place);
    options.directory = "no/such/directory";
    assert_status(kin_process_start(&none, "surroundings", args, &options), KIN_E_PROGRAM);
    kin_args_destroy(args);
    remove_plain_file(path);
    free(directory);
}

static void streams_are_those_of_the_options(void **state)
{
    (void)state;
    intptr_t ends[2];
    char text[64] = "";
    intptr_t input = open_file_with("through and through");
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    make_pipe(ends);
    options.streams[0] = input;
    options.streams[1] = ends[1];
    run_with("echo", NULL, &options);
    close_handle(ends[1]);
    assert_int_equal(read_handle(ends[0], text, sizeof text), 19);
    assert_memory_equal(text, "through and through", 19);
    close_handle(ends[0]);
    close_handle(input);
}

static void streams_may_be_nothing(void **state)
{
    (void)state;
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *none = NULL;
    intptr_t closed = open_file_with("");
    options.streams[0] = options.streams[1] = options.streams[2] = KIN_NO_HANDLE;
    run_with("deaf", NULL, &options);
    close_handle(closed);
    options.streams[1] = closed;
    assert_status(kin_process_start(&none, "deaf", NULL, &options), KIN_E_HANDLE);
}

static void only_fork_inherits_what_is_no_argument(void **state)
{
    (void)state;
    intptr_t file = open_file_with("secret");
    kin_args *args = new_args();
    give_number(args, "handle", file);
    join_child(start_child("look_at", args), by_fork() ? 1 : 0);
    kin_args_destroy(args);
    close_handle(file);
}

static void only_fork_leaves_out_what_atexit_has(void **state)
{
    (void)state;
    kin_counter *counter = NULL;
    int64_t count = -1;
    kin_args *args = new_args();
    assert_ok(kin_counter_create(&counter, NULL, 0));
    give(args, "counter", KIN_TYPE_COUNTER, counter);
    run_child("at_exit", args);
    assert_ok(kin_counter_get(counter, &count));
    assert_int_equal(count, by_fork() ? 0 : 1);
    kin_args_destroy(args);
    assert_ok(kin_counter_destroy(counter));
}

static void exit_code_is_the_low_byte_of_the_result(void **state)
{
    (void)state;
    static const int results[] = {0, 255, 256, 263, -1};
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        kin_args *args = new_args();
        give_number(args, "code", results[i]);
        join_child(start_child("return", args), results[i] & 0xff);
        kin_args_destroy(args);
    }
}

static void parent_is_who_started_it(void **state)
{
    (void)state;
    kin_args *args = new_args();
    give_number(args, "parent", (int64_t)kin_os_pid());
    run_child("who", args);
    kin_args_destroy(args);
}

int main(void)
{
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_is_the_family_of_the_arguments),
        cmocka_unit_test(environment_is_that_of_now),
        cmocka_unit_test(directory_is_that_of_now_or_of_the_option),
        cmocka_unit_test(streams_are_those_of_the_options),
        cmocka_unit_test(streams_may_be_nothing),
        cmocka_unit_test(only_fork_inherits_what_is_no_argument),
        cmocka_unit_test(only_fork_leaves_out_what_atexit_has),
        cmocka_unit_test(exit_code_is_the_low_byte_of_the_result),
        cmocka_unit_test(parent_is_who_started_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
