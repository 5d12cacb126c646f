/* step_os.c: the victim steps itself. See ../step_os.h.
 *
 * With the trap flag set in EFLAGS the processor raises an exception after each instruction (Intel, "Software Developer's
 * Manual", volume 3, 17.3.1.4); the handler counts it, and sets the flag anew in the context that it returns to. After the last
 * one it ends the process by TerminateProcess, as a killer from outside would. Only code of the process itself is stepped, its
 * libraries included, not the kernel's (under Wine: not what Wine does for it on its Unix side).
 */
#include "../step_os.h"

#include <stdatomic.h>
#include <wchar.h>
#include <windows.h>

#define TRAP_FLAG 0x100
#define ASLEEP_MS 150
#define PATIENCE KIN_MS(700) /* a waiter's slices end, and begin again */

typedef struct step_count { /* shared between the two, in a section of the victim's: it may leave kin's memory */
    _Atomic int64_t done;
    _Atomic int ended; /* the victim came to the operation's end */
} step_count;

static step_count *counted;
static int64_t limit;

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
    if (atomic_load(&counted->done) >= limit) {
        TerminateProcess(GetCurrentProcess(), 137);
    }
    atomic_fetch_add(&counted->done, 1);
    what->ContextRecord->EFlags |= TRAP_FLAG;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void set_trap(int on)
{
#if defined(__GNUC__) && defined(__x86_64__)
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
    limit = last;
    counted = map_count(GetCurrentProcessId(), 1);
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

int step_has_calls(void)
{
    return 0;
}

/* Until it is dead, at the end, or has not moved for a while. */
int64_t step_drive(kin_process *victim, step_kind kind, int64_t last)
{
    int64_t seen = 0, began = step_now(), moved = began;
    step_count *count = NULL;
    (void)kind;
    (void)last;
    while (!count && kin_process_alive(victim)) {
        Sleep(1);
        count = map_count(kin_process_pid(victim), 0);
    }
    while (count && kin_process_alive(victim) && !atomic_load(&count->ended) &&
           step_now() < moved + KIN_MS(ASLEEP_MS) && step_now() < began + PATIENCE) {
        int64_t done = atomic_load(&count->done);
        moved = done != seen ? step_now() : moved;
        seen = done;
        Sleep(1);
    }
    seen = count ? atomic_load(&count->done) : 0;
    if (count) {
        UnmapViewOfFile(count);
    }
    return seen;
}
