/* family.h: what a process knows of the families it is in: where the arena is mapped, which member it is, which thread
 * entry each of its threads holds.
 *
 * A seat is a thread's place in one family. It lies in memory that reads as zero in a forked child (os.h,
 * kin_os_private_alloc), so that a child never acts under its parent's identity, however it was forked: it finds no
 * seat, joins, and gets one of its own.
 */
#ifndef KIN_INTERNAL_FAMILY_H
#define KIN_INTERNAL_FAMILY_H

#include "family/arena.h"
#include "kin/family.h"

#define KIN__FAMILIES 8u
#define KIN__MEMBERS_MAX 4096u
#define KIN__THREADS_MAX 32768u

typedef struct kin__native { /* another thread's semaphore, opened once */
    _Atomic uint32_t guard;  /* pid of the process whose thread uses this entry, else 0; see park.c */
    uint64_t lease;
    kin_os_sem sem;
} kin__native;

#define KIN__HINTS 64u

typedef struct kin__hints { /* blocks of one size class that were free a moment ago; see heap.c */
    _Atomic uint32_t count;
    _Atomic uint32_t offsets[KIN__HINTS]; /* / 16 */
} kin__hints;

typedef struct kin__self { /* wiped by fork */
    _Atomic uint32_t joined;
    _Atomic uint32_t guard;  /* 1 while a thread joins */
    _Atomic uint32_t seated; /* a thread has taken an entry */
    uint32_t index;
    uint32_t pid;
    uint64_t state;                                  /* the member's state word while it lives */
    bool named;                                      /* the family's names existed when this process joined */
    _Atomic uint64_t reaping[KIN__MEMBERS_MAX / 64]; /* bit by index: a thread of this process reaps that member */
} kin__self;

extern kin__self kin__nobody; /* what a family shows before this process joins it; never written */

struct kin_family {
    _Atomic uint32_t stage; /* of this place in the process's table, see family.c */
    char *base;
    kin__arena *arena; /* == base */
    kin_os_id id;
    _Atomic uint64_t known; /* bytes that the system, not the arena's contents, says are usable */
    kin__layout layout;     /* a copy, checked: the arena's may be written over by a member gone mad */
    kin_os_handle shm;
    kin_os_pulse pulse;
    _Atomic uint32_t uses; /* how often it was opened */
    kin_os_handle holder;  /* of its name, or KIN_OS_NO_HANDLE */
    char name[KIN_FAMILY_NAME_MAX + 1];
    kin_os_access access; /* a copy, as layout is */
    kin__self *_Atomic self;
    kin__native *_Atomic natives; /* [max_threads], made when first needed */
    kin__hints *_Atomic hints;    /* [KIN__CLASSES], likewise */
};

typedef struct kin__seat {
    _Atomic uint64_t base; /* the arena's address; 0: empty. Set last, and to 0 also by another thread */
    uint64_t token;
    kin_family *family;
    kin__thread *thread;
    uint64_t watched;   /* whom this thread last asked about: a lock's owner, or the holders of lease.c, */
    int64_t watched_at; /* when it was found alive */
    kin_os_sem sem;
    bool has_sem;
} kin__seat;

/* ---- family.c ---- */

/* family, or the process's own for NULL (made if need be). Never gives NULL with KIN_OK. */
kin_status kin__family_resolve(kin_family **out, kin_family *family);
/* The family whose arena holds p, or NULL. */
kin_family *kin__family_at(const void *p);
kin_family *kin__family_by_id(const kin_os_id *id);
/* Number 0 to KIN__FAMILIES - 1 of this process's table, or NULL. */
kin_family *kin__family_number(uint32_t number);

/* What a child needs to join: two handles and three numbers. */
typedef struct kin__family_ticket {
    kin_os_id id;
    uint64_t reserve;
    kin_os_handle shm, pulse;    /* pulse may be KIN_OS_NO_HANDLE */
    bool stranger;               /* it does not become the own family */
    const kin_os_account *owner; /* what it must be; or NULL */
} kin__family_ticket;

/* The handles stay the family's. */
void kin__family_ticket_of(const kin_family *family, kin__family_ticket *out);
/* Maps and checks; this process joins at its first use. Takes the handles, also on failure. Becomes the own family if there is none. If this process is
 * in that family already, gives that. KIN_E_BLOB_VERSION: another layout; KIN_E_BLOB_CORRUPT: not an arena of that id. */
kin_status kin__family_adopt(kin_family **out, const kin__family_ticket *ticket);
void kin__named_after_fork(void);
bool kin__family_name_sound(const char *name);
/* What memory says of itself that might be an arena; kin__family_adopt checks the rest. KIN_E_DAMAGED, KIN_E_BLOB_VERSION. */
kin_status kin__family_header(kin_os_handle shm, kin_os_id *id, uint64_t *reserve);
/* kin_family_create, for one that is to get this name, and for that group; sweeps nothing. */
kin_status kin__family_create_named(kin_family **out, const char *name, const kin_os_access *access,
                                    const kin_family_options *options);

/* Asks the system whether [offset, offset + size) may be touched. */
bool kin__family_covers_now(kin_family *family, uint64_t offset, uint64_t size);
/* Leaves all families; for a process about to _exit. */
void kin__family_leave_all(void);

/* Whether [offset, offset + size) may be touched. */
static inline bool kin__family_covers(kin_family *family, uint64_t offset, uint64_t size)
{
    uint64_t known = atomic_load_explicit(&family->known, memory_order_relaxed);
    return (size <= known && offset <= known - size) || kin__family_covers_now(family, offset, size);
}

static inline uint64_t kin__offset(const kin_family *family, const void *p)
{
    return (uint64_t)((const char *)p - family->base);
}

static inline void *kin__pointer(const kin_family *family, uint64_t offset)
{
    return family->base + offset;
}

/* ---- member.c: seats, members, death ---- */

/* The calling thread's seat in the family, taken if need be. KIN_E_LIMIT: no entry is free. */
kin_status kin__seat_take(kin__seat **out, kin_family *family);
/* The same, from an object of type at p (not NULL): KIN_E_FAMILY, KIN_E_TYPE. */
kin_status kin__seat_find(kin__seat **out, const void *p, uint32_t type);

/* The calling thread's seat if it is the one used last and p is an object of that type there: no call, no branch missed. */
static inline kin__seat *kin__seat_fast(const void *p, uint32_t type)
{
    kin__seat *seat = (kin__seat *)kin_os_thread_get();
    uint64_t tag = atomic_load_explicit(&((kin__object *)(uintptr_t)p)->tag, memory_order_relaxed);
    if (seat &&
        atomic_load_explicit(&seat->base, memory_order_relaxed) == (uint64_t)(uintptr_t)p - (tag - KIN__TAG(type, 0))) {
        return seat;
    }
    return NULL;
}

static inline kin__thread *kin__thread_at(const kin_family *family, uint32_t index)
{
    return (kin__thread *)kin__pointer(family, family->layout.threads) + index;
}

static inline kin__member *kin__member_at(const kin_family *family, uint32_t index)
{
    return (kin__member *)kin__pointer(family, family->layout.members) + index;
}

/* Raises one of the arena's ends to cover index. */
static inline void kin__cover_index(_Atomic uint32_t *end, uint32_t index)
{
    uint32_t known = atomic_load(end);
    while (known <= index && !atomic_compare_exchange_weak(end, &known, index + 1)) {
    }
}

/* As far as a search of the table has to go; bounded by this process's own knowledge of its size. */
static inline uint32_t kin__member_end(const kin_family *family)
{
    uint32_t end = atomic_load(&family->arena->member_end);
    return end < family->layout.max_members ? end : family->layout.max_members;
}

static inline uint32_t kin__thread_end(const kin_family *family)
{
    uint32_t end = atomic_load(&family->arena->thread_end);
    return end < family->layout.max_threads ? end : family->layout.max_threads;
}

kin_status kin__member_join(kin_family *family);
void kin__member_leave(kin_family *family);
/* Before a sleep: this process still shows its sign of life. KIN_E_STALE: it was taken for dead and reaped. */
kin_status kin__member_check(kin_family *family);
/* Whether the thread that the token names still runs, as far as can be known; a dead process is noticed here. */
bool kin__token_alive(kin_family *family, uint64_t token);
/* The pid of the token's process, 0 if it is gone. */
uint32_t kin__token_pid(kin_family *family, uint64_t token);
/* A process as an owner, whichever of its threads acts: the calling one's token, for who has a seat. Never 0. */
uint64_t kin__member_token(const kin_family *family);
uint32_t kin__member_token_index(uint64_t token);
uint32_t kin__member_token_pid(uint64_t token);
/* The token of the member in that entry; false: there is none. */
bool kin__member_listed_at(const kin_family *family, uint32_t index, uint64_t *token);
/* Whether it is in the table of members; false: it has left, or was reaped, and will not be again. Asks no system. */
bool kin__member_token_listed(const kin_family *family, uint64_t token);
/* Whether it is, and its process lives. Does not ask the system about the calling process. */
bool kin__member_token_alive(kin_family *family, uint64_t token);
/* Reaps every dead member; returns how many. */
uint32_t kin__reap_all(kin_family *family);
/* For who found no free entry: reaps. Whether to look again; tries: how often it has. */
bool kin__make_room(kin_family *family, int tries);
/* Reaps the members that had this pid and are dead. */
void kin__reap_pid(kin_family *family, uint32_t pid);
uint32_t kin__member_count(kin_family *family);
uint32_t kin__thread_count(kin_family *family);
/* Forgets every thread's seat in a family that this process leaves. */
void kin__seats_forget(kin_family *family);
/* The hook for an ending thread: gives back its seats. */
void kin__seats_leave_thread(void *value);
/* Gives back the calling thread's seats: it may still take new ones. */
void kin__seats_leave(void);
/* In a forked child: no thread but the calling one is there, and that has no seat yet. */
void kin__seats_after_fork(void);

/* ---- hooks ---- */
kin_status kin__hooks(void);

#endif
