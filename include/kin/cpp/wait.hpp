/* cpp/wait.hpp: wait for any, or all, of many things at once.
 *
 *     std::vector<kin_wait_item> items = {kin::wait_item(jobs), kin::wait_item(stop), kin::wait_item(child)};
 *     kin::wait(items);
 *     if (items[0].ready) { ... }                       // try: another thread may have been faster
 */
#ifndef KIN_CPP_WAIT_HPP
#define KIN_CPP_WAIT_HPP

#include <cstddef>
#include <vector>

#include "../wait.h"
#include "dict.hpp"
#include "list.hpp"
#include "pipe.hpp"
#include "pool.hpp"
#include "process.hpp"
#include "run.hpp"
#include "timeout.hpp"

namespace kin
{

/* An item for one thing; interest: KIN_WAIT_READABLE, KIN_WAIT_WRITABLE or both. */
template <class Object>
kin_wait_item wait_item(const detail::object_ref<Object> &object, std::uint32_t interest = KIN_WAIT_READABLE)
{
    return {detail::object_traits<Object>::type, interest, object.object(), 0, 0};
}
inline kin_wait_item wait_item(const pipe &endpoint)
{
    return {KIN_WAIT_PIPE, KIN_WAIT_READABLE, endpoint.get(), 0, 0};
}
inline kin_wait_item wait_item(const process &child)
{
    return {KIN_WAIT_PROCESS, KIN_WAIT_READABLE, child.get(), 0, 0};
}
/* what: KIN_WAIT_PROGRAM, KIN_WAIT_OUTPUT or KIN_WAIT_ERRORS. */
inline kin_wait_item wait_item(const program &program, std::uint32_t what = KIN_WAIT_PROGRAM)
{
    return {what, KIN_WAIT_READABLE, program.get(), 0, 0};
}
template <class T> kin_wait_item wait_item(const future<T> &job)
{
    return {KIN_WAIT_FUTURE, KIN_WAIT_READABLE, job.native(), 0, 0};
}
/* A change of a dict or list after that generation; the change that an item is made of stays where it is. */
inline kin_wait_change change_of(const detail::object_ref<kin_dict> &dict, std::uint64_t generation) noexcept
{
    return {dict.object(), nullptr, generation};
}
inline kin_wait_change change_of(const detail::object_ref<kin_list> &list, std::uint64_t generation) noexcept
{
    return {nullptr, list.object(), generation};
}
inline kin_wait_item wait_item(kin_wait_change &change) noexcept
{
    return {KIN_WAIT_CHANGE, KIN_WAIT_READABLE, &change, 0, 0};
}
inline kin_wait_item wait_handle(kin_handle handle, std::uint32_t interest = KIN_WAIT_READABLE)
{
    return {KIN_WAIT_HANDLE, interest, nullptr, handle, 0};
}

/* Waits until at least one is ready (flags KIN_WAIT_ALL: all at once), and marks those. Returns how many there are; 0:
 * none within that time. It only looks: nothing is acquired, got or reset. Throws as kin_wait. */
inline std::size_t wait(std::vector<kin_wait_item> &items, timeout limit = forever, std::uint32_t flags = 0)
{
    std::size_t ready = 0;
    kin_status status = kin_wait(items.data(), items.size(), flags, limit.nanoseconds(), &ready);
    return detail::check_unless(KIN_E_TIMED_OUT, status, "kin_wait") ? ready : 0;
}

} // namespace kin

#endif
