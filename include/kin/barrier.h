/* barrier.h: blocks N participants until all of them have arrived, round after round.
 *
 *     kin_barrier_create(&barrier, NULL, 4);
 *     kin_barrier_wait(barrier, NULL, KIN_FOREVER);    // in each of four processes
 *
 * A barrier breaks when a waiter times out, when a waiter dies, or when kin_barrier_abort is called. From then on all
 * waiters and all later arrivals get KIN_E_BROKEN, until kin_barrier_reset. The other waiters notice a death within
 * 300 ms. This takes up to five seconds where more than 64 threads wait, or where the longest waiters have died too or
 * are stopped. A thread that has been let through no longer counts: its death breaks nothing.
 *
 * Cost: a round takes O(parties) time. A barrier takes 32 bytes and no kernel object.
 */
#ifndef KIN_BARRIER_H
#define KIN_BARRIER_H

#include "family.h"

KIN_BEGIN

typedef struct kin_barrier {
    kin_word kin_private[4];
} kin_barrier;

#define KIN_BARRIER_MAX 32768u /* parties */

/* Allocates a barrier in the family's arena (family NULL: this process's own family). parties: the number of
 * participants of a round, each of them a thread. Free the barrier with kin_barrier_destroy. Errors: KIN_E_ARGUMENT
 * (out null, parties 0 or above KIN_BARRIER_MAX), and those of kin_alloc. */
KIN_API kin_status kin_barrier_create(kin_barrier **out, kin_family *family, uint32_t parties);
/* Destroys a barrier from kin_barrier_create and frees its memory, as kin_lock_destroy does. */
KIN_API kin_status kin_barrier_destroy(kin_barrier *barrier);
/* Initialises a barrier in shared memory that the caller owns, as kin_lock_init does. Errors: KIN_E_ARGUMENT (null, not
 * aligned to 8 bytes, parties out of range), KIN_E_NOT_SHARED (not in an arena). */
KIN_API kin_status kin_barrier_init(kin_barrier *barrier, uint32_t parties);
/* Ends the use of a barrier from kin_barrier_init, as kin_lock_fini does. */
KIN_API kin_status kin_barrier_fini(kin_barrier *barrier);

/* All functions below also return KIN_E_ARGUMENT (null), KIN_E_NOT_SHARED (the barrier lies in no family of this
 * process), KIN_E_TYPE (not a barrier, or destroyed) and, except kin_barrier_inspect, KIN_E_LIMIT (the caller has no
 * thread slot, and none is free). Any thread of any member may call them. */

/* Blocks until all parties have arrived, at most timeout nanoseconds. *index, if index is not null: 0 for the thread
 * that arrived first, 1 for the second, and so on. KIN_OK: this round is complete, even if the barrier broke later.
 * Errors:
 *   KIN_E_BROKEN     this round broke or was reset, or the barrier was broken before
 *   KIN_E_TIMED_OUT  the barrier is broken now. So KIN_NOW breaks it, unless the caller arrives last. Exception: if the
 *                    action of the previous round still ran, the barrier is not broken
 *   KIN_E_INTERRUPTED  kin_thread_interrupt ended the wait (thread.h). The barrier is broken, as after KIN_E_TIMED_OUT
 *   KIN_E_STALE      the other members took this process for dead
 *   KIN_E_ARGUMENT   timeout is negative */
KIN_API kin_status kin_barrier_wait(kin_barrier *barrier, uint32_t *index, int64_t timeout);
/* As kin_barrier_wait. The thread that arrives last calls its own action(context), if action is not null, before any
 * thread is let through. A thread that arrives while the action runs waits until it has ended and takes part in the
 * next round. */
KIN_API kin_status kin_barrier_wait_with(kin_barrier *barrier, uint32_t *index, void (*action)(void *context),
                                         void *context, int64_t timeout);
/* Breaks the barrier: all waiters and all later arrivals get KIN_E_BROKEN. */
KIN_API kin_status kin_barrier_abort(kin_barrier *barrier);
/* Resets the barrier to unbroken and empty. Present waiters get KIN_E_BROKEN, and so does a last thread that is in its
 * action. A process that is killed inside this function leaves the barrier broken; call it again. */
KIN_API kin_status kin_barrier_reset(kin_barrier *barrier);

typedef struct kin_barrier_info {
    size_t size;      /* of this struct, in bytes; its _INIT macro sets it */
    uint32_t parties; /* participants of a round */
    uint32_t waiting; /* participants that have arrived in this round */
    int broken;       /* 1: broken */
} kin_barrier_info;

#define KIN_BARRIER_INFO_INIT                                                                                          \
    {                                                                                                                  \
        sizeof(kin_barrier_info), 0, 0, 0                                                                              \
    }

/* Writes the state of the barrier at this moment to *info. Errors: KIN_E_ARGUMENT (also info->size unknown). */
KIN_API kin_status kin_barrier_inspect(const kin_barrier *barrier, kin_barrier_info *info);

KIN_END

#endif
