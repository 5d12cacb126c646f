/* pipe.h: names of pipes. */
#ifndef KIN_WIN32_PIPE_H
#define KIN_WIN32_PIPE_H

#include "os.h"

#define KIN_WIN32_PIPE_NAME 64

/* A random name for a named pipe. */
kin_status kin_win32_pipe_name(wchar_t out[KIN_WIN32_PIPE_NAME]);

#endif
