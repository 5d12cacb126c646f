/* peers.c: critical sections, SRW locks, Win32 semaphores and mutexes, CreateProcess. See ../peers.h. */
#include "../peers.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include "kin/kin.h"

/* ---- the system ---- */

int64_t peer_now_ns(void)
{
    static LARGE_INTEGER frequency;
    if (frequency.QuadPart == 0) {
        QueryPerformanceFrequency(&frequency);
    }
    LARGE_INTEGER now;
    QueryPerformanceCounter(&now);
    int64_t seconds = now.QuadPart / frequency.QuadPart;
    int64_t rest = now.QuadPart % frequency.QuadPart;
    return seconds * INT64_C(1000000000) + rest * INT64_C(1000000000) / frequency.QuadPart;
}

static int64_t filetime_ns(FILETIME time)
{
    return (int64_t)(((uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime) * 100);
}

int64_t peer_cpu_ns(void)
{
    FILETIME created;
    FILETIME ended;
    FILETIME kernel;
    FILETIME user;
    GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user);
    return filetime_ns(kernel) + filetime_ns(user);
}

int64_t peer_all_cpu_ns(void)
{
    return peer_cpu_ns();
}

/* As it was at the first call. */
static DWORD_PTR all_cpus(void)
{
    static DWORD_PTR cpus;
    DWORD_PTR system = 0;
    if (cpus == 0 && (!GetProcessAffinityMask(GetCurrentProcess(), &cpus, &system) || cpus == 0)) {
        cpus = 1;
    }
    return cpus;
}

int peer_cpu_count(void)
{
    int count = 0;
    for (DWORD_PTR left = all_cpus(); left != 0; left &= left - 1) {
        count++;
    }
    return count;
}

void peer_yield(void)
{
    SwitchToThread();
}

int peer_pin(int cpu)
{
    DWORD_PTR mask = all_cpus();
    if (cpu != PEER_ANY_CPU) {
        for (int skip = cpu % peer_cpu_count(); skip > 0; skip--) {
            mask &= mask - 1;
        }
        mask &= ~(mask - 1);
    }
    return !SetProcessAffinityMask(GetCurrentProcess(), mask);
}

int peer_system_call(void)
{
    DWORD flags = 0;
    return !GetHandleInformation(GetStdHandle(STD_OUTPUT_HANDLE), &flags) && GetLastError() == ERROR_SUCCESS;
}

/* There is no alarm. */
void peer_end_after(unsigned seconds)
{
    (void)seconds;
}

int64_t peer_handle_count(void)
{
    DWORD count = 0;
    GetProcessHandleCount(GetCurrentProcess(), &count);
    return count;
}

int64_t peer_name_count(void)
{
    return 0;
}

void peer_make_name(char *out, const char *before)
{
    static LONG number;
    snprintf(out, PEER_NAME, "%skin-bench-%lu-%ld", before, GetCurrentProcessId(), InterlockedIncrement(&number));
}

/* ---- locks ---- */

static int section_create(void *memory)
{
    InitializeCriticalSection(memory);
    return 0;
}

static void section_destroy(void *memory)
{
    DeleteCriticalSection(memory);
}

/* Only for the threads of one process. */
PEER_LOCK_LOOPS(section, CRITICAL_SECTION, (EnterCriticalSection(lock), 0), (LeaveCriticalSection(lock), 0))

/* SRW locks, too (learn.microsoft.com/windows/win32/sync/slim-reader-writer--srw--locks). */
static int srw_create(void *memory)
{
    InitializeSRWLock(memory);
    return 0;
}

PEER_LOCK_LOOPS(srw, SRWLOCK, (AcquireSRWLockExclusive(lock), 0), (ReleaseSRWLockExclusive(lock), 0))

static int srw_acquire(void *memory, int writing)
{
    writing ? AcquireSRWLockExclusive(memory) : AcquireSRWLockShared(memory);
    return 0;
}

static int srw_release(void *memory, int writing)
{
    writing ? ReleaseSRWLockExclusive(memory) : ReleaseSRWLockShared(memory);
    return 0;
}

const peer_rwlock peer_srw_rwlock = {"SRWLOCK, one process", srw_create, peer_nothing, srw_acquire, srw_release, 1};

/* A kernel object lives as long as a process has a handle of it. Its maker keeps one. */
typedef struct named {
    char name[PEER_NAME];
    HANDLE maker;
} named;

static int make_named(named *out, LONG value)
{
    peer_make_name(out->name, "");
    out->maker = CreateSemaphoreA(NULL, value, LONG_MAX, out->name);
    return out->maker == NULL;
}

static int named_create(void *memory)
{
    return make_named(memory, 1);
}

static void named_destroy(void *memory)
{
    CloseHandle(((named *)memory)->maker);
}

static void *named_attach(void *memory)
{
    return OpenSemaphoreA(SEMAPHORE_ALL_ACCESS, FALSE, ((named *)memory)->name);
}

static void named_detach(void *attached)
{
    CloseHandle(attached);
}

PEER_LOCK_LOOPS(named, void, WaitForSingleObject(lock, INFINITE), !ReleaseSemaphore(lock, 1, NULL))

/* A mutex tells its next owner of a dead one: WAIT_ABANDONED is an error here. */
static int mutex_create(void *memory)
{
    named *out = memory;
    peer_make_name(out->name, "");
    out->maker = CreateMutexA(NULL, FALSE, out->name);
    return out->maker == NULL;
}

static void *mutex_attach(void *memory)
{
    return OpenMutexA(MUTEX_ALL_ACCESS, FALSE, ((named *)memory)->name);
}

PEER_LOCK_LOOPS(mutex, void, WaitForSingleObject(lock, INFINITE), !ReleaseMutex(lock))

const peer_lock peer_locks[] = {
    {.name = "CRITICAL_SECTION, one process",
     .create = section_create,
     .destroy = section_destroy,
     .attach = peer_same,
     .detach = peer_nothing,
     .alone = section_alone,
     .contend = section_contend,
     .alone_target = {1.25, 0},
     .one_process = 1},
    {.name = "SRWLOCK, one process",
     .create = srw_create,
     .destroy = peer_nothing,
     .attach = peer_same,
     .detach = peer_nothing,
     .alone = srw_alone,
     .contend = srw_contend,
     .one_process = 1},
    {.name = "Win32 semaphore",
     .create = named_create,
     .destroy = named_destroy,
     .attach = named_attach,
     .detach = named_detach,
     .alone = named_alone,
     .contend = named_contend,
     .contended_target = {20, 1},
     .contended_processes = 4},
    {.name = "Win32 mutex",
     .create = mutex_create,
     .destroy = named_destroy,
     .attach = mutex_attach,
     .detach = named_detach,
     .alone = mutex_alone,
     .contend = mutex_contend},
};

const size_t peer_lock_count = sizeof peer_locks / sizeof peer_locks[0];
const peer_lock *const peer_contended = &peer_locks[2];

/* ---- two semaphores ---- */

static int sems_create(void *memory)
{
    named *both = memory;
    return make_named(&both[0], 0) != 0 || make_named(&both[1], 0) != 0;
}

static void sems_destroy(void *memory)
{
    named *both = memory;
    named_destroy(&both[0]);
    named_destroy(&both[1]);
}

static void detach_both(void *attached)
{
    HANDLE *handles = attached;
    for (int i = 0; i < 2; i++) {
        if (handles[i] != NULL) {
            CloseHandle(handles[i]);
        }
    }
    free(handles);
}

static void *attach_both(void *memory, void *(*attach)(void *memory))
{
    named *both = memory;
    HANDLE *handles = calloc(2, sizeof *handles);
    for (int i = 0; handles != NULL && i < 2; i++) {
        handles[i] = attach(&both[i]);
    }
    if (handles != NULL && (handles[0] == NULL || handles[1] == NULL)) {
        detach_both(handles);
        return NULL;
    }
    return handles;
}

static void *sems_attach(void *memory)
{
    return attach_both(memory, named_attach);
}

static int sems_give(void *attached, int which)
{
    return !ReleaseSemaphore(((HANDLE *)attached)[which], 1, NULL);
}

static int sems_take(void *attached, int which, int64_t timeout_ns)
{
    return WaitForSingleObject(((HANDLE *)attached)[which], (DWORD)(timeout_ns / 1000000)) != WAIT_OBJECT_0;
}

const peer_sems peer_native_sems = {
    "Win32 semaphore", sems_create, sems_destroy, sems_attach, detach_both, sems_give, sems_take,
};

/* ---- two events, each reset by the wait that it ends ---- */

static int events_create(void *memory)
{
    named *both = memory;
    for (int i = 0; i < 2; i++) {
        peer_make_name(both[i].name, "");
        both[i].maker = CreateEventA(NULL, FALSE, FALSE, both[i].name);
    }
    return both[0].maker == NULL || both[1].maker == NULL;
}

static void *event_attach(void *memory)
{
    return OpenEventA(EVENT_ALL_ACCESS, FALSE, ((named *)memory)->name);
}

static void *events_attach(void *memory)
{
    return attach_both(memory, event_attach);
}

static int events_give(void *attached, int which)
{
    return !SetEvent(((HANDLE *)attached)[which]);
}

const peer_sems peer_win32_events = {
    "Win32 event", events_create, sems_destroy, events_attach, detach_both, events_give, sems_take,
};

/* ---- making and starting things ---- */

const char *const peer_named_name = "CreateSemaphore, close";

int peer_named_once(void)
{
    named one;
    if (make_named(&one, 1) != 0) {
        return 1;
    }
    named_destroy(&one);
    return 0;
}

int peer_has_fork(void)
{
    return 0;
}

int peer_fork_many(int count)
{
    (void)count;
    return 1;
}

const char *const peer_spawn_name = "CreateProcess";

int peer_spawn_once(void)
{
    static wchar_t path[1024];
    wchar_t command[] = L"kin-bench noop";
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    DWORD code = 1;
    if (path[0] == L'\0') {
        GetModuleFileNameW(NULL, path, sizeof path / sizeof path[0] - 1);
    }
    if (!CreateProcessW(path, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process)) {
        return 1;
    }
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    return (int)code;
}

/* ---- a pipe ---- */

int peer_pipe_create(int64_t ends[2])
{
    HANDLE handles[2];
    if (!CreatePipe(&handles[0], &handles[1], NULL, 65536)) {
        return -1;
    }
    ends[0] = (int64_t)(intptr_t)handles[0];
    ends[1] = (int64_t)(intptr_t)handles[1];
    return 0;
}

void peer_end_close(int64_t end)
{
    CloseHandle((HANDLE)(intptr_t)end);
}

int peer_pipe_write(int64_t end, const void *data, size_t size)
{
    DWORD done = 0;
    return WriteFile((HANDLE)(intptr_t)end, data, (DWORD)size, &done, NULL) && done == size ? 0 : -1;
}

int peer_pipe_read(int64_t end, void *buffer, size_t size)
{
    char *at = buffer;
    while (size > 0) {
        DWORD done = 0;
        if (!ReadFile((HANDLE)(intptr_t)end, at, (DWORD)size, &done, NULL) || done == 0) {
            return -1;
        }
        at += done;
        size -= done;
    }
    return 0;
}

/* ---- a named pipe that keeps messages whole ---- */

const char peer_pair_name[] = "named pipe of messages";

int peer_pair_create(int64_t ends[2])
{
    char name[PEER_NAME];
    DWORD mode = PIPE_READMODE_MESSAGE;
    peer_make_name(name, "\\\\.\\pipe\\");
    HANDLE first = CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 1, 1 << 18,
                                    1 << 18, 0, NULL);
    HANDLE second = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    ends[0] = (int64_t)(intptr_t)first;
    ends[1] = (int64_t)(intptr_t)second;
    return first == INVALID_HANDLE_VALUE || second == INVALID_HANDLE_VALUE ||
           !SetNamedPipeHandleState(second, &mode, NULL, NULL);
}

int peer_pair_send(int64_t end, const void *message, size_t size)
{
    DWORD done = 0;
    return !WriteFile((HANDLE)(intptr_t)end, message, (DWORD)size, &done, NULL) || done != size;
}

int peer_pair_recv(int64_t end, void *message, size_t size)
{
    DWORD done = 0;
    return !ReadFile((HANDLE)(intptr_t)end, message, (DWORD)size, &done, NULL) || done != size;
}
