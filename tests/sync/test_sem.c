#include "support.h"

typedef struct slots {
    kin_sem sem;
    kin_sem told;
    kin_counter inside;
    kin_counter most;
    kin_counter done;
} slots;

static slots *new_slots(uint32_t value, uint32_t maximum)
{
    slots *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_sem_init(&it->sem, value, maximum));
    assert_ok(kin_sem_init(&it->told, 0, 0));
    assert_ok(kin_counter_init(&it->inside, 0));
    assert_ok(kin_counter_init(&it->most, 0));
    assert_ok(kin_counter_init(&it->done, 0));
    return it;
}

static kin_process *start_with(const char *entry, slots *it)
{
    kin_args *args = new_args();
    give(args, "slots", KIN_TYPE_MEMORY, it);
    kin_process *process = start_child(entry, args);
    kin_args_destroy(args);
    return process;
}

static uint32_t value_of(const kin_sem *sem)
{
    uint32_t value = 12345;
    assert_ok(kin_sem_value(sem, &value));
    return value;
}

/* ---- children ---- */

static int child_share(const kin_args *args)
{
    slots *it = given(args, "slots", KIN_TYPE_MEMORY);
    CHECK(it);
    for (int i = 0; i < 200; i++) {
        int64_t now, most;
        int done = 0;
        CHECK(kin_sem_acquire(&it->sem, 1, PATIENCE) == KIN_OK);
        CHECK(kin_counter_add(&it->inside, 1, &now) == KIN_OK);
        CHECK(kin_counter_get(&it->most, &most) == KIN_OK);
        while (now > most && !done) {
            CHECK(kin_counter_compare_exchange(&it->most, &most, now, &done) == KIN_OK);
        }
        CHECK(kin_counter_add(&it->inside, -1, NULL) == KIN_OK);
        CHECK(kin_sem_release(&it->sem, 1) == KIN_OK);
    }
    return 0;
}

static int child_wait_for_one(const kin_args *args)
{
    slots *it = given(args, "slots", KIN_TYPE_MEMORY);
    CHECK(it);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(&it->sem, 1, PATIENCE) == KIN_OK);
    CHECK(kin_counter_add(&it->done, 1, NULL) == KIN_OK);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    return 0;
}

static int child_wait_for_three(const kin_args *args)
{
    slots *it = given(args, "slots", KIN_TYPE_MEMORY);
    CHECK(it);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(&it->sem, 3, PATIENCE) == KIN_OK);
    CHECK(kin_counter_add(&it->done, 3, NULL) == KIN_OK);
    return 0;
}

/* ---- one process ---- */

static void counts_exactly(void **state)
{
    (void)state;
    kin_sem *sem = NULL;
    assert_ok(kin_sem_create(&sem, NULL, 3, 5));
    assert_int_equal(value_of(sem), 3);
    assert_ok(kin_sem_acquire(sem, 2, KIN_NOW));
    assert_int_equal(value_of(sem), 1);
    assert_status(kin_sem_acquire(sem, 2, KIN_NOW), KIN_E_TIMED_OUT);
    assert_int_equal(value_of(sem), 1);
    assert_ok(kin_sem_release(sem, 4));
    assert_status(kin_sem_release(sem, 1), KIN_E_OVERFLOW);
    assert_int_equal(value_of(sem), 5);
    assert_ok(kin_sem_acquire(sem, 5, KIN_FOREVER));
    assert_status(kin_sem_release(sem, 6), KIN_E_OVERFLOW);
    assert_int_equal(value_of(sem), 0);
    assert_ok(kin_sem_destroy(sem));
}

static void maximum_is_the_largest_by_default(void **state)
{
    (void)state;
    kin_sem *sem = NULL;
    assert_ok(kin_sem_create(&sem, NULL, KIN_SEM_MAX, 0));
    assert_int_equal(value_of(sem), KIN_SEM_MAX);
    assert_status(kin_sem_release(sem, 1), KIN_E_OVERFLOW);
    assert_status(kin_sem_release(sem, UINT32_MAX), KIN_E_OVERFLOW);
    assert_ok(kin_sem_acquire(sem, KIN_SEM_MAX, KIN_NOW));
    assert_ok(kin_sem_destroy(sem));
}

static void timeout_passes_and_no_earlier(void **state)
{
    (void)state;
    kin_sem *sem = NULL;
    assert_ok(kin_sem_create(&sem, NULL, 0, 0));
    int64_t began = now_ns();
    assert_status(kin_sem_acquire(sem, 1, KIN_MS(120)), KIN_E_TIMED_OUT);
    assert_true(now_ns() - began >= KIN_MS(120));
    began = now_ns();
    assert_status(kin_sem_acquire(sem, 1, 1), KIN_E_TIMED_OUT);
    assert_int_equal(value_of(sem), 0);
    assert_ok(kin_sem_destroy(sem));
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_sem outside;
    uint32_t value;
    kin_sem *sem = NULL;
    slots *it = new_slots(1, 2);
    memset(&outside, 0, sizeof outside);
    assert_status(kin_sem_create(NULL, NULL, 0, 0), KIN_E_ARGUMENT);
    assert_status(kin_sem_create(&sem, NULL, 2, 1), KIN_E_ARGUMENT);
    assert_status(kin_sem_create(&sem, NULL, 0, KIN_SEM_MAX + 1), KIN_E_ARGUMENT);
    assert_status(kin_sem_init(NULL, 0, 0), KIN_E_ARGUMENT);
    assert_status(kin_sem_init(&outside, 0, 0), KIN_E_NOT_SHARED);
    assert_status(kin_sem_init((kin_sem *)((uintptr_t)it + 4), 0, 0), KIN_E_ARGUMENT);
    assert_status(kin_sem_acquire(NULL, 1, 0), KIN_E_ARGUMENT);
    assert_status(kin_sem_acquire(&it->sem, 0, 0), KIN_E_ARGUMENT);
    assert_status(kin_sem_acquire(&it->sem, 3, 0), KIN_E_ARGUMENT);
    assert_status(kin_sem_acquire(&it->sem, 1, -1), KIN_E_ARGUMENT);
    assert_status(kin_sem_acquire(&outside, 1, 0), KIN_E_NOT_SHARED);
    assert_status(kin_sem_acquire((kin_sem *)&it->inside, 1, 0), KIN_E_TYPE);
    assert_status(kin_sem_release(NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_sem_release(&it->sem, 0), KIN_E_ARGUMENT);
    assert_status(kin_sem_release(&outside, 1), KIN_E_NOT_SHARED);
    assert_status(kin_sem_value(NULL, &value), KIN_E_ARGUMENT);
    assert_status(kin_sem_value(&it->sem, NULL), KIN_E_ARGUMENT);
    assert_status(kin_sem_value(&outside, &value), KIN_E_NOT_SHARED);
    assert_int_equal(value_of(&it->sem), 1);
    assert_ok(kin_sem_destroy(NULL));
    assert_status(kin_sem_destroy(&outside), KIN_E_NOT_SHARED);
    assert_ok(kin_sem_fini(&it->sem));
    assert_status(kin_sem_acquire(&it->sem, 1, 0), KIN_E_TYPE);
    assert_ok(kin_free(it));
}

static void release_here(void *sem)
{
    assert_ok(kin_sem_release(sem, 1));
}

static void anyone_may_release(void **state)
{
    (void)state;
    kin_sem *sem = NULL;
    assert_ok(kin_sem_create(&sem, NULL, 1, 1));
    assert_ok(kin_sem_acquire(sem, 1, KIN_NOW));
    run_thread(release_here, sem);
    assert_ok(kin_sem_acquire(sem, 1, KIN_NOW));
    assert_ok(kin_sem_destroy(sem));
}

/* ---- several ---- */

static void no_more_get_in_than_there_are_permits(void **state)
{
    (void)state;
    enum { CHILDREN = 6, PERMITS = 3 };
    slots *it = new_slots(PERMITS, PERMITS);
    kin_process *children[CHILDREN];
    int64_t most = 0;
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start_with("share", it);
    }
    for (int i = 0; i < CHILDREN; i++) {
        join_child(children[i], 0);
    }
    assert_ok(kin_counter_get(&it->most, &most));
    assert_in_range(most, 1, PERMITS);
    assert_int_equal(value_of(&it->sem), PERMITS);
    assert_ok(kin_free(it));
}

static void each_permit_wakes_one(void **state)
{
    (void)state;
    enum { CHILDREN = 4 };
    slots *it = new_slots(0, 0);
    kin_process *children[CHILDREN];
    int64_t done = 0;
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start_with("wait_for_one", it);
    }
    assert_ok(kin_sem_acquire(&it->told, CHILDREN, PATIENCE));
    for (int i = 0; i < CHILDREN; i++) {
        assert_ok(kin_sem_release(&it->sem, 1));
        assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
        assert_ok(kin_counter_get(&it->done, &done));
        assert_int_equal(done, i + 1);
    }
    for (int i = 0; i < CHILDREN; i++) {
        join_child(children[i], 0);
    }
    assert_int_equal(value_of(&it->sem), 0);
    assert_ok(kin_free(it));
}

static void who_wants_many_does_not_stop_who_wants_few(void **state)
{
    (void)state;
    slots *it = new_slots(0, 0);
    kin_process *big = start_with("wait_for_three", it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    kin_process *small = start_with("wait_for_one", it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    assert_ok(kin_sem_release(&it->sem, 1));
    join_child(small, 0);
    assert_ok(kin_sem_release(&it->sem, 2));
    assert_ok(kin_sem_release(&it->sem, 1));
    join_child(big, 0);
    assert_int_equal(value_of(&it->sem), 0);
    assert_ok(kin_free(it));
}

static void killed_waiter_takes_nothing(void **state)
{
    (void)state;
    slots *it = new_slots(0, 0);
    kin_process *killed = start_with("wait_for_one", it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    kin_process *left = start_with("wait_for_one", it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    kill_child(killed);
    assert_ok(kin_sem_release(&it->sem, 1));
    join_child(left, 0);
    assert_int_equal(value_of(&it->sem), 0);
    assert_ok(kin_free(it));
}

static void permits_reach_a_living_waiter_among_the_dead(void **state)
{
    (void)state;
    enum { DEAD = 10 };
    slots *it = new_slots(0, 0);
    kin_process *dead[DEAD];
    for (int i = 0; i < DEAD; i++) {
        dead[i] = start_with(i % 2 ? "wait_for_three" : "wait_for_one", it);
        await_asleep(&it->sem, sizeof it->sem, (uint32_t)i + 1);
    }
    kin_process *alive = start_with("wait_for_three", it);
    await_asleep(&it->sem, sizeof it->sem, DEAD + 1);
    for (int i = 0; i < DEAD; i++) {
        kill_unseen(dead[i]);
    }
    int64_t began = now_ns();
    assert_ok(kin_sem_release(&it->sem, 3));
    join_child(alive, 0);
    assert_true(now_ns() - began < KIN_SECONDS(3));
    for (int i = 0; i < DEAD; i++) {
        forget_child(dead[i]);
    }
    assert_ok(kin_free(it));
}

/* Nobody releases anything, nobody joins them: one that sleeps beside them finds them. */
static void dead_sleepers_are_removed_by_a_living_one(void **state)
{
    (void)state;
    enum { DEAD = 3 };
    slots *it = new_slots(0, 0);
    kin_process *dead[DEAD];
    for (int i = 0; i < DEAD; i++) {
        dead[i] = start_with("wait_for_one", it);
        await_asleep(&it->sem, sizeof it->sem, (uint32_t)i + 1);
    }
    kin_process *alive = start_with("wait_for_one", it);
    await_asleep(&it->sem, sizeof it->sem, DEAD + 1);
    for (int i = 0; i < DEAD; i++) {
        kill_unseen(dead[i]);
    }
    await_asleep(&it->sem, sizeof it->sem, 1);
    assert_ok(kin_sem_release(&it->sem, 1));
    join_child(alive, 0);
    for (int i = 0; i < DEAD; i++) {
        forget_child(dead[i]);
    }
    assert_ok(kin_free(it));
}

/* It never gets so many, and others take and give all the time. */
static void deadline_holds_among_many_changes(void **state)
{
    (void)state;
    slots *it = new_slots(3, 0);
    kin_process *children[2] = {start_with("share", it), start_with("share", it)};
    for (int i = 0; i < 5; i++) {
        int64_t began = now_ns();
        assert_status(kin_sem_acquire(&it->sem, 4, KIN_MS(20)), KIN_E_TIMED_OUT);
        assert_true(now_ns() - began >= KIN_MS(20) && now_ns() - began < KIN_SECONDS(5));
    }
    join_child(children[0], 0);
    join_child(children[1], 0);
    assert_ok(kin_free(it));
}

/* ---- plain data, which ThreadSanitizer watches ---- */

static struct {
    slots *of;
    int64_t number;
} box;

static void fetch(void *unused)
{
    (void)unused;
    for (int64_t i = 0; i < 1000; i++) {
        MUST(kin_sem_acquire(&box.of->sem, 1, PATIENCE) == KIN_OK);
        MUST(box.number == i);
        MUST(kin_sem_release(&box.of->told, 1) == KIN_OK);
    }
}

static void what_was_written_before_a_release_is_seen(void **state)
{
    (void)state;
    box.of = new_slots(0, 0);
    void *other = begin_thread(fetch, NULL);
    for (int64_t i = 0; i < 1000; i++) {
        box.number = i;
        assert_ok(kin_sem_release(&box.of->sem, 1));
        assert_ok(kin_sem_acquire(&box.of->told, 1, PATIENCE));
    }
    end_thread(other);
    assert_ok(kin_free(box.of));
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"share", child_share},
        {"wait_for_one", child_wait_for_one},
        {"wait_for_three", child_wait_for_three},
    };
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_exactly),
        cmocka_unit_test(maximum_is_the_largest_by_default),
        cmocka_unit_test(timeout_passes_and_no_earlier),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(anyone_may_release),
        cmocka_unit_test(no_more_get_in_than_there_are_permits),
        cmocka_unit_test(each_permit_wakes_one),
        cmocka_unit_test(who_wants_many_does_not_stop_who_wants_few),
        unit_test_with_deaths(killed_waiter_takes_nothing),
        unit_test_with_deaths(permits_reach_a_living_waiter_among_the_dead),
        unit_test_with_deaths(dead_sleepers_are_removed_by_a_living_one),
        cmocka_unit_test(deadline_holds_among_many_changes),
        cmocka_unit_test(what_was_written_before_a_release_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
