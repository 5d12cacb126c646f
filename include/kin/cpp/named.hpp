/* cpp/named.hpp: the object of a name, found or created.
 *
 *     kin::family shop = kin::family::open("shop");     // in any number of programs
 *     auto prices = kin::named_dict<std::string, double>(shop, "prices");
 *     auto till = kin::named_lock(shop, "till");
 *
 * Each function gives the object that has this name in the family. If there is none, it creates the object with the
 * other parameters. The family owns the object. It stays until a program destroys it by its C function. The functions
 * throw KIN_E_TYPE if the name belongs to an object of another type, and the other errors of named.h.
 */
#ifndef KIN_CPP_NAMED_HPP
#define KIN_CPP_NAMED_HPP

#include <new>
#include <string>
#include <type_traits>

#include "../named.h"
#include "barrier.hpp"
#include "condition.hpp"
#include "counter.hpp"
#include "dict.hpp"
#include "event.hpp"
#include "list.hpp"
#include "lock.hpp"
#include "memory.hpp"
#include "queue.hpp"
#include "rwlock.hpp"
#include "semaphore.hpp"
#include "value.hpp"

namespace kin
{

namespace detail
{

template <class Object, class Function, class... More>
Object *find_named(const char *call, Function function, family_ref family, const std::string &name, More... more)
{
    return create<Object>(call, function, family.get(), name.c_str(), more...);
}

} // namespace detail

/* flags: KIN_LOCK_RECURSIVE or 0. */
inline lock_ref named_lock(family_ref family, const std::string &name, std::uint32_t flags = 0)
{
    return detail::find_named<kin_lock>("kin_named_lock", kin_named_lock, family, name, flags);
}

inline rwlock_ref named_rwlock(family_ref family, const std::string &name)
{
    return detail::find_named<kin_rwlock>("kin_named_rwlock", kin_named_rwlock, family, name);
}

/* value and maximum as of kin::semaphore. */
inline semaphore_ref named_semaphore(family_ref family, const std::string &name, std::uint32_t value,
                                     std::uint32_t maximum = 0)
{
    return detail::find_named<kin_sem>("kin_named_sem", kin_named_sem, family, name, value, maximum);
}
inline semaphore_ref named_semaphore_leased(family_ref family, const std::string &name, std::uint32_t permits)
{
    return detail::find_named<kin_sem>("kin_named_sem_leased", kin_named_sem_leased, family, name, permits);
}

inline counter_ref named_counter(family_ref family, const std::string &name, std::int64_t value = 0)
{
    return detail::find_named<kin_counter>("kin_named_counter", kin_named_counter, family, name, value);
}

inline event_ref named_event(family_ref family, const std::string &name)
{
    return detail::find_named<kin_event>("kin_named_event", kin_named_event, family, name);
}

inline condition_ref named_condition(family_ref family, const std::string &name)
{
    return detail::find_named<kin_cond>("kin_named_cond", kin_named_cond, family, name);
}

inline barrier_ref named_barrier(family_ref family, const std::string &name, std::uint32_t parties)
{
    return detail::find_named<kin_barrier>("kin_named_barrier", kin_named_barrier, family, name, parties);
}

/* options as of kin_queue_create. */
template <class T>
queue_ref<T> named_queue(family_ref family, const std::string &name, const kin_queue_options *options = nullptr)
{
    return detail::find_named<kin_queue>("kin_named_queue", kin_named_queue, family, name, options);
}
inline byte_queue_ref named_byte_queue(family_ref family, const std::string &name,
                                       const kin_queue_options *options = nullptr)
{
    return detail::find_named<kin_queue>("kin_named_queue", kin_named_queue, family, name, options);
}

/* flags: KIN_VALUE_LOCKED or KIN_VALUE_UNLOCKED. */
template <class T>
value_ref<T> named_value(family_ref family, const std::string &name, std::uint32_t flags = KIN_VALUE_LOCKED)
{
    return detail::find_named<kin_value>("kin_named_value", kin_named_value, family, name, detail::element_of<T>(),
                                         flags);
}
template <class T>
array_ref<T> named_array(family_ref family, const std::string &name, std::size_t count,
                         std::uint32_t flags = KIN_VALUE_LOCKED)
{
    return detail::find_named<kin_array>("kin_named_array", kin_named_array, family, name, detail::element_of<T>(),
                                         count, flags);
}

template <class K, class V> dict_ref<K, V> named_dict(family_ref family, const std::string &name)
{
    return detail::find_named<kin_dict>("kin_named_dict", kin_named_dict, family, name);
}

template <class T> list_ref<T> named_list(family_ref family, const std::string &name)
{
    return detail::find_named<kin_list>("kin_named_list", kin_named_list, family, name);
}

/* A T in shared memory. The process that creates it constructs it by T() before another process can find it: T() must
 * be noexcept, and wait for no other thread. Nobody calls T's fini(). Throws KIN_E_SIZE: what has the name is larger or
 * smaller than a T. */
template <class T> T *named_memory(family_ref family, const std::string &name)
{
    detail::check_shared_type<T>();
    static_assert(std::is_nothrow_default_constructible_v<T>,
                  "T() must be noexcept: nobody could catch what it throws");
    void *memory = nullptr;
    std::size_t size = 0;
    auto construct = [](void *place, void *) { ::new (place) T(); };
    detail::check(kin_named_memory(&memory, family.get(), name.c_str(), sizeof(T), construct, nullptr),
                  "kin_named_memory");
    detail::check(kin_alloc_size(memory, &size), "kin_alloc_size");
    if (size != sizeof(T)) {
        throw error(KIN_E_SIZE, "kin_named_memory");
    }
    return static_cast<T *>(memory);
}

} // namespace kin

#endif
