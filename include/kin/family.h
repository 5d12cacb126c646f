/* family.h: the processes that share memory, and how one becomes a member.
 *
 * A family is an arena of shared memory and the processes that map it: a root and everything that it forks or spawns.
 * Nobody has to create one: wherever a kin_family pointer is asked for, NULL means this process's own family, which
 * is made at first use; in a child started by kin it is the family of its parent's arguments. A process may belong to
 * several (8 at most).
 *
 * Pointers into the arena (what kin_alloc and the create functions give) are plain pointers, valid in this process and,
 * because fork copies the mapping, in forked children. A spawned child maps the arena elsewhere: hand it a kin_ref
 * (ref.h) or a named argument (process.h).
 *
 * Death: a member that is killed is noticed by whichever member next has to do with something it held; what it left
 * behind is cleaned up then. Names that a family killed as a whole leaves in the system go when the next process of the
 * same user makes a family, or calls kin_cleanup.
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
    /* Address space in bytes, the most the arena can ever hold; memory is taken as it is used. At most 64 GiB; default:
     * as much as the system has memory (Windows: at most 4 GiB), if there is so much address space, else 256 MiB. */
    uint64_t reserve;
    uint32_t max_members; /* processes at one time; default 512, at most 4096 */
    uint32_t max_threads; /* threads, of all members, at one time; default 1024, at most 32768 */
    const char *group;    /* kin_family_open only, see there; NULL: no other user has access */
    const char *owner;    /* likewise; NULL: this user */
} kin_family_options;

#define KIN_FAMILY_OPTIONS_INIT                                                                                        \
    {                                                                                                                  \
        sizeof(kin_family_options), 0, 0, 0, NULL, NULL                                                                \
    }

/* Makes a family with this process as its only member. *out is the caller's; close it with kin_family_close.
 * options NULL: all defaults; the call copies it. About 0.3 ms; memory is taken only as it is used.
 * Errors: KIN_E_ARGUMENT (out null, options->size unknown, a limit out of range, a group or an owner), KIN_E_NO_MEMORY,
 * KIN_E_LIMIT (8 families in this process), KIN_E_OS. */
KIN_API kin_status kin_family_create(kin_family **out, const kin_family_options *options);

/* This process's own family, made now if there is none. Nobody has to close it: that happens at exit.
 * Errors: as kin_family_create. */
KIN_API kin_status kin_family_default(kin_family **out);

/* What this process's own family is to be made with; NULL: all defaults again. The call copies it. Before the family
 * is first used, that is before anything is made or allocated with NULL for its family. For any thread; the last call
 * counts. It is lost with an exec, and a child started by kin has its parent's family. Errors: KIN_E_EXISTS (there is
 * an own family already: nothing changes), KIN_E_ARGUMENT (as kin_family_create). */
KIN_API kin_status kin_family_configure_default(const kin_family_options *options);

/* ---- families with a name ---- */

#define KIN_FAMILY_NAME_MAX 63u /* bytes: letters, digits, . _ - ; not beginning with a dot */

#define KIN_FAMILY_CREATE 1u
#define KIN_FAMILY_JOIN 2u
#define KIN_FAMILY_KEEP 4u

/* Joins the family of that name, which any processes of the same user (Windows: of the same session, too) may do at
 * any time, or makes it; the one way only with KIN_FAMILY_CREATE or KIN_FAMILY_JOIN alone, either with both or
 * neither. options are for one that is made. It lives until its last member has left or died; with KIN_FAMILY_KEEP
 * (POSIX) until kin_family_unlink, or the system's end (or somebody removes its files, as systemd's RemoveIPC does at
 * a user's last logout). The arena may be found by names (ref.h). If this process is in it already, *out is what it
 * has; each opening is to be closed. In a child the family is there as its parent's; it need not be opened again. A
 * creator that is killed half-way leaves nothing; of two creators one makes it and the other joins.
 *
 * Other users: nobody but its owner has access to a family, unless it is made with options->group: a group's name or
 * number (Windows: name or SID), or "*" for everybody. A user in that group joins with KIN_FAMILY_JOIN and
 * options->owner, the name or number (SID) of the user who made it: names are each user's own, so a name that
 * somebody else has taken is not mistaken for it. Who may join may write to all of the arena, and so ruin it for all:
 * let in only whom you trust like yourself. A member that another user runs and that has replaced its program (exec)
 * without leaving counts as living until it ends. If the last to leave is not the owner, the names stay until the
 * owner makes or opens a family or calls kin_cleanup; until then it can be joined as it is. Windows: such a family is
 * of all sessions; to make one takes the right to create global objects (SeCreateGlobalPrivilege), which services and
 * elevated programs have. Handles and pipe ends cannot be passed from user to user there (KIN_E_PERMISSION).
 *
 * A group is trusted: POSIX: its members can cut the file of the family's memory short, which kills all who touch it
 * (SIGBUS). A family without a name cannot be cut short where the system has sealed memory (Linux). Errors:
 * KIN_E_ARGUMENT, KIN_E_NOT_FOUND (KIN_FAMILY_JOIN: none; no such group or user), KIN_E_EXISTS (KIN_FAMILY_CREATE:
 * there is one), KIN_E_PERMISSION (what has that name is not the owner's, or not kin's, or lets this user not in; the
 * group is none of this user's; Windows: see above), KIN_E_BLOB_VERSION (made by another version of kin),
 * KIN_E_DAMAGED, KIN_E_BUSY (others make and leave it all the time), KIN_E_UNSUPPORTED (KIN_FAMILY_KEEP on Windows),
 * those of kin_family_create. */
KIN_API kin_status kin_family_open(kin_family **out, const char *name, uint32_t flags,
                                   const kin_family_options *options);

/* Takes the name from it: nobody joins by it any more, and it is not kept; who is in it stays. Errors: KIN_E_ARGUMENT,
 * KIN_E_NOT_FOUND, KIN_E_PERMISSION (as kin_family_open), KIN_E_BUSY (others give and take it all the time), KIN_E_OS.
 */
KIN_API kin_status kin_family_unlink(const char *name);

/* Leaves the family: this process's pointers into its arena are invalid afterwards, in all its threads; the caller
 * sees to it that none uses them, opens this family again, or ends, meanwhile. Other members go on. The last one to
 * leave removes the family's names. NULL: nothing. Open families are closed by exit() too, but not by _exit: that
 * counts as a death, which others clean up after. */
KIN_API void kin_family_close(kin_family *family);

/* The family in whose arena p lies. Errors: KIN_E_ARGUMENT (null), KIN_E_NOT_SHARED (in no family of this process). */
KIN_API kin_status kin_family_of(kin_family **out, const void *p);

typedef struct kin_family_info {
    size_t size;        /* of this struct, in bytes; its _INIT macro sets it */
    uint64_t reserve;   /* bytes of address space */
    uint64_t committed; /* bytes of memory taken from the system so far */
    uint32_t members;   /* processes now, this one included */
    uint32_t threads;   /* threads that hold an entry now */
    uint8_t id[16];     /* random; the same for all members */
    uint32_t unsure;    /* of the members: those of which nobody can tell whether they live; they count as living */
} kin_family_info;

#define KIN_FAMILY_INFO_INIT                                                                                           \
    {                                                                                                                  \
        sizeof(kin_family_info), 0, 0, 0, 0, {0}, 0                                                                    \
    }

/* Errors: KIN_E_ARGUMENT (info null, or info->size unknown). */
KIN_API kin_status kin_family_inspect(kin_family *family, kin_family_info *info);

/* Looks for dead members of the family and cleans up after each. No program needs to call it, since a thread that waits
 * for a dead member's lock does so; it is for programs that want it done at once. *reaped, if not null: how many there
 * were. Errors: KIN_E_ARGUMENT, and those of kin_family_default when family is NULL. */
KIN_API kin_status kin_family_reap(kin_family *family, uint32_t *reaped);

/* Removes the names in the system (semaphores, files) of this user's families of which no member lives any more.
 * *swept, if not null: how many families. Done by kin_family_create, too. Windows: there are no names, 0. */
KIN_API kin_status kin_cleanup(uint32_t *swept);

KIN_END

#endif
