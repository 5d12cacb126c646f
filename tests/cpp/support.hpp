/* cpp/support.hpp: what the tests of kin.hpp have in common, beside support.h.
 *
 * In tests and in children's entries alike, EXPECT throws: so destructors run, as in a program. A test fails by it, a
 * child ends with kin::exit_exception.
 */
#ifndef KIN_TESTS_CPP_SUPPORT_HPP
#define KIN_TESTS_CPP_SUPPORT_HPP

/* C++'s own headers must not come in inside of extern "C". */
#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include <kin/kin.h>

extern "C" {
#include "support.h"
}
#undef fail /* CMocka's, which std::ios has, too */

/* After support.h, which counts the deaths that kin_process_kill causes. */
#include <kin/kin.hpp>

#define EXPECT(expression)                                                                                             \
    do {                                                                                                               \
        if (!(expression)) {                                                                                           \
            throw std::logic_error(std::string(__FILE__ ":") + std::to_string(__LINE__) + ": " #expression);           \
        }                                                                                                              \
    } while (false)

/* The expression throws an Exception; a kin::error has this status. */
#define EXPECT_THROWS(Exception, expression)                                                                           \
    do {                                                                                                               \
        bool has_thrown = false;                                                                                       \
        try {                                                                                                          \
            expression;                                                                                                \
        } catch (const Exception &) {                                                                                  \
            has_thrown = true;                                                                                         \
        }                                                                                                              \
        EXPECT(has_thrown &&#Exception " from " #expression);                                                          \
    } while (false)
#define EXPECT_ERROR(expected, expression)                                                                             \
    do {                                                                                                               \
        kin_status status_got = KIN_OK;                                                                                \
        try {                                                                                                          \
            expression;                                                                                                \
        } catch (const kin::error &error) {                                                                            \
            status_got = error.status();                                                                               \
        }                                                                                                              \
        EXPECT(kin_status_name(status_got) == std::string(#expected));                                                 \
    } while (false)

/* What should have thrown has not. */
[[noreturn]] inline void unexpected(const char *what)
{
    throw std::logic_error(what);
}

/* Runs one test. false: it threw, or left blocks in the heap; the reason has been printed. */
inline bool passes(void (*test)())
{
    try {
        kin::default_family();
        uint64_t blocks = count_blocks();
        test();
        if (count_blocks() == blocks) {
            return true;
        }
        print_error("blocks in shared memory are left\n");
    } catch (const std::exception &thrown) {
        print_error("%s\n", thrown.what());
    }
    return false;
}

/* Runs a test for CMocka, which jumps out of here. */
template <void (*test)()> void run_cpp_test(void **)
{
    if (!passes(test)) {
        _fail(__FILE__, __LINE__);
    }
}

constexpr CMUnitTest cpp_unit_test(const char *name, CMUnitTestFunction function, CMFixtureFunction set_up = nullptr)
{
    return {name, function, set_up, nullptr, nullptr};
}

/* In a list of tests. cpp_test_with_deaths: the test kills a process (see support.h). */
#define cpp_test(test) cpp_unit_test(#test, run_cpp_test<test>)
#define cpp_test_with_deaths(test) cpp_unit_test(#test, run_cpp_test<test>, set_up_deaths)

/* Waits for a child's end; its entry has returned 0. */
inline void join(kin::process &child)
{
    kin::exit_status how = child.join();
    if (!how.succeeded()) {
        throw std::logic_error(child.name() + " " + how.text());
    }
}

/* One child from start to end. */
inline void run_child(const kin::child &entry, const kin::args &args)
{
    kin::process process(entry, args);
    join(process);
}

#endif
