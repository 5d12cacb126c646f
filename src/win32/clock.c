/* clock.c: QueryPerformanceCounter, Sleep, WaitForSingleObject, BCryptGenRandom.
 *
 * - The counter is one for all processes and processors, and never fails since Windows XP; its frequency is fixed at
 *   boot (Microsoft, "Acquiring high-resolution time stamps").
 * - Sleep and the waits count in ticks (15.6 ms by default) and may return up to one tick early ("Sleep function"), so
 *   after each the clock has the last word. INFINITE is a number of milliseconds that must not be met by chance.
 * - SwitchToThread runs another thread of this processor, whatever its priority; Sleep(0) only one of equal priority.
 */
#include <stdatomic.h>

#include "win32/clock.h"
#include "win32/win32.h"

#include <bcrypt.h>

#define SECOND INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)
#define SLEEP_MAX INT64_C(0x7fffffff)

static _Atomic(int64_t) frequency;

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

int64_t kin_os_now(void)
{
    LARGE_INTEGER counter;
    int64_t rate = ticks_per_second();
    QueryPerformanceCounter(&counter);
    return counter.QuadPart / rate * SECOND + counter.QuadPart % rate * SECOND / rate;
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
            return kin_win32_fail((DWORD)status);
        }
        next += part;
        size -= part;
    }
    return KIN_OK;
}
