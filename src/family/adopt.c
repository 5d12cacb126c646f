/* adopt.c: mapping a family that another process has made. Every number of its arena is checked before it is used. */
#include "family/adopt.h"

#include "base/last_error.h"
#include "family/input.h"
#include "family/layout.h"
#include "family/member.h"
#include "family/reader.h"

#include <string.h>

kin_status kin__family_ticket_of(kin_family *family, kin__family_ticket *out)
{
    kin_status status = kin__may_change(family);
    if (status != KIN_OK) {
        return status;
    }
    *out = (kin__family_ticket){
        .id = family->id, .reserve = family->layout.reserve, .shm = family->shm, .pulse = KIN_OS_NO_HANDLE};
    return kin_os_shm_holds(family->shm, family->base) ? kin_os_pulse_handle(&out->pulse, &family->pulse)
                                                       : KIN_E_HANDLE;
}

static kin_status other_version(void)
{
    return kin__refuse(KIN_E_BLOB_VERSION, "the family was created with another version of kin: build both programs "
                                           "with the same one");
}

kin_status kin__family_header(kin_os_handle shm, kin_os_id *id, uint64_t *reserve)
{
    void *base;
    size_t page = kin_os_page_size();
    kin_status status = kin_os_shm_map(&base, shm, page, KIN_OS_TO_READ);
    if (status != KIN_OK) {
        return status;
    }
    const kin__arena *arena = base;
    if (kin_os_shm_committed(shm, base, 0, page) < sizeof *arena || atomic_load(&arena->magic) != KIN__MAGIC) {
        status = KIN_E_DAMAGED;
    } else if (kin__read_u32(&arena->version) != KIN__LAYOUT) {
        status = other_version();
    } else {
        kin__copy_in(id, &arena->id, sizeof *id);
        *reserve = kin__read_u64(&arena->layout.reserve);
        status = *reserve >= page && *reserve % page == 0 && *reserve <= KIN__RESERVE_MAX ? KIN_OK : KIN_E_DAMAGED;
        if (status == KIN_OK && *reserve > SIZE_MAX / 2) {
            status = kin__refuse(KIN_E_NO_MEMORY, "the family is larger than this process, of 32 bits, can map");
        }
    }
    kin_os_shm_unmap(base, page);
    return status;
}

static kin_status check_arena(kin_family *family, const kin__family_ticket *ticket)
{
    size_t usable = kin_os_shm_committed(family->shm, family->base, 0, (size_t)family->layout.reserve);
    const kin__arena *arena = family->arena;
    kin_os_id id;
    if (usable < sizeof *arena || atomic_load(&arena->magic) != KIN__MAGIC) {
        return KIN_E_BLOB_CORRUPT;
    }
    if (kin__read_u32(&arena->version) != KIN__LAYOUT ||
        kin__read_u32(&arena->fingerprint) != kin__layout_fingerprint()) {
        return other_version();
    }
    kin__copy_in(&id, &arena->id, sizeof id);
    if (memcmp(&id, &ticket->id, sizeof id) != 0 ||
        !kin__layout_read(&family->layout, arena, ticket->reserve, usable)) {
        return KIN_E_BLOB_CORRUPT;
    }
    family->key = kin__read_u64(&arena->heap.key);
    atomic_store(&family->known, family->layout.low); /* the rest is asked for when it is needed */
    return KIN_OK;
}

static kin_status take_handles(kin_family *family, const kin__family_ticket *ticket)
{
    family->shm = ticket->shm;
    return ticket->to_read ? kin__reader_make(family) : kin_os_pulse_adopt(&family->pulse, ticket->pulse);
}

/* Every member keeps it. A process that only reads does not. */
static void take_name(kin_family *family)
{
    kin__copy_in_text(family->name, family->arena->name, sizeof family->name);
    if (kin__family_name_sound(family->name)) {
        if (!family->reader) {
            kin_os_name_hold(&family->holder, family->name, &family->access.owner);
        }
    } else {
        family->name[0] = '\0';
    }
}

/* A stranger has the owner from the family's name, which is safer than the arena's word. */
static kin_status take_access(kin_family *family, const kin_os_account *owner)
{
    const kin_os_access *access = &family->access;
    kin__copy_in(&family->access, &family->arena->access, sizeof family->access);
    bool sound = kin_os_account_sound(&access->owner) && kin_os_account_sound(&access->group);
    return sound && (!owner || strcmp(owner->text, access->owner.text) == 0) ? KIN_OK : KIN_E_BLOB_CORRUPT;
}

kin_status kin__family_known(const kin_family *family, bool to_read)
{
    if (to_read == (family->reader != NULL)) {
        return KIN_OK;
    }
    return to_read
               ? kin__refuse(KIN_E_EXISTS, "this process is a member of the family already, so it cannot open it "
                                           "for reading only, too")
               : kin__refuse(KIN_E_READ_ONLY, "this process has opened the family for reading only: close it first");
}

kin_status kin__family_adopt(kin_family **out, const kin__family_ticket *ticket)
{
    kin_family *family = kin__family_by_id(&ticket->id);
    if (family) {
        kin_os_handle_close(ticket->shm);
        kin_os_handle_close(ticket->pulse); /* drops this process's sign of life (os.h, pulse): take it again */
        kin_status status = kin__family_known(family, ticket->to_read);
        if (status == KIN_OK && !ticket->to_read) {
            kin__member_check(family);
        }
        *out = status == KIN_OK ? family : NULL;
        return status;
    }
    kin_status status = kin__family_allocate(&family, &ticket->id, ticket->reserve);
    if (status != KIN_OK) {
        kin_os_handle_close(ticket->shm);
        kin_os_handle_close(ticket->pulse);
        return status;
    }
    status = take_handles(family, ticket);
    if (status == KIN_OK) {
        status = kin__family_map(family);
    }
    if (status == KIN_OK) {
        status = check_arena(family, ticket);
    }
    if (status == KIN_OK) {
        status = take_access(family, ticket->owner);
    }
    if (status != KIN_OK) {
        kin__family_discard(family);
        return status;
    }
    take_name(family);
    kin__family_publish(family);
    if (!ticket->stranger) {
        kin__family_offer_default(family);
    }
    *out = family;
    return KIN_OK;
}
