/* list.h: lists, for other parts of the library. */
#ifndef KIN_INTERNAL_LIST_H
#define KIN_INTERNAL_LIST_H

#include "container/container.h"

/* How many items a list has, read without its lock; 0 where it is damaged. For inspect.c. */
uint64_t kin__list_count(kin_family *family, kin__container *it);

#endif
