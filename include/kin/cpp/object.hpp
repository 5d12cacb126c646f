/* cpp/object.hpp: what all objects in shared memory have in common; references and names.
 *
 *     kin::lock lock;
 *     kin::name_set("till", lock);
 *     kin::lock_ref same = kin::name_get<kin::lock_ref>("till");
 *     kin_ref bytes = kin::make_ref(lock);                       // to be sent to any member
 *     kin::lock_ref again = kin::resolve<kin::lock_ref>(bytes);
 */
#ifndef KIN_CPP_OBJECT_HPP
#define KIN_CPP_OBJECT_HPP

#include <type_traits>
#include <utility>

#include "../ref.h"
#include "family.hpp"
#include "visit.hpp"

namespace kin
{

namespace detail
{

/* type: the kin_type of a C struct. destroy: its function of that name. */
template <class Object> struct object_traits;

#define KIN_DETAIL_OBJECT(name, number)                                                                                \
    template <> struct object_traits<kin_##name> {                                                                     \
        static constexpr kin_type type = number;                                                                       \
        static kin_status destroy(kin_##name *object) noexcept                                                         \
        {                                                                                                              \
            return kin_##name##_destroy(object);                                                                       \
        }                                                                                                              \
    };

/* A pointer to an object; the base of each x_ref. */
template <class Object> class object_ref
{
  public:
    using c_type = Object;

    constexpr object_ref() noexcept = default;
    constexpr object_ref(Object *object) noexcept : object_(object)
    {
    }
    /* One inside a struct of the caller's. */
    constexpr object_ref(Object &object) noexcept : object_(&object)
    {
    }

    constexpr Object *object() const noexcept
    {
        return object_;
    }
    constexpr explicit operator bool() const noexcept
    {
        return object_ != nullptr;
    }

  protected:
    Object *object_ = nullptr;
};

/* An x_ref that owns its object; the base of each x. */
template <class Ref> class owned : public Ref
{
  public:
    owned(owned &&other) noexcept : Ref(other.detach())
    {
    }
    owned &operator=(owned &&other) noexcept
    {
        if (this != &other) {
            destroy(std::exchange(this->object_, other.detach()));
        }
        return *this;
    }
    ~owned()
    {
        destroy(this->object_);
    }

    /* Gives up ownership: the object stays, and the caller destroys it by its C function. */
    typename Ref::c_type *detach() noexcept
    {
        return std::exchange(this->object_, nullptr);
    }

  protected:
    explicit owned(typename Ref::c_type *object) noexcept : Ref(object)
    {
    }

  private:
    static void destroy(typename Ref::c_type *object) noexcept
    {
        if (object) {
            object_traits<typename Ref::c_type>::destroy(object);
        }
    }
};

/* Whether T is an x_ref or an x. */
template <class T, class = void> struct is_object : std::false_type {
};
template <class T>
struct is_object<T, std::void_t<typename T::c_type>> : std::is_base_of<object_ref<typename T::c_type>, T> {
};

} // namespace detail

/* A reference to an object: plain bytes that every member of the family can resolve. Throws as kin_ref_of. */
template <class Object> kin_ref make_ref(const detail::object_ref<Object> &object)
{
    kin_ref made{};
    detail::check(kin_ref_of(&made, detail::object_traits<Object>::type, object.object()), "kin_ref_of");
    return made;
}

/* The object of a reference, as an x_ref. Throws KIN_E_STALE, KIN_E_TYPE and the others of kin_ref_get. */
template <class Ref> Ref resolve(kin_ref reference)
{
    using object = typename Ref::c_type;
    void *found = nullptr;
    detail::check(kin_ref_get(&found, detail::object_traits<object>::type, reference), "kin_ref_get");
    return Ref(static_cast<object *>(found));
}

/* Gives an object a name in its family. Throws KIN_E_EXISTS and the others of kin_name_set. */
template <class Object> void name_set(const std::string &name, const detail::object_ref<Object> &object)
{
    detail::check(kin_name_set(name.c_str(), detail::object_traits<Object>::type, object.object()), "kin_name_set");
}

/* The object of that name, as an x_ref. Throws KIN_E_NOT_FOUND and the others of kin_name_get. */
template <class Ref> Ref name_get(const std::string &name, family_ref family = {})
{
    using object = typename Ref::c_type;
    void *found = nullptr;
    detail::check(kin_name_get(&found, family.get(), name.c_str(), detail::object_traits<object>::type),
                  "kin_name_get");
    return Ref(static_cast<object *>(found));
}

/* Removes the name; the object stays. Throws KIN_E_NOT_FOUND. */
inline void name_remove(const std::string &name, family_ref family = {})
{
    detail::check(kin_name_remove(family.get(), name.c_str()), "kin_name_remove");
}

namespace detail
{

template <class Visit> kin_status show_name(const char *name, kin_type type, kin_ref reference, void *context) noexcept
{
    return static_cast<visitor<Visit> *>(context)->run(
        [&](Visit &visit) { return visit(std::string(name), type, reference); });
}

} // namespace detail

/* Calls visit(name, type, reference) for each name whose object exists, in no order, without a lock. If visit returns a
 * bool, false ends it. If visit throws, this throws the same. */
template <class Visit> void name_for_each(Visit visit, family_ref family = {})
{
    detail::visitor<Visit> context(visit);
    context.finish(kin_name_for_each(family.get(), &detail::show_name<Visit>, &context), "kin_name_for_each");
}

} // namespace kin

#endif
