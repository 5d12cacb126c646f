/* program.c: see program.h. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>

const char *tool_path;
void (*tool_before_failing)(void);

kin_status tool_check(kin_status status, const char *what)
{
    if (status < 0) {
        if (tool_before_failing) {
            tool_before_failing();
        }
        fprintf(stderr, "%s: %s: %s: %s\n", tool_name, what, kin_status_name(status), kin_last_error());
        exit(EXIT_FAILURE);
    }
    return status;
}

void *tool_resize(void *memory, size_t size, const char *what)
{
    memory = realloc(memory, size);
    tool_check(memory ? KIN_OK : KIN_E_NO_MEMORY, what);
    return memory;
}

void *tool_given(const kin_args *args, const char *name, kin_type type)
{
    void *object = NULL;
    tool_check(kin_args_get_object(&object, args, name, type), name);
    return object;
}

int tool_finish(kin_process *process)
{
    kin_exit result;
    tool_check(kin_process_join(process, KIN_FOREVER, &result), "joining a child");
    kin_process_close(process);
    return result.code != 0 || result.signal != 0;
}
