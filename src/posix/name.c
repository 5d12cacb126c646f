/* name.c: families that unrelated processes find by symbolic links.
 *
 *     DIR/HEX.arena      the arena
 *     DIR/HEX.pulse      its pulse (pulse.c): made before the family has a name, removed with the family
 *     DIR/NAME.family    a symbolic link to nothing. Its text is "HEX NAME", or "HEX NAME kept" if the family outlives
 *                        its members. symlink(2) succeeds for one process only
 *     DIR/NAME.removing  locked by the process that removes the name, while it does so
 *
 * 1. Only the owner makes and removes files in DIR (directory.c). Other users may be allowed to write to the files, and
 *    so to link them elsewhere. So a file counts only if it is the owner's and has no other link.
 * 2. If a name's family has no arena or no pulse any more, the family is gone. The name is removed under a lock, after
 *    another look. Only the lock's holder removes names, so it cannot remove a new name by mistake.
 * 3. The lock's file is removed before the lock is released. A process that finds it locked or gone tries again. A lock
 *    of the open file description does not end when another descriptor of the file is closed (fcntl_locking(2)).
 * 4. Only their owner removes all of these files. If other users were the last to leave a family, it stays until its
 *    owner sweeps, or until a process joins it again.
 */
#include "posix/name.h"
#include "posix/account.h"
#include "posix/directory.h"
#include "posix/handle.h"
#include "posix/posix.h"
#include "posix/pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kin/family.h"

#define TRIES 100
#define PAUSE 20000 /* while another process removes the name, in ns */
#define TEXT_ROOM (KIN_POSIX_HEX + KIN_FAMILY_NAME_MAX + 16)

/* ---- a family's files ---- */

/* Whether it is that user's, a plain file, and has no other link. */
static bool is_sound(const struct stat *info, unsigned long uid)
{
    return S_ISREG(info->st_mode) && (unsigned long)info->st_uid == uid && info->st_nlink == 1;
}

/* In whatever directory it is. */
static bool find_file(char path[PATH_MAX], struct stat *info, unsigned long uid, const char *hex, const char *suffix)
{
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        if (kin_posix_find_in(path, info, i, uid, hex, suffix)) {
            return true;
        }
    }
    return false;
}

static bool is_gone(unsigned long uid, const char *hex)
{
    char path[PATH_MAX];
    struct stat info;
    return !find_file(path, &info, uid, hex, "arena") || !find_file(path, &info, uid, hex, "pulse");
}

void kin_posix_arena_remove(const char *hex)
{
    char path[PATH_MAX];
    struct stat info;
    const unsigned long self = (unsigned long)geteuid();
    if (find_file(path, &info, self, hex, "arena") && kin_posix_is_kins(&info, self)) {
        unlink(path);
    }
}

/* ---- reading a name ---- */

typedef struct link_text {
    char hex[KIN_POSIX_HEX];
    bool kept;
} link_text;

static bool parse(link_text *out, const char *text, const char *name)
{
    if (strspn(text, "0123456789abcdef") != KIN_POSIX_HEX - 1 || text[KIN_POSIX_HEX - 1] != ' ') {
        return false;
    }
    memcpy(out->hex, text, KIN_POSIX_HEX - 1);
    out->hex[KIN_POSIX_HEX - 1] = '\0';
    const char *rest = text + KIN_POSIX_HEX;
    size_t length = strlen(name);
    if (strncmp(rest, name, length) != 0) {
        return false;
    }
    out->kept = strcmp(rest + length, " kept") == 0;
    return out->kept || rest[length] == '\0';
}

/* Owner and text are read from the same link, even if the path changes meanwhile. KIN_E_NOT_FOUND: there is none;
 * KIN_E_PERMISSION: it is another user's, or no family's name. */
static kin_status read_name(link_text *out, const char *path, unsigned long uid, const char *name)
{
    struct stat info;
    char text[TEXT_ROOM];
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) { /* EACCES: the directory is not for this user, so it has none there */
        return errno == EACCES ? KIN_E_NOT_FOUND : kin_posix_fail(errno);
    }
    ssize_t length = fstat(fd, &info) == 0 && S_ISLNK(info.st_mode) && (unsigned long)info.st_uid == uid
                         ? readlinkat(fd, "", text, sizeof text - 1)
                         : -1;
    text[length > 0 ? length : 0] = '\0';
    kin_posix_close(fd);
    return parse(out, text, name) ? KIN_OK : kin_posix_fail(EACCES);
}

/* The name of this user in that directory. */
static kin_status read_own(link_text *out, char path[PATH_MAX], const char *dir, const char *name)
{
    const unsigned long self = (unsigned long)geteuid();
    return kin_posix_name(path, dir, name, "family") ? read_name(out, path, self, name) : KIN_E_TOO_BIG;
}

/* ---- removing ---- */

/* -1: another process removes this name, or a foreign file is in the lock's place. */
static int lock_name(const char *path)
{
    struct stat file, name;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (lstat(path, &name) == 0 && !is_sound(&name, (unsigned long)geteuid())) {
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    bool locked = fd >= 0 && fstat(fd, &file) == 0 && is_sound(&file, (unsigned long)geteuid()) &&
                  fchmod(fd, 0600) == 0 && /* whatever the umask */
                  fcntl(fd, F_OFD_SETLK, &lock) == 0 && lstat(path, &name) == 0 && kin_posix_is_same(&file, &name);
    if (!locked) {
        kin_posix_close(fd);
        return -1;
    }
    return fd;
}

/* Whether a foreign file is in the place of a name's lock. Then no process can remove the name. A file without a link
 * was removed while it was looked up. */
static bool is_blocked(const char *dir, const char *name)
{
    char path[PATH_MAX];
    struct stat info;
    return kin_posix_name(path, dir, name, "removing") && lstat(path, &info) == 0 && info.st_nlink > 0 &&
           !is_sound(&info, (unsigned long)geteuid());
}

/* Removes the name if it is that family's; hex NULL: if its family is gone. */
static bool remove_name(const char *dir, const char *name, const char *hex)
{
    const unsigned long self = (unsigned long)geteuid();
    char path[PATH_MAX], lock[PATH_MAX];
    link_text it;
    if (!kin_posix_name(lock, dir, name, "removing")) {
        return false;
    }
    int fd = lock_name(lock);
    if (fd < 0) {
        return false;
    }
    bool removed = read_own(&it, path, dir, name) == KIN_OK &&
                   (hex ? strcmp(hex, it.hex) == 0 : is_gone(self, it.hex)) && unlink(path) == 0;
    unlink(lock);
    kin_posix_close(fd);
    return removed;
}

void kin_posix_name_tidy(const char *dir, const char *name)
{
    const unsigned long self = (unsigned long)geteuid();
    char path[PATH_MAX];
    struct stat info;
    link_text it;
    bool ruin = read_own(&it, path, dir, name) == KIN_OK && is_gone(self, it.hex);
    bool left = kin_posix_name(path, dir, name, "removing") && lstat(path, &info) == 0;
    if (ruin || left) {
        remove_name(dir, name, NULL);
    }
}

bool kin_posix_is_kept(const char *dir, const char *name, const char *hex)
{
    char path[PATH_MAX];
    link_text it;
    kin_status status = read_own(&it, path, dir, name);
    if (status == KIN_OK) {
        return it.kept && strcmp(it.hex, hex) == 0;
    }
    return status != KIN_E_NOT_FOUND && status != KIN_E_PERMISSION && status != KIN_E_TOO_BIG; /* it cannot be told */
}

void kin_os_name_tidy(const char *name)
{
    char dir[PATH_MAX];
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        if (kin_posix_dir(dir, i, (unsigned long)geteuid())) {
            kin_posix_name_tidy(dir, name);
        }
    }
    kin_posix_dirs_remove();
}

/* ---- finding ---- */

/* KIN_E_NOT_FOUND: it is gone. A mapping of what is open for reading only cannot be made writable: mprotect(2),
 * EACCES. */
static kin_status open_arena(int *out, unsigned long uid, const char *hex, kin_os_use use)
{
    const int access = use == KIN_OS_TO_WRITE ? O_RDWR : O_RDONLY;
    char path[PATH_MAX], pulse[PATH_MAX];
    struct stat info;
    if (!find_file(pulse, &info, uid, hex, "pulse") || !find_file(path, &info, uid, hex, "arena")) {
        return KIN_E_NOT_FOUND;
    }
    if (!is_sound(&info, uid)) { /* it is left alone; what is found there afterwards counts */
        return kin_posix_fail(info.st_nlink == 0 ? ENOENT : EACCES); /* without a link: just removed */
    }
    int fd = kin_posix_raise(open(path, access | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (fd < 0) {
        return kin_posix_fail(errno == ELOOP || errno == EISDIR || errno == ENXIO ? EACCES : errno);
    }
    if (fstat(fd, &info) != 0 || !is_sound(&info, uid)) {
        kin_posix_close(fd);
        return kin_posix_fail(info.st_nlink == 0 ? ENOENT : EACCES);
    }
    *out = fd;
    return KIN_OK;
}

kin_status kin_os_name_find(kin_os_handle *out, kin_os_id *id, const char *name, const kin_os_account *owner,
                            kin_os_use use)
{
    unsigned long uid;
    kin_status status = KIN_E_NOT_FOUND;
    if (!kin_posix_account_number(owner, &uid)) {
        return KIN_E_ARGUMENT;
    }
    for (unsigned i = 0; status == KIN_E_NOT_FOUND && i < KIN_POSIX_DIRS; i++) {
        char path[PATH_MAX];
        link_text it;
        status = kin_posix_path(path, i, uid, name, "family") ? read_name(&it, path, uid, name) : KIN_E_NOT_FOUND;
        if (status == KIN_OK && kin_posix_id(id, it.hex)) {
            status = open_arena(out, uid, it.hex, use);
        }
    }
    return status;
}

kin_status kin_os_name_enter(kin_os_handle *shm, kin_os_handle *pulse, const kin_os_id *family,
                             const kin_os_account *owner)
{
    char hex[KIN_POSIX_HEX], path[PATH_MAX];
    unsigned long uid = 0;
    struct stat file, name;
    kin_posix_hex(hex, family);
    bool is_its = kin_posix_account_number(owner, &uid) && fstat(*shm, &file) == 0 &&
                  find_file(path, &name, uid, hex, "arena") && kin_posix_is_same(&file, &name);
    *pulse = is_its ? kin_posix_pulse_open(hex, uid) : KIN_OS_NO_HANDLE;
    if (*pulse < 0) {
        kin_posix_close(*shm);
        *shm = KIN_OS_NO_HANDLE;
        return KIN_E_NOT_FOUND;
    }
    return KIN_OK;
}

/* ---- giving and taking names ---- */

static kin_status link_name(const char *dir, const char *name, const char *hex, bool kept)
{
    const unsigned long self = (unsigned long)geteuid();
    char path[PATH_MAX], text[TEXT_ROOM];
    link_text it;
    if (!kin_posix_name(path, dir, name, "family")) {
        return KIN_E_TOO_BIG;
    }
    snprintf(text, sizeof text, "%s %s%s", hex, name, kept ? " kept" : "");
    for (int tries = 0; tries < TRIES; tries++) {
        if (symlink(text, path) == 0) {
            return KIN_OK;
        }
        if (errno != EEXIST) {
            return kin_posix_fail(errno);
        }
        kin_status status = read_name(&it, path, self, name);
        if (status != KIN_E_NOT_FOUND && (status != KIN_OK || !is_gone(self, it.hex))) {
            return status == KIN_OK ? KIN_E_EXISTS : status;
        }
        if (!remove_name(dir, name, NULL)) {
            if (is_blocked(dir, name)) {
                return kin_posix_fail(EACCES);
            }
            kin_os_sleep_until(kin_os_now() + PAUSE);
        }
    }
    return KIN_E_EXISTS;
}

kin_status kin_os_name_publish(kin_os_handle *holder, const char *name, const kin_os_id *family, bool kept,
                               const kin_os_access *access)
{
    const unsigned long self = (unsigned long)geteuid();
    char hex[KIN_POSIX_HEX], dir[PATH_MAX], path[PATH_MAX];
    struct stat info;
    (void)access; /* the files have their modes */
    *holder = KIN_OS_NO_HANDLE;
    kin_posix_hex(hex, family);
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        if (kin_posix_find_in(path, &info, i, self, hex, "arena") && kin_posix_dir(dir, i, self)) {
            return link_name(dir, name, hex, kept);
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

static kin_status forget_in(const char *dir, const char *name)
{
    char path[PATH_MAX];
    link_text it;
    for (int tries = 0; tries < TRIES; tries++) {
        kin_status status = read_own(&it, path, dir, name);
        if (status != KIN_OK) {
            return status;
        }
        bool gone = is_gone((unsigned long)geteuid(), it.hex);
        if (remove_name(dir, name, it.hex)) {
            return gone ? KIN_E_NOT_FOUND : KIN_OK;
        }
        kin_os_sleep_until(kin_os_now() + PAUSE);
    }
    return KIN_E_BUSY;
}

kin_status kin_os_name_forget(const char *name)
{
    kin_status status = KIN_E_NOT_FOUND;
    char dir[PATH_MAX];
    for (unsigned i = 0; status == KIN_E_NOT_FOUND && i < KIN_POSIX_DIRS; i++) {
        bool there = kin_posix_dir(dir, i, (unsigned long)geteuid());
        status = there ? forget_in(dir, name) : KIN_E_NOT_FOUND;
    }
    kin_posix_dirs_remove();
    return status;
}
