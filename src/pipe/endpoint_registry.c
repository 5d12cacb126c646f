/* endpoint_registry.c: the register of this process's endpoints, and the gate that a fork closes.
 *
 * A child forked by kin_process_start closes every endpoint that it was not given: with a copy of one in the child, its
 * peer would never see the end of the stream. So a fork must not come after the system has made an endpoint and before
 * it stands in the register. `gate` counts the threads that are between the two. FORKING in it keeps further threads
 * out, and the fork waits for the count to fall to 0. That takes microseconds, since no thread waits for a message
 * inside. A child forked by other means does not have the threads that were counted: after any fork the gate is open.
 *
 * The places of the register are never freed, so it can be walked without a lock.
 */
#include "pipe/endpoint_registry.h"

#include "os.h"

#include <stdlib.h>

#define PLACES 64u
#define FORKING 0x80000000u
#define GATE_PATIENCE KIN_SECONDS(1) /* after a bare clone the gate may show threads that are not there */

typedef struct chunk {
    kin__endpoint_place places[PLACES];
    struct chunk *_Atomic next;
} chunk;

static chunk first;
static _Atomic uint32_t gate;

/* ---- the gate ---- */

int kin__endpoints_enter(void)
{
    int held = kin_os_cancel_hold();
    int64_t patience = 0;
    uint32_t seen = atomic_load(&gate);
    for (;;) {
        if ((seen & FORKING) == 0) {
            if (atomic_compare_exchange_weak(&gate, &seen, seen + 1)) {
                return held;
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

void kin__endpoints_leave(int held)
{
    atomic_fetch_sub(&gate, 1);
    kin_os_cancel_release(held);
}

void kin__endpoints_hold(void)
{
    int64_t patience = kin_os_now() + GATE_PATIENCE;
    while ((atomic_fetch_or(&gate, FORKING) & FORKING) && kin_os_now() < patience) { /* another thread forks */
        kin_os_yield();
    }
    while (atomic_load(&gate) != FORKING && kin_os_now() < patience) {
        kin_os_yield();
    }
}

void kin__endpoints_release(void)
{
    atomic_fetch_and(&gate, ~FORKING);
}

void kin__endpoints_after_fork(void)
{
    atomic_store(&gate, 0);
}

/* ---- the register ---- */

static kin__endpoint_place *claim(chunk *in, kin_pipe *pipe)
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

kin__endpoint_place *kin__endpoints_add(kin_pipe *pipe)
{
    for (chunk *at = &first; at; at = after(at)) {
        kin__endpoint_place *place = claim(at, pipe);
        if (place) {
            return place;
        }
    }
    return NULL;
}

void kin__endpoints_remove(kin__endpoint_place *place)
{
    atomic_store(place, NULL);
}

void kin__endpoints_each(void (*visit)(kin_pipe *pipe, const void *context), const void *context)
{
    for (chunk *at = &first; at; at = atomic_load(&at->next)) {
        for (uint32_t i = 0; i < PLACES; i++) {
            kin_pipe *pipe = atomic_load(&at->places[i]);
            if (pipe) {
                visit(pipe, context);
            }
        }
    }
}
