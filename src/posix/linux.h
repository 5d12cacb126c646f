/* linux.h: calls that Linux has and POSIX has not. Where the kernel lacks one it fails, and the caller does without.
 * With KIN_POSIX_PLAIN each fails always: so what is done without is built and tested, too. */
#ifndef KIN_POSIX_LINUX_H
#define KIN_POSIX_LINUX_H

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* A forked child finds these pages full of zeros, MADV_WIPEONFORK of madvise(2). -1 and errno: ENOSYS. qemu's emulation
 * of a processor takes any advice for given and does nothing: for that there is KIN_POSIX_PLAIN. */
static inline int kin_posix_wipe_on_fork(void *memory, size_t size)
{
#if !defined(KIN_POSIX_PLAIN) && defined(MADV_WIPEONFORK)
    return madvise(memory, size, MADV_WIPEONFORK);
#else
    (void)memory;
    (void)size;
    errno = ENOSYS;
    return -1;
#endif
}

/* A file of memory, memfd_create(2). -1 and errno: ENOSYS. */
static inline int kin_posix_memory_file(const char *name, unsigned flags)
{
#if !defined(KIN_POSIX_PLAIN) && defined(MFD_CLOEXEC)
    return memfd_create(name, flags);
#else
    (void)name;
    (void)flags;
    errno = ENOSYS;
    return -1;
#endif
}

/* pidfd_open(2). -1 and errno: ENOSYS. */
static inline int kin_posix_pidfd(pid_t pid)
{
#if !defined(KIN_POSIX_PLAIN) && defined(SYS_pidfd_open)
    return (int)syscall(SYS_pidfd_open, pid, 0);
#else
    (void)pid;
    errno = ENOSYS;
    return -1;
#endif
}

#endif
