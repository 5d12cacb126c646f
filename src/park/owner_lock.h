/* owner_lock.h: the lock with an owner, for kin's own use. Protocol: owner_lock.c. Public face: kin/lock.h. */
#ifndef KIN_OWNER_LOCK_H
#define KIN_OWNER_LOCK_H

#include "base/last_error.h"
#include "family/thread_slot.h"
#include "kin/lock.h"
#include "park/look.h"

/* Lays out an unheld lock at a known place of the arena. */
void kin__lock_init(kin_family *family, kin__lock *lock, uint32_t flags);

kin_status kin__lock_acquire_slowly(kin__seat *seat, kin__lock *lock, int64_t timeout);
/* The same for a program's own lock: KIN_E_INTERRUPTED. A lock of kin's own is waited for to the end. */
kin_status kin__lock_acquire_interruptibly(kin__seat *seat, kin__lock *lock, int64_t timeout);
kin_status kin__lock_release_slowly(kin__seat *seat, kin__lock *lock);

/* Takes it if it is free, and nothing has to be known of it. */
static inline bool kin__lock_take_free(const kin__seat *seat, kin__lock *lock)
{
    uint64_t word = 0;
    return atomic_compare_exchange_strong_explicit(&lock->word, &word, seat->token, memory_order_acquire,
                                                   memory_order_relaxed);
}

static inline kin_status kin__lock_acquire(kin__seat *seat, kin__lock *lock, int64_t timeout)
{
    return kin__lock_take_free(seat, lock) ? KIN_OK : kin__lock_acquire_slowly(seat, lock, timeout);
}

static inline kin_status kin__lock_release(kin__seat *seat, kin__lock *lock)
{
    uint64_t word = seat->token;
    if (atomic_load_explicit(&lock->depth, memory_order_relaxed) == 0 &&
        atomic_compare_exchange_strong(&lock->word, &word, 0)) {
        return KIN_OK;
    }
    return kin__lock_release_slowly(seat, lock);
}

kin_status kin__lock_repair(kin__seat *seat, kin__lock *lock);
kin_status kin__lock_poison(kin__seat *seat, kin__lock *lock);
#define kin__not_owner() kin__refuse(KIN_E_NOT_OWNER, "the calling thread does not hold the lock")
/* Whether an owner lives. Asks the system about the same one every 10 ms at most. */
bool kin__owner_alive(kin__seat *seat, uint64_t owner);
/* The owner's token, 0: none. *held: how long it has been seen to be the owner, at least; -1: not known. */
uint64_t kin__lock_owner(const kin__lock *lock, int64_t *held);
/* Fills in everything except the size. */
void kin__lock_inspect(const kin__seat *seat, kin__lock *lock, kin_lock_info *info);
/* Whether the calling thread holds it. */
bool kin__lock_held(const kin__seat *seat, kin__lock *lock);
/* Releases it however often it is held, and takes it again, as often. An inconsistent one is poisoned, as by any
 * release. ticket: drawn before the release (park.h). Acquiring again is never refused for a deadlock: of the
 * cycle's threads one that has come later is told. */
kin_status kin__lock_release_fully(kin__seat *seat, kin__lock *lock, uint32_t *depth);
kin_status kin__lock_acquire_again(kin__seat *seat, kin__lock *lock, uint32_t depth, uint64_t ticket);

/* For a wait for several objects; see look.h. */
uint32_t kin__lock_look(kin__look *how, void *lock, uint32_t interest);

#endif
