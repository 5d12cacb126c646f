/* manager.h: objects under names, for all processes of a user: a family with a name, and a process that keeps it.
 *
 *     kin_manager *manager;
 *     kin_manager_open(&manager, "shop", NULL);           // joins it, or makes it; sees to its keeper
 *     kin_dict *prices;
 *     kin_manager_dict(&prices, manager, "prices");       // the dict of that name, made now if there is none
 *     kin_dict_set_string(prices, "tea", "3.20");
 *     kin_manager_close(manager);                         // the keeper stays, and with it the prices
 *
 * The objects are what their headers say, in shared memory: no message is sent to anybody to use one. The keeper does
 * nothing but be a member, so that the family lives on when nobody else is there. If the keeper is killed the other
 * members go on, as the memory is theirs, too; the next kin_manager_open starts another keeper. If it was the last
 * member, what was kept is gone.
 *
 * The keeper is this program, started by spawn: it has to call kin_child_main (process.h). It leaves the terminal and
 * the standard streams alone, and ends when kin_manager_stop is called. `kin manager` is the same as a command.
 *
 * All: any thread. Closing destroys no object; destroying one takes it from all members.
 */
#ifndef KIN_MANAGER_H
#define KIN_MANAGER_H

#include "barrier.h"
#include "cond.h"
#include "dict.h"
#include "event.h"
#include "list.h"
#include "lock.h"
#include "queue.h"
#include "rwlock.h"
#include "sem.h"
#include "value.h"

KIN_BEGIN

typedef struct kin_manager kin_manager;

typedef struct kin_manager_options {
    size_t size;    /* sizeof(kin_manager_options); KIN_MANAGER_OPTIONS_INIT sets it */
    uint32_t flags; /* KIN_FAMILY_JOIN: only if there is one; KIN_FAMILY_CREATE: only if there is none; 0: either */
    int ends_with_starter;            /* 1: the keeper, if this call starts one, is killed when this process ends */
    const kin_family_options *family; /* of one that is created; NULL: the defaults. See kin_family_open */
} kin_manager_options;

#define KIN_MANAGER_OPTIONS_INIT                                                                                       \
    {                                                                                                                  \
        sizeof(kin_manager_options), 0, 0, NULL                                                                        \
    }

/* Opens the family of that name (kin_family_open) and makes sure that it has a keeper, waiting until there is one;
 * not if it is another user's (options->family.owner), who sees to that alone. The caller's; kin_manager_close.
 * options NULL: all defaults. Errors: those of kin_family_open and kin_process_start; KIN_E_TIMED_OUT (no keeper has
 * begun within 10 seconds). */
KIN_API kin_status kin_manager_open(kin_manager **out, const char *name, const kin_manager_options *options);

/* Leaves the family: pointers to its objects are invalid afterwards. NULL: nothing. */
KIN_API void kin_manager_close(kin_manager *manager);

/* Its family: for kin_alloc, arguments of children and so on. NULL for NULL. */
KIN_API kin_family *kin_manager_family(kin_manager *manager);

/* The keeper's pid; 0: there is none now. Changes nothing: it makes no keeper, and is taken for none by others. Asks
 * the system about each member of the family. */
KIN_API uint32_t kin_manager_pid(kin_manager *manager);

/* Ends the keeper of the manager of that name, waiting for it at most timeout. The family ends with its last member.
 * Errors: KIN_E_NOT_FOUND (no family of that name, or one that never had a keeper, and is left as it is),
 * KIN_E_TIMED_OUT, those of kin_family_open. */
KIN_API kin_status kin_manager_stop(const char *name, int64_t timeout);

/* ---- objects: the one of that name, or a new one that gets it ----
 *
 * What the other parameters say is for one that is made. Of two that make it at once one succeeds, and both get that;
 * also where the last one of that name has just been destroyed. Finding one takes microseconds, and grows with the
 * names (256 at most).
 * A process killed in the middle leaves at worst the memory of one object that nobody knows. Errors of all:
 * KIN_E_ARGUMENT, KIN_E_TYPE (the name is of something else), KIN_E_LIMIT (256 names), KIN_E_NO_MEMORY, those of the
 * object's own create. */
KIN_API kin_status kin_manager_lock(kin_lock **out, kin_manager *manager, const char *name, uint32_t flags);
KIN_API kin_status kin_manager_rwlock(kin_rwlock **out, kin_manager *manager, const char *name);
KIN_API kin_status kin_manager_sem(kin_sem **out, kin_manager *manager, const char *name, uint32_t value,
                                   uint32_t maximum);
KIN_API kin_status kin_manager_event(kin_event **out, kin_manager *manager, const char *name);
KIN_API kin_status kin_manager_cond(kin_cond **out, kin_manager *manager, const char *name);
KIN_API kin_status kin_manager_barrier(kin_barrier **out, kin_manager *manager, const char *name, uint32_t parties);
KIN_API kin_status kin_manager_queue(kin_queue **out, kin_manager *manager, const char *name,
                                     const kin_queue_options *options);
KIN_API kin_status kin_manager_value(kin_value **out, kin_manager *manager, const char *name, kin_element element,
                                     uint32_t flags);
KIN_API kin_status kin_manager_array(kin_array **out, kin_manager *manager, const char *name, kin_element element,
                                     size_t count, uint32_t flags);
KIN_API kin_status kin_manager_dict(kin_dict **out, kin_manager *manager, const char *name);
KIN_API kin_status kin_manager_list(kin_list **out, kin_manager *manager, const char *name);

KIN_END

#endif
