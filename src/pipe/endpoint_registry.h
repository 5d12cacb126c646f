/* endpoint_registry.h: the endpoints that this process has, and what keeps a fork out while one is made. It knows their
 * addresses, nothing of what is in them. */
#ifndef KIN_ENDPOINT_REGISTRY_H
#define KIN_ENDPOINT_REGISTRY_H

#include "kin/pipe.h"

typedef kin_pipe *_Atomic kin__endpoint_place;

/* Around whatever makes an endpoint, or receives handles, up to kin__endpoints_add: no fork of kin's comes in between.
 * Not for long, and not twice by one thread. The thread cannot be cancelled in between; enter returns what leave is to
 * get. */
int kin__endpoints_enter(void);
void kin__endpoints_leave(int held);

/* Between them. NULL: no memory. */
kin__endpoint_place *kin__endpoints_add(kin_pipe *pipe);
void kin__endpoints_remove(kin__endpoint_place *place);

/* Calls visit for every endpoint. In a forked child, before it has other threads: takes no lock, frees nothing. */
void kin__endpoints_each(void (*visit)(kin_pipe *pipe, const void *context), const void *context);

/* Around a fork of kin's, in the parent. */
void kin__endpoints_hold(void);
void kin__endpoints_release(void);
/* In any forked child. */
void kin__endpoints_after_fork(void);

#endif
