/* discover.c: the families that this user's processes have made or joined, found in a table that these share.
 *
 * Each family's memory is a named section, Local\kin-HEX, or Global\kin-HEX if other users have access. Another
 * section, Local\kin-families-SID, is a table of their ids. A process that makes a family, or maps one, keeps the table
 * open until it ends; so the table lives as long as any family does. An id enters the table after its section is made.
 * If its section cannot be opened any more, the family is gone and the place is free.
 *
 * The table is a convenience. If a process cannot open it, or if it is full or was made by another user, the process's
 * families are not listed. Its contents are not trusted. The names are those of the session (Microsoft, "Kernel object
 * namespaces"). They have the default access of the user's token: only the user has access.
 */
#include "win32/handle.h"
#include "win32/discover.h"

#include <string.h>
#include <wchar.h>

#define PLACES 256

typedef struct table {
    volatile LONG64 ids[PLACES][2]; /* the first half 0: free; BEING_WRITTEN */
} table;

#define BEING_WRITTEN ((LONG64)-1) /* for ever, if its writer is killed: one place less */

static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static table *listed; /* NULL: this process cannot open it */

static BOOL CALLBACK open_table(PINIT_ONCE unused, PVOID parameter, PVOID *context)
{
    wchar_t name[256];
    kin_os_account self;
    (void)unused;
    (void)parameter;
    (void)context;
    if (kin_os_user_find(&self, NULL) == KIN_OK &&
        swprintf(name, sizeof name / sizeof name[0], L"Local\\kin-families-%hs", self.text) > 0) {
        HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof(table), name);
        if (section) {
            /* The handle stays open: a view alone keeps the section, but not its name. */
            listed = kin_win32_view(section, FILE_MAP_READ | FILE_MAP_WRITE, sizeof(table));
        }
    }
    return TRUE;
}

static table *get_table(void)
{
    InitOnceExecuteOnce(&once, open_table, NULL, NULL);
    return listed;
}

void kin_win32_name(wchar_t out[KIN_WIN32_NAME], const kin_os_id *family, bool shared)
{
    size_t used = (size_t)swprintf(out, KIN_WIN32_NAME, shared ? L"Global\\kin-" : L"Local\\kin-");
    for (size_t i = 0; i < sizeof family->bytes; i++) {
        swprintf(out + used + 2 * i, KIN_WIN32_NAME - used - 2 * i, L"%02x", family->bytes[i]);
    }
}

HANDLE kin_win32_open_memory(const kin_os_id *family, bool shared, kin_os_use use)
{
    DWORD access = use == KIN_OS_TO_WRITE ? FILE_MAP_READ | FILE_MAP_WRITE : FILE_MAP_READ;
    wchar_t name[KIN_WIN32_NAME];
    kin_win32_name(name, family, shared);
    return OpenFileMappingW(access | READ_CONTROL, FALSE, name);
}

static HANDLE open_section(const LONG64 id[2])
{
    kin_os_id family;
    memcpy(family.bytes, id, sizeof family.bytes);
    HANDLE section = kin_win32_open_memory(&family, false, KIN_OS_TO_WRITE);
    return section || GetLastError() != ERROR_FILE_NOT_FOUND ? section
                                                             : kin_win32_open_memory(&family, true, KIN_OS_TO_WRITE);
}

static bool is_free(table *list, int place)
{
    LONG64 id[2] = {list->ids[place][0], list->ids[place][1]};
    if (id[0] == 0 || id[0] == BEING_WRITTEN) {
        return id[0] == 0;
    }
    HANDLE section = open_section(id);
    if (section || GetLastError() != ERROR_FILE_NOT_FOUND) {
        kin_os_handle_close(section);
        return false;
    }
    return InterlockedCompareExchange64(&list->ids[place][0], 0, id[0]) == id[0];
}

void kin_win32_list(const kin_os_id *family)
{
    LONG64 id[2];
    table *list = get_table();
    memcpy(id, family->bytes, sizeof id);
    for (int i = 0; list && i < PLACES; i++) {
        if (is_free(list, i) && InterlockedCompareExchange64(&list->ids[i][0], BEING_WRITTEN, 0) == 0) {
            InterlockedExchange64(&list->ids[i][1], id[1]);
            InterlockedExchange64(&list->ids[i][0], id[0]);
            return;
        }
    }
}

void kin_win32_keep_list(void)
{
    get_table();
}

void kin_os_discover(bool (*wanted)(const kin_os_id *id, void *context),
                     void (*visit)(const kin_os_found *found, void *context), void *context)
{
    table *list = get_table();
    for (int i = 0; list && i < PLACES; i++) {
        LONG64 id[2] = {list->ids[i][0], list->ids[i][1]};
        kin_os_found found = {.shm = KIN_OS_NO_HANDLE, .pulse = KIN_OS_NO_HANDLE};
        memcpy(found.id.bytes, id, sizeof found.id.bytes);
        if (id[0] == 0 || id[0] == BEING_WRITTEN || !wanted(&found.id, context)) {
            continue;
        }
        found.shm = open_section(id);
        if (found.shm) {
            visit(&found, context);
        }
    }
}
