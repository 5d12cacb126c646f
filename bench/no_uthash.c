/* no_uthash.c: where uthash's header was not found, there is no such peer. See peers.h. */
#include "peers.h"

const char *const peer_table_name;

void *peer_table_create(void)
{
    return NULL;
}

int peer_table_set(void *it, const char *key, size_t size, int value)
{
    (void)it;
    (void)key;
    (void)size;
    (void)value;
    return -1;
}

int peer_table_get(void *it, const char *key, size_t size)
{
    (void)it;
    (void)key;
    (void)size;
    return -1;
}

void peer_table_destroy(void *it)
{
    (void)it;
}
