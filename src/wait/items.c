/* items.c: what is waited for, of kin's own objects. */
#include "wait/items.h"

#include "base/last_error.h"
#include "container/container.h"
#include "container/hash_table.h"
#include "container/list_index.h"
#include "family/thread_slot.h"
#include "park/owner_lock.h"
#include "pool/future.h"
#include "pool/pool.h"
#include "queue/queue.h"
#include "sync/event.h"
#include "sync/sem.h"

typedef uint32_t look_at(kin__look *how, void *object, uint32_t interest);

static void *container_of(const kin_wait_change *change, const kin__kind **kind)
{
    *kind = change->dict ? &kin__dict_kind : &kin__list_kind;
    return change->dict ? (void *)change->dict : (void *)change->list;
}

static uint32_t look_at_change(kin__look *how, void *object, uint32_t interest)
{
    const kin__kind *kind;
    const kin_wait_change *change = object;
    kin__container *it = container_of(change, &kind);
    return kin__container_look(how, it, kind, change->generation, interest);
}

static look_at *look_for(uint32_t type)
{
    switch (type) {
    case KIN_TYPE_LOCK:
        return kin__lock_look;
    case KIN_TYPE_SEM:
        return kin__sem_look;
    case KIN_TYPE_EVENT:
        return kin__event_look;
    case KIN_TYPE_QUEUE:
        return kin__queue_look;
    case KIN_WAIT_FUTURE:
        return kin__future_look;
    case KIN_WAIT_CHANGE:
        return look_at_change;
    default:
        return NULL;
    }
}

/* ---- checking ---- */

static kin_status find_future(kin__items *it, kin__seat **out, const kin_future *future)
{
    kin_status status = kin__pool_check(future->pool);
    it->pools = true;
    return status == KIN_OK ? kin__seat_take(out, future->pool->family) : status;
}

static kin_status find_change(kin__seat **out, const kin_wait_change *change)
{
    const kin__kind *kind;
    const void *container = container_of(change, &kind);
    return !change->dict != !change->list ? kin__container_open(out, container, kind)
                                          : kin__refuse(KIN_E_ARGUMENT, "a change is not of either a dict or a list");
}

static kin_status find_seat(kin__items *it, kin__seat **out, const kin_wait_item *item)
{
    switch (item->type) {
    case KIN_WAIT_FUTURE:
        return find_future(it, out, item->object);
    case KIN_WAIT_CHANGE:
        return find_change(out, item->object);
    default:
        return kin__seat_find(out, item->object, item->type);
    }
}

static kin_status check_object(kin__items *it, const kin_wait_item *item)
{
    kin__seat *seat;
    if (!look_for(item->type) || !item->object) {
        return kin__refuse(KIN_E_ARGUMENT, "an item has an unknown type, or no object");
    }
    kin_status status = find_seat(it, &seat, item);
    if (status == KIN_OK && it->family && seat->family != it->family) {
        return kin__refuse(KIN_E_FAMILY, "the objects of one wait must lie in one family");
    }
    it->family = status == KIN_OK ? seat->family : it->family;
    return status;
}

kin_status kin__items_check(kin__items *it, size_t i)
{
    kin_wait_item *item = &it->list[i];
    bool both = item->type == KIN_TYPE_QUEUE || item->type == KIN_WAIT_HANDLE;
    uint32_t all = both ? KIN_WAIT_READABLE | KIN_WAIT_WRITABLE : KIN_WAIT_READABLE;
    item->ready = 0;
    if (item->interest == 0 || (item->interest & ~all)) {
        return kin__refuse(KIN_E_ARGUMENT, "an item has an interest that its type does not have");
    }
    if (!kin__item_is_native(item)) {
        return check_object(it, item);
    }
    return item->object || item->type == KIN_WAIT_HANDLE ? KIN_OK
                                                         : kin__refuse(KIN_E_ARGUMENT, "an item has no object");
}

kin_status kin__items_sit(kin__items *it)
{
    return it->family ? kin__seat_take(&it->how.seat, it->family) : KIN_OK;
}

/* ---- looking ---- */

void kin__items_look(kin__items *it)
{
    it->objects = 0;
    it->how.owned = it->how.due = false;
    for (size_t i = 0; i < it->count; i++) {
        kin_wait_item *item = &it->list[i];
        look_at *look = look_for(item->type);
        if (look) {
            item->ready = look(&it->how, item->object, item->interest);
            it->objects += item->ready != 0;
        }
    }
}

/* ---- pools ---- */

void kin__items_tend(const kin__items *it, int64_t since)
{
    for (size_t i = 0; it->pools && i < it->count; i++) {
        const kin_future *future = it->list[i].object;
        if (it->list[i].type == KIN_WAIT_FUTURE && !future->ended) {
            kin__pool_tend_since(future->pool, since);
        }
    }
}

void kin__items_tell(const kin__items *it)
{
    for (size_t i = 0; it->pools && i < it->count; i++) {
        const kin_future *future = it->list[i].object;
        if (it->list[i].type == KIN_WAIT_FUTURE && it->list[i].ready && future->work.finished) {
            kin__pool_tell(future->pool);
        }
    }
}
