/* pipe.h: a pipe's end, as the files about pipes share it: pipe.c (sending, and the rest), inbox.c (receiving), ends.c (which ends
 * this process has, and forks).
 *
 *     message = first [items] more*
 *     packet  = head bytes           each but the last is full
 *     items   = head handles         if the first says that something is attached: apart, for the system receives a packet
 *                                    without handles in less time
 */
#ifndef KIN_INTERNAL_PIPE_H
#define KIN_INTERNAL_PIPE_H

#include "process/arguments.h"
#include "kin/pipe.h"
#include "base/mutex.h"

#define KIN__PIPE_MAGIC 0x704e494bu /* "KINp" */

typedef enum kin__packet_kind {                 /* from process to process */
                                KIN__FIRST = 1, /* one that comes before the last message's end: that was given up */
                                KIN__MORE = 2,
                                KIN__ITEMS = 3,
} kin__packet_kind;

/* Between processes of one machine: in its byte order. */
typedef struct kin__head {
    uint32_t magic;
    uint16_t kind, count;  /* attachments: of the first, and of the items */
    uint64_t length, from; /* of the message; where in it this packet's bytes begin */
    uint64_t attached;     /* of the items: four bits for each: 0 a handle, else an end's flags */
} kin__head;

_Static_assert(sizeof(kin__head) == 32 && KIN_ATTACHMENTS_MAX == 16, "no gaps, and room for all attachments");
_Static_assert(KIN_ATTACHMENTS_MAX *KIN_OS_PIPE_HANDLES <= KIN_OS_PACKET_HANDLES, "all of them may be ends");

#define KIN__PACKET_ROOM (KIN_OS_PACKET_MAX - sizeof(kin__head))

/* An end's flags. */
#define KIN__END_SENDS 1u
#define KIN__END_RECEIVES 2u
#define KIN__END_SECOND 4u /* number 1 */

typedef struct kin__packet {
    kin__head head;
    unsigned char spill[KIN__PACKET_ROOM];
} kin__packet;

/* What has come of the message that is being received. Guarded by recv_turn. */
typedef struct kin__inbox {
    bool ended;                /* nothing more will come */
    bool begun;                /* the rest is about a message of which something has come */
    uint32_t slow, vain, rest; /* see inbox.c, patience */
    bool skip;                 /* the last message was dropped: so is what still comes of it */
    uint64_t length, have;     /* bytes */
    unsigned char *kept;       /* the first of them, between two calls; */
    uint64_t kept_size;        /* so many */
    kin__packet *packet;       /* what is not in the caller's buffer of the packet that came last */
    uint32_t attached;         /* so many items belong to it; */
    uint32_t count;            /* all or none of them are here */
    kin_attachment items[KIN_ATTACHMENTS_MAX];
} kin__inbox;

struct kin_pipe {
    kin_os_pipe os;
    uint32_t flags;
    bool gone; /* closed in this forked child */
    kin__turn send_turn, recv_turn;
    kin_pipe *_Atomic *place; /* in the register, see ends.c */
    kin__inbox inbox;
};

/* ---- pipe.c ---- */

bool kin__end_flags_sound(uint32_t flags);
/* An end made of the handles it travelled as. Takes them, also on failure. Between kin__ends_enter and _leave. KIN_E_DAMAGED. */
kin_status kin__pipe_adopt(kin_pipe **out, const kin_os_handle *handles, uint32_t flags);
/* Whether another process could go on with it: KIN_E_BUSY if it is in use, or in the middle of a message; KIN_E_HANDLE. */
kin_status kin__pipe_idle(kin_pipe *pipe);
/* What to watch until kin_pipe_poll would not wait; KIN_OS_NO_HANDLE: nothing, another thread is receiving. */
kin_status kin__pipe_watch(kin_pipe *pipe, int64_t deadline, kin_os_handle *out);

/* ---- inbox.c: under recv_turn ---- */

typedef struct kin__target { /* what a call receives into */
    unsigned char *buffer;
    size_t capacity, size;
    kin_attachment *items;
    size_t room, count; /* size, count: out */
} kin__target;

/* KIN_E_TOO_BIG: size and count are what is needed. */
kin_status kin__inbox_receive(kin_pipe *pipe, kin__target *target, int64_t deadline);
kin_status kin__inbox_poll(kin_pipe *pipe, size_t *size, int64_t deadline);

/* Forgets the message, closing what is attached. */
void kin__inbox_drop(kin__inbox *in);
void kin__inbox_free(kin__inbox *in);

/* ---- ends.c ---- */

/* Around whatever makes an end, or receives handles, up to kin__ends_add: no fork of kin's comes in between. Not for long. */
void kin__ends_enter(void);
void kin__ends_leave(void);
kin_status kin__ends_add(kin_pipe *pipe);
void kin__ends_remove(kin_pipe *pipe);
/* Around a fork of kin's, in the parent. */
void kin__ends_hold(void);
void kin__ends_release(void);
/* In its child: closes all ends that are not arguments (args NULL: all). */
void kin__ends_keep(const kin_args *args);
/* In any forked child. */
void kin__ends_after_fork(void);

#endif
