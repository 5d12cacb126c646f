/* pulse.h: pulses of other processes. */
#ifndef KIN_POSIX_PULSE_H
#define KIN_POSIX_PULSE_H

#include <stdbool.h>

struct stat;

/* Opens the pulse of a family of that user that this process is not in; -1. */
int kin_posix_pulse_open(const char *hex, unsigned long uid);
/* Hold this lock while looking at a pulse that might be this process's own: to close it would drop the sign of life. */
void kin_posix_pulses_lock(void);
void kin_posix_pulses_unlock(void);
/* Under the lock. */
bool kin_posix_pulse_is_ours(const struct stat *info);
/* Locks all of it, if nobody shows a sign of life there. */
bool kin_posix_pulse_seize(int fd);
void kin_posix_pulse_free(int fd);

#endif
