#include "process/entries.h"

#include "base/hooks.h"
#include "process/registry.h"

#include <stdatomic.h>
#include <string.h>

static const kin_child_entry *entries; /* set at the start of main, read-only afterwards */
static size_t entry_count;

static _Atomic bool begun;

bool kin__main_begun(void)
{
    return atomic_load(&begun);
}

const kin_child_entry *kin__entry_find(const char *name)
{
    const kin_child_entry *found = kin__registry_find(entries, entry_count, sizeof *entries, name);
    for (size_t i = 0; !found && kin__hooks.entries[i]; i++) {
        found = strcmp(name, kin__hooks.entries[i]->name) == 0 ? kin__hooks.entries[i] : NULL;
    }
    return found;
}

bool kin__entries_set(const kin_child_entry *list, size_t count)
{
    if (!list) {
        atomic_store(&begun, count == 0 || atomic_load(&begun));
        return count == 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!list[i].run) {
            return false;
        }
    }
    if (!kin__registry_sound(list, count, sizeof *list)) {
        return false;
    }
    entries = list;
    entry_count = count;
    atomic_store(&begun, true);
    return true;
}
