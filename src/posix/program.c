/* program.c: programs, looked for in PATH.
 *
 * kin does not use posix_spawnp. That takes an empty element of PATH as the current directory, and looks for a relative
 * one in the directory in which the program starts. So a user with write access to such a directory would choose the
 * program. Here only absolute elements count. The system's own PATH (confstr(3), _CS_PATH) is used if there is no PATH,
 * and in a program that has more rights than its caller, because the caller wrote the PATH.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/posix.h"
#include "posix/program.h"

/* DIRECTORY/NAME, the directory being length bytes; NULL: no memory. */
static char *join(const char *directory, size_t length, const char *name)
{
    char *path = malloc(length + strlen(name) + 2);
    if (path) {
        memcpy(path, directory, length);
        path[length] = '/';
        strcpy(path + length + 1, name);
    }
    return path;
}

int kin_posix_whole_path(char **out, const char *name)
{
    char *here = name[0] == '/' ? NULL : getcwd(NULL, 0);
    *out = name[0] == '/' ? strdup(name) : here ? join(here, strlen(here), name) : NULL;
    int error = *out ? 0 : errno;
    free(here);
    return error;
}

/* 0: it can be run. */
static int try(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return errno;
    }
    return S_ISREG(info.st_mode) && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : EACCES;
}

/* In the elements of a list that are absolute. EACCES: there is something of that name, which cannot be run. */
static int find_in(char **out, const char *list, const char *name)
{
    int error = ENOENT;
    size_t length;
    for (const char *at = list; *at != '\0'; at += length + (at[length] == ':')) {
        length = strcspn(at, ":");
        char *path = at[0] == '/' ? join(at, length, name) : NULL;
        if (at[0] == '/' && !path) {
            return ENOMEM;
        }
        int found = path ? try(path) : ENOENT;
        if (found == 0) {
            *out = path;
            return 0;
        }
        free(path);
        error = found == EACCES ? EACCES : error;
    }
    return error;
}

int kin_posix_find_program(char **out, const char *name)
{
    char usual[256] = "/bin:/usr/bin";
    if (strchr(name, '/')) {
        return kin_posix_whole_path(out, name);
    }
    if (name[0] == '\0') {
        return ENOENT;
    }
    const char *list = kin_os_variable("PATH");
    if (!list) {
        confstr(_CS_PATH, usual, sizeof usual);
    }
    return find_in(out, list ? list : usual, name);
}
