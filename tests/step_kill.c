/* step_kill.c: kills a process after every single instruction of every operation, and sees whether the others go on.
 *
 * For each scenario and each k: a victim is stepped through k instructions of the operation and killed there (step_os.h). Where
 * it falls asleep in the kernel it is killed asleep, and the scenario is at its end. Then whoever slept for the victim has to
 * get on, every object has to work, and nothing of the dead may be left: within a second in all.
 *
 *     step_kill                    every instruction
 *     step_kill --sample 40        about 40 instructions of each scenario, chosen by --seed
 *     step_kill --only "lock"      scenarios whose name contains that
 *     step_kill --calls            before and after every system call instead
 *     step_kill --matrix           the result as rows of a table
 */
#include <getopt.h>
#include <kin/kin.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "step_os.h"

#define LIMIT KIN_SECONDS(1)

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
    _Atomic int asleep, through; /* of the sleeper */
    kin_sem ready, go;           /* the victim's */
    char name[32];               /* of a family */
    int unusable;
} place;

static kin_queue *queue_of(place *it)
{
    return (kin_queue *)(void *)((char *)it + it->queue_at);
}

static kin_sem *leased_of(place *it)
{
    return (kin_sem *)(void *)((char *)it + it->leased_at);
}

static kin_value *value_of(place *it)
{
    return (kin_value *)(void *)((char *)it + it->value_at);
}

static kin_dict *dict_of(place *it)
{
    return (kin_dict *)(void *)((char *)it + it->dict_at);
}

static kin_list *list_of(place *it)
{
    return (kin_list *)(void *)((char *)it + it->list_at);
}

typedef void action(place *it);

typedef struct scenario {
    const char *object, *role;
    action *before;    /* the victim, not yet stepped; or null */
    action *operation; /* the victim, stepped */
    action *sleep;     /* another process, which sleeps for what the operation does; or null */
    action *finish;    /* afterwards: does for the sleeper what the victim may not have done; or null */
    bool held;         /* the tracer holds lock, and rwlock for writing, meanwhile, and is in the family of that name */
} scenario;

/* ---- operations ---- */

static void lock_acquire(place *it)
{
    if (kin_lock_acquire(&it->lock, KIN_FOREVER) == KIN_OWNER_DIED) {
        kin_lock_repair(&it->lock);
    }
}

static void lock_release(place *it)
{
    kin_lock_release(&it->lock);
}

static void lock_both(place *it)
{
    lock_acquire(it);
    lock_release(it);
}

static void recursive_twice(place *it)
{
    if (kin_lock_acquire(&it->recursive, KIN_FOREVER) == KIN_OWNER_DIED) {
        kin_lock_repair(&it->recursive);
    }
    kin_lock_acquire(&it->recursive, KIN_FOREVER);
    kin_lock_release(&it->recursive);
    kin_lock_release(&it->recursive);
}

static void recursive_hold(place *it)
{
    kin_lock_acquire(&it->recursive, KIN_FOREVER);
    kin_lock_acquire(&it->recursive, KIN_FOREVER);
}

static void recursive_release(place *it)
{
    kin_lock_release(&it->recursive);
    kin_lock_release(&it->recursive);
}

/* Lets a process end with the worn locks in its hands, and inherits them. */
static void inherit(place *it)
{
    kin_args *args = NULL;
    kin_process *process = NULL;
    kin_args_create(&args, NULL);
    kin_args_add(args, "place", KIN_TYPE_MEMORY, it);
    if (kin_process_start(&process, "hold_and_end", args, NULL) == KIN_OK) {
        kin_process_join(process, KIN_FOREVER, NULL);
        kin_process_close(process);
    }
    kin_args_destroy(args);
    kin_lock_acquire(&it->worn, KIN_FOREVER);
    kin_rwlock_acquire(&it->worn_rw, KIN_WRITE, KIN_FOREVER);
}

static void worn_repair(place *it)
{
    kin_lock_repair(&it->worn);
}

static void worn_poison(place *it)
{
    kin_lock_poison(&it->worn);
}

static void worn_acquire(place *it)
{
    kin_lock_acquire(&it->worn, KIN_FOREVER);
}

static void worn_rw_repair(place *it)
{
    kin_rwlock_repair(&it->worn_rw);
}

static void worn_rw_poison(place *it)
{
    kin_rwlock_poison(&it->worn_rw);
}

static void worn_rw_acquire(place *it)
{
    kin_rwlock_acquire(&it->worn_rw, KIN_READ, KIN_FOREVER);
}

static void lock_try(place *it)
{
    kin_lock_acquire(&it->lock, KIN_MS(1));
}

static void sem_acquire(place *it)
{
    kin_sem_acquire(&it->sem, 1, KIN_FOREVER);
}

static void sem_release(place *it)
{
    kin_sem_release(&it->sem, 1);
}

static void event_set(place *it)
{
    kin_event_set(&it->event);
}

static void event_clear(place *it)
{
    kin_event_clear(&it->event);
}

static void event_wait(place *it)
{
    kin_event_wait(&it->event, KIN_FOREVER);
}

static void cond_notify(place *it)
{
    kin_cond_notify(&it->cond, 1);
}

static void cond_notify_all(place *it)
{
    kin_cond_notify(&it->cond, KIN_COND_ALL);
}

static void cond_wait(place *it)
{
    lock_acquire(it);
    if (kin_cond_wait(&it->cond, &it->lock, KIN_FOREVER) == KIN_OWNER_DIED) {
        kin_lock_repair(&it->lock);
    }
    lock_release(it);
}

static void barrier_wait(place *it)
{
    kin_barrier_wait(&it->barrier, NULL, NULL, NULL, KIN_FOREVER);
}

static void act(void *it)
{
    kin_counter_add(&((place *)it)->counter, 1, NULL);
}

static void barrier_act(place *it)
{
    kin_barrier_wait(&it->barrier, NULL, act, it, KIN_FOREVER);
}

static void barrier_abort(place *it)
{
    kin_barrier_abort(&it->barrier);
}

static void barrier_reset(place *it)
{
    kin_barrier_reset(&it->barrier);
}

static void rw_acquire(place *it, kin_access access)
{
    if (kin_rwlock_acquire(&it->rwlock, access, KIN_FOREVER) == KIN_OWNER_DIED) {
        kin_rwlock_repair(&it->rwlock);
    }
}

static void read_acquire(place *it)
{
    rw_acquire(it, KIN_READ);
}

static void write_acquire(place *it)
{
    rw_acquire(it, KIN_WRITE);
}

static void rw_release(place *it)
{
    kin_rwlock_release(&it->rwlock);
}

static void read_both(place *it)
{
    read_acquire(it);
    rw_release(it);
}

static void write_both(place *it)
{
    write_acquire(it);
    rw_release(it);
}

static void counter_add(place *it)
{
    kin_counter_add(&it->counter, 1, NULL);
}

static void counter_exchange(place *it)
{
    int64_t expected = 0;
    kin_counter_compare_exchange(&it->counter, &expected, 1, NULL);
}

static void value_set(place *it)
{
    int64_t value = 1;
    kin_value_set(value_of(it), &value, sizeof value);
}

static void value_get(place *it)
{
    int64_t value;
    kin_value_get(value_of(it), &value, sizeof value);
}

/* ---- containers: a value is of one kind of byte ---- */

#define KEYS 16    /* of one character, from 'a' on */
#define FITTING 6u /* in a dict's first table */
#define LARGE 20000u

static void dict_put(place *it, unsigned key, int byte, size_t size)
{
    static char value[LARGE];
    char name = (char)('a' + key);
    memset(value, byte, size);
    kin_dict_set(dict_of(it), &name, 1, value, size);
}

static void dict_some(place *it)
{
    for (unsigned key = 0; key < FITTING; key += 2) {
        dict_put(it, key, 1, 10 * key + 1);
    }
}

static void dict_full(place *it)
{
    for (unsigned key = 0; key < FITTING; key++) {
        dict_put(it, key, 1, 50);
    }
}

static void dict_insert(place *it)
{
    dict_put(it, 1, 2, 50);
}

static void dict_replace(place *it)
{
    dict_put(it, 2, 2, 50);
}

static void dict_replace_large(place *it)
{
    dict_put(it, 2, 2, LARGE);
    dict_put(it, 2, 3, LARGE);
}

static void dict_grow(place *it)
{
    dict_put(it, FITTING, 2, 50);
}

static void dict_delete(place *it)
{
    kin_dict_delete(dict_of(it), "c", 1);
}

static void dict_delete_last(place *it)
{
    kin_dict_delete(dict_of(it), "a", 1);
    kin_dict_delete(dict_of(it), "c", 1);
    kin_dict_delete(dict_of(it), "e", 1);
}

static void dict_get(place *it)
{
    char value[100];
    kin_dict_get(dict_of(it), "c", 1, value, sizeof value, NULL);
}

static void dict_clear(place *it)
{
    kin_dict_clear(dict_of(it));
}

static kin_status make_longer(void *value, size_t *size, size_t room, void *context)
{
    (void)context;
    memset(value, 4, room);
    *size = room;
    return KIN_OK;
}

static void dict_update(place *it)
{
    kin_dict_update(dict_of(it), "c", 1, 60, make_longer, NULL);
}

/* What a dead one left is put in order by the next, who dies in that. */
static void dict_inherit(place *it)
{
    kin_args *args = NULL;
    kin_process *process = NULL;
    dict_full(it);
    kin_args_create(&args, NULL);
    kin_args_add(args, "place", KIN_TYPE_MEMORY, it);
    if (kin_process_start(&process, "die_in_dict", args, NULL) == KIN_OK) {
        kin_process_join(process, KIN_FOREVER, NULL);
        kin_process_close(process);
    }
    kin_args_destroy(args);
}

static void list_put(place *it, size_t index, int byte, size_t size)
{
    static char value[LARGE];
    memset(value, byte, size);
    kin_list_insert(list_of(it), index, value, size);
}

static void list_some(place *it)
{
    for (size_t i = 0; i < 3; i++) {
        list_put(it, KIN_LIST_LAST, 1, 10 * i + 1);
    }
}

static void list_full(place *it)
{
    for (size_t i = 0; i < 8; i++) {
        list_put(it, KIN_LIST_LAST, 1, 50);
    }
}

static void list_append(place *it)
{
    list_put(it, KIN_LIST_LAST, 2, 50);
}

static void list_insert(place *it)
{
    list_put(it, 1, 2, 50);
}

static void list_insert_first(place *it)
{
    list_put(it, 0, 2, 50);
    list_put(it, 0, 3, LARGE);
}

static void list_set(place *it)
{
    kin_list_set(list_of(it), 1, "\3\3\3", 3);
}

static void list_get(place *it)
{
    char value[100];
    kin_list_get(list_of(it), 1, value, sizeof value, NULL);
}

static void list_pop(place *it)
{
    kin_list_pop(list_of(it), 1, NULL, 0, NULL);
}

static void list_pop_ends(place *it)
{
    char value[100];
    kin_list_pop(list_of(it), 0, value, sizeof value, NULL);
    kin_list_pop(list_of(it), KIN_LIST_LAST, value, sizeof value, NULL);
}

static void list_clear(place *it)
{
    kin_list_clear(list_of(it));
}

#define MESSAGE 100u

static void queue_put(place *it)
{
    char message[MESSAGE] = {1};
    kin_queue_put(queue_of(it), message, sizeof message, KIN_FOREVER);
}

static void queue_get(place *it)
{
    char message[MESSAGE];
    kin_queue_get(queue_of(it), message, sizeof message, NULL, KIN_FOREVER);
}

static void queue_deal(place *it)
{
    queue_get(it);
    kin_queue_task_done(queue_of(it));
}

static void queue_both(place *it)
{
    queue_put(it);
    queue_deal(it);
}

static void queue_fill(place *it)
{
    char message[MESSAGE] = {1};
    while (kin_queue_put(queue_of(it), message, sizeof message, KIN_NOW) == KIN_OK) {
    }
}

static void queue_put_two(place *it)
{
    queue_put(it);
    queue_put(it);
}

static void queue_got_one(place *it)
{
    queue_put_two(it);
    queue_get(it);
}

static void queue_reserve(place *it)
{
    kin_queue_reserve(queue_of(it), &it->block, MESSAGE, KIN_FOREVER);
}

static void queue_commit(place *it)
{
    kin_queue_commit(queue_of(it), it->block, MESSAGE);
}

static void queue_peek(place *it)
{
    size_t size;
    kin_queue_peek(queue_of(it), &it->message, &size, KIN_FOREVER);
}

static void queue_peek_one(place *it)
{
    queue_put(it);
    queue_peek(it);
}

static void queue_consume(place *it)
{
    kin_queue_consume(queue_of(it), it->message);
}

static void queue_close(place *it)
{
    kin_queue_close(queue_of(it));
}

static void queue_task_done(place *it)
{
    kin_queue_task_done(queue_of(it));
}

static void queue_join(place *it)
{
    kin_queue_join(queue_of(it), KIN_FOREVER);
}

static void wait_for_both(place *it)
{
    kin_wait_item items[] = {{KIN_TYPE_SEM, KIN_READABLE, &it->sem, 0, 0},
                             {KIN_TYPE_QUEUE, KIN_READABLE, queue_of(it), 0, 0}};
    kin_wait(items, 2, 0, KIN_FOREVER, NULL);
}

static void leased_acquire(place *it)
{
    kin_sem_acquire(leased_of(it), 1, KIN_FOREVER);
}

static void leased_release(place *it)
{
    kin_sem_release(leased_of(it), 1);
}

static void leased_acquire_two(place *it)
{
    kin_sem_acquire(leased_of(it), 2, KIN_FOREVER);
}

static void leased_both(place *it)
{
    leased_acquire_two(it);
    kin_sem_release(leased_of(it), 2);
}

static void alloc_small(place *it)
{
    kin_alloc(&it->block, NULL, 50);
}

static void alloc_large(place *it)
{
    kin_alloc(&it->block, NULL, 20000);
}

static void free_block(place *it)
{
    kin_free(it->block);
    it->block = NULL;
}

static void small_both(place *it)
{
    alloc_small(it);
    free_block(it);
}

static void large_both(place *it)
{
    alloc_large(it);
    free_block(it);
}

static void name_set(place *it)
{
    kin_name_set("stepped", KIN_TYPE_LOCK, &it->lock);
}

static void name_remove(place *it)
{
    (void)it;
    kin_name_remove(NULL, "stepped");
}

static void family_reap(place *it)
{
    (void)it;
    kin_family_reap(NULL, NULL);
}

static void family_create(place *it)
{
    kin_family *family = NULL;
    (void)it;
    kin_family_create(&family, NULL);
}

/* A family of which nobody is alive. */
static void family_kill(place *it)
{
    kin_args *args = NULL;
    kin_process *process = NULL;
    kin_args_create(&args, NULL);
    kin_args_add(args, "place", KIN_TYPE_MEMORY, it);
    if (kin_process_start(&process, "make_family", args, NULL) == KIN_OK) {
        kin_sem_acquire(&it->sem, 1, KIN_FOREVER);
        kin_process_kill(process);
        kin_process_join(process, KIN_FOREVER, NULL);
        kin_process_close(process);
    }
    kin_args_destroy(args);
}

static kin_family *named;

static void named_open(place *it)
{
    kin_family_open(&named, it->name, 0, NULL);
}

/* The name is free, or its family is whole. */
static void named_close(place *it)
{
    if (!named && kin_family_open(&named, it->name, 0, NULL) != KIN_OK) {
        it->unusable = 1;
    }
    kin_family_close(named);
    named = NULL;
}

static void sweep(place *it)
{
    (void)it;
    kin_sweep(NULL);
}

static kin_process *started;

static void start_by(kin_method method)
{
    kin_process_options options = KIN_PROCESS_OPTIONS;
    options.method = method;
    kin_process_start(&started, "end", NULL, &options);
}

static void process_start(place *it)
{
    (void)it;
    start_by(0);
}

static void process_spawn(place *it)
{
    (void)it;
    start_by(KIN_SPAWN);
}

static void process_join(place *it)
{
    (void)it;
    kin_process_join(started, KIN_FOREVER, NULL);
}

static void family_leave(place *it)
{
    kin_family *family = NULL;
    kin_family_of(it, &family);
    kin_family_close(family);
}

static const scenario scenarios[] = {
    {"lock", "acquire", lock_both, lock_acquire, NULL, NULL, false},
    {"lock", "release", lock_acquire, lock_release, NULL, NULL, false},
    {"lock", "acquire, held by another", lock_try, lock_acquire, NULL, NULL, true},
    {"lock", "release, another sleeps for it", lock_acquire, lock_release, lock_both, NULL, false},
    {"lock", "recursive", recursive_twice, recursive_twice, NULL, NULL, false},
    {"lock", "recursive, release, another sleeps for it", recursive_hold, recursive_release, recursive_twice, NULL,
     false},
    {"lock", "repair, another sleeps for it", inherit, worn_repair, worn_acquire, NULL, false},
    {"lock", "poison, another sleeps for it", inherit, worn_poison, worn_acquire, NULL, false},
    {"semaphore", "acquire", sem_release, sem_acquire, NULL, NULL, false},
    {"semaphore", "release", sem_release, sem_release, NULL, NULL, false},
    {"semaphore", "acquire, none free", NULL, sem_acquire, NULL, sem_release, false},
    {"semaphore", "release, another sleeps for it", lock_both, sem_release, sem_acquire, sem_release, false},
    {"event", "set, another waits", lock_both, event_set, event_wait, event_set, false},
    {"event", "clear", event_set, event_clear, NULL, NULL, false},
    {"event", "wait", lock_both, event_wait, NULL, NULL, false},
    {"condition", "notify, another waits", lock_both, cond_notify, cond_wait, cond_notify, false},
    {"condition", "notify all, another waits", lock_both, cond_notify_all, cond_wait, cond_notify_all, false},
    {"condition", "wait", lock_both, cond_wait, NULL, NULL, false},
    {"barrier", "come, another waits", lock_both, barrier_wait, barrier_wait, barrier_wait, false},
    {"barrier", "come, act, another waits", lock_both, barrier_act, barrier_wait, barrier_wait, false},
    {"barrier", "abort, another waits", lock_both, barrier_abort, barrier_wait, barrier_abort, false},
    {"barrier", "reset, another waits", lock_both, barrier_reset, barrier_wait, barrier_abort, false},
    {"barrier", "wait", lock_both, barrier_wait, NULL, NULL, false},
    {"readers-writer lock", "read", read_both, read_acquire, NULL, NULL, false},
    {"readers-writer lock", "end of reading", read_acquire, rw_release, NULL, NULL, false},
    {"readers-writer lock", "end of reading, a writer waits", read_acquire, rw_release, write_both, NULL, false},
    {"readers-writer lock", "write", write_both, write_acquire, NULL, NULL, false},
    {"readers-writer lock", "end of writing, a reader waits", write_acquire, rw_release, read_both, NULL, false},
    {"readers-writer lock", "read, held by a writer", lock_try, read_acquire, NULL, NULL, true},
    {"readers-writer lock", "repair, a reader waits", inherit, worn_rw_repair, worn_rw_acquire, NULL, false},
    {"readers-writer lock", "poison, a reader waits", inherit, worn_rw_poison, worn_rw_acquire, NULL, false},
    {"value", "set", value_set, value_set, NULL, NULL, false},
    {"value", "get", value_get, value_get, NULL, NULL, false},
    {"counter", "compare and exchange", counter_add, counter_exchange, NULL, NULL, false},
    {"counter", "add", counter_add, counter_add, NULL, NULL, false},
    {"leased semaphore", "acquire", leased_both, leased_acquire_two, NULL, NULL, false},
    {"leased semaphore", "release", leased_acquire_two, leased_release, NULL, NULL, false},
    {"dict", "set, a new key", dict_some, dict_insert, NULL, NULL, false},
    {"dict", "set, the first key", dict_clear, dict_insert, NULL, NULL, false},
    {"dict", "set, a key that is there", dict_some, dict_replace, NULL, NULL, false},
    {"dict", "set, it grows", dict_full, dict_grow, NULL, NULL, false},
    {"dict", "set, large values", dict_some, dict_replace_large, NULL, NULL, false},
    {"dict", "update", dict_some, dict_update, NULL, NULL, false},
    {"dict", "get", dict_some, dict_get, NULL, NULL, false},
    {"dict", "delete", dict_full, dict_delete, NULL, NULL, false},
    {"dict", "delete all, one by one", dict_some, dict_delete_last, NULL, NULL, false},
    {"dict", "clear", dict_some, dict_clear, NULL, NULL, false},
    {"dict", "set, after a death in a change", dict_inherit, dict_replace, NULL, NULL, false},
    {"list", "append", list_some, list_append, NULL, NULL, false},
    {"list", "append, it grows", list_full, list_append, NULL, NULL, false},
    {"list", "insert", list_some, list_insert, NULL, NULL, false},
    {"list", "insert before the first", list_some, list_insert_first, NULL, NULL, false},
    {"list", "set", list_some, list_set, NULL, NULL, false},
    {"list", "get", list_some, list_get, NULL, NULL, false},
    {"list", "pop", list_some, list_pop, NULL, NULL, false},
    {"list", "pop, first and last", list_some, list_pop_ends, NULL, NULL, false},
    {"list", "clear", list_some, list_clear, NULL, NULL, false},
    {"leased semaphore", "release, another sleeps for it", leased_acquire_two, leased_release, leased_acquire, NULL,
     false},
    {"queue", "put", queue_both, queue_put, NULL, NULL, false},
    {"queue", "put, another sleeps for it", queue_both, queue_put, queue_get, queue_put, false},
    {"queue", "put, no room", queue_fill, queue_put, NULL, NULL, false},
    {"queue", "get", queue_put_two, queue_get, NULL, NULL, false},
    {"queue", "get, another sleeps for room", queue_fill, queue_get, queue_put, queue_deal, false},
    {"queue", "get, nothing there", queue_both, queue_get, NULL, queue_put, false},
    {"queue", "reserve", queue_both, queue_reserve, NULL, NULL, false},
    {"queue", "commit, another sleeps for it", queue_reserve, queue_commit, queue_get, queue_put, false},
    {"queue", "peek", queue_put_two, queue_peek, NULL, NULL, false},
    {"queue", "consume", queue_peek_one, queue_consume, NULL, NULL, false},
    {"queue", "close, another sleeps for it", queue_both, queue_close, queue_get, queue_close, false},
    {"queue", "task_done, another joins", queue_got_one, queue_task_done, queue_join, queue_deal, false},
    {"wait", "for a semaphore and a queue", queue_both, wait_for_both, NULL, NULL, false},
    {"wait", "another does, put", queue_both, queue_put, wait_for_both, queue_put, false},
    {"memory", "allocate, small", small_both, alloc_small, NULL, NULL, false},
    {"memory", "free, small", alloc_small, free_block, NULL, NULL, false},
    {"memory", "allocate, large", large_both, alloc_large, NULL, NULL, false},
    {"memory", "free, large", alloc_large, free_block, NULL, NULL, false},
    {"name", "set", name_remove, name_set, NULL, NULL, false},
    {"name", "remove", name_set, name_remove, NULL, NULL, false},
    {"family", "first use: join", NULL, lock_acquire, NULL, NULL, false},
    {"family", "leave", lock_both, family_leave, NULL, NULL, false},
    {"family", "reap", lock_both, family_reap, NULL, NULL, false},
    {"family", "create another", lock_both, family_create, NULL, NULL, false},
    {"family", "sweep", family_kill, sweep, NULL, NULL, false},
    {"family", "open by name: make", lock_both, named_open, NULL, NULL, false},
    {"family", "open by name: join", lock_try, named_open, NULL, NULL, true},
    {"process", "start", lock_both, process_start, NULL, NULL, false},
    {"process", "start, spawned", lock_both, process_spawn, NULL, NULL, false},
    {"process", "join", process_start, process_join, NULL, NULL, false},
};

/* ---- one kill ---- */

static step_kind kind = STEP_INSTRUCTION;

static place *new_place(void)
{
    place *it = NULL;
    if (kin_alloc((void **)&it, NULL, sizeof *it) != KIN_OK) {
        return NULL;
    }
    kin_lock_init(&it->lock, 0);
    kin_lock_init(&it->recursive, KIN_LOCK_RECURSIVE);
    kin_lock_init(&it->worn, 0);
    kin_rwlock_init(&it->worn_rw);
    kin_sem_init(&it->sem, 0, 0);
    kin_event_init(&it->event);
    kin_cond_init(&it->cond);
    kin_barrier_init(&it->barrier, 2);
    kin_rwlock_init(&it->rwlock);
    kin_counter_init(&it->counter, 0);
    kin_sem_init(&it->ready, 0, 0);
    kin_sem_init(&it->go, 0, 0);
    kin_queue_options options = {sizeof options, 1000, 0, KIN_QUEUE_JOINABLE};
    kin_queue *queue = NULL;
    kin_sem *leased = NULL;
    kin_value *value = NULL;
    kin_dict *dict = NULL;
    kin_list *list = NULL;
    if (kin_dict_create(&dict, NULL) != KIN_OK || kin_list_create(&list, NULL) != KIN_OK) {
        return NULL;
    }
    if (kin_queue_create(&queue, NULL, &options) != KIN_OK || kin_sem_create_leased(&leased, NULL, 2) != KIN_OK ||
        kin_value_create(&value, NULL, KIN_I64, KIN_LOCKED) != KIN_OK) {
        return NULL;
    }
    it->value_at = (char *)value - (char *)it;
    it->dict_at = (char *)dict - (char *)it;
    it->list_at = (char *)list - (char *)it;
    it->queue_at = (char *)queue - (char *)it;
    it->leased_at = (char *)leased - (char *)it;
    return it;
}

static kin_process *start(const char *entry, int which, int64_t last, place *it)
{
    kin_args *args = NULL;
    kin_process *process = NULL;
    int64_t numbers[2] = {which, last};
    kin_args_create(&args, NULL);
    kin_args_add(args, "place", KIN_TYPE_MEMORY, it);
    kin_args_add_bytes(args, "numbers", numbers, sizeof numbers);
    if (kin_process_start(&process, entry, args, NULL) != KIN_OK) {
        fprintf(stderr, "cannot start %s\n", entry);
        exit(2);
    }
    kin_args_destroy(args);
    return process;
}

static place *given(const kin_args *args, const scenario **what, int64_t *last)
{
    void *it = NULL;
    const void *bytes = NULL;
    size_t size = 0;
    if (kin_args_get(args, "place", KIN_TYPE_MEMORY, &it) != KIN_OK ||
        kin_args_get_bytes(args, "numbers", &bytes, &size) != KIN_OK) {
        exit(2);
    }
    *what = &scenarios[((const int64_t *)bytes)[0]];
    *last = ((const int64_t *)bytes)[1];
    return it;
}

static int child_sleep(const kin_args *args)
{
    const scenario *what;
    int64_t last;
    place *it = given(args, &what, &last);
    atomic_store(&it->asleep, 1);
    what->sleep(it);
    atomic_store(&it->through, 1);
    return 0;
}

static int child_hold_and_end(const kin_args *args)
{
    void *it = NULL;
    kin_args_get(args, "place", KIN_TYPE_MEMORY, &it);
    kin_lock_acquire(&((place *)it)->worn, KIN_FOREVER);
    kin_rwlock_acquire(&((place *)it)->worn_rw, KIN_WRITE, KIN_FOREVER);
    return 0;
}

static kin_status end_here(void *value, size_t *size, size_t room, void *context)
{
    (void)value;
    (void)size;
    (void)room;
    (void)context;
    exit(0);
}

static int child_die_in_dict(const kin_args *args)
{
    void *it = NULL;
    kin_args_get(args, "place", KIN_TYPE_MEMORY, &it);
    kin_dict_update(dict_of(it), "c", 1, 60, end_here, NULL);
    return 1;
}

static int child_make_family(const kin_args *args)
{
    void *it = NULL;
    kin_family *family = NULL;
    kin_args_get(args, "place", KIN_TYPE_MEMORY, &it);
    kin_family_create(&family, NULL);
    kin_sem_release(&((place *)it)->sem, 1);
    kin_sem_acquire(&((place *)it)->go, 1000, KIN_FOREVER);
    return 0;
}

static int child_end(const kin_args *args)
{
    (void)args;
    return 0;
}

/* A victim that is to join by its operation uses nothing before it. */
static int child_be_killed(const kin_args *args)
{
    const scenario *what;
    int64_t last;
    place *it = given(args, &what, &last);
    if (what->before) {
        what->before(it);
    }
    if (what->sleep) {
        kin_sem_release(&it->ready, 1);
        kin_sem_acquire(&it->go, 1, KIN_FOREVER);
    }
    step_begin(last);
    what->operation(it);
    step_end();
    return 0;
}

static kin_process *start_sleeper(int which, place *it)
{
    kin_process *sleeper = start("sleep", which, 0, it);
    while (!atomic_load(&it->asleep)) {
        step_rest(1);
    }
    step_rest(2); /* it sleeps now, mostly */
    return sleeper;
}

static void kill_and_wait(kin_process *process)
{
    kin_process_kill(process);
    kin_process_join(process, KIN_FOREVER, NULL);
    kin_process_close(process);
}

/* ---- what has to hold afterwards; each says what does not ---- */

static const char *await_sleeper(place *it, kin_process *sleeper)
{
    int64_t end = step_now() + LIMIT;
    while (!atomic_load(&it->through) && step_now() < end) {
        step_rest(1);
    }
    bool through = atomic_load(&it->through) != 0;
    kill_and_wait(sleeper);
    return through ? NULL : "the sleeper sleeps on";
}

static bool acquired(kin_status status)
{
    return status == KIN_OK || status == KIN_OWNER_DIED;
}

/* Whatever is in it comes out whole, there is as much room as ever, and all permits come back. */
static const char *use_queue(kin_queue *queue)
{
    char message[1000];
    size_t size = 0;
    kin_queue_info info = {.size = sizeof info};
    kin_status status = KIN_OK;
    while (status == KIN_OK) {
        size_t there = 0;
        kin_queue_size(queue, &there);
        status = kin_queue_get(queue, message, sizeof message, &size, there ? KIN_MS(120) : KIN_NOW);
        if (status == KIN_OK && size != MESSAGE) {
            return "the queue's message";
        }
        if (status == KIN_OK && kin_queue_task_done(queue) != KIN_OK) {
            return "the queue's tasks";
        }
    }
    if (kin_queue_inspect(queue, &info) != KIN_OK || info.messages != 0 || info.lost_puts + info.lost_gets > 1) {
        return "the queue's count";
    }
    if (info.closed) {
        return status == KIN_E_CLOSED ? NULL : "the closed queue";
    }
    memset(message, 7, sizeof message);
    if (kin_queue_put(queue, message, sizeof message, LIMIT) != KIN_OK ||
        kin_queue_get(queue, message, sizeof message, &size, LIMIT) != KIN_OK || size != sizeof message ||
        kin_queue_task_done(queue) != KIN_OK || kin_queue_join(queue, LIMIT) != KIN_OK) {
        return "queue";
    }
    return NULL;
}

/* Whether what is in there is so many whole values; changes nothing. */
static bool whole(kin_items *items, size_t count)
{
    kin_item item;
    bool right = kin_items_count(items) == count;
    while (right && kin_items_next(items, &item)) {
        for (size_t i = 1; i < item.value_size; i++) {
            right = right && ((const char *)item.value)[i] == *(const char *)item.value;
        }
    }
    kin_items_destroy(items);
    return right;
}

static const char *use_dict(place *it)
{
    kin_items *items = NULL;
    size_t count = 0, found = 0;
    char value[LARGE];
    for (char key = 'a'; key < 'a' + KEYS; key++) { /* before anything is put in order */
        found += kin_dict_get(dict_of(it), &key, 1, value, sizeof value, NULL) == KIN_OK;
    }
    if (kin_dict_size(dict_of(it), &count) != KIN_OK || count != found) {
        return "the dict's size";
    }
    if (kin_dict_items(&items, dict_of(it)) != KIN_OK || !whole(items, count)) {
        return "the dict's values";
    }
    for (unsigned key = 0; key < KEYS; key++) {
        dict_put(it, key, 5, 70);
    }
    for (char key = 'a'; key < 'a' + KEYS; key++) {
        size_t size = 0;
        if (kin_dict_get(dict_of(it), &key, 1, value, sizeof value, &size) != KIN_OK || size != 70 || value[69] != 5 ||
            (key % 2 == 0 && kin_dict_delete(dict_of(it), &key, 1) != KIN_OK)) {
            return "dict";
        }
    }
    return kin_dict_size(dict_of(it), &count) == KIN_OK && count == KEYS / 2 ? NULL : "the dict's size afterwards";
}

static const char *use_list(place *it)
{
    kin_items *items = NULL;
    size_t count = 0, found = 0;
    char value[LARGE];
    while (kin_list_get(list_of(it), found, value, sizeof value, NULL) == KIN_OK) {
        found++;
    }
    if (kin_list_size(list_of(it), &count) != KIN_OK || count != found) {
        return "the list's size";
    }
    if (kin_list_items(&items, list_of(it), 0, SIZE_MAX) != KIN_OK || !whole(items, count)) {
        return "the list's items";
    }
    for (size_t i = 0; i < 10; i++) {
        list_put(it, i % 2 ? 0 : KIN_LIST_LAST, 5, 70);
    }
    for (size_t i = 0; i < 10; i++) {
        size_t size = 0;
        if (kin_list_pop(list_of(it), i % 2 ? 0 : KIN_LIST_LAST, value, sizeof value, &size) != KIN_OK || size != 70 ||
            value[69] != 5) {
            return "list";
        }
    }
    return kin_list_size(list_of(it), &found) == KIN_OK && count == found ? NULL : "the list's size afterwards";
}

static const char *use_all(place *it)
{
    void *small = NULL, *large = NULL, *found = NULL;
    if (!acquired(kin_lock_acquire(&it->lock, LIMIT)) || kin_lock_repair(&it->lock) != KIN_OK ||
        kin_cond_notify(&it->cond, KIN_COND_ALL) != KIN_OK || kin_lock_release(&it->lock) != KIN_OK) {
        return "lock";
    }
    if (!acquired(kin_lock_acquire(&it->recursive, LIMIT)) || kin_lock_repair(&it->recursive) != KIN_OK ||
        kin_lock_release(&it->recursive) != KIN_OK) {
        return "recursive lock";
    }
    if (!acquired(kin_rwlock_acquire(&it->rwlock, KIN_WRITE, LIMIT)) || kin_rwlock_repair(&it->rwlock) != KIN_OK ||
        kin_rwlock_release(&it->rwlock) != KIN_OK) {
        return "readers-writer lock";
    }
    kin_status worn = kin_lock_acquire(&it->worn, LIMIT);
    if (worn != KIN_E_POISONED &&
        (!acquired(worn) || kin_lock_repair(&it->worn) != KIN_OK || kin_lock_release(&it->worn) != KIN_OK)) {
        return "worn lock";
    }
    worn = kin_rwlock_acquire(&it->worn_rw, KIN_WRITE, LIMIT);
    if (worn != KIN_E_POISONED &&
        (!acquired(worn) || kin_rwlock_repair(&it->worn_rw) != KIN_OK || kin_rwlock_release(&it->worn_rw) != KIN_OK)) {
        return "worn readers-writer lock";
    }
    int64_t number = 5;
    worn = kin_value_acquire(value_of(it), LIMIT);
    if (!acquired(worn) || kin_lock_repair(kin_value_lock(value_of(it))) != KIN_OK ||
        kin_value_release(value_of(it)) != KIN_OK || kin_value_set(value_of(it), &number, sizeof number) != KIN_OK) {
        return "value";
    }
    if (kin_sem_release(&it->sem, 1) != KIN_OK || kin_sem_acquire(&it->sem, 1, LIMIT) != KIN_OK) {
        return "semaphore";
    }
    if (kin_sem_acquire(leased_of(it), 2, LIMIT) != KIN_OK || kin_sem_release(leased_of(it), 2) != KIN_OK) {
        return "leased semaphore";
    }
    if (kin_event_set(&it->event) != KIN_OK || kin_event_wait(&it->event, LIMIT) != KIN_OK) {
        return "event";
    }
    if (kin_barrier_reset(&it->barrier) != KIN_OK ||
        kin_barrier_wait(&it->barrier, NULL, NULL, NULL, 0) != KIN_E_TIMED_OUT) {
        return "barrier";
    }
    if (kin_alloc(&small, NULL, 50) != KIN_OK || kin_alloc(&large, NULL, 20000) != KIN_OK ||
        kin_free(small) != KIN_OK || kin_free(large) != KIN_OK) {
        return "memory";
    }
    kin_name_remove(NULL, "stepped");
    if (kin_name_set("stepped", KIN_TYPE_LOCK, &it->lock) != KIN_OK ||
        kin_name_get(&found, NULL, KIN_TYPE_LOCK, "stepped") != KIN_OK || found != &it->lock ||
        kin_name_remove(NULL, "stepped") != KIN_OK) {
        return "name";
    }
    const char *wrong = use_dict(it);
    wrong = wrong ? wrong : use_list(it);
    return wrong ? wrong : use_queue(queue_of(it));
}

static const char *count_values(const place *it)
{
    uint32_t value = 0;
    int64_t count = 0;
    kin_sem_value(&it->sem, &value);
    kin_counter_get(&it->counter, &count);
    return value > 2 ? "the semaphore's value" : count > 2 ? "the counter's value" : NULL;
}

/* What the victim has started may live on for a moment. */
static const char *find_remains(int names)
{
    kin_family_info info = {.size = sizeof info};
    for (int64_t end = step_now() + LIMIT;; step_rest(1)) {
        kin_family_reap(NULL, NULL);
        kin_family_inspect(NULL, &info);
        if (info.members == 1 || step_now() > end) {
            break;
        }
    }
    for (int64_t end = step_now() + LIMIT; step_names() > names && step_now() < end; step_rest(1)) {
        kin_sweep(NULL); /* others may be making some just now */
    }
    return info.members != 1      ? "a member is left"
           : info.threads != 1    ? "a thread entry is left"
           : step_names() > names ? "a name is left"
                                  : NULL;
}

typedef struct tally {
    int steps; /* of the whole operation, as far as it goes */
    int kills;
    int64_t worst; /* ns until all was in order again */
    const char *wrong;
    int wrong_at;
} tally;

static uint64_t count_blocks(void)
{
    uint64_t blocks = 0, bytes;
    kin_alloc_total(NULL, &blocks, &bytes);
    return blocks;
}

/* Kills after at most k steps. Whether the operation is longer. */
static bool kill_at(int which, int k, tally *out)
{
    const scenario *what = &scenarios[which];
    uint64_t before = count_blocks();
    place *it = new_place();
    kin_process *sleeper = NULL;
    if (!it) {
        out->wrong = "no memory";
        return false;
    }
    if (what->held) {
        lock_acquire(it);
        write_acquire(it);
    }
    static int count;
    int names = step_names();
    snprintf(it->name, sizeof it->name, "step-%u-%d", (unsigned)step_pid(), count++);
    bool opens = what->operation == named_open;
    if (opens && what->held) {
        named_open(it);
    }
    kin_process *victim = start("be_killed", which, k, it);
    if (what->sleep) {
        kin_sem_acquire(&it->ready, 1, KIN_FOREVER);
        sleeper = start_sleeper(which, it);
        kin_sem_release(&it->go, 1);
    }
    int done = (int)step_drive(victim, kind, k);
    kill_and_wait(victim);
    int64_t killed = step_now();
    if (what->held) {
        lock_release(it);
        rw_release(it);
    }
    if (what->finish) {
        if (what->finish == barrier_wait) {
            kin_barrier_abort(&it->barrier);
        } else {
            what->finish(it);
        }
    }
    const char *wrong = what->sleep ? await_sleeper(it, sleeper) : NULL;
    wrong = wrong ? wrong : count_values(it);
    wrong = wrong ? wrong : use_all(it);
    if (opens) {
        named_close(it);
    }
    wrong = wrong ? wrong : it->unusable ? "the name" : NULL;
    int64_t took = step_now() - killed;
    wrong = wrong ? wrong : find_remains(names);
    wrong = wrong ? wrong : took > LIMIT ? "it took too long" : NULL;
    if (it->block && kin_alloc_size(it->block, &(size_t){0}) == KIN_OK) {
        kin_free(it->block);
    }
    kin_queue_destroy(queue_of(it));
    kin_sem_destroy(leased_of(it));
    kin_value_destroy(value_of(it));
    kin_dict_destroy(dict_of(it));
    kin_list_destroy(list_of(it));
    kin_free(it);
    bool owned = strcmp(what->object, "dict") == 0 || strcmp(what->object, "list") == 0;
    wrong = wrong ? wrong : owned && count_blocks() != before ? "memory is left" : NULL;
    out->kills++;
    out->steps = done > out->steps ? done : out->steps;
    out->worst = took > out->worst ? took : out->worst;
    if (wrong && !out->wrong) {
        out->wrong = wrong;
        out->wrong_at = k;
    }
    return done == k;
}

/* ---- the whole ---- */

/* How many steps the operation has. */
static int measure(int which)
{
    tally unused = {0};
    kill_at(which, 1 << 20, &unused);
    return unused.steps;
}

static tally run(int which, int sample)
{
    tally out = {0};
    int length = measure(which);
    if (sample > 0 && length > sample) {
        for (int i = 0; i < sample && !out.wrong; i++) {
            int width = length / sample;
            kill_at(which, i * width + rand() % width, &out);
        }
        kill_at(which, length + 1, &out);
    } else {
        for (int k = 0; k <= length + 1 && !out.wrong; k++) {
            kill_at(which, k, &out);
        }
    }
    out.steps = length;
    return out;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"sample", required_argument, NULL, 's'}, {"seed", required_argument, NULL, 'r'},
        {"only", required_argument, NULL, 'o'},   {"matrix", no_argument, NULL, 'm'},
        {"calls", no_argument, NULL, 'c'},        {NULL, 0, NULL, 0}};
    static const kin_entry entries[] = {{"be_killed", child_be_killed},       {"sleep", child_sleep},
                                        {"hold_and_end", child_hold_and_end}, {"die_in_dict", child_die_in_dict},
                                        {"make_family", child_make_family},   {"end", child_end}};
    if (kin_main(entries, sizeof entries / sizeof entries[0]) != KIN_OK) {
        return 2;
    }
    int sample = 0, matrix = 0, failed = 0, option;
    const char *only = "";
    srand(1);
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            sample = atoi(optarg);
            break;
        case 'r':
            srand((unsigned)atoi(optarg));
            break;
        case 'o':
            only = optarg;
            break;
        case 'm':
            matrix = 1;
            break;
        case 'c':
            kind = STEP_CALL;
            if (!step_has_calls()) {
                fprintf(stderr, "system calls cannot be stopped at here\n");
                return 2;
            }
            break;
        default:
            return 2;
        }
    }
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        const scenario *what = &scenarios[i];
        if (!strstr(what->object, only)) {
            continue;
        }
        tally result = run((int)i, sample);
        printf(matrix ? "| %s | %s | %d | %d | %.0f | %s" : "%s, %s: %d steps, %d kills, worst %.0f ms, %s",
               what->object, what->role, result.steps, result.kills, (double)result.worst / 1e6,
               result.wrong ? result.wrong : "all went on");
        if (result.wrong) {
            printf(" (after step %d)", result.wrong_at);
        }
        printf(matrix ? " |\n" : "\n");
        fflush(stdout);
        failed |= result.wrong != NULL;
    }
    return failed;
}
