/* cpp/timeout.hpp: how long a call may wait, from any duration or time point of <chrono>.
 *
 *     queue.try_get(kin::now);
 *     queue.try_get(std::chrono::milliseconds(100));
 *     queue.try_get(std::chrono::steady_clock::now() + std::chrono::seconds(1));
 *
 * A negative duration and a time that has passed mean "now". A fraction of a nanosecond is rounded up; a duration that
 * nanoseconds cannot hold is "forever". A time point is compared with its clock once, when the timeout is made.
 */
#ifndef KIN_CPP_TIMEOUT_HPP
#define KIN_CPP_TIMEOUT_HPP

#include <chrono>
#include <cstdint>

#include "../status.h"

namespace kin
{

class timeout
{
  public:
    template <class Rep, class Period>
    constexpr timeout(const std::chrono::duration<Rep, Period> &duration) : nanoseconds_(convert(duration))
    {
    }
    template <class Clock, class Duration>
    timeout(const std::chrono::time_point<Clock, Duration> &time) : timeout(time - Clock::now())
    {
    }

    /* As the C functions take it. */
    static constexpr timeout from_nanoseconds(std::int64_t nanoseconds)
    {
        return timeout(nanoseconds);
    }
    constexpr std::int64_t nanoseconds() const
    {
        return nanoseconds_;
    }

  private:
    constexpr explicit timeout(std::int64_t nanoseconds) : nanoseconds_(nanoseconds)
    {
    }

    template <class Rep, class Period>
    static constexpr std::int64_t convert(const std::chrono::duration<Rep, Period> &duration)
    {
        using seconds = std::chrono::duration<double>;
        if (!(duration > duration.zero())) { /* also what is no number */
            return KIN_NOW;
        }
        if (seconds(duration) >= seconds(9.2e9)) {
            return KIN_FOREVER;
        }
        return std::chrono::ceil<std::chrono::duration<std::int64_t, std::nano>>(duration).count();
    }

    std::int64_t nanoseconds_;
};

inline constexpr timeout now = timeout::from_nanoseconds(KIN_NOW);
inline constexpr timeout forever = timeout::from_nanoseconds(KIN_FOREVER);

namespace detail
{

/* For calls that wait several times for one thing. */
class deadline
{
  public:
    explicit deadline(timeout limit)
    {
        std::int64_t start = kin_now();
        end_ = limit.nanoseconds() > KIN_FOREVER - start ? KIN_FOREVER : start + limit.nanoseconds();
    }
    timeout rest() const
    {
        std::int64_t present = end_ == KIN_FOREVER ? 0 : kin_now();
        return timeout::from_nanoseconds(end_ > present ? end_ - present : KIN_NOW);
    }

  private:
    std::int64_t end_;
};

/* Tries until the clock, which may have been set back meanwhile, has come to the time. */
template <class Clock, class Duration, class Try>
bool try_until(const std::chrono::time_point<Clock, Duration> &time, Try attempt)
{
    while (!attempt(timeout(time))) {
        if (Clock::now() >= time) {
            return false;
        }
    }
    return true;
}

} // namespace detail

} // namespace kin

#endif
