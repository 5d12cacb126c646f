/* pipe_queue.c: the system's pipe as a queue, and what other queues of two ends have in common with it. See peers.h. */
#include "peers.h"

static int create(void *memory, size_t message)
{
    (void)message;
    return peer_pipe_create(memory);
}

void peer_ends_destroy(void *memory)
{
    const int64_t *ends = memory;
    peer_end_close(ends[0]);
    peer_end_close(ends[1]);
}

int peer_ends_handles(void *memory, int64_t *both)
{
    const int64_t *ends = memory;
    both[0] = ends[0];
    both[1] = ends[1];
    return 2;
}

void *peer_ends_attach(void *memory, const int64_t *both)
{
    static int64_t attached[2][2]; /* a process uses two at most */
    static int count;
    int64_t *mine = attached[count++ % 2];
    (void)memory;
    mine[0] = both[0];
    mine[1] = both[1];
    return mine;
}

static int put(void *attached, const void *data, size_t size)
{
    return peer_pipe_write(((const int64_t *)attached)[1], data, size);
}

static int get(void *attached, void *buffer, size_t size)
{
    return peer_pipe_read(((const int64_t *)attached)[0], buffer, size);
}

const peer_queue peer_pipe_queue = {.name = "pipe",
                                    .create = create,
                                    .destroy = peer_ends_destroy,
                                    .handles = peer_ends_handles,
                                    .attach = peer_ends_attach,
                                    .put = put,
                                    .get = get};
