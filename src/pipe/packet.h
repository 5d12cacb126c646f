/* packet.h: how a message travels through a pipe.
 *
 *     message = first [items] more*
 *     packet  = head bytes           each but the last is full
 *     items   = head handles         only if the first packet says that something is attached
 *
 * The items are a packet of their own, because the system receives a packet without handles in less time.
 *
 * A first packet that comes before the last message's end says that the sender gave that message up.
 */
#ifndef KIN_PACKET_H
#define KIN_PACKET_H

#include "kin/pipe.h"
#include "os.h"

#define KIN__PIPE_MAGIC 0x704e494bu /* "KINp" */

typedef enum kin__packet_kind { /* from process to process */
                                KIN__FIRST = 1,
                                KIN__MORE = 2,
                                KIN__ITEMS = 3,
} kin__packet_kind;

/* Between processes of one machine: in its byte order. */
typedef struct kin__head {
    uint32_t magic;
    uint16_t kind, count;  /* count of attachments: in the first packet, and in the items */
    uint64_t length, from; /* of the message; where in it this packet's bytes begin */
    uint64_t attached;     /* in the items: four bits for each: 0 for a handle, else an endpoint's flags */
} kin__head;

_Static_assert(sizeof(kin__head) == 32 && KIN_ATTACHMENTS_MAX == 16, "no gaps, and room for all attachments");
_Static_assert(KIN_ATTACHMENTS_MAX *KIN_OS_PIPE_HANDLES <= KIN_OS_PACKET_HANDLES, "all of them may be endpoints");

#define KIN__PACKET_ROOM (KIN_OS_PACKET_MAX - sizeof(kin__head))

/* An endpoint's flags. */
#define KIN__END_SENDS 1u
#define KIN__END_RECEIVES 2u
#define KIN__END_SECOND 4u /* number 1 of the pair */

/* Checks of what another process has sent, of which nothing is believed before. */

/* Whether an endpoint can have these flags. */
bool kin__end_flags_sound(uint32_t flags);
/* The flags of the attachment with that number; 0: it is a handle. */
static inline uint32_t kin__head_flags(const kin__head *head, uint32_t item)
{
    return (uint32_t)(head->attached >> 4 * item) & 15;
}
/* Whether the head's fields fit together. */
bool kin__head_sound(const kin__head *head);
/* Whether a packet with this head, which is sound, has size bytes: each but a message's last is full. */
bool kin__head_fits_size(const kin__head *head, size_t size);
/* Whether the items' head describes as many handles as came. */
bool kin__head_fits_handles(const kin__head *head, size_t came);

#endif
