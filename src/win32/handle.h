/* handle.h: handles. */
#ifndef KIN_WIN32_HANDLE_H
#define KIN_WIN32_HANDLE_H

#include "os.h"

void kin_win32_close_all(const HANDLE *handles, size_t count);

#endif
