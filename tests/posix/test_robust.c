/* The word that the kernel marks: at which ends of threads and processes it does. */
#include "support.h"

#include "posix/robust.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *page; /* shared with the children */
static _Atomic int *ready;
static _Atomic int enrolled; /* in a child: its second thread has it enrolled */
static const int key;

static uint32_t thread_id(void)
{
    return (uint32_t)syscall(SYS_gettid);
}

static uint32_t owner(void)
{
    return kin_posix_word_read(page).owner;
}

static bool enrol(uint32_t serial)
{
    const kin_posix_place place = {&key, 0, serial};
    return kin_posix_enrol(&place, page, -1);
}

static int take(void)
{
    kin_posix_word word = kin_posix_word_read(page);
    uint32_t serial = kin_posix_word_next(word.serial);
    CHECK(enrol(serial));
    CHECK(kin_posix_word_change(page, &word, thread_id(), serial));
    return 0;
}

/* A child that does that, says that it is ready, and is killed. */
static void child_does(int (*body)(void), uint32_t before, uint32_t after)
{
    kin_posix_word word = kin_posix_word_read(page);
    assert_true(kin_posix_word_change(page, &word, KIN_POSIX_NOBODY, kin_posix_word_next(word.serial)));
    atomic_store(ready, 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        if (body() != 0) {
            _exit(1);
        }
        atomic_store(ready, 1);
        pause();
        _exit(0);
    }
    while (atomic_load(ready) == 0 && waitpid(pid, NULL, WNOHANG) == 0) {
        usleep(200);
    }
    assert_int_equal(atomic_load(ready), 1);
    usleep(20000); /* it may be about to exec, or to end a thread */
    assert_int_equal(owner() == KIN_POSIX_DIED ? KIN_POSIX_DIED : owner() ? 1 : 0, before);
    uint32_t serial = kin_posix_word_read(page).serial;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(owner(), after);
    assert_int_equal(kin_posix_word_read(page).serial, serial);
}

#define HELD 1u

static int close_descriptors(void)
{
    CHECK(take() == 0);
    for (int fd = 3; fd < 1024; fd++) {
        close(fd);
    }
    return 0;
}

static int drop_privileges(void)
{
    CHECK(take() == 0);
    CHECK(geteuid() != 0 || (setgid(61001) == 0 && setuid(61001) == 0));
    return 0;
}

static int exec_another(void)
{
    CHECK(take() == 0);
    atomic_store(ready, 1);
    execl("/bin/sleep", "sleep", "60", (char *)NULL);
    return 1;
}

static void *enrol_and_stay(void *serial)
{
    if (enrol(*(uint32_t *)serial)) {
        atomic_store(&enrolled, 1);
    }
    pause();
    return NULL;
}

static int take_with_another(void)
{
    static uint32_t serial;
    pthread_t thread;
    CHECK(take() == 0);
    serial = kin_posix_word_read(page).serial;
    CHECK(pthread_create(&thread, NULL, enrol_and_stay, &serial) == 0);
    while (!atomic_load(&enrolled)) {
        usleep(200);
    }
    return 0;
}

static int hand_over(void)
{
    CHECK(take_with_another() == 0);
    atomic_store(ready, 1);
    pthread_exit(NULL);
}

static int end_past_the_library(void)
{
    CHECK(take_with_another() == 0);
    atomic_store(ready, 1);
    syscall(SYS_exit, 0);
    return 1;
}

static void *take_in_thread(void *unused)
{
    (void)unused;
    return take() == 0 ? &page : NULL;
}

static int last_thread_ends(void)
{
    pthread_t thread;
    void *result = NULL;
    CHECK(pthread_create(&thread, NULL, take_in_thread, NULL) == 0 && pthread_join(thread, &result) == 0 && result);
    return 0;
}

static int refuse_in_clone(void)
{
    CHECK(take() == 0);
    int status = -1;
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        bool listed = enrol(5);
        kill(getpid(), listed ? SIGTERM : SIGKILL);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL);
    pid = fork();
    if (pid == 0) {
        kill(getpid(), SIGKILL);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    return 0;
}

/* The C library's list stays whole, however its other mutexes come and go. */
static int among_other_mutexes(void)
{
    enum { COUNT = 20 };
    static pthread_mutex_t mutexes[COUNT];
    bool held[COUNT] = {false};
    unsigned random = 1;
    pthread_mutexattr_t robust;
    pthread_mutexattr_init(&robust);
    pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
    for (int i = 0; i < COUNT; i++) {
        pthread_mutex_init(&mutexes[i], &robust);
    }
    CHECK(take() == 0);
    for (int i = 0; i < 20000; i++) {
        random = random * 1103515245 + 12345;
        unsigned k = (random >> 16) % (COUNT + 1);
        if (k == COUNT) {
            kin_posix_expel(&key, UINT32_MAX);
            CHECK(take() == 0);
        } else if (held[k]) {
            CHECK(pthread_mutex_unlock(&mutexes[k]) == 0);
        } else {
            CHECK(pthread_mutex_trylock(&mutexes[k]) == 0); /* it is free; and no order for ThreadSanitizer to blame */
        }
        if (k < COUNT) {
            held[k] = !held[k];
        }
    }
    return 0;
}

static int expel(void)
{
    CHECK(take() == 0);
    kin_posix_expel(&key, UINT32_MAX);
    return 0;
}

static void each_end(void **state)
{
    (void)state;
    child_does(take, HELD, KIN_POSIX_DIED);
    child_does(close_descriptors, HELD, KIN_POSIX_DIED);
    child_does(drop_privileges, HELD, KIN_POSIX_DIED);
    child_does(exec_another, KIN_POSIX_DIED, KIN_POSIX_DIED);
    child_does(hand_over, HELD, KIN_POSIX_DIED);
    child_does(end_past_the_library, KIN_POSIX_DIED, KIN_POSIX_DIED);
    child_does(last_thread_ends, KIN_POSIX_NOBODY, KIN_POSIX_NOBODY);
    child_does(refuse_in_clone, HELD, KIN_POSIX_DIED);
    child_does(among_other_mutexes, HELD, KIN_POSIX_DIED);
}

/* The shared word is the kernel's no more, whatever it says. */
static void expelled_is_left_alone(void **state)
{
    (void)state;
    kin_posix_word word = kin_posix_word_read(page);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(expel());
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(owner(), pid);
    word = kin_posix_word_read(page);
    assert_true(kin_posix_word_change(page, &word, KIN_POSIX_NOBODY, word.serial));
}

static void garbage_is_nobody(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 100000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        kin_posix_word word = kin_posix_word_of(random);
        assert_true(word.serial < UINT32_C(1) << 28);
        assert_true(word.owner == KIN_POSIX_DIED || word.owner <= KIN_POSIX_UNLISTED);
    }
    assert_int_equal(kin_posix_word_of(0).owner, KIN_POSIX_NOBODY);
    assert_int_equal(kin_posix_word_of(UINT64_MAX).owner, KIN_POSIX_NOBODY);
}

int main(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ready = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end),
        cmocka_unit_test(expelled_is_left_alone),
        cmocka_unit_test(garbage_is_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
