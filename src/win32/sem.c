/* sem.c: unnamed semaphore objects, reached from other processes by DuplicateHandle.
 *
 * - A handle's value means something only in its process, and a pid may be used again while nobody holds the process.
 *   So creation times are compared while a handle to the process is held, then the value is duplicated (Microsoft,
 *   "Process Handles and Identifiers").
 * - If a semaphore were closed and its value used again, a duplicate would be another object. So semaphores are never
 *   closed, only kept for the next thread.
 * - DuplicateHandle fails with ERROR_ACCESS_DENIED from a process that has ended but still has handles.
 * - It fails so from another user's process, too. In a family that a group has access to, semaphores have names,
 *   Global\kin-HEX-sleep-PID-START-NUMBER, none of which is used twice: these are closed when they are retired.
 */
#include <limits.h>
#include <stdlib.h>
#include <wchar.h>

#include "win32/account.h"
#include "win32/clock.h"
#include "win32/discover.h"
#include "win32/identity.h"
#include "win32/win32.h"

/* words of a place; a value 0: it has a name */
enum { PID, START, VALUE, NUMBER };

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

/* ---- with a name ---- */

static void name_of(wchar_t out[KIN_WIN32_NAME], const kin_os_id *family, const kin_os_sem_place *place)
{
    kin_win32_name(out, family, true);
    size_t used = wcslen(out);
    swprintf(out + used, KIN_WIN32_NAME - used, L"-sleep-%lx-%llx-%llx", (unsigned long)place->words[PID],
             (unsigned long long)place->words[START], (unsigned long long)place->words[NUMBER]);
}

static kin_status make_named(HANDLE *out, const kin_os_sem_place *place, const kin_os_id *family,
                             const kin_os_access *access)
{
    SECURITY_ATTRIBUTES list;
    wchar_t name[KIN_WIN32_NAME];
    if (!kin_win32_access(&list, access, KIN_WIN32_USE)) {
        return kin_win32_fail(GetLastError());
    }
    name_of(name, family, place);
    HANDLE sem = CreateSemaphoreW(&list, 0, LONG_MAX, name);
    DWORD code = GetLastError();
    LocalFree(list.lpSecurityDescriptor);
    if (sem && code == ERROR_ALREADY_EXISTS) { /* another process's */
        CloseHandle(sem);
        sem = NULL;
    }
    *out = sem;
    return sem ? KIN_OK : kin_win32_fail(code);
}

static kin_status open_named(HANDLE *out, const kin_os_sem_place *place, const kin_os_id *family)
{
    wchar_t name[KIN_WIN32_NAME];
    name_of(name, family, place);
    HANDLE sem = OpenSemaphoreW(SEMAPHORE_MODIFY_STATE | SYNCHRONIZE, FALSE, name);
    if (!sem) {
        DWORD code = GetLastError();
        kin_status status = kin_win32_fail(code);
        return code == ERROR_FILE_NOT_FOUND ? KIN_E_NOT_FOUND : status;
    }
    *out = sem;
    return KIN_OK;
}

/* ---- without ---- */

static kin_status make_unnamed(HANDLE *out)
{
    *out = take_retired();
    return *out ? KIN_OK : make_new(out);
}

static kin_status open_unnamed(HANDLE *out, const kin_os_sem_place *place)
{
    const DWORD access = PROCESS_DUP_HANDLE | PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE;
    kin_os_process_id owner = {(uint32_t)place->words[PID], place->words[START], 0, 0};
    HANDLE process, sem, theirs = kin_os_handle_from(place->words[VALUE]);
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

kin_status kin_os_sem_create(kin_os_sem *out, kin_os_sem_place *place, const kin_os_id *family, uint32_t slot,
                             bool named, const kin_os_access *access)
{
    static volatile LONG64 last_number;
    kin_os_process_id self;
    (void)slot;
    (void)named;
    kin_status status = kin_os_self(&self);
    if (status != KIN_OK) {
        return status;
    }
    kin_os_sem_place here = {{self.pid, self.start}};
    HANDLE sem;
    if (kin_os_account_given(&access->group)) {
        here.words[NUMBER] = (uint64_t)InterlockedIncrement64(&last_number);
        status = make_named(&sem, &here, family, access);
    } else {
        status = make_unnamed(&sem);
    }
    if (status == KIN_OK) {
        here.words[VALUE] = kin_os_account_given(&access->group) ? 0 : kin_os_handle_value(sem);
        *place = here;
        *out = sem;
    }
    return status;
}

static void keep_retired(HANDLE sem)
{
    AcquireSRWLockExclusive(&retired_lock);
    node *item = pop(&spare);
    if (item) {
        item->sem = sem;
        push(&retired, item);
    }
    ReleaseSRWLockExclusive(&retired_lock);
}

/* A thread that reads the semaphore's place from now on finds nothing there, until the next thread of this slot has
 * filled it in. */
void kin_os_sem_retire(kin_os_sem sem, kin_os_sem_place *place, const kin_os_access *access)
{
    InterlockedExchange64((volatile LONG64 *)&place->words[PID], 0);
    InterlockedExchange64((volatile LONG64 *)&place->words[VALUE], 0);
    if (kin_os_account_given(&access->group)) {
        kin_os_handle_close(sem);
    } else if (sem) {
        keep_retired(sem);
    }
}

kin_status kin_os_sem_open(kin_os_sem *out, const kin_os_sem_place *place, const kin_os_id *family, uint32_t slot)
{
    (void)slot;
    if (place->words[PID] == 0) {
        return KIN_E_NOT_FOUND;
    }
    return place->words[VALUE] ? open_unnamed(out, place) : open_named(out, place, family);
}

void kin_os_sem_close(kin_os_sem sem)
{
    kin_os_handle_close(sem);
}

kin_status kin_os_sem_post(kin_os_sem sem)
{
    return ReleaseSemaphore(sem, 1, NULL) ? KIN_OK : kin_win32_fail(GetLastError());
}

void kin_os_sem_post_all(const kin_os_sem *sems, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kin_os_sem_post(sems[i]);
    }
}

kin_status kin_os_sem_wait(kin_os_sem sem, int64_t deadline)
{
    return kin_win32_wait(sem, deadline);
}
