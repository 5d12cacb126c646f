/* libc.h: what the C library offers beyond POSIX. The only place that asks which library this is, and how old.
 *
 * glibc has __GLIBC_PREREQ; musl has no macro of its own and is taken for "another library", which has the functions of
 * musl 1.2 (its WHATSNEW: posix_spawn_file_actions_addchdir_np since 1.1.24). */
#ifndef KIN_POSIX_LIBC_H
#define KIN_POSIX_LIBC_H

#include <features.h>

#ifdef __GLIBC__
#define KIN_POSIX_GLIBC(major, minor) __GLIBC_PREREQ(major, minor)
#define KIN_POSIX_IS_GLIBC 1
#else
#define KIN_POSIX_GLIBC(major, minor) 0
#define KIN_POSIX_IS_GLIBC 0
#endif

/* sem_clockwait(3). */
#define KIN_POSIX_SEM_CLOCKWAIT KIN_POSIX_GLIBC(2, 30)
/* posix_spawn_file_actions_addclosefrom_np. */
#define KIN_POSIX_SPAWN_CLOSEFROM KIN_POSIX_GLIBC(2, 34)
/* posix_spawn_file_actions_addchdir_np. */
#define KIN_POSIX_SPAWN_CHDIR (KIN_POSIX_GLIBC(2, 29) || !KIN_POSIX_IS_GLIBC)
/* posix_spawn(3) opens so many itself while it runs: musl's, a pipe by which the child tells its errno. */
#define KIN_POSIX_SPAWN_DESCRIPTORS (KIN_POSIX_IS_GLIBC ? 0 : 2)
/* A process that is cloned past the C library can be made to know its own number (server.c). */
#define KIN_POSIX_FORK_SERVER KIN_POSIX_IS_GLIBC
/* strerror_r(3) is GNU's, which answers the text, not POSIX's. */
#define KIN_POSIX_GNU_STRERROR KIN_POSIX_IS_GLIBC
/* clone(2) by a name that ThreadSanitizer does not replace by a function of its own: that takes every clone for a fork,
 * and stops a program whose child shares its memory. glibc calls it so, too. */
#if KIN_POSIX_IS_GLIBC
int __clone(int (*run)(void *argument), void *stack, int flags, void *argument, ...);
#define kin_posix_clone __clone
#else
#define kin_posix_clone clone
#endif

#endif
