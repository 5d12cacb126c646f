/* arena.h: the layout of a family's shared memory. Fixed widths, no pointers: members map it at different addresses.
 *
 *     header | members | threads | buckets | names | sheets | rows of spans | heap ...
 *
 * Everything is addressed by its offset in bytes from the arena's start. Offset 0 is the header, so 0 names nothing.
 */
#ifndef KIN_ARENA_H
#define KIN_ARENA_H

#include <stdatomic.h>
#include <stdint.h>

#include "kin/family.h"
#include "kin/ref.h"
#include "os.h"

#define KIN__MAGIC UINT64_C(0x616e6572614e494b) /* "KINarena" */
#define KIN__LAYOUT (4u | KIN_OS_ARENA << 16)

#define KIN__BUCKETS 64u
#define KIN__SPAN_SIZE 65536u
#define KIN__CLASSES 26u
#define KIN__RESERVE_MAX (UINT64_C(64) << 30) /* what the block words' offsets reach */
#define KIN__ROW_SPANS 64u                    /* spans that one row of the table describes */
#define KIN__SHEET_ROWS 64u                   /* rows of one sheet */
#define KIN__SHEET_SPANS (KIN__ROW_SPANS * KIN__SHEET_ROWS)
#define KIN__SHEETS_MAX 256u /* so many describe 64 GiB */

/* ---- tokens of owners and allocators ----
 *
 * A token names one thread of one member as long as the thread holds its thread entry: generation (40 bits) | entry
 * index (16) | 8 bits free for flags. Entry generations only grow, so a token is never used again. 0 names no thread.
 */
#define KIN__TOKEN_FLAGS UINT64_C(0xff)

static inline uint64_t kin__token(uint64_t generation, uint32_t index)
{
    return generation << 24 | (uint64_t)index << 8;
}

static inline uint32_t kin__token_index(uint64_t token)
{
    return (uint32_t)(token >> 8) & 0xffff;
}

static inline uint64_t kin__token_generation(uint64_t token)
{
    return token >> 24;
}

/* ---- the beginning of every object ----
 *
 * tag is type << 56 | own offset. A pointer to the object minus its offset is the arena's base. So a function that gets
 * only the object finds its family, and one comparison checks base and type together.
 */
typedef struct kin__object {
    _Atomic uint64_t tag;
    _Atomic uint32_t generation; /* never the same twice in an arena (2^32 objects): tells a ref from its successor */
    _Atomic uint32_t detail;     /* the object's own use: flags, maximum, element */
} kin__object;

#define KIN__TAG(type, offset) ((uint64_t)(type) << 56 | (offset))
#define KIN__TAG_OFFSET(tag) ((tag)&UINT64_C(0x00ffffffffffffff))
#define KIN__TAG_TYPE(tag) ((uint32_t)((tag) >> 56))

typedef struct kin__lock { /* kin_lock's inside; protocol in park/owner_lock.c */
    kin__object object;
    _Atomic uint64_t word;
    _Atomic uint32_t depth; /* of recursion beyond the first; only the owner touches it */
    _Atomic uint32_t since; /* milliseconds: while it is CONTENDED, when a waiter first saw this owner; for inspect.c */
} kin__lock;

typedef struct kin__sem { /* kin_sem's inside; protocol in sem.c */
    kin__object object;
    _Atomic uint64_t word;
    _Atomic uint32_t spin; /* what spinning has been worth here, see park.h */
    _Atomic uint32_t spare;
} kin__sem;

typedef struct kin__lease { /* what kin_sem_create_leased makes; protocol in lease.c */
    kin__sem sem; /* detail: KIN__LEASED | number of permits; word: epoch and a flag; spare: where to look first */
    kin__lock lock;
    _Atomic uint64_t holders[]; /* one for each permit: member token (family.h), or 0 */
} kin__lease;

#define KIN__LEASED (UINT32_C(1) << 31) /* no maximum has this bit */

typedef struct kin__event { /* kin_event's inside; protocol in event.c */
    kin__object object;
    _Atomic uint64_t word;
    _Atomic uint32_t spin;
    _Atomic uint32_t spare;
} kin__event;

typedef struct kin__cond { /* kin_cond's inside; protocol in cond.c */
    kin__object object;
    _Atomic uint64_t word; /* its address is what is waited on; it stays 0 */
    _Atomic uint32_t spin;
    _Atomic uint32_t spare;
} kin__cond;

typedef struct kin__barrier { /* kin_barrier's inside; protocol in barrier.c */
    kin__object object;
    _Atomic uint64_t word;
    _Atomic uint64_t runner; /* token of the last that came, while it is in its action */
} kin__barrier;

#define KIN__READERS 64u

/* The flags of its word, beside the writer's token. */
#define KIN__RW_WRITERS UINT64_C(1)
#define KIN__RW_INCONSISTENT UINT64_C(2)
#define KIN__RW_POISONED UINT64_C(4)
#define KIN__RW_READERS UINT64_C(8)
#define KIN__RW_DRAINING UINT64_C(16)
#define KIN__RW_PHASE UINT64_C(32)
#define KIN__RW_CROWDED UINT64_C(64)

typedef struct kin__rwlock { /* kin_rwlock's inside; protocol in rwlock.c */
    kin__object object;
    _Atomic uint64_t word;        /* the writer and flags; its address is what writers sleep on */
    _Atomic uint64_t turn, drain; /* only their addresses are used: waiting readers, a writer that waits for them */
    uint64_t fill[5];             /* the word on no cache line with a slot, wherever in a line the object begins */
    _Atomic uint64_t slots[KIN__READERS]; /* readers' tokens */
} kin__rwlock;

/* ---- queues: protocols in queue/ring.c, transfer.c and waiting.c ---- */

#define KIN__UNIT 16u /* what a ring's positions and lengths count in */

typedef struct kin__record { /* a message begins with it */
    _Atomic uint64_t owner;  /* token | state, see ring.c */
    _Atomic uint32_t length; /* of the message, in bytes */
    _Atomic uint32_t units;  /* of the whole record */
} kin__record;

/* The fields that producers write, the fields that consumers write, and the fields that are rarely written are on
 * separate cache lines. The mark that the other side reads is in the same line as the lock. With a line of its own
 * everything was slower by a third. */
typedef struct kin__queue_ends {
    kin__lock put_lock;
    _Atomic uint64_t tail; /* marks: see ring.c */
    _Atomic uint64_t head_seen;
    _Atomic uint64_t putting; /* the tail that its holder is about to publish */
    _Atomic uint32_t write_spin,
        write_pause; /* what spinning, and pausing after it, have been worth; see queue/waiting.c */
    _Atomic uint32_t put_barged, put_limit; /* messages that overtook the waiters, see queue/waiting.c */
    _Atomic uint32_t filled;                /* units of the ring that have memory, from its start on */
    uint32_t spare;
    _Atomic uint64_t large;      /* the block of a large message that is being put, see queue/large.c */
    _Atomic uint64_t large_gone; /* a block that is to be freed, see there */
    uint64_t fill_put[4];

    kin__lock get_lock;
    _Atomic uint64_t next, head;
    _Atomic uint64_t tail_seen;
    _Atomic uint64_t getting; /* what its holder has got, see kin__ring_mend_get; afterwards KIN__NO_MARK */
    _Atomic uint32_t read_spin, read_pause;
    _Atomic uint32_t get_barged, get_limit;
    uint64_t fill_get[6];

    _Atomic uint64_t readable, writable; /* what is slept on: flags, see queue/waiting.c */
    _Atomic uint64_t read_wakes, write_wakes;
    _Atomic uint64_t read_late, write_late; /* tickets */
    _Atomic uint64_t finished;              /* slept on by those who join, see queue/joinable.c */
    _Atomic uint64_t lost_puts, lost_gets;
    uint64_t fill_wait[7];
} kin__queue_ends;

_Static_assert(sizeof(kin__queue_ends) == 384, "two cache lines each");

typedef struct kin__queue { /* kin_queue's inside; the ends follow at the next 128 bytes, then the ring */
    kin__object object;
    uint32_t units; /* of the ring */
    uint32_t most;  /* messages, 0: as many as the ring holds */
    uint64_t table; /* of what members have in hand, from the queue's start; 0: the queue is not joinable */
    uint64_t spare[2];
} kin__queue;

typedef struct kin__in_hand { /* of a joinable queue, one for each member; protocol in queue/joinable.c */
    _Atomic uint64_t who;     /* the member's token */
    _Atomic uint64_t count;
} kin__in_hand;

#define KIN__MEMBERS_MAX 4096u
#define KIN__THREADS_MAX 32768u
#define KIN__RESERVE_MAX (UINT64_C(64) << 30)

/* ---- members: protocol in member.c ---- */

/* state: generation (24 bits) | pid, or the reaper's pid while the entry is being reaped (32) | phase (8). While it is
 * JOINING or CLAIMED, the other words about the process are still being written. */
typedef enum kin__phase {
    KIN__FREE = 0,
    KIN__JOINING = 1,
    KIN__LIVE = 2,
    KIN__CLAIMED = 3, /* by its reaper */
    KIN__REAPING = 4
} kin__phase;

typedef struct kin__member {
    _Atomic uint64_t state;
    _Atomic uint64_t start, user, where; /* of kin_os_process_id */
    uint64_t spare[4];
} kin__member;

_Static_assert(KIN__MEMBERS_MAX <= KIN_OS_PULSE_MAX, "each member has a sign of life");

/* ---- threads, each with its wait slot: protocols in member.c and park.c ---- */

#define KIN__READING 2u

/* lease: generation (40 bits) | member index (16) | phase (8: KIN__FREE or KIN__LIVE) */
typedef struct kin__thread {
    _Atomic uint64_t lease;
    _Atomic uint64_t taking;  /* offset of the heap block whose tag may be TAKEN by this thread, else 0 */
    _Atomic uint64_t state;   /* wait slot: sequence (62 bits) | phase (2), see park.c */
    _Atomic uint64_t address; /* offset of the word waited on */
    _Atomic uint64_t ticket;  /* order of arrival */
    _Atomic uint32_t want;    /* units it waits for */
    _Atomic uint32_t bell;    /* the number of a bell that wakers ring, too; 0: none; see park.h */
    kin_os_sem_place place;   /* the native semaphore it sleeps on */
    _Atomic uint32_t older;   /* sleepers on that word with earlier tickets, when it last looked; see park/slices.c */
    uint32_t spare;
    _Atomic uint64_t owes; /* offset of a word of which it has a wake-up that it has not used yet, else 0; see park.c */
    _Atomic uint64_t
        reading[KIN__READING]; /* readers-writer locks that it reads beyond their slots, see sync/rwlock.c */
} kin__thread;

_Static_assert(sizeof(kin__thread) == 128, "two cache lines");

/* ---- containers: protocol in container/container.c ---- */

typedef enum kin__doubt { /* a block that may, or may not, be part of the container */
                          KIN__ENTRY_MADE,
                          KIN__TABLE_MADE,
                          KIN__TABLE_MADE_TOO,
                          KIN__ENTRY_GONE,
                          KIN__TABLE_GONE,
                          KIN__TABLE_GONE_TOO,
                          KIN__DOUBTS
} kin__doubt;

typedef struct kin__container { /* kin_dict's and kin_list's inside; the family's names are one, too */
    kin__object object;
    uint64_t seed[2];      /* dict: of its hash */
    _Atomic uint64_t root; /* the table's block word; 0: empty */
    uint64_t fill[8];      /* so that what writers write is on another cache line than what readers read */
    kin__lock lock;
    _Atomic uint64_t doubts[KIN__DOUBTS];
    _Atomic uint64_t dropped;    /* a table that is to be freed with all its entries */
    _Atomic uint64_t changing;   /* dict: the block that the last change of an entry was in */
    _Atomic uint64_t count;      /* dict: of entries; exact for the lock's holder */
    _Atomic uint64_t generation; /* how often it was changed; slept on, see container/changes.c */
    _Atomic uint64_t watched;    /* whether threads sleep on generation, see there */
} kin__container;

/* ---- heap: protocols in heap.c and spans.c ---- */

typedef struct kin__row {                 /* of the table of spans */
    _Atomic uint64_t spans[64];           /* span words, see spans.h */
    _Atomic uint64_t groups[64];          /* by span, a bit for each KiB of it: a free block may begin there */
    _Atomic uint64_t marks[KIN__CLASSES]; /* a bit for each span: it may have a free block of that class */
    _Atomic uint64_t runs;                /* how its unused spans lie, see spans.c */
    uint64_t fill[5];
} kin__row;

typedef struct kin__sheet {
    _Atomic uint64_t marks[KIN__CLASSES]; /* a bit for each row: it may have a mark of that class */
    uint64_t fill[6];
} kin__sheet;

_Static_assert(sizeof(kin__row) == 1280 && sizeof(kin__sheet) % 128 == 0, "whole cache lines");

/* How the unused spans among some lie: how many at the beginning, the most in a row, how many at the end. */
static inline uint64_t kin__runs(uint64_t start, uint64_t most, uint64_t end)
{
    return start | most << 21 | end << 42;
}

typedef struct kin__heap {
    kin__lock lock;            /* guards spans; blocks need none */
    uint64_t key;              /* random; part of all tags of blocks, see heap.c */
    _Atomic uint64_t span_end; /* spans [0, span_end) have been used */
    _Atomic uint32_t hand;     /* the span that is looked at next for whether its blocks are all free */
    _Atomic uint32_t lost;     /* a thread died: marks may be missing */
    _Atomic uint64_t given;    /* spans whose memory was given back to the system */
    _Atomic uint64_t marks[KIN__CLASSES][KIN__SHEETS_MAX / 64]; /* a bit for each sheet */
    _Atomic uint64_t runs[KIN__SHEETS_MAX];
    _Atomic uint32_t searched; /* no block has become free since the marked spans were searched; see heap_lock.c */
} kin__heap;

/* ---- header ---- */

typedef struct kin__layout {
    uint64_t reserve;
    uint32_t max_members, max_threads, span_count, spare;
    uint64_t members, threads, buckets, names, sheets, rows, heap_start; /* offsets */
    uint64_t low; /* [0, low) is usable from the beginning; from there to heap_start the table grows with the heap */
} kin__layout;

static inline uint64_t kin__round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* Where the part of the table of spans ends that describes so many spans. */
static inline uint64_t kin__layout_table_end(const kin__layout *layout, uint64_t spans)
{
    return layout->rows + (spans + KIN__ROW_SPANS - 1) / KIN__ROW_SPANS * sizeof(kin__row);
}

/* How many spans the table describes if it is usable as far as end. */
static inline uint64_t kin__layout_table_spans(const kin__layout *layout, uint64_t end)
{
    return end > layout->rows ? (end - layout->rows) / sizeof(kin__row) * KIN__ROW_SPANS : 0;
}

typedef struct kin__arena {
    _Atomic uint64_t magic; /* written last by the creator */
    uint32_t version;
    uint32_t fingerprint; /* of the sizes of the parts: another build of kin may differ */
    kin_os_id id;
    char name[KIN_FAMILY_NAME_MAX + 1]; /* or "" */
    kin_os_access access;
    kin__layout layout;
    _Atomic uint64_t next_ticket;
    _Atomic uint32_t next_generation; /* of objects */
    _Atomic uint32_t thread_hint;
    _Atomic uint64_t looks, forgotten;       /* for tests: of sleepers, and those whom nobody woke; see park/slices.h */
    _Atomic uint32_t member_end, thread_end; /* no entry from there on was ever used: what searches of them stop at */
    kin__heap heap;
} kin__arena;

_Static_assert(sizeof(kin__arena) <= 4096, "the header is one page");

/* Makes a free lock of whatever bytes are there. Its tag, which makes it usable, comes last. */
static inline void kin__lock_format(kin__lock *lock, const void *base, uint32_t flags)
{
    uint64_t offset = (uint64_t)((const char *)lock - (const char *)base);
    atomic_store_explicit(&lock->word, 0, memory_order_relaxed);
    atomic_store_explicit(&lock->depth, 0, memory_order_relaxed);
    atomic_store_explicit(&lock->object.detail, flags, memory_order_relaxed);
    atomic_store(&lock->object.tag, KIN__TAG(KIN_TYPE_LOCK, offset));
}

#endif
