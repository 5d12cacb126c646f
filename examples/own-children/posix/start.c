/* start.c: with posix_spawn. kin's descriptors are close-on-exec. A dup2 of a descriptor to itself, in the child, makes
 * it one that stays open:
 * https://pubs.opengroup.org/onlinepubs/9799919799/functions/posix_spawn_file_actions_adddup2.html
 */
#include "../start.h"

#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

struct started {
    pid_t pid;
};

started *start_program(const char *path, const char *argument, const kin_handle *handles, size_t count)
{
    char *argv[] = {(char *)path, (char *)argument, NULL};
    posix_spawn_file_actions_t actions;
    started *it = malloc(sizeof *it);
    int error = posix_spawn_file_actions_init(&actions);
    if (!it || error) {
        free(it);
        return NULL;
    }
    for (size_t i = 0; i < count && !error; i++) {
        error = posix_spawn_file_actions_adddup2(&actions, (int)handles[i], (int)handles[i]);
    }
    if (!error) {
        error = posix_spawn(&it->pid, path, &actions, NULL, argv, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    if (error) {
        free(it);
        return NULL;
    }
    return it;
}

int end_of_program(started *it)
{
    int status = -1;
    pid_t pid = waitpid(it->pid, &status, 0);
    free(it);
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
