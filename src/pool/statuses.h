/* statuses.h: the statuses that failed tasks returned. */
#ifndef KIN_STATUSES_H
#define KIN_STATUSES_H

#include "pool/job.h"

/* Called by the worker that runs the task, which has failed with status. The worker then makes its byte FAILED. */
void kin__status_write(kin_family *family, const kin__plan *plan, uint64_t task, int status);
/* Called by the maker: the status of a FAILED task; KIN_E_TASK if it is not known. */
int kin__status_read(kin_family *family, const kin__plan *plan, uint64_t task);
/* Called by the maker when no worker looks at the job any more: frees the blocks that workers have allocated. */
void kin__statuses_free(kin_family *family, const kin__plan *plan);

#endif
