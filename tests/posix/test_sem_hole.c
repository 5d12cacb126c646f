/* A process is killed at the system call by which sem_post wakes the sleeper: the count is raised, and nobody will
 * ever say so. glibc's sleeper sleeps on; kin's looks again at the end of its slice. */
#include "../support.h"

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
    void (*release)(place *it);
} rival;

static void theirs_acquire(place *it)
{
    sem_wait(&it->theirs);
}

static void theirs_release(place *it)
{
    sem_post(&it->theirs);
}

static void ours_acquire(place *it)
{
    kin_sem_acquire(it->ours, 1, KIN_FOREVER);
}

static void ours_release(place *it)
{
    kin_sem_release(it->ours, 1);
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

static pid_t start_sleeper(place *it, const rival *how)
{
    pid_t pid = fork();
    if (pid == 0) {
        how->acquire(it);
        atomic_store(&it->through, 1);
        _exit(0);
    }
    rest(100); /* it sleeps now */
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

/* Lets a process release, up to that call, which it does not live to make. */
static bool kill_at_wake(place *it, const rival *how)
{
    int status = 0;
    bool there = false;
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        how->release(it);
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
    assert_true(kill_at_wake(it, how));
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

int main(void)
{
    kin_child_main(NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sleeper_on_glibcs_semaphore_sleeps_on),
        cmocka_unit_test(sleeper_on_kins_semaphore_gets_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
