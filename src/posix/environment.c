/* environment.c: another environment for a program, made of this process's own. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "posix/environment.h"

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
        if (!is_named(*own, variables)) {
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
