/* wait.c: poll, and the bell.
 *
 * The bell is a datagram socket with a name of Linux's abstract namespace: it is in no file system, and gone with its
 * process (unix(7)). Anybody on the machine could ring it; its owner then wakes for nothing, looks and sleeps again.
 * Where there is no such namespace, or the ringer is in another network namespace, the sleeper still wakes at the end
 * of its slice.
 */
#include "posix/clock.h"
#include "posix/directory.h"
#include "posix/posix.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static socklen_t bell_address(struct sockaddr_un *out, const kin_os_id *family, uint32_t slot)
{
    char hex[KIN_POSIX_HEX];
    kin_posix_hex(hex, family);
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    int used = snprintf(out->sun_path + 1, sizeof out->sun_path - 1, "kin-%s-%lu", hex, (unsigned long)slot);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)used);
}

kin_status kin_os_bell_open(kin_os_handle *out, const kin_os_id *family, uint32_t slot)
{
    struct sockaddr_un address;
    socklen_t size = bell_address(&address, family, slot);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return kin_posix_fail(errno);
    }
    if (bind(fd, (struct sockaddr *)&address, size) != 0) {
        kin_status status = kin_posix_fail(errno);
        close(fd);
        return status;
    }
    *out = fd;
    return KIN_OK;
}

void kin_os_bell_close(kin_os_handle bell)
{
    kin_os_handle_close(bell);
}

void kin_os_bell_ring(const kin_os_id *family, uint32_t slot)
{
    struct sockaddr_un address;
    socklen_t size = bell_address(&address, family, slot);
    int saved = errno, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        sendto(fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, size); /* full: it rings already */
        close(fd);
    }
    errno = saved;
}

static short events_of(uint32_t interest)
{
    return (short)((interest & KIN_OS_READABLE ? POLLIN : 0) | (interest & KIN_OS_WRITABLE ? POLLOUT : 0));
}

/* An end of file, or an error, is there to be read, or to be told by a write. */
static uint32_t ready_of(short events, uint32_t interest)
{
    uint32_t ready = (events & POLLIN ? KIN_OS_READABLE : 0) | (events & POLLOUT ? KIN_OS_WRITABLE : 0);
    return events & (POLLHUP | POLLERR) ? interest : ready & interest;
}

static kin_status read_answers(kin_os_watch *watches, const struct pollfd *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].revents & POLLNVAL) {
            return kin_posix_fail(EBADF);
        }
        watches[i].ready = ready_of(list[i].revents, watches[i].interest);
    }
    return KIN_OK;
}

kin_status kin_os_watch_any(kin_os_watch *watches, size_t count, kin_os_sem sem, kin_os_handle bell, int64_t deadline)
{
    struct pollfd few[16], *list = few;
    (void)sem;
    if (count + 1 > sizeof few / sizeof few[0]) {
        list = malloc((count + 1) * sizeof *list);
        if (!list) {
            return KIN_E_NO_MEMORY;
        }
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = (struct pollfd){watches[i].handle, events_of(watches[i].interest), 0};
    }
    list[count] = (struct pollfd){bell, POLLIN, 0}; /* one below 0 is passed over */
    int result = kin_posix_poll(list, count + 1, deadline);
    kin_status status = result < 0 ? kin_posix_fail(errno) : read_answers(watches, list, count);
    if (list != few) {
        free(list);
    }
    return status == KIN_OK && result == 0 ? KIN_E_TIMED_OUT : status;
}
