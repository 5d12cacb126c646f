/* win32.h: what all files of the Windows backend may need. Only this backend includes it, and the headers beside it. */
#ifndef KIN_WIN32_WIN32_H
#define KIN_WIN32_WIN32_H

#include "os.h"

/* Keeps the code for kin_os_error and answers its status. In error.c; error.h is the name of a system's header. */
kin_status kin_win32_fail(DWORD code);

#endif
