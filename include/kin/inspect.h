/* inspect.h: what goes on in the families of this user: who is in them, who holds what, who waits for what.
 *
 *     kin_family_list(show, NULL, NULL);
 *
 *     static void show(kin_family *family, void *context)
 *     {
 *         kin_inspector sight = {.size = sizeof sight, .member = print_member, .object = print_object};
 *         kin_family_inspect_all(family, &sight);
 *     }
 *
 * Looking changes nothing, and makes nobody a member. It takes no lock: what it tells was so at some moment during
 * the call, each thing by itself. What `kin ps` shows.
 */
#ifndef KIN_INSPECT_H
#define KIN_INSPECT_H

#include "family.h"
#include "ref.h"

KIN_BEGIN

typedef struct kin_family_view {
    uint8_t id[16];
    uint64_t reserve, committed;        /* bytes */
    char name[KIN_FAMILY_NAME_MAX + 1]; /* "" if it has none */
} kin_family_view;

typedef struct kin_member_info {
    uint32_t pid;
    uint32_t threads; /* that have used the family */
    int alive;        /* 0: it has died, and nobody has cleaned up after it yet (kin_family_reap) */
    int unsure;       /* 1: nobody can tell whether it lives; it counts as living, and keeps what it holds */
} kin_member_info;

typedef struct kin_object_info { /* one that has a name, is held, or is waited for */
    kin_type type;
    uint64_t offset;  /* in the family's memory: tells it from others */
    const char *name; /* NULL: it has none; valid during the call */
    uint32_t holder;  /* pid of the first that holds it (lock, readers-writer lock, leased semaphore); 0: nobody */
    uint32_t holders; /* how many threads, or with a semaphore permits, there are of that kind */
    int holder_alive; /* of the first */
    int64_t held; /* lock: nanoseconds since when it was first seen with this owner, while others wait; -1: not known */
    /* Semaphore: permits free; event: 1 if set; queue: messages; dict, list: entries; counter: its value; others: 0. */
    int64_t value;
    uint32_t sleepers; /* threads that wait for it */
} kin_object_info;

typedef struct kin_waiter_info { /* a thread that waits */
    uint32_t pid;
    uint32_t thread; /* its number in the family */
    kin_type type;   /* of what it waits for; 0: for several things, or what lies there is no object any more */
    uint64_t offset; /* of that */
    int deadlocked;  /* 1: in a cycle of threads that wait for each other's locks */
} kin_waiter_info;

typedef struct kin_inspector {
    size_t size;                                              /* of this struct, in bytes; its _INIT macro sets it */
    void (*family)(const kin_family_view *it, void *context); /* these may be NULL */
    void (*member)(const kin_member_info *it, void *context);
    void (*object)(const kin_object_info *it, void *context);
    void (*sleeper)(const kin_waiter_info *it, void *context);
    void *context;
} kin_inspector;

#define KIN_INSPECTOR_INIT                                                                                             \
    {                                                                                                                  \
        sizeof(kin_inspector), NULL, NULL, NULL, NULL, NULL                                                            \
    }

/* Calls back for what there is: the family, members, then objects, then sleepers. family NULL: this process's own.
 * A family whose memory a member wrote over is shown as far as it makes sense; nothing crashes.
 * Errors: KIN_E_ARGUMENT, KIN_E_NO_MEMORY. */
KIN_API kin_status kin_family_inspect_all(kin_family *family, const kin_inspector *sight);

/* Visits each family of this user that some process is in, also those of other programs; family is valid during the
 * visit only, unless this process is in it anyway. The visitor may look, and may kin_family_reap it (which makes this
 * process a member until the visit ends). *count (may be NULL): how many there were. Families beyond 64, and on
 * Windows those made while 256 others were listed, are not visited. Not by several threads at once. Errors:
 * KIN_E_ARGUMENT (visit null). */
KIN_API kin_status kin_family_list(void (*visit)(kin_family *family, void *context), void *context, uint32_t *count);

KIN_END

#endif
