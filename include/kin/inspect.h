/* inspect.h: look at the families of this user: their members, which process holds which object, which thread waits for
 * which object. `kin ps` shows the same.
 *
 *     kin_family_list(show, NULL, NULL);
 *
 *     static void show(kin_family *family, void *context)
 *     {
 *         kin_inspector inspector = {.size = sizeof inspector, .member = print_member, .object = print_object};
 *         kin_family_inspect_all(family, &inspector);
 *     }
 *
 * Inspecting changes nothing in the family, does not make this process a member, and takes no lock. Each item that it
 * reports was true at some moment during the call; the items are not all of the same moment.
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
    uint32_t threads; /* threads that have used the family and hold a thread slot */
    int alive;        /* 0: it has died, and no process has cleaned up after it yet (kin_family_reap) */
    int unsure;       /* 1: it cannot be told whether it lives; it counts as living, and keeps what it holds */
} kin_member_info;

typedef struct kin_object_info { /* an object that has a name, is held, or has waiters */
    kin_type type;
    uint64_t offset;  /* bytes from the start of the family's memory: identifies the object */
    const char *name; /* NULL: none; valid during the callback */
    uint32_t holder;  /* pid of its first holder (lock, readers-writer lock, leased semaphore); 0: none */
    uint32_t holders; /* number of threads that hold it; of a leased semaphore: number of permits that are held */
    int holder_alive; /* 1: the first holder lives */
    int64_t held;     /* lock with waiters: nanoseconds since a waiter first saw it with this owner; others: -1 */
    /* Semaphore: free permits; event: 1 if set; queue: messages; dict, list: entries; counter: its value; others: 0. */
    int64_t value;
    uint32_t sleepers; /* number of threads that wait for it */
} kin_object_info;

typedef struct kin_waiter_info { /* a thread that waits */
    uint32_t pid;
    uint32_t thread; /* index of its thread slot in the family */
    kin_type type;   /* of the object that it waits for; 0: it waits for several, or no object is there any more */
    uint64_t offset; /* of that object */
    int deadlocked;  /* 1: it is in a cycle of threads that wait for each other's locks */
} kin_waiter_info;

/* The callbacks run in the calling thread. Each may be NULL. info is valid during the callback. */
typedef struct kin_inspector {
    size_t size; /* of this struct, in bytes; its _INIT macro sets it */
    void (*family)(const kin_family_view *info, void *context);
    void (*member)(const kin_member_info *info, void *context);
    void (*object)(const kin_object_info *info, void *context);
    void (*sleeper)(const kin_waiter_info *info, void *context);
    void *context; /* passed to each callback */
} kin_inspector;

#define KIN_INSPECTOR_INIT                                                                                             \
    {                                                                                                                  \
        sizeof(kin_inspector), NULL, NULL, NULL, NULL, NULL                                                            \
    }

/* Calls inspector's callbacks: for the family, then for each member, each object and each waiting thread. family NULL:
 * the default family. If a member has overwritten the family's memory, what still makes sense is reported; nothing
 * crashes. Takes time in proportion to the memory that the family uses. Errors: KIN_E_ARGUMENT (inspector null, or its
 * size unknown), KIN_E_NO_MEMORY, and those of kin_family_default when family is NULL. */
KIN_API kin_status kin_family_inspect_all(kin_family *family, const kin_inspector *inspector);

/* Calls visit, in the calling thread, for each family of this user that a process is in, including the families of
 * other programs. family is valid during that call only, unless this process is in the family anyway. visit may inspect
 * it, and may call kin_family_reap for it, which makes this process a member until visit returns. *count, if not null,
 * receives the number of visited families. Families beyond 64 are not visited; on Windows neither are families that
 * are created while 256 others are listed. Only one thread at a time may call this. Errors: KIN_E_ARGUMENT (visit
 * null). */
KIN_API kin_status kin_family_list(void (*visit)(kin_family *family, void *context), void *context, uint32_t *count);

KIN_END

#endif
