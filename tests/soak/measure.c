/* measure.c: what must be the same after each phase. */
#include "soak.h"

#include "os.h"

#define PROBE 200
#define REPEATS 25

/* ---- speed: the least time of a fixed use beside the least time of arithmetic, which no fault of kin slows ---- */

static int64_t time_of(void (*what)(const objects *all), const objects *all)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < REPEATS; i++) {
        int64_t began = kin_os_now();
        what(all);
        int64_t took = kin_os_now() - began;
        least = took < least ? took : least;
    }
    return least;
}

static void do_arithmetic(const objects *all)
{
    (void)all;
    volatile uint32_t number = 1;
    for (int i = 0; i < 100 * PROBE; i++) {
        number = number * 1664525u + 1013904223u;
    }
}

static void use_all(const objects *all)
{
    void *blocks[PROBE];
    char item[100] = "";
    for (uint32_t i = 0; i < PROBE; i++) {
        assert_ok(kin_lock_acquire(&all->it->lock, PATIENCE));
        assert_ok(kin_lock_release(&all->it->lock));
        assert_ok(kin_alloc(&blocks[i], NULL, 16 + i * 7));
        assert_ok(kin_dict_set(all->dict, &i, sizeof i, item, i % sizeof item));
        assert_ok(kin_list_append(all->list, item, i % sizeof item));
        assert_ok(kin_queue_put(all->queue, item, sizeof item, PATIENCE));
        assert_ok(kin_queue_get(all->queue, item, sizeof item, NULL, PATIENCE));
    }
    for (uint32_t i = 0; i < PROBE; i++) {
        assert_ok(kin_free(blocks[i]));
        assert_ok(kin_dict_remove(all->dict, &i, sizeof i));
        assert_ok(kin_list_pop(all->list, 0, NULL, 0, NULL));
    }
    assert_ok(kin_dict_clear(all->dict));
    assert_ok(kin_list_clear(all->list));
}

double ratio_of(const objects *all)
{
    int64_t used = time_of(use_all, all);
    return (double)used / (double)time_of(do_arithmetic, all);
}

/* ---- room ---- */

uint64_t largest_block(void)
{
    uint64_t least = 0, most = RESERVE;
    while (most - least > 4096) {
        void *block = NULL;
        uint64_t size = least + (most - least) / 2;
        if (kin_alloc(&block, NULL, (size_t)size) == KIN_OK) {
            least = size;
            assert_ok(kin_free(block));
        } else {
            most = size;
        }
    }
    return least;
}

measures measure_all(const objects *all)
{
    kin_status status = kin_family_reap(NULL, NULL);
    assert_true(status >= 0);
    kin_family_info info = inspect_family();
    return (measures){.blocks = count_blocks(),
                      .handles = count_handles(),
                      .names = count_names(info.id),
                      .members = info.members,
                      .threads = info.threads,
                      .ratio = ratio_of(all)};
}
