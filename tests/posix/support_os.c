#include "support_os.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t count_entries(const char *path, int (*counts)(const char *name, const char *what), const char *what)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        count += counts(entry->d_name, what) != 0;
    }
    if (dir) {
        closedir(dir);
    }
    return count;
}

static int is_number(const char *name, const char *unused)
{
    (void)unused;
    return name[0] >= '0' && name[0] <= '9';
}

size_t count_handles(void)
{
    return count_entries("/proc/self/fd", is_number, NULL) - 1; /* less the directory's own */
}

static int contains(const char *name, const char *part)
{
    return strstr(name, part) != NULL;
}

size_t count_names(const uint8_t id[16])
{
    char hex[33];
    for (size_t i = 0; i < 16; i++) {
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
    }
    return count_entries("/dev/shm", contains, hex);
}

int has_fork(void)
{
    return 1;
}

intptr_t open_file_with(const char *text)
{
    char path[] = "/tmp/kin-test-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || lseek(fd, 0, SEEK_SET) != 0) {
        abort();
    }
    unlink(path);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

void make_pipe(intptr_t ends[2])
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        abort();
    }
    ends[0] = fds[0];
    ends[1] = fds[1];
}

long read_handle(intptr_t handle, void *buffer, size_t size)
{
    return (long)read((int)handle, buffer, size);
}

int write_handle(intptr_t handle, const void *buffer, size_t size)
{
    return write((int)handle, buffer, size) == (ssize_t)size;
}

intptr_t make_signal(void)
{
    return eventfd(0, EFD_CLOEXEC);
}

void raise_signal(intptr_t signal)
{
    uint64_t one = 1;
    write_handle(signal, &one, sizeof one);
}

void close_handle(intptr_t handle)
{
    close((int)handle);
}

intptr_t start_self(const char *argument, intptr_t input, const intptr_t *inherited, size_t count)
{
    char *const argv[] = {(char *)"self", (char *)(uintptr_t)argument, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, (int)input, STDIN_FILENO);
    for (size_t i = 0; i < count; i++) {
        posix_spawn_file_actions_adddup2(&actions, (int)inherited[i], (int)inherited[i]); /* clears close-on-exec */
    }
    if (posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ) != 0) {
        abort();
    }
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

int end_of_self(intptr_t process)
{
    int status = 0;
    return waitpid((pid_t)process, &status, 0) == process && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void kill_pid(uint32_t pid)
{
    kill((pid_t)pid, SIGKILL);
}

size_t read_input(void *buffer, size_t size)
{
    return fread(buffer, 1, size, stdin);
}

typedef struct call {
    void (*body)(void *argument);
    void *argument;
    pthread_t thread;
} call;

static void *run(void *argument)
{
    call *this = argument;
    this->body(this->argument);
    return NULL;
}

void *begin_thread(void (*body)(void *argument), void *argument)
{
    call *this = malloc(sizeof *this);
    if (!this) {
        abort();
    }
    *this = (call){.body = body, .argument = argument};
    if (pthread_create(&this->thread, NULL, run, this) != 0) {
        abort();
    }
    return this;
}

void end_thread(void *thread)
{
    pthread_join(((call *)thread)->thread, NULL);
    free(thread);
}

void run_thread(void (*body)(void *argument), void *argument)
{
    end_thread(begin_thread(body, argument));
}

int handle_is_ready(intptr_t handle, int milliseconds)
{
    struct pollfd item = {.fd = (int)handle, .events = POLLIN};
    return poll(&item, 1, milliseconds) == 1;
}
