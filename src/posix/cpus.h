/* cpus.h: limits of control groups. */
#ifndef KIN_POSIX_CPUS_H
#define KIN_POSIX_CPUS_H

#include <stdint.h>

/* How many processors are left by the control groups that the file `groups` lists. UINT32_MAX: they set no limit.
 * mounts: the directory where control groups are mounted. */
uint32_t kin_posix_cgroup_limit(const char *groups, const char *mounts);

#endif
