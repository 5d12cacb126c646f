/* A process is killed at the system call by which sem_post wakes the sleeper: the count is raised, and nobody will
 * ever say so. glibc's sleeper sleeps on; kin's looks again at the end of its slice. The same where one call was to
 * wake several: then the next post of one of them wakes them all, wherever the dead poster has moved them. */
#include "../support.h"

#include "os.h"

#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct place {
    sem_t theirs;
    kin_sem *ours;
    _Atomic int through; /* the sleeper */
} place;

typedef struct rival {
    void (*acquire)(place *it);
    void (*release)(void *place_);
} rival;

static void theirs_acquire(place *it)
{
    sem_wait(&it->theirs);
}

static void theirs_release(void *place_)
{
    sem_post(&((place *)place_)->theirs);
}

static void ours_acquire(place *it)
{
    kin_sem_acquire(it->ours, 1, KIN_FOREVER);
}

static void ours_release(void *place_)
{
    kin_sem_release(((place *)place_)->ours, 1);
}

static const rival theirs = {theirs_acquire, theirs_release}, ours = {ours_acquire, ours_release};

static place *new_place(void)
{
    place *it = mmap(NULL, sizeof *it, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(it, MAP_FAILED);
    assert_int_equal(sem_init(&it->theirs, 1, 0), 0);
    assert_ok(kin_sem_create(&it->ours, NULL, 0, 0));
    return it;
}

static void rest(int milliseconds)
{
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000L}, NULL);
}

/* In the call that makes it sleep on a futex. */
static bool sleeps(pid_t pid)
{
    char path[64];
    int call = -1;
    snprintf(path, sizeof path, "/proc/%ld/syscall", (long)pid);
    FILE *file = fopen(path, "r");
    bool asleep = file && fscanf(file, "%d", &call) == 1 && call == SYS_futex;
    if (file) {
        fclose(file);
    }
    return asleep;
}

static void await_sleep(pid_t pid)
{
    for (int i = 0; !sleeps(pid); i++) {
        assert_true(i < 10000);
        rest(1);
    }
}

static pid_t start_sleeper(place *it, const rival *how)
{
    atomic_store(&it->through, 0);
    pid_t pid = fork();
    if (pid == 0) {
        how->acquire(it);
        atomic_store(&it->through, 1);
        _exit(0);
    }
    await_sleep(pid);
    return pid;
}

/* Whether it is at the beginning of a call that wakes a futex's sleepers. */
static bool wakes(pid_t pid)
{
    struct user_regs_struct registers;
    const unsigned long long command_mask = 0x7f, wake = 1;
    return ptrace(PTRACE_GETREGS, pid, NULL, &registers) == 0 && registers.orig_rax == SYS_futex &&
           (registers.rsi & command_mask) == wake;
}

/* Lets a process go up to that call, which it does not live to make. */
static bool kill_at_wake(void (*release)(void *of), void *of)
{
    int status = 0;
    bool there = false;
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        release(of);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    while (!there && WIFSTOPPED(status) && ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0) {
        waitpid(pid, &status, 0);
        there = WIFSTOPPED(status) && wakes(pid);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return there;
}

static bool sleeper_gets_through(const rival *how, int milliseconds)
{
    place *it = new_place();
    int value = -1;
    pid_t sleeper = start_sleeper(it, how);
    for (int i = 0; !kill_at_wake(how->release, it); i++) { /* it was between two slices, and is through */
        assert_true(i < 20);
        waitpid(sleeper, NULL, 0);
        sleeper = start_sleeper(it, how);
    }
    for (; !atomic_load(&it->through) && milliseconds > 0; milliseconds--) {
        rest(1);
    }
    bool through = atomic_load(&it->through) != 0;
    if (how == &theirs) {
        assert_int_equal(sem_getvalue(&it->theirs, &value), 0);
        assert_int_equal(value, 1); /* it could have it */
    }
    kill(sleeper, SIGKILL);
    waitpid(sleeper, NULL, 0);
    assert_ok(kin_sem_destroy(it->ours));
    munmap(it, sizeof *it);
    return through;
}

static void sleeper_on_glibcs_semaphore_sleeps_on(void **state)
{
    (void)state;
    assert_false(sleeper_gets_through(&theirs, 2000));
}

static void sleeper_on_kins_semaphore_gets_through(void **state)
{
    (void)state;
    assert_true(sleeper_gets_through(&ours, 1000));
}

/* ---- several posts at once ---- */

#define SEVERAL 4

typedef struct bed {
    kin_os_sem_place place;
    _Atomic int through;
} bed;

static const kin_os_id id = {{1}};
static const kin_os_access nobody = {{""}, {""}};

static kin_os_sem sem_of(bed *it)
{
    kin_os_sem sem = KIN_OS_NO_SEM;
    assert_ok(kin_os_sem_create(&sem, &it->place, &id, 0, false, &nobody));
    return sem;
}

static pid_t start_on(bed *it)
{
    kin_os_sem sem = sem_of(it);
    pid_t pid = fork();
    if (pid == 0) {
        kin_os_sem_wait(sem, kin_os_now() + PATIENCE);
        atomic_store(&it->through, 1);
        _exit(0);
    }
    await_sleep(pid);
    return pid;
}

static void post_several(void *beds_)
{
    bed *beds = beds_;
    kin_os_sem sems[SEVERAL];
    for (int i = 0; i < SEVERAL; i++) {
        sems[i] = sem_of(&beds[i]);
    }
    kin_os_sem_post_all(sems, SEVERAL);
}

static int count_through(bed *beds)
{
    int count = 0;
    for (int i = 0; i < SEVERAL; i++) {
        count += atomic_load(&beds[i].through);
    }
    return count;
}

static void next_post_wakes_all_that_a_dead_poster_has_moved(void **state)
{
    (void)state;
    pid_t sleepers[SEVERAL];
    bed *beds = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(beds, MAP_FAILED);
    beds++; /* the first word of the page is nobody's */
    for (int i = 0; i < SEVERAL; i++) {
        sleepers[i] = start_on(&beds[i]);
    }
    assert_true(kill_at_wake(post_several, beds));
    rest(100);
    assert_int_equal(count_through(beds), 0);
    assert_ok(kin_os_sem_post(sem_of(&beds[SEVERAL - 1])));
    for (int i = 0; i < 10000 && count_through(beds) < SEVERAL; i++) {
        rest(1);
    }
    assert_int_equal(count_through(beds), SEVERAL);
    for (int i = 0; i < SEVERAL; i++) {
        waitpid(sleepers[i], NULL, 0);
    }
    munmap(beds - 1, 4096);
}

int main(void)
{
    kin_child_main(NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sleeper_on_glibcs_semaphore_sleeps_on),
        cmocka_unit_test(sleeper_on_kins_semaphore_gets_through),
        cmocka_unit_test(next_post_wakes_all_that_a_dead_poster_has_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
