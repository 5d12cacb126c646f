/* handle.c: descriptors.
 *
 * - close on Linux always frees the descriptor, also with EINTR: never repeat it (close(2)).
 * - fstat cannot tell the anonymous kinds apart (before Linux 6.16 they have no type, since then they are regular
 *   files); the link in /proc/self/fd can (proc(5)). F_GET_SEALS answers for every file of a tmpfs, not only a memfd,
 *   so it counts only where there is no /proc, for a file without a name.
 * - SO_PASSPIDFD belongs to the socket: any process that has it open may set it at any time. Each message then comes
 *   with a pidfd, in a control message SCM_PIDFD of its own (unix(7), Linux 6.5). No other kind but SCM_RIGHTS has
 *   descriptors. CMSG_SPACE is padded: a buffer for an odd number of descriptors takes one more.
 * - linkat from /proc/self/fd is the way to name an O_TMPFILE without privileges; AT_EMPTY_PATH wants
 *   CAP_DAC_READ_SEARCH before Linux 6.10 (open(2), linkat(2)).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/handle.h"
#include "posix/linux.h"
#include "posix/posix.h"

_Static_assert(sizeof(off_t) == 8 && sizeof(ino_t) == 8, "any file can be opened and looked at (KinTarget.cmake)");

void kin_posix_close(int fd)
{
    int saved = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = saved;
}

void kin_posix_close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kin_posix_close(fds[i]);
    }
}

#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#ifndef SO_PASSPIDFD
#if defined(__hppa__)
#define SO_PASSPIDFD 0x404A
#elif defined(__sparc__)
#define SO_PASSPIDFD 0x0055
#else
#define SO_PASSPIDFD 76
#endif
#endif

/* Moves what there is room for, if it is of the wanted kind; closes the rest. */
static size_t take_from(const struct cmsghdr *from, int *out, size_t room)
{
    size_t taken = 0, count = (from->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(from) + i * sizeof fd, sizeof fd);
        if (from->cmsg_type == SCM_RIGHTS && taken < room) {
            out[taken++] = fd;
        } else {
            kin_posix_close(fd);
        }
    }
    return taken;
}

/* musl's macro mixes signed and unsigned long. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
static struct cmsghdr *next_control(struct msghdr *message, struct cmsghdr *at)
{
    return CMSG_NXTHDR(message, at);
}
#pragma GCC diagnostic pop

bool kin_posix_take_descriptors(struct msghdr *message, int *out, size_t room, size_t *count)
{
    size_t came = 0;
    *count = 0;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = next_control(message, at)) {
        bool rights = at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS;
        if (rights || (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_PIDFD)) {
            came += rights ? (at->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
            *count += take_from(at, out + *count, room - *count);
        }
    }
    return came == *count && !(message->msg_flags & MSG_CTRUNC);
}

void kin_posix_receive_rights_only(int fd)
{
    static const int others[] = {SO_PASSCRED, SO_PASSSEC, SO_PASSPIDFD};
    const int off = 0;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        setsockopt(fd, SOL_SOCKET, others[i], &off, sizeof off); /* fails where there is no such thing */
    }
}

bool kin_posix_may_reach(size_t size)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= size);
}

void kin_posix_note(kin_posix_file *out, int fd)
{
    struct stat info;
    bool known = fstat(fd, &info) == 0;
    __atomic_store_n(&out->device, known ? (uint64_t)info.st_dev : 0, __ATOMIC_RELAXED);
    __atomic_store_n(&out->inode, known ? (uint64_t)info.st_ino : 0, __ATOMIC_RELAXED);
}

bool kin_posix_same_file(const struct stat *info, const kin_posix_file *file)
{
    return (uint64_t)info->st_dev == __atomic_load_n(&file->device, __ATOMIC_RELAXED) &&
           (uint64_t)info->st_ino == __atomic_load_n(&file->inode, __ATOMIC_RELAXED);
}

bool kin_posix_is_still(int fd, const kin_posix_file *file)
{
    struct stat info;
    bool known =
        __atomic_load_n(&file->device, __ATOMIC_RELAXED) != 0 || __atomic_load_n(&file->inode, __ATOMIC_RELAXED) != 0;
    return fd >= 0 && fstat(fd, &info) == 0 && (!known || kin_posix_same_file(&info, file));
}

void kin_posix_close_own(int fd, const kin_posix_file *file)
{
    int saved = errno;
    if (kin_posix_is_still(fd, file)) {
        close(fd);
    }
    errno = saved;
}

/* EINVAL means that the limit of descriptors lies below `least` (fcntl(2)): there are too few, as for EMFILE. */
int kin_posix_duplicate(int fd, int least)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, least);
    if (copy < 0 && errno == EINVAL) {
        errno = EMFILE;
    }
    return copy;
}

int kin_posix_raise(int fd)
{
    if (fd < 0 || fd >= KIN_POSIX_FD_MIN) {
        return fd;
    }
    int high = kin_posix_duplicate(fd, KIN_POSIX_FD_MIN);
    kin_posix_close(fd);
    return high;
}

int kin_posix_link(int fd, const char *path)
{
    char link[32];
    snprintf(link, sizeof link, KIN_POSIX_PROC "/self/fd/%d", fd);
    if (linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0) {
        return 0;
    }
    return errno == EEXIST ? -1 : linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH);
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Whether the link tells the kind. */
static bool kind_of_link(const char *link, kin_os_kind *out)
{
    static const struct {
        const char *start;
        kin_os_kind kind;
    } kinds[] = {
        {"anon_inode:[pidfd]", KIN_OS_KIND_PROCESS},
        {"pidfd:", KIN_OS_KIND_PROCESS},
        {"anon_inode:[eventfd]", KIN_OS_KIND_EVENT},
        {"anon_inode:", KIN_OS_KIND_OTHER},
        {"/memfd:", KIN_OS_KIND_SHM},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (starts_with(link, kinds[i].start)) {
            *out = kinds[i].kind;
            return true;
        }
    }
    bool own = strstr(link, "/kin-") && (strstr(link, ".memory (deleted)") || strstr(link, ".arena"));
    *out = KIN_OS_KIND_SHM;
    return own;
}

static kin_os_kind kind_of_mode(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFCHR:
    case S_IFBLK:
        return KIN_OS_KIND_FILE;
    case S_IFIFO:
        return KIN_OS_KIND_PIPE;
    case S_IFSOCK:
        return KIN_OS_KIND_SOCKET;
    default:
        return KIN_OS_KIND_OTHER;
    }
}

kin_status kin_os_handle_kind(kin_os_handle handle, kin_os_kind *out)
{
    char path[32], link[PATH_MAX];
    struct stat info;
    if (fstat(handle, &info) != 0) {
        return kin_posix_fail(errno);
    }
    snprintf(path, sizeof path, KIN_POSIX_PROC "/self/fd/%d", handle);
    ssize_t length = readlink(path, link, sizeof link - 1);
    if (length < 0) {
        bool sealable = info.st_nlink == 0 && fcntl(handle, F_GET_SEALS) >= 0;
        *out = sealable ? KIN_OS_KIND_SHM : kind_of_mode(info.st_mode);
        return KIN_OK;
    }
    link[length] = '\0';
    if (!kind_of_link(link, out)) {
        *out = kind_of_mode(info.st_mode);
    }
    return KIN_OK;
}

kin_status kin_os_handle_duplicate(kin_os_handle *out, kin_os_handle handle)
{
    int copy = kin_posix_duplicate(handle, KIN_POSIX_FD_MIN);
    if (copy < 0) {
        return kin_posix_fail(errno);
    }
    *out = copy;
    return KIN_OK;
}

kin_status kin_os_handle_duplicate_into(uint64_t *value, kin_os_handle handle, kin_os_handle target)
{
    (void)value;
    (void)handle;
    (void)target;
    return KIN_E_UNSUPPORTED;
}

uint32_t kin_os_handle_pid(kin_os_handle process)
{
    (void)process; /* asked only where handles are duplicated into a target */
    return 0;
}

void kin_os_handle_close(kin_os_handle handle)
{
    kin_posix_close(handle);
}

uint64_t kin_os_handle_value(kin_os_handle handle)
{
    return (uint64_t)(int64_t)handle;
}

kin_os_handle kin_os_handle_from(uint64_t value)
{
    return value <= INT_MAX ? (int)value : KIN_OS_NO_HANDLE;
}
