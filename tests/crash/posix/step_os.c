/* step_os.c: ptrace. See ../step_os.h. */
#include "../step_os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "step_visible.h"

#define ASLEEP_MS 30 /* a step that takes longer is a sleep in the kernel */
#define TICK_MS 5
#define PATIENCE KIN_SECONDS(1) /* stepped so slowly, some waits find their slices over before they sleep: no end */

int64_t step_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void step_rest(int milliseconds)
{
    nanosleep(&(struct timespec){0, milliseconds * 1000000L}, NULL);
}

int64_t step_pid(void)
{
    return getpid();
}

/* A member's sign of life is a lock on the pulse. Not asked by opening it: closing would end this process's own. */
static bool is_locked(const struct stat *info)
{
    char line[256], inode[32];
    bool found = false;
    FILE *locks = fopen("/proc/locks", "re");
    snprintf(inode, sizeof inode, ":%lu ", (unsigned long)info->st_ino);
    while (locks && !found && fgets(line, sizeof line, locks)) {
        found = strstr(line, inode) != NULL;
    }
    if (locks) {
        fclose(locks);
    }
    return found;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

/* Its text begins with the id. */
static bool leads_somewhere(int dir, const char *name)
{
    char text[200], arena[300];
    struct stat info;
    ssize_t length = readlinkat(dir, name, text, sizeof text);
    snprintf(arena, sizeof arena, "%.32s.arena", length >= 32 ? text : "");
    return fstatat(dir, arena, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A pulse that nobody holds, an arena without its pulse, a name without its arena. */
static bool is_left(int dir, const char *name)
{
    char pulse[300];
    struct stat info;
    if (name[0] == '.' || fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return false;
    }
    if (ends_with(name, ".pulse")) {
        return !is_locked(&info);
    }
    if (ends_with(name, ".arena")) {
        snprintf(pulse, sizeof pulse, "%.*s.pulse", (int)(strrchr(name, '.') - name), name);
        return fstatat(dir, pulse, &info, AT_SYMLINK_NOFOLLOW) != 0;
    }
    return !ends_with(name, ".family") || !leads_somewhere(dir, name);
}

int step_names(void)
{
    int count = 0;
    char path[64];
    snprintf(path, sizeof path, "/dev/shm/kin-%u", (unsigned)geteuid());
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        count += is_left(dirfd(dir), entry->d_name);
    }
    if (dir) {
        closedir(dir);
    }
    return count;
}

void step_begin(step_kind kind, int64_t last)
{
    (void)kind;
    (void)last;
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
}

void step_end(void)
{
    raise(SIGSTOP);
}

int step_halts(void)
{
    return 1;
}

int step_has(step_kind kind)
{
#if defined(__x86_64__)
    (void)kind;
    return 1;
#else
    return kind != STEP_VISIBLE;
#endif
}

/* Else it only waits for a processor. */
static bool is_asleep(pid_t victim)
{
    char path[32], text[300] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)victim);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    close(fd);
    const char *end = size > 0 ? strrchr(text, ')') : NULL; /* of the name; the state follows: proc(5) */
    return !end || !strchr("Rt", end[2]);
}

/* ---- waiting for a stop ---- */

static void wake_up(int signal)
{
    (void)signal;
}

/* While it runs, each wait of the first thread ends now and then: it gets the process's signals (signal(7)). */
static void run_timer(bool on)
{
    struct itimerval often = {{0, on ? TICK_MS * 1000 : 0}, {0, on ? TICK_MS * 1000 : 0}};
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = wake_up}, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
}

/* A stop takes longer to be noticed by a thread that sleeps; but the victim may need this processor. */
bool step_await_stop(pid_t victim, siginfo_t *info, int64_t end)
{
    int64_t asleep_at = step_now() + KIN_MS(ASLEEP_MS);
    for (;;) {
        info->si_pid = 0;
        int result = waitid(P_PID, (id_t)victim, info, WSTOPPED | WEXITED | WNOWAIT);
        if (result == 0 && info->si_code != CLD_TRAPPED && info->si_code != CLD_STOPPED) {
            return false; /* it has ended; the process that joins it gets its status */
        }
        if (result == 0) {
            return waitid(P_PID, (id_t)victim, info, WSTOPPED | WNOHANG) == 0 && info->si_pid != 0;
        }
        if (errno != EINTR || step_now() > end || (step_now() > asleep_at && is_asleep(victim))) {
            return false;
        }
    }
}

/* How the victim stands between two steps: */
static int given;   /* a signal that it got and has still to see */
static bool asleep; /* a step is not at its end */

/* One step. False: it sleeps in the kernel, or was at the end of the operation, or the time is over. */
static bool step(pid_t victim, step_kind kind, int64_t end)
{
    siginfo_t info;
    if (kind == STEP_VISIBLE) {
        return step_visible(victim, end);
    }
    void *signal = (void *)(intptr_t)given;
    if (!asleep && ptrace(kind == STEP_CALL ? PTRACE_SYSCALL : PTRACE_SINGLESTEP, victim, NULL, signal) != 0) {
        return false;
    }
    given = 0;
    asleep = !step_await_stop(victim, &info, end);
    if (asleep) {
        return false;
    }
    given = info.si_status == SIGCHLD ? SIGCHLD : 0;
    return info.si_status == SIGTRAP || info.si_status == SIGCHLD;
}

int64_t step_drive_on(int64_t victim, step_kind kind, int64_t more)
{
    int64_t done = 0, end = step_now() + PATIENCE;
    run_timer(true);
    bool watched = kind != STEP_VISIBLE || step_visible_watch((pid_t)victim);
    while (watched && done < more && step_now() < end && step((pid_t)victim, kind, end)) {
        done++;
    }
    if (kind == STEP_VISIBLE) {
        step_visible_unwatch((pid_t)victim);
    }
    run_timer(false);
    return done;
}

int64_t step_drive(int64_t victim, step_kind kind, int64_t last)
{
    given = 0;
    asleep = false;
    waitpid((pid_t)victim, NULL, 0); /* its SIGSTOP */
    if (kind == STEP_VISIBLE && !step_visible_begin((pid_t)victim)) {
        return 0;
    }
    return step_drive_on(victim, kind, last);
}

void step_release(int64_t victim, int64_t ns)
{
    siginfo_t info = {0};
    int64_t end = step_now() + ns;
    if (ptrace(PTRACE_DETACH, (pid_t)victim, NULL, NULL) != 0) {
        return; /* it does not stand still: it sleeps */
    }
    do {
        step_rest(1);
    } while (waitid(P_PID, (id_t)victim, &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0 &&
             step_now() < end);
}

int64_t step_changes(int64_t victim, int64_t *at, int64_t most, int64_t *length)
{
    int64_t count = 0;
    *length = 0;
    waitpid((pid_t)victim, NULL, 0);
    run_timer(true);
    if (step_visible_begin((pid_t)victim)) {
        count = step_changes_of((pid_t)victim, at, most, length);
    }
    run_timer(false);
    return count;
}

void step_kill(int64_t victim)
{
    kill((pid_t)victim, SIGKILL);
}

/* ---- others ---- */

static pthread_t aside;

static void *run_aside(void *run)
{
    void (*what)(void);
    memcpy(&what, &run, sizeof what);
    what();
    return NULL;
}

void step_aside(void (*run)(void))
{
    void *what;
    memcpy(&what, &run, sizeof what);
    pthread_create(&aside, NULL, run_aside, what);
}

void step_aside_join(void)
{
    pthread_join(aside, NULL);
}

int step_has_children(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* from the first time on */
    pid_t ended;
    while ((ended = waitpid(-1, NULL, WNOHANG)) > 0) {
    }
    return ended == 0;
}
