/* How processes end and begin on POSIX, without kin's knowing: exec, exit among threads, a bare fork or clone, closed
 * descriptors. */
#include "support.h"
#include "posix/children.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct shared {
    kin_lock lock;
    kin_lock recursive;
    kin_sem told;
    kin_sem go;
    kin_sem *leased; /* forked children only */
    int64_t count;
    _Atomic uint64_t steps; /* of the lock's holder */
} shared;

static shared *new_shared(void)
{
    shared *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_lock_init(&it->recursive, KIN_LOCK_RECURSIVE));
    assert_ok(kin_sem_init(&it->told, 0, 0));
    assert_ok(kin_sem_init(&it->go, 0, 0));
    return it;
}

/* A child of the program's own, which runs body and ends with its result. */
static pid_t fork_to(int (*body)(shared *it), shared *it)
{
    pid_t pid = fork_child();
    if (pid == 0) {
        _exit(body(it));
    }
    return pid;
}

static void expect_success(pid_t pid)
{
    assert_int_equal(end_of(pid), 0);
}

static void kill_and_wait(pid_t pid)
{
    kill(pid, SIGKILL);
    end_of(pid);
}

static void expect_owner_died(shared *it)
{
    assert_status(kin_lock_acquire(&it->lock, PATIENCE), KIN_OWNER_DIED);
    assert_ok(kin_lock_repair(&it->lock));
    assert_ok(kin_lock_release(&it->lock));
}

/* ---- a fork of the program's own ---- */

static int count_a_thousand(shared *it)
{
    for (int i = 0; i < 1000; i++) {
        CHECK(kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
        it->count++;
        CHECK(kin_lock_release(&it->lock) == KIN_OK);
    }
    return 0;
}

static void bare_fork_makes_a_member(void **state)
{
    (void)state;
    shared *it = new_shared();
    pid_t first = fork_to(count_a_thousand, it), second = fork_to(count_a_thousand, it);
    assert_int_equal(count_a_thousand(it), 0);
    expect_success(first);
    expect_success(second);
    assert_int_equal(it->count, 3000);
    assert_ok(kin_free(it));
}

static int is_not_the_owner(shared *it)
{
    CHECK(kin_lock_release(&it->lock) == KIN_E_NOT_OWNER);
    CHECK(kin_lock_acquire(&it->lock, KIN_NOW) == KIN_E_TIMED_OUT);
    return 0;
}

static void child_does_not_own_what_its_parent_holds(void **state)
{
    (void)state;
    shared *it = new_shared();
    assert_ok(kin_lock_acquire(&it->lock, KIN_NOW));
    expect_success(fork_to(is_not_the_owner, it));
    assert_ok(kin_lock_release(&it->lock));
    assert_ok(kin_free(it));
}

static int leave_an_orphan(shared *it)
{
    pid_t orphan = fork();
    if (orphan == 0) {
        if (kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK) {
            count_a_thousand(it);
        }
        kin_sem_release(&it->told, 1);
        _exit(0);
    }
    return orphan < 0;
}

static void orphan_goes_on(void **state)
{
    (void)state;
    shared *it = new_shared();
    expect_success(fork_to(leave_an_orphan, it));
    assert_ok(kin_sem_release(&it->go, 1));
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    assert_int_equal(it->count, 1000);
    assert_ok(kin_free(it));
}

static void *second_thread(void *argument)
{
    shared *it = argument;
    bool apart = kin_lock_acquire(&it->lock, KIN_NOW) == KIN_E_TIMED_OUT &&
                 kin_lock_acquire(&it->recursive, KIN_NOW) == KIN_E_TIMED_OUT &&
                 kin_lock_release(&it->lock) == KIN_E_NOT_OWNER;
    return apart ? it : NULL;
}

static int hold_and_let_another_thread_try(shared *it)
{
    pthread_t thread;
    void *result = NULL;
    CHECK(kin_lock_acquire(&it->lock, KIN_NOW) == KIN_OK && kin_lock_acquire(&it->recursive, KIN_NOW) == KIN_OK);
    CHECK(pthread_create(&thread, NULL, second_thread, it) == 0 && pthread_join(thread, &result) == 0);
    CHECK(result == it);
    return 0;
}

/* A clone runs no handlers of pthread_atfork. */
static void threads_are_apart_after_a_bare_clone(void **state)
{
    (void)state;
    shared *it = new_shared();
    assert_ok(kin_lock_acquire(&it->lock, KIN_NOW)); /* this thread has a seat */
    assert_ok(kin_lock_release(&it->lock));
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        _exit(hold_and_let_another_thread_try(it));
    }
    expect_success(pid);
    assert_ok(kin_free(it));
}

static atomic_bool churning;

static void *wait_a_moment(void *sem)
{
    kin_sem_acquire(sem, 1, KIN_MS(1));
    return NULL;
}

/* Threads that come and go, each of which makes a native semaphore. */
static void *churn(void *sem)
{
    pthread_t thread;
    while (atomic_load(&churning) && pthread_create(&thread, NULL, wait_a_moment, sem) == 0) {
        pthread_join(thread, NULL);
    }
    return NULL;
}

static int wait_in_vain(shared *it)
{
    return kin_sem_acquire(&it->go, 1, KIN_MS(1)) != KIN_E_TIMED_OUT;
}

static void fork_among_threads_leaves_no_lock_behind(void **state)
{
    (void)state;
    shared *it = new_shared();
    pthread_t thread;
    atomic_store(&churning, true);
    assert_int_equal(pthread_create(&thread, NULL, churn, &it->told), 0);
    for (int i = 0; i < 200; i++) {
        expect_success(fork_to(wait_in_vain, it));
    }
    atomic_store(&churning, false);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(kin_free(it));
}

/* ---- ends ---- */

static int exec_holding(shared *it)
{
    CHECK(kin_lock_acquire(&it->lock, KIN_NOW) == KIN_OK);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    execl("/bin/sleep", "sleep", "60", (char *)NULL);
    return 1;
}

static void owner_that_execs_has_died(void **state)
{
    (void)state;
    shared *it = new_shared();
    pid_t pid = fork_to(exec_holding, it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    expect_owner_died(it);
    kill_and_wait(pid);
    assert_ok(kin_free(it));
}

static int exec_with_permits(shared *it)
{
    CHECK(kin_sem_acquire(it->leased, 2, KIN_NOW) == KIN_OK && kin_sem_release(&it->told, 1) == KIN_OK);
    execl("/bin/sleep", "sleep", "60", (char *)NULL);
    return 1;
}

static void permits_of_who_execs_come_back(void **state)
{
    (void)state;
    shared *it = new_shared();
    assert_ok(kin_sem_create_leased(&it->leased, NULL, 2));
    pid_t pid = fork_to(exec_with_permits, it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    assert_ok(kin_sem_acquire(it->leased, 2, KIN_SECONDS(1)));
    kill_and_wait(pid);
    assert_ok(kin_sem_destroy(it->leased));
    assert_ok(kin_free(it));
}

static void *hold_for_ever(void *argument)
{
    shared *it = argument;
    kin_lock_acquire(&it->lock, PATIENCE);
    kin_sem_release(&it->told, 1);
    while (atomic_fetch_add(&it->steps, 1) < UINT64_MAX) {
    }
    return NULL;
}

static void take_long_to_exit(void)
{
    usleep(200000);
}

/* exit() runs what atexit registered while other threads go on: their locks are theirs until the process is gone. */
static int exit_among_threads(shared *it)
{
    pthread_t thread;
    CHECK(kin_lock_acquire(&it->recursive, KIN_NOW) == KIN_OK);
    CHECK(pthread_create(&thread, NULL, hold_for_ever, it) == 0);
    CHECK(kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
    exit(0);
}

static void exit_does_not_take_locks_from_threads_that_run(void **state)
{
    (void)state;
    shared *it = new_shared();
    atexit(take_long_to_exit); /* inherited; runs after kin's own, which was registered later */
    pid_t pid = fork_to(exit_among_threads, it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    assert_ok(kin_sem_release(&it->go, 1));
    assert_status(kin_lock_acquire(&it->lock, PATIENCE), KIN_OWNER_DIED);
    uint64_t steps = atomic_load(&it->steps);
    usleep(20000);
    assert_true(atomic_load(&it->steps) == steps);
    assert_ok(kin_lock_repair(&it->lock));
    assert_ok(kin_lock_release(&it->lock));
    expect_success(pid);
    assert_ok(kin_free(it));
}

/* ---- descriptors ---- */

static int close_all_and_hold(shared *it)
{
    CHECK(kin_lock_acquire(&it->lock, KIN_NOW) == KIN_OK);
    for (int fd = 3; fd < 1024; fd++) {
        close(fd);
    }
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
    CHECK(kin_lock_release(&it->lock) == KIN_OK);
    return 0;
}

static void who_closed_all_descriptors_still_lives(void **state)
{
    (void)state;
    shared *it = new_shared();
    struct rlimit old, none;
    pid_t pid = fork_to(close_all_and_hold, it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    assert_status(kin_lock_acquire(&it->lock, KIN_MS(120)), KIN_E_TIMED_OUT);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){3, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0); /* nor can this process look into /proc */
    kin_status status = kin_lock_acquire(&it->lock, KIN_MS(120));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(status, KIN_E_TIMED_OUT);
    assert_ok(kin_sem_release(&it->go, 1));
    assert_ok(kin_lock_acquire(&it->lock, PATIENCE));
    assert_ok(kin_lock_release(&it->lock));
    expect_success(pid);
    assert_ok(kin_free(it));
}

static int work_with_few_descriptors(shared *unused)
{
    kin_family *family = NULL;
    kin_lock *lock = NULL;
    (void)unused;
    for (rlim_t limit = 3; limit < 40; limit++) {
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){limit, 1024});
        kin_status status = kin_family_create(&family, NULL);
        if (status == KIN_OK) {
            CHECK(kin_lock_create(&lock, family, 0) == KIN_OK);
            CHECK(kin_lock_acquire(lock, KIN_NOW) == KIN_OK);
            CHECK(kin_lock_release(lock) == KIN_OK);
            kin_family_close(family);
        } else {
            CHECK(status == KIN_E_LIMIT);
        }
    }
    return 0;
}

static void few_descriptors_are_an_error(void **state)
{
    (void)state;
    shared *it = new_shared();
    expect_success(fork_to(work_with_few_descriptors, it));
    assert_ok(kin_free(it));
}

/* ---- names ---- */

static int family_without_permissions(shared *unused)
{
    kin_family *family = NULL;
    kin_args *args = NULL;
    kin_lock *lock = NULL;
    (void)unused;
    umask(0777);
    CHECK(kin_family_create(&family, NULL) == KIN_OK);
    CHECK(kin_lock_create(&lock, family, 0) == KIN_OK && kin_args_create(&args, family) == KIN_OK);
    CHECK(kin_args_add_object(args, "lock", KIN_TYPE_LOCK, lock) == KIN_OK);
    for (kin_start_method method = KIN_START_FORK; method <= KIN_START_FORKSERVER; method++) {
        kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
        kin_process *process = NULL;
        kin_exit result = {.code = 1, .signal = 1};
        options.method = method;
        CHECK(kin_lock_acquire(lock, KIN_NOW) == KIN_OK);
        kin_status status = kin_process_start(&process, "acquire", args, &options);
        if (method == KIN_START_FORKSERVER && !has_fork_server()) {
            CHECK(status == KIN_E_UNSUPPORTED && kin_lock_release(lock) == KIN_OK);
            continue;
        }
        CHECK(status == KIN_OK);
        usleep(30000);
        CHECK(kin_lock_release(lock) == KIN_OK);
        CHECK(kin_process_join(process, PATIENCE, &result) == KIN_OK && result.code == 0 && result.signal == 0);
        kin_process_close(process);
    }
    kin_args_destroy(args);
    kin_family_close(family);
    return 0;
}

static int entry_acquire(const kin_args *args)
{
    kin_lock *lock = given(args, "lock", KIN_TYPE_LOCK);
    CHECK(lock && kin_lock_acquire(lock, PATIENCE) == KIN_OK && kin_lock_release(lock) == KIN_OK);
    return 0;
}

static void umask_does_not_matter(void **state)
{
    (void)state;
    shared *it = new_shared();
    expect_success(fork_to(family_without_permissions, it));
    assert_ok(kin_free(it));
}

static void *wait_on(void *sem)
{
    kin_sem_acquire(sem, 1, PATIENCE);
    return NULL;
}

/* A family of its own, with names, whose id the parent gets. */
static int make_a_family_and_wait(shared *it)
{
    kin_family *family = NULL;
    kin_sem *sem = NULL;
    pthread_t thread;
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    CHECK(kin_family_create(&family, NULL) == KIN_OK && kin_sem_create(&sem, family, 0, 0) == KIN_OK);
    CHECK(kin_family_inspect(family, &info) == KIN_OK);
    memcpy(&it->count, info.id, sizeof it->count);
    memcpy((void *)&it->steps, info.id + 8, 8);
    CHECK(pthread_create(&thread, NULL, wait_on, sem) == 0);
    CHECK(kin_sem_acquire(sem, 1, KIN_MS(50)) == KIN_E_TIMED_OUT);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    pause();
    return 0;
}

static void names_of_a_killed_family_are_swept(void **state)
{
    (void)state;
    shared *it = new_shared();
    uint8_t id[16];
    pid_t pid = fork_to(make_a_family_and_wait, it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    memcpy(id, &it->count, 8);
    memcpy(id + 8, (void *)&it->steps, 8);
    assert_ok(kin_cleanup(NULL));
    assert_true(count_names(id) > 0); /* it lives */
    kill_and_wait(pid);
    assert_true(count_names(id) > 0);
    assert_ok(kin_cleanup(NULL));
    assert_int_equal(count_names(id), 0);
    assert_ok(kin_free(it));
}

int main(void)
{
    static const kin_child_entry entries[] = {{"acquire", entry_acquire}};
    kin_child_main(entries, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_fork_makes_a_member),
        cmocka_unit_test(child_does_not_own_what_its_parent_holds),
        cmocka_unit_test(orphan_goes_on),
        cmocka_unit_test(threads_are_apart_after_a_bare_clone),
        cmocka_unit_test(fork_among_threads_leaves_no_lock_behind),
        cmocka_unit_test(owner_that_execs_has_died),
        cmocka_unit_test(permits_of_who_execs_come_back),
        cmocka_unit_test(exit_does_not_take_locks_from_threads_that_run),
        cmocka_unit_test(who_closed_all_descriptors_still_lives),
        cmocka_unit_test(few_descriptors_are_an_error),
        cmocka_unit_test(umask_does_not_matter),
        cmocka_unit_test(names_of_a_killed_family_are_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
