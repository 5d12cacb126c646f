/* inbox.c: receiving. Packets become messages, and nothing is believed of them that has not been checked: the other process may
 * be mad.
 *
 * A packet goes straight into the caller's buffer, to where the message's next bytes belong; what the buffer does not hold goes
 * into the spill, so that a packet is never cut. Where it turns out to be another message's first, it is moved.
 */
#include "pipe/pipe.h"

#include <stdlib.h>

#define SLOW 8u
#define LOOK KIN_US(60)
#define VAIN_MAX 10u
#define SHORT 8192u /* a buffer that is not worth a part of its own: copying is less work */

typedef struct packet { /* one that is sound */
    kin__head head;
    size_t size;     /* of its bytes; */
    size_t in_place; /* so many of them in the caller's buffer, the others in the spill */
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

static void close_handles(const kin_os_handle *handles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kin_os_handle_close(handles[i]);
    }
}

/* Takes all handles, also on failure; what was made by then is to be dropped. */
static kin_status make_items(kin__inbox *in, const kin__head *head, const kin_os_handle *handles, size_t count)
{
    size_t used = 0;
    while (in->count < head->count) {
        uint32_t flags = (uint32_t)(head->attached >> 4 * in->count) & 15;
        kin_status status = make_item(&in->items[in->count], handles + used, flags);
        used += flags ? KIN_OS_PIPE_HANDLES : 1;
        if (status != KIN_OK) {
            close_handles(handles + used, count - used);
            return status;
        }
        in->count++;
    }
    return KIN_OK;
}

/* ---- packets ---- */

/* Whether the head says nothing absurd. */
static bool head_sound(const kin__head *head)
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

/* Each packet but a message's last is full. */
static bool size_sound(const kin__head *head, size_t size)
{
    uint64_t left = head->length - head->from;
    return size == (head->kind == KIN__ITEMS ? 0 : left < KIN__PACKET_ROOM ? left : KIN__PACKET_ROOM);
}

/* Whether as many handles came as are described. */
static bool items_sound(const kin__head *head, size_t came)
{
    uint64_t attached = head->attached;
    size_t handles = 0;
    for (uint32_t i = 0; i < head->count; i++, attached >>= 4) {
        uint32_t flags = (uint32_t)attached & 15;
        if (flags != 0 && !kin__end_flags_sound(flags)) {
            return false;
        }
        handles += flags ? KIN_OS_PIPE_HANDLES : 1;
    }
    return handles == came && (head->count == KIN_ATTACHMENTS_MAX || attached == 0);
}

static kin_status fetch_packet(kin_pipe *pipe, packet *out, kin_os_packet *raw)
{
    kin_status status = kin_os_pipe_recv(&pipe->os, raw);
    if (status != KIN_OK) {
        return status;
    }
    out->head = pipe->inbox.packet->head;
    if (raw->size < sizeof out->head || !head_sound(&out->head) ||
        !size_sound(&out->head, raw->size - sizeof out->head)) {
        return KIN_E_DAMAGED;
    }
    out->size = raw->size - sizeof out->head;
    out->in_place = out->size < raw->parts[1].size ? out->size : raw->parts[1].size;
    return KIN_OK;
}

/* Whether it goes on with the message that has begun. */
static bool continues(const kin__inbox *in, const kin__head *head)
{
    return in->begun && head->from == in->have && head->length == in->length;
}

static bool lacks_items(const kin__inbox *in)
{
    return in->begun && in->count < in->attached;
}

/* The message's items, or what has come instead. No fork comes in between: what a child is to close must be told exactly. */
static kin_status fetch_items(kin_pipe *pipe, packet *out, kin_os_packet *raw)
{
    kin_os_handle handles[KIN_OS_PACKET_HANDLES];
    kin__inbox *in = &pipe->inbox;
    const kin__head *head = &out->head;
    raw->handles = handles;
    kin__ends_enter();
    kin_status status = fetch_packet(pipe, out, raw);
    if (status == KIN_OK && head->kind == KIN__ITEMS && continues(in, head) && head->count == in->attached &&
        items_sound(head, raw->handle_count)) {
        status = make_items(in, head, handles, raw->handle_count);
    } else {
        close_handles(handles, raw->handle_count);
    }
    kin__ends_leave();
    return status;
}

/* The next packet, if there is one. at has room bytes. */
static kin_status fetch(kin_pipe *pipe, packet *out, unsigned char *at, size_t room)
{
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
    };
    return lacks_items(in) ? fetch_items(pipe, out, &raw) : fetch_packet(pipe, out, &raw);
}

/* ---- messages ---- */

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
    for (uint32_t i = take_items(in, items); i > 0; i--) {
        close_item(&items[i - 1]);
    }
    free(in->kept);
    in->kept = NULL;
    in->kept_size = 0;
    in->begun = false;
    in->have = 0;
    in->attached = 0;
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
    return in->length <= target->capacity && in->attached <= target->room;
}

static bool is_complete(const kin__inbox *in)
{
    return in->have == in->length && in->count == in->attached;
}

/* A message's first packet, of which in_place bytes are at `at`. */
static kin_status begin(kin__inbox *in, const packet *from, kin__target *target, const unsigned char *at)
{
    kin__inbox_drop(in);
    in->begun = true;
    in->skip = false;
    in->length = from->head.length;
    in->have = from->size;
    in->attached = from->head.count;
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

/* Its further packets are in place: they are never longer than what is missing. Items are in the inbox, if they are right. */
static kin_status go_on(kin__inbox *in, const packet *more)
{
    if (!in->begun && in->skip) {
        return KIN_OK;
    }
    if (!continues(in, &more->head) || (more->head.kind == KIN__ITEMS && in->count == 0)) {
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
    size_t have = in->begun && target->capacity > 0 ? (size_t)in->have : 0;
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

/* ---- patience ----
 *
 * To go to sleep and be woken costs some ten microseconds, where a processor rests meanwhile. So who finds nothing looks again, for
 * LOOK, which is longer than that: two that answer each other and have both slept find out of it. It offers its processor before
 * each look: on the same one the sender comes by that. From look to look it waits longer, so as not to slow down the sender.
 *
 * Where it was in vain, as with a sender that is slow, it is done less and less often. Where it took long somebody else has had
 * the processor: that counts as in vain four times, for a sleeper would have had it back sooner. While it is not done, the next
 * SLOW packets are waited for before they are looked for: a system call less.
 */

static void learn(kin__inbox *in, bool came, int64_t took)
{
    if (came && took < 2 * LOOK) {
        in->vain = 0;
        return;
    }
    in->vain += took < 2 * LOOK ? 1 : 4;
    in->vain = in->vain < VAIN_MAX ? in->vain : VAIN_MAX;
    in->rest = 1u << in->vain;
}

static kin_status look_on(kin_pipe *pipe, kin__target *target, int64_t deadline)
{
    int64_t begun = kin_os_now(), now = begun;
    kin_status status = KIN_E_TIMED_OUT;
    while (status == KIN_E_TIMED_OUT && now - begun < LOOK && now < deadline) {
        int64_t next = now + (now - begun) / 2;
        do {
            kin_os_yield();
            now = kin_os_now();
        } while (now < next);
        status = step(pipe, target);
    }
    if (now < deadline) {
        learn(&pipe->inbox, status != KIN_E_TIMED_OUT, now - begun);
    }
    return status;
}

static kin_status step_until(kin_pipe *pipe, kin__target *target, int64_t deadline)
{
    kin__inbox *in = &pipe->inbox;
    kin_status status = KIN_E_TIMED_OUT;
    if (in->slow > 0 && in->rest > 0) {
        in->slow--;
        in->rest--;
    } else {
        status = step(pipe, target);
        in->slow = 0;
        if (status == KIN_E_TIMED_OUT && in->rest == 0) {
            status = look_on(pipe, target, deadline);
        } else if (status == KIN_E_TIMED_OUT) {
            in->slow = SLOW;
            in->rest--;
        }
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
    if (!in->begun || is_complete(in)) {
        return;
    }
    kin_status status = kin_os_pipe_peek(&pipe->os, &head, sizeof head);
    in->ended = status == KIN_E_CLOSED;
    if (in->ended || (status == KIN_OK && head_sound(&head) && head.kind == KIN__FIRST)) {
        kin__inbox_drop(in);
    }
}

static void deliver(kin__inbox *in, kin__target *target)
{
    if (in->kept_size > 0) {
        memcpy(target->buffer, in->kept, (size_t)in->kept_size);
    }
    take_items(in, target->items);
    kin__inbox_drop(in);
}

kin_status kin__inbox_receive(kin_pipe *pipe, kin__target *target, int64_t deadline)
{
    kin__inbox *in = &pipe->inbox;
    if (!fits(in, target)) {
        drop_if_given_up(pipe);
    }
    kin__target none = {NULL, 0, 0, NULL, 0, 0};
    kin_status status = in->ended ? KIN_E_CLOSED : KIN_OK;
    while (status == KIN_OK && (!in->begun || lacks_items(in) || (fits(in, target) && !is_complete(in)))) {
        status = step_until(pipe, !in->begun || fits(in, target) ? target : &none, deadline);
    }
    if (in->begun) {
        target->size = (size_t)in->length;
        target->count = in->attached;
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

/* Whether nothing is to be waited for after this packet but more bytes. */
static bool shows_message(const kin__inbox *in, const kin__head *head)
{
    if (!head_sound(head)) {
        return false;
    }
    return head->kind == KIN__FIRST ? head->count == 0
                                    : head->kind == KIN__ITEMS && lacks_items(in) && continues(in, head);
}

/* The head is only looked at, so that the system goes on showing the message. */
kin_status kin__inbox_poll(kin_pipe *pipe, size_t *size, int64_t deadline)
{
    kin__inbox *in = &pipe->inbox;
    kin__target none = {NULL, 0, 0, NULL, 0, 0};
    drop_if_given_up(pipe);
    kin_status status = in->ended ? KIN_E_CLOSED : KIN_OK;
    while (status == KIN_OK && (!in->begun || lacks_items(in))) {
        kin__head head;
        status = kin_os_pipe_peek(&pipe->os, &head, sizeof head);
        if (status == KIN_OK && shows_message(in, &head)) {
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
