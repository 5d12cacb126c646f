/* ends.c: the register of the ends that this process has, and what a fork does to them.
 *
 * A child forked by kin_process_start closes all that it was not given, or its parent's peers would never see an end of file. So
 * a fork must not come between the system's making an end and its being in the register: `gate` counts the threads that are
 * there; FORKING keeps others out, and the fork waits for the count to fall to 0. That is a matter of microseconds, since nobody
 * waits for a message inside. A thread that is not there in a child forked otherwise is not counted: after any fork the gate is
 * open.
 *
 * The register's places are never freed, so it can be walked without a lock.
 */
#include "pipe/pipe.h"

#include "family/family.h"

#include <stdlib.h>

#define PLACES 64u
#define FORKING 0x80000000u
#define GATE_PATIENCE KIN_SECONDS(1) /* after a bare clone the gate may show threads that are not there */

typedef struct chunk {
    kin_pipe *_Atomic places[PLACES];
    struct chunk *_Atomic next;
} chunk;

static chunk first;
static _Atomic uint32_t gate;

/* ---- the gate ---- */

void kin__ends_enter(void)
{
    int64_t patience = 0;
    uint32_t seen = atomic_load(&gate);
    for (;;) {
        if ((seen & FORKING) == 0) {
            if (atomic_compare_exchange_weak(&gate, &seen, seen + 1)) {
                return;
            }
            continue;
        }
        kin_os_yield();
        patience = patience ? patience : kin_os_now() + GATE_PATIENCE;
        if (kin_os_now() > patience) {
            atomic_compare_exchange_strong(&gate, &seen, 0);
        }
        seen = atomic_load(&gate);
    }
}

void kin__ends_leave(void)
{
    atomic_fetch_sub(&gate, 1);
}

void kin__ends_hold(void)
{
    int64_t patience = kin_os_now() + GATE_PATIENCE;
    while ((atomic_fetch_or(&gate, FORKING) & FORKING) && kin_os_now() < patience) { /* another thread forks */
        kin_os_yield();
    }
    while (atomic_load(&gate) != FORKING && kin_os_now() < patience) {
        kin_os_yield();
    }
}

void kin__ends_release(void)
{
    atomic_fetch_and(&gate, ~FORKING);
}

void kin__ends_after_fork(void)
{
    atomic_store(&gate, 0);
}

/* ---- the register ---- */

static kin_pipe *_Atomic *claim(chunk *in, kin_pipe *pipe)
{
    for (uint32_t i = 0; i < PLACES; i++) {
        kin_pipe *none = NULL;
        if (!atomic_load_explicit(&in->places[i], memory_order_relaxed) &&
            atomic_compare_exchange_strong(&in->places[i], &none, pipe)) {
            return &in->places[i];
        }
    }
    return NULL;
}

static chunk *after(chunk *in)
{
    chunk *next = atomic_load(&in->next), *made;
    if (next || !(made = calloc(1, sizeof *made))) {
        return next;
    }
    if (!atomic_compare_exchange_strong(&in->next, &next, made)) {
        free(made);
        return next;
    }
    return made;
}

kin_status kin__ends_add(kin_pipe *pipe)
{
    for (chunk *at = &first; at; at = after(at)) {
        pipe->place = claim(at, pipe);
        if (pipe->place) {
            return KIN_OK;
        }
    }
    return KIN_E_NO_MEMORY;
}

void kin__ends_remove(kin_pipe *pipe)
{
    atomic_store(pipe->place, NULL);
}

/* ---- in a child ---- */

static bool is_given(const kin_pipe *pipe, const kin_args *args)
{
    for (uint32_t i = 0; args && i < args->count; i++) {
        if (args->items[i].kind == KIN__ARG_PIPE && args->items[i].pipe == pipe) {
            return true;
        }
    }
    return false;
}

/* Threads of the parent may have been in the middle of anything with it: no lock is waited for, nothing is freed. */
static void abandon(kin_pipe *pipe)
{
    kin__inbox *in = &pipe->inbox;
    pipe->gone = true;
    kin_os_pipe_close(&pipe->os);
    for (uint32_t i = 0; i < in->count; i++) { /* ends have their own places */
        if (!in->items[i].pipe) {
            kin_os_handle_close(kin_os_handle_from((uint64_t)in->items[i].handle));
        }
    }
    in->count = 0;
}

void kin__ends_keep(const kin_args *args)
{
    for (chunk *at = &first; at; at = atomic_load(&at->next)) {
        for (uint32_t i = 0; i < PLACES; i++) {
            kin_pipe *pipe = atomic_load(&at->places[i]);
            if (!pipe) {
                continue;
            }
            atomic_store(&pipe->send_turn, 0);
            atomic_store(&pipe->recv_turn, 0);
            if (!is_given(pipe, args)) {
                abandon(pipe);
            }
        }
    }
}
