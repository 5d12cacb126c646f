/* support.h: what the tests have in common. A test program's main calls kin_child_main with its entries first; its
 * children are the same program.
 *
 * CMocka's assertions work in the parent only. A child says what is wrong with CHECK, on standard error and by its
 * exit code.
 */
#ifndef KIN_SUPPORT_H
#define KIN_SUPPORT_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kin/kin.h"
#include "support_os.h"

#define PATIENCE KIN_SECONDS(60) /* for what is to happen at once, on a machine that is busy */

/* Whether a sanitizer makes everything slower, and unequally so. */
#define SANITIZED 0
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#undef SANITIZED
#define SANITIZED 1
#endif
#endif

/* LLVM's sanitizers leave their allocator's locks as they are in a forked child, before versions 18 and 19: it hangs
 * in malloc if another thread was there. https://github.com/llvm/llvm-project/pull/75290,
 * https://github.com/llvm/llvm-project/pull/96600 */
#define MALLOC_OUTLIVES_FORK (!SANITIZED)

/* All tests count forgotten sleepers (park/slices.h). A forgotten sleeper is a thread that found the change that it
 * waits for only at the end of its slice, because no thread woke it. If no process is killed there are none, so a test
 * fails if it had one. A test that kills a process calls somebody_dies, and may have some; kin_process_kill calls it,
 * too. If that is known beforehand, the test is listed as unit_test_with_deaths. Such a test is left out if slices are
 * off (KIN_TEST_SLICES=off), because there a forgotten sleeper sleeps on. */
void somebody_dies(void);
int set_up_deaths(void **state);
#define unit_test_with_deaths(test) cmocka_unit_test_setup(test, set_up_deaths)
/* The same for a test in which no process dies, and a sleeper needs the end of its slice for another reason. */
int set_up_slices(void **state);
int tear_down_slices(void **state);
#define unit_test_with_slices(test) cmocka_unit_test_setup_teardown(test, set_up_slices, tear_down_slices)
#define kin_process_kill(process) (somebody_dies(), (kin_process_kill)(process))

int run_test_group(const char *name, const struct CMUnitTest *tests, size_t count, CMFixtureFunction set_up,
                   CMFixtureFunction tear_down);
#undef cmocka_run_group_tests
#define cmocka_run_group_tests(tests, set_up, tear_down)                                                               \
    run_test_group(#tests, tests, sizeof(tests) / sizeof((tests)[0]), set_up, tear_down)

/* In a child's entry: returns 1 from it if expression is false. */
#define CHECK(expression)                                                                                              \
    do {                                                                                                               \
        if (!(expression)) {                                                                                           \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #expression);                                           \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

/* In a thread that a test has started, where CMocka's assertions do not work: ends the program if expression is
 * false. */
#define MUST(expression)                                                                                               \
    do {                                                                                                               \
        if (!(expression)) {                                                                                           \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #expression);                                           \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* In the parent: leaves the test out, and says in the output what it lacks. */
#define skip_because(reason)                                                                                           \
    do {                                                                                                               \
        print_message("left out: %s\n", reason);                                                                       \
        skip();                                                                                                        \
    } while (0)

/* In the parent: status is exactly that one. */
#define assert_status(expression, expected) expect_status(expression, expected, __FILE__, __LINE__)
void expect_status(kin_status status, kin_status expected, const char *file, int line);
#define assert_ok(expression) assert_status(expression, KIN_OK)

/* For main: the own family will have 256 MiB at most, for tests of what is too much. */
void limit_own_family(void);

/* An empty set of arguments in the own family. */
kin_args *new_args(void);
/* Adds an object, a plain number. */
void give(kin_args *args, const char *name, kin_type type, const void *object);
void give_number(kin_args *args, const char *name, int64_t number);
/* In a child: NULL, and a complaint, if it is not there. */
void *given(const kin_args *args, const char *name, kin_type type);
/* In a child: 0 if it is not there. */
int64_t given_number(const kin_args *args, const char *name);

/* Starts a child with the default method, which CTest varies. */
kin_process *start_child(const char *entry, const kin_args *args);
/* Waits for its end and closes it; asserts that it exited with code. */
void join_child(kin_process *process, int code);
/* Kills it, waits for its end and closes it. */
void kill_child(kin_process *process);
/* One child from start to end, exit code 0. */
void run_child(const char *entry, const kin_args *args);

/* What this variable of the environment says, for tests that may take longer. */
int64_t number_from(const char *variable, int64_t otherwise);

/* Changes both numbers under the readers-writer lock, or reads them, and finds them alike; after a death puts them
 * right. 0, or 1: something was wrong. */
int use_pair(kin_rwlock *lock, kin_rwlock_mode access, int64_t *here, int64_t *there);

/* A family with room for so many bytes, at most. */
kin_family *new_family(uint64_t reserve);
/* A queue in that family, NULL: in the own one; 0: by default. */
kin_queue *new_queue_in(kin_family *family, uint64_t capacity, uint32_t most, uint32_t flags);
/* Members and committed bytes of the own family. */
kin_family_info inspect_family(void);

/* Blocks allocated in the own family. */
uint64_t count_blocks(void);

/* Waits until so many threads of the own family's processes sleep, or are about to, on something in these bytes; of
 * whom some may be dead and still look asleep. */
void await_asleep(const void *object, size_t size, uint32_t count);
/* Kills it, and leaves it to others to find that out: nobody joins it, which would clean up after it, before
 * forget_child. */
void kill_unseen(kin_process *process);
void forget_child(kin_process *process);

/* Bytes that belong together: part of another value beside them would show. */
size_t write_pattern(unsigned char *out, size_t size, unsigned seed);
int is_pattern(const unsigned char *bytes, size_t size);

/* This program once more, without kin's help, with the argument "WHAT:NAME"; end_of_self waits for it. */
intptr_t start_stranger(const char *what, const char *name);

/* Nanoseconds of the monotonic clock. */
int64_t now_ns(void);
/* Runs for so long, without a sleep. */
void spin_for(int64_t ns);
/* The next of a sequence that is the same in each run: 16 bits. */
uint32_t next_number(uint32_t *state);

#endif
