/* run.c: programs with pipes to their streams: posix_spawn, poll.
 *
 * - A write to a pipe that no process reads raises SIGPIPE in the writing thread. The signal is blocked there during
 *   the write, and removed afterwards unless it was pending before (signal(7), sigtimedwait(2)).
 * - O_NONBLOCK belongs to one end of a pipe, so that the program's ends block as usual (pipe(7)).
 * - posix_spawn takes a relative path from the new directory: so there is none (program.c). addchdir_np is of glibc
 *   2.29.
 * - A child forked by another thread would keep our ends open, and a program that reads to the end of its input would
 *   wait for that child. So the pipes of all runs are listed, and closed in any forked child, which has none of the
 *   threads that run them. They are made, listed and closed under a lock that a fork takes, too (forks.c). posix_spawn
 *   runs no such handlers and needs none: our ends are close-on-exec.
 * - The program that runs kin may close our ends, and get their numbers for its own files. So kin knows the ends by
 *   their files (handle.h). The loss of one ends the run.
 * - A process group is named by its leader's pid. No other process gets that pid until the leader has been waited for
 *   (wait(2), credentials(7)). So the rest of a tree is killed before that.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "posix/bound.h"
#include "posix/clock.h"
#include "posix/environment.h"
#include "posix/forks.h"
#include "posix/handle.h"
#include "posix/posix.h"
#include "posix/process.h"
#include "posix/program.h"

#define WITHOUT_PIDFD 5000000 /* how often the program's end is asked for then, in ns */

/* ---- the list, and forks ---- */

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static kin_os_run *list;

static void before_fork(void)
{
    pthread_mutex_lock(&list_lock);
}

/* The child has no pipes of programs that threads of its parent run. */
static void after_fork(bool in_child)
{
    for (kin_os_run *run = list; in_child && run; run = run->next) {
        for (int i = 0; i < 3; i++) {
            kin_posix_close_own(run->channels[i], &run->files[i]);
        }
        kin_posix_close_all(run->inner, 3);
    }
    if (in_child) {
        list = NULL;
    }
    pthread_mutex_unlock(&list_lock);
}

static void unlist(kin_os_run *run)
{
    pthread_mutex_lock(&list_lock);
    for (kin_os_run **at = &list; *at; at = &(*at)->next) {
        if (*at == run) {
            *at = run->next;
            break;
        }
    }
    pthread_mutex_unlock(&list_lock);
}

static void shut(int *fd)
{
    if (*fd >= 0) {
        pthread_mutex_lock(&list_lock);
        close(*fd);
        *fd = -1;
        pthread_mutex_unlock(&list_lock);
    }
}

static void shut_channel(kin_os_run *run, unsigned stream)
{
    pthread_mutex_lock(&list_lock);
    kin_posix_close_own(run->channels[stream], &run->files[stream]);
    run->channels[stream] = -1;
    pthread_mutex_unlock(&list_lock);
}

static bool is_lost(const kin_os_run *run, unsigned stream)
{
    return run->channels[stream] >= 0 && !kin_posix_is_still(run->channels[stream], &run->files[stream]);
}

static bool any_is_lost(const kin_os_run *run)
{
    return is_lost(run, 0) || is_lost(run, 1) || is_lost(run, 2);
}

/* ---- pipes ---- */

/* Not where the program's own streams will be. */
static int raise_end(int *fd)
{
    if (*fd > STDERR_FILENO) {
        return 0;
    }
    int high = kin_posix_duplicate(*fd, STDERR_FILENO + 1);
    if (high < 0) {
        return errno;
    }
    close(*fd);
    *fd = high;
    return 0;
}

static int make_pipe(kin_os_run *run, int stream)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return errno;
    }
    int *ours = &run->channels[stream], *inner = &run->inner[stream];
    *ours = ends[stream == 0 ? 1 : 0];
    *inner = ends[stream == 0 ? 0 : 1];
    int error = raise_end(inner);
    if (!error) {
        error = raise_end(ours);
    }
    kin_posix_note(&run->files[stream], *ours);
    return error ? error : fcntl(*ours, F_SETFL, O_NONBLOCK) != 0 ? errno : 0;
}

static bool has_pipes(const kin_os_command *command)
{
    return command->streams[0] == KIN_OS_STREAM_PIPE || command->streams[1] == KIN_OS_STREAM_PIPE ||
           command->streams[2] == KIN_OS_STREAM_PIPE;
}

static int make_pipes(kin_os_run *run, const kin_os_command *command)
{
    static kin_posix_fork_watcher watcher = {.before = before_fork, .after = after_fork};
    int error = 0;
    if (kin_posix_watch_forks(&watcher) != KIN_OK) {
        return ENOMEM;
    }
    pthread_mutex_lock(&list_lock);
    run->next = list;
    list = run;
    for (int i = 0; i < 3 && !error; i++) {
        error = command->streams[i] == KIN_OS_STREAM_PIPE ? make_pipe(run, i) : 0;
    }
    pthread_mutex_unlock(&list_lock);
    return error;
}

/* ---- start ---- */

static int plan_stream(posix_spawn_file_actions_t *actions, int stream, kin_os_stream wanted, int inner)
{
    switch (wanted) {
    case KIN_OS_STREAM_NOTHING:
        return posix_spawn_file_actions_addopen(actions, stream, "/dev/null", stream == 0 ? O_RDONLY : O_WRONLY, 0);
    case KIN_OS_STREAM_PIPE:
        return posix_spawn_file_actions_adddup2(actions, inner, stream);
    case KIN_OS_STREAM_TOGETHER:
        return posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, stream);
    case KIN_OS_STREAM_INHERIT:
        break;
    }
    return 0;
}

static int plan(posix_spawn_file_actions_t *actions, const kin_os_run *run, const kin_os_command *command)
{
    int error = 0;
    for (int i = 0; i < 3 && !error; i++) {
        error = plan_stream(actions, i, command->streams[i], run->inner[i]);
    }
    if (!error && command->directory) {
        error = kin_posix_change_directory(actions, command->directory);
    }
    return error ? error : kin_posix_close_from(actions, STDERR_FILENO + 1);
}

/* No signal blocked, SIGPIPE as usual; a tree is a process group. */
static int plan_signals(posix_spawnattr_t *attributes, bool tree)
{
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &usual);
    posix_spawnattr_setpgroup(attributes, 0);
    return posix_spawnattr_setflags(
        attributes, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (tree ? POSIX_SPAWN_SETPGROUP : 0)));
}

static int launch_with(kin_os_run *run, const posix_spawn_file_actions_t *actions, const char *program,
                       const char *const *argv, char *const *environment)
{
    posix_spawnattr_t attributes;
    int error = posix_spawnattr_init(&attributes);
    if (error) {
        return error;
    }
    error = plan_signals(&attributes, run->tree != 0);
    if (!error) {
        error =
            posix_spawn(&run->process.pid, program, actions, &attributes, (char *const *)(uintptr_t)argv, environment);
    }
    posix_spawnattr_destroy(&attributes);
    return error;
}

static int launch(kin_os_run *run, const kin_os_command *command, const char *program, char *const *environment)
{
    const char *const shell[] = {"sh", "-c", "--", command->argv[0], NULL};
    if (command->bound) {
        const kin_posix_bound what = {
            .program = command->shell ? "/bin/sh" : program,
            .argv = command->shell ? shell : command->argv,
            .environment = environment,
            .directory = command->directory,
            .tree = command->tree,
            .streams = {command->streams[0], command->streams[1], command->streams[2]},
            .inner = {run->inner[0], run->inner[1], run->inner[2]},
        };
        return kin_posix_start_bound(&run->process.pid, &what);
    }
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) {
        return error;
    }
    error = plan(&actions, run, command);
    if (!error) {
        error = command->shell ? launch_with(run, &actions, "/bin/sh", shell, environment)
                               : launch_with(run, &actions, program, command->argv, environment);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int start(kin_os_run *run, const kin_os_command *command)
{
    char *program = NULL, **changed = NULL;
    int error = command->shell ? 0 : kin_posix_find_program(&program, command->argv[0]);
    bool change = command->clean || command->variables || kin_posix_secure();
    if (!error && change && !(changed = kin_posix_environment(command->variables, command->clean))) {
        error = errno;
    }
    if (!error && has_pipes(command)) {
        error = make_pipes(run, command);
    }
    if (!error) {
        error = launch(run, command, program, change ? changed : environ);
    }
    for (int i = 0; i < 3; i++) {
        shut(&run->inner[i]);
    }
    free(changed);
    free(program);
    return error;
}

kin_status kin_os_run_start(kin_os_run *out, const kin_os_command *command)
{
    *out = (kin_os_run){{.pidfd = -1}, {-1, -1, -1}, {-1, -1, -1}, {{0, 0}}, NULL, command->tree, 0};
    int error = start(out, command);
    if (error) {
        kin_os_run_close(out);
        return kin_posix_fail(error);
    }
    return KIN_OK;
}

/* ---- moving ---- */

static ssize_t write_quietly(int fd, const void *bytes, size_t size)
{
    static const struct timespec no_time = {0, 0};
    sigset_t pipe_only, before, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    ssize_t written = write(fd, bytes, size);
    int error = errno;
    if (written < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE)) {
        while (sigtimedwait(&pipe_only, NULL, &no_time) < 0 && errno == EINTR) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return written;
}

static kin_status moved_or(ssize_t result, size_t *moved)
{
    if (result > 0) {
        *moved = (size_t)result;
        return KIN_OK;
    }
    if (result == 0) {
        return KIN_E_CLOSED;
    }
    return errno == EAGAIN || errno == EINTR ? KIN_E_TIMED_OUT : kin_posix_fail(errno);
}

kin_status kin_os_run_write(kin_os_run *run, const void *bytes, size_t size, size_t *moved)
{
    int fd = run->channels[0];
    if (is_lost(run, 0)) {
        return kin_posix_fail(EBADF);
    }
    return fd < 0 ? KIN_E_CLOSED : moved_or(write_quietly(fd, bytes, size), moved);
}

kin_status kin_os_run_read(kin_os_run *run, unsigned stream, void *buffer, size_t size, size_t *moved)
{
    int fd = run->channels[stream];
    if (is_lost(run, stream)) {
        return kin_posix_fail(EBADF);
    }
    return fd < 0 ? KIN_E_CLOSED : moved_or(read(fd, buffer, size), moved);
}

size_t kin_os_run_left(kin_os_run *run, unsigned stream)
{
    int fd = run->channels[stream], left = 0;
    return fd >= 0 && !is_lost(run, stream) && ioctl(fd, FIONREAD, &left) == 0 && left > 0 ? (size_t)left : 0;
}

void kin_os_run_shut(kin_os_run *run, unsigned stream)
{
    shut_channel(run, stream);
}

/* ---- waiting ---- */

static kin_status ask_end(kin_os_run *run, unsigned *ready, kin_os_exit *how)
{
    pthread_mutex_lock(&list_lock); /* so no thread signals a group whose leader has been waited for */
    if (run->ending && kin_os_process_ended(&run->process)) {
        kill(-run->process.pid, SIGKILL);
    }
    kin_status status = kin_os_process_wait(&run->process, kin_os_now(), how);
    pthread_mutex_unlock(&list_lock);
    if (status == KIN_OK) {
        *ready |= KIN_OS_RUN_ENDED;
    }
    return status == KIN_E_TIMED_OUT ? KIN_OK : status;
}

/* With the pidfd, if there is one, as the fourth. */
static kin_status poll_all(kin_os_run *run, unsigned which, int64_t deadline, unsigned *ready, kin_os_exit *how)
{
    struct pollfd items[4];
    int end = kin_os_process_handle(&run->process);
    int64_t now = kin_os_now(), until = deadline;
    if (end < 0 && until - now > WITHOUT_PIDFD) {
        until = now + WITHOUT_PIDFD;
    }
    for (int i = 0; i < 4; i++) {
        int fd = i == 3 ? end : which >> i & 1u ? run->channels[i] : -1;
        items[i] = (struct pollfd){.fd = fd, .events = i == 0 ? POLLOUT : POLLIN};
    }
    int count = any_is_lost(run) ? 0 : kin_posix_poll(items, 4, until);
    if (any_is_lost(run)) { /* perhaps in the meantime */
        return kin_posix_fail(EBADF);
    }
    if (count < 0) {
        return kin_posix_fail(errno);
    }
    for (unsigned i = 0; i < 3 && count > 0; i++) {
        *ready |= items[i].fd >= 0 && items[i].revents ? 1u << i : 0;
    }
    if (end < 0 || (count > 0 && items[3].revents)) {
        kin_status status = ask_end(run, ready, how);
        if (status != KIN_OK) {
            return status;
        }
    }
    return *ready == 0 && kin_os_now() >= deadline ? KIN_E_TIMED_OUT : KIN_OK;
}

kin_status kin_os_run_wait(kin_os_run *run, unsigned which, int64_t deadline, unsigned *ready, kin_os_exit *how)
{
    bool open = run->tree != 0;
    *ready = 0;
    for (unsigned i = 0; i < 3; i++) {
        open = open || (run->channels[i] >= 0 && (which >> i & 1u));
    }
    if (open) {
        return poll_all(run, which, deadline, ready, how);
    }
    kin_status status = kin_os_process_wait(&run->process, deadline, how);
    *ready = status == KIN_OK ? KIN_OS_RUN_ENDED : 0;
    return status;
}

kin_os_handle kin_os_run_watch(kin_os_run *run, unsigned stream)
{
    return is_lost(run, stream) ? KIN_OS_NO_HANDLE : run->channels[stream];
}

/* ---- the end ---- */

kin_status kin_os_run_kill(kin_os_run *run, bool force)
{
    if (!run->tree) {
        return kin_os_process_kill(&run->process, force);
    }
    int number = force ? SIGKILL : SIGTERM;
    pthread_mutex_lock(&list_lock);
    run->ending = 1;
    __atomic_fetch_or(&run->process.sent, 1u << number, __ATOMIC_ACQ_REL);
    int error = run->process.ended || kill(-run->process.pid, number) == 0 || errno == ESRCH ? 0 : errno;
    pthread_mutex_unlock(&list_lock);
    return error ? kin_posix_fail(error) : KIN_OK;
}

void kin_os_run_close(kin_os_run *run)
{
    for (unsigned i = 0; i < 3; i++) {
        shut_channel(run, i);
        shut(&run->inner[i]);
    }
    unlist(run);
    kin_os_process_close(&run->process);
}
