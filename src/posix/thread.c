/* thread.c: thread-local storage, pthread_key_create, atexit.
 *
 * - A key's destructor runs in threads that end by returning or pthread_exit. It does not run at exit(), nor for the
 *   threads that a forked child lacks. It is called again, up to PTHREAD_DESTRUCTOR_ITERATIONS times, if a later
 *   destructor sets the value anew (pthread_key_create(3p)). The forking thread keeps its value in the child.
 * - A function that a shared library gives to atexit runs when that library is unloaded, too (atexit(3)). A
 *   destructor or a fork handler in unloaded code is a crash. So the object that this code is in, be it a plugin that
 *   kin is linked into, is opened once more with RTLD_NODELETE, and stays (dlopen(3)).
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "posix/forks.h"
#include "posix/futex.h"
#include "posix/posix.h"

_Thread_local void *kin_posix_thread_value;

static pthread_once_t hooks_once = PTHREAD_ONCE_INIT;
static int hooks_error; /* written inside hooks_once */
static _Atomic(const kin_os_hooks *) wanted, installed;
static pthread_key_t exit_key;
static atomic_bool exit_key_made, exit_done;

/* ---- hooks ---- */

static void before_fork(void)
{
    const kin_os_hooks *hooks = atomic_load(&installed);
    if (hooks && hooks->before_fork) {
        hooks->before_fork();
    }
}

static void after_fork(bool in_child)
{
    const kin_os_hooks *hooks = atomic_load(&installed);
    void (*hook)(void) = !hooks ? NULL : in_child ? hooks->after_fork_child : hooks->after_fork_parent;
    if (hook) {
        hook();
    }
}

/* The key's own value is only the one that was set first. */
static void on_thread_exit(void *key_value)
{
    (void)key_value;
    const kin_os_hooks *hooks = atomic_load(&installed);
    if (hooks && hooks->on_thread_exit && kin_posix_thread_value) {
        hooks->on_thread_exit(kin_posix_thread_value);
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

/* Nothing unloads the program itself, which AT_PHDR leads to (getauxval(3)). */
static void pin(void)
{
    Dl_info info, program = {0};
    dladdr((const void *)(uintptr_t)getauxval(AT_PHDR), &program);
    if (dladdr((const void *)&exit_key_made, &info) != 0 && info.dli_fname && info.dli_fbase != program.dli_fbase) {
        dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE); /* never closed */
    }
}

static void install(void)
{
    pin();
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
    static const kin_posix_fork_watcher watcher = {.before = before_fork, .after = after_fork};
    const kin_os_hooks *none = NULL;
    atomic_compare_exchange_strong(&wanted, &none, hooks);
    kin_status status = kin_posix_watch_forks_around(&watcher);
    if (status != KIN_OK) {
        return status;
    }
    pthread_once(&hooks_once, install);
    return hooks_error ? kin_posix_fail(hooks_error) : KIN_OK;
}

void kin_os_thread_set(void *value)
{
    const void *before = kin_posix_thread_value;
    kin_posix_thread_value = value;
    if (!before != !value && atomic_load(&exit_key_made)) {
        pthread_setspecific(exit_key, value); /* not async-signal-safe: not each time that a thread's value changes */
    }
}

/* ---- words ---- */

void kin_os_word_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline)
{
    kin_posix_futex_wait(word, expected, deadline, false);
}

void kin_os_word_wake(_Atomic uint32_t *word)
{
    kin_posix_futex_wake(word, false);
}
