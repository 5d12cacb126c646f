/* cpp/handle.hpp: owns what a C function closes. */
#ifndef KIN_CPP_HANDLE_HPP
#define KIN_CPP_HANDLE_HPP

#include <memory>

#include "error.hpp"

namespace kin
{

namespace detail
{

/* Move-only. Close{}(pointer) closes it, and is not called for nullptr. */
template <class T, class Close> class unique_handle
{
  public:
    T *get() const noexcept
    {
        return owned_.get();
    }
    /* Gives up ownership: the caller closes it by its C function. */
    T *detach() noexcept
    {
        return owned_.release();
    }

  protected:
    explicit unique_handle(T *owned) noexcept : owned_(owned)
    {
    }

  private:
    std::unique_ptr<T, Close> owned_;
};

} // namespace detail

} // namespace kin

#endif
