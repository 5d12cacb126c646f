/* futex.c: the system call, as each architecture has it.
 *
 * SYS_futex takes times of the C type long, whatever size time_t has: with a 64-bit time_t on a 32-bit system a struct
 * timespec is not what it reads. Only newer 32-bit architectures lack it and have SYS_futex_time64 alone
 * (linux/Documentation: "futex_time64", syscall(2)). CLOCK_MONOTONIC counts from the start of the system, so its
 * seconds fit. FUTEX_WAIT_BITSET takes an absolute time of that clock (futex(2)).
 */
#include "posix/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os.h"

#ifdef SYS_futex
#define CALL SYS_futex
typedef long part;
#else
#define CALL SYS_futex_time64
typedef int64_t part;
#endif

typedef struct moment {
    part seconds, nanoseconds;
} moment;

#define SECOND INT64_C(1000000000)
#define PAUSE INT64_C(1000000) /* where the system has no futexes for this process, in ns */

static int command(int what, bool shared)
{
    return shared ? what : what | FUTEX_PRIVATE_FLAG;
}

void kin_posix_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline, bool shared)
{
    int64_t time = deadline > 0 ? deadline : 0;
    moment until = {(part)(time / SECOND), (part)(time % SECOND)};
    long result = syscall(CALL, word, command(FUTEX_WAIT_BITSET, shared), expected,
                          deadline == KIN_OS_NEVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
    if (result != 0 && errno != EAGAIN && errno != EINTR && errno != ETIMEDOUT) {
        /* A filter of system calls, or a word that is not there any more: the caller's loop must not burn. */
        int64_t now = kin_os_now();
        kin_os_sleep_until(deadline - now < PAUSE ? deadline : now + PAUSE);
    }
}

void kin_posix_futex_wake(_Atomic uint32_t *word, bool shared)
{
    syscall(CALL, word, command(FUTEX_WAKE, shared), INT32_MAX);
}

bool kin_posix_futex_move(_Atomic uint32_t *word, uint32_t expected, const void *onto, bool shared)
{
    const intptr_t most = INT32_MAX;
    return syscall(CALL, word, command(FUTEX_CMP_REQUEUE, shared), 0, most, onto, expected) > 0;
}
