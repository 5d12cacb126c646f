/* sharing.c: dicts that some processes read while others write, beside a table that processes can share. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#define ENTRIES 10000u
#define AT_ONCE 100 /* operations between two looks at the clock */
#define SHARERS_MAX 8

static struct {
    int readers, writers;
    double sets[CONTENDERS_MAX][ROUNDS_MAX]; /* thousand per second, of all writers */
    int rounds[CONTENDERS_MAX];
} now; /* what is measured */

/* The peers that processes can share. */
static const peer_table *sharable(int contender)
{
    for (int i = 0; peer_tables[i] != NULL; i++) {
        if (peer_tables[i]->leave != NULL && --contender == 0) {
            return peer_tables[i];
        }
    }
    return NULL;
}

/* ---- a reader or a writer: contender 0 is kin's dict ---- */

static int use_kin(kin_dict *dict, const char *key, int number, int sets)
{
    int value = -1;
    return sets ? kin_dict_set(dict, key, PEER_KEY, &number, sizeof number) != KIN_OK
                : kin_dict_get(dict, key, PEER_KEY, &value, sizeof value, NULL) != KIN_OK || value != number;
}

static int use_peer(const peer_table *peer, void *table, const char *key, int number, int sets)
{
    return sets ? peer->set(table, key, PEER_KEY, number) != 0 : peer->get(table, key, PEER_KEY) != number;
}

int bench_share(const kin_args *args)
{
    plan it;
    board *shared = begin_worker(args, &it);
    const peer_table *peer = it.contender > 0 ? sharable(it.contender) : NULL;
    kin_dict *dict = peer ? NULL : tool_given(args, "dict", KIN_TYPE_DICT);
    void *table = peer ? peer->open((const char *)shared->object) : NULL;
    must(peer && table == NULL, "opening");
    int sets = it.index >= it.size; /* the readers come first */
    uint64_t seed = (uint64_t)it.index + 1;
    int failed = 0;
    pass_gate(shared);
    int64_t done = 0, began = peer_now_ns(), at = began;
    for (; at - began < it.span && !failed; at = peer_now_ns()) {
        for (int i = 0; i < AT_ONCE; i++, done++) {
            entry_key key;
            uint32_t number = random_below(&seed, ENTRIES);
            make_key(key, number);
            failed |= peer ? use_peer(peer, table, key, (int)number, sets) : use_kin(dict, key, (int)number, sets);
        }
    }
    shared->results[it.index] = (worker_result){done, at - began};
    if (peer) {
        peer->close(table);
    }
    return failed;
}

/* ---- one measurement ---- */

static void *fill(const peer_table *peer)
{
    void *table = peer->create();
    entry_key key;
    must(table == NULL || (peer->batch && peer->batch(table, 1)), peer->name);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        make_key(key, i);
        must(peer->set(table, key, PEER_KEY, (int)i), peer->name);
    }
    must(peer->batch && peer->batch(table, 0), peer->name);
    return table;
}

static kin_dict *fill_kin(void)
{
    kin_dict *dict = NULL;
    entry_key key;
    tool_check(kin_dict_create(&dict, NULL), "kin_dict_create");
    for (uint32_t i = 0; i < ENTRIES; i++) {
        int number = (int)i;
        make_key(key, i);
        tool_check(kin_dict_set(dict, key, PEER_KEY, &number, sizeof number), "kin_dict_set");
    }
    return dict;
}

static kin_process *start_sharer(void *memory, kin_dict *dict, const plan *it)
{
    kin_args *args = worker_args(memory, it);
    if (dict) {
        tool_check(kin_args_add_object(args, "dict", KIN_TYPE_DICT, dict), "dict");
    }
    return start_with("bench_share", args);
}

/* Thousand gets per second, of all readers. */
static double share(const bench *b, int contender)
{
    const peer_table *peer = contender > 0 ? sharable(contender) : NULL;
    void *memory = board_create(), *table = peer ? fill(peer) : NULL;
    board *shared = board_in(memory);
    kin_dict *dict = peer ? NULL : fill_kin();
    kin_process *workers[SHARERS_MAX];
    double gets = 0, sets = 0;
    if (peer) {
        snprintf((char *)shared->object, sizeof shared->object, "%s", peer->leave(table));
    }
    for (int i = 0; i < now.readers + now.writers; i++) {
        workers[i] = start_sharer(
            memory, dict, &(plan){.contender = contender, .cpu = i, .index = i, .size = now.readers, .span = b->span});
    }
    open_gate(shared, now.readers + now.writers);
    for (int i = 0; i < now.readers + now.writers; i++) {
        must(tool_finish(workers[i]), "sharing");
        double rate = (double)shared->results[i].done * 1e6 / (double)shared->results[i].ns;
        *(i < now.readers ? &gets : &sets) += rate;
    }
    now.sets[contender][now.rounds[contender]++] = sets;
    if (peer) {
        peer->destroy(table);
    } else {
        tool_check(kin_dict_destroy(dict), "kin_dict_destroy");
    }
    board_destroy(memory);
    return gets;
}

/* ---- rows ---- */

static void rows_of(bench *b, const char *what, const figure *of, int count)
{
    for (int i = 1; i < count; i++) {
        row(b, &(line){what, "k/s", of[0], of[i], sharable(i)->name, NO_TARGET, 0, 0});
    }
    if (count == 1) {
        row(b, &(line){what, "k/s", of[0], just(NAN), NULL, NO_TARGET, 0, 0});
    }
}

static void compare(bench *b, int count)
{
    figure gets[CONTENDERS_MAX], sets[CONTENDERS_MAX];
    char name[64];
    memset(now.rounds, 0, sizeof now.rounds);
    measure(b, share, count, gets);
    for (int i = 0; i < count; i++) {
        sets[i] = just(median(now.sets[i], now.rounds[i]));
    }
    snprintf(name, sizeof name, "dict of %u, %d readers, %d writers: gets", ENTRIES, now.readers, now.writers);
    rows_of(b, name, gets, count);
    if (now.writers > 0) {
        snprintf(name, sizeof name, "dict of %u, %d readers, %d writers: sets", ENTRIES, now.readers, now.writers);
        rows_of(b, name, sets, count);
    }
}

void bench_sharing(bench *b)
{
    static const int readers[] = {1, 4};
    int count = 1;
    while (sharable(count) != NULL) {
        count++;
    }
    for (int i = 0; i < 6; i++) {
        now.readers = readers[i / 3];
        now.writers = i % 3;
        if (!b->quick || (i != 0 && i != 4)) {
            compare(b, count);
        }
    }
}
