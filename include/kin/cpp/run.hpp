/* cpp/run.hpp: run another program to its end, or beside the caller.
 *
 *     kin_run_options options = KIN_RUN_OPTIONS_INIT;
 *     options.timeout = KIN_SECONDS(10);
 *     kin::run_result log = kin::run_output({"git", "log", "--oneline"}, &options);
 *     std::cout << log.output;
 *
 *     options.output = KIN_RUN_PIPE;
 *     kin::program make({"make", "-j4"}, &options);
 *     for (std::string line; make.read_line(line);) { ... }
 *     kin::exit_status how = make.wait();
 *
 * options are the C struct (run.h); nullptr: all defaults.
 */
#ifndef KIN_CPP_RUN_HPP
#define KIN_CPP_RUN_HPP

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../run.h"
#include "bytes.hpp"
#include "handle.hpp"
#include "process.hpp"
#include "timeout.hpp"

namespace kin
{

struct run_result {
    exit_status exit{}; /* code -1 and KIN_END_UNKNOWN if it was not started */
    std::string output, errors;
    std::string command; /* in one line, for a message to people */
};

/* A run that went wrong: not started, ended by a limit (KIN_E_TIMED_OUT, KIN_E_TOO_BIG), or by KIN_RUN_CHECK and
 * run_checked, ended otherwise than with exit code 0 (KIN_E_FAILED). */
class run_error : public error
{
  public:
    run_error(kin_status status, const char *call, run_result &&result)
        : error(status, call, reason(result)), result_(std::make_shared<const run_result>(std::move(result)))
    {
    }
    /* How it ended, and what was collected until then. */
    const run_result &result() const noexcept
    {
        return *result_;
    }

  private:
    static std::string reason(const run_result &result)
    {
        std::string program = result.command.empty() ? std::string() : result.command + ": ";
        return program + (result.exit.how == KIN_END_UNKNOWN ? kin_last_error() : result.exit.text());
    }

    std::shared_ptr<const run_result> result_;
};

namespace detail
{

/* argv as the C functions take it. */
class argument_vector
{
  public:
    explicit argument_vector(const std::vector<std::string> &arguments)
    {
        pointers_.reserve(arguments.size() + 1);
        for (const std::string &argument : arguments) {
            pointers_.push_back(argument.c_str());
        }
        pointers_.push_back(nullptr);
    }
    const char *const *get() const noexcept
    {
        return pointers_.data();
    }

  private:
    std::vector<const char *> pointers_;
};

inline run_result take_result(kin_run_result &raw)
{
    std::unique_ptr<kin_run_result, void (*)(kin_run_result *)> owner(&raw, kin_run_free);
    run_result result;
    static_cast<kin_exit &>(result.exit) = raw.exit;
    if (raw.output) {
        result.output.assign(raw.output, raw.output_size);
    }
    if (raw.errors) {
        result.errors.assign(raw.errors, raw.errors_size);
    }
    if (raw.command) {
        result.command = raw.command;
    }
    return result;
}

using run_function = kin_status (*)(const char *const *, const kin_run_options *, kin_run_result *);

inline run_result run_with(run_function function, const char *call, const std::vector<std::string> &argv,
                           const kin_run_options *options)
{
    kin_run_result raw = KIN_RUN_RESULT_INIT;
    kin_status status = function(argument_vector(argv).get(), options, &raw);
    run_result result = take_result(raw);
    if (status < 0) {
        throw run_error(status, call, std::move(result));
    }
    return result;
}

} // namespace detail

/* Runs a program to its end, with the caller's streams unless options say otherwise. A program that fails is no error
 * here: look at the code. Throws kin::run_error. */
inline exit_status run(const std::vector<std::string> &argv, const kin_run_options *options = nullptr)
{
    run_result result;
    kin_status status = kin_run(detail::argument_vector(argv).get(), options, &result.exit);
    if (status < 0) {
        throw run_error(status, "kin_run", std::move(result));
    }
    return result.exit;
}
/* The same, and collects the output. */
inline run_result run_output(const std::vector<std::string> &argv, const kin_run_options *options = nullptr)
{
    return detail::run_with(kin_run_output, "kin_run_output", argv, options);
}
/* The same, and throws KIN_E_FAILED if it does not end with exit code 0. */
inline run_result run_checked(const std::vector<std::string> &argv, const kin_run_options *options = nullptr)
{
    return detail::run_with(kin_run_checked, "kin_run_checked", argv, options);
}

namespace detail
{

struct close_program {
    void operator()(kin_program *owned) const noexcept
    {
        kin_run_close(owned);
    }
};

} // namespace detail

/* A program that runs beside its caller. The destructor forgets it: one that still runs goes on, so wait() first. One
 * thread at a time, but terminate(), kill() and pid() are for any. */
class program : public detail::unique_handle<kin_program, detail::close_program>
{
  public:
    explicit program(const std::vector<std::string> &argv, const kin_run_options *options = nullptr)
        : unique_handle(
              detail::create<kin_program>("kin_run_start", kin_run_start, detail::argument_vector(argv).get(), options))
    {
    }

    /* Waits for its end. One that was ended by the time limit of its options says timed_out. Throws kin::run_error
     * for one that ended by another limit, or with KIN_RUN_CHECK not with exit code 0. */
    exit_status wait()
    {
        return *try_wait(forever);
    }
    /* Nothing: it still runs after that time. */
    std::optional<exit_status> try_wait(timeout limit = now)
    {
        run_result result;
        kin_status status = kin_run_wait(get(), limit.nanoseconds(), &result.exit);
        if (status == KIN_E_TIMED_OUT) {
            return std::nullopt;
        }
        if (status < 0) {
            throw run_error(status, "kin_run_wait", std::move(result));
        }
        return result.exit;
    }
    /* What was collected of a program that has ended, once. */
    run_result collected()
    {
        kin_run_result raw = KIN_RUN_RESULT_INIT;
        kin_status status = kin_run_collected(get(), &raw);
        run_result result = detail::take_result(raw);
        if (status < 0) {
            throw run_error(status, "kin_run_collected", std::move(result));
        }
        return result;
    }

    /* Some bytes of stream 1 (output) or 2 (errors), which is KIN_RUN_PIPE. Empty: no more will come. */
    std::string read(unsigned stream = 1)
    {
        std::string bytes(4096, '\0');
        std::size_t got = 0;
        kin_status status = kin_run_read(get(), stream, bytes.data(), bytes.size(), &got, KIN_FOREVER);
        bytes.resize(detail::check_unless(KIN_E_CLOSED, status, "kin_run_read") ? got : 0);
        return bytes;
    }
    /* The next line, without its end. false: there are no more. */
    bool read_line(std::string &line, unsigned stream = 1)
    {
        const char *start = nullptr;
        std::size_t length = 0;
        kin_status status = kin_run_read_line(&start, &length, get(), stream, KIN_FOREVER);
        if (!detail::check_unless(KIN_E_CLOSED, status, "kin_run_read_line")) {
            return false;
        }
        line.assign(start, length);
        return true;
    }
    /* Writes all of it to the input, which is KIN_RUN_PIPE. Throws KIN_E_CLOSED: the program reads no more. */
    void write(bytes_view bytes)
    {
        detail::check(kin_run_write(get(), bytes.data(), bytes.size(), nullptr, KIN_FOREVER), "kin_run_write");
    }
    /* Ends the input (0), or gives up an output (1, 2). */
    void close_stream(unsigned stream)
    {
        detail::check(kin_run_close_stream(get(), stream), "kin_run_close_stream");
    }

    void terminate()
    {
        detail::check(kin_run_terminate(get()), "kin_run_terminate");
    }
    void kill()
    {
        detail::check(kin_run_kill(get()), "kin_run_kill");
    }
    std::uint32_t pid() const noexcept
    {
        return kin_run_pid(get());
    }
};

} // namespace kin

#endif
