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
#include <utility>

#include "../manager.h"
#include "family.hpp"
#include "named.hpp"
#include "timeout.hpp"

namespace kin
{

class manager
{
  public:
    /* options: as kin_manager_open. Throws as that. */
    explicit manager(const std::string &name, const kin_manager_options *options = nullptr)
    {
        detail::check(kin_manager_open(&manager_, name.c_str(), options), "kin_manager_open");
    }
    manager(manager &&other) noexcept : manager_(std::exchange(other.manager_, nullptr))
    {
    }
    manager &operator=(manager &&other) noexcept
    {
        if (this != &other) {
            kin_manager_close(std::exchange(manager_, std::exchange(other.manager_, nullptr)));
        }
        return *this;
    }
    /* Leaves the family: its objects are invalid in this process afterwards. */
    ~manager()
    {
        kin_manager_close(manager_);
    }

    kin_manager *get() const noexcept
    {
        return manager_;
    }
    family_ref family() const noexcept
    {
        return kin_manager_family(manager_);
    }
    /* Of the manager process; 0: there is none now. */
    std::uint32_t pid() const
    {
        return kin_manager_pid(manager_);
    }
    /* Ends the manager process of that name. false: it has not ended within that time. */
    static bool stop(const std::string &name, timeout limit = forever)
    {
        return detail::check_unless(KIN_E_TIMED_OUT, kin_manager_stop(name.c_str(), limit.nanoseconds()),
                                    "kin_manager_stop");
    }

  private:
    kin_manager *manager_ = nullptr;
};

} // namespace kin

#endif
