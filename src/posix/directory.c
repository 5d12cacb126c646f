/* directory.c: paths and names of kin's files, in the directories that the system has for them.
 *
 * Each file is DIR/kin-UID-NAME.SUFFIX. UID is the owner's. NAME is a family's id in hexadecimal, or the name that a
 * user gave to the family. A family's pulse is made in the first directory where that succeeds (pulse.c); all of them
 * are searched.
 */
#include "posix/directory.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

/* ---- directories, paths and names ---- */

const char *kin_posix_names_dir(unsigned index, bool common)
{
    const char *dir = NULL;
    switch (index) {
    case 0:
        return KIN_POSIX_SEM_DIR;
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

bool kin_posix_path(char path[PATH_MAX], unsigned index, unsigned long uid, const char *name, const char *suffix)
{
    const char *dir = kin_posix_names_dir(index, false);
    return dir && kin_posix_name(path, PATH_MAX, dir, uid, name, suffix);
}

/* ---- files ---- */

/* What others have put there under that name does not count. */
bool kin_posix_find_in(char path[PATH_MAX], struct stat *info, unsigned index, unsigned long uid, const char *hex,
                       const char *suffix)
{
    return kin_posix_path(path, index, uid, hex, suffix) && lstat(path, info) == 0 && S_ISREG(info->st_mode) &&
           (unsigned long)info->st_uid == uid;
}

bool kin_posix_is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}
