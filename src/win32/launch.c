/* launch.c: CreateProcessW with a list of handles to inherit.
 *
 * The handles of PROC_THREAD_ATTRIBUTE_HANDLE_LIST must be inheritable, no pseudo handles, and bInheritHandles TRUE
 * (Microsoft, "UpdateProcThreadAttribute function"); one listed twice is refused. They are inheritable only while
 * launch_lock is held. A CreateProcess of the program's own, in another thread, may still catch them in that moment.
 *
 * A console program gets its parent's console, or one of its own, with a window, if the parent has none ("Creation of a
 * Console"). CREATE_NO_WINDOW gives it one of its own in any case, by a process more ("Process Creation Flags"): so it
 * is used only where there is none to share.
 *
 * A job is given by PROC_THREAD_ATTRIBUTE_JOB_LIST (Windows 10, the same page): the process is in it from its
 * beginning. Made suspended and put into a job it would stay for ever, suspended, if this process were killed between.
 */
#include <stdlib.h>

#include "win32/launch.h"
#include "win32/handle.h"
#include "win32/win32.h"

#define START_TRIES 4 /* Wine: on a busy machine one process in a thousand ends before its first instruction */

static SRWLOCK launch_lock = SRWLOCK_INIT;

#ifndef PROC_THREAD_ATTRIBUTE_JOB_LIST
#define PROC_THREAD_ATTRIBUTE_JOB_LIST                                                                                 \
    ((DWORD_PTR)0x0002000D) /* hidden from programs that say they run before Windows 10 */
#endif

#define LISTED (KIN_WIN32_STREAMS + 1) /* the message */

typedef struct listed {
    HANDLE handles[LISTED];
    size_t count;
} listed;

/* An inheritable copy for the child, each its own value, so that none is listed twice. A stream that is not there, or
 * closed, is none for the child, too. */
static HANDLE copy_stream(listed *list, HANDLE stream)
{
    HANDLE self = GetCurrentProcess(), copy;
    if (!stream || stream == INVALID_HANDLE_VALUE ||
        !DuplicateHandle(self, stream, self, &copy, 0, TRUE, DUPLICATE_SAME_ACCESS)) {
        return NULL;
    }
    list->handles[list->count++] = copy;
    return copy;
}

#define ATTRIBUTES 2

static bool set_attributes(LPPROC_THREAD_ATTRIBUTE_LIST attributes, listed *list, HANDLE *job)
{
    bool handles = list->count == 0 || /* a list of none is refused */
                   UpdateProcThreadAttribute(attributes, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, list->handles,
                                             list->count * sizeof list->handles[0], NULL, NULL);
    return handles && (!*job || UpdateProcThreadAttribute(attributes, 0, PROC_THREAD_ATTRIBUTE_JOB_LIST, job,
                                                          sizeof *job, NULL, NULL));
}

/* job stays where it is until the start. */
static kin_status make_attributes(LPPROC_THREAD_ATTRIBUTE_LIST *out, listed *list, HANDLE *job)
{
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(NULL, ATTRIBUTES, 0, &size);
    LPPROC_THREAD_ATTRIBUTE_LIST attributes = malloc(size);
    if (!attributes) {
        return kin_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    if (!InitializeProcThreadAttributeList(attributes, ATTRIBUTES, 0, &size)) {
        kin_status status = kin_win32_fail(GetLastError());
        free(attributes);
        return status;
    }
    if (!set_attributes(attributes, list, job)) {
        kin_status status = kin_win32_fail(GetLastError());
        DeleteProcThreadAttributeList(attributes);
        free(attributes);
        return status;
    }
    *out = attributes;
    return KIN_OK;
}

/* Also a console without a window is one that a child would share. The function fails where there is none
 * ("GetConsoleProcessList function"). */
static bool has_console(void)
{
    DWORD one;
    return GetConsoleProcessList(&one, 1) != 0;
}

static kin_status create_process(kin_os_process *out, const kin_win32_launch *what, STARTUPINFOEXW *startup,
                                 listed *list)
{
    const DWORD flags = CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT |
                        (what->no_window && !has_console() ? CREATE_NO_WINDOW : 0);
    PROCESS_INFORMATION info;
    HANDLE job = what->job;
    kin_status status = make_attributes(&startup->lpAttributeList, list, &job);
    if (status != KIN_OK) {
        return status;
    }
    BOOL made = FALSE;
    for (int tries = 0; !made && tries < START_TRIES && (tries == 0 || GetLastError() == ERROR_INTERNAL_ERROR);
         tries++) {
        made = CreateProcessW(what->program, what->line, NULL, NULL, list->count > 0, flags, what->block,
                              what->directory, &startup->StartupInfo, &info);
    }
    status = made ? KIN_OK : kin_win32_fail(GetLastError());
    if (made) {
        CloseHandle(info.hThread);
    }
    if (status == KIN_OK) {
        *out = (kin_os_process){info.hProcess, info.dwProcessId, 0};
    }
    DeleteProcThreadAttributeList(startup->lpAttributeList);
    free(startup->lpAttributeList);
    return status;
}

/* Under launch_lock. */
static kin_status launch_locked(kin_os_process *out, const kin_win32_launch *what)
{
    STARTUPINFOEXW startup = {.StartupInfo = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES}};
    const size_t others = what->message ? 1 : 0; /* not this function's to close */
    listed list = {{what->message}, others};
    if (what->message && !SetHandleInformation(what->message, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT)) {
        return kin_win32_fail(GetLastError());
    }
    startup.StartupInfo.hStdInput = copy_stream(&list, what->streams[0]);
    startup.StartupInfo.hStdOutput = copy_stream(&list, what->streams[1]);
    startup.StartupInfo.hStdError = copy_stream(&list, what->streams[2]);
    kin_status status = create_process(out, what, &startup, &list);
    kin_win32_close_all(list.handles + others, list.count - others);
    if (what->message) {
        SetHandleInformation(what->message, HANDLE_FLAG_INHERIT, 0);
    }
    return status;
}

kin_status kin_win32_start(kin_os_process *out, const kin_win32_launch *what)
{
    AcquireSRWLockExclusive(&launch_lock);
    kin_status status = launch_locked(out, what);
    ReleaseSRWLockExclusive(&launch_lock);
    return status;
}

void kin_win32_own_streams(HANDLE out[KIN_WIN32_STREAMS])
{
    out[0] = GetStdHandle(STD_INPUT_HANDLE);
    out[1] = GetStdHandle(STD_OUTPUT_HANDLE);
    out[2] = GetStdHandle(STD_ERROR_HANDLE);
}

kin_status kin_win32_open_nothing(HANDLE *out)
{
    HANDLE nothing = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                                 OPEN_EXISTING, 0, NULL);
    if (nothing == INVALID_HANDLE_VALUE) {
        return kin_win32_fail(GetLastError());
    }
    *out = nothing;
    return KIN_OK;
}
