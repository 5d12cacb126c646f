/* boost_queue.c: Boost's message_queue is there. */
#include "../peers.h"
#include "boost.h"

static void *attach(void *memory, const int64_t *both)
{
    (void)both;
    return boost_queue_attach(memory);
}

const peer_queue peer_boost_queue = {.name = "Boost message_queue",
                                     .create = boost_queue_create,
                                     .destroy = boost_queue_destroy,
                                     .attach = attach,
                                     .put = boost_queue_put,
                                     .get = boost_queue_get};
