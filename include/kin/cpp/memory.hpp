/* cpp/memory.hpp: structs and arrays in shared memory.
 *
 *     struct bank {
 *         kin_lock lock;
 *         long balance;
 *         bank() { kin::lock_ref(lock).init(); }
 *         void fini() { kin::lock_ref(lock).fini(); }
 *     };
 *     kin::unique<bank> shop = kin::allocate<bank>();
 *     kin::buffer<int> numbers(1000);                      // zeroed
 *
 * Other processes see the same bytes, perhaps at another address: what lies there has no pointers, no members of
 * std::string and the like, and no virtual functions. So T must be trivially destructible. A member function fini(), if
 * T has one, is called before the memory is freed; it must not throw.
 */
#ifndef KIN_CPP_MEMORY_HPP
#define KIN_CPP_MEMORY_HPP

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "../memory.h"
#include "family.hpp"

namespace kin
{

namespace detail
{

inline void *allocate_bytes(family_ref family, std::size_t size)
{
    void *memory = nullptr;
    check(kin_alloc(&memory, family.get(), size), "kin_alloc");
    return memory;
}

struct free_memory {
    void operator()(void *memory) const noexcept
    {
        kin_free(memory);
    }
};

template <class T, class = void> struct has_fini : std::false_type {
};
template <class T> struct has_fini<T, std::void_t<decltype(std::declval<T &>().fini())>> : std::true_type {
};

template <class T> constexpr void check_shared_type()
{
    static_assert(std::is_trivially_destructible_v<T>, "a type in shared memory has nothing of one process");
    static_assert(!std::is_polymorphic_v<T>, "the address of a virtual function differs between processes");
    static_assert(alignof(T) <= 16, "shared memory is aligned to 16");
}

} // namespace detail

/* Frees one T; the deleter of kin::unique. */
template <class T> struct destroy_shared {
    void operator()(T *object) const noexcept
    {
        if constexpr (detail::has_fini<T>::value) {
            object->fini();
        }
        kin_free(object);
    }
};

/* Owns one T in shared memory. get() may be used by all members; release() leaves it to them. */
template <class T> using unique = std::unique_ptr<T, destroy_shared<T>>;

/* Constructs a T in the family's memory. Throws the errors of kin_alloc, and what T's constructor throws. */
template <class T, class... Arguments> unique<T> allocate_in(family_ref family, Arguments &&...arguments)
{
    detail::check_shared_type<T>();
    std::unique_ptr<void, detail::free_memory> memory(detail::allocate_bytes(family, sizeof(T)));
    T *object = new (memory.get()) T(std::forward<Arguments>(arguments)...);
    memory.release();
    return unique<T>(object);
}
/* The same in this process's own family. */
template <class T, class... Arguments> unique<T> allocate(Arguments &&...arguments)
{
    return allocate_in<T>(family_ref(), std::forward<Arguments>(arguments)...);
}

/* Owns an array of count T in shared memory, zeroed; freed by its destructor. Can be moved, not copied. */
template <class T> class buffer
{
  public:
    static_assert(std::is_trivially_copyable_v<T>, "an array in shared memory is of plain bytes");
    using value_type = T;

    /* Throws the errors of kin_alloc; KIN_E_ARGUMENT for a count of 0, KIN_E_TOO_BIG. */
    explicit buffer(std::size_t count, family_ref family = {}) : size_(count)
    {
        detail::check_shared_type<T>();
        if (count > static_cast<std::size_t>(-1) / sizeof(T)) {
            throw error(KIN_E_TOO_BIG, "kin::buffer");
        }
        memory_.reset(detail::allocate_bytes(family, count * sizeof(T)));
    }
    buffer(buffer &&other) noexcept : memory_(std::move(other.memory_)), size_(std::exchange(other.size_, 0))
    {
    }
    buffer &operator=(buffer &&other) noexcept
    {
        memory_ = std::move(other.memory_);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }
    ~buffer() = default;

    T *data() const noexcept
    {
        return static_cast<T *>(memory_.get());
    }
    std::size_t size() const noexcept
    {
        return size_;
    }
    T *begin() const noexcept
    {
        return data();
    }
    T *end() const noexcept
    {
        return data() + size_;
    }
    T &operator[](std::size_t index) const noexcept
    {
        return data()[index];
    }

  private:
    std::unique_ptr<void, detail::free_memory> memory_;
    std::size_t size_;
};

} // namespace kin

#endif
