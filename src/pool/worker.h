/* worker.h: a pool's worker: the process that runs tasks. */
#ifndef KIN_WORKER_H
#define KIN_WORKER_H

#include "family/interrupt.h"
#include "pool/shared.h"

/* The entry in which a worker starts, and the arguments that it takes beside those of the pool. */
#define KIN__WORKER_ENTRY "kin.worker"
#define KIN__WORKER_POOL "kin.pool" /* memory: the kin__pool */
#define KIN__WORKER_SLOT "kin.slot" /* bytes: the number of its slot, its id */

/* A worker's place in a pool, and when it ends. */
typedef struct kin__service {
    kin_family *family;
    kin__pool *pool;
    uint32_t slot, id;
    const kin_args *shared; /* the pool's arguments */
    uint64_t max_tasks;     /* 0: no limit */
    int64_t timeout;        /* so long it waits for a task */
    kin__interrupt *by;     /* what ends it between two tasks, or NULL */
} kin__service;

/* Runs the pool's initializer and its tasks. The slot's words are those of a worker that has just begun.
 * KIN_OK: the pool is closed, or max_tasks are run, or the maker has told the worker to leave. KIN_E_CLOSED: the maker
 * is gone. KIN_E_TIMED_OUT, KIN_E_INTERRUPTED. KIN_E_TASK: the initializer has returned *failed; *initial has its
 * message. */
kin_status kin__worker_serve(const kin__service *how, kin_task *initial, int *failed);

/* Copies arguments to private memory. Free them with kin__worker_free_args. */
kin_status kin__worker_read_args(kin_args **out, kin_family *family, uint64_t at, uint64_t size);
void kin__worker_free_args(kin_args *args); /* or NULL */

extern const kin_child_entry kin__worker_entry;

#endif
