/* inbox.h: receiving. For the thread that has the endpoint's recv_mutex. */
#ifndef KIN_INBOX_H
#define KIN_INBOX_H

#include "pipe/endpoint.h"

typedef struct kin__target { /* what a call receives into */
    unsigned char *buffer;
    size_t capacity, size;
    kin_attachment *items;
    size_t room, count; /* size and count are written */
} kin__target;

/* KIN_E_BUFFER: target's size and count say what is needed. */
kin_status kin__inbox_receive(kin_pipe *pipe, kin__target *target, int64_t deadline);
kin_status kin__inbox_poll(kin_pipe *pipe, size_t *size, int64_t deadline);

/* Drops what it holds, closing what is attached. */
void kin__inbox_free(kin__inbox *in);

#endif
