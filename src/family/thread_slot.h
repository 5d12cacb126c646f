/* thread_slot.h: the calling thread's place in a family: its slot in the arena, its token, its native semaphore.
 *
 * A seat is this process's record of one. It lies in memory that reads as zero in a forked child (os.h,
 * kin_os_private_alloc), so a child never acts under its parent's identity, however it was forked: it finds no seat,
 * joins, and gets one of its own.
 */
#ifndef KIN_THREAD_SLOT_H
#define KIN_THREAD_SLOT_H

#include "base/last_error.h"
#include "family/family.h"
#include "family/interrupt.h"

typedef struct kin__seat {
    _Atomic uint64_t base; /* the arena's address; 0: empty. Set last, and to 0 also by another thread */
    uint64_t token;
    kin_family *family;
    kin__thread *thread;
    uint64_t watched;   /* whom this thread last asked about: a lock's owner, or the holders of sync/lease.c, */
    int64_t watched_at; /* when it was found alive */
    int64_t looked_at;  /* when it last looked about among the sleepers beside it, see park/slices.c */
    kin_os_sem sem;
    bool has_sem;
    uint8_t number; /* of the seats of its thread */
    int cancel;     /* whether the thread could be cancelled before it took the heap's lock */
} kin__seat;

/* The calling thread's seat in the family, taken if need be. It stays where it is until the thread ends or the family
 * is closed, whatever other families the thread uses meanwhile, in a callback or in a signal handler. KIN_E_LIMIT: no
 * slot is free. */
kin_status kin__seat_take(kin__seat **out, kin_family *family);
#define kin__wrong_type()                                                                                              \
    kin__refuse(KIN_E_TYPE, "the object is of another type, was destroyed or was never "                               \
                            "initialised")
#define kin__not_shared()                                                                                              \
    kin__refuse(KIN_E_NOT_SHARED, "the address lies in no family of this process: allocate the object "                \
                                  "with kin_alloc, or with its create function")
/* The same, from an object of type at p (not NULL): KIN_E_NOT_SHARED, KIN_E_TYPE. */
kin_status kin__seat_find(kin__seat **out, const void *p, uint32_t type);

/* The calling thread's seat if it is the one used last and p is an object of that type there: no call, no branch
 * missed. */
static inline kin__seat *kin__seat_fast(const void *p, uint32_t type)
{
    kin__seat *seat = (kin__seat *)kin_os_thread_get();
    uint64_t tag = atomic_load_explicit(&((kin__object *)(uintptr_t)p)->tag, memory_order_relaxed);
    if (seat &&
        atomic_load_explicit(&seat->base, memory_order_relaxed) == (uint64_t)(uintptr_t)p - (tag - KIN__TAG(type, 0))) {
        return seat;
    }
    return NULL;
}

/* A seat in a thread slot with which no thread sleeps, besides the calling thread's own. It lies in memory of the
 * caller's. KIN_E_LIMIT. The process that took it gives it back. */
kin_status kin__seat_take_extra(kin__seat *out, kin_family *family);
void kin__seat_leave_extra(kin__seat *seat);

/* Of the seat's thread, and of the calling one; NULL: the thread cannot be interrupted. */
kin__interrupt *kin__interrupt_of(kin__seat *seat);
kin__interrupt *kin__interrupt_mine(void);
/* The calling thread's, and its index, less than 65536. */
kin_status kin__interrupt_make(kin__interrupt **out, uint32_t *index);
/* The one at that index, or NULL. For signal handlers, too. */
kin__interrupt *kin__interrupt_at(uint32_t index);

/* Forgets every thread's seat in a family that this process leaves. */
void kin__seats_forget(kin_family *family);
/* The hook for an ending thread: gives back its seats. */
void kin__seats_leave_thread(void *value);
/* Gives back the calling thread's seats: it may still take new ones. */
void kin__seats_leave(void);
/* In a forked child: no thread but the calling one is there, and that has no seat yet. */
void kin__seats_after_fork(void);

#endif
