#include "support.h"

#include "family/member.h"
#include "os.h"

static int child_count_members(const kin_args *args)
{
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    kin_family *own = NULL;
    CHECK(kin_family_default(&own) == KIN_OK && own == kin_args_family(args));
    CHECK(kin_family_inspect(NULL, &info) == KIN_OK);
    CHECK(info.members == (uint32_t)given_number(args, "members"));
    return 0;
}

static int child_wait(const kin_args *args)
{
    kin_sem *told = given(args, "told", KIN_TYPE_SEM);
    kin_sem *never = given(args, "never", KIN_TYPE_SEM);
    CHECK(told && never && kin_sem_release(told, 1) == KIN_OK);
    kin_sem_acquire(never, 1, PATIENCE);
    return 0;
}

/* It does not look whether it is still a member. */
static int child_stay(const kin_args *args)
{
    kin_sem *told = given(args, "told", KIN_TYPE_SEM);
    CHECK(told && kin_sem_release(told, 1) == KIN_OK);
    return kin_sleep(PATIENCE);
}

static int child_of_other_family(const kin_args *args)
{
    kin_counter *counter = given(args, "counter", KIN_TYPE_COUNTER);
    CHECK(counter && kin_counter_add(counter, 1, NULL) == KIN_OK);
    return 0;
}

static int child_finds_no_place(const kin_args *args)
{
    void *memory = NULL;
    CHECK(kin_alloc(&memory, kin_args_family(args), 1) == KIN_E_LIMIT);
    return 0;
}

static int child_finds_a_place(const kin_args *args)
{
    void *memory = NULL;
    CHECK(kin_alloc(&memory, kin_args_family(args), 1) == KIN_OK);
    return 0;
}

static void members_come_and_go(void **state)
{
    (void)state;
    kin_args *args = new_args();
    assert_int_equal(inspect_family().members, 1);
    give_number(args, "members", 2);
    run_child("count_members", args);
    assert_int_equal(inspect_family().members, 1);
    kin_args_destroy(args);
}

static void killed_members_are_reaped(void **state)
{
    (void)state;
    enum { CHILDREN = 5 };
    kin_sem *told = NULL, *never = NULL;
    kin_process *children[CHILDREN];
    uint32_t reaped = 99;
    kin_args *args = new_args();
    assert_ok(kin_sem_create(&told, NULL, 0, 0));
    assert_ok(kin_sem_create(&never, NULL, 0, 0));
    give(args, "told", KIN_TYPE_SEM, told);
    give(args, "never", KIN_TYPE_SEM, never);
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start_child("wait", args);
    }
    assert_ok(kin_sem_acquire(told, CHILDREN, PATIENCE));
    assert_int_equal(inspect_family().members, CHILDREN + 1);
    assert_ok(kin_family_reap(NULL, &reaped));
    assert_int_equal(reaped, 0);
    for (int i = 0; i < CHILDREN; i++) {
        kill_child(children[i]);
    }
    assert_int_equal(inspect_family().members, 1);
    assert_int_equal(inspect_family().threads, 1);
    kin_args_destroy(args);
    assert_ok(kin_sem_destroy(told));
    assert_ok(kin_sem_destroy(never));
}

/* By the same process, whichever entries they have. */
static void each_death_is_cleaned_up_after(void **state)
{
    (void)state;
    kin_sem *sems[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        assert_ok(kin_sem_create(&sems[i], NULL, 0, 0));
    }
    kin_args *args = new_args();
    give(args, "told", KIN_TYPE_SEM, sems[0]);
    give(args, "never", KIN_TYPE_SEM, sems[1]);
    uint32_t members = inspect_family().members;
    for (int i = 0; i < 5; i++) {
        kin_process *child = start_child("wait", args);
        assert_ok(kin_sem_acquire(sems[0], 1, PATIENCE));
        assert_int_equal(inspect_family().members, members + 1);
        kill_child(child);
        assert_ok(kin_family_reap(NULL, NULL));
        assert_int_equal(inspect_family().members, members);
    }
    kin_args_destroy(args);
    for (int i = 0; i < 2; i++) {
        assert_ok(kin_sem_destroy(sems[i]));
    }
}

static void families_are_apart(void **state)
{
    (void)state;
    kin_family *families[8], *found = NULL, *own = NULL;
    kin_counter *counters[8];
    int count = 0;
    int64_t value = 0;
    assert_ok(kin_family_default(&own));
    while (count < 8 && kin_family_create(&families[count], NULL) == KIN_OK) {
        assert_ok(kin_counter_create(&counters[count], families[count], count));
        count++;
    }
    assert_int_equal(count, 7); /* and the own one */
    assert_status(kin_family_create(&found, NULL), KIN_E_LIMIT);
    for (int i = 0; i < count; i++) {
        kin_args *args = NULL;
        assert_ok(kin_family_of(&found, counters[i]));
        assert_ptr_equal(found, families[i]);
        assert_ok(kin_args_create(&args, families[i]));
        give(args, "counter", KIN_TYPE_COUNTER, counters[i]);
        assert_status(kin_args_add_object(args, "foreign", KIN_TYPE_COUNTER, counters[(i + 1) % count]), KIN_E_FAMILY);
        run_child("of_other_family", args);
        kin_args_destroy(args);
        assert_ok(kin_counter_get(counters[i], &value));
        assert_int_equal(value, i + 1);
    }
    for (int i = 0; i < count; i++) {
        kin_family_close(families[i]);
        assert_status(kin_family_of(&found, counters[i]), KIN_E_NOT_SHARED);
    }
    kin_family_close(NULL);
}

static void families_made_and_closed_leave_nothing(void **state)
{
    (void)state;
    kin_family *family = NULL;
    kin_lock *lock = NULL;
    size_t handles = 0;
    for (int i = 0; i < 60; i++) {
        kin_family_info info = KIN_FAMILY_INFO_INIT;
        if (i == 5) {
            handles = count_handles();
        }
        assert_ok(kin_family_create(&family, NULL));
        assert_ok(kin_lock_create(&lock, family, 0));
        assert_ok(kin_lock_acquire(lock, KIN_NOW));
        assert_ok(kin_family_inspect(family, &info));
        kin_family_close(family);
        assert_int_equal(count_names(info.id), 0);
    }
    assert_true(count_handles() <= handles);
}

/* A thousand where that does not take minutes. */
static void many_children_leave_nothing(void **state)
{
    (void)state;
    const int many = has_fork() ? 1000 : 250;
    kin_family_info before = {0};
    size_t handles = 0, names = 0;
    kin_args *args = new_args();
    give_number(args, "members", 2);
    for (int i = 0; i < many; i++) {
        if (i == 10) {
            before = inspect_family();
            handles = count_handles();
            names = count_names(before.id);
        }
        run_child("count_members", args);
    }
    kin_family_info after = inspect_family();
    assert_true(after.committed == before.committed);
    assert_int_equal(after.members, before.members);
    assert_int_equal(after.threads, before.threads);
    assert_true(count_handles() <= handles);
    assert_int_equal(count_names(after.id), names);
    kin_args_destroy(args);
}

static void limits_are_kept(void **state)
{
    (void)state;
    kin_family *family = NULL;
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    options.max_members = 4097;
    assert_status(kin_family_create(&family, &options), KIN_E_ARGUMENT);
    options.max_members = 0;
    options.max_threads = 32769;
    assert_status(kin_family_create(&family, &options), KIN_E_ARGUMENT);
    options.max_threads = 0;
    options.reserve = UINT64_C(65) << 30;
    assert_status(kin_family_create(&family, &options), KIN_E_ARGUMENT);
    options.reserve = 65536; /* less than the tables take */
    assert_status(kin_family_create(&family, &options), KIN_E_ARGUMENT);
    options.size = 3;
    assert_status(kin_family_create(&family, &options), KIN_E_ARGUMENT);
    assert_status(kin_family_create(NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_family_default(NULL), KIN_E_ARGUMENT);
    assert_status(kin_family_of(&family, NULL), KIN_E_ARGUMENT);
    assert_status(kin_family_of(&family, &info), KIN_E_NOT_SHARED);
    assert_status(kin_family_inspect(NULL, NULL), KIN_E_ARGUMENT);
    info.size = 0;
    assert_status(kin_family_inspect(NULL, &info), KIN_E_ARGUMENT);
    options = (kin_family_options)KIN_FAMILY_OPTIONS_INIT;
    options.reserve = UINT64_C(1) << 30;
    assert_ok(kin_family_create(&family, &options));
    info.size = sizeof info;
    assert_ok(kin_family_inspect(family, &info));
    assert_true(info.reserve == options.reserve && info.committed < info.reserve / 100);
    kin_family_close(family);
}

static void take_a_seat(void *lock)
{
    assert_ok(kin_lock_acquire(lock, KIN_NOW));
    assert_ok(kin_lock_release(lock));
}

static void threads_give_their_entries_back(void **state)
{
    (void)state;
    kin_lock *lock = NULL;
    assert_ok(kin_lock_create(&lock, NULL, 0));
    uint32_t before = inspect_family().threads;
    for (int i = 0; i < 200; i++) {
        run_thread(take_a_seat, lock);
    }
    assert_int_equal(inspect_family().threads, before);
    assert_ok(kin_lock_destroy(lock));
}

typedef struct visitor {
    kin_lock *own[2];       /* in two families, used by turns, */
    kin_lock *_Atomic next; /* and one that is to be used once */
    _Atomic int stop, failures;
} visitor;

static void visit(void *argument)
{
    visitor *it = argument;
    for (uint32_t i = 0; !it->stop; i++) {
        kin_lock *next = it->next, *lock = next ? next : it->own[i % 2];
        it->failures += kin_lock_acquire(lock, PATIENCE) != KIN_OK || kin_lock_release(lock) != KIN_OK;
        if (next) {
            it->next = NULL;
        }
    }
}

/* Threads that have used a family, and use others now, go on doing so while it is closed. */
static void closing_a_family_leaves_threads_alone(void **state)
{
    (void)state;
    enum { THREADS = 2, ROUNDS = 60 };
    kin_family *families[2] = {NULL, NULL};
    kin_lock *locks[2] = {NULL, NULL};
    visitor visitors[THREADS];
    void *threads[THREADS];
    for (int i = 0; i < 2; i++) {
        assert_ok(kin_family_create(&families[i], NULL));
        assert_ok(kin_lock_create(&locks[i], families[i], 0));
    }
    for (int i = 0; i < THREADS; i++) {
        visitors[i] = (visitor){.own = {locks[0], locks[1]}};
        threads[i] = begin_thread(visit, &visitors[i]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        kin_family *family = NULL;
        kin_lock *lock = NULL;
        assert_ok(kin_family_create(&family, NULL));
        assert_ok(kin_lock_create(&lock, family, 0));
        for (int i = 0; i < THREADS; i++) {
            visitors[i].next = lock;
        }
        for (int i = 0; i < THREADS; i++) {
            while (visitors[i].next) {
                kin_os_yield();
            }
        }
        kin_family_close(family);
    }
    for (int i = 0; i < THREADS; i++) {
        visitors[i].stop = 1;
        end_thread(threads[i]);
        assert_int_equal(visitors[i].failures, 0);
    }
    for (int i = 0; i < 2; i++) {
        kin_family_close(families[i]);
    }
}

static void member_limit_is_an_error_in_the_child(void **state)
{
    (void)state;
    kin_family *family = NULL;
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_args *args = NULL;
    options.max_members = 1;
    assert_ok(kin_family_create(&family, &options));
    assert_ok(kin_args_create(&args, family));
    run_child("finds_no_place", args);
    kin_args_destroy(args);
    kin_family_close(family);
}

/* An entry is CLAIMED by its reaper for a few instructions. Here it is for longer: a child's, which holds the entry's
 * sign of life, as a reaper does. */
static void who_finds_no_place_waits_for_a_reaper(void **state)
{
    (void)state;
    kin_family *family = NULL;
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_args *args = NULL;
    kin_sem *told = NULL;
    options.max_members = 2;
    assert_ok(kin_family_create(&family, &options));
    assert_ok(kin_args_create(&args, family));
    assert_ok(kin_alloc((void **)&told, family, sizeof *told));
    assert_ok(kin_sem_init(told, 0, 0));
    give(args, "told", KIN_TYPE_SEM, told);
    kin_process *reaper = start_child("stay", args);
    assert_ok(kin_sem_acquire(told, 1, PATIENCE));
    kin__member *entry = kin__member_at(family, 1);
    uint64_t live = atomic_load(&entry->state);
    assert_int_equal(KIN__MEMBER_PID(live), kin_process_pid(reaper));
    atomic_store(&entry->state, kin__member_state(KIN__MEMBER_GENERATION(live), KIN__MEMBER_PID(live), KIN__CLAIMED));
    kin_process *comer = start_child("finds_a_place", args);
    assert_status(kin_process_join(comer, KIN_MS(300), NULL), KIN_E_TIMED_OUT);
    kill_child(reaper);
    join_child(comer, 0);
    kin_args_destroy(args);
    kin_family_close(family);
}

/* In a child: this process has its own family already. */
static int child_choose(const kin_args *args)
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    (void)args;
    CHECK(kin_family_configure_default(&options) == KIN_E_EXISTS);
    return 0;
}

static void the_own_family_is_made_as_was_asked(void **state)
{
    (void)state;
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_family *family = NULL;
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    assert_ok(kin_family_inspect(NULL, &info)); /* main has asked for */
    assert_true(info.reserve == (uint64_t)300 << 20);
    assert_status(kin_family_configure_default(&options), KIN_E_EXISTS);
    options.reserve = 100;
    options.size = 1;
    assert_status(kin_family_configure_default(&options), KIN_E_ARGUMENT);
    kin_args *args = new_args();
    run_child("choose", args);
    kin_args_destroy(args);
    assert_ok(kin_family_create(&family, NULL)); /* others are made as they ever were */
    assert_ok(kin_family_inspect(family, &info));
    assert_true(info.reserve >= (uint64_t)256 << 20);
    assert_true(info.reserve != (uint64_t)300 << 20);
    kin_family_close(family);
}

/* An empty family takes no more memory because it may become large. */
static void a_large_reserve_costs_nothing(void **state)
{
    (void)state;
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    uint64_t committed[2];
    const uint64_t reserves[] = {UINT64_C(256) << 20, UINT64_C(1) << 30};
    for (int i = 0; i < 2; i++) {
        kin_family *family = NULL;
        options.reserve = reserves[i];
        assert_ok(kin_family_create(&family, &options));
        assert_ok(kin_family_inspect(family, &info));
        committed[i] = info.committed;
        kin_family_close(family);
    }
    assert_true(committed[1] == committed[0] && committed[0] < 256 << 10);
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"count_members", child_count_members},
        {"wait", child_wait},
        {"of_other_family", child_of_other_family},
        {"finds_no_place", child_finds_no_place},
        {"choose", child_choose},
        {"finds_a_place", child_finds_a_place},
        {"stay", child_stay},
    };
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.reserve = 300 << 20;
    kin_family_configure_default(&options);
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_and_go),
        cmocka_unit_test(killed_members_are_reaped),
        unit_test_with_deaths(each_death_is_cleaned_up_after),
        cmocka_unit_test(families_are_apart),
        cmocka_unit_test(families_made_and_closed_leave_nothing),
        cmocka_unit_test(many_children_leave_nothing),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(the_own_family_is_made_as_was_asked),
        cmocka_unit_test(a_large_reserve_costs_nothing),
        cmocka_unit_test(threads_give_their_entries_back),
        cmocka_unit_test(closing_a_family_leaves_threads_alone),
        cmocka_unit_test(member_limit_is_an_error_in_the_child),
        cmocka_unit_test(who_finds_no_place_waits_for_a_reaper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
