/* start.c: with CreateProcess. The child inherits the listed handles and no others:
 * https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-updateprocthreadattribute
 */
#include "../start.h"

#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#define HANDLES 16

struct started {
    HANDLE process;
};

/* Creates the list, in memory that the caller frees. */
static LPPROC_THREAD_ATTRIBUTE_LIST list_of(HANDLE *handles, size_t count)
{
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(NULL, 1, 0, &size);
    LPPROC_THREAD_ATTRIBUTE_LIST list = malloc(size);
    if (!list || !InitializeProcThreadAttributeList(list, 1, 0, &size)) {
        free(list);
        return NULL;
    }
    if (!UpdateProcThreadAttribute(list, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles, count * sizeof *handles, NULL,
                                   NULL)) {
        DeleteProcThreadAttributeList(list);
        free(list);
        return NULL;
    }
    return list;
}

started *start_program(const char *path, const char *argument, const kin_handle *handles, size_t count)
{
    char command[20000];
    HANDLE inherited[HANDLES];
    STARTUPINFOEXA start = {.StartupInfo.cb = sizeof start};
    PROCESS_INFORMATION created;
    started *it = malloc(sizeof *it);
    if (!it || count > HANDLES) {
        free(it);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        inherited[i] = (HANDLE)handles[i];
        SetHandleInformation(inherited[i], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    }
    snprintf(command, sizeof command, "\"%s\" %s", path, argument);
    start.lpAttributeList = list_of(inherited, count);
    BOOL done = start.lpAttributeList && CreateProcessA(NULL, command, NULL, NULL, TRUE, EXTENDED_STARTUPINFO_PRESENT,
                                                        NULL, NULL, &start.StartupInfo, &created);
    for (size_t i = 0; i < count; i++) {
        SetHandleInformation(inherited[i], HANDLE_FLAG_INHERIT, 0);
    }
    if (start.lpAttributeList) {
        DeleteProcThreadAttributeList(start.lpAttributeList);
        free(start.lpAttributeList);
    }
    if (!done) {
        free(it);
        return NULL;
    }
    CloseHandle(created.hThread);
    it->process = created.hProcess;
    return it;
}

int end_of_program(started *it)
{
    DWORD code = 0;
    BOOL done = WaitForSingleObject(it->process, INFINITE) == WAIT_OBJECT_0 && GetExitCodeProcess(it->process, &code);
    CloseHandle(it->process);
    free(it);
    return done ? (int)code : -1;
}
