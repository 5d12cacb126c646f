/* step.h: what the files of step_kill share. */
#ifndef STEP_H
#define STEP_H

#include <kin/kin.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "../step_os.h"

#define LIMIT KIN_SECONDS(1)
#define POOL_LIMIT KIN_SECONDS(10) /* where a hundred tasks are done, and processes started, by then */

typedef struct place {
    kin_lock lock, recursive, worn; /* worn: perhaps poisoned */
    kin_sem sem;
    kin_event event;
    kin_cond cond;
    kin_barrier barrier;
    kin_rwlock rwlock, worn_rw;
    kin_counter counter;
    ptrdiff_t queue_at;  /* from here: a joinable queue, */
    ptrdiff_t leased_at; /* a leased semaphore of two permits, */
    ptrdiff_t value_at;  /* a value with its lock, */
    ptrdiff_t dict_at;   /* a dict, */
    ptrdiff_t list_at;   /* a list */
    void *block;
    const void *message;
    kin_ref pool;                /* the tracer's, in which the victim works */
    _Atomic int asleep, through; /* of the sleeper */
    kin_sem ready, go;           /* the victim's */
    char name[32];               /* of a family */
    int unusable;
    uint32_t together; /* messages in one call of the victim's; 0: one */
} place;

static inline kin_queue *queue_of(place *it)
{
    return (kin_queue *)(void *)((char *)it + it->queue_at);
}

static inline kin_sem *leased_of(place *it)
{
    return (kin_sem *)(void *)((char *)it + it->leased_at);
}

static inline kin_value *value_of(place *it)
{
    return (kin_value *)(void *)((char *)it + it->value_at);
}

static inline kin_dict *dict_of(place *it)
{
    return (kin_dict *)(void *)((char *)it + it->dict_at);
}

static inline kin_list *list_of(place *it)
{
    return (kin_list *)(void *)((char *)it + it->list_at);
}

typedef void action(place *it);

typedef struct pool_course pool_course; /* pool.c */

/* One operation, and the other processes that take part. An action that is left out does not happen. */
typedef struct scenario {
    const char *object, *role;
    const char *steps;         /* the public functions that the operation calls */
    action *before;            /* the victim, not yet stepped */
    action *operation;         /* the victim, stepped */
    action *sleep;             /* another process, which sleeps for what the operation does */
    action *arrange;           /* the tracer, before there is a victim */
    action *finish;            /* the tracer, afterwards: does for the sleeper what the victim may not have done */
    action *conclude;          /* the tracer, when all has been used */
    const pool_course *course; /* a worker of a pool is stepped, instead of all of these */
    bool held;                 /* the tracer holds lock, and rwlock for writing, meanwhile */
    bool owned;                /* no block of memory may be left */
    bool slow;                 /* afterwards the tracer starts processes: POOL_LIMIT */
    bool stranger;             /* the victim is not a member all the time: before does not join, or it leaves */
    bool even;                 /* it takes the same instructions each time: --compare */
} scenario;

typedef struct subject { /* a file's scenarios */
    const scenario *rows;
    size_t count;
} subject;

extern const subject step_locks, step_values, step_containers, step_queues, step_families, step_objects, step_pools;

/* The scenario of that number, counted through all subjects; NULL: there are fewer. */
const scenario *scenario_at(int which);

/* ---- actions that several files use ---- */

action lock_acquire, lock_release, lock_both, lock_try, sem_release, write_acquire, rw_release;

/* ---- children, as registered with kin_child_main ---- */

typedef int child(const kin_args *args);

child child_be_killed, child_recover, child_sleep;                         /* victim.c */
child child_hold_and_end, child_die_in_dict, child_make_family, child_end; /* for single scenarios */

/* ---- victim.c ---- */

typedef struct tally {
    int steps; /* of the whole operation, as far as it goes */
    int tried; /* of these, if each was to be: those within long loops may be left out */
    int kills;
    int64_t worst; /* ns until all was in order again */
    const char *wrong;
    int wrong_at;
    uint64_t found; /* after the last kill: a digest of what the checks saw */
} tally;

extern step_kind step_by;

/* Kills after at most k steps; after how many. */
int kill_at(int which, int k, tally *out);

/* Steps through all of it, and notes after which instructions, counted from 1, others could see something else. Returns
 * how many; at most `most` are noted. *length: all instructions. */
int64_t find_changes(int which, int64_t *at, int64_t most, int64_t *length);

/* As kill_at; then another process recovers, and is killed after at most `then` steps of that. *recovery: how many it
 * took. */
int kill_twice(int which, int k, int then, tally *out, int *recovery);

/* Stops the victim after k steps, for so long, lets it go on, and kills it at the end of the operation. */
int stop_at(int which, int k, int64_t ns, tally *out);

/* ---- recover.c ---- */

void recover(const scenario *what, place *it);
#define RECOVERY_BLOCKS 2 /* that recover allocates for "memory"; a process that is killed leaves its blocks */

/* While the victim stands still: what others do, and what they see wrong, when it goes on. */
void begin_meanwhile(const scenario *what, place *it);
void end_stop(void);
const char *end_meanwhile(void);

/* ---- pool.c ---- */

extern const kin_task_entry pool_functions[];
extern const size_t pool_function_count;

/* Makes a pool, has it work, and kills a worker of it after at most k steps; how many it took. */
int pool_kill(const pool_course *course, int k);
/* What does not go on in that pool; it is destroyed. */
const char *use_pool(void);

/* Another process of this program, which gets the place; run: until it has ended. */
kin_process *start_helper(const char *entry, place *it);
void run_helper(const char *entry, place *it);

/* ---- what has to hold afterwards; each says what does not, or NULL ---- */

/* What they see on their way: note, and found since the last call of found_since. */
void note(int64_t seen);
uint64_t found_since(void);

const char *use_all(place *it);
const char *use_queue(place *it);
extern uint32_t deaths; /* each may lose the messages of one call: kin_queue_info's lost_puts and lost_gets */
const char *use_dict(place *it);
const char *use_list(place *it);
const char *count_values(const place *it);
const char *find_remains(int names);
uint64_t count_blocks(void);

#endif
