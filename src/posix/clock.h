/* clock.h: times and waits for the system's calls. */
#ifndef KIN_POSIX_CLOCK_H
#define KIN_POSIX_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct pollfd;

struct timespec kin_posix_timespec(int64_t nanoseconds);
/* ppoll until a deadline of kin_os_now; interruptions do not end it. */
int kin_posix_poll(struct pollfd *list, size_t count, int64_t deadline);

#endif
