/* version.h: the version of kin.
 *
 * All processes of one family must use the same MAJOR.MINOR. A process whose kin lays out shared memory differently
 * cannot join the family (KIN_E_BLOB_VERSION). The file name of the shared library contains MAJOR.MINOR: a program that
 * was built with 0.2.1 runs with any 0.2 library.
 */
#ifndef KIN_VERSION_H
#define KIN_VERSION_H

#include "export.h"

KIN_BEGIN

/* The version of these headers. */
#define KIN_VERSION_MAJOR 0
#define KIN_VERSION_MINOR 2
#define KIN_VERSION_PATCH 0

/* Returns the version of the library that the program runs with: major * 1000000 + minor * 1000 + patch. Any thread. */
KIN_API int kin_version(void);

KIN_END

#endif
