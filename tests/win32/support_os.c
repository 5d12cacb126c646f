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

intptr_t make_signal(void)
{
    return (intptr_t)CreateEventW(NULL, TRUE, FALSE, NULL);
}

void raise_signal(intptr_t signal)
{
    SetEvent((HANDLE)signal);
}

void close_handle(intptr_t handle)
{
    CloseHandle((HANDLE)handle);
}

intptr_t start_self(const char *argument, intptr_t input, const intptr_t *inherited, size_t count)
{
    wchar_t path[MAX_PATH], line[256];
    STARTUPINFOW startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION info;
    for (size_t i = 0; i < count; i++) {
        SetHandleInformation((HANDLE)inherited[i], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    }
    SetHandleInformation((HANDLE)input, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    startup.hStdInput = (HANDLE)input;
    startup.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    if (!GetModuleFileNameW(NULL, path, MAX_PATH) || swprintf(line, 256, L"self %hs", argument) < 0 ||
        !CreateProcessW(path, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &info)) {
        abort();
    }
    CloseHandle(info.hThread);
    for (size_t i = 0; i < count; i++) {
        SetHandleInformation((HANDLE)inherited[i], HANDLE_FLAG_INHERIT, 0);
    }
    SetHandleInformation((HANDLE)input, HANDLE_FLAG_INHERIT, 0);
    return (intptr_t)info.hProcess;
}

int end_of_self(intptr_t process)
{
    DWORD code = (DWORD)-1;
    WaitForSingleObject((HANDLE)process, INFINITE);
    GetExitCodeProcess((HANDLE)process, &code);
    CloseHandle((HANDLE)process);
    return (int)code;
}

void kill_pid(uint32_t pid)
{
    HANDLE process = OpenProcess(PROCESS_TERMINATE, FALSE, pid);
    if (process) {
        TerminateProcess(process, 137);
        CloseHandle(process);
    }
}

size_t read_input(void *buffer, size_t size)
{
    size_t used = 0;
    DWORD got;
    while (used < size &&
           ReadFile(GetStdHandle(STD_INPUT_HANDLE), (char *)buffer + used, (DWORD)(size - used), &got, NULL) &&
           got > 0) {
        used += got;
    }
    return used;
}

typedef struct call {
    void (*body)(void *argument);
    void *argument;
    HANDLE thread;
} call;

static DWORD WINAPI run(void *argument)
{
    call *this = argument;
    this->body(this->argument);
    return 0;
}

void *begin_thread(void (*body)(void *argument), void *argument)
{
    call *this = malloc(sizeof *this);
    if (!this) {
        abort();
    }
    *this = (call){.body = body, .argument = argument};
    this->thread = CreateThread(NULL, 0, run, this, 0, NULL);
    if (!this->thread) {
        abort();
    }
    return this;
}

void end_thread(void *thread)
{
    WaitForSingleObject(((call *)thread)->thread, INFINITE);
    CloseHandle(((call *)thread)->thread);
    free(thread);
}

void run_thread(void (*body)(void *argument), void *argument)
{
    end_thread(begin_thread(body, argument));
}

int handle_is_ready(intptr_t handle, int milliseconds)
{
    return WaitForSingleObject((HANDLE)handle, (DWORD)milliseconds) == WAIT_OBJECT_0;
}
