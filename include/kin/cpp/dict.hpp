/* cpp/dict.hpp: a table of keys and values in shared memory.
 *
 *     kin::dict<std::string, double> prices;
 *     prices.set("tea", 3.20);                          // in some processes
 *     std::optional<double> tea = prices.get("tea");    // in others
 *     prices.update("tea", [](double &price) { price *= 1.1; });
 *
 * Keys and values are trivially copyable types or std::string (bytes.hpp). A key is compared by its bytes: a type with
 * padding, and a floating number, which has two zeros, are no keys. A value that is not of V's size throws KIN_E_SIZE:
 * another process uses the dict with another type.
 */
#ifndef KIN_CPP_DICT_HPP
#define KIN_CPP_DICT_HPP

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../dict.h"
#include "bytes.hpp"
#include "object.hpp"
#include "snapshot.hpp"
#include "timeout.hpp"
#include "visit.hpp"

namespace kin
{

namespace detail
{

KIN_DETAIL_OBJECT(dict, KIN_TYPE_DICT)

/* A function that changes a value inside kin_dict_update. What it throws must not pass the C function: it leaves the
 * value as it was, and is thrown again outside. */
template <class V, class Change> struct dict_change {
    Change &change;
    std::exception_ptr thrown;

    /* A value that is just being inserted has no bytes yet. */
    static kin_status run_or_insert(void *value, std::size_t *size, std::size_t room, void *context) noexcept
    {
        if (*size == 0) {
            *size = transfer<V>::room(0);
        }
        return run(value, size, room, context);
    }

    static kin_status run(void *value, std::size_t *size, std::size_t room, void *context) noexcept
    {
        dict_change &self = *static_cast<dict_change *>(context);
        try {
            V copy = transfer<V>::from(value, *size, "kin_dict_update");
            self.change(copy);
            bytes_view bytes = transfer<V>::view(copy);
            if (bytes.size() > room) {
                return KIN_E_TOO_BIG;
            }
            std::memcpy(value, bytes.data(), bytes.size());
            *size = bytes.size();
            return KIN_OK;
        } catch (...) {
            self.thrown = std::current_exception();
            return KIN_E_CANCELLED;
        }
    }
};

} // namespace detail

/* A dict that other code owns. */
template <class K, class V> class dict_ref : public detail::object_ref<kin_dict>
{
  public:
    using detail::object_ref<kin_dict>::object_ref;

    /* Nothing: there is no such key. */
    std::optional<V> get(const K &key) const
    {
        return read(key, kin_dict_get, "kin_dict_get");
    }
    bool contains(const K &key) const
    {
        int there = 0;
        bytes_view name = detail::transfer<K>::view(key);
        detail::check(kin_dict_contains(this->object(), name.data(), name.size(), &there), "kin_dict_contains");
        return there != 0;
    }

    /* Gives the key this value, whether it has one or not. */
    void set(const K &key, const V &value) const
    {
        bytes_view name = detail::transfer<K>::view(key), bytes = detail::transfer<V>::view(value);
        detail::check(kin_dict_set(this->object(), name.data(), name.size(), bytes.data(), bytes.size()),
                      "kin_dict_set");
    }
    /* false: it has one already, and keeps it. */
    bool set_if_absent(const K &key, const V &value) const
    {
        bytes_view name = detail::transfer<K>::view(key), bytes = detail::transfer<V>::view(value);
        kin_status status =
            kin_dict_set_if_absent(this->object(), name.data(), name.size(), bytes.data(), bytes.size());
        return detail::check_unless(KIN_E_EXISTS, status, "kin_dict_set_if_absent");
    }
    /* Only if its value is expected, byte for byte; nothing stands for "there is no such key". false: it was not. */
    bool compare_and_set(const K &key, const std::optional<V> &expected, const std::optional<V> &value) const
    {
        int done = 0;
        bytes_view name = detail::transfer<K>::view(key), before = view(expected), after = view(value);
        detail::check(kin_dict_compare_and_set(this->object(), name.data(), name.size(), before.data(), before.size(),
                                               after.data(), after.size(), &done),
                      "kin_dict_compare_and_set");
        return done != 0;
    }

    /* Calls change(value) with a copy of the key's value, a V &, which becomes the key's afterwards; nobody else
     * changes the dict meanwhile. false: there is no such key. If change throws, the value stays as it was, and this
     * throws the same. room: the most bytes that a std::string is to have; KIN_E_TOO_BIG above that. */
    template <class Change> bool update(const K &key, Change change, std::size_t room = 0) const
    {
        bytes_view name = detail::transfer<K>::view(key);
        detail::dict_change<V, Change> context{change, nullptr};
        kin_status status = kin_dict_update(this->object(), name.data(), name.size(), room,
                                            &detail::dict_change<V, Change>::run, &context);
        if (context.thrown) {
            std::rethrow_exception(context.thrown);
        }
        return detail::check_unless(KIN_E_NOT_FOUND, status, "kin_dict_update");
    }

    /* The same; a key without a value gets one, of zero bytes (std::string: empty), which change gets first. */
    template <class Change> void update_or_insert(const K &key, Change change, std::size_t room = 0) const
    {
        bytes_view name = detail::transfer<K>::view(key);
        detail::dict_change<V, Change> context{change, nullptr};
        kin_status status =
            kin_dict_update_or_insert(this->object(), name.data(), name.size(), detail::transfer<V>::room(room),
                                      &detail::dict_change<V, Change>::run_or_insert, &context);
        if (context.thrown) {
            std::rethrow_exception(context.thrown);
        }
        detail::check(status, "kin_dict_update_or_insert");
    }

    /* For kin::dict<std::string, std::int64_t>: adds; no value counts as 0. Returns the sum. Throws KIN_E_OVERFLOW. */
    std::int64_t add(const K &key, std::int64_t amount) const
    {
        static_assert(std::is_same_v<K, std::string> && std::is_same_v<V, std::int64_t>,
                      "add is for kin::dict<std::string, std::int64_t>");
        if (key.find('\0') != key.npos) {
            throw error(KIN_E_ARGUMENT, "kin_dict_add_i64");
        }
        std::int64_t after = 0;
        detail::check(kin_dict_add_i64(this->object(), key.c_str(), amount, &after), "kin_dict_add_i64");
        return after;
    }

    /* The key's value, and removes the key, as one step. Nothing: there is no such key. */
    std::optional<V> pop(const K &key) const
    {
        return read(key, kin_dict_pop, "kin_dict_pop");
    }
    /* false: there is no such key. */
    bool remove(const K &key) const
    {
        bytes_view name = detail::transfer<K>::view(key);
        return detail::check_unless(KIN_E_NOT_FOUND, kin_dict_remove(this->object(), name.data(), name.size()),
                                    "kin_dict_remove");
    }
    void clear() const
    {
        detail::check(kin_dict_clear(this->object()), "kin_dict_clear");
    }
    std::size_t size() const
    {
        std::size_t count = 0;
        detail::check(kin_dict_size(this->object(), &count), "kin_dict_size");
        return count;
    }

    /* All keys and values, as they are at one moment, in no order. */
    std::vector<std::pair<K, V>> snapshot() const
    {
        kin_snapshot *taken = nullptr;
        detail::check(kin_dict_snapshot(&taken, this->object()), "kin_dict_snapshot");
        detail::snapshot owner(taken);
        std::vector<std::pair<K, V>> all;
        all.reserve(kin_snapshot_count(taken));
        for (kin_snapshot_item item; kin_snapshot_next(taken, &item);) {
            all.emplace_back(detail::transfer<K>::from(item.key, item.key_size, "kin_dict_snapshot"),
                             detail::transfer<V>::from(item.value, item.value_size, "kin_dict_snapshot"));
        }
        return all;
    }

    /* Calls visit(key, value) for each key, in no order, without a lock: visit may change the dict, and so may others
     * (kin_dict_for_each says what is seen then). If visit returns a bool, false ends it. If visit throws, this throws
     * the same. */
    template <class Visit> void for_each(Visit visit) const
    {
        detail::visitor<Visit> context(visit);
        context.finish(kin_dict_for_each(this->object(), &dict_ref::show<Visit>, &context), "kin_dict_for_each");
    }

    /* How often it was changed so far. */
    std::uint64_t generation() const
    {
        std::uint64_t number = 0;
        detail::check(kin_dict_generation(this->object(), &number), "kin_dict_generation");
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
        return detail::check_unless(KIN_E_TIMED_OUT, kin_dict_wait(this->object(), generation, limit.nanoseconds()),
                                    "kin_dict_wait");
    }

  private:
    template <class Visit>
    static kin_status show(const void *key, std::size_t key_size, const void *value, std::size_t value_size,
                           void *context) noexcept
    {
        return static_cast<detail::visitor<Visit> *>(context)->run([&](Visit &visit) {
            return visit(detail::transfer<K>::from(key, key_size, "kin_dict_for_each"),
                         detail::transfer<V>::from(value, value_size, "kin_dict_for_each"));
        });
    }

    static_assert(std::is_same_v<K, std::string> || std::has_unique_object_representations_v<K>,
                  "a key is compared by its bytes: two that are equal must have the same");

    using reader = kin_status (*)(kin_dict *, const void *, std::size_t, void *, std::size_t, std::size_t *);

    std::optional<V> read(const K &key, reader function, const char *call) const
    {
        V value{};
        bytes_view name = detail::transfer<K>::view(key);
        kin_status status =
            detail::transfer<V>::read(value, call, [&](void *buffer, std::size_t capacity, std::size_t *size) {
                return function(this->object(), name.data(), name.size(), buffer, capacity, size);
            });
        if (!detail::check_unless(KIN_E_NOT_FOUND, status, call)) {
            return std::nullopt;
        }
        return value;
    }

    static bytes_view view(const std::optional<V> &value) noexcept
    {
        return value ? detail::transfer<V>::view(*value) : bytes_view(nullptr, 0);
    }
};

/* A dict of its own, created in a family, empty; destroyed by its destructor. */
template <class K, class V> class dict : public detail::owned<dict_ref<K, V>>
{
  public:
    explicit dict(family_ref family = {})
        : detail::owned<dict_ref<K, V>>(detail::create<kin_dict>("kin_dict_create", kin_dict_create, family.get()))
    {
    }
};

} // namespace kin

#endif
