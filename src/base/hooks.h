/* hooks.h: the only calls that go up the layers. src/hooks.c, above all of them, fills in the table.
 *
 * A thread slot belongs to the family; what its thread slept on and allocated belongs to layers above. The system
 * tells the library of threads' ends and of forks once; every layer has something to put in order then. A child
 * process starts in an entry of the pool or of the manager. And a ref is checked below the layers that know how long
 * its object is.
 */
#ifndef KIN_HOOKS_H
#define KIN_HOOKS_H

#include "kin/process.h"
#include "os.h"

/* How much of the arena an object takes: a fixed number of bytes, or what `of` finds out of the object at an offset,
 * which is checked to be aligned: 0 if that cannot be true. */
typedef struct kin__extent {
    uint64_t fixed;
    uint64_t (*of)(kin_family *family, uint64_t offset);
} kin__extent;

typedef struct kin__hook_table {
    kin_os_hooks os;
    /* The thread is about to give back its slot: cleans its wait slot. */
    void (*slot_left)(kin_family *family, uint32_t index);
    /* The same for the slot of a dead thread. Frees the heap block that the thread was just taking, too. False: not
     * possible now, try again later. */
    bool (*slot_reaped)(kin_family *family, uint32_t index, uint64_t token);
    /* By kin_type; both are 0 where there is no such type. */
    const kin__extent *extents;
    uint32_t extent_count;
    /* The library's own entries for children, ended by NULL. */
    const kin_child_entry *const *entries;
} kin__hook_table;

extern const kin__hook_table kin__hooks;

/* Installs the system's hooks, once in a process's life. */
static inline kin_status kin__hooks_install(void)
{
    return kin_os_hooks_install(&kin__hooks.os);
}

#endif
