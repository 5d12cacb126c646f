/* inspect.c: looking on.
 *
 * Objects are found by their tags: the first word of each is its type and its own offset, which no other word is but by
 * intent. So a walk over the heap, word by word, finds them wherever they lie, also inside the structs of users. Inner parts
 * that are objects of their own (the locks of a queue) show, too, while they are held or waited for.
 *
 * The memory belongs to others, who go on changing it, and may have written nonsense: every number is checked before it leads
 * anywhere, and nothing is believed for longer than one look.
 */
#include "kin/inspect.h"

#include "container/hash_table.h"
#include "container/list.h"
#include "family/adopt.h"
#include "family/create.h"
#include "family/member.h"
#include "kin/counter.h"
#include "park/deadlock.h"
#include "park/owner_lock.h"
#include "park/park.h"
#include "queue/ring.h"

#include <stddef.h>
#include <string.h>

#define FAMILIES_MAX 64u

/* ---- objects ---- */

/* Bytes from an object's start in which the words that its waiters sleep on lie; 0: no type that is shown. */
static uint64_t reach_of(uint32_t type)
{
    switch (type) {
    case KIN_TYPE_LOCK:
        return sizeof(kin__lock);
    case KIN_TYPE_SEM:
        return sizeof(kin__sem);
    case KIN_TYPE_EVENT:
        return sizeof(kin__event);
    case KIN_TYPE_COND:
        return sizeof(kin__cond);
    case KIN_TYPE_BARRIER:
        return sizeof(kin__barrier);
    case KIN_TYPE_RWLOCK:
        return sizeof(kin__rwlock);
    case KIN_TYPE_QUEUE:
        return sizeof(kin__queue) + 128 + sizeof(kin__queue_ends);
    case KIN_TYPE_DICT:
    case KIN_TYPE_LIST:
        return sizeof(kin__container);
    case KIN_TYPE_COUNTER:
    case KIN_TYPE_VALUE:
    case KIN_TYPE_ARRAY:
        return sizeof(kin__object);
    default:
        return 0;
    }
}

/* The type of the object that begins at offset, 0 if none does. */
static uint32_t type_at(kin_family *family, uint64_t offset)
{
    if (!kin__family_covers(family, offset, sizeof(kin__object))) {
        return 0;
    }
    uint64_t tag = atomic_load_explicit((_Atomic uint64_t *)kin__pointer(family, offset), memory_order_relaxed);
    uint32_t type = KIN__TAG_TYPE(tag);
    bool whole =
        KIN__TAG_OFFSET(tag) == offset && reach_of(type) > 0 && kin__family_covers(family, offset, reach_of(type));
    return whole ? type : 0;
}

/* The object, nearest before it, that the word at offset belongs to. */
static bool object_of_word(kin_family *family, uint64_t word, uint64_t *offset, uint32_t *type)
{
    uint64_t furthest = reach_of(KIN_TYPE_QUEUE);
    if (word % 8 != 0) {
        return false;
    }
    for (uint64_t back = 0; back < furthest && back < word; back += 8) {
        *type = type_at(family, word - back);
        if (*type != 0 && back < reach_of(*type)) {
            *offset = word - back;
            return true;
        }
    }
    return false;
}

static const char *name_of(kin_family *family, uint64_t offset, char copy[KIN_NAME_MAX + 1])
{
    const kin__name *names = kin__pointer(family, family->layout.names);
    for (uint32_t i = 0; i < KIN__NAMES; i++) {
        if (atomic_load(&((kin__name *)(uintptr_t)&names[i])->live) &&
            KIN__TAG_OFFSET(names[i].ref.opaque[0]) == offset) {
            memcpy(copy, names[i].text, KIN_NAME_MAX + 1);
            copy[KIN_NAME_MAX] = '\0';
            return copy;
        }
    }
    return NULL;
}

static void add_holder(kin_family *family, kin_seen_object *it, uint64_t token)
{
    if (token != 0 && it->holders++ == 0) {
        it->holder = kin__token_pid(family, token);
        it->holder_alive = kin__token_alive(family, token);
    }
}

static void look_at_lease(kin_family *family, kin__lease *lease, kin_seen_object *it)
{
    uint32_t permits = atomic_load(&lease->sem.object.detail) & ~KIN__LEASED;
    for (uint32_t i = 0; i < permits && kin__family_covers(family, kin__offset(family, &lease->holders[i]), 8); i++) {
        uint64_t token = atomic_load(&lease->holders[i]);
        if (token == 0) {
            it->value++;
        } else if (it->holders++ == 0) {
            it->holder = kin__member_token_pid(token);
            it->holder_alive = kin__member_token_alive(family, token);
        }
    }
}

static int64_t messages_in(kin__queue *queue)
{
    uint64_t after = (uint64_t)(uintptr_t)(queue + 1);
    kin__queue_ends *ends = (kin__queue_ends *)(void *)((char *)(queue + 1) + (0 - after) % 128);
    return (int64_t)(uint32_t)((atomic_load(&ends->tail) >> 32) - (atomic_load(&ends->next) >> 32));
}

/* What is particular to its type. */
static void look_inside(kin_family *family, void *object, kin_seen_object *it)
{
    kin__rwlock *rwlock = object;
    size_t count;
    switch ((uint32_t)it->type) {
    case KIN_TYPE_LOCK:
        add_holder(family, it, kin__lock_owner(object, &it->held));
        break;
    case KIN_TYPE_RWLOCK:
        add_holder(family, it, atomic_load(&rwlock->writer));
        for (uint32_t i = 0; i < KIN__READERS; i++) {
            add_holder(family, it, atomic_load(&rwlock->readers[i]));
        }
        break;
    case KIN_TYPE_SEM:
        if (atomic_load(&((kin__sem *)object)->object.detail) & KIN__LEASED) {
            look_at_lease(family, object, it);
        } else {
            it->value = (int64_t)(uint32_t)atomic_load(&((kin__sem *)object)->word);
        }
        break;
    case KIN_TYPE_EVENT:
        it->value = (int64_t)(atomic_load(&((kin__event *)object)->word) & 1);
        break;
    case KIN_TYPE_QUEUE:
        it->value = messages_in(object);
        break;
    case KIN_TYPE_DICT:
        it->value = kin__table_count(family, object, &count) == KIN_OK ? (int64_t)count : 0;
        break;
    case KIN_TYPE_LIST:
        it->value = (int64_t)kin__list_count(family, object);
        break;
    case KIN_TYPE_COUNTER:
        kin_counter_get(object, &it->value);
        break;
    default:
        break;
    }
}

/* ---- sleepers ---- */

static bool read_sleeper(kin_family *family, uint32_t index, kin_seen_sleeper *out)
{
    kin__thread *thread = kin__thread_at(family, index);
    uint64_t lease = atomic_load(&thread->lease);
    uint64_t token = kin__token(lease >> 24, index);
    uint32_t type = 0;
    *out = (kin_seen_sleeper){.thread = index};
    if ((lease & 0xff) != KIN__LIVE || !kin__slot_waits(atomic_load(&thread->state))) {
        return false;
    }
    out->pid = kin__token_pid(family, token);
    if (object_of_word(family, atomic_load(&thread->address), &out->offset, &type)) {
        out->type = (kin_type)type;
        out->deadlocked = type == KIN_TYPE_LOCK && kin__waits_in_cycle(family, token);
    }
    return true;
}

static uint32_t count_sleepers(kin_family *family, uint64_t offset)
{
    kin_seen_sleeper each;
    uint32_t count = 0;
    for (uint32_t i = 0; i < kin__thread_end(family); i++) {
        count += read_sleeper(family, i, &each) && each.type != 0 && each.offset == offset;
    }
    return count;
}

/* ---- all of it ---- */

static void show_family(kin_family *family, const kin_sight *sight)
{
    kin_seen_family it = {.reserve = family->layout.reserve};
    it.committed = kin_os_shm_committed(family->shm, family->base, (size_t)family->layout.reserve);
    memcpy(it.id, family->id.bytes, sizeof it.id);
    memcpy(it.name, family->name, sizeof it.name);
    if (sight->family) {
        sight->family(&it, sight->context);
    }
}

static void show_members(kin_family *family, const kin_sight *sight)
{
    for (uint32_t i = 0; sight->member && i < kin__member_end(family); i++) {
        kin_seen_member it = {0, 0, 0, 0};
        uint64_t state = atomic_load(&kin__member_at(family, i)->state);
        if (KIN__MEMBER_PHASE(state) != KIN__LIVE) {
            continue;
        }
        kin_os_life life = kin__member_life(family, i, state);
        it.pid = KIN__MEMBER_PID(state);
        it.alive = life != KIN_OS_DEAD;
        it.unsure = life == KIN_OS_UNSURE;
        for (uint32_t t = 0; t < kin__thread_end(family); t++) {
            uint64_t lease = atomic_load(&kin__thread_at(family, t)->lease);
            it.threads += (lease & 0xff) == KIN__LIVE && ((lease >> 8) & 0xffff) == i;
        }
        sight->member(&it, sight->context);
    }
}

static void show_object(kin_family *family, const kin_sight *sight, uint64_t offset, uint32_t type)
{
    char name[KIN_NAME_MAX + 1];
    kin_seen_object it = {.type = (kin_type)type, .offset = offset, .held = -1};
    it.name = name_of(family, offset, name);
    it.sleepers = count_sleepers(family, offset);
    look_inside(family, kin__pointer(family, offset), &it);
    if (it.name || it.holders > 0 || it.sleepers > 0) {
        sight->object(&it, sight->context);
    }
}

static void show_objects(kin_family *family, const kin_sight *sight)
{
    uint64_t end = kin_os_shm_committed(family->shm, family->base, (size_t)family->layout.reserve);
    for (uint64_t offset = family->layout.heap_start; sight->object && offset + sizeof(kin__object) <= end;
         offset += 8) {
        uint32_t type = type_at(family, offset);
        if (type != 0) {
            show_object(family, sight, offset, type);
        }
    }
}

static void show_sleepers(kin_family *family, const kin_sight *sight)
{
    kin_seen_sleeper it;
    for (uint32_t i = 0; sight->sleeper && i < kin__thread_end(family); i++) {
        if (read_sleeper(family, i, &it)) {
            sight->sleeper(&it, sight->context);
        }
    }
}

kin_status kin_family_look(kin_family *family, const kin_sight *sight)
{
    if (!sight || sight->size != sizeof *sight) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin__family_resolve(&family, family);
    if (status == KIN_OK) {
        show_family(family, sight);
        show_members(family, sight);
        show_objects(family, sight);
        show_sleepers(family, sight);
    }
    return status;
}

/* ---- all families ---- */

typedef struct tour {
    void (*visit)(kin_family *family, void *context);
    void *context;
    kin_os_id seen[FAMILIES_MAX];
    uint32_t count;
    uint32_t visited;
} tour;

static bool is_new(const kin_os_id *id, void *context)
{
    tour *it = context;
    for (uint32_t i = 0; i < it->count; i++) {
        if (memcmp(&it->seen[i], id, sizeof *id) == 0) {
            return false;
        }
    }
    if (it->count < FAMILIES_MAX) {
        it->seen[it->count++] = *id;
    }
    return it->count < FAMILIES_MAX && !kin__family_by_id(id); /* those of this process come last */
}

static void visit_other(const kin_os_found *found, void *context)
{
    tour *it = context;
    kin_family *family;
    kin_os_id claimed; /* kin__family_adopt looks whether it is found->id */
    kin__family_ticket ticket = {found->id, 0, found->shm, found->pulse, true, NULL};
    if (kin__family_header(found->shm, &claimed, &ticket.reserve) != KIN_OK) {
        kin_os_handle_close(found->shm);
        kin_os_handle_close(found->pulse);
        return;
    }
    if (kin__family_adopt(&family, &ticket) == KIN_OK) {
        it->visited++;
        it->visit(family, it->context);
        kin_family_close(family);
    }
}

kin_status kin_families(void (*visit)(kin_family *family, void *context), void *context, uint32_t *count)
{
    tour it = {.visit = visit, .context = context};
    if (!visit) {
        return KIN_E_ARGUMENT;
    }
    kin_os_discover(is_new, visit_other, &it);
    for (uint32_t i = 0; i < KIN__FAMILIES; i++) {
        kin_family *mine = kin__family_number(i);
        if (mine) {
            it.visited++;
            visit(mine, context);
        }
    }
    if (count) {
        *count = it.visited;
    }
    return KIN_OK;
}
