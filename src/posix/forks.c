/* forks.c: what the files of this backend have to do around a fork: pthread_atfork.
 *
 * Handlers of pthread_atfork cannot be removed, so the library must not be unloaded. A bare clone does not run them.
 *
 * A file registers one watcher, at its first need. A fork does this:
 *
 *     1. runs before of the outer watcher
 *     2. takes `lock`, which also guards the list
 *     3. runs before of each watcher in the list
 *     4. forks
 *     5. runs after of each watcher in the list, in the parent and in the child
 *     6. releases `lock`
 *     7. runs after of the outer watcher
 *
 * The forking thread holds the lock from 2 to 6. So a watcher that another thread registers meanwhile sees nothing of
 * this fork, rather than its second half.
 *
 * Locks are taken in this order: those of the outer watcher, `lock`, those of the others. So a file must not hold a
 * lock that its before takes when it registers.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "posix/forks.h"
#include "posix/posix.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_error; /* written inside once */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static kin_posix_fork_watcher *watchers;               /* under lock */
static _Atomic(const kin_posix_fork_watcher *) around; /* never taken away again */

static void before_fork(void)
{
    const kin_posix_fork_watcher *outer = atomic_load(&around);
    if (outer) {
        outer->before();
    }
    pthread_mutex_lock(&lock);
    for (const kin_posix_fork_watcher *at = watchers; at; at = at->next) {
        if (at->before) {
            at->before();
        }
    }
}

static void after_fork(bool in_child)
{
    for (const kin_posix_fork_watcher *at = watchers; at; at = at->next) {
        at->after(in_child);
    }
    pthread_mutex_unlock(&lock);
    const kin_posix_fork_watcher *outer = atomic_load(&around);
    if (outer) {
        outer->after(in_child);
    }
}

static void after_fork_parent(void)
{
    after_fork(false);
}

static void after_fork_child(void)
{
    after_fork(true);
}

static void install(void)
{
    once_error = pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

static kin_status install_once(void)
{
    pthread_once(&once, install);
    return once_error ? kin_posix_fail(once_error) : KIN_OK;
}

kin_status kin_posix_watch_forks(kin_posix_fork_watcher *watcher)
{
    kin_status status = install_once();
    if (status != KIN_OK) {
        return status;
    }
    pthread_mutex_lock(&lock);
    if (!watcher->listed) {
        watcher->listed = true;
        watcher->next = watchers;
        watchers = watcher;
    }
    pthread_mutex_unlock(&lock);
    return KIN_OK;
}

kin_status kin_posix_watch_forks_around(const kin_posix_fork_watcher *watcher)
{
    kin_status status = install_once();
    if (status == KIN_OK) {
        atomic_store(&around, watcher);
    }
    return status;
}
