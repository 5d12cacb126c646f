/* What runs around a fork: the order, in the parent and in the child, and a registration during a fork. */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix/forks.h"

static char order[64];

static void note(char what)
{
    size_t length = strlen(order);
    if (length + 1 < sizeof order) {
        order[length] = what;
        order[length + 1] = '\0';
    }
}

static void outer_before(void)
{
    note('(');
}

static void outer_after(bool in_child)
{
    note(in_child ? '}' : ')');
}

static void first_before(void)
{
    note('a');
}

static void first_after(bool in_child)
{
    note(in_child ? 'C' : 'A');
}

static void second_after(bool in_child)
{
    note(in_child ? 'D' : 'B');
}

static bool is_order(const char *one, const char *other)
{
    return strcmp(order, one) == 0 || strcmp(order, other) == 0;
}

/* The two inner ones may run in either order. */
static void each_runs_once_and_the_outer_one_outermost(void **state)
{
    static const kin_posix_fork_watcher outer = {.before = outer_before, .after = outer_after};
    static kin_posix_fork_watcher first = {.before = first_before, .after = first_after};
    static kin_posix_fork_watcher second = {.after = second_after};
    int status = 0;
    (void)state;
    assert_ok(kin_posix_watch_forks(&first));
    assert_ok(kin_posix_watch_forks_around(&outer));
    assert_ok(kin_posix_watch_forks(&second));
    assert_ok(kin_posix_watch_forks(&first));
    pid_t child = fork();
    if (child == 0) {
        _exit(is_order("(aCD}", "(aDC}") ? 0 : 1);
    }
    assert_true(child > 0);
    assert_true(is_order("(aAB)", "(aBA)"));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- a registration in the middle of a fork ---- */

static atomic_int late_befores, late_afters;
static atomic_bool in_fork, registering, registered;

static void late_before(void)
{
    atomic_fetch_add(&late_befores, 1);
}

static void late_after(bool in_child)
{
    (void)in_child;
    atomic_fetch_add(&late_afters, 1);
}

static void *register_late(void *unused)
{
    static kin_posix_fork_watcher late = {.before = late_before, .after = late_after};
    (void)unused;
    while (!atomic_load(&in_fork)) {
        sched_yield();
    }
    atomic_store(&registering, true);
    atomic_store(&registered, kin_posix_watch_forks(&late) == KIN_OK);
    return NULL;
}

/* In the first fork: gives the other thread the time that a registration would take. */
static void slow_before(void)
{
    if (!atomic_exchange(&in_fork, true)) {
        while (!atomic_load(&registering)) {
            sched_yield();
        }
        usleep(20000);
    }
}

static void slow_after(bool in_child)
{
    (void)in_child;
}

/* Forks. The child, too, must have seen so many of both. */
static bool fork_sees(int befores, int afters)
{
    int status = 0;
    pid_t child = fork();
    bool sound = atomic_load(&late_befores) == befores && atomic_load(&late_afters) == afters;
    if (child == 0) {
        _exit(sound ? 0 : 1);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 && sound;
}

static void a_registration_sees_all_of_a_fork_or_nothing(void **state)
{
    static kin_posix_fork_watcher slow = {.before = slow_before, .after = slow_after};
    pthread_t thread;
    (void)state;
    assert_ok(kin_posix_watch_forks(&slow));
    assert_int_equal(pthread_create(&thread, NULL, register_late, NULL), 0);
    assert_true(fork_sees(0, 0));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(atomic_load(&registered));
    assert_true(fork_sees(1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_runs_once_and_the_outer_one_outermost),
        cmocka_unit_test(a_registration_sees_all_of_a_fork_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
