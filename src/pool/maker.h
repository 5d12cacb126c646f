/* maker.h: the maker's private record of a pool, and its lock. */
#ifndef KIN_MAKER_H
#define KIN_MAKER_H

#include "base/mutex.h"
#include "pool/job.h"

typedef struct kin__future_list {
    kin_future *head, *tail;
} kin__future_list;

/* A worker's process. A thread that waits for its end without the pool's lock holds a reference meanwhile. The thread
 * that gives up the last reference closes it. The process is reaped only under the lock. */
typedef struct kin__kept_process {
    kin_process *process;
    uint32_t holders;
} kin__kept_process;

typedef struct kin__worker { /* in one of the pool's slots */
    kin_process *process;    /* NULL: there is none */
    kin__kept_process *hold;
    uint32_t id;
    bool begun;
    bool awaited;                 /* it is about to end, and has been waited for */
    bool condemned;               /* it was killed by the maker, in a turn that it had not closed: */
    uint64_t late_job, late_task; /* for exceeding that task's limit; as in its slot; 0: for another reason */
} kin__worker;

/* The results that kin_future_next has given to the caller. */
typedef struct kin__given {
    uint64_t tasks; /* so many */
    /* For results in any order: the batches before `begun` have been looked at. Those that still have a task to give
     * are in a ring, each represented by that task. */
    uint64_t begun;
    uint64_t *ring;
    uint64_t first, count, room; /* of the ring; room is a power of two */
} kin__given;

struct kin_future {
    kin_pool *pool;
    kin_future *before, *after; /* in the list, which is one of the pool's */
    kin__future_list *list;     /* or NULL */
    void *memory;               /* in which the job lies */
    kin__plan plan;
    kin_job work;
    uint64_t looked;        /* batches before it are DONE */
    _Atomic uint64_t reach; /* workers have taken batches up to here, about */
    uint32_t passed;        /* it is closed, and the workers in the slots before this one do not look at its job */
    _Atomic bool ended;
    _Atomic bool cancelled;
    bool telling;               /* a thread is in work.finished */
    bool abandoned;             /* it was closed meanwhile: that thread frees it */
    bool has_death;             /* a worker died of a task */
    kin_job_result first_death; /* of which task, and how */
    kin__given given;
    uint64_t told; /* items, to work.progress */
};

struct kin_pool {
    kin_family *family;
    kin__pool *shared;
    uint64_t maker; /* member token: what kin_pool is of this process by. A forked child has another */
    void *memory;   /* in which shared lies */
    kin_pool_options options;
    kin__mutex mutex; /* guards what follows, and the pool's futures */
    /* The users are: the program until it destroys the pool, each future that is not freed, each thread that may call a
     * callback. When there is no user left, the pool is freed. So a callback may destroy the pool, and futures may be
     * closed after it. */
    uint64_t users;
    bool destroyed;
    uint32_t size; /* so many workers there should be */
    kin__worker workers[KIN_POOL_WORKERS_MAX];
    uint32_t slots;                /* that have ever had a worker: those before this one */
    uint64_t posted;               /* jobs */
    kin_future *places[KIN__JOBS]; /* whose job stands there among shared->jobs; or NULL */
    uint64_t started, died;
    uint32_t failures; /* in a row, of workers to start: since one has begun last */
    int64_t retry_at;  /* not before, as long as other workers live */
    bool closed, ended, broken;
    kin_exit last;                  /* how the worker ended that did not begin last, */
    int status;                     /* and what the initializer returned and said in the one that told last; or 0 */
    char message[KIN_TASK_MESSAGE]; /* and "" */
    uint32_t generation;            /* of worker ids */
    _Atomic int64_t tended;
    _Atomic uint64_t leaves_seen; /* shared->leaves, when the workers were looked after last */
    kin__future_list active;      /* futures that have not ended */
    kin__future_list to_tell;     /* that have ended, of which work.finished is to be told */
    kin__future_list to_free;     /* that are closed, but a worker may still look at their job; the oldest first */
};

/* Slots that may have a worker: those before this one. */
static inline uint32_t kin__pool_slots(const kin_pool *pool)
{
    uint32_t end = pool->options.external ? atomic_load(&pool->shared->slots_end) : pool->slots;
    return end < KIN_POOL_WORKERS_MAX ? end : KIN_POOL_WORKERS_MAX;
}
/* KIN_E_NOT_OWNER: this process, a forked child, is not its maker. */
kin_status kin__pool_check(const kin_pool *pool);
/* Acquires the pool's lock. KIN_E_ARGUMENT (null), KIN_E_NOT_OWNER. */
kin_status kin__pool_enter(kin_pool *pool);
/* Under the lock. */
void kin__hold_let_go(kin__kept_process *hold);
/* Releases it, and frees the pool if it has no users any more. */
void kin__pool_leave(kin_pool *pool);

#endif
