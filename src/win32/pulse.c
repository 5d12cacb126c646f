/* pulse.c: OpenProcess, creation times. Nothing is held: a process is its own sign of life.
 *
 * - A process object outlives the process while anybody has a handle to it; then OpenProcess succeeds, and only a wait
 *   tells that it has ended. Afterwards its pid may be another process's, with another creation time (Microsoft,
 *   "Process Handles and Identifiers").
 * - OpenProcess says ERROR_INVALID_PARAMETER where there is no such process, ERROR_ACCESS_DENIED where there is one which
 *   this user may not open ("OpenProcess function"). The latter counts as life: it only delays.
 */
#include "win32.h"

kin_status kin_os_pulse_create(kin_os_pulse *out, const kin_os_id *family)
{
    (void)family;
    *out = (kin_os_pulse)KIN_OS_NO_PULSE;
    return KIN_OK;
}

kin_os_handle kin_os_pulse_handle(const kin_os_pulse *pulse)
{
    (void)pulse;
    return KIN_OS_NO_HANDLE;
}

kin_status kin_os_pulse_adopt(kin_os_pulse *out, kin_os_handle handle)
{
    kin_os_handle_close(handle);
    *out = (kin_os_pulse)KIN_OS_NO_PULSE;
    return KIN_OK;
}

kin_status kin_os_pulse_start(kin_os_pulse *pulse, uint32_t index)
{
    (void)pulse;
    (void)index;
    return KIN_OK;
}

bool kin_os_pulse_check(kin_os_pulse *pulse, uint32_t index)
{
    (void)pulse;
    (void)index;
    return true;
}

void kin_os_pulse_stop(kin_os_pulse *pulse, uint32_t index)
{
    (void)pulse;
    (void)index;
}

/* Whoever reaps is known by its pid: nothing is taken, nothing given back. */
void kin_os_pulse_give_back(kin_os_pulse *pulse, uint32_t index)
{
    (void)pulse;
    (void)index;
}

bool kin_os_pulse_alive(const kin_os_pulse *pulse, uint32_t index, const kin_os_process_id *who,
                        const kin_os_id *family)
{
    HANDLE process;
    (void)pulse;
    (void)index;
    (void)family;
    kin_status status = kin_win32_process_open(&process, who, PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE);
    if (status != KIN_OK) {
        return status != KIN_E_NOT_FOUND;
    }
    bool ended = kin_win32_process_ended(process);
    CloseHandle(process);
    return !ended;
}

bool kin_os_pulse_named(const kin_os_pulse *pulse)
{
    (void)pulse;
    return true;
}

void kin_os_pulse_retire(const kin_os_pulse *pulse, const kin_os_id *family)
{
    (void)pulse;
    (void)family;
}

void kin_os_pulse_close(kin_os_pulse *pulse)
{
    (void)pulse;
}

uint32_t kin_os_sweep(void)
{
    return 0;
}
