/* What interrupts a thread inside kin: a pthread_cancel, and signal handlers that use kin themselves. */
#include "support.h"

#include <fcntl.h>
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

/* Has a bell, because it waits for something native, too. */
static int child_watch(const kin_args *args)
{
    scene *mine = given(args, "scene", KIN_TYPE_MEMORY);
    intptr_t never = make_signal();
    CHECK(mine && kin_sem_release(&mine->answered, 1) == KIN_OK);
    kin_wait_item items[] = {{KIN_TYPE_SEM, KIN_WAIT_READABLE, &mine->asked, 0, 0},
                             {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, never, 0}};
    CHECK(kin_wait(items, 2, 0, PATIENCE, NULL) == KIN_OK && items[0].ready);
    return 0;
}

static void *ring_with_cancel_pending(void *unused)
{
    (void)unused;
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    while (!atomic_load(&it->stop)) {
        usleep(100);
    }
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    return (void *)(intptr_t)(kin_sem_release(&it->asked, 1) == KIN_OK);
}

static kin_family *family;
static kin_dict *dict;
static void *block;

static kin_status use_new_family(void)
{
    kin_family *made = NULL;
    kin_status status = kin_family_create(&made, NULL);
    kin_family_close(status == KIN_OK ? made : NULL);
    return status;
}

static kin_status use_named_family(void)
{
    char name[32];
    kin_family *made = NULL;
    snprintf(name, sizeof name, "cancelled-%d", (int)getpid());
    kin_status status = kin_family_open(&made, name, 0, NULL);
    kin_family_close(status == KIN_OK ? made : NULL);
    return status;
}

static kin_status take_memory(void)
{
    return kin_alloc(&block, family, 20 << 20);
}

static kin_status give_memory(void)
{
    return kin_free(block);
}

static kin_status create_lock(void)
{
    kin_lock *lock = NULL;
    kin_status status = kin_lock_create(&lock, family, 0);
    return status == KIN_OK ? kin_lock_destroy(lock) : status;
}

static kin_status set_in_dict(void)
{
    return kin_dict_set(dict, "key", 3, "value", 5);
}

static kin_status sweep(void)
{
    return kin_cleanup(NULL);
}

static kin_status wait_a_moment(void)
{
    kin_status status = kin_sem_acquire(&it->asked, 1, KIN_MS(5));
    return status == KIN_E_TIMED_OUT ? KIN_OK : status;
}

static kin_status (*const deeds[])(void) = {use_new_family, use_named_family, take_memory, give_memory,
                                            create_lock,    set_in_dict,      sweep,       wait_a_moment};

/* It is the thread's first use of the family. */
static void *do_with_cancel_pending(void *deed)
{
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    while (!atomic_load(&it->stop)) {
        usleep(100);
    }
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    kin_status status = (*(kin_status(*const *)(void))deed)();
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return (void *)(intptr_t)(status == KIN_OK);
}

static void a_thread_is_not_cancelled_in_the_middle(void **state)
{
    (void)state;
    set_up();
    assert_ok(kin_family_create(&family, NULL));
    assert_ok(kin_dict_create(&dict, family));
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        pthread_t thread;
        void *result = NULL;
        atomic_store(&it->stop, 0);
        assert_int_equal(pthread_create(&thread, NULL, do_with_cancel_pending, (void *)(uintptr_t)&deeds[i]), 0);
        assert_int_equal(pthread_cancel(thread), 0);
        atomic_store(&it->stop, 1);
        assert_int_equal(pthread_join(thread, &result), 0);
        if (result != (void *)1) {
            fail_msg("deed %d: %s", (int)i, result == PTHREAD_CANCELED ? "cancelled" : "failed");
        }
    }
    kin_family_close(family);
    assert_ok(kin_free(it));
}

/* To ring, a socket is opened, written to and closed. */
static void a_thread_is_not_cancelled_while_it_rings(void **state)
{
    (void)state;
    pthread_t thread;
    void *result = NULL;
    kin_wait_item item = {KIN_TYPE_SEM, KIN_WAIT_READABLE, NULL, 0, 0};
    set_up();
    item.object = &it->asked;
    assert_int_equal(pthread_create(&thread, NULL, ring_with_cancel_pending, NULL), 0);
    kin_process *child = start("watch");
    assert_ok(kin_sem_acquire(&it->answered, 1, PATIENCE));
    assert_status(kin_wait(&item, 1, 0, KIN_MS(50), NULL), KIN_E_TIMED_OUT); /* until the child sleeps */
    assert_int_equal(pthread_cancel(thread), 0);
    atomic_store(&it->stop, 1);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, (void *)1); /* nor is kin_sem_release a cancellation point */
    join_child(child, 0);
    assert_ok(kin_free(it));
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
    kin_lock_info info = KIN_LOCK_INFO_INIT;
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

/* ---- a handler that interrupts its own thread, as for Ctrl-C ---- */

static kin_thread self;

static void on_alarm_interrupt(int signal)
{
    (void)signal;
    atomic_fetch_add(&handled, 1);
    kin_thread_interrupt(self);
}

/* One signal for each wait, at any moment of it: before it, too, and the wait ends nevertheless. */
static kin_status wait_in_some_way(int way)
{
    kin_wait_item items[] = {{KIN_TYPE_SEM, KIN_WAIT_READABLE, &it->asked, 0, 0},
                             {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, 0, 0}};
    int ends[2];
    kin_status status;
    switch (way) {
    case 0:
        return kin_sem_acquire(&it->asked, 1, PATIENCE);
    case 1:
        return kin_sleep(PATIENCE);
    case 2:
        return kin_wait(items, 1, 0, PATIENCE, NULL);
    default:
        assert_int_equal(pipe(ends), 0);
        items[1].handle = ends[0];
        status = kin_wait(items, 2, 0, PATIENCE, NULL);
        close(ends[0]);
        close(ends[1]);
        return status;
    }
}

static void a_handler_may_end_the_wait_of_its_thread(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_alarm_interrupt, .sa_flags = SA_RESTART}, before;
    set_up();
    assert_ok(kin_thread_current(&self));
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    atomic_store(&handled, 0);
    for (int round = 1; round <= 400; round++) {
        struct itimerval once = {{0, 0}, {0, 1 + round * 7919 % 150}};
        assert_int_equal(setitimer(ITIMER_REAL, &once, NULL), 0);
        assert_status(wait_in_some_way(round % 4), KIN_E_INTERRUPTED);
        assert_int_equal(atomic_load(&handled), round);
    }
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    assert_int_equal(kin_thread_clear_interrupt(), 0);
    assert_ok(kin_free(it));
}

/* The program closes what it does not know, and opens a file in its place: that stays as it is, and the wait ends. */
static void an_interrupt_goes_without_its_descriptors(void **state)
{
    (void)state;
    int ends[2], file = -1, most = 0;
    struct sigaction action = {.sa_handler = on_alarm_interrupt}, before;
    struct itimerval once = {{0, 0}, {0, 20000}};
    char byte;
    assert_int_equal(pipe(ends), 0);
    for (int fd = 10; fd < 1000; fd++) {
        if (fd != ends[0] && fd != ends[1] && close(fd) == 0) {
            most = fd;
        }
    }
    for (int fd = 10; fd <= most; fd++) {
        if (fd != ends[0] && fd != ends[1]) {
            file = dup2(ends[fd % 2], fd);
            assert_int_equal(file, fd);
        }
    }
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &once, NULL), 0);
    kin_wait_item item = {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, ends[0], 0};
    assert_status(kin_wait(&item, 1, 0, PATIENCE, NULL), KIN_E_INTERRUPTED);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(read(ends[0], &byte, 1), -1); /* nobody has written into the program's pipe */
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"acquire_once", child_acquire_once}, {"take_all", child_take_all}, {"watch", child_watch}};
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_is_not_cancelled_where_it_would_hold_up_others),
        cmocka_unit_test(a_thread_is_not_cancelled_in_the_middle),
        cmocka_unit_test(a_thread_is_not_cancelled_while_it_rings),
        cmocka_unit_test(a_handler_may_release_while_its_thread_releases),
        cmocka_unit_test(a_handler_may_end_the_wait_of_its_thread),
        cmocka_unit_test(an_interrupt_goes_without_its_descriptors), /* the last: it has closed them */
    };
    if (kin_child_main(entries, sizeof entries / sizeof entries[0]) != KIN_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
