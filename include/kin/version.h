/* version.h: the version of kin.
 *
 * Processes of one family must use the same MAJOR.MINOR; a process with another one is refused (KIN_E_BLOB_VERSION).
 * The shared library's name has MAJOR.MINOR, too: programs that were built with 0.2.1 run with any 0.2 library.
 */
#ifndef KIN_VERSION_H
#define KIN_VERSION_H

#include "export.h"

KIN_BEGIN

/* The version of these headers. */
#define KIN_VERSION_MAJOR 0
#define KIN_VERSION_MINOR 2
#define KIN_VERSION_PATCH 0

/* The version of the library that the program runs with: major * 1000000 + minor * 1000 + patch. Any thread. */
KIN_API int kin_version(void);

KIN_END

#endif
