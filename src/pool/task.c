/* task.c: the public functions for a task that runs. */
#include "pool/task.h"

#include "base/last_error.h"
#include "family/input.h"
#include "pool/outputs.h"

kin_status kin__input_read(const void **data, size_t *size, kin_family *family, const kin__plan *plan, uint64_t item)
{
    kin__input input;
    kin__copy_in(&input, &plan->inputs[item], sizeof input);
    const void *there = kin__at(family, kin__offset(family, plan->job) + input.at, input.size, 1);
    if (!there || input.size > SIZE_MAX) {
        return KIN_E_DAMAGED;
    }
    *data = there;
    *size = (size_t)input.size;
    return KIN_OK;
}

kin_status kin_task_input(const void **data, size_t *size, const kin_task *task, size_t i)
{
    if (!data || !size || !task || i >= task->count) {
        return kin__refuse(KIN_E_ARGUMENT, "data, size or task is NULL, or the task has no such input");
    }
    const kin__running *it = task->internal;
    if (it && it->plan->inputs) {
        return kin__told(kin__input_read(data, size, it->family, it->plan, task->index + i));
    }
    *data = task->in ? (const char *)task->in + i * task->in_size : NULL;
    *size = task->in_size;
    return KIN_OK;
}

kin_status kin_task_output(void **out, kin_task *task, size_t size)
{
    void *made;
    if (!out || !task) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL, or task is NULL");
    }
    kin__running *it = task->internal;
    if (!it) {
        return kin__refuse(KIN_E_UNSUPPORTED, "an initializer has no output");
    }
    kin_status status = kin__output_make(&made, it->family, it->plan, it->number, size);
    if (status == KIN_OK || it->has_output) { /* or the earlier output is freed */
        it->has_output = status == KIN_OK;
        task->out = it->has_output ? made : NULL;
        task->out_size = task->out_used = it->has_output ? size : 0;
    }
    if (status == KIN_OK) {
        *out = made;
    }
    return kin__told(status);
}
