/* entries.h: the functions that children may be started in: the program's and the library's own. */
#ifndef KIN_ENTRIES_H
#define KIN_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>

#include "kin/process.h"

/* Registers the program's entries; NULL and 0: leaves those that are registered. False: they are not usable. */
bool kin__entries_set(const kin_child_entry *list, size_t count);
/* The entry of that name, or NULL. */
const kin_child_entry *kin__entry_find(const char *name);

/* Whether kin_child_main has been called: what a spawned child is to find must have been registered before. */
bool kin__main_begun(void);

#endif
