/* process.c: process handles, TerminateProcess.
 *
 * - GetExitCodeProcess says STILL_ACTIVE (259) for a running process, and for one that ended with 259: wait first.
 */
#include <stdio.h>
#include <stdlib.h>

#include "win32/clock.h"
#include "win32/command_line.h"
#include "win32/environment.h"
#include "win32/identity.h"
#include "win32/launch.h"
#include "win32/message.h"
#include "win32/parent.h"
#include "win32/text.h"
#include "win32/win32.h"

/* ---- spawn ---- */

static kin_status make_path(wchar_t **out, const char *program)
{
    wchar_t *path;
    kin_status status = kin_win32_utf16(&path, program);
    if (status == KIN_OK && kin_win32_is_batch_file(path)) {
        free(path);
        return KIN_E_UNSUPPORTED;
    }
    if (status == KIN_OK) {
        *out = path;
    }
    return status;
}

/* A child that has ended already needs none. */
static kin_status send_message(kin_os_process *child, HANDLE pipe, const kin_os_message *message)
{
    kin_status status = kin_win32_message_send(pipe, child, message);
    if (status == KIN_OK || kin_win32_process_ended(child->handle)) {
        return KIN_OK;
    }
    TerminateProcess(child->handle, KIN_WIN32_EXIT_KILLED);
    kin_win32_wait(child->handle, KIN_OS_NEVER);
    kin_os_process_close(child);
    return status;
}

typedef struct texts {
    wchar_t *path, *line, *block, *directory;
} texts;

static kin_status make_texts(texts *out, const char *program, const char *const *argv, const wchar_t *message,
                             const kin_os_setting *setting)
{
    kin_status status = make_path(&out->path, program);
    if (status == KIN_OK) {
        status = kin_win32_make_line(&out->line, argv);
    }
    if (status == KIN_OK) {
        status = kin_win32_environment_of(&out->block, setting->variables, message, false);
    }
    if (status == KIN_OK && setting->directory) {
        status = kin_win32_utf16(&out->directory, setting->directory);
    }
    return status;
}

/* nothing: the null device, if it was opened. */
static kin_status make_streams(HANDLE streams[KIN_WIN32_STREAMS], HANDLE *nothing, const kin_os_setting *setting)
{
    kin_win32_own_streams(streams);
    for (size_t i = 0; i < KIN_WIN32_STREAMS; i++) {
        if (setting->replaced[i] && setting->streams[i] == KIN_OS_NO_HANDLE && !*nothing) {
            kin_status status = kin_win32_open_nothing(nothing);
            if (status != KIN_OK) {
                return status;
            }
        }
        if (setting->replaced[i]) {
            streams[i] = setting->streams[i] == KIN_OS_NO_HANDLE ? *nothing : setting->streams[i];
        }
    }
    return KIN_OK;
}

static kin_status launch(kin_os_process *out, const texts *made, HANDLE message, const kin_os_setting *setting)
{
    kin_win32_launch what = {made->path, made->line, made->block, made->directory,
                             {NULL},     message,    NULL,        setting->no_window};
    HANDLE nothing = NULL;
    kin_status status = setting->bound ? kin_win32_parent_job(&what.job) : KIN_OK;
    if (status == KIN_OK) {
        status = make_streams(what.streams, &nothing, setting);
    }
    if (status == KIN_OK) {
        status = kin_win32_start(out, &what);
    }
    kin_os_handle_close(nothing);
    return status;
}

kin_status kin_os_spawn(kin_os_process *out, const char *program, const char *const *argv,
                        const kin_os_message *message, const kin_os_setting *setting)
{
    texts made = {NULL, NULL, NULL, NULL};
    kin_win32_pipe pipe = {KIN_OS_NO_HANDLE, KIN_OS_NO_HANDLE, L""};
    if (message->size > KIN_OS_MESSAGE_MAX || message->handle_count > KIN_OS_HANDLES_MAX) {
        return KIN_E_TOO_BIG;
    }
    kin_status status = kin_win32_pipe_create(&pipe);
    if (status == KIN_OK) {
        status = make_texts(&made, program, argv, pipe.variable, setting);
    }
    if (status == KIN_OK) {
        status = launch(out, &made, pipe.child, setting);
    }
    if (status == KIN_OK) {
        status = send_message(out, pipe.parent, message);
    }
    kin_os_handle_close(pipe.parent);
    kin_os_handle_close(pipe.child);
    free(made.path);
    free(made.line);
    free(made.block);
    free(made.directory);
    return status;
}

void kin_os_flush(void)
{
    fflush(stdout);
    fflush(stderr);
}

kin_status kin_os_fork(kin_os_process *out, const kin_os_setting *setting, bool *in_child)
{
    (void)out;
    (void)setting;
    (void)in_child;
    return KIN_E_UNSUPPORTED;
}

/* ---- a started process ---- */

uint32_t kin_os_process_pid(const kin_os_process *process)
{
    return process->pid;
}

kin_os_handle kin_os_process_handle(kin_os_process *process)
{
    return process->handle;
}

/* Exit codes that name an exception: those that winnt.h has as STATUS_ or DBG_ ([MS-ERREF] 2.3.1), and of C++. */
static const struct {
    DWORD code;
    const char *name;
} exceptions[] = {
    {0x40010004, "terminated by a debugger"},
    {0x40010005, "Ctrl-C"},
    {0x80000001, "guard page"},
    {0x80000002, "misaligned data"},
    {0x80000003, "breakpoint"},
    {0x80000004, "single step"},
    {0xC0000005, "access violation"},
    {0xC0000006, "page cannot be read in"},
    {0xC0000008, "invalid handle"},
    {0xC0000017, "no memory"},
    {0xC000001D, "illegal instruction"},
    {0xC0000025, "noncontinuable exception"},
    {0xC000008C, "array bounds exceeded"},
    {0xC000008E, "float division by zero"},
    {0xC0000094, "integer division by zero"},
    {0xC0000095, "integer overflow"},
    {0xC0000096, "privileged instruction"},
    {0xC00000FD, "stack overflow"},
    {0xC0000135, "DLL not found"},
    {0xC0000139, "function not found in a DLL"},
    {0xC000013A, "Ctrl-C"},
    {0xC0000142, "DLL initialization failed"},
    {0xC0000194, "possible deadlock"},
    {0xC0000374, "heap corruption"},
    {0xC0000409, "fast fail"},
    {0xC0000417, "invalid parameter to the C runtime"},
    {0xC0000602, "fail fast"},
    {0xE06D7363, "C++ exception"},
};

static const char *exception_name(DWORD code)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++) {
        if (exceptions[i].code == code) {
            return exceptions[i].name;
        }
    }
    return NULL;
}

/* An unhandled exception's code is the process's exit code ("ExitProcess function"). NTSTATUS values of severity error,
 * without the customer's bit, begin with 0xC ([MS-ERREF] 2.3): -1 and the like are not taken for one. */
static kin_os_exit exit_of(DWORD code, LONG killed)
{
    kin_os_exit how = {.doubtful = true};
    if (killed != 0 && (DWORD)killed == code) {
        how.signal = (int)code - 128; /* 143, 137: as a POSIX shell has them */
        how.killed = true;
    } else if ((code & ~0xFFu) == KIN_WIN32_EXIT_RETURNED) {
        how.code = (int)(code & 0xFFu);
        how.returned = true;
    } else if (code >> 28 == 0xC || exception_name(code)) {
        how.exception = code;
    } else {
        how.code = (int)code;
    }
    return how;
}

const char *kin_os_exit_name(const kin_os_exit *how)
{
    if (how->exception != 0) {
        return exception_name(how->exception);
    }
    return how->signal == 15 ? "SIGTERM" : how->signal == 9 ? "SIGKILL" : NULL;
}

int kin_os_returned(int code)
{
    return (int)(KIN_WIN32_EXIT_RETURNED | (unsigned)code);
}

kin_status kin_os_process_wait(kin_os_process *process, int64_t deadline, kin_os_exit *out)
{
    DWORD code;
    kin_status status = kin_win32_wait(process->handle, deadline);
    if (status != KIN_OK) {
        return status;
    }
    if (!GetExitCodeProcess(process->handle, &code)) {
        return kin_win32_fail(GetLastError());
    }
    *out = exit_of(code, InterlockedCompareExchange(&process->killed, 0, 0));
    return KIN_OK;
}

bool kin_os_process_ended(const kin_os_process *process)
{
    return kin_win32_process_ended(process->handle);
}

/* The first one counts: what it ends is ending. */
void kin_win32_note_kill(kin_os_process *process, UINT code)
{
    InterlockedCompareExchange(&process->killed, (LONG)code, 0);
}

/* A process that has ended, or is ending, says ERROR_ACCESS_DENIED ("TerminateProcess function"). */
kin_status kin_os_process_kill(kin_os_process *process, bool force)
{
    if (kin_win32_process_ended(process->handle)) {
        return KIN_OK;
    }
    const UINT with = force ? KIN_WIN32_EXIT_KILLED : KIN_WIN32_EXIT_TERMINATED;
    kin_win32_note_kill(process, with);
    if (TerminateProcess(process->handle, with)) {
        return KIN_OK;
    }
    DWORD code = GetLastError();
    if (kin_win32_process_ended(process->handle)) {
        return KIN_OK;
    }
    InterlockedExchange(&process->killed, 0);
    return kin_win32_fail(code);
}

void kin_os_process_close(kin_os_process *process)
{
    kin_os_handle_close(process->handle);
    *process = (kin_os_process){KIN_OS_NO_HANDLE, 0, 0};
}

/* The current directory is an open handle, so that nobody could remove the one in which the process was started
 * ("SetCurrentDirectory function"). */
void kin_os_detach(void)
{
    wchar_t system[MAX_PATH + 1];
    UINT length = GetSystemDirectoryW(system, MAX_PATH + 1);
    if (length > 0 && length <= MAX_PATH) {
        SetCurrentDirectoryW(system);
    }
    FreeConsole();
}

void kin_os_exit_now(int code)
{
    TerminateProcess(GetCurrentProcess(), (UINT)code);
}
