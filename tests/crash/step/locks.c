/* locks.c: killed in what sleeps and wakes: locks, semaphores, events, conditions, barriers, readers-writer locks. */
#include "step.h"

void lock_acquire(place *it)
{
    if (kin_lock_acquire(&it->lock, KIN_FOREVER) == KIN_OWNER_DIED) {
        kin_lock_repair(&it->lock);
    }
}

void lock_release(place *it)
{
    kin_lock_release(&it->lock);
}

void lock_both(place *it)
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
    run_helper("hold_and_end", it);
    kin_lock_acquire(&it->worn, KIN_FOREVER);
    kin_rwlock_acquire(&it->worn_rw, KIN_RWLOCK_WRITE, KIN_FOREVER);
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

static void let_writer_die(place *it)
{
    run_helper("hold_and_end", it);
}

static void worn_rw_write(place *it)
{
    kin_rwlock_acquire(&it->worn_rw, KIN_RWLOCK_WRITE, KIN_FOREVER);
}

static void worn_rw_acquire(place *it)
{
    kin_rwlock_acquire(&it->worn_rw, KIN_RWLOCK_READ, KIN_FOREVER);
}

void lock_try(place *it)
{
    kin_lock_acquire(&it->lock, KIN_MS(1));
}

static void sem_acquire(place *it)
{
    kin_sem_acquire(&it->sem, 1, KIN_FOREVER);
}

void sem_release(place *it)
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
    kin_barrier_wait(&it->barrier, NULL, KIN_FOREVER);
}

static void act(void *it)
{
    kin_counter_add(&((place *)it)->counter, 1, NULL);
}

static void barrier_act(place *it)
{
    kin_barrier_wait_with(&it->barrier, NULL, act, it, KIN_FOREVER);
}

static void barrier_abort(place *it)
{
    kin_barrier_abort(&it->barrier);
}

static void barrier_reset(place *it)
{
    kin_barrier_reset(&it->barrier);
}

static void rw_acquire(place *it, kin_rwlock_mode access)
{
    if (kin_rwlock_acquire(&it->rwlock, access, KIN_FOREVER) == KIN_OWNER_DIED) {
        kin_rwlock_repair(&it->rwlock);
    }
}

static void read_acquire(place *it)
{
    rw_acquire(it, KIN_RWLOCK_READ);
}

void write_acquire(place *it)
{
    rw_acquire(it, KIN_RWLOCK_WRITE);
}

void rw_release(place *it)
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

/* ---- for the above: who dies with the locks ---- */

int child_hold_and_end(const kin_args *args)
{
    void *it = NULL;
    kin_args_get_object(&it, args, "place", KIN_TYPE_MEMORY);
    kin_lock_acquire(&((place *)it)->worn, KIN_FOREVER);
    kin_rwlock_acquire(&((place *)it)->worn_rw, KIN_RWLOCK_WRITE, KIN_FOREVER);
    return 0;
}

/* ---- rows ---- */

static const scenario rows[] = {
    {"lock", "acquire", "kin_lock_acquire kin_lock_repair", .before = lock_both, .operation = lock_acquire},
    {"lock", "release", "kin_lock_release", .before = lock_acquire, .operation = lock_release},
    {"lock", "acquire, held by another", "kin_lock_acquire kin_lock_repair", .before = lock_try,
     .operation = lock_acquire, .held = true},
    {"lock", "release, another sleeps for it", "kin_lock_release", .before = lock_acquire, .operation = lock_release,
     .sleep = lock_both},
    {"lock", "recursive", "kin_lock_acquire kin_lock_repair kin_lock_release", .before = recursive_twice,
     .operation = recursive_twice, .even = true},
    {"lock", "recursive, release, another sleeps for it", "kin_lock_release", .before = recursive_hold,
     .operation = recursive_release, .sleep = recursive_twice},
    {"lock", "repair, another sleeps for it", "kin_lock_repair", .before = inherit, .operation = worn_repair,
     .sleep = worn_acquire},
    {"lock", "poison, another sleeps for it", "kin_lock_poison", .before = inherit, .operation = worn_poison,
     .sleep = worn_acquire},
    {"semaphore", "acquire", "kin_sem_acquire", .before = sem_release, .operation = sem_acquire},
    {"semaphore", "release", "kin_sem_release", .before = sem_release, .operation = sem_release},
    {"semaphore", "acquire, none free", "kin_sem_acquire", .operation = sem_acquire, .finish = sem_release},
    {"semaphore", "release, another sleeps for it", "kin_sem_release", .before = lock_both, .operation = sem_release,
     .sleep = sem_acquire, .finish = sem_release},
    {"event", "set, another waits", "kin_event_set", .before = lock_both, .operation = event_set, .sleep = event_wait,
     .finish = event_set},
    {"event", "clear", "kin_event_clear", .before = event_set, .operation = event_clear},
    {"event", "wait", "kin_event_wait", .before = lock_both, .operation = event_wait},
    {"condition", "notify, another waits", "kin_cond_notify", .before = lock_both, .operation = cond_notify,
     .sleep = cond_wait, .finish = cond_notify},
    {"condition", "notify all, another waits", "kin_cond_notify", .before = lock_both, .operation = cond_notify_all,
     .sleep = cond_wait, .finish = cond_notify_all},
    {"condition", "wait", "kin_lock_acquire kin_lock_repair kin_cond_wait kin_lock_release", .before = lock_both,
     .operation = cond_wait},
    {"barrier", "come, another waits", "kin_barrier_wait", .before = lock_both, .operation = barrier_wait,
     .sleep = barrier_wait, .finish = barrier_abort},
    {"barrier", "come, act, another waits", "kin_barrier_wait_with", .before = lock_both, .operation = barrier_act,
     .sleep = barrier_wait, .finish = barrier_abort},
    {"barrier", "abort, another waits", "kin_barrier_abort", .before = lock_both, .operation = barrier_abort,
     .sleep = barrier_wait, .finish = barrier_abort},
    {"barrier", "reset, another waits", "kin_barrier_reset", .before = lock_both, .operation = barrier_reset,
     .sleep = barrier_wait, .finish = barrier_abort},
    {"barrier", "wait", "kin_barrier_wait", .before = lock_both, .operation = barrier_wait},
    {"readers-writer lock", "read", "kin_rwlock_acquire kin_rwlock_repair", .before = read_both,
     .operation = read_acquire},
    {"readers-writer lock", "end of reading", "kin_rwlock_release", .before = read_acquire, .operation = rw_release},
    {"readers-writer lock", "end of reading, a writer waits", "kin_rwlock_release", .before = read_acquire,
     .operation = rw_release, .sleep = write_both},
    {"readers-writer lock", "write", "kin_rwlock_acquire kin_rwlock_repair", .before = write_both,
     .operation = write_acquire},
    {"readers-writer lock", "write, another reads", "kin_rwlock_acquire kin_rwlock_repair", .before = read_both,
     .operation = write_acquire, .arrange = read_acquire, .finish = rw_release},
    {"readers-writer lock", "write, the writer died", "kin_rwlock_acquire", .before = let_writer_die,
     .operation = worn_rw_write, .stranger = true},
    {"readers-writer lock", "read, the writer died", "kin_rwlock_acquire", .before = let_writer_die,
     .operation = worn_rw_acquire, .stranger = true},
    {"readers-writer lock", "end of writing, a reader waits", "kin_rwlock_release", .before = write_acquire,
     .operation = rw_release, .sleep = read_both},
    {"readers-writer lock", "read, held by a writer", "kin_rwlock_acquire kin_rwlock_repair", .before = lock_try,
     .operation = read_acquire, .held = true},
    {"readers-writer lock", "repair, a reader waits", "kin_rwlock_repair", .before = inherit,
     .operation = worn_rw_repair, .sleep = worn_rw_acquire},
    {"readers-writer lock", "poison, a reader waits", "kin_rwlock_poison", .before = inherit,
     .operation = worn_rw_poison, .sleep = worn_rw_acquire},
};

const subject step_locks = {rows, sizeof rows / sizeof rows[0]};
