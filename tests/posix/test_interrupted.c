/* What interrupts a thread inside kin: a pthread_cancel, and signal handlers that use kin themselves. */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "park/park.h"

typedef struct scene {
    kin_lock lock;
    kin_sem asked, answered;
    _Atomic int64_t rounds;
    _Atomic int64_t stop;
} scene;

static scene *it;

static void set_up(void)
{
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_sem_init(&it->asked, 0, 0));
    assert_ok(kin_sem_init(&it->answered, 0, 0));
}

static kin_process *start(const char *entry)
{
    kin_args *args = new_args();
    give(args, "scene", KIN_TYPE_MEMORY, it);
    kin_process *child = start_child(entry, args);
    kin_args_destroy(args);
    return child;
}

/* ---- cancelled ---- */

static int child_acquire_once(const kin_args *args)
{
    scene *mine = given(args, "scene", KIN_TYPE_MEMORY);
    CHECK(mine && kin_sem_release(&mine->answered, 1) == KIN_OK);
    CHECK(kin_lock_acquire(&mine->lock, PATIENCE) == KIN_OK);
    return kin_lock_release(&mine->lock) != KIN_OK;
}

/* Releases the lock, which another process waits for, with a cancellation pending: to wake it, its semaphore has to be
 * opened first, by open(2). */
static void *release_with_cancel_pending(void *unused)
{
    (void)unused;
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    if (kin_lock_acquire(&it->lock, PATIENCE) != KIN_OK || kin_sem_release(&it->asked, 1) != KIN_OK) {
        return NULL;
    }
    while (!atomic_load(&it->stop)) {
        usleep(100);
    }
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    return (void *)(intptr_t)(kin_lock_release(&it->lock) == KIN_OK);
}

static void a_thread_is_not_cancelled_where_it_would_hold_up_others(void **state)
{
    (void)state;
    pthread_t thread;
    void *result = NULL;
    set_up();
    assert_int_equal(pthread_create(&thread, NULL, release_with_cancel_pending, NULL), 0);
    assert_ok(kin_sem_acquire(&it->asked, 1, PATIENCE));
    kin_process *child = start("acquire_once");
    assert_ok(kin_sem_acquire(&it->answered, 1, PATIENCE));
    kin_lock_info info = {.size = sizeof info};
    while (kin_lock_inspect(&it->lock, &info) == KIN_OK && !info.contended) { /* until the child sleeps */
        usleep(1000);
    }
    assert_int_equal(pthread_cancel(thread), 0);
    atomic_store(&it->stop, 1);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, (void *)1); /* kin_lock_release is no cancellation point */
    join_child(child, 0);
    assert_ok(kin_free(it));
}

/* ---- interrupted by a handler ---- */

static _Atomic int64_t handled;

/* Wakes the same sleeper that the thread wakes outside of the handler. */
static void on_alarm(int signal)
{
    (void)signal;
    if (kin_sem_release(&it->asked, 1) == KIN_OK) {
        handled++;
    }
}

static int child_take_all(const kin_args *args)
{
    scene *mine = given(args, "scene", KIN_TYPE_MEMORY);
    CHECK(mine);
    while (!atomic_load(&mine->stop)) {
        kin_status status = kin_sem_acquire(&mine->asked, 1, KIN_MS(1));
        CHECK(status == KIN_OK || status == KIN_E_TIMED_OUT);
        mine->rounds += status == KIN_OK;
    }
    while (kin_sem_acquire(&mine->asked, 1, KIN_NOW) == KIN_OK) {
        mine->rounds++;
    }
    return 0;
}

static void a_handler_may_release_while_its_thread_releases(void **state)
{
    (void)state;
    const struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART}, before;
    int64_t released = 0, end = now_ns() + KIN_SECONDS(2);
    set_up();
    atomic_store(&handled, 0);
    kin_process *child = start("take_all");
    assert_ok(kin_sem_release(&it->asked, 1));
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    while (now_ns() < end) {
        assert_ok(kin_sem_release(&it->asked, 1));
        released++;
    }
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    atomic_store(&it->stop, 1);
    join_child(child, 0);
    assert_true(atomic_load(&handled) > 100);
    assert_int_equal(it->rounds, released + 1 + handled);
    assert_ok(kin_free(it));
}

int main(void)
{
    static const kin_entry entries[] = {{"acquire_once", child_acquire_once}, {"take_all", child_take_all}};
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_is_not_cancelled_where_it_would_hold_up_others),
        cmocka_unit_test(a_handler_may_release_while_its_thread_releases),
    };
    if (kin_main(entries, sizeof entries / sizeof entries[0]) != KIN_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
