/* cpp/barrier.hpp: blocks until N participants have arrived; again and again.
 *
 *     kin::barrier barrier(4);
 *     barrier.arrive_and_wait();                        // in each of four processes
 *
 * A participant that dies or runs out of time breaks the barrier: the others' calls throw KIN_E_BROKEN, until reset().
 */
#ifndef KIN_CPP_BARRIER_HPP
#define KIN_CPP_BARRIER_HPP

#include <exception>
#include <optional>

#include "../barrier.h"
#include "object.hpp"
#include "timeout.hpp"

namespace kin
{

namespace detail
{
KIN_DETAIL_OBJECT(barrier, KIN_TYPE_BARRIER)

/* An action that runs inside kin_barrier_wait_with. What it throws must not pass the C function: it breaks the barrier,
 * so that nobody is let through, and is thrown again outside. */
template <class Action> struct barrier_action {
    kin_barrier *barrier;
    Action &action;
    std::exception_ptr thrown;

    static void run(void *context) noexcept
    {
        barrier_action &self = *static_cast<barrier_action *>(context);
        try {
            self.action();
        } catch (...) {
            self.thrown = std::current_exception();
            kin_barrier_abort(self.barrier);
        }
    }
};
} // namespace detail

class barrier_ref : public detail::object_ref<kin_barrier>
{
  public:
    using object_ref::object_ref;

    /* Returns 0 to the thread that arrived first, and so on. Throws KIN_E_BROKEN and the others of kin_barrier_wait. */
    std::uint32_t arrive_and_wait() const
    {
        return *try_arrive_and_wait(forever);
    }
    /* The thread that arrives last calls action() before any is let through. If it throws, the barrier breaks: this
     * call throws the same, the other participants' KIN_E_BROKEN. */
    template <class Action> std::uint32_t arrive_and_wait(Action action) const
    {
        return *try_arrive_and_wait(action, forever);
    }
    /* Nothing: the others have not arrived within that time, and the barrier is broken. */
    std::optional<std::uint32_t> try_arrive_and_wait(timeout limit) const
    {
        std::uint32_t index = 0;
        kin_status status = kin_barrier_wait(object(), &index, limit.nanoseconds());
        return result(status, index);
    }
    template <class Action> std::optional<std::uint32_t> try_arrive_and_wait(Action action, timeout limit) const
    {
        std::uint32_t index = 0;
        detail::barrier_action<Action> context{object(), action, nullptr};
        kin_status status = kin_barrier_wait_with(object(), &index, &detail::barrier_action<Action>::run, &context,
                                                  limit.nanoseconds());
        if (context.thrown) {
            std::rethrow_exception(context.thrown);
        }
        return result(status, index);
    }

    /* Breaks it. */
    void abort() const
    {
        detail::check(kin_barrier_abort(object()), "kin_barrier_abort");
    }
    /* Makes it whole and empty. */
    void reset() const
    {
        detail::check(kin_barrier_reset(object()), "kin_barrier_reset");
    }

    kin_barrier_info inspect() const
    {
        kin_barrier_info info = KIN_BARRIER_INFO_INIT;
        detail::check(kin_barrier_inspect(object(), &info), "kin_barrier_inspect");
        return info;
    }

    /* For a barrier inside a struct in shared memory. */
    void init(std::uint32_t parties) const
    {
        detail::check(kin_barrier_init(object(), parties), "kin_barrier_init");
    }
    void fini() const
    {
        detail::check(kin_barrier_fini(object()), "kin_barrier_fini");
    }

  private:
    static std::optional<std::uint32_t> result(kin_status status, std::uint32_t index)
    {
        if (!detail::check_unless(KIN_E_TIMED_OUT, status, "kin_barrier_wait")) {
            return std::nullopt;
        }
        return index;
    }
};

/* A barrier of its own, created in a family; destroyed by its destructor. */
class barrier : public detail::owned<barrier_ref>
{
  public:
    explicit barrier(std::uint32_t parties, family_ref family = {})
        : owned(detail::create<kin_barrier>("kin_barrier_create", kin_barrier_create, family.get(), parties))
    {
    }
};

} // namespace kin

#endif
