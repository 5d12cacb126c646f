/* text.c: texts between UTF-8 and UTF-16.
 *
 * Without MB_ERR_INVALID_CHARS what is not UTF-8 silently becomes U+FFFD (Microsoft, "MultiByteToWideChar function").
 */
#include <limits.h>
#include <stdlib.h>

#include "win32/text.h"
#include "win32/win32.h"

kin_status kin_win32_utf16(wchar_t **out, const char *text)
{
    int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
    if (length == 0) {
        return kin_win32_fail(GetLastError());
    }
    wchar_t *wide = malloc((size_t)length * sizeof *wide);
    if (!wide) {
        return kin_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, length);
    *out = wide;
    return KIN_OK;
}

kin_status kin_win32_utf8(char *buffer, size_t size, const wchar_t *text)
{
    int room = size > INT_MAX ? INT_MAX : (int)size;
    if (room == 0) { /* would only ask for the length */
        return kin_win32_fail(ERROR_INSUFFICIENT_BUFFER);
    }
    if (!WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, text, -1, buffer, room, NULL, NULL)) {
        return kin_win32_fail(GetLastError());
    }
    return KIN_OK;
}
