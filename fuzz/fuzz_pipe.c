/* fuzz_pipe.c: what a pipe's peer may send. The input is a list of steps: packets, sound or not, with handles or
 * without, and calls of the receiver with buffers of any size.
 *
 * Held to: no memory is touched that is not the call's (the sanitizers), nothing waits, a message that is received
 * has the length that was asked for, and at the end no handle is left over.
 */
#include "pipe/pipe.h"
#include "process/wire.h"

#include <stdlib.h>

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static unsigned char filling[KIN_OS_PACKET_MAX];

typedef struct game {
    kin__reader in;
    kin_pipe *sender, *receiver, *spare[2];
} game;

static uint64_t choose(game *it, unsigned width)
{
    return kin__get_number(&it->in, width);
}

/* Mostly what kin itself would send, then with one field changed. */
static void make_head(game *it, kin__head *head, size_t size)
{
    *head = (kin__head){KIN__PIPE_MAGIC, KIN__FIRST, 0, size, 0, 0};
    uint64_t what = choose(it, 1);
    switch (what % 10) {
    case 0:
        head->magic = (uint32_t)choose(it, 4);
        break;
    case 1:
        head->kind = (uint16_t)choose(it, 1);
        break;
    case 2:
        head->length = choose(it, 8);
        break;
    case 3: /* the first of a longer one */
        head->length = size + choose(it, 3);
        break;
    case 4: /* a further one */
        head->kind = KIN__MORE;
        head->from = choose(it, 1) * KIN__PACKET_ROOM;
        head->length = head->from + size;
        break;
    case 5:
        head->count = (uint16_t)choose(it, 2);
        head->attached = choose(it, 8);
        break;
    case 6: /* one to which something is attached */
        head->count = (uint16_t)(choose(it, 1) % 4);
        break;
    case 7: /* that */
        head->kind = KIN__ITEMS;
        head->from = size;
        break;
    default:
        break;
    }
}

static size_t add_handles(game *it, kin__head *head, kin_os_handle *handles)
{
    size_t used = 0;
    uint64_t what = choose(it, 1), count = what % 4;
    for (uint64_t i = 0; i < count; i++) {
        kin_pipe *end = it->spare[choose(it, 1) % 2];
        bool as_end = choose(it, 1) % 2 == 0;
        kin_os_pipe_handles(&end->os, handles + used);
        if (choose(it, 1) == 0) { /* standard input, which is no end */
            handles[used] = kin_os_handle_from(0);
        }
        used += as_end ? KIN_OS_PIPE_HANDLES : 1;
        if (head->kind == KIN__ITEMS && what < 128) {
            head->attached |= as_end ? (uint64_t)end->flags << 4 * i : 0;
            head->count++;
        }
    }
    if (head->kind == KIN__ITEMS && choose(it, 1) == 0) {
        head->attached = choose(it, 8);
    }
    return used;
}

static void send_packet(game *it)
{
    kin__head head;
    kin_os_handle handles[KIN_OS_PACKET_HANDLES];
    size_t size = (size_t)choose(it, 2) % (KIN__PACKET_ROOM + 1);
    size = choose(it, 1) % 4 == 0 ? KIN__PACKET_ROOM : size;
    make_head(it, &head, size);
    kin_os_packet packet = {.parts = {{&head, sizeof head}, {filling, head.kind == KIN__ITEMS ? 0 : size}},
                            .handles = handles};
    packet.handle_count = add_handles(it, &head, handles);
    if (choose(it, 1) == 0) {
        packet.parts[0].size = (size_t)choose(it, 1) % sizeof head;
    }
    kin_os_pipe_send(&it->sender->os, &packet, 0);
}

static void forget(const kin_attachment *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kin_pipe_close(items[i].pipe);
        if (!items[i].pipe) {
            kin_os_handle_close(kin_os_handle_from((uint64_t)items[i].handle));
        }
    }
}

static void receive(game *it)
{
    kin_attachment items[KIN_ATTACHMENTS_MAX];
    size_t capacity = (size_t)choose(it, 3) % 300000, size = 0,
           count = (size_t)choose(it, 1) % (KIN_ATTACHMENTS_MAX + 1);
    unsigned char *buffer = malloc(capacity > 0 ? capacity : 1);
    require(buffer != NULL);
    if (choose(it, 1) % 4 == 0) {
        kin_pipe_poll(it->receiver, &size, KIN_NOW);
    }
    size_t room = count;
    kin_status status = kin_pipe_recv_with(it->receiver, buffer, capacity, &size, items, &count, KIN_NOW);
    if (status == KIN_OK) {
        require(size <= capacity && count <= room);
        forget(items, count);
    } else if (status == KIN_E_BUFFER) {
        require(size > capacity || count > room);
    } else {
        require(status == KIN_E_TIMED_OUT || status == KIN_E_DAMAGED || status == KIN_E_CLOSED);
    }
    free(buffer);
}

/* The lowest number that is free: higher when something is left over. */
static kin_os_handle lowest_free(void)
{
    static kin_pipe *always[2];
    kin_os_handle copy, handles[KIN_OS_PIPE_HANDLES];
    require(always[0] || kin_pipe_create(always, 0) == KIN_OK);
    kin_os_pipe_handles(&always[0]->os, handles);
    require(kin_os_handle_duplicate(&copy, handles[0]) == KIN_OK);
    kin_os_handle_close(copy);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kin_pipe *ends[2];
    game it = {.in = {data, size, 0, false}};
    kin_os_handle before = lowest_free();
    require(kin_pipe_create(ends, 0) == KIN_OK && kin_pipe_create(it.spare, 0) == KIN_OK);
    it.sender = ends[0];
    it.receiver = ends[1];
    while (!it.in.bad && it.in.used < it.in.size) {
        if (choose(&it, 1) % 3 > 0) {
            send_packet(&it);
        } else {
            receive(&it);
        }
    }
    for (int i = 0; i < 4; i++) {
        receive(&it);
    }
    if (size % 2) {
        kin_pipe_close(it.sender);
        receive(&it);
    } else {
        kin_pipe_close(it.sender);
    }
    kin_pipe_close(it.receiver);
    kin_pipe_close(it.spare[0]);
    kin_pipe_close(it.spare[1]);
    require(lowest_free() == before);
    return 0;
}
