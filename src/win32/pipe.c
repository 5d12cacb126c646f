/* pipe.c: named pipes in message mode, of which both ends are opened here, and a page of shared memory beside each.
 *
 * - A message is read whole. A read of 0 bytes fails with ERROR_MORE_DATA and leaves the message (Microsoft, "Named
 *   Pipe Type, Read, and Wait Modes"). So such a read, while it is pending, is what a thread can wait for. It ends when
 *   the thread that began it ends ("CancelIoEx function", "ReadFile function"), so a wait may end for nothing.
 * - A write that is cancelled while it waits for room is undone; one that was complete when its process died is not.
 * - Messages of length 0 are not seen by PeekNamedPipe: all of kin's have a head.
 * - The name is random and there is only one instance, which this user alone may open; by default Everyone could read
 *   ("Named Pipe Security and Access Rights"). No process of another computer can open it ("CreateNamedPipeW
 *   function"). App containers may only make names below \\.\pipe\LOCAL, which is the same elsewhere
 *   ("CreateNamedPipeW function").
 *
 * Handles go with a packet as values that are good in the process that holds the other end. The sender duplicates them
 * straight into that process, which it finds in the page (`card`). No handle is left over in either process:
 *
 *     packet not sent        the sender takes them back
 *     receiver dies          they go with its handle table
 *     receiver closes        it takes all that is on its way; the sender starts nothing any more (closing, attaching)
 *     sender dies before     the receiver sees the end of the pipe, and on the card what was placed for a packet
 *                            (numbered) that never came
 *     another process has    it takes them out of the process for which they were meant; if that is gone, they are, too
 *     the receiving end now
 *
 * closing is set before attaching is read; attaching is raised before closing is read. Both are sequentially
 * consistent.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "win32/pipe.h"
#include "win32/account.h"
#include "win32/clock.h"
#include "win32/handle.h"
#include "win32/identity.h"
#include "win32/win32.h"

#define MAGIC 0x4b4e4950u
#define FRAME_MAX (sizeof(frame) + KIN_OS_PACKET_MAX)
#define PIPE_BUFFER (4u * KIN_OS_PACKET_MAX)
#define PIPE_NAME 64
#define CONNECT_TRIES 100               /* under another name each */
#define CLOSING_PATIENCE KIN_SECONDS(1) /* for a sender that has stopped in the middle */

typedef struct frame { /* a message of the pipe begins with it; the packet's bytes follow */
    uint32_t magic, handle_count;
    uint64_t holder; /* the process in which they are good */
    uint32_t number; /* of the packets with handles */
    uint32_t handles[KIN_OS_PACKET_HANDLES];
    uint32_t fill;
} frame;

/* What arrives at one end. A holder is pid << 32 | the low half of its creation time; 0: the end is on its way to
 * another process. */
typedef struct side {
    _Atomic uint64_t holder;
    _Atomic uint32_t closing, attaching;
    _Atomic uint64_t placed_in;                   /* a holder */
    _Atomic uint32_t placed_number, placed_count; /* for the packet that is being sent */
    _Atomic uint32_t taken_number;                /* of the last packet with handles that was received */
    _Atomic uint32_t placed[KIN_OS_PACKET_HANDLES];
} side;

struct kin_win32_card {
    side sides[2];
};

static side *own_side(const kin_os_pipe *pipe)
{
    return &pipe->card->sides[pipe->number];
}

static side *other_side(const kin_os_pipe *pipe)
{
    return &pipe->card->sides[1 - pipe->number];
}

/* ---- made and ended ---- */

static uint64_t holder_of(const kin_os_process_id *who)
{
    return (uint64_t)who->pid << 32 | (uint32_t)who->start;
}

static void forget(kin_os_pipe *pipe)
{
    if (pipe->card) {
        UnmapViewOfFile(pipe->card);
    }
    kin_os_handle_close(pipe->section);
    kin_os_handle_close(pipe->pipe);
    kin_os_handle_close(pipe->sent);
    kin_os_handle_close(pipe->received);
    kin_os_handle_close(pipe->readable);
    free(pipe->out);
    free(pipe->in);
    *pipe = (kin_os_pipe){.pipe = KIN_OS_NO_HANDLE};
}

static kin_status make_events(kin_os_pipe *pipe)
{
    HANDLE *events[] = {&pipe->sent, &pipe->received, &pipe->readable};
    for (int i = 0; i < 3; i++) {
        *events[i] = CreateEventW(NULL, TRUE, FALSE, NULL);
        if (!*events[i]) {
            return kin_win32_fail(GetLastError());
        }
    }
    return KIN_OK;
}

/* Each failure is told at once: the next call would change the last error. */
static kin_status make_own(kin_os_pipe *pipe)
{
    kin_os_process_id me;
    kin_status status = kin_os_self(&me);
    if (status != KIN_OK) {
        return status;
    }
    pipe->self = holder_of(&me);
    pipe->card = kin_win32_view(pipe->section, FILE_MAP_READ | FILE_MAP_WRITE, sizeof *pipe->card);
    if (!pipe->card) {
        return kin_win32_fail(GetLastError());
    }
    pipe->out = malloc(FRAME_MAX);
    pipe->in = malloc(FRAME_MAX);
    return pipe->out && pipe->in ? make_events(pipe) : KIN_E_NO_MEMORY;
}

/* What each process has for itself; pipe and section are there. Takes them, also on failure. */
static kin_status complete(kin_os_pipe *pipe)
{
    kin_status status = make_own(pipe);
    if (status != KIN_OK) {
        forget(pipe);
        return status;
    }
    atomic_store(&own_side(pipe)->holder, pipe->self);
    return KIN_OK;
}

static kin_status random_name(wchar_t out[PIPE_NAME])
{
    uint64_t id[2];
    char text[PIPE_NAME];
    kin_status status = kin_os_random(id, sizeof id);
    if (status != KIN_OK) {
        return status;
    }
    int length = snprintf(text, sizeof text, "\\\\.\\pipe\\LOCAL\\kin-%016" PRIx64 "%016" PRIx64, id[0], id[1]);
    for (int i = 0; i <= length; i++) {
        out[i] = (wchar_t)text[i];
    }
    return KIN_OK;
}

static DWORD connect_under(const wchar_t *name, HANDLE *ours, HANDLE *other, const kin_win32_ends *wanted,
                           SECURITY_ATTRIBUTES *access)
{
    HANDLE end = CreateNamedPipeW(name, wanted->open | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                                  wanted->mode | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, wanted->buffer,
                                  wanted->buffer, 0, access);
    if (end == INVALID_HANDLE_VALUE) {
        return GetLastError();
    }
    HANDLE second = CreateFileW(name, wanted->access, 0, NULL, OPEN_EXISTING,
                                wanted->flags | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, NULL);
    if (second == INVALID_HANDLE_VALUE) {
        DWORD code = GetLastError();
        CloseHandle(end);
        return code;
    }
    *ours = end;
    *other = second;
    return ERROR_SUCCESS;
}

/* Another process may list the existing pipes, and make or open a pipe of this name in between. It must be a process of
 * this user, since no other user has access. */
kin_status kin_win32_connect_ends(HANDLE *ours, HANDLE *other, const kin_win32_ends *wanted)
{
    const kin_os_access nobody_else = {{""}, {""}};
    SECURITY_ATTRIBUTES access;
    wchar_t name[PIPE_NAME];
    DWORD code = ERROR_PIPE_BUSY;
    if (!kin_win32_access(&access, &nobody_else, KIN_WIN32_USE)) {
        return kin_win32_fail(GetLastError());
    }
    kin_status status = KIN_OK;
    for (int i = 0; i < CONNECT_TRIES && (code == ERROR_PIPE_BUSY || code == ERROR_ACCESS_DENIED); i++) {
        status = random_name(name);
        if (status != KIN_OK) {
            break;
        }
        code = connect_under(name, ours, other, wanted, &access);
        status = code == ERROR_SUCCESS ? KIN_OK : kin_win32_fail(code);
    }
    LocalFree(access.lpSecurityDescriptor);
    return status;
}

static kin_status connect_ends(HANDLE ends[2])
{
    const kin_win32_ends wanted = {PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, PIPE_BUFFER,
                                   GENERIC_READ | GENERIC_WRITE, FILE_FLAG_OVERLAPPED};
    DWORD mode = PIPE_READMODE_MESSAGE;
    kin_status status = kin_win32_connect_ends(&ends[0], &ends[1], &wanted);
    if (status != KIN_OK) {
        return status;
    }
    if (!SetNamedPipeHandleState(ends[1], &mode, NULL, NULL)) {
        status = kin_win32_fail(GetLastError());
        CloseHandle(ends[1]);
        CloseHandle(ends[0]);
    }
    return status;
}

static kin_status make_cards(HANDLE cards[2])
{
    cards[0] = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof(struct kin_win32_card), NULL);
    if (!cards[0]) {
        return kin_win32_fail(GetLastError());
    }
    kin_status status = kin_os_handle_duplicate(&cards[1], cards[0]);
    if (status != KIN_OK) {
        CloseHandle(cards[0]);
    }
    return status;
}

kin_status kin_os_pipe_create(kin_os_pipe ends[2])
{
    HANDLE pipes[2] = {KIN_OS_NO_HANDLE, KIN_OS_NO_HANDLE}, cards[2];
    kin_status status = connect_ends(pipes);
    if (status != KIN_OK) {
        return status;
    }
    status = make_cards(cards);
    if (status != KIN_OK) {
        CloseHandle(pipes[0]);
        CloseHandle(pipes[1]);
        return status;
    }
    for (unsigned i = 0; i < 2; i++) {
        ends[i] = (kin_os_pipe){.pipe = pipes[i], .section = cards[i], .number = i};
    }
    status = complete(&ends[0]);
    if (status != KIN_OK) {
        forget(&ends[1]);
        return status;
    }
    status = complete(&ends[1]);
    if (status != KIN_OK) {
        forget(&ends[0]);
    }
    return status;
}

void kin_os_pipe_handles(const kin_os_pipe *pipe, kin_os_handle *handles)
{
    handles[0] = pipe->pipe;
    handles[1] = pipe->section;
}

static bool is_message_pipe(HANDLE pipe)
{
    DWORD flags;
    return GetNamedPipeInfo(pipe, &flags, NULL, NULL, NULL) && (flags & PIPE_TYPE_MESSAGE) != 0;
}

bool kin_os_pipe_is_end(const kin_os_handle *handles)
{
    void *card = is_message_pipe(handles[0])
                     ? kin_win32_view(handles[1], FILE_MAP_READ | FILE_MAP_WRITE, sizeof(struct kin_win32_card))
                     : NULL;
    if (card) {
        UnmapViewOfFile(card);
    }
    return card != NULL;
}

kin_status kin_os_pipe_adopt(kin_os_pipe *out, const kin_os_handle *handles, unsigned number)
{
    *out = (kin_os_pipe){.pipe = handles[0], .section = handles[1], .number = number};
    if (!is_message_pipe(out->pipe)) {
        forget(out);
        return KIN_E_DAMAGED;
    }
    SetHandleInformation(out->pipe, HANDLE_FLAG_INHERIT, 0);
    SetHandleInformation(out->section, HANDLE_FLAG_INHERIT, 0);
    kin_status status = complete(out);
    return status == KIN_E_PERMISSION || status == KIN_E_HANDLE ? KIN_E_DAMAGED : status; /* the section is none */
}

void kin_os_pipe_given(kin_os_pipe *pipe, bool given)
{
    uint64_t was = given ? pipe->self : 0;
    atomic_compare_exchange_strong(&own_side(pipe)->holder, &was, given ? 0 : pipe->self);
}

/* Who receives is the holder: a process to which the end was given may have died before it took it. */
static void claim(kin_os_pipe *pipe)
{
    if (atomic_load_explicit(&own_side(pipe)->holder, memory_order_relaxed) != pipe->self) {
        atomic_store(&own_side(pipe)->holder, pipe->self);
    }
}

/* ---- waiting ---- */

/* Whether the read of 0 bytes is pending. */
static bool watched(kin_os_pipe *pipe)
{
    if (pipe->watching && WaitForSingleObject(pipe->readable, 0) == WAIT_OBJECT_0) {
        pipe->watching = false;
    }
    return pipe->watching;
}

static void watch(kin_os_pipe *pipe)
{
    if (watched(pipe)) {
        return;
    }
    pipe->watch = (OVERLAPPED){.hEvent = pipe->readable};
    ResetEvent(pipe->readable);
    pipe->watching = !ReadFile(pipe->pipe, pipe->nothing, 0, NULL, &pipe->watch) && GetLastError() == ERROR_IO_PENDING;
    if (!pipe->watching) {
        SetEvent(pipe->readable);
    }
}

static void stop_watching(kin_os_pipe *pipe)
{
    DWORD got;
    if (watched(pipe)) {
        CancelIoEx(pipe->pipe, &pipe->watch);
        GetOverlappedResult(pipe->pipe, &pipe->watch, &got, TRUE);
        pipe->watching = false;
    }
}

kin_status kin_os_pipe_watch(kin_os_pipe *pipe, kin_os_handle *out)
{
    claim(pipe);
    watch(pipe);
    *out = pipe->readable;
    return KIN_OK;
}

/* A message, or the pipe's end, into pipe->in. KIN_E_TIMED_OUT: neither. */
static kin_status read_next(kin_os_pipe *pipe, int64_t deadline)
{
    OVERLAPPED read = {.hEvent = pipe->received};
    kin_status status = KIN_OK;
    DWORD error = 0;
    if (!ReadFile(pipe->pipe, pipe->in, (DWORD)FRAME_MAX, NULL, &read)) {
        error = GetLastError();
    }
    if (error == ERROR_IO_PENDING) {
        status = kin_win32_wait(pipe->received, deadline);
        if (status != KIN_OK) {
            CancelIoEx(pipe->pipe, &read);
        }
    }
    if (error == 0 || error == ERROR_IO_PENDING) {
        error = GetOverlappedResult(pipe->pipe, &read, &pipe->read_size, TRUE) ? 0 : GetLastError();
    }
    if (status != KIN_OK && error == ERROR_OPERATION_ABORTED) {
        return status; /* unless it was complete just before it was cancelled */
    }
    pipe->read_error = error;
    pipe->is_read = TRUE;
    return KIN_OK;
}

kin_status kin_os_pipe_wait(kin_os_pipe *pipe, bool take, int64_t deadline)
{
    claim(pipe);
    if (take) {
        return read_next(pipe, deadline);
    }
    watch(pipe);
    return kin_win32_wait(pipe->readable, deadline);
}

/* ---- sending ---- */

static kin_status finish_write(kin_os_pipe *pipe, OVERLAPPED *write, int64_t deadline)
{
    DWORD written;
    kin_status status = kin_win32_wait(pipe->sent, deadline);
    if (status != KIN_OK) {
        CancelIoEx(pipe->pipe, write);
    }
    if (GetOverlappedResult(pipe->pipe, write, &written, TRUE)) {
        return KIN_OK; /* perhaps just before it was cancelled */
    }
    DWORD code = GetLastError();
    return status != KIN_OK && code == ERROR_OPERATION_ABORTED ? status : kin_win32_fail(code);
}

static kin_status write_frame(kin_os_pipe *pipe, const frame *head, const kin_os_packet *packet, int64_t deadline)
{
    OVERLAPPED write = {.hEvent = pipe->sent};
    unsigned char *end = pipe->out;
    memcpy(end, head, sizeof *head);
    end += sizeof *head;
    for (unsigned i = 0; i < KIN_OS_PACKET_PARTS; i++) {
        if (packet->parts[i].size > 0) {
            memcpy(end, packet->parts[i].data, packet->parts[i].size);
            end += packet->parts[i].size;
        }
    }
    if (WriteFile(pipe->pipe, pipe->out, (DWORD)(end - pipe->out), NULL, &write)) {
        return KIN_OK;
    }
    return GetLastError() == ERROR_IO_PENDING ? finish_write(pipe, &write, deadline) : kin_win32_fail(GetLastError());
}

/* KIN_E_NOT_FOUND: there is none now. */
static kin_status open_holder(HANDLE *out, uint64_t holder)
{
    kin_os_process_id who = {(uint32_t)(holder >> 32), 0, 0, 0}, found;
    if (holder == 0) {
        return KIN_E_NOT_FOUND;
    }
    kin_status status =
        kin_win32_process_open(out, &who, PROCESS_DUP_HANDLE | PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE);
    if (status != KIN_OK) {
        return status;
    }
    found = who;
    if (!kin_win32_process_start(*out, &found.start) || holder_of(&found) != holder || kin_win32_process_ended(*out)) {
        CloseHandle(*out);
        return KIN_E_NOT_FOUND;
    }
    return KIN_OK;
}

static kin_status check_open(kin_os_pipe *pipe)
{
    DWORD available;
    return PeekNamedPipe(pipe->pipe, NULL, 0, NULL, &available, NULL) ? KIN_OK : kin_win32_fail(GetLastError());
}

/* While the end is on its way from one process to another, it has none. */
static kin_status find_receiver(HANDLE *out, uint64_t *holder, kin_os_pipe *pipe, int64_t deadline)
{
    for (;;) {
        *holder = atomic_load(&other_side(pipe)->holder);
        kin_status status = open_holder(out, *holder);
        if (status != KIN_E_NOT_FOUND) {
            return status;
        }
        status = check_open(pipe);
        if (status != KIN_OK) {
            return status;
        }
        int64_t now = kin_os_now();
        if (now >= deadline) {
            return KIN_E_TIMED_OUT;
        }
        kin_os_sleep_until(deadline - now < KIN_MS(1) ? deadline : now + KIN_MS(1));
    }
}

/* Those that this process has just put there. What the page says of them the peer may have changed: it decides
 * nothing here. */
static void take_back(const frame *head, HANDLE process)
{
    for (uint32_t i = 0; i < head->handle_count; i++) {
        DuplicateHandle(process, kin_os_handle_from(head->handles[i]), NULL, NULL, 0, FALSE, DUPLICATE_CLOSE_SOURCE);
    }
}

/* Into head, too: handle_count of them, also on failure. */
static kin_status place(side *to, frame *head, HANDLE process, const kin_os_packet *packet)
{
    while (head->handle_count < packet->handle_count) {
        uint64_t value;
        uint32_t i = head->handle_count;
        kin_status status = kin_os_handle_duplicate_into(&value, packet->handles[i], process);
        if (status != KIN_OK) {
            return kin_win32_process_ended(process) ? KIN_E_CLOSED : status;
        }
        head->handles[i] = (uint32_t)value;
        head->handle_count = i + 1;
        atomic_store(&to->placed[i], (uint32_t)value);
        atomic_store(&to->placed_count, i + 1);
    }
    return KIN_OK;
}

static kin_status send_into(kin_os_pipe *pipe, HANDLE process, uint64_t holder, const kin_os_packet *packet,
                            int64_t deadline)
{
    side *to = other_side(pipe);
    frame head = {MAGIC, 0, holder, atomic_load(&to->placed_number) + 1, {0}, 0};
    atomic_store(&to->placed_in, holder);
    atomic_store(&to->placed_number, head.number);
    kin_status status = place(to, &head, process, packet);
    if (status == KIN_OK) {
        status = write_frame(pipe, &head, packet, deadline);
    }
    if (status != KIN_OK) {
        take_back(&head, process);
        atomic_store(&to->placed_number, head.number - 1);
    }
    atomic_store(&to->placed_count, 0);
    return status;
}

static kin_status send_attached(kin_os_pipe *pipe, const kin_os_packet *packet, int64_t deadline)
{
    HANDLE process;
    uint64_t holder;
    side *to = other_side(pipe);
    atomic_fetch_add(&to->attaching, 1);
    kin_status status = atomic_load(&to->closing) ? KIN_E_CLOSED : find_receiver(&process, &holder, pipe, deadline);
    if (status == KIN_OK) {
        status = send_into(pipe, process, holder, packet, deadline);
        CloseHandle(process);
    }
    atomic_fetch_sub(&to->attaching, 1);
    return status;
}

kin_status kin_os_pipe_send(kin_os_pipe *pipe, const kin_os_packet *packet, int64_t deadline)
{
    if (packet->handle_count > 0) {
        return send_attached(pipe, packet, deadline);
    }
    frame head = {.magic = MAGIC};
    return write_frame(pipe, &head, packet, deadline);
}

/* ---- receiving ---- */

/* What a sender placed here for a packet and died before it was sent. */
static void clear_placed(kin_os_pipe *pipe)
{
    side *from = own_side(pipe);
    if (atomic_load(&from->placed_in) != pipe->self ||
        atomic_load(&from->placed_number) == atomic_load(&from->taken_number)) {
        return;
    }
    uint32_t count = atomic_exchange(&from->placed_count, 0);
    for (uint32_t i = 0; i < count && i < KIN_OS_PACKET_HANDLES; i++) {
        kin_os_handle_close(kin_os_handle_from(atomic_load(&from->placed[i])));
    }
}

static kin_status failed(kin_os_pipe *pipe, DWORD error)
{
    kin_status status = kin_win32_fail(error);
    if (status == KIN_E_CLOSED) {
        clear_placed(pipe);
    }
    return status;
}

/* One that is longer than any of ours: the rest of it. */
static void read_off(kin_os_pipe *pipe)
{
    DWORD got;
    OVERLAPPED read;
    do {
        read = (OVERLAPPED){.hEvent = pipe->received};
        ReadFile(pipe->pipe, pipe->in, (DWORD)FRAME_MAX, NULL, &read);
    } while (!GetOverlappedResult(pipe->pipe, &read, &got, TRUE) && GetLastError() == ERROR_MORE_DATA);
}

/* A message, without waiting. */
static kin_status read_message(kin_os_pipe *pipe, DWORD *size)
{
    DWORD available;
    if (!pipe->is_read) {
        if (!PeekNamedPipe(pipe->pipe, NULL, 0, NULL, &available, NULL)) {
            return failed(pipe, GetLastError());
        }
        kin_status status = available > 0 ? read_next(pipe, 0) : KIN_E_TIMED_OUT; /* another process may be faster */
        if (status != KIN_OK) {
            return status;
        }
    }
    pipe->is_read = FALSE;
    *size = pipe->read_size;
    switch (pipe->read_error) {
    case 0:
        return KIN_OK;
    case ERROR_MORE_DATA:
        read_off(pipe);
        return KIN_E_DAMAGED;
    default:
        return failed(pipe, pipe->read_error);
    }
}

/* The handles out of the process for which they were meant, as long as it lives. */
static size_t take_over(const frame *head, kin_os_handle *handles)
{
    HANDLE process;
    size_t taken = 0;
    if (open_holder(&process, head->holder) != KIN_OK) {
        return 0;
    }
    for (uint32_t i = 0; i < head->handle_count; i++) {
        taken += DuplicateHandle(process, kin_os_handle_from(head->handles[i]), GetCurrentProcess(), &handles[taken], 0,
                                 FALSE, DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE) != 0;
    }
    CloseHandle(process);
    return taken;
}

static size_t take_own(const frame *head, kin_os_handle *handles)
{
    size_t taken = 0;
    for (uint32_t i = 0; i < head->handle_count; i++) {
        DWORD flags;
        handles[taken] = kin_os_handle_from(head->handles[i]);
        taken += handles[taken] && GetHandleInformation(handles[taken], &flags);
    }
    return taken;
}

static kin_status take_handles(kin_os_pipe *pipe, const frame *head, kin_os_packet *packet)
{
    kin_os_handle handles[KIN_OS_PACKET_HANDLES];
    packet->handle_count = 0;
    if (head->handle_count == 0) {
        return KIN_OK;
    }
    size_t taken = head->holder == pipe->self ? take_own(head, handles) : take_over(head, handles);
    atomic_store(&own_side(pipe)->taken_number, head->number);
    if (packet->handles && taken == head->handle_count) {
        memcpy(packet->handles, handles, taken * sizeof *handles);
        packet->handle_count = taken;
        return KIN_OK;
    }
    kin_win32_close_all(handles, taken);
    return packet->handles ? KIN_E_HANDLE : KIN_OK;
}

static bool head_sound(const frame *head)
{
    return head->magic == MAGIC && head->handle_count <= KIN_OS_PACKET_HANDLES;
}

kin_status kin_os_pipe_recv(kin_os_pipe *pipe, kin_os_packet *packet, bool wait)
{
    (void)wait;
    frame head;
    DWORD size = 0;
    claim(pipe);
    kin_status status = read_message(pipe, &size);
    if (status != KIN_OK) {
        return status;
    }
    memcpy(&head, pipe->in, sizeof head);
    if (size < sizeof head || !head_sound(&head)) {
        return KIN_E_DAMAGED;
    }
    const unsigned char *next = pipe->in + sizeof head;
    packet->size = size - sizeof head;
    size_t left = packet->size;
    for (unsigned i = 0; i < KIN_OS_PACKET_PARTS && left > 0; i++) {
        size_t part = packet->parts[i].size < left ? packet->parts[i].size : left;
        if (part > 0) {
            memcpy(packet->parts[i].data, next, part);
        }
        next += part;
        left -= part;
    }
    return take_handles(pipe, &head, packet);
}

kin_status kin_os_pipe_peek(kin_os_pipe *pipe, void *start, size_t size)
{
    unsigned char bytes[sizeof(frame) + 256];
    DWORD available, got;
    claim(pipe);
    if (!PeekNamedPipe(pipe->pipe, bytes, sizeof bytes, &got, &available, NULL)) {
        return failed(pipe, GetLastError());
    }
    if (available == 0) {
        return KIN_E_TIMED_OUT;
    }
    size_t there = got > sizeof(frame) ? got - sizeof(frame) : 0;
    memset(start, 0, size);
    memcpy(start, bytes + sizeof(frame), there < size ? there : size);
    return KIN_OK;
}

/* ---- closing ---- */

/* Takes the handles that were sent to this end and not received. Others may be using it: only its holder does this. */
static void drain(kin_os_pipe *pipe)
{
    side *from = own_side(pipe);
    int64_t patience = kin_os_now() + CLOSING_PATIENCE;
    kin_status status = KIN_OK;
    atomic_store(&from->closing, 1);
    while (
        status != KIN_E_CLOSED && kin_os_now() < patience &&
        (atomic_load(&from->attaching) > 0 || atomic_load(&from->placed_number) != atomic_load(&from->taken_number))) {
        kin_os_packet packet = {.handles = NULL};
        status = kin_os_pipe_recv(pipe, &packet, false);
        if (status == KIN_E_TIMED_OUT) {
            kin_os_pipe_wait(pipe, false, kin_os_now() + KIN_MS(1));
        }
    }
}

void kin_os_pipe_close(kin_os_pipe *pipe)
{
    if (atomic_load(&own_side(pipe)->holder) == pipe->self) {
        drain(pipe);
    }
    stop_watching(pipe);
    forget(pipe);
}
