/* cpp/value.hpp: one number, or an array of them, in shared memory, with a lock of its own or without.
 *
 *     kin::value<int> total;
 *     total.set(5);
 *     {
 *         std::lock_guard guard(total);                 // for a change that reads first
 *         *total += 1;
 *     }
 *     kin::array<double> samples(100);
 *     samples.set(3, 0.5);
 *
 * A value_ref<T> or array_ref<T> of an object that was created with another type: get and set throw KIN_E_SIZE if the
 * sizes differ. Both are TimedLockable if they have a lock; otherwise locking throws KIN_E_UNSUPPORTED. Owner death
 * is treated as by lock_ref (lock.hpp); mutex() is that lock, with on_owner_died, and for conditions.
 */
#ifndef KIN_CPP_VALUE_HPP
#define KIN_CPP_VALUE_HPP

#include <cstddef>
#include <type_traits>
#include <vector>

#include "../value.h"
#include "lock.hpp"

namespace kin
{

namespace detail
{

KIN_DETAIL_OBJECT(value, KIN_TYPE_VALUE)
KIN_DETAIL_OBJECT(array, KIN_TYPE_ARRAY)

template <class T> constexpr kin_element element_of()
{
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && sizeof(T) <= 8,
                  "a value is an integer of up to 64 bits, a float or a double");
    if constexpr (std::is_floating_point_v<T>) {
        return sizeof(T) == 4 ? KIN_ELEMENT_F32 : KIN_ELEMENT_F64;
    } else if constexpr (sizeof(T) == 1) {
        return std::is_signed_v<T> ? KIN_ELEMENT_I8 : KIN_ELEMENT_U8;
    } else if constexpr (sizeof(T) == 2) {
        return std::is_signed_v<T> ? KIN_ELEMENT_I16 : KIN_ELEMENT_U16;
    } else if constexpr (sizeof(T) == 4) {
        return std::is_signed_v<T> ? KIN_ELEMENT_I32 : KIN_ELEMENT_U32;
    } else {
        return std::is_signed_v<T> ? KIN_ELEMENT_I64 : KIN_ELEMENT_U64;
    }
}

/* Locking for an object with a lock inside: Derived::mutex() is it. */
template <class Derived> class has_mutex : public timed_lockable<Derived>
{
  public:
    /* Throws KIN_E_NOT_OWNER. */
    void unlock() const
    {
        static_cast<const Derived &>(*this).mutex().unlock();
    }

  private:
    friend class timed_lockable<Derived>;
};

inline lock_ref mutex_of(kin_lock *inside, const char *call)
{
    if (!inside) {
        throw error(KIN_E_UNSUPPORTED, call);
    }
    return inside;
}

/* get and set have repaired the lock already. */
inline void check_copy(kin_status status, const char *call)
{
    if (check(status, call) == KIN_OWNER_DIED) {
        throw owner_died(call);
    }
}

} // namespace detail

template <class T> class value_ref : public detail::object_ref<kin_value>, public detail::has_mutex<value_ref<T>>
{
  public:
    using detail::object_ref<kin_value>::object_ref;

    /* Copies under the value's lock. Throws KIN_E_DEADLOCK if the caller holds that; kin::owner_died, which holds
     * nothing, if a process died while it held that: once, the value may be half of what was last written. */
    T get() const
    {
        T copy;
        detail::check_copy(kin_value_get(this->object_, &copy, sizeof copy), "kin_value_get");
        return copy;
    }
    /* Likewise; but a death before is no error, since all of the value is written. */
    void set(T copy) const
    {
        detail::check(kin_value_set(this->object_, &copy, sizeof copy), "kin_value_set");
    }

    /* The value itself. Its use is up to the caller's locking. */
    T *data() const
    {
        return static_cast<T *>(kin_value_data(this->object_));
    }
    T &operator*() const
    {
        return *data();
    }

    /* Its lock; lives as long as the value. Throws KIN_E_UNSUPPORTED if it was created without. */
    lock_ref mutex() const
    {
        return detail::mutex_of(kin_value_lock(this->object_), "kin_value_lock");
    }

  private:
    friend class detail::timed_lockable<value_ref>;
    bool acquire(timeout limit) const
    {
        return detail::acquire_lock(mutex().object(), limit, detail::throw_owner_died());
    }
};

/* A value of its own, created in a family; destroyed by its destructor. */
template <class T> class value : public detail::owned<value_ref<T>>
{
  public:
    /* flags: KIN_VALUE_LOCKED or KIN_VALUE_UNLOCKED. */
    explicit value(T initial = T(), family_ref family = {}, std::uint32_t flags = KIN_VALUE_LOCKED)
        : detail::owned<value_ref<T>>(detail::create<kin_value>("kin_value_create", kin_value_create, family.get(),
                                                                detail::element_of<T>(), flags))
    {
        *this->data() = initial;
    }
};

template <class T> class array_ref : public detail::object_ref<kin_array>, public detail::has_mutex<array_ref<T>>
{
  public:
    using value_type = T;
    using detail::object_ref<kin_array>::object_ref;

    std::size_t size() const noexcept
    {
        return kin_array_count(this->object_);
    }

    /* Copy one element, or count of them, under the array's lock. Throw KIN_E_ARGUMENT for what is outside of the
     * array; kin::owner_died, after the copy, as value_ref::get. */
    T get(std::size_t index) const
    {
        T copy;
        get(index, 1, &copy);
        return copy;
    }
    void set(std::size_t index, T copy) const
    {
        set(index, 1, &copy);
    }
    void get(std::size_t first, std::size_t count, T *out) const
    {
        detail::check_copy(kin_array_get(this->object_, first, count, out, count * sizeof(T)), "kin_array_get");
    }
    void set(std::size_t first, std::size_t count, const T *in) const
    {
        detail::check_copy(kin_array_set(this->object_, first, count, in, count * sizeof(T)), "kin_array_set");
    }

    /* The elements themselves. Their use is up to the caller's locking. */
    T *data() const
    {
        return static_cast<T *>(kin_array_data(this->object_));
    }
    T *begin() const
    {
        return data();
    }
    T *end() const
    {
        return data() + size();
    }
    T &operator[](std::size_t index) const
    {
        return data()[index];
    }

    /* As of a value. */
    lock_ref mutex() const
    {
        return detail::mutex_of(kin_array_lock(this->object_), "kin_array_lock");
    }

  private:
    friend class detail::timed_lockable<array_ref>;
    bool acquire(timeout limit) const
    {
        return detail::acquire_lock(mutex().object(), limit, detail::throw_owner_died());
    }
};

/* An array of its own, created in a family, all zero; destroyed by its destructor. */
template <class T> class array : public detail::owned<array_ref<T>>
{
  public:
    /* flags: KIN_VALUE_LOCKED or KIN_VALUE_UNLOCKED. */
    explicit array(std::size_t count, family_ref family = {}, std::uint32_t flags = KIN_VALUE_LOCKED)
        : detail::owned<array_ref<T>>(detail::create<kin_array>("kin_array_create", kin_array_create, family.get(),
                                                                detail::element_of<T>(), count, flags))
    {
    }
};

} // namespace kin

#endif
