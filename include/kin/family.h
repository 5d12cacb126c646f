/* family.h: the processes that share memory, and how a process becomes a member.
 *
 * A family is an arena of shared memory and the processes that map it: a root process and every process that it forks
 * or spawns. A program need not create one. Wherever a function takes a kin_family pointer, NULL means the default
 * family of this process, which is created at its first use. In a child that kin started, the default family is the
 * family of the arguments that its parent passed. A process can be in 8 families at one time.
 *
 * Pointers into the arena (from kin_alloc and the create functions) are plain pointers. They are valid in this process
 * and in its forked children, because fork copies the mapping. A spawned child maps the arena at another address: pass
 * it a kin_ref (ref.h) or a named argument (process.h).
 *
 * Death of a process: the next member that needs something that a killed member held notices the death and cleans up
 * after it. If all members of a family are killed, the family's names stay in the system until the next process of the
 * same user creates or opens a family, or calls kin_cleanup.
 *
 * Any thread may call all of these functions. A thread is not cancelled in them.
 */
#ifndef KIN_FAMILY_H
#define KIN_FAMILY_H

#include <stdint.h>

#include "status.h"

KIN_BEGIN

typedef struct kin_family kin_family;

/* Zero in a field means its default. */
typedef struct kin_family_options {
    size_t size; /* of this struct, in bytes; its _INIT macro sets it */
    /* Address space in bytes: the most that the arena can ever hold. The system gives memory only as it is used. At
     * most 64 GiB. Default: the size of the system's memory (Windows: at most 4 GiB), or 256 MiB if the process does
     * not have that much address space. */
    uint64_t reserve;
    uint32_t max_members; /* processes at one time; default 512, at most 4096 */
    uint32_t max_threads; /* threads of all members at one time; default 1024, at most 32768 */
    const char *group;    /* kin_family_open only, see there; NULL: no other user has access */
    const char *owner;    /* kin_family_open only, see there; NULL: this user */
} kin_family_options;

#define KIN_FAMILY_OPTIONS_INIT                                                                                        \
    {                                                                                                                  \
        sizeof(kin_family_options), 0, 0, 0, NULL, NULL                                                                \
    }

/* Creates a family with this process as its only member. The caller owns *out and closes it with kin_family_close.
 * options NULL: all defaults. The call copies the options. Takes about 0.3 ms. A process that is killed meanwhile
 * leaves at most names that kin_cleanup removes.
 * Errors: KIN_E_ARGUMENT (out null, options->size unknown, a limit out of range, reserve too small for max_members and
 * max_threads, group or owner set), KIN_E_NO_MEMORY, KIN_E_LIMIT (8 families in this process, or no free descriptors),
 * KIN_E_PERMISSION (the system lets this user create no shared memory), KIN_E_OS. */
KIN_API kin_status kin_family_create(kin_family **out, const kin_family_options *options);

/* The default family of this process. Creates it if there is none. *out is borrowed: it is closed at exit, so the
 * caller need not close it. Errors: those of kin_family_create. */
KIN_API kin_status kin_family_default(kin_family **out);

/* Sets the options that this process's default family will be created with. NULL: all defaults again. The call copies
 * them, and the last call counts. Call it before the default family is first used, that is, before anything is created
 * or allocated with NULL for its family. An exec discards the setting. A child that kin started has the family of its
 * parent. Errors: KIN_E_EXISTS (the default family exists already; nothing changes), KIN_E_ARGUMENT (as
 * kin_family_create). */
KIN_API kin_status kin_family_configure_default(const kin_family_options *options);

/* ---- families with a name ---- */

#define KIN_FAMILY_NAME_MAX 63u /* bytes: letters, digits, . _ - ; not beginning with a dot */

#define KIN_FAMILY_CREATE 1u
#define KIN_FAMILY_JOIN 2u
#define KIN_FAMILY_KEEP 4u
#define KIN_FAMILY_READ_ONLY 8u

/* Opens the family of that name. Any process of the same user (Windows: in the same session) may do so at any time.
 * The caller owns *out and closes it with kin_family_close. Flags:
 *   - KIN_FAMILY_CREATE alone: creates the family; fails if it exists.
 *   - KIN_FAMILY_JOIN alone: joins the family; fails if it does not exist.
 *   - Both or neither: joins the family, or creates it if it does not exist.
 *   - KIN_FAMILY_KEEP (POSIX): a family that this call creates outlives its last member.
 *   - KIN_FAMILY_READ_ONLY, alone or with KIN_FAMILY_JOIN: opens the family for reading; fails if it does not exist.
 * options apply to a family that this call creates; options->owner is for joining and reading.
 *
 * Lifetime: the family lives until its last member has left or died. With KIN_FAMILY_KEEP it lives until
 * kin_family_unlink, until the system stops, or until its files are removed by others (systemd's RemoveIPC removes them
 * at the user's last logout). Programs find the objects in the arena by their names (named.h, ref.h).
 * If this process is in the family already, *out is the pointer that it has; close it once for each open. A forked
 * child has its parent's families open, and a spawned child has the family of its arguments open: neither opens them
 * again. A process that is killed while it creates a family leaves no half-created family. If two processes create
 * the same family at the same time, one of them creates it and the other joins.
 *
 * Reading only (KIN_FAMILY_READ_ONLY): this process maps the family's memory without write access, and does not become
 * a member. The members neither see nor count it, it blocks nobody, and its death leaves nothing. A store into the
 * memory is SIGSEGV (Windows: an access violation). What works:
 *   - kin_name_get, kin_name_for_each, the functions of named.h for objects that exist, kin_ref_of, kin_ref_get;
 *   - dicts: get, get_string, get_i64, contains, size, for_each, generation;
 *   - lists: get, size, for_each, generation;
 *   - kin_counter_get; values and arrays without KIN_VALUE_LOCKED: get, data, count; plain memory;
 *   - kin_event_is_set, kin_sem_value, kin_barrier_inspect, kin_alloc_size, kin_alloc_total, kin_family_inspect (this
 *     process is not among the members).
 * All other functions that use the family's memory return KIN_E_READ_ONLY and change nothing: what creates, changes or
 * destroys, takes a lock or waits, also reading a locked value, snapshots, queues, pools, and the start of a child with
 * arguments in this family, except by a fork: the forked child reads only, too. If others change a dict or list all
 * the time, or a process is stopped or was killed in the middle of a change, a call that reads it may return KIN_E_BUSY
 * after some 20 ms. kin_dict_size may count one change too many or too few then. The family does not live longer
 * because a process reads it: after the last member has left, this process has the memory as it was then. A process has
 * a family as a member or for reading, not both: KIN_E_EXISTS, KIN_E_READ_ONLY.
 *
 * Other users: only its owner has access to a family, unless it is created with options->group. This is the name or
 * number of a group (Windows: name or SID), or "*" for everybody. A user in that group joins with KIN_FAMILY_JOIN and
 * options->owner, the name or number (SID) of the user who created the family. Each user has a separate set of names: a
 * family of the same name that another user created is not mistaken for it. A member can write to all of the arena, and
 * so can damage it for all members: give access only to users that you trust like yourself. If a member that another
 * user runs replaces its program (exec) without leaving the family, it counts as living until its process ends. If the
 * last member that leaves is not the owner's, the names stay until the owner creates or opens a family or calls
 * kin_cleanup; until then the family can be joined as it is. Windows: a family with a group belongs to all sessions.
 * Creating it needs the privilege to create global objects (SeCreateGlobalPrivilege), which services and elevated
 * programs have. Windows cannot pass handles and pipe endpoints from user to user (KIN_E_PERMISSION).
 *
 * POSIX: a user in the group can truncate the file of the family's memory, which kills every process that touches it
 * (SIGBUS). The memory of a family without a name cannot be truncated where the system has sealed memory (Linux).
 *
 * Errors: KIN_E_ARGUMENT (out null, a bad name, unknown flags, options->owner without KIN_FAMILY_JOIN alone or
 * KIN_FAMILY_READ_ONLY, KIN_FAMILY_READ_ONLY with KIN_FAMILY_CREATE or KIN_FAMILY_KEEP, or as kin_family_create),
 * KIN_E_NOT_FOUND (KIN_FAMILY_JOIN: no such family; or the system knows no such group or user), KIN_E_EXISTS
 * (KIN_FAMILY_CREATE: the family exists; KIN_FAMILY_READ_ONLY: this process is a member), KIN_E_READ_ONLY (this process
 * has it open for reading only), KIN_E_PERMISSION (the file of that name does not belong to the owner or to kin, or
 * this user has no access, or this user is not in the group; Windows: see above), KIN_E_BLOB_VERSION (another version
 * of kin created the family), KIN_E_DAMAGED (its memory is invalid), KIN_E_BUSY (other processes create and leave the
 * family again and again), KIN_E_LIMIT (8 families in this process, no free descriptors, or the family has
 * options.max_members members), KIN_E_UNSUPPORTED (KIN_FAMILY_KEEP on Windows), KIN_E_NO_MEMORY, KIN_E_OS. */
KIN_API kin_status kin_family_open(kin_family **out, const char *name, uint32_t flags,
                                   const kin_family_options *options);

/* Removes the name of a family of this user: no process can join by it any more, and KIN_FAMILY_KEEP ends. Its members
 * stay in the family. Errors: KIN_E_ARGUMENT (a bad name), KIN_E_NOT_FOUND, KIN_E_PERMISSION (as kin_family_open),
 * KIN_E_BUSY (other processes give and remove the name again and again), KIN_E_OS. */
KIN_API kin_status kin_family_unlink(const char *name);

/* Leaves the family. If this process opened the family several times, only the last close leaves it. Afterwards the
 * pointers into its arena are invalid in all threads of this process. The caller makes sure that meanwhile no thread
 * uses them, opens this family again, or ends. The other members go on. The last member that leaves removes the
 * family's names. NULL: does nothing. exit() closes open families, too. _exit does not: the other members then clean
 * up as after a death. */
KIN_API void kin_family_close(kin_family *family);

/* Finds the family in whose arena p lies. *out is borrowed. Errors: KIN_E_ARGUMENT (a null pointer), KIN_E_NOT_SHARED
 * (p lies in no family of this process). */
KIN_API kin_status kin_family_of(kin_family **out, const void *p);

typedef struct kin_family_info {
    size_t size;        /* of this struct, in bytes; its _INIT macro sets it */
    uint64_t reserve;   /* bytes of address space */
    uint64_t committed; /* bytes of memory taken from the system so far */
    uint32_t members;   /* processes now, this one included */
    uint32_t threads;   /* threads that hold a thread slot now */
    uint8_t id[16];     /* random; the same in all members */
    uint32_t unsure;    /* members of which it cannot be told whether they live; they count as living */
} kin_family_info;

#define KIN_FAMILY_INFO_INIT                                                                                           \
    {                                                                                                                  \
        sizeof(kin_family_info), 0, 0, 0, 0, {0}, 0                                                                    \
    }

/* Fills in *info. This process becomes a member if it is not one yet (after a fork) and has not opened the family for
 * reading only. Errors: KIN_E_ARGUMENT (info null,
 * or info->size unknown), KIN_E_LIMIT (the family has options.max_members members), and those of kin_family_default
 * when family is NULL. */
KIN_API kin_status kin_family_inspect(kin_family *family, kin_family_info *info);

/* Looks for dead members of the family and cleans up after each. No program has to call it: a thread that waits for a
 * dead member's lock does the same. Call it to have the cleaning up done at once. *reaped, if not null, receives the
 * number of dead members. Errors: KIN_E_LIMIT (no free thread slot, or too many members), and those of
 * kin_family_default when family is NULL. */
KIN_API kin_status kin_family_reap(kin_family *family, uint32_t *reaped);

/* Removes the names in the system (semaphores, files) of those families of this user that have no living member.
 * *swept, if not null, receives the number of such families. kin_family_create and kin_family_open do the same.
 * Windows: there are no such names; *swept is 0. Always returns KIN_OK. */
KIN_API kin_status kin_cleanup(uint32_t *swept);

KIN_END

#endif
