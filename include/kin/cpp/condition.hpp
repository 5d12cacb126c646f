/* cpp/condition.hpp: wait, under a lock, for a change of what it guards; with the functions of
 * std::condition_variable_any.
 *
 *     std::unique_lock guard(lock);
 *     delivered.wait(guard, [&] { return shop->goods > 0; });
 *
 * The guard is a std::unique_lock of a kin::lock, a lock_ref, or what on_owner_died gives. When a wait returns or
 * throws, the guard holds the lock again, with two exceptions: after KIN_E_POISONED and KIN_E_STALE nobody can, and the
 * guard is empty. If the lock's last owner died, the lock's policy decides (lock.hpp): either kin::owner_died is
 * thrown, and the guard holds the lock; or the program's function was called, and the wait returns as if it was
 * notified.
 */
#ifndef KIN_CPP_CONDITION_HPP
#define KIN_CPP_CONDITION_HPP

#include <chrono>
#include <mutex>

#include "../cond.h"
#include "lock.hpp"

namespace kin
{

namespace detail
{
KIN_DETAIL_OBJECT(cond, KIN_TYPE_COND)
} // namespace detail

class condition_ref : public detail::object_ref<kin_cond>
{
  public:
    using object_ref::object_ref;

    void notify_one() const
    {
        notify(1);
    }
    void notify_all() const
    {
        notify(KIN_COND_ALL);
    }
    /* Wakes count of those that wait, oldest first. */
    void notify(std::uint32_t count) const
    {
        detail::check(kin_cond_notify(object(), count), "kin_cond_notify");
    }

    /* Waits for a notify. Throws KIN_E_NOT_OWNER if the guard does not hold its lock, and the others of kin_cond_wait.
     */
    template <class Lock> void wait(std::unique_lock<Lock> &guard) const
    {
        sleep(guard, forever);
    }
    /* Waits until ready() is true, which is called with the lock held; it may throw. */
    template <class Lock, class Predicate> void wait(std::unique_lock<Lock> &guard, Predicate ready) const
    {
        while (!ready()) {
            sleep(guard, forever);
        }
    }

    /* true: notified. false: not within that time. */
    template <class Lock, class Rep, class Period>
    bool wait_for(std::unique_lock<Lock> &guard, const std::chrono::duration<Rep, Period> &duration) const
    {
        return sleep(guard, duration);
    }
    template <class Lock, class Clock, class Duration>
    bool wait_until(std::unique_lock<Lock> &guard, const std::chrono::time_point<Clock, Duration> &time) const
    {
        return sleep(guard, time);
    }
    /* The last result of ready(). */
    template <class Lock, class Rep, class Period, class Predicate>
    bool wait_for(std::unique_lock<Lock> &guard, const std::chrono::duration<Rep, Period> &duration,
                  Predicate ready) const
    {
        return sleep_until_ready(guard, duration, ready);
    }
    template <class Lock, class Clock, class Duration, class Predicate>
    bool wait_until(std::unique_lock<Lock> &guard, const std::chrono::time_point<Clock, Duration> &time,
                    Predicate ready) const
    {
        return sleep_until_ready(guard, time, ready);
    }

    /* For a condition inside a struct in shared memory. */
    void init() const
    {
        detail::check(kin_cond_init(object()), "kin_cond_init");
    }
    void fini() const
    {
        detail::check(kin_cond_fini(object()), "kin_cond_fini");
    }

  private:
    template <class Lock> bool sleep(std::unique_lock<Lock> &guard, timeout limit) const
    {
        if (!guard.owns_lock()) {
            throw error(KIN_E_NOT_OWNER, "kin_cond_wait");
        }
        kin_status status = kin_cond_wait(object(), guard.mutex()->object(), limit.nanoseconds());
        if (status == KIN_OWNER_DIED) {
            guard.mutex()->owner_died_in_wait("kin_cond_wait");
        }
        if (status == KIN_E_POISONED || status == KIN_E_STALE) {
            guard.release();
        }
        return detail::check_unless(KIN_E_TIMED_OUT, status, "kin_cond_wait");
    }

    template <class Lock, class Predicate>
    bool sleep_until_ready(std::unique_lock<Lock> &guard, timeout limit, Predicate &ready) const
    {
        detail::deadline end(limit);
        while (!ready()) {
            if (!sleep(guard, end.rest())) {
                return ready();
            }
        }
        return true;
    }
};

/* A condition of its own, created in a family; destroyed by its destructor. */
class condition : public detail::owned<condition_ref>
{
  public:
    explicit condition(family_ref family = {})
        : owned(detail::create<kin_cond>("kin_cond_create", kin_cond_create, family.get()))
    {
    }
};

} // namespace kin

#endif
