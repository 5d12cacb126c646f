/* lmdb_table.c: LMDB, each operation a transaction, nothing synchronised to a disk: its files are in memory where there
 * is a /dev/shm. See ../peers.h. */
#include "../peers.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct table {
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *batch; /* of many sets; NULL: each set is a transaction */
    char directory[64];
} table;

static void destroy(void *it_)
{
    table *it = it_;
    char path[80];
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    if (it->env != NULL) {
        mdb_env_close(it->env);
    }
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", it->directory, files[i]);
        unlink(path);
    }
    rmdir(it->directory);
    free(it);
}

static int open_table(table *it)
{
    MDB_txn *txn = NULL;
    return mdb_env_create(&it->env) != 0 || mdb_env_set_mapsize(it->env, (size_t)4 << 30) != 0 ||
           mdb_env_open(it->env, it->directory, MDB_NOSYNC | MDB_WRITEMAP, 0600) != 0 ||
           mdb_txn_begin(it->env, NULL, 0, &txn) != 0 || mdb_dbi_open(txn, NULL, 0, &it->dbi) != 0 ||
           mdb_txn_commit(txn) != 0;
}

static void *create(void)
{
    table *it = calloc(1, sizeof *it);
    if (it == NULL) {
        return NULL;
    }
    snprintf(it->directory, sizeof it->directory, "%s/kin-bench-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(it->directory) == NULL || open_table(it)) {
        destroy(it);
        return NULL;
    }
    return it;
}

static int set(void *it_, const char *key, size_t size, int value)
{
    table *it = it_;
    MDB_txn *txn = it->batch;
    MDB_val name = {size, (void *)(uintptr_t)key}, data = {sizeof value, &value};
    if (txn == NULL && mdb_txn_begin(it->env, NULL, 0, &txn) != 0) {
        return -1;
    }
    int failed = mdb_put(txn, it->dbi, &name, &data, 0);
    return it->batch ? failed : failed | mdb_txn_commit(txn);
}

static int get(void *it_, const char *key, size_t size)
{
    table *it = it_;
    MDB_txn *txn = NULL;
    MDB_val name = {size, (void *)(uintptr_t)key}, data;
    int value = -1;
    if (mdb_txn_begin(it->env, NULL, MDB_RDONLY, &txn) != 0) {
        return -1;
    }
    if (mdb_get(txn, it->dbi, &name, &data) == 0) {
        memcpy(&value, data.mv_data, sizeof value);
    }
    mdb_txn_abort(txn);
    return value;
}

static int batch(void *it_, int begin)
{
    table *it = it_;
    if (begin) {
        return mdb_txn_begin(it->env, NULL, 0, &it->batch);
    }
    MDB_txn *txn = it->batch;
    it->batch = NULL;
    return mdb_txn_commit(txn);
}

/* A process may have it open once, and none that was forked may use what it inherits ("Caveats" of lmdb.h). */
static const char *leave(void *it_)
{
    table *it = it_;
    mdb_env_close(it->env);
    it->env = NULL;
    return it->directory;
}

static void *open_left(const char *directory)
{
    table *it = calloc(1, sizeof *it);
    if (it != NULL) {
        snprintf(it->directory, sizeof it->directory, "%s", directory);
        if (open_table(it) == 0) {
            return it;
        }
        free(it);
    }
    return NULL;
}

static void close_left(void *it_)
{
    leave(it_);
    free(it_);
}

const peer_table peer_lmdb_table = {.name = "LMDB, not synchronised",
                                    .create = create,
                                    .set = set,
                                    .get = get,
                                    .batch = batch,
                                    .destroy = destroy,
                                    .leave = leave,
                                    .open = open_left,
                                    .close = close_left};
