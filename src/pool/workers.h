/* workers.h: a pool's workers, as its maker runs them. Under the pool's lock. */
#ifndef KIN_WORKERS_H
#define KIN_WORKERS_H

#include "pool/maker.h"

/* Starts workers until there are as many as there should be. Returns the error of the last start that failed. */
kin_status kin__workers_fill(kin_pool *pool);
/* Removes workers that have ended, settles the tasks that they were running, starts others. */
void kin__workers_tend(kin_pool *pool);
/* Kills the workers that are in a turn of the job with that number, which is cancelled. */
void kin__workers_end(kin_pool *pool, uint64_t number);
/* Kills and removes all workers, and cancels all work. */
void kin__workers_kill(kin_pool *pool);
/* One worker's process, or NULL. */
kin_process *kin__workers_any(const kin_pool *pool);

#endif
