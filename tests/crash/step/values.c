/* values.c: killed in values, counters, leased semaphores, memory, names. */
#include "step.h"

static void counter_add(place *it)
{
    kin_counter_add(&it->counter, 1, NULL);
}

static void counter_exchange(place *it)
{
    int64_t expected = 1;
    int done = 0;
    kin_counter_compare_exchange(&it->counter, &expected, 2, &done);
}

static void value_set(place *it)
{
    int64_t value = 1;
    kin_value_set(value_of(it), &value, sizeof value);
}

static void value_get(place *it)
{
    int64_t value;
    kin_value_get(value_of(it), &value, sizeof value);
}

static void leased_acquire(place *it)
{
    kin_sem_acquire(leased_of(it), 1, KIN_FOREVER);
}

static void leased_release(place *it)
{
    kin_sem_release(leased_of(it), 1);
}

static void leased_acquire_two(place *it)
{
    kin_sem_acquire(leased_of(it), 2, KIN_FOREVER);
}

static void leased_both(place *it)
{
    leased_acquire_two(it);
    kin_sem_release(leased_of(it), 2);
}

static void alloc_small(place *it)
{
    kin_alloc(&it->block, NULL, 50);
}

static void alloc_large(place *it)
{
    kin_alloc(&it->block, NULL, 50000);
}

static void free_block(place *it)
{
    kin_free(it->block);
    it->block = NULL;
}

static void small_both(place *it)
{
    alloc_small(it);
    free_block(it);
}

static void large_both(place *it)
{
    alloc_large(it);
    free_block(it);
}

static void alloc_other(place *it)
{
    kin_alloc(&it->block, NULL, 3000);
}

static void other_both(place *it)
{
    alloc_other(it);
    free_block(it);
}

/* There is no room for it: before the heap says so, all spans whose blocks are free are converted. */
static void alloc_too_much(place *it)
{
    (void)it;
    void *none = NULL;
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    kin_family_inspect(NULL, &info);
    kin_alloc(&none, NULL, (size_t)info.reserve - (512 << 10));
}

static void convert(place *it)
{
    other_both(it);
    alloc_too_much(it);
}

/* Only one span is left to be converted. */
static void other_span(place *it)
{
    alloc_too_much(it);
    other_both(it);
}

static void name_set(place *it)
{
    kin_name_set("stepped", KIN_TYPE_LOCK, &it->lock);
}

static void name_remove(place *it)
{
    (void)it;
    kin_name_remove(NULL, "stepped");
}

static void name_get(place *it)
{
    (void)it;
    void *found = NULL;
    kin_name_get(&found, NULL, "stepped", KIN_TYPE_LOCK);
}

/* The name of an object that was destroyed. */
static void name_of_none(place *it)
{
    (void)it;
    kin_lock *lock = NULL;
    kin_lock_create(&lock, NULL, 0);
    kin_name_set("stepped", KIN_TYPE_LOCK, lock);
    kin_lock_destroy(lock);
}

enum { NAMES = 48 }; /* as many as a table of 64 slots takes: the next one makes it larger */

static void each_name(place *it, bool there)
{
    char name[] = "a";
    for (int i = 0; i < NAMES; i++, name[0]++) {
        if (there) {
            kin_name_set(name, KIN_TYPE_LOCK, &it->lock);
        } else {
            kin_name_remove(NULL, name);
        }
    }
}

static void names_set(place *it)
{
    each_name(it, true);
}

static void names_remove(place *it)
{
    each_name(it, false);
}

/* Of an object that is destroyed: a set removes one or the other. */
static void names_of_none(place *it)
{
    char name[] = "a";
    kin_lock *lock = NULL;
    (void)it;
    kin_lock_create(&lock, NULL, 0);
    for (int i = 0; i < NAMES / 2; i++, name[0]++) {
        kin_name_set(name, KIN_TYPE_LOCK, lock);
    }
    kin_lock_destroy(lock);
}

static kin_status see_name(const char *name, kin_type type, kin_ref ref, void *context)
{
    (void)name;
    (void)type;
    (void)ref;
    (void)context;
    return KIN_OK;
}

static void names_visit(place *it)
{
    (void)it;
    kin_name_for_each(NULL, see_name, NULL);
}

/* ---- rows ---- */

static const scenario rows[] = {
    {"name", "set, the first one", "kin_name_set", .before = name_remove, .operation = name_set, .owned = true},
    {"name", "set, one of many", "kin_name_set", .arrange = names_set, .operation = name_set, .conclude = names_remove,
     .owned = true},
    {"name", "set, its object was destroyed", "kin_name_set", .before = name_of_none, .operation = name_set,
     .owned = true},
    {"name", "set, others' objects were destroyed", "kin_name_set", .arrange = names_of_none, .operation = name_set,
     .conclude = names_remove, .owned = true},
    {"name", "get", "kin_name_get", .before = name_set, .operation = name_get, .owned = true},
    {"name", "remove, the last one", "kin_name_remove", .before = name_set, .operation = name_remove, .owned = true},
    {"name", "remove, one of many", "kin_name_remove", .before = name_set, .operation = name_remove,
     .arrange = names_set, .conclude = names_remove, .owned = true},
    {"name", "visit all", "kin_name_for_each", .arrange = names_set, .operation = names_visit, .conclude = names_remove,
     .owned = true},
    {"value", "set", "kin_value_set", .before = value_set, .operation = value_set, .even = true},
    {"value", "get", "kin_value_get", .before = value_get, .operation = value_get},
    {"counter", "compare and exchange", "kin_counter_compare_exchange", .before = counter_add,
     .operation = counter_exchange, .stranger = true},
    {"counter", "add", "kin_counter_add", .before = counter_add, .operation = counter_add, .stranger = true},
    {"leased semaphore", "acquire", "kin_sem_acquire", .before = leased_both, .operation = leased_acquire_two,
     .even = true},
    {"leased semaphore", "release", "kin_sem_release", .before = leased_acquire_two, .operation = leased_release},
    {"leased semaphore", "release, another sleeps for it", "kin_sem_release", .before = leased_acquire_two,
     .operation = leased_release, .sleep = leased_acquire},
    {"memory", "allocate, small", "kin_alloc", .before = small_both, .operation = alloc_small},
    {"memory", "free, small", "kin_free", .before = alloc_small, .operation = free_block},
    {"memory", "allocate, large", "kin_alloc", .before = large_both, .operation = alloc_large},
    {"memory", "free, large", "kin_free", .before = alloc_large, .operation = free_block},
    {"memory", "convert spans whose blocks are free", "kin_alloc", .before = other_span, .operation = alloc_too_much,
     .owned = true},
    {"memory", "allocate in a converted span", "kin_alloc", .before = convert, .operation = alloc_other},
};

const subject step_values = {rows, sizeof rows / sizeof rows[0]};
