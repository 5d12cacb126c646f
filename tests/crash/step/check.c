/* check.c: the conditions that must hold after a kill. Each check names a condition that does not hold. */
#include "step.h"

#include "../step_os.h"

static uint64_t digest;

void note(int64_t seen)
{
    digest = (digest ^ (uint64_t)seen) * UINT64_C(0x100000001b3); /* FNV-1a */
}

uint64_t found_since(void)
{
    uint64_t all = digest;
    digest = 0;
    return all;
}

static bool acquired(kin_status status)
{
    note(status);
    return status == KIN_OK || status == KIN_OWNER_DIED;
}

/* What there is no room for, but for which all free blocks are given up. */
static size_t convertible(void)
{
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    kin_family_inspect(NULL, &info);
    return (size_t)info.reserve - (512 << 10);
}

const char *use_all(place *it)
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
    if (!acquired(kin_rwlock_acquire(&it->rwlock, KIN_RWLOCK_WRITE, LIMIT)) ||
        kin_rwlock_repair(&it->rwlock) != KIN_OK || kin_rwlock_release(&it->rwlock) != KIN_OK) {
        return "readers-writer lock";
    }
    kin_status worn = kin_lock_acquire(&it->worn, LIMIT);
    note(worn);
    if (worn != KIN_E_POISONED &&
        (!acquired(worn) || kin_lock_repair(&it->worn) != KIN_OK || kin_lock_release(&it->worn) != KIN_OK)) {
        return "worn lock";
    }
    worn = kin_rwlock_acquire(&it->worn_rw, KIN_RWLOCK_WRITE, LIMIT);
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
    if (kin_barrier_reset(&it->barrier) != KIN_OK || kin_barrier_wait(&it->barrier, NULL, 0) != KIN_E_TIMED_OUT) {
        return "barrier";
    }
    if (kin_alloc(&small, NULL, 50) != KIN_OK || kin_alloc(&large, NULL, 50000) != KIN_OK ||
        kin_free(small) != KIN_OK || kin_free(large) != KIN_OK) {
        return "memory";
    }
    if (kin_alloc(&large, NULL, convertible()) != KIN_E_NO_MEMORY || kin_alloc(&small, NULL, 3000) != KIN_OK ||
        kin_free(small) != KIN_OK) {
        return "memory that is converted";
    }
    note(kin_name_remove(NULL, "stepped"));
    if (kin_name_set("stepped", KIN_TYPE_LOCK, &it->lock) != KIN_OK ||
        kin_name_get(&found, NULL, "stepped", KIN_TYPE_LOCK) != KIN_OK || found != &it->lock ||
        kin_name_remove(NULL, "stepped") != KIN_OK) {
        return "name";
    }
    const char *wrong = use_dict(it);
    wrong = wrong ? wrong : use_list(it);
    return wrong ? wrong : use_queue(it);
}

const char *count_values(const place *it)
{
    uint32_t value = 0;
    int64_t count = 0;
    kin_sem_value(&it->sem, &value);
    kin_counter_get(&it->counter, &count);
    note(value);
    note(count);
    return value > 2 ? "the semaphore's value" : count > 2 ? "the counter's value" : NULL;
}

static bool has_children(void)
{
    for (int64_t end = step_now() + LIMIT; step_has_children(); step_rest(1)) {
        if (step_now() > end) {
            return true;
        }
    }
    return false;
}

/* What the victim has started may live on for a moment. */
const char *find_remains(int names)
{
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    for (int64_t end = step_now() + LIMIT;; step_rest(1)) {
        kin_family_reap(NULL, NULL);
        kin_family_inspect(NULL, &info);
        if (info.members == 1 || step_now() > end) {
            break;
        }
    }
    int left; /* not looked for once more: another process of the machine may be making a name just now */
    for (int64_t end = step_now() + LIMIT; (left = step_names()) > names && step_now() < end; step_rest(1)) {
        kin_cleanup(NULL);
    }
    return info.members != 1   ? "a member is left"
           : info.threads != 1 ? "a thread entry is left"
           : left > names      ? "a name is left"
           : has_children()    ? "a process is left"
                               : NULL;
}

uint64_t count_blocks(void)
{
    uint64_t blocks = 0, bytes;
    kin_alloc_total(NULL, &blocks, &bytes);
    return blocks;
}
