/* hooks.h: the only calls that go up the layers. src/hooks.c, above all of them, fills in the table.
 *
 * A thread slot belongs to the family; what its thread slept on and allocated belongs to layers above. The system tells
 * the library of threads' ends and of forks once; every layer has something to put in order then. And a child process
 * starts in an entry of the pool or of the manager.
 */
#ifndef KIN_HOOKS_H
#define KIN_HOOKS_H

#include "kin/process.h"
#include "os.h"

typedef struct kin__hook_table {
    kin_os_hooks os;
    /* The thread is about to give back its slot: cleans its wait slot. */
    void (*slot_left)(kin_family *family, uint32_t index);
    /* The same for the slot of a dead thread, and frees the heap block that it was just taking. False: not possible now,
     * try again later. */
    bool (*slot_reaped)(kin_family *family, uint32_t index, uint64_t token);
    /* The library's own entries for children, ended by NULL. */
    const kin_entry *const *entries;
} kin__hook_table;

extern const kin__hook_table kin__hooks;

/* Installs the system's hooks, once in a process's life. */
static inline kin_status kin__hooks_install(void)
{
    return kin_os_hooks_install(&kin__hooks.os);
}

#endif
