/* name.h: families' names, for sweeping. */
#ifndef KIN_POSIX_NAME_H
#define KIN_POSIX_NAME_H

#include <stdbool.h>

/* Removes a family's name if the family is gone. Also removes what a killed process left behind while it removed the
 * name. */
void kin_posix_name_tidy(const char *dir, const char *name);
/* Whether the name is of that family, which is to outlive its members. Also true if that cannot be told. */
bool kin_posix_is_kept(const char *dir, const char *name, const char *hex);
/* Removes this user's arena of that family, if there is one. */
void kin_posix_arena_remove(const char *hex);

#endif
