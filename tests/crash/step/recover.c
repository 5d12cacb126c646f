/* recover.c: what others do while a process is dead, or stopped, in the middle of an operation. */
#include "step.h"

#include <string.h>

#define SOON KIN_MS(20) /* a second victim is killed asleep, too */

/* ---- recovery, in which a second victim is killed ---- */

static void recover_lock(kin_lock *lock)
{
    kin_status status = kin_lock_acquire(lock, SOON);
    if (status == KIN_OWNER_DIED) {
        kin_lock_repair(lock);
    }
    if (status >= 0) {
        kin_lock_release(lock);
    }
}

static void recover_rw(kin_rwlock *lock)
{
    kin_status status = kin_rwlock_acquire(lock, KIN_RWLOCK_WRITE, SOON);
    if (status == KIN_OWNER_DIED) {
        kin_rwlock_repair(lock);
    }
    if (status >= 0) {
        kin_rwlock_release(lock);
    }
}

static void recover_locks(place *it)
{
    recover_lock(&it->lock);
    recover_lock(&it->recursive);
    recover_lock(&it->worn);
}

static void recover_rwlocks(place *it)
{
    recover_rw(&it->rwlock);
    recover_rw(&it->worn_rw);
}

static void recover_leased(place *it)
{
    if (kin_sem_acquire(leased_of(it), 2, SOON) == KIN_OK) {
        kin_sem_release(leased_of(it), 2);
    }
}

static void recover_value(place *it)
{
    int64_t number = 5;
    recover_lock(kin_value_lock(value_of(it)));
    kin_value_set(value_of(it), &number, sizeof number);
}

static void recover_memory(place *it)
{
    void *small = NULL, *large = NULL;
    (void)it;
    kin_alloc(&small, NULL, 50);
    kin_alloc(&large, NULL, 50000);
    kin_free(small);
    kin_free(large);
}

static void recover_name(place *it)
{
    kin_name_set("stepped", KIN_TYPE_LOCK, &it->lock);
    kin_name_remove(NULL, "stepped");
}

static void recover_dict(place *it)
{
    kin_dict_set(dict_of(it), "b", 1, "\5\5", 2);
    kin_dict_remove(dict_of(it), "c", 1);
}

static void recover_list(place *it)
{
    kin_list_append(list_of(it), "\5\5", 2);
    kin_list_pop(list_of(it), 0, NULL, 0, NULL);
}

static void recover_queue(place *it)
{
    char message[100] = {1};
    if (kin_queue_get(queue_of(it), message, sizeof message, NULL, SOON) == KIN_OK) {
        kin_queue_task_done(queue_of(it));
    }
    kin_queue_put(queue_of(it), message, sizeof message, KIN_NOW);
}

static void recover_families(place *it)
{
    (void)it;
    kin_cleanup(NULL);
}

static const struct {
    const char *object;
    action *recover;
} ways[] = {
    {"lock", recover_locks},
    {"condition", recover_locks},
    {"readers-writer lock", recover_rwlocks},
    {"leased semaphore", recover_leased},
    {"value", recover_value},
    {"memory", recover_memory},
    {"in the caller's memory", recover_memory},
    {"name", recover_name},
    {"by name", recover_name},
    {"dict", recover_dict},
    {"list", recover_list},
    {"queue", recover_queue},
    {"wait", recover_queue},
    {"family", recover_families},
    {"process", recover_families},
    {"manager", recover_families},
};

void recover(const scenario *what, place *it)
{
    kin_family_reap(NULL, NULL);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(ways[i].object, what->object) == 0) {
            ways[i].recover(it);
        }
    }
}

/* ---- while a process is stopped ---- */

static struct {
    place *it;
    const scenario *what;
    _Atomic int stopped;
    const char *wrong;
} meanwhile;

/* A stopped process is no dead one. */
static void expect_alive(kin_status status, const char *what)
{
    if (atomic_load(&meanwhile.stopped) && status == KIN_OWNER_DIED) {
        meanwhile.wrong = what;
    }
}

/* The tracer and the victim; if the victim has used the family before its first step, and does not leave it. */
static void count_members(void)
{
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    bool joined = meanwhile.what->before != NULL && !meanwhile.what->stranger;
    kin_family_reap(NULL, NULL);
    if (joined && kin_family_inspect(NULL, &info) == KIN_OK && atomic_load(&meanwhile.stopped) && info.members < 2) {
        meanwhile.wrong = "a stopped process is reaped";
    }
}

static void use_meanwhile(void)
{
    place *it = meanwhile.it;
    kin_status status = kin_lock_acquire(&it->lock, LIMIT);
    expect_alive(status, "the lock of a stopped process is taken");
    if (status == KIN_OWNER_DIED) { /* it has been killed meanwhile */
        kin_lock_repair(&it->lock);
    }
    if (status >= 0) {
        kin_lock_release(&it->lock);
    }
    status = kin_rwlock_acquire(&it->rwlock, KIN_RWLOCK_WRITE, LIMIT);
    expect_alive(status, "the readers-writer lock of a stopped process is taken");
    if (status == KIN_OWNER_DIED) {
        kin_rwlock_repair(&it->rwlock);
    }
    if (status >= 0) {
        kin_rwlock_release(&it->rwlock);
    }
    count_members();
    recover(meanwhile.what, it);
}

void begin_meanwhile(const scenario *what, place *it)
{
    meanwhile.it = it;
    meanwhile.what = what;
    meanwhile.wrong = NULL;
    atomic_store(&meanwhile.stopped, 1);
    step_aside(use_meanwhile);
}

void end_stop(void)
{
    atomic_store(&meanwhile.stopped, 0);
}

const char *end_meanwhile(void)
{
    step_aside_join();
    return meanwhile.wrong;
}
