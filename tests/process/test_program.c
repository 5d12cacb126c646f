/* Programs that run beside their caller: read, written to, waited for, ended. The programs are this one, with an
 * argument that says what to play.
 */
#include "support.h"

#include <signal.h>
#include <stdlib.h>

#include "os.h"

#define LATE KIN_SECONDS(40) /* an end that nobody was to wait for */

static char self[4096];

/* ---- programs ---- */

static void rest(int64_t time)
{
    kin_os_sleep_until(kin_os_now() + time);
}

static int say(const char *text)
{
    return write_output(1, text, strlen(text));
}

static int play_lines(void)
{
    char answer[16];
    CHECK(say("one\ntwo\r\n\npart"));
    CHECK(fgets(answer, sizeof answer, stdin) && strncmp(answer, "go", 2) == 0);
    CHECK(say(" of three\nlast") && write_output(2, "trouble\n", 8));
    return 4;
}

static int play_copy(void)
{
    static char piece[5000];
    size_t size;
    while ((size = read_input(piece, sizeof piece)) > 0) {
        CHECK(write_output(1, piece, size));
    }
    return 0;
}

static int play_hang(void)
{
    CHECK(say("begun\n"));
    rest(LATE);
    say("late\n");
    return 0;
}

static int play_stubborn(void)
{
    signal(SIGTERM, SIG_IGN);
    return play_hang();
}

static int play_flood(void)
{
    for (int i = 0; i < 20000; i++) {
        CHECK(say("0123456789abcdef0123456789abcdef0123456789abcdef\n"));
    }
    return 0;
}

/* Leaves one behind that keeps its output. */
static int play_leave(void)
{
    kin_program *left = NULL;
    const char *const argv[] = {self, "hang", NULL};
    CHECK(say("here\n") && kin_run_start(&left, argv, NULL) == KIN_OK);
    kin_run_close(left);
    return 0;
}

static int play(const char *part)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } parts[] = {
        {"lines", play_lines},       {"copy", play_copy},   {"hang", play_hang},
        {"stubborn", play_stubborn}, {"flood", play_flood}, {"leave", play_leave},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(parts[i].name, part) == 0) {
            return parts[i].run();
        }
    }
    return 99;
}

/* ---- children that start programs bound to them ---- */

static bool start_bound(kin_program **out, uint32_t more)
{
    const char *const argv[] = {self, "hang", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    options.flags = KIN_RUN_BOUND | more;
    return kin_os_self_path(self, sizeof self) == KIN_OK && kin_run_start(out, argv, &options) == KIN_OK;
}

static void start_in_thread(void *out)
{
    MUST(start_bound(out, 0));
}

static int child_middle(const kin_args *args)
{
    kin_program *program = NULL;
    kin_sem *told = given(args, "told", KIN_TYPE_SEM);
    if (given_number(args, "thread")) {
        run_thread(start_in_thread, &program);
    } else {
        CHECK(start_bound(&program, (uint32_t)given_number(args, "flags")));
    }
    CHECK(kin_run_wait(program, KIN_MS(300), NULL) == KIN_E_TIMED_OUT); /* the thread's end has not ended it */
    CHECK(kin_sem_release(told, 1) == KIN_OK);
    if (given_number(args, "stay")) {
        rest(LATE);
    }
    kin_run_close(program);
    return 0;
}

static const kin_child_entry entries[] = {{"middle", child_middle}};

/* ---- tests ---- */

static kin_program *start(const char *part, kin_run_stream input, kin_run_stream output, kin_run_stream errors)
{
    const char *const argv[] = {self, part, NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_program *program = NULL;
    options.input = input;
    options.output = output;
    options.errors = errors;
    assert_ok(kin_run_start(&program, argv, &options));
    assert_true(kin_run_pid(program) != 0);
    return program;
}

static void expect_line(kin_program *program, unsigned stream, const char *expected)
{
    const char *line = NULL;
    size_t length = 0;
    assert_ok(kin_run_read_line(&line, &length, program, stream, PATIENCE));
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(line, expected, length);
}

static void expect_end(kin_program *program, int code)
{
    kin_exit end = {.code = -1};
    assert_ok(kin_run_wait(program, PATIENCE, &end));
    assert_true(end.how == KIN_END_EXITED && end.code == code);
    assert_ok(kin_run_wait(program, KIN_NOW, &end));
    kin_run_close(program);
}

static void lines_come_as_they_are_written(void **state)
{
    (void)state;
    const char *line;
    size_t length, moved = 0;
    kin_program *program = start("lines", KIN_RUN_PIPE, KIN_RUN_PIPE, KIN_RUN_PIPE);
    expect_line(program, 1, "one");
    expect_line(program, 1, "two");
    expect_line(program, 1, "");
    assert_status(kin_run_read_line(&line, &length, program, 1, KIN_MS(100)), KIN_E_TIMED_OUT);
    assert_status(kin_run_read_line(&line, &length, program, 2, KIN_NOW), KIN_E_TIMED_OUT);
    assert_status(kin_run_wait(program, KIN_NOW, NULL), KIN_E_TIMED_OUT);
    assert_ok(kin_run_write(program, "go\n", 3, &moved, PATIENCE));
    assert_int_equal(moved, 3);
    expect_line(program, 1, "part of three");
    expect_line(program, 1, "last");
    assert_status(kin_run_read_line(&line, &length, program, 1, PATIENCE), KIN_E_CLOSED);
    expect_line(program, 2, "trouble");
    expect_end(program, 4);
}

static void what_was_written_is_read_after_the_end(void **state)
{
    (void)state;
    char text[64];
    size_t got = 0;
    kin_program *program = start("lines", KIN_RUN_PIPE, KIN_RUN_PIPE, KIN_RUN_NOTHING);
    assert_ok(kin_run_write(program, "go\n", 3, NULL, PATIENCE));
    kin_exit end = {.code = -1};
    assert_ok(kin_run_wait(program, PATIENCE, &end));
    assert_int_equal(end.code, 4);
    expect_line(program, 1, "one");
    assert_ok(kin_run_read(program, 1, text, 2, &got, PATIENCE));
    assert_true(got == 2 && memcmp(text, "tw", 2) == 0);
    expect_line(program, 1, "o");
    assert_status(kin_run_write(program, "x", 1, NULL, PATIENCE), KIN_E_CLOSED);
    expect_end(program, 4);
}

static void much_goes_through_both_ways(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    static char sent[SIZE], got[SIZE];
    size_t from = 0, to = 0, moved;
    kin_program *program = start("copy", KIN_RUN_PIPE, KIN_RUN_PIPE, KIN_RUN_INHERIT);
    for (size_t i = 0; i < SIZE; i++) {
        sent[i] = (char)(i * 7 + i / 256);
    }
    while (to < SIZE) {
        if (from < SIZE) {
            kin_status status = kin_run_write(program, sent + from, SIZE - from, &moved, KIN_MS(1));
            assert_true(status == KIN_OK || status == KIN_E_TIMED_OUT);
            from += moved;
            if (from == SIZE) {
                assert_ok(kin_run_close_stream(program, 0));
            }
        }
        kin_status status = kin_run_read(program, 1, got + to, SIZE - to, &moved, KIN_MS(1));
        assert_true(status == KIN_OK || status == KIN_E_TIMED_OUT);
        to += status == KIN_OK ? moved : 0;
    }
    assert_memory_equal(sent, got, SIZE);
    expect_end(program, 0);
}

static void bytes_and_collected_output_are_moved_while_waiting(void **state)
{
    (void)state;
    enum { SIZE = 400000 };
    const char *const argv[] = {self, "copy", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_program *program = NULL;
    kin_run_result result = KIN_RUN_RESULT_INIT;
    char *bytes = malloc(SIZE);
    assert_non_null(bytes);
    memset(bytes, 'k', SIZE);
    options.input = KIN_RUN_BYTES;
    options.input_bytes = bytes;
    options.input_size = SIZE;
    options.output = KIN_RUN_COLLECT;
    assert_ok(kin_run_start(&program, argv, &options));
    free(bytes); /* was borrowed for the call */
    assert_status(kin_run_collected(program, &result), KIN_E_BUSY);
    assert_ok(kin_run_wait(program, PATIENCE, NULL));
    assert_ok(kin_run_collected(program, &result));
    assert_true(result.started && result.output_size == SIZE && result.output[SIZE - 1] == 'k');
    kin_run_free(&result);
    kin_run_close(program);
}

static void end_by_force(void **state)
{
    (void)state;
    for (int force = 0; force < 2; force++) {
        kin_exit end = {.code = 0};
        kin_program *program = start(force ? "stubborn" : "hang", KIN_RUN_NOTHING, KIN_RUN_PIPE, KIN_RUN_NOTHING);
        expect_line(program, 1, "begun");
        assert_ok(force ? kin_run_kill(program) : kin_run_terminate(program));
        assert_ok(kin_run_wait(program, PATIENCE, &end));
        assert_true(end.how == KIN_END_KILLED && end.signal == (force ? 9 : 15) && end.code == -1);
        assert_ok(kin_run_kill(program)); /* it has ended */
        kin_run_close(program);
    }
}

static void time_limit_is_kept_while_waiting(void **state)
{
    (void)state;
    const char *const argv[] = {self, "hang", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_program *program = NULL;
    kin_exit end = {.code = 0};
    options.output = KIN_RUN_NOTHING;
    options.timeout = KIN_MS(500);
    assert_ok(kin_run_start(&program, argv, &options));
    assert_status(kin_run_wait(program, KIN_MS(1), &end), KIN_E_TIMED_OUT);
    assert_ok(kin_run_wait(program, PATIENCE, &end));
    assert_int_equal(end.how, KIN_END_KILLED);
    kin_run_close(program);
}

/* Ended by its time limit, by a call of this process, and by another process. */
static void who_ended_it_is_told(void **state)
{
    (void)state;
    enum { LIMIT, CALL, OTHER, ENDS };
    somebody_dies();
    for (int by = 0; by < ENDS; by++) {
        const char *const argv[] = {self, "hang", NULL};
        kin_run_options options = KIN_RUN_OPTIONS_INIT;
        kin_program *program = NULL;
        kin_exit end = {.code = 0};
        options.output = KIN_RUN_PIPE;
        options.timeout = by == LIMIT ? KIN_MS(300) : PATIENCE;
        assert_ok(kin_run_start(&program, argv, &options));
        expect_line(program, 1, "begun");
        if (by == CALL) {
            assert_ok(kin_run_kill(program));
        } else if (by == OTHER) {
            kill_pid_with(kin_run_pid(program), 9);
        }
        assert_ok(kin_run_wait(program, PATIENCE, &end));
        assert_int_equal(end.timed_out, by == LIMIT);
        assert_int_equal(end.how == KIN_END_KILLED, by != OTHER);
        kin_run_close(program);
    }
}

static void what_is_left_behind_does_not_hang(void **state)
{
    (void)state;
    const char *line;
    size_t length;
    int64_t begun = now_ns();
    kin_program *program = start("leave", KIN_RUN_NOTHING, KIN_RUN_PIPE, KIN_RUN_NOTHING);
    expect_line(program, 1, "here");
    while (kin_run_read_line(&line, &length, program, 1, PATIENCE) == KIN_OK) {
        assert_true(length == 5 && memcmp(line, "begun", 5) == 0);
    }
    assert_true(now_ns() - begun < LATE / 2);
    expect_end(program, 0);
}

static void long_lines_come_in_parts(void **state)
{
    (void)state;
    const char *const argv[] = {self, "flood", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_program *program = NULL;
    const char *line;
    size_t length, count = 0;
    options.output = KIN_RUN_PIPE;
    options.output_limit = 20;
    assert_ok(kin_run_start(&program, argv, &options));
    while (kin_run_read_line(&line, &length, program, 1, PATIENCE) == KIN_OK) {
        assert_int_equal(length, count % 3 == 2 ? 8 : 20);
        count++;
    }
    assert_int_equal(count, 60000);
    expect_end(program, 0);
}

static void wait_takes_programs_and_their_output(void **state)
{
    (void)state;
    kin_event *event = NULL;
    size_t ready = 0;
    assert_ok(kin_event_create(&event, NULL));
    kin_program *program = start("lines", KIN_RUN_PIPE, KIN_RUN_PIPE, KIN_RUN_NOTHING);
    kin_wait_item items[] = {
        {KIN_TYPE_EVENT, KIN_WAIT_READABLE, event, 0, 0},
        {KIN_WAIT_PROGRAM, KIN_WAIT_READABLE, program, 0, 0},
        {KIN_WAIT_OUTPUT, KIN_WAIT_READABLE, program, 0, 0},
    };
    assert_ok(kin_wait(items, 3, 0, PATIENCE, &ready));
    assert_true(ready == 1 && items[2].ready == KIN_WAIT_READABLE && !items[1].ready);
    expect_line(program, 1, "one");
    assert_ok(kin_wait(items, 3, 0, KIN_NOW, NULL)); /* of what was read already, too */
    expect_line(program, 1, "two");
    expect_line(program, 1, "");
    char text[8];
    size_t got;
    while (kin_run_read(program, 1, text, sizeof text, &got, KIN_MS(200)) == KIN_OK) {
    }
    assert_status(kin_wait(items, 3, 0, KIN_MS(50), NULL), KIN_E_TIMED_OUT);
    assert_ok(kin_event_set(event));
    assert_ok(kin_wait(items, 3, 0, PATIENCE, NULL));
    assert_true(items[0].ready && !items[1].ready && !items[2].ready);
    assert_ok(kin_event_clear(event));
    assert_ok(kin_run_write(program, "go\n", 3, NULL, PATIENCE));
    assert_ok(kin_wait(items, 2, 0, PATIENCE, NULL));
    assert_true(items[1].ready);
    expect_end(program, 4);
    assert_ok(kin_event_destroy(event));
}

/* kin_run_read_line sleeps while only part of a line has come. The test counts how often it wakes. */
static void part_of_a_line_is_waited_for(void **state)
{
    (void)state;
    for (int limited = 0; limited < 2; limited++) { /* with a time limit, it is asked now and then */
        const char *const argv[] = {self, "lines", NULL};
        kin_run_options options = KIN_RUN_OPTIONS_INIT;
        kin_program *program = NULL;
        const char *line;
        size_t length;
        options.input = options.output = KIN_RUN_PIPE;
        options.errors = KIN_RUN_NOTHING;
        options.timeout = limited ? PATIENCE : 0;
        assert_ok(kin_run_start(&program, argv, &options));
        kin_wait_item item = {KIN_WAIT_OUTPUT, KIN_WAIT_READABLE, program, 0, 0};
        expect_line(program, 1, "one");
        expect_line(program, 1, "two");
        assert_ok(kin_wait(&item, 1, 0, PATIENCE, NULL));
        assert_ok(kin_run_read_line(&line, &length, program, 1, KIN_NOW));
        assert_int_equal(length, 0);
        int rounds = 0;
        for (int64_t end = now_ns() + KIN_MS(300); now_ns() < end; rounds++) {
            if (kin_wait(&item, 1, 0, KIN_MS(300), NULL) == KIN_OK) {
                assert_status(kin_run_read_line(&line, &length, program, 1, KIN_NOW), KIN_E_TIMED_OUT);
            }
        }
        assert_true(rounds <= 4);
        assert_ok(kin_run_write(program, "go\n", 3, NULL, PATIENCE));
        assert_ok(kin_wait(&item, 1, 0, PATIENCE, NULL));
        assert_ok(kin_run_read_line(&line, &length, program, 1, KIN_NOW));
        assert_int_equal(length, strlen("part of three"));
        assert_ok(kin_wait(&item, 1, 0, PATIENCE, NULL)); /* the last line has no end but the program's */
        expect_line(program, 1, "last");
        expect_end(program, 4);
    }
}

/* Who read a line before may read bytes again. */
static void part_of_a_line_is_bytes_to_read(void **state)
{
    (void)state;
    char text[16];
    const char *line;
    size_t got = 0, length;
    kin_program *program = start("lines", KIN_RUN_PIPE, KIN_RUN_PIPE, KIN_RUN_NOTHING);
    kin_wait_item item = {KIN_WAIT_OUTPUT, KIN_WAIT_READABLE, program, 0, 0};
    expect_line(program, 1, "one");
    expect_line(program, 1, "two");
    expect_line(program, 1, "");
    assert_status(kin_run_read_line(&line, &length, program, 1, KIN_MS(100)), KIN_E_TIMED_OUT);
    assert_ok(kin_run_read(program, 1, text, 2, &got, PATIENCE));
    assert_true(got == 2 && memcmp(text, "pa", 2) == 0);
    assert_ok(kin_wait(&item, 1, 0, KIN_NOW, NULL));
    assert_ok(kin_run_close_stream(program, 0));
    kin_run_kill(program);
    assert_ok(kin_run_wait(program, PATIENCE, NULL));
    kin_run_close(program);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    const char *const argv[] = {self, "copy", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_program *program = NULL;
    char text[4];
    size_t size;
    assert_status(kin_run_start(NULL, argv, NULL), KIN_E_ARGUMENT);
    assert_status(kin_run_start(&program, NULL, NULL), KIN_E_ARGUMENT);
    options.output = KIN_RUN_PIPE;
    assert_status(kin_run(argv, &options, NULL), KIN_E_ARGUMENT); /* who would read it? */
    program = start("copy", KIN_RUN_NOTHING, KIN_RUN_NOTHING, KIN_RUN_NOTHING);
    assert_status(kin_run_read(program, 1, text, 4, &size, KIN_NOW), KIN_E_ARGUMENT);
    assert_status(kin_run_read(program, 0, text, 4, &size, KIN_NOW), KIN_E_ARGUMENT);
    assert_status(kin_run_read(program, 3, text, 4, &size, KIN_NOW), KIN_E_ARGUMENT);
    assert_status(kin_run_write(program, "x", 1, NULL, KIN_NOW), KIN_E_ARGUMENT);
    assert_status(kin_run_wait(program, -1, NULL), KIN_E_ARGUMENT);
    assert_status(kin_run_wait(NULL, 0, NULL), KIN_E_ARGUMENT);
    assert_status(kin_run_terminate(NULL), KIN_E_ARGUMENT);
    assert_int_equal(kin_run_pid(NULL), 0);
    kin_run_close(NULL);
    expect_end(program, 0);
}

static void nothing_is_left_open(void **state)
{
    (void)state;
    size_t before = 0;
    for (int i = 0; i < 6; i++) {
        before = i == 2 ? count_handles() : before;
        kin_program *program = start("copy", KIN_RUN_PIPE, KIN_RUN_PIPE, KIN_RUN_PIPE);
        assert_ok(kin_run_close_stream(program, 0));
        expect_end(program, 0);
    }
    assert_true(count_handles() <= before);
}

/* The bound program's output is the test's pipe, which ends with the last process that has it. */
static void bound_program_ends_with_its_caller(void **state)
{
    (void)state;
    static const struct {
        int thread, stay;
        uint32_t flags;
    } cases[] = {{0, 1, 0}, {1, 1, 0}, {0, 0, 0}, {0, 1, KIN_RUN_TREE}};
    somebody_dies();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        intptr_t ends[2];
        char text[16] = "";
        kin_sem *told = NULL;
        kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
        kin_process *middle = NULL;
        kin_args *args = new_args();
        make_pipe(ends);
        assert_ok(kin_sem_create(&told, NULL, 0, 0));
        give(args, "told", KIN_TYPE_SEM, told);
        give_number(args, "thread", cases[i].thread);
        give_number(args, "stay", cases[i].stay);
        give_number(args, "flags", cases[i].flags);
        options.method = KIN_START_SPAWN; /* so that it does not inherit the pipe's other ends */
        options.streams[1] = ends[1];
        assert_ok(kin_process_start(&middle, "middle", args, &options));
        close_handle(ends[1]);
        assert_ok(kin_sem_acquire(told, 1, PATIENCE));
        assert_int_equal(read_handle(ends[0], text, sizeof text), 6);
        if (cases[i].stay) {
            kill_child(middle);
        } else {
            join_child(middle, 0);
        }
        assert_true(read_handle(ends[0], text, sizeof text) <= 0);
        close_handle(ends[0]);
        kin_args_destroy(args);
        assert_ok(kin_sem_destroy(told));
    }
}

/* As any other, with each kind of stream. */
static void bound_program_has_its_streams(void **state)
{
    (void)state;
    static const uint32_t flags[] = {KIN_RUN_BOUND, KIN_RUN_BOUND | KIN_RUN_TREE};
    for (size_t i = 0; i < 2 * sizeof flags / sizeof flags[0]; i++) {
        const char *const argv[] = {self, i < 2 ? "copy" : "lines", NULL};
        kin_run_options options = KIN_RUN_OPTIONS_INIT;
        kin_program *program = NULL;
        kin_exit end = {.code = -1};
        options.flags = flags[i % 2];
        options.input = options.output = KIN_RUN_PIPE;
        options.errors = i < 2 ? KIN_RUN_TOGETHER : KIN_RUN_PIPE;
        assert_ok(kin_run_start(&program, argv, &options));
        assert_ok(kin_run_write(program, "go\n", 3, NULL, PATIENCE));
        assert_ok(kin_run_close_stream(program, 0));
        expect_line(program, 1, i < 2 ? "go" : "one");
        if (i >= 2) {
            expect_line(program, 2, "trouble");
        }
        assert_ok(kin_run_wait(program, PATIENCE, &end));
        assert_int_equal(end.code, i < 2 ? 0 : 4);
        kin_run_close(program);
    }
}

int main(int argc, char **argv)
{
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    if (kin_os_self_path(self, sizeof self) != KIN_OK) {
        return 1;
    }
    if (argc > 1) {
        return play(argv[1]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_as_they_are_written),
        cmocka_unit_test(what_was_written_is_read_after_the_end),
        cmocka_unit_test(much_goes_through_both_ways),
        cmocka_unit_test(bytes_and_collected_output_are_moved_while_waiting),
        cmocka_unit_test(end_by_force),
        cmocka_unit_test(time_limit_is_kept_while_waiting),
        cmocka_unit_test(who_ended_it_is_told),
        cmocka_unit_test(what_is_left_behind_does_not_hang),
        cmocka_unit_test(long_lines_come_in_parts),
        cmocka_unit_test(wait_takes_programs_and_their_output),
        cmocka_unit_test(part_of_a_line_is_waited_for),
        cmocka_unit_test(part_of_a_line_is_bytes_to_read),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(nothing_is_left_open),
        cmocka_unit_test(bound_program_has_its_streams),
        cmocka_unit_test(bound_program_ends_with_its_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
