/* cpp/error.hpp: a status as an exception and as a std::error_code.
 *
 *     try {
 *         queue.put(job);
 *     } catch (const kin::error &error) {
 *         std::cerr << error.what() << '\n';          // the C function, and its reason: kin_last_error()
 *         if (error.status() == KIN_E_CLOSED) { ... }
 *     }
 *
 * A negative status of a C function becomes a kin::error. What a function returns in place of an exception is said
 * where it is declared. A kin_status converts to a std::error_code; statuses for which <system_error> has a condition
 * compare equal to it: error.code() == std::errc::resource_deadlock_would_occur.
 */
#ifndef KIN_CPP_ERROR_HPP
#define KIN_CPP_ERROR_HPP

#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>

#include "../status.h"

template <> struct std::is_error_code_enum<kin_status> : std::true_type {
};

namespace kin
{

namespace detail
{

/* nullptr: there is no such status. */
inline const char *status_text(int value) noexcept
{
    switch (value) {
#define KIN_DETAIL_STATUS_TEXT(number, name, text)                                                                     \
    case number:                                                                                                       \
        return text;
        KIN_STATUS_LIST(KIN_DETAIL_STATUS_TEXT)
#undef KIN_DETAIL_STATUS_TEXT
    default:
        return nullptr;
    }
}

/* std::errc(): <system_error> has no condition for it. */
inline std::errc status_condition(int value) noexcept
{
    switch (value) {
    case KIN_OWNER_DIED:
        return std::errc::owner_dead;
    case KIN_E_ARGUMENT:
        return std::errc::invalid_argument;
    case KIN_E_TIMED_OUT:
        return std::errc::timed_out;
    case KIN_E_NO_MEMORY:
        return std::errc::not_enough_memory;
    case KIN_E_UNSUPPORTED:
        return std::errc::not_supported;
    case KIN_E_NOT_OWNER:
        return std::errc::operation_not_permitted;
    case KIN_E_DEADLOCK:
        return std::errc::resource_deadlock_would_occur;
    case KIN_E_POISONED:
        return std::errc::state_not_recoverable;
    case KIN_E_OVERFLOW:
        return std::errc::value_too_large;
    case KIN_E_EXISTS:
        return std::errc::file_exists;
    case KIN_E_PERMISSION:
        return std::errc::permission_denied;
    case KIN_E_READ_ONLY:
        return std::errc::operation_not_permitted;
    case KIN_E_PROGRAM:
        return std::errc::no_such_file_or_directory;
    case KIN_E_BUSY:
        return std::errc::device_or_resource_busy;
    case KIN_E_CLOSED:
        return std::errc::broken_pipe;
    case KIN_E_CANCELLED:
        return std::errc::operation_canceled;
    case KIN_E_INTERRUPTED:
        return std::errc::interrupted;
    default:
        return std::errc();
    }
}

class status_category final : public std::error_category
{
  public:
    const char *name() const noexcept override
    {
        return "kin";
    }
    std::string message(int value) const override
    {
        const char *text = status_text(value);
        return text ? text : "no status of kin";
    }
    std::error_condition default_error_condition(int value) const noexcept override
    {
        std::errc condition = status_condition(value);
        return condition == std::errc() ? std::error_condition(value, *this) : std::make_error_condition(condition);
    }
};

} // namespace detail

/* The category of kin_status. */
inline const std::error_category &category() noexcept
{
    static const detail::status_category one;
    return one;
}

} // namespace kin

/* Found by argument-dependent lookup, for std::error_code. */
inline std::error_code make_error_code(kin_status status) noexcept
{
    return {status, kin::category()};
}

namespace kin
{

/* what(): "kin_queue_put: ", and a sentence with the particulars. */
class error : public std::system_error
{
  public:
    /* call: the function that failed. reason: a sentence; it may begin with the function's name itself. */
    error(kin_status status, const std::string &call, const std::string &reason)
        : std::system_error(make_error_code(status)), status_(status),
          text_(reason.compare(0, call.size(), call) == 0 ? reason : call + ": " + reason)
    {
    }
    error(kin_status status, const std::string &call) : error(status, call, kin_status_text(status))
    {
    }

    kin_status status() const noexcept
    {
        return status_;
    }
    const char *what() const noexcept override
    {
        return text_.what();
    }

    /* For KIN_E_OS: the system's own code (errno, GetLastError); otherwise 0. */
    int os_error() const noexcept
    {
        return os_error_;
    }

  private:
    kin_status status_;
    int os_error_ = status_ == KIN_E_OS ? kin_last_os_error() : 0;
    std::runtime_error text_; /* a string whose copying never throws */
};

namespace detail
{

/* Throws a negative status; returns the others. call: the name of the C function. */
inline kin_status check(kin_status status, const char *call)
{
    if (status < 0) {
        throw error(status, call, kin_last_error());
    }
    return status;
}

/* What a C function creates or finds: it is called with the place for it, and these arguments. */
template <class T, class Function, class... Arguments>
T *create(const char *call, Function function, Arguments... arguments)
{
    T *created = nullptr;
    check(function(&created, arguments...), call);
    return created;
}

/* As check, but false for one status, which is no error there. */
inline bool check_unless(kin_status expected, kin_status status, const char *call)
{
    return status != expected && check(status, call) >= 0;
}

} // namespace detail

} // namespace kin

#endif
