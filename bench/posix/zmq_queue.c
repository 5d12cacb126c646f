/* zmq_queue.c: ZeroMQ over its ipc transport, from pushers to one puller. See ../peers.h. */
#include "ipc.h"

#include <stdlib.h>
#include <zmq.h>

/* Whether it pushes or pulls, its first put or get decides. */
typedef struct end {
    const char *address;
    void *context, *socket;
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

static int open_end(end *it, int type)
{
    it->context = zmq_ctx_new();
    it->socket = zmq_socket(it->context, type);
    return it->socket == NULL ? -1
           : type == ZMQ_PULL ? zmq_bind(it->socket, it->address)
                              : zmq_connect(it->socket, it->address);
}

static int put(void *attached, const void *data, size_t size)
{
    end *it = attached;
    if (it->socket == NULL && open_end(it, ZMQ_PUSH) != 0) {
        return -1;
    }
    return zmq_send(it->socket, data, size, 0) == (int)size ? 0 : -1;
}

static int get(void *attached, void *buffer, size_t size)
{
    end *it = attached;
    if (it->socket == NULL && open_end(it, ZMQ_PULL) != 0) {
        return -1;
    }
    return zmq_recv(it->socket, buffer, size, 0) == (int)size ? 0 : -1;
}

const peer_queue peer_zmq_queue = {.name = "ZeroMQ ipc",
                                   .create = ipc_create,
                                   .destroy = ipc_destroy,
                                   .attach = attach,
                                   .put = put,
                                   .get = get,
                                   .consumers = 1,
                                   .late = 1};
