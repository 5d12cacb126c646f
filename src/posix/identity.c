/* identity.c: which process this is, and which another one: getpid, /proc/PID/stat.
 *
 * In /proc/PID/stat the second field may contain anything, also ')' and newlines: the last ')' ends it (proc(5)).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "posix/identity.h"
#include "posix/handle.h"
#include "posix/linux.h"
#include "posix/posix.h"
#include "posix/program.h"

int kin_posix_stat_read(kin_posix_stat *out, const char *name)
{
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%s/stat", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    kin_posix_close(fd);
    if (size < 0) {
        return errno;
    }
    text[size] = '\0';
    const char *end = strrchr(text, ')');
    unsigned long long start;
    /* state is field 3, num_threads field 20, starttime field 22 */
    if (!end || sscanf(end, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld %*s %llu",
                       &out->state, &out->threads, &start) != 3) {
        return EBADMSG;
    }
    long ticks = sysconf(_SC_CLK_TCK);
    out->start = start * (UINT64_C(1000000000) / (uint64_t)(ticks > 0 ? ticks : 100));
    return 0;
}

uint64_t kin_posix_where(void)
{
    struct stat pids, times;
    if (stat("/proc/self/ns/pid", &pids) != 0) {
        return 0;
    }
    if (stat("/proc/self/ns/time", &times) != 0) {
        if (errno != ENOENT) {
            return 0;
        }
        times.st_ino = 0; /* a kernel that has no time namespaces */
    }
    return (uint64_t)pids.st_ino << 32 | (uint32_t)times.st_ino;
}

/* start is the time of this call. The process's own start is only in /proc, and reading that takes longer than joining
 * a family. A later process with the same pid can still be told apart: it started after this call. */
kin_status kin_os_self(kin_os_process_id *out)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now); /* the clock of field 22 of /proc/PID/stat, proc(5) */
    *out = (kin_os_process_id){kin_os_pid(), (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
                               (uint64_t)geteuid(), kin_posix_where()};
    return KIN_OK;
}

uint32_t kin_os_pid(void)
{
    return (uint32_t)getpid();
}

/* " (deleted)" stands behind the path of a file that was removed or replaced, proc(5). */
static void drop_mark(char *path, size_t length)
{
    static const char mark[] = " (deleted)";
    const size_t size = sizeof mark - 1;
    struct stat info;
    if (length > size && strcmp(path + length - size, mark) == 0 && lstat(path, &info) != 0) {
        path[length - size] = '\0';
    }
}

/* Without /proc: the path by which the program was executed (AT_EXECFN of getauxval(3)). A relative one was meant from
 * the directory that was current then; it is taken only if it leads to a program now. -1: errno. */
static ssize_t executed_path(char *buffer, size_t size)
{
    const char *name = (const char *)(uintptr_t)getauxval(AT_EXECFN);
    char *path = NULL;
    int error = name ? kin_posix_whole_path(&path, name) : ENOENT;
    size_t length = path ? strlen(path) : 0;
    if (!error && access(path, X_OK) != 0) {
        error = errno;
    }
    if (!error) {
        memcpy(buffer, path, length < size ? length : size);
    }
    free(path);
    errno = error;
    return error ? -1 : (ssize_t)length;
}

kin_status kin_os_self_path(char *buffer, size_t size)
{
    ssize_t length = readlink(KIN_POSIX_PROC "/self/exe", buffer, size);
    if (length < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        length = executed_path(buffer, size);
    }
    if (length < 0) {
        return kin_posix_fail(errno);
    }
    if ((size_t)length >= size) {
        return KIN_E_TOO_BIG;
    }
    buffer[length] = '\0';
    drop_mark(buffer, (size_t)length);
    return KIN_OK;
}
