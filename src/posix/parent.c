/* parent.c: dying with the parent.
 *
 * - PR_SET_PDEATHSIG does not work for this: the signal comes at the end of the thread that forked (prctl(2)), which
 *   may be any thread. A pipe that the parent holds open does not work either: children that the parent forks later
 *   hold it open, too.
 * - A pidfd of the parent becomes readable when the parent's last thread has ended (pidfd_open(2)). Nothing else can
 *   delay that. A thread of the child waits for it.
 * - Then the thread calls getppid. If it names another process, the parent has ended. So it does no harm if the program
 *   has closed the descriptor, or has its number for another file.
 * - Without pidfds (before Linux 5.3) the thread only calls getppid now and then.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "posix/parent.h"
#include "posix/handle.h"
#include "posix/linux.h"
#include "posix/posix.h"

#define STACK ((size_t)128 * 1024)
#define STEP 100000000 /* between questions, without a pidfd, in ns */

typedef struct watched {
    pid_t parent;
    int fd;
} watched;

uint32_t kin_os_parent_pid(void)
{
    return (uint32_t)getppid();
}

int kin_posix_open_process(pid_t pid)
{
    return kin_posix_raise(kin_posix_pidfd(pid));
}

/* Takes argument. It never returns: it ends the process. */
static void *watch(void *argument)
{
    watched it = *(watched *)argument;
    free(argument);
    while (it.fd >= 0) {
        struct pollfd item = {.fd = it.fd, .events = POLLIN};
        if (poll(&item, 1, -1) > 0 || errno != EINTR) {
            break;
        }
    }
    while (getppid() == it.parent) {
        kin_os_sleep_until(kin_os_now() + STEP);
    }
    kill(getpid(), SIGKILL);
    return NULL;
}

/* The thread must handle no signal. */
static int start_thread(watched *it)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    int error = pthread_attr_init(&attributes);
    if (error) {
        return error;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, watch, it);
    if (error == EINVAL) { /* thread-local storage that takes more */
        error = pthread_create(&thread, NULL, watch, it);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

/* Opened first, asked afterwards: so it is the parent's, or there is none. */
kin_status kin_os_follow_parent(uint32_t pid)
{
    int fd = kin_posix_open_process((pid_t)pid);
    if (getppid() != (pid_t)pid) {
        kin_posix_close(fd);
        return KIN_E_NOT_FOUND;
    }
    watched *it = malloc(sizeof *it);
    int error = ENOMEM;
    if (it) {
        *it = (watched){(pid_t)pid, fd};
        error = start_thread(it);
    }
    if (error) {
        free(it);
        kin_posix_close(fd);
        return kin_posix_fail(error);
    }
    return KIN_OK;
}
