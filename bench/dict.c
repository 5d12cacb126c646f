/* dict.c: kin's dict beside a hash table of one process, and a manager's objects beside CPython's. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#define KEYS 10000u
#define MIXED_GETS 9u /* of ten */

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static kin_dict *new_dict(kin_family *family)
{
    kin_dict *dict = NULL;
    entry_key key;
    tool_check(kin_dict_create(&dict, family), "kin_dict_create");
    for (unsigned i = 0; i < KEYS; i++) {
        make_key(key, i);
        tool_check(kin_dict_set(dict, key, PEER_KEY, &i, sizeof i), "kin_dict_set");
    }
    return dict;
}

/* ---- one process ---- */

static kin_dict *dict;
static void *table;
static entry_key keys[KEYS];

static int kin_gets(void)
{
    static unsigned seed = 1;
    int failed = 0;
    for (int i = 0; i < 1000; i++) {
        unsigned value = 0, number = next_random(&seed) % KEYS;
        failed |= kin_dict_get(dict, keys[number], PEER_KEY, &value, sizeof value, NULL) != KIN_OK || value != number;
    }
    return failed;
}

static int peer_gets(void)
{
    static unsigned seed = 1;
    int failed = 0;
    for (int i = 0; i < 1000; i++) {
        unsigned number = next_random(&seed) % KEYS;
        failed |= peer_tables[0]->get(table, keys[number], PEER_KEY) != (int)number;
    }
    return failed;
}

static double get_time(const bench *b, int contender)
{
    return repeat(b, contender == 0 ? kin_gets : peer_gets, 1, "get") / 1000;
}

static void one_process(bench *b)
{
    figure medians[CONTENDERS_MAX];
    const peer_table *peer = peer_tables[0];
    int peers = peer ? 2 : 1;
    dict = new_dict(NULL);
    table = peer ? peer->create() : NULL;
    for (unsigned i = 0; i < KEYS; i++) {
        make_key(keys[i], i);
        if (table) {
            must(peer->set(table, keys[i], PEER_KEY, (int)i), peer->name);
        }
    }
    measure(b, get_time, peers, medians);
    row(b, &(line){"dict get, 16-byte key of 10 000", "ns", medians[0], table ? medians[1] : just(NAN),
                   peer ? peer->name : NULL, table ? AT_MOST(5) : NO_TARGET, 0, 0});
    if (table) {
        peer->destroy(table);
    }
    tool_check(kin_dict_destroy(dict), "kin_dict_destroy");
}

/* ---- two processes ---- */

int bench_mix(const kin_args *args)
{
    plan it;
    board *shared = begin_worker(args, &it);
    kin_dict *mine = tool_given(args, "dict", KIN_TYPE_DICT);
    unsigned seed = (unsigned)it.index + 1;
    int failed = 0;
    int64_t done = 0, began, now;
    entry_key key;
    pass_gate(shared);
    began = now = peer_now_ns();
    for (; now - began < it.span && !failed; now = peer_now_ns()) {
        for (int i = 0; i < 100; i++, done++) {
            unsigned value = 0;
            make_key(key, next_random(&seed) % KEYS);
            failed |= (next_random(&seed) % 10 < MIXED_GETS
                           ? kin_dict_get(mine, key, PEER_KEY, &value, sizeof value, NULL)
                           : kin_dict_set(mine, key, PEER_KEY, &seed, sizeof seed)) != KIN_OK;
        }
    }
    shared->results[it.index] = (worker_result){done, now - began};
    return failed;
}

/* Thousand operations per second, of contender + 1 processes together. */
static double mix_rate(const bench *b, int contender)
{
    void *memory = board_create();
    kin_process *workers[2];
    kin_dict *both = new_dict(NULL);
    double rate = 0;
    for (int i = 0; i <= contender; i++) {
        const plan it = {.cpu = i, .index = i, .span = b->span};
        kin_args *args = worker_args(memory, &it);
        tool_check(kin_args_add_object(args, "dict", KIN_TYPE_DICT, both), "dict");
        workers[i] = start_with("bench_mix", args);
    }
    open_gate(board_in(memory), contender + 1);
    for (int i = 0; i <= contender; i++) {
        must(tool_finish(workers[i]), "bench_mix");
        rate += (double)board_in(memory)->results[i].done * 1e6 / (double)board_in(memory)->results[i].ns;
    }
    tool_check(kin_dict_destroy(both), "kin_dict_destroy");
    board_destroy(memory);
    return rate;
}

static void two_processes(bench *b)
{
    figure medians[CONTENDERS_MAX];
    measure(b, mix_rate, 2, medians);
    row(b,
        &(line){"dict, 2 processes, 90 % gets", "k/s", medians[1], medians[0], "kin, 1 process", AT_LEAST(1.5), 0, 0});
}

/* ---- a manager's ---- */

static kin_lock *hosted_lock;
static kin_queue *hosted_queue;

static int lock_pair(void)
{
    return kin_lock_acquire(hosted_lock, KIN_FOREVER) != KIN_OK || kin_lock_release(hosted_lock) != KIN_OK;
}

static int queue_pair(void)
{
    int number = 5;
    return kin_queue_put(hosted_queue, &number, sizeof number, KIN_FOREVER) != KIN_OK ||
           kin_queue_get(hosted_queue, &number, sizeof number, NULL, KIN_FOREVER) != KIN_OK;
}

static void beside_python(bench *b, const char *what, double ns, const char *operation)
{
    double python = peer_python_manager(operation);
    if (python > 0) {
        row(b, &(line){what, "k/s", just(1e6 / ns), just(python), "CPython's Manager", AT_LEAST(500), 0, 0});
    }
}

static void hosted(bench *b)
{
    kin_manager_options options = KIN_MANAGER_OPTIONS_INIT;
    kin_manager *manager = NULL;
    kin_process_info me = KIN_PROCESS_INFO_INIT;
    char name[32];
    tool_check(kin_process_current(&me), "kin_process_current");
    snprintf(name, sizeof name, "bench-%u", (unsigned)me.pid);
    options.ends_with_starter = 1;
    tool_check(kin_manager_open(&manager, name, &options), "kin_manager_open");
    tool_check(kin_named_lock(&hosted_lock, kin_manager_family(manager), "lock", 0), "lock");
    tool_check(kin_named_queue(&hosted_queue, kin_manager_family(manager), "queue", NULL), "queue");
    dict = new_dict(kin_manager_family(manager));
    beside_python(b, "manager's dict, get", repeat(b, kin_gets, 1, "get") / 1000, "get");
    beside_python(b, "manager's lock, acquire and release", repeat(b, lock_pair, 1000, "lock"), "lock");
    beside_python(b, "manager's queue, put and get", repeat(b, queue_pair, 1000, "queue"), "queue");
    kin_manager_close(manager);
    kin_manager_stop(name, PATIENCE);
}

void bench_dict(bench *b)
{
    one_process(b);
    if (peer_cpu_count() >= 2) {
        two_processes(b);
    }
    hosted(b);
}
