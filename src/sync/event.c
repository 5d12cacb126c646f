/* event.c: a flag that threads wait for.
 *
 * The word: epoch (62 bits) | WAITERS | SET
 *
 *     from              to              by                           then
 *     e, e|WAITERS      e+1|SET         set                          unpark all, if WAITERS
 *     e|SET             e|SET           set
 *     e|SET             e               clear
 *     e                 e|WAITERS       a waiter, before it sleeps   park
 *
 * Each change is one compare-and-swap. It is sequentially consistent, as park.c needs it.
 *
 * 1. A waiter notes the epoch first. If it finds another one later, the event was set meanwhile, even if it is clear
 *    again.
 * 2. If a thread dies before the compare-and-swap of set, nothing has happened. If it dies between that and the unpark,
 *    the sleepers see the epoch at the ends of their slices.
 * 3. Setting a set event is a compare-and-swap, too. A load would not be enough: a thread that clears the event, and
 *    then looks for what was written before the set, must see it, or find the event set again.
 */
#include "sync/event.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "base/spin.h"
#include "family/member.h"
#include "family/reap.h"
#include "family/thread_slot.h"
#include "kin/event.h"
#include "kin/memory.h"
#include "memory/object.h"
#include "park/look.h"
#include "park/slices.h"

#define SET UINT64_C(1)
#define WAITERS UINT64_C(2)
#define EPOCH(word) ((word) >> 2)

_Static_assert(sizeof(kin__event) == sizeof(kin_event), "kin_event is kin__event's outside");

static kin__event *inside(const kin_event *event)
{
    return (kin__event *)(uintptr_t)event;
}

kin_status kin_event_init(kin_event *event)
{
    kin_status status = kin__object_check_place(event, sizeof *event);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    atomic_store_explicit(&inside(event)->word, 0, memory_order_relaxed);
    atomic_store_explicit(&inside(event)->spin, 0, memory_order_relaxed);
    kin__object_init(&inside(event)->object, KIN_TYPE_EVENT, 0);
    return KIN_OK;
}

kin_status kin_event_fini(kin_event *event)
{
    return kin__told(kin__object_fini(event, KIN_TYPE_EVENT));
}

kin_status kin_event_create(kin_event **out, kin_family *family)
{
    void *memory;
    if (!out) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    }
    kin_status status = kin_alloc(&memory, family, sizeof **out);
    if (status == KIN_OK) {
        *out = memory;
        status = kin_event_init(*out);
    }
    return kin__told(status);
}

kin_status kin_event_destroy(kin_event *event)
{
    return kin__told(kin__object_destroy(event, KIN_TYPE_EVENT));
}

kin_status kin_event_set(kin_event *event)
{
    kin__seat *seat;
    if (!event) {
        return kin__refuse(KIN_E_ARGUMENT, "event is NULL");
    }
    kin_status status = kin__seat_find(&seat, event, KIN_TYPE_EVENT);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    uint64_t next, word = atomic_load(&inside(event)->word);
    do {
        next = word & SET ? word : (EPOCH(word) + 1) << 2 | SET;
    } while (!atomic_compare_exchange_weak(&inside(event)->word, &word, next));
    if (word & WAITERS) {
        kin__unpark(seat->family, &inside(event)->word, KIN__ALL);
    }
    return KIN_OK;
}

kin_status kin_event_clear(kin_event *event)
{
    kin_status status = kin__object_check_to_change(event, KIN_TYPE_EVENT);
    if (status == KIN_OK) {
        atomic_fetch_and(&inside(event)->word, ~SET);
    }
    return kin__told(status);
}

kin_status kin_event_is_set(const kin_event *event, int *set)
{
    if (!set) {
        return kin__refuse(KIN_E_ARGUMENT, "set is NULL");
    }
    kin_status status = kin__object_check(event, KIN_TYPE_EVENT);
    if (status == KIN_OK) {
        *set = (atomic_load(&inside(event)->word) & SET) != 0;
    }
    return kin__told(status);
}

/* Whether it has been set since it was `since`. */
static bool was_set(uint64_t word, uint64_t since, uint32_t want)
{
    (void)want;
    return (word & SET) || EPOCH(word) != EPOCH(since);
}

static kin_status wait_until(kin__seat *seat, kin__event *event, uint64_t first, kin__slices *slices)
{
    kin__parked parked = KIN__CHANGED;
    kin__spin(&event->word, first, &event->spin);
    for (;;) {
        uint64_t word = atomic_load(&event->word);
        if (was_set(word, first, 1)) {
            if (parked == KIN__TIMED_OUT) {
                kin__unpark(seat->family, &event->word, KIN__ALL); /* the setter may be dead */
            }
            return KIN_OK;
        }
        if (parked == KIN__TIMED_OUT) {
            kin_status status = kin_os_now() >= slices->deadline ? KIN_E_TIMED_OUT : kin__member_check(seat->family);
            if (status != KIN_OK) {
                return status;
            }
        }
        if ((word & WAITERS) || atomic_compare_exchange_strong(&event->word, &word, word | WAITERS)) {
            parked = kin__slices_park(seat, slices, &event->word, word | WAITERS, 1, was_set);
        }
    }
}

uint32_t kin__event_look(kin__look *how, void *object, uint32_t interest)
{
    kin__event *event = object;
    uint64_t word = atomic_load(&event->word);
    how->buckets |= kin__watch_bucket(how->seat->family, &event->word);
    while (how->arm && !(word & (SET | WAITERS))) {
        if (atomic_compare_exchange_weak(&event->word, &word, word | WAITERS)) {
            word |= WAITERS;
        }
    }
    return word & SET ? interest : 0;
}

kin_status kin_event_wait(kin_event *event, int64_t timeout)
{
    kin__seat *seat;
    if (!event || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "event is NULL, or timeout is negative");
    }
    kin_status status = kin__seat_find(&seat, event, KIN_TYPE_EVENT);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    uint64_t word = atomic_load(&inside(event)->word);
    if (word & SET) {
        return KIN_OK;
    }
    if (timeout == KIN_NOW) {
        return kin__told(KIN_E_TIMED_OUT);
    }
    kin__slices slices = kin__slices_interruptible(seat, kin__deadline(timeout), false);
    status = kin__slices_status(&slices, wait_until(seat, inside(event), word, &slices));
    if (slices.dead) {
        kin__reap_all(seat->family);
    }
    return kin__told(status);
}
