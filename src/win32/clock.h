/* clock.h: times and waits for the system's calls. */
#ifndef KIN_WIN32_CLOCK_H
#define KIN_WIN32_CLOCK_H

#include "os.h"

/* WaitForSingleObject with a deadline. KIN_OK: signalled. */
kin_status kin_win32_wait(HANDLE object, int64_t deadline);
/* Until the deadline, rounded up; at most 24 days unless the deadline is KIN_OS_NEVER. */
DWORD kin_win32_milliseconds(int64_t deadline);

#endif
