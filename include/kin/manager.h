/* manager.h: a family with a name that outlives the programs that use it.
 *
 *     kin_manager *manager;
 *     kin_dict *prices;
 *     kin_manager_open(&manager, "shop", NULL);           // joins the family "shop", or creates it
 *     kin_named_dict(&prices, kin_manager_family(manager), "prices");
 *     kin_dict_set_string(prices, "tea", "3.20");
 *     kin_manager_close(manager);                         // the manager process stays, and with it the prices
 *
 * The objects are those of their own headers, in shared memory: using one sends no message to anybody. The manager
 * process does nothing but stay a member of the family, so that the family exists while no other program is in it. If
 * the manager process is killed, the other members go on, since the memory is theirs, too, and the next
 * kin_manager_open starts another one. If it was the last member, the family and all its objects are gone.
 *
 * The manager process is this program, started by spawn, so the program must call kin_child_main (process.h). Its
 * standard streams are the null device from its start. It leaves the terminal, and the directory in which it was
 * started (for /, or Windows' system directory). It ends when kin_manager_stop is called. `kin manager` does the same
 * on the command line.
 *
 * Any thread may call all of these. Closing a manager destroys no object.
 */
#ifndef KIN_MANAGER_H
#define KIN_MANAGER_H

#include "named.h"

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

KIN_END

#endif
