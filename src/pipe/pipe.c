/* pipe.c: the public functions of pipes, and sending. Receiving: inbox.c. What goes through a pipe: packet.h. */
#include "pipe/pipe.h"

#include "base/deadline.h"
#include "base/hooks.h"
#include "base/last_error.h"
#include "base/mutex.h"
#include "pipe/endpoint.h"
#include "pipe/endpoint_registry.h"
#include "pipe/inbox.h"
#include "pipe/packet.h"

/* ---- made and ended ---- */

static kin_status make_pair(kin_pipe *ends[2], uint32_t flags)
{
    const uint32_t both = KIN__END_SENDS | KIN__END_RECEIVES;
    bool one_way = (flags & KIN_PIPE_ONE_WAY) != 0;
    kin_os_pipe os[2];
    kin_pipe *made[2];
    kin_status status = kin_os_pipe_create(os);
    if (status != KIN_OK) {
        return status;
    }
    status = kin__endpoint_make(&made[0], &os[0], one_way ? KIN__END_SENDS : both);
    if (status != KIN_OK) {
        kin_os_pipe_close(&os[1]);
        return status;
    }
    status = kin__endpoint_make(&made[1], &os[1], KIN__END_SECOND | (one_way ? KIN__END_RECEIVES : both));
    if (status != KIN_OK) {
        kin__endpoint_close(made[0]);
        return status;
    }
    ends[0] = made[0];
    ends[1] = made[1];
    return KIN_OK;
}

kin_status kin_pipe_create(kin_pipe *endpoints[2], uint32_t flags)
{
    if (!endpoints || (flags & ~KIN_PIPE_ONE_WAY)) {
        return kin__refuse(KIN_E_ARGUMENT, "endpoints is NULL, or flags has unknown bits");
    }
    kin_status status = kin__hooks_install(); /* forks */
    if (status != KIN_OK) {
        return kin__told(status);
    }
    int held = kin__endpoints_enter();
    status = make_pair(endpoints, flags);
    kin__endpoints_leave(held);
    return kin__told(status);
}

void kin_pipe_close(kin_pipe *pipe)
{
    if (!pipe) {
        return;
    }
    int before = kin_os_error();
    kin__inbox_free(&pipe->inbox);
    int held = kin__endpoints_enter();
    kin__endpoint_close(pipe);
    kin__endpoints_leave(held);
    kin_os_error_set(before);
}

kin_status kin__pipe_idle(kin_pipe *pipe)
{
    if (pipe->gone) {
        return kin__refuse(KIN_E_HANDLE, "this endpoint was not given to this forked child, or was closed");
    }
    bool sends = kin__mutex_try_lock(&pipe->send_mutex), receives = kin__mutex_try_lock(&pipe->recv_mutex);
    bool idle = sends && receives && !pipe->inbox.begun;
    if (sends) {
        kin__mutex_unlock(&pipe->send_mutex);
    }
    if (receives) {
        kin__mutex_unlock(&pipe->recv_mutex);
    }
    return idle ? KIN_OK
                : kin__refuse(KIN_E_BUSY, "the endpoint is in the middle of a message, or in use by another thread");
}

/* ---- sending ---- */

/* Puts the attachments into their packet: as handles, and described in its head. */
static kin_status describe(kin__head *head, kin_os_packet *packet, const kin_attachment *attachments, size_t count)
{
    kin_os_kind kind;
    for (size_t i = 0; i < count; i++) {
        kin_pipe *end = attachments[i].pipe;
        kin_os_handle *handles = packet->handles + packet->handle_count;
        kin_status status = KIN_OK;
        if (end) {
            status = kin__pipe_idle(end);
            head->attached |= (uint64_t)end->flags << 4 * i;
            packet->handle_count += KIN_OS_PIPE_HANDLES;
        } else {
            handles[0] = kin_os_handle_from((uint64_t)attachments[i].handle);
            status = handles[0] == KIN_OS_NO_HANDLE ? KIN_E_HANDLE : kin_os_handle_kind(handles[0], &kind);
            packet->handle_count++;
        }
        if (status != KIN_OK) {
            return status;
        }
        if (end) {
            kin_os_pipe_handles(&end->os, handles);
        }
    }
    return KIN_OK;
}

static void mark_given(const kin_attachment *attachments, size_t count, bool given)
{
    for (size_t i = 0; i < count; i++) {
        if (attachments[i].pipe) {
            kin_os_pipe_given(&attachments[i].pipe->os, given);
        }
    }
}

/* Sends the message's next bytes. */
static kin_status send_bytes(kin_pipe *pipe, kin__head *head, const void *data, int64_t deadline)
{
    uint64_t left = head->length - head->from;
    size_t size = left < KIN__PACKET_ROOM ? (size_t)left : KIN__PACKET_ROOM;
    unsigned char *bytes = size > 0 ? (unsigned char *)(uintptr_t)data + head->from : NULL;
    kin_os_packet packet = {.parts = {{head, sizeof *head}, {bytes, size}}};
    kin_status status = kin_os_pipe_send(&pipe->os, &packet, deadline);
    head->kind = KIN__MORE;
    head->count = 0;
    head->from += size;
    return status;
}

/* A message that stops in the middle needs no repair: the next message's first packet says that it was given up. */
static kin_status send_message(kin_pipe *pipe, kin__head *head, const void *data, const kin_os_packet *items,
                               int64_t deadline)
{
    kin_status status = send_bytes(pipe, head, data, deadline);
    if (status == KIN_OK && items->handle_count > 0) {
        kin__head *of_items = items->parts[0].data;
        of_items->from = head->from;
        status = kin_os_pipe_send(&pipe->os, items, deadline);
    }
    while (status == KIN_OK && head->from < head->length) {
        status = send_bytes(pipe, head, data, deadline);
    }
    return status;
}

/* Under send_mutex. */
static kin_status send_attached(kin_pipe *pipe, kin__head *head, const void *data, const kin_attachment *attachments,
                                size_t count, int64_t deadline)
{
    kin_os_handle handles[KIN_OS_PACKET_HANDLES];
    kin__head of_items = {KIN__PIPE_MAGIC, KIN__ITEMS, head->count, head->length, 0, 0};
    kin_os_packet items = {.parts = {{&of_items, sizeof of_items}}, .handles = handles};
    kin_status status = describe(&of_items, &items, attachments, count);
    if (status != KIN_OK) {
        return status;
    }
    mark_given(attachments, count, true);
    status = send_message(pipe, head, data, &items, deadline);
    if (status != KIN_OK) {
        mark_given(attachments, count, false);
    }
    return status;
}

static kin_status check(const kin_pipe *pipe, uint32_t direction, int64_t timeout)
{
    if (!pipe || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "pipe is NULL, or timeout is negative");
    }
    if ((pipe->flags & direction) == 0) {
        return kin__refuse(KIN_E_UNSUPPORTED,
                           "the pipe is one-way (KIN_PIPE_ONE_WAY): endpoints[0] sends, endpoints[1] receives");
    }
    return pipe->gone ? KIN_E_HANDLE : KIN_OK;
}

kin_status kin_pipe_send_with(kin_pipe *pipe, const void *data, size_t size, const kin_attachment *attachments,
                              size_t count, int64_t timeout)
{
    kin_status status = check(pipe, KIN__END_SENDS, timeout);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if ((!data && size > 0) || (!attachments && count > 0) || count > KIN_ATTACHMENTS_MAX) {
        return kin__refuse(KIN_E_ARGUMENT, "data is NULL and size is not 0, or attachments is NULL and count is not 0, "
                                           "or count is more than KIN_ATTACHMENTS_MAX");
    }
    int64_t deadline = kin__deadline(timeout);
    kin__head head = {KIN__PIPE_MAGIC, KIN__FIRST, (uint16_t)count, size, 0, 0};
    status = kin__mutex_lock(&pipe->send_mutex, deadline);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    status = send_attached(pipe, &head, data, attachments, count, deadline);
    kin__mutex_unlock(&pipe->send_mutex);
    return kin__told(status);
}

kin_status kin_pipe_send(kin_pipe *pipe, const void *data, size_t size, int64_t timeout)
{
    return kin_pipe_send_with(pipe, data, size, NULL, 0, timeout);
}

/* ---- receiving ---- */

kin_status kin_pipe_recv_with(kin_pipe *pipe, void *buffer, size_t capacity, size_t *size, kin_attachment *attachments,
                              size_t *count, int64_t timeout)
{
    kin__target target = {buffer, capacity, 0, attachments, count ? *count : 0, 0};
    kin_status status = check(pipe, KIN__END_RECEIVES, timeout);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if ((!buffer && capacity > 0) || (!attachments && target.room > 0)) {
        return kin__refuse(KIN_E_ARGUMENT,
                           "buffer is NULL and capacity is not 0, or attachments is NULL and *count is not 0");
    }
    int64_t deadline = kin__deadline(timeout);
    status = kin__mutex_lock(&pipe->recv_mutex, deadline);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    status = kin__inbox_receive(pipe, &target, deadline);
    kin__mutex_unlock(&pipe->recv_mutex);
    if (status == KIN_OK || status == KIN_E_BUFFER) {
        if (size) {
            *size = target.size;
        }
        if (count) {
            *count = target.count;
        }
    }
    return kin__told(status);
}

kin_status kin_pipe_recv(kin_pipe *pipe, void *buffer, size_t capacity, size_t *size, int64_t timeout)
{
    return kin_pipe_recv_with(pipe, buffer, capacity, size, NULL, NULL, timeout);
}

kin_status kin_pipe_poll(kin_pipe *pipe, size_t *size, int64_t timeout)
{
    size_t length;
    kin_status status = check(pipe, KIN__END_RECEIVES, timeout);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    int64_t deadline = kin__deadline(timeout);
    status = kin__mutex_lock(&pipe->recv_mutex, deadline);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    status = kin__inbox_poll(pipe, &length, deadline);
    kin__mutex_unlock(&pipe->recv_mutex);
    if (status == KIN_OK && size) {
        *size = length;
    }
    return kin__told(status);
}

kin_status kin__pipe_watch(kin_pipe *pipe, int64_t deadline, kin_os_handle *out)
{
    kin_status status = check(pipe, KIN__END_RECEIVES, 0);
    *out = KIN_OS_NO_HANDLE;
    if (status != KIN_OK || kin__mutex_lock(&pipe->recv_mutex, deadline) != KIN_OK) {
        return status;
    }
    status = kin_os_pipe_watch(&pipe->os, out);
    kin__mutex_unlock(&pipe->recv_mutex);
    return status;
}

kin_status kin_pipe_handle(kin_handle *out, kin_pipe *pipe)
{
    kin_os_handle handle;
    kin_status status = out ? kin__pipe_watch(pipe, KIN_OS_NEVER, &handle) : kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    if (status == KIN_OK) {
        *out = (kin_handle)kin_os_handle_value(handle);
    }
    return kin__told(status);
}
