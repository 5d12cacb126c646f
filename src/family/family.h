/* family.h: this process's record of each family that it has mapped: the arena's address, how much of the arena may be
 * touched, which member this process is.
 */
#ifndef KIN_INTERNAL_FAMILY_H
#define KIN_INTERNAL_FAMILY_H

#include "base/last_error.h"
#include "family/arena.h"
#include "kin/family.h"

#define KIN__FAMILIES 8u

typedef struct kin__native { /* another thread's semaphore, opened once */
    _Atomic uint64_t word;   /* see park/post.c */
    uint64_t lease;          /* whose semaphore is open; 0: none */
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
    _Atomic bool named;                              /* the family's names existed when this process joined */
    _Atomic uint64_t reaping[KIN__MEMBERS_MAX / 64]; /* bit by index: a thread of this process reaps that member */
} kin__self;

extern kin__self kin__nobody; /* what a family shows before this process joins it; never written */
struct kin_family {
    _Atomic uint32_t stage; /* of this place in the process's table, see family.c */
    char *base;
    kin__arena *arena; /* == base */
    kin_os_id id;
    _Atomic uint64_t known; /* bytes that the system, not the arena's contents, says are usable */
    kin__layout layout;     /* a checked copy: a faulty member may overwrite the arena's */
    uint64_t key;           /* likewise: the heap's */
    kin_os_handle shm;
    kin_os_pulse pulse;
    _Atomic uint32_t uses; /* how often it was opened */
    kin_os_handle holder;  /* of its name, or KIN_OS_NO_HANDLE */
    char name[KIN_FAMILY_NAME_MAX + 1];
    kin_os_access access;     /* a copy, as layout is */
    struct kin__seat *reader; /* NULL, or this process has opened the family for reading only, see reader.c */
    kin__self *_Atomic self;
    kin__native *_Atomic natives; /* [max_threads], made when first needed */
    kin__hints hints[KIN__CLASSES];
};

/* ---- the table of families ---- */

/* The family whose arena holds p, or NULL. */
kin_family *kin__family_at(const void *p);
#define kin__in_no_family() kin__refuse(KIN_E_NOT_SHARED, "the address lies in no family of this process")
#define kin__family_full()                                                                                             \
    kin__refuse(KIN_E_NO_MEMORY, "the family's memory is used up: raise options.reserve when it is created")
kin_family *kin__family_by_id(const kin_os_id *id);
/* Number 0 to KIN__FAMILIES - 1 of this process's table, or NULL. */
kin_family *kin__family_number(uint32_t number);

/* A place in the table. No thread finds it before kin__family_publish. KIN_E_LIMIT: the table is full. */
kin_status kin__family_allocate(kin_family **out, const kin_os_id *id, uint64_t reserve);
/* Maps the memory that family->shm stands for; for reading only if the family is. */
kin_status kin__family_map(kin_family *family);
void kin__family_publish(kin_family *family);
/* Unmaps it, closes its handles and frees its place. */
void kin__family_discard(kin_family *family);

/* The default family: the one that NULL stands for. NULL: there is none yet. */
kin_family *kin__family_default(void);
/* Makes it the default if there is none. */
void kin__family_offer_default(kin_family *family);
/* Makes it the default, whatever that was. */
void kin__family_set_default(kin_family *family);
/* It is the default no longer, if it was. */
void kin__family_drop_default(kin_family *family);

/* ---- for reading only: protocol in reader.c ---- */

#define kin__read_only()                                                                                               \
    kin__refuse(KIN_E_READ_ONLY, "this process has opened the family for reading only (KIN_FAMILY_READ_ONLY): it "     \
                                 "changes nothing there, takes no lock and does not wait")
/* What a call needs that stores something in the arena without a seat. */
static inline kin_status kin__may_change(const kin_family *family)
{
    return family->reader ? kin__read_only() : KIN_OK;
}

/* ---- addresses ---- */

/* Asks the system whether [offset, offset + size) may be touched. */
bool kin__family_covers_now(kin_family *family, uint64_t offset, uint64_t size);

/* Whether this process already knows that it may be touched. Makes no system call. Correct for data that was published
 * before kin__family_end was called. For loops over data that other processes wrote. */
static inline bool kin__family_covers_known(const kin_family *family, uint64_t offset, uint64_t size)
{
    uint64_t known = atomic_load_explicit(&family->known, memory_order_relaxed);
    return offset >= family->layout.heap_start && size <= known && offset <= known - size;
}

/* Whether [offset, offset + size) may be touched. */
static inline bool kin__family_covers(kin_family *family, uint64_t offset, uint64_t size)
{
    return kin__family_covers_known(family, offset, size) || kin__family_covers_now(family, offset, size);
}

/* The end of the part that may be touched now: asks the system. */
uint64_t kin__family_end(kin_family *family);
/* How many bytes of memory the family has of the system's. */
uint64_t kin__family_committed(const kin_family *family);

static inline uint64_t kin__offset(const kin_family *family, const void *p)
{
    return (uint64_t)((const char *)p - family->base);
}

/* Whether it may be the name of a family. */
bool kin__family_name_sound(const char *name);

#endif
