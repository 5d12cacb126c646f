/* parent.h: children that end with this process. */
#ifndef KIN_WIN32_PARENT_H
#define KIN_WIN32_PARENT_H

#include "os.h"

/* From now on that process ends with this one. */
kin_status kin_win32_bind(HANDLE process);

#endif
