#include "support.h"

typedef struct shop {
    kin_lock lock;
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
        if (it->served == 0) { /* it was still asleep */
            assert_ok(kin_lock_acquire(&it->lock, PATIENCE));
            kin_cond_notify(&it->delivered, i % 2 ? 1 : KIN_COND_ALL);
            assert_ok(kin_lock_release(&it->lock));
        }
        join_child(second, 0);
        kin_process_close(first);
        assert_ok(kin_free(it));
    }
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
    assert_status(kin_cond_init(&outside), KIN_E_FAMILY);
    assert_status(kin_cond_wait(&it->sold, &it->lock, KIN_NOW), KIN_E_NOT_OWNER);
    assert_status(kin_cond_wait_for(&it->sold, &it->lock, never, NULL, KIN_NOW), KIN_E_NOT_OWNER);
    assert_ok(kin_lock_acquire(&it->lock, KIN_NOW));
    assert_status(kin_cond_wait(NULL, &it->lock, 0), KIN_E_ARGUMENT);
    assert_status(kin_cond_wait(&it->sold, NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_cond_wait(&it->sold, &it->lock, -1), KIN_E_ARGUMENT);
    assert_status(kin_cond_wait(&outside, &it->lock, 0), KIN_E_FAMILY);
    assert_status(kin_cond_wait((kin_cond *)&it->lock, &it->lock, 0), KIN_E_TYPE);
    assert_status(kin_cond_wait_for(&it->sold, &it->lock, NULL, NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_cond_notify(NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_cond_notify(&it->sold, 0), KIN_E_ARGUMENT);
    assert_status(kin_cond_notify(&outside, 1), KIN_E_FAMILY);
    assert_ok(kin_family_create(&other, NULL));
    assert_ok(kin_lock_create(&foreign, other));
    assert_ok(kin_lock_acquire(foreign, KIN_NOW));
    assert_status(kin_cond_wait(&it->sold, foreign, 0), KIN_E_FAMILY);
    kin_family_close(other);
    assert_ok(kin_lock_release(&it->lock));
    assert_ok(kin_free(it));
}

int main(void)
{
    static const kin_entry entries[] = {
        {"buy", child_buy},
        {"wait_once", child_wait_once},
        {"trade", child_trade},
        {"die_holding", child_die_holding},
    };
    kin_main(entries, 4);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notify_wakes_as_many_as_it_says),
        cmocka_unit_test(trade_goes_to_and_fro),
        cmocka_unit_test(timeout_leaves_the_lock_held),
        cmocka_unit_test(recursive_lock_is_released_fully),
        cmocka_unit_test(notify_of_a_killed_waiter_goes_to_another),
        cmocka_unit_test(death_of_the_holder_is_told_to_who_waits),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
