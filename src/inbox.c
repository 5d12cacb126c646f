/* inbox.c: receiving. Packets become messages, and nothing is believed of them that has not been checked: the other process may
 * be mad.
 *
 * A packet goes straight into the caller's buffer, to where the message's next bytes belong; what the buffer does not hold goes
 * into the spill, so that a packet is never cut. Where it turns out to be another message's first, it is moved.
 */
#include "pipe.h"

#include <stdlib.h>

#define SLOW 8u
#define SHORT 1024u /* a buffer that is not worth a part of its own: copying is less work */

typedef struct packet { /* one that is sound */
    kin__head head;
    size_t size;     /* of its bytes; */
    size_t in_place; /* so many of them in the caller's buffer, the others in the spill */
    kin_attachment items[KIN_ATTACHMENTS_MAX];
} packet;

/* ---- attachments ---- */

static void close_item(const kin_attachment *item)
{
    if (item->pipe) {
        kin_pipe_close(item->pipe);
    } else {
        kin_os_handle_close(kin_os_handle_from((uint64_t)item->handle));
    }
}

static void close_items(const kin_attachment *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        close_item(&items[i]);
    }
}

/* Takes the handles that one attachment travelled as. */
static kin_status make_item(kin_attachment *out, const kin_os_handle *handles, uint32_t flags)
{
    kin_os_kind kind;
    *out = (kin_attachment){NULL, 0, KIN_HANDLE_ANY};
    if (flags != 0) {
        return kin__pipe_adopt(&out->pipe, handles, flags);
    }
    kin_status status = kin_os_handle_kind(handles[0], &kind);
    if (status != KIN_OK) {
        kin_os_handle_close(handles[0]);
        return status;
    }
    out->handle = (kin_handle)kin_os_handle_value(handles[0]);
    out->kind = (kin_handle_kind)kind;
    return KIN_OK;
}

/* Takes all handles, also on failure. */
static kin_status make_items(packet *out, const kin_os_handle *handles, size_t handle_count)
{
    kin_status status = KIN_OK;
    size_t used = 0;
    uint32_t made = 0;
    for (; made < out->head.count && status == KIN_OK; made++) {
        uint32_t flags = (uint32_t)(out->head.attached >> 4 * made) & 15;
        status = make_item(&out->items[made], handles + used, flags);
        used += flags ? KIN_OS_PIPE_HANDLES : 1;
    }
    if (status != KIN_OK) {
        close_items(out->items, made - 1);
        for (; used < handle_count; used++) {
            kin_os_handle_close(handles[used]);
        }
    }
    return status;
}

/* ---- packets ---- */

/* Whether the head says nothing absurd; *handles: how many it speaks of. */
static bool head_sound(const kin__head *head, size_t *handles)
{
    uint64_t attached = head->attached;
    *handles = 0;
    if (head->magic != KIN__PIPE_MAGIC || head->count > KIN_ATTACHMENTS_MAX || head->length > SIZE_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < head->count; i++, attached >>= 4) {
        uint32_t flags = (uint32_t)attached & 15;
        if (flags != 0 && !kin__end_flags_sound(flags)) {
            return false;
        }
        *handles += flags ? KIN_OS_PIPE_HANDLES : 1;
    }
    if (head->count < KIN_ATTACHMENTS_MAX && attached != 0) {
        return false;
    }
    return head->kind == KIN__FIRST ? head->from == 0
                                    : head->kind == KIN__MORE && head->count == 0 && head->from < head->length;
}

/* Each packet but a message's last is full. */
static bool size_sound(const kin__head *head, size_t size)
{
    uint64_t left = head->length - head->from;
    return size == (left < KIN__PACKET_ROOM ? left : KIN__PACKET_ROOM);
}

static kin_status check(packet *out, const kin_os_packet *raw)
{
    size_t handles;
    bool sound = raw->size >= sizeof out->head && head_sound(&out->head, &handles) &&
                 size_sound(&out->head, raw->size - sizeof out->head) && handles == raw->handle_count;
    if (!sound) {
        for (size_t i = 0; i < raw->handle_count; i++) {
            kin_os_handle_close(raw->handles[i]);
        }
        return KIN_E_DAMAGED;
    }
    out->size = raw->size - sizeof out->head;
    out->in_place = out->size < raw->parts[1].size ? out->size : raw->parts[1].size;
    return make_items(out, raw->handles, raw->handle_count);
}

/* The next packet, if there is one. at has room bytes. */
static kin_status fetch(kin_pipe *pipe, packet *out, unsigned char *at, size_t room)
{
    kin_os_handle handles[KIN_OS_PACKET_HANDLES];
    kin__inbox *in = &pipe->inbox;
    if (!in->packet && !(in->packet = malloc(sizeof *in->packet))) {
        return KIN_E_NO_MEMORY;
    }
    if (!in->begun && room < SHORT) {
        room = 0;
    }
    size_t direct = room < KIN__PACKET_ROOM ? room : KIN__PACKET_ROOM;
    kin_os_packet raw = {
        .parts = {{&in->packet->head, sizeof(kin__head)}, {at, direct}, {in->packet->spill, KIN__PACKET_ROOM - direct}},
        .handles = handles,
    };
    kin__ends_enter();
    kin_status status = kin_os_pipe_recv(&pipe->os, &raw);
    if (status == KIN_OK) {
        out->head = in->packet->head;
        status = check(out, &raw);
    }
    kin__ends_leave();
    return status;
}

/* ---- messages ---- */

/* What a forked child is to close must be told exactly. */
static void set_items(kin__inbox *in, const kin_attachment *items, uint32_t count)
{
    kin__ends_enter();
    memcpy(in->items, items, count * sizeof *items);
    in->count = count;
    kin__ends_leave();
}

/* Gives them to the caller. */
static uint32_t take_items(kin__inbox *in, kin_attachment *items)
{
    uint32_t count = in->count;
    if (count > 0) {
        kin__ends_enter();
        memcpy(items, in->items, count * sizeof *items);
        in->count = 0;
        kin__ends_leave();
    }
    return count;
}

void kin__inbox_drop(kin__inbox *in)
{
    kin_attachment items[KIN_ATTACHMENTS_MAX];
    close_items(items, take_items(in, items));
    free(in->kept);
    in->kept = NULL;
    in->kept_size = 0;
    in->begun = false;
    in->have = 0;
}

void kin__inbox_free(kin__inbox *in)
{
    kin__inbox_drop(in);
    free(in->packet);
    in->packet = NULL;
}

/* What of the message is in bytes, for the next call. */
static kin_status keep(kin__inbox *in, const unsigned char *bytes)
{
    if (in->kept_size == in->have) {
        return KIN_OK;
    }
    unsigned char *room = realloc(in->kept, (size_t)in->have);
    if (!room) {
        kin__inbox_drop(in);
        in->skip = true;
        return KIN_E_NO_MEMORY;
    }
    memcpy(room + in->kept_size, bytes + in->kept_size, (size_t)(in->have - in->kept_size));
    in->kept = room;
    in->kept_size = in->have;
    return KIN_OK;
}

static bool fits(const kin__inbox *in, const kin__target *target)
{
    return in->length <= target->capacity && in->count <= target->room;
}

/* A message's first packet, of which in_place bytes are at `at`. */
static kin_status begin(kin__inbox *in, const packet *from, kin__target *target, const unsigned char *at)
{
    kin__inbox_drop(in);
    in->begun = true;
    in->skip = false;
    in->length = from->head.length;
    in->have = from->size;
    if (from->head.count > 0) {
        set_items(in, from->items, from->head.count);
    }
    size_t rest = from->size - from->in_place;
    unsigned char *start = target->buffer;
    if (!fits(in, target)) { /* together in the spill, which is large enough for all of it */
        start = in->packet->spill;
        memmove(start + from->in_place, in->packet->spill, rest);
    }
    if (from->in_place > 0 && start != at) {
        memmove(start, at, from->in_place);
    }
    if (rest > 0 && start != in->packet->spill) {
        memcpy(start + from->in_place, in->packet->spill, rest);
    }
    return fits(in, target) ? KIN_OK : keep(in, in->packet->spill);
}

/* Its further packets are in place: they are never longer than what is missing. */
static kin_status go_on(kin__inbox *in, const packet *more)
{
    if (!in->begun && in->skip) {
        return KIN_OK;
    }
    if (!in->begun || more->head.from != in->have || more->head.length != in->length) {
        return KIN_E_DAMAGED;
    }
    in->have += more->size;
    return KIN_OK;
}

/* One packet. KIN_E_TIMED_OUT: there is none. */
static kin_status step(kin_pipe *pipe, kin__target *target)
{
    packet next;
    kin__inbox *in = &pipe->inbox;
    size_t have = in->begun ? (size_t)in->have : 0;
    unsigned char *at = target->capacity > 0 ? target->buffer + have : NULL;
    kin_status status = fetch(pipe, &next, at, target->capacity - have);
    if (status == KIN_OK) {
        status = next.head.kind == KIN__FIRST ? begin(in, &next, target, at) : go_on(in, &next);
    }
    if (status == KIN_E_CLOSED) {
        in->ended = true;
    }
    if (status != KIN_OK && status != KIN_E_TIMED_OUT) {
        kin__inbox_drop(in);
        in->skip = true;
    }
    return status;
}

/* From a sender that was slower than this, the next SLOW packets are waited for before they are looked for: a system call less. */
static kin_status step_until(kin_pipe *pipe, kin__target *target, int64_t deadline)
{
    kin__inbox *in = &pipe->inbox;
    kin_status status = KIN_E_TIMED_OUT;
    if (in->slow == 0) {
        status = step(pipe, target);
        in->slow = status == KIN_E_TIMED_OUT ? SLOW : 0;
    } else {
        in->slow--;
    }
    while (status == KIN_E_TIMED_OUT && kin_os_pipe_wait(&pipe->os, true, deadline) == KIN_OK) {
        status = step(pipe, target);
    }
    return status;
}

/* A message of which no more will come is not worth a larger buffer: looks at what follows. */
static void drop_if_given_up(kin_pipe *pipe)
{
    kin__inbox *in = &pipe->inbox;
    kin__head head;
    size_t handles;
    if (!in->begun || in->have == in->length) {
        return;
    }
    kin_status status = kin_os_pipe_peek(&pipe->os, &head, sizeof head);
    in->ended = status == KIN_E_CLOSED;
    if (in->ended || (status == KIN_OK && head_sound(&head, &handles) && head.kind == KIN__FIRST)) {
        kin__inbox_drop(in);
    }
}

static void deliver(kin__inbox *in, kin__target *target)
{
    take_items(in, target->items);
    kin__inbox_drop(in);
}

kin_status kin__inbox_receive(kin_pipe *pipe, kin__target *target, int64_t deadline)
{
    kin__inbox *in = &pipe->inbox;
    if (!fits(in, target)) {
        drop_if_given_up(pipe);
    }
    kin_status status = in->ended ? KIN_E_CLOSED : KIN_OK;
    if (in->begun && fits(in, target) && in->have > 0) {
        memcpy(target->buffer, in->kept, (size_t)in->have);
    }
    while (status == KIN_OK && (!in->begun || (fits(in, target) && in->have < in->length))) {
        status = step_until(pipe, target, deadline);
    }
    if (in->begun) {
        target->size = (size_t)in->length;
        target->count = in->count;
    }
    if (status == KIN_E_TIMED_OUT && in->begun) {
        kin_status kept = keep(in, target->buffer);
        return kept == KIN_OK ? status : kept;
    }
    if (status != KIN_OK) {
        return status;
    }
    if (!fits(in, target)) {
        return KIN_E_TOO_BIG;
    }
    deliver(in, target);
    return KIN_OK;
}

/* The head is only looked at, so that the system goes on showing the message. */
kin_status kin__inbox_poll(kin_pipe *pipe, size_t *size, int64_t deadline)
{
    kin__inbox *in = &pipe->inbox;
    kin__target none = {NULL, 0, 0, NULL, 0, 0};
    drop_if_given_up(pipe);
    kin_status status = in->ended ? KIN_E_CLOSED : KIN_OK;
    while (status == KIN_OK && !in->begun) {
        kin__head head;
        size_t handles;
        status = kin_os_pipe_peek(&pipe->os, &head, sizeof head);
        if (status == KIN_OK && head_sound(&head, &handles) && head.kind == KIN__FIRST) {
            *size = (size_t)head.length;
            return KIN_OK;
        }
        if (status == KIN_OK) {
            status = step(pipe, &none);
        } else if (status == KIN_E_TIMED_OUT) {
            status = kin_os_pipe_wait(&pipe->os, false, deadline);
        }
    }
    if (status == KIN_OK) {
        *size = (size_t)in->length;
    }
    return status;
}
