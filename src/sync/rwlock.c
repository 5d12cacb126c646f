/* rwlock.c: many readers or one writer.
 *
 * Writers exclude each other by a lock (lock.c), which also tells of their deaths. `writer` is the token of the one that has
 * that lock, from before it waits for the readers until it releases, else 0. Each reader is a token in one of 64 slots.
 *
 *     reader: slot 0 ──► me; load writer: 0: in.   else: slot ──► 0, park on `writer`
 *     writer: acquire the lock; writer = me; until all slots are 0 or dead: park on `gone`
 *     reader out: slot ──► 0; load writer: not 0: gone++, unpark
 *     writer out: writer = 0, unpark all; release the lock
 *
 * The slot's store and the load of `writer`, the store of `writer` and the loads of the slots, are sequentially consistent: the
 * writer sees the reader, or the reader sees the writer.
 *
 * A dead reader's token in a slot is taken out by the writer that waits for it, or by the reader that finds no free slot. A
 * writer that died leaves `writer` set: a reader that finds its token dead acquires the lock in its place.
 */
#include "kin/rwlock.h"

#include "base/deadline.h"
#include "family/member.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "memory/object.h"
#include "park/owner_lock.h"
#include "park/park.h"

_Static_assert(sizeof(kin__rwlock) == sizeof(kin_rwlock), "kin_rwlock is kin__rwlock's outside");

/* ---- made and ended ---- */

kin_status kin_rwlock_init(kin_rwlock *lock)
{
    kin__rwlock *inside = (kin__rwlock *)lock;
    kin_status status = kin__object_check_place(lock, sizeof *lock);
    if (status != KIN_OK) {
        return status;
    }
    atomic_store_explicit(&inside->writer, 0, memory_order_relaxed);
    atomic_store_explicit(&inside->gone, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < KIN__READERS; i++) {
        atomic_store_explicit(&inside->readers[i], 0, memory_order_relaxed);
    }
    kin__lock_init(kin__family_at(lock), &inside->lock, 0);
    kin__object_init(&inside->object, KIN_TYPE_RWLOCK, 0);
    return KIN_OK;
}

kin_status kin_rwlock_fini(kin_rwlock *lock)
{
    return kin__object_fini(lock, KIN_TYPE_RWLOCK);
}

kin_status kin_rwlock_create(kin_rwlock **out, kin_family *family)
{
    void *memory;
    if (!out) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin_alloc(&memory, family, sizeof **out);
    if (status == KIN_OK) {
        *out = memory;
        status = kin_rwlock_init(*out);
    }
    return status;
}

kin_status kin_rwlock_destroy(kin_rwlock *lock)
{
    return kin__object_destroy(lock, KIN_TYPE_RWLOCK);
}

/* ---- slots ---- */

/* Where a thread begins to look: neighbours on different cache lines. */
static uint32_t home_of(const kin__seat *seat)
{
    uint32_t index = kin__token_index(seat->token);
    return (index * 8 + index / 8) % KIN__READERS;
}

/* The slot that holds token, from home on; NULL if there is none. */
static _Atomic uint64_t *find_slot(kin__seat *seat, kin__rwlock *lock, uint64_t token)
{
    uint32_t home = home_of(seat);
    for (uint32_t i = 0; i < KIN__READERS; i++) {
        _Atomic uint64_t *slot = &lock->readers[(home + i) % KIN__READERS];
        if (atomic_load_explicit(slot, memory_order_relaxed) == token) {
            return slot;
        }
    }
    return NULL;
}

/* Takes dead readers out; whether any are left that live. */
static bool has_readers(kin__seat *seat, kin__rwlock *lock, bool ask)
{
    bool any = false;
    for (uint32_t i = 0; i < KIN__READERS; i++) {
        uint64_t token = atomic_load(&lock->readers[i]);
        if (token != 0 && ask && !kin__token_alive(seat->family, token)) {
            atomic_compare_exchange_strong(&lock->readers[i], &token, 0);
        } else if (token != 0) {
            any = true;
        }
    }
    return any;
}

/* ---- writing ---- */

static void leave_writing(kin__seat *seat, kin__rwlock *lock)
{
    atomic_store(&lock->writer, 0);
    kin__unpark(seat->family, &lock->writer, KIN__ALL);
}

static kin_status await_readers(kin__seat *seat, kin__rwlock *lock, int64_t deadline)
{
    bool ask = false;
    for (;;) {
        uint64_t gone = atomic_load(&lock->gone);
        if (!has_readers(seat, lock, ask)) {
            return KIN_OK;
        }
        int64_t now = kin_os_now();
        kin_status status = ask ? kin__member_check(seat->family) : KIN_OK;
        if (status != KIN_OK || (ask && now >= deadline)) {
            return status != KIN_OK ? status : KIN_E_TIMED_OUT;
        }
        int64_t slice = kin__slice_end(now, KIN__SLICE_OWNER, deadline);
        ask = now >= deadline || kin__park(seat, &lock->gone, gone, 1, slice) == KIN__TIMED_OUT;
    }
}

static kin_status acquire_writing(kin__seat *seat, kin__rwlock *lock, int64_t deadline)
{
    int64_t now = kin_os_now();
    int64_t left = deadline == KIN_OS_NEVER ? KIN_FOREVER : deadline > now ? deadline - now : KIN_NOW;
    kin_status held = kin__lock_acquire(seat, &lock->lock, left);
    if (held < 0) {
        return held;
    }
    atomic_store(&lock->writer, seat->token);
    kin_status status = await_readers(seat, lock, deadline);
    if (status == KIN_OK) {
        return held;
    }
    leave_writing(seat, lock);
    if (held == KIN_OWNER_DIED) { /* not told to anybody yet: it is the next one's to hear */
        kin__lock_abandon(seat, &lock->lock);
    } else {
        kin__lock_release(seat, &lock->lock);
    }
    return status;
}

/* ---- reading ---- */

static bool enter_slot(kin__seat *seat, kin__rwlock *lock)
{
    _Atomic uint64_t *slot;
    while ((slot = find_slot(seat, lock, 0)) != NULL) {
        uint64_t none = 0;
        if (atomic_compare_exchange_strong(slot, &none, seat->token)) {
            if (atomic_load(&lock->writer) == 0) {
                return true;
            }
            atomic_store(slot, 0);
            break;
        }
    }
    return false;
}

static void tell_writer(kin__seat *seat, kin__rwlock *lock)
{
    if (atomic_load(&lock->writer) != 0) {
        atomic_fetch_add(&lock->gone, 1);
        kin__unpark(seat->family, &lock->gone, 1);
    }
}

/* In place of a writer that died. KIN_OK: another was faster, and it is all right. */
static kin_status inherit(kin__seat *seat, kin__rwlock *lock, int64_t deadline)
{
    kin_status status = acquire_writing(seat, lock, deadline);
    if (status == KIN_OK) {
        leave_writing(seat, lock);
        kin__lock_release(seat, &lock->lock);
    }
    return status;
}

static kin_status acquire_reading(kin__seat *seat, kin__rwlock *lock, int64_t deadline)
{
    for (;;) {
        if (kin__lock_poisoned(&lock->lock)) {
            return KIN_E_POISONED;
        }
        if (enter_slot(seat, lock)) {
            return KIN_OK;
        }
        tell_writer(seat, lock); /* it may have seen the slot that was given back */
        uint64_t writer = atomic_load(&lock->writer);
        int64_t now = kin_os_now();
        if (writer != 0 && find_slot(seat, lock, seat->token)) {
            return KIN_E_DEADLOCK; /* it waits for this very thread */
        }
        if (writer == 0 && !find_slot(seat, lock, 0)) {
            has_readers(seat, lock, true);
        } else if (writer != 0 && !kin__token_alive(seat->family, writer)) {
            kin_status status = inherit(seat, lock, deadline);
            if (status != KIN_OK) {
                return status;
            }
            continue;
        }
        if (now >= deadline) {
            return KIN_E_TIMED_OUT;
        }
        kin_status status = kin__member_check(seat->family);
        if (status != KIN_OK) {
            return status;
        }
        if (writer != 0 || !find_slot(seat, lock, 0)) {
            kin__park(seat, &lock->writer, writer, 1, kin__slice_end(now, KIN__SLICE_OWNER, deadline));
        }
    }
}

/* ---- the public face ---- */

static kin_status find(kin__seat **seat, kin_rwlock *lock)
{
    return lock ? kin__seat_find(seat, lock, KIN_TYPE_RWLOCK) : KIN_E_ARGUMENT;
}

kin_status kin_rwlock_acquire(kin_rwlock *lock, kin_access access, int64_t timeout)
{
    kin__rwlock *inside = (kin__rwlock *)lock;
    kin__seat *seat;
    kin_status status = find(&seat, lock);
    if (status != KIN_OK || timeout < 0 || (access != KIN_READ && access != KIN_WRITE)) {
        return status != KIN_OK ? status : KIN_E_ARGUMENT;
    }
    if (kin__lock_held(seat, &inside->lock) || (access == KIN_WRITE && find_slot(seat, inside, seat->token))) {
        return KIN_E_DEADLOCK;
    }
    int64_t deadline = timeout == KIN_NOW ? 0 : kin__deadline(timeout);
    return access == KIN_READ ? acquire_reading(seat, inside, deadline) : acquire_writing(seat, inside, deadline);
}

static kin_status poison(kin__seat *seat, kin__rwlock *lock)
{
    kin_status status = kin__lock_poison(seat, &lock->lock);
    leave_writing(seat, lock); /* after it: a reader must not come in between */
    return status;
}

static kin_status release_writing(kin__seat *seat, kin__rwlock *lock)
{
    if (kin__lock_inconsistent(&lock->lock)) {
        return poison(seat, lock);
    }
    leave_writing(seat, lock);
    return kin__lock_release(seat, &lock->lock);
}

kin_status kin_rwlock_release(kin_rwlock *lock)
{
    kin__rwlock *inside = (kin__rwlock *)lock;
    kin__seat *seat;
    kin_status status = find(&seat, lock);
    if (status != KIN_OK) {
        return status;
    }
    if (kin__lock_held(seat, &inside->lock)) {
        return release_writing(seat, inside);
    }
    _Atomic uint64_t *slot = find_slot(seat, inside, seat->token);
    if (!slot) {
        return KIN_E_NOT_OWNER;
    }
    atomic_store(slot, 0);
    tell_writer(seat, inside);
    return KIN_OK;
}

kin_status kin_rwlock_repair(kin_rwlock *lock)
{
    kin__seat *seat;
    kin_status status = find(&seat, lock);
    return status == KIN_OK ? kin__lock_repair(seat, &((kin__rwlock *)lock)->lock) : status;
}

kin_status kin_rwlock_poison(kin_rwlock *lock)
{
    kin__rwlock *inside = (kin__rwlock *)lock;
    kin__seat *seat;
    kin_status status = find(&seat, lock);
    if (status != KIN_OK || !kin__lock_held(seat, &inside->lock)) {
        return status != KIN_OK ? status : KIN_E_NOT_OWNER;
    }
    return poison(seat, inside);
}
