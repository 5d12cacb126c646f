/* cpus.h: limits of control groups. */
#ifndef KIN_POSIX_CPUS_H
#define KIN_POSIX_CPUS_H

#include <stdint.h>

/* How many processors the control groups listed in the file `groups` leave; UINT32_MAX if they set no limit. mounts: the
 * directory where the control groups are mounted. */
uint32_t kin_posix_cgroup_limit(const char *groups, const char *mounts);

#endif
