/* objects.c: killed while objects are made, found by name, and destroyed; and in the ways of using them that are made
 * of others.
 *
 * A block stays allocated when the process that allocated it dies: any process that knows its address may use and free
 * it. So a kill may leave a block, and these rows do not count blocks.
 */
#include "step.h"

#include <stdio.h>
#include <string.h>

/* ---- made and destroyed ---- */

static void make_lock(place *it)
{
    kin_lock *lock = NULL;
    (void)it;
    kin_lock_create(&lock, NULL, 0);
    kin_lock_destroy(lock);
}

static void make_rwlock(place *it)
{
    kin_rwlock *lock = NULL;
    (void)it;
    kin_rwlock_create(&lock, NULL);
    kin_rwlock_destroy(lock);
}

static void make_sem(place *it)
{
    kin_sem *sem = NULL;
    (void)it;
    kin_sem_create(&sem, NULL, 1, 0);
    kin_sem_destroy(sem);
}

static void make_leased(place *it)
{
    kin_sem *sem = NULL;
    (void)it;
    kin_sem_create_leased(&sem, NULL, 2);
    kin_sem_destroy(sem);
}

static void make_event(place *it)
{
    kin_event *event = NULL;
    (void)it;
    kin_event_create(&event, NULL);
    kin_event_destroy(event);
}

static void make_cond(place *it)
{
    kin_cond *cond = NULL;
    (void)it;
    kin_cond_create(&cond, NULL);
    kin_cond_destroy(cond);
}

static void make_barrier(place *it)
{
    kin_barrier *barrier = NULL;
    (void)it;
    kin_barrier_create(&barrier, NULL, 2);
    kin_barrier_destroy(barrier);
}

static void make_counter(place *it)
{
    kin_counter *counter = NULL;
    (void)it;
    kin_counter_create(&counter, NULL, 7);
    kin_counter_destroy(counter);
}

static void make_value(place *it)
{
    kin_value *value = NULL;
    (void)it;
    kin_value_create(&value, NULL, KIN_ELEMENT_I64, KIN_VALUE_LOCKED);
    kin_value_destroy(value);
}

static void make_array(place *it)
{
    kin_array *array = NULL;
    (void)it;
    kin_array_create(&array, NULL, KIN_ELEMENT_I64, 20, KIN_VALUE_LOCKED);
    kin_array_destroy(array);
}

static void make_queue(place *it)
{
    kin_queue *queue = NULL;
    kin_queue_options options = {sizeof options, 1000, 0, KIN_QUEUE_JOINABLE};
    (void)it;
    kin_queue_create(&queue, NULL, &options);
    kin_queue_destroy(queue);
}

static void make_dict(place *it)
{
    kin_dict *dict = NULL;
    (void)it;
    kin_dict_create(&dict, NULL);
    kin_dict_set(dict, "a", 1, "b", 1);
    kin_dict_destroy(dict);
}

static void make_list(place *it)
{
    kin_list *list = NULL;
    (void)it;
    kin_list_create(&list, NULL);
    kin_list_append(list, "b", 1);
    kin_list_destroy(list);
}

static void make_memory(place *it)
{
    void *memory = NULL;
    (void)it;
    kin_alloc_array(&memory, NULL, 10, 16);
    kin_free(memory);
}

/* In the caller's memory. */
typedef struct bodies {
    kin_lock lock;
    kin_rwlock rwlock;
    kin_sem sem;
    kin_event event;
    kin_cond cond;
    kin_barrier barrier;
    kin_counter counter;
} bodies;

static void give_bodies(place *it)
{
    kin_alloc(&it->block, NULL, sizeof(bodies));
}

static void begin_bodies(place *it)
{
    bodies *all = it->block;
    kin_lock_init(&all->lock, 0);
    kin_rwlock_init(&all->rwlock);
    kin_sem_init(&all->sem, 1, 0);
    kin_event_init(&all->event);
    kin_cond_init(&all->cond);
    kin_barrier_init(&all->barrier, 2);
    kin_counter_init(&all->counter, 7);
}

static void end_bodies(place *it)
{
    bodies *all = it->block;
    kin_lock_fini(&all->lock);
    kin_rwlock_fini(&all->rwlock);
    kin_sem_fini(&all->sem);
    kin_event_fini(&all->event);
    kin_cond_fini(&all->cond);
    kin_barrier_fini(&all->barrier);
    kin_counter_fini(&all->counter);
}

static void had_bodies(place *it)
{
    give_bodies(it);
    begin_bodies(it);
}

/* ---- by name ---- */

static void set_up(void *memory, void *context)
{
    (void)context;
    memset(memory, 3, 100);
}

static void name_of(char *out, const place *it, int number)
{
    snprintf(out, 48, "%s/%d", it->name, number);
}

static void named_simple(place *it)
{
    char name[48];
    kin_lock *lock = NULL;
    kin_rwlock *rwlock = NULL;
    kin_sem *sem = NULL;
    kin_event *event = NULL;
    kin_cond *cond = NULL;
    kin_barrier *barrier = NULL;
    kin_counter *counter = NULL;
    name_of(name, it, 1);
    kin_named_lock(&lock, NULL, name, 0);
    name_of(name, it, 2);
    kin_named_rwlock(&rwlock, NULL, name);
    name_of(name, it, 3);
    kin_named_sem(&sem, NULL, name, 1, 0);
    name_of(name, it, 4);
    kin_named_event(&event, NULL, name);
    name_of(name, it, 5);
    kin_named_cond(&cond, NULL, name);
    name_of(name, it, 6);
    kin_named_barrier(&barrier, NULL, name, 2);
    name_of(name, it, 7);
    kin_named_counter(&counter, NULL, name, 7);
}

static void named_compound(place *it)
{
    char name[48];
    kin_sem *leased = NULL;
    kin_value *value = NULL;
    kin_array *array = NULL;
    kin_queue *queue = NULL;
    kin_dict *dict = NULL;
    kin_list *list = NULL;
    void *memory = NULL;
    kin_queue_options options = {sizeof options, 1000, 0, 0};
    name_of(name, it, 1);
    kin_named_sem_leased(&leased, NULL, name, 2);
    name_of(name, it, 2);
    kin_named_value(&value, NULL, name, KIN_ELEMENT_I64, 0);
    name_of(name, it, 3);
    kin_named_array(&array, NULL, name, KIN_ELEMENT_I64, 10, 0);
    name_of(name, it, 4);
    kin_named_queue(&queue, NULL, name, &options);
    name_of(name, it, 5);
    kin_named_dict(&dict, NULL, name);
    name_of(name, it, 6);
    kin_named_list(&list, NULL, name);
    name_of(name, it, 7);
    kin_named_memory(&memory, NULL, name, 100, set_up, NULL);
}

/* The others find the same objects, or make them; then the names are free again. */
static bool removed(const place *it, int number)
{
    char name[48];
    name_of(name, it, number);
    return kin_name_remove(NULL, name) == KIN_OK;
}

static void conclude_simple(place *it)
{
    named_simple(it);
    for (int i = 1; i <= 7; i++) {
        it->unusable |= !removed(it, i);
    }
}

static void conclude_compound(place *it)
{
    named_compound(it);
    for (int i = 1; i <= 7; i++) {
        it->unusable |= !removed(it, i);
    }
}

static void family_forget(place *it)
{
    kin_family_unlink(it->name);
}

static kin_family *kept;

static void open_kept(place *it)
{
    kin_family_open(&kept, it->name, 0, NULL);
}

static void close_kept(place *it)
{
    (void)it;
    kin_family_close(kept);
    kept = NULL;
}

/* ---- values, counters, arrays ---- */

static void value_hold(place *it)
{
    kin_value_acquire(value_of(it), KIN_FOREVER);
    kin_value_release(value_of(it));
}

static void counter_set(place *it)
{
    kin_counter_set(&it->counter, 2);
}

static kin_array *array;

static void give_array(place *it)
{
    (void)it;
    kin_array_create(&array, NULL, KIN_ELEMENT_I64, 20, KIN_VALUE_LOCKED);
}

static void array_use(place *it)
{
    int64_t numbers[20] = {1, 2, 3};
    (void)it;
    kin_array_set(array, 0, 20, numbers, sizeof numbers);
    kin_array_get(array, 0, 20, numbers, sizeof numbers);
    kin_array_acquire(array, KIN_FOREVER);
    kin_array_release(array);
}

/* ---- conditions ---- */

static int is_passed(void *it)
{
    int64_t count = 0;
    kin_counter_get(&((place *)it)->counter, &count);
    return count > 0;
}

static void cond_wait_for(place *it)
{
    lock_acquire(it);
    kin_cond_wait_for(&it->cond, &it->lock, is_passed, it, KIN_FOREVER);
}

/* The wait does not sleep: the thread has been interrupted before. */
static void interrupted_wait(place *it)
{
    kin_thread me;
    kin_thread_current(&me);
    kin_thread_interrupt(me);
    kin_event_wait(&it->event, KIN_FOREVER);
    kin_thread_interrupt(me);
    kin_thread_clear_interrupt();
}

/* Nothing is ready, then the event is set: that makes the handle ready. */
static void watch_use(place *it)
{
    kin_wait_item items[] = {
        {KIN_TYPE_EVENT, KIN_WAIT_READABLE, &it->event, 0, 0},
        {KIN_TYPE_QUEUE, KIN_WAIT_READABLE, queue_of(it), 0, 0},
        {KIN_TYPE_SEM, KIN_WAIT_READABLE, &it->sem, 0, 0},
    };
    kin_watch *watch = NULL;
    kin_wait_item handle = {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, 0, 0};
    if (kin_watch_create(&watch, items, 3) != KIN_OK) {
        return;
    }
    kin_watch_check(watch, NULL);
    kin_event_set(&it->event);
    handle.handle = kin_watch_handle(watch);
    kin_wait(&handle, 1, 0, LIMIT, NULL);
    kin_watch_check(watch, NULL);
    kin_watch_destroy(watch);
}

/* ---- rows ---- */

#define MADE "made and destroyed"

static const scenario rows[] = {
    {"lock", MADE, "kin_lock_create kin_lock_destroy", .before = make_lock, .operation = make_lock},
    {"readers-writer lock", MADE, "kin_rwlock_create kin_rwlock_destroy", .before = make_rwlock,
     .operation = make_rwlock},
    {"semaphore", MADE, "kin_sem_create kin_sem_destroy", .before = make_sem, .operation = make_sem},
    {"leased semaphore", MADE, "kin_sem_create_leased kin_sem_destroy", .before = make_leased,
     .operation = make_leased},
    {"event", MADE, "kin_event_create kin_event_destroy", .before = make_event, .operation = make_event},
    {"condition", MADE, "kin_cond_create kin_cond_destroy", .before = make_cond, .operation = make_cond},
    {"barrier", MADE, "kin_barrier_create kin_barrier_destroy", .before = make_barrier, .operation = make_barrier},
    {"counter", MADE, "kin_counter_create kin_counter_destroy", .before = make_counter, .operation = make_counter},
    {"value", MADE, "kin_value_create kin_value_destroy", .before = make_value, .operation = make_value},
    {"array", MADE, "kin_array_create kin_array_destroy", .before = make_array, .operation = make_array},
    {"queue", MADE, "kin_queue_create kin_queue_destroy", .before = make_queue, .operation = make_queue},
    {"dict", MADE, "kin_dict_create kin_dict_set kin_dict_destroy", .before = make_dict, .operation = make_dict},
    {"list", MADE, "kin_list_create kin_list_append kin_list_destroy", .before = make_list, .operation = make_list},
    {"memory", "an array of it", "kin_alloc_array kin_free", .before = make_memory, .operation = make_memory},
    {"in the caller's memory", "initialised",
     "kin_lock_init kin_rwlock_init kin_sem_init kin_event_init kin_cond_init kin_barrier_init kin_counter_init",
     .before = give_bodies, .operation = begin_bodies},
    {"in the caller's memory", "finished",
     "kin_lock_fini kin_rwlock_fini kin_sem_fini kin_event_fini kin_cond_fini kin_barrier_fini kin_counter_fini",
     .before = had_bodies, .operation = end_bodies},
    {"by name", "simple objects",
     "kin_named_lock kin_named_rwlock kin_named_sem kin_named_event kin_named_cond kin_named_barrier kin_named_counter",
     .before = lock_both, .operation = named_simple, .conclude = conclude_simple},
    {"by name", "objects of several parts",
     "kin_named_sem_leased kin_named_value kin_named_array kin_named_queue kin_named_dict kin_named_list "
     "kin_named_memory",
     .before = lock_both, .operation = named_compound, .conclude = conclude_compound},
    {"family", "its name is removed", "kin_family_unlink", .arrange = open_kept, .before = lock_both,
     .operation = family_forget, .conclude = close_kept},
    {"value", "acquire, release", "kin_value_acquire kin_value_release", .before = value_hold, .operation = value_hold},
    {"counter", "set", "kin_counter_set", .before = lock_both, .operation = counter_set},
    {"array", "set, get, acquire, release", "kin_array_set kin_array_get kin_array_acquire kin_array_release",
     .before = give_array, .operation = array_use},
    {"condition", "wait for", "kin_cond_wait_for kin_lock_acquire kin_lock_repair", .before = lock_both,
     .operation = cond_wait_for},
    {"thread", "interrupted", "kin_thread_interrupt kin_event_wait kin_thread_clear_interrupt", .before = lock_both,
     .operation = interrupted_wait},
    {"watch", "create, check, wake, destroy",
     "kin_watch_create kin_watch_check kin_event_set kin_watch_handle kin_watch_destroy", .before = lock_both,
     .operation = watch_use},
};

const subject step_objects = {rows, sizeof rows / sizeof rows[0]};
