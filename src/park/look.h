/* look.h: what each kind of object tells a thread that waits for several of them (kin/wait.h).
 *
 * A look function returns which of interest the object is ready for now. Arming comes before looking, both sequentially
 * consistent.
 */
#ifndef KIN_LOOK_H
#define KIN_LOOK_H

#include "family/thread_slot.h"
#include "kin/wait.h"

typedef struct kin__look {
    kin__seat *seat;
    bool arm;         /* set the flag that makes its releasers unpark: a thread is about to sleep */
    bool ask;         /* whether owners live */
    bool prepare;     /* to arm, too, what takes a lock: before the wait slot begins, and armed looks follow */
    bool owned;       /* written: it has an owner, which might die */
    bool due;         /* written: there is something to be done before this thread may sleep */
    uint64_t buckets; /* written: those of the words that are unparked when it becomes ready (park.h) */
} kin__look;

#endif
