/* wait.h: wait for any, or all, of many things at once.
 *
 *     kin_wait_item items[] = {
 *         {KIN_TYPE_QUEUE, KIN_WAIT_READABLE, jobs, 0, 0},
 *         {KIN_TYPE_EVENT, KIN_WAIT_READABLE, stop, 0, 0},
 *         {KIN_WAIT_PROCESS, KIN_WAIT_READABLE, child, 0, 0},
 *     };
 *     kin_wait(items, 3, 0, KIN_FOREVER, NULL);
 *     if (items[0].ready) {
 *         kin_queue_get(jobs, &job, sizeof job, &size, KIN_NOW);        // may be KIN_E_TIMED_OUT: somebody was faster
 *     }
 *
 * It only looks: nothing is acquired, got or reset. What is ready may not be so any more when the caller comes to it,
 * so that it tries with KIN_NOW and waits again. It sleeps in one place however many items there are; there is no
 * limit of 64.
 */
#ifndef KIN_WAIT_H
#define KIN_WAIT_H

#include "pipe.h"
#include "process.h"
#include "ref.h"
#include "run.h"

KIN_BEGIN

/* Beside KIN_TYPE_LOCK, KIN_TYPE_SEM, KIN_TYPE_EVENT and KIN_TYPE_QUEUE, which name objects: */
#define KIN_WAIT_PROCESS 256u /* object is a kin_process */
#define KIN_WAIT_HANDLE 257u  /* handle is the system's: a descriptor; a HANDLE that can be waited for */
#define KIN_WAIT_PIPE 258u    /* object is a kin_pipe that receives */
#define KIN_WAIT_PROGRAM 259u /* object is a kin_program (run.h) */
#define KIN_WAIT_OUTPUT 260u  /* the same, whose output is KIN_RUN_PIPE */
#define KIN_WAIT_ERRORS 261u  /* the same, whose errors are */

#define KIN_WAIT_READABLE 1u
#define KIN_WAIT_WRITABLE 2u

typedef struct kin_wait_item {
    uint32_t type;     /* a kin_type, or a KIN_WAIT_ */
    uint32_t interest; /* KIN_WAIT_READABLE, KIN_WAIT_WRITABLE or both; see below */
    void *object;
    kin_handle handle; /* with KIN_WAIT_HANDLE */
    uint32_t ready;    /* written: of interest, what it is ready for; 0: not */
} kin_wait_item;

/* When an item is ready, with READABLE and WRITABLE for KIN_WAIT_READABLE and KIN_WAIT_WRITABLE:
 *
 *     lock       READABLE: an acquire would not wait: it is free, poisoned, the caller's own, or its owner is dead.
 *     semaphore  READABLE: a permit is free.
 *     event      READABLE: it is set.
 *     queue      READABLE: a get would not wait: there is a message, or the queue is closed and empty.
 *                WRITABLE: a put of an empty message would not wait: there is room, or the queue is closed.
 *     process    READABLE: it has ended.
 *     program    READABLE: it has ended.
 *     output     READABLE: a read would not wait: there are bytes, or no more will come. If the last read was
 *                kin_run_read_line: there is a line (or as much as a line may have). Errors likewise. A program with a
 *                time limit, an input of bytes or a collected stream is checked every 10 ms.
 *     pipe       READABLE: kin_pipe_poll would not wait: a message has begun to arrive, the other endpoint is closed,
 *                or this endpoint was damaged.
 *     handle     POSIX: as poll(2) reports it; an end of file or an error counts for each interest. Windows: it is
 *                signalled, whatever the interest. A wait resets an auto-reset event and takes one from a semaphore's
 *                count; then this item is reported (so handles of these kinds do not go with KIN_WAIT_ALL).
 */
#define KIN_WAIT_ALL 1u /* until all are ready at once; otherwise until at least one is */

/* Waits at most timeout. KIN_OK: *ready (may be NULL) items are, as their `ready` says. The items' objects must be of
 * one family. Items belong to the caller; other threads may wait for the same things at the same time. Death of an
 * owner (of a lock; of a message reserved in a queue) is noticed within 50 ms. Errors: KIN_E_TIMED_OUT,
 * KIN_E_ARGUMENT (null, count 0, an unknown type, flag or interest, negative timeout), KIN_E_FAMILY (an object is of
 * no family of this process, or of another than the ones before it), KIN_E_TYPE, KIN_E_HANDLE (not open, or cannot be
 * waited for), KIN_E_UNSUPPORTED (an end that only sends), KIN_E_LIMIT (no thread entry), KIN_E_NO_MEMORY. */
KIN_API kin_status kin_wait(kin_wait_item *items, size_t count, uint32_t flags, int64_t timeout, size_t *ready);

KIN_END

#endif
