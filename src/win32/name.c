/* name.c: families that strangers find: a small section Local\kin-SID-NAME, which says whose arena it is.
 *
 * A section lives as long as somebody has a handle of it: each member that knows the family's name keeps one. All that is done
 * with names is done under a mutex of the user's; one that is abandoned by a killed process is had all the same (Microsoft, "Mutex
 * Objects"), and what it was doing is begun anew: a section whose arena cannot be opened is nobody's, and gets another.
 *
 * Sections, and the mutex, are the user's own: their access list names nobody else ("Security Descriptor String Format"). One of that name
 * which another user has made cannot be opened, or is not this user's.
 */
#include "win32.h"

#include <aclapi.h>
#include <sddl.h>
#include <string.h>
#include <wchar.h>

#define NAME_ROOM 400

typedef struct card {
    volatile LONG64 id[2]; /* the first half 0: none */
} card;

/* Local\kin-SID-NAME; for the mutex the name is empty. */
static kin_status make_name(wchar_t out[NAME_ROOM], const char *name)
{
    wchar_t sid[200];
    if (!kin_win32_user_sid(sid, sizeof sid / sizeof sid[0])) {
        return kin_win32_fail(GetLastError());
    }
    return swprintf(out, NAME_ROOM, L"Local\\kin-%ls-%hs", sid, name) > 0 ? KIN_OK : KIN_E_TOO_BIG;
}

bool kin_win32_own_only(SECURITY_ATTRIBUTES *out)
{
    wchar_t sid[200], text[300];
    *out = (SECURITY_ATTRIBUTES){.nLength = sizeof *out};
    return kin_win32_user_sid(sid, sizeof sid / sizeof sid[0]) &&
           swprintf(text, sizeof text / sizeof text[0], L"D:P(A;;GA;;;%ls)", sid) > 0 &&
           ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1, &out->lpSecurityDescriptor,
                                                                NULL);
}

/* ---- under the mutex ---- */

static kin_status enter(HANDLE *mutex)
{
    wchar_t name[NAME_ROOM];
    SECURITY_ATTRIBUTES own;
    kin_status status = make_name(name, "");
    if (status != KIN_OK) {
        return status;
    }
    if (!kin_win32_own_only(&own)) {
        return kin_win32_fail(GetLastError());
    }
    *mutex = CreateMutexW(&own, FALSE, name);
    DWORD code = GetLastError();
    LocalFree(own.lpSecurityDescriptor);
    if (!*mutex) {
        return kin_win32_fail(code);
    }
    DWORD answer = WaitForSingleObject(*mutex, INFINITE);
    if (answer != WAIT_OBJECT_0 && answer != WAIT_ABANDONED) {
        status = kin_win32_fail(GetLastError());
        CloseHandle(*mutex);
    }
    return status;
}

static void leave(HANDLE mutex)
{
    ReleaseMutex(mutex);
    CloseHandle(mutex);
}

/* The card of that name; made if create. KIN_E_NOT_FOUND. */
static kin_status open_card(HANDLE *section, card **out, const char *name, bool create)
{
    wchar_t wide[NAME_ROOM];
    SECURITY_ATTRIBUTES own;
    kin_status status = make_name(wide, name);
    if (status != KIN_OK) {
        return status;
    }
    if (create && !kin_win32_own_only(&own)) {
        return kin_win32_fail(GetLastError());
    }
    *section = create ? CreateFileMappingW(INVALID_HANDLE_VALUE, &own, PAGE_READWRITE, 0, sizeof(card), wide)
                      : OpenFileMappingW(FILE_MAP_READ | FILE_MAP_WRITE, FALSE, wide);
    DWORD code = GetLastError();
    if (create) {
        LocalFree(own.lpSecurityDescriptor);
    }
    if (!*section) {
        return code == ERROR_FILE_NOT_FOUND ? KIN_E_NOT_FOUND : kin_win32_fail(code);
    }
    *out = MapViewOfFile(*section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, sizeof(card));
    if (!*out) {
        status = kin_win32_fail(GetLastError());
        CloseHandle(*section);
    }
    return status;
}

/* The arena that a card names. KIN_E_NOT_FOUND: it is gone. */
static kin_status open_arena(HANDLE *out, const card *it)
{
    kin_os_id id;
    wchar_t name[KIN_WIN32_SECTION_NAME];
    LONG64 halves[2] = {it->id[0], it->id[1]};
    if (halves[0] == 0) {
        return KIN_E_NOT_FOUND;
    }
    memcpy(id.bytes, halves, sizeof id.bytes);
    kin_win32_section_name(name, &id);
    *out = OpenFileMappingW(FILE_MAP_READ | FILE_MAP_WRITE, FALSE, name);
    if (*out) {
        return KIN_OK;
    }
    return GetLastError() == ERROR_FILE_NOT_FOUND ? KIN_E_NOT_FOUND : kin_win32_fail(GetLastError());
}

/* ---- finding ---- */

static kin_status find_locked(kin_os_handle *out, const char *name)
{
    HANDLE section;
    card *it;
    kin_status status = open_card(&section, &it, name, false);
    if (status != KIN_OK) {
        return status;
    }
    status = open_arena(out, it);
    UnmapViewOfFile((void *)(uintptr_t)it);
    CloseHandle(section);
    return status;
}

kin_status kin_os_name_find(kin_os_handle *out, const char *name)
{
    HANDLE mutex;
    kin_status status = enter(&mutex);
    if (status == KIN_OK) {
        status = find_locked(out, name);
        leave(mutex);
    }
    return status;
}

kin_status kin_os_name_enter(kin_os_handle *shm, kin_os_handle *pulse, const kin_os_id *family)
{
    (void)shm;
    (void)family;
    *pulse = KIN_OS_NO_HANDLE;
    return KIN_OK;
}

/* ---- giving and taking names ---- */

static kin_status publish_locked(kin_os_handle *holder, const char *name, const kin_os_id *family)
{
    HANDLE arena;
    card *it;
    LONG64 id[2];
    kin_status status = open_card(holder, &it, name, true);
    if (status != KIN_OK) {
        return status;
    }
    status = open_arena(&arena, it);
    if (status == KIN_E_NOT_FOUND) {
        memcpy(id, family->bytes, sizeof id);
        InterlockedExchange64(&it->id[0], 0);
        InterlockedExchange64(&it->id[1], id[1]);
        InterlockedExchange64(&it->id[0], id[0]);
        status = KIN_OK;
    } else if (status == KIN_OK) {
        CloseHandle(arena);
        status = KIN_E_EXISTS;
    }
    UnmapViewOfFile((void *)(uintptr_t)it);
    if (status != KIN_OK) {
        CloseHandle(*holder);
    }
    return status;
}

kin_status kin_os_name_publish(kin_os_handle *holder, const char *name, const kin_os_id *family, bool kept)
{
    HANDLE mutex;
    *holder = KIN_OS_NO_HANDLE;
    if (kept) {
        return KIN_E_UNSUPPORTED;
    }
    kin_status status = enter(&mutex);
    if (status == KIN_OK) {
        status = publish_locked(holder, name, family);
        leave(mutex);
    }
    if (status != KIN_OK) {
        *holder = KIN_OS_NO_HANDLE;
    }
    return status;
}

void kin_os_name_hold(kin_os_handle *holder, const char *name)
{
    HANDLE section;
    card *it;
    *holder = KIN_OS_NO_HANDLE;
    if (open_card(&section, &it, name, false) == KIN_OK) {
        UnmapViewOfFile((void *)(uintptr_t)it);
        *holder = section;
    }
}

kin_status kin_os_name_forget(const char *name, const kin_os_id *family)
{
    HANDLE mutex, section;
    card *it;
    LONG64 id[2];
    kin_status status = enter(&mutex);
    if (status != KIN_OK) {
        return status;
    }
    status = open_card(&section, &it, name, false);
    if (status == KIN_OK) {
        memcpy(id, family->bytes, sizeof id);
        if (it->id[0] == id[0] && it->id[1] == id[1]) { /* else the name has passed on */
            InterlockedExchange64(&it->id[0], 0);
        }
        UnmapViewOfFile((void *)(uintptr_t)it);
        CloseHandle(section);
    }
    leave(mutex);
    return status;
}

void kin_os_name_tidy(const char *name)
{
    (void)name;
}
