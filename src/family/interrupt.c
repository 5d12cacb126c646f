/* interrupt.c: ending one thread's wait from outside, by a signal handler or another thread of the process.
 *
 *     pending:  0 ──another thread, or a handler──► 1 ──the thread, as its wait returns KIN_E_INTERRUPTED──► 0
 *     sleeps:   AWAKE ──the thread, about to sleep──► BY_WORD, BY_SEM or BY_ALARM ──the thread──► AWAKE
 *
 *     the thread:                              the interrupting one:
 *     1. sem, if it sleeps by one              a. users + 1
 *     2. sleeps = how                          b. look at number: another thread's by now: leave
 *     3. load pending; 1: do not sleep         c. pending = 1
 *     4. sleep                                 d. load sleeps; post what it sleeps by
 *     5. sleeps = AWAKE                        e. users - 1
 *     6. load pending; 1: end the wait
 *
 * 2, 3, c and d are sequentially consistent: either 3 sees 1, or d sees how the thread sleeps. So an interrupt that
 * comes just before the sleep is not lost. One that comes while the thread is awake stays pending until its next wait.
 *
 * An interrupt changes private memory only, and posts. A post to a thread that has woken by itself is a stale token,
 * which every sleeper of kin ignores. The thread itself ends its wait. It takes the path of a wait that has timed out
 * (slices.c), and only returns another status. So an interrupt can damage nothing that a timeout does not damage. A
 * kill at any instruction leaves in shared memory the same as the kill of a waiter.
 *
 * The semaphore may lie in a family's arena. The owner of the memory waits until `users` is 0 (settle) before the arena
 * is unmapped, and before another thread gets the thread's record. A call that enters after that sees AWAKE, or another
 * number. A signal handler has left its call before its thread goes on. A thread is not cancelled inside such a call.
 */
#include "family/interrupt.h"

#include "kin/status.h"

bool kin__interrupt_sleeps(kin__interrupt *it, kin__sleeps how, kin_os_sem sem)
{
    if (!it) {
        return true;
    }
    atomic_store_explicit(&it->sem, sem, memory_order_relaxed);
    atomic_store(&it->sleeps, (uint32_t)how);
    return atomic_load(&it->pending) == 0;
}

/* The alarm is emptied after each sleep that it could end: an alarm that was set late would end the next sleep. */
void kin__interrupt_awake(kin__interrupt *it)
{
    if (it && atomic_exchange(&it->sleeps, KIN__AWAKE) == KIN__SLEEPS_BY_ALARM) {
        kin_os_alarm_clear(&it->alarm);
    }
}

kin_os_watch kin__interrupt_watch(kin__interrupt *it)
{
    return (kin_os_watch){it ? kin_os_alarm_handle(&it->alarm) : KIN_OS_NO_HANDLE, KIN_OS_READABLE, 0};
}

kin_status kin__interrupt_tell(kin__interrupt *it)
{
    atomic_store(&it->pending, 0);
    return KIN_E_INTERRUPTED;
}

static void wake(kin__interrupt *it)
{
    kin_os_sem sem;
    switch (atomic_load(&it->sleeps)) {
    case KIN__SLEEPS_BY_WORD:
        kin_os_word_wake(&it->pending);
        break;
    case KIN__SLEEPS_BY_SEM:
        sem = atomic_load_explicit(&it->sem, memory_order_relaxed);
        if (sem != KIN_OS_NO_SEM) { /* else it looks again and again */
            kin_os_sem_post(sem);
        }
        break;
    case KIN__SLEEPS_BY_ALARM:
        kin_os_alarm_set(&it->alarm);
        break;
    default:
        break;
    }
}

bool kin__interrupt_raise(kin__interrupt *it, uint64_t number)
{
    int held = kin_os_cancel_hold(); /* a canceled caller would leave `users` counted */
    atomic_fetch_add(&it->users, 1);
    bool found = atomic_load(&it->number) == number;
    if (found) {
        atomic_store(&it->pending, 1);
        wake(it);
    }
    atomic_fetch_sub(&it->users, 1);
    kin_os_cancel_release(held);
    return found;
}

kin_status kin__interrupt_open(kin__interrupt *it, uint64_t number)
{
    if (atomic_load(&it->number) != 0) {
        return KIN_OK;
    }
    kin_status status = kin_os_alarm_open(&it->alarm);
    if (status == KIN_OK) {
        atomic_store(&it->number, number);
    }
    return status;
}

void kin__interrupt_settle(kin__interrupt *it)
{
    while (atomic_load(&it->users) > 0) {
        kin_os_yield();
    }
}

void kin__interrupt_close(kin__interrupt *it)
{
    if (atomic_load(&it->number) != 0) { /* else there is no alarm, either */
        atomic_store(&it->number, 0);
        kin__interrupt_settle(it);
        kin_os_alarm_close(&it->alarm);
        atomic_store(&it->pending, 0);
    }
}
