/* turn.c: the word is FREE, TAKEN, or WANTED: taken, and somebody may sleep for it. Who has slept takes it as WANTED, for it
 * cannot know whether others sleep; one wake too many is the price. */
#include "base/mutex.h"

enum { FREE, TAKEN, WANTED };

bool kin__turn_try(kin__turn *turn)
{
    uint32_t free = FREE;
    return atomic_compare_exchange_strong_explicit(turn, &free, TAKEN, memory_order_acquire, memory_order_relaxed);
}

kin_status kin__turn_take(kin__turn *turn, int64_t deadline)
{
    if (kin__turn_try(turn)) {
        return KIN_OK;
    }
    while (atomic_exchange_explicit(turn, WANTED, memory_order_acquire) != FREE) {
        if (kin_os_now() >= deadline) {
            return KIN_E_TIMED_OUT;
        }
        kin_os_word_wait(turn, WANTED, deadline);
    }
    return KIN_OK;
}

void kin__turn_give(kin__turn *turn)
{
    if (atomic_exchange_explicit(turn, FREE, memory_order_release) == WANTED) {
        kin_os_word_wake(turn);
    }
}
