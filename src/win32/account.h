/* account.h: owners and access rights. */
#ifndef KIN_WIN32_ACCOUNT_H
#define KIN_WIN32_ACCOUNT_H

#include "os.h"

/* A security descriptor: all access for this user; these rights for the family's owner, and the group if any. Free
 * lpSecurityDescriptor by LocalFree. False: GetLastError. */
#define KIN_WIN32_USE L"GRGWGX" /* all rights except changing the rights */
#define KIN_WIN32_LOOK L"GR"
bool kin_win32_access(SECURITY_ATTRIBUTES *out, const kin_os_access *access, const wchar_t *rights);
/* Of a handle with READ_CONTROL. */
bool kin_win32_is_owned(HANDLE object, const kin_os_account *owner);
/* Numbers made of this process's user, and of an object's owner (a handle with READ_CONTROL); 0: it cannot be told. */
uint64_t kin_win32_user_number(void);
uint64_t kin_win32_owner_number(HANDLE object);

#endif
