/* joinable.h: messages that the consumers of a joinable queue have got and not finished. Protocol: joinable.c. */
#ifndef KIN_JOINABLE_H
#define KIN_JOINABLE_H

#include "queue/ring.h"

/* Counts a message as got by the calling process. The holder of get_lock calls it before it passes the message. */
void kin__tasks_got(const kin__ring *ring);
/* The calling process, as kin__tasks_done_for names it. */
kin_status kin__tasks_getter(uint64_t *getter, const kin__ring *ring);
kin_status kin__tasks_done(const kin__ring *ring);
kin_status kin__tasks_done_for(const kin__ring *ring, uint64_t who);
kin_status kin__tasks_join(const kin__ring *ring, int64_t timeout);

#endif
