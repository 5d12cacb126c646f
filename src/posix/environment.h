/* environment.h: an environment for a program. */
#ifndef KIN_POSIX_ENVIRONMENT_H
#define KIN_POSIX_ENVIRONMENT_H

#include <stdbool.h>

/* This process's environment (clean: nothing of it), changed by variables: "NAME=value" is set, "NAME" without a value
 * is removed; of two with the same name the later one counts. It borrows all strings; free the result. NULL: errno. */
char **kin_posix_environment(const char *const *variables, bool clean);

#endif
