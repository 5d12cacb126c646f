/* functions.c: the functions that workers may run, registered by name. */
#include "pool/functions.h"

#include "base/last_error.h"
#include "process/entries.h"
#include "process/registry.h"

static const kin_task_entry *functions; /* set at the start of main, read-only afterwards */
static size_t function_count;

const kin_task_entry *kin__function_find(const char *name)
{
    return kin__registry_find(functions, function_count, sizeof *functions, name);
}

kin_status kin__function_missing(const char *name)
{
    return kin__explain(KIN_E_ENTRY, "no task named \"%.47s\" is registered%s", name,
                        function_count == 0 ? ": kin_register_tasks has not been called" : "");
}

kin_status kin_register_tasks(const kin_task_entry *entries, size_t count)
{
    for (size_t i = 0; entries && i < count; i++) {
        if (!entries[i].run) {
            return kin__refuse(KIN_E_ARGUMENT, "a task has no function (run is NULL)");
        }
    }
    if (!entries || !kin__registry_sound(entries, count, sizeof *entries)) {
        return kin__refuse(KIN_E_ARGUMENT, "a name is missing, twice there or not 1 to 47 bytes long");
    }
    if (kin__main_begun()) {
        return kin__refuse(KIN_E_TOO_LATE, "call it before kin_child_main: spawned workers do not return from that");
    }
    functions = entries;
    function_count = count;
    return KIN_OK;
}
