/* uthash.c: a hash table of one process: uthash. See peers.h. */
#include "peers.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

typedef struct entry {
    char key[16];
    int value;
    UT_hash_handle hh;
} entry;

typedef struct table {
    entry *first;
} table;

const char *const peer_table_name = "uthash, one process";

void *peer_table_create(void)
{
    return calloc(1, sizeof(table));
}

int peer_table_set(void *it, const char *key, size_t size, int value)
{
    table *to = it;
    entry *made = calloc(1, sizeof *made);
    if (made == NULL || size != sizeof made->key) {
        free(made);
        return -1;
    }
    memcpy(made->key, key, size);
    made->value = value;
    HASH_ADD(hh, to->first, key, sizeof made->key, made);
    return 0;
}

int peer_table_get(void *it, const char *key, size_t size)
{
    entry *found = NULL;
    HASH_FIND(hh, ((table *)it)->first, key, size, found);
    return found != NULL ? found->value : -1;
}

void peer_table_destroy(void *it)
{
    table *of = it;
    entry *each, *next;
    HASH_ITER(hh, of->first, each, next)
    {
        HASH_DEL(of->first, each);
        free(each);
    }
    free(of);
}
