#include "support.h"

#include <stdlib.h>

#include "os.h"

#define BIG ((size_t)50 << 20)

typedef struct two {
    kin_pipe *mine, *theirs;
} two;

static two new_pipe(uint32_t flags)
{
    kin_pipe *ends[2] = {NULL, NULL};
    assert_ok(kin_pipe_create(ends, flags));
    return (two){ends[0], ends[1]};
}

static void close_both(two *it)
{
    kin_pipe_close(it->mine);
    kin_pipe_close(it->theirs);
}

static void give_pipe(kin_args *args, const char *name, kin_pipe *pipe)
{
    assert_ok(kin_args_add_pipe(args, name, pipe));
}

static kin_pipe *given_pipe(const kin_args *args, const char *name)
{
    kin_pipe *pipe = NULL;
    kin_status status = kin_args_get_pipe(args, name, &pipe);
    if (status != KIN_OK) {
        fprintf(stderr, "argument %s: %s\n", name, kin_status_name(status));
    }
    return pipe;
}

/* Starts a child that has the end, and closes this process's. */
static kin_process *start_at(const char *entry, kin_pipe *end, int64_t number)
{
    kin_args *args = new_args();
    give_pipe(args, "pipe", end);
    give_number(args, "number", number);
    kin_process *process = start_child(entry, args);
    kin_args_destroy(args);
    kin_pipe_close(end);
    return process;
}

static unsigned char filling(size_t size, size_t i)
{
    return (unsigned char)(size * 31 + i * 7 + i / 251);
}

static unsigned char *pack(size_t size)
{
    unsigned char *bytes = malloc(size > 0 ? size : 1);
    for (size_t i = 0; bytes && i < size; i++) {
        bytes[i] = filling(size, i);
    }
    return bytes;
}

static int intact(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != filling(size, i)) {
            return 0;
        }
    }
    return 1;
}

static void assert_next(kin_pipe *pipe, const char *expected)
{
    char text[64];
    size_t size = 0;
    assert_ok(kin_pipe_recv(pipe, text, sizeof text, &size, PATIENCE));
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(text, expected, size);
}

static void send_text(kin_pipe *pipe, const char *text)
{
    assert_ok(kin_pipe_send(pipe, text, strlen(text), PATIENCE));
}

/* ---- children ---- */

/* Sends back what comes, until the end. */
static int child_echo(const kin_args *args)
{
    kin_pipe *pipe = given_pipe(args, "pipe");
    size_t size = 0;
    kin_status status;
    CHECK(pipe);
    while ((status = kin_pipe_poll(pipe, &size, PATIENCE)) == KIN_OK) {
        unsigned char *bytes = malloc(size + 1);
        CHECK(bytes && kin_pipe_recv(pipe, bytes, size, &size, PATIENCE) == KIN_OK);
        CHECK(kin_pipe_send(pipe, bytes, size, PATIENCE) == KIN_OK);
        free(bytes);
    }
    CHECK(status == KIN_E_CLOSED);
    CHECK(kin_pipe_send(pipe, "", 0, PATIENCE) == KIN_E_CLOSED);
    return 0;
}

/* Sends one message and goes; how is the number's affair. */
static int child_say(const kin_args *args)
{
    kin_pipe *pipe = given_pipe(args, "pipe");
    CHECK(pipe && kin_pipe_send(pipe, "last words", 10, PATIENCE) == KIN_OK);
    if (given_number(args, "number") == 1) {
        kin_pipe_close(pipe);
    } else if (given_number(args, "number") == 2) {
        kin_os_exit_now(0);
    }
    return 0;
}

/* Says that it is there, then waits for a message that does not come. */
static int child_hang(const kin_args *args)
{
    kin_pipe *pipe = given_pipe(args, "pipe");
    char text[8];
    CHECK(pipe && kin_pipe_send(pipe, "here", 4, PATIENCE) == KIN_OK);
    kin_pipe_recv(pipe, text, sizeof text, NULL, KIN_FOREVER);
    return 0;
}

/* Begins to send more than anybody receives. */
static int child_send_too_much(const kin_args *args)
{
    kin_pipe *pipe = given_pipe(args, "pipe");
    unsigned char *bytes = pack(BIG);
    CHECK(pipe && bytes && kin_pipe_send(pipe, "here", 4, PATIENCE) == KIN_OK);
    kin_pipe_send(pipe, bytes, BIG, KIN_FOREVER);
    return 1;
}

static const kin_entry entries[] = {
    {"echo", child_echo},
    {"say", child_say},
    {"hang", child_hang},
    {"send_too_much", child_send_too_much},
};

/* ---- tests ---- */

static void messages_of_all_sizes_come_back_whole(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 4096, 65503, 65504, 65505, 200000, 1 << 20, BIG};
    two it = new_pipe(0);
    kin_process *child = start_at("echo", it.theirs, 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = 1;
        unsigned char *bytes = pack(sizes[i]);
        assert_ok(kin_pipe_send(it.mine, bytes, sizes[i], PATIENCE));
        memset(bytes, 0, sizes[i]);
        assert_ok(kin_pipe_recv(it.mine, bytes, sizes[i], &size, PATIENCE));
        assert_int_equal(size, sizes[i]);
        assert_true(intact(bytes, size));
        free(bytes);
    }
    kin_pipe_close(it.mine);
    join_child(child, 0);
}

static void messages_wait_in_order(void **state)
{
    (void)state;
    two it = new_pipe(0);
    size_t size = 99;
    assert_status(kin_pipe_poll(it.mine, NULL, KIN_NOW), KIN_E_TIMED_OUT);
    send_text(it.mine, "one");
    send_text(it.mine, "");
    send_text(it.mine, "three");
    send_text(it.theirs, "back");
    assert_ok(kin_pipe_poll(it.theirs, &size, KIN_NOW));
    assert_int_equal(size, 3);
    assert_next(it.theirs, "one");
    assert_next(it.theirs, "");
    assert_next(it.theirs, "three");
    assert_next(it.mine, "back");
    assert_status(kin_pipe_recv(it.mine, NULL, 0, NULL, KIN_NOW), KIN_E_TIMED_OUT);
    close_both(&it);
}

static void one_way_is_one_way(void **state)
{
    (void)state;
    two it = new_pipe(KIN_PIPE_ONE_WAY);
    kin_handle handle = 0;
    send_text(it.mine, "there");
    assert_next(it.theirs, "there");
    assert_status(kin_pipe_send(it.theirs, "", 0, KIN_NOW), KIN_E_UNSUPPORTED);
    assert_status(kin_pipe_recv(it.mine, NULL, 0, NULL, KIN_NOW), KIN_E_UNSUPPORTED);
    assert_status(kin_pipe_poll(it.mine, NULL, KIN_NOW), KIN_E_UNSUPPORTED);
    assert_status(kin_pipe_handle(it.mine, &handle), KIN_E_UNSUPPORTED);
    kin_pipe_close(it.theirs);
    assert_status(kin_pipe_send(it.mine, "", 0, KIN_NOW), KIN_E_CLOSED);
    kin_pipe_close(it.mine);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    two it = new_pipe(0);
    kin_pipe *ends[2];
    kin_handle handle;
    char byte;
    kin_attachment many[KIN_ATTACHMENTS_MAX + 1] = {{NULL, 0, KIN_HANDLE_ANY}};
    size_t one = 1;
    assert_status(kin_pipe_create(NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_pipe_create(ends, 2), KIN_E_ARGUMENT);
    assert_status(kin_pipe_send(NULL, "", 0, 0), KIN_E_ARGUMENT);
    assert_status(kin_pipe_send(it.mine, NULL, 1, 0), KIN_E_ARGUMENT);
    assert_status(kin_pipe_send(it.mine, "", 0, -1), KIN_E_ARGUMENT);
    assert_status(kin_pipe_recv(NULL, &byte, 1, NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_pipe_recv(it.mine, NULL, 1, NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_pipe_recv(it.mine, &byte, 1, NULL, -1), KIN_E_ARGUMENT);
    assert_status(kin_pipe_recv_with(it.mine, &byte, 1, NULL, NULL, &one, 0), KIN_E_ARGUMENT);
    assert_status(kin_pipe_poll(NULL, NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_pipe_poll(it.mine, NULL, -1), KIN_E_ARGUMENT);
    assert_status(kin_pipe_handle(it.mine, NULL), KIN_E_ARGUMENT);
    assert_status(kin_pipe_handle(NULL, &handle), KIN_E_ARGUMENT);
    assert_status(kin_pipe_send_with(it.mine, "", 0, NULL, 1, 0), KIN_E_ARGUMENT);
    assert_status(kin_pipe_send_with(it.mine, "", 0, many, KIN_ATTACHMENTS_MAX + 1, 0), KIN_E_ARGUMENT);
    kin_args *args = new_args();
    assert_status(kin_args_add_pipe(args, "a", NULL), KIN_E_ARGUMENT);
    assert_status(kin_args_add_pipe(NULL, "a", it.mine), KIN_E_ARGUMENT);
    assert_status(kin_args_get_pipe(args, "a", ends), KIN_E_NOT_FOUND);
    give_number(args, "number", 1);
    assert_status(kin_args_get_pipe(args, "number", ends), KIN_E_TYPE);
    assert_status(kin_args_get_pipe(args, "number", NULL), KIN_E_ARGUMENT);
    kin_args_destroy(args);
    kin_pipe_close(NULL);
    close_both(&it);
}

static void short_buffer_keeps_the_message(void **state)
{
    (void)state;
    static const size_t sizes[] = {5, 65504, 300000};
    two it = new_pipe(0);
    unsigned char small[4];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = 0;
        unsigned char *bytes = pack(sizes[i]);
        kin_status sent = kin_pipe_send(it.mine, bytes, sizes[i], KIN_NOW);
        for (int again = 0; again < 2 && sent == KIN_OK; again++) {
            assert_status(kin_pipe_recv(it.theirs, small, sizeof small, &size, KIN_NOW), KIN_E_TOO_BIG);
            assert_int_equal(size, sizes[i]);
        }
        if (sent == KIN_OK) {
            assert_ok(kin_pipe_poll(it.theirs, &size, KIN_NOW));
            assert_int_equal(size, sizes[i]);
            memset(bytes, 0, sizes[i]);
            assert_ok(kin_pipe_recv(it.theirs, bytes, sizes[i], &size, KIN_NOW));
            assert_true(size == sizes[i] && intact(bytes, size));
        }
        free(bytes);
    }
    close_both(&it);
}

static void end_comes_after_all_that_was_sent(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        two it = new_pipe(0);
        kin_process *child = start_at("say", it.theirs, how);
        assert_next(it.mine, "last words");
        assert_status(kin_pipe_poll(it.mine, NULL, PATIENCE), KIN_E_CLOSED);
        for (int again = 0; again < 2; again++) {
            assert_status(kin_pipe_recv(it.mine, NULL, 0, NULL, PATIENCE), KIN_E_CLOSED);
            assert_status(kin_pipe_send(it.mine, "x", 1, PATIENCE), KIN_E_CLOSED);
        }
        join_child(child, 0);
        kin_pipe_close(it.mine);
    }
}

static void killed_peer_closes_the_pipe(void **state)
{
    (void)state;
    two it = new_pipe(0);
    kin_process *child = start_at("hang", it.theirs, 0);
    assert_next(it.mine, "here");
    assert_ok(kin_process_kill(child));
    assert_status(kin_pipe_recv(it.mine, NULL, 0, NULL, PATIENCE), KIN_E_CLOSED);
    assert_status(kin_pipe_send(it.mine, "x", 1, PATIENCE), KIN_E_CLOSED);
    kill_child(child);
    kin_pipe_close(it.mine);
}

static void message_cut_off_by_death_is_dropped(void **state)
{
    (void)state;
    two it = new_pipe(0);
    kin_process *child = start_at("send_too_much", it.theirs, 0);
    unsigned char *bytes = malloc(BIG);
    size_t size = 0;
    assert_next(it.mine, "here");
    assert_ok(kin_pipe_poll(it.mine, &size, PATIENCE));
    assert_int_equal(size, BIG);
    assert_ok(kin_process_kill(child));
    assert_ok(kin_process_join(child, PATIENCE, NULL));
    assert_status(kin_pipe_recv(it.mine, bytes, BIG, &size, PATIENCE), KIN_E_CLOSED);
    kin_process_close(child);
    kin_pipe_close(it.mine);
    free(bytes);
}

int main(void)
{
    kin_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_all_sizes_come_back_whole),
        cmocka_unit_test(messages_wait_in_order),
        cmocka_unit_test(one_way_is_one_way),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(short_buffer_keeps_the_message),
        cmocka_unit_test(end_comes_after_all_that_was_sent),
        cmocka_unit_test(killed_peer_closes_the_pipe),
        cmocka_unit_test(message_cut_off_by_death_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
