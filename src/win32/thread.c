/* thread.c: a TLS index for speed, an FLS index for its callback, InitOnceExecuteOnce, atexit, WaitOnAddress.
 *
 * - The callback of FlsAlloc runs when a thread ends, in an executable as in a DLL, without a DllMain (Microsoft,
 *   "FlsAlloc function"). It does not run for threads that ExitProcess or TerminateThread ends. It also runs when a
 *   fiber is deleted: a thread must not delete the fiber in which it first used kin and use kin again.
 * - A callback in unloaded code is a crash, so the module is pinned, as the POSIX backend's is by -z nodelete.
 * - WaitOnAddress works inside one process, and may return for no reason ("WaitOnAddress function").
 * - In a DLL, atexit functions run at DLL_PROCESS_DETACH: inside the loader lock, after ExitProcess has ended all other
 *   threads wherever they were, perhaps holding a lock ("ExitProcess function"). In an executable they run before that.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "win32/clock.h"
#include "win32/win32.h"

DWORD kin_win32_tls_index = TLS_OUT_OF_INDEXES;

static INIT_ONCE hooks_once = INIT_ONCE_STATIC_INIT;
static _Atomic(const kin_os_hooks *) installed;
static atomic_bool exit_done;
static DWORD exit_index = FLS_OUT_OF_INDEXES;

static void NTAPI on_thread_exit(PVOID value)
{
    const kin_os_hooks *hooks = atomic_load(&installed);
    if (!value || !hooks || atomic_load(&exit_done)) {
        return;
    }
    if (hooks->on_thread_exit) {
        hooks->on_thread_exit(value);
    }
    TlsSetValue(kin_win32_tls_index, NULL);
}

static void on_process_exit(void)
{
    const kin_os_hooks *hooks = atomic_load(&installed);
    if (hooks && !atomic_exchange(&exit_done, true) && hooks->on_process_exit) {
        hooks->on_process_exit();
    }
}

static bool pin_module(void)
{
    HMODULE module;
    DWORD flags = GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
    return GetModuleHandleExW(flags, (LPCWSTR)(const void *)&installed, &module);
}

/* FALSE: InitOnceExecuteOnce fails with the thread's last error, and the next caller tries again. */
static BOOL CALLBACK install(PINIT_ONCE once, PVOID hooks, PVOID *context)
{
    (void)once;
    (void)context;
    if (!pin_module()) {
        return FALSE;
    }
    if (exit_index == FLS_OUT_OF_INDEXES && (exit_index = FlsAlloc(on_thread_exit)) == FLS_OUT_OF_INDEXES) {
        return FALSE;
    }
    if (kin_win32_tls_index == TLS_OUT_OF_INDEXES && (kin_win32_tls_index = TlsAlloc()) == TLS_OUT_OF_INDEXES) {
        return FALSE;
    }
    if (atexit(on_process_exit) != 0) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return FALSE;
    }
    atomic_store(&installed, (const kin_os_hooks *)hooks);
    return TRUE;
}

kin_status kin_os_hooks_install(const kin_os_hooks *hooks)
{
    void *parameter = (void *)(uintptr_t)hooks;
    if (!InitOnceExecuteOnce(&hooks_once, install, parameter, NULL)) {
        return kin_win32_fail(GetLastError());
    }
    return KIN_OK;
}

void kin_os_thread_set(void *value)
{
    TlsSetValue(kin_win32_tls_index, value);
    FlsSetValue(exit_index, value);
}

void kin_os_word_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline)
{
    WaitOnAddress((volatile void *)word, &expected, sizeof expected, kin_win32_milliseconds(deadline));
}

void kin_os_word_wake(_Atomic uint32_t *word)
{
    WakeByAddressSingle((void *)word);
}
