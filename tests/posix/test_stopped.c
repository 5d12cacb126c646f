/* Processes that are stopped between two instructions, as they may be by preemption: nobody dies of that, and nobody
 * is told so. */
#include "support.h"
#include "posix/children.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct shared {
    kin_barrier barrier;
    kin_sem in_action, go;
    kin_sem permits;
} shared;

static shared *new_shared(uint32_t parties)
{
    shared *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_barrier_init(&it->barrier, parties));
    assert_ok(kin_sem_init(&it->in_action, 0, 0));
    assert_ok(kin_sem_init(&it->go, 0, 0));
    assert_ok(kin_sem_init(&it->permits, 0, 0));
    return it;
}

/* A child that does body and exits with what it returns. */
static pid_t fork_to(int (*body)(shared *it), shared *it)
{
    pid_t pid = fork_child();
    if (pid == 0) {
        _exit(body(it));
    }
    return pid;
}

static void stop(pid_t pid)
{
    int status = 0;
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
}

static void go_on(pid_t pid)
{
    assert_int_equal(kill(pid, SIGCONT), 0);
}

static void kill_and_forget(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* ---- children: exit codes are statuses ---- */

enum { OK, IS_BROKEN, OTHER };

static int code_of(kin_status status)
{
    return status == KIN_OK ? OK : status == KIN_E_BROKEN ? IS_BROKEN : OTHER;
}

static int wait_at_barrier(shared *it)
{
    return code_of(kin_barrier_wait(&it->barrier, NULL, PATIENCE));
}

static void act(void *shared_)
{
    shared *it = shared_;
    kin_sem_release(&it->in_action, 1);
    kin_sem_acquire(&it->go, 1, PATIENCE);
}

static int wait_as_the_last(shared *it)
{
    return code_of(kin_barrier_wait_with(&it->barrier, NULL, act, it, PATIENCE));
}

static int acquire_two(shared *it)
{
    return code_of(kin_sem_acquire(&it->permits, 2, PATIENCE));
}

static int acquire_one(shared *it)
{
    return code_of(kin_sem_acquire(&it->permits, 1, PATIENCE));
}

/* ---- tests ---- */

static void pass_a_round(shared *it)
{
    pid_t other = fork_to(wait_at_barrier, it);
    assert_ok(kin_barrier_wait(&it->barrier, NULL, PATIENCE));
    assert_int_equal(end_of(other), OK);
}

static pid_t stopped_at_barrier(shared *it)
{
    pid_t slow = fork_to(wait_at_barrier, it);
    await_asleep(&it->barrier, sizeof it->barrier, 1);
    stop(slow);
    return slow;
}

/* *last: the other one, which is in its action. */
static pid_t first_of_two(shared *it, pid_t *last)
{
    pid_t first = fork_to(wait_at_barrier, it);
    await_asleep(&it->barrier, sizeof it->barrier, 1);
    *last = fork_to(wait_as_the_last, it);
    assert_ok(kin_sem_acquire(&it->in_action, 1, PATIENCE));
    return first;
}

static void a_round_that_was_reset_did_not_get_through(void **state)
{
    (void)state;
    for (int rounds = 0; rounds < 3; rounds++) { /* that get through before it runs again */
        shared *it = new_shared(2);
        pid_t slow = stopped_at_barrier(it);
        assert_ok(kin_barrier_reset(&it->barrier));
        for (int i = 0; i < rounds; i++) {
            pass_a_round(it);
        }
        go_on(slow);
        assert_int_equal(end_of(slow), IS_BROKEN);
        assert_ok(kin_free(it));
    }
}

static void a_broken_round_stays_so_after_reset(void **state)
{
    (void)state;
    shared *it = new_shared(2);
    pid_t slow = stopped_at_barrier(it);
    assert_ok(kin_barrier_abort(&it->barrier));
    assert_ok(kin_barrier_reset(&it->barrier));
    pass_a_round(it);
    go_on(slow);
    assert_int_equal(end_of(slow), IS_BROKEN);
    assert_ok(kin_free(it));
}

static void a_round_that_got_through_did_so_whatever_is_reset_later(void **state)
{
    (void)state;
    for (int resets = 0; resets < 3; resets++) {
        shared *it = new_shared(2);
        pid_t slow = stopped_at_barrier(it);
        assert_ok(kin_barrier_wait(&it->barrier, NULL, PATIENCE));
        for (int i = 0; i < resets; i++) {
            assert_ok(kin_barrier_reset(&it->barrier));
        }
        go_on(slow);
        assert_int_equal(end_of(slow), OK);
        assert_ok(kin_free(it));
    }
}

static void a_last_one_that_is_stopped_is_not_dead(void **state)
{
    (void)state;
    shared *it = new_shared(2);
    pid_t last, first = first_of_two(it, &last);
    stop(last);
    assert_ok(kin_sem_release(&it->go, 1));
    assert_status(kin_sem_acquire(&it->in_action, 1, KIN_MS(700)), KIN_E_TIMED_OUT); /* some slices */
    go_on(last);
    assert_int_equal(end_of(last), OK);
    assert_int_equal(end_of(first), OK);
    assert_ok(kin_free(it));
}

/* The reset comes while the last is in its action. */
static void a_last_one_that_was_reset_did_not_get_through(void **state)
{
    (void)state;
    shared *it = new_shared(2);
    pid_t last, first = first_of_two(it, &last);
    assert_ok(kin_barrier_reset(&it->barrier));
    assert_int_equal(end_of(first), IS_BROKEN);
    pass_a_round(it);
    assert_ok(kin_sem_release(&it->go, 1));
    assert_int_equal(end_of(last), IS_BROKEN);
    assert_ok(kin_free(it));
}

/* The oldest looks about most often; it is stopped. */
static void a_death_shows_though_the_oldest_is_stopped(void **state)
{
    (void)state;
    shared *it = new_shared(4);
    pid_t oldest = stopped_at_barrier(it);
    pid_t other = fork_to(wait_at_barrier, it);
    await_asleep(&it->barrier, sizeof it->barrier, 2);
    pid_t victim = fork_to(wait_at_barrier, it);
    await_asleep(&it->barrier, sizeof it->barrier, 3);
    kill_and_forget(victim);
    assert_int_equal(end_of(other), IS_BROKEN);
    go_on(oldest);
    assert_int_equal(end_of(oldest), IS_BROKEN);
    assert_ok(kin_free(it));
}

/* It was woken for two permits; one is taken before it runs. */
static void what_is_too_little_for_one_is_passed_on(void **state)
{
    (void)state;
    shared *it = new_shared(2);
    pid_t two = fork_to(acquire_two, it);
    await_asleep(&it->permits, sizeof it->permits, 1);
    pid_t one = fork_to(acquire_one, it);
    await_asleep(&it->permits, sizeof it->permits, 2);
    stop(two);
    assert_ok(kin_sem_release(&it->permits, 2));
    assert_ok(kin_sem_acquire(&it->permits, 1, KIN_NOW));
    go_on(two);
    assert_int_equal(end_of(one), OK);
    assert_ok(kin_sem_release(&it->permits, 2));
    assert_int_equal(end_of(two), OK);
    assert_ok(kin_free(it));
}

int main(void)
{
    kin_child_main(NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_that_was_reset_did_not_get_through),
        cmocka_unit_test(a_broken_round_stays_so_after_reset),
        cmocka_unit_test(a_round_that_got_through_did_so_whatever_is_reset_later),
        cmocka_unit_test(a_last_one_that_is_stopped_is_not_dead),
        cmocka_unit_test(a_last_one_that_was_reset_did_not_get_through),
        cmocka_unit_test(a_death_shows_though_the_oldest_is_stopped),
        cmocka_unit_test(what_is_too_little_for_one_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
