/* lease.h: the semaphore whose permits belong to processes. Protocol: lease.c. Public face: kin/sem.h. */
#ifndef KIN_INTERNAL_LEASE_H
#define KIN_INTERNAL_LEASE_H

#include "family/thread_slot.h"
#include "kin/sem.h"
#include "park/look.h"

static inline bool kin__leased(const kin__sem *sem)
{
    return (atomic_load_explicit(&((kin__sem *)(uintptr_t)sem)->object.detail, memory_order_relaxed) & KIN__LEASED) !=
           0;
}

/* Of any semaphore; see hooks.h. */
uint64_t kin__sem_extent(kin_family *family, uint64_t offset);

/* For semaphores for which kin__leased is true. The caller has made the checks that are the same for any semaphore. */
kin_status kin__lease_acquire(kin__seat *seat, kin__sem *sem, uint32_t count, int64_t timeout);
kin_status kin__lease_release(kin__seat *seat, kin__sem *sem, uint32_t count);
uint32_t kin__lease_value(const kin__sem *sem);
uint32_t kin__lease_look(kin__look *how, kin__sem *sem, uint32_t interest); /* see wait.h */

#endif
