/* steps.c: every operation, in one process and with nobody to wait for: what is one atomic operation should stay one.
 *
 * Each round does all of them once. Containers have the same number of entries at the end of a round as at its
 * beginning, and hundreds of them, so that a round is like the next.
 */
#include "guard.h"

#include <stdio.h>
#include <string.h>

#define ENTRIES 200
#define BATCH 16

static kin_rwlock *rwlock;
static kin_sem *sem, *leased;
static kin_event *event;
static kin_cond *cond;
static kin_barrier *barrier;
static kin_counter *counter;
static kin_value *value, *locked_value;
static kin_queue *queue, *joinable;
static kin_dict *dict;
static kin_list *list;
static kin_pipe *ends[2];
static kin_lock *shared_lock, *shared_recursive;
static unsigned char bytes[65536];
static uint32_t number;

static void prepare_containers(void)
{
    must(kin_dict_create(&dict, NULL), "kin_dict_create");
    must(kin_list_create(&list, NULL), "kin_list_create");
    for (number = 0; number < ENTRIES; number++) {
        must(kin_dict_set(dict, &number, sizeof number, &number, sizeof number), "kin_dict_set");
        must(kin_list_append(list, &number, sizeof number), "kin_list_append");
    }
}

void guard_prepare_steps(void)
{
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    options.capacity = 1u << 20;
    must(kin_lock_create(&shared_lock, NULL, 0), "kin_lock_create");
    must(kin_lock_create(&shared_recursive, NULL, KIN_LOCK_RECURSIVE), "kin_lock_create");
    must(kin_rwlock_create(&rwlock, NULL), "kin_rwlock_create");
    must(kin_sem_create(&sem, NULL, 1, 0), "kin_sem_create");
    must(kin_sem_create_leased(&leased, NULL, 4), "kin_sem_create_leased");
    must(kin_event_create(&event, NULL), "kin_event_create");
    must(kin_cond_create(&cond, NULL), "kin_cond_create");
    must(kin_barrier_create(&barrier, NULL, 1), "kin_barrier_create");
    must(kin_counter_create(&counter, NULL, 0), "kin_counter_create");
    must(kin_value_create(&value, NULL, KIN_ELEMENT_I64, KIN_VALUE_UNLOCKED), "kin_value_create");
    must(kin_value_create(&locked_value, NULL, KIN_ELEMENT_I64, KIN_VALUE_LOCKED), "kin_value_create");
    must(kin_queue_create(&queue, NULL, &options), "kin_queue_create");
    options.flags = KIN_QUEUE_JOINABLE;
    must(kin_queue_create(&joinable, NULL, &options), "kin_queue_create");
    must(kin_pipe_create(ends, 0), "kin_pipe_create");
    must(kin_name_set("guarded", KIN_TYPE_LOCK, shared_lock), "kin_name_set");
    prepare_containers();
}

/* ---- what is waited for ---- */

static void lock_steps(void)
{
    STEP("lock acquire", kin_lock_acquire(shared_lock, KIN_FOREVER));
    STEP("lock release", kin_lock_release(shared_lock));
    STEP("lock acquire, not waiting", kin_lock_acquire(shared_lock, KIN_NOW));
    STEP("lock release, not waited for", kin_lock_release(shared_lock));
    must(kin_lock_acquire(shared_recursive, KIN_FOREVER), "kin_lock_acquire");
    STEP("recursive lock acquire, again", kin_lock_acquire(shared_recursive, KIN_FOREVER));
    STEP("recursive lock release, not the last", kin_lock_release(shared_recursive));
    must(kin_lock_release(shared_recursive), "kin_lock_release");
}

/* A reader after a writer finds a word that says nothing of readers; a writer after a reader looks for readers. */
static void rwlock_steps(void)
{
    STEP("rwlock acquire, read after a writer", kin_rwlock_acquire(rwlock, KIN_RWLOCK_READ, KIN_FOREVER));
    must(kin_rwlock_release(rwlock), "kin_rwlock_release");
    STEP("rwlock acquire, read", kin_rwlock_acquire(rwlock, KIN_RWLOCK_READ, KIN_FOREVER));
    STEP("rwlock release, read", kin_rwlock_release(rwlock));
    STEP("rwlock acquire, write after a reader", kin_rwlock_acquire(rwlock, KIN_RWLOCK_WRITE, KIN_FOREVER));
    must(kin_rwlock_release(rwlock), "kin_rwlock_release");
    STEP("rwlock acquire, write", kin_rwlock_acquire(rwlock, KIN_RWLOCK_WRITE, KIN_FOREVER));
    STEP("rwlock release, write", kin_rwlock_release(rwlock));
}

static void waiting_steps(void)
{
    int is = 0;
    STEP("sem acquire", kin_sem_acquire(sem, 1, KIN_FOREVER));
    STEP("sem release", kin_sem_release(sem, 1));
    STEP("leased sem acquire", kin_sem_acquire(leased, 1, KIN_FOREVER));
    STEP("leased sem release", kin_sem_release(leased, 1));
    STEP("event set", kin_event_set(event));
    STEP("event wait, set", kin_event_wait(event, KIN_FOREVER));
    STEP("event is_set", kin_event_is_set(event, &is));
    STEP("event clear", kin_event_clear(event));
    STEP("cond notify one, nobody waits", kin_cond_notify(cond, 1));
    STEP("cond notify all, nobody waits", kin_cond_notify(cond, KIN_COND_ALL));
    STEP("barrier wait, of one", kin_barrier_wait(barrier, NULL, KIN_FOREVER));
}

static void number_steps(void)
{
    int64_t after = 0;
    int done = 0;
    STEP("counter add", kin_counter_add(counter, 1, &after));
    STEP("counter get", kin_counter_get(counter, &after));
    STEP("counter set", kin_counter_set(counter, after));
    STEP("counter compare_exchange", kin_counter_compare_exchange(counter, &after, after + 1, &done));
    STEP("value set", kin_value_set(value, &after, sizeof after));
    STEP("value get", kin_value_get(value, &after, sizeof after));
    STEP("value acquire", kin_value_acquire(locked_value, KIN_FOREVER));
    STEP("value release", kin_value_release(locked_value));
}

/* ---- messages ---- */

static void put_and_get(const char *put, const char *get, size_t size)
{
    size_t got = 0;
    STEP(put, kin_queue_put(queue, bytes, size, KIN_FOREVER));
    STEP(get, kin_queue_get(queue, bytes, sizeof bytes, &got, KIN_FOREVER));
}

static void in_place_steps(void)
{
    void *place = NULL;
    const void *there = NULL;
    size_t size = 0;
    STEP("queue reserve, 64 B", kin_queue_reserve(&place, queue, 64, KIN_FOREVER));
    STEP("queue commit", kin_queue_commit(queue, place, 64));
    STEP("queue peek", kin_queue_peek(&there, &size, queue, KIN_FOREVER));
    STEP("queue consume", kin_queue_consume(queue, there));
}

static void queue_steps(void)
{
    kin_message messages[BATCH];
    size_t done = 0;
    for (int i = 0; i < BATCH; i++) {
        messages[i] = (kin_message){bytes + (size_t)i * 64, 64, 64};
    }
    put_and_get("queue put, 8 B", "queue get, 8 B", 8);
    put_and_get("queue put, 64 B", "queue get, 64 B", 64);
    put_and_get("queue put, 1 KiB", "queue get, 1 KiB", 1024);
    in_place_steps();
    STEP("queue put_many, 16 of 64 B", kin_queue_put_many(queue, messages, BATCH, &done, KIN_FOREVER));
    STEP("queue get_many, 16 of 64 B", kin_queue_get_many(queue, messages, BATCH, &done, KIN_FOREVER));
    STEP("joinable queue put, 64 B", kin_queue_put(joinable, bytes, 64, KIN_FOREVER));
    STEP("joinable queue get, 64 B", kin_queue_get(joinable, bytes, sizeof bytes, &done, KIN_FOREVER));
    STEP("queue task_done", kin_queue_task_done(joinable));
    STEP("queue get, empty", kin_queue_get(queue, bytes, sizeof bytes, &done, KIN_NOW) == KIN_E_TIMED_OUT ? 0 : -1);
    STEP("pipe send, 64 B", kin_pipe_send(ends[0], bytes, 64, KIN_FOREVER));
    STEP("pipe recv, 64 B", kin_pipe_recv(ends[1], bytes, sizeof bytes, &done, KIN_FOREVER));
}

/* ---- containers ---- */

static void dict_steps(uint32_t fresh)
{
    uint32_t key = fresh * 7 % ENTRIES, out = 0;
    STEP("dict get", kin_dict_get(dict, &key, sizeof key, &out, sizeof out, NULL));
    STEP("dict get, missing",
         kin_dict_get(dict, &fresh, sizeof fresh, &out, sizeof out, NULL) == KIN_E_NOT_FOUND ? 0 : -1);
    STEP("dict set, another value", kin_dict_set(dict, &key, sizeof key, &number, sizeof number));
    STEP("dict set, a new key", kin_dict_set(dict, &fresh, sizeof fresh, &number, sizeof number));
    STEP("dict remove", kin_dict_remove(dict, &fresh, sizeof fresh));
}

static void list_steps(void)
{
    uint32_t out = 0;
    STEP("list get", kin_list_get(list, number * 7 % ENTRIES, &out, sizeof out, NULL));
    STEP("list set", kin_list_set(list, number * 7 % ENTRIES, &number, sizeof number));
    STEP("list append", kin_list_append(list, &number, sizeof number));
    STEP("list pop, last", kin_list_pop(list, KIN_LIST_LAST, &out, sizeof out, NULL));
}

/* ---- memory ---- */

static void alloc_and_free(const char *alloc, const char *release, size_t size)
{
    void *block = NULL;
    STEP(alloc, kin_alloc(&block, NULL, size));
    STEP(release, kin_free(block));
}

static void memory_steps(void)
{
    kin_ref ref;
    void *found = NULL;
    kin_lock *made = NULL;
    alloc_and_free("alloc, 40 B", "free, 40 B", 40);
    alloc_and_free("alloc, 1 KiB", "free, 1 KiB", 1024);
    alloc_and_free("alloc, 4 KiB", "free, 4 KiB", 4096);
    STEP("ref of", kin_ref_of(&ref, KIN_TYPE_LOCK, shared_lock));
    STEP("ref get", kin_ref_get(&found, KIN_TYPE_LOCK, ref));
    STEP("name get", kin_name_get(&found, NULL, "guarded", KIN_TYPE_LOCK));
    STEP("lock create", kin_lock_create(&made, NULL, 0));
    STEP("lock destroy", kin_lock_destroy(made));
}

void guard_run_steps(void)
{
    number++;
    lock_steps();
    rwlock_steps();
    waiting_steps();
    number_steps();
    queue_steps();
    for (uint32_t i = 0; i < KEYS; i++) {
        dict_steps(number * KEYS + i);
    }
    list_steps();
    memory_steps();
}
