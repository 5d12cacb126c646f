/* watch.c: a handle that becomes ready when one of several objects does.
 *
 * A watch has a thread slot of its own, with which no thread sleeps. From create to destroy the slot is a watcher
 * (park.h) of all the objects' words, with a bell that others ring. On Windows the handle is the slot's semaphore; on
 * POSIX it is the bell.
 *
 *     WAIT ──an unpark of one of the words──► WOKEN, then a post and a ring ──check──► WAIT
 *
 *     check:
 *     1. prepare (look.h) with the calling thread's own slot, since that may sleep for a lock
 *     2. quiet the handle: take the rings and posts that there are
 *     3. the slot is WAIT again
 *     4. arm, and look at each object
 *     5. something is ready: post the own slot, so that the handle is ready and the event loop comes back
 *
 * 3 and 4 are the order of every sleeper: what becomes ready after the look of 4 finds the slot WAIT. A waker marks the
 * slot before it rings. So a ring that 2 takes belongs to a mark before 3, and what was ready then is seen by 4; a ring
 * of a mark after 3 comes after 2 and stays. A ring that is late, of a mark before 3, is for nothing.
 *
 * If the process is killed, its slot is reaped like a thread's, and the system closes the bell.
 */
#include "kin/watch.h"

#include "base/last_error.h"
#include "family/member.h"
#include "family/thread_slot.h"
#include "park/park.h"
#include "park/post.h"
#include "pool/pool.h"
#include "wait/items.h"

#include <stdlib.h>

#define PATIENCE KIN_MS(90) /* how long to try to prepare; a look takes 10 ms if a dict's lock is held */

struct kin_watch {
    kin__items items;
    kin_family *family;
    uint64_t member; /* the token of the process that created the watch: a forked child has another */
    kin__seat seat;  /* its own */
    kin_os_bell bell;
    uint32_t number; /* of the bell */
};

static kin_status check_items(kin_watch *watch)
{
    kin__items *items = &watch->items;
    kin_status status = KIN_OK;
    items->family = NULL;
    items->pools = false;
    for (size_t i = 0; i < items->count && status == KIN_OK; i++) {
        status = kin__item_is_native(&items->list[i])
                     ? kin__refuse(KIN_E_UNSUPPORTED, "an item is the system's own: the event loop watches that itself")
                     : kin__items_check(items, i);
    }
    return status;
}

/* Without the slot. *due: not all could be prepared. */
static kin_status look_and_prepare(kin__items *items, bool *due)
{
    int64_t end = kin_os_now() + PATIENCE;
    kin_status status;
    do {
        kin__items_tend(items, kin_os_now() - KIN__POOL_SLICE);
        status = kin__items_sit(items);
        if (status == KIN_OK) {
            items->how.ask = items->how.prepare = true;
            kin__items_look(items);
            items->how.ask = items->how.prepare = false;
        }
        *due = status == KIN_OK && items->how.due;
    } while (*due && kin_os_now() < end);
    return status;
}

static kin_os_handle handle_of(const kin_watch *watch)
{
    return kin_os_bell_handle(&watch->bell, watch->seat.has_sem ? watch->seat.sem : KIN_OS_NO_SEM);
}

/* due: the handle is to be ready in any case, so that the next look comes soon. */
static kin_status arm_and_look(kin_watch *watch, bool due)
{
    kin__items *items = &watch->items;
    kin_os_bell_quiet(&watch->bell, watch->seat.sem);
    kin__park_renew(&watch->seat);
    items->how.arm = true;
    kin__items_look(items);
    items->how.arm = false;
    if (items->objects > 0 || items->how.due || due) {
        kin__post(watch->family, kin__token_index(watch->seat.token));
    }
    kin__items_tell(items);
    return items->objects > 0 ? KIN_OK : KIN_E_TIMED_OUT;
}

static kin_status begin(kin_watch *watch)
{
    kin_status status = kin__seat_take_extra(&watch->seat, watch->family);
    if (status != KIN_OK) {
        return status;
    }
    status = kin_os_bell_open(&watch->bell, &watch->number, &watch->family->id, kin__token_index(watch->seat.token));
    if (status != KIN_OK) {
        kin__seat_leave_extra(&watch->seat);
        return status;
    }
    kin__watch_begin(&watch->seat, watch->items.how.buckets, watch->number);
    atomic_fetch_add(&watch->family->uses, 1);
    return KIN_OK;
}

static void end(kin_watch *watch)
{
    kin__watch_end(&watch->seat, watch->items.how.buckets);
    kin_os_bell_close(&watch->bell);
    kin__seat_leave_extra(&watch->seat);
}

static kin_status create(kin_watch *watch, bool *due)
{
    kin_status status = check_items(watch);
    if (status == KIN_OK) {
        status = look_and_prepare(&watch->items, due);
    }
    if (status != KIN_OK) {
        return status;
    }
    watch->family = watch->items.family;
    watch->member = kin__member_token(watch->family);
    status = begin(watch);
    if (status == KIN_OK && handle_of(watch) == KIN_OS_NO_HANDLE) {
        end(watch);
        atomic_fetch_sub(&watch->family->uses, 1);
        status = KIN_E_UNSUPPORTED;
    }
    return status;
}

kin_status kin_watch_create(kin_watch **out, kin_wait_item *items, size_t count)
{
    static const kin_os_bell none = KIN_OS_NO_BELL;
    if (!out || !items || count == 0) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL, or items is NULL, or count is 0");
    }
    kin_watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        return kin__malloc_failed();
    }
    watch->items.list = items;
    watch->items.count = count;
    watch->bell = none;
    bool due = false;
    kin_status status = create(watch, &due);
    if (status != KIN_OK) {
        free(watch);
        return kin__told(status);
    }
    arm_and_look(watch, due);
    *out = watch;
    return KIN_OK;
}

kin_handle kin_watch_handle(const kin_watch *watch)
{
    return watch ? (kin_handle)kin_os_handle_value(handle_of(watch)) : KIN_NO_HANDLE;
}

static bool is_own(const kin_watch *watch)
{
    return kin__member_token(watch->family) == watch->member;
}

kin_status kin_watch_check(kin_watch *watch, size_t *ready)
{
    if (!watch) {
        return kin__refuse(KIN_E_ARGUMENT, "watch is NULL");
    }
    if (!is_own(watch)) {
        return kin__refuse(KIN_E_NOT_OWNER, "the watch belongs to the process that created it");
    }
    if (handle_of(watch) == KIN_OS_NO_HANDLE) {
        return kin__refuse(KIN_E_HANDLE, "the program has closed the descriptor of the watch");
    }
    bool due = false;
    kin_status status = check_items(watch);
    if (status == KIN_OK) {
        status = kin__member_check(watch->family);
    }
    if (status == KIN_OK) {
        status = look_and_prepare(&watch->items, &due);
    }
    if (status == KIN_OK) {
        status = arm_and_look(watch, due);
    }
    if (status == KIN_OK && ready) {
        *ready = watch->items.objects;
    }
    return kin__told(status);
}

void kin_watch_destroy(kin_watch *watch)
{
    if (!watch) {
        return;
    }
    int before = kin_os_error();
    if (is_own(watch)) {
        end(watch);
    }
    kin_family_close(watch->family);
    free(watch);
    kin_os_error_set(before);
}
