/* cpp/family.hpp: the processes that share memory.
 *
 *     kin::lock lock;                              // in this process's own family
 *     kin::family shop = kin::family::open("shop");
 *     kin::lock other(shop);
 *
 * Wherever a family_ref is asked for, an empty one means this process's own family.
 *
 * There are two classes for each kind of object. `x_ref` is a pointer with functions: it owns nothing, is copied
 * freely, and is what other processes, threads and structs have. `x` is an x_ref that owns its object: its constructor
 * creates it, its destructor destroys it, for all processes. It can be moved, not copied. An object that was moved from
 * is empty; a call on an empty one throws KIN_E_ARGUMENT.
 *
 * A child that kin starts never runs the destructors of its parent's objects. A process that the program forks by
 * itself does, at the end of their scope, and would destroy what the parent still uses: there call detach(), which
 * gives up ownership, or leave by _exit.
 */
#ifndef KIN_CPP_FAMILY_HPP
#define KIN_CPP_FAMILY_HPP

#include <cstdint>
#include <string>
#include <utility>

#include "../family.h"
#include "error.hpp"

namespace kin
{

/* A family that other code closes. */
class family_ref
{
  public:
    /* nullptr: this process's own. */
    constexpr family_ref(kin_family *family = nullptr) noexcept : family_(family)
    {
    }

    kin_family *get() const noexcept
    {
        return family_;
    }

    kin_family_info inspect() const
    {
        kin_family_info info = KIN_FAMILY_INFO_INIT;
        detail::check(kin_family_inspect(family_, &info), "kin_family_inspect");
        return info;
    }

    /* Cleans up after dead members; returns how many there were. */
    std::uint32_t reap() const
    {
        std::uint32_t count = 0;
        detail::check(kin_family_reap(family_, &count), "kin_family_reap");
        return count;
    }

  protected:
    kin_family *family_;
};

/* A family that this object closes. Its memory, and so all objects in it, are invalid in this process then. */
class family : public family_ref
{
  public:
    /* Creates one with this process as its only member. Throws as kin_family_create. */
    explicit family(const kin_family_options *options = nullptr)
    {
        detail::check(kin_family_create(&family_, options), "kin_family_create");
    }

    /* The family of that name; flags and options as of kin_family_open. */
    static family open(const std::string &name, std::uint32_t flags = 0, const kin_family_options *options = nullptr)
    {
        kin_family *opened = nullptr;
        detail::check(kin_family_open(&opened, name.c_str(), flags, options), "kin_family_open");
        return family(opened);
    }

    /* The family of that name, for reading only: see kin_family_open. Calls that would change it throw
     * KIN_E_READ_ONLY. */
    static family open_to_read(const std::string &name, const kin_family_options *options = nullptr)
    {
        return open(name, KIN_FAMILY_READ_ONLY, options);
    }

    family(family &&other) noexcept : family_ref(other.detach())
    {
    }
    family &operator=(family &&other) noexcept
    {
        if (this != &other) {
            kin_family_close(std::exchange(family_, other.detach()));
        }
        return *this;
    }
    ~family()
    {
        kin_family_close(family_);
    }

    /* Gives up ownership: the caller closes it by kin_family_close, or exit does. */
    kin_family *detach() noexcept
    {
        return std::exchange(family_, nullptr);
    }

  private:
    explicit family(kin_family *owned) noexcept : family_ref(owned)
    {
    }
};

/* This process's own family, created now if there is none. exit() closes it. */
inline family_ref default_family()
{
    kin_family *own = nullptr;
    detail::check(kin_family_default(&own), "kin_family_default");
    return own;
}

/* What this process's own family is to be created with. Throws KIN_E_EXISTS if there is one already. */
inline void configure_default_family(const kin_family_options &options)
{
    detail::check(kin_family_configure_default(&options), "kin_family_configure_default");
}

/* Takes the name from a family: nobody joins by it any more. Throws KIN_E_NOT_FOUND and the others of
 * kin_family_unlink. */
inline void unlink_family(const std::string &name)
{
    detail::check(kin_family_unlink(name.c_str()), "kin_family_unlink");
}

/* The family in whose memory p lies. */
inline family_ref family_of(const void *p)
{
    kin_family *found = nullptr;
    detail::check(kin_family_of(&found, p), "kin_family_of");
    return found;
}

} // namespace kin

#endif
