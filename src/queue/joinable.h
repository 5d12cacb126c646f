/* joinable.h: what the consumers of a joinable queue have got and not dealt with. Protocol: joinable.c. */
#ifndef KIN_JOINABLE_H
#define KIN_JOINABLE_H

#include "queue/ring.h"

/* For the holder of get_lock, before it passes a message: the calling process has got it. */
void kin__tasks_got(const kin__ring *ring);
kin_status kin__tasks_done(const kin__ring *ring);
kin_status kin__tasks_join(const kin__ring *ring, int64_t timeout);

#endif
