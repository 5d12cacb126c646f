/* sweep.c: the names of families that are gone.
 *
 * 1. A sweep locks all of the pulse. It unlinks the arena and the semaphores, and then the pulse. If it is killed in
 *    between, the next sweep finds the rest by the pulse's name.
 * 2. A family's own name is removed after that, when the family is gone (name.c).
 * 3. A process of this user may have made files whose names look like those of another family. If they are no plain
 *    files, or have other names, they are left alone (directory.c). If a file has the name of a family's pulse, but the
 *    family has another pulse, only this name is unlinked.
 * 4. No process finds an arena without a pulse. No process uses a semaphore without a pulse any more (sem_plain.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/directory.h"
#include "posix/handle.h"
#include "posix/name.h"
#include "posix/pulse.h"
#include "posix/sem.h"

/* Visits the families' names in a directory: NAME.family, and .removing. */
static bool any_name(DIR *dir, const char *path, bool (*ask)(const char *path, const char *name, const char *hex),
                     const char *hex)
{
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char name[NAME_MAX + 1];
        const char *dot = strrchr(entry->d_name, '.');
        if (dot && (strcmp(dot, ".family") == 0 || strcmp(dot, ".removing") == 0)) {
            size_t length = (size_t)(dot - entry->d_name);
            memcpy(name, entry->d_name, length);
            name[length] = '\0';
            if (ask(path, name, hex)) {
                return true;
            }
        }
    }
    return false;
}

/* Also true if that cannot be known, because there are no descriptors or no memory left. */
static bool is_kept(const char *hex)
{
    bool kept = false;
    for (unsigned i = 0; i < KIN_POSIX_DIRS && !kept; i++) {
        char path[PATH_MAX];
        bool there = kin_posix_dir(path, i, (unsigned long)geteuid());
        DIR *dir = there ? opendir(path) : NULL;
        bool none = !there || errno == ENOENT || errno == ENOTDIR || errno == EACCES;
        kept = dir ? any_name(dir, path, kin_posix_is_kept, hex) : !none;
        if (dir) {
            closedir(dir);
        }
    }
    return kept;
}

/* Whether the family has a pulse, other than this if it is given. */
static bool has_pulse(const char *hex, const struct stat *other)
{
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        char path[PATH_MAX];
        struct stat info;
        if (kin_posix_find_in(path, &info, i, (unsigned long)geteuid(), hex, "pulse") &&
            !(other && kin_posix_is_same(&info, other))) {
            return true;
        }
    }
    return false;
}

/* fd being the file of that name, locked. */
static bool remove_files(int fd, int dir, const char *name, const char *hex)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || info.st_nlink == 0) { /* another sweeper was faster, and the name may be new */
        return false;
    }
    if (has_pulse(hex, &info)) {
        unlinkat(dir, name, 0);
        return false;
    }
    kin_posix_arena_remove(hex);
    return kin_posix_sem_remove_names(hex) && unlinkat(dir, name, 0) == 0;
}

/* Removes the family if no process lives in it, except perhaps this one at `except` (pulse.h). The cheapest check comes
 * first: a lock shows that the family lives. No process joins by name while the whole pulse is locked. A member without
 * a descriptor shows its word. */
static bool remove_family(int fd, int dir, const char *name, const char *hex, uint32_t except)
{
    if (kin_posix_pulse_locked(fd, except == KIN_OS_PULSE_MAX) || !kin_posix_pulse_deserted(fd, hex, except) ||
        is_kept(hex) || !kin_posix_pulse_seize(fd)) {
        return false;
    }
    bool removed = kin_posix_pulse_deserted(fd, hex, except) && !is_kept(hex) && remove_files(fd, dir, name, hex);
    kin_posix_pulse_free(fd, except);
    return removed;
}

bool kin_os_pulse_retire(kin_os_pulse *pulse, const kin_os_id *family, uint32_t index)
{
    char hex[KIN_POSIX_HEX], path[PATH_MAX];
    if (pulse->owner != (unsigned long)geteuid() || !kin_os_pulse_named(pulse)) {
        return false; /* another user's names are that user's to remove: by the next sweep */
    }
    kin_posix_hex(hex, family);
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        struct stat info;
        if (kin_posix_find_in(path, &info, i, pulse->owner, hex, "pulse") && kin_posix_same_file(&info, &pulse->file)) {
            kin_os_handle fd;
            bool removed = kin_os_pulse_handle(&fd, pulse) == KIN_OK && remove_family(fd, AT_FDCWD, path, hex, index);
            kin_posix_dirs_remove();
            return removed;
        }
    }
    return false;
}

/* Under kin_posix_pulses_lock, from before the look at this process's own until the file is closed again. */
static bool sweep_pulse(int dir, const char *name, const char *hex)
{
    struct stat info;
    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !kin_posix_is_kins(&info, (unsigned long)geteuid()) ||
        info.st_size > (off_t)(KIN_OS_PULSE_MAX * kin_os_page_size()) || kin_posix_pulse_is_ours(&info)) {
        return false;
    }
    if ((info.st_mode & 0600) != 0600) {
        fchmodat(dir, name, 0600, 0); /* its maker was killed before its own fchmod, under a strange umask */
    }
    int fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    bool removed = remove_family(fd, dir, name, hex, KIN_OS_PULSE_MAX);
    kin_posix_close(fd);
    return removed;
}

static bool tidy_name(const char *path, const char *name, const char *hex)
{
    (void)hex;
    kin_posix_name_tidy(path, name);
    return false;
}

static uint32_t sweep_dir(DIR *dir, const char *path)
{
    uint32_t removed = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char hex[KIN_POSIX_HEX];
        if (kin_posix_name_matches(entry->d_name, "memory", hex)) {
            kin_posix_remove_kins(dirfd(dir), entry->d_name); /* never meant to have its name for longer than this */
        } else if (kin_posix_name_matches(entry->d_name, "pulse", hex)) {
            kin_posix_pulses_lock();
            removed += sweep_pulse(dirfd(dir), entry->d_name, hex);
            kin_posix_pulses_unlock();
        } else if ((kin_posix_name_matches(entry->d_name, "arena", hex) || kin_posix_name_is_sem(entry->d_name, hex)) &&
                   !has_pulse(hex, NULL)) {
            kin_posix_remove_kins(dirfd(dir), entry->d_name);
        }
    }
    rewinddir(dir);
    any_name(dir, path, tidy_name, NULL);
    return removed;
}

uint32_t kin_os_sweep(void)
{
    uint32_t removed = 0;
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        char path[PATH_MAX];
        DIR *dir = kin_posix_dir(path, i, (unsigned long)geteuid()) ? opendir(path) : NULL;
        if (dir) {
            removed += sweep_dir(dir, path);
            closedir(dir);
        }
    }
    kin_posix_dirs_remove();
    return removed;
}
