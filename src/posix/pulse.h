/* pulse.h: pulses of other processes. */
#ifndef KIN_POSIX_PULSE_H
#define KIN_POSIX_PULSE_H

#include <stdbool.h>
#include <stdint.h>

struct stat;

/* Opens the pulse of a family of that user that this process is not in; -1. */
int kin_posix_pulse_open(const char *hex, unsigned long uid);
/* Hold this lock while looking at a pulse that might be this process's own: to close it would drop the sign of life. */
void kin_posix_pulses_lock(void);
void kin_posix_pulses_unlock(void);
/* Under the lock. */
bool kin_posix_pulse_is_ours(const struct stat *info);
/* Whether a process has locked any part of it, or that cannot be known. own: this process counts, too. */
bool kin_posix_pulse_locked(int fd, bool own);
/* Whether no page of the pulse of that family, on which there is no lock, shows a living process. except: an index that
 * does not count, or KIN_OS_PULSE_MAX. */
bool kin_posix_pulse_deserted(int fd, const char *hex, uint32_t except);
/* Locks all of it, if no other process has locked any part. free keeps the byte of except locked. */
bool kin_posix_pulse_seize(int fd);
void kin_posix_pulse_free(int fd, uint32_t except);

#endif
