/* peers.c: pthread mutexes, POSIX semaphores, fork and posix_spawn. See ../peers.h. */
#include "../peers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kin/kin.h"

#define SECOND INT64_C(1000000000)

/* ---- the system ---- */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

int64_t peer_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t peer_cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int64_t usage_ns(int who)
{
    struct rusage used;
    getrusage(who, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * SECOND +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * INT64_C(1000);
}

int64_t peer_all_cpu_ns(void)
{
    return usage_ns(RUSAGE_SELF) + usage_ns(RUSAGE_CHILDREN);
}

/* The CPUs at the first call. A forked child inherits them. A spawned one may have been pinned to one CPU before. */
static const cpu_set_t *all_cpus(void)
{
    static cpu_set_t cpus;
    if (CPU_COUNT(&cpus) == 0 && sched_getaffinity(0, sizeof cpus, &cpus) != 0) {
        CPU_SET(0, &cpus);
    }
    return &cpus;
}

int peer_cpu_count(void)
{
    return CPU_COUNT(all_cpus());
}

void peer_yield(void)
{
    sched_yield();
}

int peer_pin(int cpu)
{
    const cpu_set_t *all = all_cpus();
    if (cpu == PEER_ANY_CPU) {
        return sched_setaffinity(0, sizeof *all, all);
    }
    int left = cpu % CPU_COUNT(all);
    size_t found = 0;
    while (!CPU_ISSET(found, all) || left-- > 0) {
        found++;
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(found, &one);
    return sched_setaffinity(0, sizeof one, &one);
}

static int64_t count_entries(const char *path)
{
    int64_t count = 0;
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return 0;
    }
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

int peer_system_call(void)
{
    return syscall(SYS_getppid) <= 0;
}

void peer_end_after(unsigned seconds)
{
    alarm(seconds);
}

int64_t peer_handle_count(void)
{
    return count_entries("/proc/self/fd");
}

int64_t peer_name_count(void)
{
    return count_entries("/dev/shm");
}

void peer_make_name(char *out, const char *before)
{
    static unsigned number;
    snprintf(out, PEER_NAME, "%skin-bench-%ld-%u", before, (long)getpid(), number++);
}

/* ---- locks ---- */

static int create_mutex(void *memory, int robust)
{
    pthread_mutexattr_t attributes;
    int error = pthread_mutexattr_init(&attributes);
    error |= pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    error |= pthread_mutexattr_setrobust(&attributes, robust);
    error |= pthread_mutex_init(memory, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return error;
}

static int plain_create(void *memory)
{
    return create_mutex(memory, PTHREAD_MUTEX_STALLED);
}

static int robust_create(void *memory)
{
    return create_mutex(memory, PTHREAD_MUTEX_ROBUST);
}

static void mutex_destroy(void *memory)
{
    pthread_mutex_destroy(memory);
}

PEER_LOCK_LOOPS(mutex, pthread_mutex_t, pthread_mutex_lock(lock), pthread_mutex_unlock(lock))

static int named_create(void *memory)
{
    peer_make_name(memory, "/");
    sem_t *sem = sem_open(memory, O_CREAT | O_EXCL, 0600, 1);
    if (sem == SEM_FAILED) {
        return errno;
    }
    sem_close(sem);
    return 0;
}

static void named_destroy(void *memory)
{
    sem_unlink(memory);
}

static void *named_attach(void *memory)
{
    sem_t *sem = sem_open(memory, 0);
    return sem == SEM_FAILED ? NULL : sem;
}

static void named_detach(void *attached)
{
    sem_close(attached);
}

PEER_LOCK_LOOPS(named, sem_t, sem_wait(lock), sem_post(lock))

/* A lock alone: as fast as a plain mutex, and 5 % for the noise. */
const peer_lock peer_locks[] = {
    {.name = "pthread process-shared",
     .create = plain_create,
     .destroy = mutex_destroy,
     .attach = peer_same,
     .detach = peer_nothing,
     .alone = mutex_alone,
     .contend = mutex_contend,
     .alone_target = {1.05, 0},
     .contended_target = {1.0, 1},
     .contended_processes = 2},
    {.name = "pthread robust",
     .create = robust_create,
     .destroy = mutex_destroy,
     .attach = peer_same,
     .detach = peer_nothing,
     .alone = mutex_alone,
     .contend = mutex_contend},
    {.name = "sem_open",
     .create = named_create,
     .destroy = named_destroy,
     .attach = named_attach,
     .detach = named_detach,
     .alone = named_alone,
     .contend = named_contend},
};

const size_t peer_lock_count = sizeof peer_locks / sizeof peer_locks[0];
const peer_lock *const peer_contended = &peer_locks[0];

/* ---- a readers-writer lock ---- */

static int rwlock_create(void *memory)
{
    pthread_rwlockattr_t attributes;
    int error = pthread_rwlockattr_init(&attributes);
    error |= pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    error |= pthread_rwlock_init(memory, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    return error;
}

static void rwlock_destroy(void *memory)
{
    pthread_rwlock_destroy(memory);
}

static int rwlock_acquire(void *memory, int writing)
{
    return writing ? pthread_rwlock_wrlock(memory) : pthread_rwlock_rdlock(memory);
}

static int rwlock_release(void *memory, int writing)
{
    (void)writing;
    return pthread_rwlock_unlock(memory);
}

const peer_rwlock peer_pthread_rwlock = {
    "pthread rwlock, process-shared", rwlock_create, rwlock_destroy, rwlock_acquire, rwlock_release, 0};

/* ---- two semaphores ---- */

static int sems_create(void *memory)
{
    sem_t *sems = memory;
    return sem_init(&sems[0], 1, 0) != 0 || sem_init(&sems[1], 1, 0) != 0;
}

static void sems_destroy(void *memory)
{
    sem_t *sems = memory;
    sem_destroy(&sems[0]);
    sem_destroy(&sems[1]);
}

static int sems_give(void *attached, int which)
{
    return sem_post((sem_t *)attached + which);
}

#if defined(__GLIBC__) /* musl has no sem_clockwait */
#define SEM_NAME "sem_t, sem_clockwait"
static int sem_wait_until(sem_t *sem, const struct timespec *until)
{
    return sem_clockwait(sem, CLOCK_MONOTONIC, until);
}
#else
#define SEM_NAME "sem_t, sem_wait"
static int sem_wait_until(sem_t *sem, const struct timespec *until)
{
    (void)until;
    return sem_wait(sem);
}
#endif

/* With a deadline, as kin's: the timer has its price. */
static int sems_take(void *attached, int which, int64_t timeout_ns)
{
    int64_t deadline = peer_now_ns() + timeout_ns;
    struct timespec until = {.tv_sec = (time_t)(deadline / SECOND), .tv_nsec = (long)(deadline % SECOND)};
    return sem_wait_until((sem_t *)attached + which, &until);
}

const peer_sems peer_native_sems = {
    SEM_NAME, sems_create, sems_destroy, peer_same, peer_nothing, sems_give, sems_take,
};

/* ---- making and starting things ---- */

const char *const peer_named_name = "sem_open, close, unlink";

int peer_named_once(void)
{
    static const char name[] = "/kin-bench-named";
    sem_t *sem = sem_open(name, O_CREAT, 0600, 1);
    if (sem == SEM_FAILED) {
        return errno;
    }
    sem_close(sem);
    return sem_unlink(name);
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return errno;
        }
    }
    return status;
}

int peer_has_fork(void)
{
    return 1;
}

int peer_fork_many(int count)
{
    static pid_t pids[4096];
    int failed = count > (int)(sizeof pids / sizeof pids[0]);
    for (int i = 0; i < count && !failed; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            _exit(0);
        }
        failed = pids[i] < 0;
    }
    for (int i = 0; i < count && !failed; i++) {
        failed = wait_for(pids[i]);
    }
    return failed;
}

const char *const peer_spawn_name = "posix_spawn";

int peer_spawn_once(void)
{
    extern char **environ;
    static char name[] = "kin-bench";
    static char command[] = "noop";
    char *argv[] = {name, command, NULL};
    pid_t pid = 0;
    int error = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
    return error != 0 ? error : wait_for(pid);
}

/* ---- a pipe ---- */

static int set_ends(int64_t ends[2], const int fds[2])
{
    ends[0] = fds[0];
    ends[1] = fds[1];
    return 0;
}

int peer_pipe_create(int64_t ends[2])
{
    int fds[2];
    return pipe(fds) != 0 ? -1 : set_ends(ends, fds);
}

void peer_end_close(int64_t end)
{
    close((int)end);
}

int peer_pipe_write(int64_t end, const void *data, size_t size)
{
    return write((int)end, data, size) == (ssize_t)size ? 0 : -1;
}

int peer_pipe_read(int64_t end, void *buffer, size_t size)
{
    char *at = buffer;
    while (size > 0) {
        ssize_t got = read((int)end, at, size);
        if (got <= 0) {
            return -1;
        }
        at += got;
        size -= (size_t)got;
    }
    return 0;
}

/* ---- a pair of sockets that keep messages whole ---- */

const char peer_pair_name[] = "socketpair (SEQPACKET)";

int peer_pair_create(int64_t ends[2])
{
    int fds[2];
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0 ? -1 : set_ends(ends, fds);
}

int peer_pair_send(int64_t end, const void *message, size_t size)
{
    return send((int)end, message, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

int peer_pair_recv(int64_t end, void *message, size_t size)
{
    return recv((int)end, message, size, 0) == (ssize_t)size ? 0 : -1;
}
