/* cpp/event.hpp: a flag that processes wait for.
 *
 *     kin::event ready;
 *     ready.set();                                      // in one process
 *     ready.wait();                                     // in others
 *     if (!ready.wait_for(std::chrono::seconds(1))) { ... }
 */
#ifndef KIN_CPP_EVENT_HPP
#define KIN_CPP_EVENT_HPP

#include <chrono>

#include "../event.h"
#include "object.hpp"
#include "timeout.hpp"

namespace kin
{

namespace detail
{
KIN_DETAIL_OBJECT(event, KIN_TYPE_EVENT)
} // namespace detail

class event_ref : public detail::object_ref<kin_event>
{
  public:
    using object_ref::object_ref;

    /* Wakes all that wait; it stays set until it is cleared. */
    void set() const
    {
        detail::check(kin_event_set(object()), "kin_event_set");
    }
    void clear() const
    {
        detail::check(kin_event_clear(object()), "kin_event_clear");
    }
    bool is_set() const
    {
        int set = 0;
        detail::check(kin_event_is_set(object(), &set), "kin_event_is_set");
        return set != 0;
    }

    /* Waits until it is set. Throws as kin_event_wait. */
    void wait() const
    {
        sleep(forever);
    }
    /* false: it was not set within that time. */
    template <class Rep, class Period> bool wait_for(const std::chrono::duration<Rep, Period> &duration) const
    {
        return sleep(duration);
    }
    template <class Clock, class Duration> bool wait_until(const std::chrono::time_point<Clock, Duration> &time) const
    {
        return detail::try_until(time, [this](timeout limit) { return sleep(limit); });
    }

    /* For an event inside a struct in shared memory. */
    void init() const
    {
        detail::check(kin_event_init(object()), "kin_event_init");
    }
    void fini() const
    {
        detail::check(kin_event_fini(object()), "kin_event_fini");
    }

  private:
    bool sleep(timeout limit) const
    {
        return detail::check_unless(KIN_E_TIMED_OUT, kin_event_wait(object(), limit.nanoseconds()), "kin_event_wait");
    }
};

/* An event of its own, created in a family, cleared; destroyed by its destructor. */
class event : public detail::owned<event_ref>
{
  public:
    explicit event(family_ref family = {})
        : owned(detail::create<kin_event>("kin_event_create", kin_event_create, family.get()))
    {
    }
};

} // namespace kin

#endif
