/* cpp/list.hpp: a list in shared memory.
 *
 *     kin::list<std::string> log;
 *     log.append("started");                            // in some processes
 *     std::optional<std::string> last = log.get(KIN_LIST_LAST);
 *     std::optional<std::string> first = log.pop(0);
 *
 * T is a trivially copyable type or std::string (bytes.hpp). An item that is not of T's size throws KIN_E_SIZE:
 * another process uses the list with another type. An index counts from 0; KIN_LIST_LAST is the last item's.
 */
#ifndef KIN_CPP_LIST_HPP
#define KIN_CPP_LIST_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "../list.h"
#include "bytes.hpp"
#include "object.hpp"
#include "snapshot.hpp"
#include "timeout.hpp"
#include "visit.hpp"

namespace kin
{

namespace detail
{
KIN_DETAIL_OBJECT(list, KIN_TYPE_LIST)
} // namespace detail

/* A list that other code owns. */
template <class T> class list_ref : public detail::object_ref<kin_list>
{
  public:
    using value_type = T;
    using detail::object_ref<kin_list>::object_ref;

    /* Nothing: there is no such item. */
    std::optional<T> get(std::size_t index) const
    {
        return read(index, kin_list_get, "kin_list_get");
    }
    /* The same, and takes it out. */
    std::optional<T> pop(std::size_t index = 0) const
    {
        return read(index, kin_list_pop, "kin_list_pop");
    }

    /* Puts item in the place of the one at index. Throws KIN_E_NOT_FOUND if there is none. */
    void set(std::size_t index, const T &item) const
    {
        bytes_view bytes = detail::transfer<T>::view(item);
        detail::check(kin_list_set(this->object(), index, bytes.data(), bytes.size()), "kin_list_set");
    }
    /* Adds at the end. */
    void append(const T &item) const
    {
        bytes_view bytes = detail::transfer<T>::view(item);
        detail::check(kin_list_append(this->object(), bytes.data(), bytes.size()), "kin_list_append");
    }
    /* Adds before the item at index. Throws KIN_E_NOT_FOUND above size(). */
    void insert(std::size_t index, const T &item) const
    {
        bytes_view bytes = detail::transfer<T>::view(item);
        detail::check(kin_list_insert(this->object(), index, bytes.data(), bytes.size()), "kin_list_insert");
    }

    void clear() const
    {
        detail::check(kin_list_clear(this->object()), "kin_list_clear");
    }
    std::size_t size() const
    {
        std::size_t count = 0;
        detail::check(kin_list_size(this->object(), &count), "kin_list_size");
        return count;
    }

    /* count items from first on, or as many as there are, as they are at one moment. */
    std::vector<T> snapshot(std::size_t first = 0, std::size_t count = static_cast<std::size_t>(-1)) const
    {
        kin_snapshot *taken = nullptr;
        detail::check(kin_list_snapshot(&taken, this->object(), first, count), "kin_list_snapshot");
        detail::snapshot owner(taken);
        std::vector<T> all;
        all.reserve(kin_snapshot_count(taken));
        for (kin_snapshot_item item; kin_snapshot_next(taken, &item);) {
            all.push_back(detail::transfer<T>::from(item.value, item.value_size, "kin_list_snapshot"));
        }
        return all;
    }

    /* Calls visit(item) for each item that it has now, in order, without a lock: visit may change the list, and so may
     * others; what is removed or replaced before its turn is left out. If visit returns a bool, false ends it. If visit
     * throws, this throws the same. */
    template <class Visit> void for_each(Visit visit) const
    {
        detail::visitor<Visit> context(visit);
        context.finish(kin_list_for_each(this->object(), &list_ref::show<Visit>, &context), "kin_list_for_each");
    }

    /* How often it was changed so far. */
    std::uint64_t generation() const
    {
        std::uint64_t number = 0;
        detail::check(kin_list_generation(this->object(), &number), "kin_list_generation");
        return number;
    }
    /* Waits until its generation is another number. */
    void wait(std::uint64_t generation) const
    {
        try_wait(generation, forever);
    }
    /* false: it was not changed within that time. */
    bool try_wait(std::uint64_t generation, timeout limit = now) const
    {
        return detail::check_unless(KIN_E_TIMED_OUT, kin_list_wait(this->object(), generation, limit.nanoseconds()),
                                    "kin_list_wait");
    }

  private:
    template <class Visit>
    static kin_status show(std::size_t, const void *value, std::size_t size, void *context) noexcept
    {
        return static_cast<detail::visitor<Visit> *>(context)->run(
            [&](Visit &visit) { return visit(detail::transfer<T>::from(value, size, "kin_list_for_each")); });
    }

    using reader = kin_status (*)(kin_list *, std::size_t, void *, std::size_t, std::size_t *);

    std::optional<T> read(std::size_t index, reader function, const char *call) const
    {
        T item{};
        kin_status status =
            detail::transfer<T>::read(item, call, [&](void *buffer, std::size_t capacity, std::size_t *size) {
                return function(this->object(), index, buffer, capacity, size);
            });
        if (!detail::check_unless(KIN_E_NOT_FOUND, status, call)) {
            return std::nullopt;
        }
        return item;
    }
};

/* A list of its own, created in a family, empty; destroyed by its destructor. */
template <class T> class list : public detail::owned<list_ref<T>>
{
  public:
    explicit list(family_ref family = {})
        : detail::owned<list_ref<T>>(detail::create<kin_list>("kin_list_create", kin_list_create, family.get()))
    {
    }
};

} // namespace kin

#endif
