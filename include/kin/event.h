/* event.h: a flag that processes wait for.
 *
 *     kin_event *ready;
 *     kin_event_create(&ready, NULL);
 *     kin_event_wait(ready, KIN_FOREVER);         // in some processes
 *     kin_event_set(ready);                       // in another
 *
 * It starts cleared. Setting it wakes all that wait; it stays set until it is cleared. A thread that waits when it is
 * set returns, even if it is cleared at once: set and clear let exactly those through that wait at that moment. Setting
 * never waits. 32 bytes, no kernel object; a test or a wait on a set event is one load.
 *
 * It has no owner. A process killed inside kin_event_set has set it or not. If it has, the waiting threads notice
 * within 300 ms although nobody wakes them; within five seconds where those that have waited longest have died as
 * well, or are stopped.
 */
#ifndef KIN_EVENT_H
#define KIN_EVENT_H

#include "family.h"

KIN_BEGIN

typedef struct kin_event {
    kin_word kin_private[4];
} kin_event;

/* Errors: as kin_alloc. */
KIN_API kin_status kin_event_create(kin_event **out, kin_family *family);
/* As kin_lock_destroy. */
KIN_API kin_status kin_event_destroy(kin_event *event);
/* In the caller's shared memory. Errors: KIN_E_ARGUMENT (null, misaligned), KIN_E_NOT_SHARED. */
KIN_API kin_status kin_event_init(kin_event *event);
KIN_API kin_status kin_event_fini(kin_event *event);

/* All of these: KIN_E_ARGUMENT (null), KIN_E_NOT_SHARED, KIN_E_TYPE (not an event of a family this process is in). */

/* Any thread of any member may set and clear. KIN_OK also if it was so already. Also KIN_E_LIMIT (no thread entry). */
KIN_API kin_status kin_event_set(kin_event *event);
KIN_API kin_status kin_event_clear(kin_event *event);
/* *set: 1 or 0, at this moment. */
KIN_API kin_status kin_event_is_set(const kin_event *event, int *set);
/* Until it is set, at most timeout nanoseconds. Also KIN_E_TIMED_OUT, KIN_E_ARGUMENT (negative timeout),
 * KIN_E_LIMIT. */
KIN_API kin_status kin_event_wait(kin_event *event, int64_t timeout);

KIN_END

#endif
