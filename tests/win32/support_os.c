#include "support_os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

/* By trying: under Wine GetProcessHandleCount always says 0. Handles are multiples of 4 and small. */
size_t count_handles(void)
{
    size_t count = 0;
    for (uintptr_t value = 4; value < 0x4000; value += 4) {
        DWORD flags;
        count += GetHandleInformation((HANDLE)value, &flags) != 0;
    }
    return count;
}

size_t count_names(const uint8_t id[16])
{
    (void)id;
    return 0; /* kin makes none here */
}

int has_fork(void)
{
    return 0;
}

intptr_t open_file_with(const char *text)
{
    wchar_t dir[MAX_PATH], path[MAX_PATH];
    DWORD written;
    if (!GetTempPathW(MAX_PATH, dir) || !GetTempFileNameW(dir, L"kin", 0, path)) {
        abort();
    }
    HANDLE file = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                              CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, NULL);
    if (file == INVALID_HANDLE_VALUE || !WriteFile(file, text, (DWORD)strlen(text), &written, NULL)) {
        abort();
    }
    SetFilePointer(file, 0, NULL, FILE_BEGIN);
    return (intptr_t)file;
}

void make_pipe(intptr_t ends[2])
{
    HANDLE read_end, write_end;
    if (!CreatePipe(&read_end, &write_end, NULL, 0)) {
        abort();
    }
    ends[0] = (intptr_t)read_end;
    ends[1] = (intptr_t)write_end;
}

long read_handle(intptr_t handle, void *buffer, size_t size)
{
    DWORD read = 0;
    return ReadFile((HANDLE)handle, buffer, (DWORD)size, &read, NULL) ? (long)read : -1;
}

int write_handle(intptr_t handle, const void *buffer, size_t size)
{
    DWORD written = 0;
    return WriteFile((HANDLE)handle, buffer, (DWORD)size, &written, NULL) && written == size;
}

void close_handle(intptr_t handle)
{
    CloseHandle((HANDLE)handle);
}

typedef struct call {
    void (*body)(void *argument);
    void *argument;
} call;

static DWORD WINAPI run(void *argument)
{
    call *this = argument;
    this->body(this->argument);
    return 0;
}

void run_thread(void (*body)(void *argument), void *argument)
{
    call this = {body, argument};
    HANDLE thread = CreateThread(NULL, 0, run, &this, 0, NULL);
    if (!thread) {
        abort();
    }
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}
