/* clock.c: QueryUnbiasedInterruptTimePrecise, Sleep, WaitForSingleObject, BCryptGenRandom.
 *
 * - Waits do not count the time for which the machine is suspended (Microsoft, "WaitForSingleObject function", since
 *   Windows 8), and neither does a deadline on POSIX. QueryPerformanceCounter counts it: a deadline on that clock would
 *   pass while the waits go on. So the clock is the unbiased interrupt time, in units of 100 ns, which does not count
 *   it ("QueryUnbiasedInterruptTimePrecise function", Windows 10).
 * - Where that is missing (Wine 8) the counter has to do. It is one for all processes and processors, and never fails;
 *   its frequency is fixed at boot ("Acquiring high-resolution time stamps"). Wine's does not count a suspension.
 * - Sleep and the waits count in ticks (15.6 ms by default) and may return up to one tick early ("Sleep function"), so
 *   after each the clock has the last word. INFINITE is a number of milliseconds that must not be met by chance.
 * - SwitchToThread runs another thread of this processor, whatever its priority; Sleep(0) only one of equal priority.
 */
#include <stdatomic.h>

#include "win32/clock.h"
#include "win32/win32.h"

#include <bcrypt.h>
#include <ntsecapi.h>

#define SECOND INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)
#define SLEEP_MAX INT64_C(0x7fffffff)

typedef VOID(WINAPI *clock_function)(PULONGLONG hundreds);

static _Atomic(int64_t) frequency;
static _Atomic(clock_function) asked_clock;

static int64_t ticks_per_second(void)
{
    int64_t known = atomic_load_explicit(&frequency, memory_order_relaxed);
    if (known == 0) {
        LARGE_INTEGER asked;
        QueryPerformanceFrequency(&asked);
        known = asked.QuadPart;
        atomic_store_explicit(&frequency, known, memory_order_relaxed);
    }
    return known;
}

static VOID WINAPI counted_clock(PULONGLONG hundreds)
{
    LARGE_INTEGER counter;
    int64_t rate = ticks_per_second();
    QueryPerformanceCounter(&counter);
    *hundreds = (ULONGLONG)(counter.QuadPart / rate * (SECOND / 100) + counter.QuadPart % rate * (SECOND / 100) / rate);
}

/* All processes of a machine find the same one. */
static clock_function find_clock(void)
{
    HMODULE base = GetModuleHandleW(L"kernelbase.dll");
    FARPROC found = base ? GetProcAddress(base, "QueryUnbiasedInterruptTimePrecise") : NULL;
    clock_function function = found ? (clock_function)(void (*)(void))found : counted_clock;
    atomic_store_explicit(&asked_clock, function, memory_order_relaxed);
    return function;
}

int64_t kin_os_now(void)
{
    ULONGLONG hundreds;
    clock_function function = atomic_load_explicit(&asked_clock, memory_order_relaxed);
    (function ? function : find_clock())(&hundreds);
    return (int64_t)hundreds * 100;
}

DWORD kin_win32_milliseconds(int64_t deadline)
{
    int64_t now = kin_os_now();
    if (deadline == KIN_OS_NEVER) {
        return INFINITE;
    }
    if (deadline <= now) {
        return 0;
    }
    int64_t left = (deadline - now - 1) / MILLISECOND + 1;
    return (DWORD)(left < SLEEP_MAX ? left : SLEEP_MAX);
}

void kin_os_sleep_until(int64_t deadline)
{
    for (DWORD left = kin_win32_milliseconds(deadline); left != 0; left = kin_win32_milliseconds(deadline)) {
        Sleep(left);
    }
}

kin_status kin_win32_wait(HANDLE object, int64_t deadline)
{
    for (;;) {
        DWORD left = kin_win32_milliseconds(deadline);
        DWORD answer = WaitForSingleObject(object, left);
        if (answer == WAIT_OBJECT_0) {
            return KIN_OK;
        }
        if (answer != WAIT_TIMEOUT) {
            return kin_win32_fail(GetLastError());
        }
        if (left == 0) {
            return KIN_E_TIMED_OUT;
        }
    }
}

void kin_os_yield(void)
{
    SwitchToThread();
}

kin_status kin_os_random(void *out, size_t size)
{
    unsigned char *next = out;
    while (size > 0) {
        ULONG part = size < 65536 ? (ULONG)size : 65536;
        LONG status = BCryptGenRandom(NULL, next, part, BCRYPT_USE_SYSTEM_PREFERRED_RNG);
        if (status < 0) {
            return kin_win32_fail(LsaNtStatusToWinError(status)); /* kin_last_os_error is a Windows code, no STATUS */
        }
        next += part;
        size -= part;
    }
    return KIN_OK;
}
