/* spin.c: spinning, and yielding, that learn.
 *
 * A waiter that has the same processor as its waker always spins in vain: after a dozen trials it tries once in 4096
 * waits. But the waker may be the only thread that wants that processor: when the waiter offers it once, the waker
 * runs, and neither has to sleep or to wake. If no thread takes the processor, that was one system call too many. If
 * another thread takes it, the waiter gets it back late, and sleeping would have been better. So yielding has to pay,
 * too: a failure counts as much as four successes, and the more failures, the more rarely it is tried. If the waiter
 * gets the processor back late, in the end once in 4096 waits. If it gets it back at once, once in 64: that costs
 * little, and the thread that took the processor may have been one of a thousand sleepers that look about.
 *
 * An object's memory: trust (4 bits: how well spinning did lately), doubt (4 bits: how often in a row it failed without
 * trust), reserve (4 bits: the same of yielding), skip (20 bits: waits to go before the next trial of spinning; where
 * it is a multiple of 2^reserve, the waiter yields). doubt and skip are a kin__backoff. Races between waiters only blur
 * the memory.
 */
#include "base/spin.h"

#include "base/backoff.h"

#define SPIN_LIMIT KIN_US(60) /* longer than it takes to wake a process on another processor */
#define TRUST_MAX 15u
#define DOUBT_MAX 12u
#define FAILURE 4u
#define RESERVE_CHEAP 6u

typedef struct memory {
    uint32_t trust, reserve;
    kin__backoff backoff;
} memory;

static memory recall(_Atomic uint32_t *spin)
{
    uint32_t all = atomic_load_explicit(spin, memory_order_relaxed);
    return (memory){all & 15, all >> 8 & 15, {all >> 4 & 15, all >> 12}};
}

static void remember(_Atomic uint32_t *spin, const memory *m)
{
    atomic_store_explicit(spin, m->backoff.skip << 12 | m->reserve << 8 | m->backoff.doubt << 4 | m->trust,
                          memory_order_relaxed);
}

static bool spin_once(_Atomic uint64_t *word, uint64_t expected)
{
    int64_t end = kin_os_now() + SPIN_LIMIT;
    do {
        for (int i = 0; i < 16; i++) {
            if (atomic_load_explicit(word, memory_order_relaxed) != expected) {
                return true;
            }
            kin_os_cpu_relax();
        }
    } while (kin_os_now() < end);
    return false;
}

static bool try_spinning(memory *m, _Atomic uint64_t *word, uint64_t expected)
{
    if (spin_once(word, expected)) {
        m->trust += m->trust < TRUST_MAX;
        kin__backoff_succeeded(&m->backoff);
        return true;
    }
    if (m->trust == 0) {
        kin__backoff_failed(&m->backoff, 1, DOUBT_MAX, 1);
    }
    m->trust /= 2;
    return false;
}

static bool try_yielding(memory *m, _Atomic uint64_t *word, uint64_t expected)
{
    int64_t end = kin_os_now() + SPIN_LIMIT;
    kin_os_yield();
    bool changed = atomic_load_explicit(word, memory_order_relaxed) != expected, late = kin_os_now() >= end;
    uint32_t most = late ? DOUBT_MAX : RESERVE_CHEAP, more = m->reserve + FAILURE;
    if (changed && !late) {
        m->reserve -= m->reserve > 0;
    } else if (m->reserve < most) {
        m->reserve = more < most ? more : most;
    }
    return changed;
}

bool kin__spin(_Atomic uint64_t *word, uint64_t expected, _Atomic uint32_t *spin)
{
    memory m = recall(spin);
    bool changed = false;
    uint32_t skip = m.backoff.skip;
    if (kin__backoff_due(&m.backoff)) {
        changed = try_spinning(&m, word, expected);
    } else if (skip % (UINT32_C(1) << m.reserve) == 0) {
        changed = try_yielding(&m, word, expected);
    }
    remember(spin, &m);
    return changed;
}
