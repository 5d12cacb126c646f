/* discover.h: names of what belongs to a family, and the list of families. */
#ifndef KIN_WIN32_DISCOVER_H
#define KIN_WIN32_DISCOVER_H

#include "os.h"

#define KIN_WIN32_NAME 96

/* The name of a family's memory. shared: other users have access. What else belongs to the family has this name with
 * -WHAT-NUMBER... added. */
void kin_win32_name(wchar_t out[KIN_WIN32_NAME], const kin_os_id *family, bool shared);
/* Opens a family's memory; NULL and GetLastError. */
HANDLE kin_win32_open_memory(const kin_os_id *family, bool shared, kin_os_use use);
/* Lists a family that was made here, for others to find; once its section exists. */
void kin_win32_list(const kin_os_id *family);
/* Keeps the list in being while this process lives. */
void kin_win32_keep_list(void);

#endif
