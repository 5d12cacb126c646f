/* close.c: leaving a family, and looking at one. */
#include "family/close.h"

#include "base/last_error.h"
#include "base/sized.h"
#include "family/create.h"
#include "family/join.h"
#include "family/member.h"
#include "family/reap.h"
#include "family/thread_slot.h"

#include <string.h>

void kin__family_leave_all(void)
{
    kin__seats_leave();
    for (uint32_t i = 0; i < KIN__FAMILIES; i++) {
        kin_family *family = kin__family_number(i);
        if (family) {
            kin__member_leave(family, true);
            if (family->name[0] != '\0' && !family->reader) {
                kin_os_name_tidy(family->name);
            }
        }
    }
}

static void close_family(kin_family *family)
{
    if (!family || atomic_fetch_sub(&family->uses, 1) > 1) {
        return;
    }
    kin__seats_forget(family);
    kin__member_leave(family, false);
    kin__family_drop_default(family);
    char name[sizeof family->name];
    memcpy(name, family->name, sizeof name);
    bool tidy = !family->reader;
    kin__family_discard(family);
    if (tidy && name[0] != '\0') {
        kin_os_name_tidy(name);
    }
}

/* A thread is not cancelled in here: half a family would be left. */
void kin_family_close(kin_family *family)
{
    int before = kin_os_error(), held = kin_os_cancel_hold();
    close_family(family);
    kin_os_cancel_release(held);
    kin_os_error_set(before);
}

kin_status kin_family_of(kin_family **out, const void *p)
{
    if (!p || !out) {
        return kin__refuse(KIN_E_ARGUMENT, "p is NULL, or out is NULL");
    }
    kin_family *family = kin__family_at(p);
    if (!family) {
        return kin__in_no_family();
    }
    *out = family;
    return KIN_OK;
}

kin_status kin_family_inspect(kin_family *family, kin_family_info *info)
{
    kin_status status = kin__info_check(info, "KIN_FAMILY_INFO_INIT");
    if (status == KIN_OK) {
        status = kin__family_resolve(&family, family);
    }
    if (status == KIN_OK && !family->reader) {
        status = kin__member_join(family);
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    kin_family_info own = {.reserve = family->layout.reserve,
                           .committed = kin__family_committed(family),
                           .members = kin__member_count(family),
                           .threads = kin__thread_count(family),
                           .unsure = kin__member_unsure(family)};
    memcpy(own.id, family->id.bytes, sizeof own.id);
    kin__info_write(info, &own, sizeof own);
    return KIN_OK;
}

kin_status kin_family_reap(kin_family *family, uint32_t *reaped)
{
    kin__seat *seat;
    kin_status status = kin__family_resolve(&family, family);
    if (status == KIN_OK) {
        status = kin__seat_take(&seat, family);
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    uint32_t count = kin__reap_all(family);
    if (reaped) {
        *reaped = count;
    }
    return KIN_OK;
}

kin_status kin_cleanup(uint32_t *swept)
{
    int held = kin_os_cancel_hold();
    uint32_t count = kin_os_sweep();
    kin_os_cancel_release(held);
    if (swept) {
        *swept = count;
    }
    return KIN_OK;
}
