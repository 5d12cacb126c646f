/* pipe.h: pipes, for other parts of the library. */
#ifndef KIN_INTERNAL_PIPE_H
#define KIN_INTERNAL_PIPE_H

#include "pipe/endpoint.h"

/* Whether another process could go on with the endpoint. KIN_E_BUSY: it is in use, or in the middle of a message.
 * KIN_E_HANDLE: it is closed. */
kin_status kin__pipe_idle(kin_pipe *pipe);
/* What to watch until kin_pipe_poll would not wait. KIN_OS_NO_HANDLE: nothing, another thread is receiving. */
kin_status kin__pipe_watch(kin_pipe *pipe, int64_t deadline, kin_os_handle *out);

#endif
