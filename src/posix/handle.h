/* handle.h: descriptors. */
#ifndef KIN_POSIX_HANDLE_H
#define KIN_POSIX_HANDLE_H

#include <stddef.h>

/* Descriptors that kin keeps are moved here and above: below lie those that programs close and reuse by number. */
#define KIN_POSIX_FD_MIN 10

/* Like dup, close-on-exec, to the first free one not below `least`. -1 and errno. */
int kin_posix_duplicate(int fd, int least);
/* Moves a descriptor to KIN_POSIX_FD_MIN or above; it is closed if that fails. -1 is passed through. errno. */
int kin_posix_raise(int fd);
/* Gives a file made by O_TMPFILE a name. 0, or -1 with errno. */
int kin_posix_link(int fd, const char *path);
/* close, leaving errno alone. -1 is passed over. */
void kin_posix_close(int fd);
void kin_posix_close_all(const int *fds, size_t count);

#endif
