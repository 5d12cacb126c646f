/* account.h: users and groups as numbers, and access to files. */
#ifndef KIN_POSIX_ACCOUNT_H
#define KIN_POSIX_ACCOUNT_H

#include <stdbool.h>

#include "os.h"

/* False: the account is no number. */
bool kin_posix_account_number(const kin_os_account *account, unsigned long *out);
/* Gives this user, and the group if any, access to a file, whatever the umask was. False: errno. */
bool kin_posix_share(int fd, const kin_os_access *access);

#endif
