/* directory.c: paths and names of kin's files, in directories of each user's own.
 *
 * Each file is BASE/kin-UID/NAME.SUFFIX. UID is the owner's. NAME is a family's id in hexadecimal, or the name that a
 * user gave to the family. BASE is a directory in which all users may make files, or one that the environment names. A
 * family's pulse is made in the first BASE where that succeeds (pulse.c). All of them are searched.
 *
 * - Only its user may write to BASE/kin-UID, so the files there are that user's. No other user can take a name, or slow
 *   down a search by many files. Other users may read the directory, because they may have access to a family.
 * - If another user could write to a directory, it is not used. Then the next BASE is.
 * - If BASE is for all users it must be sticky, because else other users could rename its entries (unlink(2),
 *   rename(2): EPERM).
 * - The process that removes the last file of a directory removes the directory.
 */
#include "posix/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_MODE 0755

/* ---- identities as text ---- */

void kin_posix_hex(char out[KIN_POSIX_HEX], const kin_os_id *id)
{
    for (size_t i = 0; i < sizeof id->bytes; i++) {
        out[2 * i] = "0123456789abcdef"[id->bytes[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[id->bytes[i] & 15];
    }
    out[KIN_POSIX_HEX - 1] = '\0';
}

bool kin_posix_id(kin_os_id *out, const char *hex)
{
    for (size_t i = 0; i < 2 * sizeof out->bytes; i++) {
        const char *digit = strchr("0123456789abcdef", hex[i]);
        if (hex[i] == '\0' || !digit) {
            return false;
        }
        int value = (int)(digit - "0123456789abcdef");
        out->bytes[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : out->bytes[i / 2] | value);
    }
    return true;
}

/* ---- directories ---- */

static const char *base_of(unsigned index, bool common)
{
    const char *dir = NULL;
    switch (index) {
    case 0:
        return "/dev/shm";
    case 1:
        dir = common ? NULL : kin_os_variable("XDG_RUNTIME_DIR");
        break;
    case 2:
        dir = common ? NULL : kin_os_variable("TMPDIR");
        break;
    case 3:
        return "/tmp";
    default:
        break;
    }
    return dir && dir[0] == '/' ? dir : NULL;
}

static bool join_path(char path[PATH_MAX], const char *base, unsigned long uid)
{
    int length = snprintf(path, PATH_MAX, "%s/kin-%lu", base, uid);
    return length > 0 && length < PATH_MAX;
}

/* Whether only that user can change the directory's contents, or put another directory in its place. */
static bool is_own(const char *path, const char *base, unsigned long uid)
{
    struct stat dir, above;
    return lstat(path, &dir) == 0 && S_ISDIR(dir.st_mode) && (unsigned long)dir.st_uid == uid &&
           !(dir.st_mode & (S_IWGRP | S_IWOTH)) && stat(base, &above) == 0 &&
           (!(above.st_mode & (S_IWGRP | S_IWOTH)) || (above.st_mode & S_ISVTX));
}

bool kin_posix_dir(char path[PATH_MAX], unsigned index, unsigned long uid)
{
    const char *base = base_of(index, false);
    return base && join_path(path, base, uid) && is_own(path, base, uid);
}

bool kin_posix_dir_make(char path[PATH_MAX], unsigned index, bool common)
{
    const unsigned long self = (unsigned long)geteuid();
    const char *base = base_of(index, common);
    struct stat info;
    if (!base || !join_path(path, base, self)) {
        return false;
    }
    mkdir(path, DIR_MODE);
    /* Whatever the umask of its maker, which may have been killed before it came here. */
    if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == self && (info.st_mode & 0777) != DIR_MODE) {
        chmod(path, DIR_MODE);
    }
    return is_own(path, base, self);
}

void kin_posix_dirs_remove(void)
{
    char path[PATH_MAX];
    int code = errno;
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        if (kin_posix_dir(path, i, (unsigned long)geteuid())) {
            rmdir(path);
        }
    }
    errno = code;
}

/* ---- names ---- */

bool kin_posix_name(char out[PATH_MAX], const char *dir, const char *name, const char *suffix)
{
    int length = snprintf(out, PATH_MAX, "%s/%s.%s", dir, name, suffix);
    return length > 0 && length < PATH_MAX;
}

bool kin_posix_name_matches(const char *entry, const char *suffix, char hex[KIN_POSIX_HEX])
{
    if (strspn(entry, "0123456789abcdef") != KIN_POSIX_HEX - 1) {
        return false;
    }
    memcpy(hex, entry, KIN_POSIX_HEX - 1);
    hex[KIN_POSIX_HEX - 1] = '\0';
    entry += KIN_POSIX_HEX - 1;
    return entry[0] == '.' && strcmp(entry + 1, suffix) == 0;
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

bool kin_posix_name_is_sem(const char *entry, char hex[KIN_POSIX_HEX])
{
    char start[KIN_POSIX_HEX + sizeof KIN_POSIX_SEM];
    snprintf(start, sizeof start, "%s", entry);
    if (!kin_posix_name_matches(start, KIN_POSIX_SEM, hex)) {
        return false;
    }
    const char *number = entry + sizeof start - 1, *end = number + digits(number);
    return end > number && (*end == '\0' || (*end == '.' && digits(end + 1) > 0 && end[1 + digits(end + 1)] == '\0'));
}

bool kin_posix_path(char path[PATH_MAX], unsigned index, unsigned long uid, const char *name, const char *suffix)
{
    char dir[PATH_MAX];
    return kin_posix_dir(dir, index, uid) && kin_posix_name(path, dir, name, suffix);
}

/* ---- files ---- */

/* A foreign file under that name is ignored. */
bool kin_posix_find_in(char path[PATH_MAX], struct stat *info, unsigned index, unsigned long uid, const char *hex,
                       const char *suffix)
{
    return kin_posix_path(path, index, uid, hex, suffix) && lstat(path, info) == 0 && S_ISREG(info->st_mode) &&
           (unsigned long)info->st_uid == uid;
}

/* A file with another name may be any file of the user, put here by a link. Opening it may wake a process that waits at
 * a fifo. Closing it ends the program's record locks on it (fcntl_locking(2)). If a group may write a file, the group's
 * members may have linked it (/proc/sys/fs/protected_hardlinks, proc(5)). So for such a file another name means
 * nothing. */
bool kin_posix_is_kins(const struct stat *info, unsigned long uid)
{
    return S_ISREG(info->st_mode) && (unsigned long)info->st_uid == uid &&
           (info->st_nlink == 1 || (info->st_mode & S_IWGRP));
}

bool kin_posix_remove_kins(int dir, const char *name)
{
    struct stat info;
    return fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !kin_posix_is_kins(&info, (unsigned long)geteuid()) ||
           unlinkat(dir, name, 0) == 0 || errno == ENOENT;
}

bool kin_posix_is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}
