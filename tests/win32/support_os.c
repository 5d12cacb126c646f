#include "support_os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include <shellapi.h>

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
    kill_pid_with(pid, 137);
}

void kill_pid_with(uint32_t pid, uint32_t code)
{
    HANDLE process = OpenProcess(PROCESS_TERMINATE, FALSE, pid);
    if (process) {
        TerminateProcess(process, code);
        CloseHandle(process);
    }
}

void crash(void)
{
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX); /* no window about it */
    RaiseException(0xC0000094, EXCEPTION_NONCONTINUABLE, 0, NULL);
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

void close_input(void)
{
    CloseHandle(GetStdHandle(STD_INPUT_HANDLE));
}

int write_output(int stream, const void *bytes, size_t size)
{
    HANDLE to = GetStdHandle(stream == 1 ? STD_OUTPUT_HANDLE : STD_ERROR_HANDLE);
    DWORD written;
    for (const char *next = bytes; size > 0; next += written, size -= written) {
        if (!WriteFile(to, next, (DWORD)size, &written, NULL)) {
            return 0;
        }
    }
    return 1;
}

static char *to_utf8(const wchar_t *text)
{
    int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *out = malloc((size_t)size);
    if (!out || WideCharToMultiByte(CP_UTF8, 0, text, -1, out, size, NULL, NULL) != size) {
        abort();
    }
    return out;
}

static wchar_t *to_utf16(const char *text)
{
    int size = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    wchar_t *out = malloc((size_t)size * sizeof *out);
    if (!out || MultiByteToWideChar(CP_UTF8, 0, text, -1, out, size) != size) {
        abort();
    }
    return out;
}

/* How the C library splits the command line, without patterns being expanded. */
#ifdef _MSC_VER /* the functions by which the universal C library starts up */
#include <corecrt_startup.h>

static wchar_t **library_arguments(int *count)
{
    _configure_wide_argv(_crt_argv_unexpanded_arguments);
    *count = *__p___argc();
    return *__p___wargv();
}
#else
int __wgetmainargs(int *count, wchar_t ***argv, wchar_t ***environment, int expand, int *mode);

static wchar_t **library_arguments(int *count)
{
    wchar_t **argv, **environment;
    int mode = 0;
    __wgetmainargs(count, &argv, &environment, 0, &mode); /* 1: Wine takes quoted patterns for patterns, too */
    return argv;
}
#endif

char **own_arguments(void)
{
    int count, other_count;
    wchar_t **argv = library_arguments(&count), **others;
    others = CommandLineToArgvW(GetCommandLineW(), &other_count);
    char **result = calloc((size_t)count + 1, sizeof *result);
    if (!others || !result || count != other_count) {
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        if (wcscmp(argv[i], others[i]) != 0) {
            return NULL;
        }
        result[i] = to_utf8(argv[i]);
    }
    return result;
}

int own_variable(char *out, size_t size, const char *name)
{
    wchar_t wide[200], *wide_name = to_utf16(name);
    SetLastError(0);
    GetEnvironmentVariableW(wide_name, wide, 200);
    DWORD code = GetLastError();
    free(wide_name);
    if (code == ERROR_ENVVAR_NOT_FOUND) {
        return -1;
    }
    return WideCharToMultiByte(CP_UTF8, 0, wide, (int)wcslen(wide), out, (int)size, NULL, NULL);
}

void set_variable(const char *name, const char *value)
{
    wchar_t *wide_name = to_utf16(name), *wide = value ? to_utf16(value) : NULL;
    SetEnvironmentVariableW(wide_name, wide);
    free(wide_name);
    free(wide);
}

static void cut_name(char *path)
{
    *strrchr(path, '\\') = '\0';
}

test_place enter_place_of(const char *program)
{
    static test_place at;
    static wchar_t text[32768];
    GetEnvironmentVariableW(L"PATH", text, 32768);
    WideCharToMultiByte(CP_UTF8, 0, text, -1, at.path, sizeof at.path, NULL, NULL);
    snprintf(at.name, sizeof at.name, "%s", strrchr(program, '\\') + 1);
    snprintf(at.directory, sizeof at.directory, "%s", program);
    cut_name(at.directory);
    snprintf(at.parent, sizeof at.parent, "%s", at.directory);
    cut_name(at.parent);
    GetCurrentDirectoryW(32768, text);
    WideCharToMultiByte(CP_UTF8, 0, text, -1, at.before, sizeof at.before, NULL, NULL);
    wchar_t *wide = to_utf16(at.directory);
    if (!SetCurrentDirectoryW(wide)) {
        abort();
    }
    free(wide);
    return at;
}

void set_path(const char *path)
{
    set_variable("PATH", path);
}

void leave_place(const test_place *left)
{
    wchar_t *wide = to_utf16(left->before);
    set_path(left->path);
    if (!SetCurrentDirectoryW(wide)) {
        abort();
    }
    free(wide);
}

char *make_plain_file(const char *text)
{
    wchar_t dir[MAX_PATH], path[MAX_PATH];
    if (!GetTempPathW(MAX_PATH, dir) || !GetTempFileNameW(dir, L"kin", 0, path)) {
        abort();
    }
    FILE *file = _wfopen(path, L"wb");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
        abort();
    }
    return to_utf8(path);
}

void remove_plain_file(char *path)
{
    wchar_t *wide = to_utf16(path);
    DeleteFileW(wide);
    free(wide);
    free(path);
}

intptr_t open_inheritable_file(void)
{
    SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, TRUE};
    return (intptr_t)CreateFileW(L"NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherit, OPEN_EXISTING, 0,
                                 NULL);
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
