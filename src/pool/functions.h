/* functions.h: the functions that workers may run. */
#ifndef KIN_FUNCTIONS_H
#define KIN_FUNCTIONS_H

#include "kin/pool.h"

/* The function registered under that name (kin_register_tasks), or NULL. */
const kin_task_entry *kin__function_find(const char *name);
/* KIN_E_ENTRY, explained. */
kin_status kin__function_missing(const char *name);

#endif
