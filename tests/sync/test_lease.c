/* Leased semaphores: what every semaphore does, and that the permits of a process which ended come back. */
#include "support.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "family/member.h"
#include "park/owner_lock.h"
#include "park/slices.h"

#define WORKERS 6
#define STORM_PERMITS 4

typedef struct place {
    kin_sem told;
    kin_sem go;
    kin_counter done;
    _Atomic uint32_t stop;
    _Atomic uint64_t cells[WORKERS];  /* how often it changed << 8 | how many permits the worker has */
    _Atomic uint32_t doomed[WORKERS]; /* about to be killed, or dead */
} place;

static place *new_place(void)
{
    place *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_sem_init(&it->told, 0, 0));
    assert_ok(kin_sem_init(&it->go, 0, 0));
    assert_ok(kin_counter_init(&it->done, 0));
    return it;
}

static kin_sem *new_leased(uint32_t permits)
{
    kin_sem *sem = NULL;
    assert_ok(kin_sem_create_leased(&sem, NULL, permits));
    return sem;
}

static void end(place *it, kin_sem *sem)
{
    assert_ok(kin_sem_destroy(sem));
    assert_ok(kin_free(it));
}

static kin_process *start_with(const char *entry, place *it, kin_sem *sem, int64_t number)
{
    kin_args *args = new_args();
    give(args, "place", KIN_TYPE_MEMORY, it);
    give(args, "sem", KIN_TYPE_SEM, sem);
    give_number(args, "number", number);
    kin_process *process = start_child(entry, args);
    kin_args_destroy(args);
    return process;
}

/* And waits until it has told. */
static kin_process *start_and_hear(const char *entry, place *it, kin_sem *sem, int64_t number)
{
    kin_process *process = start_with(entry, it, sem, number);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    return process;
}

static uint32_t value_of(const kin_sem *sem)
{
    uint32_t value = 12345;
    assert_ok(kin_sem_value(sem, &value));
    return value;
}

/* ---- children ---- */

static int child_hold(const kin_args *args)
{
    place *it = given(args, "place", KIN_TYPE_MEMORY);
    kin_sem *sem = given(args, "sem", KIN_TYPE_SEM);
    uint32_t number = (uint32_t)given_number(args, "number");
    CHECK(it && sem && kin_sem_acquire(sem, number, PATIENCE) == KIN_OK);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK && kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
    return 0; /* without release */
}

static int child_vanish(const kin_args *args)
{
    kin_sem *sem = given(args, "sem", KIN_TYPE_SEM);
    CHECK(sem && kin_sem_acquire(sem, (uint32_t)given_number(args, "number"), PATIENCE) == KIN_OK);
    kin_os_exit_now(7);
    return 1;
}

static int child_wait(const kin_args *args)
{
    place *it = given(args, "place", KIN_TYPE_MEMORY);
    kin_sem *sem = given(args, "sem", KIN_TYPE_SEM);
    uint32_t number = (uint32_t)given_number(args, "number");
    CHECK(it && sem && kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(sem, number, PATIENCE) == KIN_OK);
    CHECK(kin_counter_add(&it->done, number, NULL) == KIN_OK);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_sem_release(sem, number) == KIN_OK);
    return 0;
}

static int child_take_turns(const kin_args *args)
{
    place *it = given(args, "place", KIN_TYPE_MEMORY);
    kin_sem *sem = given(args, "sem", KIN_TYPE_SEM);
    CHECK(it && sem);
    for (int64_t i = given_number(args, "number"); i > 0; i--) {
        CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
        CHECK(kin_sem_acquire(sem, 1, PATIENCE) == KIN_OK);
        CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
        CHECK(kin_sem_release(sem, 1) == KIN_OK && kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
    }
    return 0;
}

static int child_release_what_is_not_its_own(const kin_args *args)
{
    kin_sem *sem = given(args, "sem", KIN_TYPE_SEM);
    CHECK(sem && kin_sem_release(sem, 1) == KIN_E_NOT_OWNER);
    CHECK(kin_sem_acquire(sem, 1, KIN_NOW) == KIN_OK);
    CHECK(kin_sem_release(sem, 2) == KIN_E_NOT_OWNER);
    CHECK(kin_sem_release(sem, 1) == KIN_OK);
    CHECK(kin_sem_release(sem, 1) == KIN_E_NOT_OWNER);
    return 0;
}

static int child_find_by_name(const kin_args *args)
{
    kin_sem *sem = NULL;
    CHECK(kin_name_get((void **)&sem, NULL, "slots", KIN_TYPE_SEM) == KIN_OK);
    CHECK(sem == given(args, "sem", KIN_TYPE_SEM));
    CHECK(kin_sem_acquire(sem, 2, KIN_NOW) == KIN_OK && kin_sem_acquire(sem, 1, KIN_NOW) == KIN_E_TIMED_OUT);
    CHECK(kin_sem_release(sem, 1) == KIN_OK);
    return 0; /* keeps one */
}

/* What an acquire does, up to its middle: it has the lock inside, and one permit of those it wants. */
static int child_get_stuck(const kin_args *args)
{
    place *it = given(args, "place", KIN_TYPE_MEMORY);
    kin__lease *lease = given(args, "sem", KIN_TYPE_SEM);
    kin__seat *seat;
    CHECK(it && lease && kin__seat_find(&seat, lease, KIN_TYPE_SEM) == KIN_OK);
    CHECK(kin__lock_acquire(seat, &lease->lock, PATIENCE) == KIN_OK);
    atomic_store(&lease->holders[given_number(args, "number")], kin__member_token(seat->family));
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK && kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
    return 1;
}

/* ---- one process ---- */

static void counts_exactly(void **state)
{
    (void)state;
    kin_sem *sem = new_leased(5);
    assert_int_equal(value_of(sem), 5);
    assert_ok(kin_sem_acquire(sem, 2, KIN_NOW));
    assert_ok(kin_sem_acquire(sem, 1, KIN_FOREVER));
    assert_int_equal(value_of(sem), 2);
    assert_status(kin_sem_acquire(sem, 3, KIN_NOW), KIN_E_TIMED_OUT);
    assert_int_equal(value_of(sem), 2);
    assert_status(kin_sem_release(sem, 4), KIN_E_NOT_OWNER);
    assert_int_equal(value_of(sem), 2);
    assert_ok(kin_sem_release(sem, 3));
    assert_status(kin_sem_release(sem, 1), KIN_E_NOT_OWNER);
    assert_int_equal(value_of(sem), 5);
    assert_ok(kin_sem_destroy(sem));
}

static void any_number_goes_in_any_portions(void **state)
{
    (void)state;
    kin_sem *sem = new_leased(KIN_SEM_LEASE_MAX);
    uint32_t held = 0;
    srand(5);
    for (int i = 0; i < 2000; i++) {
        uint32_t count = 1 + (uint32_t)rand() % 300;
        if (rand() % 2) {
            bool fits = count <= KIN_SEM_LEASE_MAX - held;
            assert_int_equal(kin_sem_acquire(sem, count, KIN_NOW), fits ? KIN_OK : KIN_E_TIMED_OUT);
            held += fits ? count : 0;
        } else {
            bool mine = count <= held;
            assert_int_equal(kin_sem_release(sem, count), mine ? KIN_OK : KIN_E_NOT_OWNER);
            held -= mine ? count : 0;
        }
        assert_int_equal(value_of(sem), KIN_SEM_LEASE_MAX - held);
    }
    assert_true(held == 0 || kin_sem_release(sem, held) == KIN_OK);
    assert_ok(kin_sem_acquire(sem, KIN_SEM_LEASE_MAX, KIN_NOW));
    assert_ok(kin_sem_release(sem, KIN_SEM_LEASE_MAX));
    assert_ok(kin_sem_destroy(sem));
}

static void timeout_passes_and_no_earlier(void **state)
{
    (void)state;
    kin_sem *sem = new_leased(1);
    assert_ok(kin_sem_acquire(sem, 1, KIN_NOW));
    int64_t began = now_ns();
    assert_status(kin_sem_acquire(sem, 1, KIN_MS(120)), KIN_E_TIMED_OUT);
    assert_true(now_ns() - began >= KIN_MS(120));
    assert_status(kin_sem_acquire(sem, 1, 1), KIN_E_TIMED_OUT);
    assert_int_equal(value_of(sem), 0);
    assert_ok(kin_sem_destroy(sem));
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_sem *sem = NULL;
    assert_status(kin_sem_create_leased(NULL, NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_sem_create_leased(&sem, NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_sem_create_leased(&sem, NULL, KIN_SEM_LEASE_MAX + 1), KIN_E_ARGUMENT);
    assert_status(kin_sem_create_leased(&sem, NULL, UINT32_MAX), KIN_E_ARGUMENT);
    assert_null(sem);
    sem = new_leased(2);
    assert_status(kin_sem_acquire(sem, 0, KIN_NOW), KIN_E_ARGUMENT);
    assert_status(kin_sem_acquire(sem, 3, KIN_NOW), KIN_E_ARGUMENT);
    assert_status(kin_sem_acquire(sem, UINT32_MAX, KIN_NOW), KIN_E_ARGUMENT);
    assert_status(kin_sem_acquire(sem, 1, -1), KIN_E_ARGUMENT);
    assert_status(kin_sem_release(sem, 0), KIN_E_ARGUMENT);
    assert_status(kin_sem_release(sem, UINT32_MAX), KIN_E_NOT_OWNER);
    assert_status(kin_sem_value(sem, NULL), KIN_E_ARGUMENT);
    assert_status(kin_lock_acquire((kin_lock *)sem, KIN_NOW), KIN_E_TYPE);
    assert_int_equal(value_of(sem), 2);
    assert_ok(kin_sem_destroy(sem));
    assert_status(kin_sem_acquire(sem, 1, KIN_NOW), KIN_E_TYPE);
}

static void release_here(void *sem)
{
    assert_ok(kin_sem_release(sem, 1));
    assert_ok(kin_sem_acquire(sem, 2, KIN_NOW));
}

static void any_thread_of_the_process_may_release(void **state)
{
    (void)state;
    kin_sem *sem = new_leased(3);
    assert_ok(kin_sem_acquire(sem, 2, KIN_NOW));
    run_thread(release_here, sem);
    assert_int_equal(value_of(sem), 0);
    assert_status(kin_sem_acquire(sem, 1, KIN_NOW), KIN_E_TIMED_OUT); /* the thread has ended, the process has not */
    assert_ok(kin_sem_release(sem, 3));
    assert_ok(kin_sem_destroy(sem));
}

/* ---- several ---- */

static void another_process_may_not_release(void **state)
{
    (void)state;
    place *it = new_place();
    kin_sem *sem = new_leased(3);
    assert_ok(kin_sem_acquire(sem, 2, KIN_NOW));
    join_child(start_with("release_what_is_not_its_own", it, sem, 0), 0);
    assert_int_equal(value_of(sem), 1);
    assert_ok(kin_sem_release(sem, 2));
    end(it, sem);
}

static void sleeper_gets_the_permits_of_a_killed_holder(void **state)
{
    (void)state;
    place *it = new_place();
    kin_sem *sem = new_leased(2);
    kin_process *holder = start_and_hear("hold", it, sem, 2);
    kin_process *waiter = start_and_hear("wait", it, sem, 2);
    kin_os_sleep_until(kin_os_now() + KIN_MS(20));
    assert_ok(kin_process_kill(holder));
    assert_ok(kin_sem_acquire(&it->told, 1, KIN_SECONDS(1)));
    join_child(waiter, 0);
    kill_child(holder);
    assert_int_equal(value_of(sem), 2);
    end(it, sem);
}

/* Without joining it first, which would be noticing its death. */
static void trying_is_enough_to_notice_a_death(void **state)
{
    (void)state;
    place *it = new_place();
    kin_sem *sem = new_leased(3);
    kin_process *holder = start_and_hear("hold", it, sem, 2);
    assert_status(kin_sem_acquire(sem, 2, KIN_NOW), KIN_E_TIMED_OUT);
    assert_int_equal(value_of(sem), 1);
    assert_ok(kin_process_kill(holder));
    int64_t until = now_ns() + KIN_SECONDS(1); /* for the system to end it */
    kin_status status;
    do {
        status = kin_sem_acquire(sem, 3, KIN_NOW);
    } while (status == KIN_E_TIMED_OUT && now_ns() < until);
    assert_int_equal(status, KIN_OK);
    assert_ok(kin_sem_release(sem, 3));
    kill_child(holder);
    end(it, sem);
}

typedef struct sleeper {
    kin_sem *sem;
    _Atomic bool has_it;
} sleeper;

static void acquire_one(void *sleeper_)
{
    sleeper *me = sleeper_;
    MUST(kin_sem_acquire(me->sem, 1, PATIENCE) == KIN_OK);
    atomic_store(&me->has_it, true);
}

/* Without slices the sleeper notices nothing by itself. */
static void who_frees_permits_of_the_dead_wakes_others(void **state)
{
    (void)state;
    place *it = new_place();
    sleeper other = {.sem = new_leased(2)};
    uint32_t before = atomic_exchange(&kin__slices_are, KIN__SLICES_OFF);
    kin_process *holder = start_and_hear("hold", it, other.sem, 2);
    void *thread = begin_thread(acquire_one, &other);
    await_asleep(other.sem, sizeof *other.sem, 1);
    kill_unseen(holder);
    int64_t until = now_ns() + KIN_SECONDS(10); /* for the system to end it */
    while (kin_sem_acquire(other.sem, 1, KIN_NOW) != KIN_OK) {
        assert_true(now_ns() < until);
    }
    until = now_ns() + KIN_SECONDS(10);
    while (!atomic_load(&other.has_it)) {
        assert_true(now_ns() < until);
    }
    end_thread(thread);
    atomic_store(&kin__slices_are, before);
    forget_child(holder);
    end(it, other.sem);
}

static void permits_of_who_just_ends_come_back(void **state)
{
    (void)state;
    place *it = new_place();
    kin_sem *sem = new_leased(4);
    kin_process *holder = start_and_hear("hold", it, sem, 3);
    assert_int_equal(value_of(sem), 1);
    assert_ok(kin_sem_release(&it->go, 1));
    join_child(holder, 0);
    assert_int_equal(value_of(sem), 4);
    join_child(start_with("vanish", it, sem, 4), 7);
    assert_int_equal(value_of(sem), 4);
    assert_ok(kin_sem_acquire(sem, 4, KIN_NOW));
    end(it, sem);
}

static void several_at_once_or_none(void **state)
{
    (void)state;
    place *it = new_place();
    kin_sem *sem = new_leased(5);
    kin_process *holder = start_and_hear("hold", it, sem, 3);
    assert_status(kin_sem_acquire(sem, 3, KIN_NOW), KIN_E_TIMED_OUT);
    assert_status(kin_sem_acquire(sem, 3, KIN_MS(80)), KIN_E_TIMED_OUT);
    assert_int_equal(value_of(sem), 2);
    assert_ok(kin_sem_acquire(sem, 2, KIN_NOW));
    kill_child(holder);
    assert_ok(kin_sem_acquire(sem, 3, KIN_NOW));
    assert_int_equal(value_of(sem), 0);
    end(it, sem);
}

static void who_wants_many_does_not_stop_who_wants_few(void **state)
{
    (void)state;
    place *it = new_place();
    kin_sem *sem = new_leased(3);
    assert_ok(kin_sem_acquire(sem, 3, KIN_NOW));
    kin_process *big = start_and_hear("wait", it, sem, 3);
    kin_process *small = start_and_hear("wait", it, sem, 1);
    assert_ok(kin_sem_release(sem, 1));
    join_child(small, 0);
    assert_ok(kin_sem_release(sem, 2));
    join_child(big, 0);
    assert_int_equal(value_of(sem), 3);
    end(it, sem);
}

static void killed_waiters_take_nothing(void **state)
{
    (void)state;
    enum { KILLED = 3 };
    place *it = new_place();
    kin_sem *sem = new_leased(2);
    kin_process *killed[KILLED];
    assert_ok(kin_sem_acquire(sem, 2, KIN_NOW));
    for (int i = 0; i < KILLED; i++) {
        killed[i] = start_and_hear("wait", it, sem, 1 + i % 2);
    }
    kin_process *left = start_and_hear("wait", it, sem, 2);
    for (int i = 0; i < KILLED; i++) {
        kill_child(killed[i]);
    }
    assert_ok(kin_sem_release(sem, 2));
    join_child(left, 0);
    assert_int_equal(value_of(sem), 2);
    end(it, sem);
}

static void killed_in_the_middle_leaves_it_whole(void **state)
{
    (void)state;
    place *it = new_place();
    kin_sem *sem = new_leased(4);
    for (int i = 0; i < 4; i++) {
        kill_child(start_and_hear("get_stuck", it, sem, i));
        assert_int_equal(value_of(sem), 4);
        assert_ok(kin_sem_acquire(sem, 4, KIN_NOW));
        kill_child(start_and_hear("get_stuck", it, new_leased(1), 0)); /* perhaps in the same entry */
        assert_ok(kin_sem_release(sem, 4));
    }
    end(it, sem);
}

static void who_is_stuck_delays_others_not_for_ever(void **state)
{
    (void)state;
    place *it = new_place();
    kin_sem *sem = new_leased(2);
    kin_process *stuck = start_and_hear("get_stuck", it, sem, 0);
    assert_status(kin_sem_acquire(sem, 1, KIN_MS(1)), KIN_E_TIMED_OUT);
    assert_int_equal(value_of(sem), 1);
    kin_process *waiter = start_and_hear("wait", it, sem, 2);
    kill_child(stuck);
    join_child(waiter, 0);
    end(it, sem);
}

/* Not only at the end of its slice. The best of several, for the machine may be busy. */
static void release_wakes_a_sleeper_at_once(void **state)
{
    (void)state;
    enum { TURNS = 20 };
    place *it = new_place();
    kin_sem *sem = new_leased(1);
    int64_t best = INT64_MAX;
    assert_ok(kin_sem_acquire(sem, 1, KIN_NOW));
    kin_process *child = start_with("take_turns", it, sem, TURNS);
    for (int i = 0; i < TURNS; i++) {
        assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
        kin_os_sleep_until(kin_os_now() + KIN_MS(5)); /* it sleeps by now, and its slice goes on for long */
        int64_t began = now_ns();
        assert_ok(kin_sem_release(sem, 1));
        assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
        best = now_ns() - began < best ? now_ns() - began : best;
        assert_ok(kin_sem_acquire(sem, 1, PATIENCE));
        assert_ok(kin_sem_release(&it->go, 1));
    }
    assert_true(best < KIN_MS(20));
    join_child(child, 0);
    end(it, sem);
}

static void names_and_refs_lead_to_it(void **state)
{
    (void)state;
    place *it = new_place();
    kin_sem *sem = new_leased(2);
    kin_ref ref;
    void *found = NULL;
    assert_ok(kin_name_set("slots", KIN_TYPE_SEM, sem));
    join_child(start_with("find_by_name", it, sem, 0), 0);
    assert_int_equal(value_of(sem), 2);
    assert_ok(kin_ref_of(&ref, KIN_TYPE_SEM, sem));
    assert_ok(kin_ref_get(&found, KIN_TYPE_SEM, ref));
    assert_ptr_equal(found, sem);
    end(it, sem);
    assert_status(kin_ref_get(&found, KIN_TYPE_SEM, ref), KIN_E_STALE);
    assert_ok(kin_name_remove(NULL, "slots"));
}

/* ---- random kills ---- */

/* Loads the cells twice. A cell that is the same both times did not change in between. A doomed worker may be dead, and
 * another one may have its permits. `doomed` is loaded before the second look, because a successor may come later. */
static bool too_many(place *it)
{
    uint64_t first[WORKERS];
    uint32_t sum = 0;
    for (int i = 0; i < WORKERS; i++) {
        first[i] = atomic_load(&it->cells[i]);
    }
    for (int i = 0; i < WORKERS; i++) {
        bool stood = atomic_load(&it->doomed[i]) == 0 && atomic_load(&it->cells[i]) == first[i];
        sum += stood ? (uint32_t)(first[i] & 0xff) : 0;
    }
    return sum > STORM_PERMITS;
}

static void show(place *it, int64_t me, uint32_t count)
{
    atomic_store(&it->cells[me], ((atomic_load(&it->cells[me]) >> 8) + 1) << 8 | count);
}

static int child_storm(const kin_args *args)
{
    place *it = given(args, "place", KIN_TYPE_MEMORY);
    kin_sem *sem = given(args, "sem", KIN_TYPE_SEM);
    int64_t me = given_number(args, "number");
    CHECK(it && sem && me < WORKERS);
    unsigned seed = (unsigned)(now_ns() >> 4) + (unsigned)me;
    while (!atomic_load(&it->stop)) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t count = 1 + (seed >> 16) % 3;
        int64_t timeout = (seed >> 20) % 8 == 0 ? KIN_NOW : (seed >> 20) % 8 == 1 ? KIN_US(200) : PATIENCE;
        kin_status status = kin_sem_acquire(sem, count, timeout);
        CHECK(status == KIN_OK || (status == KIN_E_TIMED_OUT && timeout != PATIENCE));
        if (status == KIN_OK) {
            show(it, me, count);
            CHECK(!too_many(it));
            for (unsigned i = (seed >> 24) % 4; i > 0; i--) {
                kin_os_yield();
            }
            CHECK(!too_many(it));
            show(it, me, 0);
            CHECK(kin_sem_release(sem, count) == KIN_OK);
            CHECK(kin_counter_add(&it->done, 1, NULL) == KIN_OK);
        }
    }
    return 0;
}

/* It was at work until now, and dies. */
static void strike_down(place *it, kin_process *process, int number)
{
    kin_exit result = {.code = -1, .signal = 0};
    atomic_store(&it->doomed[number], 1);
    assert_ok(kin_process_kill(process));
    assert_ok(kin_process_join(process, PATIENCE, &result));
    assert_true(result.signal != 0 || result.code == 137);
    kin_process_close(process);
    show(it, number, 0);
    atomic_store(&it->doomed[number], 0);
}

static void no_permit_is_lost_or_given_twice(void **state)
{
    (void)state;
    place *it = new_place();
    kin_sem *sem = new_leased(STORM_PERMITS);
    kin_process *workers[WORKERS];
    int64_t done = 0, killed = 0;
    srand(17);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = start_with("storm", it, sem, i);
    }
    for (int64_t until = now_ns() + KIN_SECONDS(3); now_ns() < until; killed++) {
        int victim = rand() % WORKERS;
        kin_os_sleep_until(kin_os_now() + KIN_US(rand() % 6000));
        strike_down(it, workers[victim], victim);
        workers[victim] = start_with("storm", it, sem, victim);
    }
    atomic_store(&it->stop, 1);
    for (int i = 0; i < WORKERS; i++) {
        join_child(workers[i], 0);
    }
    assert_ok(kin_counter_get(&it->done, &done));
    print_message("%d times acquired, %d killed\n", (int)done, (int)killed);
    assert_true(done > 100);
    assert_ok(kin_family_reap(NULL, NULL));
    assert_int_equal(value_of(sem), STORM_PERMITS);
    assert_ok(kin_sem_acquire(sem, STORM_PERMITS, KIN_NOW));
    end(it, sem);
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"hold", child_hold},
        {"vanish", child_vanish},
        {"wait", child_wait},
        {"take_turns", child_take_turns},
        {"release_what_is_not_its_own", child_release_what_is_not_its_own},
        {"find_by_name", child_find_by_name},
        {"get_stuck", child_get_stuck},
        {"storm", child_storm},
    };
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_exactly),
        cmocka_unit_test(any_number_goes_in_any_portions),
        cmocka_unit_test(timeout_passes_and_no_earlier),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(any_thread_of_the_process_may_release),
        cmocka_unit_test(another_process_may_not_release),
        unit_test_with_deaths(sleeper_gets_the_permits_of_a_killed_holder),
        unit_test_with_deaths(trying_is_enough_to_notice_a_death),
        unit_test_with_deaths(who_frees_permits_of_the_dead_wakes_others),
        unit_test_with_deaths(permits_of_who_just_ends_come_back),
        cmocka_unit_test(several_at_once_or_none),
        cmocka_unit_test(who_wants_many_does_not_stop_who_wants_few),
        unit_test_with_deaths(killed_waiters_take_nothing),
        unit_test_with_deaths(killed_in_the_middle_leaves_it_whole),
        unit_test_with_deaths(who_is_stuck_delays_others_not_for_ever),
        cmocka_unit_test(release_wakes_a_sleeper_at_once),
        cmocka_unit_test(names_and_refs_lead_to_it),
        unit_test_with_deaths(no_permit_is_lost_or_given_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
