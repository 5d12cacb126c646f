/* pipe.h: both ends of a named pipe. */
#ifndef KIN_WIN32_PIPE_H
#define KIN_WIN32_PIPE_H

#include "os.h"

typedef struct kin_win32_ends {
    DWORD open, mode,
        buffer; /* of the first, which is overlapped: PIPE_ACCESS_..., PIPE_TYPE_... and so on, bytes each way */
    DWORD access, flags; /* of the second: GENERIC_..., FILE_FLAG_... */
} kin_win32_ends;

/* Makes a pipe under a random name, which only this user may open, and opens its other end. */
kin_status kin_win32_connect_ends(HANDLE *ours, HANDLE *other, const kin_win32_ends *wanted);

#endif
