/* cpp/manager.hpp: objects under names, for all processes of a user.
 *
 *     kin::manager shop("shop");                        // joins it, or creates it
 *     auto prices = shop.dict<std::string, double>("prices");
 *     prices.set("tea", 3.20);
 *
 * Each function gives the object of that name, created now if there is none; the object is the manager's, and stays.
 * The program has to call kin::child_main(): the manager process is this program, spawned.
 */
#ifndef KIN_CPP_MANAGER_HPP
#define KIN_CPP_MANAGER_HPP

#include <string>
#include <utility>

#include "../manager.h"
#include "barrier.hpp"
#include "condition.hpp"
#include "dict.hpp"
#include "event.hpp"
#include "list.hpp"
#include "lock.hpp"
#include "queue.hpp"
#include "rwlock.hpp"
#include "semaphore.hpp"
#include "value.hpp"

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

    lock_ref lock(const std::string &name, std::uint32_t flags = 0) const
    {
        return find<kin_lock>("kin_manager_lock", kin_manager_lock, name, flags);
    }
    rwlock_ref rwlock(const std::string &name) const
    {
        return find<kin_rwlock>("kin_manager_rwlock", kin_manager_rwlock, name);
    }
    semaphore_ref semaphore(const std::string &name, std::uint32_t value, std::uint32_t maximum = 0) const
    {
        return find<kin_sem>("kin_manager_sem", kin_manager_sem, name, value, maximum);
    }
    event_ref event(const std::string &name) const
    {
        return find<kin_event>("kin_manager_event", kin_manager_event, name);
    }
    condition_ref condition(const std::string &name) const
    {
        return find<kin_cond>("kin_manager_cond", kin_manager_cond, name);
    }
    barrier_ref barrier(const std::string &name, std::uint32_t parties) const
    {
        return find<kin_barrier>("kin_manager_barrier", kin_manager_barrier, name, parties);
    }
    template <class T> queue_ref<T> queue(const std::string &name, const kin_queue_options *options = nullptr) const
    {
        return find<kin_queue>("kin_manager_queue", kin_manager_queue, name, options);
    }
    byte_queue_ref byte_queue(const std::string &name, const kin_queue_options *options = nullptr) const
    {
        return find<kin_queue>("kin_manager_queue", kin_manager_queue, name, options);
    }
    template <class T> value_ref<T> value(const std::string &name, std::uint32_t flags = KIN_VALUE_LOCKED) const
    {
        return find<kin_value>("kin_manager_value", kin_manager_value, name, detail::element_of<T>(), flags);
    }
    template <class T>
    array_ref<T> array(const std::string &name, std::size_t count, std::uint32_t flags = KIN_VALUE_LOCKED) const
    {
        return find<kin_array>("kin_manager_array", kin_manager_array, name, detail::element_of<T>(), count, flags);
    }
    template <class K, class V> dict_ref<K, V> dict(const std::string &name) const
    {
        return find<kin_dict>("kin_manager_dict", kin_manager_dict, name);
    }
    template <class T> list_ref<T> list(const std::string &name) const
    {
        return find<kin_list>("kin_manager_list", kin_manager_list, name);
    }

  private:
    template <class Object, class Function, class... More>
    Object *find(const char *call, Function function, const std::string &name, More... more) const
    {
        Object *found = nullptr;
        detail::check(function(&found, manager_, name.c_str(), more...), call);
        return found;
    }

    kin_manager *manager_ = nullptr;
};

} // namespace kin

#endif
