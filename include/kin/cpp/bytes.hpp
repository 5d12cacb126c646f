/* cpp/bytes.hpp: how a T travels through queues, dicts, lists, pipes and arguments.
 *
 * A trivially copyable T travels as its own bytes: nothing in it may point into one process. A std::string travels as
 * its characters. Other types do not compile.
 */
#ifndef KIN_CPP_BYTES_HPP
#define KIN_CPP_BYTES_HPP

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#if defined(__has_include)
#if __has_include(<version>)
#include <version>
#endif
#endif
#ifdef __cpp_lib_span
#include <span>
#endif

#include "../status.h"
#include "error.hpp"

namespace kin
{

/* Bytes that the caller owns, for the duration of a call. */
class bytes_view
{
  public:
    bytes_view(const void *data, std::size_t size) noexcept : data_(data), size_(size)
    {
    }
    bytes_view(std::string_view text) noexcept : bytes_view(text.data(), text.size())
    {
    }
    bytes_view(const std::string &text) noexcept : bytes_view(text.data(), text.size())
    {
    }
    bytes_view(const char *text) noexcept : bytes_view(std::string_view(text))
    {
    }
#ifdef __cpp_lib_span
    bytes_view(std::span<const std::byte> bytes) noexcept : bytes_view(bytes.data(), bytes.size())
    {
    }
#endif

    const void *data() const noexcept
    {
        return data_;
    }
    std::size_t size() const noexcept
    {
        return size_;
    }

  private:
    const void *data_;
    std::size_t size_;
};

namespace detail
{

/* One value as it goes to and comes from a C function. */
template <class T> struct transfer {
    static_assert(std::is_trivially_copyable_v<T>, "only trivially copyable types and std::string cross processes");
    static_assert(!std::is_pointer_v<T>, "a pointer means nothing to another process");

    static bytes_view view(const T &value) noexcept
    {
        return {&value, sizeof value};
    }
    /* The bytes that a value may come to have, if the caller asks for so many. */
    static constexpr std::size_t room(std::size_t) noexcept
    {
        return sizeof(T);
    }

    /* read(buffer, capacity, &size) calls a C function, of the name call; its status comes back. Throws KIN_E_SIZE:
     * there were fewer bytes, or more, than a T has. */
    template <class Read> static kin_status read(T &value, const char *call, Read read)
    {
        std::size_t size = sizeof value;
        kin_status status = read(static_cast<void *>(&value), sizeof value, &size);
        if ((status == KIN_OK && size != sizeof value) || status == KIN_E_BUFFER) {
            throw error(KIN_E_SIZE, call);
        }
        return status;
    }

    static T from(const void *data, std::size_t size, const char *call)
    {
        if (size != sizeof(T)) {
            throw error(KIN_E_SIZE, call);
        }
        T value;
        std::memcpy(static_cast<void *>(&value), data, size);
        return value;
    }
};

template <> struct transfer<std::string> {
    static bytes_view view(const std::string &value) noexcept
    {
        return value;
    }
    static constexpr std::size_t room(std::size_t asked) noexcept
    {
        return asked;
    }

    /* The C function leaves what is too big where it is, and says how big that is. */
    template <class Read> static kin_status read(std::string &value, const char *, Read read)
    {
        std::size_t size = 0;
        kin_status status;
        value.resize(128);
        while ((status = read(value.data(), value.size(), &size)) == KIN_E_BUFFER && size > value.size()) {
            value.resize(size);
        }
        if (status == KIN_OK) {
            value.resize(size);
        }
        return status;
    }

    static std::string from(const void *data, std::size_t size, const char *)
    {
        return {static_cast<const char *>(data), size};
    }
};

} // namespace detail

} // namespace kin

#endif
