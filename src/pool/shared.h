/* pool.h: what a pool and its workers share, in the arena; and the maker's own side of it.
 *
 * A pool's work is jobs; a job's tasks come in batches. Job number n stands at jobs[n % KIN__JOBS] from when it is posted until all its
 * batches are DONE. A batch's word says whose it is:
 *
 *     FREE ──a worker──► its id ──► DONE              the worker, when all its tasks have ended
 *                        its id ──► FREE              the worker if it ends before, or the maker if it died
 *     FREE ──the maker──► CANCELLING ──► DONE
 *
 * FREE → another by compare-and-swap, the rest by stores of the owner, or of the maker for a dead one. A task has a byte: TODO, or how
 * it ended, written once, by the batch's owner. Which task a worker runs is in its place's `task`, written before: so whatever
 * happens to a worker, the maker knows the one task that it had in hand (TODO yet), and that no other was lost.
 *
 * next and first are hints of where to look for a FREE batch, and jobs' order; a batch that becomes FREE again lowers them, and then
 * who sleeps for work is called; a worker says that it is about to sleep before it looks at first for the last time. One that saw the hints
 * before may raise them once more: the maker, who waits for that job, looks for such batches (tend), and lowers them.
 * finished counts DONE batches, for those who wait; one too few if a worker is killed in between: they look themselves at the end of
 * each slice.
 *
 * One idle worker, the spinner, looks out for the next job for a while before it sleeps as the others do. Who posts a job ends
 * its being the spinner, and so counts on it to take a batch, in place of calling another: once. It looks at posted after it was the
 * spinner, whoever ended that, and before it sleeps; the job is posted before. If it dies instead nobody knows whether somebody has
 * counted on it: the maker, who finds it dead, calls another, whoever died.
 *
 * A worker looks only at the job that its place's `job` names, and names it before it looks whether the job is still there; the
 * maker takes it from its place in jobs before it looks whether a worker names it: both sequentially consistent, so a job is never freed
 * under a worker's eyes.
 */
#ifndef KIN_INTERNAL_POOL_H
#define KIN_INTERNAL_POOL_H

#include "process/arguments.h"
#include "family/family.h"
#include "kin/pool.h"
#include "base/mutex.h"

#define KIN__JOBS 4096u
#define KIN__WORKER_ENTRY "kin.worker"
#define KIN__WORKER_POOL "kin.pool"
#define KIN__WORKER_PLACE "kin.place"

/* ---- in the arena ---- */

/* A batch's word; other numbers are worker ids. */
#define KIN__BATCH_FREE 0u
#define KIN__BATCH_CANCELLING 0xfffffffeu
#define KIN__BATCH_DONE 0xffffffffu

/* A task's byte. */
typedef enum kin__task_state {
    KIN__TASK_TODO,
    KIN__TASK_DONE,
    KIN__TASK_FAILED,
    KIN__TASK_DIED,
    KIN__TASK_CANCELLED,
    KIN__TASK_AGAIN, /* TODO, a worker has died of it; the next: two have, ... */
} kin__task_state;

#define KIN__RETRIES_MAX 200u

static inline bool kin__task_todo(uint8_t state)
{
    return state == KIN__TASK_TODO || state >= KIN__TASK_AGAIN;
}

typedef struct kin__trouble { /* the first task that failed; CLAIMED by who writes it, READY when it is written */
    _Atomic uint32_t stage;
    int32_t status;
    uint64_t task;
    char message[KIN_TASK_MESSAGE];
} kin__trouble;

enum { KIN__TROUBLE_NONE, KIN__TROUBLE_CLAIMED, KIN__TROUBLE_READY };

typedef struct kin__job {
    uint64_t number;
    char function[KIN_NAME_MAX + 1];
    uint64_t in, out, in_size, out_size; /* in, out: offsets in the arena, 0: none */
    uint64_t count, chunk, tasks, batch, batches;
    uint64_t states_at, batches_at, args_at, args_size; /* from the job */
    int64_t limit;
    uint32_t alone;
    _Atomic uint32_t spin;
    _Atomic uint32_t cancelled; /* what has not begun is not to */
    _Atomic uint64_t out_used;
    kin__trouble trouble;
    _Alignas(64) _Atomic uint64_t next;     /* a batch that may be FREE: none is before it, mostly */
    _Alignas(64) _Atomic uint64_t finished; /* DONE batches << 1 | KIN__FLAG */
    _Atomic uint64_t want;                  /* so many wake */
} kin__job;

/* Jobs, and the pool itself, begin at a cache line: what kin_alloc gives, so much longer, from there on. */
#define KIN__LINE_SLACK 63u

static inline void *kin__line(void *memory)
{
    return (void *)(((uintptr_t)memory + KIN__LINE_SLACK) & ~(uintptr_t)KIN__LINE_SLACK);
}

#define KIN__FLAG UINT64_C(1) /* somebody sleeps for this word */

typedef struct kin__place {            /* a worker's */
    _Alignas(64) _Atomic uint64_t job; /* number + 1 of the job it looks at */
    _Atomic uint64_t task;             /* number + 1 in that job of the one it runs */
    _Atomic int64_t since;             /* when it began, if there is a limit */
    _Atomic uint32_t id;               /* as in batches' words: generation << 8 | place + 1 */
    _Atomic uint32_t begun;            /* the initializer has returned */
    _Atomic uint32_t leave;            /* it is one too many */
    _Atomic uint32_t gone;             /* it will end in a moment, and has nothing in hand */
} kin__place;

typedef struct kin__pool {
    uint64_t maker; /* member token */
    uint64_t max_tasks;
    char initializer[KIN_NAME_MAX + 1];
    _Atomic uint32_t closed;
    _Atomic uint32_t spin;
    _Atomic uint32_t spinner;             /* id of the worker that looks out for the next job; the others sleep */
    _Alignas(64) _Atomic uint64_t posted; /* jobs ever << 1 | KIN__FLAG; workers sleep on it */
    _Alignas(64) _Atomic uint64_t first;  /* all jobs before it are exhausted, mostly */
    _Alignas(64) _Atomic uint64_t jobs[KIN__JOBS]; /* offsets in the arena */
    kin__place places[KIN_POOL_WORKERS_MAX];
} kin__pool;

/* ---- job.c: both sides ---- */

/* A job as this process sees it: numbers copied and checked, for the arena's may be written over. */
typedef struct kin__plan {
    kin__job *job;
    uint64_t number, count, chunk, tasks, batch, batches, in_size, out_size;
    const char *in;
    char *out;
    _Atomic uint8_t *states;
    _Atomic uint32_t *owners; /* of the batches */
    int64_t limit;
    bool alone;
} kin__plan;

/* KIN_E_DAMAGED. */
kin_status kin__plan_read(kin__plan *out, kin_family *family, kin__job *job);
/* The job at number's place if it is that number's, else NULL. */
kin__job *kin__job_at(kin_family *family, const kin__pool *pool, uint64_t number);
void kin__batch_finish(kin_family *family, const kin__plan *plan, uint64_t batch);
/* Gives it back to whoever comes next. Its owner, or the maker for a dead one. */
void kin__batch_reopen(kin_family *family, kin__pool *pool, const kin__plan *plan, uint64_t batch);
/* It seems to be FREE: has it found. Changes nothing of it: a worker may be about to take it. */
void kin__batch_show(kin_family *family, kin__pool *pool, const kin__plan *plan, uint64_t batch);
/* Wakes so many of the workers that sleep for work. */
void kin__pool_call(kin_family *family, kin__pool *pool, uint32_t workers);

static inline uint64_t kin__batch_end(const kin__plan *plan, uint64_t batch)
{
    uint64_t end = (batch + 1) * plan->batch;
    return end < plan->tasks ? end : plan->tasks;
}

/* ---- worker.c ---- */

extern const kin_entry kin__worker_entry;
const kin_function *kin__function_find(const char *name);

/* ---- the maker's side ---- */

typedef struct kin__list {
    kin_future *head;
} kin__list;

typedef struct kin__hand { /* a worker, as its maker sees it */
    kin_process *process;  /* NULL: none */
    uint32_t id;
    bool begun;
    uint64_t late_job, late_task; /* killed for that task's limit; as in its place, 0: not */
} kin__hand;

struct kin_future {
    kin_pool *pool;
    kin_future *before, *after; /* in one of the pool's lists */
    kin__list *list;            /* or NULL */
    void *memory;               /* that the job lies in */
    kin__plan plan;
    kin_work work;
    uint64_t looked; /* batches before it are DONE */
    _Atomic bool ended;
    bool telling;        /* a thread is in `finished`: */
    bool abandoned;      /* it was closed meanwhile, and is that thread's to free */
    bool troubled;       /* a worker died of a task: */
    kin_outcome trouble; /* the first such */
    uint64_t given;      /* next: tasks before it have been given */
    uint64_t told;       /* items, by progress */
    uint8_t *marks;      /* next, not in order: a bit for each that has */
};

struct kin_pool {
    kin_family *family;
    kin__pool *shared;
    kin_pool_options options;
    kin__turn turn; /* guards what follows */
    uint32_t workers;
    kin__hand hands[KIN_POOL_WORKERS_MAX];
    uint64_t posted; /* jobs */
    uint64_t started, died;
    uint32_t failures; /* in a row */
    bool closed, ended, broken;
    kin_exit last;
    uint32_t generation; /* of ids */
    _Atomic int64_t tended;
    void *memory; /* that shared lies in */
    kin__list active, news,
        dead; /* futures: not ended; of whose end somebody is to be told; closed, perhaps still looked at */
};

#define KIN__POOL_SLICE KIN_MS(20)

/* ---- crew.c: under turn ---- */

/* Starts workers where there should be and are none; the last error of one that could not be started. */
kin_status kin__crew_fill(kin_pool *pool);
/* Whoever has ended is taken off, what he had in hand is settled, and he is replaced. */
void kin__crew_tend(kin_pool *pool);
/* The same for all, now, and nobody is replaced. */
void kin__crew_kill(kin_pool *pool);
uint32_t kin__crew_count(const kin_pool *pool);
/* The first still there, or NULL. */
kin_process *kin__crew_any(const kin_pool *pool);
/* Whether a worker looks at that job. */
bool kin__crew_looks_at(const kin_pool *pool, uint64_t number);

/* ---- future.c: under turn ---- */

void kin__list_add(kin__list *list, kin_future *future);
void kin__list_remove(kin_future *future); /* from whichever it is in, if any */

/* Those that have ended leave the list of active ones; batches that nobody would find are shown again. */
void kin__futures_tend(kin_pool *pool);
kin_future *kin__future_of(kin_pool *pool, uint64_t number);
/* What worker id had in hand, the task being the one it ran (or any), now that it is dead. */
void kin__future_lost(kin_future *future, uint32_t id, uint64_t task, kin_exit how, bool late);
void kin__future_cancel(kin_future *future);
/* Whether some of it waits for a worker. */
bool kin__future_open(const kin_future *future);
/* Removes one of whose end its `finished` is to be told, or NULL; and when that has been. */
kin_future *kin__future_news(kin_pool *pool);
void kin__future_told(kin_future *future);

/* ---- pool.c ---- */

/* KIN_E_NOT_OWNER: this process, a forked child, is not its maker. */
kin_status kin__pool_check(const kin_pool *pool);
/* Takes turn. KIN_E_ARGUMENT (null), KIN_E_NOT_OWNER. */
kin_status kin__pool_enter(kin_pool *pool);
void kin__pool_leave(kin_pool *pool);
/* One round of looking after, if the last is a slice ago or force, and the calls that are due. Not under turn. */
void kin__pool_tend(kin_pool *pool, bool force);

#endif
