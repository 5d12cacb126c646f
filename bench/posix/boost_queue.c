/* boost_queue.c: Boost's message_queue is there. */
#include "../peers.h"
#include "boost.h"

static void *attach(void *memory, const int64_t *both)
{
    (void)both;
    return boost_queue_attach(memory);
}

const peer_queue peer_boost_queue = {"Boost message_queue", boost_queue_create, boost_queue_destroy, NULL, attach,
                                     boost_queue_put,       boost_queue_get};
