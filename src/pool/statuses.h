/* statuses.h: what tasks returned that failed. */
#ifndef KIN_STATUSES_H
#define KIN_STATUSES_H

#include "pool/job.h"

/* In the worker that runs it: task has failed with status, and is about to be FAILED. */
void kin__status_write(kin_family *family, const kin__plan *plan, uint64_t task, int status);
/* In the maker, of a FAILED task: KIN_E_TASK if it is not known. */
int kin__status_read(kin_family *family, const kin__plan *plan, uint64_t task);
/* In the maker: frees what workers have allocated; none looks at the job any more. */
void kin__statuses_free(kin_family *family, const kin__plan *plan);

#endif
