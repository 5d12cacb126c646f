/* job.c: operations on jobs that a pool's maker and its workers both need. Protocol: shared.h. */
#include "pool/job.h"

#include "family/input.h"
#include "park/park.h"
#include "pool/shared.h"

/* Whether the numbers belong together, so that no offset computed from them leads further than the last task. */
static bool sound(const kin__plan *plan)
{
    return plan->count > 0 && plan->chunk > 0 && plan->batch > 0 && plan->limit >= 0 &&
           plan->tasks == (plan->count - 1) / plan->chunk + 1 && plan->batches == (plan->tasks - 1) / plan->batch + 1;
}

kin_status kin__plan_read(kin__plan *out, kin_family *family, kin__job *job)
{
    uint64_t at = kin__offset(family, job), in = kin__read_u64(&job->in), put = kin__read_u64(&job->out);
    *out = (kin__plan){.job = job,
                       .number = kin__read_u64(&job->number),
                       .count = kin__read_u64(&job->count),
                       .chunk = kin__read_u64(&job->chunk),
                       .tasks = kin__read_u64(&job->tasks),
                       .batch = kin__read_u64(&job->batch),
                       .batches = kin__read_u64(&job->batches),
                       .in_size = kin__read_u64(&job->in_size),
                       .out_size = kin__read_u64(&job->out_size),
                       .limit = (int64_t)kin__read_u64((const uint64_t *)&job->limit),
                       .alone = kin__read_u32(&job->alone) != 0};
    if (!sound(out)) {
        return KIN_E_DAMAGED;
    }
    out->in = in ? kin__array_at(family, in, out->count, out->in_size, 1) : NULL;
    out->out = put ? kin__array_at(family, put, out->count, out->out_size, 1) : NULL;
    uint64_t inputs = kin__read_u64(&job->inputs_at);
    out->inputs = inputs ? kin__array_at(family, at + inputs, out->count, sizeof(kin__input), 8) : NULL;
    out->states = kin__array_at(family, at + kin__read_u64(&job->states_at), out->tasks, 1, 1);
    out->owners =
        kin__array_at(family, at + kin__read_u64(&job->batches_at), out->batches, sizeof(uint32_t), sizeof(uint32_t));
    return out->states && out->owners && (out->in || !in) && (out->out || !put) && (out->inputs || !inputs)
               ? KIN_OK
               : KIN_E_DAMAGED;
}

kin__job *kin__job_at(kin_family *family, const kin__pool *pool, uint64_t number)
{
    uint64_t offset = atomic_load((_Atomic uint64_t *)(uintptr_t)&pool->jobs[number % KIN__JOBS]);
    kin__job *job = offset != 0 ? kin__at(family, offset, sizeof *job, _Alignof(kin__job)) : NULL;
    return job && kin__read_u64(&job->number) == number ? job : NULL;
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
