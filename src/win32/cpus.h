/* cpus.h: what the affinity of a process says, with more processors than a mask has bits. */
#ifndef KIN_WIN32_CPUS_H
#define KIN_WIN32_CPUS_H

#include "os.h"

typedef struct kin_win32_affinity {
    uint64_t mine, whole; /* GetProcessAffinityMask: of the process, of the system; both 0: it tells nothing */
    unsigned groups;      /* GetProcessGroupAffinity: how many groups the process has */
    uint32_t active;      /* active processors in all of these groups */
} kin_win32_affinity;

/* How many processors that allows; 0: it cannot be told. */
uint32_t kin_win32_allowed(const kin_win32_affinity *found);

#endif
