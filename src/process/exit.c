#include "process/exit.h"

#include <stdio.h>

#define NO_EXIT                                                                                                        \
    {                                                                                                                  \
        .code = -1, .how = KIN_END_UNKNOWN                                                                             \
    }

kin_exit kin__exit_of(const kin_os_exit *how, bool entry)
{
    kin_exit out = NO_EXIT;
    if (how->killed && how->signal != 0) {
        out.how = KIN_END_KILLED;
    } else if (how->signal != 0 || how->exception != 0) {
        out.how = KIN_END_SIGNAL;
    } else if (how->returned) {
        out.how = KIN_END_RETURNED;
    } else if (!(entry && how->doubtful && how->code == 0)) {
        out.how = KIN_END_EXITED;
    }
    if (out.how == KIN_END_RETURNED || out.how == KIN_END_EXITED) {
        out.code = how->code;
    }
    out.signal = how->signal;
    out.exception = how->exception;
    return out;
}

static void write_text(char *out, size_t size, const kin_exit *how)
{
    const kin_os_exit native = {.signal = how->signal, .exception = how->exception};
    const char *name = kin_os_exit_name(&native), *after = how->timed_out ? ", after its time limit" : "";
    name = name ? name : "?";
    switch (how->how) {
    case KIN_END_RETURNED:
        snprintf(out, size, "returned %d%s", how->code, after);
        break;
    case KIN_END_EXITED:
        snprintf(out, size, "exited with code %d%s", how->code, after);
        break;
    case KIN_END_KILLED:
        snprintf(out, size, "killed by its parent%s, by signal %d (%s)", how->timed_out ? " at its time limit" : "",
                 how->signal, name);
        break;
    case KIN_END_SIGNAL:
        if (how->exception != 0) {
            snprintf(out, size, "ended by exception 0x%08X (%s)%s", (unsigned)how->exception, name, after);
        } else {
            snprintf(out, size, "ended by signal %d (%s)%s", how->signal, name, after);
        }
        break;
    default:
        snprintf(out, size, "ended, it is not known how%s", after);
        break;
    }
}

const char *kin_exit_text(const kin_exit *how, char *buffer, size_t size)
{
    if (!buffer || size == 0) {
        return "";
    }
    buffer[0] = '\0';
    if (how) {
        write_text(buffer, size, how);
    }
    return buffer;
}
