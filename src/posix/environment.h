/* environment.h: this process's environment, and one for a program. */
#ifndef KIN_POSIX_ENVIRONMENT_H
#define KIN_POSIX_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

#define KIN_POSIX_MESSAGE "KIN_MESSAGE" /* the variable that carries a message (message.c) */

/* Whether this program has more rights than the process that started it. Then kin obeys nothing of its environment. */
bool kin_posix_secure(void);
/* This process's environment (clean: nothing of it), changed by variables: "NAME=value" is set, "NAME" without a value
 * is removed; of two with the same name the later one counts. A message that this program must not take is left out.
 * It borrows all strings; free the result. NULL: errno. */
char **kin_posix_environment(const char *const *variables, bool clean);

/* A number that tells environments apart. */
uint64_t kin_posix_environment_sum(char *const *environment);
/* Writes it into a file of memory; *out is the caller's to close. 0, or an errno: ENOSYS. */
int kin_posix_environment_write(int *out, char *const *environment);
/* Makes what stands in such a file this process's environment. fd is borrowed. False: it makes no sense. */
bool kin_posix_environment_take(int fd);

#endif
