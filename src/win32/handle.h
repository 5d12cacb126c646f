/* handle.h: handles. */
#ifndef KIN_WIN32_HANDLE_H
#define KIN_WIN32_HANDLE_H

#include "os.h"

void kin_win32_close_all(const HANDLE *handles, size_t count);

/* Maps the first size bytes of a section that another process may have made: one whose pages are reserved only would
 * be a fault to read. NULL: GetLastError. */
void *kin_win32_view(HANDLE section, DWORD access, size_t size);

#endif
