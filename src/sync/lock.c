/* lock.c: the public face of the lock with an owner. Protocol: park/owner_lock.c. */
#include "base/last_error.h"
#include "base/sized.h"
#include "family/reap.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "memory/object.h"
#include "park/owner_lock.h"

_Static_assert(sizeof(kin__lock) == sizeof(kin_lock), "kin_lock is kin__lock's outside");

kin_status kin_lock_init(kin_lock *lock, uint32_t flags)
{
    kin__lock *inside = (kin__lock *)lock;
    kin_status status = kin__object_check_place(lock, sizeof *lock);
    if (status != KIN_OK || (flags & ~KIN_LOCK_RECURSIVE)) {
        return kin__told(status != KIN_OK ? status : kin__refuse(KIN_E_ARGUMENT, "flags has unknown bits"));
    }
    atomic_store_explicit(&inside->word, 0, memory_order_relaxed);
    atomic_store_explicit(&inside->depth, 0, memory_order_relaxed);
    kin__object_init(&inside->object, KIN_TYPE_LOCK, flags);
    return KIN_OK;
}

kin_status kin_lock_fini(kin_lock *lock)
{
    return kin__told(kin__object_fini(lock, KIN_TYPE_LOCK));
}

kin_status kin_lock_create(kin_lock **out, kin_family *family, uint32_t flags)
{
    void *memory;
    if (!out || flags & ~KIN_LOCK_RECURSIVE) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL, or flags has unknown bits");
    }
    kin_status status = kin_alloc(&memory, family, sizeof **out);
    if (status == KIN_OK) {
        *out = memory;
        status = kin_lock_init(*out, flags);
    }
    return kin__told(status);
}

kin_status kin_lock_destroy(kin_lock *lock)
{
    return kin__told(kin__object_destroy(lock, KIN_TYPE_LOCK));
}

kin_status kin_lock_acquire(kin_lock *lock, int64_t timeout)
{
    if (!lock || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "lock is NULL, or timeout is negative");
    }
    kin__seat *seat = kin__seat_fast(lock, KIN_TYPE_LOCK);
    if (!seat) {
        kin_status status = kin__seat_find(&seat, lock, KIN_TYPE_LOCK);
        if (status != KIN_OK) {
            return kin__told(status);
        }
    }
    kin__lock *inside = (kin__lock *)lock;
    kin_status status =
        kin__lock_take_free(seat, inside) ? KIN_OK : kin__lock_acquire_interruptibly(seat, inside, timeout);
    if (status == KIN_OWNER_DIED) {
        kin__reap_all(seat->family); /* it may have left more */
    }
    return kin__told(status);
}

/* release, repair and poison: find the seat, act. */
static kin_status act(kin_lock *lock, kin_status (*action)(kin__seat *seat, kin__lock *lock))
{
    kin__seat *seat;
    if (!lock) {
        return kin__refuse(KIN_E_ARGUMENT, "lock is NULL");
    }
    kin_status status = kin__seat_find(&seat, lock, KIN_TYPE_LOCK);
    return status == KIN_OK ? action(seat, (kin__lock *)lock) : status;
}

kin_status kin_lock_release(kin_lock *lock)
{
    kin__seat *seat = lock ? kin__seat_fast(lock, KIN_TYPE_LOCK) : NULL;
    return kin__told(seat ? kin__lock_release(seat, (kin__lock *)lock) : act(lock, kin__lock_release));
}

kin_status kin_lock_repair(kin_lock *lock)
{
    return kin__told(act(lock, kin__lock_repair));
}

kin_status kin_lock_poison(kin_lock *lock)
{
    return kin__told(act(lock, kin__lock_poison));
}

kin_status kin_lock_inspect(const kin_lock *lock, kin_lock_info *info)
{
    kin__seat *seat;
    kin_lock_info own = KIN_LOCK_INFO_INIT;
    if (!lock) {
        return kin__refuse(KIN_E_ARGUMENT, "lock is NULL");
    }
    kin_status status = kin__info_check(info, "KIN_LOCK_INFO_INIT");
    if (status == KIN_OK) {
        status = kin__seat_find(&seat, lock, KIN_TYPE_LOCK);
    }
    if (status == KIN_OK) {
        kin__lock_inspect(seat, (kin__lock *)(uintptr_t)lock, &own);
        kin__info_write(info, &own, sizeof own);
    }
    return kin__told(status);
}
