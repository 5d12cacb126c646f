/* handle.h: descriptors. */
#ifndef KIN_POSIX_HANDLE_H
#define KIN_POSIX_HANDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "os_types.h"

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

/* Whether a file may get that long: passing RLIMIT_FSIZE raises a signal that kills. */
bool kin_posix_may_reach(size_t size);

/* Notes which file fd stands for. */
void kin_posix_note(kin_posix_file *out, int fd);
/* Whether info, of fstat or lstat, is that of the file. */
bool kin_posix_same_file(const struct stat *info, const kin_posix_file *file);
/* Whether it still does. True also if that cannot be known; false: it is closed, or the program's. Before Linux 6.9
 * all pidfds and eventfds look alike. */
bool kin_posix_is_still(int fd, const kin_posix_file *file);
/* Closes it, unless it is the program's meanwhile. */
void kin_posix_close_own(int fd, const kin_posix_file *file);

/* Room for control messages with that many descriptors, and beside them what a peer may add without being asked: its
 * pidfd, its credentials, a security label. */
#define KIN_POSIX_CONTROL_ROOM(descriptors)                                                                            \
    (CMSG_SPACE((descriptors) * sizeof(int)) + CMSG_SPACE(sizeof(int)) + CMSG_SPACE(3 * sizeof(int)) + CMSG_SPACE(256))
/* Takes the descriptors of SCM_RIGHTS out of what recvmsg received, at most room, and closes all others, of control
 * messages of every kind. False: there were more than room, or the system could not give all (MSG_CTRUNC); *count of
 * them are in out. */
bool kin_posix_take_descriptors(struct msghdr *message, int *out, size_t room, size_t *count);
/* Switches off all control messages except SCM_RIGHTS on a socket that another process has prepared. */
void kin_posix_receive_rights_only(int fd);

#endif
