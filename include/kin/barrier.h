/* barrier.h: so many threads wait for each other, and go on together; again and again.
 *
 *     kin_barrier_create(&barrier, NULL, 4);
 *     kin_barrier_wait(barrier, NULL, KIN_FOREVER);    // in each of four processes
 *
 * A barrier breaks when one that waits runs out of time or dies, or by kin_barrier_abort: everybody who waits, and
 * who comes later, gets KIN_E_BROKEN, until kin_barrier_reset. The others notice a death within 300 ms; within five
 * seconds where more than 64 wait, or those that have waited longest have died as well, or are stopped. A thread
 * that has been let through is not waited for. A round costs time in proportion to the parties. 32 bytes, no kernel
 * object.
 */
#ifndef KIN_BARRIER_H
#define KIN_BARRIER_H

#include "family.h"

KIN_BEGIN

typedef struct kin_barrier {
    kin_word kin_private[4];
} kin_barrier;

#define KIN_BARRIER_MAX 32768u /* parties */

/* Errors: KIN_E_ARGUMENT (parties 0 or above KIN_BARRIER_MAX), and those of kin_alloc. */
KIN_API kin_status kin_barrier_create(kin_barrier **out, kin_family *family, uint32_t parties);
/* As kin_lock_destroy. */
KIN_API kin_status kin_barrier_destroy(kin_barrier *barrier);
/* In the caller's shared memory. Errors: KIN_E_ARGUMENT (also null, misaligned), KIN_E_NOT_SHARED. */
KIN_API kin_status kin_barrier_init(kin_barrier *barrier, uint32_t parties);
KIN_API kin_status kin_barrier_fini(kin_barrier *barrier);

/* All of these: KIN_E_ARGUMENT (null), KIN_E_NOT_SHARED, KIN_E_TYPE (not a barrier of a family this process is in). */

/* Blocks until all parties have arrived, at most timeout nanoseconds. *index, if not null: 0 for the thread that
 * arrived first, and so on. KIN_OK: this round was complete, whatever has become of
 * the barrier since. Errors: KIN_E_BROKEN (this round broke, or was reset), KIN_E_TIMED_OUT (and the barrier is
 * broken; so a timeout of KIN_NOW breaks it unless the caller is the last. It is not if the round before was still
 * in its action), KIN_E_STALE (this process was taken for dead), KIN_E_ARGUMENT (negative), KIN_E_LIMIT (no thread
 * entry). */
KIN_API kin_status kin_barrier_wait(kin_barrier *barrier, uint32_t *index, int64_t timeout);
/* The same. The thread that arrives last calls action(context), if its own action is not null, before any thread is let
 * through. A thread that arrives meanwhile waits for that first, and belongs to the next round. */
KIN_API kin_status kin_barrier_wait_with(kin_barrier *barrier, uint32_t *index, void (*action)(void *context),
                                         void *context, int64_t timeout);
/* Breaks it. */
KIN_API kin_status kin_barrier_abort(kin_barrier *barrier);
/* Makes it whole and empty; those that wait now get KIN_E_BROKEN, and so does a last one in its action. A process
 * killed in here leaves the barrier broken; reset it again. */
KIN_API kin_status kin_barrier_reset(kin_barrier *barrier);

typedef struct kin_barrier_info {
    size_t size; /* of this struct, in bytes; its _INIT macro sets it */
    uint32_t parties;
    uint32_t waiting;
    int broken;
} kin_barrier_info;

#define KIN_BARRIER_INFO_INIT                                                                                          \
    {                                                                                                                  \
        sizeof(kin_barrier_info), 0, 0, 0                                                                              \
    }

/* How it stands at this moment. */
KIN_API kin_status kin_barrier_inspect(const kin_barrier *barrier, kin_barrier_info *info);

KIN_END

#endif
