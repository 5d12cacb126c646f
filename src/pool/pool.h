/* pool.h: looking after a pool. The maker's threads do that while they wait. */
#ifndef KIN_INTERNAL_POOL_H
#define KIN_INTERNAL_POOL_H

#include "pool/maker.h"

#define KIN__POOL_SLICE KIN_MS(20) /* how often waiting threads do it */

/* Looks after workers and futures, if force or if the last time is a slice ago, and makes the calls of work.finished
 * that are due. Not under the pool's lock. */
void kin__pool_tend(kin_pool *pool, bool force);
/* The same, unless another thread has begun to do it since that time, and no worker has left after that. */
void kin__pool_tend_since(kin_pool *pool, int64_t time);
/* Makes only the calls of work.finished that are due. */
void kin__pool_tell(kin_pool *pool);

#endif
