/* environment.c: this process's environment, and another one for a program, made of it.
 *
 * The kernel sets AT_SECURE for a program whose effective user or group differs from the real one of its caller, or
 * which has file capabilities (getauxval(3), ld.so(8)). The caller wrote the environment of such a program and its
 * descriptors. So kin reads no variable there, and takes no message. This file alone calls getenv (ci/check).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/environment.h"
#include "posix/handle.h"
#include "posix/linux.h"
#include "posix/posix.h"

bool kin_posix_secure(void)
{
    return getauxval(AT_SECURE) != 0;
}

const char *kin_os_variable(const char *name)
{
    return kin_posix_secure() ? NULL : getenv(name);
}

static size_t name_length(const char *text)
{
    return strcspn(text, "=");
}

static bool same_name(const char *a, const char *b)
{
    size_t length = name_length(a);
    return strncmp(a, b, length) == 0 && (b[length] == '=' || b[length] == '\0');
}

static bool is_named(const char *text, const char *const *variables)
{
    for (; *variables; variables++) {
        if (same_name(text, *variables)) {
            return true;
        }
    }
    return false;
}

static size_t count(const char *const *texts)
{
    size_t n = 0;
    while (texts[n]) {
        n++;
    }
    return n;
}

char **kin_posix_environment(const char *const *variables, bool clean)
{
    static const char *const none[] = {NULL};
    const char *const *own = clean || !environ ? none : (const char *const *)environ;
    variables = variables ? variables : none;
    const char **all = malloc((count(own) + count(variables) + 1) * sizeof *all);
    size_t n = 0;
    if (!all) {
        return NULL;
    }
    for (; *own; own++) {
        bool forged = kin_posix_secure() && same_name(*own, KIN_POSIX_MESSAGE); /* the child would take it for ours */
        if (!forged && !is_named(*own, variables)) {
            all[n++] = *own;
        }
    }
    for (; *variables; variables++) {
        if ((*variables)[name_length(*variables)] == '=' && !is_named(*variables, variables + 1)) {
            all[n++] = *variables;
        }
    }
    all[n] = NULL;
    return (char **)all;
}

/* ---- as a file ---- */

uint64_t kin_posix_environment_sum(char *const *environment)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; environment && *environment; environment++) {
        const char *at = *environment;
        do {
            sum = (sum ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
        } while (*at++ != '\0');
    }
    return sum;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno != EINTR) {
            return errno;
        }
        bytes += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

/* All texts, one after the other, each with its end; free it. */
static char *join(size_t *size, char *const *environment)
{
    *size = 0;
    for (size_t i = 0; environment[i]; i++) {
        *size += strlen(environment[i]) + 1;
    }
    char *all = malloc(*size + 1), *next = all;
    for (size_t i = 0; all && environment[i]; i++) {
        next = stpcpy(next, environment[i]) + 1;
    }
    return all;
}

int kin_posix_environment_write(int *out, char *const *environment)
{
    size_t size;
    char *all = join(&size, environment);
    if (!all) {
        return ENOMEM;
    }
    int fd = kin_posix_raise(kin_posix_memory_file("kin-environment", MFD_CLOEXEC));
    int error = fd < 0 ? errno : write_all(fd, all, size);
    free(all);
    if (error) {
        kin_posix_close(fd);
        return error;
    }
    *out = fd;
    return 0;
}

static char *map_all(int fd, size_t *size)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return NULL;
    }
    *size = (size_t)info.st_size;
    void *all = mmap(NULL, *size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    return all == MAP_FAILED ? NULL : all;
}

/* The texts stay mapped for this process's life. */
bool kin_posix_environment_take(int fd)
{
    size_t size, count = 0;
    char *all = map_all(fd, &size);
    if (!all || (size > 0 && all[size - 1] != '\0')) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        count += all[i] == '\0';
    }
    char **list = malloc((count + 1) * sizeof *list), *next = all;
    if (!list) {
        return false;
    }
    for (size_t i = 0; i < count; i++, next += strlen(next) + 1) {
        list[i] = next;
    }
    list[count] = NULL;
    environ = list;
    return true;
}
