/* cpp/counter.hpp: a number changed without a lock; with the functions of std::atomic<std::int64_t>.
 *
 *     kin::counter hits;
 *     ++hits;
 */
#ifndef KIN_CPP_COUNTER_HPP
#define KIN_CPP_COUNTER_HPP

#include <cstdint>

#include "../counter.h"
#include "object.hpp"

namespace kin
{

namespace detail
{
KIN_DETAIL_OBJECT(counter, KIN_TYPE_COUNTER)
} // namespace detail

/* Each function is one atomic operation, sequentially consistent; sums wrap around. Throws KIN_E_TYPE and the like for
 * what is no counter. */
class counter_ref : public detail::object_ref<kin_counter>
{
  public:
    using object_ref::object_ref;

    std::int64_t load() const
    {
        std::int64_t value = 0;
        detail::check(kin_counter_get(object(), &value), "kin_counter_get");
        return value;
    }
    void store(std::int64_t value) const
    {
        detail::check(kin_counter_set(object(), value), "kin_counter_set");
    }

    /* The value before. */
    std::int64_t fetch_add(std::int64_t amount) const
    {
        auto before = static_cast<std::uint64_t>(add(amount)) - static_cast<std::uint64_t>(amount);
        return static_cast<std::int64_t>(before);
    }
    /* The value after. */
    std::int64_t operator+=(std::int64_t amount) const
    {
        return add(amount);
    }
    std::int64_t operator-=(std::int64_t amount) const
    {
        return add(static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(amount)));
    }
    std::int64_t operator++() const
    {
        return add(1);
    }
    std::int64_t operator--() const
    {
        return add(-1);
    }

    /* Sets it to desired if it is expected: true; otherwise expected becomes what it is. */
    bool compare_exchange_strong(std::int64_t &expected, std::int64_t desired) const
    {
        int done = 0;
        detail::check(kin_counter_compare_exchange(object(), &expected, desired, &done),
                      "kin_counter_compare_exchange");
        return done != 0;
    }

    /* For a counter inside a struct in shared memory. */
    void init(std::int64_t value = 0) const
    {
        detail::check(kin_counter_init(object(), value), "kin_counter_init");
    }
    void fini() const
    {
        detail::check(kin_counter_fini(object()), "kin_counter_fini");
    }

  private:
    std::int64_t add(std::int64_t amount) const
    {
        std::int64_t after = 0;
        detail::check(kin_counter_add(object(), amount, &after), "kin_counter_add");
        return after;
    }
};

/* A counter of its own, created in a family; destroyed by its destructor. */
class counter : public detail::owned<counter_ref>
{
  public:
    explicit counter(std::int64_t value = 0, family_ref family = {})
        : owned(detail::create<kin_counter>("kin_counter_create", kin_counter_create, family.get(), value))
    {
    }
};

} // namespace kin

#endif
