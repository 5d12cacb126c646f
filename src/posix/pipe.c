/* pipe.c: pairs of AF_UNIX sockets of type SOCK_SEQPACKET.
 *
 * - A packet is sent whole or not at all, and received by one call; several processes that use one end cannot tear it.
 *   Its descriptors belong to it: they come with its bytes, and are closed if no process receives them (unix(7)).
 * - Descriptors for which there is no room, or no free number, are closed, and MSG_CTRUNC says so (recvmsg(2)).
 * - When the other side closes with something unread, the next call fails with ECONNRESET, once. So does a receive that
 *   has packets before it. The end of the stream is a packet of length 0.
 * - The address of a socket without a name is its family alone (unix(7)). The other end's is told also after that end
 *   was closed.
 * - On what is no socket send and recv fail with ENOTSOCK: a file of the program's that has the number of an end which
 *   the program has closed is neither written nor read.
 * - The sockets block, but all calls have MSG_DONTWAIT, except a receive that waits for ever. Another process that has
 *   the end may have made it non-blocking, or given it a time-out (SO_RCVTIMEO): then that receive fails with EAGAIN.
 * - A packet is refused with EMSGSIZE if it is larger than the send buffer (socket(7), SO_SNDBUF): usually 208 KiB.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "posix/clock.h"
#include "posix/handle.h"
#include "posix/posix.h"

#define JOINED_MAX 8192u
#define BUFFER_MIN (4 * (int)KIN_OS_PACKET_MAX)

typedef union control { /* aligned as a cmsghdr has to be */
    struct cmsghdr first;
    char room[KIN_POSIX_CONTROL_ROOM(KIN_OS_PACKET_HANDLES)];
} control;

/* ---- made and ended ---- */

/* Where the system's default is small: as much as it allows. */
static void widen(int fd)
{
    int size = 0;
    socklen_t length = sizeof size;
    if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) == 0 && size < BUFFER_MIN / 2) {
        size = BUFFER_MIN / 2; /* the kernel doubles it */
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
}

kin_status kin_os_pipe_create(kin_os_pipe ends[2])
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        return kin_posix_fail(errno);
    }
    for (int i = 0; i < 2; i++) {
        fds[i] = kin_posix_raise(fds[i]);
        if (fds[i] < 0) {
            int error = errno;
            kin_posix_close(fds[1 - i]);
            return kin_posix_fail(error);
        }
        widen(fds[i]);
    }
    for (int i = 0; i < 2; i++) {
        ends[i].fd = fds[i];
        kin_posix_note(&ends[i].file, fds[i]);
    }
    return KIN_OK;
}

void kin_os_pipe_close(kin_os_pipe *pipe)
{
    kin_posix_close_own(pipe->fd, &pipe->file);
    pipe->fd = KIN_OS_NO_HANDLE;
}

void kin_os_pipe_handles(const kin_os_pipe *pipe, kin_os_handle *handles)
{
    handles[0] = kin_posix_is_still(pipe->fd, &pipe->file) ? pipe->fd : KIN_OS_NO_HANDLE;
}

static bool is_unnamed(const struct sockaddr_un *name, socklen_t size)
{
    return size == sizeof name->sun_family && name->sun_family == AF_UNIX;
}

/* Of a socket that a program has bound, connected or accepted, itself or its peer has a name; of a pair neither has. */
static bool is_of_a_pair(int fd)
{
    struct sockaddr_un own, peer;
    socklen_t own_size = sizeof own, peer_size = sizeof peer;
    return getsockname(fd, (struct sockaddr *)&own, &own_size) == 0 &&
           getpeername(fd, (struct sockaddr *)&peer, &peer_size) == 0 && is_unnamed(&own, own_size) &&
           is_unnamed(&peer, peer_size);
}

bool kin_os_pipe_is_end(const kin_os_handle *handles)
{
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt(handles[0], SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET &&
           is_of_a_pair(handles[0]);
}

kin_status kin_os_pipe_adopt(kin_os_pipe *out, const kin_os_handle *handles, unsigned number)
{
    (void)number;
    if (!kin_os_pipe_is_end(handles)) {
        kin_posix_close(handles[0]);
        return KIN_E_DAMAGED;
    }
    int fd = kin_posix_raise(handles[0]);
    if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        int error = errno;
        kin_posix_close(fd);
        return kin_posix_fail(error);
    }
    kin_posix_receive_rights_only(fd);
    out->fd = fd;
    kin_posix_note(&out->file, fd);
    return KIN_OK;
}

/* Nothing to do: what is on its way is the kernel's. */
void kin_os_pipe_given(kin_os_pipe *pipe, bool given)
{
    (void)pipe;
    (void)given;
}

/* ---- waiting ---- */

static kin_status wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd item = {.fd = fd, .events = events};
    int count = kin_posix_poll(&item, 1, deadline);
    if (count <= 0) {
        return count == 0 ? KIN_E_TIMED_OUT : kin_posix_fail(errno);
    }
    return item.revents & POLLNVAL ? kin_posix_fail(EBADF) : KIN_OK;
}

kin_status kin_os_pipe_wait(kin_os_pipe *pipe, bool take, int64_t deadline)
{
    (void)take;
    return wait_for(pipe->fd, POLLIN, deadline);
}

kin_status kin_os_pipe_watch(kin_os_pipe *pipe, kin_os_handle *out)
{
    *out = pipe->fd;
    return KIN_OK;
}

/* ---- packets ---- */

static void fill(struct msghdr *message, struct iovec parts[KIN_OS_PACKET_PARTS], const kin_os_packet *packet)
{
    *message = (struct msghdr){.msg_iov = parts};
    for (unsigned i = 0; i < KIN_OS_PACKET_PARTS; i++) {
        unsigned char *data = packet->parts[i].data;
        size_t size = packet->parts[i].size;
        struct iovec *last = message->msg_iovlen > 0 ? &parts[message->msg_iovlen - 1] : NULL;
        if (last && data == (unsigned char *)last->iov_base + last->iov_len) {
            last->iov_len += size;
        } else if (size > 0) {
            parts[message->msg_iovlen++] = (struct iovec){data, size};
        }
    }
}

static void attach(struct msghdr *message, control *space, const kin_os_packet *packet)
{
    size_t size = packet->handle_count * sizeof(int);
    if (size == 0) {
        return;
    }
    memset(space, 0, sizeof *space);
    space->first =
        (struct cmsghdr){.cmsg_len = (socklen_t)CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&space->first), packet->handles, size);
    message->msg_control = space;
    message->msg_controllen = (socklen_t)CMSG_SPACE(size);
}

static ssize_t send_parts(int fd, const kin_os_packet *packet)
{
    struct iovec parts[KIN_OS_PACKET_PARTS];
    struct msghdr message;
    control space;
    fill(&message, parts, packet);
    attach(&message, &space, packet);
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* For the kernel, a few bytes in one piece are less work than a list of pieces. */
static ssize_t send_joined(int fd, const kin_os_packet *packet)
{
    unsigned char bytes[JOINED_MAX], *end = bytes;
    for (unsigned i = 0; i < KIN_OS_PACKET_PARTS; i++) {
        if (packet->parts[i].size > 0) {
            memcpy(end, packet->parts[i].data, packet->parts[i].size);
            end += packet->parts[i].size;
        }
    }
    return send(fd, bytes, (size_t)(end - bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool is_short(const kin_os_packet *packet)
{
    size_t size = 0;
    for (unsigned i = 0; i < KIN_OS_PACKET_PARTS; i++) {
        size += packet->parts[i].size;
    }
    return size <= JOINED_MAX && packet->handle_count == 0;
}

kin_status kin_os_pipe_send(kin_os_pipe *pipe, const kin_os_packet *packet, int64_t deadline)
{
    bool join = is_short(packet);
    while ((join ? send_joined(pipe->fd, packet) : send_parts(pipe->fd, packet)) < 0) {
        if (errno == EAGAIN) {
            kin_status status = wait_for(pipe->fd, POLLOUT, deadline);
            if (status != KIN_OK) {
                return status;
            }
        } else if (errno != EINTR) {
            return kin_posix_fail(errno);
        }
    }
    return KIN_OK;
}

/* One piece without handles is the less work for the kernel. */
static ssize_t receive_once(int fd, struct msghdr *message, int flags)
{
    if (message->msg_iovlen == 1 && !message->msg_control) {
        const struct iovec *part = &message->msg_iov[0];
        ssize_t got = recv(fd, part->iov_base, part->iov_len, flags | MSG_TRUNC);
        message->msg_flags = got > 0 && (size_t)got > part->iov_len ? MSG_TRUNC : 0;
        return got;
    }
    return recvmsg(fd, message, flags | MSG_CMSG_CLOEXEC);
}

static ssize_t receive(int fd, struct msghdr *message, int flags)
{
    ssize_t got;
    do {
        got = receive_once(fd, message, flags);
    } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    return got;
}

kin_status kin_os_pipe_recv(kin_os_pipe *pipe, kin_os_packet *packet, bool wait)
{
    struct iovec parts[KIN_OS_PACKET_PARTS];
    struct msghdr message;
    control space;
    fill(&message, parts, packet);
    if (packet->handles) {
        message.msg_control = &space;
        message.msg_controllen = sizeof space;
    }
    ssize_t got = receive(pipe->fd, &message, wait ? 0 : MSG_DONTWAIT);
    if (got < 0) {
        return errno == EAGAIN ? KIN_E_TIMED_OUT : kin_posix_fail(errno);
    }
    packet->size = (size_t)got;
    size_t room = packet->handles ? KIN_OS_PACKET_HANDLES : 0;
    bool all = kin_posix_take_descriptors(&message, packet->handles, room, &packet->handle_count);
    bool handles_lost = packet->handles && !all;
    if (got > 0 && (message.msg_flags & MSG_TRUNC) == 0 && !handles_lost) {
        return KIN_OK;
    }
    bool empty = got == 0 && packet->handle_count == 0;
    kin_posix_close_all(packet->handles, packet->handle_count);
    packet->handle_count = 0;
    if (message.msg_flags & MSG_TRUNC) {
        return KIN_E_DAMAGED;
    }
    return handles_lost ? KIN_E_HANDLE : empty ? KIN_E_CLOSED : KIN_E_DAMAGED;
}

kin_status kin_os_pipe_peek(kin_os_pipe *pipe, void *start, size_t size)
{
    struct iovec part = {start, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    memset(start, 0, size);
    ssize_t got = receive(pipe->fd, &message, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0) {
        return errno == EAGAIN ? KIN_E_TIMED_OUT : kin_posix_fail(errno);
    }
    return got > 0 ? KIN_OK : KIN_E_CLOSED;
}
