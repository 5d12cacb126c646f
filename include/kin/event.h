/* event.h: a flag that threads of several processes wait for.
 *
 *     kin_event *ready;
 *     kin_event_create(&ready, NULL);
 *     kin_event_wait(ready, KIN_FOREVER);         // in some processes
 *     kin_event_set(ready);                       // in another
 *
 * A new event is cleared. Setting it wakes all waiters. It stays set until it is cleared. A thread that waits when the
 * event is set returns, even if the event is cleared at once. So set followed by clear lets exactly the threads through
 * that wait at that moment. Setting never blocks.
 *
 * Cost: an event takes 32 bytes and no kernel object. A test, or a wait on a set event, is one load.
 *
 * Death: an event has no owner. A process that is killed inside kin_event_set has either set the event or not. If it
 * has, the waiters notice within 300 ms although the process did not wake them. This takes up to five seconds where the
 * longest waiters have died too or are stopped.
 */
#ifndef KIN_EVENT_H
#define KIN_EVENT_H

#include "family.h"

KIN_BEGIN

typedef struct kin_event {
    kin_word kin_private[4];
} kin_event;

/* Allocates an event in the family's arena (family NULL: this process's own family). Free it with kin_event_destroy.
 * Errors: KIN_E_ARGUMENT (out null), and those of kin_alloc. */
KIN_API kin_status kin_event_create(kin_event **out, kin_family *family);
/* Destroys an event from kin_event_create and frees its memory, as kin_lock_destroy does. */
KIN_API kin_status kin_event_destroy(kin_event *event);
/* Initialises an event in shared memory that the caller owns, as kin_lock_init does. Errors: KIN_E_ARGUMENT (null, not
 * aligned to 8 bytes), KIN_E_NOT_SHARED (not in an arena). */
KIN_API kin_status kin_event_init(kin_event *event);
/* Ends the use of an event from kin_event_init, as kin_lock_fini does. */
KIN_API kin_status kin_event_fini(kin_event *event);

/* All functions below also return KIN_E_ARGUMENT (null), KIN_E_NOT_SHARED (the event lies in no family of this process)
 * and KIN_E_TYPE (not an event, or destroyed). Any thread of any member may call them. */

/* Sets the event and wakes all waiters. KIN_OK also if it was set already. A thread that clears the event and then
 * looks for what the caller wrote before this call either sees it, or finds the event set again. Errors: KIN_E_LIMIT
 * (the caller has no thread slot, and none is free). */
KIN_API kin_status kin_event_set(kin_event *event);
/* Clears the event. KIN_OK also if it was cleared already. */
KIN_API kin_status kin_event_clear(kin_event *event);
/* *set: 1 if the event is set at this moment, else 0. */
KIN_API kin_status kin_event_is_set(const kin_event *event, int *set);
/* Waits until the event is set, at most timeout nanoseconds (KIN_NOW: does not wait; KIN_FOREVER: no limit).
 * Errors: KIN_E_TIMED_OUT, KIN_E_INTERRUPTED (thread.h), KIN_E_ARGUMENT (timeout negative), KIN_E_LIMIT (the family has
 * no free thread slot), KIN_E_STALE (the other members took this process for dead). */
KIN_API kin_status kin_event_wait(kin_event *event, int64_t timeout);

KIN_END

#endif
