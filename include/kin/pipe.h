/* pipe.h: connected ends that carry messages, handles and other pipes' ends from process to process.
 *
 *     kin_pipe *ends[2];
 *     kin_pipe_create(ends, 0);
 *     kin_args_add_pipe(args, "parent", ends[1]);
 *     kin_process_start(&child, "child", args, NULL);
 *     kin_pipe_close(ends[1]);                       // the child has it: now its death closes the pipe
 *     kin_pipe_send(ends[0], "hello", 5, KIN_FOREVER);
 *
 *     child:  kin_pipe *parent;
 *             kin_args_get_pipe(&parent, args, "parent");
 *             while (kin_pipe_recv(parent, text, sizeof text, &size, KIN_FOREVER) == KIN_OK) { ... }
 *
 * A message arrives whole or not at all, in order, whatever its length and bytes. One of up to 64 KiB (less a head)
 * costs one system call on each side when it need not wait, one more if something is attached; a longer one flows in
 * pieces, while the other side receives.
 *
 * A kin_pipe is this process's own object for one end, no shared memory; it belongs to no family. An end is for one
 * process at a time; all its threads may use it at once: messages are not mixed, sends are served one after the
 * other, so are receives, and a send does not wait for a receive. Only kin_pipe_close must be the last of all. After
 * a fork of the program's own, each end is to be closed in one of the two processes. A child forked by
 * kin_process_start has only the ends that are its arguments: the others are closed in it (using them is
 * KIN_E_HANDLE, kin_pipe_close forgets them).
 *
 * Death: when the last process that has an end ends, however it ends, the pipe is closed on that side. What it had
 * sent whole can still be received, then comes KIN_E_CLOSED; a message that it was in the middle of is dropped. To
 * send to a closed side is KIN_E_CLOSED and never a signal. Ends that are on their way to a process which dies before
 * it takes them are closed.
 *
 * All: KIN_E_ARGUMENT (null where nothing else is said, a negative timeout), KIN_E_UNSUPPORTED (an end of a one-way
 * pipe, used in the wrong direction), KIN_E_HANDLE (an end that this forked child was not given), KIN_E_NO_MEMORY,
 * KIN_E_OS. The timeout covers all of a call; KIN_NOW still does what can be done at once.
 */
#ifndef KIN_PIPE_H
#define KIN_PIPE_H

#include "process.h"

KIN_BEGIN

typedef struct kin_pipe kin_pipe;

#define KIN_PIPE_ONE_WAY 1u /* ends[0] only sends, ends[1] only receives */

/* Makes a pipe; both ends are the caller's; kin_pipe_close. flags: KIN_PIPE_ONE_WAY, or 0: each end sends and receives.
 * Errors: KIN_E_ARGUMENT (flags), KIN_E_LIMIT (descriptors). */
KIN_API kin_status kin_pipe_create(kin_pipe *ends[2], uint32_t flags);

/* Closes this process's end; what it has not received yet is lost, unless another process has the end, too. NULL:
 * nothing. */
KIN_API void kin_pipe_close(kin_pipe *pipe);

/* ---- messages ---- */

/* Sends size bytes (data NULL: only with size 0) as one message. What fits into the system's buffer, some hundred
 * KiB, does not wait for the receiver. KIN_OK: sent, not: received. KIN_E_TIMED_OUT: nothing of the message will be
 * delivered, and the pipe can go on being used. (Of a long one, or one with attachments, part may be on its way, also
 * after another error: the receiver drops that when the next message comes, or the end of the pipe.) Errors:
 * KIN_E_TIMED_OUT, KIN_E_CLOSED. */
KIN_API kin_status kin_pipe_send(kin_pipe *pipe, const void *data, size_t size, int64_t timeout);

/* Waits for the next message and copies it into buffer, its length into *size (size may be NULL; buffer too if
 * capacity is 0). KIN_E_BUFFER: buffer is short; *size is the message's length, and it is kept for the next call.
 * KIN_E_TIMED_OUT: what has come of a message is kept; the next call goes on with it. After either, part of a message
 * lies in this process: until it is received, kin_pipe_handle need not show it and the end cannot be given away.
 * KIN_E_BUFFER also if something is attached to the message, with *size its length: see kin_pipe_recv_with.
 * KIN_E_CLOSED: the other side is closed or dead, and all it sent has been received. KIN_E_DAMAGED: it sent what is
 * no message; that is dropped, and the next call goes on after it. KIN_E_NO_MEMORY: a message to be kept could not
 * be; it is lost. */
KIN_API kin_status kin_pipe_recv(kin_pipe *pipe, void *buffer, size_t capacity, size_t *size, int64_t timeout);

/* Waits until a message has come, with what is attached, or a long one has begun to; *size, if not null, is its
 * length. What a receive then waits for is the rest of a long one. Of one with attachments part lies in this process
 * then. Errors: KIN_E_TIMED_OUT, KIN_E_CLOSED, KIN_E_DAMAGED, KIN_E_NO_MEMORY, all as kin_pipe_recv. */
KIN_API kin_status kin_pipe_poll(kin_pipe *pipe, size_t *size, int64_t timeout);

/* ---- attachments ---- */

typedef struct kin_attachment {
    kin_pipe *pipe;       /* an end; or NULL, and then */
    kin_handle handle;    /* a handle: file, socket, system pipe, section, ... */
    kin_handle_kind kind; /* received: what it is. Sending: not looked at */
} kin_attachment;

#define KIN_ATTACHMENTS_MAX 16u

/* The same with attachments: the receiver gets duplicates. They are borrowed for the call; the sender's own stay the
 * sender's, which it closes when it likes (an end: at once, if its closing is to mean something). In between they are
 * the system's: should nobody receive them, they are closed. Windows: they are put into the process that holds the
 * other end; one with less rights may refuse (KIN_E_PERMISSION). Errors: those of kin_pipe_send; KIN_E_ARGUMENT (more
 * than KIN_ATTACHMENTS_MAX), KIN_E_HANDLE (one is not open), KIN_E_BUSY (an end in the middle of a message, or in use
 * by a thread), KIN_E_LIMIT (POSIX: too many descriptors on their way). */
KIN_API kin_status kin_pipe_send_with(kin_pipe *pipe, const void *data, size_t size, const kin_attachment *attachments,
                                      size_t count, int64_t timeout);

/* The same, and what is attached; it is the caller's. *count: in, room for attachments; out, how many there are.
 * KIN_E_BUFFER: buffer or room is short; *size and *count are what is needed, and the message is kept. KIN_E_HANDLE:
 * what was attached could not be taken (no descriptor free; Windows: the process for which it was meant has died);
 * the message is lost. */
KIN_API kin_status kin_pipe_recv_with(kin_pipe *pipe, void *buffer, size_t capacity, size_t *size,
                                      kin_attachment *attachments, size_t *count, int64_t timeout);

/* ---- into a child ---- */

/* A child's end. It is borrowed until the last start that uses args; the child gets a duplicate, and the caller's
 * stays the caller's: close it after the start, so that the child's end, and death, is seen. Takes one of the 62
 * handles (Windows: two). kin_process_start says KIN_E_BUSY if the end is in the middle of a message, or in use.
 * Errors: those of kin_args_add_handle. */
KIN_API kin_status kin_args_add_pipe(kin_args *args, const char *name, kin_pipe *pipe);
/* In the child: its own, to keep or to close. The same each time. Errors: those of kin_args_get_handle. */
KIN_API kin_status kin_args_get_pipe(kin_pipe **out, const kin_args *args, const char *name);

/* ---- waiting for it with something else ---- */

/* What the system can wait for: it becomes ready when kin_pipe_poll would not wait any more. POSIX: a descriptor, to
 * poll for reading, the same each time. Windows: an event; ask before each wait, and look with kin_pipe_poll
 * afterwards, for it may be ready for something that is gone by then. Before waiting make sure that nothing is kept
 * in this process (kin_pipe_recv): kin_pipe_poll with KIN_NOW tells. It stays the pipe's; to read from it is to break
 * the pipe. */
KIN_API kin_status kin_pipe_handle(kin_handle *out, kin_pipe *pipe);

KIN_END

#endif
