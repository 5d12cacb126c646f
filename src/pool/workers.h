/* workers.h: the maker's operations on a pool's workers. Under the pool's lock. */
#ifndef KIN_WORKERS_H
#define KIN_WORKERS_H

#include "pool/maker.h"

/* Whether the family has room for as many workers as there should be. KIN_E_LIMIT. */
kin_status kin__workers_room(const kin_pool *pool, uint32_t size);
/* Starts workers until there are as many as there should be. Returns the error of the last start that failed. */
kin_status kin__workers_fill(kin_pool *pool);
/* Removes workers that have ended, settles the tasks that they were running, starts others. O(workers). */
void kin__workers_tend(kin_pool *pool);
/* Whether a worker has left by itself since the workers were last looked after. Not under the pool's lock. */
bool kin__workers_left(const kin_pool *pool);
/* Both release the pool's lock while they wait. The first waits for the end of each worker that is about to end, for a
 * limited time; true: there was one. The second waits until end for the end of any worker (of some of them if there are
 * many); false: there is no worker. */
bool kin__workers_await_leaving(kin_pool *pool);
bool kin__workers_await_any(kin_pool *pool, int64_t end);
/* Kills the workers that are in a turn of the job with that number, which is cancelled. */
void kin__workers_end(kin_pool *pool, uint64_t number);
/* Kills and removes all workers, and cancels all work. */
void kin__workers_kill(kin_pool *pool);

#endif
