/* setting.h: giving a forked child another directory, environment or standard streams. */
#ifndef KIN_POSIX_SETTING_H
#define KIN_POSIX_SETTING_H

#include "os.h"

#define KIN_POSIX_STREAMS 3

/* Opens a directory for fchdir; NULL: the current one. -1 and errno. */
int kin_posix_open_directory(const char *path);
/* Makes sources the standard streams of this process, where given. KIN_OS_NO_HANDLE: the null device. False: errno. */
bool kin_posix_put_streams(const bool given[KIN_POSIX_STREAMS], const int sources[KIN_POSIX_STREAMS]);
/* In a forked child; directory: a descriptor, or -1. False: errno. */
bool kin_posix_settle(const kin_os_setting *setting, int directory);

#endif
