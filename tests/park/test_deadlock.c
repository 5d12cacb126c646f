#include "support.h"

#include "os.h"
#include "family/member.h"
#include "park/owner_lock.h"

#define MOST 5

typedef struct ring {
    kin_lock locks[MOST];
    kin_sem told;
    kin_sem go;
    int64_t deadlocks; /* under `count` */
    int64_t through;
    kin_lock count;
} ring;

static ring *new_ring(void)
{
    ring *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    for (int i = 0; i < MOST; i++) {
        assert_ok(kin_lock_init(&it->locks[i], 0));
    }
    assert_ok(kin_lock_init(&it->count, 0));
    assert_ok(kin_sem_init(&it->told, 0, 0));
    assert_ok(kin_sem_init(&it->go, 0, 0));
    return it;
}

/* Holds its own lock and waits for its neighbour's. A child that gets KIN_E_DEADLOCK releases its own. */
static int child_take_two(const kin_args *args)
{
    ring *it = given(args, "ring", KIN_TYPE_MEMORY);
    int64_t me = given_number(args, "me"), next = given_number(args, "next");
    CHECK(it && kin_lock_acquire(&it->locks[me], PATIENCE) == KIN_OK);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK && kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
    kin_status status = kin_lock_acquire(&it->locks[next], PATIENCE);
    CHECK(status == KIN_OK || status == KIN_E_DEADLOCK);
    CHECK(kin_lock_acquire(&it->count, PATIENCE) == KIN_OK);
    it->deadlocks += status == KIN_E_DEADLOCK;
    it->through += status == KIN_OK;
    CHECK(kin_lock_release(&it->count) == KIN_OK);
    CHECK(status != KIN_OK || kin_lock_release(&it->locks[next]) == KIN_OK);
    CHECK(kin_lock_release(&it->locks[me]) == KIN_OK);
    return 0;
}

static kin_process *start_one(ring *it, int64_t me, int64_t next)
{
    kin_args *args = new_args();
    give(args, "ring", KIN_TYPE_MEMORY, it);
    give_number(args, "me", me);
    give_number(args, "next", next);
    kin_process *process = start_child("take_two", args);
    kin_args_destroy(args);
    return process;
}

static void one_of_a_cycle_is_told(void **state)
{
    (void)state;
    for (int size = 2; size <= MOST; size++) {
        ring *it = new_ring();
        kin_process *children[MOST];
        for (int i = 0; i < size; i++) {
            children[i] = start_one(it, i, (i + 1) % size);
        }
        assert_ok(kin_sem_acquire(&it->told, (uint32_t)size, PATIENCE));
        int64_t began = now_ns();
        assert_ok(kin_sem_release(&it->go, (uint32_t)size));
        for (int i = 0; i < size; i++) {
            join_child(children[i], 0);
        }
        assert_true(now_ns() - began < KIN_SECONDS(10));
        assert_int_equal(it->deadlocks, 1);
        assert_int_equal(it->through, size - 1);
        assert_ok(kin_free(it));
    }
}

static void queue_for_a_busy_owner_is_no_cycle(void **state)
{
    (void)state;
    ring *it = new_ring();
    kin_process *children[MOST - 1];
    assert_ok(kin_lock_acquire(&it->locks[MOST - 1], KIN_NOW));
    for (int i = 0; i < MOST - 1; i++) {
        children[i] = start_one(it, i, i + 1);
    }
    assert_ok(kin_sem_acquire(&it->told, MOST - 1, PATIENCE));
    assert_ok(kin_sem_release(&it->go, MOST - 1));
    kin_os_sleep_until(kin_os_now() + KIN_MS(150)); /* longer than it takes to find what is not there */
    assert_ok(kin_lock_release(&it->locks[MOST - 1]));
    for (int i = 0; i < MOST - 1; i++) {
        join_child(children[i], 0);
    }
    assert_int_equal(it->deadlocks, 0);
    assert_int_equal(it->through, MOST - 1);
    assert_ok(kin_free(it));
}

/* Its locks are free for the taking. The asker has just found it alive, and does not ask again so soon. */
static void a_dead_owner_is_no_part_of_a_cycle(void **state)
{
    (void)state;
    ring *it = new_ring();
    kin_family *family = NULL;
    kin__seat *seat = NULL;
    int64_t held;
    assert_ok(kin_family_default(&family));
    assert_ok(kin__seat_take(&seat, family));
    assert_ok(kin_lock_acquire(&it->locks[1], KIN_NOW));
    kin_process *child = start_one(it, 0, 1);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    assert_ok(kin_sem_release(&it->go, 1));
    await_asleep(&it->locks[1], sizeof it->locks[1], 1);
    uint64_t owner = kin__lock_owner((kin__lock *)&it->locks[0], &held);
    kill_unseen(child);
    for (int64_t end = now_ns() + PATIENCE; kin__token_alive(family, owner) && now_ns() < end;) {
        kin_os_yield();
    }
    seat->watched = owner;
    seat->watched_at = kin_os_now();
    assert_status(kin_lock_acquire(&it->locks[0], PATIENCE), KIN_OWNER_DIED);
    assert_ok(kin_lock_repair(&it->locks[0]));
    assert_ok(kin_lock_release(&it->locks[0]));
    assert_ok(kin_lock_release(&it->locks[1]));
    forget_child(child);
    assert_ok(kin_free(it));
}

int main(void)
{
    static const kin_child_entry entries[] = {{"take_two", child_take_two}};
    kin_child_main(entries, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_a_cycle_is_told),
        cmocka_unit_test(queue_for_a_busy_owner_is_no_cycle),
        unit_test_with_deaths(a_dead_owner_is_no_part_of_a_cycle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
