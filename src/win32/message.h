/* message.h: how a message travels to a spawned child. */
#ifndef KIN_WIN32_MESSAGE_H
#define KIN_WIN32_MESSAGE_H

#include "os.h"

#define KIN_WIN32_MESSAGE_NAME L"KIN_MESSAGE"

typedef struct kin_win32_pipe {
    HANDLE parent, child; /* the write end and the read end; neither is inheritable yet */
    wchar_t variable[80]; /* NAME=value, for the child's environment */
} kin_win32_pipe;

kin_status kin_win32_pipe_create(kin_win32_pipe *out);
/* Duplicates the handles into the child and writes all of it. */
kin_status kin_win32_message_send(HANDLE pipe, const kin_os_process *child, const kin_os_message *message);

#endif
