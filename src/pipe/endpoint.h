/* endpoint.h: one end of a pipe: made, adopted, closed, and kept or closed in a forked child. */
#ifndef KIN_ENDPOINT_H
#define KIN_ENDPOINT_H

#include "base/backoff.h"
#include "base/mutex.h"
#include "pipe/endpoint_registry.h"
#include "pipe/packet.h"

typedef struct kin__packet {
    kin__head head;
    unsigned char spill[KIN__PACKET_ROOM];
} kin__packet;

/* What has come of the message that is being received. Guarded by recv_mutex. See inbox.c. */
typedef struct kin__inbox {
    bool ended;            /* nothing more will come */
    bool begun;            /* something of a message has come: the rest is about that message */
    bool skip;             /* the last message was dropped: so is what still comes of it */
    uint32_t slow;         /* so many packets are to be waited for before they are looked for */
    kin__backoff look;     /* whether looking again before sleeping pays */
    uint64_t length, have; /* bytes */
    unsigned char *kept;   /* the first kept_size of them, between two calls */
    uint64_t kept_size;
    kin__packet *packet; /* what the caller's buffer does not hold of the packet that came last */
    uint32_t attached;   /* so many items belong to the message; */
    uint32_t count;      /* all or none of them are here */
    kin_attachment items[KIN_ATTACHMENTS_MAX];
} kin__inbox;

struct kin_pipe {
    kin_os_pipe os;
    uint32_t flags;
    bool gone; /* closed in this forked child */
    kin__mutex send_mutex, recv_mutex;
    kin__endpoint_place *place; /* in the register */
    kin__inbox inbox;
};

/* All of these: between kin__endpoints_enter and _leave. */

/* Takes os, also on failure. */
kin_status kin__endpoint_make(kin_pipe **out, kin_os_pipe *os, uint32_t flags);
/* An endpoint made of the handles that it travelled as. Takes them, also on failure. KIN_E_DAMAGED. */
kin_status kin__pipe_adopt(kin_pipe **out, const kin_os_handle *handles, uint32_t flags);
/* Frees it. Its inbox must be empty. */
void kin__endpoint_close(kin_pipe *pipe);

/* In a forked child: closes all endpoints but those that is_given accepts (NULL: all). */
void kin__endpoints_keep(bool (*is_given)(const kin_pipe *pipe, const void *context), const void *context);

#endif
