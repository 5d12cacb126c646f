/* command_line.h: a program's arguments. */
#ifndef KIN_WIN32_COMMAND_LINE_H
#define KIN_WIN32_COMMAND_LINE_H

#include "os.h"

#define KIN_WIN32_LINE_MAX 32767u /* of CreateProcessW, with the terminating zero */

/* argv as a command line; free *out. KIN_E_ARGUMENT, KIN_E_TOO_BIG. */
kin_status kin_win32_make_line(wchar_t **out, const char *const *argv);
/* By its name, as the system sees it. */
bool kin_win32_is_batch_file(const wchar_t *path);

#endif
