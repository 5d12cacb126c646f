/* A plugin that kin is linked into: a second copy in the process. */
#include "kin/kin.h"
#include "plugin.h"

#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

static kin_family *family;
static kin_lock *lock;

EXPORTED plugin_hold hold;
EXPORTED plugin_leave leave;

int hold(const char *name, unsigned char id[16])
{
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    void *found = NULL;
    if (kin_family_open(&family, name, KIN_FAMILY_JOIN, NULL) != KIN_OK) {
        return 1;
    }
    if (kin_family_inspect(family, &info) != KIN_OK || info.members != 2) {
        return 2;
    }
    memcpy(id, info.id, sizeof info.id);
    if (kin_name_get(&found, family, "lock", KIN_TYPE_LOCK) != KIN_OK) {
        return 3;
    }
    lock = found;
    return kin_lock_acquire(lock, KIN_NOW) == KIN_OK ? 0 : 4;
}

int leave(void)
{
    if (kin_lock_release(lock) != KIN_OK || kin_cleanup(NULL) != KIN_OK) {
        return 1;
    }
    kin_family_close(family);
    return 0;
}
