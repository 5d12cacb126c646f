/* functions.c: the functions that workers may run, registered by name. */
#include "pool/functions.h"

#include "process/entries.h"
#include "process/registry.h"

static const kin_task_entry *functions; /* set at the start of main, read-only afterwards */
static size_t function_count;

const kin_task_entry *kin__function_find(const char *name)
{
    return kin__registry_find(functions, function_count, sizeof *functions, name);
}

kin_status kin_register_tasks(const kin_task_entry *list, size_t count)
{
    for (size_t i = 0; list && i < count; i++) {
        if (!list[i].run) {
            return KIN_E_ARGUMENT;
        }
    }
    if (!list || !kin__registry_sound(list, count, sizeof *list)) {
        return KIN_E_ARGUMENT; /* what was registered stays */
    }
    if (kin__main_begun()) {
        return KIN_E_TOO_LATE;
    }
    functions = list;
    function_count = count;
    return KIN_OK;
}
