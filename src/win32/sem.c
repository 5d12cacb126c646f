/* sem.c: unnamed semaphore objects, reached from other processes by DuplicateHandle.
 *
 * - A handle's value means something only in its process, and a pid may come again while nobody holds the process:
 *   creation times are compared while a handle to it is held, then the value is duplicated (Microsoft, "Process Handles
 *   and Identifiers").
 * - A duplicate of a semaphore that was closed and whose value was reused would be another object; so semaphores are
 *   never closed, only kept for the next thread.
 * - DuplicateHandle from a process that has ended, but still has handles, fails with ERROR_ACCESS_DENIED.
 */
#include <limits.h>
#include <stdlib.h>

#include "win32.h"

typedef struct node {
    struct node *next;
    HANDLE sem;
} node;

/* `spare` nodes belong to semaphores in use: as many as there are, so that retiring never has to allocate. */
static SRWLOCK retired_lock = SRWLOCK_INIT;
static node *retired, *spare;

static void push(node **list, node *item)
{
    item->next = *list;
    *list = item;
}

static node *pop(node **list)
{
    node *item = *list;
    if (item) {
        *list = item->next;
    }
    return item;
}

static HANDLE take_retired(void)
{
    HANDLE sem = KIN_OS_NO_SEM;
    AcquireSRWLockExclusive(&retired_lock);
    node *item = pop(&retired);
    if (item) {
        sem = item->sem;
        push(&spare, item);
    }
    ReleaseSRWLockExclusive(&retired_lock);
    return sem;
}

static kin_status make_new(HANDLE *out)
{
    node *item = malloc(sizeof *item);
    if (!item) {
        return kin_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    HANDLE sem = CreateSemaphoreW(NULL, 0, LONG_MAX, NULL);
    if (!sem) {
        kin_status status = kin_win32_fail(GetLastError());
        free(item);
        return status;
    }
    AcquireSRWLockExclusive(&retired_lock);
    push(&spare, item);
    ReleaseSRWLockExclusive(&retired_lock);
    *out = sem;
    return KIN_OK;
}

kin_status kin_os_sem_create(kin_os_sem *out, kin_os_sem_place *place, const kin_os_id *family, uint32_t slot,
                             bool named)
{
    kin_os_process_id self;
    (void)family;
    (void)slot;
    (void)named;
    kin_status status = kin_os_self(&self);
    if (status != KIN_OK) {
        return status;
    }
    HANDLE sem = take_retired();
    if (!sem) {
        status = make_new(&sem);
    }
    if (status == KIN_OK) {
        *place = (kin_os_sem_place){{self.pid, self.start, kin_os_handle_value(sem)}};
        *out = sem;
    }
    return status;
}

void kin_os_sem_retire(kin_os_sem sem)
{
    if (!sem) {
        return;
    }
    AcquireSRWLockExclusive(&retired_lock);
    node *item = pop(&spare);
    if (item) {
        item->sem = sem;
        push(&retired, item);
    }
    ReleaseSRWLockExclusive(&retired_lock);
}

kin_status kin_os_sem_open(kin_os_sem *out, const kin_os_sem_place *place, const kin_os_id *family, uint32_t slot)
{
    const DWORD access = PROCESS_DUP_HANDLE | PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE;
    kin_os_process_id owner = {(uint32_t)place->words[0], place->words[1]};
    HANDLE process, sem, theirs = kin_os_handle_from(place->words[2]);
    (void)family;
    (void)slot;
    kin_status status = kin_win32_process_open(&process, &owner, access);
    if (status != KIN_OK) {
        return status;
    }
    if (DuplicateHandle(process, theirs, GetCurrentProcess(), &sem, SEMAPHORE_MODIFY_STATE | SYNCHRONIZE, FALSE, 0)) {
        *out = sem;
    } else {
        status = kin_win32_fail(GetLastError());
        if (kin_win32_process_ended(process)) {
            status = KIN_E_NOT_FOUND;
        }
    }
    CloseHandle(process);
    return status;
}

void kin_os_sem_close(kin_os_sem sem)
{
    kin_os_handle_close(sem);
}

kin_status kin_os_sem_post(kin_os_sem sem)
{
    return ReleaseSemaphore(sem, 1, NULL) ? KIN_OK : kin_win32_fail(GetLastError());
}

kin_status kin_os_sem_wait(kin_os_sem sem, int64_t deadline)
{
    return kin_win32_wait(sem, deadline);
}
