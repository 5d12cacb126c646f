/* pulse.c: OpenProcess, creation times. A process is its own sign of life, so it holds nothing else, except an event
 * (see below).
 *
 * - A process object outlives the process while a process has a handle to it. Then OpenProcess succeeds, and only a
 *   wait shows that the process has ended. Later another process may get the pid, with another creation time
 *   (Microsoft, "Process Handles and Identifiers").
 * - OpenProcess says ERROR_INVALID_PARAMETER where there is no such process, and ERROR_ACCESS_DENIED where there is
 *   one that this user may not open ("OpenProcess function"): another user's, an elevated one, or one in another
 *   session. If that counted as life, a dead member would live for ever when such a process has got its pid.
 * - So each member holds an event, Global\kin-HEX-life-PID-START, as a second sign, and its entry notes that there is
 *   one. Events in Global\ need no privilege ("Kernel object namespaces"). The event is gone when the process has no
 *   thread any more and its handles are closed ("Terminating a process"). All members of the family may open it. So
 *   an event that cannot be opened, or is not of the member's user, was made by another user, and is ignored.
 * - A second copy of the library in the process finds the event there, of its own user, and holds it, too.
 * - Where no event can be made (an app container), a process that cannot be opened is UNSURE.
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

kin_status kin_os_pulse_handle(kin_os_handle *out, kin_os_pulse *pulse)
{
    (void)pulse;
    *out = KIN_OS_NO_HANDLE;
    return KIN_OK;
}

kin_status kin_os_pulse_adopt(kin_os_pulse *out, kin_os_handle handle)
{
    kin_os_handle_close(handle);
    *out = (kin_os_pulse)KIN_OS_NO_PULSE;
    return KIN_OK;
}

bool kin_os_pulse_is(kin_os_handle handle, const kin_os_id *family)
{
    (void)handle;
    (void)family;
    return false; /* there are none */
}

static void sign_name(wchar_t out[KIN_WIN32_NAME], const kin_os_id *family, const kin_os_process_id *who)
{
    kin_win32_name(out, family, true);
    size_t used = wcslen(out);
    swprintf(out + used, KIN_WIN32_NAME - used, L"-life-%lx-%llx", (unsigned long)who->pid,
             (unsigned long long)who->start);
}

#define NOTED 1u /* kin_os_process_id.where: the process holds an event */

static kin_status make_sign(HANDLE *out, const kin_os_process_id *self, const kin_os_id *family,
                            const kin_os_access *access)
{
    SECURITY_ATTRIBUTES list;
    wchar_t name[KIN_WIN32_NAME];
    if (!kin_win32_access(&list, access, KIN_WIN32_USE)) {
        return kin_win32_fail(GetLastError());
    }
    sign_name(name, family, self);
    HANDLE sign = CreateEventW(&list, TRUE, FALSE, name);
    DWORD code = GetLastError();
    LocalFree(list.lpSecurityDescriptor);
    if (sign && code == ERROR_ALREADY_EXISTS && kin_win32_owner_number(sign) != self->user) {
        /* another user's event would outlive this process */
        CloseHandle(sign);
        return kin_win32_fail(ERROR_ACCESS_DENIED);
    }
    if (!sign) {
        return kin_win32_fail(code);
    }
    *out = sign;
    return KIN_OK;
}

/* There is nothing to take: a process that joins or reaps is known by its pid. */
uint64_t kin_os_pulse_look(kin_os_pulse *pulse, uint32_t index)
{
    (void)pulse;
    (void)index;
    return 0;
}

/* One for all that it does: a reaper's is the one it has as a member. In a family of one user it may do without. */
kin_status kin_os_pulse_start(kin_os_pulse *pulse, uint32_t index, uint64_t seen, kin_os_process_id *me,
                              const kin_os_id *family, const kin_os_access *access)
{
    kin_status status = pulse->sign ? KIN_OK : make_sign(&pulse->sign, me, family, access);
    (void)index;
    (void)seen;
    me->where = pulse->sign ? NOTED : 0;
    return kin_os_account_given(&access->group) ? status : KIN_OK;
}

void kin_os_pulse_share(kin_os_pulse *pulse, uint32_t index)
{
    (void)pulse;
    (void)index;
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

/* A reaper is known by its pid: nothing is taken, nothing given back. */
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

kin_os_life kin_os_pulse_life(kin_os_pulse *pulse, uint32_t index, const kin_os_process_id *who,
                              const kin_os_id *family)
{
    HANDLE process;
    (void)pulse;
    (void)index;
    kin_status status = kin_win32_process_open(&process, who, PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE);
    if (status != KIN_OK) {
        bool tells = who->start != 0 && who->where == NOTED;
        if (status == KIN_E_NOT_FOUND || (tells && !shows_sign(family, who))) {
            return KIN_OS_DEAD;
        }
        return tells ? KIN_OS_LIVES : KIN_OS_UNSURE;
    }
    bool ended = kin_win32_process_ended(process);
    CloseHandle(process);
    return ended ? KIN_OS_DEAD : KIN_OS_LIVES;
}

bool kin_os_pulse_suspect(kin_os_pulse *pulse, uint32_t index)
{
    (void)pulse;
    (void)index;
    return false;
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
