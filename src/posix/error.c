/* error.c: errno values and their statuses.
 *
 * errno is the C library's and changes at any call; kin keeps a copy of its own per thread. glibc's strerror_r is the
 * GNU one under _GNU_SOURCE (returns the text), musl's the POSIX one (strerror(3)).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "posix/libc.h"
#include "posix/posix.h"

static _Thread_local int last_error;
static _Thread_local uint32_t failures;

static const struct {
    int code;
    kin_status status;
} table[] = {
    {0, KIN_OK},
    {ENOMEM, KIN_E_NO_MEMORY},
    {ENOSPC, KIN_E_NO_MEMORY},
    {EDQUOT, KIN_E_NO_MEMORY},
    {EFBIG, KIN_E_NO_MEMORY}, /* RLIMIT_FSIZE, met when shared memory grows */
    {EACCES, KIN_E_PERMISSION},
    {EPERM, KIN_E_PERMISSION},
    {EROFS, KIN_E_PERMISSION},
    {ENOENT, KIN_E_NOT_FOUND},
    {ENOTDIR, KIN_E_NOT_FOUND},
    {ESRCH, KIN_E_NOT_FOUND},
    {ECHILD, KIN_E_NOT_FOUND},
    {EEXIST, KIN_E_EXISTS},
    {EMFILE, KIN_E_LIMIT},
    {ENFILE, KIN_E_LIMIT},
    {ENOLCK, KIN_E_LIMIT},
    {ETOOMANYREFS, KIN_E_LIMIT},
    {EAGAIN, KIN_E_LIMIT}, /* of fork and pthread_create; other meanings are handled where they arise */
    {ETIMEDOUT, KIN_E_TIMED_OUT},
    {ENOSYS, KIN_E_UNSUPPORTED},
    {EOPNOTSUPP, KIN_E_UNSUPPORTED},
    {EBADF, KIN_E_HANDLE},
    {ENOTSOCK, KIN_E_HANDLE},
    {EPIPE, KIN_E_CLOSED},
    {ECONNRESET, KIN_E_CLOSED},
    {ENOTCONN, KIN_E_CLOSED},
    {E2BIG, KIN_E_TOO_BIG},
    {EMSGSIZE, KIN_E_TOO_BIG},
    {ENAMETOOLONG, KIN_E_TOO_BIG},
    {ERANGE, KIN_E_TOO_BIG},
    {EOVERFLOW, KIN_E_OVERFLOW},
    {EBUSY, KIN_E_BUSY},
    {ETXTBSY, KIN_E_BUSY},
    {ENOEXEC, KIN_E_UNSUPPORTED},
};

int kin_os_error(void)
{
    return last_error;
}

void kin_os_error_set(int code)
{
    last_error = code;
}

/* KIN_E_OS where the table has no row. */
kin_status kin_os_status(int code)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].code == code) {
            return table[i].status;
        }
    }
    return KIN_E_OS;
}

kin_status kin_posix_fail(int code)
{
    kin_os_error_set(code);
    failures++;
    return kin_os_status(code);
}

uint32_t kin_os_failures(void)
{
    return failures;
}

void kin_os_error_write(int code, char *buffer, size_t size)
{
    char text[256] = "";
    if (size == 0) {
        return;
    }
#if KIN_POSIX_GNU_STRERROR
    snprintf(buffer, size, "%s", strerror_r(code, text, sizeof text));
#else
    if (strerror_r(code, text, sizeof text) != 0) {
        snprintf(text, sizeof text, "error %d", code);
    }
    snprintf(buffer, size, "%s", text);
#endif
}
