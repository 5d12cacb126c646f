/* kin.h: includes all headers of kin. Each header is its own manual page; start with family.h.
 *
 * Callbacks. A function of yours that kin calls (a condition's predicate, a barrier's action, a dict's change, a
 * pool's task) runs in the thread that called kin. It may use kin, in any family, except where its header says
 * otherwise. It has to return. An exception or a longjmp that leaves it skips what kin does after the callback, and the
 * locks that kin holds around the callback stay locked until the thread ends.
 *
 * Signal handlers (POSIX) may call, in families that their thread has used before:
 *   - kin_lock_release, kin_sem_release, kin_event_set, kin_event_clear, kin_cond_notify, kin_counter functions;
 *   - kin_lock_acquire and kin_sem_acquire with KIN_NOW;
 *   - kin_thread_interrupt, for any thread that has a name.
 * The handler may interrupt its thread anywhere in kin. Blocking calls continue after a handler, unless it ends them
 * with kin_thread_interrupt (thread.h).
 *
 * Cancellation (POSIX). A thread is not cancelled in functions of memory, families, dicts and lists, nor in functions
 * of locks, semaphores, events, conditions, barriers and queues, whether they wait or not. To end a wait in one
 * of them, interrupt the thread (thread.h), or let it wait for an event as well (wait.h). Functions that wait for
 * descriptors, processes, programs or pipes are cancellation points. If a thread that holds locks is cancelled, its
 * locks are treated as those of a killed process: the next owner gets KIN_OWNER_DIED.
 *
 * The end of a thread (POSIX). Destructors of pthread keys may use kin. What they acquire in the last of the
 * PTHREAD_DESTRUCTOR_ITERATIONS rounds and do not release belongs to the thread until its process ends.
 */
#ifndef KIN_KIN_H
#define KIN_KIN_H

#include "barrier.h"
#include "blob.h"
#include "cond.h"
#include "counter.h"
#include "dict.h"
#include "event.h"
#include "family.h"
#include "inspect.h"
#include "snapshot.h"
#include "list.h"
#include "lock.h"
#include "manager.h"
#include "memory.h"
#include "named.h"
#include "pipe.h"
#include "pool.h"
#include "process.h"
#include "queue.h"
#include "ref.h"
#include "run.h"
#include "rwlock.h"
#include "sem.h"
#include "status.h"
#include "thread.h"
#include "typed.h"
#include "value.h"
#include "version.h"
#include "wait.h"
#include "watch.h"

#endif
