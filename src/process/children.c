/* children.c: the list of started processes, and where this process comes from.
 *
 * The list is one process's own: a forked child begins with none, whichever thread held the turn at the fork.
 */
#include "process/children.h"

#include "base/last_error.h"
#include "base/mutex.h"
#include "base/sized.h"

#include <string.h>

static kin__mutex mutex;
static kin__child *first;

static struct {
    uint32_t self, parent; /* self: a process forked otherwise finds another one's here */
    char entry[KIN_TASK_NAME_MAX + 1];
} origin;

/* ---- children ---- */

void kin__children_add(kin__child *child, kin_process *process, const kin_os_process *os)
{
    kin__mutex_lock(&mutex, KIN_OS_NEVER);
    *child = (kin__child){first, process, os};
    first = child;
    kin__mutex_unlock(&mutex);
}

void kin__children_remove(kin__child *child)
{
    kin__mutex_lock(&mutex, KIN_OS_NEVER);
    for (kin__child **at = &first; *at; at = &(*at)->next) {
        if (*at == child) {
            *at = child->next;
            break;
        }
    }
    kin__mutex_unlock(&mutex);
}

void kin__children_after_fork(void)
{
    atomic_store(&mutex, 0);
    first = NULL;
}

size_t kin_process_children(kin_process **list, size_t room)
{
    size_t count = 0;
    kin__mutex_lock(&mutex, KIN_OS_NEVER);
    for (const kin__child *at = first; at; at = at->next) {
        if (kin_os_process_ended(at->os)) {
            continue;
        }
        if (list && count < room) {
            list[count] = at->process;
        }
        count++;
    }
    kin__mutex_unlock(&mutex);
    return count;
}

/* ---- this process ---- */

void kin__origin_set(uint32_t parent, const char *entry)
{
    origin.self = kin_os_pid();
    origin.parent = parent;
    strncpy(origin.entry, entry, KIN_TASK_NAME_MAX);
}

kin_status kin_process_current(kin_process_info *info)
{
    kin_status status = kin__info_check(info, "KIN_PROCESS_INFO_INIT");
    if (status == KIN_OK) {
        uint32_t pid = kin_os_pid();
        bool started = origin.self == pid;
        kin_process_info own = {.pid = pid,
                                .parent = started ? origin.parent : kin_os_parent_pid(),
                                .started = started,
                                .entry = started ? origin.entry : ""};
        kin__info_write(info, &own, sizeof own);
    }
    return kin__told(status);
}

uint32_t kin_cpu_count(void)
{
    return kin_os_cpu_count();
}
