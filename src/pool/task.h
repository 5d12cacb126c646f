/* task.h: what a task that runs finds through kin_task's `internal`. */
#ifndef KIN_TASK_H
#define KIN_TASK_H

#include "pool/job.h"

typedef struct kin__running { /* on the stack of the worker that runs it */
    kin_family *family;
    const kin__plan *plan;
    uint64_t number;
    bool has_output;
} kin__running;

/* An input of that number in the job, whose inputs differ in size. KIN_E_DAMAGED. */
kin_status kin__input_read(const void **data, size_t *size, kin_family *family, const kin__plan *plan, uint64_t item);

#endif
