/* launch.h: starting a program. */
#ifndef KIN_WIN32_LAUNCH_H
#define KIN_WIN32_LAUNCH_H

#include "os.h"

#define KIN_WIN32_STREAMS 3
/* Exit codes of a process that was made to end, as a POSIX shell has them. */
#define KIN_WIN32_EXIT_TERMINATED 143u
#define KIN_WIN32_EXIT_KILLED 137u
/* Of a process whose entry has returned; the low byte is what it returned. Bit 29 makes it nobody else's
 * ("SetLastError function"), the severity success: no STATUS code. */
#define KIN_WIN32_EXIT_RETURNED 0x2B694E00u

typedef struct kin_win32_launch {
    const wchar_t *program;
    wchar_t *line, *block;             /* block NULL: this process's environment */
    const wchar_t *directory;          /* or NULL */
    HANDLE streams[KIN_WIN32_STREAMS]; /* copied; NULL: none */
    HANDLE message;                    /* inherited as it is; or NULL */
    HANDLE job;                        /* the child belongs to it from its first instruction; or NULL */
    bool no_window;                    /* the child opens no console window */
} kin_win32_launch;

/* The child inherits the streams and the message, nothing else. */
kin_status kin_win32_start(kin_os_process *out, const kin_win32_launch *what);
/* It is about to be ended with that code. In process.c. */
void kin_win32_note_kill(kin_os_process *process, UINT code);
void kin_win32_own_streams(HANDLE out[KIN_WIN32_STREAMS]);
/* The null device: an empty input, an output that goes nowhere. */
kin_status kin_win32_open_nothing(HANDLE *out);

#endif
