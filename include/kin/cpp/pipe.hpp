/* cpp/pipe.hpp: two connected endpoints that carry messages from process to process.
 *
 *     auto [ours, theirs] = kin::pipe::create();
 *     kin::args args;
 *     args.add("parent", theirs);
 *     kin::process child("worker", args);
 *     theirs.close();                                   // the child has it: now its death closes the pipe
 *     ours.send("hello");
 *     std::string answer = ours.recv();
 *
 * A kin::pipe is one endpoint, of this process alone, and closes it. send and recv wait for as long as that takes, and
 * throw KIN_E_CLOSED when the other side is closed or dead; try_send and try_recv wait for the time that they are
 * given, by default not at all.
 */
#ifndef KIN_CPP_PIPE_HPP
#define KIN_CPP_PIPE_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../pipe.h"
#include "bytes.hpp"
#include "handle.hpp"
#include "timeout.hpp"

namespace kin
{

namespace detail
{

struct close_pipe {
    void operator()(kin_pipe *owned) const noexcept
    {
        kin_pipe_close(owned);
    }
};

} // namespace detail

class pipe : public detail::unique_handle<kin_pipe, detail::close_pipe>
{
  public:
    /* Two endpoints. flags: KIN_PIPE_ONE_WAY: the first only sends, the second only receives. */
    static std::pair<pipe, pipe> create(std::uint32_t flags = 0)
    {
        kin_pipe *ends[2];
        detail::check(kin_pipe_create(ends, flags), "kin_pipe_create");
        return {pipe(ends[0]), pipe(ends[1])};
    }
    /* Takes over an endpoint that a C function gave. */
    explicit pipe(kin_pipe *owned) noexcept : unique_handle(owned)
    {
    }

    void close() noexcept
    {
        kin_pipe_close(detach());
    }

    void send(bytes_view message)
    {
        try_send(message, forever);
    }
    /* false: not sent within that time; nothing of it will arrive. */
    bool try_send(bytes_view message, timeout limit = now)
    {
        kin_status status = kin_pipe_send(get(), message.data(), message.size(), limit.nanoseconds());
        return detail::check_unless(KIN_E_TIMED_OUT, status, "kin_pipe_send");
    }

    /* Throws KIN_E_DAMAGED if the other side sent what is no message; KIN_E_BUFFER if something is attached: use
     * recv_with. */
    std::string recv()
    {
        return *try_recv(forever);
    }
    /* Nothing: no message within that time. */
    std::optional<std::string> try_recv(timeout limit = now)
    {
        std::string message(512, '\0');
        std::size_t size = 0;
        kin_status status;
        /* A message that is longer than the buffer is kept for the next call. */
        while ((status = kin_pipe_recv(get(), message.data(), message.size(), &size, limit.nanoseconds())) ==
                   KIN_E_BUFFER &&
               size > message.size()) {
            message.resize(size);
        }
        if (!detail::check_unless(KIN_E_TIMED_OUT, status, "kin_pipe_recv")) {
            return std::nullopt;
        }
        message.resize(size);
        return message;
    }
    /* The length of the next message, when one has begun to come. Nothing: none within that time. */
    std::optional<std::size_t> try_poll(timeout limit = now)
    {
        std::size_t size = 0;
        kin_status status = kin_pipe_poll(get(), &size, limit.nanoseconds());
        if (!detail::check_unless(KIN_E_TIMED_OUT, status, "kin_pipe_poll")) {
            return std::nullopt;
        }
        return size;
    }

    /* The same with attachments: endpoints and handles, of which the receiver gets duplicates. Borrowed for the call.
     * */
    void send_with(bytes_view message, const std::vector<kin_attachment> &attachments)
    {
        kin_status status = kin_pipe_send_with(get(), message.data(), message.size(), attachments.data(),
                                               attachments.size(), KIN_FOREVER);
        detail::check(status, "kin_pipe_send_with");
    }
    /* The caller owns what comes into attachments: an endpoint becomes a kin::pipe, a handle is to be closed. */
    std::string recv_with(std::vector<kin_attachment> &attachments)
    {
        std::string message(512, '\0');
        std::size_t size = 0, count = KIN_ATTACHMENTS_MAX;
        kin_status status;
        attachments.resize(count);
        while ((status = kin_pipe_recv_with(get(), message.data(), message.size(), &size, attachments.data(), &count,
                                            KIN_FOREVER)) == KIN_E_BUFFER &&
               size > message.size()) {
            message.resize(size);
            count = attachments.size();
        }
        attachments.resize(status == KIN_OK ? count : 0);
        detail::check(status, "kin_pipe_recv_with");
        message.resize(size);
        return message;
    }

    /* What the system can wait for: see kin_pipe_handle. */
    kin_handle handle() const
    {
        kin_handle found = KIN_NO_HANDLE;
        detail::check(kin_pipe_handle(&found, get()), "kin_pipe_handle");
        return found;
    }
};

} // namespace kin

#endif
