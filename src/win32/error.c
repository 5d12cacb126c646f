/* error.c: native codes and their statuses.
 *
 * - The thread's last error code changes at any call, even of TlsGetValue, which clears it on success (Microsoft,
 *   "TlsGetValue function"); kin keeps a copy of its own per thread, in a slot whose value is the code itself.
 * - FORMAT_MESSAGE_FROM_SYSTEM without FORMAT_MESSAGE_IGNORE_INSERTS reads arguments that are not there; its texts end
 *   in a line break ("FormatMessageW function").
 */
#include <stdio.h>
#include <string.h>

#include "win32/win32.h"

#ifndef ERROR_ELEVATION_REQUIRED
#define ERROR_ELEVATION_REQUIRED 740L /* missing from MinGW's winerror.h */
#endif

static const struct {
    DWORD code;
    kin_status status;
} table[] = {
    {ERROR_SUCCESS, KIN_OK},
    {ERROR_NOT_ENOUGH_MEMORY, KIN_E_NO_MEMORY},
    {ERROR_OUTOFMEMORY, KIN_E_NO_MEMORY},
    {ERROR_COMMITMENT_LIMIT, KIN_E_NO_MEMORY},
    {ERROR_NO_SYSTEM_RESOURCES, KIN_E_NO_MEMORY},
    {ERROR_NONPAGED_SYSTEM_RESOURCES, KIN_E_NO_MEMORY},
    {ERROR_PAGED_SYSTEM_RESOURCES, KIN_E_NO_MEMORY},
    {ERROR_WORKING_SET_QUOTA, KIN_E_NO_MEMORY},
    {ERROR_PAGEFILE_QUOTA, KIN_E_NO_MEMORY},
    {ERROR_NOT_ENOUGH_QUOTA, KIN_E_NO_MEMORY},
    {ERROR_DISK_FULL, KIN_E_NO_MEMORY},
    {ERROR_ACCESS_DENIED, KIN_E_PERMISSION},
    {ERROR_PRIVILEGE_NOT_HELD, KIN_E_PERMISSION},
    {ERROR_ELEVATION_REQUIRED, KIN_E_PERMISSION},
    {ERROR_ACCESS_DISABLED_BY_POLICY, KIN_E_PERMISSION},
    {ERROR_WRITE_PROTECT, KIN_E_PERMISSION},
    {ERROR_FILE_NOT_FOUND, KIN_E_NOT_FOUND},
    {ERROR_PATH_NOT_FOUND, KIN_E_NOT_FOUND},
    {ERROR_BAD_NETPATH, KIN_E_NOT_FOUND},
    {ERROR_INVALID_NAME, KIN_E_NOT_FOUND}, /* a path with characters that no file can have */
    {ERROR_DIRECTORY, KIN_E_NOT_FOUND},
    {ERROR_ENVVAR_NOT_FOUND, KIN_E_NOT_FOUND},
    {ERROR_ALREADY_EXISTS, KIN_E_EXISTS},
    {ERROR_FILE_EXISTS, KIN_E_EXISTS},
    {ERROR_TOO_MANY_OPEN_FILES, KIN_E_LIMIT},
    {ERROR_NO_PROC_SLOTS, KIN_E_LIMIT},
    {ERROR_MAX_THRDS_REACHED, KIN_E_LIMIT},
    {WAIT_TIMEOUT, KIN_E_TIMED_OUT},
    {ERROR_SEM_TIMEOUT, KIN_E_TIMED_OUT},
    {ERROR_TIMEOUT, KIN_E_TIMED_OUT},
    {ERROR_NOT_SUPPORTED, KIN_E_UNSUPPORTED},
    {ERROR_CALL_NOT_IMPLEMENTED, KIN_E_UNSUPPORTED},
    {ERROR_INVALID_FUNCTION, KIN_E_UNSUPPORTED},
    {ERROR_BAD_EXE_FORMAT, KIN_E_UNSUPPORTED},
    {ERROR_INVALID_HANDLE, KIN_E_HANDLE},
    {ERROR_BROKEN_PIPE, KIN_E_CLOSED},
    {ERROR_NO_DATA, KIN_E_CLOSED}, /* of a write: the reader has closed its end */
    {ERROR_PIPE_NOT_CONNECTED, KIN_E_CLOSED},
    {ERROR_FILENAME_EXCED_RANGE, KIN_E_TOO_BIG},
    {ERROR_INSUFFICIENT_BUFFER, KIN_E_TOO_BIG},
    {ERROR_BUFFER_OVERFLOW, KIN_E_TOO_BIG},
    {ERROR_MORE_DATA, KIN_E_TOO_BIG},
    {ERROR_TOO_MANY_POSTS, KIN_E_OVERFLOW},
    {ERROR_ARITHMETIC_OVERFLOW, KIN_E_OVERFLOW},
    {ERROR_BUSY, KIN_E_BUSY},
    {ERROR_SHARING_VIOLATION, KIN_E_BUSY},
    {ERROR_LOCK_VIOLATION, KIN_E_BUSY},
    {ERROR_NO_UNICODE_TRANSLATION, KIN_E_ARGUMENT},
};

static INIT_ONCE slot_once = INIT_ONCE_STATIC_INIT;
static DWORD slot = TLS_OUT_OF_INDEXES;
static _Thread_local uint32_t failures; /* emulated by MinGW, slowly; used after failures only */

static BOOL CALLBACK make_slot(PINIT_ONCE once, PVOID parameter, PVOID *context)
{
    (void)once;
    (void)parameter;
    (void)context;
    slot = TlsAlloc();
    return TRUE;
}

int kin_os_error(void)
{
    InitOnceExecuteOnce(&slot_once, make_slot, NULL, NULL);
    return (int)(intptr_t)TlsGetValue(slot);
}

void kin_os_error_set(int code)
{
    InitOnceExecuteOnce(&slot_once, make_slot, NULL, NULL);
    TlsSetValue(slot, (void *)(intptr_t)code);
}

/* KIN_E_OS where the table has no row. */
kin_status kin_os_status(int code)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].code == (DWORD)code) {
            return table[i].status;
        }
    }
    return KIN_E_OS;
}

kin_status kin_win32_fail(DWORD code)
{
    kin_os_error_set((int)code);
    failures++;
    return kin_os_status((int)code);
}

uint32_t kin_os_failures(void)
{
    return failures;
}

/* Cuts between characters. */
static void copy_text(char *buffer, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length >= size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
            length--;
        }
    }
    memcpy(buffer, text, length);
    buffer[length] = '\0';
}

void kin_os_error_write(int code, char *buffer, size_t size)
{
    wchar_t wide[512];
    char text[3 * 512];
    const DWORD flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK;
    if (size == 0) {
        return;
    }
    DWORD length = FormatMessageW(flags, NULL, (DWORD)code, 0, wide, 512, NULL);
    while (length > 0 && wide[length - 1] <= L' ') {
        wide[--length] = L'\0';
    }
    if (length == 0 || !WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, (int)sizeof text, NULL, NULL)) {
        snprintf(text, sizeof text, "error %d", code);
    }
    copy_text(buffer, size, text);
}
