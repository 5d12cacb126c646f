/* thread.c: thread-local storage, pthread_key_create, pthread_atfork, atexit.
 *
 * A key's destructor runs only in threads that end by returning or pthread_exit, not at exit(), not in the threads that
 * fork leaves behind; it is called again, up to PTHREAD_DESTRUCTOR_ITERATIONS times, if a later destructor sets the
 * value anew (pthread_key_create(3p)). The forking thread keeps its value in the child. Handlers of pthread_atfork
 * cannot be removed, so the library must not be unloaded, and a bare clone does not run them. atexit from a shared
 * library runs when that is unloaded too (atexit(3)). FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC (futex(2)).
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "posix.h"

_Thread_local void *kin_posix_thread_value;

static pthread_once_t forks_once = PTHREAD_ONCE_INIT;
static pthread_once_t hooks_once = PTHREAD_ONCE_INIT;
static int forks_error, hooks_error; /* each written inside its once */
static _Atomic(const kin_os_hooks *) wanted, installed;
static pthread_key_t exit_key;
static atomic_bool exit_key_made, exit_done;

static void before_fork(void)
{
    const kin_os_hooks *hooks = atomic_load(&installed);
    if (hooks && hooks->before_fork) {
        hooks->before_fork();
    }
    kin_posix_runs_before_fork();
}

static void after_fork_parent(void)
{
    const kin_os_hooks *hooks = atomic_load(&installed);
    kin_posix_runs_after_fork(false);
    if (hooks && hooks->after_fork_parent) {
        hooks->after_fork_parent();
    }
}

static void after_fork_child(void)
{
    const kin_os_hooks *hooks = atomic_load(&installed);
    kin_posix_runs_after_fork(true);
    kin_posix_server_after_fork();
    kin_posix_private_wipe();
    if (hooks && hooks->after_fork_child) {
        hooks->after_fork_child();
    }
}

static void on_thread_exit(void *value)
{
    const kin_os_hooks *hooks = atomic_load(&installed);
    if (hooks && hooks->on_thread_exit) {
        hooks->on_thread_exit(value);
    }
    kin_posix_thread_value = NULL;
}

static void on_process_exit(void)
{
    const kin_os_hooks *hooks = atomic_load(&installed);
    if (hooks && hooks->on_process_exit && !atomic_exchange(&exit_done, true)) {
        hooks->on_process_exit();
    }
}

static void watch_forks(void)
{
    forks_error = pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

kin_status kin_posix_watch_forks(void)
{
    pthread_once(&forks_once, watch_forks);
    return forks_error ? kin_posix_fail(forks_error) : KIN_OK;
}

static void install(void)
{
    hooks_error = pthread_key_create(&exit_key, on_thread_exit);
    if (hooks_error) {
        return;
    }
    if (atexit(on_process_exit) != 0) {
        hooks_error = ENOMEM;
        return;
    }
    atomic_store(&exit_key_made, true);
    atomic_store(&installed, atomic_load(&wanted));
}

kin_status kin_os_hooks_install(const kin_os_hooks *hooks)
{
    const kin_os_hooks *none = NULL;
    atomic_compare_exchange_strong(&wanted, &none, hooks);
    kin_status status = kin_posix_watch_forks();
    if (status != KIN_OK) {
        return status;
    }
    pthread_once(&hooks_once, install);
    return hooks_error ? kin_posix_fail(hooks_error) : KIN_OK;
}

void kin_os_thread_set(void *value)
{
    kin_posix_thread_value = value;
    if (atomic_load(&exit_key_made)) {
        pthread_setspecific(exit_key, value);
    }
}

void kin_os_word_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline)
{
    struct timespec until = kin_posix_timespec(deadline);
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, deadline == KIN_OS_NEVER ? NULL : &until,
            NULL, FUTEX_BITSET_MATCH_ANY);
}

void kin_os_word_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
}
