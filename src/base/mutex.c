/* mutex.c: a mutex of three states: FREE, HELD, and CONTENDED, which is held while a thread may sleep for it.
 *
 * A thread that has slept takes the mutex as CONTENDED, because it cannot know whether others still sleep. The price is
 * one wake-up too many.
 */
#include "base/mutex.h"

enum { FREE, HELD, CONTENDED };

bool kin__mutex_try_lock(kin__mutex *mutex)
{
    uint32_t free = FREE;
    return atomic_compare_exchange_strong_explicit(mutex, &free, HELD, memory_order_acquire, memory_order_relaxed);
}

kin_status kin__mutex_lock(kin__mutex *mutex, int64_t deadline)
{
    if (kin__mutex_try_lock(mutex)) {
        return KIN_OK;
    }
    while (atomic_exchange_explicit(mutex, CONTENDED, memory_order_acquire) != FREE) {
        if (kin_os_now() >= deadline) {
            return KIN_E_TIMED_OUT;
        }
        kin_os_word_wait(mutex, CONTENDED, deadline);
    }
    return KIN_OK;
}

void kin__mutex_unlock(kin__mutex *mutex)
{
    if (atomic_exchange_explicit(mutex, FREE, memory_order_release) == CONTENDED) {
        kin_os_word_wake(mutex);
    }
}
