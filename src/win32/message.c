/* message.c: what a spawned child gets at its start: an anonymous pipe that it inherits, and handles duplicated into
 * it.
 *
 * - An inherited handle has the same value in the child, which reads the value from its environment (Microsoft,
 *   "Inheritance (Processes and Threads)"). A program that the child starts may get the variable without the pipe, or
 *   both. So the pipe begins with a greeting that repeats the variable's nonce. PeekNamedPipe, which never waits, looks
 *   at it. The message says for which pid its handles are meant.
 * - A write waits while the pipe is full ("CreatePipe function"); PIPE_SIZE holds a dozen messages. What is in it stays
 *   readable when the writer has closed its end.
 * - Handles are duplicated straight into the child. No third process ever has them, so none can be left over: they go
 *   with the child's handle table.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "win32/message.h"
#include "win32/win32.h"

#define PIPE_SIZE 65536u
#define MAGIC 0x4B494E31u

typedef struct greeting {
    uint32_t magic, parent;
    uint64_t nonce;
} greeting;

typedef struct frame {
    uint32_t magic, size, count, pid;
    unsigned char rest[KIN_OS_HANDLES_MAX * sizeof(uint64_t) + KIN_OS_MESSAGE_MAX]; /* values, then data */
} frame;

#define HEAD offsetof(frame, rest)

static kin_status write_all(HANDLE pipe, const void *data, size_t size)
{
    DWORD written;
    if (!WriteFile(pipe, data, (DWORD)size, &written, NULL)) {
        return kin_win32_fail(GetLastError());
    }
    return written == size ? KIN_OK : kin_win32_fail(ERROR_NO_DATA);
}

static kin_status read_all(HANDLE pipe, void *data, size_t size)
{
    unsigned char *next = data;
    while (size > 0) {
        DWORD got;
        if (!ReadFile(pipe, next, (DWORD)size, &got, NULL)) {
            return kin_win32_fail(GetLastError());
        }
        next += got;
        size -= got;
    }
    return KIN_OK;
}

/* ---- birth ---- */

static void write_variable(wchar_t *out, HANDLE child, const greeting *hello)
{
    char text[64];
    int length = snprintf(text, sizeof text, "=%" PRIx64 ":%" PRIx32 ":%" PRIx64, kin_os_handle_value(child),
                          hello->parent, hello->nonce);
    memcpy(out, KIN_WIN32_MESSAGE_NAME, sizeof KIN_WIN32_MESSAGE_NAME);
    out += wcslen(out);
    for (int i = 0; i <= length; i++) {
        out[i] = (wchar_t)text[i];
    }
}

kin_status kin_win32_pipe_create(kin_win32_pipe *out)
{
    HANDLE parent, child;
    greeting hello = {MAGIC, kin_os_pid(), 0};
    kin_status status = kin_os_random(&hello.nonce, sizeof hello.nonce);
    if (status != KIN_OK) {
        return status;
    }
    if (!CreatePipe(&child, &parent, NULL, PIPE_SIZE)) {
        return kin_win32_fail(GetLastError());
    }
    status = write_all(parent, &hello, sizeof hello);
    if (status != KIN_OK) {
        CloseHandle(parent);
        CloseHandle(child);
        return status;
    }
    out->parent = parent;
    out->child = child;
    write_variable(out->variable, child, &hello);
    return KIN_OK;
}

/* The child does not know of them: nobody but us closes them. */
static void take_back(HANDLE child, const unsigned char *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value;
        memcpy(&value, values + i * sizeof value, sizeof value);
        DuplicateHandle(child, kin_os_handle_from(value), NULL, NULL, 0, FALSE, DUPLICATE_CLOSE_SOURCE);
    }
}

static kin_status give(HANDLE child, unsigned char *values, const kin_os_message *message)
{
    for (size_t i = 0; i < message->handle_count; i++) {
        uint64_t value;
        kin_status status = kin_os_handle_duplicate_into(&value, message->handles[i], child);
        if (status != KIN_OK) {
            take_back(child, values, i);
            return status;
        }
        memcpy(values + i * sizeof value, &value, sizeof value);
    }
    return KIN_OK;
}

kin_status kin_win32_message_send(HANDLE pipe, const kin_os_process *child, const kin_os_message *message)
{
    frame out = {.magic = MAGIC, .pid = child->pid};
    size_t values = message->handle_count * sizeof(uint64_t);
    out.size = (uint32_t)message->size;
    out.count = (uint32_t)message->handle_count;
    kin_status status = give(child->handle, out.rest, message);
    if (status != KIN_OK) {
        return status;
    }
    if (message->size > 0) {
        memcpy(out.rest + values, message->data, message->size);
    }
    status = write_all(pipe, &out, HEAD + values + message->size);
    if (status != KIN_OK) {
        take_back(child->handle, out.rest, message->handle_count);
    }
    return status;
}

/* ---- the child takes it ---- */

static int digit_of(wchar_t c)
{
    if (c >= L'0' && c <= L'9') {
        return c - L'0';
    }
    return c >= L'a' && c <= L'f' ? c - L'a' + 10 : -1;
}

/* Reads hexadecimal digits up to `end`, and it. */
static bool parse_number(const wchar_t **text, wchar_t end, uint64_t *out)
{
    const wchar_t *next = *text;
    uint64_t value = 0;
    int digits = 0;
    for (; digit_of(*next) >= 0; next++) {
        value = value << 4 | (uint64_t)digit_of(*next);
        digits++;
    }
    if (digits == 0 || digits > 16 || *next != end) {
        return false;
    }
    *text = next + 1;
    *out = value;
    return true;
}

static bool parse_variable(const wchar_t *text, HANDLE *child, greeting *hello)
{
    uint64_t handle, parent, nonce;
    if (!parse_number(&text, L':', &handle) || !parse_number(&text, L':', &parent) ||
        !parse_number(&text, L'\0', &nonce) || parent > UINT32_MAX) {
        return false;
    }
    *child = kin_os_handle_from(handle);
    *hello = (greeting){MAGIC, (uint32_t)parent, nonce};
    return *child != KIN_OS_NO_HANDLE;
}

static bool is_greeted(HANDLE pipe, const greeting *wanted)
{
    greeting hello;
    DWORD got;
    return PeekNamedPipe(pipe, &hello, sizeof hello, &got, NULL, NULL) && got == sizeof hello &&
           memcmp(&hello, wanted, sizeof hello) == 0;
}

/* The C runtime keeps a copy of the environment. */
static void remove_variable(void)
{
    _wputenv(KIN_WIN32_MESSAGE_NAME L"=");
    SetEnvironmentVariableW(KIN_WIN32_MESSAGE_NAME, NULL);
}

bool kin_os_message_pending(void)
{
    return GetEnvironmentVariableW(KIN_WIN32_MESSAGE_NAME, NULL, 0) != 0;
}

static kin_status find_pipe(HANDLE *out)
{
    wchar_t text[64];
    greeting wanted, hello;
    if (!kin_os_message_pending()) {
        return KIN_E_NOT_FOUND;
    }
    DWORD length = GetEnvironmentVariableW(KIN_WIN32_MESSAGE_NAME, text, 64);
    remove_variable();
    if (length == 0 || length >= 64 || !parse_variable(text, out, &wanted)) {
        return KIN_E_BLOB_CORRUPT;
    }
    if (!is_greeted(*out, &wanted)) {
        return KIN_E_CLOSED; /* the handle may be anything by now, so it is left alone */
    }
    return read_all(*out, &hello, sizeof hello);
}

static kin_status receive_frame(frame *out, HANDLE pipe)
{
    kin_status status = read_all(pipe, out, HEAD);
    if (status != KIN_OK) {
        return status;
    }
    if (out->magic != MAGIC || out->size > KIN_OS_MESSAGE_MAX || out->count > KIN_OS_HANDLES_MAX) {
        return KIN_E_BLOB_CORRUPT;
    }
    status = read_all(pipe, out->rest, out->count * sizeof(uint64_t) + out->size);
    return status == KIN_OK && out->pid != kin_os_pid() ? KIN_E_CLOSED : status;
}

static kin_status take_handles(kin_os_handle *handles, const frame *in)
{
    for (size_t i = 0; i < in->count; i++) {
        uint64_t value;
        DWORD flags;
        memcpy(&value, in->rest + i * sizeof value, sizeof value);
        handles[i] = kin_os_handle_from(value);
        if (!handles[i] || !GetHandleInformation(handles[i], &flags)) {
            return KIN_E_HANDLE;
        }
    }
    return KIN_OK;
}

kin_status kin_os_message_take(void *data, size_t capacity, size_t *size, kin_os_handle *handles, size_t *handle_count)
{
    HANDLE pipe;
    frame in;
    kin_status status = find_pipe(&pipe);
    if (status != KIN_OK) {
        return status;
    }
    status = receive_frame(&in, pipe);
    CloseHandle(pipe);
    if (status == KIN_OK && (in.size > capacity || in.count > *handle_count)) {
        status = KIN_E_TOO_BIG;
    }
    if (status == KIN_OK) {
        status = take_handles(handles, &in);
    }
    if (status != KIN_OK) {
        return status;
    }
    if (in.size > 0) {
        memcpy(data, in.rest + in.count * sizeof(uint64_t), in.size);
    }
    *size = in.size;
    *handle_count = in.count;
    return KIN_OK;
}
