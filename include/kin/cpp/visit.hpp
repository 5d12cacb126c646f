/* cpp/visit.hpp: a function that a C function calls for each of many. What it throws must not pass the C function: it
 * ends the visit, and is thrown again outside. */
#ifndef KIN_CPP_VISIT_HPP
#define KIN_CPP_VISIT_HPP

#include <exception>
#include <type_traits>
#include <utility>

#include "error.hpp"

namespace kin
{

namespace detail
{

template <class Visit> class visitor
{
  public:
    explicit visitor(Visit &visit) : visit_(visit)
    {
    }

    /* Calls arguments(visit), which makes C++ values of what C has passed, and calls visit with them. */
    template <class Arguments> kin_status run(Arguments arguments) noexcept
    {
        try {
            if constexpr (std::is_same_v<decltype(arguments(visit_)), void>) {
                arguments(visit_);
            } else {
                ended_ = !arguments(visit_);
            }
        } catch (...) {
            thrown_ = std::current_exception();
        }
        return ended_ || thrown_ ? KIN_E_CANCELLED : KIN_OK;
    }

    /* status: what the C function has returned. */
    void finish(kin_status status, const char *call) const
    {
        if (thrown_) {
            std::rethrow_exception(thrown_);
        }
        if (!ended_) {
            check(status, call);
        }
    }

  private:
    Visit &visit_;
    bool ended_ = false;
    std::exception_ptr thrown_;
};

} // namespace detail

} // namespace kin

#endif
