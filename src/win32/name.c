/* name.c: families that unrelated processes find by a small section, the card. The card's name is Local\kin-SID-NAME.
 * It says which family's arena the name is for. SID is the owner's.
 *
 * 1. A section lives as long as a process has a handle of it. Each member that knows the family's name keeps one.
 * 2. The owner changes names only under two mutexes of its own, one of the session and one of the machine. If a killed
 *    process has abandoned one, the next process gets it all the same (Microsoft, "Mutex Objects") and begins anew: if
 *    the arena of a card cannot be opened, the card is free, and gets another arena.
 * 3. Other users only read. They read twice: if both answers differ, the card is being written.
 * 4. Objects that other users have access to are Global, all others are Local. A user's own names are looked for in
 *    both. If another user has taken a Global name, this does not affect a Local family.
 * 5. Sections and mutexes belong to the owner. Their access lists name no other user unless that was asked for
 *    (account.c). If another user has made one of that name, it cannot be opened, or is found not to be the owner's.
 */
#include "win32/account.h"
#include "win32/discover.h"
#include "win32/handle.h"
#include "win32/win32.h"

#include <string.h>
#include <wchar.h>

#define NAME_ROOM 400
#define READINGS 1000

enum { LOCAL, GLOBAL, SCOPES };

typedef struct card {
    volatile LONG64 id[2]; /* the first half 0: none */
} card;

/* For the mutex the name is empty. */
static void make_name(wchar_t out[NAME_ROOM], int scope, const kin_os_account *owner, const char *name)
{
    swprintf(out, NAME_ROOM, L"%ls\\kin-%hs-%hs", scope == GLOBAL ? L"Global" : L"Local", owner->text, name);
}

/* A thing of another kind has that name. */
static kin_status refusal(DWORD code)
{
    return kin_win32_fail(code == ERROR_INVALID_HANDLE ? ERROR_ACCESS_DENIED : code);
}

/* ---- the mutexes ---- */

typedef struct guard {
    kin_os_account self;
    HANDLE mutex[SCOPES];
} guard;

static kin_status take_mutex(HANDLE *out, int scope, const kin_os_account *self)
{
    const kin_os_access own_only = {*self, {""}};
    wchar_t name[NAME_ROOM];
    SECURITY_ATTRIBUTES own;
    if (!kin_win32_access(&own, &own_only, KIN_WIN32_USE)) {
        return kin_win32_fail(GetLastError());
    }
    make_name(name, scope, self, "");
    HANDLE mutex = CreateMutexW(&own, FALSE, name);
    DWORD code = GetLastError();
    LocalFree(own.lpSecurityDescriptor);
    if (!mutex) {
        return refusal(code);
    }
    if (!kin_win32_is_owned(mutex, self)) { /* its maker might never release it */
        CloseHandle(mutex);
        return kin_win32_fail(ERROR_ACCESS_DENIED);
    }
    DWORD answer = WaitForSingleObject(mutex, INFINITE);
    if (answer != WAIT_OBJECT_0 && answer != WAIT_ABANDONED) {
        kin_status status = kin_win32_fail(GetLastError());
        CloseHandle(mutex);
        return status;
    }
    *out = mutex;
    return KIN_OK;
}

static void leave(const guard *it)
{
    for (int scope = LOCAL; scope < SCOPES; scope++) {
        if (it->mutex[scope]) {
            ReleaseMutex(it->mutex[scope]);
            CloseHandle(it->mutex[scope]);
        }
    }
}

/* Without the machine's if that cannot be had, as in an app container: then nothing Global is made. */
static kin_status enter(guard *out)
{
    *out = (guard){.mutex = {NULL, NULL}};
    kin_status status = kin_os_user_find(&out->self, NULL);
    if (status != KIN_OK) {
        return status;
    }
    take_mutex(&out->mutex[GLOBAL], GLOBAL, &out->self);
    status = take_mutex(&out->mutex[LOCAL], LOCAL, &out->self);
    if (status != KIN_OK) {
        leave(out);
    }
    return status;
}

/* ---- cards ---- */

static kin_status map_card(HANDLE section, DWORD access, card **out)
{
    *out = kin_win32_view(section, access, sizeof(card));
    return *out ? KIN_OK : kin_win32_fail(GetLastError());
}

static void close_card(HANDLE section, card *it)
{
    if (it) {
        UnmapViewOfFile((void *)(uintptr_t)it);
    }
    kin_os_handle_close(section);
}

static kin_status check_owner(HANDLE section, const kin_os_account *owner)
{
    return kin_win32_is_owned(section, owner) ? KIN_OK : kin_win32_fail(ERROR_ACCESS_DENIED);
}

/* KIN_E_NOT_FOUND. access: FILE_MAP_READ, or FILE_MAP_WRITE, too. */
static kin_status open_card(HANDLE *section, card **out, int scope, const kin_os_account *owner, const char *name,
                            DWORD access)
{
    wchar_t wide[NAME_ROOM];
    make_name(wide, scope, owner, name);
    *section = OpenFileMappingW(access | READ_CONTROL, FALSE, wide);
    if (!*section) {
        DWORD code = GetLastError();
        kin_status status = refusal(code);
        return code == ERROR_FILE_NOT_FOUND ? KIN_E_NOT_FOUND : status;
    }
    *out = NULL;
    kin_status status = check_owner(*section, owner);
    if (status == KIN_OK) {
        status = map_card(*section, access, out);
    }
    if (status != KIN_OK) {
        close_card(*section, *out);
    }
    return status;
}

/* The one that is there, of a family that is gone, or a new one. Others only look at it. */
static kin_status make_card(HANDLE *section, card **out, int scope, const kin_os_account *self, const char *name,
                            const kin_os_access *wanted)
{
    wchar_t wide[NAME_ROOM];
    SECURITY_ATTRIBUTES access;
    if (!kin_win32_access(&access, wanted, KIN_WIN32_LOOK)) {
        return kin_win32_fail(GetLastError());
    }
    make_name(wide, scope, self, name);
    *section = CreateFileMappingW(INVALID_HANDLE_VALUE, &access, PAGE_READWRITE, 0, sizeof(card), wide);
    DWORD code = GetLastError();
    *out = NULL;
    kin_status status = *section ? check_owner(*section, self) : refusal(code);
    if (status == KIN_OK && code == ERROR_ALREADY_EXISTS &&
        !SetKernelObjectSecurity(*section, DACL_SECURITY_INFORMATION, access.lpSecurityDescriptor)) {
        status = kin_win32_fail(GetLastError());
    }
    LocalFree(access.lpSecurityDescriptor);
    if (status == KIN_OK) {
        status = map_card(*section, FILE_MAP_READ | FILE_MAP_WRITE, out);
    }
    if (status != KIN_OK) {
        close_card(*section, *out);
    }
    return status;
}

static bool read_card(const card *it, LONG64 out[2])
{
    for (int i = 0; i < READINGS; i++) {
        out[0] = it->id[0];
        MemoryBarrier();
        out[1] = it->id[1];
        MemoryBarrier();
        if (it->id[0] == out[0]) {
            return out[0] != 0;
        }
    }
    return false;
}

/* The arena that a card names. KIN_E_NOT_FOUND: it is gone. */
static kin_status open_arena(HANDLE *out, kin_os_id *id, const card *it, int scope, const kin_os_account *owner,
                             kin_os_use use)
{
    LONG64 halves[2];
    if (!read_card(it, halves)) {
        return KIN_E_NOT_FOUND;
    }
    memcpy(id->bytes, halves, sizeof id->bytes);
    HANDLE arena = kin_win32_open_memory(id, scope == GLOBAL, use);
    if (!arena) {
        DWORD code = GetLastError();
        kin_status status = kin_win32_fail(code);
        return code == ERROR_FILE_NOT_FOUND ? KIN_E_NOT_FOUND : status;
    }
    kin_status status = check_owner(arena, owner);
    if (status != KIN_OK) {
        CloseHandle(arena);
        return status;
    }
    *out = arena;
    return KIN_OK;
}

/* ---- finding ---- */

static kin_status find_in(kin_os_handle *out, kin_os_id *id, int scope, const char *name, const kin_os_account *owner,
                          kin_os_use use)
{
    HANDLE section;
    card *it;
    kin_status status = open_card(&section, &it, scope, owner, name, FILE_MAP_READ);
    if (status == KIN_OK) {
        status = open_arena(out, id, it, scope, owner, use);
        close_card(section, it);
    }
    return status;
}

static kin_status find_own(kin_os_handle *out, kin_os_id *id, const char *name, const kin_os_account *self,
                           kin_os_use use)
{
    kin_status status = find_in(out, id, LOCAL, name, self, use);
    if (status != KIN_E_NOT_FOUND) {
        return status;
    }
    status = find_in(out, id, GLOBAL, name, self, use);
    return status == KIN_E_PERMISSION ? KIN_E_NOT_FOUND : status;
}

kin_status kin_os_name_find(kin_os_handle *out, kin_os_id *id, const char *name, const kin_os_account *owner,
                            kin_os_use use)
{
    kin_os_account self;
    kin_status status = kin_os_user_find(&self, NULL);
    if (status != KIN_OK) {
        return status;
    }
    return strcmp(self.text, owner->text) == 0 ? find_own(out, id, name, owner, use)
                                               : find_in(out, id, GLOBAL, name, owner, use);
}

kin_status kin_os_name_enter(kin_os_handle *shm, kin_os_handle *pulse, const kin_os_id *family,
                             const kin_os_account *owner)
{
    (void)shm;
    (void)family;
    (void)owner;
    *pulse = KIN_OS_NO_HANDLE;
    return KIN_OK;
}

/* ---- giving and taking names ---- */

static void write_card(card *it, const kin_os_id *family)
{
    LONG64 id[2];
    memcpy(id, family->bytes, sizeof id);
    InterlockedExchange64(&it->id[0], 0);
    InterlockedExchange64(&it->id[1], id[1]);
    InterlockedExchange64(&it->id[0], id[0]);
}

static kin_status publish(kin_os_handle *holder, const guard *under, const char *name, const kin_os_id *family,
                          const kin_os_access *access)
{
    HANDLE arena;
    kin_os_id id;
    card *it = NULL;
    kin_status status = kin_os_name_find(&arena, &id, name, &under->self, KIN_OS_TO_WRITE);
    if (status == KIN_OK) {
        CloseHandle(arena);
        return KIN_E_EXISTS;
    }
    if (status != KIN_E_NOT_FOUND) {
        return status;
    }
    int scope = kin_os_account_given(&access->group) ? GLOBAL : LOCAL;
    if (!under->mutex[scope]) {
        return kin_win32_fail(ERROR_ACCESS_DENIED);
    }
    status = make_card(holder, &it, scope, &under->self, name, access);
    if (status == KIN_OK) {
        write_card(it, family);
        UnmapViewOfFile((void *)(uintptr_t)it);
    }
    return status;
}

kin_status kin_os_name_publish(kin_os_handle *holder, const char *name, const kin_os_id *family, bool kept,
                               const kin_os_access *access)
{
    guard under;
    *holder = KIN_OS_NO_HANDLE;
    if (kept) {
        return KIN_E_UNSUPPORTED;
    }
    kin_status status = enter(&under);
    if (status == KIN_OK) {
        status = publish(holder, &under, name, family, access);
        leave(&under);
    }
    if (status != KIN_OK) {
        *holder = KIN_OS_NO_HANDLE;
    }
    return status;
}

void kin_os_name_hold(kin_os_handle *holder, const char *name, const kin_os_account *owner)
{
    HANDLE section;
    card *it;
    *holder = KIN_OS_NO_HANDLE;
    for (int scope = GLOBAL; scope >= LOCAL && !*holder; scope--) {
        if (open_card(&section, &it, scope, owner, name, FILE_MAP_READ) == KIN_OK) {
            UnmapViewOfFile((void *)(uintptr_t)it);
            *holder = section;
        }
    }
}

static kin_status forget_in(int scope, const guard *under, const char *name)
{
    HANDLE section, arena;
    kin_os_id id;
    card *it;
    kin_status status = open_card(&section, &it, scope, &under->self, name, FILE_MAP_READ | FILE_MAP_WRITE);
    if (status != KIN_OK) {
        return status;
    }
    status = open_arena(&arena, &id, it, scope, &under->self, KIN_OS_TO_WRITE);
    if (status == KIN_OK) {
        InterlockedExchange64(&it->id[0], 0);
        CloseHandle(arena);
    }
    close_card(section, it);
    return status;
}

kin_status kin_os_name_forget(const char *name)
{
    guard under;
    kin_status status = enter(&under);
    if (status == KIN_OK) {
        status = forget_in(LOCAL, &under, name);
        if (status == KIN_E_NOT_FOUND) {
            status = forget_in(GLOBAL, &under, name);
        }
        leave(&under);
    }
    return status;
}

void kin_os_name_tidy(const char *name)
{
    (void)name;
}
