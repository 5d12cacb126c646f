/* pool.h: a pool of worker processes that run tasks.
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
 *     static const kin_task_entry tasks[] = {{"square", square}};
 *
 *     int main(void)
 *     {
 *         kin_register_tasks(tasks, 1);          // before kin_child_main
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
 * Death of a worker: if a worker dies in any way, only the task that it was running fails, unless it is tried again
 * (retries in kin_job). The other workers do the rest of its tasks, and a new worker replaces it.
 * Death of the owner: when the process that created the pool dies in any way, its workers are killed (see
 * die_with_parent in process.h). What it had in the family's memory (50 KiB and its jobs) stays there until the family
 * ends, because a worker may still use it for a moment. kin_process_children lists the workers, but only the pool joins
 * and closes them.
 *
 * kin starts no thread. The program's threads service the pool (replace dead workers, enforce time limits, call
 * callbacks) while they wait in one of the functions below, and in kin_pool_poll. A waiting thread notices a death
 * within 20 ms.
 *
 * Cost: W is the number of workers, N the number of unfinished jobs (at most 4096; kin_pool_submit waits for room).
 * Workers take tasks in batches of at most 256; in a batch, a task costs a worker some ten nanoseconds. Each function
 * states its cost; if it states none, it is O(1). Servicing the pool is O(W + N + their batches), with one system call
 * per worker. A waiting thread does it every 20 ms, and when a worker has left. A job takes in the family's memory:
 * half a kilobyte, its arguments, in and out if it is a single-item job (count 0 in kin_job), its inputs (kin_job) and
 * 16 bytes for each, 1 byte per task, 20 bytes per batch. For each batch in which a task fails that is not the job's
 * first failure: 4 bytes per task of the batch. For each batch in which a task asks for an output (kin_task_output): 16
 * bytes per task of the batch, and the outputs.
 *
 * A pool belongs to the process that created it. All threads of that process may use it at the same time; one future is
 * for one thread at a time. In any other process, also a forked child, the functions return KIN_E_NOT_OWNER. All
 * functions that return a status return KIN_E_ARGUMENT (null, unless said otherwise; negative timeout). Timeouts are in
 * nanoseconds.
 */
#ifndef KIN_POOL_H
#define KIN_POOL_H

#include "process.h"
#include "ref.h"

KIN_BEGIN

/* ---- in the worker ---- */

#define KIN_TASK_MESSAGE 128u

typedef struct kin_task {
    /* count items of in_size bytes, one after the other. If the job has inputs of any sizes (kin_job): that input if
     * count is 1, else NULL and 0; see kin_task_input. */
    const void *in;
    void *out;                      /* room for count results of out_size bytes; zeroed only in a single-item job */
    size_t in_size, out_size;       /* bytes of one item, and of one result */
    size_t count;                   /* items of this task; 1 in a single-item job */
    uint64_t index;                 /* number of the first of these items in the job */
    uint32_t attempt;               /* 0; higher if workers died running this task before, see kin_job's retries */
    const kin_args *args;           /* of the job; get objects as in a child (process.h) */
    const kin_args *shared;         /* of the pool */
    size_t out_used;                /* bytes of out that are the result, in a single-item job and after
                                     * kin_task_output; out_size unless changed */
    char message[KIN_TASK_MESSAGE]; /* the task may write here why it failed; kin_job_result shows it */
    void *internal;                 /* kin's own */
} kin_task;

/* A task that workers can run. run runs in a worker. It returns 0: done; any other number: failed, and kin_job_result
 * has that number as its status. */
typedef struct kin_task_entry {
    const char *name; /* 1 to KIN_TASK_NAME_MAX bytes */
    int (*run)(kin_task *task);
} kin_task_entry;

/* Gives input i (less than task->count) of the task, in shared memory, aligned to 16 bytes if it is one of the job's
 * inputs. *data is valid until the task returns. Only the thread that runs the task may call this; task must be the
 * struct that it was given. Errors: KIN_E_ARGUMENT (null, i too large), KIN_E_DAMAGED (a member overwrote the job). */
KIN_API kin_status kin_task_input(const void **data, size_t *size, const kin_task *task, size_t i);

/* Gives the task an output of size bytes, in place of the room that the job has for it: *out, also task->out, with
 * task->out_size and task->out_used set to size. It lies in the family's memory, is aligned to 16 bytes and not zeroed.
 * The task writes its result there. It may lower out_used, and it may call this again: then the earlier output is
 * freed, with what was written. The limit is the family's reserve (family.h).
 *
 * The process that submitted the job gets the output with kin_future_get (single-item job), kin_future_output or
 * kin_future_take. It is one output for the whole task: with chunk 1, one for each item. The output belongs to the job
 * and is freed with the future. If the worker dies, what it has made is freed before the next attempt, or with the
 * future.
 *
 * Cost: as kin_alloc, without zeroing. The first call in a batch (at most 256 tasks) allocates a table as well.
 * Threads: as kin_task_input. Errors: KIN_E_ARGUMENT (null), KIN_E_UNSUPPORTED (in an initializer), KIN_E_NO_MEMORY
 * (the family's reserve is used up), KIN_E_TOO_BIG (more than 64 GiB), KIN_E_LIMIT, KIN_E_BUSY, KIN_E_HANDLE (as
 * kin_alloc), KIN_E_DAMAGED (a member overwrote the job). After an error in a second call the task has no output. */
KIN_API kin_status kin_task_output(void **out, kin_task *task, size_t size);

/* Registers the count tasks that workers can run. entries is borrowed and must stay valid. Call it once, before
 * kin_child_main, because spawned workers do not return from that. Errors: KIN_E_ARGUMENT (null, no run, a name twice,
 * empty or too long), KIN_E_TOO_LATE (kin_child_main was called before; spawned workers would not have these tasks). */
KIN_API kin_status kin_register_tasks(const kin_task_entry *entries, size_t count);

/* ---- the pool ---- */

typedef struct kin_pool kin_pool;

#define KIN_POOL_WORKERS_MAX 255u

typedef struct kin_pool_options {
    size_t size;             /* of this struct, in bytes; its _INIT macro sets it */
    uint32_t workers;        /* 0: kin_cpu_count */
    kin_start_method method; /* how workers are started */
    /* Name of a registered task that each worker runs first, with in and out NULL; or NULL. If it does not return 0,
     * the worker ends. Its return value and message are in kin_pool_info, and in the results of jobs that are not done
     * because of it. */
    const char *initializer;
    /* Arguments of the pool, for the initializer and all tasks; borrowed until the pool is destroyed; or NULL. */
    const kin_args *args;
    uint64_t max_tasks; /* a worker ends after this many tasks and is replaced; 0: no limit */
    /* A worker has begun when its initializer has returned 0. If this many workers in a row end before they have begun
     * or cannot be started, and no worker that has begun is left, the pool is broken. 0: 4 plus the number of workers.
     * While other workers run, the pool goes on with those, and retries to start one more and more rarely, in the end
     * about twice a second. */
    uint32_t max_failures;
    /* 1: the pool starts no worker. Processes that the program starts itself work in it with kin_pool_work. workers is
     * then the number of them that is expected: large arrays are divided for so many. args must have no handles, and
     * max_tasks must be 0. */
    int external;
} kin_pool_options;

#define KIN_POOL_OPTIONS_INIT                                                                                          \
    {                                                                                                                  \
        sizeof(kin_pool_options), 0, KIN_START_DEFAULT, NULL, NULL, 0, 0, 0                                            \
    }

/* Creates a pool in the family (family NULL: this process's own family) and starts its workers. Does not wait for them
 * to begin. options NULL: all defaults; the call copies them, but borrows args. Free the pool with kin_pool_destroy.
 * Each worker takes one member and one thread slot of the family.
 * Errors: KIN_E_ARGUMENT (also more than KIN_POOL_WORKERS_MAX workers, options->size unknown, external and max_tasks is
 * not 0), KIN_E_ENTRY (initializer is not registered), KIN_E_UNSUPPORTED (external, and args has handles), KIN_E_LIMIT
 * (more than 62 arguments; or the family does not have so many free members or thread slots, see max_members and
 * max_threads in family.h. A process that is just starting has not taken its own yet), those of kin_alloc and
 * kin_process_start. */
KIN_API kin_status kin_pool_create(kin_pool **out, kin_family *family, const kin_pool_options *options);

/* ---- a pool whose workers the program starts ----
 *
 *     kin_pool_options options = KIN_POOL_OPTIONS_INIT;      // in the process that has the work
 *     options.external = 1;
 *     kin_pool_create(&pool, family, &options);
 *     kin_pool_ref(&ref, pool);                              // 16 bytes for the workers: in kin_args, a file, a queue
 *
 *     kin_register_tasks(tasks, 1);                          // in each worker, a member of the family
 *     kin_pool_work(ref, 0, KIN_FOREVER);                    // until the pool is closed
 *
 * A worker is a thread of any process of the family: one that was started by fork and exec, by CreateProcess, by
 * kin_process_start or by a supervisor. It may come and leave at any time. At most KIN_POOL_WORKERS_MAX at a time.
 *
 * Jobs wait as long as there is no worker. kin_pool_info's `alive` is 0 then; a wait that times out meanwhile returns
 * KIN_E_TIMED_OUT, and kin_last_error says that the pool has no worker.
 *
 * Death of a worker (its process dies in any way, or its thread ends in a task): the task that it was running fails, or
 * is tried again (retries in kin_job), as in any pool. Nobody starts another one. How the worker ended is not known to
 * the pool: `worker` in kin_job_result is all zero.
 *
 * kin does not kill these workers. So kin_pool_submit refuses a limit, kin_future_kill cancels what has not begun and
 * returns KIN_E_BUSY as long as a task runs, kin_pool_map returns at its timeout only when the tasks that run have
 * ended, kin_pool_terminate lets each worker end its task, and kin_pool_destroy waits for that. A program that must not
 * wait kills the worker itself: kin_pool_info has the pids. kin_pool_resize returns KIN_E_UNSUPPORTED.
 *
 * Death of the owner: the workers return KIN_E_CLOSED from kin_pool_work, within five seconds or after their task. What
 * the pool had in the family's memory stays there, as above. */

/* Writes a reference to the pool, whose options.external is 1, for kin_pool_work. It may be copied and stored. With
 * kin_ref_get (KIN_TYPE_MEMORY) and kin_name_set it can have a name. Errors: KIN_E_ARGUMENT (null), KIN_E_UNSUPPORTED
 * (the pool starts its own workers). */
KIN_API kin_status kin_pool_ref(kin_ref *out, kin_pool *pool);

/* Makes the calling thread a worker of the pool that the reference names: runs the pool's initializer and then tasks.
 * Returns
 *   KIN_OK             the pool is closed or terminated and has no task left to take; or max_tasks tasks were run (0:
 *                      any number)
 *   KIN_E_TIMED_OUT    no task has come for `timeout`. KIN_NOW: there is none now
 *   KIN_E_INTERRUPTED  kin_thread_interrupt has ended the wait for a task; or it came before, or during a task, which
 *                      was done
 *   KIN_E_CLOSED       the process that owns the pool has ended
 *   KIN_E_TASK         the initializer did not return 0; kin_last_error has its number and message
 *   KIN_E_STALE        the pool is destroyed, or the reference is forged
 *   KIN_E_TYPE         the reference is not one of kin_pool_ref
 *   KIN_E_ARGUMENT     timeout is negative
 *   KIN_E_LIMIT        the pool has KIN_POOL_WORKERS_MAX workers; or the family has no free thread slot
 *   KIN_E_FAMILY       the reference is of a family that this process is not in
 *   KIN_E_NO_MEMORY    of this process, for the pool's arguments
 * The tasks must be registered in this process (kin_register_tasks); a task that is not fails with KIN_E_ENTRY. Several
 * threads of a process may work, each in its own call. A task may call any function but kin_pool_destroy of its own
 * pool. The call waits as any other of kin while there is no task, and uses no processor. Cost: O(1) to begin and to
 * leave; a task as in any pool. If the process is killed in here, see above. */
KIN_API kin_status kin_pool_work(kin_ref pool, uint64_t max_tasks, int64_t timeout);

/* Terminates the pool, unless its workers have ended, and frees it. A callback of the pool may call this. No other
 * thread may be in a call with the pool. Its futures must still be closed, before or after; unfinished ones are
 * cancelled. NULL, and in a process that does not own the pool: does nothing. */
KIN_API void kin_pool_destroy(kin_pool *pool);

/* Changes the number of workers: starts new ones, or lets surplus ones end after their current task. Errors:
 * KIN_E_ARGUMENT (workers is 0 or above KIN_POOL_WORKERS_MAX), KIN_E_CLOSED (the pool is closed, terminated or broken),
 * KIN_E_LIMIT (as kin_pool_create; nothing changes), those of kin_process_start. */
KIN_API kin_status kin_pool_resize(kin_pool *pool, uint32_t workers);

/* Closes the pool: no further job is accepted. Submitted jobs are still done; then the workers end. KIN_OK also if it
 * was closed already. Cost: O(W), it wakes the workers. */
KIN_API kin_status kin_pool_close(kin_pool *pool);

/* Kills the workers now, whatever they do, and cancels all unfinished jobs. External workers are not killed: each ends
 * its task. Cost: O(W + N + their tasks), some
 * milliseconds. */
KIN_API kin_status kin_pool_terminate(kin_pool *pool);

/* Waits until all workers of a closed or terminated pool have ended, and services the pool meanwhile. Other threads may
 * use the pool at the same time: no lock is held while this thread sleeps. Errors: KIN_E_TIMED_OUT,
 * KIN_E_INTERRUPTED (thread.h; within 20 ms), KIN_E_BUSY (the pool is neither closed nor terminated). */
KIN_API kin_status kin_pool_join(kin_pool *pool, int64_t timeout);

/* Services the pool once, as waiting does. It is for a program that waits elsewhere. It waits only for workers that are
 * just ending, 20 ms at most. Cost: O(W + N + their batches). */
KIN_API kin_status kin_pool_poll(kin_pool *pool);

typedef struct kin_pool_info {
    size_t size;      /* of this struct, in bytes; its _INIT macro sets it */
    uint32_t workers; /* intended number of workers */
    uint32_t alive;   /* actual number of workers; in an external pool, of those that are not known to be dead */
    uint64_t started; /* workers started since the pool was created */
    uint64_t died;    /* of these, the ones that crashed, exited, were killed from outside or exceeded a task's limit */
    int closed;       /* 1: closed or terminated, else 0 */
    int broken;       /* 1: too many workers ended before they had begun, and none is left */
    kin_exit last;    /* how the last such worker ended; code KIN_EXIT_START: it could not join the family */
    uint32_t pids[KIN_POOL_WORKERS_MAX]; /* of the alive workers */
    int status;                          /* what the initializer returned when it last failed; 0: it has not failed */
    char message[KIN_TASK_MESSAGE];      /* the message of that failure */
} kin_pool_info;

#define KIN_POOL_INFO_INIT                                                                                             \
    {                                                                                                                  \
        sizeof(kin_pool_info), 0, 0, 0, 0, 0, 0, {0, 0, 0, 0, 0, {0, 0, 0}}, {0}, 0,                                   \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }

/* Writes the state of the pool at this moment to *info. Errors: KIN_E_ARGUMENT (also info->size unknown). */
KIN_API kin_status kin_pool_inspect(kin_pool *pool, kin_pool_info *info);

/* ---- jobs ---- */

typedef struct kin_future kin_future;

/* Bytes of the caller's. */
typedef struct kin_bytes {
    const void *data; /* may be NULL if size is 0 */
    size_t size;
} kin_bytes;

/* A job is either a single-item job (count 0) or an array of items (count > 0), divided into tasks of chunk items. */
typedef struct kin_job {
    size_t size;          /* of this struct, in bytes; its _INIT macro sets it */
    const char *task;     /* name of a task registered with kin_register_tasks */
    const kin_args *args; /* bytes and objects (locks, queues, ...), copied by kin_pool_submit; no handles; or NULL */
    /* count 0: in_size bytes, copied by kin_pool_submit. Else an array in the family's memory, borrowed until all tasks
     * have ended. */
    const void *in;
    size_t in_size; /* bytes of one item */
    /* count 0: used by kin_pool_map only; the future has its own room for out_size bytes. Else an array in the family's
     * memory, borrowed until all tasks have ended; it may be the same as in. */
    void *out;
    size_t out_size; /* bytes of one result; 0: none */
    size_t count;    /* items; 0: a single-item job */
    size_t chunk;    /* items of one task; 0: chosen so that each worker gets about sixteen tasks */
    /* How many more times a task is tried if its worker died or it exceeded `limit`; at most 200. A retry runs the task
     * from its beginning, with kin_task's attempt one higher. Effects of the failed attempts, also on in and out, stay.
     * Use 0 for tasks that must not run twice. */
    uint32_t retries;
    /* Nanoseconds that a task may take; 0: no limit. The worker of a task that exceeds it is killed within 20 ms; a
     * task that stays within it is not killed. A limit costs each task one reading of the clock and one atomic
     * operation. */
    int64_t limit;
    /* Called by the thread that waits in kin_future_wait or kin_pool_map, when more items are done; or NULL. done and
     * total are numbers of items. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    /* Called once, when all tasks have ended, by a thread that services the pool; no lock is held; or NULL. It may call
     * all functions: submit, wait for other futures, destroy the pool. It may close this future, unless a thread waits
     * for it. */
    void (*finished)(void *context, kin_future *future);
    void *context; /* for progress and finished */
    /* NULL; or, for a job with count > 0 whose inputs differ in size: count inputs, of any sizes, also 0. They are
     * copied by kin_pool_submit into one block of the family's memory, which belongs to the job. in must be NULL, and
     * in_size 0. A task finds them by kin_task_input. */
    const kin_bytes *inputs;
} kin_job;

#define KIN_JOB_INIT                                                                                                   \
    {                                                                                                                  \
        sizeof(kin_job), NULL, NULL, NULL, 0, NULL, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL                              \
    }

/* Submits a job. Does not wait for the job itself, but waits at most timeout while there is no room: a pool has at most
 * 4096 unfinished jobs. The call copies *job. *out is the job's future; free it with kin_future_close. The memory of
 * closed futures is reused for later jobs.
 * Cost: O(tasks / 256 + bytes copied), and waking at most one sleeping worker per batch.
 * Errors:
 *   KIN_E_ARGUMENT     null, job->size unknown, limit negative, retries above 200, in is null and in_size is not 0;
 *                      inputs with count 0, or beside in, or one of them is null and has a size
 *   KIN_E_ENTRY        the task is not registered
 *   KIN_E_NOT_SHARED   in or out of an array is not in the pool's family
 *   KIN_E_FAMILY       args belongs to another family
 *   KIN_E_UNSUPPORTED  args contains handles, or a limit in an external pool
 *   KIN_E_CLOSED       the pool is closed or terminated
 *   KIN_E_WORKER_DIED  the pool is broken
 *   KIN_E_TIMED_OUT    there is no room
 *   KIN_E_INTERRUPTED  kin_thread_interrupt ended the wait for room (thread.h)
 *   KIN_E_TOO_BIG      the job has more tasks or bytes than one job can have: 64 GiB
 *   KIN_E_NO_MEMORY    and the other errors of kin_alloc: the limit is the family's reserve (family.h) */
KIN_API kin_status kin_pool_submit(kin_future **out, kin_pool *pool, const kin_job *job, int64_t timeout);

typedef struct kin_job_result {
    size_t size;    /* of this struct, in bytes; its _INIT macro sets it */
    uint64_t tasks; /* tasks of the job */
    /* How many of them are done, failed (returned another number than 0), died (their worker died, or they exceeded the
     * limit), were cancelled, or are unfinished. */
    uint64_t done, failed, died, cancelled, unfinished;
    uint64_t task; /* the first failure that was noticed: the number of its task; its first item is task * chunk */
    /* Of that task: what it returned; or KIN_E_WORKER_DIED or KIN_E_TIMED_OUT (it exceeded the limit), and then worker
     * says how its worker ended. 0: no failure. If the pool is broken: what the initializer returned and its message,
     * and how the last worker ended that did not begin. */
    int status;
    kin_exit worker;
    char message[KIN_TASK_MESSAGE]; /* of that task */
} kin_job_result;

#define KIN_JOB_RESULT_INIT                                                                                            \
    {                                                                                                                  \
        sizeof(kin_job_result), 0, 0, 0, 0, 0, 0, 0, 0, {0, 0, 0, 0, 0, {0, 0, 0}},                                    \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }

/* Submits the job and waits until all its tasks have ended. For a single-item job, the result is copied to job->out:
 * all out_size bytes; after kin_task_output, as many as there are. If an output is longer than out_size, out_size bytes
 * are copied and the status is KIN_E_BUFFER: for outputs of any size use kin_pool_submit and kin_future_get. The
 * outputs of an array's tasks are freed.
 * *result, if result is not null, is the job result, also if the job fails; if the pool is broken, it says why.
 * Errors: those of kin_pool_submit and kin_future_wait. After KIN_E_TIMED_OUT and KIN_E_INTERRUPTED the job is ended
 * as by kin_future_kill: no worker uses its arrays any more when the call returns, a few milliseconds later. */
KIN_API kin_status kin_pool_map(kin_pool *pool, const kin_job *job, kin_job_result *result, int64_t timeout);

/* Waits until all tasks of the job have ended, and services the pool meanwhile. KIN_OK: all are done. Cost: O(1);
 * O(tasks) if one has failed.
 * Errors; if several apply, the first of them is returned:
 *   KIN_E_TIMED_OUT    the job goes on
 *   KIN_E_INTERRUPTED  the job goes on; kin_thread_interrupt ended the wait (thread.h)
 *   KIN_E_TASK         a task returned another number than 0
 *   KIN_E_WORKER_DIED  a task's worker died, a task exceeded the limit, or the pool is broken
 *   KIN_E_CANCELLED    a task was cancelled */
KIN_API kin_status kin_future_wait(kin_future *future, int64_t timeout);

/* Returns 1 if all tasks of the job have ended, else 0; also 0 for NULL and in a process that does not own the pool.
 * Services the pool. */
KIN_API int kin_future_ready(kin_future *future);

/* Waits for a single-item job, as kin_future_wait, and gives its result. *result is valid until kin_future_close or
 * kin_future_take; *size (size may be NULL) is its length. Errors: those of kin_future_wait; KIN_E_UNSUPPORTED (the job
 * is an array); KIN_E_DAMAGED (another member overwrote the job). */
KIN_API kin_status kin_future_get(const void **result, size_t *size, kin_future *future, int64_t timeout);

/* Gives the output that a task has made with kin_task_output: the task that item `item` belongs to (0 in a single-item
 * job). *data is valid until kin_future_close or kin_future_take of that task. The task must be done: ask after
 * kin_future_next has given it with status 0, or after kin_future_wait.
 * Errors: KIN_E_ARGUMENT (null, there is no such item), KIN_E_BUSY (the task has not ended), KIN_E_TASK,
 * KIN_E_WORKER_DIED, KIN_E_TIMED_OUT, KIN_E_CANCELLED (it was not done, as kin_future_next says), KIN_E_NOT_FOUND (it
 * has made no output, or the output was taken), KIN_E_DAMAGED (another member overwrote it). */
KIN_API kin_status kin_future_output(const void **data, size_t *size, kin_future *future, uint64_t item);

/* The same, and the output is the caller's from now on: a block of the family's memory, to be freed with kin_free, also
 * by another process. So a program with many large outputs frees each when it has used it. If the process is killed in
 * here, the block belongs either to the job or to nobody, as one of kin_alloc. Errors: as kin_future_output. */
KIN_API kin_status kin_future_take(void **data, size_t *size, kin_future *future, uint64_t item);

/* Gives the next task that has ended. Its items are *first to *first + *count - 1. *status (status may be NULL) is 0
 * (done), what the task returned, KIN_E_TASK (it failed, but what it returned is not known), KIN_E_WORKER_DIED,
 * KIN_E_TIMED_OUT (it exceeded the limit) or KIN_E_CANCELLED. in_order 1: tasks are given in the order of their items,
 * each after all tasks before it. in_order 0: tasks are given as they end. A task in a batch that is still running may
 * be given 20 ms late. Do not mix both orders on one future. Cost: O(1), however many tasks have been given or run for
 * long; at worst O(W). Errors: KIN_E_END (all tasks have been given), KIN_E_TIMED_OUT, KIN_E_INTERRUPTED (thread.h),
 * KIN_E_NO_MEMORY, KIN_E_DAMAGED (another member overwrote the states of the tasks). */
KIN_API kin_status kin_future_next(kin_future *future, int in_order, uint64_t *first, uint64_t *count, int *status,
                                   int64_t timeout);

/* Writes the present state of the job, or its final result, to *result. Cost: O(tasks). Errors: KIN_E_ARGUMENT (also
 * result->size unknown). */
KIN_API kin_status kin_future_inspect(kin_future *future, kin_job_result *result);

/* Cancels the tasks of the job that have not begun; they end with KIN_E_CANCELLED. KIN_OK: all tasks have ended. Cost:
 * O(tasks that have not begun). Errors: KIN_E_BUSY (some tasks are still running; see kin_future_kill). */
KIN_API kin_status kin_future_cancel(kin_future *future);

/* Ends the job now: cancels the tasks that have not begun, and kills the workers that run the others. These tasks end
 * with KIN_E_CANCELLED too and are not tried again. Their effects stay: a half-written out, messages, locks whose next
 * owner gets KIN_OWNER_DIED. Tasks of other jobs are not affected; new workers replace the killed ones. Takes about a
 * millisecond plus the start of a worker. KIN_OK: all tasks have ended; some may have ended otherwise before. Errors:
 * KIN_E_BUSY (the system has not ended a worker within a second). */
KIN_API kin_status kin_future_kill(kin_future *future);

/* Cancels the tasks that have not begun, waits for those that have, and frees the future. Call kin_future_kill before
 * to kill them instead of waiting. NULL, and in a process that does not own the pool: does nothing. Cost: O(1) plus
 * what is cancelled. */
KIN_API void kin_future_close(kin_future *future);

KIN_END

#endif
