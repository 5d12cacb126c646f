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
    char own[64];
    snprintf(own, sizeof own, "/dev/shm/kin-%u", (unsigned)geteuid());
    return count_entries("/dev/shm", contains, hex) + count_entries(own, contains, hex);
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

void kill_pid_with(uint32_t pid, uint32_t code)
{
    (void)code;
    kill_pid(pid);
}

/* Not by a signal that a sanitizer handles. */
void crash(void)
{
    abort();
}

size_t read_input(void *buffer, size_t size)
{
    return fread(buffer, 1, size, stdin);
}

void close_input(void)
{
    close(STDIN_FILENO);
}

int write_output(int stream, const void *bytes, size_t size)
{
    for (const char *next = bytes; size > 0;) {
        ssize_t written = write(stream, next, size);
        if (written <= 0) {
            return 0;
        }
        next += written;
        size -= (size_t)written;
    }
    return 1;
}

/* The arguments, one after the other: the program is short-lived, nothing is freed. */
char **own_arguments(void)
{
    static char text[1 << 20];
    static char *argv[10000];
    FILE *file = fopen("/proc/self/cmdline", "r");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0, count = 0;
    if (file) {
        fclose(file);
    }
    for (size_t at = 0; at < size && count < 9999; at += strlen(text + at) + 1) {
        argv[count++] = text + at;
    }
    return argv;
}

int own_variable(char *out, size_t size, const char *name)
{
    const char *text = getenv(name);
    return text ? snprintf(out, size, "%s", text) : -1;
}

void set_variable(const char *name, const char *value)
{
    if (value) {
        setenv(name, value, 1);
    } else {
        unsetenv(name);
    }
}

static void cut_name(char *path)
{
    *strrchr(path, '/') = '\0';
}

test_place enter_place_of(const char *program)
{
    static test_place at;
    const char *path = getenv("PATH");
    snprintf(at.path, sizeof at.path, "%s", path ? path : "");
    snprintf(at.name, sizeof at.name, "%s", strrchr(program, '/') + 1);
    snprintf(at.directory, sizeof at.directory, "%s", program);
    cut_name(at.directory);
    snprintf(at.parent, sizeof at.parent, "%s", at.directory);
    cut_name(at.parent);
    if (!getcwd(at.before, sizeof at.before) || chdir(at.directory) != 0) {
        abort();
    }
    return at;
}

void set_path(const char *path)
{
    setenv("PATH", path, 1);
}

void leave_place(const test_place *left)
{
    set_path(left->path);
    if (chdir(left->before) != 0) {
        abort();
    }
}

char *make_plain_file(const char *text)
{
    char *path = strdup("/tmp/kin-test-XXXXXX");
    int fd = path ? mkstemp(path) : -1;
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        abort();
    }
    close(fd);
    return path;
}

void remove_plain_file(char *path)
{
    unlink(path);
    free(path);
}

intptr_t open_inheritable_file(void)
{
    return open("/dev/null", O_RDONLY);
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
