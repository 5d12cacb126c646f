/* discover.c: the families of this user, found by the descriptors of its processes.
 *
 * A member has its family's memory open. /proc/PID/fd shows it as a link whose target carries the family's id (proc(5);
 * memfd_create(2): "/memfd:NAME (deleted)"). Opening such a link opens the same file anew. The pulse has a name. A
 * family whose names were removed is not found.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/directory.h"
#include "posix/handle.h"
#include "posix/pulse.h"

/* Whether a link's target is a family's memory; which family, and whose. /memfd:kin-HEX, BASE/kin-UID/HEX.memory,
 * .arena. */
static bool is_memory(kin_os_id *out, unsigned long *owner, const char *target)
{
    if (strncmp(target, "/memfd:kin-", 11) == 0) {
        *owner = (unsigned long)geteuid();
        return kin_posix_id(out, target + 11);
    }
    const char *file = strrchr(target, '/'), *dir = file;
    while (dir && dir > target && dir[-1] != '/') {
        dir--;
    }
    char hex[KIN_POSIX_HEX], *end = NULL;
    if (!dir || strncmp(dir, "kin-", 4) != 0) {
        return false;
    }
    *owner = strtoul(dir + 4, &end, 10);
    return end == file &&
           (kin_posix_name_matches(file + 1, "memory", hex) || kin_posix_name_matches(file + 1, "arena", hex)) &&
           kin_posix_id(out, hex);
}

static bool read_link(char target[PATH_MAX], int dir, const char *name)
{
    ssize_t length = readlinkat(dir, name, target, PATH_MAX - 1);
    target[length > 0 ? length : 0] = '\0';
    char *mark = strstr(target, " (deleted)"); /* behind the path of a file that has no name any more */
    if (mark) {
        *mark = '\0';
    }
    return length > 0;
}

typedef struct search {
    bool (*wanted)(const kin_os_id *id, void *context);
    void (*visit)(const kin_os_found *found, void *context);
    void *context;
} search;

static void found_one(const search *it, int fds, const char *link, const kin_os_id *id, unsigned long owner)
{
    char hex[KIN_POSIX_HEX];
    struct stat info;
    if (fstatat(fds, link, &info, 0) != 0 || !S_ISREG(info.st_mode)) {
        return; /* a fifo or a device of that name: opening it may do something */
    }
    kin_posix_hex(hex, id);
    kin_os_found found = {*id, kin_posix_raise(openat(fds, link, O_RDWR | O_CLOEXEC | O_NONBLOCK)),
                          kin_posix_pulse_open(hex, owner)};
    if (found.shm >= 0 && found.pulse >= 0) {
        it->visit(&found, it->context);
    } else {
        kin_posix_close(found.shm);
        kin_posix_close(found.pulse);
    }
}

static void search_process(const search *it, const char *pid)
{
    char path[64], target[PATH_MAX];
    struct stat info;
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *list = stat(path, &info) == 0 && info.st_uid == geteuid() ? opendir(path) : NULL;
    for (struct dirent *entry; list && (entry = readdir(list)) != NULL;) {
        kin_os_id id;
        unsigned long owner;
        if (read_link(target, dirfd(list), entry->d_name) && is_memory(&id, &owner, target) &&
            it->wanted(&id, it->context)) {
            found_one(it, dirfd(list), entry->d_name, &id, owner);
        }
    }
    if (list) {
        closedir(list);
    }
}

void kin_os_discover(bool (*wanted)(const kin_os_id *id, void *context),
                     void (*visit)(const kin_os_found *found, void *context), void *context)
{
    const search it = {wanted, visit, context};
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes && (entry = readdir(processes)) != NULL;) {
        if (isdigit((unsigned char)entry->d_name[0])) {
            search_process(&it, entry->d_name);
        }
    }
    if (processes) {
        closedir(processes);
    }
}
