/* interrupt.h: ending one thread's wait from outside. Protocol: interrupt.c. Public face: kin/thread.h. */
#ifndef KIN_INTERNAL_INTERRUPT_H
#define KIN_INTERNAL_INTERRUPT_H

#include "os.h"

typedef enum kin__sleeps { /* how a thread sleeps, and so how it is woken */
                           KIN__AWAKE,
                           KIN__SLEEPS_BY_WORD,  /* `pending` itself */
                           KIN__SLEEPS_BY_SEM,   /* its native semaphore in one family */
                           KIN__SLEEPS_BY_ALARM, /* beside natives: kin__interrupt_watch */
} kin__sleeps;

typedef struct kin__interrupt { /* of one thread, in memory that is zero in a forked child */
    _Atomic uint64_t number;    /* which thread this is; 0: it has no name, and nobody interrupts it */
    _Atomic uint32_t pending;   /* 1: it was interrupted, and no wait has returned KIN_E_INTERRUPTED since */
    _Atomic uint32_t sleeps;    /* a kin__sleeps */
    _Atomic uint32_t users;     /* calls that are interrupting it just now */
    _Atomic(kin_os_sem) sem;    /* KIN__SLEEPS_BY_SEM: that one */
    kin_os_alarm alarm;
} kin__interrupt;

/* ---- for its thread; it NULL: a thread that cannot be interrupted ---- */

/* To be called before a sleep of that kind. False: an interrupt is pending, so the thread must not sleep. In both cases
 * it calls kin__interrupt_awake then, or after the sleep. */
bool kin__interrupt_sleeps(kin__interrupt *it, kin__sleeps how, kin_os_sem sem);
void kin__interrupt_awake(kin__interrupt *it);
/* KIN__SLEEPS_BY_ALARM: what to watch beside the rest. No handle: the program has closed it; sleep for
 * KIN__INTERRUPT_STEP at most. */
kin_os_watch kin__interrupt_watch(kin__interrupt *it);
#define KIN__INTERRUPT_STEP KIN_MS(10)
/* Whether an interrupt is pending. */
static inline bool kin__interrupt_pending(kin__interrupt *it)
{
    return it && atomic_load_explicit(&it->pending, memory_order_acquire) != 0;
}
/* For a wait that ends because of an interrupt: it is no longer pending. Returns KIN_E_INTERRUPTED. */
kin_status kin__interrupt_tell(kin__interrupt *it);

/* Whether a wait is over, and what its function returns then: KIN_E_TIMED_OUT, KIN_E_INTERRUPTED. Else KIN_OK. */
static inline kin_status kin__interrupt_or_timeout(kin__interrupt *it, int64_t now, int64_t deadline)
{
    return now >= deadline ? KIN_E_TIMED_OUT : kin__interrupt_pending(it) ? kin__interrupt_tell(it) : KIN_OK;
}

/* ---- for others ---- */

/* Interrupts the thread, if it still has that number. Signal handlers may call it. */
bool kin__interrupt_raise(kin__interrupt *it, uint64_t number);

/* ---- for the owner of the memory ---- */

/* Gives the thread a number, unless it has one. */
kin_status kin__interrupt_open(kin__interrupt *it, uint64_t number);
void kin__interrupt_close(kin__interrupt *it);
/* Waits until no other thread's call uses a semaphore of the thread. The thread must be awake, or be the caller. */
void kin__interrupt_settle(kin__interrupt *it);

#endif
