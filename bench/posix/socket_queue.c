/* socket_queue.c: a socket pair of whole messages as a queue. See ../peers.h. */
#include "../peers.h"

#include <stdlib.h>

static int create(void *memory, size_t message)
{
    (void)message;
    return peer_pair_create(memory);
}

static void destroy(void *memory)
{
    const int64_t *ends = memory;
    peer_pair_close(ends[0]);
    peer_pair_close(ends[1]);
}

static int handles(void *memory, int64_t *both)
{
    const int64_t *ends = memory;
    both[0] = ends[0];
    both[1] = ends[1];
    return 2;
}

static void *attach(void *memory, const int64_t *both)
{
    int64_t *mine = malloc(2 * sizeof *mine);
    (void)memory;
    if (mine) {
        mine[0] = both[0];
        mine[1] = both[1];
    }
    return mine;
}

static int put(void *attached, const void *data, size_t size)
{
    return peer_pair_send(((const int64_t *)attached)[1], data, size);
}

static int get(void *attached, void *buffer, size_t size)
{
    return peer_pair_recv(((const int64_t *)attached)[0], buffer, size);
}

const peer_queue peer_socket_queue = {.name = "socketpair (SEQPACKET)",
                                      .create = create,
                                      .destroy = destroy,
                                      .handles = handles,
                                      .attach = attach,
                                      .put = put,
                                      .get = get};
