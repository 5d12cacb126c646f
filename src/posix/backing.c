/* backing.c: st_blocks, which counts 512 bytes each (inode(7)). A file of tmpfs counts what is swapped out, too; it
 * has fewer than its size says if it was made longer without being filled. */
#include <sys/stat.h>

#include "posix/posix.h"

bool kin_os_shm_backed(kin_os_handle shm, size_t size)
{
    struct stat info;
    return fstat(shm, &info) == 0 && (uint64_t)info.st_blocks * 512 >= size;
}
