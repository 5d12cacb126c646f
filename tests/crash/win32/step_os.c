/* step_os.c: the victim steps itself. See ../step_os.h.
 *
 * With the trap flag set in EFLAGS the processor raises an exception after each instruction (Intel, "Software
 * Developer's Manual", volume 3, 17.3.1.4); the handler counts it, and sets the flag anew in the context that it
 * returns to. After the last one it ends the process by TerminateProcess, as a killer from outside would. Only code
 * of the process itself is stepped, its libraries included, not the kernel's (under Wine: not what Wine does for it
 * on its Unix side). step_visible.c says which instructions are visible steps.
 */
#include "step_visible.h"

#include "../step_os.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <windows.h>

#define TRAP_FLAG 0x100
#define ASLEEP KIN_MS(25)        /* in a call that may sleep */
#define STUCK KIN_MS(700)        /* in any other */
#define PATIENCE KIN_SECONDS(10) /* in all */

typedef struct step_count { /* shared between the two, in a section of the victim's: it may leave kin's memory */
    _Atomic int64_t done;
    _Atomic int64_t limit;        /* then the victim ends itself */
    _Atomic int64_t instructions; /* it moves */
    _Atomic int sleeps;           /* the next one may */
    _Atomic int ended;            /* the victim came to the operation's end */
    _Atomic int failed;           /* it cannot be stepped so */
    uint64_t writers[STEPS_NOTED];
} step_count;

static step_count *counted;
static step_kind stepped;
static volatile bool is_stepped; /* this thread */

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

static void end_victim(bool failed)
{
    atomic_store(&counted->failed, failed);
    TerminateProcess(GetCurrentProcess(), 137);
}

/* Behind an instruction. */
static void count_step(const CONTEXT *at)
{
    int64_t done = atomic_load(&counted->done);
    bool step = true;
    uint64_t writer = 0;
    if (stepped == STEP_VISIBLE && !step_visible(at, &step, &writer)) {
        end_victim(true);
    }
    if (step && done < STEPS_NOTED) {
        counted->writers[done] = writer;
    }
    atomic_store(&counted->done, done + step);
    atomic_store(&counted->sleeps, step_sleeps(at));
    atomic_fetch_add(&counted->instructions, 1);
    if (done + step >= atomic_load(&counted->limit)) {
        end_victim(false);
    }
}

static LONG CALLBACK on_step(EXCEPTION_POINTERS *what)
{
    const EXCEPTION_RECORD *why = what->ExceptionRecord;
    if (why->ExceptionCode == EXCEPTION_SINGLE_STEP) {
        if (!is_stepped) {
            what->ContextRecord->EFlags &= ~(DWORD)TRAP_FLAG; /* behind the instruction that clears it */
            return EXCEPTION_CONTINUE_EXECUTION;
        }
        count_step(what->ContextRecord);
    } else if (why->ExceptionCode != EXCEPTION_ACCESS_VIOLATION || !is_stepped || stepped != STEP_VISIBLE ||
               !step_visible_write(why, what->ContextRecord)) {
        return EXCEPTION_CONTINUE_SEARCH;
    }
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

void step_begin(step_kind kind, int64_t last)
{
    counted = map_count(GetCurrentProcessId(), 1);
    stepped = kind;
    atomic_store(&counted->limit, last);
    AddVectoredExceptionHandler(1, on_step);
    step_learn_calls();
    if (kind == STEP_VISIBLE && !step_visible_begin(counted)) {
        end_victim(true);
    }
    is_stepped = true;
    set_trap(1);
}

void step_end(void)
{
    is_stepped = false;
    set_trap(0);
    if (stepped == STEP_VISIBLE) {
        step_visible_end();
    }
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
    return kind != STEP_CALL;
}

int step_halts(void)
{
    return 0;
}

/* ---- the one that kills ---- */

static bool lives(HANDLE victim)
{
    return victim && WaitForSingleObject(victim, 0) == WAIT_TIMEOUT;
}

/* Of the last victim. */
static uint64_t writers[STEPS_NOTED];
static int64_t steps;

/* Until it is dead, at the end, so far, or has not moved for a while. */
static int64_t watch(HANDLE victim, step_count *count, int64_t last)
{
    int64_t seen = 0, began = step_now(), moved = began; /* seen 0: it has not begun, and may be slow to */
    while (lives(victim) && !atomic_load(&count->ended) && atomic_load(&count->done) < last &&
           step_now() < moved + (atomic_load(&count->sleeps) ? ASLEEP : STUCK) && step_now() < began + PATIENCE) {
        Sleep(1);
        int64_t instructions = atomic_load(&count->instructions);
        moved = instructions == 0 || instructions != seen ? step_now() : moved;
        seen = instructions;
    }
    if (atomic_load(&count->failed)) {
        fprintf(stderr, "the victim's memory cannot be protected\n");
        exit(2);
    }
    steps = atomic_load(&count->done);
    memcpy(writers, count->writers, (size_t)(steps < STEPS_NOTED ? steps : STEPS_NOTED) * sizeof writers[0]);
    return steps;
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
    int64_t before = steps, done = 0; /* it has gone on since */
    (void)kind;
    if (count) {
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
    return step_is_in_loop(writers, steps, step);
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
