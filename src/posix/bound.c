/* bound.c: programs that end with this process: PR_SET_PDEATHSIG.
 *
 * - The signal comes at the end of the thread that made the child, not at the end of the process (prctl(2)). So one
 *   thread, "the starter", makes all bound programs and never ends. It is made at the first need and handles no
 *   signals.
 * - The child makes the setting between its birth and its exec. posix_spawn cannot do that. If this process has ended
 *   before, the child has another parent by then, and ends by itself.
 * - The child runs in this process's memory until its exec, on a stack of its own, while the starter is stopped
 *   (clone(2), CLONE_VM and CLONE_VFORK; posix_spawn does the same). kin does not use vfork: ThreadSanitizer makes a
 *   fork of it. The fork's handlers would close the pipes (run.c), and the starter would not see the child's memory.
 *   With clone no fork handlers run, and nothing is copied. The child calls only functions that are safe in a signal
 *   handler. The starter reads what the child writes. All signals are blocked in the child until it has no handler of
 *   this process any more. Such a handler would run in memory that is not the child's (signal dispositions are not
 *   shared).
 * - exec clears the setting for a program with other rights than its caller (prctl(2)).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "posix/bound.h"
#include "posix/forks.h"
#include "posix/libc.h"
#include "posix/posix.h"

#define STACK 32768

typedef struct order {
    const kin_posix_bound *what;
    pid_t parent, child;
    volatile int error; /* the child writes it */
    bool done;
} order;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* one order at a time */
static pthread_mutex_t state = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static order *wanted; /* under state */
static pid_t starter; /* the process that has one */

/* ---- the child ---- */

static void reset_signals(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 &&
            (number == SIGPIPE || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN))) {
            action = (struct sigaction){.sa_handler = SIG_DFL};
            sigaction(number, &action, NULL);
        }
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool put_stream(const kin_posix_bound *what, int stream)
{
    int fd;
    switch (what->streams[stream]) {
    case KIN_OS_STREAM_NOTHING:
        fd = open("/dev/null", stream == 0 ? O_RDONLY : O_WRONLY);
        return fd == stream || (fd >= 0 && dup2(fd, stream) >= 0);
    case KIN_OS_STREAM_PIPE:
        return dup2(what->inner[stream], stream) >= 0;
    case KIN_OS_STREAM_TOGETHER:
        return dup2(STDOUT_FILENO, stream) >= 0;
    case KIN_OS_STREAM_INHERIT:
        break;
    }
    return true;
}

/* Closes all descriptors above the standard streams that exec would keep. */
static void close_rest(void)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) == 0) {
        return;
    }
#endif
    struct rlimit limit;
    int end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536 ? (int)limit.rlim_cur : 65536;
    for (int fd = STDERR_FILENO + 1; fd < end; fd++) {
        close(fd);
    }
}

/* Returns only on failure, with errno. */
static void become(const order *it)
{
    const kin_posix_bound *what = it->what;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
        return;
    }
    if (getppid() != it->parent) {
        _exit(1);
    }
    if ((what->tree && setpgid(0, 0) != 0) || !put_stream(what, 0) || !put_stream(what, 1) || !put_stream(what, 2) ||
        (what->directory && chdir(what->directory) != 0)) {
        return;
    }
    close_rest();
    reset_signals();
    execve(what->program, (char *const *)(uintptr_t)what->argv, what->environment);
}

/* ---- the starter ---- */

static int be_child(void *order_)
{
    order *it = order_;
    become(it);
    it->error = errno;
    _exit(127);
}

/* Stacks grow downwards, on all processors but PA-RISC (clone(2)). */
static void start_one(order *it)
{
    _Alignas(16) char stack[STACK];
    pid_t pid = kin_posix_clone(be_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, it);
    it->child = pid;
    it->error = pid < 0 ? errno : it->error;
}

static void *serve(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&state);
    for (;;) {
        while (!wanted || wanted->done) {
            pthread_cond_wait(&changed, &state);
        }
        order *it = wanted;
        pthread_mutex_unlock(&state);
        start_one(it);
        pthread_mutex_lock(&state);
        it->done = true;
        pthread_cond_broadcast(&changed);
    }
    return NULL;
}

/* A forked child has no starter. */
static void after_fork(bool in_child)
{
    if (in_child) {
        lock = state = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
        wanted = NULL;
        starter = 0;
    }
}

static int make_starter(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    if (starter == getpid()) {
        return 0;
    }
    int error = pthread_attr_init(&attributes);
    if (error) {
        return error;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, serve, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    starter = error ? 0 : getpid();
    return error;
}

static void give(order *it)
{
    pthread_mutex_lock(&state);
    wanted = it;
    pthread_cond_broadcast(&changed);
    while (!it->done) {
        pthread_cond_wait(&changed, &state);
    }
    wanted = NULL;
    pthread_mutex_unlock(&state);
}

int kin_posix_start_bound(pid_t *pid, const kin_posix_bound *what)
{
    static kin_posix_fork_watcher watcher = {.after = after_fork};
    order it = {.what = what, .parent = getpid()};
    if (kin_posix_watch_forks(&watcher) != KIN_OK) {
        return ENOMEM;
    }
    int held = kin_os_cancel_hold(); /* the order is in this thread's stack */
    pthread_mutex_lock(&lock);
    int error = make_starter();
    if (!error) {
        give(&it);
        error = it.error;
    }
    pthread_mutex_unlock(&lock);
    kin_os_cancel_release(held);
    if (error && it.child > 0) { /* it has ended by itself */
        kin_os_process failed = {.pid = it.child, .pidfd = -1};
        kin_os_exit how;
        kin_os_process_wait(&failed, KIN_OS_NEVER, &how);
        kin_os_process_close(&failed);
    }
    if (!error) {
        *pid = it.child;
    }
    return error;
}
