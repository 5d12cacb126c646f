/* barrier.c: threads that wait for each other.
 *
 * The word: generation (32 bits) | RESET | BROKEN | count of those that have come (30).
 *
 *     g, n    ──come──► g, n+1                              the one that makes it `parties` is the last
 *     g, all  ──the last, after its action──► g+1, 0         then unpark all
 *     g       ──timeout, death, abort──► g|BROKEN            then unpark all
 *     g       ──reset──► g+1|RESET, 0                        then unpark all; RESET: generation g did not get through
 *
 * Who comes begins its wait slot (park.c) *before* it is counted, and ends it when it leaves. So as long as the
 * generation lasts there are at least as many living sleepers as the count says, but for the last one, which leaves
 * its name in `runner` while it is in its action; fewer mean that one has died. Whoever waits looks for that at the
 * ends of its slices.
 */
#include "kin/barrier.h"

#include "base/deadline.h"
#include "family/member.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "memory/object.h"
#include "park/slices.h"

#define COUNT_MASK UINT64_C(0x3fffffff)
#define BROKEN (UINT64_C(1) << 30)
#define RESET (UINT64_C(1) << 31)
#define COUNT(word) ((uint32_t)((word)&COUNT_MASK))
#define GENERATION(word) ((uint32_t)((word) >> 32))

_Static_assert(sizeof(kin__barrier) == sizeof(kin_barrier), "kin_barrier is kin__barrier's outside");

static uint32_t parties_of(kin__barrier *barrier)
{
    return atomic_load_explicit(&barrier->object.detail, memory_order_relaxed);
}

/* ---- made and ended ---- */

kin_status kin_barrier_init(kin_barrier *barrier, uint32_t parties)
{
    kin__barrier *inside = (kin__barrier *)barrier;
    kin_status status = kin__object_check_place(barrier, sizeof *barrier);
    if (status != KIN_OK || parties == 0 || parties > KIN_BARRIER_MAX) {
        return status != KIN_OK ? status : KIN_E_ARGUMENT;
    }
    atomic_store_explicit(&inside->word, 0, memory_order_relaxed);
    atomic_store_explicit(&inside->runner, 0, memory_order_relaxed);
    kin__object_init(&inside->object, KIN_TYPE_BARRIER, parties);
    return KIN_OK;
}

kin_status kin_barrier_fini(kin_barrier *barrier)
{
    return kin__object_fini(barrier, KIN_TYPE_BARRIER);
}

kin_status kin_barrier_create(kin_barrier **out, kin_family *family, uint32_t parties)
{
    void *memory;
    if (!out || parties == 0 || parties > KIN_BARRIER_MAX) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin_alloc(&memory, family, sizeof **out);
    if (status == KIN_OK) {
        *out = memory;
        status = kin_barrier_init(*out, parties);
    }
    return status;
}

kin_status kin_barrier_destroy(kin_barrier *barrier)
{
    return kin__object_destroy(barrier, KIN_TYPE_BARRIER);
}

/* ---- waiting ---- */

/* word: that of the generation to break; another has nothing to do with it. */
static void break_generation(kin__seat *seat, kin__barrier *barrier, uint64_t word)
{
    uint32_t generation = GENERATION(word);
    while (GENERATION(word) == generation && !(word & BROKEN)) {
        if (atomic_compare_exchange_weak(&barrier->word, &word, word | BROKEN)) {
            kin__unpark(seat->family, &barrier->word, KIN__ALL);
            return;
        }
    }
}

static bool one_has_died(kin__seat *seat, kin__barrier *barrier, uint64_t word)
{
    uint32_t living = kin__sleepers_alive(seat, &barrier->word, 1, KIN__NOBODY, UINT32_MAX);
    uint64_t runner = atomic_load(&barrier->runner);
    living += runner != 0 && kin__token_alive(seat->family, runner);
    return living < COUNT(word) && atomic_load(&barrier->word) == word;
}

/* How it went for one that came in that generation. KIN_E_BUSY: it goes on. */
static kin_status outcome(uint64_t word, uint32_t generation)
{
    if (GENERATION(word) != generation) {
        return GENERATION(word) == generation + 1 && (word & RESET) ? KIN_E_BROKEN : KIN_OK;
    }
    return word & BROKEN ? KIN_E_BROKEN : KIN_E_BUSY;
}

/* At the end of a slice, and after a wake-up that was for nothing. */
static kin_status look_around(kin__seat *seat, kin__barrier *barrier, uint64_t word, int64_t deadline)
{
    kin_status status = kin__member_check(seat->family);
    if (status == KIN_OK && kin_os_now() >= deadline) {
        break_generation(seat, barrier, word);
        status = outcome(atomic_load(&barrier->word), GENERATION(word));
        return status == KIN_E_BROKEN ? KIN_E_TIMED_OUT : status; /* or the last came just now */
    }
    if (status == KIN_OK && one_has_died(seat, barrier, word)) {
        break_generation(seat, barrier, word);
    }
    return status == KIN_OK ? KIN_E_BUSY : status;
}

static kin_status sleep_through(kin__seat *seat, kin__barrier *barrier, uint32_t generation, int64_t deadline)
{
    int64_t slice = KIN__SLICE_OWNER;
    for (;;) {
        uint64_t word = atomic_load(&barrier->word);
        kin_status status = outcome(word, generation);
        if (status != KIN_E_BUSY) {
            return status;
        }
        if (kin__park_sleep(seat, kin__slice_end(kin_os_now(), slice, deadline))) {
            kin__park_begin(seat, &barrier->word, 1); /* stays a sleeper for those that count, whatever woke it */
            continue;
        }
        status = look_around(seat, barrier, word, deadline);
        if (status != KIN_E_BUSY) {
            return status;
        }
        slice = slice * 2 < KIN__SLICE_MAX ? slice * 2 : KIN__SLICE_MAX;
    }
}

/* The last one, which is no sleeper any more. */
static kin_status let_through(kin__seat *seat, kin__barrier *barrier, uint64_t word)
{
    atomic_store(&barrier->runner, 0);
    while (!(word & BROKEN)) {
        if (atomic_compare_exchange_weak(&barrier->word, &word, (uint64_t)(GENERATION(word) + 1) << 32)) {
            kin__unpark(seat->family, &barrier->word, KIN__ALL);
            return KIN_OK;
        }
    }
    return KIN_E_BROKEN;
}

/* Is counted; its slot has begun. KIN_E_BUSY: all of this generation are there, and the last is in its action. */
static kin_status come(kin__barrier *barrier, uint64_t *word)
{
    *word = atomic_load(&barrier->word);
    do {
        if (*word & BROKEN) {
            return KIN_E_BROKEN;
        }
        if (COUNT(*word) >= parties_of(barrier)) {
            return KIN_E_BUSY;
        }
    } while (!atomic_compare_exchange_weak(&barrier->word, word, *word + 1));
    *word += 1;
    return KIN_OK;
}

static kin_status come_when_possible(kin__seat *seat, kin__barrier *barrier, int64_t deadline, uint64_t *word)
{
    for (;;) {
        kin__park_begin(seat, &barrier->word, 1);
        kin_status status = come(barrier, word);
        if (status == KIN_OK) {
            return KIN_OK;
        }
        kin__park_end(seat);
        if (status != KIN_E_BUSY) {
            return status;
        }
        int64_t now = kin_os_now();
        if (now >= deadline) {
            return KIN_E_TIMED_OUT;
        }
        kin__park(seat, &barrier->word, *word, 1, kin__slice_end(now, KIN__SLICE_OWNER, deadline));
    }
}

static kin_status be_the_last(kin__seat *seat, kin__barrier *barrier, uint64_t word, void (*action)(void *argument),
                              void *argument)
{
    atomic_store(&barrier->runner, seat->token);
    kin__park_end(seat);
    if (action) {
        action(argument);
    }
    uint64_t now = atomic_load(&barrier->word);
    return GENERATION(now) == GENERATION(word) ? let_through(seat, barrier, now) : KIN_E_BROKEN;
}

kin_status kin_barrier_wait(kin_barrier *barrier, uint32_t *index, void (*action)(void *argument), void *argument,
                            int64_t timeout)
{
    kin__barrier *inside = (kin__barrier *)barrier;
    kin__seat *seat;
    uint64_t word;
    if (!barrier || timeout < 0) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin__seat_find(&seat, barrier, KIN_TYPE_BARRIER);
    if (status != KIN_OK) {
        return status;
    }
    int64_t deadline = kin__deadline(timeout);
    status = come_when_possible(seat, inside, deadline, &word);
    if (status != KIN_OK) {
        return status;
    }
    if (COUNT(word) == parties_of(inside)) {
        status = be_the_last(seat, inside, word, action, argument);
    } else {
        status = sleep_through(seat, inside, GENERATION(word), deadline);
        kin__park_end(seat);
    }
    if (status == KIN_OK && index) {
        *index = COUNT(word) - 1;
    }
    return status;
}

/* ---- from outside ---- */

kin_status kin_barrier_abort(kin_barrier *barrier)
{
    kin__seat *seat;
    if (!barrier) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin__seat_find(&seat, barrier, KIN_TYPE_BARRIER);
    if (status == KIN_OK) {
        kin__barrier *inside = (kin__barrier *)barrier;
        break_generation(seat, inside, atomic_load(&inside->word));
    }
    return status;
}

kin_status kin_barrier_reset(kin_barrier *barrier)
{
    kin__seat *seat;
    if (!barrier) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin__seat_find(&seat, barrier, KIN_TYPE_BARRIER);
    if (status != KIN_OK) {
        return status;
    }
    kin__barrier *inside = (kin__barrier *)barrier;
    atomic_store(&inside->runner, 0);
    uint64_t word = atomic_load(&inside->word);
    while (!atomic_compare_exchange_weak(&inside->word, &word, (uint64_t)(GENERATION(word) + 1) << 32 | RESET)) {
    }
    kin__unpark(seat->family, &inside->word, KIN__ALL);
    return KIN_OK;
}

kin_status kin_barrier_inspect(const kin_barrier *barrier, kin_barrier_info *info)
{
    if (!info || info->size != sizeof *info) {
        return KIN_E_ARGUMENT;
    }
    kin_status status = kin__object_check(barrier, KIN_TYPE_BARRIER);
    if (status == KIN_OK) {
        kin__barrier *inside = (kin__barrier *)(uintptr_t)barrier;
        uint64_t word = atomic_load(&inside->word);
        info->parties = parties_of(inside);
        info->waiting = COUNT(word);
        info->broken = (word & BROKEN) != 0;
    }
    return status;
}
