/* lock.h: the lock for kin's own use. Public face: kin/lock.h. */
#ifndef KIN_INTERNAL_LOCK_H
#define KIN_INTERNAL_LOCK_H

#include "family.h"
#include "kin/lock.h"

/* Lays out an unheld lock at a known place of the arena. */
void kin__lock_init(kin_family *family, kin__lock *lock, uint32_t flags);
kin_status kin__lock_acquire(kin__seat *seat, kin__lock *lock, int64_t timeout);
kin_status kin__lock_release(kin__seat *seat, kin__lock *lock);
kin_status kin__lock_repair(kin__seat *seat, kin__lock *lock);

#endif
