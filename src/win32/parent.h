/* parent.h: children that end with this process. */
#ifndef KIN_WIN32_PARENT_H
#define KIN_WIN32_PARENT_H

#include "os.h"

/* The job whose processes end with this one; it stays. */
kin_status kin_win32_parent_job(HANDLE *out);

#endif
