#include "support.h"

#include <stdlib.h>

#include "pipe/pipe.h"

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
    kin_status status = kin_args_get_pipe(&pipe, args, name);
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

typedef struct talk { /* what a thread is to do */
    kin_pipe *pipe;
    int64_t number;
    kin_status status;
    const unsigned char *bytes;
    size_t size;
} talk;

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
        kin_os_exit_now(7);
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

/* Says that it is there, and does not look at what comes. */
static int child_sleep(const kin_args *args)
{
    kin_pipe *pipe = given_pipe(args, "pipe");
    CHECK(pipe && kin_pipe_send(pipe, "here", 4, PATIENCE) == KIN_OK);
    kin_os_sleep_until(kin_os_now() + PATIENCE);
    return 0;
}

/* Fills the pipe, says so by the other, and waits for room for a message with something attached. */
static int child_stuck(const kin_args *args)
{
    kin_pipe *pipe = given_pipe(args, "pipe"), *end = NULL;
    kin_attachment item;
    size_t one = 1;
    unsigned char *bytes = pack(60000);
    CHECK(pipe && bytes && kin_pipe_recv_with(pipe, NULL, 0, NULL, &item, &one, PATIENCE) == KIN_OK);
    end = item.pipe;
    while (kin_pipe_send(pipe, bytes, 60000, KIN_NOW) == KIN_OK) {
    }
    while (kin_pipe_send(pipe, bytes, 1, KIN_NOW) == KIN_OK) {
    }
    CHECK(kin_pipe_send(end, "full", 4, PATIENCE) == KIN_OK);
    item = (kin_attachment){NULL, open_file_with("x"), KIN_HANDLE_ANY};
    kin_pipe_send_with(pipe, bytes, 60000, &item, 1, KIN_FOREVER);
    return 1;
}

/* Begins to send more than the other end receives. */
static int child_send_too_much(const kin_args *args)
{
    kin_pipe *pipe = given_pipe(args, "pipe");
    unsigned char *bytes = pack(BIG);
    CHECK(pipe && bytes && kin_pipe_send(pipe, "here", 4, PATIENCE) == KIN_OK);
    kin_pipe_send(pipe, bytes, BIG, KIN_FOREVER);
    return 1;
}

/* Sends what is attached to each message, and what it is. */
static int child_take(const kin_args *args)
{
    kin_pipe *pipe = given_pipe(args, "pipe");
    kin_attachment items[2];
    size_t count = 2, size = 0;
    char text[16];
    CHECK(pipe && kin_pipe_recv_with(pipe, text, sizeof text, &size, items, &count, PATIENCE) == KIN_OK);
    CHECK(count == 2 && size == 2 && memcmp(text, "it", 2) == 0);
    CHECK(!items[0].pipe && items[0].kind == KIN_HANDLE_FILE);
    CHECK(read_handle(items[0].handle, text, sizeof text) == 8 && memcmp(text, "contents", 8) == 0);
    CHECK(items[1].pipe && kin_pipe_send(items[1].pipe, "through", 7, PATIENCE) == KIN_OK);
    close_handle(items[0].handle);
    kin_pipe_close(items[1].pipe);
    CHECK(kin_pipe_recv(pipe, text, sizeof text, NULL, PATIENCE) == KIN_E_CLOSED);
    return 0;
}

/* Receives the end of another pipe, and echoes through that. */
static int child_move(const kin_args *args)
{
    kin_pipe *pipe = given_pipe(args, "pipe");
    kin_attachment item = {NULL, 0, KIN_HANDLE_ANY}, file = {NULL, 0, KIN_HANDLE_ANY};
    size_t one = 1, size = 0;
    char text[16];
    CHECK(pipe && kin_pipe_recv_with(pipe, NULL, 0, NULL, &item, &one, PATIENCE) == KIN_OK && one == 1 && item.pipe);
    CHECK(kin_pipe_recv_with(item.pipe, text, sizeof text, &size, &file, &one, PATIENCE) == KIN_OK && one == 1);
    CHECK(read_handle(file.handle, text, sizeof text) == 5 && memcmp(text, "early", 5) == 0);
    CHECK(kin_pipe_send(item.pipe, "taken", 5, PATIENCE) == KIN_OK);
    CHECK(kin_pipe_recv_with(item.pipe, text, sizeof text, &size, &file, &one, PATIENCE) == KIN_OK && one == 1);
    CHECK(read_handle(file.handle, text, sizeof text) == 4 && memcmp(text, "late", 4) == 0);
    return 0;
}

/* Is sent attachments while it counts what it has open. */
static int child_count(const kin_args *args)
{
    kin_pipe *pipe = given_pipe(args, "pipe");
    kin_attachment items[KIN_ATTACHMENTS_MAX];
    size_t count = KIN_ATTACHMENTS_MAX, before = 0;
    char text[8];
    CHECK(pipe);
    for (int i = 0; i < 20; i++) {
        size_t room = 1;
        CHECK(kin_pipe_recv_with(pipe, NULL, 0, NULL, items, &room, PATIENCE) == KIN_E_BUFFER && room == 2);
        CHECK(kin_pipe_recv(pipe, text, sizeof text, NULL, PATIENCE) == KIN_E_BUFFER);
        count = KIN_ATTACHMENTS_MAX;
        CHECK(kin_pipe_recv_with(pipe, text, sizeof text, NULL, items, &count, PATIENCE) == KIN_OK && count == 2);
        close_handle(items[0].handle);
        kin_pipe_close(items[1].pipe);
        before = i == 1 ? count_handles() : before;
        CHECK(i == 0 || count_handles() <= before);
        CHECK(kin_pipe_send(pipe, "done", 4, PATIENCE) == KIN_OK);
    }
    for (int i = 0; i < 3; i++) { /* what is not received goes with the end */
        kin_attachment end;
        size_t one = 1;
        CHECK(kin_pipe_recv_with(pipe, NULL, 0, NULL, &end, &one, PATIENCE) == KIN_OK && one == 1);
        CHECK(kin_pipe_recv(pipe, text, sizeof text, NULL, PATIENCE) == KIN_OK); /* all of it has been sent */
        if (i < 2) {
            CHECK(kin_pipe_poll(end.pipe, NULL, PATIENCE) == KIN_OK);
        } else {
            CHECK(kin_pipe_recv(end.pipe, text, sizeof text, NULL, PATIENCE) == KIN_E_BUFFER);
        }
        kin_pipe_close(end.pipe);
        CHECK(count_handles() <= before);
        CHECK(kin_pipe_send(pipe, "done", 4, PATIENCE) == KIN_OK);
    }
    return 0;
}

/* Has an end, and knows of another that it was not given, by its address. */
static kin_pipe *known[2];

static int child_wait(const kin_args *args)
{
    kin_pipe *pipe = given_pipe(args, "pipe");
    char text[8];
    CHECK(pipe && kin_pipe_send(pipe, "here", 4, PATIENCE) == KIN_OK);
    for (int i = 0; i < 2; i++) {
        CHECK(!known[i] || kin_pipe_send(known[i], "x", 1, KIN_NOW) == KIN_E_HANDLE);
        CHECK(!known[i] || kin_pipe_poll(known[i], NULL, KIN_NOW) == KIN_E_HANDLE);
        kin_pipe_close(known[i]);
    }
    CHECK(kin_pipe_recv(pipe, text, sizeof text, NULL, PATIENCE) == KIN_E_CLOSED);
    return 0;
}

/* Receives until the text comes; what was given up before that may have got through. */
static int receive_until(kin_pipe *pipe, const char *text, size_t most)
{
    unsigned char *bytes = malloc(most);
    size_t size = 0;
    kin_status status = KIN_OK;
    while (bytes && status == KIN_OK && size != strlen(text)) {
        status = kin_pipe_recv(pipe, bytes, most, &size, PATIENCE);
    }
    int found = status == KIN_OK && bytes && memcmp(bytes, text, size) == 0;
    free(bytes);
    return found;
}

/* Both ends at once: each side sends as much as the other, and nobody receives. */
static int child_flood(const kin_args *args)
{
    kin_pipe *pipe = given_pipe(args, "pipe");
    size_t size = (size_t)given_number(args, "number");
    unsigned char *bytes = pack(size);
    CHECK(pipe && bytes);
    kin_status status = kin_pipe_send(pipe, bytes, size, KIN_MS(100));
    CHECK(status == KIN_E_TIMED_OUT || status == KIN_OK); /* if the other is done with its own */
    free(bytes);
    CHECK(kin_pipe_send(pipe, "small", 5, PATIENCE) == KIN_OK);
    CHECK(receive_until(pipe, "little", size));
    return 0;
}

/* Sends its number again and again. */
static int child_chatter(const kin_args *args)
{
    kin_pipe *pipe = given_pipe(args, "pipe");
    CHECK(pipe);
    for (int64_t i = 0; i < 20000; i++) {
        CHECK(kin_pipe_send(pipe, &i, sizeof i, PATIENCE) == KIN_OK);
    }
    return 0;
}

static int child_slow_sender(const kin_args *args)
{
    kin_pipe *pipe = given_pipe(args, "pipe");
    unsigned char *bytes = pack(BIG);
    CHECK(pipe && bytes && kin_pipe_send(pipe, bytes, BIG, PATIENCE) == KIN_OK);
    free(bytes);
    return 0;
}

static const kin_child_entry entries[] = {
    {"echo", child_echo},
    {"take", child_take},
    {"move", child_move},
    {"count", child_count},
    {"wait", child_wait},
    {"flood", child_flood},
    {"chatter", child_chatter},
    {"slow_sender", child_slow_sender},
    {"say", child_say},
    {"hang", child_hang},
    {"sleep", child_sleep},
    {"stuck", child_stuck},
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
    assert_status(kin_pipe_handle(&handle, it.mine), KIN_E_UNSUPPORTED);
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
    assert_status(kin_pipe_handle(NULL, it.mine), KIN_E_ARGUMENT);
    assert_status(kin_pipe_handle(&handle, NULL), KIN_E_ARGUMENT);
    assert_status(kin_pipe_send_with(it.mine, "", 0, NULL, 1, 0), KIN_E_ARGUMENT);
    assert_status(kin_pipe_send_with(it.mine, "", 0, many, KIN_ATTACHMENTS_MAX + 1, 0), KIN_E_ARGUMENT);
    kin_args *args = new_args();
    assert_status(kin_args_add_pipe(args, "a", NULL), KIN_E_ARGUMENT);
    assert_status(kin_args_add_pipe(NULL, "a", it.mine), KIN_E_ARGUMENT);
    assert_status(kin_args_get_pipe(ends, args, "a"), KIN_E_NOT_FOUND);
    give_number(args, "number", 1);
    assert_status(kin_args_get_pipe(ends, args, "number"), KIN_E_TYPE);
    assert_status(kin_args_get_pipe(NULL, args, "number"), KIN_E_ARGUMENT);
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
            assert_status(kin_pipe_recv(it.theirs, small, sizeof small, &size, KIN_NOW), KIN_E_BUFFER);
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
        join_child(child, how == 2 ? 7 : 0);
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

static void cut_off_by_death(bool begun)
{
    two it = new_pipe(0);
    kin_process *child = start_at("send_too_much", it.theirs, 0);
    unsigned char *bytes = malloc(BIG);
    size_t size = 0;
    assert_next(it.mine, "here");
    assert_ok(kin_pipe_poll(it.mine, &size, PATIENCE));
    assert_int_equal(size, BIG);
    assert_ok(kin_process_kill(child));
    assert_ok(kin_process_join(child, PATIENCE, NULL));
    if (begun) {
        assert_status(kin_pipe_recv(it.mine, bytes, BIG / 2, &size, PATIENCE), KIN_E_BUFFER);
        while (kin_pipe_recv(it.mine, bytes, BIG, &size, KIN_NOW) == KIN_E_TIMED_OUT) {
        }
        assert_status(kin_pipe_recv(it.mine, bytes, BIG / 2, &size, PATIENCE), KIN_E_CLOSED);
        assert_status(kin_pipe_poll(it.mine, &size, PATIENCE), KIN_E_CLOSED);
    }
    assert_status(kin_pipe_recv(it.mine, bytes, BIG, &size, PATIENCE), KIN_E_CLOSED);
    kin_process_close(child);
    kin_pipe_close(it.mine);
    free(bytes);
}

static void message_cut_off_by_death_is_dropped(void **state)
{
    (void)state;
    cut_off_by_death(false);
    cut_off_by_death(true);
}

static kin_attachment handle_item(kin_handle handle)
{
    return (kin_attachment){NULL, handle, KIN_HANDLE_ANY};
}

static kin_attachment pipe_item(kin_pipe *pipe)
{
    return (kin_attachment){pipe, 0, KIN_HANDLE_ANY};
}

static void handles_and_ends_go_through_a_pipe(void **state)
{
    (void)state;
    two it = new_pipe(0), other = new_pipe(KIN_PIPE_ONE_WAY);
    kin_process *child = start_at("take", it.theirs, 0);
    intptr_t file = open_file_with("contents");
    kin_attachment items[2] = {handle_item(file), pipe_item(other.mine)};
    assert_ok(kin_pipe_send_with(it.mine, "it", 2, items, 2, PATIENCE));
    close_handle(file);
    kin_pipe_close(other.mine);
    assert_next(other.theirs, "through");
    assert_status(kin_pipe_recv(other.theirs, NULL, 0, NULL, PATIENCE), KIN_E_CLOSED);
    kin_pipe_close(other.theirs);
    kin_pipe_close(it.mine);
    join_child(child, 0);
}

/* What is sent to an end that is on its way, or whose process changes, arrives with it. */
static void attachments_follow_an_end_that_moves(void **state)
{
    (void)state;
    two it = new_pipe(0), other = new_pipe(0);
    intptr_t early = open_file_with("early"), late = open_file_with("late");
    kin_attachment first = handle_item(early), second = handle_item(late), end = pipe_item(other.theirs);
    assert_ok(kin_pipe_send_with(other.mine, "a", 1, &first, 1, PATIENCE));
    close_handle(early);
    kin_process *child = start_at("move", it.theirs, 0);
    assert_ok(kin_pipe_send_with(it.mine, NULL, 0, &end, 1, PATIENCE));
    kin_pipe_close(other.theirs);
    assert_next(other.mine, "taken");
    assert_ok(kin_pipe_send_with(other.mine, "b", 1, &second, 1, PATIENCE));
    close_handle(late);
    join_child(child, 0);
    kin_pipe_close(it.mine);
    kin_pipe_close(other.mine);
}

static void send_two(kin_pipe *pipe)
{
    two other = new_pipe(KIN_PIPE_ONE_WAY);
    intptr_t file = open_file_with("x");
    kin_attachment items[2] = {handle_item(file), pipe_item(other.theirs)};
    assert_ok(kin_pipe_send_with(pipe, "two", 3, items, 2, PATIENCE));
    close_handle(file);
    close_both(&other);
}

static void nothing_leaks_in_either_process(void **state)
{
    (void)state;
    two it = new_pipe(0);
    kin_process *child = start_at("count", it.theirs, 0);
    size_t before = count_handles();
    for (int i = 0; i < 20; i++) {
        send_two(it.mine);
        assert_next(it.mine, "done");
    }
    for (int i = 0; i < 3; i++) {
        two other = new_pipe(0);
        kin_attachment end = pipe_item(other.theirs);
        assert_ok(kin_pipe_send_with(it.mine, NULL, 0, &end, 1, PATIENCE));
        kin_pipe_close(other.theirs);
        send_two(other.mine);
        send_text(it.mine, "sent");
        assert_status(kin_pipe_recv(other.mine, NULL, 0, NULL, PATIENCE), KIN_E_CLOSED);
        kin_pipe_close(other.mine);
        assert_next(it.mine, "done");
    }
    assert_true(count_handles() <= before);
    join_child(child, 0);
    kin_pipe_close(it.mine);
}

static void failures_leak_nothing(void **state)
{
    (void)state;
    size_t before = 0;
    for (int i = 0; i < 5; i++) {
        before = i == 1 ? count_handles() : before;
        two it = new_pipe(0), other = new_pipe(0);
        intptr_t file = open_file_with("x"), closed = open_file_with("y");
        kin_attachment items[3] = {handle_item(file), pipe_item(other.mine), handle_item(closed)};
        close_handle(closed);
        assert_status(kin_pipe_send_with(it.mine, "x", 1, items, 3, PATIENCE), KIN_E_HANDLE);
        items[2] = pipe_item(it.mine);
        assert_status(kin_pipe_send_with(it.mine, "x", 1, items, 3, PATIENCE), KIN_E_BUSY);
        assert_status(kin_pipe_recv(it.theirs, NULL, 0, NULL, KIN_NOW), KIN_E_TIMED_OUT);
        while (kin_pipe_send(other.mine, "x", 1, KIN_NOW) == KIN_OK) {
        }
        assert_status(kin_pipe_send_with(other.mine, "x", 1, items, 1, KIN_NOW), KIN_E_TIMED_OUT);
        kin_process *child = start_at("sleep", it.theirs, 0); /* killed before it takes them */
        assert_next(it.mine, "here");
        assert_ok(kin_pipe_send(it.mine, "x", 1, PATIENCE));
        assert_ok(kin_pipe_send_with(it.mine, "x", 1, items, 2, PATIENCE));
        kill_child(child);
        assert_status(kin_pipe_poll(it.mine, NULL, PATIENCE),
                      KIN_E_CLOSED); /* a fork server has it for a moment longer */
        assert_status(kin_pipe_send_with(it.mine, "x", 1, items, 2, PATIENCE), KIN_E_CLOSED);
        kin_pipe_close(it.mine);
        assert_ok(kin_pipe_send_with(other.theirs, "x", 1, items, 1, PATIENCE));
        assert_ok(kin_pipe_send_with(other.theirs, "x", 1, items, 1, PATIENCE));
        assert_status(kin_pipe_recv(other.mine, NULL, 0, NULL, KIN_NOW), KIN_E_BUFFER);
        kin_args *args = new_args(); /* one that is kept is in the middle of a message */
        give_pipe(args, "pipe", other.mine);
        kin_process *none = NULL;
        assert_status(kin_process_start(&none, "hang", args, NULL), KIN_E_BUSY);
        kin_args_destroy(args);
        close_both(&other);
        close_handle(file);
    }
    assert_true(count_handles() <= before);
}

static void sender_killed_with_handles_in_hand_leaves_none(void **state)
{
    (void)state;
    unsigned char *bytes = malloc(60000);
    size_t before = 0;
    for (int i = 0; i < 4; i++) {
        before = i == 1 ? count_handles() : before;
        two it = new_pipe(0), other = new_pipe(0);
        kin_attachment end = pipe_item(other.theirs);
        kin_process *child = start_at("stuck", it.theirs, 0);
        assert_ok(kin_pipe_send_with(it.mine, NULL, 0, &end, 1, PATIENCE));
        kin_pipe_close(other.theirs);
        assert_next(other.mine, "full");
        kin_os_sleep_until(kin_os_now() + KIN_MS(50)); /* if it is slow, nothing is tested, and nothing fails */
        kill_child(child);
        while (kin_pipe_recv(it.mine, bytes, 60000, NULL, PATIENCE) == KIN_OK) {
        }
        assert_status(kin_pipe_poll(it.mine, NULL, PATIENCE), KIN_E_CLOSED);
        kin_pipe_close(it.mine);
        kin_pipe_close(other.mine);
    }
    assert_true(count_handles() <= before);
    free(bytes);
}

static void timeouts_leave_the_pipe_whole(void **state)
{
    (void)state;
    two it = new_pipe(0);
    unsigned char *bytes = pack(BIG);
    size_t size = 0;
    int64_t start = now_ns();
    assert_status(kin_pipe_recv(it.mine, bytes, 8, &size, KIN_MS(30)), KIN_E_TIMED_OUT);
    assert_status(kin_pipe_poll(it.mine, &size, KIN_MS(30)), KIN_E_TIMED_OUT);
    assert_true(now_ns() - start >= KIN_MS(60));
    start = now_ns();
    assert_status(kin_pipe_send(it.mine, bytes, BIG, KIN_MS(30)), KIN_E_TIMED_OUT);
    assert_true(now_ns() - start >= KIN_MS(30));
    assert_status(kin_pipe_recv(it.theirs, bytes, BIG, &size, KIN_MS(30)), KIN_E_TIMED_OUT); /* the rest never comes */
    assert_ok(kin_pipe_poll(it.theirs, &size, KIN_NOW));
    assert_int_equal(size, BIG);
    send_text(it.mine, "next");
    assert_next(it.theirs, "next");
    assert_status(kin_pipe_send(it.mine, bytes, BIG, KIN_NOW), KIN_E_TIMED_OUT);
    assert_status(kin_pipe_recv(it.theirs, bytes, BIG, &size, KIN_NOW), KIN_E_TIMED_OUT);
    send_text(it.mine, "again");
    assert_ok(kin_pipe_poll(it.theirs, &size, KIN_NOW));
    assert_int_equal(size, 5);
    assert_next(it.theirs, "again");
    while (kin_pipe_send(it.mine, "small", 5, KIN_NOW) == KIN_OK) {
    }
    assert_status(kin_pipe_send(it.mine, "small", 5, KIN_NOW), KIN_E_TIMED_OUT);
    assert_next(it.theirs, "small");
    free(bytes);
    close_both(&it);
}

static void cannot_wait(void *argument)
{
    talk *it = argument;
    it->status = kin_pipe_send(it->pipe, it->bytes, it->size, KIN_MS(100));
}

/* Here it is certain that nobody receives. */
static void both_sides_time_out_at_once(void **state)
{
    (void)state;
    two it = new_pipe(0);
    unsigned char *bytes = pack(BIG);
    talk one = {it.mine, 0, KIN_OK, bytes, BIG}, other = {it.theirs, 0, KIN_OK, bytes, BIG};
    void *thread = begin_thread(cannot_wait, &one);
    cannot_wait(&other);
    end_thread(thread);
    assert_status(one.status, KIN_E_TIMED_OUT);
    assert_status(other.status, KIN_E_TIMED_OUT);
    free(bytes);
    close_both(&it);
}

static void receive_goes_on_where_it_stopped(void **state)
{
    (void)state;
    two it = new_pipe(0);
    unsigned char *bytes = malloc(BIG);
    size_t size = 0;
    int tries = 0;
    kin_status status;
    kin_process *child = start_at("slow_sender", it.theirs, 0);
    while ((status = kin_pipe_recv(it.mine, bytes, BIG, &size, KIN_US(200))) == KIN_E_TIMED_OUT) {
        memset(bytes, 0, 1000);
        tries++;
    }
    assert_ok(status);
    assert_true(size == BIG && intact(bytes, size) && tries > 0);
    join_child(child, 0);
    kin_pipe_close(it.mine);
    free(bytes);
}

static void both_may_send_too_much_at_once(void **state)
{
    (void)state;
    two it = new_pipe(0);
    size_t size = (size_t)4 << 20;
    unsigned char *bytes = pack(size);
    kin_process *child = start_at("flood", it.theirs, (int64_t)size);
    kin_status status = kin_pipe_send(it.mine, bytes, size, KIN_MS(100));
    assert_true(status == KIN_E_TIMED_OUT || status == KIN_OK);
    assert_true(receive_until(it.mine, "small", size));
    assert_ok(kin_pipe_send(it.mine, "little", 6, PATIENCE));
    join_child(child, 0);
    kin_pipe_close(it.mine);
    free(bytes);
}

/* Messages from both sides at the same time, each receiving what the other sends. */
static void traffic_both_ways(void **state)
{
    (void)state;
    two it = new_pipe(0);
    kin_process *child = start_at("chatter", it.theirs, 0);
    for (int64_t i = 0; i < 20000; i++) {
        int64_t number = -1;
        assert_ok(kin_pipe_recv(it.mine, &number, sizeof number, NULL, PATIENCE));
        assert_int_equal(number, i);
        kin_status status = kin_pipe_send(it.mine, &i, sizeof i, KIN_NOW);
        assert_true(status == KIN_OK || status == KIN_E_TIMED_OUT || status == KIN_E_CLOSED);
    }
    join_child(child, 0);
    kin_pipe_close(it.mine);
}

#define TALKERS 4
#define TALK 300

static size_t talk_size(int64_t who, int64_t i)
{
    return 16 + (size_t)((i * 7919 + who * 104729) % 150000);
}

static void talk_on(void *argument)
{
    talk *it = argument;
    for (int64_t i = 0; i < TALK && it->status == KIN_OK; i++) {
        size_t size = talk_size(it->number, i);
        int64_t *bytes = malloc(size);
        memset(bytes, (int)it->number + 1, size);
        bytes[0] = it->number;
        bytes[1] = i;
        it->status = kin_pipe_send(it->pipe, bytes, size, PATIENCE);
        free(bytes);
    }
}

static void listen_to_all(kin_pipe *pipe)
{
    static unsigned char bytes[160016];
    int64_t next[TALKERS] = {0}, head[2];
    for (int n = 0; n < TALKERS * TALK; n++) {
        size_t size = 0;
        assert_ok(kin_pipe_recv(pipe, bytes, sizeof bytes, &size, PATIENCE));
        memcpy(head, bytes, sizeof head);
        assert_true(head[0] >= 0 && head[0] < TALKERS && head[1] == next[head[0]]++);
        assert_int_equal(size, talk_size(head[0], head[1]));
        for (size_t i = 16; i < size; i++) {
            assert_true(bytes[i] == (unsigned char)(head[0] + 1));
        }
    }
}

static void threads_do_not_mix_their_messages(void **state)
{
    (void)state;
    two it = new_pipe(KIN_PIPE_ONE_WAY);
    talk talks[TALKERS];
    void *threads[TALKERS];
    for (int64_t i = 0; i < TALKERS; i++) {
        talks[i] = (talk){it.mine, i, KIN_OK, NULL, 0};
        threads[i] = begin_thread(talk_on, &talks[i]);
    }
    listen_to_all(it.theirs);
    for (int i = 0; i < TALKERS; i++) {
        end_thread(threads[i]);
        assert_ok(talks[i].status);
    }
    close_both(&it);
}

static void wait_for_turn(void *argument)
{
    talk *it = argument;
    char byte;
    it->status = kin_pipe_recv(it->pipe, &byte, 1, NULL, it->number);
}

static void turn_is_waited_for_no_longer_than_allowed(void **state)
{
    (void)state;
    two it = new_pipe(0);
    talk patient = {it.mine, PATIENCE, KIN_OK, NULL, 0}, hasty = {it.mine, KIN_MS(20), KIN_OK, NULL, 0};
    void *thread = begin_thread(wait_for_turn, &patient);
    kin_os_sleep_until(kin_os_now() + KIN_MS(20)); /* if it is slow, nothing is tested, and nothing fails */
    run_thread(wait_for_turn, &hasty);
    assert_status(hasty.status, KIN_E_TIMED_OUT);
    send_text(it.mine, "x"); /* sending does not wait for who receives */
    send_text(it.theirs, "y");
    end_thread(thread);
    assert_ok(patient.status);
    close_both(&it);
}

/* While a child lives that has nothing to do with it, a pipe ends as it should. */
static void child_keeps_no_end_that_it_was_not_given(void **state)
{
    (void)state;
    two it = new_pipe(0), other = new_pipe(0), third = new_pipe(0);
    if (has_fork() && !(getenv("KIN_START") && strcmp(getenv("KIN_START"), "spawn") == 0)) {
        known[0] = other.mine;
        known[1] = other.theirs;
    }
    send_two(third.mine); /* kept, and on its way */
    send_two(third.mine);
    assert_status(kin_pipe_recv(third.theirs, NULL, 0, NULL, PATIENCE), KIN_E_BUFFER);
    kin_process *child = start_at("wait", it.theirs, 0);
    assert_next(it.mine, "here");
    send_text(other.mine, "last");
    kin_pipe_close(other.mine);
    assert_next(other.theirs, "last");
    assert_status(kin_pipe_recv(other.theirs, NULL, 0, NULL, PATIENCE), KIN_E_CLOSED);
    kin_pipe_close(other.theirs);
    close_both(&third);
    kin_pipe_close(it.mine);
    join_child(child, 0);
    known[0] = known[1] = NULL;
}

typedef struct maker {
    kin__mutex mutex; /* to make, or to fork, where both at once cannot be */
    bool stop;
    bool failed;
} maker;

static void lock_record(maker *it)
{
    if (!MALLOC_OUTLIVES_FORK) {
        kin__mutex_lock(&it->mutex, INT64_MAX);
    }
}

static void give_turn(maker *it)
{
    if (!MALLOC_OUTLIVES_FORK) {
        kin__mutex_unlock(&it->mutex);
        kin_os_yield();
    }
}

/* Makes a pipe that carries another one's end, and sees to it that both end. */
static bool make_two_pipes(void)
{
    kin_pipe *ends[2], *last[2];
    kin_attachment item;
    size_t one = 1;
    if (kin_pipe_create(ends, 0) != KIN_OK || kin_pipe_create(last, 0) != KIN_OK) {
        return false;
    }
    kin_attachment end = pipe_item(last[1]);
    bool right = kin_pipe_send_with(ends[0], "", 0, &end, 1, PATIENCE) == KIN_OK;
    kin_pipe_close(last[1]);
    right = right && kin_pipe_recv_with(ends[1], NULL, 0, NULL, &item, &one, PATIENCE) == KIN_OK;
    kin_pipe_close(right ? item.pipe : NULL);
    right = right && kin_pipe_recv(last[0], NULL, 0, NULL, KIN_SECONDS(10)) == KIN_E_CLOSED;
    kin_pipe_close(ends[0]);
    right = right && kin_pipe_recv(ends[1], NULL, 0, NULL, KIN_SECONDS(10)) == KIN_E_CLOSED;
    kin_pipe_close(ends[1]);
    kin_pipe_close(last[0]);
    return right;
}

static void make_pipes(void *argument)
{
    maker *it = argument;
    while (!__atomic_load_n(&it->stop, __ATOMIC_ACQUIRE) && !it->failed) {
        lock_record(it);
        it->failed = !make_two_pipes();
        give_turn(it);
    }
}

/* Children that live on are started while another thread makes ends. */
static void fork_does_not_come_between(void **state)
{
    (void)state;
    enum { CHILDREN = 30 };
    two ends[CHILDREN];
    kin_process *children[CHILDREN];
    maker it = {0, false, false};
    void *thread = begin_thread(make_pipes, &it);
    for (int i = 0; i < CHILDREN; i++) {
        ends[i] = new_pipe(0);
        lock_record(&it);
        children[i] = start_at("hang", ends[i].theirs, 0);
        give_turn(&it);
    }
    for (int i = 0; i < CHILDREN; i++) {
        assert_next(ends[i].mine, "here");
    }
    __atomic_store_n(&it.stop, true, __ATOMIC_RELEASE);
    end_thread(thread);
    assert_false(it.failed);
    for (int i = 0; i < CHILDREN; i++) {
        kin_pipe_close(ends[i].mine);
        join_child(children[i], 0);
    }
}

static void handle_is_ready_when_a_message_is_there(void **state)
{
    (void)state;
    two it = new_pipe(0);
    kin_handle handle = 0;
    for (int i = 0; i < 3; i++) {
        assert_ok(kin_pipe_handle(&handle, it.mine));
        assert_false(handle_is_ready(handle, 10));
        send_text(it.theirs, "news");
        assert_true(handle_is_ready(handle, 10000));
        assert_ok(kin_pipe_handle(&handle, it.mine));
        assert_true(handle_is_ready(handle, 10000));
        assert_ok(kin_pipe_poll(it.mine, NULL, KIN_NOW));
        assert_next(it.mine, "news");
    }
    assert_ok(kin_pipe_handle(&handle, it.mine));
    assert_false(handle_is_ready(handle, 10));
    kin_pipe_close(it.theirs);
    assert_true(handle_is_ready(handle, 10000));
    assert_status(kin_pipe_poll(it.mine, NULL, KIN_NOW), KIN_E_CLOSED);
    kin_pipe_close(it.mine);
}

/* ---- a faulty peer ---- */

static void send_raw(const kin_pipe *pipe, const void *head, size_t head_size, const void *data, size_t size,
                     kin_os_handle *handles, size_t count)
{
    kin_os_packet packet = {
        .parts = {{(void *)(uintptr_t)head, head_size}, {(void *)(uintptr_t)data, size}},
        .handles = handles,
        .handle_count = count,
    };
    assert_ok(kin_os_pipe_send((kin_os_pipe *)(uintptr_t)&pipe->os, &packet, kin_os_now() + PATIENCE));
}

static void nonsense_is_damage_and_leaks_nothing(void **state)
{
    (void)state;
    two it = new_pipe(0);
    const kin__head sound = {KIN__PIPE_MAGIC, KIN__FIRST, 0, 3, 0, 0};
    kin__head heads[12];
    char text[8];
    size_t size = 0, before = count_handles();
    intptr_t file = open_file_with("x");
    kin_os_handle handles[2] = {kin_os_handle_from((uint64_t)file), kin_os_handle_from((uint64_t)file)};
    for (size_t i = 0; i < 12; i++) {
        heads[i] = sound;
    }
    heads[0].magic = 1;
    heads[1].kind = 0;
    heads[2].kind = 4;
    heads[3].count = KIN_ATTACHMENTS_MAX + 1;
    heads[4].kind = KIN__ITEMS;
    heads[5].attached = 1;
    heads[6].length = 4;
    heads[7].length = 2;
    heads[8].from = 1;
    heads[9].length = UINT64_MAX;
    heads[10].kind = KIN__MORE;
    heads[10].count = 1;
    heads[11].kind = KIN__MORE;
    heads[11].from = UINT64_MAX;
    for (size_t i = 0; i < 12; i++) {
        send_raw(it.theirs, &heads[i], sizeof sound, "abc", 3, handles, i % 2);
        send_text(it.theirs, "good");
        if (i % 2) {
            assert_status(kin_pipe_recv(it.mine, text, sizeof text, &size, PATIENCE), KIN_E_DAMAGED);
        } else {
            assert_status(kin_pipe_poll(it.mine, &size, PATIENCE) == KIN_OK
                              ? kin_pipe_recv(it.mine, text, sizeof text, &size, PATIENCE)
                              : KIN_E_DAMAGED,
                          KIN_E_DAMAGED);
        }
        assert_next(it.mine, "good");
    }
    send_raw(it.theirs, "short", 5, NULL, 0, handles, 2); /* not even a head */
    assert_status(kin_pipe_recv(it.mine, text, sizeof text, &size, PATIENCE), KIN_E_DAMAGED);
    send_text(it.theirs, "good");
    assert_next(it.mine, "good");
    close_handle(file);
    assert_true(count_handles() <= before);
    close_both(&it);
}

static void wrong_attachments_are_damage_and_leak_nothing(void **state)
{
    (void)state;
    two it = new_pipe(0);
    kin__head first = {KIN__PIPE_MAGIC, KIN__FIRST, 1, 3, 0, 0};
    const kin__head sound = {KIN__PIPE_MAGIC, KIN__ITEMS, 1, 3, 3, 0};
    kin__head heads[7] = {sound, sound, sound, sound, sound, sound, sound};
    /* Of the first two the count is wrong, of the others what is set below. */
    const size_t handle_counts[7] = {2, 0, 1, 2, 1, 1 + KIN_OS_PIPE_HANDLES, 1};
    char text[8];
    size_t size = 0, before = count_handles();
    intptr_t file = open_file_with("x");
    kin_os_handle handle = kin_os_handle_from((uint64_t)file), handles[3] = {handle, handle, handle};
    heads[2].from = 2;
    heads[3].count = 2;
    heads[4].length = 4;
    heads[5].count = 2; /* a file, and an end that is none */
    heads[5].attached = (KIN__END_SENDS | KIN__END_RECEIVES) << 4;
    heads[6].attached = 1 << 4;
    for (size_t i = 0; i < 7; i++) {
        kin_attachment items[2];
        size_t two_of_them = 2;
        first.count = i == 5 ? 2 : 1;
        send_raw(it.theirs, &first, sizeof first, "abc", 3, NULL, 0);
        send_raw(it.theirs, &heads[i], sizeof sound, "", 0, handles, handle_counts[i]);
        assert_status(kin_pipe_recv_with(it.mine, text, sizeof text, &size, items, &two_of_them, PATIENCE),
                      KIN_E_DAMAGED);
        send_text(it.theirs, "good");
        assert_next(it.mine, "good");
    }
    first.count = 0; /* nothing was to come; and what comes with the bytes is not wanted */
    send_raw(it.theirs, &first, sizeof first, "abc", 3, handles, 1);
    send_raw(it.theirs, &sound, sizeof sound, "", 0, handles, 1);
    assert_next(it.mine, "abc");
    assert_status(kin_pipe_recv(it.mine, text, sizeof text, &size, PATIENCE), KIN_E_DAMAGED);
    close_handle(file);
    assert_true(count_handles() <= before);
    close_both(&it);
}

/* A sender that stops before the attachments. */
static void message_without_its_attachments_is_given_up(void **state)
{
    (void)state;
    two it = new_pipe(0);
    kin__head first = {KIN__PIPE_MAGIC, KIN__FIRST, 1, 3, 0, 0};
    kin_attachment item;
    size_t one = 1, size = 0;
    char text[8];
    send_raw(it.theirs, &first, sizeof first, "abc", 3, NULL, 0);
    assert_status(kin_pipe_poll(it.mine, &size, KIN_NOW), KIN_E_TIMED_OUT);
    assert_status(kin_pipe_poll(it.mine, &size, KIN_MS(10)), KIN_E_TIMED_OUT);
    assert_status(kin_pipe_recv(it.mine, text, 1, &size, KIN_MS(10)), KIN_E_TIMED_OUT);
    assert_status(kin_pipe_recv_with(it.mine, text, sizeof text, &size, &item, &one, KIN_MS(10)), KIN_E_TIMED_OUT);
    send_text(it.theirs, "good");
    assert_ok(kin_pipe_poll(it.mine, &size, KIN_NOW));
    assert_int_equal(size, 4);
    assert_next(it.mine, "good");
    send_raw(it.theirs, &first, sizeof first, "abc", 3, NULL, 0);
    kin_pipe_close(it.theirs);
    assert_status(kin_pipe_recv_with(it.mine, text, sizeof text, &size, &item, &one, PATIENCE), KIN_E_CLOSED);
    kin_pipe_close(it.mine);
}

/* Packet by packet, into buffers of any size. */
static void attachments_of_a_long_message_are_waited_for_first(void **state)
{
    (void)state;
    enum { LONG = KIN__PACKET_ROOM + 10 };
    two it = new_pipe(0);
    kin__head head = {KIN__PIPE_MAGIC, KIN__FIRST, 1, LONG, 0, 0};
    kin_attachment item;
    size_t one = 1, size = 0;
    unsigned char *bytes = pack(LONG), *out = pack(LONG), small[4];
    intptr_t file = open_file_with("x");
    kin_os_handle handle = kin_os_handle_from((uint64_t)file);
    memset(out, 0, LONG);
    send_raw(it.theirs, &head, sizeof head, bytes, KIN__PACKET_ROOM, NULL, 0);
    assert_status(kin_pipe_recv_with(it.mine, out, LONG, &size, &item, &one, KIN_MS(10)), KIN_E_TIMED_OUT);
    assert_status(kin_pipe_recv(it.mine, small, sizeof small, &size, KIN_MS(10)), KIN_E_TIMED_OUT);
    head = (kin__head){KIN__PIPE_MAGIC, KIN__ITEMS, 1, LONG, KIN__PACKET_ROOM, 0};
    send_raw(it.theirs, &head, sizeof head, "", 0, &handle, 1);
    assert_ok(kin_pipe_poll(it.mine, &size, KIN_NOW));
    assert_int_equal(size, LONG);
    assert_status(kin_pipe_recv(it.mine, small, sizeof small, &size, KIN_NOW), KIN_E_BUFFER);
    memset(out, 0, LONG);
    assert_status(kin_pipe_recv_with(it.mine, out, LONG, &size, &item, &one, KIN_MS(10)), KIN_E_TIMED_OUT);
    head = (kin__head){KIN__PIPE_MAGIC, KIN__MORE, 0, LONG, KIN__PACKET_ROOM, 0};
    send_raw(it.theirs, &head, sizeof head, bytes + KIN__PACKET_ROOM, 10, NULL, 0);
    memset(out, 0, LONG);
    assert_ok(kin_pipe_recv_with(it.mine, out, LONG, &size, &item, &one, PATIENCE));
    assert_true(size == LONG && one == 1 && intact(out, LONG));
    close_handle(item.handle);
    close_handle(file);
    close_both(&it);
    free(bytes);
    free(out);
}

/* A first packet that claims a length which no memory has is no reason to ask for that much. */
static void absurd_lengths_cost_nothing(void **state)
{
    (void)state;
    two it = new_pipe(0);
    kin__head head = {KIN__PIPE_MAGIC, KIN__FIRST, 0, SIZE_MAX, 0, 0};
    unsigned char *bytes = pack(KIN__PACKET_ROOM);
    size_t size = 0;
    send_raw(it.theirs, &head, sizeof head, bytes, KIN__PACKET_ROOM, NULL, 0);
    assert_ok(kin_pipe_poll(it.mine, &size, PATIENCE));
    assert_true(size == SIZE_MAX);
    assert_status(kin_pipe_recv(it.mine, bytes, 100, &size, PATIENCE), KIN_E_BUFFER);
    head.kind = KIN__MORE;
    head.from = 5; /* not where it should go on */
    head.length = 8;
    send_raw(it.theirs, &head, sizeof head, "abc", 3, NULL, 0);
    send_text(it.theirs, "next");
    unsigned char *all = NULL;
    assert_status(kin_pipe_recv(it.mine, all, 0, &size, KIN_NOW), KIN_E_BUFFER);
    close_both(&it);
    free(bytes);
}

/* Whose packets are on the way, and nobody has a buffer for it. */
static void message_given_up_is_in_nobodys_way(void **state)
{
    (void)state;
    static char big[4000000], small[1000];
    kin_pipe *ends[2];
    size_t size = 0;
    assert_ok(kin_pipe_create(ends, 0));
    assert_status(kin_pipe_send(ends[0], big, sizeof big, KIN_MS(50)), KIN_E_TIMED_OUT);
    for (int i = 0; i < 2; i++) { /* the second time makes room for what follows */
        assert_status(kin_pipe_recv(ends[1], small, sizeof small, &size, KIN_NOW), KIN_E_BUFFER);
        assert_int_equal(size, sizeof big);
    }
    assert_ok(kin_pipe_send(ends[0], "ok", 3, KIN_SECONDS(5)));
    assert_ok(kin_pipe_recv(ends[1], small, sizeof small, &size, KIN_SECONDS(5)));
    assert_int_equal(size, 3);
    kin_pipe_close(ends[0]);
    kin_pipe_close(ends[1]);
}

/* A message that was kept because there was no room is complete. */
static void long_message_waits_for_a_buffer(void **state)
{
    (void)state;
    static char sent[150000], got[sizeof sent], small[10];
    kin_pipe *ends[2];
    size_t size = 0;
    for (size_t i = 0; i < sizeof sent; i++) {
        sent[i] = (char)(i * 7 + i / 251);
    }
    assert_ok(kin_pipe_create(ends, 0));
    assert_ok(kin_pipe_send(ends[0], sent, sizeof sent, PATIENCE));
    for (int i = 0; i < 5; i++) {
        assert_status(kin_pipe_recv(ends[1], small, sizeof small, &size, PATIENCE), KIN_E_BUFFER);
        assert_int_equal(size, sizeof sent);
    }
    assert_ok(kin_pipe_recv(ends[1], got, sizeof got, &size, PATIENCE));
    assert_int_equal(size, sizeof sent);
    assert_memory_equal(got, sent, sizeof sent);
    kin_pipe_close(ends[0]);
    kin_pipe_close(ends[1]);
}

int main(void)
{
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_given_up_is_in_nobodys_way),
        cmocka_unit_test(long_message_waits_for_a_buffer),
        cmocka_unit_test(messages_of_all_sizes_come_back_whole),
        cmocka_unit_test(messages_wait_in_order),
        cmocka_unit_test(one_way_is_one_way),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(short_buffer_keeps_the_message),
        cmocka_unit_test(end_comes_after_all_that_was_sent),
        cmocka_unit_test(killed_peer_closes_the_pipe),
        cmocka_unit_test(message_cut_off_by_death_is_dropped),
        cmocka_unit_test(handles_and_ends_go_through_a_pipe),
        cmocka_unit_test(attachments_follow_an_end_that_moves),
        cmocka_unit_test(nothing_leaks_in_either_process),
        cmocka_unit_test(failures_leak_nothing),
        cmocka_unit_test(timeouts_leave_the_pipe_whole),
        cmocka_unit_test(receive_goes_on_where_it_stopped),
        cmocka_unit_test(both_may_send_too_much_at_once),
        cmocka_unit_test(both_sides_time_out_at_once),
        cmocka_unit_test(sender_killed_with_handles_in_hand_leaves_none),
        cmocka_unit_test(traffic_both_ways),
        cmocka_unit_test(threads_do_not_mix_their_messages),
        cmocka_unit_test(turn_is_waited_for_no_longer_than_allowed),
        cmocka_unit_test(child_keeps_no_end_that_it_was_not_given),
        cmocka_unit_test(fork_does_not_come_between),
        cmocka_unit_test(handle_is_ready_when_a_message_is_there),
        cmocka_unit_test(nonsense_is_damage_and_leaks_nothing),
        cmocka_unit_test(wrong_attachments_are_damage_and_leak_nothing),
        cmocka_unit_test(message_without_its_attachments_is_given_up),
        cmocka_unit_test(attachments_of_a_long_message_are_waited_for_first),
        cmocka_unit_test(absurd_lengths_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
