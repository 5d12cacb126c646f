/* cpp/thread.hpp: ending another thread's wait.
 *
 *     kin::thread waiting = kin::thread::current();      // in the thread that will wait
 *     ...
 *     waiting.interrupt();                               // in another one, or in a signal handler
 *
 * The wait throws a kin::error whose status() is KIN_E_INTERRUPTED, with everything as it is after a timeout. A
 * condition's wait throws it with the lock held.
 */
#ifndef KIN_CPP_THREAD_HPP
#define KIN_CPP_THREAD_HPP

#include <cstdint>

#include "../thread.h"
#include "error.hpp"

namespace kin
{

/* Names one thread of this process; a plain value. */
class thread
{
  public:
    /* No thread. */
    constexpr thread() noexcept = default;
    explicit constexpr thread(kin_thread named) noexcept : named_(named)
    {
    }

    /* The calling thread, which can be interrupted from now on. Throws as kin_thread_current. */
    static thread current()
    {
        kin_thread named{};
        detail::check(kin_thread_current(&named), "kin_thread_current");
        return thread(named);
    }

    /* false: it has ended, or belongs to another process. Signal handlers may call it. */
    bool interrupt() const noexcept
    {
        return kin_thread_interrupt(named_) == KIN_OK;
    }
    kin_thread get() const noexcept
    {
        return named_;
    }

    friend bool operator==(const thread &a, const thread &b) noexcept
    {
        return a.named_.number == b.named_.number;
    }
    friend bool operator!=(const thread &a, const thread &b) noexcept
    {
        return !(a == b);
    }

  private:
    kin_thread named_{};
};

/* Withdraws an interrupt that is pending for the calling thread: whether there was one. */
inline bool clear_interrupt() noexcept
{
    return kin_thread_clear_interrupt() != 0;
}

} // namespace kin

#endif
