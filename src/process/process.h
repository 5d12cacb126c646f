/* process.h: a child process, for a wait for several objects. Public face: kin/process.h. */
#ifndef KIN_INTERNAL_PROCESS_H
#define KIN_INTERNAL_PROCESS_H

#include "kin/process.h"
#include "os.h"

/* What to watch for its end; KIN_OS_NO_HANDLE: nothing, ask kin_process_alive. It stays the process's. */
kin_os_handle kin__process_handle(kin_process *process);

/* Whether each of these changes of an environment (NULL: none) names a variable. */
bool kin__variables_sound(const char *const *list);

#endif
