/* uthash.c: a hash table of one process, without locks. See ../peers.h. */
#include "../peers.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

typedef struct entry {
    char key[PEER_KEY];
    int value;
    UT_hash_handle hh;
} entry;

typedef struct table {
    entry *first;
} table;

static void *create(void)
{
    return calloc(1, sizeof(table));
}

static int set(void *it, const char *key, size_t size, int value)
{
    table *to = it;
    entry *made = NULL;
    HASH_FIND(hh, to->first, key, size, made);
    if (made != NULL) {
        made->value = value;
        return 0;
    }
    made = calloc(1, sizeof *made);
    if (made == NULL || size != sizeof made->key) {
        free(made);
        return -1;
    }
    memcpy(made->key, key, size);
    made->value = value;
    HASH_ADD(hh, to->first, key, sizeof made->key, made);
    return 0;
}

static int get(void *it, const char *key, size_t size)
{
    entry *found = NULL;
    HASH_FIND(hh, ((table *)it)->first, key, size, found);
    return found != NULL ? found->value : -1;
}

static void destroy(void *it)
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

const peer_table peer_uthash_table = {
    .name = "uthash, one process", .create = create, .set = set, .get = get, .destroy = destroy};
