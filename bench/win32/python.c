/* python.c: under Wine there is no CPython to be compared with. See ../peers.h. */
#include "../peers.h"

double peer_python_queue(int producers, int consumers)
{
    (void)producers;
    (void)consumers;
    return -1;
}

double peer_python_pool(size_t count, size_t chunk)
{
    (void)count;
    (void)chunk;
    return -1;
}

double peer_python_map(const char *module, size_t count, size_t chunk)
{
    (void)module;
    (void)count;
    (void)chunk;
    return -1;
}

double peer_python_submit(const char *module)
{
    (void)module;
    return -1;
}

double peer_python_manager(const char *operation)
{
    (void)operation;
    return -1;
}
