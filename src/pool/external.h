/* external.h: the maker's operations on workers that the program starts itself. Protocol: external.c. Those of other
 * pools: they do nothing. */
#ifndef KIN_EXTERNAL_H
#define KIN_EXTERNAL_H

#include "pool/maker.h"

/* ---- under the pool's lock ---- */

/* Frees the slots of workers that have died, and settles the tasks that they were running. O(slots ever taken). */
void kin__external_tend(kin_pool *pool);
/* How many workers there are; their pids. */
uint32_t kin__external_pids(const kin_pool *pool, uint32_t pids[KIN_POOL_WORKERS_MAX]);
/* Whether there is a worker. */
bool kin__external_any(const kin_pool *pool);

/* ---- not under the lock ---- */

/* Waits until no worker is in the pool any more, and none can come. The pool has ended. */
void kin__external_end(kin_pool *pool);
/* The status of a wait that is over. If it has timed out and the pool has no worker, kin_last_error says so. */
kin_status kin__external_explain(const kin_pool *pool, kin_status status);

#endif
