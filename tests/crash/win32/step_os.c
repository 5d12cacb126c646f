/* step_os.c: the victim steps itself. See ../step_os.h.
 *
 * With the trap flag set in EFLAGS the processor raises an exception after each instruction (Intel, "Software
 * Developer's Manual", volume 3, 17.3.1.4); the handler counts it, and sets the flag anew in the context that it
 * returns to. After the last one it ends the process by TerminateProcess, as a killer from outside would. Only code
 * of the process itself is stepped, its libraries included, not the kernel's (under Wine: not what Wine does for it
 * on its Unix side).
 */
#include "../step_os.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <wchar.h>
#include <windows.h>

#define TRAP_FLAG 0x100
#define ASLEEP_MS 150
#define PATIENCE KIN_MS(700) /* a waiter's slices end, and begin again */

typedef struct step_count { /* shared between the two, in a section of the victim's: it may leave kin's memory */
    _Atomic int64_t done;
    _Atomic int64_t limit; /* then the victim ends itself */
    _Atomic int ended;     /* the victim came to the operation's end */
} step_count;

static step_count *counted;

/* Made by the victim; NULL: not there yet. */
static step_count *map_count(DWORD pid, int make)
{
    wchar_t name[64];
    swprintf(name, sizeof name / sizeof name[0], L"Local\\kin-step-%lu", pid);
    HANDLE section = make ? CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof(step_count), name)
                          : OpenFileMappingW(FILE_MAP_READ | FILE_MAP_WRITE, FALSE, name);
    step_count *count = section ? MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, sizeof *count) : NULL;
    if (section && !make) {
        CloseHandle(section); /* the victim's stays open, for the name */
    }
    return count;
}

int64_t step_now(void)
{
    LARGE_INTEGER frequency, now;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    return now.QuadPart / frequency.QuadPart * 1000000000 +
           now.QuadPart % frequency.QuadPart * 1000000000 / frequency.QuadPart;
}

void step_rest(int milliseconds)
{
    Sleep((DWORD)milliseconds);
}

static LONG CALLBACK on_step(EXCEPTION_POINTERS *what)
{
    if (what->ExceptionRecord->ExceptionCode != EXCEPTION_SINGLE_STEP || !counted) {
        return EXCEPTION_CONTINUE_SEARCH;
    }
    if (atomic_load(&counted->done) >= atomic_load(&counted->limit)) {
        TerminateProcess(GetCurrentProcess(), 137);
    }
    atomic_fetch_add(&counted->done, 1);
    what->ContextRecord->EFlags |= TRAP_FLAG;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void set_trap(int on)
{
#if defined(__x86_64__)
    if (on) {
        __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
    } else {
        __asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
    }
#else
#error "Stepping needs a way to set the trap flag here"
#endif
}

void step_begin(int64_t last)
{
    step_count *count = map_count(GetCurrentProcessId(), 1);
    atomic_store(&count->limit, last);
    counted = count;
    AddVectoredExceptionHandler(1, on_step);
    set_trap(1);
}

void step_end(void)
{
    set_trap(0);
    atomic_store(&counted->ended, 1);
}

int64_t step_pid(void)
{
    return GetCurrentProcessId();
}

int step_names(void)
{
    return 0;
}

int step_has(step_kind kind)
{
    return kind == STEP_INSTRUCTION;
}

/* ---- the one that kills ---- */

static bool lives(HANDLE victim)
{
    return victim && WaitForSingleObject(victim, 0) == WAIT_TIMEOUT;
}

/* Until it is dead, at the end, so far, or has not moved for a while. */
static int64_t watch(HANDLE victim, step_count *count, int64_t last)
{
    int64_t seen = atomic_load(&count->done), began = step_now(), moved = began;
    while (lives(victim) && !atomic_load(&count->ended) && seen < last && step_now() < moved + KIN_MS(ASLEEP_MS) &&
           step_now() < began + PATIENCE) {
        Sleep(1);
        int64_t done = atomic_load(&count->done);
        moved = done != seen ? step_now() : moved;
        seen = done;
    }
    return seen;
}

/* It steps itself, to the limit that it was born with; `last` is only how long to watch. */
int64_t step_drive(int64_t victim, step_kind kind, int64_t last)
{
    HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)victim);
    step_count *count = NULL;
    int64_t done = 0;
    (void)kind;
    while (!(count = map_count((DWORD)victim, 0)) && lives(process)) {
        Sleep(1);
    }
    if (count) {
        done = watch(process, count, last);
        UnmapViewOfFile(count);
    }
    CloseHandle(process);
    return done;
}

int64_t step_drive_on(int64_t victim, step_kind kind, int64_t more)
{
    HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)victim);
    step_count *count = map_count((DWORD)victim, 0);
    int64_t before = 0, done = 0;
    (void)kind;
    if (count) {
        before = atomic_load(&count->done);
        if (atomic_load(&count->limit) - before > more) {
            atomic_store(&count->limit, before + more);
        }
        done = watch(process, count, before + more) - before;
        UnmapViewOfFile(count);
    }
    CloseHandle(process);
    return done;
}

void step_release(int64_t victim, int64_t ns)
{
    (void)victim;
    (void)ns;
}

int64_t step_changes(int64_t victim, int64_t *at, int64_t most, int64_t *length)
{
    (void)victim;
    (void)at;
    (void)most;
    *length = 0;
    return 0;
}

bool step_within_loop(int64_t step)
{
    (void)step;
    return false;
}

void step_kill(int64_t victim)
{
    HANDLE process = OpenProcess(PROCESS_TERMINATE, FALSE, (DWORD)victim);
    if (process) {
        TerminateProcess(process, 137);
        CloseHandle(process);
    }
}

/* ---- others ---- */

static HANDLE aside;

static DWORD WINAPI run_aside(void *run)
{
    void (*what)(void);
    memcpy(&what, &run, sizeof what);
    what();
    return 0;
}

void step_aside(void (*run)(void))
{
    void *what;
    memcpy(&what, &run, sizeof what);
    aside = CreateThread(NULL, 0, run_aside, what, 0, NULL);
}

void step_aside_join(void)
{
    WaitForSingleObject(aside, INFINITE);
    CloseHandle(aside);
}

int step_has_children(void)
{
    return 0;
}
