/* handle.c: DuplicateHandle, NtQueryObject, GetFileType, GetNamedPipeInfo.
 *
 * - NULL and INVALID_HANDLE_VALUE both mean "none", depending on the function, and INVALID_HANDLE_VALUE is also the
 *   pseudo handle of the calling process. Handles have 32 significant bits (Microsoft, "Interprocess Communication
 *   Between 32-bit and 64-bit Applications"); pseudo handles are negative and mean something else in each process, so
 *   kin_os_handle_from takes neither.
 * - NtQueryObject is the only way to an object's type; its page says to link to it dynamically, that it may change, and
 *   describes the one class used here ("NtQueryObject function").
 * - A socket's GetFileType is FILE_TYPE_PIPE, too ("GetFileType function"). On a pipe opened for synchronous use it
 *   waits for a read that another thread has pending.
 * - Duplicates of sockets work unless a layered service provider is installed ("DuplicateHandle function").
 */
#include <string.h>
#include <wchar.h>

#include "win32/handle.h"
#include "win32/win32.h"

#include <winternl.h>

typedef NTSTATUS(NTAPI *query_object)(HANDLE, OBJECT_INFORMATION_CLASS, PVOID, ULONG, PULONG);

typedef union type_info {
    PUBLIC_OBJECT_TYPE_INFORMATION info;
    char room[1024]; /* the name follows the structure */
} type_info;

static bool name_type(HANDLE handle, type_info *out)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    FARPROC found = ntdll ? GetProcAddress(ntdll, "NtQueryObject") : NULL;
    query_object query = (query_object)(void (*)(void))found;
    return query && query(handle, ObjectTypeInformation, out, sizeof *out, NULL) >= 0 && out->info.TypeName.Buffer;
}

static kin_os_kind kind_of_file(HANDLE handle)
{
    switch (GetFileType(handle)) {
    case FILE_TYPE_DISK:
    case FILE_TYPE_CHAR:
        return KIN_OS_KIND_FILE;
    case FILE_TYPE_PIPE:
        return GetNamedPipeInfo(handle, NULL, NULL, NULL, NULL) ? KIN_OS_KIND_PIPE : KIN_OS_KIND_SOCKET;
    default:
        return KIN_OS_KIND_OTHER;
    }
}

static kin_os_kind kind_of_type(const UNICODE_STRING *name)
{
    static const struct {
        const wchar_t *name;
        kin_os_kind kind;
    } kinds[] = {
        {L"File", KIN_OS_KIND_FILE}, /* pipes and sockets, too */
        {L"Section", KIN_OS_KIND_SHM}, {L"Process", KIN_OS_KIND_PROCESS},
        {L"Event", KIN_OS_KIND_EVENT}, {L"Semaphore", KIN_OS_KIND_SEMAPHORE},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t size = wcslen(kinds[i].name) * sizeof(wchar_t);
        if (name->Length == size && memcmp(name->Buffer, kinds[i].name, size) == 0) {
            return kinds[i].kind;
        }
    }
    return KIN_OS_KIND_OTHER;
}

kin_status kin_os_handle_kind(kin_os_handle handle, kin_os_kind *out)
{
    type_info type;
    DWORD flags;
    if (!handle || handle == INVALID_HANDLE_VALUE) {
        return kin_win32_fail(ERROR_INVALID_HANDLE);
    }
    if (!GetHandleInformation(handle, &flags)) {
        return kin_win32_fail(GetLastError());
    }
    kin_os_kind kind = name_type(handle, &type) ? kind_of_type(&type.info.TypeName) : KIN_OS_KIND_FILE;
    if (kind == KIN_OS_KIND_FILE) {
        kind = kind_of_file(handle);
    }
    *out = kind;
    return KIN_OK;
}

kin_status kin_os_handle_duplicate(kin_os_handle *out, kin_os_handle handle)
{
    HANDLE self = GetCurrentProcess(), copy;
    if (!DuplicateHandle(self, handle, self, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
        return kin_win32_fail(GetLastError());
    }
    *out = copy;
    return KIN_OK;
}

kin_status kin_os_handle_duplicate_into(uint64_t *value, kin_os_handle handle, kin_os_handle target)
{
    HANDLE copy;
    if (!DuplicateHandle(GetCurrentProcess(), handle, target, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
        return kin_win32_fail(GetLastError());
    }
    *value = kin_os_handle_value(copy);
    return KIN_OK;
}

uint32_t kin_os_handle_pid(kin_os_handle process)
{
    return GetProcessId(process);
}

void kin_os_handle_close(kin_os_handle handle)
{
    if (handle && handle != INVALID_HANDLE_VALUE) {
        CloseHandle(handle);
    }
}

void kin_win32_close_all(const HANDLE *handles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kin_os_handle_close(handles[i]);
    }
}

uint64_t kin_os_handle_value(kin_os_handle handle)
{
    return (uint64_t)(uintptr_t)handle;
}

kin_os_handle kin_os_handle_from(uint64_t value)
{
    return value <= INT32_MAX ? (HANDLE)(uintptr_t)value : KIN_OS_NO_HANDLE;
}

/* A section made with SEC_RESERVE may have the name that ours would get ("CreateFileMappingW function"). Committed
 * pages of a section cannot be decommitted, so the answer stays true. */
void *kin_win32_view(HANDLE section, DWORD access, size_t size)
{
    MEMORY_BASIC_INFORMATION region;
    char *view = MapViewOfFile(section, access, 0, 0, size);
    for (size_t at = 0; view && at < size; at = (size_t)((char *)region.BaseAddress + region.RegionSize - view)) {
        if (VirtualQuery(view + at, &region, sizeof region) == 0 || region.State != MEM_COMMIT) {
            UnmapViewOfFile(view);
            SetLastError(ERROR_ACCESS_DENIED);
            return NULL;
        }
    }
    return view;
}
