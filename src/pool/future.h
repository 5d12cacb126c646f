/* future.h: waiting for a future. Not under the pool's lock. */
#ifndef KIN_FUTURE_H
#define KIN_FUTURE_H

#include "base/deadline.h"
#include "park/look.h"
#include "pool/maker.h"

/* Until `want` batches are done, at most until end. by: what interrupts it, or NULL. */
void kin__future_sleep(kin_future *future, uint64_t want, kin__interrupt *by, int64_t end);
/* Whether it has ended. Settles it if no thread has. */
bool kin__future_ended(kin_future *future);
/* For a wait for several objects; see look.h. That it has ended otherwise than by a worker's count, by a death or a
 * member's garbage, is found by looking after the pool (pool.h), and so is that its workers are gone. */
uint32_t kin__future_look(kin__look *how, void *future, uint32_t interest);
/* What the first task that failed has told, or NULL. */
const kin__failure *kin__future_failure(const kin_future *future);

/* Does not read the clock if nobody is to wait. */
static inline int64_t kin__future_deadline(int64_t timeout)
{
    return timeout == KIN_NOW ? 0 : kin__deadline(timeout);
}

#endif
