/* pipe.h: pairs of connected endpoints that carry messages, handles and endpoints of other pipes between processes.
 *
 *     kin_pipe *endpoints[2];
 *     kin_pipe_create(endpoints, 0);
 *     kin_args_add_pipe(args, "parent", endpoints[1]);
 *     kin_process_start(&child, "child", args, NULL);
 *     kin_pipe_close(endpoints[1]);                  // the child has it: now its death closes the pipe
 *     kin_pipe_send(endpoints[0], "hello", 5, KIN_FOREVER);
 *
 *     child:  kin_pipe *parent;
 *             kin_args_get_pipe(&parent, args, "parent");
 *             while (kin_pipe_recv(parent, text, sizeof text, &size, KIN_FOREVER) == KIN_OK) { ... }
 *
 * A message may have any length and contents. It arrives complete or not at all, and messages arrive in order.
 *
 * Cost: a message of up to 64 KiB (less a header) takes one system call on each side when no side has to wait, and one
 * more if it has attachments. A longer message is sent in pieces while the other side receives.
 *
 * A kin_pipe is this process's own object for one endpoint. It lies outside shared memory and belongs to no family. An
 * endpoint is for one process at a time. All threads of that process may use it at the same time: messages are not
 * mixed. Sends are done one after the other, and so are receives; a send does not wait for a receive. Only
 * kin_pipe_close must be the last call of all. After a fork by the program itself, each endpoint must be closed in one
 * of the two processes. A child that kin_process_start forks has only the endpoints that are its arguments. The others
 * are closed in the child: using them returns KIN_E_HANDLE, and kin_pipe_close frees them.
 *
 * Death: when the last process that has an endpoint ends, in any way, that side of the pipe is closed. Complete
 * messages that it had sent can still be received; then receives return KIN_E_CLOSED. A message that it was in the
 * middle of is dropped. Sending to a closed side returns KIN_E_CLOSED and never raises a signal. Endpoints that are on
 * their way to a process that dies before it receives them are closed.
 *
 * All functions that return a status return KIN_E_ARGUMENT (null, unless said otherwise; negative timeout),
 * KIN_E_UNSUPPORTED (an endpoint of a one-way pipe, used in the wrong direction), KIN_E_HANDLE (an endpoint that this
 * forked child was not given), KIN_E_NO_MEMORY, KIN_E_OS. timeout is in nanoseconds and covers the whole call. KIN_NOW
 * still does what can be done without waiting.
 */
#ifndef KIN_PIPE_H
#define KIN_PIPE_H

#include "process.h"

KIN_BEGIN

typedef struct kin_pipe kin_pipe;

#define KIN_PIPE_ONE_WAY 1u /* endpoints[0] only sends, endpoints[1] only receives */

/* Creates a pipe. The caller owns both endpoints; free each with kin_pipe_close. flags: KIN_PIPE_ONE_WAY, or 0: each
 * endpoint sends and receives. Errors: KIN_E_ARGUMENT (null, unknown flags), KIN_E_LIMIT (file descriptors). */
KIN_API kin_status kin_pipe_create(kin_pipe *endpoints[2], uint32_t flags);

/* Closes this process's endpoint and frees it. Messages that it has not received are lost, unless another process has
 * the endpoint too. NULL: does nothing. */
KIN_API void kin_pipe_close(kin_pipe *pipe);

/* ---- messages ---- */

/* Sends size bytes as one message (data may be NULL if size is 0). A message that fits into the system's buffer, some
 * hundred KiB, does not wait for the receiver. KIN_OK means sent, not received.
 * Errors: KIN_E_TIMED_OUT (nothing of the message will be delivered, and the pipe stays usable), KIN_E_CLOSED (the
 * other side is closed or dead). A failed send of a long message, or of one with attachments, may have sent a part. The
 * receiver drops that part when the next message or the end of the pipe arrives. */
KIN_API kin_status kin_pipe_send(kin_pipe *pipe, const void *data, size_t size, int64_t timeout);

/* Waits for the next message and copies it into buffer, which has capacity bytes, and its length into *size. size may
 * be NULL; buffer may be NULL if capacity is 0.
 * Errors:
 *   KIN_E_BUFFER     the buffer is too small; *size is the length, and the message is kept for the next call. Also if
 *                    the message has attachments: use kin_pipe_recv_with
 *   KIN_E_TIMED_OUT  the part of a message that has arrived is kept; the next call continues with it
 *   KIN_E_CLOSED     the other side is closed or dead, and all that it sent has been received
 *   KIN_E_DAMAGED    the other side sent something that is not a message. It is dropped; the next call continues after
 *                    it
 *   KIN_E_NO_MEMORY  there was no memory to keep the message; it is lost
 * After KIN_E_BUFFER or KIN_E_TIMED_OUT, a part of a message may lie in this process. Until it is received,
 * kin_pipe_handle may not show it, and the endpoint cannot be given to another process. */
KIN_API kin_status kin_pipe_recv(kin_pipe *pipe, void *buffer, size_t capacity, size_t *size, int64_t timeout);

/* Waits until a message has arrived with its attachments, or the beginning of a long message has. *size (size may be
 * NULL) is its length. After that, a receive waits only for the rest of a long message. A part of a message with
 * attachments then lies in this process (see kin_pipe_recv). Errors: KIN_E_TIMED_OUT, KIN_E_CLOSED, KIN_E_DAMAGED,
 * KIN_E_NO_MEMORY, as kin_pipe_recv. */
KIN_API kin_status kin_pipe_poll(kin_pipe *pipe, size_t *size, int64_t timeout);

/* ---- attachments ---- */

typedef struct kin_attachment {
    kin_pipe *pipe;       /* an endpoint; or NULL, then handle is used */
    kin_handle handle;    /* a handle: file, socket, system pipe, section, ... */
    kin_handle_kind kind; /* kind of a received handle. Ignored when sending */
} kin_attachment;

#define KIN_ATTACHMENTS_MAX 16u

/* As kin_pipe_send, with count attachments. The receiver gets duplicates. The call only borrows the attachments: the
 * sender keeps its own and closes them when it likes. Close an endpoint at once, so that the receiver's death closes
 * the pipe. The system holds the duplicates meanwhile; if no process receives them, they are closed. Windows: the
 * duplicates are put into the process that holds the other endpoint; a process with fewer rights may refuse
 * (KIN_E_PERMISSION).
 * Errors: those of kin_pipe_send; KIN_E_ARGUMENT (also more than KIN_ATTACHMENTS_MAX), KIN_E_HANDLE (one is not open),
 * KIN_E_BUSY (an attached endpoint is in the middle of a message or in use by a thread), KIN_E_LIMIT (POSIX: too many
 * descriptors are on their way). */
KIN_API kin_status kin_pipe_send_with(kin_pipe *pipe, const void *data, size_t size, const kin_attachment *attachments,
                                      size_t count, int64_t timeout);

/* As kin_pipe_recv, with attachments. The caller owns what it receives: free each endpoint with kin_pipe_close, and
 * close each handle. *count: in, the number of elements of attachments; out, the number of attachments of the message.
 * count NULL: 0 elements.
 * Errors: those of kin_pipe_recv, except: KIN_E_BUFFER (buffer or attachments is too small; *size and *count are what
 * is needed, and the message is kept), KIN_E_HANDLE (the attachments could not be taken: no descriptor is free;
 * Windows: the process for which they were meant has died. The message is lost). */
KIN_API kin_status kin_pipe_recv_with(kin_pipe *pipe, void *buffer, size_t capacity, size_t *size,
                                      kin_attachment *attachments, size_t *count, int64_t timeout);

/* ---- into a child ---- */

/* Adds an endpoint to the arguments of a child. It is borrowed until the last start that uses args. The child gets a
 * duplicate; the caller keeps its own. Close it after the start, so that the caller sees when the child closes its
 * endpoint or dies. The endpoint takes one of the 62 handles that arguments can carry (Windows: two). kin_process_start
 * returns KIN_E_BUSY if the endpoint is in the middle of a message or in use. Errors: those of kin_args_add_handle. */
KIN_API kin_status kin_args_add_pipe(kin_args *args, const char *name, kin_pipe *pipe);
/* In the child: gets the endpoint. The child owns it and may keep it or free it with kin_pipe_close. Each call gives
 * the same endpoint. Errors: those of kin_args_get_handle. */
KIN_API kin_status kin_args_get_pipe(kin_pipe **out, const kin_args *args, const char *name);

/* ---- waiting for a pipe and something else ---- */

/* Gives the handle that the system can wait for. It becomes ready when kin_pipe_poll would no longer wait. It stays the
 * pipe's; reading from it breaks the pipe. kin_wait (wait.h) does all of this itself.
 * POSIX: a descriptor to poll for reading; each call gives the same one. Windows: an event; get it before each wait,
 * and call kin_pipe_poll afterwards, because the event may be set for something that is gone by then. Before waiting,
 * make sure that no part of a message lies in this process (see kin_pipe_recv): kin_pipe_poll with KIN_NOW tells. The
 * call waits while another thread receives from the endpoint. */
KIN_API kin_status kin_pipe_handle(kin_handle *out, kin_pipe *pipe);

KIN_END

#endif
