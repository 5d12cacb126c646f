#include "support.h"

#include "os.h"
#include "park/owner_lock.h"

#define ROUNDS 2000

typedef struct bank {
    kin_lock lock;
    kin_sem told; /* the child to the parent */
    kin_sem go;   /* the parent to the child */
    int64_t balance;
    int64_t inside;
} bank;

static bank *new_bank(uint32_t flags)
{
    bank *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, flags));
    assert_ok(kin_sem_init(&it->told, 0, 0));
    assert_ok(kin_sem_init(&it->go, 0, 0));
    return it;
}

static kin_args *args_with(bank *it)
{
    kin_args *args = new_args();
    give(args, "bank", KIN_TYPE_MEMORY, it);
    return args;
}

static kin_process *start_with(const char *entry, bank *it)
{
    kin_args *args = args_with(it);
    kin_process *process = start_child(entry, args);
    kin_args_destroy(args);
    return process;
}

static kin_lock_info inspect(const kin_lock *lock)
{
    kin_lock_info info = KIN_LOCK_INFO_INIT;
    assert_ok(kin_lock_inspect(lock, &info));
    return info;
}

/* ---- children ---- */

static int child_count(const kin_args *args)
{
    bank *it = given(args, "bank", KIN_TYPE_MEMORY);
    CHECK(it);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
        CHECK(it->inside++ == 0);
        it->balance++;
        it->inside--;
        CHECK(kin_lock_release(&it->lock) == KIN_OK);
    }
    return 0;
}

static int child_hold(const kin_args *args)
{
    bank *it = given(args, "bank", KIN_TYPE_MEMORY);
    CHECK(it);
    CHECK(kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
    CHECK(kin_lock_release(&it->lock) == KIN_OK);
    return 0;
}

static int child_exit_holding(const kin_args *args)
{
    bank *it = given(args, "bank", KIN_TYPE_MEMORY);
    CHECK(it);
    CHECK(kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    return 0;
}

/* The order of sleepers is not promised: it may get the lock after a dead owner. */
static int child_pass_through(const kin_args *args)
{
    bank *it = given(args, "bank", KIN_TYPE_MEMORY);
    CHECK(it);
    kin_status status = kin_lock_acquire(&it->lock, PATIENCE);
    CHECK(status == KIN_OK || (status == KIN_OWNER_DIED && kin_lock_repair(&it->lock) == KIN_OK));
    CHECK(kin_lock_release(&it->lock) == KIN_OK);
    return 0;
}

static int child_expects_poison(const kin_args *args)
{
    bank *it = given(args, "bank", KIN_TYPE_MEMORY);
    CHECK(it);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_lock_acquire(&it->lock, PATIENCE) == KIN_E_POISONED);
    return 0;
}

/* ---- one process ---- */

static void excludes_and_reports_its_state(void **state)
{
    (void)state;
    kin_lock *lock = NULL;
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_int_equal(inspect(lock).owner_pid, 0);
    assert_ok(kin_lock_acquire(lock, KIN_NOW));
    assert_true(inspect(lock).mine && inspect(lock).owner_pid != 0 && inspect(lock).depth == 1);
    assert_status(kin_lock_acquire(lock, KIN_FOREVER), KIN_E_DEADLOCK);
    assert_ok(kin_lock_release(lock));
    assert_status(kin_lock_release(lock), KIN_E_NOT_OWNER);
    assert_status(kin_lock_repair(lock), KIN_E_NOT_OWNER);
    assert_status(kin_lock_poison(lock), KIN_E_NOT_OWNER);
    assert_ok(kin_lock_destroy(lock));
}

static void recursive_lock_is_released_as_often(void **state)
{
    (void)state;
    bank *it = new_bank(KIN_LOCK_RECURSIVE);
    for (uint32_t depth = 1; depth <= 5; depth++) {
        assert_ok(kin_lock_acquire(&it->lock, KIN_FOREVER));
        assert_int_equal(inspect(&it->lock).depth, depth);
    }
    for (int i = 0; i < 5; i++) {
        assert_ok(kin_lock_release(&it->lock));
    }
    assert_int_equal(inspect(&it->lock).owner_pid, 0);
    assert_status(kin_lock_release(&it->lock), KIN_E_NOT_OWNER);
    assert_ok(kin_free(it));
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_lock outside;
    kin_lock_info info = KIN_LOCK_INFO_INIT;
    kin_lock *lock = NULL;
    bank *it = new_bank(0);
    memset(&outside, 0, sizeof outside);
    assert_status(kin_lock_create(NULL, NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_lock_init(NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_lock_init(&outside, 0), KIN_E_NOT_SHARED);
    assert_status(kin_lock_init(&it->lock, 0x80000000u), KIN_E_ARGUMENT);
    assert_status(kin_lock_init((kin_lock *)((uintptr_t)it + 4), 0), KIN_E_ARGUMENT);
    assert_status(kin_lock_acquire(NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_lock_acquire(&it->lock, -1), KIN_E_ARGUMENT);
    assert_status(kin_lock_acquire(&outside, 0), KIN_E_NOT_SHARED);
    assert_status(kin_lock_acquire((kin_lock *)&it->told, 0), KIN_E_TYPE);
    assert_status(kin_lock_release(NULL), KIN_E_ARGUMENT);
    assert_status(kin_lock_release(&outside), KIN_E_NOT_SHARED);
    assert_status(kin_lock_release((kin_lock *)&it->told), KIN_E_TYPE);
    assert_status(kin_lock_repair(NULL), KIN_E_ARGUMENT);
    assert_status(kin_lock_poison(NULL), KIN_E_ARGUMENT);
    assert_status(kin_lock_inspect(NULL, &info), KIN_E_ARGUMENT);
    assert_status(kin_lock_inspect(&it->lock, NULL), KIN_E_ARGUMENT);
    info.size = 1;
    assert_status(kin_lock_inspect(&it->lock, &info), KIN_E_ARGUMENT);
    assert_ok(kin_lock_destroy(NULL));
    assert_status(kin_lock_destroy(&outside), KIN_E_NOT_SHARED);
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_ok(kin_lock_destroy(lock));
    assert_true(kin_lock_destroy(lock) < 0);
    assert_true(kin_lock_acquire(lock, KIN_NOW) < 0);
    assert_ok(kin_lock_fini(&it->lock));
    assert_status(kin_lock_acquire(&it->lock, KIN_NOW), KIN_E_TYPE);
    assert_ok(kin_free(it));
}

static void hold_and_end(void *lock)
{
    assert_ok(kin_lock_acquire(lock, KIN_NOW));
}

static void thread_that_ends_is_an_owner_that_died(void **state)
{
    (void)state;
    kin_lock *lock = NULL;
    assert_ok(kin_lock_create(&lock, NULL, 0));
    run_thread(hold_and_end, lock);
    assert_status(kin_lock_acquire(lock, PATIENCE), KIN_OWNER_DIED);
    assert_ok(kin_lock_repair(lock));
    assert_ok(kin_lock_release(lock));
    assert_ok(kin_lock_acquire(lock, PATIENCE));
    assert_ok(kin_lock_destroy(lock));
}

static void others_thread_is_no_owner(void *lock)
{
    assert_status(kin_lock_release(lock), KIN_E_NOT_OWNER);
    assert_status(kin_lock_acquire(lock, KIN_NOW), KIN_E_TIMED_OUT);
    assert_status(kin_lock_acquire(lock, KIN_MS(5)), KIN_E_TIMED_OUT);
}

static void owner_is_a_thread(void **state)
{
    (void)state;
    kin_lock *lock = NULL;
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_ok(kin_lock_acquire(lock, KIN_NOW));
    run_thread(others_thread_is_no_owner, lock);
    assert_ok(kin_lock_release(lock));
    assert_ok(kin_lock_destroy(lock));
}

/* ---- several ---- */

static void processes_exclude_each_other(void **state)
{
    (void)state;
    enum { CHILDREN = 4 };
    bank *it = new_bank(0);
    kin_process *children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start_with("count", it);
    }
    for (int i = 0; i < CHILDREN; i++) {
        join_child(children[i], 0);
    }
    assert_int_equal(it->balance, CHILDREN * ROUNDS);
    assert_ok(kin_free(it));
}

static void timeout_passes_and_no_earlier(void **state)
{
    (void)state;
    bank *it = new_bank(0);
    kin_process *child = start_with("hold", it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    assert_status(kin_lock_acquire(&it->lock, KIN_NOW), KIN_E_TIMED_OUT);
    int64_t began = now_ns();
    assert_status(kin_lock_acquire(&it->lock, KIN_MS(120)), KIN_E_TIMED_OUT);
    assert_true(now_ns() - began >= KIN_MS(120));
    assert_int_equal(inspect(&it->lock).owner_pid, kin_process_pid(child));
    assert_int_equal(inspect(&it->lock).mine, 0);
    assert_ok(kin_sem_release(&it->go, 1));
    assert_ok(kin_lock_acquire(&it->lock, PATIENCE));
    assert_ok(kin_lock_release(&it->lock));
    join_child(child, 0);
    assert_ok(kin_free(it));
}

/* A child that holds the lock, killed. */
static void kill_holder(bank *it)
{
    kin_process *child = start_with("hold", it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    kill_child(child);
}

static void killed_owner_is_reported_once(void **state)
{
    (void)state;
    bank *it = new_bank(0);
    for (int i = 0; i < 10; i++) {
        kill_holder(it);
        assert_status(kin_lock_acquire(&it->lock, PATIENCE), KIN_OWNER_DIED);
        assert_true(inspect(&it->lock).inconsistent);
        assert_ok(kin_lock_repair(&it->lock));
        assert_ok(kin_lock_release(&it->lock));
        assert_ok(kin_lock_acquire(&it->lock, KIN_NOW));
        assert_ok(kin_lock_release(&it->lock));
    }
    assert_ok(kin_free(it));
}

static void owner_that_exits_is_reported(void **state)
{
    (void)state;
    bank *it = new_bank(KIN_LOCK_RECURSIVE);
    join_child(start_with("exit_holding", it), 0);
    assert_status(kin_lock_acquire(&it->lock, KIN_NOW), KIN_OWNER_DIED);
    assert_int_equal(inspect(&it->lock).depth, 1);
    assert_ok(kin_lock_repair(&it->lock));
    assert_ok(kin_lock_release(&it->lock));
    assert_ok(kin_free(it));
}

static void killed_owner_is_noticed_within_100_ms(void **state)
{
    (void)state;
    bank *it = new_bank(0);
    kin_process *child = start_with("hold", it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    assert_ok(kin_process_kill(child));
    int64_t began = now_ns();
    assert_status(kin_lock_acquire(&it->lock, PATIENCE), KIN_OWNER_DIED);
    assert_true(now_ns() - began < KIN_SECONDS(5)); /* 0.1 s on a machine that is not busy */
    assert_ok(kin_lock_repair(&it->lock));
    assert_ok(kin_lock_release(&it->lock));
    assert_ok(kin_process_join(child, PATIENCE, NULL));
    kin_process_close(child);
    assert_ok(kin_free(it));
}

/* Nobody may have slept there, so far as the next owner knows: its release has to wake others. */
static void one_that_takes_a_dead_owners_lock_wakes_others(void **state)
{
    (void)state;
    bank *it = new_bank(0);
    kill_holder(it);
    assert_status(kin_lock_acquire(&it->lock, PATIENCE), KIN_OWNER_DIED);
    assert_true(inspect(&it->lock).contended);
    assert_ok(kin_lock_repair(&it->lock));
    assert_ok(kin_lock_release(&it->lock));
    assert_ok(kin_free(it));
}

/* How long it has been held by this owner, as far as those who wait have seen. At most as long as since `began`. */
static int64_t held_for(bank *it, int64_t began)
{
    int64_t held = -1;
    assert_true(kin__lock_owner((const kin__lock *)&it->lock, &held) != 0);
    assert_true(held >= 0 && held <= now_ns() - began + KIN_MS(2)); /* it is in whole milliseconds */
    return held;
}

static void it_is_known_how_long_each_owner_has_held_the_lock(void **state)
{
    (void)state;
    bank *it = new_bank(0);
    int64_t began = now_ns();
    kin_process *first = start_with("hold", it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    kin_process *second = start_with("hold", it);
    await_asleep(&it->lock, sizeof it->lock, 1);
    kin_os_sleep_until(kin_os_now() + KIN_MS(100));
    assert_true(held_for(it, began) >= KIN_MS(99));
    began = now_ns();
    assert_ok(kin_sem_release(&it->go, 1));
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    held_for(it, began); /* the second owner's time has begun anew */
    assert_ok(kin_sem_release(&it->go, 1));
    join_child(first, 0);
    join_child(second, 0);
    assert_ok(kin_free(it));
}

/* When they began to wait many were before the last one, which so looked about rarely. These take the lock and go. */
static void death_is_noticed_soon_by_one_that_was_the_last_of_many(void **state)
{
    (void)state;
    enum { FIRST = 12 };
    bank *it = new_bank(0);
    kin_process *first[FIRST], *victim, *last;
    assert_ok(kin_lock_acquire(&it->lock, KIN_NOW));
    for (uint32_t i = 0; i < FIRST; i++) {
        first[i] = start_with("pass_through", it);
        await_asleep(&it->lock, sizeof it->lock, i + 1);
    }
    victim = start_with("exit_holding", it);
    await_asleep(&it->lock, sizeof it->lock, FIRST + 1);
    last = start_with("pass_through", it);
    await_asleep(&it->lock, sizeof it->lock, FIRST + 2);
    kin_os_sleep_until(kin_os_now() + KIN_MS(400)); /* the last has chosen a slice of seconds */
    assert_ok(kin_lock_release(&it->lock));
    join_child(victim, 0);
    int64_t began = now_ns();
    join_child(last, 0);
    assert_true(now_ns() - began < KIN_SECONDS(1));
    for (uint32_t i = 0; i < FIRST; i++) {
        join_child(first[i], 0);
    }
    assert_ok(kin_free(it));
}

static void unrepaired_lock_is_poisoned_by_release(void **state)
{
    (void)state;
    bank *it = new_bank(0);
    kill_holder(it);
    assert_status(kin_lock_acquire(&it->lock, PATIENCE), KIN_OWNER_DIED);
    assert_ok(kin_lock_release(&it->lock));
    assert_status(kin_lock_acquire(&it->lock, PATIENCE), KIN_E_POISONED);
    assert_true(inspect(&it->lock).poisoned);
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_lock_acquire(&it->lock, PATIENCE));
    assert_ok(kin_lock_release(&it->lock));
    assert_ok(kin_free(it));
}

static void poison_reaches_those_who_wait(void **state)
{
    (void)state;
    enum { CHILDREN = 3 };
    bank *it = new_bank(0);
    kin_process *children[CHILDREN];
    assert_ok(kin_lock_acquire(&it->lock, KIN_NOW));
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start_with("expects_poison", it);
    }
    assert_ok(kin_sem_acquire(&it->told, CHILDREN, PATIENCE));
    assert_ok(kin_lock_poison(&it->lock));
    for (int i = 0; i < CHILDREN; i++) {
        join_child(children[i], 0);
    }
    assert_status(kin_lock_release(&it->lock), KIN_E_NOT_OWNER);
    assert_ok(kin_free(it));
}

/* ---- plain data, which ThreadSanitizer watches ---- */

enum { THREADS = 3, TIMES = 5000 };

static struct {
    bank *of;
    int64_t count;
} ledger;

static void count_under_lock(void *unused)
{
    (void)unused;
    for (int i = 0; i < TIMES; i++) {
        MUST(kin_lock_acquire(&ledger.of->lock, PATIENCE) == KIN_OK);
        ledger.count++;
        MUST(kin_lock_release(&ledger.of->lock) == KIN_OK);
    }
}

static void threads_exclude_each_other_from_plain_data(void **state)
{
    (void)state;
    void *threads[THREADS];
    ledger.of = new_bank(0);
    ledger.count = 0;
    for (int i = 0; i < THREADS; i++) {
        threads[i] = begin_thread(count_under_lock, NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        end_thread(threads[i]);
    }
    assert_int_equal(ledger.count, THREADS * TIMES);
    assert_ok(kin_free(ledger.of));
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"count", child_count},
        {"hold", child_hold},
        {"exit_holding", child_exit_holding},
        {"expects_poison", child_expects_poison},
        {"pass_through", child_pass_through},
    };
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(excludes_and_reports_its_state),
        cmocka_unit_test(recursive_lock_is_released_as_often),
        cmocka_unit_test(bad_input_is_refused),
        unit_test_with_deaths(thread_that_ends_is_an_owner_that_died),
        cmocka_unit_test(owner_is_a_thread),
        cmocka_unit_test(processes_exclude_each_other),
        cmocka_unit_test(timeout_passes_and_no_earlier),
        unit_test_with_deaths(killed_owner_is_reported_once),
        unit_test_with_deaths(owner_that_exits_is_reported),
        unit_test_with_deaths(one_that_takes_a_dead_owners_lock_wakes_others),
        cmocka_unit_test(it_is_known_how_long_each_owner_has_held_the_lock),
        unit_test_with_deaths(killed_owner_is_noticed_within_100_ms),
        unit_test_with_deaths(death_is_noticed_soon_by_one_that_was_the_last_of_many),
        unit_test_with_deaths(unrepaired_lock_is_poisoned_by_release),
        cmocka_unit_test(poison_reaches_those_who_wait),
        cmocka_unit_test(threads_exclude_each_other_from_plain_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
