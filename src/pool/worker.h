/* worker.h: a pool's worker: the process that runs tasks. */
#ifndef KIN_WORKER_H
#define KIN_WORKER_H

#include "kin/process.h"

/* The entry in which a worker starts, and the arguments that it takes beside those of the pool. */
#define KIN__WORKER_ENTRY "kin.worker"
#define KIN__WORKER_POOL "kin.pool" /* memory: the kin__pool */
#define KIN__WORKER_SLOT "kin.slot" /* bytes: the number of its slot, its id */

extern const kin_child_entry kin__worker_entry;

#endif
