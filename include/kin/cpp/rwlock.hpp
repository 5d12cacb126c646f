/* cpp/rwlock.hpp: many readers or one writer; for std::unique_lock, std::scoped_lock and std::shared_lock.
 *
 *     kin::rwlock lock;
 *     std::shared_lock reader(lock);
 *     std::unique_lock writer(lock, std::chrono::milliseconds(100));
 *
 * It meets SharedTimedLockable, too. If a writer has died, the next owner has the lock for writing, also in
 * lock_shared(); otherwise owner death is treated as with a lock: by kin::owner_died or on_owner_died (lock.hpp).
 */
#ifndef KIN_CPP_RWLOCK_HPP
#define KIN_CPP_RWLOCK_HPP

#include <chrono>
#include <utility>

#include "../rwlock.h"
#include "lock.hpp"

namespace kin
{

namespace detail
{

KIN_DETAIL_OBJECT(rwlock, KIN_TYPE_RWLOCK)

inline const death_functions rwlock_death = {
    [](void *object) { return kin_rwlock_repair(static_cast<kin_rwlock *>(object)); },
    [](void *object) { return kin_rwlock_release(static_cast<kin_rwlock *>(object)); },
};

/* What SharedTimedLockable asks for, from Derived::acquire_shared(timeout). */
template <class Derived> class shared_timed_lockable
{
  public:
    /* Throws as lock(). */
    void lock_shared() const
    {
        self().acquire_shared(forever);
    }
    bool try_lock_shared() const
    {
        return self().acquire_shared(now);
    }
    template <class Rep, class Period>
    bool try_lock_shared_for(const std::chrono::duration<Rep, Period> &duration) const
    {
        return self().acquire_shared(duration);
    }
    template <class Clock, class Duration>
    bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration> &time) const
    {
        return try_until(time, [this](timeout limit) { return self().acquire_shared(limit); });
    }

  private:
    const Derived &self() const
    {
        return static_cast<const Derived &>(*this);
    }
};

/* poison() has released the lock already; every acquire is KIN_E_POISONED then. */
inline void release_rwlock(kin_rwlock *object)
{
    kin_status status = kin_rwlock_release(object);
    if (status == KIN_E_NOT_OWNER) {
        kin_status trial = kin_rwlock_acquire(object, KIN_RWLOCK_READ, KIN_NOW);
        if (trial == KIN_E_POISONED) {
            return;
        }
        if (trial == KIN_OK) {
            kin_rwlock_release(object);
        }
    }
    check(status, "kin_rwlock_release");
}

} // namespace detail

/* A readers-writer lock that other code owns. OnDeath: as for basic_lock_ref. */
template <class OnDeath>
class basic_rwlock_ref : public detail::object_ref<kin_rwlock>,
                         public detail::timed_lockable<basic_rwlock_ref<OnDeath>>,
                         public detail::shared_timed_lockable<basic_rwlock_ref<OnDeath>>,
                         private OnDeath
{
  public:
    using detail::object_ref<kin_rwlock>::object_ref;
    basic_rwlock_ref(kin_rwlock *object, OnDeath on_death) : object_ref(object), OnDeath(std::move(on_death))
    {
    }

    /* Throw KIN_E_NOT_OWNER. Nothing happens if this thread has poisoned the lock, which released it. */
    void unlock() const
    {
        detail::release_rwlock(object());
    }
    void unlock_shared() const
    {
        detail::release_rwlock(object());
    }

    /* As of a lock. */
    template <class Function>
    basic_rwlock_ref<detail::call_on_owner_died<std::decay_t<Function>>> on_owner_died(Function &&function) const
    {
        return {object(), detail::call_on_owner_died<std::decay_t<Function>>{std::forward<Function>(function)}};
    }

    /* As of a lock; for the writer. */
    void repair() const
    {
        detail::check(kin_rwlock_repair(object()), "kin_rwlock_repair");
    }
    void poison() const
    {
        detail::check(kin_rwlock_poison(object()), "kin_rwlock_poison");
    }

    /* As of a lock. */
    void init() const
    {
        detail::check(kin_rwlock_init(object()), "kin_rwlock_init");
    }
    void fini() const
    {
        detail::check(kin_rwlock_fini(object()), "kin_rwlock_fini");
    }

  private:
    friend class detail::timed_lockable<basic_rwlock_ref>;
    friend class detail::shared_timed_lockable<basic_rwlock_ref>;
    bool acquire(timeout limit) const
    {
        return acquire_for(KIN_RWLOCK_WRITE, limit);
    }
    bool acquire_shared(timeout limit) const
    {
        return acquire_for(KIN_RWLOCK_READ, limit);
    }
    bool acquire_for(kin_rwlock_mode mode, timeout limit) const
    {
        kin_status status = kin_rwlock_acquire(object(), mode, limit.nanoseconds());
        if (status == KIN_OWNER_DIED) {
            const OnDeath &on_death = *this;
            on_death("kin_rwlock_acquire", detail::inherited_lock(object(), detail::rwlock_death, true));
        }
        return detail::check_unless(KIN_E_TIMED_OUT, status, "kin_rwlock_acquire");
    }
};

/* A readers-writer lock that other code owns; throws kin::owner_died. */
using rwlock_ref = basic_rwlock_ref<detail::throw_owner_died>;

/* A readers-writer lock of its own, created in a family; destroyed by its destructor. */
class rwlock : public detail::owned<rwlock_ref>
{
  public:
    explicit rwlock(family_ref family = {})
        : owned(detail::create<kin_rwlock>("kin_rwlock_create", kin_rwlock_create, family.get()))
    {
    }
};

} // namespace kin

#endif
