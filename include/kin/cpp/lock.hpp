/* cpp/lock.hpp: mutual exclusion between processes; for std::unique_lock, std::lock_guard and std::scoped_lock.
 *
 *     kin::lock lock;
 *     std::lock_guard guard(lock);
 *
 *     kin::lock_ref till(bank->lock);                   // a kin_lock inside a struct in shared memory
 *     std::unique_lock guard(till, std::chrono::milliseconds(100));
 *     if (!guard) { ... }                               // not within 100 ms
 *
 * All meet TimedLockable. If the last owner died while it held the lock, one of two things happens, by the lock's type:
 *
 * - An exception, kin::owner_died. It holds the lock for as long as it lives, so that no guard has to. Its handler puts
 *   the data in order and calls repair(), which also releases the lock. If nobody calls repair(), the lock is released
 *   at the end of the exception's handler, and so poisoned.
 *
 *       try {
 *           std::lock_guard guard(lock);
 *           ...
 *       } catch (const kin::owner_died &death) {
 *           put_in_order(data);
 *           death.repair();                           // then try again
 *       }
 *
 * - A call of the program's own function, with on_owner_died. It runs with the lock held; when it returns, the lock is
 *   repaired, and acquired as if nobody had died. If it throws, the lock is released and poisoned.
 *
 *       auto repaired = lock.on_owner_died([&] { put_in_order(data); });
 *       std::lock_guard guard(repaired);
 */
#ifndef KIN_CPP_LOCK_HPP
#define KIN_CPP_LOCK_HPP

#include <chrono>
#include <memory>
#include <utility>

#include "../lock.h"
#include "object.hpp"
#include "timeout.hpp"

namespace kin
{

namespace detail
{

KIN_DETAIL_OBJECT(lock, KIN_TYPE_LOCK)

/* What a kind of lock does when its owner has died. */
struct death_functions {
    kin_status (*repair)(void *lock);
    kin_status (*release)(void *lock);
};

/* A lock that was acquired with KIN_OWNER_DIED. Its destructor releases the lock, unless other code does that. */
class inherited_lock
{
  public:
    inherited_lock(void *lock, const death_functions &functions, bool released_here)
        : lock_(lock), functions_(&functions), released_here_(released_here)
    {
    }
    inherited_lock(inherited_lock &&other) noexcept
        : lock_(other.lock_), functions_(other.functions_), released_here_(std::exchange(other.released_here_, false))
    {
    }
    inherited_lock &operator=(inherited_lock &&) = delete;
    ~inherited_lock()
    {
        release();
    }

    void repair() const
    {
        check(functions_->repair(lock_), "kin_lock_repair");
    }
    void release() noexcept
    {
        if (std::exchange(released_here_, false)) {
            functions_->release(lock_);
        }
    }
    /* It stays acquired: the caller of lock() has it. */
    void keep() noexcept
    {
        released_here_ = false;
    }
    bool held() const noexcept
    {
        return released_here_;
    }

  private:
    void *lock_;
    const death_functions *functions_;
    bool released_here_;
};

} // namespace detail

/* Thrown by what acquires a lock whose last owner died. The exception belongs to the thread that it is thrown in: the
 * lock is held by that thread. */
class owner_died : public error
{
  public:
    owner_died(const char *call, detail::inherited_lock &&lock)
        : error(KIN_OWNER_DIED, call), lock_(std::make_shared<detail::inherited_lock>(std::move(lock)))
    {
    }
    /* Nothing is held. */
    explicit owner_died(const char *call) : error(KIN_OWNER_DIED, call)
    {
    }

    /* Declares the data sound, and releases the lock if this exception holds it. After a wait for a condition, the
     * guard that the wait was given holds the lock, and keeps it. Throws KIN_E_NOT_OWNER if the lock is no longer held
     * by this thread. */
    void repair() const
    {
        if (lock_) {
            lock_->repair();
            lock_->release();
        }
    }

    /* Whether this exception holds the lock. */
    bool holds() const noexcept
    {
        return lock_ && lock_->held();
    }

  private:
    std::shared_ptr<detail::inherited_lock> lock_;
};

namespace detail
{

/* The policies. Each is called with the acquired lock, and returns when the data is sound and the lock may be kept. */
struct throw_owner_died {
    [[noreturn]] void operator()(const char *call, inherited_lock &&lock) const
    {
        throw owner_died(call, std::move(lock));
    }
};
template <class Function> struct call_on_owner_died {
    Function function;
    void operator()(const char *, inherited_lock &&lock) const
    {
        function();
        lock.repair();
        lock.keep();
    }
};

/* What TimedLockable asks for, from Derived::acquire(timeout): true if it is held then. */
template <class Derived> class timed_lockable
{
  public:
    /* Throws KIN_E_DEADLOCK, KIN_E_POISONED, kin::owner_died and the others of the C function. */
    void lock() const
    {
        self().acquire(forever);
    }
    /* false: another thread holds it. Throws as lock(). */
    bool try_lock() const
    {
        return self().acquire(now);
    }
    /* false: not within that time. Throws as lock(). */
    template <class Rep, class Period> bool try_lock_for(const std::chrono::duration<Rep, Period> &duration) const
    {
        return self().acquire(duration);
    }
    template <class Clock, class Duration>
    bool try_lock_until(const std::chrono::time_point<Clock, Duration> &time) const
    {
        return try_until(time, [this](timeout limit) { return self().acquire(limit); });
    }

  private:
    const Derived &self() const
    {
        return static_cast<const Derived &>(*this);
    }
};

inline const death_functions lock_death = {
    [](void *lock) { return kin_lock_repair(static_cast<kin_lock *>(lock)); },
    [](void *lock) { return kin_lock_release(static_cast<kin_lock *>(lock)); },
};

template <class OnDeath> bool acquire_lock(kin_lock *lock, timeout limit, const OnDeath &on_death)
{
    kin_status status = kin_lock_acquire(lock, limit.nanoseconds());
    if (status == KIN_OWNER_DIED) {
        on_death("kin_lock_acquire", inherited_lock(lock, lock_death, true));
    }
    return check_unless(KIN_E_TIMED_OUT, status, "kin_lock_acquire");
}

/* poison() has released the lock already: a guard that releases it once more is right. */
inline void release_lock(kin_lock *lock)
{
    kin_status status = kin_lock_release(lock);
    if (status == KIN_E_NOT_OWNER) {
        kin_lock_info info = KIN_LOCK_INFO_INIT;
        if (kin_lock_inspect(lock, &info) == KIN_OK && info.poisoned) {
            return;
        }
    }
    check(status, "kin_lock_release");
}

} // namespace detail

/* A lock that other code owns. OnDeath: what happens if its owner has died; see lock_ref and on_owner_died. */
template <class OnDeath>
class basic_lock_ref : public detail::object_ref<kin_lock>,
                       public detail::timed_lockable<basic_lock_ref<OnDeath>>,
                       private OnDeath
{
  public:
    using detail::object_ref<kin_lock>::object_ref;
    basic_lock_ref(kin_lock *object, OnDeath on_death) : object_ref(object), OnDeath(std::move(on_death))
    {
    }

    /* Throws KIN_E_NOT_OWNER (so a guard's destructor ends the program). Nothing happens if this thread has poisoned
     * the lock, which released it. */
    void unlock() const
    {
        detail::release_lock(object());
    }

    /* The same lock for guards that call function() when an owner has died. It is copied into the result. */
    template <class Function>
    basic_lock_ref<detail::call_on_owner_died<std::decay_t<Function>>> on_owner_died(Function &&function) const
    {
        return {object(), detail::call_on_owner_died<std::decay_t<Function>>{std::forward<Function>(function)}};
    }

    /* The owner declares the data sound, or gives up the lock for good, which also releases it. Throw KIN_E_NOT_OWNER.
     */
    void repair() const
    {
        detail::check(kin_lock_repair(object()), "kin_lock_repair");
    }
    void poison() const
    {
        detail::check(kin_lock_poison(object()), "kin_lock_poison");
    }

    kin_lock_info inspect() const
    {
        kin_lock_info info = KIN_LOCK_INFO_INIT;
        detail::check(kin_lock_inspect(object(), &info), "kin_lock_inspect");
        return info;
    }

    /* For a lock inside a struct in shared memory: before its first use, and after its last. flags: as kin_lock_init.
     */
    void init(std::uint32_t flags = 0) const
    {
        detail::check(kin_lock_init(object(), flags), "kin_lock_init");
    }
    void fini() const
    {
        detail::check(kin_lock_fini(object()), "kin_lock_fini");
    }

    /* For condition.hpp: a wait has returned KIN_OWNER_DIED, and a guard holds the lock. */
    void owner_died_in_wait(const char *call) const
    {
        const OnDeath &on_death = *this;
        on_death(call, detail::inherited_lock(object(), detail::lock_death, false));
    }

  private:
    friend class detail::timed_lockable<basic_lock_ref>;
    bool acquire(timeout limit) const
    {
        const OnDeath &on_death = *this;
        return detail::acquire_lock(object(), limit, on_death);
    }
};

/* A lock that other code owns; throws kin::owner_died. */
using lock_ref = basic_lock_ref<detail::throw_owner_died>;

namespace detail
{

/* Its name must not be lock, which is a function of it. */
class lock_object : public owned<lock_ref>
{
  public:
    explicit lock_object(family_ref family = {}, std::uint32_t flags = 0)
        : owned(create<kin_lock>("kin_lock_create", kin_lock_create, family.get(), flags))
    {
    }
};

} // namespace detail

/* A lock of its own, created in a family; destroyed by its destructor. flags: KIN_LOCK_RECURSIVE or 0. */
using lock = detail::lock_object;

} // namespace kin

#endif
