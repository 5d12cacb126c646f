/* sweep.c: the names of families that are gone.
 *
 * Lock all of the pulse, then unlink the arena and the semaphores, the pulse last: what is left by a kill in between is found again
 * by the pulse's name. A family's own name is left for the end: it goes when its file has no other link.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix.h"

/* False: not all; so the pulse must stay, by which a sweep finds them. */
static bool remove_semaphores(const char *hex)
{
    char start[16 + KIN_POSIX_HEX];
    size_t length = (size_t)snprintf(start, sizeof start, "sem.kin-%s.", hex);
    DIR *dir = opendir(KIN_POSIX_SEM_DIR);
    if (!dir) {
        return errno == ENOENT;
    }
    bool all = true;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strncmp(entry->d_name, start, length) == 0) {
            all = (unlinkat(dirfd(dir), entry->d_name, 0) == 0 || errno == ENOENT) && all;
        }
    }
    closedir(dir);
    return all;
}

/* fd being the file of that name: removes the family if nobody lives in it. */
static bool remove_family(int fd, int dir, const char *name, const char *hex)
{
    struct stat info;
    bool removed = false;
    if (kin_posix_kept(hex) || !kin_posix_pulse_seize(fd)) {
        return false;
    }
    if (fstat(fd, &info) == 0 && info.st_nlink > 0) { /* else another sweeper was faster, and the name may be new */
        kin_posix_arena_remove(hex);
        removed = remove_semaphores(hex) && unlinkat(dir, name, 0) == 0;
    }
    kin_posix_pulse_free(fd);
    return removed;
}

void kin_os_pulse_retire(const kin_os_pulse *pulse, const kin_os_id *family)
{
    char hex[KIN_POSIX_HEX], path[PATH_MAX];
    if (pulse->owner != (unsigned long)geteuid() || !kin_os_pulse_named(pulse)) {
        return; /* another user's names are that user's to remove: by the next sweep */
    }
    kin_posix_hex(hex, family);
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        struct stat info;
        const char *dir = kin_posix_names_dir(i, false);
        if (dir && kin_posix_name(path, sizeof path, dir, pulse->owner, hex, "pulse") && lstat(path, &info) == 0 &&
            (uint64_t)info.st_dev == pulse->device && (uint64_t)info.st_ino == pulse->inode) {
            remove_family(kin_os_pulse_handle(pulse), AT_FDCWD, path, hex);
            return;
        }
    }
}

/* Under ours_lock, from before the look at `ours` until the file is closed again. */
static bool sweep_pulse(int dir, const char *name, const char *hex)
{
    struct stat info;
    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid() ||
        kin_posix_pulse_is_ours(&info)) {
        return false;
    }
    if ((info.st_mode & 0600) != 0600) {
        fchmodat(dir, name, 0600, 0); /* its maker was killed before its own fchmod, under a strange umask */
    }
    int fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    bool removed = remove_family(fd, dir, name, hex);
    kin_posix_close(fd);
    return removed;
}

/* Whether entry is kin-UID-NAME.family of this user. */
static bool is_family_name(const char *entry)
{
    char start[32];
    if (strncmp(entry, "kin-", 4) != 0) { /* as above */
        return false;
    }
    size_t length = strlen(entry), used = (size_t)snprintf(start, sizeof start, "kin-%lu-", (unsigned long)geteuid());
    return length > used + 7 && strncmp(entry, start, used) == 0 && strcmp(entry + length - 7, ".family") == 0;
}

static void tidy_name(const char *dir, const char *entry)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", dir, entry);
    if (length > 0 && (size_t)length < sizeof path) {
        kin_posix_name_tidy(path);
    }
}

/* After their families have gone. */
static void tidy_names(const char *path, DIR *dir)
{
    rewinddir(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (is_family_name(entry->d_name)) {
            tidy_name(path, entry->d_name);
        }
    }
}

static uint32_t sweep_dir(const char *path)
{
    const unsigned long self = (unsigned long)geteuid();
    uint32_t removed = 0;
    bool names = false;
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        char hex[KIN_POSIX_HEX];
        if (kin_posix_name_matches(entry->d_name, self, "memory", hex)) {
            unlinkat(dirfd(dir), entry->d_name, 0); /* never meant to have its name for longer than this */
        } else if (kin_posix_name_matches(entry->d_name, self, "pulse", hex)) {
            kin_posix_pulses_lock();
            removed += sweep_pulse(dirfd(dir), entry->d_name, hex);
            kin_posix_pulses_unlock();
        }
        names = names || is_family_name(entry->d_name);
    }
    if (names) {
        tidy_names(path, dir);
    }
    if (dir) {
        closedir(dir);
    }
    return removed;
}

uint32_t kin_os_sweep(void)
{
    uint32_t removed = 0;
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        const char *dir = kin_posix_names_dir(i, false);
        removed += dir ? sweep_dir(dir) : 0;
    }
    return removed;
}
