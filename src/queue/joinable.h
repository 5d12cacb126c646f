/* tasks.h: what the consumers of a joinable queue have got and not dealt with. Protocol: tasks.c. */
#ifndef KIN_TASKS_H
#define KIN_TASKS_H

#include "queue/ring.h"

/* Bytes of the table that a joinable queue has before its ring. */
uint64_t kin__tasks_size(const kin_family *family);
/* For the holder of get_lock, before a message is passed: the calling process gets it. */
void kin__tasks_got(const kin__ring *ring);
kin_status kin__tasks_done(const kin__ring *ring);
kin_status kin__tasks_join(const kin__ring *ring, int64_t timeout);

#endif
