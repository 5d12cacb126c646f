/* step_os.c: the victim steps itself. See ../step_os.h.
 *
 * With the trap flag set in EFLAGS the processor raises an exception after each instruction (Intel, "Software Developer's
 * Manual", volume 3, 17.3.1.4); the handler counts it, and sets the flag anew in the context that it returns to. After the last
 * one it ends the process by TerminateProcess, as a killer from outside would. Only code of the process itself is stepped, its
 * libraries included, not the kernel's (under Wine: not what Wine does for it on its Unix side).
 */
#include "../step_os.h"

#include <windows.h>

#define TRAP_FLAG 0x100
#define ASLEEP_MS 150
#define PATIENCE KIN_MS(700) /* a waiter's slices end, and begin again */

static step_count *counted;
static int64_t limit;

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

void step_begin(step_count *count, int64_t last)
{
    counted = count;
    limit = last;
    AddVectoredExceptionHandler(1, on_step);
    set_trap(1);
}

void step_end(step_count *count)
{
    set_trap(0);
    atomic_store(&count->ended, 1);
}

/* Until it is dead, at the end, or has not moved for a while. */
int64_t step_drive(kin_process *victim, step_count *count, int64_t last)
{
    int64_t seen = 0, began = step_now(), moved = began + KIN_SECONDS(5); /* for its start */
    (void)last;
    while (kin_process_alive(victim) && !atomic_load(&count->ended) && step_now() < moved + KIN_MS(ASLEEP_MS) &&
           (seen == 0 || step_now() < began + PATIENCE)) {
        int64_t done = atomic_load(&count->done);
        began = seen == 0 ? step_now() : began;
        moved = done != seen ? step_now() : moved;
        seen = done;
        Sleep(1);
    }
    return atomic_load(&count->done);
}
