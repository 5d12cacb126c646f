/* more.c: the further peers of Windows. See ../peers.h. */
#include "../peers.h"

extern const peer_rwlock peer_srw_rwlock;
extern const peer_sems peer_win32_events;

const peer_rwlock *const peer_rwlocks[] = {&peer_srw_rwlock, NULL};
const peer_lock *const peer_more_locks[] = {NULL};
const peer_sems *const peer_more_sems[] = {NULL};
const peer_sems *const peer_events[] = {&peer_win32_events, NULL};
const peer_sems *const peer_conds[] = {NULL}; /* a CONDITION_VARIABLE is for the threads of one process */
const peer_queue *const peer_more_queues[] = {&peer_pair_queue, NULL};
const peer_table *const peer_tables[] = {NULL};
const char *const peer_missing = "";
