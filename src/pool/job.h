/* job.h: operations on jobs that a pool's maker and its workers both need. Protocol: shared.h. */
#ifndef KIN_JOB_H
#define KIN_JOB_H

#include "family/family.h"
#include "pool/shared.h"

/* A job as this process sees it. Its numbers are copied and checked: any process may overwrite those in the arena. */
typedef struct kin__plan {
    kin__job *job;
    uint64_t number, count, chunk, tasks, batch, batches, in_size, out_size;
    const char *in;
    char *out;
    _Atomic uint8_t *states;
    _Atomic uint32_t *owners;  /* of the batches */
    _Atomic uint64_t *notes;   /* in the maker; of a work of one task: NULL. See statuses.c */
    _Atomic uint64_t *outputs; /* in the maker. See outputs.c */
    const kin__input *inputs;  /* NULL: all have in_size bytes */
    int64_t limit;
    bool alone;
} kin__plan;

/* KIN_E_DAMAGED. */
kin_status kin__plan_read(kin__plan *out, kin_family *family, kin__job *job);
/* The job with that number, or NULL: it has ended. */
kin__job *kin__job_at(kin_family *family, const kin__pool *pool, uint64_t number);
/* All its tasks have ended. For its owner. */
void kin__batch_finish(kin_family *family, const kin__plan *plan, uint64_t batch);
/* Makes it FREE again. For its owner, or the maker if that is dead. */
void kin__batch_reopen(kin_family *family, kin__pool *pool, const kin__plan *plan, uint64_t batch);
/* Lowers the hints so that a batch that seems to be FREE is found. Leaves its word alone: a worker may be taking it. */
void kin__batch_show(kin_family *family, kin__pool *pool, const kin__plan *plan, uint64_t batch);
/* Wakes so many of the workers that sleep for work. */
void kin__pool_wake(kin_family *family, kin__pool *pool, uint32_t workers);

static inline uint64_t kin__batch_end(const kin__plan *plan, uint64_t batch)
{
    uint64_t end = (batch + 1) * plan->batch;
    return end < plan->tasks ? end : plan->tasks;
}

#endif
