/* The bell: a socket by which a thread that waits for descriptors is woken. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os.h"

static const kin_os_id id = {{7, 7, 7}};

static void what_has_rung_is_read(void **state)
{
    (void)state;
    kin_os_bell bell;
    uint32_t number = 0;
    assert_ok(kin_os_bell_open(&bell, &number, &id, 5));
    for (int i = 0; i < 3; i++) {
        kin_os_bell_ring(&id, 5, number);
    }
    assert_ok(kin_os_watch_any(NULL, 0, KIN_OS_NO_SEM, &bell, KIN_OS_NEVER));
    assert_status(kin_os_watch_any(NULL, 0, KIN_OS_NO_SEM, &bell, kin_os_now() + KIN_MS(20)), KIN_E_TIMED_OUT);
    kin_os_bell_close(&bell);
}

static void next_one_has_another_name(void **state)
{
    (void)state;
    kin_os_bell bell, inherited;
    uint32_t number = 0, old = 0;
    assert_ok(kin_os_bell_open(&inherited, &old, &id, 5)); /* as a bare clone's child would keep it */
    assert_ok(kin_os_bell_open(&bell, &number, &id, 5));
    assert_true(number != old && number != 0);
    kin_os_bell_ring(&id, 5, number);
    assert_ok(kin_os_watch_any(NULL, 0, KIN_OS_NO_SEM, &bell, kin_os_now() + KIN_SECONDS(10)));
    kin_os_bell_close(&bell);
    kin_os_bell_close(&inherited);
}

static void forked_child_closes_it(void **state)
{
    (void)state;
    kin_os_bell bell;
    uint32_t number = 0;
    int status = -1;
    assert_ok(kin_os_bell_open(&bell, &number, &id, 5));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(fcntl(bell.fd, F_GETFD) >= 0 || errno != EBADF);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(fcntl(bell.fd, F_GETFD) >= 0);
    kin_os_bell_close(&bell);
}

static void set_soon(void *event)
{
    kin_sleep(KIN_MS(20));
    MUST(kin_event_set(event) == KIN_OK);
}

/* The process has no descriptor left for it: the thread looks at each slice's end, also if slices are off. */
static void wait_goes_on_without_one(void **state)
{
    (void)state;
    kin_event *event = NULL;
    struct rlimit usual, none;
    intptr_t never = make_signal();
    assert_ok(kin_event_create(&event, NULL));
    kin_wait_item items[] = {{KIN_TYPE_EVENT, KIN_WAIT_READABLE, event, 0, 0},
                             {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, never, 0}};
    assert_status(kin_wait(items, 2, 0, KIN_MS(1), NULL), KIN_E_TIMED_OUT);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    none = (struct rlimit){(rlim_t)never + 1, usual.rlim_max};
    void *thread = begin_thread(set_soon, event);
    int filler[64], fillers = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    while (fillers < 64 && (filler[fillers] = dup((int)never)) >= 0) {
        fillers++;
    }
    assert_true(fillers < 64);
    kin_status status = kin_wait(items, 2, 0, PATIENCE, NULL);
    while (fillers > 0) {
        close(filler[--fillers]);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    end_thread(thread);
    assert_ok(status);
    assert_true(items[0].ready && !items[1].ready);
    close_handle(never);
    assert_ok(kin_event_destroy(event));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_rung_is_read),
        cmocka_unit_test(next_one_has_another_name),
        cmocka_unit_test(forked_child_closes_it),
        cmocka_unit_test(wait_goes_on_without_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
