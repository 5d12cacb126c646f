/* bench_with_boost.c: Boost's message_queue is there. */
#include "../bench_peers.h"
#include "bench_boost.h"

static void *attach(void *memory, const int64_t *both)
{
    (void)both;
    return bench_boost_attach(memory);
}

const peer_queue peer_boost_queue = {"Boost message_queue", bench_boost_create, bench_boost_destroy, NULL, attach,
                                     bench_boost_put,       bench_boost_get};
