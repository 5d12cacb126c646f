/* sized.h: structs that begin with their size in bytes, as programs of older and newer versions pass them. */
#ifndef KIN_SIZED_H
#define KIN_SIZED_H

#include "kin/status.h"

/* Copies the caller's options into own, which has size bytes; NULL: zeros, which stand for the defaults. Fields that
 * an older version lacks are zero. A newer version's longer struct is accepted if all beyond this one's is zero.
 * init: the name of the macro that sets the size. KIN_E_ARGUMENT. */
kin_status kin__options_read(void *own, size_t size, const void *given, const char *init);

/* Whether the caller has set the size of a struct that it wants filled in. KIN_E_ARGUMENT, also for NULL. */
kin_status kin__info_check(const void *given, const char *init);

/* Fills it in, as far as it goes; what a newer version has beyond own's size is zero. Its size stays. */
void kin__info_write(void *given, const void *own, size_t size);

#endif
