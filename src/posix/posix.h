/* posix.h: what all files of the POSIX backend may need. Only this backend includes it, and the headers beside it. */
#ifndef KIN_POSIX_POSIX_H
#define KIN_POSIX_POSIX_H

#include "os.h"

/* Keeps the code for kin_os_error and answers its status. In error.c; error.h is the name of a system's header. */
kin_status kin_posix_fail(int code);

#endif
