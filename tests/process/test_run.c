/* The programs that are run are this one, as one of the parts below. */
#include "support.h"

#include <signal.h>
#include <stdlib.h>

#include "os.h"

#define MEGABYTE ((size_t)1 << 20)
#define LONG_ENOUGH KIN_SECONDS(20) /* for a program that should have been ended long before */

static char self[4096];

/* ---- parts ---- */

static void rest(int64_t time)
{
    kin_os_sleep_until(kin_os_now() + time);
}

/* All standard input, in pieces, to both outputs. */
static int play_copy(void)
{
    static char piece[10000];
    size_t size;
    while ((size = read_input(piece, sizeof piece)) > 0) {
        CHECK(write_output(1, piece, size) && write_output(2, piece, size));
    }
    return 0;
}

/* What does not belong into a message of several lines, each argument ends with a zero byte. */
static int play_arguments(void)
{
    char **argv = own_arguments();
    CHECK(argv && argv[0] && argv[1]);
    for (size_t i = 2; argv[i]; i++) {
        CHECK(write_output(1, argv[i], strlen(argv[i]) + 1));
    }
    return 0;
}

static int play_print_variables(char **names)
{
    for (; *names; names++) {
        char text[200];
        int size = own_variable(text, sizeof text - 1, *names);
        if (size < 0) {
            size = 1;
            text[0] = '-';
        }
        text[size] = '|';
        CHECK(write_output(1, text, (size_t)size + 1));
    }
    return 0;
}

static int play_open(const char *name)
{
    FILE *file = fopen(name, "r");
    if (file) {
        fclose(file);
    }
    return file ? 0 : 1;
}

static int play_hang(void)
{
    CHECK(write_output(1, "begun", 5));
    rest(LONG_ENOUGH);
    return 0;
}

static int play_flood(void)
{
    static const char piece[1000] = "flood";
    while (write_output(1, piece, sizeof piece)) {
    }
    return 1;
}

static int play_leave_early(void)
{
    char piece[10];
    CHECK(read_input(piece, sizeof piece) == sizeof piece);
    close_input();
    rest(KIN_MS(50));
    CHECK(write_output(1, piece, sizeof piece));
    return 0;
}

/* Keeps the streams open while a reader is there, or for some seconds. */
static int play_left_behind(void)
{
    int64_t end = kin_os_now() + LONG_ENOUGH;
    while (kin_os_now() < end && write_output(1, ".", 1)) {
        rest(KIN_MS(20));
    }
    return 0;
}

static int leave_behind(const char *part)
{
    intptr_t ends[2];
    CHECK(write_output(1, "parent", 6));
    make_pipe(ends);
    start_self(part, ends[0], NULL, 0);
    return 5;
}

static int play_leave_one_behind(void)
{
    return leave_behind("left_behind");
}

static int play_leave_a_flood_behind(void)
{
    return leave_behind("flood");
}

static int play_handles(void)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%zu", count_handles());
    return write_output(1, text, (size_t)size) ? 0 : 1;
}

static int play_slow(void)
{
    rest(KIN_MS(400));
    return play_copy();
}

static int play_stubborn(void)
{
    signal(SIGTERM, SIG_IGN);
    return play_hang();
}

static void write_more(const char *path)
{
    FILE *file = fopen(path, "rb+");
    if (file) {
        fseek(file, 0, SEEK_END);
        fputc('.', file);
        fclose(file);
    }
    rest(KIN_MS(20));
}

/* Writes for as long as the file is there, and ignores requests to end. */
static int play_grow(const char *path)
{
    signal(SIGTERM, SIG_IGN);
    for (int64_t end = kin_os_now() + LONG_ENOUGH; kin_os_now() < end && play_open(path) == 0;) {
        write_more(path);
    }
    return 0;
}

static int play_parent(const char *path)
{
    intptr_t ends[2];
    char argument[4096];
    make_pipe(ends);
    snprintf(argument, sizeof argument, "grow:%s", path);
    start_self(argument, ends[0], NULL, 0);
    return play_hang();
}

static int play_raise(void)
{
    raise(SIGTERM);
    return 1;
}

static int play(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*part)(void);
    } parts[] = {
        {"copy", play_copy},
        {"arguments", play_arguments},
        {"hang", play_hang},
        {"flood", play_flood},
        {"leave_early", play_leave_early},
        {"left_behind", play_left_behind},
        {"handles", play_handles},
        {"slow", play_slow},
        {"leave_one_behind", play_leave_one_behind},
        {"leave_a_flood_behind", play_leave_a_flood_behind},
        {"stubborn", play_stubborn},
        {"raise", play_raise},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(argv[1], parts[i].name) == 0) {
            return parts[i].part();
        }
    }
    if (strcmp(argv[1], "exit") == 0 && argc == 3) {
        return atoi(argv[2]);
    }
    if (strncmp(argv[1], "grow:", 5) == 0) {
        return play_grow(argv[1] + 5);
    }
    if (strcmp(argv[1], "parent") == 0 && argc == 3) {
        return play_parent(argv[2]);
    }
    if (strcmp(argv[1], "open") == 0 && argc == 3) {
        return play_open(argv[2]);
    }
    return strcmp(argv[1], "variables") == 0 ? play_print_variables(argv + 2) : 99;
}

/* Started by kin_process_start. */
static int child_stay(const kin_args *args)
{
    kin_sem *go = given(args, "go", KIN_TYPE_SEM);
    CHECK(go && kin_sem_acquire(go, 1, PATIENCE) == KIN_OK);
    return 0;
}

static const kin_child_entry entries[] = {{"stay", child_stay}};

/* ---- starting ---- */

static void exit_codes_come_back(void **state)
{
    (void)state;
    static const int codes[] = {0, 1, 42, 127, 255};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char text[8];
        const char *const argv[] = {self, "exit", text, NULL};
        kin_exit result = {.code = -1, .signal = -1};
        kin_run_result whole = KIN_RUN_RESULT_INIT;
        snprintf(text, sizeof text, "%d", codes[i]);
        assert_ok(kin_run(argv, NULL, &result));
        assert_true(result.code == codes[i] && result.signal == 0);
        assert_string_equal(kin_status_name(kin_run_checked(argv, NULL, &whole)),
                            codes[i] == 0 ? "KIN_OK" : "KIN_E_FAILED");
        assert_true(whole.started && whole.exit.code == codes[i]);
        assert_non_null(strstr(whole.command, "exit"));
        assert_string_equal(whole.command + strlen(whole.command) - strlen(text), text);
        kin_run_free(&whole);
        assert_string_equal(kin_status_name(kin_run_checked(argv, NULL, NULL)),
                            codes[i] == 0 ? "KIN_OK" : "KIN_E_FAILED");
    }
}

static void signals_are_told(void **state)
{
    (void)state;
    const char *const argv[] = {self, "raise", NULL};
    kin_run_result result = KIN_RUN_RESULT_INIT;
    assert_status(kin_run_checked(argv, NULL, &result), KIN_E_FAILED);
    assert_int_equal(result.exit.signal, has_fork() ? SIGTERM : 0);
    kin_run_free(&result);
}

static void program_is_found(const char *name, const char *directory)
{
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    const char *const argv[] = {name, "exit", "3", NULL};
    kin_exit result = {.code = -1, .signal = -1};
    options.directory = directory;
    assert_ok(kin_run(argv, &options, &result));
    assert_int_equal(result.code, 3);
}

static void programs_are_looked_for(void **state)
{
    (void)state;
    test_place before = enter_place_of(self);
    const char *name = before.name;
    char local[300];
    snprintf(local, sizeof local, "./%s", name);
    program_is_found(local, NULL);
    program_is_found(local, before.parent); /* from the caller's directory, not that one */
    const char *const argv[] = {name, "exit", "3", NULL};
    assert_status(kin_run(argv, NULL, NULL), KIN_E_PROGRAM); /* never in the current directory */
    set_path(before.directory);
    program_is_found(name, NULL);
    program_is_found(name, before.parent);
    if (strlen(name) > 4 && strcmp(name + strlen(name) - 4, ".exe") == 0) {
        local[strlen(local) - 4] = '\0';
        program_is_found(local + 2, NULL);
        program_is_found(local, NULL);
    }
    leave_place(&before);
}

static void set_path_of(const char *before, const char *directory, const char *after)
{
    char path[4200];
    snprintf(path, sizeof path, "%s%s%s", before, directory, after);
    set_path(path);
}

/* A stranger who can write to the current directory, or to the directory that the program starts in, must not be able
 * to choose the program. */
static void no_program_comes_from_the_current_directory(void **state)
{
    (void)state;
    test_place before = enter_place_of(self);
    kin_run_options elsewhere = KIN_RUN_OPTIONS_INIT;
    const char *const argv[] = {before.name, "exit", "3", NULL};
    const char *const lists[] = {"", ".", "::", ":", ":.:", ";", ".;", ";.;", "..;.", "../tests:tests:.", "./"};
    elsewhere.directory = before.directory;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        set_path(lists[i]);
        assert_status(kin_run(argv, NULL, NULL), KIN_E_PROGRAM);
        assert_status(kin_run(argv, &elsewhere, NULL), KIN_E_PROGRAM);
    }
    const char *separator = has_fork() ? ":" : ";";
    set_path_of(separator, before.directory, separator); /* the other elements count */
    program_is_found(before.name, NULL);
    set_path_of(has_fork() ? ".::" : ".;;", before.directory, "");
    program_is_found(before.name, before.parent);
    leave_place(&before);
}

static void wrong_programs_say_why(void **state)
{
    (void)state;
    const char *const missing[] = {"no such program", NULL}, *const nowhere[] = {"./no/such/program", NULL};
    char *plain = make_plain_file("what is this\n");
    const char *const not_executable[] = {plain, NULL};
    kin_exit result = {.code = 7, .signal = 7};
    kin_run_result whole = KIN_RUN_RESULT_INIT;
    size_t handles = count_handles();
    for (int i = 0; i < 3; i++) {
        kin_run_options options = KIN_RUN_OPTIONS_INIT;
        options.input = KIN_RUN_BYTES;
        options.input_bytes = "x";
        options.input_size = 1;
        options.output = KIN_RUN_COLLECT;
        assert_status(kin_run_output(missing, &options, &whole), KIN_E_PROGRAM);
        assert_true(!whole.started && whole.exit.code == -1 && whole.exit.how == KIN_END_UNKNOWN &&
                    whole.output_size == 0);
        kin_run_free(&whole);
        assert_status(kin_run_output(nowhere, &options, &whole), KIN_E_PROGRAM);
        kin_run_free(&whole);
        const char *name = kin_status_name(kin_run_checked(not_executable, NULL, &whole));
        assert_true(strcmp(name, "KIN_E_PERMISSION") == 0 || (!has_fork() && strcmp(name, "KIN_E_UNSUPPORTED") == 0));
        kin_run_free(&whole);
    }
    assert_int_equal(count_handles(), handles);
    const char *const argv[] = {self, "exit", "0", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    options.directory = plain;
    assert_status(kin_run(argv, &options, &result), KIN_E_PROGRAM);
    options.directory = "no such directory";
    assert_status(kin_run(argv, &options, &result), KIN_E_PROGRAM);
    assert_true(result.how == KIN_END_UNKNOWN && result.code == -1 && result.signal == 0);
    remove_plain_file(plain);
}

static void batch_files_are_refused(void **state)
{
    (void)state;
    const char *const argv[] = {".\\some.bat", "\"&calc", NULL};
    const char *name = kin_status_name(kin_run(argv, NULL, NULL));
    assert_string_equal(name, has_fork() ? "KIN_E_PROGRAM" : "KIN_E_UNSUPPORTED");
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    const char *const none[] = {NULL}, *const empty[] = {"", NULL}, *const good[] = {self, "exit", "0", NULL};
    const char *const bad_variables[] = {"A=1", "=x", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_run_result result = KIN_RUN_RESULT_INIT;
    result.started = 1;
    assert_status(kin_run(NULL, NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_run(none, NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_run(empty, NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_run_output(good, NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_run_output(none, NULL, &result), KIN_E_ARGUMENT);
    assert_true(!result.started && !result.command);
    kin_run_free(&result);
    kin_run_free(&result);
    kin_run_free(NULL);
#define REFUSED(change)                                                                                                \
    do {                                                                                                               \
        options = (kin_run_options)KIN_RUN_OPTIONS_INIT;                                                               \
        change;                                                                                                        \
        assert_status(kin_run(good, &options, NULL), KIN_E_ARGUMENT);                                                  \
    } while (0)
    REFUSED(options.size = 0);
    REFUSED(options.flags = 0x80);
    REFUSED(options.flags = KIN_RUN_SHELL); /* of several words */
    REFUSED(options.input = KIN_RUN_COLLECT);
    REFUSED(options.output = KIN_RUN_TOGETHER);
    REFUSED(options.output = KIN_RUN_COLLECT);
    REFUSED(options.errors = KIN_RUN_COLLECT);
    REFUSED(options.errors = KIN_RUN_BYTES);
    REFUSED(options.timeout = -1);
    REFUSED(options.grace = -1);
    REFUSED(options.input_size = 1);
    REFUSED(options.environment = bad_variables);
#undef REFUSED
}

/* ---- arguments ---- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static size_t random_argument(char *out, uint32_t *seed)
{
    static const char *const pieces[] = {"\\", "\\\\", "\"", "\\\"", " ",  "\t", "a", "'", "*", "?",  "%PATH%", "^",
                                         "&",  "|",    "$x", "\n",   "\v", "--", "=", "/", "ä", "世", "😀",      "\x7f"};
    size_t used = 0;
    for (uint32_t left = next_random(seed) % 9; left > 0; left--) {
        const char *piece = pieces[next_random(seed) % (sizeof pieces / sizeof pieces[0])];
        memcpy(out + used, piece, strlen(piece));
        used += strlen(piece);
    }
    out[used] = '\0';
    return used + 1;
}

#define ARGUMENTS 200
#define ROUNDS 25

static void arguments_arrive_as_they_are(void **state)
{
    (void)state;
    static char bytes[ARGUMENTS * 80];
    const char *argv[ARGUMENTS + 3] = {self, "arguments"};
    uint32_t seed = 20240607;
    for (int round = 0; round < ROUNDS; round++) {
        size_t used = 0;
        kin_run_result result = KIN_RUN_RESULT_INIT;
        for (size_t i = 0; i < ARGUMENTS; i++) {
            argv[2 + i] = bytes + used;
            used += random_argument(bytes + used, &seed);
        }
        assert_ok(kin_run_output(argv, NULL, &result));
        assert_int_equal(result.exit.code, 0);
        assert_int_equal(result.output_size, used);
        assert_memory_equal(result.output, bytes, used);
        kin_run_free(&result);
    }
}

static void too_many_arguments_are_too_big(void **state)
{
    (void)state;
    size_t size = 4 * MEGABYTE;
    char *word = malloc(size);
    assert_non_null(word);
    memset(word, 'a', size - 1);
    word[size - 1] = '\0';
    const char *const argv[] = {self, "arguments", word, NULL};
    kin_run_result result = KIN_RUN_RESULT_INIT;
    assert_status(kin_run_output(argv, NULL, &result), KIN_E_TOO_BIG);
    assert_false(result.started);
    kin_run_free(&result);
    free(word);
}

/* ---- surroundings ---- */

static void expect_variables(kin_run_options *options, const char *expected)
{
    const char *const argv[] = {self, "variables", "KIN_TEST_A", "KIN_TEST_B", "KIN_TEST_C", NULL};
    kin_run_result result = KIN_RUN_RESULT_INIT;
    assert_ok(kin_run_output(argv, options, &result));
    assert_string_equal(result.output, expected);
    assert_int_equal(result.exit.code, 0);
    kin_run_free(&result);
}

static void environment_can_be_changed(void **state)
{
    (void)state;
    const char *const changes[] = {"KIN_TEST_B", "KIN_TEST_C=1", "KIN_TEST_C=zwölf=12", "KIN_TEST_D", NULL};
    const char *const back[] = {"KIN_TEST_A", "KIN_TEST_A=", "KIN_TEST_B=x", "KIN_TEST_B", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    set_variable("KIN_TEST_A", "one");
    set_variable("KIN_TEST_B", "two");
    expect_variables(NULL, "one|two|-|");
    options.environment = changes;
    expect_variables(&options, "one|-|zwölf=12|");
    options.flags = KIN_RUN_CLEAN_ENV;
    expect_variables(&options, "-|-|zwölf=12|");
    options.environment = NULL;
    expect_variables(&options, "-|-|-|");
    options.flags = 0;
    options.environment = back;
    expect_variables(&options, "|-|-|");
    set_variable("KIN_TEST_A", NULL);
    set_variable("KIN_TEST_B", NULL);
}

static void directory_can_be_chosen(void **state)
{
    (void)state;
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    test_place before = enter_place_of(self);
    const char *const argv[] = {self, "open", before.name, NULL};
    kin_exit result;
    leave_place(&before);
    options.directory = before.parent;
    assert_ok(kin_run(argv, &options, &result));
    assert_int_equal(result.code, 1);
    options.directory = before.directory;
    assert_ok(kin_run(argv, &options, &result));
    assert_int_equal(result.code, 0);
}

static void program_gets_three_streams_only(void **state)
{
    (void)state;
    const char *const argv[] = {self, "handles", NULL};
    intptr_t files[20];
    char counts[2][16];
    for (int round = 0; round < 2; round++) {
        kin_run_result result = KIN_RUN_RESULT_INIT;
        assert_ok(kin_run_output(argv, NULL, &result));
        snprintf(counts[round], sizeof counts[round], "%s", result.output);
        kin_run_free(&result);
        for (size_t i = 0; i < 20 && round == 0; i++) {
            files[i] = open_inheritable_file();
        }
    }
    assert_string_equal(counts[0], counts[1]);
    if (has_fork()) {
        assert_string_equal(counts[0], "3");
    }
    for (size_t i = 0; i < 20; i++) {
        close_handle(files[i]);
    }
}

/* ---- streams ---- */

static char *make_bytes(size_t size)
{
    char *bytes = malloc(size);
    uint32_t seed = 1;
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)next_random(&seed);
    }
    return bytes;
}

static void all_streams_move_at_once(void **state)
{
    (void)state;
    const char *const argv[] = {self, "copy", NULL};
    static const size_t sizes[] = {0, 1, 65536, 3 * MEGABYTE + 17};
    char *bytes = make_bytes(sizes[3]);
    size_t handles = count_handles();
    for (size_t i = 0; i < 4; i++) {
        kin_run_options options = KIN_RUN_OPTIONS_INIT;
        kin_run_result result = KIN_RUN_RESULT_INIT;
        options.input = KIN_RUN_BYTES;
        options.input_bytes = bytes;
        options.input_size = sizes[i];
        options.errors = KIN_RUN_COLLECT;
        assert_ok(kin_run_output(argv, &options, &result));
        assert_true(result.exit.code == 0 && result.output_size == sizes[i] && result.errors_size == sizes[i]);
        assert_memory_equal(result.output, bytes, sizes[i]);
        assert_memory_equal(result.errors, bytes, sizes[i]);
        assert_true(result.output[sizes[i]] == '\0' && result.errors[sizes[i]] == '\0');
        kin_run_free(&result);
        options.errors = KIN_RUN_TOGETHER;
        assert_ok(kin_run_output(argv, &options, &result));
        assert_true(result.output_size == 2 * sizes[i] && !result.errors && result.errors_size == 0);
        kin_run_free(&result);
        options.output = KIN_RUN_NOTHING;
        options.errors = KIN_RUN_COLLECT;
        assert_ok(kin_run_checked(argv, &options, &result));
        assert_true(result.errors_size == sizes[i] && !result.output);
        kin_run_free(&result);
    }
    assert_int_equal(count_handles(), handles);
    free(bytes);
}

static void streams_may_be_nothing(void **state)
{
    (void)state;
    const char *const argv[] = {self, "copy", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_exit result;
    options.input = options.output = options.errors = KIN_RUN_NOTHING;
    assert_ok(kin_run(argv, &options, &result));
    assert_int_equal(result.code, 0);
    options.input = KIN_RUN_BYTES;
    options.input_bytes = "abc";
    options.input_size = 3;
    assert_ok(kin_run(argv, &options, &result));
    assert_int_equal(result.code, 0);
}

static void program_need_not_read_its_input(void **state)
{
    (void)state;
    const char *const argv[] = {self, "leave_early", NULL}, *const at_once[] = {self, "exit", "4", NULL};
    char *bytes = make_bytes(MEGABYTE);
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_run_result result = KIN_RUN_RESULT_INIT;
    options.input = KIN_RUN_BYTES;
    options.input_bytes = bytes;
    options.input_size = MEGABYTE;
    assert_ok(kin_run_output(argv, &options, &result));
    assert_int_equal(result.exit.code, 0);
    assert_int_equal(result.output_size, 10);
    assert_memory_equal(result.output, bytes, 10);
    kin_run_free(&result);
    assert_ok(kin_run_output(at_once, &options, &result));
    assert_int_equal(result.exit.code, 4);
    kin_run_free(&result);
    free(bytes);
}

static void what_is_left_behind_does_not_hang(void **state)
{
    (void)state;
    static const char *const parts[] = {"leave_one_behind", "leave_a_flood_behind"};
    for (int i = 0; i < 2; i++) {
        const char *const argv[] = {self, parts[i], NULL};
        kin_run_options options = KIN_RUN_OPTIONS_INIT;
        kin_run_result result = KIN_RUN_RESULT_INIT;
        int64_t begun = now_ns();
        options.errors = KIN_RUN_COLLECT;
        assert_ok(kin_run_output(argv, &options, &result));
        assert_true(now_ns() - begun < LONG_ENOUGH / 2);
        assert_int_equal(result.exit.code, 5);
        assert_memory_equal(result.output, "parent", 6);
        kin_run_free(&result);
    }
}

static void output_may_be_limited(void **state)
{
    (void)state;
    const char *const argv[] = {self, "flood", NULL}, *const copy[] = {self, "copy", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_run_result result = KIN_RUN_RESULT_INIT;
    int64_t begun = now_ns();
    options.output_limit = 123456;
    assert_status(kin_run_output(argv, &options, &result), KIN_E_TOO_BIG);
    assert_true(result.started && result.output_size == 123456 && now_ns() - begun < LONG_ENOUGH);
    assert_int_equal(result.exit.signal, 9);
    assert_memory_equal(result.output + 123000, "flood", 5);
    kin_run_free(&result);
    options.input = KIN_RUN_BYTES; /* just as much as allowed is allowed */
    options.input_bytes = "abcde";
    options.input_size = 5;
    for (size_t limit = 4; limit <= 5; limit++) {
        options.output_limit = limit;
        options.errors = KIN_RUN_NOTHING;
        const char *name = kin_status_name(kin_run_output(copy, &options, &result));
        assert_string_equal(name, limit == 5 ? "KIN_OK" : "KIN_E_TOO_BIG");
        assert_true(result.output_size == limit && memcmp(result.output, "abcde", limit) == 0);
        kin_run_free(&result);
    }
}

/* ---- time ---- */

static void late_program_is_ended(void **state)
{
    (void)state;
    static const char *const parts[] = {"hang", "stubborn"};
    for (int i = 0; i < 2; i++) {
        const char *const argv[] = {self, parts[i], NULL};
        kin_run_options options = KIN_RUN_OPTIONS_INIT;
        kin_run_result result = KIN_RUN_RESULT_INIT;
        int64_t begun = now_ns();
        options.timeout = KIN_SECONDS(2);
        options.grace = KIN_MS(100);
        assert_status(kin_run_output(argv, &options, &result), KIN_E_TIMED_OUT);
        assert_true(now_ns() - begun >= KIN_SECONDS(2) && now_ns() - begun < LONG_ENOUGH);
        assert_true(result.started);
        assert_string_equal(result.output, "begun");
        int number = i == 0 ? SIGTERM : 9;
        assert_int_equal(result.exit.how, KIN_END_KILLED);
        assert_int_equal(result.exit.timed_out, 1);
        assert_int_equal(result.exit.signal, has_fork() ? number : SIGTERM);
        assert_int_equal(result.exit.code, -1);
        kin_run_free(&result);
    }
}

static long size_of(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    return size;
}

static void late_programs_children_end_with_it_if_asked(void **state)
{
    (void)state;
    for (int tree = 0; tree < 2; tree++) {
        char *path = make_plain_file("");
        const char *const argv[] = {self, "parent", path, NULL};
        kin_run_options options = KIN_RUN_OPTIONS_INIT;
        kin_run_result result = KIN_RUN_RESULT_INIT;
        options.timeout = KIN_SECONDS(1);
        options.flags = tree ? KIN_RUN_TREE : 0;
        assert_status(kin_run_output(argv, &options, &result), KIN_E_TIMED_OUT);
        assert_string_equal(result.output, "begun");
        assert_int_equal(result.exit.signal, SIGTERM);
        kin_run_free(&result);
        long size = size_of(path);
        assert_true(size > 0);
        rest(KIN_MS(300));
        assert_true(tree ? size_of(path) == size : size_of(path) > size);
        remove_plain_file(path);
    }
}

static void no_time_is_no_time(void **state)
{
    (void)state;
    const char *const argv[] = {self, "hang", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    options.timeout = options.grace = 1;
    options.output = KIN_RUN_NOTHING;
    int64_t begun = now_ns();
    assert_status(kin_run(argv, &options, NULL), KIN_E_TIMED_OUT);
    assert_true(now_ns() - begun < LONG_ENOUGH);
}

/* ---- the shell ---- */

static void shell_only_when_asked(void **state)
{
    (void)state;
    const char *const argv[] = {"echo one&& echo two", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_run_result result = KIN_RUN_RESULT_INIT;
    assert_status(kin_run_output(argv, &options, &result), KIN_E_PROGRAM);
    kin_run_free(&result);
    options.flags = KIN_RUN_SHELL;
    assert_ok(kin_run_output(argv, &options, &result));
    assert_string_equal(result.output, has_fork() ? "one\ntwo\n" : "one\r\ntwo\r\n");
    assert_string_equal(result.command, argv[0]);
    kin_run_free(&result);
    const char *const fails[] = {"exit 3", NULL};
    options.flags = KIN_RUN_SHELL | KIN_RUN_CHECK;
    assert_status(kin_run_output(fails, &options, &result), KIN_E_FAILED);
    assert_int_equal(result.exit.code, 3);
    kin_run_free(&result);
}

/* ---- many at once, and forks ---- */

static void run_some(void *failed)
{
    const char *const argv[] = {self, "copy", NULL};
    char *bytes = make_bytes(100000);
    for (int i = 0; i < 5; i++) {
        kin_run_options options = KIN_RUN_OPTIONS_INIT;
        kin_run_result result = KIN_RUN_RESULT_INIT;
        options.input = KIN_RUN_BYTES;
        options.input_bytes = bytes;
        options.input_size = 100000;
        options.errors = KIN_RUN_COLLECT;
        if (kin_run_output(argv, &options, &result) != KIN_OK || result.output_size != 100000 ||
            memcmp(result.errors, bytes, 100000) != 0) {
            *(int *)failed = 1;
        }
        kin_run_free(&result);
    }
    free(bytes);
}

static void threads_run_programs_at_once(void **state)
{
    (void)state;
    int failed[4] = {0, 0, 0, 0};
    void *threads[4];
    size_t handles = count_handles();
    for (size_t i = 0; i < 4; i++) {
        threads[i] = begin_thread(run_some, &failed[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        end_thread(threads[i]);
        assert_int_equal(failed[i], 0);
    }
    assert_true(count_handles() <= handles + (has_fork() ? 0 : 8)); /* of Windows's own for threads */
}

static void run_slow(void *done)
{
    const char *const argv[] = {self, "slow", NULL};
    char *bytes = make_bytes(200000);
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_run_result result = KIN_RUN_RESULT_INIT;
    options.input = KIN_RUN_BYTES;
    options.input_bytes = bytes;
    options.input_size = 200000;
    options.errors = KIN_RUN_NOTHING;
    options.timeout = LONG_ENOUGH;
    *(int *)done = kin_run_output(argv, &options, &result) == KIN_OK && result.output_size == 200000;
    kin_run_free(&result);
    free(bytes);
}

static void child_forked_meanwhile_holds_nothing_up(void **state)
{
    (void)state;
    kin_sem *go = NULL;
    kin_args *args = new_args();
    int done = 0;
    assert_ok(kin_sem_create(&go, NULL, 0, 0));
    give(args, "go", KIN_TYPE_SEM, go);
    void *thread = begin_thread(run_slow, &done);
    rest(KIN_MS(150));
    kin_process *child = start_child("stay", args);
    end_thread(thread);
    assert_int_equal(done, 1);
    assert_true(kin_process_alive(child));
    assert_ok(kin_sem_release(go, 1));
    join_child(child, 0);
    kin_args_destroy(args);
    assert_ok(kin_sem_destroy(go));
}

int main(int argc, char **argv)
{
    kin_child_main(entries, 1);
    if (argc > 1) {
        return play(argc, argv);
    }
    if (kin_os_self_path(self, sizeof self) != KIN_OK) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes_come_back),
        cmocka_unit_test(signals_are_told),
        cmocka_unit_test(programs_are_looked_for),
        cmocka_unit_test(no_program_comes_from_the_current_directory),
        cmocka_unit_test(wrong_programs_say_why),
        cmocka_unit_test(batch_files_are_refused),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(arguments_arrive_as_they_are),
        cmocka_unit_test(too_many_arguments_are_too_big),
        cmocka_unit_test(environment_can_be_changed),
        cmocka_unit_test(directory_can_be_chosen),
        cmocka_unit_test(program_gets_three_streams_only),
        cmocka_unit_test(all_streams_move_at_once),
        cmocka_unit_test(streams_may_be_nothing),
        cmocka_unit_test(program_need_not_read_its_input),
        cmocka_unit_test(what_is_left_behind_does_not_hang),
        cmocka_unit_test(output_may_be_limited),
        cmocka_unit_test(late_program_is_ended),
        cmocka_unit_test(late_programs_children_end_with_it_if_asked),
        cmocka_unit_test(no_time_is_no_time),
        cmocka_unit_test(shell_only_when_asked),
        cmocka_unit_test(threads_run_programs_at_once),
        cmocka_unit_test(child_forked_meanwhile_holds_nothing_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
