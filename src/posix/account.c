/* account.c: users and groups, known by their numbers. */
#include "posix/account.h"
#include "posix/posix.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRY_ROOM 4096 /* of a passwd or group entry; a group may have many members */
#define ENTRY_ROOM_MAX (1 << 20)

static void write_number(kin_os_account *out, unsigned long number)
{
    snprintf(out->text, sizeof out->text, "%lu", number);
}

/* Digits only, and no more than fits; 2^32 - 1 means nobody (chown(2)). */
bool kin_posix_account_number(const kin_os_account *account, unsigned long *out)
{
    char *end;
    if (account->text[0] < '0' || account->text[0] > '9') {
        return false;
    }
    errno = 0;
    unsigned long number = strtoul(account->text, &end, 10);
    if (*end != '\0' || errno != 0 || number >= UINT32_MAX) {
        return false;
    }
    *out = number;
    return true;
}

bool kin_os_account_sound(const kin_os_account *account)
{
    unsigned long number;
    return memchr(account->text, '\0', sizeof account->text) &&
           (strcmp(account->text, "") == 0 || strcmp(account->text, "*") == 0 ||
            kin_posix_account_number(account, &number));
}

static bool is_number(kin_os_account *out, const char *name)
{
    unsigned long number;
    size_t length = strlen(name);
    if (length >= sizeof out->text) {
        return false;
    }
    memcpy(out->text, name, length + 1);
    if (!kin_posix_account_number(out, &number)) {
        return false;
    }
    write_number(out, number);
    return true;
}

typedef int lookup(const char *name, char *room, size_t size, unsigned long *out); /* 0, or an errno; ENOENT */

static int look_up_user(const char *name, char *room, size_t size, unsigned long *out)
{
    struct passwd entry, *found = NULL;
    int error = getpwnam_r(name, &entry, room, size, &found);
    if (found) {
        *out = (unsigned long)entry.pw_uid;
    }
    return found ? 0 : error ? error : ENOENT;
}

static int look_up_group(const char *name, char *room, size_t size, unsigned long *out)
{
    struct group entry, *found = NULL;
    int error = getgrnam_r(name, &entry, room, size, &found);
    if (found) {
        *out = (unsigned long)entry.gr_gid;
    }
    return found ? 0 : error ? error : ENOENT;
}

/* If there is no such name, some systems return an error (getpwnam(3)). */
static kin_status answer(int error)
{
    switch (error) {
    case ENOENT:
    case ESRCH:
    case EBADF:
    case EPERM:
        return KIN_E_NOT_FOUND;
    default:
        return kin_posix_fail(error);
    }
}

static kin_status find(kin_os_account *out, const char *name, lookup *ask)
{
    unsigned long number = 0;
    int error = ERANGE;
    if (is_number(out, name)) {
        return KIN_OK;
    }
    for (size_t size = ENTRY_ROOM; error == ERANGE && size <= ENTRY_ROOM_MAX; size *= 4) {
        char *room = malloc(size);
        error = room ? ask(name, room, size, &number) : ENOMEM;
        free(room);
    }
    if (error) {
        return answer(error);
    }
    write_number(out, number);
    return KIN_OK;
}

kin_status kin_os_user_find(kin_os_account *out, const char *name)
{
    if (!name) {
        write_number(out, (unsigned long)geteuid());
        return KIN_OK;
    }
    return find(out, name, look_up_user);
}

kin_status kin_os_group_find(kin_os_account *out, const char *name)
{
    if (strcmp(name, "*") == 0) {
        *out = (kin_os_account){"*"};
        return KIN_OK;
    }
    return find(out, name, look_up_group);
}

/* The group first: it never is open to the members of another. */
bool kin_posix_share(int fd, const kin_os_access *access)
{
    const kin_os_account *group = &access->group;
    unsigned long number;
    if (!kin_os_account_given(group)) {
        return fchmod(fd, 0600) == 0;
    }
    if (strcmp(group->text, "*") == 0) {
        return fchmod(fd, 0666) == 0;
    }
    if (!kin_posix_account_number(group, &number)) {
        errno = EINVAL;
        return false;
    }
    return fchown(fd, (uid_t)-1, (gid_t)number) == 0 && fchmod(fd, 0660) == 0;
}
