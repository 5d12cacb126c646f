/* start.h: this program's own way to start a program. It knows nothing of kin but the type of a handle. */
#ifndef START_H
#define START_H

#include <kin/process.h>

typedef struct started started;

/* Starts the program with one argument, which has no blanks and quotes. It inherits these handles, under the same
 * values. NULL: it could not be started. */
started *start_program(const char *path, const char *argument, const kin_handle *handles, size_t count);

/* Waits for its end, and frees it. Returns its exit code, or -1. */
int end_of_program(started *it);

#endif
