/* identity.c: which process this is, and which another one: process ids and creation times.
 *
 * A process object outlives its process while a process has a handle to it. After that another process may get the pid,
 * with another creation time (Microsoft, "Process Handles and Identifiers").
 */
#include <stdlib.h>

#include "win32/identity.h"
#include "win32/account.h"
#include "win32/text.h"
#include "win32/win32.h"

#define PATH_ROOM 32768u

bool kin_win32_process_start(HANDLE process, uint64_t *out)
{
    FILETIME created, ended, kernel, user;
    if (!GetProcessTimes(process, &created, &ended, &kernel, &user)) {
        return false;
    }
    *out = (uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime;
    return true;
}

uint32_t kin_os_pid(void)
{
    return GetCurrentProcessId();
}

kin_status kin_os_self(kin_os_process_id *out)
{
    uint64_t start;
    if (!kin_win32_process_start(GetCurrentProcess(), &start)) {
        return kin_win32_fail(GetLastError());
    }
    *out = (kin_os_process_id){kin_os_pid(), start, kin_win32_user_number(), 0};
    return KIN_OK;
}

kin_status kin_win32_process_open(HANDLE *out, const kin_os_process_id *who, DWORD access)
{
    HANDLE process = OpenProcess(access, FALSE, who->pid);
    if (!process) {
        DWORD code = GetLastError();
        kin_status status = kin_win32_fail(code);
        return code == ERROR_INVALID_PARAMETER ? KIN_E_NOT_FOUND : status;
    }
    uint64_t start;
    if (who->start != 0 && kin_win32_process_start(process, &start) && start != who->start) {
        CloseHandle(process);
        return KIN_E_NOT_FOUND;
    }
    *out = process;
    return KIN_OK;
}

bool kin_win32_process_ended(HANDLE process)
{
    return WaitForSingleObject(process, 0) == WAIT_OBJECT_0;
}

kin_status kin_os_self_path(char *buffer, size_t size)
{
    wchar_t *path = malloc(PATH_ROOM * sizeof *path);
    if (!path) {
        return kin_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    DWORD length = GetModuleFileNameW(NULL, path, PATH_ROOM);
    kin_status status = KIN_OK;
    if (length == 0 || length >= PATH_ROOM) {
        status = kin_win32_fail(length == 0 ? GetLastError() : ERROR_INSUFFICIENT_BUFFER);
    } else {
        status = kin_win32_utf8(buffer, size, path);
    }
    free(path);
    return status;
}
