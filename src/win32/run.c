/* run.c: programs with named pipes to their streams, of which our ends are overlapped.
 *
 * - The program's ends are made without FILE_FLAG_OVERLAPPED, as C runtimes expect; a program may treat them like those
 *   of CreatePipe (Microsoft, "Pipe Handle Inheritance"). FILE_WRITE_ATTRIBUTES lets it set the mode of the one that it
 *   reads ("SetNamedPipeHandleState function"), FILE_READ_ATTRIBUTES lets it ask about the one that it writes.
 * - A channel always has at most one operation under way, with its own buffer, since the system uses both until it is
 *   complete. Input that was taken into the buffer counts as moved: so the end of the input waits for that write.
 * - Data that was written before an end was closed can be read afterwards. A write of 0 bytes is a read of 0 bytes: not
 *   the end.
 * - PATH is walked here, not by SearchPathW: that takes an empty or relative element from the current directory, finds
 *   directories, too, and does not know quotes, in which an element may stand that has a semicolon ("path" command).
 *   CreateProcessW appends no extension to its first parameter ("CreateProcessW function").
 * - A path is absolute if it begins with a drive, a colon and a backslash, or with two backslashes ("Naming Files,
 *   Paths, and Namespaces", "Fully Qualified vs. Relative Paths").
 * - A process that a process in a job starts is in the job as well ("Job Objects"). Closing the job's handle ends no
 *   process, unless the job is made so.
 * - cmd /s takes the first and the last quote away and leaves the rest of the line as it is; /d: no AutoRun ("cmd").
 */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "win32/clock.h"
#include "win32/command_line.h"
#include "win32/environment.h"
#include "win32/handle.h"
#include "win32/launch.h"
#include "win32/parent.h"
#include "win32/pipe.h"
#include "win32/text.h"
#include "win32/win32.h"

#define BUFFER 65536u

struct kin_win32_channel {
    HANDLE pipe;
    OVERLAPPED io;
    bool pending, ending; /* ending: closed when the write is complete */
    DWORD error;          /* of the last operation */
    DWORD held, used;     /* read, and taken of it */
    unsigned char buffer[BUFFER];
};

typedef struct kin_win32_channel channel;

/* ---- a channel ---- */

static void destroy(channel *it)
{
    DWORD moved;
    if (it->pending) {
        CancelIoEx(it->pipe, &it->io);
        GetOverlappedResult(it->pipe, &it->io, &moved, TRUE);
    }
    kin_os_handle_close(it->pipe);
    kin_os_handle_close(it->io.hEvent);
    free(it);
}

static kin_status open_ends(HANDLE *ours, HANDLE *inner, bool to_program)
{
    const kin_win32_ends wanted = {
        to_program ? PIPE_ACCESS_OUTBOUND : PIPE_ACCESS_INBOUND, PIPE_TYPE_BYTE, BUFFER,
        to_program ? GENERIC_READ | FILE_WRITE_ATTRIBUTES : GENERIC_WRITE | FILE_READ_ATTRIBUTES, 0};
    return kin_win32_connect_ends(ours, inner, &wanted);
}

static kin_status create(channel **out, HANDLE *inner, bool to_program)
{
    channel *made = calloc(1, sizeof *made);
    if (!made) {
        return kin_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    made->io.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    kin_status status = made->io.hEvent ? open_ends(&made->pipe, inner, to_program) : kin_win32_fail(GetLastError());
    if (status != KIN_OK) {
        destroy(made);
        return status;
    }
    *out = made;
    return KIN_OK;
}

/* What has become of the operation under way, if there is one. */
static void settle(channel *it)
{
    DWORD moved = 0;
    if (!it->pending || !HasOverlappedIoCompleted(&it->io)) {
        return;
    }
    it->error = GetOverlappedResult(it->pipe, &it->io, &moved, FALSE) ? ERROR_SUCCESS : GetLastError();
    it->pending = false;
    it->held = it->error == ERROR_SUCCESS ? moved : 0;
    it->used = 0;
}

static void begun(channel *it, BOOL done)
{
    DWORD code = GetLastError();
    it->pending = done || code == ERROR_IO_PENDING;
    it->error = it->pending ? ERROR_SUCCESS : code;
    settle(it);
}

static void begin_read(channel *it)
{
    if (!it->pending && it->error == ERROR_SUCCESS && it->used == it->held) {
        it->held = it->used = 0;
        begun(it, ReadFile(it->pipe, it->buffer, BUFFER, NULL, &it->io));
    }
}

/* ---- moving ---- */

kin_status kin_os_run_write(kin_os_run *run, const void *bytes, size_t size, size_t *moved)
{
    channel *it = run->channels[0];
    if (!it || it->ending) {
        return KIN_E_CLOSED;
    }
    settle(it);
    if (it->pending) {
        return KIN_E_TIMED_OUT;
    }
    if (it->error == ERROR_SUCCESS) {
        DWORD part = size < BUFFER ? (DWORD)size : BUFFER;
        memcpy(it->buffer, bytes, part);
        begun(it, WriteFile(it->pipe, it->buffer, part, NULL, &it->io));
        *moved = part;
    }
    return it->error == ERROR_SUCCESS ? KIN_OK : KIN_E_CLOSED;
}

kin_status kin_os_run_read(kin_os_run *run, unsigned stream, void *buffer, size_t size, size_t *moved)
{
    channel *it = run->channels[stream];
    if (!it) {
        return KIN_E_CLOSED;
    }
    settle(it);
    begin_read(it);
    size_t left = it->held - it->used;
    if (left == 0) {
        return it->pending || it->error == ERROR_SUCCESS ? KIN_E_TIMED_OUT : KIN_E_CLOSED;
    }
    *moved = left < size ? left : size;
    memcpy(buffer, it->buffer + it->used, *moved);
    it->used += (DWORD)*moved;
    return KIN_OK;
}

size_t kin_os_run_left(kin_os_run *run, unsigned stream)
{
    channel *it = run->channels[stream];
    DWORD more = 0;
    if (!it) {
        return 0;
    }
    settle(it);
    if (it->pending || it->error != ERROR_SUCCESS || !PeekNamedPipe(it->pipe, NULL, 0, NULL, &more, NULL)) {
        more = 0;
    }
    return it->held - it->used + more;
}

void kin_os_run_shut(kin_os_run *run, unsigned stream)
{
    channel *it = run->channels[stream];
    if (!it) {
        return;
    }
    settle(it);
    it->ending = true;
    if (stream != 0 || !it->pending) {
        destroy(it);
        run->channels[stream] = NULL;
    }
}

/* ---- waiting ---- */

/* Whether it can be moved; otherwise something is under way. */
static bool is_ready(channel *it, bool to_program)
{
    settle(it);
    if (!to_program) {
        begin_read(it);
    }
    return !it->pending;
}

static unsigned look(kin_os_run *run, unsigned which, HANDLE *events, DWORD *count)
{
    unsigned ready = 0;
    *count = 0;
    for (unsigned i = 0; i < 3; i++) {
        channel *it = run->channels[i];
        if (!it || !(it->ending || (which >> i & 1u))) {
            continue;
        }
        bool now = is_ready(it, i == 0);
        if (now && it->ending) {
            kin_os_run_shut(run, i);
        } else if (now) {
            ready |= 1u << i;
        } else {
            events[(*count)++] = it->io.hEvent;
        }
    }
    return ready;
}

static kin_status ask_end(kin_os_run *run, unsigned *ready, kin_os_exit *how)
{
    kin_status status = kin_os_process_wait(&run->process, kin_os_now(), how);
    if (status == KIN_OK) {
        *ready |= KIN_OS_RUN_ENDED;
    }
    return status == KIN_E_TIMED_OUT ? KIN_OK : status;
}

kin_status kin_os_run_wait(kin_os_run *run, unsigned which, int64_t deadline, unsigned *ready, kin_os_exit *how)
{
    HANDLE events[4];
    DWORD count;
    *ready = look(run, which, events, &count);
    if (*ready == 0) {
        events[count++] = run->process.handle;
        if (WaitForMultipleObjects(count, events, FALSE, kin_win32_milliseconds(deadline)) == WAIT_FAILED) {
            return kin_win32_fail(GetLastError());
        }
        *ready = look(run, which, events, &count);
    }
    kin_status status = ask_end(run, ready, how);
    return status == KIN_OK && *ready == 0 && kin_os_now() >= deadline ? KIN_E_TIMED_OUT : status;
}

/* Its event is set from the end of an operation to the begin of the next. */
kin_os_handle kin_os_run_watch(kin_os_run *run, unsigned stream)
{
    channel *it = run->channels[stream];
    if (!it) {
        return KIN_OS_NO_HANDLE;
    }
    settle(it);
    begin_read(it);
    return it->io.hEvent;
}

/* ---- what is to be run ---- */

typedef struct texts {
    wchar_t *program, *line, *block, *directory;
} texts;

/* Like kin_win32_utf16, with room for ".exe". */
static kin_status to_wide(wchar_t **out, const char *text)
{
    wchar_t *wide = NULL, *longer;
    kin_status status = kin_win32_utf16(&wide, text);
    if (status != KIN_OK) {
        return status;
    }
    longer = realloc(wide, (wcslen(wide) + 5) * sizeof *wide);
    if (!longer) {
        free(wide);
        return kin_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    *out = longer;
    return KIN_OK;
}

static kin_status variable(wchar_t **out, const wchar_t *name)
{
    DWORD size = GetEnvironmentVariableW(name, NULL, 0);
    wchar_t *text = size > 0 ? malloc(size * sizeof *text) : NULL;
    if (size == 0) {
        return KIN_E_NOT_FOUND;
    }
    if (!text) {
        return kin_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    text[0] = L'\0';
    GetEnvironmentVariableW(name, text, size);
    *out = text;
    return KIN_OK;
}

static bool is_file(const wchar_t *path)
{
    DWORD attributes = GetFileAttributesW(path);
    return attributes != INVALID_FILE_ATTRIBUTES && !(attributes & FILE_ATTRIBUTE_DIRECTORY);
}

static bool is_slash(wchar_t c)
{
    return c == L'\\' || c == L'/';
}

static bool is_absolute(const wchar_t *path)
{
    bool drive = (path[0] >= L'A' && path[0] <= L'Z') || (path[0] >= L'a' && path[0] <= L'z');
    return (is_slash(path[0]) && is_slash(path[1])) || (drive && path[1] == L':' && is_slash(path[2]));
}

/* Takes the next element out of a PATH, without its quotes. The text before *list becomes the element. */
static wchar_t *next_element(wchar_t **list)
{
    wchar_t *start = *list, *at = start, *end = start;
    for (bool quoted = false; *at != L'\0' && (quoted || *at != L';'); at++) {
        if (*at == L'"') {
            quoted = !quoted;
        } else {
            *end++ = *at;
        }
    }
    *list = at + (*at == L';');
    *end = L'\0';
    return start;
}

/* In the elements of PATH that are absolute. */
static kin_status search(wchar_t **out, const wchar_t *name)
{
    wchar_t *path = NULL;
    kin_status status = variable(&path, L"PATH");
    if (status != KIN_OK) {
        return status;
    }
    wchar_t *found = malloc((wcslen(path) + wcslen(name) + 2) * sizeof *found), *rest = path;
    status = found ? KIN_E_NOT_FOUND : kin_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    while (status == KIN_E_NOT_FOUND && *rest != L'\0') {
        const wchar_t *element = next_element(&rest);
        if (is_absolute(element)) {
            wcscpy(found, element);
            wcscat(found, L"\\");
            wcscat(found, name);
            status = is_file(found) ? KIN_OK : KIN_E_NOT_FOUND;
        }
    }
    free(path);
    if (status != KIN_OK) {
        free(found);
        return status;
    }
    *out = found;
    return KIN_OK;
}

static bool ends_in_exe(const wchar_t *name)
{
    size_t length = wcslen(name);
    return length >= 4 && CompareStringOrdinal(name + length - 4, 4, L".exe", 4, TRUE) == CSTR_EQUAL;
}

static bool is_path(const wchar_t *name)
{
    return wcspbrk(name, L"/\\:") != NULL;
}

/* Takes name, which has room for ".exe". "tool" is tool.exe, if there is one, or a file of just that name. */
static kin_status find_program(wchar_t **out, wchar_t *name)
{
    size_t length = wcslen(name);
    kin_status status = KIN_E_NOT_FOUND;
    for (int bare = ends_in_exe(name); bare < 2 && status == KIN_E_NOT_FOUND; bare++) {
        wcscpy(name + length, bare ? L"" : L".exe");
        if (!is_path(name)) {
            status = search(out, name);
        } else if (bare || is_file(name)) {
            *out = name;
            return KIN_OK;
        }
    }
    free(name);
    return status;
}

static kin_status plan_program(texts *out, const kin_os_command *command)
{
    wchar_t *name = NULL;
    kin_status status = to_wide(&name, command->argv[0]);
    if (status == KIN_OK && kin_win32_is_batch_file(name)) {
        free(name);
        return KIN_E_UNSUPPORTED;
    }
    if (status == KIN_OK) {
        status = find_program(&out->program, name);
    }
    return status == KIN_OK ? kin_win32_make_line(&out->line, command->argv) : status;
}

static kin_status plan_shell(texts *out, const kin_os_command *command)
{
    static const wchar_t shell[] = L"\\cmd.exe", before[] = L"cmd.exe /d /s /c \"", after[] = L"\"";
    wchar_t *text = NULL;
    kin_status status = kin_win32_utf16(&text, command->argv[0]);
    if (status != KIN_OK) {
        return status;
    }
    size_t length = wcslen(text) + wcslen(before) + wcslen(after) + 1;
    UINT room = GetSystemDirectoryW(NULL, 0);
    out->program = malloc((room + sizeof shell / sizeof shell[0]) * sizeof *out->program);
    out->line = malloc(length * sizeof *out->line);
    if (!out->program || !out->line) {
        status = kin_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    } else if (length > KIN_WIN32_LINE_MAX) {
        status = kin_win32_fail(ERROR_FILENAME_EXCED_RANGE);
    } else {
        GetSystemDirectoryW(out->program, room);
        wcscat(out->program, shell);
        wcscpy(out->line, before);
        wcscat(out->line, text);
        wcscat(out->line, after);
    }
    free(text);
    return status;
}

static kin_status plan(texts *out, const kin_os_command *command)
{
    kin_status status = command->shell ? plan_shell(out, command) : plan_program(out, command);
    if (status == KIN_OK && (command->variables || command->clean)) {
        status = kin_win32_environment_of(&out->block, command->variables, NULL, command->clean);
    }
    if (status == KIN_OK && command->directory) {
        status = kin_win32_utf16(&out->directory, command->directory);
    }
    return status;
}

/* ---- start ---- */

/* own: those of streams that are to be closed after the start. */
static kin_status open_streams(kin_os_run *run, const kin_os_command *command, HANDLE *streams, HANDLE *own)
{
    kin_status status = KIN_OK;
    kin_win32_own_streams(streams);
    for (unsigned i = 0; i < 3 && status == KIN_OK; i++) {
        kin_os_stream wanted = command->streams[i];
        if (wanted == KIN_OS_STREAM_TOGETHER) {
            streams[i] = streams[1];
        } else if (wanted == KIN_OS_STREAM_NOTHING) {
            status = kin_win32_open_nothing(&own[i]);
        } else if (wanted == KIN_OS_STREAM_PIPE) {
            status = create(&run->channels[i], &own[i], i == 0);
        }
        streams[i] = own[i] ? own[i] : streams[i];
    }
    return status;
}

/* A tree that is bound ends as a whole when this process does: its job's last handle is closed then. */
static kin_status make_job(kin_os_run *run, bool bound)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {.BasicLimitInformation.LimitFlags =
                                                       JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE};
    run->keep_job = bound; /* a program that is forgotten goes on */
    run->job = CreateJobObjectW(NULL, NULL);
    if (!run->job ||
        (bound && !SetInformationJobObject(run->job, JobObjectExtendedLimitInformation, &limits, sizeof limits))) {
        return kin_win32_fail(GetLastError());
    }
    return KIN_OK;
}

static kin_status launch(kin_os_run *run, const kin_os_command *command, const texts *plan)
{
    HANDLE own[3] = {NULL, NULL, NULL}, job = NULL;
    kin_status status = command->tree ? make_job(run, command->bound) : KIN_OK;
    if (status == KIN_OK && command->bound && !command->tree) {
        status = kin_win32_parent_job(&job);
    }
    if (status != KIN_OK) {
        return status;
    }
    kin_win32_launch what = {plan->program, plan->line, plan->block, plan->directory,
                             {NULL},        NULL,       job,         command->no_window};
    what.job = command->tree ? run->job : job;
    status = open_streams(run, command, what.streams, own);
    if (status == KIN_OK) {
        status = kin_win32_start(&run->process, &what);
    }
    kin_win32_close_all(own, 3);
    return status;
}

kin_status kin_os_run_start(kin_os_run *out, const kin_os_command *command)
{
    texts made = {NULL, NULL, NULL, NULL};
    kin_os_run run = {{KIN_OS_NO_HANDLE, 0, 0}, {NULL, NULL, NULL}, NULL, FALSE};
    kin_status status = plan(&made, command);
    if (status == KIN_OK) {
        status = launch(&run, command, &made);
    }
    free(made.program);
    free(made.line);
    free(made.block);
    free(made.directory);
    if (status != KIN_OK) {
        kin_os_run_close(&run);
        return status;
    }
    *out = run;
    return KIN_OK;
}

/* ---- the end ---- */

kin_status kin_os_run_kill(kin_os_run *run, bool force)
{
    if (run->job) {
        UINT code = force ? KIN_WIN32_EXIT_KILLED : KIN_WIN32_EXIT_TERMINATED;
        kin_win32_note_kill(&run->process, code);
        return TerminateJobObject(run->job, code) ? KIN_OK : kin_win32_fail(GetLastError());
    }
    return kin_os_process_kill(&run->process, force);
}

void kin_os_run_close(kin_os_run *run)
{
    for (unsigned i = 0; i < 3; i++) {
        if (run->channels[i]) {
            destroy(run->channels[i]);
            run->channels[i] = NULL;
        }
    }
    kin_os_process_close(&run->process);
    if (!run->keep_job) {
        kin_os_handle_close(run->job);
    }
}
