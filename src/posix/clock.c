/* clock.c: CLOCK_MONOTONIC, clock_nanosleep, ppoll, getrandom.
 *
 * CLOCK_MONOTONIC is one for all processes of a boot, stands still in suspend, and is read without a system call
 * (vdso(7)). clock_nanosleep answers its error as a value and leaves errno alone. getrandom waits for the pool only
 * early at boot; beyond 256 bytes a signal may cut it short (getrandom(2)).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/random.h>
#include <unistd.h>

#include "posix/clock.h"
#include "posix/handle.h"
#include "posix/posix.h"

#define SECOND INT64_C(1000000000)

int64_t kin_os_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

struct timespec kin_posix_timespec(int64_t nanoseconds)
{
    int64_t usable = nanoseconds < 0 ? 0 : nanoseconds;
    int64_t seconds = usable / SECOND;
    if (sizeof(time_t) < sizeof seconds && seconds > INT32_MAX) {
        seconds = INT32_MAX;
    }
    return (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = (long)(usable % SECOND)};
}

/* No cancellation point: it is slept in the middle of things. */
void kin_os_sleep_until(int64_t deadline)
{
    int held = kin_os_cancel_hold();
    struct timespec until = kin_posix_timespec(deadline);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR || deadline == KIN_OS_NEVER) {
    }
    kin_os_cancel_release(held);
}

void kin_os_yield(void)
{
    sched_yield();
}

int kin_posix_poll(struct pollfd *list, size_t count, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline == KIN_OS_NEVER ? 0 : deadline - kin_os_now();
        struct timespec time = kin_posix_timespec(left > 0 ? left : 0);
        int result = ppoll(list, (nfds_t)count, deadline == KIN_OS_NEVER ? NULL : &time, NULL);
        if (result >= 0 || errno != EINTR) {
            return result;
        }
    }
}

static ssize_t read_urandom(void *out, size_t size)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    ssize_t got = read(fd, out, size);
    kin_posix_close(fd);
    return got;
}

kin_status kin_os_random(void *out, size_t size)
{
    unsigned char *next = out;
    while (size > 0) {
        ssize_t got = getrandom(next, size, 0);
        if (got < 0 && errno == ENOSYS) {
            got = read_urandom(next, size);
        }
        if (got < 0 && errno != EINTR) {
            return kin_posix_fail(errno);
        }
        if (got > 0) {
            next += got;
            size -= (size_t)got;
        }
    }
    return KIN_OK;
}
