/* tables.c: kin's dict beside other tables, by the number of entries: keys of 16 bytes, values of 4. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#define AT_ONCE 1000
#define TABLES_MAX 8

/* ---- kin's ---- */

typedef struct kin_table {
    kin_family *family;
    kin_dict *dict;
} kin_table;

static kin_table kins;

static void *kin_create(void)
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.reserve = UINT64_C(1) << (sizeof(void *) > 4 ? 32 : 28);
    tool_check(kin_family_create(&kins.family, &options), "kin_family_create");
    tool_check(kin_dict_create(&kins.dict, kins.family), "kin_dict_create");
    return &kins;
}

static int kin_set(void *table, const char *key, size_t size, int value)
{
    return kin_dict_set(((kin_table *)table)->dict, key, size, &value, sizeof value);
}

static int kin_get(void *table, const char *key, size_t size)
{
    int value = -1;
    return kin_dict_get(((kin_table *)table)->dict, key, size, &value, sizeof value, NULL) == KIN_OK ? value : -1;
}

static void kin_destroy(void *table)
{
    kin_family_close(((kin_table *)table)->family);
}

static const peer_table kin_contender = {
    .name = "kin_dict", .create = kin_create, .set = kin_set, .get = kin_get, .destroy = kin_destroy};

/* ---- all of them, filled ---- */

static const peer_table *tables[TABLES_MAX];
static void *filled[TABLES_MAX];
static int count;
static uint32_t entries;

static void find_tables(void)
{
    tables[0] = &kin_contender;
    for (count = 1; count < TABLES_MAX && peer_tables[count - 1] != NULL; count++) {
        tables[count] = peer_tables[count - 1];
    }
}

static void fill(int contender)
{
    const peer_table *it = tables[contender];
    int failed = 0;
    entry_key key;
    filled[contender] = it->create();
    must(filled[contender] == NULL, it->name);
    failed |= it->batch ? it->batch(filled[contender], 1) : 0;
    for (uint32_t i = 0; i < entries; i++) {
        make_key(key, i);
        failed |= it->set(filled[contender], key, PEER_KEY, (int)i);
    }
    failed |= it->batch ? it->batch(filled[contender], 0) : 0;
    must(failed, it->name);
}

/* ---- operations on random entries, whose keys are made before the clock starts ---- */

static int setting, now; /* what is measured; which contender */
static entry_key keys[AT_ONCE];
static uint32_t numbers[AT_ONCE];

static int use_some(void)
{
    int failed = 0;
    for (int i = 0; i < AT_ONCE; i++) {
        failed |= setting ? tables[now]->set(filled[now], keys[i], PEER_KEY, (int)numbers[i]) != 0
                          : tables[now]->get(filled[now], keys[i], PEER_KEY) != (int)numbers[i];
    }
    return failed;
}

static double use_time(const bench *b, int contender)
{
    static uint64_t seed = 1;
    int64_t ns = 0, done = 0;
    int failed = 0;
    now = contender;
    while (ns < b->span / 2 || done < 3 * AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++) {
            numbers[i] = random_below(&seed, entries);
            make_key(keys[i], numbers[i]);
        }
        int64_t began = peer_now_ns();
        failed |= use_some();
        ns += peer_now_ns() - began;
        done += AT_ONCE;
    }
    must(failed, tables[contender]->name);
    return (double)ns / (double)done;
}

static void compare(bench *b, int sets)
{
    figure of[CONTENDERS_MAX];
    char name[64];
    setting = sets;
    measure(b, use_time, count, of);
    snprintf(name, sizeof name, "dict of %u: %s", (unsigned)entries, sets ? "set, another value" : "get, at random");
    for (int i = 1; i < count; i++) {
        row(b, &(line){name, "ns", of[0], of[i], tables[i]->name, NO_TARGET, 0, entries});
    }
    if (count == 1) {
        row(b, &(line){name, "ns", of[0], just(NAN), NULL, NO_TARGET, 0, entries});
    }
}

void bench_tables(bench *b)
{
    const uint32_t most = b->quick || sizeof(void *) == 4 ? 10000 : 10000000;
    find_tables();
    for (entries = 1000; entries <= most; entries *= 10) {
        for (int i = 0; i < count; i++) {
            fill(i);
        }
        compare(b, 0);
        compare(b, 1);
        for (int i = 0; i < count; i++) {
            tables[i]->destroy(filled[i]);
        }
    }
}
