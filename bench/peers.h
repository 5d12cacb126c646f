/* peers.h: what kin-bench measures kin against, and what it asks the system for. Each system implements it in peers.c,
 * more.c and python.c of its directory. Functions return 0 for done and another number for not done.
 */
#ifndef PEERS_H
#define PEERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the system ---- */

int64_t peer_now_ns(void); /* a monotonic clock */
int64_t peer_cpu_ns(void); /* processor time of this process */
/* The same and that of its children that have ended; on Windows of this process alone. */
int64_t peer_all_cpu_ns(void);
int peer_cpu_count(void); /* CPUs that this process could use when it began */

#define PEER_ANY_CPU (-1)

/* Pins this process to one of these CPUs: cpu modulo their number. PEER_ANY_CPU: it may use all of them. */
int peer_pin(int cpu);
void peer_yield(void); /* lets another process of this CPU run */

int peer_system_call(void); /* the shortest one */
/* The system ends this process after that time, as it may wait for a peer for ever. On Windows nothing does. */
void peer_end_after(unsigned seconds);

int64_t peer_handle_count(void); /* open descriptors or handles of this process */
int64_t peer_name_count(void);   /* names in /dev/shm; where there is no such thing, 0 */

#define PEER_NAME 64 /* bytes */
/* Writes a name that nothing in the system has yet, with that text in front. */
void peer_make_name(char *out, const char *before);

/* ---- targets ---- */

typedef struct peer_target {
    double bound; /* 0: none */
    int at_least; /* else at most */
} peer_target;

#define LINE 64 /* bytes of a cache line */

/* Where the first whole cache line of the memory begins: kin_alloc aligns to 16. The same in every process, as its
 * blocks lie in mappings that begin a page. */
static inline void *peer_line_in(void *memory)
{
    return (void *)(((uintptr_t)memory + LINE - 1) / LINE * LINE);
}

/* attach and detach of an object that is used in shared memory as it is. */
static inline void *peer_same(void *memory)
{
    return memory;
}

static inline void peer_nothing(void *memory)
{
    (void)memory;
}

/* ---- locks ---- */

typedef struct peer_contest {
    atomic_int stop;
    int64_t guarded; /* changed by the owner of the lock */
} peer_contest;

typedef struct peer_lock {
    const char *name;
    int (*create)(void *memory);   /* once */
    void (*destroy)(void *memory); /* once */
    void *(*attach)(void *memory); /* in each process that uses it: what the functions below take */
    void (*detach)(void *attached);
    int64_t (*alone)(void *attached, int64_t pairs);                           /* errors */
    int64_t (*contend)(void *attached, peer_contest *contest, unsigned apart); /* pairs; -1 after an error */
    peer_target alone_target;                                                  /* of kin's time / this one's */
    peer_target contended_target;                                              /* of kin's rate / this one's */
    int contended_processes;                                                   /* at which it holds */
    int one_process; /* 1: only the threads of one process can use it */
    int only_one;    /* 1: a process can have one at a time here, as it is not in the memory that create gets */
} peer_lock;

extern const peer_lock peer_locks[];
extern const size_t peer_lock_count;
/* The peers that were found when the build was configured, in no order; NULL ends the list. */
extern const peer_lock *const peer_more_locks[];
/* The one whose rate is a target for contended locks. */
extern const peer_lock *const peer_contended;

/* The work outside of a lock. One function for all: inlined, the loop is faster in one contender than in another. */
void peer_work(unsigned amount);

/* Both loops, alike for all: nothing but the lock between them differs. acquire and release are 0 or an error. */
#define PEER_LOCK_LOOPS(prefix, type, acquire, release)                                                                \
    static int64_t prefix##_alone(void *attached, int64_t pairs)                                                       \
    {                                                                                                                  \
        type *lock = attached;                                                                                         \
        int64_t errors = 0;                                                                                            \
        for (int64_t i = 0; i < pairs; i++) {                                                                          \
            errors += (acquire) != 0;                                                                                  \
            errors += (release) != 0;                                                                                  \
        }                                                                                                              \
        return errors;                                                                                                 \
    }                                                                                                                  \
                                                                                                                       \
    static int64_t prefix##_contend(void *attached, peer_contest *contest, unsigned apart)                             \
    {                                                                                                                  \
        type *lock = attached;                                                                                         \
        volatile int64_t *guarded = &contest->guarded;                                                                 \
        int64_t errors = 0;                                                                                            \
        int64_t pairs = 0;                                                                                             \
        for (; !atomic_load_explicit(&contest->stop, memory_order_relaxed); pairs++) {                                 \
            errors += (acquire) != 0;                                                                                  \
            *guarded = *guarded + 1;                                                                                   \
            errors += (release) != 0;                                                                                  \
            peer_work(apart);                                                                                          \
        }                                                                                                              \
        return errors == 0 ? pairs : -1;                                                                               \
    }

/* ---- readers-writer locks ---- */

typedef struct peer_rwlock {
    const char *name;
    int (*create)(void *memory);
    void (*destroy)(void *memory);
    int (*acquire)(void *memory, int writing);
    int (*release)(void *memory, int writing);
    int one_process; /* 1: only the threads of one process can use it */
} peer_rwlock;

extern const peer_rwlock *const peer_rwlocks[]; /* as peer_more_locks */

/* ---- two semaphores ---- */

typedef struct peer_sems {
    const char *name;
    int (*create)(void *memory);   /* both empty */
    void (*destroy)(void *memory); /* once */
    void *(*attach)(void *memory); /* in each process that uses them */
    void (*detach)(void *attached);
    int (*give)(void *attached, int which);
    int (*take)(void *attached, int which, int64_t timeout_ns); /* done, or not done in time */
} peer_sems;

extern const peer_sems peer_native_sems;
extern const peer_sems *const peer_more_sems[]; /* as peer_more_locks */

/* The same by events, and by flags under a lock with conditions. */
extern const peer_sems *const peer_events[], *const peer_conds[]; /* as peer_more_locks */

/* ---- queues ---- */

#define PEER_QUEUE_MEMORY ((size_t)1 << 21) /* that create and attach get, shared */

typedef struct peer_queue {
    const char *name;
    int (*create)(void *memory, size_t message); /* once; message: bytes of the largest */
    void (*destroy)(void *memory);               /* once */
    int (*handles)(void *memory,
                   int64_t *both); /* NULL, or: writes the system's handles, of which each process needs its own */
    void *(*attach)(void *memory, const int64_t *both); /* in each process: what put and get take */
    int (*put)(void *attached, const void *data, size_t size);
    int (*get)(void *attached, void *buffer, size_t size);
    size_t largest;           /* message that is measured; 0: any */
    int producers, consumers; /* at most; 0: any number */
    int late;                 /* 1: create only makes a name; the first put or get does the rest */
    int spins;                /* 1: its sides never sleep, so it is a limit, not an alternative */
} peer_queue;

/* The system's pipe. */
int peer_pipe_create(int64_t ends[2]); /* to read from, to write to */
int peer_pipe_write(int64_t end, const void *data, size_t size);
int peer_pipe_read(int64_t end, void *buffer, size_t size);
void peer_end_close(int64_t end); /* also one of peer_pair_create */

/* For a queue whose memory holds two such ends: get reads from the first, put writes to the second. */
void peer_ends_destroy(void *memory);
int peer_ends_handles(void *memory, int64_t *both);
void *peer_ends_attach(void *memory, const int64_t *both);
extern const peer_queue peer_pipe_queue, peer_pair_queue;
extern const peer_queue *const peer_more_queues[]; /* as peer_more_locks */

/* ---- a pipe of whole messages, both ways ---- */

#define PEER_HEAD 32u /* bytes before each message, as kin's own have */

extern const char peer_pair_name[];
int peer_pair_create(int64_t ends[2]);
/* size: with the head. */
int peer_pair_send(int64_t end, const void *message, size_t size);
int peer_pair_recv(int64_t end, void *message, size_t size);

/* ---- tables ---- */

#define PEER_KEY 16u /* bytes of every key */

typedef struct peer_table {
    const char *name;
    void *(*create)(void);
    int (*set)(void *table, const char *key, size_t size, int value);
    int (*get)(void *table, const char *key, size_t size); /* -1: not there */
    int (*batch)(void *table, int begin); /* NULL, or: between 1 and 0 there are only sets, to be fast together */
    void (*destroy)(void *table);
    /* NULL, or: closes it here, for others to open. Returns its name, which is there until destroy. */
    const char *(*leave)(void *table);
    void *(*open)(const char *name); /* in another process */
    void (*close)(void *table);      /* what open returned */
} peer_table;

extern const peer_table *const peer_tables[]; /* as peer_more_locks */

/* Those that were looked for and not found, with commas between them; "": none. */
extern const char *const peer_missing;

/* ---- CPython's multiprocessing; all are negative where there is none ---- */

/* Thousand messages of 64 bytes per second through a Queue. */
double peer_python_queue(int producers, int consumers);
/* Thousand items per second through Pool.map with 2 workers: count items, in tasks of chunk (0: CPython chooses). */
double peer_python_pool(size_t count, size_t chunk);
/* Microseconds for a submit of a task and its result, by the ProcessPoolExecutor of that module, with 2 workers. */
double peer_python_submit(const char *module);
/* Thousand items per second through its map. */
double peer_python_map(const char *module, size_t count, size_t chunk);
/* Thousand operations per second through a Manager: "get" of a dict, "lock": acquire and release, "queue": put and
 * get. */
double peer_python_manager(const char *operation);

/* ---- making and starting things ---- */

/* Makes and removes a lock that other processes can find. */
extern const char *const peer_named_name;
int peer_named_once(void);

int peer_has_fork(void);
int peer_fork_many(int count); /* fork and _exit of so many, then waits for each */

/* Starts this program as `kin-bench noop` and waits for its end. */
extern const char *const peer_spawn_name;
int peer_spawn_once(void);

#endif
