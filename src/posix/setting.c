/* setting.c: another directory, environment and standard streams for a forked child.
 *
 * The directory is opened before the fork, so that the parent learns of an error. O_PATH needs no right to read it, and
 * is enough for fchdir (open(2)).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "posix/setting.h"
#include "posix/handle.h"

int kin_posix_open_directory(const char *path)
{
    return kin_posix_raise(open(path ? path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* Above the streams, so that none is written over before it has been put in its place. */
static int copy_of(int source)
{
    int fd = source >= 0 ? dup(source) : open("/dev/null", O_RDWR | O_CLOEXEC);
    return kin_posix_raise(fd);
}

bool kin_posix_put_streams(const bool given[KIN_POSIX_STREAMS], const int sources[KIN_POSIX_STREAMS])
{
    int copies[KIN_POSIX_STREAMS] = {-1, -1, -1};
    bool done = true;
    for (int i = 0; i < KIN_POSIX_STREAMS && done; i++) {
        copies[i] = given[i] ? copy_of(sources[i]) : -1;
        done = !given[i] || copies[i] >= 0;
    }
    for (int i = 0; i < KIN_POSIX_STREAMS && done; i++) {
        done = !given[i] || dup2(copies[i], i) >= 0;
    }
    kin_posix_close_all(copies, KIN_POSIX_STREAMS);
    return done;
}

/* A variable is copied: its text is the caller's, and may go. */
static bool change_environment(const char *const *variables)
{
    for (; variables && *variables; variables++) {
        const char *value = strchr(*variables, '=');
        char *name = strndup(*variables, value ? (size_t)(value - *variables) : strlen(*variables));
        bool done = name && (value ? setenv(name, value + 1, 1) : unsetenv(name)) == 0;
        free(name);
        if (!done) {
            return false;
        }
    }
    return true;
}

bool kin_posix_settle(const kin_os_setting *setting, int directory)
{
    if (setting->replaced[0]) {
        __fpurge(stdin); /* what the parent has read ahead is of another stream */
    }
    return (directory < 0 || fchdir(directory) == 0) && kin_posix_put_streams(setting->replaced, setting->streams) &&
           change_environment(setting->variables);
}
