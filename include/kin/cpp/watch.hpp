/* cpp/watch.hpp: a descriptor or HANDLE that becomes ready when an object does, for an event loop.
 *
 *     kin::watch watch({kin::wait_item(jobs), kin::wait_item(stop)});
 *     loop.add(watch.handle(), [&] {
 *         if (watch.check() > 0 && watch[0].ready) { ... }
 *     });
 */
#ifndef KIN_CPP_WATCH_HPP
#define KIN_CPP_WATCH_HPP

#include <cstddef>
#include <utility>
#include <vector>

#include "../watch.h"
#include "handle.hpp"
#include "wait.hpp"

namespace kin
{

namespace detail
{

struct destroy_watch {
    void operator()(kin_watch *owned) const noexcept
    {
        kin_watch_destroy(owned);
    }
};

/* A base, so that the items are there before the watch, and after it. */
struct watch_items {
    std::vector<kin_wait_item> items;
};

} // namespace detail

/* Owns its items; the objects must live as long. One thread at a time. */
class watch : private detail::watch_items, public detail::unique_handle<kin_watch, detail::destroy_watch>
{
  public:
    /* Throws as kin_watch_create. */
    explicit watch(std::vector<kin_wait_item> watched)
        : watch_items{std::move(watched)},
          unique_handle(detail::create<kin_watch>("kin_watch_create", kin_watch_create, items.data(), items.size()))
    {
    }

    kin_handle handle() const noexcept
    {
        return kin_watch_handle(get());
    }
    /* How many items are ready; 0: none. To be called each time that the handle is ready. Throws as kin_watch_check. */
    std::size_t check()
    {
        std::size_t ready = 0;
        kin_status status = kin_watch_check(get(), &ready);
        return detail::check_unless(KIN_E_TIMED_OUT, status, "kin_watch_check") ? ready : 0;
    }
    const kin_wait_item &operator[](std::size_t index) const noexcept
    {
        return items[index];
    }
};

} // namespace kin

#endif
