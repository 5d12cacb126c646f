/* check.h: what the tests of the examples have in common. Each starts the example, whose path is its first argument, as
 * a user would, and looks at what it prints and at how it ends. */
#ifndef CHECK_H
#define CHECK_H

#include <kin/kin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE KIN_SECONDS(60) /* for what is to happen at once, on a machine that is busy */

/* A program that a test has started ends with the test, also with one that fails. Not with ThreadSanitizer: it makes a
 * fork of vfork, so that a bound program gets no pipes. */
#define WITH_TEST KIN_RUN_BOUND
#if defined(__SANITIZE_THREAD__)
#undef WITH_TEST
#define WITH_TEST 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#undef WITH_TEST
#define WITH_TEST 0
#endif
#endif

#define CHECK(expression)                                                                                              \
    do {                                                                                                               \
        if (!(expression)) {                                                                                           \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #expression);                                           \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* A family's name that no other process has. */
static inline const char *own_name(void)
{
    static char name[KIN_FAMILY_NAME_MAX + 1];
    kin_process_info self = KIN_PROCESS_INFO_INIT;
    CHECK(kin_process_current(&self) == KIN_OK);
    snprintf(name, sizeof name, "kin-example-%u-%llu", (unsigned)self.pid, (unsigned long long)kin_now());
    return name;
}

/* Starts a program whose output is read by await_line. */
static inline kin_program *start(const char *const *argv)
{
    kin_program *program;
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    options.flags = WITH_TEST;
    options.input = KIN_RUN_NOTHING;
    options.output = KIN_RUN_PIPE;
    CHECK(kin_run_start(&program, argv, &options) == KIN_OK);
    return program;
}

/* Reads its output up to the line that begins so. */
static inline void await_line(kin_program *program, const char *beginning)
{
    const char *line = "";
    size_t length = 0, wanted = strlen(beginning);
    do {
        kin_status status = kin_run_read_line(&line, &length, program, 1, PATIENCE);
        if (status != KIN_OK) {
            fprintf(stderr, "no line '%s': %s\n", beginning, kin_status_text(status));
            exit(1);
        }
        printf("    %.*s\n", (int)length, line);
    } while (length < wanted || memcmp(line, beginning, wanted) != 0);
}

/* Waits for its end, and forgets it. Returns its exit code, -1 if it was killed. */
static inline int end_of(kin_program *program)
{
    kin_exit how;
    CHECK(kin_run_wait(program, PATIENCE, &how) == KIN_OK);
    kin_run_close(program);
    return how.code;
}

/* Kills it, and forgets it. */
static inline void kill_program(kin_program *program)
{
    CHECK(kin_run_kill(program) == KIN_OK);
    end_of(program);
}

#endif
