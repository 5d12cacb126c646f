/* process.c: process handles, TerminateProcess.
 *
 * - GetExitCodeProcess says STILL_ACTIVE (259) for a running process, and for one that ended with 259: wait first.
 * - A child that gets a message is not made with CREATE_SUSPENDED: a parent killed before ResumeThread would leave a
 *   frozen child.
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

/* A child that has ended already needs none. It is bound first: a child that knows of kin goes no further without its
 * message, so if this process dies in between it leaves none behind. */
static kin_status send_message(kin_os_process *child, HANDLE pipe, const kin_os_message *message, bool bound)
{
    kin_status status = bound ? kin_win32_bind(child->handle) : KIN_OK;
    if (status == KIN_OK) {
        status = kin_win32_message_send(pipe, child, message);
    }
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
    kin_win32_launch what = {made->path, made->line, made->block, made->directory, {NULL}, message, NULL};
    HANDLE nothing = NULL;
    kin_status status = make_streams(what.streams, &nothing, setting);
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
        status = send_message(out, pipe.parent, message, setting->bound);
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
    *out = (kin_os_exit){(int)code, 0};
    return KIN_OK;
}

bool kin_os_process_ended(const kin_os_process *process)
{
    return kin_win32_process_ended(process->handle);
}

/* A process that has ended, or is ending, says ERROR_ACCESS_DENIED ("TerminateProcess function"). */
kin_status kin_os_process_kill(kin_os_process *process, bool force)
{
    if (kin_win32_process_ended(process->handle)) {
        return KIN_OK;
    }
    if (TerminateProcess(process->handle, force ? KIN_WIN32_EXIT_KILLED : KIN_WIN32_EXIT_TERMINATED)) {
        return KIN_OK;
    }
    DWORD code = GetLastError();
    return kin_win32_process_ended(process->handle) ? KIN_OK : kin_win32_fail(code);
}

void kin_os_process_close(kin_os_process *process)
{
    kin_os_handle_close(process->handle);
    *process = (kin_os_process){KIN_OS_NO_HANDLE, 0};
}

void kin_os_detach(void)
{
    static const DWORD streams[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        HANDLE stream = GetStdHandle(streams[i]);
        SetStdHandle(streams[i], NULL);
        if (stream && stream != INVALID_HANDLE_VALUE) {
            CloseHandle(stream); /* who reads the other end of a pipe is to see its end */
        }
    }
    FreeConsole();
}

void kin_os_exit_now(int code)
{
    TerminateProcess(GetCurrentProcess(), (UINT)code);
}
