/* hooks.c: what the layers below call in those above. It stands above them all. */
#include "base/hooks.h"

#include "family/close.h"
#include "family/open.h"
#include "family/thread_slot.h"
#include "manager/manager.h"
#include "memory/heap.h"
#include "park/park.h"
#include "pipe/endpoint_registry.h"
#include "pool/worker.h"
#include "process/children.h"

static void nothing(void)
{
}

/* The child is no member until it uses something of the family: most children only exec. Should all members leave before
 * that, the family's names are gone, and it does without (os.h, kin_os_sem_create). */
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

static const kin_entry *const entries[] = {&kin__worker_entry, &kin__keeper_entry, NULL};

const kin__hook_table kin__hooks = {
    .os = {kin__seats_leave_thread, kin__family_leave_all, nothing, nothing, after_fork_child},
    .slot_left = kin__park_reap,
    .slot_reaped = slot_reaped,
    .entries = entries,
};
