#include "support.h"

#include <stdatomic.h>

#include "os.h"

#define PARTIES 4
#define ROUNDS 200

typedef struct track {
    kin_barrier barrier;
    kin_sem told;
    _Atomic int64_t rounds;  /* counted by the action */
    _Atomic int64_t indices; /* sum of what the runners got */
    _Atomic int64_t broken;
} track;

static track *new_track(uint32_t parties)
{
    track *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_barrier_init(&it->barrier, parties));
    assert_ok(kin_sem_init(&it->told, 0, 0));
    return it;
}

static kin_process *start_with(const char *entry, track *it)
{
    kin_args *args = new_args();
    give(args, "track", KIN_TYPE_MEMORY, it);
    kin_process *process = start_child(entry, args);
    kin_args_destroy(args);
    return process;
}

static void count_round(void *track_)
{
    atomic_fetch_add(&((track *)track_)->rounds, 1);
}

static int child_run(const kin_args *args)
{
    track *it = given(args, "track", KIN_TYPE_MEMORY);
    CHECK(it);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t index = PARTIES;
        CHECK(kin_barrier_wait_with(&it->barrier, &index, count_round, it, PATIENCE) == KIN_OK);
        CHECK(index < PARTIES && atomic_load(&it->rounds) > round);
        atomic_fetch_add(&it->indices, index);
    }
    return 0;
}

static int child_wait(const kin_args *args)
{
    track *it = given(args, "track", KIN_TYPE_MEMORY);
    CHECK(it && kin_sem_release(&it->told, 1) == KIN_OK);
    kin_status status = kin_barrier_wait(&it->barrier, NULL, PATIENCE);
    CHECK(status == KIN_OK || status == KIN_E_BROKEN);
    atomic_fetch_add(&it->broken, status == KIN_E_BROKEN);
    return 0;
}

static void end_here(void *unused)
{
    (void)unused;
    kin_os_exit_now(3);
}

static int child_die_in_action(const kin_args *args)
{
    track *it = given(args, "track", KIN_TYPE_MEMORY);
    CHECK(it);
    kin_barrier_wait_with(&it->barrier, NULL, end_here, NULL, PATIENCE);
    return 0;
}

static void stay_here(void *track_)
{
    kin_sem_release(&((track *)track_)->told, 1);
    for (;;) {
        kin_os_sleep_until(kin_os_now() + KIN_SECONDS(1));
    }
}

static int child_stay_in_action(const kin_args *args)
{
    track *it = given(args, "track", KIN_TYPE_MEMORY);
    CHECK(it);
    kin_barrier_wait_with(&it->barrier, NULL, stay_here, it, PATIENCE);
    return 0;
}

static kin_barrier_info inspect(const kin_barrier *barrier)
{
    kin_barrier_info info = KIN_BARRIER_INFO_INIT;
    assert_ok(kin_barrier_inspect(barrier, &info));
    return info;
}

static void await_waiting(track *it, uint32_t count)
{
    int64_t end = now_ns() + PATIENCE;
    while (inspect(&it->barrier).waiting < count && now_ns() < end) {
    }
    assert_int_equal(inspect(&it->barrier).waiting, count);
}

static void all_go_on_together(void **state)
{
    (void)state;
    track *it = new_track(PARTIES);
    kin_process *children[PARTIES];
    for (int i = 0; i < PARTIES; i++) {
        children[i] = start_with("run", it);
    }
    for (int i = 0; i < PARTIES; i++) {
        join_child(children[i], 0);
    }
    assert_int_equal(atomic_load(&it->rounds), ROUNDS);
    assert_int_equal(atomic_load(&it->indices), ROUNDS * (PARTIES * (PARTIES - 1) / 2));
    assert_int_equal(inspect(&it->barrier).waiting, 0);
    assert_ok(kin_free(it));
}

static void one_party_never_waits(void **state)
{
    (void)state;
    track *it = new_track(1);
    uint32_t index = 9;
    assert_ok(kin_barrier_wait_with(&it->barrier, &index, count_round, it, KIN_NOW));
    assert_int_equal(index, 0);
    assert_int_equal(atomic_load(&it->rounds), 1);
    assert_ok(kin_free(it));
}

static void timeout_breaks_it_until_reset(void **state)
{
    (void)state;
    track *it = new_track(3);
    kin_process *child = start_with("wait", it);
    await_waiting(it, 1);
    assert_status(kin_barrier_wait(&it->barrier, NULL, KIN_MS(50)), KIN_E_TIMED_OUT);
    join_child(child, 0);
    assert_int_equal(atomic_load(&it->broken), 1);
    assert_true(inspect(&it->barrier).broken);
    assert_status(kin_barrier_wait(&it->barrier, NULL, KIN_FOREVER), KIN_E_BROKEN);
    assert_ok(kin_barrier_reset(&it->barrier));
    assert_true(!inspect(&it->barrier).broken && inspect(&it->barrier).waiting == 0);
    assert_ok(kin_free(it));
}

static void abort_and_reset_let_waiters_go(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        track *it = new_track(3);
        kin_process *children[2] = {start_with("wait", it), start_with("wait", it)};
        await_waiting(it, 2);
        assert_ok(reset ? kin_barrier_reset(&it->barrier) : kin_barrier_abort(&it->barrier));
        join_child(children[0], 0);
        join_child(children[1], 0);
        assert_int_equal(atomic_load(&it->broken), 2);
        assert_int_equal(inspect(&it->barrier).broken, !reset);
        assert_ok(kin_free(it));
    }
}

static void death_of_one_breaks_it(void **state)
{
    (void)state;
    track *it = new_track(3);
    kin_process *victim = start_with("wait", it), *other = start_with("wait", it);
    await_waiting(it, 2);
    assert_ok(kin_process_kill(victim));
    join_child(other, 0);
    assert_int_equal(atomic_load(&it->broken), 1);
    assert_ok(kin_process_join(victim, PATIENCE, NULL));
    kin_process_close(victim);
    assert_ok(kin_free(it));
}

static void death_of_the_last_in_its_action_breaks_it(void **state)
{
    (void)state;
    track *it = new_track(3);
    kin_process *children[2] = {start_with("wait", it), start_with("wait", it)};
    await_waiting(it, 2);
    join_child(start_with("die_in_action", it), 3);
    join_child(children[0], 0);
    join_child(children[1], 0);
    assert_int_equal(atomic_load(&it->broken), 2);
    assert_ok(kin_free(it));
}

/* A round whose last comer is in its action, and one that comes early for the next. */
static void start_with_an_early_one(track *it, kin_process **first, kin_process **last, kin_process **early)
{
    *first = start_with("wait", it);
    await_waiting(it, 1);
    *last = start_with("stay_in_action", it);
    assert_ok(kin_sem_acquire(&it->told, 2, PATIENCE));
    *early = start_with("wait", it);
    await_asleep(&it->barrier, sizeof it->barrier, 2);
}

/* With one that comes early there are as many threads at the barrier as have come, though one of those is dead. */
static void death_shows_though_another_has_come_early(void **state)
{
    (void)state;
    track *it = new_track(2);
    kin_process *first, *last, *early;
    start_with_an_early_one(it, &first, &last, &early);
    kill_unseen(last);
    join_child(first, 0);
    join_child(early, 0);
    assert_int_equal(atomic_load(&it->broken), 2);
    forget_child(last);
    assert_ok(kin_free(it));
}

/* All threads of the generation are dead. Only a thread that waits for the next generation can notice it. */
static void death_of_all_shows_to_one_that_has_come_early(void **state)
{
    (void)state;
    track *it = new_track(2);
    kin_process *first, *last, *early;
    start_with_an_early_one(it, &first, &last, &early);
    kill_unseen(first);
    kill_unseen(last);
    join_child(early, 0);
    assert_int_equal(atomic_load(&it->broken), 1);
    forget_child(first);
    forget_child(last);
    assert_ok(kin_free(it));
}

enum { CROWD = 64, CROWD_ROUNDS = 30 };

static void go_round(void *track_)
{
    track *it = track_;
    for (int round = 0; round < CROWD_ROUNDS; round++) {
        uint32_t index = CROWD;
        if (kin_barrier_wait_with(&it->barrier, &index, count_round, it, PATIENCE) != KIN_OK || index >= CROWD) {
            atomic_fetch_add(&it->broken, 1);
        }
    }
}

static void many_threads_go_on_together(void **state)
{
    (void)state;
    void *threads[CROWD];
    track *it = new_track(CROWD);
    for (int i = 0; i < CROWD; i++) {
        threads[i] = begin_thread(go_round, it);
    }
    for (int i = 0; i < CROWD; i++) {
        end_thread(threads[i]);
    }
    assert_int_equal(atomic_load(&it->rounds), CROWD_ROUNDS);
    assert_int_equal(atomic_load(&it->broken), 0);
    assert_ok(kin_free(it));
}

/* ---- plain data, which ThreadSanitizer watches ---- */

typedef struct relay {
    track *of;
    int64_t before[2], seen[2]; /* by thread */
    int64_t in_action;
} relay;

static relay baton;

static void look_in_action(void *unused)
{
    (void)unused;
    baton.in_action = baton.before[0] + baton.before[1];
}

static void write_then_look(int me)
{
    baton.before[me] = me + 1;
    kin_barrier_wait_with(&baton.of->barrier, NULL, look_in_action, NULL, PATIENCE);
    baton.seen[me] = baton.before[1 - me] + baton.in_action;
    kin_barrier_wait(&baton.of->barrier, NULL, PATIENCE);
}

static void write_then_look_as_another(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        write_then_look(1);
    }
}

static void what_was_written_before_is_seen_after(void **state)
{
    (void)state;
    baton = (relay){.of = new_track(2)};
    void *other = begin_thread(write_then_look_as_another, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        write_then_look(0);
    }
    end_thread(other);
    assert_int_equal(baton.seen[0], 2 + 3);
    assert_int_equal(baton.seen[1], 1 + 3);
    assert_ok(kin_free(baton.of));
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_barrier outside, *barrier = NULL;
    kin_barrier_info info = {.size = 1};
    memset(&outside, 0, sizeof outside);
    assert_status(kin_barrier_create(NULL, NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_barrier_create(&barrier, NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_barrier_create(&barrier, NULL, KIN_BARRIER_MAX + 1), KIN_E_ARGUMENT);
    assert_ok(kin_barrier_create(&barrier, NULL, 2));
    assert_status(kin_barrier_wait(NULL, NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_barrier_wait(barrier, NULL, -1), KIN_E_ARGUMENT);
    assert_status(kin_barrier_wait(&outside, NULL, 0), KIN_E_NOT_SHARED);
    assert_status(kin_barrier_abort(NULL), KIN_E_ARGUMENT);
    assert_status(kin_barrier_reset(&outside), KIN_E_NOT_SHARED);
    assert_status(kin_barrier_inspect(barrier, &info), KIN_E_ARGUMENT);
    assert_status(kin_barrier_inspect(barrier, NULL), KIN_E_ARGUMENT);
    assert_ok(kin_barrier_destroy(barrier));
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"run", child_run},
        {"wait", child_wait},
        {"die_in_action", child_die_in_action},
        {"stay_in_action", child_stay_in_action},
    };
    kin_child_main(entries, 4);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_go_on_together),
        cmocka_unit_test(one_party_never_waits),
        cmocka_unit_test(timeout_breaks_it_until_reset),
        cmocka_unit_test(abort_and_reset_let_waiters_go),
        unit_test_with_deaths(death_of_one_breaks_it),
        unit_test_with_deaths(death_of_the_last_in_its_action_breaks_it),
        unit_test_with_deaths(death_shows_though_another_has_come_early),
        unit_test_with_deaths(death_of_all_shows_to_one_that_has_come_early),
        cmocka_unit_test(many_threads_go_on_together),
        cmocka_unit_test(what_was_written_before_is_seen_after),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
