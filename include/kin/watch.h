/* watch.h: a descriptor (Windows: a HANDLE) that becomes ready when an object does, for a program that waits in an
 * event loop of its own: epoll, poll, libuv, GLib, WaitForMultipleObjects.
 *
 *     kin_wait_item items[] = {
 *         {KIN_TYPE_QUEUE, KIN_WAIT_READABLE, jobs, 0, 0},
 *         {KIN_TYPE_EVENT, KIN_WAIT_READABLE, stop, 0, 0},
 *     };
 *     kin_watch_create(&watch, items, 2);
 *     ... kin_watch_handle(watch) is given to the loop, to be watched for reading ...
 *
 *     void on_ready(void)                            // called by the loop, while the handle is ready
 *     {
 *         if (kin_watch_check(watch, NULL) == KIN_OK && items[0].ready) {
 *             kin_queue_get(jobs, &job, sizeof job, &size, KIN_NOW);   // KIN_E_TIMED_OUT: another consumer was faster
 *         }
 *     }
 *
 * The handle is ready as long as the last kin_watch_check has found something ready. After one that has found nothing,
 * it becomes ready when one of the objects does; at times for nothing, since others' objects share the means. So call
 * kin_watch_check each time that it is ready. No thread runs for a watch, and no process waits for it.
 *
 * Deaths. What becomes ready by a death (a lock, or a message, whose owner was killed; a future whose worker was
 * killed; a process killed between its change and the wake-up) makes no handle ready. A program in whose family
 * processes may be killed calls kin_watch_check now and then besides, from a timer of its loop, at least every 300 ms
 * say. That also services the pools of the futures, which have time limits enforced and dead workers replaced as often
 * as that.
 *
 * Cost: a watch takes one thread slot of the family and one descriptor (Windows: one handle). A change of an object
 * that is watched costs its maker as much as waking a thread, once after each kin_watch_check.
 */
#ifndef KIN_WATCH_H
#define KIN_WATCH_H

#include "wait.h"

KIN_BEGIN

typedef struct kin_watch kin_watch;

/* Watches count objects: items as for kin_wait, of the types KIN_TYPE_LOCK, KIN_TYPE_SEM, KIN_TYPE_EVENT,
 * KIN_TYPE_QUEUE, KIN_WAIT_FUTURE and KIN_WAIT_CHANGE. The array is borrowed until kin_watch_destroy: kin_watch_check
 * writes `ready` into it. The objects must exist as long. Nothing is acquired, got or reset, as with kin_wait. The
 * watch keeps the family open; free it with kin_watch_destroy. Any thread; a watch is for one thread at a time.
 * Errors: those of kin_wait, without KIN_E_TIMED_OUT, and
 *   KIN_E_UNSUPPORTED  an item is a process, program, pipe or handle: the loop watches these itself. Or this system has
 *                      nothing that other processes could make ready (a build with KIN_POSIX_PLAIN) */
KIN_API kin_status kin_watch_create(kin_watch **out, kin_wait_item *items, size_t count);

/* What the event loop watches, for reading; KIN_NO_HANDLE for NULL. It belongs to the watch: do not close it, read it
 * or write to it. POSIX: a socket, close-on-exec. Windows: a semaphore, from whose count a wait takes one. */
KIN_API kin_handle kin_watch_handle(const kin_watch *watch);

/* Looks at the objects, and prepares the handle to become ready for what becomes ready later. Does not sleep, except
 * for the lock of a dict or list that is watched: 100 ms at most for all of them. KIN_OK: something is ready, and so is
 * the handle; `ready` of each item says for what; *ready (ready may be NULL) is the number of these items.
 * KIN_E_TIMED_OUT: nothing is ready, nor is the handle. Calls `finished` of jobs that have ended (pool.h). Cost:
 * O(count), some system calls.
 * Errors: those of kin_wait;
 *   KIN_E_HANDLE     the program has closed the descriptor
 *   KIN_E_NOT_OWNER  the watch belongs to another process: this is a forked child */
KIN_API kin_status kin_watch_check(kin_watch *watch, size_t *ready);

/* Frees the watch; take its handle out of the event loop first. NULL: does nothing. In a forked child, frees the
 * child's copy and leaves the parent's alone. */
KIN_API void kin_watch_destroy(kin_watch *watch);

KIN_END

#endif
