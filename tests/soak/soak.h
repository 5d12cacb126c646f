/* soak.h: random use of everything for as long as wanted (test_soak.c), in phases. After each, all is as it was. */
#ifndef SOAK_H
#define SOAK_H

#include "support.h"

#define MORTALS 3 /* workers that are killed and replaced at random */
#define STEADY 2  /* those that are not: they have blocks of their own, too */
#define PERMITS 3
#define BLOCKS 400 /* of one steady worker, at most */
#define RESERVE (UINT64_C(48) << 20)

/* What the workers share. */
typedef struct place {
    kin_lock lock;
    kin_rwlock rwlock;
    kin_sem sem;
    kin_event stop, event;
    kin_cond changed;
    kin_barrier barrier;
    kin_counter steps;
    int64_t left, right; /* under lock, alike */
    int64_t here, there; /* under rwlock, alike */
} place;

typedef struct objects {
    place *it;
    kin_sem *leased;
    kin_value *value;
    kin_dict *dict;
    kin_list *list;
    kin_queue *queue;
} objects;

typedef struct chance {
    uint64_t seed;
    uint32_t largest; /* of sizes in this phase */
} chance;

static inline uint32_t next_random(chance *it, uint32_t below)
{
    it->seed = it->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((it->seed >> 32) * below >> 32);
}

/* use.c: one random use of one object; 0, or 1 if what it found was wrong. */
int use_something(const objects *all, chance *random);
/* Blocks of the caller's own, of random sizes. */
int use_blocks(void *blocks[BLOCKS], chance *random);
int free_blocks(void *blocks[BLOCKS]);
/* Whether all that is in there is whole. Then it is emptied. */
int check_and_empty(const objects *all);

/* work.c: a pool whose tasks do, fail, die and take too long; processes and pipes; a manager's names. */
int use_pool(chance *random);
int use_pipes(chance *random);
extern const kin_task_entry soak_functions[];
extern const size_t soak_function_count;
int child_echo(const kin_args *args);

/* measure.c: what must be the same after each phase. */
typedef struct measures {
    uint64_t blocks;
    size_t handles, names;
    uint32_t members, threads;
    double ratio; /* of the time of a fixed use of all objects to that of a loop of arithmetic */
} measures;
measures measure_all(const objects *all);
double ratio_of(const objects *all);
/* The largest block that fits. */
uint64_t largest_block(void);

#endif
