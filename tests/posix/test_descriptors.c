/* Descriptors: those that come from others, and kin's own after the program has closed them. */
#include "support.h"
#include "posix/children.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "family/member.h"
#include "os.h"

#define SANITIZES_THREADS 0
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#undef SANITIZES_THREADS
#define SANITIZES_THREADS 1
#endif
#endif

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
        status = kin_os_pipe_recv(&ends[1], &in, false);
    }
    *got = in.handle_count;
    for (size_t i = 0; i < in.handle_count; i++) {
        close(received[i]);
    }
    return status;
}

/* A process that has a copy of the end can ask for pidfds at any time. */
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

/* ---- a fork server that another process asks ---- */

/* As in src/posix/server.c. */
typedef struct call {
    char text[sizeof "kin.server"];
    pid_t caller;
} call;

typedef struct request {
    uint32_t size;
    uint8_t sent;
    kin_posix_record record;
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
    packet.msg_controllen = (socklen_t)CMSG_SPACE(count * sizeof(int));
    space.first = (struct cmsghdr){
        .cmsg_len = (socklen_t)CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&space.first), list, count * sizeof(int));
    assert_true(sendmsg(channel, &packet, MSG_NOSIGNAL) > 0);
}

/* Whether a server gives a child for that many descriptors beside the answer's. The child finds no blob in it, and
 * ends. */
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
    const kin_os_setting same = {.directory = NULL};
    assert_ok(kin_os_spawn(&server, program, argv, &message, &same));
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
    assert_int_equal(is_served(KIN_OS_HANDLES_MAX), has_fork_server());
    assert_false(is_served(KIN_OS_HANDLES_MAX + 1));
    assert_false(is_served(KIN_OS_HANDLES_MAX + 3)); /* the room for streams */
    assert_false(is_served(KIN_OS_HANDLES_MAX + 40));
}

static bool is_end(int fd)
{
    return kin_os_pipe_is_end(&fd);
}

/* A forged blob names descriptors of the process that adopts it. */
static void sockets_of_the_program_are_no_ends(void **state)
{
    (void)state;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    kin_os_pipe ends[2];
    int stream[2];
    snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "kin-test-%d", (int)getpid());
    int listening = socket(AF_UNIX, SOCK_SEQPACKET, 0), client = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    int lonely = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&name, sizeof name), 0);
    int server = accept(listening, NULL, NULL);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, stream), 0);
    const int none[] = {listening, client, server, lonely, stream[0], stream[1], STDERR_FILENO, -1};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_false(is_end(none[i]));
        if (none[i] > STDERR_FILENO) {
            close(none[i]);
        }
    }
    assert_ok(kin_os_pipe_create(ends));
    assert_true(is_end(ends[0].fd) && is_end(ends[1].fd));
    kin_os_pipe_close(&ends[0]);
    assert_true(is_end(ends[1].fd)); /* what was sent can still be received */
    kin_os_pipe_close(&ends[1]);
}

/* ---- kin's own, when the program has closed them ---- */

#define FILES 40

/* As a daemon does that knows nothing of kin; then it has the numbers again for files of its own. */
static int take_all_numbers(int files[FILES])
{
    for (int fd = 3; fd < 1024; fd++) {
        close(fd);
    }
    for (int i = 0; i < FILES; i++) {
        files[i] = (int)open_file_with("hello");
        CHECK(files[i] == 3 + i);
    }
    return 0;
}

static int expect_as_they_were(const int files[FILES])
{
    struct stat info;
    for (int i = 0; i < FILES; i++) {
        CHECK(fstat(files[i], &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 5);
        CHECK(lseek(files[i], 0, SEEK_CUR) == 0);
    }
    return 0;
}

/* They are still open, and as they were, and so they are in a forked child. */
static int expect_untouched(const int files[FILES])
{
    CHECK(expect_as_they_were(files) == 0);
    pid_t pid = fork_child();
    if (pid == 0) {
        _exit(expect_as_they_were(files));
    }
    CHECK(end_of(pid) == 0);
    return 0;
}

static uint64_t committed(kin_family *family)
{
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    return kin_family_inspect(family, &info) == KIN_OK ? info.committed : 0;
}

static int grow(kin_family *family, bool can_grow)
{
    uint64_t before = committed(family);
    void *memory = NULL;
    kin_status status = kin_alloc(&memory, family, 3 << 20);
    CHECK(before > 0);
    if (can_grow) {
        CHECK(status == KIN_OK && committed(family) > before);
        memset(memory, 1, 3 << 20);
        return 0;
    }
    CHECK(status == KIN_E_HANDLE && committed(family) == before);
    CHECK(kin_alloc(&memory, family, 100) == KIN_OK); /* what there is serves on */
    return 0;
}

/* Whether the memory of a family without a name can be opened again (proc(5), /proc/PID/map_files). */
static bool may_open_mapped(void)
{
    void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/map_files/%lx-%lx", (unsigned long)page, (unsigned long)page + 4096);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    munmap(page, 4096);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

static int keep_family(kin_family *family, bool has_name)
{
    int files[FILES];
    kin_lock *lock = NULL;
    kin_process *process = NULL;
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_args *args = NULL;
    options.method = KIN_START_SPAWN;
    CHECK(kin_lock_create(&lock, family, 0) == KIN_OK && kin_args_create(&args, family) == KIN_OK);
    CHECK(take_all_numbers(files) == 0);
    CHECK(kin_lock_acquire(lock, PATIENCE) == KIN_OK && kin_lock_release(lock) == KIN_OK);
    CHECK(grow(family, has_name || may_open_mapped()) == 0);
    CHECK(kin_process_start(&process, "nothing", args, &options) == KIN_E_HANDLE);
    kin_args_destroy(args);
    kin_family_close(family);
    return expect_untouched(files);
}

static int child_keeps_family(const kin_args *unused)
{
    kin_family *family = NULL;
    (void)unused;
    CHECK(kin_family_create(&family, NULL) == KIN_OK);
    return keep_family(family, false);
}

static int child_keeps_named_family(const kin_args *unused)
{
    char name[64];
    kin_family *family = NULL;
    (void)unused;
    snprintf(name, sizeof name, "descriptors-%d", (int)getpid());
    CHECK(kin_family_open(&family, name, KIN_FAMILY_CREATE, NULL) == KIN_OK);
    return keep_family(family, true);
}

static int child_keeps_pipes(const kin_args *unused)
{
    int files[FILES];
    char byte[1];
    kin_pipe *ends[2], *carrier[2];
    (void)unused;
    CHECK(kin_pipe_create(ends, 0) == KIN_OK);
    CHECK(take_all_numbers(files) == 0);
    kin_pipe_close(ends[0]);
    CHECK(kin_pipe_create(carrier, 0) == KIN_OK);
    kin_attachment item = {.pipe = ends[1]};
    CHECK(kin_pipe_send_with(carrier[0], "x", 1, &item, 1, KIN_NOW) == KIN_E_HANDLE);
    CHECK(kin_pipe_send(ends[1], "x", 1, KIN_NOW) == KIN_E_HANDLE); /* its number is a file of the program's */
    CHECK(kin_pipe_recv(ends[1], byte, sizeof byte, NULL, KIN_NOW) == KIN_E_HANDLE);
    kin_pipe_close(ends[1]);
    return expect_untouched(files);
}

static int nothing(const kin_args *unused)
{
    (void)unused;
    return 0;
}

static int stay(const kin_args *unused)
{
    (void)unused;
    alarm(100); /* not longer than this, if nobody kills it */
    pause();
    return 0;
}

/* The pidfd's number is one of another process then. */
static int child_keeps_processes(const kin_args *unused)
{
    int files[FILES];
    kin_process *process = NULL;
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_exit how = {.code = 0, .signal = 0};
    (void)unused;
    options.method = KIN_START_FORK;
    CHECK(kin_process_start(&process, "stay", NULL, &options) == KIN_OK);
    CHECK(kin_process_join(process, KIN_MS(1), &how) == KIN_E_TIMED_OUT); /* has opened it */
    CHECK(take_all_numbers(files) == 0);
    CHECK(kin_process_join(process, KIN_MS(1), &how) == KIN_E_TIMED_OUT);
    CHECK(kin_process_kill(process) == KIN_OK);
    CHECK(kin_process_join(process, PATIENCE, &how) == KIN_OK && how.signal == SIGKILL);
    kin_process_close(process);
    return expect_untouched(files);
}

static int child_keeps_server(const kin_args *unused)
{
    int files[FILES];
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *process = NULL;
    kin_args *args = NULL;
    kin_family *family = NULL;
    (void)unused;
    options.method = KIN_START_FORKSERVER;
    kin_status status = kin_process_start(&process, "nothing", NULL, &options);
    if (!has_fork_server()) {
        CHECK(status == KIN_E_UNSUPPORTED);
        return 0;
    }
    CHECK(status == KIN_OK);
    CHECK(kin_process_join(process, PATIENCE, NULL) == KIN_OK);
    kin_process_close(process);
    CHECK(take_all_numbers(files) == 0);
    CHECK(kin_family_create(&family, NULL) == KIN_OK && kin_args_create(&args, family) == KIN_OK);
    CHECK(kin_process_start(&process, "nothing", args, &options) == KIN_OK);
    CHECK(kin_process_join(process, PATIENCE, NULL) == KIN_OK);
    return expect_untouched(files);
}

/* Only the pulse's number is another file's. A child by spawn gets the pulse all the same. */
static int child_keeps_pulse(const kin_args *unused)
{
    kin_family *family = NULL;
    kin_args *args = NULL;
    kin_process *process = NULL;
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    struct stat info;
    (void)unused;
    options.method = KIN_START_SPAWN;
    CHECK(kin_family_create(&family, NULL) == KIN_OK && kin_args_create(&args, family) == KIN_OK);
    CHECK(kin_args_add_bytes(args, "to make it join", "x", 1) == KIN_OK);
    int lost = family->pulse.fd, file = (int)open_file_with("hello");
    CHECK(dup2(file, lost) == lost);
    CHECK(kin_process_start(&process, "nothing", args, &options) == KIN_OK);
    CHECK(kin_process_join(process, PATIENCE, NULL) == KIN_OK);
    kin_args_destroy(args);
    kin_family_close(family);
    CHECK(fstat(lost, &info) == 0 && info.st_size == 5);
    return 0;
}

/* A datagram waits in each of the sockets that have the numbers. */
static int take_all_numbers_for_sockets(int sockets[FILES])
{
    for (int fd = 3; fd < 1024; fd++) {
        close(fd);
    }
    for (int i = 0; i < FILES; i += 2) {
        CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, sockets + i) == 0 && sockets[i] == 3 + i);
        CHECK(send(sockets[i], "x", 1, 0) == 1 && send(sockets[i + 1], "x", 1, 0) == 1);
    }
    return 0;
}

static bool has_bell(void)
{
    kin_family *family = NULL;
    bool found = false;
    MUST(kin_family_default(&family) == KIN_OK);
    for (uint32_t i = 0; i < kin__thread_end(family); i++) {
        found = found || atomic_load(&kin__thread_at(family, i)->bell) != 0;
    }
    return found;
}

static void wait_for_event_and_input(void *event)
{
    kin_wait_item items[] = {{KIN_TYPE_EVENT, KIN_WAIT_READABLE, event, 0, 0},
                             {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, 0, 0}};
    MUST(kin_wait(items, 2, 0, PATIENCE, NULL) == KIN_OK && items[0].ready && !items[1].ready);
}

/* Between the ring and the look at what has rung the number is another socket's. */
static int child_keeps_bell(const kin_args *unused)
{
    int ends[2], sockets[FILES];
    kin_event *event = NULL;
    char byte;
    (void)unused;
    CHECK(pipe(ends) == 0 && dup2(ends[0], STDIN_FILENO) == STDIN_FILENO && dup2(ends[1], STDOUT_FILENO) >= 0);
    CHECK(kin_event_create(&event, NULL) == KIN_OK);
    void *thread = begin_thread(wait_for_event_and_input, event);
    for (int64_t end = now_ns() + PATIENCE; !has_bell();) {
        CHECK(now_ns() < end);
    }
    kin_os_sleep_until(kin_os_now() + KIN_MS(20)); /* it sleeps in the system, too */
    CHECK(take_all_numbers_for_sockets(sockets) == 0);
    pid_t pid = fork_child();
    for (int i = 0; pid == 0 && i < FILES; i++) {
        if (fcntl(sockets[i], F_GETFD) < 0) {
            _exit(1);
        }
    }
    if (pid == 0) {
        _exit(0);
    }
    CHECK(end_of(pid) == 0);
    CHECK(kin_event_set(event) == KIN_OK);
    end_thread(thread);
    for (int i = 0; i < FILES; i++) {
        CHECK(recv(sockets[i], &byte, 1, 0) == 1 && recv(sockets[i], &byte, 1, 0) == -1 && errno == EAGAIN);
    }
    return 0;
}

/* It has started when it writes to its third stream; then it lets the input wait. */
static void run_program(void *unused)
{
    static char input[1 << 20];
    const char *const argv[] = {"echo >&2; sleep 1; cat >/dev/null; echo done", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_run_result result = KIN_RUN_RESULT_INIT;
    (void)unused;
    options.flags = KIN_RUN_SHELL;
    options.input = KIN_RUN_BYTES;
    options.input_bytes = input;
    options.input_size = sizeof input;
    MUST(kin_run_output(argv, &options, &result) == KIN_E_HANDLE);
    MUST(result.output_size == 0);
    kin_run_free(&result);
}

static int child_keeps_run(const kin_args *unused)
{
    int ends[2], files[FILES];
    char byte;
    (void)unused;
    int errors = dup(STDERR_FILENO);
    CHECK(pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    void *thread = begin_thread(run_program, NULL);
    CHECK(read(ends[0], &byte, 1) == 1);
    CHECK(dup2(errors, STDERR_FILENO) == STDERR_FILENO);
    kin_os_sleep_until(kin_os_now() + KIN_MS(200)); /* it has written what there is room for, and waits */
    CHECK(take_all_numbers(files) == 0);
    CHECK(expect_untouched(files) == 0); /* in a child forked while it runs, too */
    end_thread(thread);
    return expect_untouched(files);
}

/* Forked, so that these are the child's own descriptors. */
static void expect_success(const char *entry)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *process = NULL;
    options.method = KIN_START_FORK;
    assert_ok(kin_process_start(&process, entry, NULL, &options));
    join_child(process, 0);
}

static void memory_grows_into_no_file_of_the_program(void **state)
{
    (void)state;
    expect_success("keeps_family");
}

static void named_memory_grows_on(void **state)
{
    (void)state;
    expect_success("keeps_named_family");
}

static void pipes_close_no_file_of_the_program(void **state)
{
    (void)state;
    expect_success("keeps_pipes");
}

static void *send_later(void *pipe)
{
    struct timespec moment = {.tv_nsec = 100000000};
    nanosleep(&moment, NULL);
    return kin_pipe_send(pipe, "x", 1, KIN_FOREVER) == KIN_OK ? NULL : pipe;
}

static void expect_wait_for_a_message(kin_pipe *ends[2])
{
    pthread_t sender;
    void *failed = NULL;
    char byte = 0;
    assert_int_equal(pthread_create(&sender, NULL, send_later, ends[0]), 0);
    assert_ok(kin_pipe_recv(ends[1], &byte, 1, NULL, KIN_FOREVER));
    assert_int_equal(byte, 'x');
    assert_int_equal(pthread_join(sender, &failed), 0);
    assert_null(failed);
}

/* A process that has a copy of the end can change how the system waits there. */
static void receiving_waits_whatever_others_set(void **state)
{
    (void)state;
    const struct timeval soon = {.tv_usec = 1000};
    kin_pipe *ends[2];
    kin_handle handle;
    assert_ok(kin_pipe_create(ends, 0));
    assert_ok(kin_pipe_handle(&handle, ends[1]));
    expect_wait_for_a_message(ends);
    assert_int_equal(setsockopt((int)handle, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon), 0);
    expect_wait_for_a_message(ends);
    assert_int_equal(fcntl((int)handle, F_SETFL, O_NONBLOCK), 0);
    expect_wait_for_a_message(ends);
    kin_pipe_close(ends[0]);
    kin_pipe_close(ends[1]);
}

static void processes_are_not_mixed_up(void **state)
{
    (void)state;
    expect_success("keeps_processes");
}

static void fork_server_is_made_anew(void **state)
{
    (void)state;
    expect_success("keeps_server");
}

static void pulse_is_opened_again(void **state)
{
    (void)state;
    expect_success("keeps_pulse");
}

static void pulse_without_a_name_is_not_given_to_anybody(void **state)
{
    (void)state;
    static const kin_os_id id = {{0xde, 0xad, 0x77}};
    static const kin_os_access nobody = {{""}, {""}};
    kin_os_pulse pulse;
    kin_os_handle handle = KIN_OS_NO_HANDLE;
    assert_ok(kin_os_pulse_create(&pulse, &id, &nobody));
    int file = (int)open_file_with("hello"), lost = pulse.fd;
    assert_int_equal(dup2(file, lost), lost);
    assert_ok(kin_os_pulse_handle(&handle, &pulse)); /* opened again by its name */
    assert_true(handle != lost && kin_os_pulse_named(&pulse));
    assert_true(kin_os_pulse_retire(&pulse, &id, 0));
    lost = handle;
    assert_int_equal(dup2(file, lost), lost);
    assert_status(kin_os_pulse_handle(&handle, &pulse), KIN_E_HANDLE);
    kin_os_pulse_close(&pulse);
    assert_true(fcntl(lost, F_GETFD) >= 0);
    close(lost);
    close(file);
}

static void waiting_reads_no_socket_of_the_program(void **state)
{
    (void)state;
    expect_success("keeps_bell");
}

static void run_writes_no_file_of_the_program(void **state)
{
    (void)state;
    expect_success("keeps_run");
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"keeps_bell", child_keeps_bell},
        {"keeps_family", child_keeps_family},
        {"keeps_named_family", child_keeps_named_family},
        {"keeps_pipes", child_keeps_pipes},
        {"keeps_processes", child_keeps_processes},
        {"keeps_pulse", child_keeps_pulse},
        {"keeps_run", child_keeps_run},
        {"keeps_server", child_keeps_server},
        {"nothing", nothing},
        {"stay", stay},
    };
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_of_all_control_messages_are_closed),
        cmocka_unit_test(adopted_end_asks_for_nothing_else),
        cmocka_unit_test(sockets_of_the_program_are_no_ends),
        cmocka_unit_test(server_takes_no_more_handles_than_it_has_room_for),
        cmocka_unit_test(memory_grows_into_no_file_of_the_program),
        cmocka_unit_test(named_memory_grows_on),
        cmocka_unit_test(pipes_close_no_file_of_the_program),
        cmocka_unit_test(receiving_waits_whatever_others_set),
        cmocka_unit_test(processes_are_not_mixed_up),
        cmocka_unit_test(fork_server_is_made_anew),
        cmocka_unit_test(pulse_is_opened_again),
        cmocka_unit_test(pulse_without_a_name_is_not_given_to_anybody),
        /* The last ones are races, as ThreadSanitizer says: one thread closes what another one uses. */
        cmocka_unit_test(waiting_reads_no_socket_of_the_program),
        cmocka_unit_test(run_writes_no_file_of_the_program),
    };
    const size_t races = SANITIZES_THREADS ? 2 : 0;
    return run_test_group("tests", tests, sizeof tests / sizeof tests[0] - races, NULL, NULL);
}
