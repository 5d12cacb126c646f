/* calls.c: the system calls of each operation. The program that runs them stops at each one, and its marks say which
 * operation it was in. */
#include "guard.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 16

int guard_start(const char *program, const char *const *prefix, int marks_fd, int log_fd, int traced)
{
    char number[16];
    const char *argv[ARGUMENTS_MAX];
    int count = 0;
    snprintf(number, sizeof number, "%d", marks_fd);
    while (prefix && *prefix && count < ARGUMENTS_MAX - 4) {
        argv[count++] = *prefix++;
    }
    argv[count++] = program;
    argv[count++] = "run";
    argv[count++] = number;
    argv[count] = NULL;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(120);
        if (log_fd >= 0) {
            dup2(log_fd, 9);
        }
        if (traced) {
            ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        }
        execvp(argv[0], (char *const *)argv);
        perror(argv[0]);
        _exit(127);
    }
    return pid;
}

/* Lets it go on to the next stop, with the signal that it got. Returns its status. */
static int next_stop(pid_t pid, int signal)
{
    int status = 0;
    ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)signal); /* NOLINT(performance-no-int-to-ptr) */
    if (waitpid(pid, &status, 0) != pid) {
        perror("guard: waitpid");
        exit(EXIT_FAILURE);
    }
    return status;
}

int guard_count_calls(const char *program, figures *out)
{
    int fd, status, entering = 1;
    static samples calls;
    volatile marks *it = guard_open_marks(&fd);
    pid_t pid = guard_start(program, NULL, fd, -1, 1);
    waitpid(pid, &status, 0); /* it stops after its exec */
    ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
    for (status = next_stop(pid, 0); WIFSTOPPED(status);) {
        int stop = WSTOPSIG(status);
        if (stop == (SIGTRAP | 0x80)) {
            int step = it->now;
            if (step != NO_STEP && step != UNCOUNTED) {
                calls.of[step][it->times[step] - 1] += entering;
            }
            entering = !entering;
        }
        status = next_stop(pid, stop == (SIGTRAP | 0x80) || stop == SIGTRAP ? 0 : stop);
    }
    out->count = it->count;
    for (int i = 1; i < it->count; i++) {
        snprintf(out->each[i].name, sizeof out->each[i].name, "%s", (const char *)it->names[i]);
        out->each[i].calls = guard_summary(&calls, it, i);
    }
    guard_close_marks(it, fd);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "guard: %s run: status %#x\n", program, (unsigned)status);
        return -1;
    }
    return 0;
}
