/* wait.c: waiting for several things at once.
 *
 *     watch the words of all (park.h); arm and look at each; nothing ready: sleep a slice; stop watching; again
 *
 * 1. Each object's own file says whether the object is ready, and which of its words are unparked when it becomes
 *    ready.
 * 2. The waiter begins its wait slot, then sets the flag that makes the object's releaser unpark, then looks. So an
 *    object that becomes ready after the look wakes the waiter.
 * 3. The waiter sleeps for the system's own objects ("natives") and the wait slot's semaphore together (os.h, wait.c).
 *    A native that was ready at the last look does not end the sleep. In a wait for all objects it would end each sleep
 *    at once.
 * 4. Futures are objects, too: the last worker of a job unparks. The waiter looks after their pools meanwhile (pool.h):
 *    before each sleep, and every KIN__POOL_SLICE, even if tests switch slices off.
 */

#include "base/deadline.h"
#include "base/last_error.h"
#include "family/member.h"
#include "family/thread_slot.h"
#include "park/park.h"
#include "park/slices.h"
#include "pipe/pipe.h"
#include "pool/pool.h"
#include "process/process.h"
#include "process/program.h"
#include "wait/items.h"

#include <stdlib.h>

#define FEW 16u
#define NO_HANDLE_STEP KIN_MS(10) /* how often to look at items that have no handle */

typedef struct waiter {
    kin__items items;
    size_t wanted;
    size_t natives;        /* how many of the system's own were ready at the last look */
    kin_os_watch *watches; /* of the native items, in their order, and the interrupt's */
    size_t watch_count;    /* of the items */
    kin__interrupt *by;    /* of the thread, or NULL */
    bool blind;            /* one of them has no handle to watch */
} waiter;

/* ---- one look at all ---- */

static size_t count_ready(const waiter *w)
{
    return w->items.objects + w->natives;
}

/* A process that has ended has no handle any more. */
static kin_status native_handle(kin_os_handle *out, const kin_wait_item *item)
{
    switch (item->type) {
    case KIN_WAIT_PIPE:
        return kin__pipe_watch(item->object, 0, out);
    case KIN_WAIT_PROCESS:
        *out = kin__process_handle(item->object);
        return KIN_OK;
    case KIN_WAIT_PROGRAM:
    case KIN_WAIT_OUTPUT:
    case KIN_WAIT_ERRORS:
        *out = kin__program_watch(item->object, item->type - KIN_WAIT_PROGRAM);
        return KIN_OK;
    default:
        *out = kin_os_handle_from((uint64_t)item->handle);
        return KIN_OK;
    }
}

/* sleeps: leaves out those that were ready at the last look. */
static kin_status list_watches(waiter *w, bool sleeps, bool *any)
{
    size_t next = 0;
    w->blind = *any = false;
    for (size_t i = 0; i < w->items.count; i++) {
        const kin_wait_item *item = &w->items.list[i];
        kin_os_handle handle = KIN_OS_NO_HANDLE;
        bool wanted = !(sleeps && item->ready);
        if (!kin__item_is_native(item)) {
            continue;
        }
        kin_status status = wanted ? native_handle(&handle, item) : KIN_OK;
        if (status != KIN_OK) {
            return status;
        }
        w->watches[next++] = (kin_os_watch){handle, item->interest, 0};
        w->blind |= wanted && handle == KIN_OS_NO_HANDLE;
        *any |= handle != KIN_OS_NO_HANDLE;
    }
    if (sleeps && w->by) {
        w->watches[next] = kin__interrupt_watch(w->by);
        w->blind |= w->watches[next].handle == KIN_OS_NO_HANDLE;
        *any |= w->watches[next].handle != KIN_OS_NO_HANDLE;
    }
    return KIN_OK;
}

/* What the system says of a handle that is kin's own is a hint. */
static uint32_t native_ready(const kin_wait_item *item, const kin_os_watch *watch)
{
    switch (item->type) {
    case KIN_WAIT_PIPE:
        return kin_pipe_poll(item->object, NULL, KIN_NOW) == KIN_E_TIMED_OUT ? 0 : KIN_WAIT_READABLE;
    case KIN_WAIT_PROCESS:
        return kin_process_alive(item->object) ? 0 : KIN_WAIT_READABLE;
    case KIN_WAIT_PROGRAM:
    case KIN_WAIT_OUTPUT:
    case KIN_WAIT_ERRORS:
        return kin__program_is_ready(item->object, item->type - KIN_WAIT_PROGRAM) ? KIN_WAIT_READABLE : 0;
    default:
        return watch->ready;
    }
}

static void take_answers(waiter *w)
{
    size_t next = 0;
    w->natives = 0;
    for (size_t i = 0; i < w->items.count; i++) {
        kin_wait_item *item = &w->items.list[i];
        if (kin__item_is_native(item)) {
            item->ready = native_ready(item, &w->watches[next++]);
            w->natives += item->ready != 0;
        }
    }
}

typedef struct own_bell { /* see os.h; number 0: there is none */
    kin_os_bell os;
    uint32_t number;
} own_bell;

static const own_bell none = {KIN_OS_NO_BELL, 0};

/* Looks at the natives, sleeping for them, and for the wait slot if there is one, until end; 0: does not sleep. */
static kin_status watch_natives(waiter *w, const own_bell *bell, int64_t end)
{
    bool any;
    kin_status status = list_watches(w, end > 0, &any);
    if (status != KIN_OK) {
        return status;
    }
    status = KIN_E_TIMED_OUT;
    kin_os_sem sem = w->items.family && w->items.how.seat->has_sem && end > 0 ? w->items.how.seat->sem : KIN_OS_NO_SEM;
    if (w->blind && end > 0) {
        end = kin__slice_end(kin_os_now(), NO_HANDLE_STEP, end);
    }
    if (any || sem != KIN_OS_NO_SEM) {
        size_t count = w->watch_count + (end > 0 && w->by);
        status = kin_os_watch_any(w->watches, count, sem, &bell->os, end);
    } else if (end > 0) {
        kin_os_sleep_until(end);
    }
    if (status == KIN_OK || status == KIN_E_TIMED_OUT) {
        take_answers(w);
        status = KIN_OK;
    }
    return status;
}

/* Sleeps for the natives, unless the thread was interrupted. */
static kin_status sleep_for_natives(waiter *w, const own_bell *bell, int64_t end)
{
    bool sleeps = kin__interrupt_sleeps(w->by, KIN__SLEEPS_BY_ALARM, KIN_OS_NO_SEM);
    kin_status status = watch_natives(w, bell, sleeps ? end : 0);
    kin__interrupt_awake(w->by);
    return status;
}

static kin_status look_at_all(waiter *w)
{
    kin_status status = kin__items_sit(&w->items);
    if (status == KIN_OK) {
        kin__items_look(&w->items);
    }
    return status == KIN_OK && w->watch_count > 0 ? watch_natives(w, &none, 0) : status;
}

/* ---- sleeping ---- */

/* At a slice's end, before the watch ends: nobody woke the thread, and more objects are ready than before, or a pool's
 * worker has left. */
static void count_forgotten(waiter *w, size_t objects, size_t natives)
{
    static _Atomic uint64_t nothing; /* there is no one word that shows what others do */
    if (w->natives <= natives && kin__slot_waits(atomic_load(&w->items.how.seat->thread->state))) {
        kin__items_look(&w->items);
        if (w->items.objects > objects || w->items.how.due) {
            kin__slices_forgotten(w->items.how.seat, &nothing);
        }
    }
}

static kin_status sleep_a_slice(waiter *w, const own_bell *bell, int64_t end)
{
    kin_status status = kin__items_sit(&w->items);
    if (!w->items.family || status != KIN_OK) {
        return status == KIN_OK ? sleep_for_natives(w, bell, end) : status;
    }
    kin__watch_begin(w->items.how.seat, w->items.how.buckets, bell->number);
    w->items.how.arm = true;
    kin__items_look(&w->items);
    w->items.how.arm = false;
    size_t objects = w->items.objects, natives = w->natives;
    bool sleeps = count_ready(w) < w->wanted && !w->items.how.due;
    if (sleeps && w->watch_count == 0) {
        kin__park_sleep_by(w->items.how.seat, w->by, end);
    } else if (sleeps) {
        status = sleep_for_natives(w, bell, end);
    }
    if (kin__items_sit(&w->items) == KIN_OK) {
        if (sleeps) {
            count_forgotten(w, objects, natives);
        }
        kin__watch_end(w->items.how.seat, w->items.how.buckets);
    }
    return status;
}

/* Without a bell, nothing wakes a thread that sleeps for natives and objects but the end of its slice. */
static int64_t slice_end(const waiter *w, const own_bell *bell, int64_t length, int64_t deadline)
{
    int64_t now = kin_os_now();
    int64_t end = w->watch_count > 0 && bell->number == 0 ? kin__slice_end(now, length, deadline)
                                                          : kin__slices_end(now, length, deadline);
    return w->items.pools ? kin__slice_end(now, KIN__POOL_SLICE, end) : end;
}

static kin_status wait_until(waiter *w, const own_bell *bell, int64_t deadline)
{
    int64_t slice = KIN__SLICE_OWNER, now = kin_os_now();
    for (;;) {
        kin__items_tend(&w->items, now >= deadline ? now : now - KIN__POOL_SLICE);
        w->items.how.ask = w->items.how.prepare = true;
        kin_status status = look_at_all(w);
        w->items.how.prepare = false;
        bool due = w->items.how.due;
        now = kin_os_now();
        if (status == KIN_OK && count_ready(w) < w->wanted && w->items.family) {
            status = kin__member_check(w->items.family);
        }
        if (status != KIN_OK || count_ready(w) >= w->wanted) {
            return status;
        }
        if (now >= deadline) {
            return KIN_E_TIMED_OUT;
        }
        if (kin__interrupt_pending(w->by)) {
            return kin__interrupt_tell(w->by);
        }
        w->items.how.ask = false;
        if (due) {
            continue;
        }
        status = sleep_a_slice(w, bell, slice_end(w, bell, slice, deadline));
        if (status != KIN_OK || count_ready(w) >= w->wanted) {
            return status;
        }
        now = kin_os_now();
        slice = w->items.how.owned ? KIN__SLICE_OWNER : slice * 2 < KIN__SLICE_MAX ? slice * 2 : KIN__SLICE_MAX;
    }
}

static kin_status wait_with_bell(waiter *w, int64_t timeout)
{
    own_bell own = none;
    if (timeout == KIN_NOW) {
        kin__items_tend(&w->items, kin_os_now() - KIN__POOL_SLICE);
    }
    w->items.how.ask = true;
    kin_status status = look_at_all(w);
    if (status != KIN_OK || count_ready(w) >= w->wanted || timeout == KIN_NOW) {
        return status == KIN_OK && count_ready(w) < w->wanted ? KIN_E_TIMED_OUT : status;
    }
    int64_t deadline = kin__deadline(timeout);
    if (w->items.family && w->watch_count > 0 && kin__items_sit(&w->items) == KIN_OK) {
        /* If that fails, there is none, and only the end of a slice wakes it. */
        kin_os_bell_open(&own.os, &own.number, &w->items.family->id, kin__token_index(w->items.how.seat->token));
    }
    status = wait_until(w, &own, deadline);
    kin_os_bell_close(&own.os);
    return status;
}

kin_status kin_wait(kin_wait_item *items, size_t count, uint32_t flags, int64_t timeout, size_t *ready)
{
    kin_os_watch few[FEW + 1];
    waiter w = {.items = {.list = items, .count = count}, .wanted = flags & KIN_WAIT_ALL ? count : 1, .watches = few};
    if (!items || count == 0 || timeout < 0 || (flags & ~KIN_WAIT_ALL)) {
        return kin__refuse(KIN_E_ARGUMENT, "items is NULL, or count is 0, or timeout is negative (KIN_FOREVER waits "
                                           "without limit), or flags has unknown bits");
    }
    kin_status status = KIN_OK;
    for (size_t i = 0; i < count && status == KIN_OK; i++) {
        status = kin__items_check(&w.items, i);
        w.watch_count += kin__item_is_native(&items[i]);
    }
    w.by = kin__interrupt_mine();
    if (status == KIN_OK && w.watch_count > FEW) {
        w.watches = calloc(w.watch_count + 1, sizeof *w.watches);
        status = w.watches ? KIN_OK : kin__malloc_failed();
    }
    if (status == KIN_OK) {
        status = wait_with_bell(&w, timeout);
    }
    if (w.watches != few) {
        free(w.watches);
    }
    if (status == KIN_OK) {
        kin__items_tell(&w.items);
    }
    if (status == KIN_OK && ready) {
        *ready = count_ready(&w);
    }
    return kin__told(status);
}
