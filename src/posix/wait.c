/* wait.c: poll, the bell, and the alarm.
 *
 * The bell is a datagram socket with a name of Linux's abstract namespace: it is in no file system, and gone with its
 * process (unix(7)). Any process on the machine could ring it. Its owner then wakes for nothing, looks and sleeps
 * again. The name contains a number that is new at each opening, because a forked child that does not run the handlers
 * of pthread_atfork keeps the old name in use. The owner reads the datagram that has woken it, so that it is not woken
 * again. Without such a namespace there is no bell. Then, and if the ringer is in another network namespace, the
 * sleeper wakes at the end of its slice.
 *
 * The alarm is a pipe of the process's own. A byte in it is one of any number.
 */
#include "posix/clock.h"
#include "posix/directory.h"
#include "posix/forks.h"
#include "posix/handle.h"
#include "posix/linux.h"
#include "posix/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RINGS_MAX 64 /* more than a socket holds by default; what a stranger sends is read later */

static socklen_t bell_address(struct sockaddr_un *out, const kin_os_id *family, uint32_t slot, uint32_t number)
{
    char hex[KIN_POSIX_HEX];
    kin_posix_hex(hex, family);
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    int used = snprintf(out->sun_path + 1, sizeof out->sun_path - 1, "kin-%s-%lu-%lx", hex, (unsigned long)slot,
                        (unsigned long)number);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)used);
}

/* ---- descriptors of bells and alarms, which a forked child is to close; beyond these it keeps some ---- */

#define OPEN_MAX 64

/* A place's state is FREE, WRITTEN (by the thread that made it so, by compare-and-swap), or NOTED. A fork in the middle
 * of that leaves the child one descriptor more. */
enum { FREE, WRITTEN, NOTED };

static struct {
    _Atomic int state;
    int fd;
    kin_posix_file file;
} opened[OPEN_MAX];

static void close_inherited(bool in_child)
{
    for (int i = 0; in_child && i < OPEN_MAX; i++) {
        if (atomic_exchange(&opened[i].state, FREE) == NOTED) {
            kin_posix_close_own(opened[i].fd, &opened[i].file);
        }
    }
}

/* Its place, or -1. */
static int note_open(int fd, const kin_posix_file *file)
{
    static kin_posix_fork_watcher watcher = {.after = close_inherited};
    kin_posix_watch_forks(&watcher);
    for (int i = 0; i < OPEN_MAX; i++) {
        int none = FREE;
        if (atomic_compare_exchange_strong(&opened[i].state, &none, WRITTEN)) {
            opened[i].fd = fd;
            opened[i].file = *file;
            atomic_store(&opened[i].state, NOTED);
            return i;
        }
    }
    return -1;
}

static void close_noted(int fd, const kin_posix_file *file, int place)
{
    if (place >= 0) {
        atomic_store(&opened[place].state, FREE);
    }
    kin_posix_close_own(fd, file);
}

kin_status kin_os_bell_open(kin_os_bell *out, uint32_t *number, const kin_os_id *family, uint32_t slot)
{
    struct sockaddr_un address;
    if (!KIN_POSIX_ABSTRACT_SOCKETS) {
        return KIN_E_UNSUPPORTED;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return kin_posix_fail(errno);
    }
    uint32_t drawn;
    kin_status status = kin_os_random(&drawn, sizeof drawn);
    if (status == KIN_OK) {
        drawn |= 1; /* not 0 */
        socklen_t size = bell_address(&address, family, slot, drawn);
        status = bind(fd, (struct sockaddr *)&address, size) == 0 ? KIN_OK : kin_posix_fail(errno);
    }
    if (status != KIN_OK) {
        close(fd);
        return status;
    }
    *number = drawn;
    out->fd = fd;
    kin_posix_note(&out->file, fd);
    out->place = note_open(fd, &out->file);
    return KIN_OK;
}

void kin_os_bell_close(kin_os_bell *bell)
{
    if (bell->fd >= 0) {
        close_noted(bell->fd, &bell->file, bell->place);
        bell->fd = KIN_OS_NO_HANDLE;
    }
}

/* Reads what has woken the owner, so that it is not woken again. */
static void empty_bell(int bell)
{
    char byte;
    for (int i = 0; i < RINGS_MAX && recv(bell, &byte, sizeof byte, MSG_DONTWAIT) >= 0; i++) {
    }
}

void kin_os_bell_ring(const kin_os_id *family, uint32_t slot, uint32_t number)
{
    struct sockaddr_un address;
    socklen_t size = bell_address(&address, family, slot, number);
    int saved = errno, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        sendto(fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, size); /* full: it rings already */
        close(fd);
    }
    errno = saved;
}

kin_os_handle kin_os_bell_handle(const kin_os_bell *bell, kin_os_sem sem)
{
    (void)sem;
    return kin_posix_is_still(bell->fd, &bell->file) ? bell->fd : KIN_OS_NO_HANDLE;
}

void kin_os_bell_quiet(const kin_os_bell *bell, kin_os_sem sem)
{
    int saved = errno;
    if (kin_os_bell_handle(bell, sem) != KIN_OS_NO_HANDLE) {
        empty_bell(bell->fd);
    }
    errno = saved;
}

kin_status kin_os_alarm_open(kin_os_alarm *out)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return kin_posix_fail(errno);
    }
    for (int i = 0; i < 2; i++) {
        ends[i] = kin_posix_raise(ends[i]);
    }
    if (ends[0] < 0 || ends[1] < 0) {
        int code = errno;
        kin_posix_close_all(ends, 2);
        return kin_posix_fail(code);
    }
    kin_posix_note(&out->file, ends[0]);
    for (int i = 0; i < 2; i++) {
        out->ends[i] = ends[i];
        out->places[i] = note_open(ends[i], &out->file);
    }
    return KIN_OK;
}

void kin_os_alarm_close(kin_os_alarm *alarm)
{
    for (int i = 0; i < 2; i++) {
        close_noted(alarm->ends[i], &alarm->file, alarm->places[i]);
    }
}

/* If the program has opened another file under the descriptor's number, nothing is written there or read from it. */
void kin_os_alarm_set(kin_os_alarm *alarm)
{
    int saved = errno;
    if (kin_posix_is_still(alarm->ends[1], &alarm->file)) {
        while (write(alarm->ends[1], "", 1) < 0 && errno == EINTR) { /* full: it is set */
        }
    }
    errno = saved;
}

void kin_os_alarm_clear(kin_os_alarm *alarm)
{
    char bytes[64];
    int saved = errno;
    while (kin_posix_is_still(alarm->ends[0], &alarm->file) && read(alarm->ends[0], bytes, sizeof bytes) > 0) {
    }
    errno = saved;
}

kin_os_handle kin_os_alarm_handle(kin_os_alarm *alarm)
{
    bool both = kin_posix_is_still(alarm->ends[0], &alarm->file) && kin_posix_is_still(alarm->ends[1], &alarm->file);
    return both ? alarm->ends[0] : KIN_OS_NO_HANDLE;
}

static short events_of(uint32_t interest)
{
    return (short)((interest & KIN_OS_READABLE ? POLLIN : 0) | (interest & KIN_OS_WRITABLE ? POLLOUT : 0));
}

/* An end of file or an error counts as ready: the next read or write returns it. */
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

/* If the program has opened another file under the bell's number, that file is neither polled nor read. Then the
 * sleeper wakes at the end of its slice. */
kin_status kin_os_watch_any(kin_os_watch *watches, size_t count, kin_os_sem sem, const kin_os_bell *bell,
                            int64_t deadline)
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
    bool can_ring = kin_posix_is_still(bell->fd, &bell->file);
    list[count] = (struct pollfd){can_ring ? bell->fd : -1, POLLIN, 0}; /* one below 0 is passed over */
    int result = kin_posix_poll(list, count + 1, deadline);
    int code = errno;
    if (result > 0 && list[count].revents & POLLIN && kin_posix_is_still(bell->fd, &bell->file)) {
        empty_bell(bell->fd);
    }
    kin_status status = result < 0 ? kin_posix_fail(code) : read_answers(watches, list, count);
    if (list != few) {
        free(list);
    }
    return status == KIN_OK && result == 0 ? KIN_E_TIMED_OUT : status;
}
