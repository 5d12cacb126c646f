/* open.c: families with a name, which strangers join.
 *
 *     find the name ──there──► adopt its arena, join ──still there──► done
 *         │                                   └─gone meanwhile─► again
 *         └─not there──► make a family, then give it the name ──had──► done
 *                                                  └─taken meanwhile─► close it, again
 *
 * A family gets its name when it is complete (os.h, name.c). So a creator that dies before that leaves no name. If two
 * processes create a family of the same name, one of them gets the name. The last member that leaves removes the name,
 * if the name is its user's.
 *
 * A process that opens the family for reading only (reader.c) finds and maps it, and that is all. It neither makes nor
 * removes a file or a name. If the last member leaves meanwhile, it has the memory as that left it.
 */
#include "base/last_error.h"
#include "base/sized.h"
#include "base/status.h"
#include "family/open.h"

#include "base/mutex.h"
#include "family/adopt.h"
#include "family/create.h"
#include "family/join.h"

#include <string.h>

#define TRIES 200 /* with pauses, so that the other processes can finish */
#define PAUSE KIN_US(200)

typedef struct wanted {
    const char *name;
    kin_os_access access;
    bool to_read;
} wanted;

static kin__mutex joining; /* of two threads that join the same family, the second finds it among this process's */

void kin__open_after_fork(void)
{
    atomic_store(&joining, 0);
}

/* Takes shm. id comes from the name, because other processes may have overwritten the arena's own id. */
static kin_status adopt(kin_family **out, kin_os_handle shm, const kin_os_id *id, const wanted *it)
{
    const kin_os_account *owner = &it->access.owner;
    kin__family_ticket ticket = {
        .shm = shm, .pulse = KIN_OS_NO_HANDLE, .stranger = true, .owner = owner, .to_read = it->to_read};
    kin_status status = kin__family_header(shm, &ticket.id, &ticket.reserve);
    if (status == KIN_OK && memcmp(&ticket.id, id, sizeof *id) != 0) {
        status = KIN_E_DAMAGED;
    }
    kin_family *known = status == KIN_OK ? kin__family_by_id(id) : NULL;
    if (status != KIN_OK || known) {
        kin_os_handle_close(shm);
        status = known ? kin__family_known(known, it->to_read) : status;
        if (known && status == KIN_OK) {
            atomic_fetch_add(&known->uses, 1);
        }
        *out = known;
        return status;
    }
    if (!it->to_read) {
        status = kin_os_name_enter(&ticket.shm, &ticket.pulse, id, owner);
    }
    if (status == KIN_OK) {
        status = kin__family_adopt(out, &ticket);
    }
    return status == KIN_E_BLOB_CORRUPT ? KIN_E_DAMAGED : status;
}

/* Whether the name still leads to the family. Its last member may have left meanwhile, or died while it was leaving. */
static bool still_leads_to(const kin_family *family, const wanted *it)
{
    kin_os_handle shm;
    kin_os_id id;
    if (!kin_os_pulse_named(&family->pulse) ||
        kin_os_name_find(&shm, &id, it->name, &it->access.owner, KIN_OS_TO_READ) != KIN_OK) {
        return false;
    }
    kin_os_handle_close(shm);
    return memcmp(&id, &family->id, sizeof id) == 0;
}

static kin_status find(kin_family **out, const wanted *it)
{
    kin_os_handle shm;
    kin_os_id id;
    kin_os_use use = it->to_read ? KIN_OS_TO_READ : KIN_OS_TO_WRITE;
    kin_status status = kin_os_name_find(&shm, &id, it->name, &it->access.owner, use);
    return status == KIN_OK ? adopt(out, shm, &id, it) : status;
}

/* KIN_E_NOT_FOUND: there is none of that name, or there was one. */
static kin_status join(kin_family **out, const wanted *it)
{
    kin_family *family;
    kin__mutex_lock(&joining, KIN_OS_NEVER);
    kin_status status = find(&family, it);
    kin__mutex_unlock(&joining);
    if (status != KIN_OK || it->to_read) {
        *out = status == KIN_OK ? family : *out;
        return status;
    }
    status = kin__member_join(family);
    if (status == KIN_OK && !still_leads_to(family, it)) {
        status = KIN_E_NOT_FOUND;
    }
    if (status != KIN_OK) {
        kin_family_close(family);
        return status;
    }
    *out = family;
    return KIN_OK;
}

static kin_status create(kin_family **out, const wanted *it, bool kept, const kin_family_options *options)
{
    kin_family *family;
    kin_status status = kin__family_create_named(&family, it->name, &it->access, options);
    if (status != KIN_OK) {
        return status;
    }
    status = kin_os_name_publish(&family->holder, it->name, &family->id, kept, &family->access);
    if (status != KIN_OK) {
        kin_family_close(family);
        return status;
    }
    *out = family;
    return KIN_OK;
}

static kin_status check(wanted *out, const char *name, uint32_t flags, const kin_family_options *options)
{
    const uint32_t reading = flags & KIN_FAMILY_READ_ONLY;
    *out = (wanted){.name = name, .to_read = reading != 0};
    if (!kin__family_name_sound(name)) {
        return kin__refuse(KIN_E_ARGUMENT, "name is not 1 to 63 letters, digits, . _ or -, or begins with a dot");
    }
    if (flags & ~(KIN_FAMILY_CREATE | KIN_FAMILY_JOIN | KIN_FAMILY_KEEP | KIN_FAMILY_READ_ONLY)) {
        return kin__refuse(KIN_E_ARGUMENT, "flags has unknown bits");
    }
    if (reading && (flags & (KIN_FAMILY_CREATE | KIN_FAMILY_KEEP))) {
        return kin__refuse(KIN_E_ARGUMENT, "KIN_FAMILY_READ_ONLY opens a family that exists: without "
                                           "KIN_FAMILY_CREATE and KIN_FAMILY_KEEP");
    }
    if (options->owner && !reading && flags != KIN_FAMILY_JOIN) {
        return kin__refuse(KIN_E_ARGUMENT, "another user's family (options->owner) can only be joined or read: "
                                           "KIN_FAMILY_JOIN or KIN_FAMILY_READ_ONLY");
    }
    kin_status status = kin_os_user_find(&out->access.owner, options->owner);
    if (status == KIN_OK && options->group) {
        status = kin_os_group_find(&out->access.group, options->group);
    }
    return status;
}

static kin_status open_family(kin_family **out, const char *name, uint32_t flags, const kin_family_options *options)
{
    const uint32_t how = flags & (KIN_FAMILY_CREATE | KIN_FAMILY_JOIN);
    wanted it;
    kin_family_options own;
    kin_status status = out ? kin__options_read(&own, sizeof own, options, "KIN_FAMILY_OPTIONS_INIT")
                            : kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    if (status == KIN_OK) {
        status = check(&it, name, flags, &own);
    }
    if (status != KIN_OK || it.to_read) {
        return status == KIN_OK ? join(out, &it) : status;
    }
    kin_os_sweep();
    for (int tries = 0; tries < TRIES; tries++) {
        status = how == KIN_FAMILY_CREATE ? KIN_E_NOT_FOUND : join(out, &it);
        if (status != KIN_E_NOT_FOUND || how == KIN_FAMILY_JOIN) {
            return status;
        }
        status = create(out, &it, (flags & KIN_FAMILY_KEEP) != 0, &own);
        if (status != KIN_E_EXISTS || how == KIN_FAMILY_CREATE) {
            return status;
        }
        kin_os_sleep_until(kin_os_now() + PAUSE);
    }
    return KIN_E_BUSY;
}

static kin_status explain(kin_status status, const char *name, uint32_t flags)
{
    switch (status) {
    case KIN_E_NOT_FOUND:
        return kin__explain(status,
                            "this user has no family named \"%s\", or options name a user or group that the "
                            "system does not know",
                            name);
    case KIN_E_EXISTS:
        return flags & KIN_FAMILY_READ_ONLY /* which has said why */
                   ? status
                   : kin__explain(status, "there is a family named \"%s\": without KIN_FAMILY_CREATE it is joined",
                                  name);
    case KIN_E_PERMISSION:
        return kin__explain(status,
                            "this user may not use the family named \"%s\" (its owner lets others in by "
                            "options.group), or what has that name is not kin's",
                            name);
    case KIN_E_BUSY:
        return kin__explain(status, "other processes create and leave the family named \"%s\" all the time", name);
    default:
        return status;
    }
}

/* A thread is not cancelled in here: half a family would be left. */
kin_status kin_family_open(kin_family **out, const char *name, uint32_t flags, const kin_family_options *options)
{
    int before = kin_os_error(), held = kin_os_cancel_hold();
    kin_status status = open_family(out, name, flags, options);
    kin_os_cancel_release(held);
    return kin__told(explain(kin__with_error_of_before(status, before), name, flags));
}

kin_status kin_family_unlink(const char *name)
{
    if (!kin__family_name_sound(name)) {
        return kin__refuse(KIN_E_ARGUMENT, "name is not a name of 1 to 63 letters, digits, . _ or -");
    }
    kin_status status = kin_os_name_forget(name);
    kin_os_sweep();
    return kin__told(explain(status, name, 0));
}
