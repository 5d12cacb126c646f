/* process.c: fork, posix_spawn, waitpid, pidfds.
 *
 * - A pid is the child's until the child has been reaped, and only its parent can reap it. So a pidfd may be opened
 *   late if a check afterwards shows that the child is unreaped. If other code has reaped the child (SIGCHLD ignored,
 *   waitpid(-1)), kin gets ECHILD.
 * - pidfd_open is of Linux 5.3; a pidfd is readable when the process is a zombie (pidfd_open(2)).
 * - glibc's posix_spawn reports a failing exec as its own error, ignores EBADF of a close action, and takes
 *   adddup2(n, n) for clearing close-on-exec (since 2.29). Its addclosefrom_np is of 2.34.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "posix/process.h"
#include "posix/clock.h"
#include "posix/environment.h"
#include "posix/handle.h"
#include "posix/libc.h"
#include "posix/linux.h"
#include "posix/message.h"
#include "posix/posix.h"
#include "posix/program.h"
#include "posix/returns.h"
#include "posix/setting.h"

/* ---- fork ---- */

/* Only these two: a flush of all streams would wait for a thread that reads from one. */
void kin_os_flush(void)
{
    if (__fpending(stdout) > 0) {
        fflush(stdout);
    }
    if (__fpending(stderr) > 0) {
        fflush(stderr);
    }
}

kin_status kin_os_fork(kin_os_process *out, const kin_os_setting *setting, bool *in_child)
{
    kin_posix_record record;
    int unused, directory = setting->directory ? kin_posix_open_directory(setting->directory) : -1;
    if (setting->directory && directory < 0) {
        return kin_posix_fail(errno);
    }
    kin_status status = kin_posix_record_claim(&record, &unused);
    if (status != KIN_OK) {
        kin_posix_close(directory);
        return status;
    }
    pid_t pid = fork();
    bool done = pid > 0 || (pid == 0 && kin_posix_settle(setting, directory));
    int error = done ? 0 : errno;
    kin_posix_close(directory);
    *in_child = pid == 0;
    if (pid == 0) {
        kin_posix_record_inherit(&record);
    }
    if (!done) {
        kin_posix_record_release(&record);
        return kin_posix_fail(error);
    }
    *out = (kin_os_process){.pid = pid, .pidfd = -1, .record = record};
    return KIN_OK;
}

/* ---- spawn ---- */

#if KIN_POSIX_SPAWN_CLOSEFROM

int kin_posix_close_from(posix_spawn_file_actions_t *actions, int first)
{
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

#else

#define ASKED 256      /* descriptors at a time */
#define MOST (1 << 20) /* usual largest value of fs.nr_open (proc_sys_fs(5)) */

/* Without /proc: poll(2) tells of each number whether it is open (POLLNVAL). Above the hard limit there are only those
 * that were opened before it was lowered. */
static int close_open_ones(posix_spawn_file_actions_t *actions, int first)
{
    struct pollfd asked[ASKED];
    struct rlimit limit;
    int error = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : errno;
    nfds_t room = limit.rlim_cur < ASKED ? (nfds_t)limit.rlim_cur : ASKED; /* more is EINVAL */
    int end = limit.rlim_max < MOST ? (int)limit.rlim_max : MOST;
    for (int from = first; !error && from < end; from += (int)room) {
        for (nfds_t i = 0; i < room; i++) {
            asked[i] = (struct pollfd){.fd = from + (int)i};
        }
        error = room == 0 ? EMFILE : poll(asked, room, 0) < 0 ? errno : 0;
        for (nfds_t i = 0; i < room && !error; i++) {
            if (!(asked[i].revents & POLLNVAL)) {
                error = posix_spawn_file_actions_addclose(actions, asked[i].fd);
            }
        }
    }
    return error;
}

int kin_posix_close_from(posix_spawn_file_actions_t *actions, int first)
{
    DIR *dir = opendir(KIN_POSIX_PROC "/self/fd");
    int error = 0;
    if (!dir) {
        return close_open_ones(actions, first);
    }
    for (struct dirent *entry; !error && (entry = readdir(dir)) != NULL;) {
        int fd = atoi(entry->d_name);
        if (fd >= first) {
            error = posix_spawn_file_actions_addclose(actions, fd);
        }
    }
    closedir(dir);
    return error;
}

#endif

#if !KIN_POSIX_SPAWN_CHDIR

int kin_posix_change_directory(posix_spawn_file_actions_t *actions, const char *directory)
{
    (void)actions;
    (void)directory;
    return ENOSYS;
}

#else

int kin_posix_change_directory(posix_spawn_file_actions_t *actions, const char *directory)
{
    return posix_spawn_file_actions_addchdir_np(actions, directory);
}

#endif

/* The file that the calling process executes, whatever has its path now, if any (proc(5)): a program may be upgraded
 * while it runs, and its children are to be of its own version. */
#define SELF KIN_POSIX_PROC "/self/exe"
#define MOVES (KIN_POSIX_STREAMS + KIN_OS_HANDLES_MAX + 1) /* and the record's */

/* Which descriptor of this process each descriptor of the child is made of. */
typedef struct moves {
    int targets[MOVES], sources[MOVES];
    int copies[MOVES]; /* -1 where there is none */
    size_t count;
    int end; /* from here on the child has nothing */
} moves;

static void add_move(moves *to, int target, int source)
{
    to->targets[to->count] = target;
    to->sources[to->count] = source;
    to->copies[to->count++] = -1;
}

static void list_moves(moves *out, const kin_os_message *message, int record, const kin_os_setting *setting)
{
    out->count = 0;
    for (int i = 0; i < KIN_POSIX_STREAMS; i++) {
        if (setting->replaced[i]) {
            add_move(out, i, setting->streams[i]);
        }
    }
    for (int i = 0; i < (int)message->handle_count; i++) {
        add_move(out, KIN_POSIX_FIRST_FD + i, message->handles[i]);
    }
    add_move(out, KIN_POSIX_FIRST_FD + (int)message->handle_count, record);
    out->end = KIN_POSIX_FIRST_FD + (int)message->handle_count + 1;
}

static bool is_target(const moves *list, int fd)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->targets[i] == fd) {
            return true;
        }
    }
    return false;
}

/* What lies where the child will put something else is copied out of the way. */
static int clear_the_way(moves *list)
{
    for (size_t i = 0; i < list->count; i++) {
        int fd = list->sources[i];
        if (fd >= 0 && fd != list->targets[i] && is_target(list, fd)) {
            list->sources[i] = list->copies[i] = kin_posix_duplicate(fd, list->end);
            if (list->copies[i] < 0) {
                return errno;
            }
        }
    }
    return 0;
}

/* Leaves the child its streams and the message's handles. A source of -1 is nothing. */
static int plan_descriptors(posix_spawn_file_actions_t *actions, const moves *list)
{
    int error = 0;
    for (size_t i = 0; i < list->count && !error; i++) {
        error = list->sources[i] >= 0
                    ? posix_spawn_file_actions_adddup2(actions, list->sources[i], list->targets[i])
                    : posix_spawn_file_actions_addopen(actions, list->targets[i], "/dev/null", O_RDWR, 0);
    }
    return error ? error : kin_posix_close_from(actions, list->end);
}

static int start(pid_t *pid, const moves *list, const char *directory, const char *program, const char *const *argv,
                 char *const *environment)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) {
        return error;
    }
    error = plan_descriptors(&actions, list);
    if (!error && directory) {
        error = kin_posix_change_directory(&actions, directory);
    }
    if (!error) {
        error = posix_spawn(pid, program, &actions, NULL, (char *const *)argv, environment);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* The child's environment, with the message; free it. NULL: errno. */
static char **make_environment(const char *message, const char *const *variables)
{
    size_t count = 0;
    while (variables && variables[count]) {
        count++;
    }
    const char **all = malloc((count + 2) * sizeof *all);
    if (!all) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        all[i] = variables[i];
    }
    all[count] = message;
    all[count + 1] = NULL;
    char **environment = kin_posix_environment(all, false);
    free(all);
    return environment;
}

static int spawn(kin_os_process *out, int record, const char *program, const char *const *argv,
                 const kin_os_message *message, const kin_os_setting *setting)
{
    char text[KIN_POSIX_MESSAGE_TEXT], *path = NULL;
    moves list;
    kin_posix_message_write(text, message, &out->record);
    list_moves(&list, message, record, setting);
    char **environment = make_environment(text, setting->variables);
    int error = environment ? clear_the_way(&list) : ENOMEM;
    if (!error && setting->directory) { /* a relative path would be taken from the new directory */
        error = kin_posix_whole_path(&path, program);
    }
    if (!error) {
        struct stat info; /* a process that has changed its root may not see /proc */
        const char *file = setting->self && lstat(SELF, &info) == 0 ? SELF : path ? path : program;
        error = start(&out->pid, &list, setting->directory, file, argv, environment);
    }
    kin_posix_close_all(list.copies, list.count);
    free(environment);
    free(path);
    return error;
}

kin_status kin_os_spawn(kin_os_process *out, const char *program, const char *const *argv,
                        const kin_os_message *message, const kin_os_setting *setting)
{
    kin_os_process made = {.pidfd = -1};
    if (message->size > KIN_OS_MESSAGE_MAX || message->handle_count > KIN_OS_HANDLES_MAX) {
        return KIN_E_TOO_BIG;
    }
    if (kin_posix_secure()) {
        return KIN_E_UNSUPPORTED;
    }
    int record;
    kin_status status = kin_posix_record_claim(&made.record, &record);
    if (status != KIN_OK) {
        return status;
    }
    int error = spawn(&made, record, program, argv, message, setting);
    if (error) {
        kin_posix_record_release(&made.record);
        return kin_posix_fail(error);
    }
    *out = made;
    return KIN_OK;
}

/* ---- the child's end ---- */

uint32_t kin_os_process_pid(const kin_os_process *process)
{
    return (uint32_t)process->pid;
}

/* 1: reaped now, 0: still runs, -1: errno. */
static int reap(kin_os_process *process, int flags)
{
    int status;
    pid_t pid;
    do {
        pid = waitpid(process->pid, &status, flags);
    } while (pid < 0 && errno == EINTR);
    if (pid <= 0) {
        return (int)pid;
    }
    process->status = status;
    process->returned = WIFEXITED(status) && kin_posix_record_has(&process->record, WEXITSTATUS(status));
    kin_posix_record_release(&process->record);
    __atomic_store_n(&process->ended, 1, __ATOMIC_RELEASE);
    return 1;
}

/* Whether the child has not been reaped, and so its pid is its own. */
static bool is_unreaped(const kin_os_process *process)
{
    siginfo_t info;
    return waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* The pidfd, opened at the first need; -1 if there is none to be had. Two threads may ask, one waiting, one killing:
 * what each of them notes of the file is the same. One that the program has closed is opened again. */
static int pidfd_of(kin_os_process *process)
{
    int seen = __atomic_load_n(&process->pidfd, __ATOMIC_ACQUIRE);
    if (seen >= 0 && kin_posix_is_still(seen, &process->pidfd_file)) {
        return seen;
    }
    int fd = kin_posix_raise(kin_posix_pidfd(process->pid));
    if (fd < 0 || !is_unreaped(process)) {
        kin_posix_close(fd);
        return -1;
    }
    kin_posix_note(&process->pidfd_file, fd);
    if (!__atomic_compare_exchange_n(&process->pidfd, &seen, fd, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        kin_posix_close(fd);
        fd = seen;
    }
    return fd;
}

kin_os_handle kin_os_process_handle(kin_os_process *process)
{
    return pidfd_of(process);
}

static void rest_until(kin_os_process *process, int64_t deadline, int64_t *step)
{
    int fd = pidfd_of(process);
    int64_t now = kin_os_now();
    if (fd >= 0) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        struct timespec left = kin_posix_timespec(deadline - now);
        ppoll(&item, 1, &left, NULL);
        return;
    }
    kin_os_sleep_until(deadline - now < *step ? deadline : now + *step);
    *step = *step < 5000000 ? *step * 2 : 10000000;
}

static int reap_until(kin_os_process *process, int64_t deadline)
{
    int64_t step = 100000;
    int result = reap(process, WNOHANG);
    while (result == 0 && kin_os_now() < deadline) {
        rest_until(process, deadline, &step);
        result = reap(process, WNOHANG);
    }
    return result;
}

kin_status kin_os_process_wait(kin_os_process *process, int64_t deadline, kin_os_exit *out)
{
    if (!process->ended) {
        int result = deadline == KIN_OS_NEVER ? reap(process, 0) : reap_until(process, deadline);
        if (result <= 0) {
            return result == 0 ? KIN_E_TIMED_OUT : kin_posix_fail(errno);
        }
    }
    int status = process->status, number = WIFEXITED(status) ? 0 : WTERMSIG(status);
    *out = (kin_os_exit){
        .code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
        .signal = number,
        .killed = (__atomic_load_n(&process->sent, __ATOMIC_ACQUIRE) >> number & 1u) != 0,
        .returned = process->returned != 0,
    };
    return KIN_OK;
}

bool kin_os_process_ended(const kin_os_process *process)
{
    siginfo_t info = {.si_pid = 0};
    int result = waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    return __atomic_load_n(&process->ended, __ATOMIC_ACQUIRE) || result != 0 || info.si_pid != 0;
}

static int send_signal(kin_os_process *process, int number)
{
    int fd = pidfd_of(process);
#ifdef SYS_pidfd_send_signal
    if (fd >= 0) {
        return (int)syscall(SYS_pidfd_send_signal, fd, number, NULL, 0);
    }
#else
    (void)fd;
#endif
    return is_unreaped(process) ? kill(process->pid, number) : 0;
}

kin_status kin_os_process_kill(kin_os_process *process, bool force)
{
    if (__atomic_load_n(&process->ended, __ATOMIC_ACQUIRE)) {
        return KIN_OK;
    }
    int number = force ? SIGKILL : SIGTERM;
    __atomic_fetch_or(&process->sent, 1u << number, __ATOMIC_ACQ_REL); /* before it can be seen to have ended of that */
    if (send_signal(process, number) != 0 && errno != ESRCH) {
        int error = errno;
        __atomic_fetch_and(&process->sent, ~(1u << number), __ATOMIC_ACQ_REL);
        return kin_posix_fail(error);
    }
    return KIN_OK;
}

void kin_os_process_close(kin_os_process *process)
{
    kin_posix_close_own(process->pidfd, &process->pidfd_file);
    process->pidfd = -1;
    kin_posix_record_release(&process->record);
}

/* Of signals that end a process, signal(7). */
const char *kin_os_exit_name(const kin_os_exit *how)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {
        {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"}, {SIGILL, "SIGILL"},   {SIGTRAP, "SIGTRAP"},
        {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},   {SIGKILL, "SIGKILL"}, {SIGUSR1, "SIGUSR1"},
        {SIGSEGV, "SIGSEGV"}, {SIGUSR2, "SIGUSR2"}, {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"},
        {SIGXCPU, "SIGXCPU"}, {SIGXFSZ, "SIGXFSZ"}, {SIGSYS, "SIGSYS"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].number == how->signal) {
            return names[i].name;
        }
    }
    return NULL;
}

int kin_os_returned(int code)
{
    kin_posix_record_note(code);
    return code;
}

void kin_os_detach(void)
{
    setsid();
    int failed = chdir("/"); /* only where / may not be searched: then it stays where it is */
    (void)failed;
}

void kin_os_exit_now(int code)
{
    _exit(code);
}
