/* packet.c: which packets are sound. Format: packet.h. */
#include "pipe/packet.h"

bool kin__end_flags_sound(uint32_t flags)
{
    const uint32_t both = KIN__END_SENDS | KIN__END_RECEIVES;
    return flags == KIN__END_SENDS || flags == (KIN__END_RECEIVES | KIN__END_SECOND) || flags == both ||
           flags == (both | KIN__END_SECOND);
}

bool kin__head_sound(const kin__head *head)
{
    if (head->magic != KIN__PIPE_MAGIC || head->count > KIN_ATTACHMENTS_MAX || head->length > SIZE_MAX) {
        return false;
    }
    switch (head->kind) {
    case KIN__FIRST:
        return head->from == 0 && head->attached == 0;
    case KIN__MORE:
        return head->from < head->length && head->count == 0 && head->attached == 0;
    default:
        return head->kind == KIN__ITEMS && head->from <= head->length && head->count > 0;
    }
}

bool kin__head_fits_size(const kin__head *head, size_t size)
{
    uint64_t left = head->length - head->from;
    return size == (head->kind == KIN__ITEMS ? 0 : left < KIN__PACKET_ROOM ? left : KIN__PACKET_ROOM);
}

bool kin__head_fits_handles(const kin__head *head, size_t came)
{
    size_t handles = 0;
    for (uint32_t i = 0; i < head->count; i++) {
        uint32_t flags = kin__head_flags(head, i);
        if (flags != 0 && !kin__end_flags_sound(flags)) {
            return false;
        }
        handles += flags ? KIN_OS_PIPE_HANDLES : 1;
    }
    return handles == came && (head->count == KIN_ATTACHMENTS_MAX || head->attached >> 4 * head->count == 0);
}
