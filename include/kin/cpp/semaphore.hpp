/* cpp/semaphore.hpp: a counting semaphore, with the functions of std::counting_semaphore.
 *
 *     kin::semaphore slots(3, 3);                       // 3 permits now, 3 at most
 *     slots.acquire();
 *     ...
 *     slots.release();
 *     kin::semaphore leases = kin::semaphore::leased(3);    // permits of a process that dies are free again
 */
#ifndef KIN_CPP_SEMAPHORE_HPP
#define KIN_CPP_SEMAPHORE_HPP

#include <chrono>

#include "../sem.h"
#include "object.hpp"
#include "timeout.hpp"

namespace kin
{

namespace detail
{
KIN_DETAIL_OBJECT(sem, KIN_TYPE_SEM)
} // namespace detail

class semaphore_ref : public detail::object_ref<kin_sem>
{
  public:
    using object_ref::object_ref;

    /* Takes count permits at once, waiting for as long as that takes. Throws as kin_sem_acquire. */
    void acquire(std::uint32_t count = 1) const
    {
        take(count, forever);
    }
    /* false: there are not so many. Throws as kin_sem_acquire. */
    bool try_acquire(std::uint32_t count = 1) const
    {
        return take(count, now);
    }
    /* false: not within that time. */
    template <class Rep, class Period>
    bool try_acquire_for(const std::chrono::duration<Rep, Period> &duration, std::uint32_t count = 1) const
    {
        return take(count, duration);
    }
    template <class Clock, class Duration>
    bool try_acquire_until(const std::chrono::time_point<Clock, Duration> &time, std::uint32_t count = 1) const
    {
        return detail::try_until(time, [this, count](timeout limit) { return take(count, limit); });
    }

    /* Throws KIN_E_OVERFLOW above the maximum; a leased one KIN_E_NOT_OWNER. */
    void release(std::uint32_t count = 1) const
    {
        detail::check(kin_sem_release(object(), count), "kin_sem_release");
    }

    /* The permits free at this moment. */
    std::uint32_t value() const
    {
        std::uint32_t free = 0;
        detail::check(kin_sem_value(object(), &free), "kin_sem_value");
        return free;
    }

    /* For a semaphore inside a struct in shared memory; value and maximum as kin_sem_init. */
    void init(std::uint32_t value, std::uint32_t maximum = 0) const
    {
        detail::check(kin_sem_init(object(), value, maximum), "kin_sem_init");
    }
    void fini() const
    {
        detail::check(kin_sem_fini(object()), "kin_sem_fini");
    }

  private:
    bool take(std::uint32_t count, timeout limit) const
    {
        return detail::check_unless(KIN_E_TIMED_OUT, kin_sem_acquire(object(), count, limit.nanoseconds()),
                                    "kin_sem_acquire");
    }
};

/* A semaphore of its own, created in a family; destroyed by its destructor. */
class semaphore : public detail::owned<semaphore_ref>
{
  public:
    /* maximum 0: KIN_SEM_MAX. Throws as kin_sem_create. */
    explicit semaphore(std::uint32_t value, std::uint32_t maximum = 0, family_ref family = {})
        : owned(detail::create<kin_sem>("kin_sem_create", kin_sem_create, family.get(), value, maximum))
    {
    }

    /* All permits are free. Throws as kin_sem_create_leased. */
    static semaphore leased(std::uint32_t permits, family_ref family = {})
    {
        return semaphore(
            detail::create<kin_sem>("kin_sem_create_leased", kin_sem_create_leased, family.get(), permits));
    }

  private:
    explicit semaphore(kin_sem *created) noexcept : owned(created)
    {
    }
};

} // namespace kin

#endif
