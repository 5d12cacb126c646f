/* memory.c: VirtualAlloc; and a section backed by the paging file, reserved at first and committed page by page.
 *
 * - SEC_RESERVE: pages are reserved for the whole section; VirtualAlloc(MEM_COMMIT) in any view commits them for all
 *   views, and they cannot be decommitted (Microsoft, "CreateFileMappingW function", SEC_RESERVE). What is committed is
 *   charged at once: a lack of memory is an error of VirtualAlloc, never a fault later.
 * - To commit what is committed already is no error ("VirtualAlloc function").
 * - The section and its name live until its last handle and view are gone. The name is for discover.c and name.c.
 * - A name that all sessions see may be given to a section only by services, and programs that are elevated (Microsoft,
 *   "CreateFileMappingW function": SeCreateGlobalPrivilege).
 * - One page more than asked for is reserved and never committed: an access past the end is a fault. (Wine 8 does not
 *   show other views what is committed up to the very end of a section.)
 */
#include "win32/account.h"
#include "win32/discover.h"
#include "win32/win32.h"

/* ---- private memory ---- */

kin_status kin_os_pages_alloc(void **out, size_t size)
{
    void *memory = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (!memory) {
        return kin_win32_fail(GetLastError());
    }
    *out = memory;
    return KIN_OK;
}

void kin_os_pages_free(void *memory, size_t size)
{
    (void)size; /* MEM_RELEASE wants 0 and frees it all */
    if (memory) {
        VirtualFree(memory, 0, MEM_RELEASE);
    }
}

/* There is no fork. */
kin_status kin_os_private_alloc(void **out, size_t size)
{
    return kin_os_pages_alloc(out, size);
}

void kin_os_private_free(void *memory, size_t size)
{
    kin_os_pages_free(memory, size);
}

/* ---- shared memory ---- */

static size_t with_guard(size_t reserve)
{
    size_t page = kin_os_page_size();
    return reserve < SIZE_MAX - page ? reserve + page : SIZE_MAX;
}

kin_status kin_os_shm_create(kin_os_handle *out, const kin_os_id *family, size_t reserve, bool findable,
                             const kin_os_access *wanted)
{
    (void)findable; /* all are */
    SECURITY_ATTRIBUTES access;
    uint64_t size = with_guard(reserve);
    wchar_t name[KIN_WIN32_NAME];
    kin_win32_name(name, family, kin_os_account_given(&wanted->group));
    if (!kin_win32_access(&access, wanted, KIN_WIN32_USE)) {
        return kin_win32_fail(GetLastError());
    }
    HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, &access, PAGE_READWRITE | SEC_RESERVE,
                                        (DWORD)(size >> 32), (DWORD)size, name);
    DWORD code = GetLastError();
    LocalFree(access.lpSecurityDescriptor);
    if (section && code == ERROR_ALREADY_EXISTS) { /* not ours: 128 random bits do not meet by chance */
        CloseHandle(section);
        section = NULL;
    }
    if (!section) {
        return kin_win32_fail(code);
    }
    kin_win32_list(family);
    *out = section;
    return KIN_OK;
}

/* A section's own page table is made with it, 8 bytes for each page (Windows Internals, "Memory management": prototype
 * page table entries): 8 MiB for this. */
#define RESERVE_MAX ((uint64_t)4 << 30)

uint64_t kin_os_shm_reserve(void)
{
    MEMORYSTATUSEX memory = {.dwLength = sizeof memory};
    uint64_t all = GlobalMemoryStatusEx(&memory) ? memory.ullTotalPhys : 0;
    return all < RESERVE_MAX ? all : RESERVE_MAX;
}

/* FILE_MAP_READ: a store into the view is an access violation, and if the handle was opened so, VirtualProtect does not
 * make it writable: https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-mapviewoffile,
 * https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-virtualprotect. Pages that are committed later
 * are committed in all views (SEC_RESERVE). Such a process does not keep the list of families: it makes nothing. */
kin_status kin_os_shm_map(void **out, kin_os_handle shm, size_t reserve, kin_os_use use)
{
    DWORD access = use == KIN_OS_TO_WRITE ? FILE_MAP_READ | FILE_MAP_WRITE : FILE_MAP_READ;
    void *base = MapViewOfFile(shm, access, 0, 0, with_guard(reserve));
    if (!base) {
        return kin_win32_fail(GetLastError());
    }
    if (use == KIN_OS_TO_WRITE) {
        kin_win32_keep_list();
    }
    *out = base;
    return KIN_OK;
}

void kin_os_shm_unmap(void *base, size_t reserve)
{
    (void)reserve;
    if (base) {
        UnmapViewOfFile(base);
    }
}

bool kin_os_shm_holds(kin_os_handle shm, const void *base)
{
    (void)base; /* a program cannot close what it does not know: no call does so for all handles */
    return shm != KIN_OS_NO_HANDLE;
}

void kin_os_shm_close(kin_os_handle shm, const void *base)
{
    (void)base;
    kin_os_handle_close(shm);
}

kin_status kin_os_shm_commit(kin_os_handle shm, void *base, size_t from, size_t to)
{
    (void)shm;
    if (from < to && !VirtualAlloc((char *)base + from, to - from, MEM_COMMIT, PAGE_READWRITE)) {
        return kin_win32_fail(GetLastError());
    }
    return KIN_OK;
}

/* What is committed of a section stays so: SEC_RESERVE pages are decommitted with the section,
 * https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-createfilemappingw; VirtualFree takes no
 * addresses of a view, https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-virtualfree. */
kin_status kin_os_shm_decommit(kin_os_handle shm, void *base, size_t from, size_t to)
{
    (void)shm;
    (void)base;
    (void)from;
    (void)to;
    return KIN_E_UNSUPPORTED;
}

/* What is usable is what is committed, from the start on without a gap: VirtualQuery tells nothing else of a page,
 * https://learn.microsoft.com/windows/win32/api/winnt/ns-winnt-memory_basic_information. A committed page is charged,
 * but takes physical memory only when it is first used,
 * https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-virtualalloc. So a large block is not committed
 * step by step, although VirtualAlloc could: a page that is only reserved, between others, is a fault for any member
 * that reads it, and what lies behind it would count as not there. */
kin_status kin_os_shm_extend(kin_os_handle shm, void *base, size_t from, size_t to)
{
    return kin_os_shm_commit(shm, base, from, to);
}

size_t kin_os_shm_committed(kin_os_handle shm, const void *base, size_t from, size_t reserve)
{
    const char *start = base, *next = start + from;
    MEMORY_BASIC_INFORMATION region;
    (void)shm;
    while ((size_t)(next - start) < reserve && VirtualQuery(next, &region, sizeof region) != 0 &&
           region.State == MEM_COMMIT) {
        next = (const char *)region.BaseAddress + region.RegionSize;
    }
    size_t usable = (size_t)(next - start);
    return usable < reserve ? usable : reserve;
}

size_t kin_os_page_size(void)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwPageSize;
}
