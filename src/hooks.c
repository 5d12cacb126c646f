/* hooks.c: what the layers below call in those above. It stands above them all. */
#include "base/hooks.h"

#include "container/container.h"
#include "family/close.h"
#include "family/open.h"
#include "family/thread_slot.h"
#include "kin/counter.h"
#include "manager/manager.h"
#include "memory/heap.h"
#include "park/park.h"
#include "pipe/endpoint_registry.h"
#include "pool/worker.h"
#include "process/children.h"
#include "queue/ring.h"
#include "sync/lease.h"
#include "sync/value.h"

static void nothing(void)
{
}

/* The child is no member until it uses something of the family: most children only exec. Should all members leave
 * before that, the family's names are gone, and it does without (os.h, kin_os_sem_create). */
static void after_fork_child(void)
{
    kin__seats_after_fork();
    kin__endpoints_after_fork();
    kin__open_after_fork();
    kin__children_after_fork();
}

static bool slot_reaped(kin_family *family, uint32_t index, uint64_t token)
{
    if (!kin__heap_reap(family, index, token)) {
        return false;
    }
    kin__park_reap(family, index);
    return true;
}

static const kin__extent extents[] = {
    [KIN_TYPE_LOCK] = {sizeof(kin__lock), NULL},      [KIN_TYPE_SEM] = {0, kin__sem_extent},
    [KIN_TYPE_COUNTER] = {sizeof(kin_counter), NULL}, [KIN_TYPE_VALUE] = {0, kin__value_extent},
    [KIN_TYPE_ARRAY] = {0, kin__array_extent},        [KIN_TYPE_EVENT] = {sizeof(kin__event), NULL},
    [KIN_TYPE_COND] = {sizeof(kin__cond), NULL},      [KIN_TYPE_BARRIER] = {sizeof(kin__barrier), NULL},
    [KIN_TYPE_RWLOCK] = {sizeof(kin__rwlock), NULL},  [KIN_TYPE_QUEUE] = {0, kin__ring_extent},
    [KIN_TYPE_DICT] = {sizeof(kin__container), NULL}, /* what its words name is checked when it is followed */
    [KIN_TYPE_LIST] = {sizeof(kin__container), NULL},
};

static const kin_child_entry *const entries[] = {&kin__worker_entry, &kin__keeper_entry, NULL};

const kin__hook_table kin__hooks = {
    .os = {kin__seats_leave_thread, kin__family_leave_all, nothing, nothing, after_fork_child},
    .slot_left = kin__park_reap,
    .slot_reaped = slot_reaped,
    .extents = extents,
    .extent_count = sizeof extents / sizeof extents[0],
    .entries = entries,
};
