/* endpoint.c: one end of a pipe. See endpoint.h. */
#include "pipe/endpoint.h"

#include "base/last_error.h"
#include "pipe/endpoint_registry.h"
#include "pipe/packet.h"

#include <stdlib.h>

kin_status kin__endpoint_make(kin_pipe **out, kin_os_pipe *os, uint32_t flags)
{
    kin_pipe *pipe = calloc(1, sizeof *pipe);
    if (pipe) {
        pipe->os = *os;
        pipe->flags = flags;
        pipe->place = kin__endpoints_add(pipe);
    }
    if (!pipe || !pipe->place) {
        kin_os_pipe_close(os);
        free(pipe);
        return kin__malloc_failed();
    }
    *out = pipe;
    return KIN_OK;
}

kin_status kin__pipe_adopt(kin_pipe **out, const kin_os_handle *handles, uint32_t flags)
{
    kin_os_pipe os;
    kin_status status = kin_os_pipe_adopt(&os, handles, flags & KIN__END_SECOND ? 1 : 0);
    return status == KIN_OK ? kin__endpoint_make(out, &os, flags) : status;
}

void kin__endpoint_close(kin_pipe *pipe)
{
    kin__endpoints_remove(pipe->place);
    if (!pipe->gone) {
        kin_os_pipe_close(&pipe->os);
    }
    free(pipe);
}

/* ---- in a forked child ---- */

/* Threads of the parent may have been in the middle of anything with it: no lock is waited for, nothing is freed. */
static void abandon(kin_pipe *pipe)
{
    kin__inbox *in = &pipe->inbox;
    pipe->gone = true;
    kin_os_pipe_close(&pipe->os);
    for (uint32_t i = 0; i < in->count; i++) {
        if (!in->items[i].pipe) { /* endpoints are in the register themselves */
            kin_os_handle_close(kin_os_handle_from((uint64_t)in->items[i].handle));
        }
    }
    in->count = 0;
}

typedef struct given {
    bool (*is_given)(const kin_pipe *pipe, const void *context);
    const void *context;
} given;

static void keep_given(kin_pipe *pipe, const void *context)
{
    const given *which = context;
    atomic_store(&pipe->send_mutex, 0);
    atomic_store(&pipe->recv_mutex, 0);
    if (!which->is_given || !which->is_given(pipe, which->context)) {
        abandon(pipe);
    }
}

void kin__endpoints_keep(bool (*is_given)(const kin_pipe *pipe, const void *context), const void *context)
{
    const given which = {is_given, context};
    kin__endpoints_each(keep_given, &which);
}
