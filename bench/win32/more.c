/* more.c: Windows has no further peers. See ../peers.h. */
#include "../peers.h"

const peer_rwlock peer_native_rwlock; /* an SRWLOCK is for the threads of one process */
const peer_lock *const peer_more_locks[] = {NULL};
const peer_sems *const peer_more_sems[] = {NULL};
const peer_queue *const peer_more_queues[] = {NULL};
const peer_table *const peer_tables[] = {NULL};
const char *const peer_missing = "";
