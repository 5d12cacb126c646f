/* mutex.c: a word of three bits.
 *
 *     HELD         by a thread
 *     CONTENDED    with HELD: a thread may sleep for it. A thread that has slept takes the mutex with this bit, because
 *                  it cannot know whether others still sleep; the price is one wake-up too many.
 *     CANCELLABLE  with HELD: the owner could be cancelled before, and can be again when it unlocks
 *
 * In between the owner cannot be cancelled: no other thread could unlock.
 */
#include "base/mutex.h"

#define HELD 1u
#define CONTENDED 2u
#define CANCELLABLE 4u

static uint32_t hold_cancel(void)
{
    return kin_os_cancel_hold() == KIN_OS_CANCELLABLE ? CANCELLABLE : 0;
}

static void release_cancel(uint32_t word)
{
    if (word & CANCELLABLE) {
        kin_os_cancel_release(KIN_OS_CANCELLABLE);
    }
}

static bool try_take(kin__mutex *mutex, uint32_t bits)
{
    uint32_t word = 0;
    return atomic_compare_exchange_strong_explicit(mutex, &word, HELD | bits, memory_order_acquire,
                                                   memory_order_relaxed);
}

bool kin__mutex_try_lock(kin__mutex *mutex)
{
    uint32_t cancel = hold_cancel();
    bool taken = try_take(mutex, cancel);
    if (!taken) {
        release_cancel(cancel);
    }
    return taken;
}

/* Marks that a thread is about to sleep; returns the word to sleep on, 0: the mutex is free. */
static uint32_t mark_contended(kin__mutex *mutex)
{
    uint32_t word = atomic_load_explicit(mutex, memory_order_relaxed);
    while (word != 0 && !(word & CONTENDED)) {
        if (atomic_compare_exchange_weak_explicit(mutex, &word, word | CONTENDED, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            word |= CONTENDED;
        }
    }
    return word;
}

kin_status kin__mutex_lock(kin__mutex *mutex, int64_t deadline)
{
    uint32_t cancel = hold_cancel();
    if (try_take(mutex, cancel)) {
        return KIN_OK;
    }
    for (;;) {
        uint32_t word = mark_contended(mutex);
        if (word == 0 && try_take(mutex, cancel | CONTENDED)) {
            return KIN_OK;
        }
        if (kin_os_now() >= deadline) {
            release_cancel(cancel);
            return KIN_E_TIMED_OUT;
        }
        if (word != 0) {
            kin_os_word_wait(mutex, word, deadline);
        }
    }
}

void kin__mutex_unlock(kin__mutex *mutex)
{
    uint32_t word = atomic_exchange_explicit(mutex, 0, memory_order_release);
    if (word & CONTENDED) {
        kin_os_word_wake(mutex);
    }
    release_cancel(word);
}
