/* backing.c: what is committed is charged to the page file when it is committed, not when it is touched:
 * https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-virtualalloc (MEM_COMMIT). */
#include "win32/win32.h"

bool kin_os_shm_backed(kin_os_handle shm, const void *base, size_t *from, size_t *to)
{
    (void)shm;
    (void)base;
    return *from < *to;
}
