/* family.c: making, adopting and leaving a family; the table of those that this process is in. */
#include "family/family.h"

#include "process/children.h"
#include "memory/heap.h"
#include "sync/lock.h"
#include "pipe/endpoint_registry.h"

#include <stdlib.h>
#include <string.h>

/* ---- this process's families ----
 *
 * They lie in a static table, so that a child that only joins needs no allocator. stage: FREE ──► FILLING ──► USABLE, when
 * it is found by its pointers and its id, ──► FILLING ──► FREE.
 */
enum { FREE, FILLING, USABLE };

static kin_family families[KIN__FAMILIES];
static kin_family *_Atomic own;
static _Atomic uint32_t own_guard; /* pid of the process whose thread makes the own family, else 0 */

kin_family *kin__family_number(uint32_t number)
{
    kin_family *family = &families[number];
    return atomic_load_explicit(&family->stage, memory_order_acquire) == USABLE ? family : NULL;
}

kin_family *kin__family_at(const void *p)
{
    for (uint32_t i = 0; i < KIN__FAMILIES; i++) {
        kin_family *family = kin__family_number(i);
        if (family && (const char *)p >= family->base && (const char *)p < family->base + family->layout.reserve) {
            return family;
        }
    }
    return NULL;
}

kin_family *kin__family_by_id(const kin_os_id *id)
{
    for (uint32_t i = 0; i < KIN__FAMILIES; i++) {
        kin_family *family = kin__family_number(i);
        if (family && memcmp(&family->id, id, sizeof *id) == 0) {
            return family;
        }
    }
    return NULL;
}

static kin_status claim_place(kin_family **out)
{
    for (uint32_t i = 0; i < KIN__FAMILIES; i++) {
        uint32_t stage = FREE;
        if (atomic_compare_exchange_strong(&families[i].stage, &stage, FILLING)) {
            *out = &families[i];
            return KIN_OK;
        }
    }
    return KIN_E_LIMIT;
}

/* ---- hooks ---- */

void kin__family_leave_all(void)
{
    kin__seats_leave();
    for (uint32_t i = 0; i < KIN__FAMILIES; i++) {
        kin_family *family = kin__family_number(i);
        if (family) {
            kin__member_leave(family);
        }
    }
}

/* The child is no member until it uses something of the family: most children only exec. Should all members leave before
 * that, the family's names are gone, and it does without (os.h, kin_os_sem_create). */
static void after_fork_child(void)
{
    kin__seats_after_fork();
    kin__endpoints_after_fork();
    kin__named_after_fork();
    kin__children_after_fork();
}

static void nothing(void)
{
}

kin_status kin__hooks(void)
{
    static const kin_os_hooks hooks = {kin__seats_leave_thread, kin__family_leave_all, nothing, nothing,
                                       after_fork_child};
    return kin_os_hooks_install(&hooks);
}

/* ---- layout ---- */

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static uint32_t fingerprint(void)
{
    uint32_t sizes[] = {sizeof(kin__arena), sizeof(kin__member), sizeof(kin__thread), sizeof(kin__name),
                        sizeof(kin__lock),  sizeof(kin__sem),    KIN__BUCKETS,        KIN__NAMES,
                        KIN__SPAN_SIZE,     KIN__CLASSES};
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        hash = (hash ^ sizes[i]) * 16777619u;
    }
    return hash;
}

static uint64_t place(uint64_t *next, uint64_t size)
{
    uint64_t offset = *next;
    *next = round_up(offset + size, 128);
    return offset;
}

/* Fills in the rest from reserve, max_members and max_threads; returns how many bytes come before the heap. */
static uint64_t lay_out(kin__layout *layout)
{
    uint64_t next = 4096;
    layout->span_count = (uint32_t)(layout->reserve / KIN__SPAN_SIZE);
    layout->members = place(&next, (uint64_t)layout->max_members * sizeof(kin__member));
    layout->threads = place(&next, (uint64_t)layout->max_threads * sizeof(kin__thread));
    layout->buckets = place(&next, (uint64_t)KIN__BUCKETS * layout->max_threads / 8);
    layout->names = place(&next, (uint64_t)KIN__NAMES * sizeof(kin__name));
    layout->spans = place(&next, (uint64_t)layout->span_count * sizeof(uint64_t));
    layout->bitmaps = place(&next, (uint64_t)KIN__CLASSES * round_up(layout->span_count, 64) / 8);
    layout->heap_start = round_up(next, KIN__SPAN_SIZE);
    return next;
}

/* Takes over the arena's layout if it is what its numbers make. */
static bool layout_sound(kin__layout *out, const kin__arena *arena, const kin__family_ticket *ticket)
{
    *out = (kin__layout){.reserve = ticket->reserve};
    out->max_members = arena->layout.max_members;
    out->max_threads = arena->layout.max_threads;
    if (memcmp(&arena->id, &ticket->id, sizeof arena->id) != 0 || out->max_members > KIN__MEMBERS_MAX ||
        out->max_threads > KIN__THREADS_MAX) {
        return false;
    }
    lay_out(out);
    return memcmp(out, &arena->layout, sizeof *out) == 0;
}

bool kin__family_covers_now(kin_family *family, uint64_t offset, uint64_t size)
{
    if (offset > family->layout.reserve || size > family->layout.reserve - offset) {
        return false;
    }
    uint64_t now = kin_os_shm_committed(family->shm, family->base, family->layout.reserve);
    atomic_store_explicit(&family->known, now, memory_order_relaxed);
    return offset + size <= now;
}

/* ---- making ---- */

static void close_natives(kin_family *family)
{
    kin__native *natives = atomic_load(&family->natives);
    for (uint32_t i = 0; natives && i < family->layout.max_threads; i++) {
        if (natives[i].lease != 0) {
            kin_os_sem_close(natives[i].sem);
        }
    }
    free(natives);
}

static void destroy(kin_family *family)
{
    atomic_store(&family->stage, FILLING);
    if (family->base) {
        kin_os_shm_unmap(family->base, family->layout.reserve);
    }
    if (family->self != &kin__nobody) {
        kin_os_private_free(family->self, sizeof(kin__self));
    }
    kin_os_handle_close(family->holder);
    kin_os_handle_close(family->shm);
    kin_os_pulse_close(&family->pulse);
    close_natives(family);
    free(atomic_load(&family->hints));
    atomic_store(&family->stage, FREE);
}

static kin_status allocate(kin_family **out, const kin_os_id *id, uint64_t reserve)
{
    kin_family *family;
    kin_status status = claim_place(&family);
    if (status != KIN_OK) {
        return status;
    }
    family->base = NULL;
    family->arena = NULL;
    family->self = &kin__nobody;
    family->natives = NULL;
    family->hints = NULL;
    family->id = *id;
    family->layout = (kin__layout){.reserve = reserve};
    family->shm = family->holder = KIN_OS_NO_HANDLE;
    family->name[0] = '\0';
    family->access = (kin_os_access){{""}, {""}};
    atomic_store(&family->uses, 1);
    family->pulse = (kin_os_pulse)KIN_OS_NO_PULSE;
    *out = family;
    return KIN_OK;
}

static kin_status map(kin_family *family)
{
    void *base;
    kin_status status = kin_os_shm_map(&base, family->shm, (size_t)family->layout.reserve);
    if (status == KIN_OK) {
        family->base = base;
        family->arena = base;
    }
    return status;
}

static void publish(kin_family *family)
{
    atomic_store_explicit(&family->stage, USABLE, memory_order_release);
}

static kin_status fill_arena(kin_family *family, const kin_family_options *options)
{
    kin__layout layout = {.reserve = family->layout.reserve};
    layout.max_members = options->max_members;
    layout.max_threads = options->max_threads;
    uint64_t size = round_up(lay_out(&layout), kin_os_page_size());
    if (size + KIN__SPAN_SIZE > layout.reserve) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin_os_shm_commit(family->shm, family->base, 0, (size_t)size);
    if (status != KIN_OK) {
        return status;
    }
    kin__arena *arena = family->arena;
    family->layout = arena->layout = layout;
    arena->id = family->id;
    memcpy(arena->name, family->name, sizeof arena->name);
    arena->access = family->access;
    arena->version = KIN__LAYOUT;
    arena->fingerprint = fingerprint();
    atomic_store(&family->known, size);
    kin__lock_init(family, &arena->name_lock, 0);
    kin__heap_init(family);
    atomic_store(&arena->magic, KIN__MAGIC);
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
        status = map(family);
    }
    if (status == KIN_OK) {
        status = fill_arena(family, options);
    }
    if (status == KIN_OK) {
        publish(family);
        status = kin__member_join(family); /* at once: the family's names are kept by its members */
    }
    return status;
}

static kin_status check_options(kin_family_options *out, const kin_family_options *options)
{
    const uint64_t max_reserve = UINT64_C(64) << 30;
    *out = (kin_family_options)KIN_FAMILY_OPTIONS;
    if (options) {
        if (options->size != sizeof *options) {
            return KIN_E_ARGUMENT;
        }
        *out = *options;
    }
    out->reserve = out->reserve ? out->reserve : UINT64_C(256) << 20;
    out->max_members = out->max_members ? out->max_members : 512;
    out->max_threads = out->max_threads ? out->max_threads : 1024;
    if (out->reserve > max_reserve || out->reserve > SIZE_MAX / 2 || out->max_members > KIN__MEMBERS_MAX ||
        out->max_threads > KIN__THREADS_MAX) {
        return KIN_E_ARGUMENT;
    }
    out->reserve = round_up(out->reserve, KIN__SPAN_SIZE);
    out->max_threads = (uint32_t)round_up(out->max_threads, 64);
    return KIN_OK;
}

kin_status kin_family_create(kin_family **out, const kin_family_options *options)
{
    kin_os_access own_only = {{""}, {""}};
    if (options && (options->group || options->owner)) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin_os_user_find(&own_only.owner, NULL);
    if (status != KIN_OK) {
        return status;
    }
    kin_os_sweep();
    return kin__family_create_named(out, "", &own_only, options);
}

kin_status kin__family_create_named(kin_family **out, const char *name, const kin_os_access *access,
                                    const kin_family_options *options)
{
    kin_family_options checked;
    kin_family *family;
    kin_os_id id;
    if (!out || check_options(&checked, options) != KIN_OK) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin_os_random(&id, sizeof id);
    if (status == KIN_OK) {
        status = allocate(&family, &id, checked.reserve);
    }
    if (status != KIN_OK) {
        return status;
    }
    memcpy(family->name, name, strlen(name) + 1);
    family->access = *access;
    status = make(family, &checked);
    if (status != KIN_OK) {
        kin_os_pulse_retire(&family->pulse, &family->id);
        destroy(family);
        return status;
    }
    *out = family;
    return KIN_OK;
}

kin_status kin_family_own(kin_family **out)
{
    if (!out) {
        return KIN_E_ARGUMENT;
    }
    kin_family *family = atomic_load(&own);
    if (family) {
        *out = family;
        return KIN_OK;
    }
    uint32_t pid = kin_os_pid();
    uint32_t holder = 0;
    /* A guard with another process's pid was copied by a fork while that process's thread held it: it is free. */
    while (!atomic_compare_exchange_weak(&own_guard, &holder, pid)) {
        if (holder == pid) {
            holder = 0;
            kin_os_yield();
        }
    }
    kin_status status = KIN_OK;
    family = atomic_load(&own);
    if (!family) {
        status = kin_family_create(&family, NULL);
        if (status == KIN_OK) {
            atomic_store(&own, family);
        }
    }
    atomic_store(&own_guard, 0);
    if (status == KIN_OK) {
        *out = family;
    }
    return status;
}

kin_status kin__family_resolve(kin_family **out, kin_family *family)
{
    if (family) {
        *out = family;
        return KIN_OK;
    }
    return kin_family_own(out);
}

/* ---- adopting ---- */

void kin__family_ticket_of(const kin_family *family, kin__family_ticket *out)
{
    *out = (kin__family_ticket){
        family->id, family->layout.reserve, family->shm, kin_os_pulse_handle(&family->pulse), false, NULL};
}

kin_status kin__family_header(kin_os_handle shm, kin_os_id *id, uint64_t *reserve)
{
    void *base;
    size_t page = kin_os_page_size();
    kin_status status = kin_os_shm_map(&base, shm, page);
    if (status != KIN_OK) {
        return status;
    }
    const kin__arena *arena = base;
    if (kin_os_shm_committed(shm, base, page) < sizeof *arena || atomic_load(&arena->magic) != KIN__MAGIC) {
        status = KIN_E_DAMAGED;
    } else if (arena->version != KIN__LAYOUT) {
        status = KIN_E_BLOB_VERSION;
    } else {
        *id = arena->id;
        *reserve = arena->layout.reserve;
        status = *reserve >= page && *reserve % page == 0 && *reserve <= SIZE_MAX / 2 ? KIN_OK : KIN_E_DAMAGED;
    }
    kin_os_shm_unmap(base, page);
    return status;
}

static kin_status check_arena(kin_family *family, const kin__family_ticket *ticket)
{
    size_t usable = kin_os_shm_committed(family->shm, family->base, (size_t)family->layout.reserve);
    const kin__arena *arena = family->arena;
    if (usable < sizeof *arena || atomic_load(&arena->magic) != KIN__MAGIC) {
        return KIN_E_BLOB_CORRUPT;
    }
    if (arena->version != KIN__LAYOUT || arena->fingerprint != fingerprint()) {
        return KIN_E_BLOB_VERSION;
    }
    if (!layout_sound(&family->layout, arena, ticket) || family->layout.heap_start > usable + KIN__SPAN_SIZE) {
        return KIN_E_BLOB_CORRUPT;
    }
    atomic_store(&family->known, usable);
    return KIN_OK;
}

static kin_status take_handles(kin_family *family, const kin__family_ticket *ticket)
{
    family->shm = ticket->shm;
    return kin_os_pulse_adopt(&family->pulse, ticket->pulse);
}

/* Every member keeps it. */
static void take_name(kin_family *family)
{
    memcpy(family->name, family->arena->name, sizeof family->name);
    family->name[KIN_FAMILY_NAME_MAX] = '\0';
    if (kin__family_name_sound(family->name)) {
        kin_os_name_hold(&family->holder, family->name, &family->access.owner);
    } else {
        family->name[0] = '\0';
    }
}

/* A stranger knows better than the arena whose it is. */
static kin_status take_access(kin_family *family, const kin_os_account *owner)
{
    const kin_os_access *access = &family->access;
    family->access = family->arena->access;
    bool sound = kin_os_account_sound(&access->owner) && kin_os_account_sound(&access->group);
    return sound && (!owner || strcmp(owner->text, access->owner.text) == 0) ? KIN_OK : KIN_E_BLOB_CORRUPT;
}

kin_status kin__family_adopt(kin_family **out, const kin__family_ticket *ticket)
{
    kin_family *family = kin__family_by_id(&ticket->id);
    if (family) {
        kin_os_handle_close(ticket->shm);
        kin_os_handle_close(ticket->pulse); /* drops this process's sign of life (os.h, pulse): take it again */
        kin__member_check(family);
        *out = family;
        return KIN_OK;
    }
    kin_status status = allocate(&family, &ticket->id, ticket->reserve);
    if (status != KIN_OK) {
        kin_os_handle_close(ticket->shm);
        kin_os_handle_close(ticket->pulse);
        return status;
    }
    status = take_handles(family, ticket);
    if (status == KIN_OK) {
        status = map(family);
    }
    if (status == KIN_OK) {
        status = check_arena(family, ticket);
    }
    if (status == KIN_OK) {
        status = take_access(family, ticket->owner);
    }
    if (status != KIN_OK) {
        destroy(family);
        return status;
    }
    take_name(family);
    publish(family);
    kin_family *none = NULL;
    if (!ticket->stranger) {
        atomic_compare_exchange_strong(&own, &none, family);
    }
    *out = family;
    return KIN_OK;
}

/* ---- ending and looking ---- */

void kin_family_close(kin_family *family)
{
    if (!family || atomic_fetch_sub(&family->uses, 1) > 1) {
        return;
    }
    kin__seats_forget(family);
    kin__member_leave(family);
    kin_family *was = family;
    atomic_compare_exchange_strong(&own, &was, NULL);
    char name[sizeof family->name];
    memcpy(name, family->name, sizeof name);
    destroy(family);
    if (name[0] != '\0') {
        kin_os_name_tidy(name);
    }
}

kin_status kin_family_of(const void *p, kin_family **out)
{
    if (!p || !out) {
        return KIN_E_ARGUMENT;
    }
    kin_family *family = kin__family_at(p);
    if (!family) {
        return KIN_E_FAMILY;
    }
    *out = family;
    return KIN_OK;
}

kin_status kin_family_inspect(kin_family *family, kin_family_info *info)
{
    if (!info || info->size != sizeof *info) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin__family_resolve(&family, family);
    if (status == KIN_OK) {
        status = kin__member_join(family);
    }
    if (status != KIN_OK) {
        return status;
    }
    info->reserve = family->layout.reserve;
    info->committed = kin_os_shm_committed(family->shm, family->base, (size_t)family->layout.reserve);
    info->members = kin__member_count(family);
    info->threads = kin__thread_count(family);
    memcpy(info->id, family->id.bytes, sizeof info->id);
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
        return status;
    }
    uint32_t count = kin__reap_all(family);
    if (reaped) {
        *reaped = count;
    }
    return KIN_OK;
}

kin_status kin_sweep(uint32_t *swept)
{
    uint32_t count = kin_os_sweep();
    if (swept) {
        *swept = count;
    }
    return KIN_OK;
}
