#include "support.h"

#include "family/member.h"

typedef struct shop {
    kin_lock lock;
    kin_lock other;
    kin_cond delivered;
    kin_cond sold;
    int64_t goods;
    int64_t waiting; /* customers, changed under the lock */
    int64_t served;
} shop;

static shop *new_shop(uint32_t flags)
{
    shop *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, flags));
    assert_ok(kin_lock_init(&it->other, 0));
    assert_ok(kin_cond_init(&it->delivered));
    assert_ok(kin_cond_init(&it->sold));
    return it;
}

static kin_process *start_with(const char *entry, shop *it)
{
    kin_args *args = new_args();
    give(args, "shop", KIN_TYPE_MEMORY, it);
    kin_process *process = start_child(entry, args);
    kin_args_destroy(args);
    return process;
}

/* ---- children ---- */

static int child_buy(const kin_args *args)
{
    shop *it = given(args, "shop", KIN_TYPE_MEMORY);
    CHECK(it && kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    it->waiting++;
    while (it->goods == 0) {
        CHECK(kin_cond_wait(&it->delivered, &it->lock, PATIENCE) == KIN_OK);
    }
    it->goods--;
    it->served++;
    CHECK(kin_lock_release(&it->lock) == KIN_OK);
    return 0;
}

/* One wait, one notify: a customer that believes what it is told. */
static int child_wait_once(const kin_args *args)
{
    shop *it = given(args, "shop", KIN_TYPE_MEMORY);
    CHECK(it && kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    it->waiting++;
    CHECK(kin_cond_wait(&it->delivered, &it->lock, PATIENCE) == KIN_OK);
    it->served++;
    CHECK(kin_lock_release(&it->lock) == KIN_OK);
    return 0;
}

static int child_expects_poison(const kin_args *args)
{
    shop *it = given(args, "shop", KIN_TYPE_MEMORY);
    CHECK(it && kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    it->waiting++;
    CHECK(kin_cond_wait(&it->delivered, &it->lock, PATIENCE) == KIN_E_POISONED);
    return 0;
}

static int child_trade(const kin_args *args)
{
    shop *it = given(args, "shop", KIN_TYPE_MEMORY);
    CHECK(it && kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    for (int i = 0; i < 2000; i++) {
        while (it->goods == 0) {
            CHECK(kin_cond_wait(&it->delivered, &it->lock, PATIENCE) == KIN_OK);
        }
        it->goods = 0;
        CHECK(kin_cond_notify(&it->sold, 1) == KIN_OK);
    }
    CHECK(kin_lock_release(&it->lock) == KIN_OK);
    return 0;
}

static int child_die_holding(const kin_args *args)
{
    shop *it = given(args, "shop", KIN_TYPE_MEMORY);
    CHECK(it && kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    CHECK(kin_cond_notify(&it->delivered, KIN_COND_ALL) == KIN_OK);
    return 0;
}

/* Holds another lock while it waits. A thread that then has the first lock will wait for that one. */
static int child_wait_holding_another(const kin_args *args)
{
    shop *it = given(args, "shop", KIN_TYPE_MEMORY);
    kin_lock_info info = KIN_LOCK_INFO_INIT;
    CHECK(it && kin_lock_acquire(&it->other, PATIENCE) == KIN_OK && kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    it->waiting++;
    CHECK(kin_cond_wait(&it->delivered, &it->lock, PATIENCE) == KIN_OK);
    CHECK(kin_lock_inspect(&it->lock, &info) == KIN_OK && info.mine);
    CHECK(kin_lock_release(&it->lock) == KIN_OK && kin_lock_release(&it->other) == KIN_OK);
    return 0;
}

static int child_expects_deadlock(const kin_args *args)
{
    shop *it = given(args, "shop", KIN_TYPE_MEMORY);
    CHECK(it && kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    it->waiting++;
    CHECK(kin_lock_acquire(&it->other, PATIENCE) == KIN_E_DEADLOCK);
    CHECK(kin_lock_release(&it->lock) == KIN_OK);
    return 0;
}

/* ---- tests ---- */

static void await_customers(shop *it, int64_t count)
{
    int64_t end = now_ns() + PATIENCE;
    for (bool all = false; !all && now_ns() < end;) {
        assert_ok(kin_lock_acquire(&it->lock, PATIENCE));
        all = it->waiting == count;
        assert_ok(kin_lock_release(&it->lock));
    }
    assert_int_equal(it->waiting, count);
}

static int64_t served_after(shop *it, int64_t count)
{
    int64_t end = now_ns() + PATIENCE, served = 0;
    while (served < count && now_ns() < end) {
        assert_ok(kin_lock_acquire(&it->lock, PATIENCE));
        served = it->served;
        assert_ok(kin_lock_release(&it->lock));
    }
    return served;
}

static void notify_wakes_as_many_as_it_says(void **state)
{
    (void)state;
    enum { CHILDREN = 6 };
    shop *it = new_shop(0);
    kin_process *children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start_with("wait_once", it);
    }
    await_customers(it, CHILDREN);
    assert_ok(kin_cond_notify(&it->delivered, 1));
    assert_int_equal(served_after(it, 1), 1);
    assert_ok(kin_cond_notify(&it->delivered, 2));
    assert_int_equal(served_after(it, 3), 3);
    assert_ok(kin_lock_acquire(&it->lock, PATIENCE));
    assert_status(kin_cond_wait(&it->sold, &it->lock, KIN_MS(100)), KIN_E_TIMED_OUT);
    assert_int_equal(it->served, 3);
    assert_ok(kin_cond_notify(&it->delivered, KIN_COND_ALL));
    assert_ok(kin_lock_release(&it->lock));
    for (int i = 0; i < CHILDREN; i++) {
        join_child(children[i], 0);
    }
    assert_int_equal(it->served, CHILDREN);
    assert_ok(kin_free(it));
}

static int is_sold(void *shop_)
{
    return ((shop *)shop_)->goods == 0;
}

static void trade_goes_to_and_fro(void **state)
{
    (void)state;
    shop *it = new_shop(0);
    kin_process *child = start_with("trade", it);
    assert_ok(kin_lock_acquire(&it->lock, PATIENCE));
    for (int i = 0; i < 2000; i++) {
        it->goods = 1;
        assert_ok(kin_cond_notify(&it->delivered, 1));
        assert_ok(kin_cond_wait_for(&it->sold, &it->lock, is_sold, it, PATIENCE));
    }
    assert_ok(kin_lock_release(&it->lock));
    join_child(child, 0);
    assert_ok(kin_free(it));
}

static int never(void *unused)
{
    (void)unused;
    return 0;
}

static void timeout_leaves_the_lock_held(void **state)
{
    (void)state;
    shop *it = new_shop(0);
    assert_ok(kin_lock_acquire(&it->lock, KIN_NOW));
    int64_t began = now_ns();
    assert_status(kin_cond_wait(&it->delivered, &it->lock, KIN_MS(80)), KIN_E_TIMED_OUT);
    assert_status(kin_cond_wait_for(&it->delivered, &it->lock, never, NULL, KIN_MS(80)), KIN_E_TIMED_OUT);
    assert_true(now_ns() - began >= KIN_MS(160));
    assert_status(kin_cond_wait(&it->delivered, &it->lock, KIN_NOW), KIN_E_TIMED_OUT);
    assert_ok(kin_lock_release(&it->lock));
    assert_ok(kin_free(it));
}

static void recursive_lock_is_released_fully(void **state)
{
    (void)state;
    shop *it = new_shop(KIN_LOCK_RECURSIVE);
    kin_process *child = start_with("buy", it);
    await_customers(it, 1);
    for (int i = 0; i < 3; i++) {
        assert_ok(kin_lock_acquire(&it->lock, PATIENCE));
    }
    it->goods = 1;
    assert_ok(kin_cond_notify(&it->delivered, 1));
    assert_status(kin_cond_wait(&it->sold, &it->lock, KIN_MS(500)), KIN_E_TIMED_OUT);
    assert_int_equal(it->served, 1); /* so the child had the lock meanwhile */
    for (int i = 0; i < 3; i++) {
        assert_ok(kin_lock_release(&it->lock));
    }
    assert_status(kin_lock_release(&it->lock), KIN_E_NOT_OWNER);
    join_child(child, 0);
    assert_ok(kin_free(it));
}

static void notify_of_a_killed_waiter_goes_to_another(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        shop *it = new_shop(0);
        kin_process *first = start_with("wait_once", it);
        await_customers(it, 1);
        kin_process *second = start_with("wait_once", it);
        await_customers(it, 2);
        assert_ok(kin_lock_acquire(&it->lock, PATIENCE)); /* so the first cannot leave */
        assert_ok(i % 2 ? kin_cond_notify(&it->delivered, 1) : kin_process_kill(first));
        assert_ok(i % 2 ? kin_process_kill(first) : kin_cond_notify(&it->delivered, 1));
        assert_ok(kin_process_join(first, PATIENCE, NULL));
        assert_ok(kin_lock_release(&it->lock));
        join_child(second, 0);
        kin_process_close(first);
        assert_ok(kin_free(it));
    }
}

/* No process joins the dead waiters. The oldest are chosen first. */
static void notify_reaches_a_living_waiter_among_the_dead(void **state)
{
    (void)state;
    enum { DEAD = 5 };
    for (int before = 0; before < 2; before++) { /* whether they are dead when it is notified */
        shop *it = new_shop(0);
        kin_process *dead[DEAD];
        for (int i = 0; i < DEAD; i++) {
            dead[i] = start_with("wait_once", it);
            await_asleep(&it->delivered, sizeof it->delivered, (uint32_t)i + 1);
        }
        kin_process *alive = start_with("wait_once", it);
        await_asleep(&it->delivered, sizeof it->delivered, DEAD + 1);
        assert_ok(kin_lock_acquire(&it->lock, PATIENCE)); /* so that nobody leaves its wait */
        for (int i = 0; i < DEAD && before; i++) {
            kill_unseen(dead[i]);
        }
        assert_ok(kin_cond_notify(&it->delivered, 1));
        for (int i = 0; i < DEAD && !before; i++) {
            kill_unseen(dead[i]);
        }
        assert_ok(kin_lock_release(&it->lock));
        join_child(alive, 0);
        for (int i = 0; i < DEAD; i++) {
            forget_child(dead[i]);
        }
        assert_ok(kin_free(it));
    }
}

/* It has left its wait slot and sleeps for the lock. */
static void notify_of_one_that_dies_without_the_lock_goes_to_another(void **state)
{
    (void)state;
    shop *it = new_shop(0);
    kin_process *first = start_with("wait_once", it);
    await_asleep(&it->delivered, sizeof it->delivered, 1);
    kin_process *second = start_with("wait_once", it);
    await_asleep(&it->delivered, sizeof it->delivered, 2);
    assert_ok(kin_lock_acquire(&it->lock, PATIENCE));
    assert_ok(kin_cond_notify(&it->delivered, 1));
    await_asleep(&it->lock, sizeof it->lock, 1);
    kill_unseen(first);
    assert_ok(kin_lock_release(&it->lock));
    join_child(second, 0);
    forget_child(first);
    assert_ok(kin_free(it));
}

/* The one that is told slept before the cycle was closed: it finds out at the end of its slice. */
static void wait_gets_its_lock_though_that_closes_a_cycle(void **state)
{
    (void)state;
    shop *it = new_shop(0);
    kin_process *waiter = start_with("wait_holding_another", it);
    await_asleep(&it->delivered, sizeof it->delivered, 1);
    kin_process *other = start_with("expects_deadlock", it);
    await_asleep(&it->other, sizeof it->other, 1);
    assert_ok(kin_cond_notify(&it->delivered, 1));
    join_child(other, 0);
    join_child(waiter, 0);
    assert_ok(kin_free(it));
}

/* ---- plain data, which ThreadSanitizer watches ---- */

static struct {
    shop *of;
    int64_t number;
    int full;
} shelf;

static void fetch(void *unused)
{
    (void)unused;
    for (int64_t i = 0; i < 500; i++) {
        MUST(kin_lock_acquire(&shelf.of->lock, PATIENCE) == KIN_OK);
        while (!shelf.full) {
            MUST(kin_cond_wait(&shelf.of->delivered, &shelf.of->lock, PATIENCE) == KIN_OK);
        }
        MUST(shelf.number == i);
        shelf.full = 0;
        MUST(kin_cond_notify(&shelf.of->sold, 1) == KIN_OK);
        MUST(kin_lock_release(&shelf.of->lock) == KIN_OK);
    }
}

static void what_was_written_before_a_notify_is_seen(void **state)
{
    (void)state;
    shelf.of = new_shop(0);
    shelf.full = 0;
    void *other = begin_thread(fetch, NULL);
    for (int64_t i = 0; i < 500; i++) {
        assert_ok(kin_lock_acquire(&shelf.of->lock, PATIENCE));
        while (shelf.full) {
            assert_ok(kin_cond_wait(&shelf.of->sold, &shelf.of->lock, PATIENCE));
        }
        shelf.number = i;
        shelf.full = 1;
        assert_ok(kin_cond_notify(&shelf.of->delivered, 1));
        assert_ok(kin_lock_release(&shelf.of->lock));
    }
    end_thread(other);
    assert_ok(kin_free(shelf.of));
}

static void death_of_the_holder_is_told_to_who_waits(void **state)
{
    (void)state;
    shop *it = new_shop(0);
    assert_ok(kin_lock_acquire(&it->lock, KIN_NOW));
    kin_process *child = start_with("die_holding", it);
    assert_status(kin_cond_wait(&it->delivered, &it->lock, PATIENCE), KIN_OWNER_DIED);
    assert_ok(kin_lock_repair(&it->lock));
    assert_ok(kin_lock_release(&it->lock));
    join_child(child, 0);
    assert_ok(kin_free(it));
}

/* Nobody else will: the lock is poisoned, and who held it does not come back. */
static void one_that_is_told_and_gets_no_lock_tells_the_next(void **state)
{
    (void)state;
    enum { CHILDREN = 3 };
    shop *it = new_shop(0);
    kin_process *children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start_with("expects_poison", it);
    }
    await_customers(it, CHILDREN);
    assert_ok(kin_lock_acquire(&it->lock, PATIENCE));
    assert_ok(kin_cond_notify(&it->delivered, 1));
    assert_ok(kin_lock_poison(&it->lock));
    for (int i = 0; i < CHILDREN; i++) {
        join_child(children[i], 0);
    }
    assert_ok(kin_free(it));
}

static void one_that_waits_cleans_up_after_the_dead(void **state)
{
    (void)state;
    shop *it = new_shop(0);
    uint32_t members = inspect_family().members;
    kin_process *dead = start_with("wait_once", it);
    await_asleep(&it->delivered, sizeof it->delivered, 1);
    kill_unseen(dead);
    assert_ok(kin_lock_acquire(&it->lock, PATIENCE));
    for (int64_t end = now_ns() + PATIENCE; inspect_family().members != members && now_ns() < end;) {
        assert_status(kin_cond_wait(&it->delivered, &it->lock, KIN_SECONDS(1)), KIN_E_TIMED_OUT);
    }
    assert_int_equal(inspect_family().members, members);
    assert_ok(kin_lock_release(&it->lock));
    forget_child(dead);
    assert_ok(kin_free(it));
}

static struct {
    kin_cond *cond;
    kin_lock *lock;
    _Atomic int begun;
    _Atomic int status; /* of the wait; KIN_OK: it goes on */
} apart;

static void wait_in_other_family(void *unused)
{
    (void)unused;
    MUST(kin_lock_acquire(apart.lock, PATIENCE) == KIN_OK);
    atomic_store(&apart.begun, 1);
    atomic_store(&apart.status, (int)kin_cond_wait(apart.cond, apart.lock, PATIENCE));
}

/* Nobody would notify it: others have given its wait slot away. */
static void one_that_was_taken_for_dead_waits_no_longer(void **state)
{
    (void)state;
    kin_family *family = new_family(4 << 20);
    assert_ok(kin_cond_create(&apart.cond, family));
    assert_ok(kin_lock_create(&apart.lock, family, 0));
    void *thread = begin_thread(wait_in_other_family, NULL);
    int64_t end = now_ns() + PATIENCE / 2;
    while (!atomic_load(&apart.begun)) {
        kin_os_yield();
    }
    assert_ok(kin_lock_acquire(apart.lock, PATIENCE)); /* it waits now */
    assert_ok(kin_lock_release(apart.lock));
    _Atomic uint64_t *own = &kin__member_at(family, family->self->index)->state;
    uint64_t is = atomic_exchange(own, ~family->self->state);
    while (atomic_load(&apart.status) == KIN_OK && now_ns() < end) {
        kin_os_yield();
    }
    atomic_store(own, is);
    assert_true(atomic_load(&apart.status) < 0 && now_ns() < end);
    end_thread(thread);
    kin_family_close(family);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_cond outside;
    kin_lock *foreign = NULL;
    kin_family *other = NULL;
    shop *it = new_shop(0);
    memset(&outside, 0, sizeof outside);
    assert_status(kin_cond_create(NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_cond_init(NULL), KIN_E_ARGUMENT);
    assert_status(kin_cond_init(&outside), KIN_E_NOT_SHARED);
    assert_status(kin_cond_wait(&it->sold, &it->lock, KIN_NOW), KIN_E_NOT_OWNER);
    assert_status(kin_cond_wait_for(&it->sold, &it->lock, never, NULL, KIN_NOW), KIN_E_NOT_OWNER);
    assert_ok(kin_lock_acquire(&it->lock, KIN_NOW));
    assert_status(kin_cond_wait(NULL, &it->lock, 0), KIN_E_ARGUMENT);
    assert_status(kin_cond_wait(&it->sold, NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_cond_wait(&it->sold, &it->lock, -1), KIN_E_ARGUMENT);
    assert_status(kin_cond_wait(&outside, &it->lock, 0), KIN_E_NOT_SHARED);
    assert_status(kin_cond_wait((kin_cond *)&it->lock, &it->lock, 0), KIN_E_TYPE);
    assert_status(kin_cond_wait_for(&it->sold, &it->lock, NULL, NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_cond_notify(NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_cond_notify(&it->sold, 0), KIN_E_ARGUMENT);
    assert_status(kin_cond_notify(&outside, 1), KIN_E_NOT_SHARED);
    assert_ok(kin_family_create(&other, NULL));
    assert_ok(kin_lock_create(&foreign, other, 0));
    assert_ok(kin_lock_acquire(foreign, KIN_NOW));
    assert_status(kin_cond_wait(&it->sold, foreign, 0), KIN_E_FAMILY);
    kin_family_close(other);
    assert_ok(kin_lock_release(&it->lock));
    assert_ok(kin_free(it));
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"buy", child_buy},
        {"wait_once", child_wait_once},
        {"trade", child_trade},
        {"expects_poison", child_expects_poison},
        {"die_holding", child_die_holding},
        {"wait_holding_another", child_wait_holding_another},
        {"expects_deadlock", child_expects_deadlock},
    };
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notify_wakes_as_many_as_it_says),
        cmocka_unit_test(trade_goes_to_and_fro),
        cmocka_unit_test(timeout_leaves_the_lock_held),
        cmocka_unit_test(recursive_lock_is_released_fully),
        unit_test_with_deaths(notify_of_a_killed_waiter_goes_to_another),
        unit_test_with_deaths(notify_reaches_a_living_waiter_among_the_dead),
        unit_test_with_deaths(notify_of_one_that_dies_without_the_lock_goes_to_another),
        unit_test_with_slices(wait_gets_its_lock_though_that_closes_a_cycle),
        cmocka_unit_test(what_was_written_before_a_notify_is_seen),
        unit_test_with_deaths(death_of_the_holder_is_told_to_who_waits),
        cmocka_unit_test(one_that_is_told_and_gets_no_lock_tells_the_next),
        unit_test_with_deaths(one_that_waits_cleans_up_after_the_dead),
        unit_test_with_deaths(one_that_was_taken_for_dead_waits_no_longer),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
