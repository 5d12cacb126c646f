/* backing.c: what is committed is charged to the page file when it is committed, not when it is touched:
 * https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-virtualalloc (MEM_COMMIT). */
#include "win32/win32.h"

bool kin_os_shm_backed(kin_os_handle shm, size_t size)
{
    (void)shm;
    (void)size;
    return true;
}
