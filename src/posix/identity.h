/* identity.h: what the system tells about a process. */
#ifndef KIN_POSIX_IDENTITY_H
#define KIN_POSIX_IDENTITY_H

#include <stdint.h>

typedef struct kin_posix_stat {
    char state;
    long threads;
    uint64_t start;
} kin_posix_stat;

/* Reads /proc/NAME/stat, NAME being a pid or "self". 0, or an errno; EBADMSG: it is not as proc(5) has it. */
int kin_posix_stat_read(kin_posix_stat *out, const char *name);
/* In what namespaces this process is: what pids and times mean to it. 0: that cannot be told. */
uint64_t kin_posix_where(void);

#endif
