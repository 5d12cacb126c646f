/* growth.c: what one operation costs in a dict, a list and a heap of a thousand to ten million things, and the longest
 * that one takes while they grow and shrink. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GETS 1000

typedef struct thing {
    const char *name;
    int (*add)(uint32_t number);
    int (*look)(uint32_t number);
    int (*take)(uint32_t number);
} thing;

static kin_family *family;
static kin_dict *dict;
static kin_list *list;
static void **blocks;
static uint32_t size_now;

static int dict_add(uint32_t number)
{
    return kin_dict_set(dict, &number, sizeof number, &number, sizeof number) != KIN_OK;
}

static int dict_look(uint32_t number)
{
    uint32_t value = 0;
    return kin_dict_get(dict, &number, sizeof number, &value, sizeof value, NULL) != KIN_OK || value != number;
}

static int dict_take(uint32_t number)
{
    return kin_dict_remove(dict, &number, sizeof number) != KIN_OK;
}

static int list_add(uint32_t number)
{
    return kin_list_append(list, &number, sizeof number) != KIN_OK;
}

static int list_look(uint32_t number)
{
    uint32_t value = 0;
    return kin_list_get(list, number, &value, sizeof value, NULL) != KIN_OK || value != number;
}

static int list_take(uint32_t number)
{
    (void)number;
    return kin_list_pop(list, KIN_LIST_LAST, NULL, 0, NULL) != KIN_OK;
}

static int heap_add(uint32_t number)
{
    return kin_alloc(&blocks[number], family, 40) != KIN_OK;
}

/* Frees the block and allocates it again. */
static int heap_look(uint32_t number)
{
    return kin_free(blocks[number]) != KIN_OK || heap_add(number);
}

static int heap_take(uint32_t number)
{
    return kin_free(blocks[number]) != KIN_OK;
}

static const thing things[] = {
    {"dict", dict_add, dict_look, dict_take},
    {"list", list_add, list_look, list_take},
    {"heap", heap_add, heap_look, heap_take},
};

/* ---- one size ---- */

static const thing *it_now;

static int look_at_some(void)
{
    static uint64_t seed = 1;
    int failed = 0;
    for (int i = 0; i < GETS; i++) {
        failed |= it_now->look(random_below(&seed, size_now));
    }
    return failed;
}

typedef struct figures {
    double look, longest;
} figures;

/* In processor time: other processes do not count. */
static double longest_of(int (*step)(uint32_t number), uint32_t count)
{
    int64_t longest = 0, before = peer_cpu_ns();
    for (uint32_t i = 0; i < count; i++) {
        must(step(i), it_now->name);
        int64_t now = peer_cpu_ns();
        longest = now - before > longest ? now - before : longest;
        before = now;
    }
    return (double)longest;
}

static figures grow_to(const bench *b, const thing *it, uint32_t count)
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    figures out;
    it_now = it;
    size_now = count;
    options.reserve = UINT64_C(1) << (sizeof(void *) > 4 ? 32 : 28);
    tool_check(kin_family_create(&family, &options), "kin_family_create");
    tool_check(kin_dict_create(&dict, family), "kin_dict_create");
    tool_check(kin_list_create(&list, family), "kin_list_create");
    blocks = calloc(count, sizeof *blocks);
    must(!blocks, "memory");
    out.longest = longest_of(it->add, count);
    out.look = repeat(b, look_at_some, 1, it->name) / GETS;
    double shrinking = longest_of(it->take, count);
    out.longest = shrinking > out.longest ? shrinking : out.longest;
    free(blocks);
    kin_family_close(family);
    return out;
}

static const char *power_of(uint32_t count)
{
    static char text[16];
    int zeros = 0;
    for (; count >= 10; count /= 10) {
        zeros++;
    }
    snprintf(text, sizeof text, "10^%d", zeros);
    return text;
}

void bench_growth(bench *b)
{
    const uint32_t most = b->quick || sizeof(void *) == 4 ? 100000 : 10000000;
    for (size_t i = 0; i < sizeof things / sizeof things[0]; i++) {
        char name[80];
        double least = NAN;
        for (uint32_t count = 1000; count <= most; count *= 10) {
            figures of = grow_to(b, &things[i], count);
            least = count == 1000 ? of.look : least;
            snprintf(name, sizeof name, "%s of %s: one, at random", things[i].name, power_of(count));
            row(b, &(line){name, "ns", just(of.look), just(least), "10^3", NO_TARGET, 0, 0});
            snprintf(name, sizeof name, "%s of %s: the longest step", things[i].name, power_of(count));
            row(b,
                &(line){name, "us", just(of.longest / 1e3), just(NAN), NULL, i < 2 ? AT_MOST(5000) : NO_TARGET, 1, 0});
        }
    }
}
