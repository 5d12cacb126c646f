/* manager.h: the process that keeps a manager's family; see manager.c. */
#ifndef KIN_INTERNAL_MANAGER_H
#define KIN_INTERNAL_MANAGER_H

#include "kin/process.h"

#define KIN__KEEPER_ENTRY "kin.keeper"

extern const kin_child_entry kin__keeper_entry;

#endif
