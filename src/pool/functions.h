/* functions.h: the functions that workers may run. */
#ifndef KIN_FUNCTIONS_H
#define KIN_FUNCTIONS_H

#include "kin/pool.h"

/* The function registered under that name (kin_functions), or NULL. */
const kin_function *kin__function_find(const char *name);

#endif
