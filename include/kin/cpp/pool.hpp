/* cpp/pool.hpp: workers: processes that wait for tasks, and stay.
 *
 *     KIN_TASK(square, int, int)                        // its input is called in
 *     {
 *         return in * in;
 *     }
 *
 *     int main()
 *     {
 *         kin::child_main();
 *         kin::pool pool;                               // as many workers as processors
 *         kin::buffer<int> numbers(1000), squares(1000);
 *         ...
 *         pool.map(numbers, squares, square);           // numbers and squares lie in shared memory
 *         kin::future<int> one = pool.submit(square, 7);
 *         std::cout << one.get();                       // 49
 *     }
 *
 * Inputs and outputs of tasks are trivially copyable types, or std::string: bytes of any number, in the family's memory
 * on their way.
 *
 * A task that throws has failed; the message is what() of its exception, cut to 127 bytes. The waiting call
 * throws kin::task_error with that message.
 */
#ifndef KIN_CPP_POOL_HPP
#define KIN_CPP_POOL_HPP

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iterator>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../pool.h"
#include "bytes.hpp"
#include "handle.hpp"
#include "process.hpp"

namespace kin
{

/* ---- in the worker ---- */

/* The item that a task works on. */
struct task_item {
    std::uint64_t index;   /* its number among all of the job */
    std::uint32_t attempt; /* 0; more if workers died of it before */
    args_ref args;         /* the job's */
    args_ref shared;       /* the pool's */
};

namespace detail
{

template <class T> inline constexpr bool travels = std::is_trivially_copyable_v<T> || std::is_same_v<T, std::string>;

} // namespace detail

/* A function that workers run, from one In to one Out (void: none); KIN_TASK makes one. It has to be a static object.
 * */
template <class In, class Out> class task : public detail::registered<kin_task_entry>
{
  public:
    static_assert(detail::travels<In> && (std::is_void_v<Out> || detail::travels<Out>),
                  "what tasks read and write is plain bytes, or a std::string");
    task(const char *name, int (*run)(kin_task *)) noexcept : registered(kin_task_entry{name, run})
    {
    }
};

namespace detail
{

/* Of the room for an item; 0: it has none, or any size. */
template <class T> constexpr std::size_t size_of()
{
    if constexpr (std::is_void_v<T> || std::is_same_v<T, std::string>) {
        return 0;
    } else {
        return sizeof(T);
    }
}

inline int fail_task(kin_task *task, const char *text) noexcept
{
    std::snprintf(task->message, sizeof task->message, "%s", text);
    return KIN_E_TASK;
}

template <class In> decltype(auto) read_item(const kin_task *task, std::size_t i)
{
    if constexpr (std::is_same_v<In, std::string>) {
        const void *bytes = nullptr;
        std::size_t size = 0;
        check(kin_task_input(&bytes, &size, task, i), "kin_task_input");
        return transfer<In>::from(bytes, size, "kin_task_input");
    } else {
        return static_cast<const In *>(task->in)[i];
    }
}

template <class Out> void write_item(kin_task *task, std::size_t i, const Out &value)
{
    if constexpr (std::is_same_v<Out, std::string>) {
        void *bytes = nullptr;
        check(kin_task_output(&bytes, task, value.size()), "kin_task_output");
        std::memcpy(bytes, value.data(), value.size());
    } else {
        static_cast<Out *>(task->out)[i] = value;
    }
}

template <class In, class Out, Out (*body)(const In &, const task_item &)> void run_items(kin_task *task)
{
    for (std::size_t i = 0; i < task->count; i++) {
        task_item item{task->index + i, task->attempt, task->args, task->shared};
        if constexpr (std::is_void_v<Out>) {
            body(read_item<In>(task, i), item);
        } else {
            write_item<Out>(task, i, body(read_item<In>(task, i), item));
        }
    }
}

/* Whether the job's items are of the task's types. A task has one output of any size. */
template <class In, class Out> bool fits(const kin_task *task) noexcept
{
    bool in = std::is_same_v<In, std::string> || (task->in && task->in_size == sizeof(In));
    return in && task->out_size == size_of<Out>() && (!std::is_same_v<Out, std::string> || task->count == 1);
}

/* No exception may pass the worker, which is C. */
template <class In, class Out, Out (*body)(const In &, const task_item &)> int run_task(kin_task *task) noexcept
{
    if (!fits<In, Out>(task)) {
        return fail_task(task, "the job's items are not of the task's types");
    }
    try {
        run_items<In, Out, body>(task);
        return 0;
    } catch (const std::exception &thrown) {
        return fail_task(task, thrown.what());
    } catch (...) {
        return fail_task(task, "an exception that is no std::exception");
    }
}

} // namespace detail

/* KIN_TASK(name, In, Out) { ... }: defines the task of that name, a kin::task<In, Out>, with the function body that
 * follows. In it, in is a const In &, item a const kin::task_item &; it returns an Out. As KIN_CHILD otherwise. */
#define KIN_TASK(name, In, Out)                                                                                        \
    static Out kin_task_body_##name(const In &in, const kin::task_item &item);                                         \
    static const kin::task<In, Out> name(#name, &kin::detail::run_task<In, Out, &kin_task_body_##name>);               \
    static Out kin_task_body_##name([[maybe_unused]] const In &in, [[maybe_unused]] const kin::task_item &item)

/* ---- jobs ---- */

/* A job was not done: status() is KIN_E_TASK, KIN_E_WORKER_DIED, KIN_E_CANCELLED or KIN_E_TIMED_OUT. */
class task_error : public error
{
  public:
    task_error(kin_status status, const char *call, const kin_job_result &result)
        : error(status, call, reason(result)), result_(result)
    {
    }
    /* How many tasks ended in which way, and the first trouble. */
    const kin_job_result &result() const noexcept
    {
        return result_;
    }

  private:
    static std::string reason(const kin_job_result &result)
    {
        return result.message[0] == '\0' ? std::string(kin_last_error())
                                         : "task " + std::to_string(result.task) + ": " + result.message;
    }

    kin_job_result result_;
};

namespace detail
{

inline kin_job_result inspect_future(kin_future *future)
{
    kin_job_result result = KIN_JOB_RESULT_INIT;
    check(kin_future_inspect(future, &result), "kin_future_inspect");
    return result;
}

inline bool job_failed(kin_status status) noexcept
{
    return status == KIN_E_TASK || status == KIN_E_WORKER_DIED || status == KIN_E_CANCELLED;
}

} // namespace detail

/* A task of a job: items [first, first + count), and what it returned: 0, or KIN_E_TASK and the like. */
struct ended_task {
    std::uint64_t first, count;
    int status;
};

namespace detail
{

struct close_future {
    void operator()(kin_future *owned) const noexcept
    {
        kin_future_close(owned);
    }
};

} // namespace detail

/* Work that was submitted. The destructor cancels what has not begun, and waits for what has. One thread at a time. */
template <class T> class future : public detail::unique_handle<kin_future, detail::close_future>
{
  public:
    /* Takes over what a C function gave. */
    explicit future(kin_future *owned) noexcept : unique_handle(owned)
    {
    }

    kin_future *native() const noexcept
    {
        return unique_handle::get();
    }

    /* Waits until all its tasks have ended. Throws kin::task_error if one was not done. */
    void wait()
    {
        sleep(forever);
    }
    /* false: it goes on. */
    template <class Rep, class Period> bool wait_for(const std::chrono::duration<Rep, Period> &duration)
    {
        return sleep(duration);
    }
    template <class Clock, class Duration> bool wait_until(const std::chrono::time_point<Clock, Duration> &time)
    {
        return detail::try_until(time, [this](timeout limit) { return sleep(limit); });
    }
    bool ready()
    {
        return kin_future_ready(native()) != 0;
    }

    /* Waits, and returns what the task returned. May be asked again. */
    T get()
    {
        sleep(forever);
        if constexpr (!std::is_void_v<T>) {
            const void *bytes = nullptr;
            std::size_t size = 0;
            detail::check(kin_future_get(&bytes, &size, native(), KIN_NOW), "kin_future_get");
            return detail::transfer<T>::from(bytes, size, "kin_future_get");
        }
    }

    /* The next task that has ended: in the order of their items, or as they end. Nothing: all have been given. */
    std::optional<ended_task> next(bool in_order = true)
    {
        ended_task ended{};
        kin_status status = kin_future_next(native(), in_order, &ended.first, &ended.count, &ended.status, KIN_FOREVER);
        if (!detail::check_unless(KIN_E_END, status, "kin_future_next")) {
            return std::nullopt;
        }
        return ended;
    }

    /* The output of the task that has that item, a std::string; the task is done. Throws as kin_future_output. */
    std::string output(std::uint64_t item = 0) const
    {
        const void *bytes = nullptr;
        std::size_t size = 0;
        detail::check(kin_future_output(&bytes, &size, native(), item), "kin_future_output");
        return detail::transfer<std::string>::from(bytes, size, "kin_future_output");
    }

    /* Cancels its tasks that nobody has begun. false: some are being run. */
    bool cancel()
    {
        return detail::check_unless(KIN_E_BUSY, kin_future_cancel(native()), "kin_future_cancel");
    }
    /* Ends those as well, with the workers that run them. */
    void kill()
    {
        detail::check(kin_future_kill(native()), "kin_future_kill");
    }
    kin_job_result inspect() const
    {
        return detail::inspect_future(native());
    }

  private:
    bool sleep(timeout limit)
    {
        kin_status status = kin_future_wait(native(), limit.nanoseconds());
        if (detail::job_failed(status)) {
            throw task_error(status, "kin_future_wait", inspect());
        }
        return detail::check_unless(KIN_E_TIMED_OUT, status, "kin_future_wait");
    }
};

/* ---- the pool ---- */

namespace detail
{

template <class Range> using item_of = std::remove_pointer_t<decltype(std::data(std::declval<Range &>()))>;

/* prototype: what the caller wants beside the arrays (args, chunk, retries, limit). */
template <class In, class Out>
kin_job make_job(const task<In, Out> &task, const In *in, std::size_t count, void *out, const kin_job &prototype)
{
    kin_job job = prototype;
    job.task = task.name();
    job.in = in;
    job.in_size = sizeof(In);
    job.out = out;
    job.out_size = size_of<Out>();
    job.count = count;
    return job;
}

template <class InRange, class OutRange, class In, class Out>
kin_job make_map(const InRange &in, OutRange &out, const task<In, Out> &task, const kin_job &prototype)
{
    static_assert(std::is_same_v<std::remove_const_t<item_of<const InRange>>, In>, "an array of the task's input type");
    static_assert(std::is_same_v<item_of<OutRange>, Out>, "an array of the task's output type");
    if (std::size(in) != std::size(out) || std::size(in) == 0) {
        throw error(KIN_E_ARGUMENT, "kin::pool::map");
    }
    return make_job(task, std::data(in), std::size(in), std::data(out), prototype);
}

inline const kin_job no_wishes = KIN_JOB_INIT;

} // namespace detail

namespace detail
{

struct close_pool {
    void operator()(kin_pool *owned) const noexcept
    {
        kin_pool_destroy(owned);
    }
};

} // namespace detail

/* Workers in a family. All threads of the process that made it may use it. The destructor ends the workers and what
 * they are doing; futures may be closed before or after. */
class pool : public detail::unique_handle<kin_pool, detail::close_pool>
{
  public:
    /* options: as kin_pool_create. Throws as that. */
    explicit pool(const kin_pool_options *options = nullptr, family_ref family = {})
        : unique_handle(detail::create<kin_pool>("kin_pool_create", kin_pool_create, family.get(), options))
    {
    }

    /* Runs the task for each item of in, and waits; results come to the same places of out, which may be in itself.
     * Both are contiguous ranges of one size, in the family's memory: kin::buffer, or std::span and the like over it.
     * job: args, chunk, retries and limit are heeded, the rest is overwritten. Throws kin::task_error, KIN_E_NOT_SHARED
     * (not in the family's memory), KIN_E_ARGUMENT (sizes differ, or 0) and the others of kin_pool_map. */
    template <class InRange, class OutRange, class In, class Out>
    void map(const InRange &in, OutRange &&out, const task<In, Out> &task, const kin_job &job = detail::no_wishes)
    {
        wait_for_map(detail::make_map(in, out, task, job));
    }
    /* A task without output. */
    template <class InRange, class In>
    void map(const InRange &in, const task<In, void> &task, const kin_job &job = detail::no_wishes)
    {
        wait_for_map(detail::make_job(task, std::data(in), std::size(in), nullptr, job));
    }

    /* The same without waiting. in and out are borrowed until the future is ready or closed. */
    template <class InRange, class OutRange, class In, class Out>
    future<void> start(const InRange &in, OutRange &&out, const task<In, Out> &task,
                       const kin_job &job = detail::no_wishes)
    {
        return future<void>(submit_job(detail::make_map(in, out, task, job)));
    }

    /* Runs the task once; in is copied now. */
    template <class In, class Out>
    future<Out> submit(const task<In, Out> &task, const In &in, const kin_job &job = detail::no_wishes)
    {
        kin_job single = detail::make_job(task, &in, 0, nullptr, job);
        if constexpr (std::is_same_v<In, std::string>) {
            single.in = in.data();
            single.in_size = in.size();
        }
        return future<Out>(submit_job(single));
    }

    /* Runs the task for each string, which is copied now; future::output gives what became of it. */
    future<void> start(const std::vector<std::string> &in, const task<std::string, std::string> &task,
                       const kin_job &job = detail::no_wishes)
    {
        std::vector<kin_bytes> inputs;
        kin_job strings = job;
        for (const std::string &one : in) {
            inputs.push_back(kin_bytes{one.data(), one.size()});
        }
        strings.task = task.name();
        strings.inputs = inputs.data();
        strings.in = nullptr;
        strings.out = nullptr;
        strings.in_size = strings.out_size = 0;
        strings.count = in.size();
        strings.chunk = 1;
        if (in.empty()) {
            throw error(KIN_E_ARGUMENT, "kin::pool::start");
        }
        return future<void>(submit_job(strings));
    }
    /* The same, and waits: what became of each. Throws kin::task_error. */
    std::vector<std::string> map(const std::vector<std::string> &in, const task<std::string, std::string> &task,
                                 const kin_job &job = detail::no_wishes)
    {
        std::vector<std::string> out;
        future<void> all = start(in, task, job);
        all.wait();
        for (std::size_t i = 0; i < in.size(); i++) {
            out.push_back(all.output(i));
        }
        return out;
    }

    /* For kin::work, in processes that the program starts; the pool has options.external. */
    kin_ref ref() const
    {
        kin_ref made{};
        detail::check(kin_pool_ref(&made, get()), "kin_pool_ref");
        return made;
    }

    void resize(std::uint32_t workers)
    {
        detail::check(kin_pool_resize(get(), workers), "kin_pool_resize");
    }
    /* No further work; what there is will be done. */
    void close()
    {
        detail::check(kin_pool_close(get()), "kin_pool_close");
    }
    /* Kills the workers now, whatever they do, and cancels all unfinished jobs. */
    void terminate()
    {
        detail::check(kin_pool_terminate(get()), "kin_pool_terminate");
    }
    /* Waits until all workers of a closed or terminated pool have ended. */
    void join()
    {
        try_join(forever);
    }
    bool try_join(timeout limit = now)
    {
        return detail::check_unless(KIN_E_TIMED_OUT, kin_pool_join(get(), limit.nanoseconds()), "kin_pool_join");
    }
    /* Looks after the pool, for a program that waits elsewhere. */
    void poll()
    {
        detail::check(kin_pool_poll(get()), "kin_pool_poll");
    }
    kin_pool_info inspect() const
    {
        kin_pool_info info = KIN_POOL_INFO_INIT;
        detail::check(kin_pool_inspect(get(), &info), "kin_pool_inspect");
        return info;
    }

  private:
    void wait_for_map(const kin_job &job)
    {
        kin_job_result result = KIN_JOB_RESULT_INIT;
        kin_status status = kin_pool_map(get(), &job, &result, KIN_FOREVER);
        if (detail::job_failed(status)) {
            throw task_error(status, "kin_pool_map", result);
        }
        detail::check(status, "kin_pool_map");
    }
    kin_future *submit_job(const kin_job &job)
    {
        kin_future *made = nullptr;
        detail::check(kin_pool_submit(&made, get(), &job, KIN_FOREVER), "kin_pool_submit");
        return made;
    }
};

/* The calling thread is a worker of the pool with that reference (pool::ref). true: the pool is closed, or max_tasks
 * (0: any number) are run. false: no task has come for so long. Throws as kin_pool_work. */
inline bool work(kin_ref pool, std::uint64_t max_tasks = 0, timeout limit = forever)
{
    return detail::check_unless(KIN_E_TIMED_OUT, kin_pool_work(pool, max_tasks, limit.nanoseconds()), "kin_pool_work");
}

} // namespace kin

#endif
