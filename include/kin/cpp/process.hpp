/* cpp/process.hpp: start children, hand them things, wait for them.
 *
 *     KIN_CHILD(count)                                  // the child's entry; its arguments are called args
 *     {
 *         auto total = args.get<kin::value_ref<int>>("total");
 *         ...
 *         return 0;                                     // its exit code
 *     }
 *
 *     int main()
 *     {
 *         kin::child_main();                            // first: in a spawned child it does not return
 *         kin::value<int> total;
 *         kin::args args;
 *         args.add("total", total);
 *         kin::process child(count, args);
 *         child.join();
 *     }
 *
 * An exception that leaves an entry ends the child with the exit code kin::exit_exception; its what() goes to the
 * standard error. What its destructors release is released.
 */
#ifndef KIN_CPP_PROCESS_HPP
#define KIN_CPP_PROCESS_HPP

#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../pool.h"
#include "../process.h"
#include "bytes.hpp"
#include "handle.hpp"
#include "memory.hpp"
#include "object.hpp"
#include "pipe.hpp"
#include "timeout.hpp"

namespace kin
{

/* ---- named arguments ---- */

/* The arguments of a child, in the child. */
class args_ref
{
  public:
    constexpr args_ref(const kin_args *args = nullptr) noexcept : args_(args)
    {
    }
    const kin_args *get() const noexcept
    {
        return args_;
    }

    /* The argument of that name, by its type:
     *   lock_ref and the other x_ref   an object
     *   U *                            a block of shared memory (kin::unique, kin::buffer)
     *   std::string, std::string_view  bytes; the view is valid until the entry returns
     *   kin::pipe                      an endpoint, which is the child's own: ask for it once
     *   a trivially copyable type      its bytes
     * Throws KIN_E_NOT_FOUND, KIN_E_TYPE and the others of the C function. */
    template <class T> T get(const std::string &name) const
    {
        if constexpr (detail::is_object<T>::value) {
            using object = typename T::c_type;
            return T(static_cast<object *>(find(name, detail::object_traits<object>::type)));
        } else if constexpr (std::is_pointer_v<T>) {
            return static_cast<T>(find(name, KIN_TYPE_MEMORY));
        } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
            return T(bytes(name));
        } else if constexpr (std::is_same_v<T, pipe>) {
            kin_pipe *found = nullptr;
            detail::check(kin_args_get_pipe(&found, args_, name.c_str()), "kin_args_get_pipe");
            return pipe(found);
        } else {
            std::string_view view = bytes(name);
            return detail::transfer<T>::from(view.data(), view.size(), "kin_args_get_bytes");
        }
    }

    /* A handle, the child's own, to keep or to close. Throws KIN_E_HANDLE if it is not of that kind. */
    kin_handle get_handle(const std::string &name, kin_handle_kind kind = KIN_HANDLE_ANY) const
    {
        kin_handle found = KIN_NO_HANDLE;
        detail::check(kin_args_get_handle(&found, args_, name.c_str(), kind), "kin_args_get_handle");
        return found;
    }
    /* The family that the child shares with its parent. */
    family_ref family() const
    {
        return kin_args_family(args_);
    }

  private:
    void *find(const std::string &name, kin_type type) const
    {
        void *object = nullptr;
        detail::check(kin_args_get_object(&object, args_, name.c_str(), type), "kin_args_get_object");
        return object;
    }
    std::string_view bytes(const std::string &name) const
    {
        const void *data = nullptr;
        std::size_t size = 0;
        detail::check(kin_args_get_bytes(&data, &size, args_, name.c_str()), "kin_args_get_bytes");
        return {static_cast<const char *>(data), size};
    }

    const kin_args *args_;
};

namespace detail
{

struct close_args {
    void operator()(kin_args *owned) const noexcept
    {
        kin_args_destroy(owned);
    }
};

} // namespace detail

/* A set of arguments to start children with. Not for several threads at once. */
class args : public detail::unique_handle<kin_args, detail::close_args>
{
  public:
    /* family: the one that the children become members of. */
    explicit args(family_ref family = {})
        : unique_handle(detail::create<kin_args>("kin_args_create", kin_args_create, family.get()))
    {
    }

    operator args_ref() const noexcept
    {
        return get();
    }

    /* An argument, by its type; see args_ref::get. Objects and memory go by reference, bytes are copied now. Returns
     * *this. Throws KIN_E_EXISTS and the others of the C functions. */
    template <class T> args &add(const std::string &name, const T &value)
    {
        if constexpr (detail::is_object<T>::value) {
            return add_object(name, detail::object_traits<typename T::c_type>::type, value.object());
        } else if constexpr (std::is_convertible_v<const T &, std::string_view>) {
            return add_bytes(name, std::string_view(value));
        } else if constexpr (std::is_pointer_v<T>) {
            return add_object(name, KIN_TYPE_MEMORY, value);
        } else {
            return add_bytes(name, detail::transfer<T>::view(value));
        }
    }
    template <class T> args &add(const std::string &name, const unique<T> &memory)
    {
        return add_object(name, KIN_TYPE_MEMORY, memory.get());
    }
    template <class T> args &add(const std::string &name, const buffer<T> &memory)
    {
        return add_object(name, KIN_TYPE_MEMORY, memory.data());
    }
    /* An endpoint; borrowed until the last start with these arguments. The child gets a duplicate: close this one after
     * the start, so that the child's death is seen. */
    args &add(const std::string &name, const pipe &endpoint)
    {
        detail::check(kin_args_add_pipe(get(), name.c_str(), endpoint.get()), "kin_args_add_pipe");
        return *this;
    }
    /* A handle; borrowed likewise. */
    args &add_handle(const std::string &name, kin_handle handle)
    {
        detail::check(kin_args_add_handle(get(), name.c_str(), handle), "kin_args_add_handle");
        return *this;
    }

  private:
    args &add_object(const std::string &name, kin_type type, const void *object)
    {
        detail::check(kin_args_add_object(get(), name.c_str(), type, object), "kin_args_add_object");
        return *this;
    }
    args &add_bytes(const std::string &name, bytes_view bytes)
    {
        detail::check(kin_args_add_bytes(get(), name.c_str(), bytes.data(), bytes.size()), "kin_args_add_bytes");
        return *this;
    }
};

/* ---- entries ---- */

/* The exit code of a child whose entry has thrown. */
inline constexpr int exit_exception = 114;

namespace detail
{

/* A static object that child_main registers: all of them form a list, before main begins. */
template <class Entry> class registered
{
  public:
    explicit registered(Entry entry) noexcept : entry_(entry), next_(std::exchange(first(), this))
    {
    }
    registered(const registered &) = delete;
    registered &operator=(const registered &) = delete;

    /* In memory that stays for as long as the program runs. */
    static const std::vector<Entry> &all()
    {
        static const std::vector<Entry> &entries = *new std::vector<Entry>(collect());
        return entries;
    }
    const char *name() const noexcept
    {
        return entry_.name;
    }

  private:
    static const registered *&first() noexcept
    {
        static const registered *head = nullptr;
        return head;
    }
    static std::vector<Entry> collect()
    {
        std::vector<Entry> entries;
        for (const registered *one = first(); one; one = one->next_) {
            entries.push_back(one->entry_);
        }
        return entries;
    }

    Entry entry_;
    const registered *next_;
};

/* No exception may pass the C function that calls an entry. */
inline int run_child(const char *name, int (*body)(const args_ref &), const kin_args *args) noexcept
{
    try {
        return body(args);
    } catch (const std::exception &thrown) {
        std::fprintf(stderr, "%s: %s\n", name, thrown.what());
    } catch (...) {
        std::fprintf(stderr, "%s: an exception that is no std::exception\n", name);
    }
    return exit_exception;
}

} // namespace detail

/* A function that children are started with; KIN_CHILD makes one. It has to be a static object. */
class child : public detail::registered<kin_child_entry>
{
  public:
    child(const char *name, int (*run)(const kin_args *)) noexcept : registered(kin_child_entry{name, run})
    {
    }
};

/* KIN_CHILD(name) { ... }: defines the entry of that name, a kin::child, with the function body that follows. In it,
 * args is a const kin::args_ref &; it returns the exit code, 0 to 255. At namespace scope; once for a name in a
 * program. In a static library it is registered only if the program uses something else of its object file. */
#define KIN_CHILD(name)                                                                                                \
    static int kin_child_body_##name(const kin::args_ref &args);                                                       \
    static const kin::child name(                                                                                      \
        #name, [](const kin_args *given) { return kin::detail::run_child(#name, kin_child_body_##name, given); });     \
    static int kin_child_body_##name([[maybe_unused]] const kin::args_ref &args)

/* Registers all entries and tasks (pool.hpp) of the program. Call it first in main, once. In a spawned child it runs
 * the entry, or the worker, and exits. Throws as kin_child_main and kin_register_tasks. */
inline void child_main()
{
    const std::vector<kin_task_entry> &tasks = detail::registered<kin_task_entry>::all();
    const std::vector<kin_child_entry> &entries = detail::registered<kin_child_entry>::all();
    if (!tasks.empty()) {
        detail::check(kin_register_tasks(tasks.data(), tasks.size()), "kin_register_tasks");
    }
    detail::check(kin_child_main(entries.empty() ? nullptr : entries.data(), entries.size()), "kin_child_main");
}

/* ---- processes ---- */

/* How a process ended. */
struct exit_status : kin_exit {
    /* Its entry returned 0. Of a program that is not a child (run.hpp), look at code. */
    bool succeeded() const noexcept
    {
        return how == KIN_END_RETURNED && code == 0;
    }
    /* For people: "returned 3", "ended by signal 11 (SIGSEGV)". */
    std::string text() const
    {
        char buffer[128];
        return kin_exit_text(this, buffer, sizeof buffer);
    }
};

namespace detail
{

struct close_process {
    void operator()(kin_process *owned) const noexcept
    {
        kin_process_close(owned);
    }
};

} // namespace detail

/* A child. The destructor forgets it: one that still runs goes on, so join() first. */
class process : public detail::unique_handle<kin_process, detail::close_process>
{
  public:
    /* Starts it. The C function copies the arguments. options: as kin_process_start. Throws as that. */
    explicit process(const child &entry, args_ref args = {}, const kin_process_options *options = nullptr)
        : process(std::string(entry.name()), args, options)
    {
    }
    /* An entry by name: also of another program, options->program. */
    explicit process(const std::string &entry, args_ref args = {}, const kin_process_options *options = nullptr)
        : unique_handle(
              detail::create<kin_process>("kin_process_start", kin_process_start, entry.c_str(), args.get(), options))
    {
    }

    /* Waits for its end. One thread at a time. */
    exit_status join()
    {
        return *try_join(forever);
    }
    /* Nothing: it still runs after that time. */
    std::optional<exit_status> try_join(timeout limit = now)
    {
        exit_status result{};
        kin_status status = kin_process_join(get(), limit.nanoseconds(), &result);
        if (!detail::check_unless(KIN_E_TIMED_OUT, status, "kin_process_join")) {
            return std::nullopt;
        }
        return result;
    }
    /* Asks it to end, waits for at most ask, kills it, waits for at most kill. Its how is KIN_END_KILLED or
     * KIN_END_SIGNAL if that was necessary. Throws KIN_E_TIMED_OUT if it has not ended even so. */
    exit_status stop(timeout ask, timeout kill = forever)
    {
        exit_status result{};
        detail::check(kin_process_stop(get(), ask.nanoseconds(), kill.nanoseconds(), &result), "kin_process_stop");
        return result;
    }
    void terminate()
    {
        detail::check(kin_process_terminate(get()), "kin_process_terminate");
    }
    void kill()
    {
        detail::check(kin_process_kill(get()), "kin_process_kill");
    }

    bool alive() const
    {
        return kin_process_alive(get()) != 0;
    }
    std::uint32_t pid() const noexcept
    {
        return kin_process_pid(get());
    }
    std::string name() const
    {
        return kin_process_name(get());
    }
};

} // namespace kin

#endif
