/* outputs.h: outputs of any size, which tasks make themselves. Protocol: outputs.c. */
#ifndef KIN_OUTPUTS_H
#define KIN_OUTPUTS_H

#include "pool/job.h"

/* ---- for the owner of the task's batch ---- */

/* A new output of the task, of size bytes, in place of the one that it has. It is not to be read before
 * kin__output_settle. */
kin_status kin__output_make(void **out, kin_family *family, const kin__plan *plan, uint64_t task, uint64_t size);
/* So many of its bytes are the result. To be called before the task's byte says that it has ended. */
void kin__output_settle(kin_family *family, const kin__plan *plan, uint64_t task, uint64_t size);
/* Frees what an earlier attempt has left. */
void kin__output_forget(kin_family *family, const kin__plan *plan, uint64_t task);

/* ---- for the maker, about a task that is done ---- */

/* Whether a task of the job may have made one. */
static inline bool kin__has_outputs(const kin__plan *plan)
{
    return atomic_load_explicit(&plan->job->has_outputs, memory_order_relaxed) != 0;
}
/* KIN_E_NOT_FOUND: the task has made none. KIN_E_DAMAGED. Both leave *out and *size. */
kin_status kin__output_read(void **out, uint64_t *size, kin_family *family, const kin__plan *plan, uint64_t task);
/* How much of a single-item job's own room is the result. */
static inline uint64_t kin__room_used(const kin__plan *plan)
{
    uint64_t used = atomic_load(&plan->job->out_used);
    return used < plan->out_size ? used : plan->out_size;
}
/* The result of a single-item job: an output that its task has made, else the job's own room. size may be NULL.
 * KIN_E_DAMAGED. */
kin_status kin__output_of_single(const void **result, size_t *size, kin_family *family, const kin__plan *plan);
/* The output that was read is the caller's. */
void kin__output_release(kin_family *family, const kin__plan *plan, uint64_t task);
void kin__outputs_free(kin_family *family, const kin__plan *plan);

#endif
