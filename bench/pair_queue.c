/* pair_queue.c: the system's pipe of whole messages as a queue. See peers.h. */
#include "peers.h"

static int create(void *memory, size_t message)
{
    (void)message;
    return peer_pair_create(memory);
}

static int put(void *attached, const void *data, size_t size)
{
    return peer_pair_send(((const int64_t *)attached)[1], data, size);
}

static int get(void *attached, void *buffer, size_t size)
{
    return peer_pair_recv(((const int64_t *)attached)[0], buffer, size);
}

const peer_queue peer_pair_queue = {.name = peer_pair_name,
                                    .create = create,
                                    .destroy = peer_ends_destroy,
                                    .handles = peer_ends_handles,
                                    .attach = peer_ends_attach,
                                    .put = put,
                                    .get = get};
