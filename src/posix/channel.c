/* channel.c: a socketpair of SOCK_SEQPACKET, SCM_RIGHTS.
 *
 * - One sendmsg is one message, with its descriptors or not at all. What the other end never takes is closed with it
 *   (unix(7)). MSG_NOSIGNAL instead of SIGPIPE; MSG_DONTWAIT, for a child that does not read must not stop its
 *   parent.
 * - The kernel cuts what does not fit and says so: MSG_TRUNC for data, MSG_CTRUNC for descriptors, also when the
 *   receiver is at its limit of open files. What did arrive must be closed (recvmsg(2), cmsg(3)).
 * - An end of file and an empty message look the same, so each message has a head.
 * - The environment passes to grandchildren: the variable names the pid of the parent that wrote it, and the head
 *   repeats its nonce, so that a foreign socket on descriptor 3 is not taken for the channel.
 */
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "posix.h"

#define VARIABLE "KIN_CHANNEL"
#define MAGIC UINT32_C(0x6b696e31) /* kin1 */

typedef struct head {
    uint32_t magic;
    uint32_t size;
    uint32_t handle_count;
    uint32_t zero;
    uint64_t nonce;
} head;

typedef union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * KIN_OS_HANDLES_MAX)];
} control;

static _Atomic uint64_t taken_nonce;

/* ---- sending ---- */

static void attach(struct msghdr *message, control *space, const kin_os_handle *handles, size_t count)
{
    memset(space, 0, sizeof *space);
    message->msg_control = space->bytes;
    message->msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *rights = CMSG_FIRSTHDR(message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(rights), handles, sizeof(int) * count);
}

kin_status kin_os_channel_send(kin_os_handle channel, const kin_os_process *child, const void *data, size_t size,
                               const kin_os_handle *handles, size_t handle_count)
{
    if (size > KIN_OS_MESSAGE_MAX || handle_count > KIN_OS_HANDLES_MAX) {
        return KIN_E_TOO_BIG;
    }
    head start = {MAGIC, (uint32_t)size, (uint32_t)handle_count, 0, child->nonce};
    struct iovec parts[2] = {{&start, sizeof start}, {(void *)(uintptr_t)data, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    control space;
    ssize_t sent;
    if (handle_count > 0) {
        attach(&message, &space, handles, handle_count);
    }
    do {
        sent = sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return KIN_OK;
    }
    kin_status status = kin_posix_fail(errno);
    return errno == EAGAIN ? KIN_E_BUSY : status;
}

/* ---- taking ---- */

static unsigned digit_of(char c)
{
    return c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 99;
}

/* Reads digits up to end, which is stepped over. Not sscanf: it costs a starting child ten microseconds of page faults. */
static bool parse_number(const char **text, unsigned base, char end, uint64_t *out)
{
    const char *start = *text;
    *out = 0;
    for (; digit_of(**text) < base && *text - start < 16; ++*text) {
        *out = *out * base + digit_of(**text);
    }
    bool sound = *text != start && **text == end;
    *text += sound && end != '\0';
    return sound;
}

/* "FD:PID:NONCE", decimal, decimal, 16 hexadecimal digits. */
static bool parse(const char *text, int *fd, int *pid, uint64_t *nonce)
{
    uint64_t first, second;
    const char *at = text;
    if (!parse_number(&at, 10, ':', &first) || !parse_number(&at, 10, ':', &second) || strlen(at) != 16 ||
        !parse_number(&at, 16, '\0', nonce)) {
        return false;
    }
    *fd = (int)first;
    *pid = (int)second;
    return first > STDERR_FILENO && first <= INT_MAX && second > 0 && second <= INT_MAX;
}

static bool is_channel(int fd)
{
    int type = 0, domain = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
        return false;
    }
    size = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && type == SOCK_SEQPACKET && domain == AF_UNIX;
}

bool kin_os_channel_pending(void)
{
    return getenv(VARIABLE) != NULL;
}

kin_status kin_os_channel_take(kin_os_handle *out)
{
    int fd = -1, parent = 0;
    uint64_t nonce = 0;
    const char *text = getenv(VARIABLE);
    if (!text) {
        return KIN_E_NOT_FOUND;
    }
    bool sound = parse(text, &fd, &parent, &nonce);
    unsetenv(VARIABLE);
    if (!sound) {
        return KIN_E_BLOB_CORRUPT;
    }
    if (parent != getppid()) {
        return KIN_E_CLOSED; /* the descriptor may be anything by now, so it is left alone */
    }
    if (!is_channel(fd) || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        return KIN_E_BLOB_CORRUPT;
    }
    atomic_store(&taken_nonce, nonce);
    *out = fd;
    return KIN_OK;
}

/* ---- receiving ---- */

typedef struct parcel {
    head start;
    char data[KIN_OS_MESSAGE_MAX];
    size_t size; /* of data */
    int flags;
    int handles[KIN_OS_HANDLES_MAX];
    size_t handle_count;
} parcel;

static void detach(struct msghdr *message, parcel *in)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int); /* the space has no room for more than MAX */
        memcpy(in->handles + in->handle_count, CMSG_DATA(part), sizeof(int) * count);
        in->handle_count += count;
    }
}

static kin_status receive(int channel, parcel *in)
{
    struct iovec parts[2] = {{&in->start, sizeof in->start}, {in->data, sizeof in->data}};
    control space;
    struct msghdr message = {
        .msg_iov = parts, .msg_iovlen = 2, .msg_control = space.bytes, .msg_controllen = sizeof space.bytes};
    ssize_t got;
    in->handle_count = 0;
    do {
        got = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return kin_posix_fail(errno);
    }
    detach(&message, in);
    in->flags = message.msg_flags;
    if (got == 0) {
        return KIN_E_CLOSED;
    }
    if ((size_t)got < sizeof in->start) {
        return KIN_E_BLOB_CORRUPT;
    }
    in->size = (size_t)got - sizeof in->start;
    return KIN_OK;
}

static kin_status check(const parcel *in, size_t capacity, size_t handle_capacity)
{
    const head *start = &in->start;
    if (start->magic != MAGIC || start->zero != 0 || start->nonce != atomic_load(&taken_nonce)) {
        return KIN_E_BLOB_CORRUPT;
    }
    if (in->flags & MSG_CTRUNC) {
        return kin_posix_fail(EMFILE);
    }
    if ((in->flags & MSG_TRUNC) || start->size != in->size || start->handle_count != in->handle_count) {
        return KIN_E_BLOB_CORRUPT;
    }
    return in->size > capacity || in->handle_count > handle_capacity ? KIN_E_TOO_BIG : KIN_OK;
}

/* In a process without standard streams they would become these. */
static kin_status raise_handles(parcel *in)
{
    kin_status status = KIN_OK;
    for (size_t i = 0; i < in->handle_count; i++) {
        if (in->handles[i] <= STDERR_FILENO) {
            in->handles[i] = kin_posix_raise(in->handles[i]);
        }
        if (in->handles[i] < 0 && status == KIN_OK) {
            status = kin_posix_fail(errno);
        }
    }
    return status;
}

kin_status kin_os_channel_receive(kin_os_handle channel, void *data, size_t capacity, size_t *size,
                                  kin_os_handle *handles, size_t handle_capacity, size_t *handle_count)
{
    parcel in;
    kin_status status = receive(channel, &in);
    if (status == KIN_OK) {
        status = check(&in, capacity, handle_capacity);
    }
    if (status == KIN_OK) {
        status = raise_handles(&in);
    }
    if (status != KIN_OK) {
        for (size_t i = 0; i < in.handle_count; i++) {
            kin_posix_close(in.handles[i]);
        }
        return status;
    }
    if (in.size > 0) {
        memcpy(data, in.data, in.size);
    }
    if (in.handle_count > 0) {
        memcpy(handles, in.handles, in.handle_count * sizeof *handles);
    }
    *size = in.size;
    *handle_count = in.handle_count;
    return KIN_OK;
}
