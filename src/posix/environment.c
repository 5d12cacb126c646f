/* environment.c: this process's environment, and another one for a program, made of it.
 *
 * The kernel sets AT_SECURE for a program whose effective user or group differs from the real one of its caller, or
 * which has file capabilities (getauxval(3), ld.so(8)). The caller wrote the environment of such a program and its
 * descriptors. So kin reads no variable there, and takes no message. This file alone calls getenv (ci/check).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "posix/environment.h"
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
