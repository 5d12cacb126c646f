/* identity.h: processes told apart. */
#ifndef KIN_WIN32_IDENTITY_H
#define KIN_WIN32_IDENTITY_H

#include "os.h"

/* Opens the process that `who` names, not a later one with the same pid (start 0: not compared).
 * KIN_E_NOT_FOUND: there is none. */
kin_status kin_win32_process_open(HANDLE *out, const kin_os_process_id *who, DWORD access);
bool kin_win32_process_ended(HANDLE process);
/* Its creation time, as in kin_os_process_id. */
bool kin_win32_process_start(HANDLE process, uint64_t *out);

#endif
