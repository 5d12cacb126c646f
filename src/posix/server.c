/* server.c: a process that forks children for another one: clone with CLONE_PARENT, socketpair, SCM_RIGHTS.
 *
 * The server is this program, started afresh, so it has one thread and little memory. It never joins a family, and of
 * the program it runs only what stands before kin_child_main. CLONE_PARENT makes each child a child of the server's
 * parent, the caller. The caller waits for it, kills it, and is its getppid, as with any other child. So no status has
 * to be carried back, and none is lost with the server.
 *
 * One start, under the caller's lock:
 *
 *     caller                        server                              child
 *     request, descriptors   ->     receives, clones, closes its own
 *                                   copies; a failure: answers errno
 *     receives               <-                                         answers its pid, goes on
 *
 * The answer goes through a socket that is made for this start and comes with the request. The child answers, not the
 * server. So a server that is killed never leaves a child that its caller does not know: either the caller gets the
 * answer, or it knows that none will come. None will come if the last copy of the socket is closed, or if the caller
 * has shut the socket down: then the child cannot send its answer, and ends. Without an answer, whether the server or
 * the child was killed, the caller makes another server, once.
 *
 * The server ends when the socket's other end is closed, and when its caller ends: another child of the caller's may
 * have that end, too. It blocks all signals from its first moment on: if one is sent to the terminal's group, the
 * caller decides what becomes of both. At each start the child gets the caller's streams, current directory and
 * blocked signals, and its environment, if that is not what it was when the server was started: in a file of memory.
 * Limits, umask, priority and what is ignored of signals are those that the caller had at the first start.
 *
 * - glibc's _Fork is a clone with two more steps: it puts the thread's number into its descriptor, and registers the
 *   list of robust mutexes again, which the kernel forgets in the child. PR_GET_TID_ADDRESS and get_robust_list tell
 *   where both are. There is no server (ENOSYS) if that address holds anything but the number: musl's does, and a
 *   kernel without CONFIG_CHECKPOINT_RESTORE tells no address. Handlers of pthread_atfork do not run; the locks that
 *   they are for are free in a process of one thread.
 * - clone refuses CLONE_PARENT to an init process (clone(2)). The server is never one; its parent may be.
 * - MSG_CTRUNC: some descriptors did not fit under RLIMIT_NOFILE (recvmsg(2)).
 * - shutdown(SHUT_RD) makes the peer's sends fail; what was sent before can still be received (net/unix/af_unix.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "posix/environment.h"
#include "posix/forks.h"
#include "posix/handle.h"
#include "posix/parent.h"
#include "posix/posix.h"
#include "posix/returns.h"
#include "posix/setting.h"

#define CALL "kin.server" /* what a server's message begins with */
#define STREAMS 3u
#define DIRECTORY (1u << STREAMS) /* in request.sent */
#define ENVIRONMENT (2u << STREAMS)
#define RECORD (4u << STREAMS)
#define EXTRAS (STREAMS + 3)
#define DESCRIPTORS (1 + EXTRAS + KIN_OS_HANDLES_MAX)
#define SLICE 100 /* between questions whether the other process lives, where nothing else would tell, in ms */

typedef struct call {
    char text[sizeof CALL];
    pid_t caller;
} call;

typedef struct request {
    uint32_t size; /* of the message that follows */
    uint8_t sent;  /* which of the streams (1 << number), directory, environment and record come with it, after the
                      socket and before its handles */
    kin_posix_record record;
    sigset_t mask;
} request;

typedef struct answer {
    pid_t pid; /* 0: error says why not */
    int error;
} answer;

typedef union control { /* aligned as a cmsghdr has to be */
    struct cmsghdr first;
    char room[KIN_POSIX_CONTROL_ROOM(DESCRIPTORS)];
} control;

/* ---- the caller ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int channel = -1; /* this process's end; -1: it has no server */
static kin_posix_file channel_file;
static pid_t owner; /* the process that has it. A bare clone's child finds its parent's pid here */
static kin_os_process server;
static uint64_t server_environment; /* the sum of what the server was started with */

static void close_channel(void)
{
    kin_posix_close_own(atomic_exchange(&channel, -1), &channel_file);
}

/* The parent's server is not the child's own. The child lacks the thread that may have held the lock. */
static void after_fork(bool in_child)
{
    if (in_child) {
        close_channel();
        lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    }
}

/* Only kin waits for the end of the server. */
static void drop_server(void)
{
    kin_os_exit how;
    close_channel();
    kin_os_process_kill(&server, true);
    kin_os_process_wait(&server, KIN_OS_NEVER, &how);
    kin_os_process_close(&server);
}

/* Above the standard streams, one of which may be closed. 0, or an errno. */
static int make_ends(int ends[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return errno;
    }
    for (int i = 0; i < 2; i++) {
        ends[i] = kin_posix_raise(ends[i]);
        if (ends[i] < 0) {
            int error = errno;
            kin_posix_close(ends[1 - i]);
            return error;
        }
    }
    return 0;
}

/* All signals are blocked from its first moment on. */
static kin_status launch(const char *program, int inner)
{
    const char *const argv[] = {program, NULL};
    call what = {CALL, getpid()};
    const kin_os_message message = {&what, sizeof what, &inner, 1};
    const kin_os_setting same = {.self = true};
    sigset_t all, before;
    server_environment = kin_posix_environment_sum(environ);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    kin_status status = kin_os_spawn(&server, program, argv, &message, &same);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

static kin_status make_server(const char *program)
{
    static kin_posix_fork_watcher watcher = {.after = after_fork};
    int ends[2];
    if (owner != getpid()) {
        close_channel();
    }
    if (atomic_load(&channel) >= 0 && !kin_posix_is_still(atomic_load(&channel), &channel_file)) {
        drop_server(); /* the program has closed its end */
    }
    if (atomic_load(&channel) >= 0) {
        return KIN_OK;
    }
    kin_status status = kin_posix_watch_forks(&watcher);
    if (status != KIN_OK) {
        return status;
    }
    int error = make_ends(ends);
    if (error) {
        return kin_posix_fail(error);
    }
    status = launch(program, ends[1]);
    kin_posix_close(ends[1]);
    if (status != KIN_OK) {
        kin_posix_close(ends[0]);
        return status;
    }
    owner = getpid();
    kin_posix_note(&channel_file, ends[0]);
    atomic_store(&channel, ends[0]);
    return KIN_OK;
}

/* What goes with a request. own: those that were opened for it. */
typedef struct parcel {
    request head;
    int descriptors[DESCRIPTORS], own[EXTRAS];
    size_t count, own_count;
} parcel;

static void add(parcel *to, unsigned bit, int fd, bool own)
{
    to->head.sent |= (uint8_t)bit;
    to->descriptors[to->count++] = fd;
    if (own) {
        to->own[to->own_count++] = fd;
    }
}

static int add_streams(parcel *to, const kin_os_setting *setting)
{
    for (unsigned i = 0; i < STREAMS; i++) {
        bool nothing = setting->replaced[i] && setting->streams[i] == KIN_OS_NO_HANDLE;
        int fd = nothing                ? kin_posix_raise(open("/dev/null", O_RDWR | O_CLOEXEC))
                 : setting->replaced[i] ? setting->streams[i]
                                        : (int)i;
        if (nothing && fd < 0) {
            return errno;
        }
        if (fcntl(fd, F_GETFD) >= 0) {
            add(to, 1u << i, fd, nothing);
        }
    }
    return 0;
}

static int add_directory(parcel *to, const kin_os_setting *setting)
{
    int fd = kin_posix_open_directory(setting->directory);
    if (fd < 0) {
        return errno;
    }
    add(to, DIRECTORY, fd, true);
    return 0;
}

static int add_environment(parcel *to, const kin_os_setting *setting)
{
    int fd = -1, error = 0;
    char **wanted = kin_posix_environment(setting->variables, false);
    if (!wanted) {
        return ENOMEM;
    }
    if (kin_posix_environment_sum(wanted) != server_environment) {
        error = kin_posix_environment_write(&fd, wanted);
    }
    if (fd >= 0) {
        add(to, ENVIRONMENT, fd, true);
    }
    free(wanted);
    return error;
}

static int fill(parcel *to, const kin_os_message *message, const kin_os_setting *setting, int socket, int record)
{
    add(to, 0, socket, false);
    int error = add_streams(to, setting);
    if (!error) {
        error = add_directory(to, setting);
    }
    if (!error) {
        error = add_environment(to, setting);
    }
    add(to, RECORD, record, false);
    for (size_t i = 0; i < message->handle_count; i++) {
        add(to, 0, message->handles[i], false);
    }
    pthread_sigmask(SIG_BLOCK, NULL, &to->head.mask);
    return error;
}

static int send_parcel(parcel *it, const kin_os_message *message)
{
    struct iovec parts[2] = {{&it->head, sizeof it->head}, {(void *)(uintptr_t)message->data, message->size}};
    control space;
    struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = &space};
    size_t size = it->count * sizeof(int);
    packet.msg_controllen = (socklen_t)CMSG_SPACE(size); /* size_t in glibc, socklen_t elsewhere */
    memset(&space, 0, sizeof space);
    space.first =
        (struct cmsghdr){.cmsg_len = (socklen_t)CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&space.first), it->descriptors, size);
    ssize_t sent;
    do {
        sent = sendmsg(atomic_load(&channel), &packet, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
}

/* *sent: whether it came to sending, so that an error is the server's. */
static int send_request(kin_posix_record *record, const kin_os_message *message, const kin_os_setting *setting,
                        int socket, bool *sent)
{
    parcel it = {.head = {.size = (uint32_t)message->size}};
    int file;
    if (kin_posix_record_claim(record, &file) != KIN_OK) {
        *sent = false;
        return kin_os_error();
    }
    it.head.record = *record;
    int error = fill(&it, message, setting, socket, file);
    *sent = !error;
    if (!error) {
        error = send_parcel(&it, message);
    }
    kin_posix_close_all(it.own, it.own_count);
    return error;
}

/* If there will be no answer, the socket usually ends. But a process that another thread forked while the socket was
 * made may hold it open. */
static bool receive_answer(answer *out, int fd)
{
    for (bool ended = false;; ended = kin_os_process_ended(&server)) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        if (ended) {
            shutdown(fd, SHUT_RD);
        } else if (poll(&item, 1, SLICE) <= 0) {
            continue;
        }
        ssize_t got = recv(fd, out, sizeof *out, MSG_DONTWAIT);
        if (got >= 0 || ended || (errno != EINTR && errno != EAGAIN)) {
            return got == sizeof *out;
        }
    }
}

/* KIN_E_CLOSED: there is no server any more, nor a child. */
static kin_status ask(kin_os_process *out, const kin_os_message *message, const kin_os_setting *setting)
{
    answer got;
    int ends[2];
    bool sent;
    kin_posix_record record = {.at = NULL};
    int error = make_ends(ends);
    if (error) {
        return kin_posix_fail(error);
    }
    error = send_request(&record, message, setting, ends[1], &sent);
    kin_posix_close(ends[1]);
    bool answered = !error && receive_answer(&got, ends[0]);
    kin_posix_close(ends[0]);
    if (error || !answered || got.pid == 0) {
        kin_posix_record_release(&record);
    }
    if (sent && (error == EPIPE || error == ECONNRESET || (!error && !answered))) {
        drop_server();
        return kin_posix_fail(EPIPE);
    }
    if (error || got.pid == 0) {
        return kin_posix_fail(error ? error : got.error);
    }
    *out = (kin_os_process){.pid = got.pid, .pidfd = -1, .record = record};
    return KIN_OK;
}

/* A second time, if the server was found dead. */
kin_status kin_os_server_start(kin_os_process *out, const char *program, const kin_os_message *message,
                               const kin_os_setting *setting)
{
    kin_status status = KIN_E_CLOSED;
    if (message->size > KIN_OS_MESSAGE_MAX || message->handle_count > KIN_OS_HANDLES_MAX) {
        return KIN_E_TOO_BIG;
    }
    pthread_mutex_lock(&lock);
    for (int i = 0; i < 2 && status == KIN_E_CLOSED; i++) {
        status = make_server(program);
        if (status == KIN_OK) {
            status = ask(out, message, setting);
        }
    }
    pthread_mutex_unlock(&lock);
    return status;
}

/* ---- the server ---- */

typedef struct serving {
    int channel, parent_fd; /* a pidfd, or -1 */
    pid_t parent;
    int *tid; /* where the C library keeps the thread's number; NULL: not found */
    void *robust;
    size_t robust_size;
} serving;

typedef struct received {
    request head;
    unsigned char data[KIN_OS_MESSAGE_MAX];
    int descriptors[DESCRIPTORS];
    size_t count;
} received;

static void find_own_thread(serving *it)
{
    it->tid = NULL;
#ifdef PR_GET_TID_ADDRESS
    int *tid = NULL;
    if (prctl(PR_GET_TID_ADDRESS, &tid, 0, 0, 0) == 0 && tid && *tid == (int)syscall(SYS_gettid) &&
        syscall(SYS_get_robust_list, 0, &it->robust, &it->robust_size) == 0) {
        it->tid = tid;
    }
#endif
}

static pid_t clone_for_parent(const serving *it)
{
    if (!it->tid) {
        errno = ENOSYS;
        return -1;
    }
#if defined(__s390__)
    pid_t pid = (pid_t)syscall(SYS_clone, 0, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL);
#else
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, NULL, NULL, NULL);
#endif
    if (pid == 0) {
        *it->tid = (int)syscall(SYS_set_tid_address, it->tid);
        if (it->robust) {
            syscall(SYS_set_robust_list, it->robust, it->robust_size);
        }
    }
    return pid;
}

/* The server's own lead nowhere: it must not keep the other end of one from seeing its end. */
static bool leave_streams(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < (int)STREAMS && fd >= 0; i++) {
        if (fd != i && dup2(fd, i) < 0) {
            return false;
        }
    }
    if (fd >= (int)STREAMS) {
        kin_posix_close(fd);
    }
    return fd >= 0;
}

static bool send_answer(const received *in, pid_t pid, int error)
{
    answer out = {pid, error};
    return send(in->descriptors[0], &out, sizeof out, MSG_NOSIGNAL) == (ssize_t)sizeof out;
}

static size_t extra_count(const request *head)
{
    size_t count = 0;
    for (unsigned i = 0; i < EXTRAS; i++) {
        count += head->sent >> i & 1u;
    }
    return count;
}

/* False: the caller has gone, or is of another version. *error: what it is to be told instead of a child. */
static bool receive_request(const serving *it, received *out, int *error)
{
    control space;
    struct iovec parts[2] = {{&out->head, sizeof out->head}, {out->data, sizeof out->data}};
    struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = &space, .msg_controllen = sizeof space};
    ssize_t got = recvmsg(it->channel, &packet, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0) {
        out->count = 0;
        return false;
    }
    *error = kin_posix_take_descriptors(&packet, out->descriptors, DESCRIPTORS, &out->count) ? 0 : EMFILE;
    size_t head = 1 + extra_count(&out->head);
    bool sound = got >= (ssize_t)sizeof out->head && out->head.size == (size_t)got - sizeof out->head &&
                 (*error ? out->count > 0 : out->count >= head && out->count <= head + KIN_OS_HANDLES_MAX);
    if (!sound) {
        kin_posix_close_all(out->descriptors, out->count);
    }
    return sound;
}

/* False: the caller has ended, or will ask for nothing any more. */
static bool wait_for_request(const serving *it)
{
    for (;;) {
        struct pollfd items[2] = {{.fd = it->channel, .events = POLLIN}, {.fd = it->parent_fd, .events = POLLIN}};
        int count = poll(items, 2, it->parent_fd < 0 ? SLICE : -1);
        if (getppid() != it->parent) {
            return false;
        }
        if (count > 0 && items[0].revents) {
            return true;
        }
    }
}

/* The streams that came, in place of the server's own, and the rest of the caller's surroundings. */
static bool settle(const received *in)
{
    const int *next = in->descriptors + 1;
    bool given[STREAMS], done = true;
    int streams[STREAMS] = {-1, -1, -1};
    for (unsigned i = 0; i < STREAMS; i++) {
        given[i] = in->head.sent >> i & 1u;
        streams[i] = given[i] ? *next++ : -1;
    }
    done = kin_posix_put_streams(given, streams);
    for (int i = 0; i < (int)STREAMS; i++) {
        if (given[i]) {
            kin_posix_close(streams[i]);
        } else {
            close(i);
        }
    }
    if (in->head.sent & DIRECTORY) {
        done = fchdir(*next) == 0 && done;
        kin_posix_close(*next++);
    }
    if (in->head.sent & ENVIRONMENT) {
        done = kin_posix_environment_take(*next) && done;
        kin_posix_close(*next++);
    }
    if (in->head.sent & RECORD) {
        done = kin_posix_record_adopt(*next, &in->head.record) == KIN_OK && done;
    }
    return done;
}

/* In the child: the message is its own from now on. */
static kin_status begin(const serving *it, const received *in, void *data, size_t *size, kin_os_handle *handles,
                        size_t *handle_count)
{
    size_t first = 1 + extra_count(&in->head);
    kin_posix_close(it->parent_fd);
    kin_posix_close(it->channel);
    if (!settle(in) || getppid() != it->parent || !send_answer(in, getpid(), 0)) {
        return KIN_E_CLOSED;
    }
    kin_posix_close(in->descriptors[0]);
    *size = in->head.size;
    memcpy(data, in->data, in->head.size);
    *handle_count = in->count - first;
    memcpy(handles, in->descriptors + first, *handle_count * sizeof *handles);
    pthread_sigmask(SIG_SETMASK, &in->head.mask, NULL);
    return KIN_OK;
}

kin_status kin_os_server_run(void *data, size_t capacity, size_t *size, kin_os_handle *handles, size_t *handle_count)
{
    static received in; /* large for a stack, and only a server touches it */
    call what;
    serving it = {.parent_fd = -1};
    if (*size != sizeof what || *handle_count != 1 || memcmp(data, CALL, sizeof CALL) != 0) {
        return KIN_OK;
    }
    memcpy(&what, data, sizeof what);
    it.parent = what.caller;
    it.channel = handles[0];
    kin_posix_receive_rights_only(it.channel);
    it.parent_fd = kin_posix_open_process(it.parent);
    find_own_thread(&it);
    bool ready = leave_streams();
    for (int error; ready && wait_for_request(&it) && receive_request(&it, &in, &error);) {
        pid_t pid = error ? -1 : clone_for_parent(&it);
        if (pid == 0) {
            return capacity >= in.head.size ? begin(&it, &in, data, size, handles, handle_count) : KIN_E_TOO_BIG;
        }
        if (pid < 0) {
            send_answer(&in, 0, error ? error : errno);
        }
        kin_posix_close_all(in.descriptors, in.count);
    }
    _exit(0);
}
