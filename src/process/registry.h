/* registry.h: tables of what children may be started with, each element beginning with its name. */
#ifndef KIN_REGISTRY_H
#define KIN_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

/* 1 to KIN_TASK_NAME_MAX bytes. */
bool kin__name_sound(const char *name);

/* What is registered under names, kin_child_entry or kin_task_entry: count elements of size bytes, each beginning with
 * its name. */
bool kin__registry_sound(const void *registry, size_t count, size_t size); /* all names are, and none is there twice */
const void *kin__registry_find(const void *registry, size_t count, size_t size, const char *name);

#endif
