/* deadlock.h: waits that could never end. */
#ifndef KIN_DEADLOCK_H
#define KIN_DEADLOCK_H

#include "family/thread_slot.h"

/* Whether the calling thread, whose wait slot has begun (park.h), waits for `owner` in a cycle of owners that all
 * wait for locks, and came to it last. */
bool kin__deadlocked(kin__seat *seat, uint64_t owner);
/* Whether the thread of that token waits in such a cycle. For an observer. */
bool kin__waits_in_cycle(kin_family *family, uint64_t token);

#endif
