/* wait.h: wait for any or for all of several objects at once.
 *
 *     kin_wait_item items[] = {
 *         {KIN_TYPE_QUEUE, KIN_WAIT_READABLE, jobs, 0, 0},
 *         {KIN_TYPE_EVENT, KIN_WAIT_READABLE, stop, 0, 0},
 *         {KIN_WAIT_PROCESS, KIN_WAIT_READABLE, child, 0, 0},
 *     };
 *     kin_wait(items, 3, 0, KIN_FOREVER, NULL);
 *     if (items[0].ready) {
 *         kin_queue_get(jobs, &job, sizeof job, &size, KIN_NOW);   // KIN_E_TIMED_OUT if another consumer was faster
 *     }
 *
 * A wait only looks: it acquires, gets and resets nothing. An object that is ready may not be ready any more when the
 * caller uses it. So use it with KIN_NOW, and wait again if that times out. The thread sleeps in one place, however
 * many items there are. There is no limit of 64 items.
 */
#ifndef KIN_WAIT_H
#define KIN_WAIT_H

#include "dict.h"
#include "list.h"
#include "pipe.h"
#include "pool.h"
#include "process.h"
#include "ref.h"
#include "run.h"

KIN_BEGIN

/* Types of an item, besides KIN_TYPE_LOCK, KIN_TYPE_SEM, KIN_TYPE_EVENT and KIN_TYPE_QUEUE: */
#define KIN_WAIT_PROCESS 256u /* object is a kin_process */
#define KIN_WAIT_HANDLE 257u  /* handle is a descriptor (POSIX), or a HANDLE that can be waited for (Windows) */
#define KIN_WAIT_PIPE 258u    /* object is a kin_pipe that receives */
#define KIN_WAIT_PROGRAM 259u /* object is a kin_program (run.h) */
#define KIN_WAIT_OUTPUT 260u  /* object is a kin_program whose output is KIN_RUN_PIPE */
#define KIN_WAIT_ERRORS 261u  /* object is a kin_program whose errors are KIN_RUN_PIPE */
#define KIN_WAIT_FUTURE 262u  /* object is a kin_future (pool.h) of this process */
#define KIN_WAIT_CHANGE 263u  /* object is a kin_wait_change */

#define KIN_WAIT_READABLE 1u
#define KIN_WAIT_WRITABLE 2u

typedef struct kin_wait_item {
    uint32_t type;     /* one of the KIN_TYPE_ or KIN_WAIT_ types above */
    uint32_t interest; /* KIN_WAIT_READABLE, KIN_WAIT_WRITABLE or both; see below */
    void *object;      /* borrowed; not used with KIN_WAIT_HANDLE */
    kin_handle handle; /* with KIN_WAIT_HANDLE; borrowed */
    uint32_t ready;    /* written by kin_wait: the interests for which the item is ready; 0: not ready */
} kin_wait_item;

/* A change of a dict or a list: one of them, the other NULL, and its generation that the caller knows
 * (kin_dict_generation). */
typedef struct kin_wait_change {
    kin_dict *dict;
    kin_list *list;
    uint64_t generation;
} kin_wait_change;

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
 *                kin_run_read_line: there is a line (or as much as a line may have). The same for errors. A program
 *                with a time limit, an input of bytes or a collected stream is checked every 10 ms.
 *     future     READABLE: kin_future_wait would not wait: all tasks of the job have ended, in whatever way. The
 *                waiting thread services the future's pool, as kin_future_wait does: it replaces dead workers and
 *                enforces time limits within 20 ms, and calls `finished` of jobs that have ended, but no `progress`. No
 *                other thread may use the future meanwhile.
 *     change     READABLE: the generation of the dict or list is another number. It stays ready until the caller writes
 *                the present generation into the kin_wait_change.
 *     pipe       READABLE: kin_pipe_poll would not wait: a message has begun to arrive, the other endpoint is closed,
 *                or this endpoint was damaged.
 *     handle     POSIX: as poll(2) reports it; an end of file or an error counts for each interest. Windows: it is
 *                signalled, whatever the interest. A wait resets an auto-reset event and takes one from a semaphore's
 *                count; then this item is reported (so handles of these kinds do not go with KIN_WAIT_ALL).
 *
 * Conditions and barriers cannot be items. Who waits at a condition or a barrier is counted there: a notify is spent on
 * a waiter, and a round is complete because of it. A wait that only looks is neither, and between two of its looks a
 * notify or a round could come and go without a trace. Use an event that the notifier sets while it holds the lock, or
 * that the action of kin_barrier_wait_with sets.
 */

#define KIN_WAIT_ALL 1u /* waits until all items are ready at the same time; otherwise until at least one is */

/* Waits at most timeout nanoseconds (KIN_NOW: does not wait; KIN_FOREVER: no limit). flags: 0 or KIN_WAIT_ALL. KIN_OK:
 * *ready (ready may be NULL) is the number of items that are ready; `ready` of each item says for what. All KIN_TYPE_
 * objects and the pools of all futures must be of one family. The caller owns the items. Other threads may wait for the
 * same objects at the same time. The death of an owner (of a lock, or of a message reserved in a queue) is noticed
 * within 50 ms.
 * Errors:
 *   KIN_E_TIMED_OUT
 *   KIN_E_INTERRUPTED  kin_thread_interrupt ended the wait (thread.h)
 *   KIN_E_ARGUMENT     null, count 0, timeout negative; an unknown type or flag; an interest that the type does not
 *                      have
 *   KIN_E_NOT_SHARED   an object lies in no family of this process
 *   KIN_E_FAMILY       an object lies in another family than the objects before it
 *   KIN_E_NOT_OWNER    a future belongs to another process
 *   KIN_E_TYPE         an object is not of its item's type, or was destroyed
 *   KIN_E_HANDLE       a handle is not open or cannot be waited for; a pipe is an endpoint that this forked child was
 *                      not given
 *   KIN_E_UNSUPPORTED  a pipe is an endpoint that only sends
 *   KIN_E_LIMIT        the family has no free thread slot
 *   KIN_E_STALE        the other members took this process for dead
 *   KIN_E_NO_MEMORY    no memory of this process is left
 *   KIN_E_OS           the system's wait failed; see kin_last_os_error */
KIN_API kin_status kin_wait(kin_wait_item *items, size_t count, uint32_t flags, int64_t timeout, size_t *ready);

KIN_END

#endif
