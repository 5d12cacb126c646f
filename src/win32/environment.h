/* environment.h: an environment for a program. */
#ifndef KIN_WIN32_ENVIRONMENT_H
#define KIN_WIN32_ENVIRONMENT_H

#include "os.h"

/* A block of this process's environment (clean: nothing of it but SystemRoot), changed by variables (UTF-8; or
 * NULL) and then by more (or NULL): "NAME=value" is set, "NAME" without a value is removed; of two with the same name
 * the later one counts. Free *out. */
kin_status kin_win32_environment_of(wchar_t **out, const char *const *variables, const wchar_t *more, bool clean);

#endif
