/* The kin command as scripts use it: argv[1] is its path. */
#include "support.h"

static const char *kin_path;
static char family[64];

/* Runs kin with these arguments, ended by NULL; its output is *out, to be freed. Returns the exit code. */
static int run(char **out, const char *input, const char *const *arguments)
{
    const char *argv[12] = {kin_path};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_run_result result = KIN_RUN_RESULT_INIT;
    for (int i = 0; i < 10 && arguments[i]; i++) {
        argv[i + 1] = arguments[i];
    }
    options.timeout = PATIENCE;
    options.errors = KIN_RUN_NOTHING;
    options.input = input ? KIN_RUN_BYTES : KIN_RUN_NOTHING;
    options.input_bytes = input;
    options.input_size = input ? strlen(input) : 0;
    assert_ok(kin_run_output(argv, &options, &result));
    assert_int_equal(result.exit.how, KIN_END_EXITED);
    *out = result.output;
    result.output = NULL;
    int code = result.exit.code;
    kin_run_free(&result);
    return code;
}

#define RUN(input, code, expected, ...)                                                                                \
    do {                                                                                                               \
        char *out_ = NULL;                                                                                             \
        const char *const arguments_[] = {__VA_ARGS__, NULL}, *expected_ = (expected);                                 \
        assert_int_equal(run(&out_, input, arguments_), code);                                                         \
        if (expected_) {                                                                                               \
            assert_string_equal(out_ ? out_ : "", expected_);                                                          \
        }                                                                                                              \
        free(out_);                                                                                                    \
    } while (0)

#define NOT_THERE 3

static int start_manager(void **state)
{
    (void)state;
    snprintf(family, sizeof family, "command.%u", (unsigned)kin_now() % 1000000u);
    RUN(NULL, 0, NULL, "manager", "start", family);
    return 0;
}

static int stop_manager(void **state)
{
    (void)state;
    RUN(NULL, 0, NULL, "manager", "stop", family);
    RUN(NULL, NOT_THERE, "", "manager", "stop", family);
    return 0;
}

static void reading_creates_nothing(void **state)
{
    (void)state;
    RUN(NULL, NOT_THERE, "", "get", "no.such.family", "dict", "key");
    RUN(NULL, NOT_THERE, "", "get", family, "typo", "key");
    RUN(NULL, NOT_THERE, "", "take", family, "typo");
    RUN(NULL, NOT_THERE, "", "keys", family, "typo");
    RUN(NULL, NOT_THERE, "", "set", family, "typo", "key", "value");
    RUN(NULL, NOT_THERE, "", "put", family, "typo", "text");
    RUN(NULL, NOT_THERE, "", "stat", family, "typo");
    RUN(NULL, 0, NULL, "manager", "list");
}

static void dicts_are_read_and_changed(void **state)
{
    (void)state;
    RUN(NULL, 0, "", "set", "--create", family, "prices", "tea", "3.20");
    RUN(NULL, 0, "3.20\n", "get", family, "prices", "tea");
    RUN(NULL, 0, "3.20", "get", "--raw", family, "prices", "tea");
    RUN("a\r\nb\n", 0, "", "set", family, "prices", "two lines", "-");
    RUN(NULL, 0, "a\r\nb\n", "get", "--raw", family, "prices", "two lines");
    RUN(NULL, NOT_THERE, "", "get", family, "prices", "coffee");
    RUN(NULL, 0, "2\n", "add", family, "prices", "sold", "2");
    RUN(NULL, 0, "-3\n", "add", family, "prices", "sold", "-5");
    RUN(NULL, 1, "", "add", family, "prices", "tea", "1");
    RUN(NULL, 2, "", "add", family, "prices", "sold", "one");
    RUN(NULL, 0, "", "rm", family, "prices", "two lines");
    RUN(NULL, NOT_THERE, "", "rm", family, "prices", "two lines");
    RUN(NULL, 0, "", "rm", family, "prices", "sold");
    RUN(NULL, 0, "tea\n", "keys", family, "prices");
    RUN(NULL, 0, "tea\t3.20\n", "dump", family, "prices");
    RUN(NULL, 1, "", "take", family, "prices"); /* it is no queue */
}

static void any_bytes_are_keys_and_values(void **state)
{
    (void)state;
    RUN(NULL, 0, "", "set", "--create", family, "bytes",
        "gr\xc3\xbc\xc3\x9f"
        "e",
        "\xe5\x80\xa4");
    RUN(NULL, 0, "\xe5\x80\xa4\n", "get", family, "bytes",
        "gr\xc3\xbc\xc3\x9f"
        "e");
    RUN(NULL, 0,
        "gr\xc3\xbc\xc3\x9f"
        "e\t\xe5\x80\xa4\n",
        "dump", family, "bytes");
    RUN(NULL, 0, "", "rm", family, "bytes",
        "gr\xc3\xbc\xc3\x9f"
        "e");
    RUN(NULL, 0, "", "set", "--escaped", family, "bytes", "a\\x00\\x1b", "\\xff\\\\\\\"\\x0d\\x0a");
    RUN(NULL, 0, "a\\x00\\x1b\n", "keys", family, "bytes");
    RUN(NULL, 0, "a\\x00\\x1b\t\\xff\\\\\\\"\\x0d\\x0a\n", "dump", family, "bytes");
    RUN(NULL, 0, "\xff\\\"\r\n", "get", "--raw", "--escaped", family, "bytes", "a\\x00\\x1b");
    RUN(NULL, 0, "{\"entries\": [{\"key\": \"a\\u0000\\u001B\", \"value\": \"\\u00FF\\\\\\\"\\r\\n\"}]}\n", "dump",
        "--json", family, "bytes");
    RUN(NULL, 2, "", "get", "--escaped", family, "bytes", "a\\x0");
    RUN(NULL, 2, "", "get", "--escaped", family, "bytes", "\\n");
    RUN(NULL, NOT_THERE, "", "get", family, "bytes", "a\\x00\\x1b"); /* these are the characters themselves */
    RUN(NULL, 0, "", "rm", "--escaped", family, "bytes", "a\\x00\\x1b");
    RUN(NULL, 0, "", "keys", family, "bytes");
}

static int child_change(const kin_args *args)
{
    kin_dict *dict = given(args, "dict", KIN_TYPE_DICT);
    for (int64_t i = 0; i < 50; i++) { /* the watcher needs time to begin */
        char text[8];
        snprintf(text, sizeof text, "%d", (int)i);
        CHECK(kin_dict_set_string(dict, "tea", text) == KIN_OK);
        CHECK(kin_sleep(KIN_MS(100)) == KIN_OK);
    }
    return 0;
}

static void values_are_watched(void **state)
{
    kin_family *joined = NULL;
    kin_dict *dict = NULL;
    kin_args *args = NULL;
    char *out = NULL;
    (void)state;
    RUN(NULL, 0, "", "set", "--create", family, "watched", "tea", "3.20");
    RUN(NULL, 0, "3.20\n", "watch", "--count", "1", family, "watched", "tea");
    RUN(NULL, NOT_THERE, "3.20\n", "watch", "--wait", "0.2", family, "watched", "tea");
    RUN(NULL, NOT_THERE, "(not there)\n", "watch", "--wait", "0.2", family, "watched", "coffee");
    RUN(NULL, NOT_THERE, "{\"key\": \"coffee\", \"value\": null}\n", "watch", "--json", "--wait", "0.2", family,
        "watched", "coffee");
    RUN(NULL, NOT_THERE, "", "watch", "--wait", "0.2", family, "typo", "coffee");
    assert_ok(kin_family_open(&joined, family, KIN_FAMILY_JOIN, NULL));
    assert_ok(kin_name_get_dict(&dict, joined, "watched"));
    assert_ok(kin_args_create(&args, joined));
    assert_ok(kin_args_add_dict(args, "dict", dict));
    kin_process *child = start_child("change", args);
    kin_args_destroy(args);
    static const char *const watch[] = {"watch", "--wait", "20", "--count", "3", NULL, "watched", "tea", NULL};
    const char *arguments[9];
    memcpy(arguments, watch, sizeof watch);
    arguments[5] = family;
    assert_int_equal(run(&out, NULL, arguments), 0);
    int lines = 0;
    for (const char *at = out; *at; at++) {
        lines += *at == '\n';
    }
    free(out);
    assert_int_equal(lines, 3);
    assert_ok(kin_process_kill(child));
    assert_ok(kin_process_join(child, PATIENCE, NULL));
    kin_process_close(child);
    kin_family_close(joined);
}

static void messages_are_put_and_taken(void **state)
{
    (void)state;
    RUN(NULL, 0, "", "put", "--create", family, "orders", "one pot");
    RUN(NULL, 0, "one pot\n", "peek", family, "orders");
    RUN("two\npots", 0, "", "put", family, "orders", "-");
    RUN(NULL, 0, "one pot\n", "take", family, "orders");
    RUN(NULL, 0, "two\npots", "take", "--raw", family, "orders");
    RUN(NULL, NOT_THERE, "", "take", family, "orders");
    RUN(NULL, NOT_THERE, "", "peek", family, "orders");
    RUN(NULL, NOT_THERE, "", "take", "--wait", "0.05", family, "orders");
    RUN(NULL, 0, "", "put", family, "orders", "three");
    RUN(NULL, 0, "", "put", family, "orders", "four");
    RUN(NULL, 0, "three\nfour\n", "drain", family, "orders");
    RUN(NULL, 0, "", "drain", family, "orders");
    RUN(NULL, 0, "", "put", family, "orders", "6");
    RUN(NULL, 0, "", "put", family, "orders", "7");
    RUN(NULL, 0, "6\n7\n", "take", "--count", "2", family, "orders");
    RUN(NULL, 0, "", "put", family, "orders", "8");
    RUN(NULL, 0, "8\n", "tail", "--count", "1", family, "orders");
    RUN(NULL, NOT_THERE, "", "tail", "--wait", "0.05", family, "orders");
    RUN(NULL, 0, "", "put", family, "orders", "9");
    RUN(NULL, 0, "", "close", family, "orders");
    RUN(NULL, 0, "9\n", "tail", family, "orders");
    RUN(NULL, 0, "", "tail", family, "orders");
    RUN(NULL, 0, "", "close", family, "orders");
    RUN(NULL, 1, "", "put", family, "orders", "late");
}

static int child_hold(const kin_args *args)
{
    CHECK(kin_lock_acquire(given(args, "lock", KIN_TYPE_LOCK), PATIENCE) == KIN_OK);
    CHECK(kin_event_set(given(args, "held", KIN_TYPE_EVENT)) == KIN_OK);
    return kin_sleep(PATIENCE) == KIN_OK;
}

static void dead_owners_are_reported_and_freed(void **state)
{
    (void)state;
    kin_family *joined = NULL;
    kin_lock *lock = NULL;
    kin_event *held = NULL;
    kin_args *args = NULL;
    somebody_dies();
    assert_ok(kin_family_open(&joined, family, KIN_FAMILY_JOIN, NULL));
    assert_ok(kin_named_lock(&lock, joined, "till", 0));
    RUN(NULL, 0, "it was free\n", "unlock", family, "till");
    assert_ok(kin_lock_acquire(lock, KIN_NOW));
    RUN(NULL, 1, "", "unlock", family, "till");
    assert_ok(kin_lock_release(lock));
    assert_ok(kin_args_create(&args, joined));
    assert_ok(kin_args_add_lock(args, "lock", lock));
    assert_ok(kin_event_create(&held, joined));
    assert_ok(kin_args_add_event(args, "held", held));
    kin_process *child = start_child("hold", args);
    kin_wait_item ended = {KIN_WAIT_PROCESS, KIN_WAIT_READABLE, child, KIN_NO_HANDLE, 0};
    kin_args_destroy(args);
    assert_ok(kin_event_wait(held, PATIENCE));
    assert_ok(kin_process_kill(child));
    assert_ok(kin_wait(&ended, 1, 0, PATIENCE, NULL)); /* it only looks: joining would clean up */
    RUN(NULL, 1, NULL, "health");
    assert_ok(kin_process_join(child, PATIENCE, NULL));
    kin_process_close(child);
    assert_ok(kin_event_destroy(held));
    RUN(NULL, 0, "its owner had died; it is free\n", "unlock", family, "till");
    assert_ok(kin_lock_acquire(lock, KIN_NOW));
    assert_ok(kin_lock_release(lock));
    kin_family_close(joined);
}

static void shown_is_what_is_asked_for(void **state)
{
    kin_family *joined = NULL;
    kin_lock *lock = NULL;
    char pid[16], *out = NULL;
    (void)state;
    assert_ok(kin_family_open(&joined, family, KIN_FAMILY_JOIN, NULL));
    assert_ok(kin_named_lock(&lock, joined, "asked", 0));
    assert_ok(kin_lock_acquire(lock, KIN_NOW));
    kin_lock_info info = KIN_LOCK_INFO_INIT;
    assert_ok(kin_lock_inspect(lock, &info));
    snprintf(pid, sizeof pid, "%u", (unsigned)info.owner_pid);
    const char *by_pid[] = {"ps", "--family", family, "--pid", pid, "--type", "lock", NULL};
    assert_int_equal(run(&out, NULL, by_pid), 0);
    assert_non_null(strstr(out, "lock asked  held by "));
    assert_null(strstr(out, "kin.keeper")); /* a lock that another process holds */
    assert_non_null(strstr(out, "test_command"));
    free(out);
    const char *sorted[] = {"ps", "--family", family, "--sort", "name", "--json", NULL};
    assert_int_equal(run(&out, NULL, sorted), 0);
    const char *first = strstr(out, "\"asked\""), *second = strstr(out, "\"kin.keeper\"");
    assert_true(first && second && first < second);
    assert_non_null(strstr(out, "\"started\": 1"));
    assert_string_equal(strchr(out, '\n'), "\n");
    free(out);
    RUN(NULL, NOT_THERE, NULL, "ps", "--family", family, "--type", "barrier");
    RUN(NULL, NOT_THERE, NULL, "ps", "--family", "no.such.family");
    RUN(NULL, 2, "", "ps", "--type", "typo");
    RUN(NULL, 2, "", "ps", "--sort", "typo");
    RUN(NULL, 2, "", "ps", "--pid", "typo");
    RUN(NULL, 1, "", "top"); /* its output is no terminal */
    RUN(NULL, 0, "asked\nkin.keeper\ntill\n", "names", "--type", "lock", family);
    RUN(NULL, NOT_THERE, "", "names", "no.such.family");
    assert_ok(kin_lock_release(lock));
    assert_ok(kin_name_remove(joined, "asked"));
    kin_family_close(joined);
}

static void wrong_use_has_its_own_status(void **state)
{
    (void)state;
    RUN(NULL, 2, "", "take", "--wait", "x", family, "orders");
    RUN(NULL, 2, "", "take", "--wait", "1s", family, "orders");
    RUN(NULL, 2, "", "watch", "--count", "0", family, "prices", "tea");
    RUN(NULL, 2, "", "set", "--cretae", family, "prices", "tea", "1");
    RUN(NULL, 2, "", "manager", "begin");
    RUN(NULL, 2, "", "reap", "more");
    RUN(NULL, 2, "", "help", "nothing");
    RUN(NULL, 0, NULL, "help", "set");
    RUN(NULL, 0, NULL, "help", "manager", "start");
    RUN(NULL, 0, NULL, "manager", "--help");
    RUN(NULL, 0, NULL, "set", "--help");
    RUN(NULL, 0, NULL, "reap", "--json");
    RUN(NULL, 2, "", "get", family, "prices");
    RUN(NULL, 2, "", "get", "--create", family, "prices", "tea");
    RUN(NULL, 2, "", "take", "--wait", "-1", family, "orders");
    RUN(NULL, 2, "", "health", "--held-longer", "-3");
    RUN(NULL, 2, "", "nothing");
    RUN(NULL, 0, NULL, "get", "--help");
    RUN(NULL, 0, NULL, "health", "--help");
}

int main(int argc, char **argv)
{
    static const kin_child_entry entries[] = {{"hold", child_hold}, {"change", child_change}};
    if (kin_child_main(entries, 2) != KIN_OK || argc < 2) {
        return 2;
    }
    kin_path = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_creates_nothing),       cmocka_unit_test(dicts_are_read_and_changed),
        cmocka_unit_test(any_bytes_are_keys_and_values), cmocka_unit_test(values_are_watched),
        cmocka_unit_test(messages_are_put_and_taken),    cmocka_unit_test(dead_owners_are_reported_and_freed),
        cmocka_unit_test(shown_is_what_is_asked_for),    cmocka_unit_test(wrong_use_has_its_own_status),
    };
    return cmocka_run_group_tests(tests, start_manager, stop_manager);
}
