/* pulse.c: classic record locks (fcntl F_SETLK) on a small file.
 *
 * - The kernel drops a process's classic locks when it dies, execs (close-on-exec) or closes *any* descriptor of that
 *   file (fcntl(2), "record locks are associated with..."). So a file that this process has as a pulse is never
 *   opened by name: `ours` knows them, and one lock orders its changes against the sweep.
 * - A forked child has the descriptor and none of the locks. F_GETLK never shows one's own locks, and l_pid is 0 when
 *   the owner is in another pid namespace: only l_type is read. Locks of a range that covers the whole file are a
 *   sweeper's, and gone in microseconds.
 * - The file is an O_TMPFILE, locked on BIRTH_BYTE before it gets its name: nobody ever sees it unlocked while its
 *   maker lives. Where there is no O_TMPFILE it is created by name, and given up if a sweeper was faster (st_nlink
 *   0).
 * - No directory for names at all: the pulse is a memfd. It has no link, so kin_os_pulse_named says so.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/pulse.h"
#include "posix/account.h"
#include "posix/directory.h"
#include "posix/handle.h"
#include "posix/identity.h"
#include "posix/posix.h"

#define BIRTH_BYTE ((off_t)1 << 20)
#define OURS_MAX 64
#define TRIES 1000
#define START_GRAIN UINT64_C(20000000) /* field 22 of /proc/PID/stat counts in steps of 10 ms */

/* ---- the pulses that this process has open ---- */

enum { FREE, FILLING, USED };

static struct {
    int state;
    uint64_t device, inode;
} ours[OURS_MAX];

static pid_t ours_holder; /* the lock's: a fork in mid-change leaves the child a holder that is not itself */

void kin_posix_pulses_lock(void)
{
    pid_t self = getpid(), holder = 0;
    while (!__atomic_compare_exchange_n(&ours_holder, &holder, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        if (holder == self) {
            kin_os_sleep_until(kin_os_now() + 50000);
            holder = 0;
        }
    }
}

void kin_posix_pulses_unlock(void)
{
    __atomic_store_n(&ours_holder, 0, __ATOMIC_RELEASE);
}

static int ours_find(uint64_t device, uint64_t inode)
{
    for (int i = 0; i < OURS_MAX; i++) {
        if (ours[i].state == USED && ours[i].device == device && ours[i].inode == inode) {
            return i;
        }
    }
    return -1;
}

bool kin_posix_pulse_is_ours(const struct stat *info)
{
    return ours_find((uint64_t)info->st_dev, (uint64_t)info->st_ino) >= 0;
}

static bool ours_add(uint64_t device, uint64_t inode)
{
    for (int i = 0; i < OURS_MAX; i++) {
        if (ours[i].state == FREE) {
            ours[i].state = FILLING;
            ours[i].device = device;
            ours[i].inode = inode;
            ours[i].state = USED;
            return true;
        }
    }
    return false;
}

static int pulse_fd(const kin_os_pulse *pulse)
{
    return __atomic_load_n(&pulse->fd, __ATOMIC_ACQUIRE);
}

static bool is_file(const struct stat *info, uint64_t device, uint64_t inode)
{
    return (uint64_t)info->st_dev == device && (uint64_t)info->st_ino == inode;
}

/* Whether fd still is the pulse's file; a program may have closed it and opened another there. */
static bool holds(const kin_os_pulse *pulse, int fd)
{
    struct stat info;
    return fd >= 0 && fstat(fd, &info) == 0 && is_file(&info, pulse->device, pulse->inode);
}

/* ---- record locks ---- */

static int lock_call(int fd, int command, short type, off_t start, off_t length, struct flock *out)
{
    int result;
    do {
        *out = (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
        result = fcntl(fd, command, out);
    } while (result != 0 && errno == EINTR);
    return result;
}

static void unlock(int fd, off_t start, off_t length)
{
    struct flock lock;
    lock_call(fd, F_SETLK, F_UNLCK, start, length, &lock);
}

/* F_UNLCK: free. F_WRLCK: a member has it. -1: errno. Waits for a sweeper to be done. */
static int ask(int fd, off_t start, off_t length)
{
    struct flock lock;
    for (int tries = 0; lock_call(fd, F_GETLK, F_WRLCK, start, length, &lock) == 0; tries++) {
        if (lock.l_type == F_UNLCK || lock.l_start != 0 || lock.l_len != 0 || tries == TRIES) {
            return lock.l_type;
        }
        kin_os_sleep_until(kin_os_now() + 20000);
    }
    return -1;
}

static kin_status lock_range(int fd, off_t start, off_t length)
{
    struct flock lock;
    for (int tries = 0; lock_call(fd, F_SETLK, F_WRLCK, start, length, &lock) != 0; tries++) {
        if (errno != EAGAIN && errno != EACCES) {
            return kin_posix_fail(errno);
        }
        if (ask(fd, start, length) != F_UNLCK || tries == TRIES) {
            kin_posix_fail(EAGAIN);
            return KIN_E_BUSY;
        }
    }
    return KIN_OK;
}

bool kin_posix_pulse_seize(int fd)
{
    return lock_range(fd, 0, 0) == KIN_OK;
}

void kin_posix_pulse_free(int fd)
{
    unlock(fd, 0, 0);
}

static kin_status lock_byte(int fd, off_t byte)
{
    return lock_range(fd, byte, 1);
}

/* ---- birth ---- */

static int open_unnamed(const char *dir, const kin_os_access *access)
{
    int fd = kin_posix_raise(open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (fd >= 0 && (!kin_posix_share(fd, access) || lock_byte(fd, BIRTH_BYTE) != KIN_OK)) {
        kin_posix_close(fd);
        return -1;
    }
    return fd;
}

static int create_by_name(const char *path, const kin_os_access *access)
{
    for (int tries = 0; tries < TRIES; tries++) {
        struct stat info;
        int fd = kin_posix_raise(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (fd < 0) {
            return -1;
        }
        if (!kin_posix_share(fd, access)) {
            unlink(path);
            kin_posix_close(fd);
            return -1;
        }
        bool locked = lock_byte(fd, BIRTH_BYTE) == KIN_OK;
        if (locked && fstat(fd, &info) == 0 && info.st_nlink > 0) {
            return fd;
        }
        kin_posix_close(fd);
    }
    return -1;
}

static int create_in(const char *dir, const char *hex, const kin_os_access *access)
{
    char path[PATH_MAX];
    if (!kin_posix_name(path, sizeof path, dir, (unsigned long)geteuid(), hex, "pulse")) {
        return -1;
    }
    int fd = open_unnamed(dir, access);
    if (fd >= 0 && kin_posix_link(fd, path) == 0) {
        return fd;
    }
    kin_posix_close(fd);
    return create_by_name(path, access);
}

static int create_file(const kin_os_id *family, const kin_os_access *access)
{
    char hex[KIN_POSIX_HEX];
    int fd = -1;
    kin_posix_hex(hex, family);
    for (unsigned i = 0; fd < 0 && i < KIN_POSIX_DIRS; i++) {
        const char *dir = kin_posix_names_dir(i, kin_os_account_given(&access->group));
        fd = dir ? create_in(dir, hex, access) : -1;
    }
    return fd >= 0 || kin_os_account_given(&access->group) ? fd
                                                           : kin_posix_raise(memfd_create("kin-pulse", MFD_CLOEXEC));
}

/* Takes fd, also on failure. Under kin_posix_pulses_lock. */
static kin_status enter(kin_os_pulse *out, int fd)
{
    struct stat info;
    kin_status status = KIN_OK;
    if (fd < 0 || fstat(fd, &info) != 0) {
        status = kin_posix_fail(errno);
    } else if (!S_ISREG(info.st_mode)) {
        status = KIN_E_HANDLE;
    } else if (!ours_add((uint64_t)info.st_dev, (uint64_t)info.st_ino)) {
        status = KIN_E_LIMIT;
    }
    if (status != KIN_OK) {
        kin_posix_close(fd);
        return status;
    }
    *out = (kin_os_pulse){fd, (uint64_t)info.st_dev, (uint64_t)info.st_ino, (unsigned long)info.st_uid};
    return KIN_OK;
}

kin_status kin_os_pulse_create(kin_os_pulse *out, const kin_os_id *family, const kin_os_access *access)
{
    kin_posix_pulses_lock();
    kin_status status = enter(out, create_file(family, access));
    kin_posix_pulses_unlock();
    return status;
}

kin_os_handle kin_os_pulse_handle(const kin_os_pulse *pulse)
{
    return pulse_fd(pulse);
}

kin_status kin_os_pulse_adopt(kin_os_pulse *out, kin_os_handle handle)
{
    if (handle < 0) {
        return kin_posix_fail(EBADF);
    }
    kin_posix_pulses_lock();
    kin_status status = enter(out, kin_posix_raise(handle));
    kin_posix_pulses_unlock();
    return status;
}

void kin_os_pulse_close(kin_os_pulse *pulse)
{
    int fd = pulse_fd(pulse);
    if (fd < 0) {
        return;
    }
    kin_posix_pulses_lock();
    if (holds(pulse, fd)) {
        kin_posix_close(fd);
    }
    int i = ours_find(pulse->device, pulse->inode);
    if (i >= 0) {
        ours[i].state = FREE;
    }
    kin_posix_pulses_unlock();
    *pulse = (kin_os_pulse)KIN_OS_NO_PULSE;
}

/* ---- signs of life ---- */

kin_status kin_os_pulse_start(kin_os_pulse *pulse, uint32_t index, const kin_os_id *family, const kin_os_access *access)
{
    int fd = pulse_fd(pulse);
    (void)family;
    (void)access;
    return holds(pulse, fd) ? lock_byte(fd, (off_t)index) : kin_posix_fail(EBADF);
}

void kin_os_pulse_stop(kin_os_pulse *pulse, uint32_t index)
{
    int fd = pulse_fd(pulse);
    if (holds(pulse, fd)) {
        (void)index;
        unlock(fd, 0, 0); /* its byte, and the maker's BIRTH_BYTE: all that this process has of the file */
    }
}

void kin_os_pulse_give_back(kin_os_pulse *pulse, uint32_t index)
{
    int fd = pulse_fd(pulse);
    if (holds(pulse, fd)) {
        unlock(fd, (off_t)index, 1);
    }
}

/* Opens the file again by its name, which is found by its inode. -1 if it has none. */
static int reopen_in(const char *path, const kin_os_pulse *pulse)
{
    DIR *dir = opendir(path);
    int fd = -1;
    for (struct dirent *entry; dir && fd < 0 && (entry = readdir(dir)) != NULL;) {
        char hex[KIN_POSIX_HEX];
        if (kin_posix_name_matches(entry->d_name, pulse->owner, "pulse", hex) &&
            (uint64_t)entry->d_ino == pulse->inode) {
            fd = kin_posix_raise(openat(dirfd(dir), entry->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW));
        }
    }
    if (dir) {
        closedir(dir);
    }
    if (fd >= 0 && !holds(pulse, fd)) {
        kin_posix_close(fd);
        return -1;
    }
    return fd;
}

static int reopen(kin_os_pulse *pulse)
{
    int fd = -1;
    kin_posix_pulses_lock();
    if (holds(pulse, pulse_fd(pulse))) {
        fd = pulse_fd(pulse); /* another thread was faster */
    }
    for (unsigned i = 0; fd < 0 && i < KIN_POSIX_DIRS; i++) {
        const char *dir = kin_posix_names_dir(i, false);
        fd = dir ? reopen_in(dir, pulse) : -1;
    }
    if (fd >= 0) {
        __atomic_store_n(&pulse->fd, fd, __ATOMIC_RELEASE);
    }
    kin_posix_pulses_unlock();
    return fd;
}

bool kin_os_pulse_check(kin_os_pulse *pulse, uint32_t index)
{
    int fd = pulse_fd(pulse);
    if (!holds(pulse, fd)) {
        fd = reopen(pulse);
    }
    /* Locking what is locked does nothing, and there is no asking whether it is. */
    return fd >= 0 && lock_byte(fd, (off_t)index) == KIN_OK;
}

/* Whether the process maps anything of the family: its memory or one of its semaphores. */
static bool maps_family(uint32_t pid, const kin_os_id *family)
{
    char path[32], hex[KIN_POSIX_HEX], line[PATH_MAX + 128];
    snprintf(path, sizeof path, "/proc/%lu/maps", (unsigned long)pid);
    kin_posix_hex(hex, family);
    FILE *maps = fopen(path, "re");
    if (!maps) {
        return errno != ENOENT && errno != ESRCH; /* it lives, and cannot be looked at now */
    }
    bool found = false;
    while (!found && fgets(line, sizeof line, maps)) {
        found = strstr(line, hex) != NULL;
    }
    fclose(maps);
    return found;
}

/* /proc says nothing of it, but shows others: it belongs to another user, and hidepid (proc(5)) is set. */
static bool is_hidden(uint32_t pid)
{
    return kill((pid_t)pid, 0) != 0 && errno == EPERM && access("/proc/self/stat", F_OK) == 0;
}

bool kin_os_pulse_alive(const kin_os_pulse *pulse, uint32_t index, const kin_os_process_id *who,
                        const kin_os_id *family)
{
    char pid[16];
    kin_posix_stat stat;
    int fd = pulse_fd(pulse);
    /* Not knowing is answered with "lives": that only delays. */
    if (ask(fd, (off_t)index, 1) != F_UNLCK || !holds(pulse, fd)) {
        return true;
    }
    snprintf(pid, sizeof pid, "%lu", (unsigned long)who->pid);
    if (who->start == 0) {
        return false;
    }
    int error = kin_posix_stat_read(&stat, pid);
    if (error) {
        return error != ENOENT && error != ESRCH ? true : is_hidden(who->pid);
    }
    if (stat.start > who->start + START_GRAIN) {
        return false;
    }
    return stat.state != 'Z' && stat.state != 'X' && maps_family(who->pid, family);
}

bool kin_os_pulse_named(const kin_os_pulse *pulse)
{
    struct stat info;
    return fstat(pulse_fd(pulse), &info) == 0 && is_file(&info, pulse->device, pulse->inode) && info.st_nlink > 0;
}

int kin_posix_pulse_open(const char *hex, unsigned long uid)
{
    char path[PATH_MAX];
    int fd = -1;
    kin_posix_pulses_lock();
    for (unsigned i = 0; i < KIN_POSIX_DIRS && fd < 0; i++) {
        struct stat info;
        if (kin_posix_find_in(path, &info, i, uid, hex, "pulse") && !kin_posix_pulse_is_ours(&info)) {
            fd = kin_posix_raise(open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
        }
    }
    kin_posix_pulses_unlock();
    return fd;
}
