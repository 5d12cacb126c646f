/* bench_without_boost.c: Boost's headers were not found. */
#include "../bench_peers.h"

const peer_queue peer_boost_queue = {NULL, NULL, NULL, NULL, NULL, NULL, NULL};
