/* pulse.c: OpenProcess, creation times. Nothing is held, as a process is its own sign of life; but see the last point.
 *
 * - A process object outlives the process while anybody has a handle to it. Then OpenProcess succeeds, and only a wait
 *   tells that the process has ended. Later its pid may be another process's, with another creation time (Microsoft,
 *   "Process Handles and Identifiers").
 * - OpenProcess says ERROR_INVALID_PARAMETER where there is no such process, and ERROR_ACCESS_DENIED where there is one
 *   that this user may not open ("OpenProcess function"). The latter counts as life: it only delays.
 * - It would delay for ever while somebody holds a handle of another user's process. So in a family that a group has
 *   access to, each member holds an event, Global\kin-HEX-life-PID-START. The event goes when the process has no thread
 *   any more and its handles are closed ("Terminating a process"). All members of the family may open it. So an event
 *   that cannot be opened, or is not of the member's user, was put there by somebody else, and says nothing.
 */
#include "win32/account.h"
#include "win32/discover.h"
#include "win32/identity.h"
#include "win32/win32.h"

#include <wchar.h>

kin_status kin_os_pulse_create(kin_os_pulse *out, const kin_os_id *family, const kin_os_access *access)
{
    (void)family;
    (void)access;
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

static void sign_name(wchar_t out[KIN_WIN32_NAME], const kin_os_id *family, const kin_os_process_id *who)
{
    kin_win32_name(out, family, true);
    size_t used = wcslen(out);
    swprintf(out + used, KIN_WIN32_NAME - used, L"-life-%lx-%llx", (unsigned long)who->pid,
             (unsigned long long)who->start);
}

static kin_status make_sign(HANDLE *out, const kin_os_id *family, const kin_os_access *access)
{
    SECURITY_ATTRIBUTES list;
    kin_os_process_id self;
    wchar_t name[KIN_WIN32_NAME];
    kin_status status = kin_os_self(&self);
    if (status != KIN_OK) {
        return status;
    }
    if (!kin_win32_access(&list, access, KIN_WIN32_USE)) {
        return kin_win32_fail(GetLastError());
    }
    sign_name(name, family, &self);
    HANDLE sign = CreateEventW(&list, TRUE, FALSE, name);
    DWORD code = GetLastError();
    LocalFree(list.lpSecurityDescriptor);
    if (sign && code == ERROR_ALREADY_EXISTS) { /* somebody else's: it would outlive this process */
        CloseHandle(sign);
        return kin_win32_fail(ERROR_ACCESS_DENIED);
    }
    if (!sign) {
        return kin_win32_fail(code);
    }
    *out = sign;
    return KIN_OK;
}

/* One for all that it does: a reaper's is the one it has as a member. */
kin_status kin_os_pulse_start(kin_os_pulse *pulse, uint32_t index, const kin_os_id *family, const kin_os_access *access)
{
    (void)index;
    return kin_os_account_given(&access->group) && !pulse->sign ? make_sign(&pulse->sign, family, access) : KIN_OK;
}

bool kin_os_pulse_check(kin_os_pulse *pulse, uint32_t index)
{
    (void)pulse;
    (void)index;
    return true;
}

void kin_os_pulse_stop(kin_os_pulse *pulse, uint32_t index)
{
    (void)index;
    kin_os_handle_close(pulse->sign);
    pulse->sign = NULL;
}

/* Whoever reaps is known by its pid: nothing is taken, nothing given back. */
void kin_os_pulse_give_back(kin_os_pulse *pulse, uint32_t index)
{
    (void)pulse;
    (void)index;
}

static bool shows_sign(const kin_os_id *family, const kin_os_process_id *who)
{
    wchar_t name[KIN_WIN32_NAME];
    sign_name(name, family, who);
    HANDLE sign = OpenEventW(SYNCHRONIZE | READ_CONTROL, FALSE, name);
    bool alive = sign && kin_win32_owner_number(sign) == who->user;
    kin_os_handle_close(sign);
    return alive;
}

bool kin_os_pulse_alive(const kin_os_pulse *pulse, uint32_t index, const kin_os_process_id *who,
                        const kin_os_id *family)
{
    HANDLE process;
    (void)index;
    kin_status status = kin_win32_process_open(&process, who, PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE);
    if (status != KIN_OK) {
        bool tells = pulse->sign && who->start != 0;
        return status != KIN_E_NOT_FOUND && (!tells || shows_sign(family, who));
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

void kin_os_pulse_close(kin_os_pulse *pulse)
{
    kin_os_pulse_stop(pulse, 0);
}
