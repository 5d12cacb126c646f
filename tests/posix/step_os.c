/* step_os.c: ptrace. See ../step_os.h. */
#include "../step_os.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ASLEEP_MS 30            /* a step that takes longer is a sleep in the kernel */
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
    snprintf(arena, sizeof arena, "kin-%u-%.32s.arena", (unsigned)geteuid(), length >= 32 ? text : "");
    return fstatat(dir, arena, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A pulse that nobody holds, an arena without its pulse, a name without its arena. */
static bool is_left(int dir, const char *name)
{
    char pulse[300];
    struct stat info;
    if (strncmp(name, "kin-", 4) != 0 || fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
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
    DIR *dir = opendir("/dev/shm");
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        count += is_left(dirfd(dir), entry->d_name);
    }
    if (dir) {
        closedir(dir);
    }
    return count;
}

void step_begin(int64_t last)
{
    (void)last;
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
}

void step_end(void)
{
    raise(SIGSTOP);
}

int step_has_calls(void)
{
    return 1;
}

/* One step; *given: a signal that the victim got and has still to see. False: it sleeps in the kernel, or was at the end of the
 * operation. */
static bool step(pid_t victim, step_kind kind, int *given)
{
    int status = 0;
    void *signal = (void *)(intptr_t)*given;
    *given = 0;
    if (ptrace(kind == STEP_CALL ? PTRACE_SYSCALL : PTRACE_SINGLESTEP, victim, NULL, signal) != 0) {
        return false;
    }
    int64_t end = step_now() + KIN_MS(ASLEEP_MS);
    while (waitpid(victim, &status, WNOHANG) == 0) {
        if (step_now() > end) {
            return false;
        }
    }
    if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGCHLD) {
        *given = SIGCHLD;
        return true;
    }
    return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

int64_t step_drive(kin_process *victim, step_kind kind, int64_t last)
{
    pid_t pid = (pid_t)kin_process_pid(victim);
    int64_t done = 0;
    int given = 0;
    waitpid(pid, NULL, 0); /* its SIGSTOP */
    int64_t end = step_now() + PATIENCE;
    while (done < last && step_now() < end && step(pid, kind, &given)) {
        done++;
    }
    return done;
}
