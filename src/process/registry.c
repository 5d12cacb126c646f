#include "process/registry.h"

#include "kin/process.h"

#include <string.h>

bool kin__name_sound(const char *name)
{
    return name && name[0] != '\0' && memchr(name, '\0', KIN_TASK_NAME_MAX + 1) != NULL;
}

static const char *name_in(const void *registry, size_t size, size_t i)
{
    return *(const char *const *)(const void *)((const char *)registry + i * size);
}

bool kin__registry_sound(const void *registry, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        if (!kin__name_sound(name_in(registry, size, i)) ||
            kin__registry_find(registry, i, size, name_in(registry, size, i))) {
            return false;
        }
    }
    return true;
}

const void *kin__registry_find(const void *registry, size_t count, size_t size, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name_in(registry, size, i), name) == 0) {
            return (const char *)registry + i * size;
        }
    }
    return NULL;
}
