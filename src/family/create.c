/* create.c: making a family, and the default one. */
#include "base/last_error.h"
#include "base/sized.h"
#include "base/status.h"
#include "family/create.h"

#include "family/join.h"
#include "family/layout.h"

#include <string.h>

/* Writes the arena's header. */
static kin_status fill_arena(kin_family *family, const kin_family_options *options)
{
    uint64_t secrets[3];
    kin__layout layout = {.reserve = family->layout.reserve};
    layout.max_members = options->max_members;
    layout.max_threads = options->max_threads;
    kin__layout_compute(&layout);
    if (layout.span_count == 0) {
        return kin__refuse(KIN_E_ARGUMENT, "options->reserve is too small for max_members and max_threads");
    }
    uint64_t size = kin__round_up(layout.low, kin_os_page_size());
    kin_status status = kin_os_shm_commit(family->shm, family->base, 0, (size_t)size);
    if (status == KIN_OK) {
        status = kin_os_random(secrets, sizeof secrets);
    }
    if (status != KIN_OK) {
        return status;
    }
    family->layout = layout;
    family->key = secrets[0];
    atomic_store(&family->known, size);
    kin__layout_format(family->arena, &layout, &family->id, family->name, &family->access, secrets);
    return KIN_OK;
}

static kin_status make(kin_family *family, const kin_family_options *options)
{
    kin_status status = kin_os_pulse_create(&family->pulse, &family->id, &family->access);
    if (status == KIN_OK) {
        status = kin_os_shm_create(&family->shm, &family->id, (size_t)family->layout.reserve, family->name[0] != '\0',
                                   &family->access);
    }
    if (status == KIN_OK) {
        status = kin__family_map(family);
    }
    if (status == KIN_OK) {
        status = fill_arena(family, options);
    }
    if (status == KIN_OK) {
        kin__family_publish(family);
        status = kin__member_join(family); /* at once: the family's names are kept by its members */
    }
    return status;
}

#define MODEST_RESERVE (UINT64_C(256) << 20)

static uint64_t default_reserve(void)
{
    uint64_t good = kin_os_shm_reserve();
    good = good < KIN__RESERVE_MAX ? good : KIN__RESERVE_MAX;
    return good > MODEST_RESERVE && good <= SIZE_MAX / 2 ? good : MODEST_RESERVE;
}

/* Of a family without a name. */
static kin_status read_options(kin_family_options *out, const kin_family_options *options)
{
    kin_status status = kin__options_read(out, sizeof *out, options, "KIN_FAMILY_OPTIONS_INIT");
    if (status == KIN_OK && (out->group || out->owner)) {
        status = kin__refuse(KIN_E_ARGUMENT, "options->group and owner are for kin_family_open only");
    }
    return status;
}

/* The options with their defaults, if they are within the limits. */
static kin_status complete_options(kin_family_options *out, const kin_family_options *options)
{
    *out = *options;
    out->reserve = out->reserve ? out->reserve : default_reserve();
    out->max_members = out->max_members ? out->max_members : 512;
    out->max_threads = out->max_threads ? out->max_threads : 1024;
    if (out->reserve > KIN__RESERVE_MAX || out->reserve > SIZE_MAX / 2) {
        return kin__refuse(KIN_E_ARGUMENT, "options->reserve is more than 64 GiB, or than this process can map");
    }
    if (out->max_members > KIN__MEMBERS_MAX || out->max_threads > KIN__THREADS_MAX) {
        return kin__refuse(KIN_E_ARGUMENT, "options->max_members is more than 4096, or max_threads more than 32768");
    }
    out->reserve = kin__round_up(out->reserve, KIN__SPAN_SIZE);
    out->max_threads = (uint32_t)kin__round_up(out->max_threads, 64);
    return KIN_OK;
}

static kin_status create_unnamed(kin_family **out, const kin_family_options *options)
{
    kin_os_access own_only = {{""}, {""}};
    kin_family_options own;
    kin_status status = read_options(&own, options);
    if (status == KIN_OK) {
        status = kin_os_user_find(&own_only.owner, NULL);
    }
    if (status != KIN_OK) {
        return status;
    }
    kin_os_sweep();
    return kin__family_create_named(out, "", &own_only, &own);
}

/* A thread is not cancelled in here: half a family would be left. */
kin_status kin_family_create(kin_family **out, const kin_family_options *options)
{
    int held = kin_os_cancel_hold();
    kin_status status = create_unnamed(out, options);
    kin_os_cancel_release(held);
    return kin__told(status);
}

static kin_status create(kin_family **out, const char *name, const kin_os_access *access,
                         const kin_family_options *options)
{
    kin_family *family;
    kin_os_id id;
    kin_status status = kin_os_random(&id, sizeof id);
    if (status == KIN_OK) {
        status = kin__family_allocate(&family, &id, options->reserve);
    }
    if (status != KIN_OK) {
        return status;
    }
    memcpy(family->name, name, strlen(name) + 1);
    family->access = *access;
    status = make(family, options);
    if (status != KIN_OK) {
        kin_os_pulse_retire(&family->pulse, &family->id, KIN_OS_PULSE_MAX);
        kin__family_discard(family);
        return status;
    }
    *out = family;
    return KIN_OK;
}

kin_status kin__family_create_named(kin_family **out, const char *name, const kin_os_access *access,
                                    const kin_family_options *options)
{
    kin_family_options complete;
    int before = kin_os_error();
    kin_status status = out ? complete_options(&complete, options) : kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    if (status != KIN_OK) {
        return status;
    }
    status = create(out, name, access, &complete);
    if (status == KIN_E_NO_MEMORY && options->reserve == 0 && complete.reserve > MODEST_RESERVE) {
        complete.reserve = MODEST_RESERVE; /* the process's address space is limited */
        status = create(out, name, access, &complete);
    }
    return kin__with_error_of_before(status, before);
}

/* ---- the default ---- */

static kin_family_options own_options = KIN_FAMILY_OPTIONS_INIT; /* under making */
static _Atomic uint32_t making; /* pid of the process whose thread makes the default family, else 0 */

/* A guard with another process's pid was copied by a fork while a thread of that process held it: it is free. */
static void enter_making(void)
{
    uint32_t pid = kin_os_pid();
    uint32_t holder = 0;
    while (!atomic_compare_exchange_weak(&making, &holder, pid)) {
        if (holder == pid) {
            holder = 0;
            kin_os_yield();
        }
    }
}

kin_status kin_family_configure_default(const kin_family_options *options)
{
    kin_family_options own, complete;
    kin_status status = read_options(&own, options);
    if (status == KIN_OK) {
        status = complete_options(&complete, &own);
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    enter_making();
    bool late = kin__family_default() != NULL;
    if (!late) {
        own_options = own;
    }
    atomic_store(&making, 0);
    return kin__told(
        late ? kin__refuse(KIN_E_EXISTS,
                           "the default family exists already: call it before anything uses NULL for its family")
             : KIN_OK);
}

kin_status kin_family_default(kin_family **out)
{
    if (!out) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    }
    kin_family *family = kin__family_default();
    if (family) {
        *out = family;
        return KIN_OK;
    }
    enter_making();
    kin_status status = KIN_OK;
    family = kin__family_default();
    if (!family) {
        status = kin_family_create(&family, &own_options);
        if (status == KIN_OK) {
            kin__family_offer_default(family);
        }
    }
    atomic_store(&making, 0);
    if (status == KIN_OK) {
        *out = family;
    }
    return kin__told(status);
}

kin_status kin__family_resolve(kin_family **out, kin_family *family)
{
    if (family) {
        *out = family;
        return KIN_OK;
    }
    return kin_family_default(out);
}
