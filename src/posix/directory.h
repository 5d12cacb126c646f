/* directory.h: paths and names of kin's files. */
#ifndef KIN_POSIX_DIRECTORY_H
#define KIN_POSIX_DIRECTORY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "os.h"

struct stat;

#define KIN_POSIX_HEX 33 /* an id in hexadecimal, with its zero */
#define KIN_POSIX_DIRS 4u
#define KIN_POSIX_SEM "sem"    /* what a semaphore's suffix begins with (sem_plain.c) */
#define KIN_POSIX_SEM_INDEX 0u /* the directory where semaphores may be: it lies in memory */

void kin_posix_hex(char out[KIN_POSIX_HEX], const kin_os_id *id);
/* Reads the first 32 digits of hex. False: they are not hexadecimal. */
bool kin_posix_id(kin_os_id *out, const char *hex);
/* The directory of that index, of that user. False: there is none, or it is not that user's alone. */
bool kin_posix_dir(char path[PATH_MAX], unsigned index, unsigned long uid);
/* This user's; made if it is not there. common: only if the index means the same for all users. An empty one may be
 * removed at any time: a caller that finds it gone (ENOENT) makes it again. */
bool kin_posix_dir_make(char path[PATH_MAX], unsigned index, bool common);
/* Removes this user's directories that are empty. Leaves errno as it is. */
void kin_posix_dirs_remove(void);
/* DIR/NAME.SUFFIX. False: too long. */
bool kin_posix_name(char out[PATH_MAX], const char *dir, const char *name, const char *suffix);
/* The same in the directory of that index, of that user. False: there is no such directory, or the path is too long. */
bool kin_posix_path(char path[PATH_MAX], unsigned index, unsigned long uid, const char *name, const char *suffix);
/* Whether an entry of such a directory is HEX.SUFFIX. */
bool kin_posix_name_matches(const char *entry, const char *suffix, char hex[KIN_POSIX_HEX]);
/* Whether it is HEX.semNUMBER, or HEX.semNUMBER.NUMBER. */
bool kin_posix_name_is_sem(const char *entry, char hex[KIN_POSIX_HEX]);
/* The path of HEX.SUFFIX in the directory of that index. False: that user has no such plain file there. */
bool kin_posix_find_in(char path[PATH_MAX], struct stat *info, unsigned index, unsigned long uid, const char *hex,
                       const char *suffix);
/* Whether what has one of kin's names may be opened and removed: that user's plain file, without another name. */
bool kin_posix_is_kins(const struct stat *info, unsigned long uid);
/* Removes it from the directory if it is kin's, of this user. False: it is, and cannot be removed. */
bool kin_posix_remove_kins(int dir, const char *name);
/* Whether both are of the same file. */
bool kin_posix_is_same(const struct stat *a, const struct stat *b);

#endif
