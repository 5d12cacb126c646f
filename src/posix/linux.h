/* linux.h: what Linux has and POSIX has not. Where the kernel lacks it, it fails, and the caller does without. With
 * KIN_POSIX_PLAIN it fails always: so what is done without is built and tested, too. */
#ifndef KIN_POSIX_LINUX_H
#define KIN_POSIX_LINUX_H

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* What the kernel tells this process of its own descriptors, mappings, groups and program, proc(5). With
 * KIN_POSIX_PLAIN a path where nothing is: ENOTDIR. The table of processes (identity.c, judge.c, discover.c) is read at
 * /proc in each case: each system has one, by an interface of its own, and nothing can be done without. */
#ifdef KIN_POSIX_PLAIN
#define KIN_POSIX_PROC "/dev/null/proc"
#else
#define KIN_POSIX_PROC "/proc"
#endif

/* Whether sockets can have names that are in no file system, unix(7). */
#if !defined(KIN_POSIX_PLAIN) && defined(__linux__)
#define KIN_POSIX_ABSTRACT_SOCKETS 1
#else
#define KIN_POSIX_ABSTRACT_SOCKETS 0
#endif

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
