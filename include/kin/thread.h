/* thread.h: ending another thread's wait, from a signal handler or from a thread of the same process.
 *
 *     static kin_thread waiting;                    // written before the handler is installed
 *
 *     static void on_interrupt(int signal)
 *     {
 *         (void)signal;
 *         stop = 1;                                 // a volatile sig_atomic_t of the program
 *         kin_thread_interrupt(waiting);
 *     }
 *
 *     kin_thread_current(&waiting);
 *     ...
 *     while ((status = kin_lock_acquire(lock, KIN_FOREVER)) == KIN_E_INTERRUPTED && !stop) {
 *     }
 *
 * A function that waits ends with KIN_E_INTERRUPTED where it would end with KIN_E_TIMED_OUT if its time were over, and
 * leaves everything as after a timeout: what it waited for is not acquired, got or joined, and the call may be
 * repeated.
 *
 * These functions' waits are interruptible: kin_lock_acquire, kin_rwlock_acquire, kin_value_acquire, kin_array_acquire,
 * kin_sem_acquire, kin_event_wait, kin_cond_wait, kin_cond_wait_for, kin_barrier_wait, kin_barrier_wait_with, all
 * functions of queues that have a timeout, kin_dict_wait, kin_list_wait, kin_process_join, kin_process_stop,
 * kin_wait, kin_sleep, kin_future_wait, kin_future_get, kin_future_next, kin_pool_submit, kin_pool_map and
 * kin_pool_join. Waits for pipes and programs (pipe.h, run.h) are not: wait for them with kin_wait, and call their
 * functions with KIN_NOW. Short waits for kin's own locks, as in kin_alloc and in dicts and lists, are not.
 *
 * Only kin_thread_interrupt interrupts: no function returns KIN_E_INTERRUPTED because of a signal alone.
 */
#ifndef KIN_THREAD_H
#define KIN_THREAD_H

#include "status.h"

KIN_BEGIN

/* Names one thread of this process, from kin_thread_current until the thread ends. A plain value, to be copied. Zero:
 * no thread. It means nothing in another process, and in a forked child names no thread. */
typedef struct kin_thread {
    uint64_t number;
} kin_thread;

/* Names the calling thread: *out. From then on it can be interrupted; before, and in a forked child, it cannot. The
 * same thread has the same name each time. Costs two descriptors (Windows: one handle) as long as the thread lives, and
 * nothing in functions that need not wait. Errors: KIN_E_ARGUMENT (out is NULL), KIN_E_LIMIT (more threads than this
 * process can keep records of), KIN_E_NO_MEMORY, KIN_E_OS (no descriptor is left). Any thread. */
KIN_API kin_status kin_thread_current(kin_thread *out);

/* Ends the wait that the thread is in, or if it is in none, the next one in which it would have to sleep. So an
 * interrupt that comes just before the wait is not lost. An interrupt stays pending until a function has returned
 * KIN_E_INTERRUPTED because of it, or until kin_thread_clear_interrupt; several that come before count as one. A
 * function that gets what it wants without sleeping, or at the same moment, returns KIN_OK. A function that would have
 * to wait, but is called with KIN_NOW, returns KIN_E_TIMED_OUT. In both cases the interrupt stays pending. Does not
 * wait, and does not change kin_last_error. Any thread, also the same one; signal handlers; a console control handler
 * on Windows. Errors: KIN_E_NOT_FOUND (the thread has ended, or belongs to another process). */
KIN_API kin_status kin_thread_interrupt(kin_thread thread);

/* Withdraws an interrupt that is pending for the calling thread. Returns 1 if there was one, else 0. */
KIN_API int kin_thread_clear_interrupt(void);

KIN_END

#endif
