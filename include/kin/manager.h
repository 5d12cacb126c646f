/* manager.h: a family with a name that outlives the programs that use it.
 *
 *     kin_manager *manager;
 *     kin_dict *prices;
 *     kin_manager_open(&manager, "shop", NULL);           // joins the family "shop", or creates it
 *     kin_named_dict(&prices, kin_manager_family(manager), "prices");
 *     kin_dict_set_string(prices, "tea", "3.20");
 *     kin_manager_close(manager);                         // the manager process stays, and with it the prices
 *
 * The objects are those of the other headers, in shared memory: using one sends no message to another process. The
 * manager process does nothing but stay a member of the family, so that the family exists while no other program is in
 * it. If the manager process is killed, the other members go on, since the memory is theirs, too, and the next
 * kin_manager_open starts another manager process. If it was the last member, the family and all its objects are gone.
 *
 * The manager process is this program, started by spawn, so the program must call kin_child_main (process.h). Its
 * standard streams are the null device from its start. It detaches from the terminal, and its working directory becomes
 * / (Windows: the system directory). It ends when kin_manager_stop is called. `kin manager` starts and stops manager
 * processes on the command line.
 *
 * Any thread may call all of these functions. Closing a manager destroys no object.
 */
#ifndef KIN_MANAGER_H
#define KIN_MANAGER_H

#include "named.h"

KIN_BEGIN

typedef struct kin_manager kin_manager;

typedef struct kin_manager_options {
    size_t size;                      /* of this struct, in bytes; its _INIT macro sets it */
    uint32_t flags;                   /* of kin_family_open. 0: join the family, or create it */
    int ends_with_starter;            /* 1: a manager process that this call starts is killed when this process ends */
    const kin_family_options *family; /* of kin_family_open; NULL: the defaults */
} kin_manager_options;

#define KIN_MANAGER_OPTIONS_INIT                                                                                       \
    {                                                                                                                  \
        sizeof(kin_manager_options), 0, 0, NULL                                                                        \
    }

/* Opens the family of that name (kin_family_open), starts a manager process if there is none, and waits until it runs.
 * A family of another user (options->family->owner) gets no manager process: only its owner starts one. The caller owns
 * *out and closes it with kin_manager_close. options NULL: all defaults; they are copied. A process that is killed
 * meanwhile leaves the family with or without a manager process. Errors: KIN_E_ARGUMENT (out null, options->size
 * unknown), KIN_E_TIMED_OUT (no manager process has begun within 10 seconds), KIN_E_NO_MEMORY, those of
 * kin_family_open, kin_named_lock and kin_process_start. */
KIN_API kin_status kin_manager_open(kin_manager **out, const char *name, const kin_manager_options *options);

/* Closes the family (kin_family_close): pointers to its objects are invalid afterwards. NULL: does nothing. */
KIN_API void kin_manager_close(kin_manager *manager);

/* The manager's family, for kin_alloc, kin_named_dict, arguments of children and so on. It is borrowed: valid until
 * kin_manager_close. NULL for NULL. */
KIN_API kin_family *kin_manager_family(kin_manager *manager);

/* The pid of the manager process; 0 if there is none now, or manager is null. It starts no manager process. Asks the
 * system about each member of the family: O(members). */
KIN_API uint32_t kin_manager_pid(kin_manager *manager);

/* Ends the manager process of the family of that name, and waits for its end for at most timeout nanoseconds. If it was
 * the last member, the family ends with it. Errors: KIN_E_ARGUMENT (timeout negative, or a bad name), KIN_E_NOT_FOUND
 * (there is no such family, or the family never had a manager process; it is left as it is), KIN_E_TIMED_OUT and
 * KIN_E_INTERRUPTED (thread.h; the manager process still runs), and those of kin_family_open. */
KIN_API kin_status kin_manager_stop(const char *name, int64_t timeout);

KIN_END

#endif
