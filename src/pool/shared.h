/* shared.h: the memory that a pool's maker and its workers share, in the arena.
 *
 * ---- Batches and tasks ----
 *
 * The maker gives work as jobs. A job has tasks. The tasks are divided into batches. Job number n is at
 * jobs[n % KIN__JOBS] from the time it is posted until all its batches are DONE. A batch's word is its state and owner:
 *
 *     FREE ──a worker──► its id ──► DONE              the worker, when all its tasks have ended
 *                        its id ──► FREE              the worker if it leaves before, or the maker if the worker died
 *                        its id ──► DONE              the maker, if the worker died and all tasks have ended
 *     FREE ──the maker──► CANCELLING ──► DONE
 *
 * 1. A batch leaves FREE by compare-and-swap. The other steps are stores by the owner, or by the maker for a dead
 *    owner.
 * 2. Each task has a byte: TODO, or how it ended. The batch's owner writes the end once.
 * 3. A worker writes the number of the task that it is about to run into its slot's `task`. So if a worker is killed,
 *    the maker knows the one task that it was running (still TODO). No other task is lost.
 *
 * model/pool.pml is this protocol, without turns and the spinner, for spin; model/check verifies it.
 *
 * ---- Finding batches, and their ends ----
 *
 * 4. `next` and `first` are hints where there may be a FREE batch. They keep the jobs in order.
 * 5. A process that makes a batch FREE again lowers the hints, and then wakes a worker that sleeps for work. A worker
 *    shows that it is about to sleep before it loads `first` for the last time.
 * 6. A worker that loaded the hints earlier may raise them once more. The maker, which waits for that job, looks for
 *    such batches (kin__futures_tend), and lowers the hints again.
 * 7. `finished` counts DONE batches, for the waiters. If a worker is killed between the two stores, the count is too
 *    low by one. So waiters look at the batches themselves at the end of each slice.
 *
 * ---- The spinner ----
 *
 * 8. One idle worker is the spinner. It watches for the next job for a while, and then sleeps as the others do.
 * 9. When the maker posts a job, it takes the worker out of `spinner`, and relies on that worker to take a batch. It
 *    wakes no other worker.
 * 10. The job is posted before that. The worker loads `posted` once more after it has stopped being the spinner for any
 *    reason, and before it sleeps. So it finds the job.
 * 11. If the spinner dies instead, it is not known whether the maker relied on it. So the maker wakes another worker
 *    for each dead worker that it finds.
 *
 * ---- Workers that leave ----
 *
 * 12. A worker that leaves sets `gone` in its slot, counts itself in `leaves`, and then wakes the maker's threads that
 *    sleep on any job.
 * 13. Such a thread shows that it is about to sleep. Then it checks that `leaves` is what it was when the maker last
 *    looked after its workers. All this is sequentially consistent.
 * 14. So a worker that leaves is replaced at once if a thread of the maker waits. A worker that dies is replaced at the
 *    end of a slice.
 *
 * ---- Turns ----
 *
 * The maker kills a worker only during a task that has to end: a task that exceeds its work's time limit, or a task of
 * a work that the program gives up. A turn is the unit for this: one task if the work has a limit, else a batch. The
 * slot's `turn` is a serial number and a phase:
 *
 *     CLOSED(n) ──the worker──► OPEN(n+1) ──the worker──► CLOSED(n+1)         by compare-and-swap
 *                               OPEN(n+1) ──the maker──► CONDEMNED(n+1)       by compare-and-swap; then it kills
 *
 * 15. The worker stores `job`, and for a task with a limit also `task` and `since`, before it opens the turn. It stores
 *    other values only after it has closed the turn.
 * 16. The maker loads them after `turn`. If its compare-and-swap succeeds, they are the values of that turn. The worker
 *    cannot leave the turn: it waits to be killed, and does not write how the task ended.
 * 17. So a task that is killed for its limit has not ended, and a task within its limit is not killed.
 * 18. The loads and stores acquire and release. So if the maker has seen the `job` of a later turn, it sees that the
 *    turn is closed, too.
 *
 * ---- The life of a job's memory ----
 *
 * 19. A worker looks only at the job that its slot's `job` names. It stores that name before it checks that the job is
 *    still in `jobs`. The maker removes the job from `jobs` before it checks whether a worker names it. Both are
 *    sequentially consistent, so a job is never freed while a worker looks at it.
 */
#ifndef KIN_POOL_SHARED_H
#define KIN_POOL_SHARED_H

#include "kin/pool.h"
#include "os.h"

#include <stdatomic.h>

#define KIN__JOBS 4096u

/* A batch's word; other numbers are worker ids: generation << 8 | slot + 1. */
#define KIN__BATCH_FREE 0u
#define KIN__BATCH_CANCELLING 0xfffffffeu
#define KIN__BATCH_DONE 0xffffffffu

/* A turn's word. */
#define KIN__TURN_CLOSED 0u
#define KIN__TURN_OPEN 1u
#define KIN__TURN_CONDEMNED 2u
#define KIN__TURN_NEXT 4u
#define KIN__TURN_PHASE(turn) ((uint32_t)(turn)&3u)

/* A task's byte. */
typedef enum kin__task_state {
    KIN__TASK_TODO,
    KIN__TASK_DONE,
    KIN__TASK_FAILED,
    KIN__TASK_DIED,
    KIN__TASK_LATE, /* its worker was killed, because it took longer than allowed */
    KIN__TASK_CANCELLED,
    KIN__TASK_AGAIN, /* TODO, after one worker died running it; the next numbers: after two, ... */
} kin__task_state;

#define KIN__RETRIES_MAX 200u

static inline bool kin__task_todo(uint8_t state)
{
    return state == KIN__TASK_TODO || state >= KIN__TASK_AGAIN;
}

/* The first task that failed. A worker claims it, writes it, and makes it READY. The other failed tasks: statuses.c. */
typedef struct kin__failure {
    _Atomic uint32_t stage;
    int32_t status;
    uint64_t task;
    char message[KIN_TASK_MESSAGE];
} kin__failure;

enum { KIN__FAILURE_NONE, KIN__FAILURE_CLAIMED, KIN__FAILURE_READY };

typedef struct kin__job {
    uint64_t number;
    char function[KIN_TASK_NAME_MAX + 1];
    uint64_t in, out, in_size, out_size; /* in and out: offsets in the arena, 0: none */
    uint64_t count, chunk, tasks, batch, batches;
    uint64_t states_at, batches_at, notes_at, outputs_at, args_at, args_size; /* from the job */
    uint64_t inputs_at;                                                       /* from the job; 0: none */
    int64_t limit;
    uint32_t alone;
    _Atomic uint32_t has_outputs; /* a task may have made one: outputs.c */
    _Atomic uint64_t output;      /* its note, if there is one batch */
    _Atomic uint32_t spin;
    _Atomic uint32_t cancelled; /* no further task is to begin */
    _Atomic uint64_t out_used;
    kin__failure failure;
    _Alignas(64) _Atomic uint64_t next;     /* a batch that may be FREE: there is mostly none before it */
    _Alignas(64) _Atomic uint64_t finished; /* DONE batches << 1 | KIN__FLAG */
    _Atomic uint64_t want;                  /* at so many a waiter is woken */
} kin__job;

/* An input of a job whose inputs differ in size. */
typedef struct kin__input {
    uint64_t at, size; /* from the job */
} kin__input;

/* Jobs and the pool begin at a cache line. So much more memory is allocated for them. */
#define KIN__LINE_SLACK 63u

static inline void *kin__line(void *memory)
{
    return (void *)(((uintptr_t)memory + KIN__LINE_SLACK) & ~(uintptr_t)KIN__LINE_SLACK);
}

/* The status and message of an initializer that failed. A worker claims it (writer: its id), writes it, and makes it
 * READY. The maker copies it when that worker has ended, and frees it. A worker that finds it claimed writes
 * nothing. */
typedef struct kin__last_words {
    _Atomic uint32_t writer;
    _Atomic uint32_t ready;
    int32_t status;
    char message[KIN_TASK_MESSAGE];
} kin__last_words;

#define KIN__FLAG UINT64_C(1) /* a thread sleeps on this word, or is about to */

/* The words that a worker and its maker share. */
typedef struct kin__worker_slot {
    _Alignas(64) _Atomic uint64_t job; /* number + 1 of the job it looks at */
    _Atomic uint64_t task;             /* number + 1 in that job of the one it runs */
    _Atomic uint64_t turn;
    _Atomic int64_t since;  /* when it began, if there is a limit */
    _Atomic uint32_t begun; /* the initializer has returned */
    _Atomic uint32_t leave; /* it is to leave: there are too many */
    _Atomic uint32_t gone;  /* it is about to end, and owns no batch */
    _Atomic uint32_t id;    /* external.c: of the worker, */
    _Atomic uint64_t who;   /* and the token of its thread; 0: the slot is free */
} kin__worker_slot;

#define KIN__POOL_KIND UINT64_C(0x6c6f6f702d6e696b)
#define KIN__DOOR_GONE UINT64_C(1)

typedef struct kin__pool {
    uint64_t kind;               /* KIN__POOL_KIND */
    uint64_t maker;              /* member token */
    uint64_t args_at, args_size; /* external.c: the pool's arguments, from the pool's memory; size 0: none */
    uint32_t external;
    _Atomic uint32_t slots_end; /* external.c: slots that were ever taken are before this one */
    _Atomic uint32_t next_id;
    _Atomic uint64_t door;   /* external.c */
    _Atomic uint64_t joined; /* workers ever */
    uint64_t max_tasks;
    char initializer[KIN_TASK_NAME_MAX + 1];
    kin__last_words last_words;
    _Atomic uint32_t closed;
    _Atomic uint32_t spin;
    _Atomic uint32_t spinner;                      /* id of the worker that watches for the next job */
    _Atomic uint64_t leaves;                       /* workers that have left by themselves */
    _Alignas(64) _Atomic uint64_t posted;          /* jobs ever << 1 | KIN__FLAG; workers sleep on it */
    _Alignas(64) _Atomic uint64_t first;           /* all jobs before it are exhausted, mostly */
    _Alignas(64) _Atomic uint64_t jobs[KIN__JOBS]; /* offsets in the arena */
    kin__worker_slot slots[KIN_POOL_WORKERS_MAX];
} kin__pool;

#endif
