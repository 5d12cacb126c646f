/* sem.h: the names of a family's native semaphores, where those have names. */
#ifndef KIN_POSIX_SEM_H
#define KIN_POSIX_SEM_H

#include <stdbool.h>

/* False: some are left. Then the pulse must stay, because a sweep finds them by the pulse. */
bool kin_posix_sem_remove_names(const char *hex);

#endif
