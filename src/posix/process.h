/* process.h: what programs are started with. */
#ifndef KIN_POSIX_PROCESS_H
#define KIN_POSIX_PROCESS_H

#include <spawn.h>

/* Closes, in the child, all descriptors from first on. 0, or an errno. */
int kin_posix_close_from(posix_spawn_file_actions_t *actions, int first);
/* The program starts in that directory. 0, or an errno. */
int kin_posix_change_directory(posix_spawn_file_actions_t *actions, const char *directory);

#endif
