/* tracking.h: the progress of a pool's work. Under the pool's lock, except kin__future_counted_done. */
#ifndef KIN_TRACKING_H
#define KIN_TRACKING_H

#include "pool/maker.h"

void kin__future_list_add(kin__future_list *list, kin_future *future);

/* The active future whose job has that number, or NULL. */
kin_future *kin__future_of(kin_pool *pool, uint64_t number);
/* Whether a batch of the future waits for a worker. */
bool kin__future_waits(const kin_future *future);
/* Whether `finished` says that all batches are done. If a worker was killed, it may be too low. Then kin__futures_tend
 * finds that. */
bool kin__future_counted_done(const kin_future *future);

/* How far workers have got in taking the future's batches. Also to be called before the hint `next` is lowered. */
uint64_t kin__future_reach(kin_future *future);

/* Settles the futures that have ended. Lowers the hints for batches that no worker would find. Frees closed futures.
 * O(futures that have not ended, their batches, workers). */
void kin__futures_tend(kin_pool *pool);
/* Ends a future: its place among the jobs is free for another. */
void kin__future_settle(kin_future *future);
/* Makes the batches of a dead worker FREE again, or DONE if all their tasks have ended. task: the task that it was
 * running, or a number of no task. why: how that task has ended if it is not tried again: DIED, LATE or CANCELLED. */
void kin__future_lost(kin_future *future, uint32_t id, uint64_t task, kin_exit how, kin__task_state why);
void kin__future_cancel(kin_future *future);
/* Frees a closed future, at once or when no worker looks at its job any more. */
void kin__future_release(kin_future *future);
/* Frees closed futures whose jobs no worker looks at any more. Checks `most` of them. A call that adds one future, or
 * takes memory for one, checks two. So there are never many more than twice as many as there are workers. */
void kin__futures_free(kin_pool *pool, uint32_t most);
#define KIN__FREE_FEW 2u
#define KIN__FREE_ALL UINT32_MAX

/* Takes a future whose work.finished is to be called, or NULL; kin__future_told: it has been called. */
kin_future *kin__future_to_tell(kin_pool *pool);
void kin__future_told(kin_future *future);

#endif
