/* inspect.c: inspecting a family from outside.
 *
 * 1. Objects are found by their tags. The first word of each object is its type and its own offset. No other word has
 *    this value, except on purpose. So a walk over the heap, word by word, finds all objects, also inside the structs
 *    of users.
 * 2. Inner parts that are objects of their own (the locks of a queue) are shown, too, while they are held or waited
 *    for.
 * 3. Other processes change the memory meanwhile, and may have written garbage. So every number is checked before it is
 *    used as an offset or a length, and the result of a check is valid for one look.
 * 4. The memory's contents must not make a look expensive. Names, sleepers and whether members live are found out once
 *    for each look, so its time is in proportion to the size of the memory.
 * 5. Memory that the system has not given to the family yet is not touched, since a touch would allocate it.
 */
#include "kin/inspect.h"

#include "base/last_error.h"
#include "base/sized.h"
#include "container/container.h"
#include "container/cursor.h"
#include "container/list.h"
#include "family/adopt.h"
#include "family/create.h"
#include "family/input.h"
#include "family/member.h"
#include "kin/counter.h"
#include "kin/sem.h"
#include "memory/object.h"
#include "memory/spans.h"
#include "park/deadlock.h"
#include "park/owner_lock.h"
#include "park/park.h"
#include "park/read_holds.h"
#include "queue/ring.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FAMILIES_MAX 64u
#define PERMITS_MAX (1u << 24) /* of leased semaphores, looked at in one look */

/* ---- what is found out once for a look ---- */

typedef struct named {
    uint64_t offset; /* of the object */
    size_t text;     /* where its name begins in `texts` */
} named;

typedef struct findings {
    kin_family *family;
    const kin_inspector *sight;
    kin_waiter_info *sleepers; /* [thread_end], those that there are; by_object: their objects' offsets, sorted */
    uint64_t *by_object;
    uint32_t sleeper_count, object_count;
    named *names; /* [name_count], sorted */
    char *texts;  /* all names, each with its 0 */
    size_t name_count, name_room, text_size, text_room;
    uint32_t threads[KIN__MEMBERS_MAX];
    uint8_t lives[KIN__MEMBERS_MAX]; /* 0: not asked yet */
    uint32_t permits;                /* that may still be looked at */
} findings;

enum { LIVES = 1, DEAD = 2 };

/* Asks the system once for each member. ask: about a token of it, one of a thread or of the member. */
static int is_alive(findings *it, uint32_t member, uint64_t token, bool (*ask)(kin_family *family, uint64_t token))
{
    if (member >= it->family->layout.max_members) {
        return 0;
    }
    if (it->lives[member] == 0) {
        it->lives[member] = ask(it->family, token) ? LIVES : DEAD;
    }
    return it->lives[member] == LIVES;
}

static int compare_offsets(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b; /* each struct here begins with it */
    return left < right ? -1 : left > right;
}

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

/* The type of the object that begins at offset, 0 if none does that lies in the arena whole. */
static uint32_t type_at(kin_family *family, uint64_t offset)
{
    const kin__object *object = kin__at(family, offset, sizeof *object, 8);
    uint64_t tag = object ? atomic_load_explicit(&((kin__object *)(uintptr_t)object)->tag, memory_order_relaxed) : 0;
    uint32_t type = KIN__TAG_TYPE(tag);
    bool whole = KIN__TAG_OFFSET(tag) == offset && reach_of(type) > 0 && kin__object_at(family, offset, type) != NULL;
    return whole ? type : 0;
}

/* The object, nearest before it, that the word at offset belongs to. */
static bool object_of_word(kin_family *family, uint64_t word, uint64_t *offset, uint32_t *type)
{
    uint64_t furthest = reach_of(KIN_TYPE_QUEUE);
    if (word % 8 != 0 || !kin__family_covers(family, word, 8) || kin__lies_in_unused(family, word)) {
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

static const char *name_of(const findings *it, uint64_t offset)
{
    const named *found =
        it->name_count > 0 ? bsearch(&offset, it->names, it->name_count, sizeof it->names[0], compare_offsets) : NULL;
    return found ? it->texts + found->text : NULL;
}

static void add_holder(findings *all, kin_object_info *it, uint64_t token)
{
    if (token != 0 && it->holders++ == 0) {
        it->holder = kin__token_pid(all->family, token);
        if (it->holder != 0) {
            uint64_t lease = atomic_load(&kin__thread_at(all->family, kin__token_index(token))->lease);
            it->holder_alive = is_alive(all, kin__lease_member(lease), token, kin__token_alive);
        }
    }
}

typedef struct holders {
    findings *all;
    kin_object_info *it;
} holders;

static void add_rwlock_holder(uint64_t token, void *context)
{
    const holders *to = context;
    add_holder(to->all, to->it, token);
}

static void look_at_lease(findings *all, kin__lease *lease, kin_object_info *it)
{
    uint32_t permits = atomic_load(&lease->sem.object.detail) & ~KIN__LEASED;
    uint64_t offset = kin__offset(all->family, lease);
    if (permits > KIN_SEM_LEASE_MAX || permits > all->permits ||
        !kin__family_covers(all->family, offset, sizeof *lease + (uint64_t)permits * sizeof lease->holders[0])) {
        return;
    }
    all->permits -= permits;
    for (uint32_t i = 0; i < permits; i++) {
        uint64_t token = atomic_load(&lease->holders[i]);
        if (token == 0) {
            it->value++;
        } else if (it->holders++ == 0) {
            it->holder = kin__member_token_pid(token);
            it->holder_alive = kin__member_token_listed(all->family, token) &&
                               is_alive(all, kin__member_token_index(token), token, kin__member_token_alive);
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
static void look_inside(findings *all, void *object, kin_object_info *it)
{
    kin_family *family = all->family;
    switch ((uint32_t)it->type) {
    case KIN_TYPE_LOCK:
        add_holder(all, it, kin__lock_owner(object, &it->held));
        break;
    case KIN_TYPE_RWLOCK:
        kin__rwlock_holders(family, object, add_rwlock_holder, &(holders){all, it});
        break;
    case KIN_TYPE_SEM:
        if (atomic_load(&((kin__sem *)object)->object.detail) & KIN__LEASED) {
            look_at_lease(all, object, it);
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
        it->value = (int64_t)atomic_load_explicit(&((kin__container *)object)->count, memory_order_relaxed);
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

static bool read_sleeper(kin_family *family, uint32_t index, kin_waiter_info *out)
{
    kin__thread *thread = kin__thread_at(family, index);
    uint64_t lease = atomic_load(&thread->lease);
    uint64_t token = kin__token(lease >> 24, index);
    uint32_t type = 0;
    *out = (kin_waiter_info){.thread = index};
    if ((lease & 0xff) != KIN__LIVE || !kin__slot_waits(atomic_load(&thread->state))) {
        return false;
    }
    out->pid = kin__token_pid(family, token);
    if (object_of_word(family, atomic_load(&thread->address), &out->offset, &type)) {
        out->type = (kin_type)type;
        out->deadlocked = kin__waits_in_cycle(family, token);
    }
    return true;
}

static uint32_t count_sleepers(const findings *it, uint64_t offset)
{
    const uint64_t *found = bsearch(&offset, it->by_object, it->object_count, sizeof offset, compare_offsets);
    const uint64_t *end = it->by_object + it->object_count, *first = found;
    if (!found) {
        return 0;
    }
    while (first > it->by_object && first[-1] == offset) {
        first--;
    }
    while (found < end && *found == offset) {
        found++;
    }
    return (uint32_t)(found - first);
}

/* ---- finding out ---- */

/* The elements, with room for `more` behind the first `count`. NULL: there is no memory, and they stay as they are. */
static void *with_room(void *elements, size_t *room, size_t count, size_t more, size_t size)
{
    if (count + more <= *room) {
        return elements;
    }
    size_t larger = 2 * (count + more);
    void *made = larger <= SIZE_MAX / size ? realloc(elements, larger * size) : NULL;
    if (made) {
        *room = larger;
    }
    return made;
}

static bool add_name(findings *it, const kin__copy *entry)
{
    kin_ref ref;
    size_t length = entry->key_size;
    if (length > KIN_NAME_MAX || entry->value_size != sizeof ref) {
        return true; /* no name */
    }
    void *names = with_room(it->names, &it->name_room, it->name_count, 1, sizeof *it->names);
    it->names = names ? names : it->names;
    void *texts = with_room(it->texts, &it->text_room, it->text_size, length + 1, 1);
    it->texts = texts ? texts : it->texts;
    if (!names || !texts) {
        return false;
    }
    memcpy(&ref, kin__copy_value(entry), sizeof ref);
    it->names[it->name_count++] = (named){KIN__TAG_OFFSET(ref.opaque[0]), it->text_size};
    memcpy(it->texts + it->text_size, entry->bytes, length);
    it->texts[it->text_size + length] = '\0';
    it->text_size += length + 1;
    return true;
}

/* Without the lock. Of names that change all the time, or are damaged, those that were read before that. The same entry
 * may be named again and again by damaged words: no more is kept than the arena can have. */
static bool read_names(findings *it)
{
    kin__cursor cursor;
    uint64_t most = kin__family_end(it->family);
    bool enough = kin__cursor_open(&cursor, it->family, kin__names_of(it->family)) == KIN_OK;
    while (enough && it->text_size < most && kin__cursor_next(&cursor, NULL) == KIN_OK) {
        enough = add_name(it, &cursor.entry);
    }
    kin__cursor_close(&cursor);
    if (it->name_count > 0) {
        qsort(it->names, it->name_count, sizeof it->names[0], compare_offsets);
    }
    return enough;
}

static void read_threads(findings *it, uint32_t end)
{
    for (uint32_t i = 0; i < end; i++) {
        kin_waiter_info *sleeper = &it->sleepers[it->sleeper_count];
        uint64_t lease = atomic_load(&kin__thread_at(it->family, i)->lease);
        uint32_t member = kin__lease_member(lease);
        if (kin__lease_live(lease) && member < KIN__MEMBERS_MAX) {
            it->threads[member]++;
        }
        if (read_sleeper(it->family, i, sleeper)) {
            it->sleeper_count++;
            if (sleeper->type != 0) {
                it->by_object[it->object_count++] = sleeper->offset;
            }
        }
    }
    qsort(it->by_object, it->object_count, sizeof it->by_object[0], compare_offsets);
}

static void forget(findings *it)
{
    if (it) {
        free(it->sleepers);
        free(it->by_object);
        free(it->names);
        free(it->texts);
        free(it);
    }
}

static kin_status find_out(findings **out, kin_family *family, const kin_inspector *sight)
{
    uint32_t end = kin__thread_end(family);
    findings *it = calloc(1, sizeof *it);
    if (it) {
        it->sleepers = calloc(end + 1, sizeof *it->sleepers);
        it->by_object = calloc(end + 1, sizeof *it->by_object);
    }
    if (!it || !it->sleepers || !it->by_object) {
        forget(it);
        return kin__malloc_failed();
    }
    it->family = family;
    it->sight = sight;
    it->permits = PERMITS_MAX;
    if (!read_names(it)) {
        forget(it);
        return kin__malloc_failed();
    }
    read_threads(it, end);
    *out = it;
    return KIN_OK;
}

/* ---- all of it ---- */

static void show_family(kin_family *family, const kin_inspector *sight)
{
    kin_family_view it = {.reserve = family->layout.reserve};
    it.committed = kin__family_committed(family);
    memcpy(it.id, family->id.bytes, sizeof it.id);
    memcpy(it.name, family->name, sizeof it.name);
    if (sight->family) {
        sight->family(&it, sight->context);
    }
}

static void show_members(findings *all)
{
    const kin_inspector *sight = all->sight;
    for (uint32_t i = 0; sight->member && i < kin__member_end(all->family); i++) {
        kin_member_info it = {0, all->threads[i], 0, 0};
        uint64_t state = atomic_load(&kin__member_at(all->family, i)->state);
        if (KIN__MEMBER_PHASE(state) != KIN__LIVE) {
            continue;
        }
        kin_os_life life = kin__member_life(all->family, i, state);
        all->lives[i] = life == KIN_OS_DEAD ? DEAD : LIVES;
        it.pid = KIN__MEMBER_PID(state);
        it.alive = life != KIN_OS_DEAD;
        it.unsure = life == KIN_OS_UNSURE;
        sight->member(&it, sight->context);
    }
}

static void show_object(findings *all, uint64_t offset, uint32_t type)
{
    void *object = kin__object_at(all->family, offset, type);
    kin_object_info it = {.type = (kin_type)type, .offset = offset, .held = -1};
    if (!object) {
        return; /* it was there a moment ago */
    }
    it.name = name_of(all, offset);
    it.sleepers = count_sleepers(all, offset);
    look_inside(all, object, &it);
    if (it.name || it.holders > 0 || it.sleepers > 0) {
        all->sight->object(&it, all->sight->context);
    }
}

static void show_objects_in(findings *all, uint64_t start, uint64_t end)
{
    for (uint64_t offset = start; offset < end; offset += 8) {
        uint32_t type = type_at(all->family, offset);
        if (type != 0) {
            show_object(all, offset, type);
        }
    }
}

/* In the part of a span that lies in [from, to). */
static void show_objects_of_span(findings *all, uint32_t index, uint64_t from, uint64_t to)
{
    uint64_t start = kin__span_offset(all->family, index), end = start + KIN__SPAN_SIZE;
    if (!kin__lies_in_unused(all->family, start)) {
        show_objects_in(all, from > start ? from : start, to < end ? to : end);
    }
}

/* Only where the system has given memory: looking at the rest would allocate it. An object begins on a page that was
 * written to, so none is missed. Unused spans are passed over. */
static void show_objects(findings *all)
{
    kin_family *family = all->family;
    size_t end = (size_t)kin__span_offset(family, kin__spans_used(family)), to = end;
    for (size_t from = (size_t)family->layout.heap_start;
         all->sight->object && kin_os_shm_backed(family->shm, family->base, &from, &to); from = to, to = end) {
        for (uint32_t i = kin__span_of(family, from); i <= kin__span_of(family, to - 1); i++) {
            show_objects_of_span(all, i, from, to);
        }
    }
}

static void show_sleepers(const findings *all)
{
    for (uint32_t i = 0; all->sight->sleeper && i < all->sleeper_count; i++) {
        all->sight->sleeper(&all->sleepers[i], all->sight->context);
    }
}

kin_status kin_family_inspect_all(kin_family *family, const kin_inspector *inspector)
{
    findings *all;
    kin_inspector own;
    kin_status status = inspector ? kin__options_read(&own, sizeof own, inspector, "KIN_INSPECTOR_INIT")
                                  : kin__refuse(KIN_E_ARGUMENT, "inspector is NULL");
    if (status == KIN_OK) {
        status = kin__family_resolve(&family, family);
    }
    if (status == KIN_OK) {
        status = find_out(&all, family, &own);
    }
    if (status == KIN_OK) {
        show_family(family, &own);
        show_members(all);
        show_objects(all);
        show_sleepers(all);
        forget(all);
    }
    return kin__told(status);
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
    kin__family_ticket ticket = {.id = found->id, .shm = found->shm, .pulse = found->pulse, .stranger = true};
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

kin_status kin_family_list(void (*visit)(kin_family *family, void *context), void *context, uint32_t *count)
{
    tour it = {.visit = visit, .context = context};
    if (!visit) {
        return kin__refuse(KIN_E_ARGUMENT, "visit is NULL");
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
