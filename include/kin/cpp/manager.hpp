/* cpp/manager.hpp: a family with a name that outlives the programs that use it.
 *
 *     kin::manager shop("shop");                        // joins the family "shop", or creates it
 *     auto prices = kin::named_dict<std::string, double>(shop.family(), "prices");
 *
 * The program has to call kin::child_main(): the manager process is this program, spawned.
 */
#ifndef KIN_CPP_MANAGER_HPP
#define KIN_CPP_MANAGER_HPP

#include <string>

#include "../manager.h"
#include "family.hpp"
#include "handle.hpp"
#include "named.hpp"
#include "timeout.hpp"

namespace kin
{

namespace detail
{

struct close_manager {
    void operator()(kin_manager *owned) const noexcept
    {
        kin_manager_close(owned);
    }
};

} // namespace detail

/* The destructor leaves the family: its objects are invalid in this process afterwards. */
class manager : public detail::unique_handle<kin_manager, detail::close_manager>
{
  public:
    /* options: as kin_manager_open. Throws as that. */
    explicit manager(const std::string &name, const kin_manager_options *options = nullptr)
        : unique_handle(detail::create<kin_manager>("kin_manager_open", kin_manager_open, name.c_str(), options))
    {
    }

    family_ref family() const noexcept
    {
        return kin_manager_family(get());
    }
    /* Of the manager process; 0: there is none now. */
    std::uint32_t pid() const
    {
        return kin_manager_pid(get());
    }
    /* Ends the manager process of that name. false: it has not ended within that time. */
    static bool stop(const std::string &name, timeout limit = forever)
    {
        return detail::check_unless(KIN_E_TIMED_OUT, kin_manager_stop(name.c_str(), limit.nanoseconds()),
                                    "kin_manager_stop");
    }
};

} // namespace kin

#endif
