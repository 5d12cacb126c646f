#include "posix/children.h"

#include "posix/libc.h"
#include "support.h"

#include <sys/wait.h>
#include <unistd.h>

pid_t fork_child(void)
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    return pid;
}

int end_of(pid_t pid)
{
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool has_fork_server(void)
{
    return KIN_POSIX_FORK_SERVER;
}
