/* wait.c: WaitForMultipleObjects, and for more than its 64 objects the thread pool's waits.
 *
 * A wait changes some objects: it takes an auto-reset event's signal, a semaphore's count, a mutex. So the result of
 * each wait counts, even if the time was over by then: a wait of the pool goes on until UnregisterWaitEx has returned.
 * When no wait is registered any more, the objects without a result are checked once again.
 */
#include "win32/clock.h"
#include "win32/win32.h"

#include <stdlib.h>

#define DIRECT (MAXIMUM_WAIT_OBJECTS - 1) /* and the thread's semaphore */

kin_status kin_os_bell_open(kin_os_bell *out, uint32_t *number, const kin_os_id *family, uint32_t slot)
{
    *number = 1;
    (void)family;
    (void)slot;
    *out = (kin_os_bell)KIN_OS_NO_BELL;
    return KIN_OK;
}

void kin_os_bell_close(kin_os_bell *bell)
{
    (void)bell;
}

void kin_os_bell_ring(const kin_os_id *family, uint32_t slot, uint32_t number)
{
    (void)number;
    (void)family;
    (void)slot;
}

kin_os_handle kin_os_bell_handle(const kin_os_bell *bell, kin_os_sem sem)
{
    (void)bell;
    return sem;
}

/* Each wait takes one from its count (Microsoft, "Semaphore Objects"). */
void kin_os_bell_quiet(const kin_os_bell *bell, kin_os_sem sem)
{
    (void)bell;
    while (WaitForSingleObject(sem, 0) == WAIT_OBJECT_0) {
    }
}

/* An event that stays set until it is reset (Microsoft, "CreateEventW function"). */
kin_status kin_os_alarm_open(kin_os_alarm *out)
{
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    out->event = event;
    return event ? KIN_OK : kin_win32_fail(GetLastError());
}

void kin_os_alarm_close(kin_os_alarm *alarm)
{
    kin_os_handle_close(alarm->event);
    alarm->event = NULL;
}

void kin_os_alarm_set(kin_os_alarm *alarm)
{
    SetEvent(alarm->event);
}

void kin_os_alarm_clear(kin_os_alarm *alarm)
{
    ResetEvent(alarm->event);
}

kin_os_handle kin_os_alarm_handle(kin_os_alarm *alarm)
{
    return alarm->event;
}

static void clear(kin_os_watch *watches, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        watches[i].ready = 0;
    }
}

/* Also those that are signalled besides the one that was told. */
static kin_status look_at_rest(kin_os_watch *watches, size_t first, size_t count)
{
    for (size_t i = first; i < count; i++) {
        if (watches[i].handle == KIN_OS_NO_HANDLE || watches[i].ready) {
            continue;
        }
        DWORD answer = WaitForSingleObject(watches[i].handle, 0);
        if (answer == WAIT_FAILED) {
            return kin_win32_fail(GetLastError());
        }
        watches[i].ready = answer == WAIT_TIMEOUT ? 0 : watches[i].interest;
    }
    return KIN_OK;
}

static kin_status wait_direct(kin_os_watch *watches, size_t count, kin_os_sem sem, int64_t deadline)
{
    HANDLE list[MAXIMUM_WAIT_OBJECTS];
    size_t from[MAXIMUM_WAIT_OBJECTS]; /* where each is among the watches */
    DWORD handles = 0;
    for (size_t i = 0; i < count; i++) {
        if (watches[i].handle != KIN_OS_NO_HANDLE) {
            from[handles] = i;
            list[handles++] = watches[i].handle;
        }
    }
    DWORD total = handles;
    if (sem) {
        list[total++] = sem;
    }
    for (;;) {
        DWORD left = kin_win32_milliseconds(deadline);
        DWORD answer = WaitForMultipleObjects(total, list, FALSE, left);
        if (answer == WAIT_FAILED) {
            return kin_win32_fail(GetLastError());
        }
        DWORD which = answer >= WAIT_ABANDONED_0 && answer < WAIT_ABANDONED_0 + total ? answer - WAIT_ABANDONED_0
                                                                                      : answer - WAIT_OBJECT_0;
        if (answer != WAIT_TIMEOUT && which < handles) {
            kin_os_watch *told = &watches[from[which]];
            told->ready = told->interest;
            return look_at_rest(watches, from[which] + 1, count);
        }
        if (answer != WAIT_TIMEOUT) {
            return KIN_OK; /* the semaphore */
        }
        if (left == 0) {
            return KIN_E_TIMED_OUT;
        }
    }
}

typedef struct pool_wait {
    kin_os_watch *watch;
    HANDLE any, wait;
} pool_wait;

static VOID CALLBACK on_signal(PVOID context, BOOLEAN timed_out)
{
    pool_wait *it = context;
    (void)timed_out;
    it->watch->ready = it->watch->interest;
    SetEvent(it->any);
}

static bool any_ready(const kin_os_watch *watches, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (watches[i].ready) {
            return true;
        }
    }
    return false;
}

/* The thread pool waits for each; the event tells of any. */
static kin_status register_and_wait(kin_os_watch *watches, size_t count, kin_os_sem sem, int64_t deadline)
{
    HANDLE any = CreateEventW(NULL, TRUE, FALSE, NULL);
    pool_wait *waits = calloc(count, sizeof *waits);
    kin_status status = any && waits ? KIN_OK : KIN_E_NO_MEMORY;
    for (size_t i = 0; i < count && status == KIN_OK; i++) {
        if (watches[i].handle == KIN_OS_NO_HANDLE) {
            continue;
        }
        waits[i].watch = &watches[i];
        waits[i].any = any;
        if (!RegisterWaitForSingleObject(&waits[i].wait, watches[i].handle, on_signal, &waits[i], INFINITE,
                                         WT_EXECUTEONLYONCE)) {
            waits[i].wait = NULL;
            status = kin_win32_fail(GetLastError());
        }
    }
    if (status == KIN_OK) {
        kin_os_watch told = {any, KIN_OS_READABLE, 0};
        status = wait_direct(&told, 1, sem, deadline);
    }
    for (size_t i = 0; waits && i < count; i++) {
        if (waits[i].wait) {
            UnregisterWaitEx(waits[i].wait, INVALID_HANDLE_VALUE); /* returns when its callback has */
        }
    }
    free(waits);
    kin_os_handle_close(any);
    return status;
}

static kin_status wait_by_pool(kin_os_watch *watches, size_t count, kin_os_sem sem, int64_t deadline)
{
    kin_status status = look_at_rest(watches, 0, count);
    if (status != KIN_OK || any_ready(watches, count)) {
        return status;
    }
    if (deadline > kin_os_now()) {
        status = register_and_wait(watches, count, sem, deadline);
    } else {
        status = sem ? kin_win32_wait(sem, 0) : KIN_E_TIMED_OUT;
    }
    if (status == KIN_OK || status == KIN_E_TIMED_OUT) {
        kin_status look = look_at_rest(watches, 0, count);
        status = look != KIN_OK ? look : any_ready(watches, count) ? KIN_OK : status;
    }
    return status;
}

kin_status kin_os_watch_any(kin_os_watch *watches, size_t count, kin_os_sem sem, const kin_os_bell *bell,
                            int64_t deadline)
{
    (void)bell;
    clear(watches, count);
    return count <= DIRECT ? wait_direct(watches, count, sem, deadline) : wait_by_pool(watches, count, sem, deadline);
}
