/* Descriptors: those that come from others, and kin's own after the program has closed them. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

/* ---- what comes from others ---- */

/* Of a packet with count descriptors that comes to the end: how many a receiver with room gets. */
static kin_status pass(kin_os_pipe ends[2], size_t count, size_t *got)
{
    kin_os_handle sent[KIN_OS_PACKET_HANDLES], received[KIN_OS_PACKET_HANDLES];
    unsigned char byte = 'x', buffer[KIN_OS_PACKET_MAX];
    kin_os_packet out = {.parts = {{&byte, 1}}, .handles = sent, .handle_count = count};
    kin_os_packet in = {.parts = {{buffer, sizeof buffer}}, .handles = received};
    for (size_t i = 0; i < count; i++) {
        sent[i] = STDERR_FILENO;
    }
    kin_status status = kin_os_pipe_send(&ends[0], &out, KIN_OS_NEVER);
    if (status == KIN_OK) {
        status = kin_os_pipe_recv(&ends[1], &in);
    }
    *got = in.handle_count;
    for (size_t i = 0; i < in.handle_count; i++) {
        close(received[i]);
    }
    return status;
}

/* Who has a copy of the end can ask for pidfds at any time. */
static void descriptors_of_all_control_messages_are_closed(void **state)
{
    (void)state;
    static const int others[] = {SO_PASSCRED, SO_PASSSEC, SO_PASSPIDFD};
    kin_os_pipe ends[2];
    const int on = 1;
    assert_ok(kin_os_pipe_create(ends));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        setsockopt(ends[1].fd, SOL_SOCKET, others[i], &on, sizeof on); /* what the kernel knows of them */
    }
    size_t got, before = count_handles();
    for (int i = 0; i < 10; i++) {
        assert_ok(pass(ends, KIN_OS_PACKET_HANDLES, &got));
        assert_int_equal(got, KIN_OS_PACKET_HANDLES);
        assert_ok(pass(ends, 1, &got));
        assert_int_equal(got, 1);
    }
    assert_int_equal(count_handles(), before);
    kin_os_pipe_close(&ends[0]);
    kin_os_pipe_close(&ends[1]);
}

static void adopted_end_asks_for_nothing_else(void **state)
{
    (void)state;
    static const int others[] = {SO_PASSCRED, SO_PASSSEC, SO_PASSPIDFD};
    kin_os_pipe ends[2], adopted;
    kin_os_handle handles[KIN_OS_PIPE_HANDLES];
    const int on = 1;
    assert_ok(kin_os_pipe_create(ends));
    kin_os_pipe_handles(&ends[1], handles);
    int copy = dup(handles[0]);
    assert_true(copy >= 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        setsockopt(copy, SOL_SOCKET, others[i], &on, sizeof on);
    }
    assert_ok(kin_os_pipe_adopt(&adopted, &copy, 1));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        int value = 0;
        socklen_t size = sizeof value;
        getsockopt(adopted.fd, SOL_SOCKET, others[i], &value, &size);
        assert_int_equal(value, 0);
    }
    kin_os_pipe_close(&adopted);
    kin_os_pipe_close(&ends[0]);
    kin_os_pipe_close(&ends[1]);
}

/* ---- a fork server that somebody else asks ---- */

/* As in src/posix/server.c. */
typedef struct call {
    char text[sizeof "kin.server"];
    pid_t caller;
} call;

typedef struct request {
    uint32_t size;
    uint8_t streams;
    sigset_t mask;
} request;

typedef struct answer {
    pid_t pid;
    int error;
} answer;

static void send_descriptors(int channel, int answers, size_t count)
{
    static union {
        struct cmsghdr first;
        char room[CMSG_SPACE(256 * sizeof(int))];
    } space;
    int list[256];
    char blob[100] = {0};
    request head = {.size = sizeof blob};
    struct iovec parts[2] = {{&head, sizeof head}, {blob, sizeof blob}};
    struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = &space};
    assert_true(count <= 256);
    for (size_t i = 0; i < count; i++) {
        list[i] = i == 0 ? answers : STDERR_FILENO;
    }
    packet.msg_controllen = CMSG_SPACE(count * sizeof(int));
    space.first =
        (struct cmsghdr){.cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&space.first), list, count * sizeof(int));
    assert_true(sendmsg(channel, &packet, MSG_NOSIGNAL) > 0);
}

/* Whether a server gives a child for that many descriptors beside the answer's. The child finds no blob in it, and ends. */
static bool is_served(size_t handles)
{
    char program[4096];
    const char *const argv[] = {program, NULL};
    call what = {"kin.server", getpid()};
    int channel[2], answers[2];
    kin_os_process server;
    kin_os_exit how;
    answer got = {0, 0};
    assert_ok(kin_os_self_path(program, sizeof program));
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, answers), 0);
    const kin_os_message message = {&what, sizeof what, &channel[1], 1};
    assert_ok(kin_os_spawn(&server, program, argv, &message, false));
    close(channel[1]);
    send_descriptors(channel[0], answers[1], 1 + handles);
    close(answers[1]);
    bool served = recv(answers[0], &got, sizeof got, 0) == sizeof got && got.pid > 0;
    if (served) {
        int status = 0;
        assert_int_equal(waitpid(got.pid, &status, 0), got.pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == KIN_EXIT_START);
    }
    close(answers[0]);
    close(channel[0]);
    assert_ok(kin_os_process_wait(&server, KIN_OS_NEVER, &how));
    assert_int_equal(how.signal, 0);
    kin_os_process_close(&server);
    return served;
}

static void server_takes_no_more_handles_than_it_has_room_for(void **state)
{
    (void)state;
    assert_true(is_served(KIN_OS_HANDLES_MAX));
    assert_false(is_served(KIN_OS_HANDLES_MAX + 1));
    assert_false(is_served(KIN_OS_HANDLES_MAX + 3)); /* the room for streams */
    assert_false(is_served(KIN_OS_HANDLES_MAX + 40));
}

int main(void)
{
    kin_main(NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_of_all_control_messages_are_closed),
        cmocka_unit_test(adopted_end_asks_for_nothing_else),
        cmocka_unit_test(server_takes_no_more_handles_than_it_has_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
