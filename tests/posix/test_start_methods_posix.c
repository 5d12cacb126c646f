/* The rows of docs/start-methods.md that only POSIX has: signals, umask, limits, process group. CTest runs this list
 * once for each method.
 */
#include "support.h"
#include "posix/children.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where there is no fork server, spawn is done in its place. */
static bool by(const char *method)
{
    const char *variable = getenv("KIN_START"), *how = variable ? variable : "fork";
    if (strcmp(how, "forkserver") == 0 && !has_fork_server()) {
        how = "spawn";
    }
    return strcmp(how, method) == 0;
}

static void handle(int number)
{
    (void)number;
}

typedef struct seen {
    bool blocked, handled, ignored;
    mode_t umask;
    rlim_t limit;
    pid_t group, session;
} seen;

static int child_look(const kin_args *args)
{
    seen *out = given(args, "seen", KIN_TYPE_MEMORY);
    sigset_t mask;
    struct sigaction usr1, usr2;
    struct rlimit limit;
    CHECK(out && pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0 && getrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    CHECK(sigaction(SIGUSR1, NULL, &usr1) == 0 && sigaction(SIGUSR2, NULL, &usr2) == 0);
    out->blocked = sigismember(&mask, SIGHUP) == 1;
    out->handled = usr1.sa_handler == handle;
    out->ignored = usr2.sa_handler == SIG_IGN;
    out->umask = umask(0);
    out->limit = limit.rlim_cur;
    out->group = getpgrp();
    out->session = getsid(0);
    return 0;
}

static const kin_child_entry entries[] = {{"look", child_look}};

static seen look(void)
{
    seen *shared = NULL;
    kin_args *args = new_args();
    assert_ok(kin_alloc((void **)&shared, NULL, sizeof *shared));
    give(args, "seen", KIN_TYPE_MEMORY, shared);
    run_child("look", args);
    seen copy = *shared;
    kin_args_destroy(args);
    assert_ok(kin_free(shared));
    return copy;
}

static void signals_are_as_the_table_says(void **state)
{
    (void)state;
    sigset_t hup, before;
    look(); /* a server starts before these changes */
    sigemptyset(&hup);
    sigaddset(&hup, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &hup, &before);
    signal(SIGUSR1, handle);
    signal(SIGUSR2, SIG_IGN);
    seen now = look();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
    assert_true(now.blocked);
    assert_int_equal(now.handled, by("fork"));
    assert_int_equal(now.ignored, !by("forkserver"));
    assert_false(look().blocked);
}

static void umask_and_limits_are_as_the_table_says(void **state)
{
    (void)state;
    struct rlimit limit, lower;
    seen before = look();
    assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
    lower = (struct rlimit){limit.rlim_max / 2, limit.rlim_max};
    mode_t mask = umask(031);
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &lower), 0);
    seen now = look();
    umask(mask);
    setrlimit(RLIMIT_MEMLOCK, &limit);
    assert_int_equal(now.umask, by("forkserver") ? before.umask : 031);
    assert_true(now.limit == (by("forkserver") ? before.limit : lower.rlim_cur));
}

static void group_and_session_are_the_parents(void **state)
{
    (void)state;
    seen now = look();
    assert_int_equal(now.group, getpgrp());
    assert_int_equal(now.session, getsid(0));
}

int main(void)
{
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_are_as_the_table_says),
        cmocka_unit_test(umask_and_limits_are_as_the_table_says),
        cmocka_unit_test(group_and_session_are_the_parents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
