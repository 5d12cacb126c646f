/* lock.h: the lock for kin's own use. Public face: kin/lock.h. */
#ifndef KIN_INTERNAL_LOCK_H
#define KIN_INTERNAL_LOCK_H

#include "family/family.h"
#include "kin/lock.h"

/* Lays out an unheld lock at a known place of the arena. */
void kin__lock_init(kin_family *family, kin__lock *lock, uint32_t flags);
kin_status kin__lock_acquire(kin__seat *seat, kin__lock *lock, int64_t timeout);
kin_status kin__lock_release(kin__seat *seat, kin__lock *lock);
kin_status kin__lock_repair(kin__seat *seat, kin__lock *lock);
kin_status kin__lock_poison(kin__seat *seat, kin__lock *lock);
bool kin__lock_poisoned(kin__lock *lock);
/* Taken from a dead owner, and not repaired. */
bool kin__lock_inconsistent(kin__lock *lock);
/* Releases such a one so that the next to acquire it gets KIN_OWNER_DIED again. */
void kin__lock_abandon(kin__seat *seat, kin__lock *lock);
/* The owner's token, 0: none. *held: how long it has been seen to be the owner, at least; -1: not known. */
uint64_t kin__lock_owner(const kin__lock *lock, int64_t *held);
/* Whether the calling thread holds it. */
bool kin__lock_held(const kin__seat *seat, kin__lock *lock);
/* Releases it however often it is held, and takes it again, as often. An inconsistent one is poisoned, as by any release. */
kin_status kin__lock_release_fully(kin__seat *seat, kin__lock *lock, uint32_t *depth);
kin_status kin__lock_acquire_again(kin__seat *seat, kin__lock *lock, uint32_t depth);

#endif
