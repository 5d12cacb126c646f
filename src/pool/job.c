/* job.c: what a pool's maker and its workers both do with jobs. Protocol: shared.h. */
#include "pool/job.h"

#include "park/park.h"
#include "pool/shared.h"

static bool lies_in(kin_family *family, uint64_t offset, uint64_t count, uint64_t size)
{
    return size == 0 || (count <= UINT64_MAX / size && kin__family_covers(family, offset, count * size));
}

/* Whether all offsets computed from the plan stay inside the arena. */
static bool sound(kin_family *family, const kin__plan *plan, uint64_t job, uint64_t states, uint64_t owners)
{
    return plan->count > 0 && plan->chunk > 0 && plan->batch > 0 &&
           plan->tasks == (plan->count - 1) / plan->chunk + 1 && plan->batches == (plan->tasks - 1) / plan->batch + 1 &&
           lies_in(family, job + states, plan->tasks, 1) && owners % sizeof(uint32_t) == 0 &&
           lies_in(family, job + owners, plan->batches, sizeof(uint32_t));
}

kin_status kin__plan_read(kin__plan *out, kin_family *family, kin__job *job)
{
    uint64_t at = kin__offset(family, job), in = job->in, put = job->out, states = job->states_at,
             owners = job->batches_at;
    *out = (kin__plan){.job = job,
                       .number = job->number,
                       .count = job->count,
                       .chunk = job->chunk,
                       .tasks = job->tasks,
                       .batch = job->batch,
                       .batches = job->batches,
                       .in_size = job->in_size,
                       .out_size = job->out_size,
                       .limit = job->limit,
                       .alone = job->alone != 0};
    if (!sound(family, out, at, states, owners) || !lies_in(family, in, out->count, out->in_size) ||
        !lies_in(family, put, out->count, out->out_size)) {
        return KIN_E_DAMAGED;
    }
    out->in = in ? kin__pointer(family, in) : NULL;
    out->out = put ? kin__pointer(family, put) : NULL;
    out->states = (_Atomic uint8_t *)((char *)job + states);
    out->owners = (_Atomic uint32_t *)(void *)((char *)job + owners);
    return KIN_OK;
}

kin__job *kin__job_at(kin_family *family, const kin__pool *pool, uint64_t number)
{
    uint64_t offset = atomic_load((_Atomic uint64_t *)(uintptr_t)&pool->jobs[number % KIN__JOBS]);
    if (offset == 0 || offset % 64 != 0 || !kin__family_covers(family, offset, sizeof(kin__job))) {
        return NULL;
    }
    kin__job *job = kin__pointer(family, offset);
    return job->number == number ? job : NULL;
}

static void lower(_Atomic uint64_t *hint, uint64_t to)
{
    uint64_t seen = atomic_load(hint);
    while (seen > to && !atomic_compare_exchange_weak(hint, &seen, to)) {
    }
}

void kin__pool_wake(kin_family *family, kin__pool *pool, uint32_t workers)
{
    if (atomic_load(&pool->posted) & KIN__FLAG) {
        kin__unpark_flagged(family, &pool->posted, KIN__FLAG, workers);
    }
}

void kin__batch_finish(kin_family *family, const kin__plan *plan, uint64_t batch)
{
    kin__job *job = plan->job;
    atomic_store(&plan->owners[batch], KIN__BATCH_DONE);
    uint64_t before = atomic_fetch_add(&job->finished, 2);
    if ((before & KIN__FLAG) && (before >> 1) + 1 >= atomic_load(&job->want)) {
        kin__unpark_flagged(family, &job->finished, KIN__FLAG, KIN__ALL);
    }
}

void kin__batch_reopen(kin_family *family, kin__pool *pool, const kin__plan *plan, uint64_t batch)
{
    atomic_store(&plan->owners[batch], KIN__BATCH_FREE);
    kin__batch_show(family, pool, plan, batch);
}

void kin__batch_show(kin_family *family, kin__pool *pool, const kin__plan *plan, uint64_t batch)
{
    lower(&plan->job->next, batch);
    lower(&pool->first, plan->number);
    kin__pool_wake(family, pool, 1);
}
