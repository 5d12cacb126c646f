/* Any number of names of objects. What else there is of names: tests/memory/test_ref.c. */
#include "support.h"

#include "container/hash_table.h"
#include "family/input.h"

static kin_lock *new_lock(kin_family *family)
{
    kin_lock *lock = NULL;
    assert_ok(kin_lock_create(&lock, family, 0));
    return lock;
}

static uint64_t names_in(kin_family *family)
{
    return atomic_load(&kin__names_of(family)->count);
}

static const char *numbered(int number)
{
    static char name[32];
    snprintf(name, sizeof name, "object number %d", number);
    return name;
}

typedef struct listed {
    kin_lock *lock;      /* every name is this object's */
    unsigned char *seen; /* by number */
    int count, most;
} listed;

static kin_status see(const char *name, kin_type type, kin_ref ref, void *context)
{
    listed *it = context;
    int number = -1;
    void *object = NULL;
    assert_int_equal(sscanf(name, "object number %d", &number), 1);
    assert_int_equal(type, KIN_TYPE_LOCK);
    assert_ok(kin_ref_get(&object, type, ref));
    assert_ptr_equal(object, it->lock);
    assert_int_equal(it->seen[number]++, 0);
    return ++it->count == it->most ? KIN_E_CLOSED : KIN_OK;
}

static void a_hundred_thousand_names(void **state)
{
    (void)state;
    enum { NAMES = SANITIZED ? 20000 : 100000 };
    kin_family *family = new_family(64 << 20);
    listed all = {new_lock(family), calloc(NAMES, 1), 0, 0};
    void *found = NULL;
    for (int i = 0; i < NAMES; i++) {
        assert_ok(kin_name_set(numbered(i), KIN_TYPE_LOCK, all.lock));
    }
    for (int i = 0; i < NAMES; i++) {
        found = NULL;
        assert_ok(kin_name_get(&found, family, numbered(i), KIN_TYPE_LOCK));
        assert_ptr_equal(found, all.lock);
    }
    assert_status(kin_name_get(&found, family, numbered(NAMES), KIN_TYPE_LOCK), KIN_E_NOT_FOUND);
    assert_ok(kin_name_for_each(family, see, &all));
    assert_int_equal(all.count, NAMES);
    all.most = NAMES + 10;
    memset(all.seen, 0, NAMES);
    assert_status(kin_name_for_each(family, see, &all), KIN_E_CLOSED);
    assert_int_equal(all.count, NAMES + 10);
    for (int i = 0; i < NAMES; i++) {
        assert_ok(kin_name_remove(family, numbered(i)));
    }
    assert_int_equal(names_in(family), 0);
    free(all.seen);
    kin_family_close(family);
}

static kin_status see_long(const char *name, kin_type type, kin_ref ref, void *context)
{
    (void)type;
    (void)ref;
    assert_int_equal(strlen(name), KIN_NAME_MAX);
    ++*(int *)context;
    return KIN_OK;
}

static void names_are_up_to_255_bytes_long(void **state)
{
    (void)state;
    char name[KIN_NAME_MAX + 2];
    void *found = NULL;
    int count = 0;
    kin_family *family = new_family(4 << 20);
    kin_lock *lock = new_lock(family), *other = new_lock(family);
    memset(name, '\xff', sizeof name);
    name[KIN_NAME_MAX + 1] = '\0';
    assert_status(kin_name_set(name, KIN_TYPE_LOCK, lock), KIN_E_ARGUMENT);
    assert_status(kin_name_get(&found, family, name, KIN_TYPE_LOCK), KIN_E_ARGUMENT);
    name[KIN_NAME_MAX] = '\0';
    assert_ok(kin_name_set(name, KIN_TYPE_LOCK, lock));
    name[KIN_NAME_MAX - 1] = 'x'; /* differs in the last byte only */
    assert_ok(kin_name_set(name, KIN_TYPE_LOCK, other));
    assert_ok(kin_name_get(&found, family, name, KIN_TYPE_LOCK));
    assert_ptr_equal(found, other);
    assert_ok(kin_name_for_each(family, see_long, &count));
    assert_int_equal(count, 2);
    assert_status(kin_name_for_each(family, NULL, NULL), KIN_E_ARGUMENT);
    kin_family_close(family);
}

/* A program that gives each of its objects another name, and removes none. */
static void names_of_destroyed_objects_do_not_pile_up(void **state)
{
    (void)state;
    enum { OBJECTS = 20000 };
    kin_family *family = new_family(16 << 20);
    kin_lock *kept = new_lock(family);
    void *found = NULL;
    assert_ok(kin_name_set("kept", KIN_TYPE_LOCK, kept));
    for (int i = 0; i < OBJECTS; i++) {
        kin_lock *lock = new_lock(family);
        assert_ok(kin_name_set(numbered(i), KIN_TYPE_LOCK, lock));
        assert_ok(kin_lock_destroy(lock));
    }
    assert_true(names_in(family) < 2000);
    assert_ok(kin_name_get(&found, family, "kept", KIN_TYPE_LOCK));
    assert_ptr_equal(found, kept);
    kin_family_close(family);
}

/* A full family: the names of destroyed objects make room. */
static void stale_names_go_where_memory_is_short(void **state)
{
    (void)state;
    kin_family *family = new_family(2 << 20);
    kin_lock *lock = new_lock(family), *kept = new_lock(family);
    void *found = NULL;
    char name[32];
    int count = 0;
    kin_status status = KIN_OK;
    assert_ok(kin_name_set("kept", KIN_TYPE_LOCK, kept));
    while ((status = kin_name_set(numbered(count), KIN_TYPE_LOCK, lock)) == KIN_OK) {
        count++;
    }
    assert_status(status, KIN_E_NO_MEMORY);
    assert_true(count > 1000);
    assert_ok(kin_lock_destroy(lock));
    for (int i = 0; i < count / 2; i++) {
        snprintf(name, sizeof name, "new number %d", i);
        assert_ok(kin_name_set(name, KIN_TYPE_LOCK, kept));
    }
    assert_ok(kin_name_get(&found, family, name, KIN_TYPE_LOCK));
    assert_ok(kin_name_get(&found, family, "kept", KIN_TYPE_LOCK));
    assert_true(names_in(family) < (uint64_t)count);
    kin_family_close(family);
}

/* ---- several processes ---- */

static int child_make(const kin_args *args)
{
    kin_barrier *meeting = given(args, "meeting", KIN_TYPE_BARRIER);
    int64_t times = given_number(args, "times");
    for (int64_t i = 0; i < times; i++) {
        char name[32];
        kin_counter *counter = NULL;
        CHECK(i % 4 != 0 || kin_barrier_wait(meeting, NULL, PATIENCE) == KIN_OK);
        spin_for(KIN_US(20) - now_ns() % KIN_US(20)); /* the same moment in each process */
        snprintf(name, sizeof name, "counter %d", (int)i);
        CHECK(kin_named_counter(&counter, NULL, name, 0) == KIN_OK);
        CHECK(kin_counter_add(counter, 1, NULL) == KIN_OK);
    }
    return 0;
}

/* Four processes create objects of the same names at the same time; each name is one object in the end. */
static void of_several_creators_one_succeeds(void **state)
{
    (void)state;
    enum { CHILDREN = 4, NAMES = 2000 };
    kin_process *children[CHILDREN];
    kin_barrier *meeting = NULL;
    kin_args *args = new_args();
    int64_t value = 0;
    assert_ok(kin_barrier_create(&meeting, NULL, CHILDREN));
    give(args, "meeting", KIN_TYPE_BARRIER, meeting);
    give_number(args, "times", NAMES);
    uint64_t blocks = count_blocks();
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start_child("make", args);
    }
    for (int i = 0; i < CHILDREN; i++) {
        join_child(children[i], 0);
    }
    for (int i = 0; i < NAMES; i++) {
        char name[32];
        void *found = NULL;
        snprintf(name, sizeof name, "counter %d", i);
        assert_ok(kin_name_get(&found, NULL, name, KIN_TYPE_COUNTER));
        kin_counter *counter = found;
        assert_ok(kin_counter_get(counter, &value));
        assert_int_equal(value, CHILDREN);
        assert_ok(kin_counter_destroy(counter));
        assert_ok(kin_name_remove(NULL, name));
    }
    assert_int_equal(count_blocks(), blocks); /* the objects of the processes that came later are gone */
    assert_ok(kin_barrier_destroy(meeting));
    kin_args_destroy(args);
}

static int child_churn(const kin_args *args)
{
    kin_lock *lock = given(args, "lock", KIN_TYPE_LOCK);
    int64_t seed = given_number(args, "seed");
    for (unsigned i = 0;; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d of %d", (int)(i * 7919 % 3000), (int)seed);
        if (i / 3000 % 2 == 0) {
            CHECK(kin_name_set(name, KIN_TYPE_LOCK, lock) == KIN_OK);
        } else {
            CHECK(kin_name_remove(NULL, name) == KIN_OK);
        }
    }
}

/* Killed anywhere in setting and removing, with the table growing and shrinking. */
static void killed_at_random_names_stay_whole(void **state)
{
    (void)state;
    enum { ROUNDS = 30 };
    kin_lock *lock = new_lock(NULL);
    void *found = NULL;
    assert_ok(kin_name_set("always there", KIN_TYPE_LOCK, lock));
    for (int round = 0; round < ROUNDS; round++) {
        kin_args *args = new_args();
        give(args, "lock", KIN_TYPE_LOCK, lock);
        give_number(args, "seed", round);
        kin_process *child = start_child("churn", args);
        kin_sleep(KIN_MS(3) + KIN_US(337) * round);
        for (int i = 0; i < 200; i++) {
            assert_ok(kin_name_get(&found, NULL, "always there", KIN_TYPE_LOCK));
        }
        kill_child(child);
        kin_args_destroy(args);
        assert_ok(kin_name_set("after a death", KIN_TYPE_LOCK, lock));
        assert_ok(kin_name_get(&found, NULL, "after a death", KIN_TYPE_LOCK));
        assert_ok(kin_name_remove(NULL, "after a death"));
    }
    assert_ok(kin_lock_destroy(lock));
}

/* ---- threads ---- */

static void churn_in_a_thread(void *argument)
{
    kin_lock *lock = argument;
    for (int i = 0; i < 20000; i++) {
        char name[32];
        snprintf(name, sizeof name, "thread's %d", i % 500);
        MUST((i / 500 % 2 == 0 ? kin_name_set(name, KIN_TYPE_LOCK, lock) : kin_name_remove(NULL, name)) == KIN_OK);
    }
}

static void names_are_found_while_others_change(void **state)
{
    (void)state;
    kin_lock *lock = new_lock(NULL);
    void *found = NULL;
    assert_ok(kin_name_set("stays", KIN_TYPE_LOCK, lock));
    void *thread = begin_thread(churn_in_a_thread, lock);
    for (int i = 0; i < 20000; i++) {
        assert_ok(kin_name_get(&found, NULL, "stays", KIN_TYPE_LOCK));
        kin_status status = kin_name_get(&found, NULL, "thread's 7", KIN_TYPE_LOCK);
        assert_true(status == KIN_OK || status == KIN_E_NOT_FOUND);
    }
    end_thread(thread);
    assert_ok(kin_name_remove(NULL, "stays"));
    assert_ok(kin_lock_destroy(lock));
}

/* ---- a member has written over them ---- */

static void damaged_names_are_an_error(void **state)
{
    (void)state;
    kin_family *family = new_family(4 << 20);
    kin_lock *lock = new_lock(family);
    kin__container *names = kin__names_of(family);
    void *found = NULL;
    int count = 0;
    assert_ok(kin_name_set("one", KIN_TYPE_LOCK, lock));
    uint64_t root = atomic_load(&names->root), forged[] = {1, UINT64_MAX, root + 1, root << 1, root ^ (1u << 20)};
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        atomic_store(&names->root, forged[i]);
        assert_true(kin_name_get(&found, family, "one", KIN_TYPE_LOCK) < 0);
        kin_name_set("two", KIN_TYPE_LOCK, lock);
        kin_name_remove(family, "two");
        kin_name_for_each(family, see_long, &count);
    }
    atomic_store(&names->root, root);
    assert_int_equal(count, 0);
    kin_family_close(family);
}

/* ---- between threads ---- */

enum { PUBLISHED = 300 };

static void publish(void *argument)
{
    (void)argument;
    for (int i = 0; i < PUBLISHED; i++) {
        int64_t *number = NULL;
        MUST(KIN_ALLOC(&number, NULL, 1) == KIN_OK);
        *number = i;
        MUST(kin_name_set(numbered(i), KIN_TYPE_MEMORY, number) == KIN_OK);
    }
}

/* Plain stores before a name is set are seen by the thread that finds it: ThreadSanitizer has nothing to report. */
static void a_name_leads_to_what_was_written_before(void **state)
{
    (void)state;
    void *thread = begin_thread(publish, NULL);
    for (int i = 0; i < PUBLISHED; i++) {
        char name[32];
        void *found = NULL;
        int64_t end = now_ns() + PATIENCE;
        snprintf(name, sizeof name, "object number %d", i);
        while (kin_name_get(&found, NULL, name, KIN_TYPE_MEMORY) != KIN_OK && now_ns() < end) {
        }
        assert_non_null(found);
        assert_int_equal(*(int64_t *)found, i);
        assert_ok(kin_name_remove(NULL, name));
        assert_ok(kin_free(found));
    }
    end_thread(thread);
}

int main(void)
{
    static const kin_child_entry entries[] = {{"make", child_make}, {"churn", child_churn}};
    limit_own_family();
    kin_child_main(entries, 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_thousand_names),
        cmocka_unit_test(names_are_up_to_255_bytes_long),
        cmocka_unit_test(names_of_destroyed_objects_do_not_pile_up),
        cmocka_unit_test(stale_names_go_where_memory_is_short),
        cmocka_unit_test(of_several_creators_one_succeeds),
        cmocka_unit_test(killed_at_random_names_stay_whole),
        cmocka_unit_test(names_are_found_while_others_change),
        cmocka_unit_test(damaged_names_are_an_error),
        cmocka_unit_test(a_name_leads_to_what_was_written_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
