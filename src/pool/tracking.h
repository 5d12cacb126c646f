/* tracking.h: how the work given to a pool stands. Under the pool's lock, but for kin__future_counted_done. */
#ifndef KIN_TRACKING_H
#define KIN_TRACKING_H

#include "pool/maker.h"

void kin__future_list_add(kin__future_list *list, kin_future *future);

/* The active future whose job has that number, or NULL. */
kin_future *kin__future_of(kin_pool *pool, uint64_t number);
/* Whether some of it waits for a worker. */
bool kin__future_waits(const kin_future *future);
/* Whether `finished` says that all is done. It may not yet say so where a worker was killed: then kin__futures_tend
 * finds it. */
bool kin__future_counted_done(const kin_future *future);

/* How far workers have got in taking its batches; to be asked before the hint `next` is lowered, too. */
uint64_t kin__future_reach(kin_future *future);

/* Settles the futures that have ended. Shows batches again that no worker would find. Frees closed futures. O(futures
 * that have not ended, their batches, workers). */
void kin__futures_tend(kin_pool *pool);
/* It has ended: its place among the jobs is free for another. */
void kin__future_settle(kin_future *future);
/* Worker id is dead: its batches are FREE again. task: the one that it was running, or any number that is no task's.
 * why: what that task's end is, if it is not tried again: DIED, LATE or CANCELLED. */
void kin__future_lost(kin_future *future, uint32_t id, uint64_t task, kin_exit how, kin__task_state why);
void kin__future_cancel(kin_future *future);
/* It is closed: frees it, at once or when no worker looks at its job any more. */
void kin__future_release(kin_future *future);
/* Frees closed futures at whose jobs no worker looks any more; looks at `most` of them. A call that adds one future, or
 * takes memory for one, looks at two: then there are never many more than twice as many as workers. */
void kin__futures_free(kin_pool *pool, uint32_t most);
#define KIN__FREE_FEW 2u
#define KIN__FREE_ALL UINT32_MAX

/* Takes a future whose work.finished is to be called, or NULL; kin__future_told: it has been called. */
kin_future *kin__future_to_tell(kin_pool *pool);
void kin__future_told(kin_future *future);

#endif
