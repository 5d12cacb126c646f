/* parent.c: dying with the parent: a job object that ends its processes when its last handle is closed.
 *
 * - That handle is this process's alone, not inheritable and never closed: the system closes it when the process ends,
 *   however it does (Microsoft, "Job Objects").
 * - Silent breakaway: what a process of the job starts is not in it. Jobs may be nested since Windows 8, so that one
 *   more is no trouble for a program which is in a job already.
 * - The parent's pid is in the system's list of processes ("PROCESSENTRY32W structure"); it may have ended.
 */
#include "win32/parent.h"
#include "win32/win32.h"

#include <tlhelp32.h>

static INIT_ONCE job_once = INIT_ONCE_STATIC_INIT;
static HANDLE job;
static DWORD job_error;

static BOOL CALLBACK make_job(PINIT_ONCE once, PVOID parameter, PVOID *context)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {
        .BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK};
    (void)once;
    (void)parameter;
    (void)context;
    job = CreateJobObjectW(NULL, NULL);
    if (!job || !SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits)) {
        job_error = GetLastError();
        kin_os_handle_close(job);
        job = NULL;
        return FALSE; /* the next one tries again */
    }
    return TRUE;
}

kin_status kin_win32_parent_job(HANDLE *out)
{
    if (!InitOnceExecuteOnce(&job_once, make_job, NULL, NULL)) {
        return kin_win32_fail(job_error);
    }
    *out = job;
    return KIN_OK;
}

kin_status kin_os_follow_parent(uint32_t pid)
{
    (void)pid;
    return KIN_OK;
}

uint32_t kin_os_parent_pid(void)
{
    PROCESSENTRY32W entry = {.dwSize = sizeof entry};
    DWORD self = GetCurrentProcessId(), parent = 0;
    HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    if (list == INVALID_HANDLE_VALUE) {
        return 0;
    }
    for (BOOL more = Process32FirstW(list, &entry); more && parent == 0; more = Process32NextW(list, &entry)) {
        if (entry.th32ProcessID == self) {
            parent = entry.th32ParentProcessID;
        }
    }
    CloseHandle(list);
    return parent;
}
