/* cpp/queue.hpp: messages from many producers to many consumers.
 *
 *     kin::queue<job> jobs;                             // job is trivially copyable
 *     jobs.put({1, 2});                                 // in some processes
 *     for (job next : jobs) { ... }                     // in others: until it is closed and empty
 *     jobs.close();
 *
 *     kin::byte_queue lines;                            // messages of any length
 *     lines.put("one line");
 *     std::string line = lines.get();
 *
 * put and get wait for as long as that takes; try_put and try_get wait for the time that they are given, by default not
 * at all. All throw KIN_E_CLOSED: put after close(), get when the queue is closed and empty.
 */
#ifndef KIN_CPP_QUEUE_HPP
#define KIN_CPP_QUEUE_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "../queue.h"
#include "bytes.hpp"
#include "object.hpp"
#include "timeout.hpp"

namespace kin
{

namespace detail
{

KIN_DETAIL_OBJECT(queue, KIN_TYPE_QUEUE)

inline kin_queue *create_queue(family_ref family, const kin_queue_options *options)
{
    return create<kin_queue>("kin_queue_create", kin_queue_create, family.get(), options);
}

/* What queues of all types have. */
class queue_base : public object_ref<kin_queue>
{
  public:
    using object_ref::object_ref;

    /* From now on nothing can be put; gets go on until it is empty. */
    void close() const
    {
        check(kin_queue_close(object()), "kin_queue_close");
    }

    /* Messages in it, at some moment during the call. */
    std::size_t size() const
    {
        std::size_t count = 0;
        check(kin_queue_size(object(), &count), "kin_queue_size");
        return count;
    }
    bool empty() const
    {
        int empty = 0;
        check(kin_queue_empty(object(), &empty), "kin_queue_empty");
        return empty != 0;
    }
    bool full() const
    {
        int full = 0;
        check(kin_queue_full(object(), &full), "kin_queue_full");
        return full != 0;
    }
    kin_queue_info inspect() const
    {
        kin_queue_info info = KIN_QUEUE_INFO_INIT;
        check(kin_queue_inspect(object(), &info), "kin_queue_inspect");
        return info;
    }

    /* With KIN_QUEUE_JOINABLE: a message that this process got is dealt with. Throws KIN_E_OVERFLOW, KIN_E_UNSUPPORTED.
     * */
    void task_done() const
    {
        check(kin_queue_task_done(object()), "kin_queue_task_done");
    }
    /* A process that passes a message on passes this number with it, so that the other one can call task_done_for. */
    std::uint64_t getter() const
    {
        std::uint64_t number = 0;
        check(kin_queue_getter(object(), &number), "kin_queue_getter");
        return number;
    }
    /* The same for a message that another process got. Throws KIN_E_OVERFLOW, KIN_E_STALE, KIN_E_UNSUPPORTED. */
    void task_done_for(std::uint64_t getter) const
    {
        check(kin_queue_task_done_for(object(), getter), "kin_queue_task_done_for");
    }
    /* Waits until the queue is empty and all that was got is dealt with. */
    void join() const
    {
        try_join(forever);
    }
    bool try_join(timeout limit = now) const
    {
        return check_unless(KIN_E_TIMED_OUT, kin_queue_join(object(), limit.nanoseconds()), "kin_queue_join");
    }

  protected:
    bool put_bytes(bytes_view bytes, timeout limit) const
    {
        kin_status status = kin_queue_put(object(), bytes.data(), bytes.size(), limit.nanoseconds());
        return check_unless(KIN_E_TIMED_OUT, status, "kin_queue_put");
    }
    std::uint64_t put_bytes_over(bytes_view bytes) const
    {
        std::uint64_t dropped = 0;
        check(kin_queue_put_over(object(), bytes.data(), bytes.size(), &dropped), "kin_queue_put_over");
        return dropped;
    }
};

} // namespace detail

/* A queue of T that other code owns. T is trivially copyable. */
template <class T> class queue_ref : public detail::queue_base
{
  public:
    using value_type = T;
    using detail::queue_base::queue_base;

    void put(const T &message) const
    {
        put_bytes(detail::transfer<T>::view(message), forever);
    }
    /* false: there was no room within that time. */
    bool try_put(const T &message, timeout limit = now) const
    {
        return put_bytes(detail::transfer<T>::view(message), limit);
    }

    /* Puts it without waiting; if there is no room, drops the oldest messages until there is. Returns how many. */
    std::uint64_t put_over(const T &message) const
    {
        return put_bytes_over(detail::transfer<T>::view(message));
    }

    /* Throws KIN_E_SIZE for a message that is not of T's size: a longer one stays in the queue, a shorter one is lost.
     * */
    T get() const
    {
        T message;
        take(message, forever);
        return message;
    }
    /* Nothing: there was no message within that time. */
    std::optional<T> try_get(timeout limit = now) const
    {
        T message;
        return take(message, limit) ? std::optional<T>(message) : std::nullopt;
    }

    /* A copy of the next message, which stays in the queue: another consumer may get it at any time. Nothing: there is
     * none. Throws KIN_E_SIZE for a message that is not of T's size. */
    std::optional<T> front() const
    {
        T message;
        kin_status status = detail::transfer<T>::read(message, "kin_queue_front",
                                                      [&](void *buffer, std::size_t capacity, std::size_t *size) {
                                                          return kin_queue_front(object(), buffer, capacity, size);
                                                      });
        return detail::check_unless(KIN_E_TIMED_OUT, status, "kin_queue_front") ? std::optional<T>(message)
                                                                                : std::nullopt;
    }

    /* Several at once, which costs less for each. put_many puts count messages in this order; try_put_many returns how
     * many it put before the time was over. If the queue is closed meanwhile they throw KIN_E_CLOSED, and what was put
     * stays. */
    void put_many(const T *messages, std::size_t count) const
    {
        try_put_many(messages, count, forever);
    }
    std::size_t try_put_many(const T *messages, std::size_t count, timeout limit = now) const
    {
        detail::deadline end(limit);
        std::size_t total = 0;
        while (total < count) {
            std::size_t put = 0;
            batch some(const_cast<T *>(messages) + total, count - total);
            kin_status status = kin_queue_put_many(object(), some.messages, some.count, &put, end.rest().nanoseconds());
            total += put;
            if (!detail::check_unless(KIN_E_TIMED_OUT, status, "kin_queue_put_many")) {
                break;
            }
        }
        return total;
    }
    /* Gets at least one message, and as many more as are there, up to count and 64; returns how many. try_get_many: 0
     * if there was none within that time. Throws KIN_E_SIZE as get(). */
    std::size_t get_many(T *messages, std::size_t count) const
    {
        return try_get_many(messages, count, forever);
    }
    std::size_t try_get_many(T *messages, std::size_t count, timeout limit = now) const
    {
        std::size_t got = 0;
        batch some(messages, count);
        kin_status status = kin_queue_get_many(object(), some.messages, some.count, &got, limit.nanoseconds());
        if (status == KIN_E_BUFFER) {
            throw error(KIN_E_SIZE, "kin_queue_get_many");
        }
        if (!detail::check_unless(KIN_E_TIMED_OUT, status, "kin_queue_get_many")) {
            return 0;
        }
        for (std::size_t i = 0; i < got; i++) {
            if (some.messages[i].size != sizeof(T)) {
                throw error(KIN_E_SIZE, "kin_queue_get_many");
            }
        }
        return got;
    }

    /* Goes through the messages that this consumer gets, until the queue is closed and empty. */
    class iterator
    {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using pointer = const T *;
        using reference = const T &;

        iterator() = default;
        explicit iterator(const queue_ref &queue) : queue_(queue)
        {
            ++*this;
        }
        reference operator*() const
        {
            return *message_;
        }
        pointer operator->() const
        {
            return &*message_;
        }
        iterator &operator++()
        {
            T message;
            kin_status status = queue_.read(message, forever);
            if (status == KIN_E_CLOSED) {
                message_.reset();
            } else {
                detail::check(status, "kin_queue_get");
                message_ = message;
            }
            return *this;
        }
        void operator++(int)
        {
            ++*this;
        }
        /* Only "at the end" is compared. */
        friend bool operator==(const iterator &a, const iterator &b)
        {
            return a.message_.has_value() == b.message_.has_value();
        }
        friend bool operator!=(const iterator &a, const iterator &b)
        {
            return !(a == b);
        }

      private:
        queue_ref queue_;
        std::optional<T> message_;
    };
    iterator begin() const
    {
        return iterator(*this);
    }
    iterator end() const
    {
        return iterator();
    }

  private:
    static_assert(std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T>,
                  "a message is of plain bytes; for others use kin::byte_queue");

    /* Where some messages are, for the C functions. */
    struct batch {
        static constexpr std::size_t most = 64;
        kin_message messages[most];
        std::size_t count;

        batch(T *first, std::size_t wanted) : count(wanted < most ? wanted : most)
        {
            for (std::size_t i = 0; i < count; i++) {
                messages[i] = {first + i, sizeof(T), sizeof(T)};
            }
        }
    };

    kin_status read(T &message, timeout limit) const
    {
        return detail::transfer<T>::read(
            message, "kin_queue_get", [&](void *buffer, std::size_t capacity, std::size_t *size) {
                return kin_queue_get(object(), buffer, capacity, size, limit.nanoseconds());
            });
    }
    bool take(T &message, timeout limit) const
    {
        return detail::check_unless(KIN_E_TIMED_OUT, read(message, limit), "kin_queue_get");
    }
};

/* A queue of T of its own, created in a family; destroyed by its destructor. */
template <class T> class queue : public detail::owned<queue_ref<T>>
{
  public:
    explicit queue(family_ref family = {}, const kin_queue_options *options = nullptr)
        : detail::owned<queue_ref<T>>(detail::create_queue(family, options))
    {
    }
};

/* Room for a message inside the queue, for the thread that reserved it. The destructor gives it back unused. */
class reserved_message
{
  public:
    reserved_message(kin_queue *queue, void *data, std::size_t size) noexcept : queue_(queue), data_(data), size_(size)
    {
    }
    reserved_message(reserved_message &&other) noexcept
        : queue_(other.queue_), data_(std::exchange(other.data_, nullptr)), size_(other.size_)
    {
    }
    reserved_message &operator=(reserved_message &&) = delete;
    ~reserved_message()
    {
        if (data_) {
            kin_queue_discard(queue_, data_);
        }
    }

    void *data() const noexcept
    {
        return data_;
    }
    std::size_t size() const noexcept
    {
        return size_;
    }

    /* Makes it a message of its first size bytes. Throws KIN_E_STALE, KIN_E_TOO_BIG. */
    void commit(std::size_t size)
    {
        detail::check(kin_queue_commit(queue_, data_, size), "kin_queue_commit");
        data_ = nullptr;
    }
    void commit()
    {
        commit(size_);
    }

  private:
    kin_queue *queue_;
    void *data_;
    std::size_t size_;
};

/* A message where it lies in the queue, for the thread that peeked it. The destructor gives its room back. */
class peeked_message
{
  public:
    peeked_message(kin_queue *queue, const void *data, std::size_t size) noexcept
        : queue_(queue), data_(data), size_(size)
    {
    }
    peeked_message(peeked_message &&other) noexcept
        : queue_(other.queue_), data_(std::exchange(other.data_, nullptr)), size_(other.size_)
    {
    }
    peeked_message &operator=(peeked_message &&) = delete;
    ~peeked_message()
    {
        if (data_) {
            kin_queue_consume(queue_, data_);
        }
    }

    const void *data() const noexcept
    {
        return data_;
    }
    std::size_t size() const noexcept
    {
        return size_;
    }
    std::string_view view() const noexcept
    {
        return {static_cast<const char *>(data_), size_};
    }

  private:
    kin_queue *queue_;
    const void *data_;
    std::size_t size_;
};

/* A queue of byte strings that other code owns. */
class byte_queue_ref : public detail::queue_base
{
  public:
    using queue_base::queue_base;

    void put(bytes_view message) const
    {
        put_bytes(message, forever);
    }
    /* false: there was no room within that time. */
    bool try_put(bytes_view message, timeout limit = now) const
    {
        return put_bytes(message, limit);
    }

    /* As kin::queue has it. */
    std::uint64_t put_over(bytes_view message) const
    {
        return put_bytes_over(message);
    }

    std::string get() const
    {
        return std::string(peek().view());
    }
    /* Nothing: there was no message within that time. */
    std::optional<std::string> try_get(timeout limit = now) const
    {
        std::optional<peeked_message> message = try_peek(limit);
        return message ? std::optional<std::string>(message->view()) : std::nullopt;
    }

    /* As kin::queue has it. */
    std::optional<std::string> front() const
    {
        std::string message;
        kin_status status = detail::transfer<std::string>::read(
            message, "kin_queue_front", [&](void *buffer, std::size_t capacity, std::size_t *size) {
                return kin_queue_front(object(), buffer, capacity, size);
            });
        return detail::check_unless(KIN_E_TIMED_OUT, status, "kin_queue_front")
                   ? std::optional<std::string>(std::move(message))
                   : std::nullopt;
    }

    /* In place, without copying: see kin_queue_reserve and kin_queue_peek. A message that was peeked is got: its
     * destructor frees its room in the queue. */
    reserved_message reserve(std::size_t size) const
    {
        return *try_reserve(size, forever);
    }
    std::optional<reserved_message> try_reserve(std::size_t size, timeout limit = now) const
    {
        void *memory = nullptr;
        kin_status status = kin_queue_reserve(&memory, object(), size, limit.nanoseconds());
        if (!detail::check_unless(KIN_E_TIMED_OUT, status, "kin_queue_reserve")) {
            return std::nullopt;
        }
        return std::optional<reserved_message>(std::in_place, object(), memory, size);
    }
    peeked_message peek() const
    {
        return *try_peek(forever);
    }
    std::optional<peeked_message> try_peek(timeout limit = now) const
    {
        const void *memory = nullptr;
        std::size_t size = 0;
        kin_status status = kin_queue_peek(&memory, &size, object(), limit.nanoseconds());
        if (!detail::check_unless(KIN_E_TIMED_OUT, status, "kin_queue_peek")) {
            return std::nullopt;
        }
        return std::optional<peeked_message>(std::in_place, object(), memory, size);
    }
};

/* A queue of byte strings of its own, created in a family; destroyed by its destructor. */
class byte_queue : public detail::owned<byte_queue_ref>
{
  public:
    explicit byte_queue(family_ref family = {}, const kin_queue_options *options = nullptr)
        : owned(detail::create_queue(family, options))
    {
    }
};

} // namespace kin

#endif
