/* inbox.c: receiving. Makes messages of packets. Another process wrote the packets, so every number in them is checked
 * before it is used.
 *
 * A packet goes straight into the caller's buffer, to the place of the message's next bytes. The bytes for which the
 * buffer has no room go into the spill, so a packet is never cut. If a packet turns out to be the first of another
 * message, it is moved.
 */
#include "pipe/inbox.h"

#include "base/backoff.h"
#include "base/handles.h"
#include "base/last_error.h"
#include "pipe/endpoint.h"
#include "pipe/endpoint_registry.h"
#include "pipe/packet.h"

#include <stdlib.h>
#include <string.h>

#define SHORT 8192u /* a buffer that is not worth a part of its own: copying is less work */

typedef struct packet { /* a sound one */
    kin__head head;
    size_t size;     /* of its bytes */
    size_t in_place; /* so many of its bytes are in the caller's buffer, the others in the spill */
} packet;

/* ---- attachments ---- */

static void close_item(const kin_attachment *item)
{
    if (item->pipe) { /* nobody has received from it: its inbox is empty */
        int held = kin__endpoints_enter();
        kin__endpoint_close(item->pipe);
        kin__endpoints_leave(held);
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

/* Takes all handles, also on failure. The caller then drops the items made before. */
static kin_status make_items(kin__inbox *in, const kin__head *head, const kin_os_handle *handles, size_t count)
{
    size_t used = 0;
    while (in->count < head->count) {
        uint32_t flags = kin__head_flags(head, in->count);
        kin_status status = make_item(&in->items[in->count], handles + used, flags);
        used += flags ? KIN_OS_PIPE_HANDLES : 1;
        if (status != KIN_OK) {
            kin__handles_close(handles + used, count - used);
            return status;
        }
        in->count++;
    }
    return KIN_OK;
}

/* ---- packets ---- */

static kin_status fetch_packet(kin_pipe *pipe, packet *out, kin_os_packet *raw, bool wait)
{
    kin_status status = kin_os_pipe_recv(&pipe->os, raw, wait);
    if (status != KIN_OK) {
        return status;
    }
    out->head = pipe->inbox.packet->head;
    if (raw->size < sizeof out->head || !kin__head_sound(&out->head) ||
        !kin__head_fits_size(&out->head, raw->size - sizeof out->head)) {
        return KIN_E_DAMAGED;
    }
    out->size = raw->size - sizeof out->head;
    out->in_place = out->size < raw->parts[1].size ? out->size : raw->parts[1].size;
    return KIN_OK;
}

/* Whether a packet with this head is the next one of the message that has begun. */
static bool continues(const kin__inbox *in, const kin__head *head)
{
    return in->begun && head->from == in->have && head->length == in->length;
}

static bool lacks_items(const kin__inbox *in)
{
    return in->begun && in->count < in->attached;
}

/* The message's items, or the packet that has come instead. No fork comes in between: a forked child must find all
 * handles that it is to close in the inbox. */
static kin_status fetch_items(kin_pipe *pipe, packet *out, kin_os_packet *raw)
{
    kin_os_handle handles[KIN_OS_PACKET_HANDLES];
    kin__inbox *in = &pipe->inbox;
    const kin__head *head = &out->head;
    raw->handles = handles;
    int held = kin__endpoints_enter();
    kin_status status = fetch_packet(pipe, out, raw, false);
    if (status == KIN_OK && head->kind == KIN__ITEMS && continues(in, head) && head->count == in->attached &&
        kin__head_fits_handles(head, raw->handle_count)) {
        status = make_items(in, head, handles, raw->handle_count);
    } else {
        kin__handles_close(handles, raw->handle_count);
    }
    kin__endpoints_leave(held);
    return status;
}

/* The next packet, if there is one. at has room bytes. wait: see kin_os_pipe_recv. */
static kin_status fetch(kin_pipe *pipe, packet *out, unsigned char *at, size_t room, bool wait)
{
    kin__inbox *in = &pipe->inbox;
    if (!in->packet && !(in->packet = malloc(sizeof *in->packet))) {
        return kin__malloc_failed();
    }
    if (!in->begun && room < SHORT) {
        room = 0;
    }
    size_t direct = room < KIN__PACKET_ROOM ? room : KIN__PACKET_ROOM;
    kin_os_packet raw = {
        .parts = {{&in->packet->head, sizeof(kin__head)}, {at, direct}, {in->packet->spill, KIN__PACKET_ROOM - direct}},
    };
    return lacks_items(in) ? fetch_items(pipe, out, &raw) : fetch_packet(pipe, out, &raw, wait);
}

/* ---- messages ---- */

/* Gives them to the caller. */
static uint32_t take_items(kin__inbox *in, kin_attachment *items)
{
    uint32_t count = in->count;
    if (count > 0) {
        int held = kin__endpoints_enter();
        memcpy(items, in->items, count * sizeof *items);
        in->count = 0;
        kin__endpoints_leave(held);
    }
    return count;
}

/* Forgets the message, closing what is attached. */
static void drop(kin__inbox *in)
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
    drop(in);
    free(in->packet);
    in->packet = NULL;
}

/* Keeps for the next call what has come of the message; it is in bytes. */
static kin_status keep(kin__inbox *in, const unsigned char *bytes)
{
    if (in->kept_size == in->have) {
        return KIN_OK;
    }
    unsigned char *room = realloc(in->kept, (size_t)in->have);
    if (!room) {
        drop(in);
        in->skip = true;
        return kin__malloc_failed();
    }
    memcpy(room + in->kept_size, bytes + in->kept_size, (size_t)(in->have - in->kept_size));
    in->kept = room;
    in->kept_size = in->have;
    return KIN_OK;
}

/* The same for the bytes of a further packet, which are in the spill. */
static kin_status keep_more(kin__inbox *in, size_t size)
{
    unsigned char *room = size > 0 ? realloc(in->kept, (size_t)in->have) : in->kept;
    if (size > 0 && !room) {
        return kin__malloc_failed();
    }
    if (size > 0) {
        memcpy(room + in->kept_size, in->packet->spill, size);
    }
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

/* A message's first packet. Its in_place bytes are at `at`. */
static kin_status begin(kin__inbox *in, const packet *from, kin__target *target, const unsigned char *at)
{
    drop(in);
    in->begun = true;
    in->skip = false;
    in->length = from->head.length;
    in->have = from->size;
    in->attached = from->head.count;
    size_t rest = from->size - from->in_place;
    unsigned char *start = target->buffer;
    if (!fits(in, target)) { /* the spill is large enough for all of the packet */
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

/* A further packet. Its bytes are in place: they are never more than what is missing. But where the caller has no
 * room they are in the spill, and are kept. Sound items are in the inbox. */
static kin_status go_on(kin__inbox *in, const packet *more, const kin__target *target)
{
    if (!in->begun && in->skip) {
        return KIN_OK;
    }
    if (!continues(in, &more->head) || (more->head.kind == KIN__ITEMS && in->count == 0)) {
        return KIN_E_DAMAGED;
    }
    in->have += more->size;
    return target->capacity == 0 ? keep_more(in, more->size) : KIN_OK;
}

/* Receives one packet. KIN_E_TIMED_OUT: there is none. wait: see kin_os_pipe_recv; attachments are not waited for. */
static kin_status receive(kin_pipe *pipe, kin__target *target, bool wait)
{
    packet next;
    kin__inbox *in = &pipe->inbox;
    size_t have = in->begun && target->capacity > 0 ? (size_t)in->have : 0;
    unsigned char *at = target->capacity > 0 ? target->buffer + have : NULL;
    kin_status status = fetch(pipe, &next, at, target->capacity - have, wait);
    if (status == KIN_OK) {
        status = next.head.kind == KIN__FIRST ? begin(in, &next, target, at) : go_on(in, &next, target);
    }
    if (status == KIN_E_CLOSED) {
        in->ended = true;
    }
    if (status != KIN_OK && status != KIN_E_TIMED_OUT) {
        drop(in);
        in->skip = true;
    }
    return status;
}

static kin_status step(kin_pipe *pipe, kin__target *target)
{
    return receive(pipe, target, false);
}

/* ---- looking again ----
 *
 * To go to sleep and be woken costs some ten microseconds, while a processor rests. So a receiver that finds nothing
 * looks again for LOOK, which is longer: of two processes that answer each other, both may have slept once, and then
 * find each other awake. It offers its processor before each look: a sender on the same processor gets to run by that.
 * It waits longer from look to look, so as not to slow down the sender.
 *
 * After a vain look, as with a slow sender, it is done more rarely. Where it took long, another process had the
 * processor: a sleeper would have had it back sooner, so that counts as four failures. While it is not done, the next
 * SLOW packets are waited for at once: a system call less.
 *
 * This is not kin__spin, because a look here is a system call, not a load: it is spaced out, and its waits are offers
 * of the processor. How often to try is decided by the same backoff.
 */
#define SLOW 8u
#define LOOK KIN_US(60)
#define LOOK_LONG (2 * LOOK)
#define LOOK_LONG_FAILURES 4u
#define DOUBT_MAX 10u

static void learn(kin__inbox *in, bool came, int64_t took)
{
    if (came && took < LOOK_LONG) {
        kin__backoff_succeeded(&in->look);
    } else {
        kin__backoff_failed(&in->look, took < LOOK_LONG ? 1 : LOOK_LONG_FAILURES, DOUBT_MAX, 1);
    }
}

static kin_status look_again(kin_pipe *pipe, kin__target *target, int64_t deadline)
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
    if (in->slow > 0 && !kin__backoff_due(&in->look)) {
        in->slow--;
    } else {
        status = step(pipe, target);
        in->slow = 0;
        if (status == KIN_E_TIMED_OUT && kin__backoff_due(&in->look)) {
            status = look_again(pipe, target, deadline);
        } else if (status == KIN_E_TIMED_OUT) {
            in->slow = SLOW;
        }
    }
    if (status == KIN_E_TIMED_OUT && deadline == KIN_OS_NEVER) {
        status = receive(pipe, target, true);
    }
    while (status == KIN_E_TIMED_OUT && kin_os_pipe_wait(&pipe->os, true, deadline) == KIN_OK) {
        status = step(pipe, target);
    }
    return status;
}

/* A message that was given up is dropped, so that no larger buffer is asked for it. What follows it shows that; so
 * what there is of it is read first, and kept. Otherwise it would stay in the way of what follows. */
static void drop_if_given_up(kin_pipe *pipe)
{
    kin__inbox *in = &pipe->inbox;
    kin__target none = {NULL, 0, 0, NULL, 0, 0};
    kin__head head;
    kin_status status = KIN_OK;
    while (status == KIN_OK && in->begun && !is_complete(in)) {
        status = kin_os_pipe_peek(&pipe->os, &head, sizeof head);
        bool more = status == KIN_OK && kin__head_sound(&head) && head.kind == KIN__MORE && continues(in, &head);
        if (!more || lacks_items(in) || in->kept_size != in->have) {
            break;
        }
        status = step(pipe, &none);
    }
    if (!in->begun || is_complete(in)) {
        return;
    }
    status = kin_os_pipe_peek(&pipe->os, &head, sizeof head);
    in->ended = status == KIN_E_CLOSED;
    if (in->ended || (status == KIN_OK && kin__head_sound(&head) && head.kind == KIN__FIRST)) {
        drop(in);
    }
}

static void deliver(kin__inbox *in, kin__target *target)
{
    if (in->kept_size > 0) {
        memcpy(target->buffer, in->kept, (size_t)in->kept_size);
    }
    take_items(in, target->items);
    drop(in);
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
        return kin__refuse(KIN_E_BUFFER, "the buffer, or the room for attachments, is too small for the message");
    }
    deliver(in, target);
    return KIN_OK;
}

/* Whether after this packet only more bytes of the message are to be waited for. */
static bool shows_message(const kin__inbox *in, const kin__head *head)
{
    if (!kin__head_sound(head)) {
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
