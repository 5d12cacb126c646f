/* no_boost.c: Boost's headers were not found. */
#include "peers.h"

const peer_queue peer_boost_queue = {NULL, NULL, NULL, NULL, NULL, NULL, NULL};
