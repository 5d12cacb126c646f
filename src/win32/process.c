/* process.c: CreateProcessW with a list of handles to inherit, process handles, TerminateProcess.
 *
 * - The handles of PROC_THREAD_ATTRIBUTE_HANDLE_LIST must be inheritable, no pseudo handles, and bInheritHandles TRUE
 *   (Microsoft, "UpdateProcThreadAttribute function"); one listed twice is refused. They are inheritable only inside
 *   launch_lock, but a CreateProcess of the program's own, in another thread, may catch them in that moment.
 * - No CREATE_SUSPENDED: a parent killed before ResumeThread would leave a frozen child.
 * - The command line is one string, taken apart again by the child. A batch file is run by cmd.exe, which does so by rules
 *   that cannot be quoted for ("Parsing C command-line arguments", "CreateProcessW function"): it is refused.
 * - GetExitCodeProcess says STILL_ACTIVE (259) for a running process, and for one that ended with 259: wait first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "win32.h"

#define PATH_ROOM 32768u
#define START_TRIES 4 /* Wine: on a busy machine one process in a thousand ends before its first instruction */

/* ---- identity ---- */

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
    *out = (kin_os_process_id){kin_os_pid(), start, kin_win32_user_number()};
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

/* ---- the command line ---- */

static void put(kin_win32_line *line, wchar_t c, size_t times)
{
    for (; times > 0; times--) {
        if (line->length < KIN_WIN32_LINE_MAX) {
            line->text[line->length] = c;
        }
        line->length++;
    }
}

static void put_plain(kin_win32_line *line, const wchar_t *word)
{
    for (; *word; word++) {
        put(line, *word, 1);
    }
}

/* Also what some C runtimes take for a pattern of file names unless it is quoted. */
static bool needs_quotes(const wchar_t *word)
{
    for (const wchar_t *c = word; *c; c++) {
        if (*c <= L' ' || wcschr(L"\"*?", *c)) {
            return true;
        }
    }
    return *word == L'\0';
}

/* Backslashes stand for themselves except before a quote, where each takes another one. */
static void put_quoted(kin_win32_line *line, const wchar_t *word)
{
    size_t slashes = 0;
    put(line, L'"', 1);
    for (; *word; word++) {
        if (*word == L'"') {
            put(line, L'\\', slashes + 1);
        }
        slashes = *word == L'\\' ? slashes + 1 : 0;
        put(line, *word, 1);
    }
    put(line, L'\\', slashes);
    put(line, L'"', 1);
}

kin_status kin_win32_quote(kin_win32_line *line, const wchar_t *word, bool first)
{
    if (first) { /* all up to the next quote */
        if (wcschr(word, L'"')) {
            return KIN_E_ARGUMENT;
        }
        put(line, L'"', 1);
        put_plain(line, word);
        put(line, L'"', 1);
    } else if (needs_quotes(word)) {
        put_quoted(line, word);
    } else {
        put_plain(line, word);
    }
    return KIN_OK;
}

static kin_status put_argument(kin_win32_line *line, const char *argument, bool first)
{
    wchar_t *wide;
    kin_status status = kin_win32_utf16(&wide, argument);
    if (status != KIN_OK) {
        return status;
    }
    if (!first) {
        put(line, L' ', 1);
    }
    status = kin_win32_quote(line, wide, first);
    free(wide);
    return status;
}

kin_status kin_win32_make_line(wchar_t **out, const char *const *argv)
{
    kin_status status = argv[0] ? KIN_OK : KIN_E_ARGUMENT;
    kin_win32_line line = {malloc(KIN_WIN32_LINE_MAX * sizeof(wchar_t)), 0};
    if (!line.text) {
        return kin_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    for (size_t i = 0; status == KIN_OK && argv[i]; i++) {
        status = put_argument(&line, argv[i], i == 0);
    }
    put(&line, L'\0', 1);
    if (status == KIN_OK && line.length > KIN_WIN32_LINE_MAX) {
        status = kin_win32_fail(ERROR_FILENAME_EXCED_RANGE);
    }
    if (status != KIN_OK) {
        free(line.text);
        return status;
    }
    *out = line.text;
    return KIN_OK;
}

/* ---- start ---- */

static SRWLOCK launch_lock = SRWLOCK_INIT;

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

static kin_status make_attributes(LPPROC_THREAD_ATTRIBUTE_LIST *out, listed *list)
{
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(NULL, 1, 0, &size);
    LPPROC_THREAD_ATTRIBUTE_LIST attributes = malloc(size);
    if (!attributes) {
        return kin_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    if (!InitializeProcThreadAttributeList(attributes, 1, 0, &size)) {
        kin_status status = kin_win32_fail(GetLastError());
        free(attributes);
        return status;
    }
    if (list->count > 0 && /* a list of none is refused */
        !UpdateProcThreadAttribute(attributes, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, list->handles,
                                   list->count * sizeof list->handles[0], NULL, NULL)) {
        kin_status status = kin_win32_fail(GetLastError());
        DeleteProcThreadAttributeList(attributes);
        free(attributes);
        return status;
    }
    *out = attributes;
    return KIN_OK;
}

/* It has been made suspended. */
static kin_status let_go(const PROCESS_INFORMATION *info, HANDLE job)
{
    if (AssignProcessToJobObject(job, info->hProcess) && ResumeThread(info->hThread) != (DWORD)-1) {
        return KIN_OK;
    }
    kin_status status = kin_win32_fail(GetLastError());
    TerminateProcess(info->hProcess, KIN_WIN32_EXIT_KILLED);
    CloseHandle(info->hProcess);
    return status;
}

static kin_status create_process(kin_os_process *out, const kin_win32_launch *what, STARTUPINFOEXW *startup,
                                 listed *list)
{
    const DWORD flags = CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT | (what->job ? CREATE_SUSPENDED : 0);
    PROCESS_INFORMATION info;
    kin_status status = make_attributes(&startup->lpAttributeList, list);
    if (status != KIN_OK) {
        return status;
    }
    BOOL made = FALSE;
    for (int tries = 0; !made && tries < START_TRIES && (tries == 0 || GetLastError() == ERROR_INTERNAL_ERROR);
         tries++) {
        made = CreateProcessW(what->program, what->line, NULL, NULL, list->count > 0, flags, what->block,
                              what->directory, &startup->StartupInfo, &info);
    }
    status = !made ? kin_win32_fail(GetLastError()) : what->job ? let_go(&info, what->job) : KIN_OK;
    if (made) {
        CloseHandle(info.hThread);
    }
    if (status == KIN_OK) {
        *out = (kin_os_process){info.hProcess, info.dwProcessId};
    }
    DeleteProcThreadAttributeList(startup->lpAttributeList);
    free(startup->lpAttributeList);
    return status;
}

/* Under launch_lock. */
static kin_status launch_locked(kin_os_process *out, const kin_win32_launch *what)
{
    STARTUPINFOEXW startup = {.StartupInfo = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES}};
    listed list = {{what->message}, what->message ? 1 : 0};
    if (what->message && !SetHandleInformation(what->message, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT)) {
        return kin_win32_fail(GetLastError());
    }
    startup.StartupInfo.hStdInput = copy_stream(&list, what->streams[0]);
    startup.StartupInfo.hStdOutput = copy_stream(&list, what->streams[1]);
    startup.StartupInfo.hStdError = copy_stream(&list, what->streams[2]);
    kin_status status = create_process(out, what, &startup, &list);
    while (list.count > (what->message ? 1 : 0)) {
        CloseHandle(list.handles[--list.count]);
    }
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

/* The system ignores dots and spaces at the end of a name. */
bool kin_win32_is_batch_file(const wchar_t *path)
{
    size_t length = wcslen(path);
    while (length > 0 && (path[length - 1] == L'.' || path[length - 1] == L' ')) {
        length--;
    }
    return length >= 4 && (CompareStringOrdinal(path + length - 4, 4, L".bat", 4, TRUE) == CSTR_EQUAL ||
                           CompareStringOrdinal(path + length - 4, 4, L".cmd", 4, TRUE) == CSTR_EQUAL);
}

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

/* A child that has ended already needs none. Bound first: one that knows of kin goes no further without its message, so that
 * this process's death in between leaves none behind. */
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

kin_status kin_os_spawn(kin_os_process *out, const char *program, const char *const *argv,
                        const kin_os_message *message, bool bound)
{
    wchar_t *path = NULL, *line = NULL, *block = NULL;
    kin_win32_pipe pipe = {KIN_OS_NO_HANDLE, KIN_OS_NO_HANDLE, L""};
    if (message->size > KIN_OS_MESSAGE_MAX || message->handle_count > KIN_OS_HANDLES_MAX) {
        return KIN_E_TOO_BIG;
    }
    kin_status status = make_path(&path, program);
    if (status == KIN_OK) {
        status = kin_win32_make_line(&line, argv);
    }
    if (status == KIN_OK) {
        status = kin_win32_pipe_create(&pipe);
    }
    if (status == KIN_OK) {
        const wchar_t *variable = pipe.variable;
        status = kin_win32_environment(&block, &variable, 1, false);
    }
    if (status == KIN_OK) {
        kin_win32_launch what = {path, line, block, NULL, {NULL}, pipe.child, NULL};
        kin_win32_own_streams(what.streams);
        status = kin_win32_start(out, &what);
    }
    if (status == KIN_OK) {
        status = send_message(out, pipe.parent, message, bound);
    }
    kin_os_handle_close(pipe.parent);
    kin_os_handle_close(pipe.child);
    free(block);
    free(line);
    free(path);
    return status;
}

void kin_os_flush(void)
{
    fflush(stdout);
    fflush(stderr);
}

kin_status kin_os_fork(kin_os_process *out, bool *in_child)
{
    (void)out;
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
