/* nng_queue.c: nng over its ipc transport, from pushers to one puller. See ../peers.h. */
#include "ipc.h"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <stdlib.h>

/* Whether it pushes or pulls, its first put or get decides. */
typedef struct end {
    const char *address;
    nng_socket socket;
    int open;
} end;

static void *attach(void *memory, const int64_t *both)
{
    end *it = calloc(1, sizeof *it);
    (void)both;
    if (it) {
        it->address = memory;
    }
    return it;
}

static int put(void *attached, const void *data, size_t size)
{
    end *it = attached;
    if (!it->open) {
        if (nng_push0_open(&it->socket) != 0 || nng_dial(it->socket, it->address, NULL, NNG_FLAG_NONBLOCK) != 0) {
            return -1;
        }
        it->open = 1;
    }
    return nng_send(it->socket, (void *)(uintptr_t)data, size, 0);
}

static int get(void *attached, void *buffer, size_t size)
{
    end *it = attached;
    if (!it->open) {
        if (nng_pull0_open(&it->socket) != 0 || nng_listen(it->socket, it->address, NULL, 0) != 0) {
            return -1;
        }
        it->open = 1;
    }
    size_t got = size;
    return nng_recv(it->socket, buffer, &got, 0) == 0 && got == size ? 0 : -1;
}

const peer_queue peer_nng_queue = {.name = "nng ipc",
                                   .create = ipc_create,
                                   .destroy = ipc_destroy,
                                   .attach = attach,
                                   .put = put,
                                   .get = get,
                                   .consumers = 1,
                                   .late = 1};
