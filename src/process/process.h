/* process.h: a child process, for a wait for several objects. Public face: kin/process.h. */
#ifndef KIN_INTERNAL_PROCESS_H
#define KIN_INTERNAL_PROCESS_H

#include "kin/process.h"
#include "os.h"

/* What to watch for its end; KIN_OS_NO_HANDLE: nothing, ask kin_process_alive. It stays the process's. */
kin_os_handle kin__process_handle(kin_process *process);

/* As kin_process_join, until a deadline, and not interruptible. */
kin_status kin__process_await(kin_process *process, int64_t deadline);

/* Whether each of these changes of an environment (NULL: none) names a variable. KIN_E_ARGUMENT. */
kin_status kin__check_variables(const char *const *list);
/* KIN_E_PROGRAM, explained. where: "", or a clause about the search. directory: of the options, or NULL. */
kin_status kin__program_missing(const char *program, const char *where, const char *directory);

#endif
