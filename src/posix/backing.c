/* backing.c: SEEK_DATA and SEEK_HOLE (lseek(2)). On tmpfs a page is data from the first touch on, also while it is
 * swapped out. A page that fallocate has allocated and no process has touched is a hole, and reads as zeros. kin does
 * not use the position that lseek changes. */
#include <unistd.h>

#include "posix/posix.h"

bool kin_os_shm_backed(kin_os_handle shm, const void *base, size_t *from, size_t *to)
{
    if (*from >= *to || !kin_os_shm_holds(shm, base)) {
        return *from < *to;
    }
    off_t data = lseek(shm, (off_t)*from, SEEK_DATA);
    off_t hole = data >= 0 ? lseek(shm, data, SEEK_HOLE) : -1;
    if (hole <= data || (uint64_t)data >= *to) {
        return false;
    }
    *from = (size_t)data;
    *to = (uint64_t)hole < *to ? (size_t)hole : *to;
    return true;
}
