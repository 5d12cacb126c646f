/* text.h: texts between UTF-8 and UTF-16. */
#ifndef KIN_WIN32_TEXT_H
#define KIN_WIN32_TEXT_H

#include "os.h"

/* UTF-8 to UTF-16; the caller frees *out with free(). KIN_E_ARGUMENT: text is not UTF-8. */
kin_status kin_win32_utf16(wchar_t **out, const char *text);
/* UTF-16 to UTF-8. KIN_E_TOO_BIG if size is short. */
kin_status kin_win32_utf8(char *buffer, size_t size, const wchar_t *text);

#endif
