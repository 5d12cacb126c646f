/* name.c: families that strangers find: hard links to the arena's file.
 *
 *     DIR/kin-UID-HEX.arena    the arena; made first, removed with the family
 *     DIR/kin-UID-NAME.family  another link to it, made when all is ready: link(2) succeeds for one process only
 *     DIR/kin-UID-HEX.kept     there if the family is to outlive its members
 *
 * So a name whose file has no other link is of a family that is gone. It is removed only under a lock on that file (of the open
 * file description: closing another descriptor does not end it, fcntl_locking(2)), and looked at again then: nobody removes a name that is
 * new. What somebody else puts in a name's place is not the owner's, or no file: that is refused. The mode of the arena's file, and of
 * the pulse's, says who may join. All are removed by their owner only: the directories are sticky. So a family that other users
 * were the last to leave stays until its owner sweeps, or somebody joins it again.
 */
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 100

/* ---- how names are made ---- */

void kin_posix_hex(char out[KIN_POSIX_HEX], const kin_os_id *id)
{
    for (size_t i = 0; i < sizeof id->bytes; i++) {
        out[2 * i] = "0123456789abcdef"[id->bytes[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[id->bytes[i] & 15];
    }
    out[KIN_POSIX_HEX - 1] = '\0';
}

const char *kin_posix_names_dir(unsigned index, bool common)
{
    const char *dir = NULL;
    switch (index) {
    case 0:
        return KIN_POSIX_SEM_DIR;
    case 1:
        dir = common ? NULL : secure_getenv("XDG_RUNTIME_DIR");
        break;
    case 2:
        dir = common ? NULL : secure_getenv("TMPDIR");
        break;
    case 3:
        return "/tmp";
    default:
        break;
    }
    return dir && dir[0] == '/' ? dir : NULL;
}

bool kin_posix_name(char *out, size_t size, const char *dir, unsigned long uid, const char *hex, const char *suffix)
{
    int length = snprintf(out, size, "%s/kin-%lu-%s.%s", dir, uid, hex, suffix);
    return length > 0 && (size_t)length < size;
}

bool kin_posix_name_matches(const char *entry, unsigned long uid, const char *suffix, char hex[KIN_POSIX_HEX])
{
    char start[32];
    if (strncmp(entry, "kin-", 4) != 0) { /* most of them: without a system call for each */
        return false;
    }
    size_t length = (size_t)snprintf(start, sizeof start, "kin-%lu-", uid);
    if (strncmp(entry, start, length) != 0 || strspn(entry + length, "0123456789abcdef") != KIN_POSIX_HEX - 1) {
        return false;
    }
    memcpy(hex, entry + length, KIN_POSIX_HEX - 1);
    hex[KIN_POSIX_HEX - 1] = '\0';
    entry += length + KIN_POSIX_HEX - 1;
    return entry[0] == '.' && strcmp(entry + 1, suffix) == 0;
}

/* ---- removing ---- */

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Under the lock on its file: the name goes if it still is that file's, and any, or its family is gone. */
static bool remove_locked(int fd, const char *path, bool any)
{
    struct stat file, name;
    return fstat(fd, &file) == 0 && lstat(path, &name) == 0 && is_same(&file, &name) && (any || file.st_nlink == 1) &&
           unlink(path) == 0;
}

static bool remove_name(const char *path, bool any)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat info;
    bool removed = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
                   fcntl(fd, F_OFD_SETLK, &lock) == 0 && remove_locked(fd, path, any);
    kin_posix_close(fd);
    return removed;
}

void kin_posix_name_tidy(const char *path)
{
    struct stat info;
    if (lstat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1) {
        remove_name(path, false);
    }
}

static bool path_of(char path[PATH_MAX], unsigned dir, unsigned long uid, const char *name, const char *suffix)
{
    const char *names = kin_posix_names_dir(dir, false);
    return names && kin_posix_name(path, PATH_MAX, names, uid, name, suffix);
}

static bool own_path_of(char path[PATH_MAX], unsigned dir, const char *name, const char *suffix)
{
    return path_of(path, dir, (unsigned long)geteuid(), name, suffix);
}

/* ---- finding ---- */

/* KIN_E_NOT_FOUND: there is none, or one that is gone. */
static kin_status open_named(int *out, const char *path, unsigned long uid)
{
    struct stat info;
    int fd = kin_posix_raise(open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (fd < 0) {
        int error = errno;
        return error == ELOOP || error == EISDIR || error == ENXIO ? KIN_E_PERMISSION : kin_posix_fail(error);
    }
    kin_status status = KIN_OK;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (unsigned long)info.st_uid != uid) {
        status = KIN_E_PERMISSION;
    } else if (info.st_nlink < 2) {
        kin_posix_name_tidy(path);
        status = KIN_E_NOT_FOUND;
    }
    if (status != KIN_OK) {
        kin_posix_close(fd);
        return status;
    }
    *out = fd;
    return KIN_OK;
}

kin_status kin_os_name_find(kin_os_handle *out, const char *name, const kin_os_account *owner)
{
    unsigned long uid;
    kin_status status = KIN_E_NOT_FOUND;
    if (!kin_posix_account_number(owner, &uid)) {
        return KIN_E_ARGUMENT;
    }
    for (unsigned i = 0; status == KIN_E_NOT_FOUND && i < KIN_POSIX_DIRS; i++) {
        char path[PATH_MAX];
        if (path_of(path, i, uid, name, "family")) {
            status = open_named(out, path, uid);
        }
    }
    return status;
}

/* The arena's own link: its path is what /proc/PID/maps shows, by which a member is known to live. */
kin_status kin_os_name_enter(kin_os_handle *shm, kin_os_handle *pulse, const kin_os_id *family,
                             const kin_os_account *owner)
{
    char hex[KIN_POSIX_HEX];
    unsigned long uid = 0;
    int fd = -1;
    bool known = kin_posix_account_number(owner, &uid);
    kin_posix_hex(hex, family);
    for (unsigned i = 0; known && fd < 0 && i < KIN_POSIX_DIRS; i++) {
        char path[PATH_MAX];
        struct stat found, own;
        fd = path_of(path, i, uid, hex, "arena") ? kin_posix_raise(open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)) : -1;
        if (fd >= 0 && (fstat(fd, &own) != 0 || fstat(*shm, &found) != 0 || !is_same(&own, &found))) {
            kin_posix_close(fd);
            fd = -1;
        }
    }
    kin_posix_close(*shm);
    *shm = fd;
    *pulse = fd >= 0 ? kin_posix_pulse_open(hex, uid) : KIN_OS_NO_HANDLE;
    if (*pulse < 0) {
        kin_posix_close(fd);
        *shm = KIN_OS_NO_HANDLE;
        return KIN_E_NOT_FOUND;
    }
    return KIN_OK;
}

/* ---- giving and taking names ---- */

static bool keep(unsigned dir, const char *hex)
{
    char path[PATH_MAX];
    int fd = own_path_of(path, dir, hex, "kept") ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    kin_posix_close(fd);
    return fd >= 0;
}

/* In whatever directory it is. */
static void remove_links(const char *hex, const char *suffix)
{
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        char path[PATH_MAX];
        if (own_path_of(path, i, hex, suffix)) {
            unlink(path);
        }
    }
}

/* A mark without a name is what a creator left that was killed in between. */
bool kin_posix_kept(const char *hex)
{
    struct stat mark, arena;
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        char path[PATH_MAX];
        if (own_path_of(path, i, hex, "kept") && lstat(path, &mark) == 0 && mark.st_uid == geteuid()) {
            return own_path_of(path, i, hex, "arena") && lstat(path, &arena) == 0 && arena.st_nlink > 1;
        }
    }
    return false;
}

void kin_posix_arena_remove(const char *hex)
{
    remove_links(hex, "kept");
    remove_links(hex, "arena");
}

static kin_status link_names(const char *arena, const char *path)
{
    for (int tries = 0; tries < TRIES; tries++) {
        if (link(arena, path) == 0) {
            return KIN_OK;
        }
        if (errno != EEXIST) {
            return kin_posix_fail(errno);
        }
        int fd;
        kin_status status = open_named(&fd, path, (unsigned long)geteuid()); /* tidies */
        if (status != KIN_E_NOT_FOUND) {
            kin_posix_close(status == KIN_OK ? fd : -1);
            return status == KIN_OK ? KIN_E_EXISTS : status;
        }
        kin_os_sleep_until(kin_os_now() + 20000); /* another process removes it */
    }
    return KIN_E_EXISTS;
}

kin_status kin_os_name_publish(kin_os_handle *holder, const char *name, const kin_os_id *family, bool kept,
                               const kin_os_account *group)
{
    char hex[KIN_POSIX_HEX], arena[PATH_MAX], path[PATH_MAX];
    struct stat info;
    (void)group; /* the arena's file has its mode */
    *holder = KIN_OS_NO_HANDLE;
    kin_posix_hex(hex, family);
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        if (own_path_of(arena, i, hex, "arena") && lstat(arena, &info) == 0 && own_path_of(path, i, name, "family")) {
            if (kept && !keep(i, hex)) {
                return kin_posix_fail(errno);
            }
            kin_status status = link_names(arena, path);
            if (status != KIN_OK) {
                remove_links(hex, "kept");
            }
            return status;
        }
    }
    return KIN_E_NOT_FOUND;
}

void kin_os_name_hold(kin_os_handle *holder, const char *name, const kin_os_account *owner)
{
    (void)name;
    (void)owner;
    *holder = KIN_OS_NO_HANDLE;
}

kin_status kin_os_name_forget(const char *name, const kin_os_id *family)
{
    char hex[KIN_POSIX_HEX];
    kin_posix_hex(hex, family);
    remove_links(hex, "kept");
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        char path[PATH_MAX];
        if (own_path_of(path, i, name, "family") && remove_name(path, true)) {
            return KIN_OK;
        }
    }
    return KIN_E_NOT_FOUND;
}

void kin_os_name_tidy(const char *name)
{
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        char path[PATH_MAX];
        if (own_path_of(path, i, name, "family")) {
            kin_posix_name_tidy(path);
        }
    }
}
