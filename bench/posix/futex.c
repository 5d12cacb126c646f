/* futex.c: a mutex and semaphores by hand: one word, and the kernel's futex if a thread has to sleep. See ../peers.h.
 *
 * The mutex: 0 free, 1 taken, 2 taken and a thread may sleep. The semaphore: permits, and the number of sleepers.
 */
#include "../peers.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int futex(atomic_int *word, int operation, int value, const struct timespec *timeout)
{
    return (int)syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

/* ---- the mutex ---- */

static int create(void *memory)
{
    atomic_init((atomic_int *)memory, 0);
    return 0;
}

static int acquire(atomic_int *word)
{
    int seen = 0;
    if (atomic_compare_exchange_strong_explicit(word, &seen, 1, memory_order_acquire, memory_order_relaxed)) {
        return 0;
    }
    while (atomic_exchange_explicit(word, 2, memory_order_acquire) != 0) {
        futex(word, FUTEX_WAIT, 2, NULL);
    }
    return 0;
}

static int release(atomic_int *word)
{
    if (atomic_exchange_explicit(word, 0, memory_order_release) == 2) {
        futex(word, FUTEX_WAKE, 1, NULL);
    }
    return 0;
}

PEER_LOCK_LOOPS(futex, atomic_int, acquire(lock), release(lock))

const peer_lock peer_futex_lock = {.name = "futex by hand",
                                   .create = create,
                                   .destroy = peer_nothing,
                                   .attach = peer_same,
                                   .detach = peer_nothing,
                                   .alone = futex_alone,
                                   .contend = futex_contend};

/* ---- semaphores ---- */

typedef struct permits {
    _Alignas(64) atomic_int count;
    atomic_int sleepers;
} permits;

static int sems_create(void *memory)
{
    permits *both = memory;
    for (int i = 0; i < 2; i++) {
        atomic_init(&both[i].count, 0);
        atomic_init(&both[i].sleepers, 0);
    }
    return 0;
}

static int give(void *attached, int which)
{
    permits *it = (permits *)attached + which;
    atomic_fetch_add(&it->count, 1);
    if (atomic_load(&it->sleepers) > 0) {
        futex(&it->count, FUTEX_WAKE, 1, NULL);
    }
    return 0;
}

static int take_now(permits *it)
{
    int seen = atomic_load(&it->count);
    while (seen > 0) {
        if (atomic_compare_exchange_weak(&it->count, &seen, seen - 1)) {
            return 1;
        }
    }
    return 0;
}

static int take(void *attached, int which, int64_t timeout_ns)
{
    permits *it = (permits *)attached + which;
    const struct timespec timeout = {timeout_ns / 1000000000, (long)(timeout_ns % 1000000000)};
    int done = take_now(it);
    if (!done) {
        atomic_fetch_add(&it->sleepers, 1);
        int slept = 0;
        while (!(done = take_now(it)) && !(slept != 0 && errno == ETIMEDOUT)) {
            slept = futex(&it->count, FUTEX_WAIT, 0, &timeout);
        }
        atomic_fetch_sub(&it->sleepers, 1);
    }
    return !done;
}

const peer_sems peer_futex_sems = {"futex by hand", sems_create, peer_nothing, peer_same, peer_nothing, give, take};
