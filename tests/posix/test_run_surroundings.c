/* Running programs, and dying with the parent, where the surroundings are hard: too few descriptors, closed streams,
 * signals blocked or ignored. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os.h"
#include "posix/libc.h"

#define NEEDED (6 + KIN_POSIX_SPAWN_DESCRIPTORS) /* free descriptors, to run a program by three pipes */

static const char *const hello[] = {"sh", "-c", "echo hello", NULL};

/* body in a bare fork, which may spoil what it likes. */
static void expect_success(int (*body)(void))
{
    int status = -1;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(body());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int limit_descriptors(rlim_t count)
{
    struct rlimit limit = {count, count};
    return setrlimit(RLIMIT_NOFILE, &limit);
}

/* From none free to enough. */
static int with_few_descriptors(void)
{
    kin_run_result result = KIN_RUN_RESULT_INIT;
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    int limits = 0;
    for (int fd = 3; fd < 100; fd++) {
        close(fd);
    }
    size_t used = count_handles();
    options.errors = KIN_RUN_COLLECT;
    options.input = KIN_RUN_BYTES;
    options.input_bytes = "x";
    options.input_size = 1;
    for (int free = 0; free <= NEEDED + 2; free++) {
        struct rlimit limit = {(rlim_t)(3 + free), 100};
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        kin_status status = kin_run_output(hello, &options, &result);
        CHECK(status == KIN_OK || (status == KIN_E_LIMIT && !result.started));
        CHECK((status == KIN_OK) == (free >= NEEDED));
        limits += status == KIN_E_LIMIT;
        kin_run_free(&result);
        limit.rlim_cur = 100;
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0 && count_handles() == used);
    }
    CHECK(limits == NEEDED);
    return 0;
}

/* The pipes lie below the limit; a pidfd, which is put at 10 or above, does not. */
static int without_pidfd(void)
{
    kin_run_result result = KIN_RUN_RESULT_INIT;
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    const char *const late[] = {"sh", "-c", "sleep 30 & echo $!; exec sleep 20", NULL};
    for (int fd = 3; fd < 20; fd++) {
        close(fd);
    }
    CHECK(limit_descriptors(9) == 0);
    CHECK(kin_run_output(hello, NULL, &result) == KIN_OK && strcmp(result.output, "hello\n") == 0);
    kin_run_free(&result);
    options.timeout = KIN_MS(300);
    CHECK(kin_run_output(late, &options, &result) == KIN_E_TIMED_OUT && result.exit.signal == SIGTERM);
    kill((pid_t)atoi(result.output), SIGKILL); /* what it left behind */
    kin_run_free(&result);
    return 0;
}

static int without_streams(void)
{
    kin_run_result result = KIN_RUN_RESULT_INIT;
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    const char *const both[] = {"sh", "-c", "cat; echo wrong >&2", NULL};
    int failed = dup(2);
    close(0);
    close(1);
    close(2);
    options.input = KIN_RUN_BYTES;
    options.input_bytes = "input";
    options.input_size = 5;
    options.errors = KIN_RUN_COLLECT;
    bool well = kin_run_output(both, &options, &result) == KIN_OK && strcmp(result.output, "input") == 0 &&
                strcmp(result.errors, "wrong\n") == 0;
    kin_run_free(&result);
    dup2(failed, 2);
    CHECK(well);
    return 0;
}

static int with_signals_blocked(void)
{
    const char *const ask[] = {"sh", "-c", "kill -TERM $$; exit 1", NULL};
    const char *const write[] = {"sh", "-c", "kill -PIPE $$; exit 1", NULL};
    sigset_t all;
    kin_exit result;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_BLOCK, &all, NULL) == 0 && signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    CHECK(kin_run(ask, NULL, &result) == KIN_OK && result.signal == SIGTERM);
    CHECK(kin_run(write, NULL, &result) == KIN_OK && result.signal == SIGPIPE);
    return 0;
}

static int with_children_ignored(void)
{
    kin_run_result result = KIN_RUN_RESULT_INIT;
    CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    CHECK(kin_run(hello, NULL, NULL) == KIN_E_REAPED && kin_last_os_error() != 0);
    CHECK(kin_run_output(hello, NULL, &result) == KIN_E_REAPED && result.started);
    CHECK(strcmp(result.output, "hello\n") == 0);
    kin_run_free(&result);
    return 0;
}

/* A SIGPIPE that was pending before is not taken away. */
static int with_a_signal_pending(void)
{
    static char bytes[100000];
    const char *const deaf[] = {"sh", "-c", "exec <&-; sleep 0.1", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    sigset_t pipe_only, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    options.input = KIN_RUN_BYTES;
    options.input_bytes = bytes;
    options.input_size = sizeof bytes;
    CHECK(pthread_sigmask(SIG_BLOCK, &pipe_only, NULL) == 0);
    CHECK(kin_run(deaf, &options, NULL) == KIN_OK);
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGPIPE));
    CHECK(raise(SIGPIPE) == 0 && kin_run(deaf, &options, NULL) == KIN_OK);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE));
    return 0;
}

/* Below and above what is asked for at a time where the C library cannot close all. */
static const int open_before[] = {9, 300};

static int child_has_nothing(const kin_args *args)
{
    (void)args;
    for (size_t i = 0; i < 2; i++) {
        CHECK(fcntl(open_before[i], F_GETFD) < 0 && errno == EBADF);
    }
    return 0;
}

/* LeakSanitizer asks this at a process's end. It looks for its threads in /proc, and fails without. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return access("/proc/self/task", F_OK) != 0;
}

static int without_proc(void)
{
    const char *const use[] = {"sh", "-c", "{ echo x >&9; } 2>/dev/null", NULL};
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *process = NULL;
    kin_exit how;
    char program[PATH_MAX];
    CHECK(kin_os_self_path(program, sizeof program) == KIN_OK);
    CHECK(unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    CHECK(mount("tmpfs", "/proc", "tmpfs", 0, NULL) == 0 && access("/proc/self", F_OK) != 0);
    for (size_t i = 0; i < 2; i++) {
        CHECK(dup2(2, open_before[i]) == open_before[i]);
    }
    CHECK(kin_run(use, NULL, &how) == KIN_OK && how.code > 0);
    options.method = KIN_START_SPAWN;
    options.program = program;
    CHECK(kin_process_start(&process, "has_nothing", NULL, &options) == KIN_OK);
    CHECK(kin_process_join(process, PATIENCE, &how) == KIN_OK && how.code == 0);
    kin_process_close(process);
    return 0;
}

static void few_descriptors_are_a_limit(void **state)
{
    (void)state;
    expect_success(with_few_descriptors);
}

static void no_pidfd_is_no_trouble(void **state)
{
    (void)state;
    expect_success(without_pidfd);
}

static void closed_streams_are_no_trouble(void **state)
{
    (void)state;
    expect_success(without_streams);
}

static void no_proc_is_no_trouble(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip_because("only root can hide /proc here");
    }
    expect_success(without_proc);
}

static void signals_of_the_caller_do_not_reach_the_program(void **state)
{
    (void)state;
    expect_success(with_signals_blocked);
    expect_success(with_a_signal_pending);
}

static void ignored_children_lose_their_end(void **state)
{
    (void)state;
    expect_success(with_children_ignored);
}

/* ---- dying with the parent ---- */

static void follow(bool pidfd, int alive)
{
    if (!pidfd) {
        limit_descriptors(9);
    }
    if (kin_os_follow_parent((uint32_t)getppid()) != KIN_OK || write(alive, "f", 1) != 1) {
        _exit(1);
    }
    for (;;) {
        pause();
    }
}

static void follower_dies(bool pidfd)
{
    int ends[2];
    char byte;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        if (fork() == 0) {
            follow(pidfd, ends[1]);
        }
        for (;;) {
            pause();
        }
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_false(handle_is_ready(ends[0], 300)); /* both live */
    kill(parent, SIGKILL);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_true(handle_is_ready(ends[0], 30000)); /* nobody has the other end any more */
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

static void follower_needs_no_pidfd(void **state)
{
    (void)state;
    follower_dies(true);
    follower_dies(false);
}

static void wrong_parent_is_not_followed(void **state)
{
    (void)state;
    assert_status(kin_os_follow_parent((uint32_t)getpid()), KIN_E_NOT_FOUND);
    assert_status(kin_os_follow_parent(0x7ffffff0), KIN_E_NOT_FOUND);
}

int main(void)
{
    static const kin_child_entry entries[] = {{"has_nothing", child_has_nothing}};
    kin_child_main(entries, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_descriptors_are_a_limit),
        cmocka_unit_test(no_pidfd_is_no_trouble),
        cmocka_unit_test(no_proc_is_no_trouble),
        cmocka_unit_test(closed_streams_are_no_trouble),
        cmocka_unit_test(signals_of_the_caller_do_not_reach_the_program),
        cmocka_unit_test(ignored_children_lose_their_end),
        cmocka_unit_test(follower_needs_no_pidfd),
        cmocka_unit_test(wrong_parent_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
