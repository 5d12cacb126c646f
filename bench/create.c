/* create.c: locks made and removed, and what a million of them takes. */
#include "bench.h"

static int lock_once(void)
{
    kin_lock *lock = NULL;
    return kin_lock_create(&lock, NULL, 0) != KIN_OK || kin_lock_destroy(lock) != KIN_OK;
}

static double make_one(const bench *b, int contender)
{
    double ns = contender == 0 ? repeat(b, lock_once, 1000, "kin_lock_create")
                               : repeat(b, peer_named_once, 10, peer_named_name);
    return 1e3 / ns;
}

#define MANY 1000000

static uint64_t committed(kin_family *family)
{
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    tool_check(kin_family_inspect(family, &info), "kin_family_inspect");
    return info.committed;
}

static void make_many(bench *b)
{
    kin_family *family;
    kin_lock *lock;
    tool_check(kin_family_create(&family, NULL), "kin_family_create");
    tool_check(kin_lock_create(&lock, family, 0), "kin_lock_create");
    int64_t things = peer_handle_count() + peer_name_count();
    for (int i = 1; i < MANY; i++) {
        tool_check(kin_lock_create(&lock, family, 0), "kin_lock_create");
    }
    things = peer_handle_count() + peer_name_count() - things;
    row(b, &(line){"1 000 000 locks: memory", "MiB", just((double)committed(family) / 1048576), just(NAN), NULL,
                   AT_MOST(64), 1, 0});
    row(b, &(line){"1 000 000 locks: descriptors and names", "more", just((double)things), just(NAN), NULL, AT_MOST(0),
                   1, 0});
    kin_family_close(family);
}

void bench_create(bench *b)
{
    figure medians[CONTENDERS_MAX];
    measure(b, make_one, 2, medians);
    row(b, &(line){"create and destroy a lock", "M/s", medians[0], medians[1], peer_named_name, AT_LEAST(5), 1, 0});
    make_many(b);
}
