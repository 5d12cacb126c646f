/* pool.h: workers: processes that wait for tasks, and stay.
 *
 *     static int square(kin_task *task)
 *     {
 *         const int *in = task->in;
 *         int *out = task->out;
 *         for (size_t i = 0; i < task->count; i++) {
 *             out[i] = in[i] * in[i];
 *         }
 *         return 0;
 *     }
 *
 *     static const kin_task_entry functions[] = {{"square", square}};
 *
 *     int main(void)
 *     {
 *         kin_register_tasks(functions, 1);          // before kin_child_main
 *         kin_child_main(NULL, 0);
 *         kin_pool *pool;
 *         kin_pool_create(&pool, NULL, NULL);   // as many workers as processors
 *         int *numbers;                         // in shared memory: workers read and write them where they are
 *         KIN_ALLOC(&numbers, NULL, 5);
 *         ...
 *         kin_job job = KIN_JOB_INIT;
 *         job.task = "square";
 *         job.in = job.out = numbers;
 *         job.in_size = job.out_size = sizeof *numbers;
 *         job.count = 5;
 *         kin_pool_map(pool, &job, NULL, KIN_FOREVER);
 *         kin_pool_destroy(pool);
 *     }
 *
 * Death: a worker that dies, however, fails exactly the task that it was running; what else was meant for it is done
 * by the others, and a new one takes its place. When the process that made the pool dies, however, its workers are
 * killed (see die_with_parent in process.h), and what it had in the family's memory (50 KiB, and its works) stays
 * there until the family ends: a worker may use it for a moment yet. kin_process_children lists workers, but they are
 * the pool's to join and to close.
 *
 * No thread is started in the program: the pool is looked after (dead workers replaced, time limits kept, callbacks
 * called) by its own threads while they wait in one of the functions below, and by kin_pool_poll. Waiting notices a
 * death within 20 ms.
 *
 * Cost: W workers, N works that have not ended (4096 at most; a submit waits for room). A task costs a worker some ten
 * nanoseconds in a batch of tasks, which is 256 at most. What a call costs stands at the functions; where nothing does,
 * it is O(1). Looking after the pool is O(W + N + their batches), with a system call for each worker; waiting does it
 * every 20 ms, and when a worker has left. A work takes, in the family's memory, half a kilobyte, its arguments, in and
 * out if it was submitted alone, a byte for each task, 12 for each batch, and for each task of a batch in which some
 * task has failed, beside the first one, 4 bytes.
 *
 * A pool is its maker's: in another process, forked ones too, its functions are KIN_E_NOT_OWNER. All its threads may
 * use it at once, and one future by one of them.
 */
#ifndef KIN_POOL_H
#define KIN_POOL_H

#include "process.h"

KIN_BEGIN

/* ---- in the worker ---- */

#define KIN_TASK_MESSAGE 128u

typedef struct kin_task {
    const void *in; /* count items of in_size bytes, one after the other */
    void *out;      /* count places of out_size bytes; zeroed only if the pool made them */
    size_t in_size, out_size;
    size_t count;                   /* items of this task; 1 of what was submitted alone */
    uint64_t index;                 /* number of the first of them among all of the work */
    uint32_t attempt;               /* 0; more if workers died of it before, see kin_job */
    const kin_args *args;           /* the work's; objects in them are as in a child of one's own */
    const kin_args *shared;         /* the pool's */
    size_t out_used;                /* submitted alone: how many bytes of out are the result; out_size unless changed */
    char message[KIN_TASK_MESSAGE]; /* may be filled with what went wrong, for the thread that waits */
} kin_task;

/* 0: done. Any other number: failed, and that is what the outcome says. */
typedef struct kin_task_entry {
    const char *name; /* 1 to KIN_NAME_MAX bytes */
    int (*run)(kin_task *task);
} kin_task_entry;

/* Registers what workers can run; functions must stay valid. Call it once, before kin_child_main, from which spawned
 * workers do not return. Errors: KIN_E_ARGUMENT (null, no run, a name twice, empty or too long); KIN_E_TOO_LATE:
 * kin_child_main was called already, and spawned workers would not have these functions. */
KIN_API kin_status kin_register_tasks(const kin_task_entry *functions, size_t count);

/* ---- the pool ---- */

typedef struct kin_pool kin_pool;

#define KIN_POOL_WORKERS_MAX 255u

typedef struct kin_pool_options {
    size_t size;             /* of this struct, in bytes; its _INIT macro sets it */
    uint32_t workers;        /* 0: kin_cpu_count */
    kin_start_method method; /* how they are started */
    /* A function that each worker runs first, with in and out NULL; or NULL. If it returns not 0, the worker ends; what
     * it returned, and its message, are in kin_pool_info, and in the outcomes of works that are not done because of it.
     */
    const char *initializer;
    const kin_args
        *args; /* the pool's, for the initializer and all tasks; borrowed until the pool is destroyed; or NULL */
    uint64_t max_tasks; /* a worker ends after so many and is replaced; 0: no limit */
    /* So many workers in a row that end before they have begun, or cannot be started, are the pool's end, if none that
     * has begun is left; 0: 4 and their number. As long as others work, one is tried again now and then, at most each
     * second in the end: the pool goes on with those that it has. */
    uint32_t max_failures;
} kin_pool_options;

#define KIN_POOL_OPTIONS_INIT                                                                                          \
    {                                                                                                                  \
        sizeof(kin_pool_options), 0, KIN_START_DEFAULT, NULL, NULL, 0, 0                                               \
    }

/* Makes a pool in the family (NULL: this process's own) and starts its workers; does not wait for them to begin.
 * options NULL: all defaults. The caller's; kin_pool_destroy. Each worker is a member of the family and a thread of
 * it. Errors: KIN_E_ARGUMENT (more than KIN_POOL_WORKERS_MAX), KIN_E_ENTRY (no such initializer), KIN_E_LIMIT (more
 * than 62 arguments; the family has not so many free places, see max_members and max_threads in family.h; processes
 * that are just starting have not taken theirs yet), those of kin_alloc and kin_process_start. */
KIN_API kin_status kin_pool_create(kin_pool **out, kin_family *family, const kin_pool_options *options);

/* Terminates it if it has not ended, and frees it. It may be called from a callback of the pool's. Its futures are to
 * be closed, before or after; those that had not ended are cancelled. No other thread may be in a call with the pool.
 * NULL: nothing. */
KIN_API void kin_pool_destroy(kin_pool *pool);

/* Grows or shrinks it: new workers are started; those that are too many end after the task in hand. Errors:
 * KIN_E_ARGUMENT (0, or too many), KIN_E_CLOSED, KIN_E_LIMIT (as kin_pool_create; nothing changes), those of
 * kin_process_start. */
KIN_API kin_status kin_pool_resize(kin_pool *pool, uint32_t workers);

/* No further work; what there is will be done, then the workers end. KIN_OK if it was closed already. O(W): wakes
 * them. */
KIN_API kin_status kin_pool_close(kin_pool *pool);

/* Ends the workers now, whatever they do, and cancels all work that is not done. O(W + N + their tasks): takes
 * milliseconds. */
KIN_API kin_status kin_pool_terminate(kin_pool *pool);

/* Waits until all workers of a closed or terminated pool have ended, looking after it meanwhile. Other threads may use
 * it: nothing is held while this one sleeps. Errors: KIN_E_TIMED_OUT, KIN_E_BUSY (neither closed nor terminated). */
KIN_API kin_status kin_pool_join(kin_pool *pool, int64_t timeout);

/* Looks after the pool, as waiting does. For a program that waits elsewhere. It waits itself for workers that are just
 * ending only, 20 ms at most. O(W + N + their batches). */
KIN_API kin_status kin_pool_poll(kin_pool *pool);

typedef struct kin_pool_info {
    size_t size;                         /* of this struct, in bytes; its _INIT macro sets it */
    uint32_t workers;                    /* that there should be */
    uint32_t alive;                      /* that there are */
    uint64_t started;                    /* ever */
    uint64_t died;                       /* of them, by themselves, by others, or over a task's limit */
    int closed;                          /* 1 or 0 */
    int broken;                          /* 1: too many workers ended before they had begun, and none is left */
    kin_exit last;                       /* how the last of those ended; code KIN_EXIT_START: it could not join */
    uint32_t pids[KIN_POOL_WORKERS_MAX]; /* of the alive */
    int status;                          /* what the initializer returned when it failed last, 0: it has not; */
    char message[KIN_TASK_MESSAGE];      /* and its message */
} kin_pool_info;

#define KIN_POOL_INFO_INIT                                                                                             \
    {                                                                                                                  \
        sizeof(kin_pool_info), 0, 0, 0, 0, 0, 0, {0, 0, 0, 0, 0, {0, 0, 0}}, {0}, 0,                                   \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }

KIN_API kin_status kin_pool_inspect(kin_pool *pool, kin_pool_info *info);

/* ---- work ---- */

typedef struct kin_future kin_future;

typedef struct kin_job {
    size_t size;          /* of this struct, in bytes; its _INIT macro sets it */
    const char *task;     /* the name of a task registered with kin_register_tasks */
    const kin_args *args; /* bytes and objects (locks, queues, ...), copied now; no handles; or NULL */
    const void
        *in; /* count 0: in_size bytes, copied now. Else an array in the family's memory, borrowed until all is done */
    size_t in_size;  /* bytes of one */
    void *out;       /* count 0: unused, the future has room for out_size bytes. Else an array; may be `in` itself */
    size_t out_size; /* bytes of one; 0: none */
    size_t count;    /* items; 0: one, alone */
    size_t chunk;    /* items of one task; 0: chosen so that each worker gets some sixteen tasks */
    /* A task of which a worker died, or that took longer than `limit`, is tried so many times more (200 at most). It
     * runs from its beginning, with kin_task's attempt one higher: what an attempt before has done to the world, to out
     * or to in, stays done. 0 is for tasks that must not run twice. */
    uint32_t retries;
    /* Nanoseconds a task may take, then its worker is killed, within 20 ms; 0: any time. A task within it is not. Costs
     * a task one look at the clock and one atomic operation. */
    int64_t limit;
    void (*progress)(void *context, uint64_t done,
                     uint64_t total); /* items, as they get more while kin_future_wait waits; or NULL */
    /* Called once, by a thread that tends the pool, without any lock; or NULL. It may call all functions: submit, wait
     * for other futures, destroy the pool; and close this future, unless a thread waits for it. */
    void (*finished)(void *context, kin_future *future);
    void *context;
} kin_job;

#define KIN_JOB_INIT                                                                                                   \
    {                                                                                                                  \
        sizeof(kin_job), NULL, NULL, NULL, 0, NULL, 0, 0, 0, 0, 0, NULL, NULL, NULL                                    \
    }

/* Gives the pool work; does not wait for it, but, up to timeout, for room: some thousand works may be unbegun. *out
 * is the caller's; kin_future_close. O(tasks / 256 + what is copied), and the waking of as many sleeping workers as
 * there are batches for. Memory of closed works is there for the next ones. Errors: KIN_E_ARGUMENT, KIN_E_ENTRY (not
 * registered), KIN_E_NOT_SHARED (an array is not in the pool's family), KIN_E_FAMILY (args of another one),
 * KIN_E_UNSUPPORTED (handles among args), KIN_E_CLOSED, KIN_E_WORKER_DIED (the pool is broken), KIN_E_TIMED_OUT,
 * KIN_E_TOO_BIG, KIN_E_NO_MEMORY. */
KIN_API kin_status kin_pool_submit(kin_future **out, kin_pool *pool, const kin_job *work, int64_t timeout);

typedef struct kin_job_result {
    size_t size;    /* of this struct, in bytes; its _INIT macro sets it */
    uint64_t tasks; /* that the work had */
    uint64_t done, failed, died, cancelled, unfinished;
    uint64_t task; /* the first trouble that was noticed: which task; it begins with item task * chunk, */
    /* What it returned; KIN_E_WORKER_DIED or KIN_E_TIMED_OUT (its limit) if it did not, and how its worker ended then.
     * Of a broken pool: what the initializer returned and said, and how the last worker ended that did not begin. */
    int status;
    kin_exit worker;
    char message[KIN_TASK_MESSAGE]; /* its message */
} kin_job_result;

#define KIN_JOB_RESULT_INIT                                                                                            \
    {                                                                                                                  \
        sizeof(kin_job_result), 0, 0, 0, 0, 0, 0, 0, 0, {0, 0, 0, 0, 0, {0, 0, 0}},                                    \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }

/* Submits and waits for all; with count 0 the result is copied to work->out. outcome, if not null, tells more.
 * Errors: those of kin_pool_submit and kin_future_wait; at KIN_E_TIMED_OUT the work is ended as by kin_future_kill:
 * nobody uses its arrays when the call returns, which is a few milliseconds after the timeout. */
KIN_API kin_status kin_pool_map(kin_pool *pool, const kin_job *work, kin_job_result *outcome, int64_t timeout);

/* Waits until all its tasks have ended. O(1); O(tasks) if one has failed. KIN_OK: all are done. Errors:
 * KIN_E_TIMED_OUT (it goes on), KIN_E_TASK (a task returned something else than 0), KIN_E_WORKER_DIED (of a task, or
 * the pool is broken), KIN_E_CANCELLED; of several the first of these. */
KIN_API kin_status kin_future_wait(kin_future *future, int64_t timeout);

/* 1 if all its tasks have ended, else 0. Tends the pool. */
KIN_API int kin_future_ready(kin_future *future);

/* What was submitted alone: waits, then gives its result, which stays the future's. Errors: those of kin_future_wait;
 * KIN_E_UNSUPPORTED (an array's work). */
KIN_API kin_status kin_future_get(const void **result, size_t *size, kin_future *future, int64_t timeout);

/* The next task that has ended: *first and *count are its items, *status what it returned (as kin_job_result's;
 * KIN_E_CANCELLED). In order: that of the first items, and so on, each when all before it have been given; else as
 * they end; tasks of a batch that is being run may come 20 ms late. Do not mix both on one future. O(1), however many
 * tasks have been given, or run for long; at worst O(W). Errors: KIN_E_END (all have been given),
 * KIN_E_TIMED_OUT, KIN_E_NO_MEMORY, KIN_E_DAMAGED (another member has written over how its tasks ended). */
KIN_API kin_status kin_future_next(kin_future *future, int in_order, uint64_t *first, uint64_t *count, int *status,
                                   int64_t timeout);

/* How it stands, or ended. O(tasks). */
KIN_API kin_status kin_future_inspect(kin_future *future, kin_job_result *outcome);

/* Cancels its tasks that nobody has begun; those are KIN_E_CANCELLED. KIN_OK: all have ended; KIN_E_BUSY: some are
 * being run, see kin_future_kill. O(tasks that have not begun). */
KIN_API kin_status kin_future_cancel(kin_future *future);

/* Ends it now: cancels its tasks that nobody has begun, and kills the workers that run the others. Those tasks are
 * KIN_E_CANCELLED, too, and not tried again; what they have done so far stays done: a half-written out, messages,
 * locks whose next owner is told KIN_OWNER_DIED. Other works' tasks are not touched, and others replace the workers.
 * Takes about a millisecond, and a worker's start. KIN_OK: all tasks have ended; some may have ended before, in
 * another way. Errors: KIN_E_ARGUMENT, KIN_E_NOT_OWNER, KIN_E_BUSY (the system has not ended a worker within a
 * second). */
KIN_API kin_status kin_future_kill(kin_future *future);

/* Cancels what has not begun, waits for what has (kin_future_kill first: kills it), and frees it. NULL: nothing. O(1),
 * beside what is cancelled. */
KIN_API void kin_future_close(kin_future *future);

KIN_END

#endif
