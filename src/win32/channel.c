/* channel.c: an anonymous pipe to the child, whose read end it inherits, and handles duplicated into the child.
 *
 * - An inherited handle has the same value in the child, which is told it by the environment (Microsoft, "Inheritance
 *   (Processes and Threads)"). A program that the child starts may get the variable without the pipe, or both: so the pipe
 *   begins with a greeting that repeats the variable's nonce, and is looked at with PeekNamedPipe, which never waits.
 *   Then follows the pid of the child for which handles will be meant.
 * - Only the child has a read end: when it is dead, writing fails with ERROR_NO_DATA or ERROR_BROKEN_PIPE ("WriteFile
 *   function"). A write waits while the pipe is full ("CreatePipe function"); PIPE_SIZE holds a dozen messages.
 * - Handles are duplicated straight into the child. In between, no process has anything that could be left over: they go
 *   with the child's handle table.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "win32.h"

#define PIPE_SIZE 65536u
#define MAGIC 0x4B494E31u

typedef struct greeting {
    uint32_t magic, parent;
    uint64_t nonce;
} greeting;

typedef struct frame {
    uint32_t magic, size, count, zero;
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
    memcpy(out, KIN_WIN32_CHANNEL_NAME, sizeof KIN_WIN32_CHANNEL_NAME);
    out += wcslen(out);
    for (int i = 0; i <= length; i++) {
        out[i] = (wchar_t)text[i];
    }
}

kin_status kin_win32_channel_create(kin_win32_channel *out)
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

kin_status kin_win32_channel_address(HANDLE parent, uint32_t pid)
{
    return write_all(parent, &pid, sizeof pid);
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

static kin_status read_greeting(HANDLE pipe)
{
    greeting hello;
    uint32_t pid;
    kin_status status = read_all(pipe, &hello, sizeof hello);
    if (status == KIN_OK) {
        status = read_all(pipe, &pid, sizeof pid);
    }
    return status == KIN_OK && pid != kin_os_pid() ? KIN_E_CLOSED : status;
}

/* The C runtime keeps a copy of the environment. */
static void remove_variable(void)
{
    _wputenv(KIN_WIN32_CHANNEL_NAME L"=");
    SetEnvironmentVariableW(KIN_WIN32_CHANNEL_NAME, NULL);
}

kin_status kin_os_channel_take(kin_os_handle *out)
{
    wchar_t text[64];
    HANDLE pipe;
    greeting wanted;
    if (!kin_os_channel_pending()) {
        return KIN_E_NOT_FOUND;
    }
    DWORD length = GetEnvironmentVariableW(KIN_WIN32_CHANNEL_NAME, text, 64);
    remove_variable();
    if (length == 0 || length >= 64 || !parse_variable(text, &pipe, &wanted)) {
        return KIN_E_BLOB_CORRUPT;
    }
    if (!is_greeted(pipe, &wanted)) {
        return KIN_E_CLOSED; /* the handle may be anything by now, so it is left alone */
    }
    kin_status status = read_greeting(pipe);
    if (status == KIN_OK && !SetHandleInformation(pipe, HANDLE_FLAG_INHERIT, 0)) {
        status = kin_win32_fail(GetLastError());
    }
    if (status != KIN_OK) {
        CloseHandle(pipe);
        return status;
    }
    *out = pipe;
    return KIN_OK;
}

bool kin_os_channel_pending(void)
{
    return GetEnvironmentVariableW(KIN_WIN32_CHANNEL_NAME, NULL, 0) != 0;
}

/* ---- messages ---- */

/* The child does not know of them: nobody but us closes them. */
static void take_back(const kin_os_process *child, const unsigned char *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value;
        memcpy(&value, values + i * sizeof value, sizeof value);
        DuplicateHandle(child->handle, kin_os_handle_from(value), NULL, NULL, 0, FALSE, DUPLICATE_CLOSE_SOURCE);
    }
}

static kin_status give(const kin_os_process *child, unsigned char *values, const kin_os_handle *handles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value;
        kin_status status = kin_os_handle_duplicate_into(&value, handles[i], child->handle);
        if (status != KIN_OK) {
            take_back(child, values, i);
            return kin_win32_process_ended(child->handle) ? kin_win32_fail(ERROR_BROKEN_PIPE) : status;
        }
        memcpy(values + i * sizeof value, &value, sizeof value);
    }
    return KIN_OK;
}

kin_status kin_os_channel_send(kin_os_handle channel, const kin_os_process *child, const void *data, size_t size,
                               const kin_os_handle *handles, size_t handle_count)
{
    frame message = {.magic = MAGIC, .size = (uint32_t)size, .count = (uint32_t)handle_count};
    if (size > KIN_OS_MESSAGE_MAX || handle_count > KIN_OS_HANDLES_MAX) {
        return KIN_E_TOO_BIG;
    }
    if (kin_win32_process_ended(child->handle)) {
        return kin_win32_fail(ERROR_BROKEN_PIPE);
    }
    kin_status status = give(child, message.rest, handles, handle_count);
    if (status != KIN_OK) {
        return status;
    }
    size_t values = handle_count * sizeof(uint64_t);
    if (size > 0) {
        memcpy(message.rest + values, data, size);
    }
    status = write_all(channel, &message, HEAD + values + size);
    if (status != KIN_OK) {
        take_back(child, message.rest, handle_count);
    }
    return status;
}

static kin_status receive_frame(frame *out, HANDLE channel)
{
    kin_status status = read_all(channel, out, HEAD);
    if (status != KIN_OK) {
        return status;
    }
    if (out->magic != MAGIC || out->zero != 0 || out->size > KIN_OS_MESSAGE_MAX || out->count > KIN_OS_HANDLES_MAX) {
        return KIN_E_BLOB_CORRUPT;
    }
    return read_all(channel, out->rest, out->count * sizeof(uint64_t) + out->size);
}

static bool all_open(const kin_os_handle *handles, size_t count)
{
    DWORD flags;
    for (size_t i = 0; i < count; i++) {
        if (!handles[i] || !GetHandleInformation(handles[i], &flags)) {
            return false;
        }
    }
    return true;
}

kin_status kin_os_channel_receive(kin_os_handle channel, void *data, size_t capacity, size_t *size,
                                  kin_os_handle *handles, size_t handle_capacity, size_t *handle_count)
{
    frame message;
    kin_os_handle got[KIN_OS_HANDLES_MAX];
    kin_status status = receive_frame(&message, channel);
    if (status != KIN_OK) {
        return status;
    }
    size_t count = message.count, values = count * sizeof(uint64_t);
    for (size_t i = 0; i < count; i++) {
        uint64_t value;
        memcpy(&value, message.rest + i * sizeof value, sizeof value);
        got[i] = kin_os_handle_from(value);
    }
    if (!all_open(got, count)) {
        return KIN_E_BLOB_CORRUPT;
    }
    if (message.size > capacity || count > handle_capacity) {
        for (size_t i = 0; i < count; i++) {
            CloseHandle(got[i]);
        }
        return KIN_E_TOO_BIG;
    }
    if (count > 0) {
        memcpy(handles, got, count * sizeof got[0]);
    }
    if (message.size > 0) {
        memcpy(data, message.rest + values, message.size);
    }
    *handle_count = count;
    *size = message.size;
    return KIN_OK;
}
