/* barrier.c: threads that wait for each other.
 *
 * ---- The word ----
 *
 * generation (32 bits) | BROKEN | count of the threads that have arrived (31 bits)
 *
 *     from              to            by                                                         then
 *     g, n              g, n+1        a thread arrives. Who makes the count `parties` is the last
 *     g, all            g+1, 0        the last, after its action                                 unpark all
 *     g                 g|BROKEN      a waiter: its time is over, or a thread has died; abort    unpark all
 *     g|BROKEN          g+1, 0        reset                                                      unpark all
 *
 * Each change is one compare-and-swap.
 *
 * ---- The steps ----
 *
 * wait:
 *     1. Load the word. BROKEN: return that. All have arrived: the last one runs its action, so park until the word
 *        changes, and begin again.
 *     2. Begin the wait slot (park.c). It wants the generation's tag.
 *     3. Count + 1. If the generation is another one: end the slot, and begin again.
 *     4. Not the last: sleep until the generation is another one or BROKEN. The slot stays begun all the time.
 *     5. The last: runner = own token and generation; end the slot; action; generation + 1; unpark all.
 *
 * reset:
 *     a. Set BROKEN. Then no thread arrives, and the last does not get through.
 *     b. Put each slot with that generation's tag into the state TOLD.
 *     c. Generation + 1, count 0. Post the slots that were told; unpark all.
 *
 * ---- How a waiter knows what became of its generation ----
 *
 * 1. If the word has its generation, BROKEN tells.
 * 2. If the word has another generation, its own was completed, or reset.
 * 3. If it was reset, its slot is TOLD: b comes before c, and the waiter looks at its slot after the word.
 * 4. This holds however many generations have passed meanwhile.
 * 5. A reset that is killed between a and c leaves the barrier broken. It can be reset again.
 *
 * ---- How a waiter knows that a thread has died ----
 *
 * 1. Each thread that is counted has a slot with its generation's tag, from before it is counted until its generation
 *    is over. The exception is the last one, which `runner` names before its slot ends.
 * 2. So the slots of living threads with the tag, and the runner if all have arrived, are at least as many as the
 *    count. If they are fewer, one of the threads has died.
 * 3. Threads that arrive early, and those that leave the previous generation late, have other tags and do not count.
 * 4. A runner of another generation does not count, so it need not be removed. Only reset removes it, for the eight
 *    bits of its generation may come round.
 * 5. Waiters count at the ends of their slices. They break the generation by a compare-and-swap of the word that they
 *    counted for.
 */
#include "kin/barrier.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "base/sized.h"
#include "family/member.h"
#include "family/thread_slot.h"
#include "kin/memory.h"
#include "memory/object.h"
#include "park/slices.h"

#define COUNT_MASK UINT64_C(0x7fffffff)
#define BROKEN (UINT64_C(1) << 31)
#define COUNT(word) ((uint32_t)((word)&COUNT_MASK))
#define GENERATION(word) ((uint32_t)((word) >> 32))
#define NEXT(word) ((((word) >> 32) + 1) << 32)

/* The `want` of a slot: the generation in which its thread is counted. A thread that comes early wants none. */
#define TAG(word) (GENERATION(word) & 0x7fffffff)
#define EARLY UINT32_C(0x80000000)

/* How many of the others a waiter asks the system about at the end of a slice: the oldest, and each other one. All
 * have some that ask about them, even if the oldest is stopped. */
#define ASKS_OF_THE_OLDEST 64u
#define ASKS 4u

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
        return kin__told(status != KIN_OK
                             ? status
                             : kin__refuse(KIN_E_ARGUMENT, "parties is 0, or parties is more than KIN_BARRIER_MAX"));
    }
    atomic_store_explicit(&inside->word, 0, memory_order_relaxed);
    atomic_store_explicit(&inside->runner, 0, memory_order_relaxed);
    kin__object_init(&inside->object, KIN_TYPE_BARRIER, parties);
    return KIN_OK;
}

kin_status kin_barrier_fini(kin_barrier *barrier)
{
    return kin__told(kin__object_fini(barrier, KIN_TYPE_BARRIER));
}

kin_status kin_barrier_create(kin_barrier **out, kin_family *family, uint32_t parties)
{
    void *memory;
    if (!out || parties == 0 || parties > KIN_BARRIER_MAX) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL, or parties is 0, or parties is more than KIN_BARRIER_MAX");
    }
    kin_status status = kin_alloc(&memory, family, sizeof **out);
    if (status == KIN_OK) {
        *out = memory;
        status = kin_barrier_init(*out, parties);
    }
    return kin__told(status);
}

kin_status kin_barrier_destroy(kin_barrier *barrier)
{
    return kin__told(kin__object_destroy(barrier, KIN_TYPE_BARRIER));
}

/* ---- breaking ---- */

/* word: that of the generation to break; another has nothing to do with it. */
static void break_generation(kin_family *family, kin__barrier *barrier, uint64_t word)
{
    uint32_t generation = GENERATION(word);
    while (GENERATION(word) == generation && !(word & BROKEN)) {
        if (atomic_compare_exchange_weak(&barrier->word, &word, word | BROKEN)) {
            kin__unpark(family, &barrier->word, KIN__ALL);
            return;
        }
    }
}

static uint64_t runner_of(uint64_t token, uint64_t word)
{
    return token | (GENERATION(word) & KIN__TOKEN_FLAGS);
}

/* The last of that generation, 0: none, or it still has its slot. */
static uint64_t find_runner(const kin__barrier *barrier, uint32_t parties, uint64_t word)
{
    uint64_t runner = atomic_load(&((kin__barrier *)(uintptr_t)barrier)->runner);
    uint64_t token = runner & ~KIN__TOKEN_FLAGS;
    return COUNT(word) == parties && runner == runner_of(token, word) ? token : 0;
}

/* The slots first: the last ends its own after it has become the runner, and must not be missed. Its slot does not
 * count if it was the runner before, so that it is not counted twice. */
static bool one_has_died(const kin__seat *seat, kin__barrier *barrier, uint64_t word, uint32_t asks)
{
    uint32_t parties = parties_of(barrier);
    uint64_t before = find_runner(barrier, parties, word);
    uint32_t except = before ? kin__token_index(before) : KIN__NOBODY;
    uint32_t living = kin__sleepers_alive(seat, &barrier->word, TAG(word), except, asks);
    uint64_t runner = find_runner(barrier, parties, word);
    living += runner && kin__token_alive(seat->family, runner);
    return living < COUNT(word);
}

static void break_if_one_has_died(const kin__seat *seat, kin__barrier *barrier, uint64_t word,
                                  const kin__slices *slices)
{
    if (!(word & BROKEN) && one_has_died(seat, barrier, word, slices->older ? ASKS : ASKS_OF_THE_OLDEST) &&
        atomic_compare_exchange_strong(&barrier->word, &word, word | BROKEN)) {
        kin__unpark(seat->family, &barrier->word, KIN__ALL);
    }
}

/* ---- waiting ---- */

/* How it went for a thread that came in that generation and has its slot still. KIN_E_BUSY: it goes on. */
static kin_status outcome(const kin__seat *seat, uint64_t word, uint32_t generation)
{
    if (GENERATION(word) != generation) {
        return kin__park_told(seat) ? KIN_E_BROKEN : KIN_OK;
    }
    return word & BROKEN ? KIN_E_BROKEN : KIN_E_BUSY;
}

/* At the end of a slice. */
static kin_status look_around(kin__seat *seat, kin__barrier *barrier, uint64_t word, const kin__slices *slices)
{
    kin_status status = kin__member_check(seat->family);
    if (status == KIN_OK && kin_os_now() >= slices->deadline) {
        break_generation(seat->family, barrier, word);
        status = outcome(seat, atomic_load(&barrier->word), GENERATION(word));
        return status == KIN_E_BROKEN ? KIN_E_TIMED_OUT : status; /* or the last came just now */
    }
    if (status == KIN_OK) {
        break_if_one_has_died(seat, barrier, word, slices);
    }
    return status == KIN_OK ? KIN_E_BUSY : status;
}

static kin_status sleep_through(kin__seat *seat, kin__barrier *barrier, uint32_t generation, kin__slices *slices)
{
    for (;;) {
        uint64_t word = atomic_load(&barrier->word);
        kin_status status = outcome(seat, word, generation);
        if (status != KIN_E_BUSY) {
            return status;
        }
        if (kin__slices_sleep(seat, slices)) {
            kin__park_renew(seat); /* whatever woke it, it stays to be counted */
            continue;
        }
        word = atomic_load(&barrier->word);
        if (outcome(seat, word, generation) != KIN_E_BUSY) {
            if (!kin__slices_forgotten(seat, &barrier->word)) {
                kin__unpark(seat->family, &barrier->word, KIN__ALL); /* the thread that had to do so may be dead */
            }
            continue;
        }
        status = look_around(seat, barrier, word, slices);
        if (status != KIN_E_BUSY) {
            return status;
        }
    }
}

static bool is_over(uint64_t word, uint64_t expected, uint32_t want)
{
    (void)want;
    return GENERATION(word) != GENERATION(expected) || (word & BROKEN);
}

/* While the last of that generation is in its action. */
static kin_status come_later(kin__seat *seat, kin__barrier *barrier, uint64_t word, kin__slices *slices)
{
    if (kin_os_now() >= slices->deadline) {
        return KIN_E_TIMED_OUT;
    }
    if (kin__slices_park(seat, slices, &barrier->word, word, EARLY, is_over) == KIN__TIMED_OUT &&
        atomic_load(&barrier->word) == word) {
        break_if_one_has_died(seat, barrier, word, slices); /* perhaps no other thread is left to see it */
    }
    return kin__member_check(seat->family);
}

/* Whether it is counted, in the generation of *word, as it then has become. */
static bool come(kin__seat *seat, kin__barrier *barrier, uint64_t *word, kin__slices *slices)
{
    uint32_t tag = TAG(*word);
    kin__slices_begin(seat, slices, &barrier->word, tag);
    while (TAG(*word) == tag && !(*word & BROKEN) && COUNT(*word) < parties_of(barrier)) {
        if (atomic_compare_exchange_weak(&barrier->word, word, *word + 1)) {
            *word += 1;
            return true;
        }
    }
    kin__park_end(seat);
    return false;
}

static kin_status come_when_possible(kin__seat *seat, kin__barrier *barrier, uint64_t *word, kin__slices *slices)
{
    for (;;) {
        kin_status status = KIN_OK;
        *word = atomic_load(&barrier->word);
        if (*word & BROKEN) {
            return KIN_E_BROKEN;
        }
        if (COUNT(*word) >= parties_of(barrier)) {
            status = come_later(seat, barrier, *word, slices);
        } else if (come(seat, barrier, word, slices)) {
            return KIN_OK;
        }
        if (status != KIN_OK) {
            return status;
        }
    }
}

static kin_status be_the_last(kin__seat *seat, kin__barrier *barrier, uint64_t word, void (*action)(void *context),
                              void *context)
{
    kin_family *family = seat->family;
    atomic_store(&barrier->runner, runner_of(seat->token, word));
    kin__park_end(seat);
    if (action) {
        action(context);
    }
    if (!atomic_compare_exchange_strong(&barrier->word, &word, NEXT(word))) {
        return KIN_E_BROKEN;
    }
    kin__unpark(family, &barrier->word, KIN__ALL);
    return KIN_OK;
}

kin_status kin_barrier_wait_with(kin_barrier *barrier, uint32_t *index, void (*action)(void *context), void *context,
                                 int64_t timeout)
{
    kin__barrier *inside = (kin__barrier *)barrier;
    kin__seat *seat;
    uint64_t word;
    if (!barrier || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "barrier is NULL, or timeout is negative");
    }
    kin_status status = kin__seat_find(&seat, barrier, KIN_TYPE_BARRIER);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    kin__slices slices = kin__slices_interruptible(seat, kin__deadline(timeout), false);
    status = come_when_possible(seat, inside, &word, &slices);
    if (status != KIN_OK) {
        return kin__told(kin__slices_status(&slices, status));
    }
    if (COUNT(word) == parties_of(inside)) {
        status = be_the_last(seat, inside, word, action, context);
    } else {
        status = kin__slices_status(&slices, sleep_through(seat, inside, GENERATION(word), &slices));
        kin__park_end(seat);
    }
    if (status == KIN_OK && index) {
        *index = COUNT(word) - 1;
    }
    return kin__told(status);
}

kin_status kin_barrier_wait(kin_barrier *barrier, uint32_t *index, int64_t timeout)
{
    return kin_barrier_wait_with(barrier, index, NULL, NULL, timeout);
}

/* ---- from outside ---- */

kin_status kin_barrier_abort(kin_barrier *barrier)
{
    kin__seat *seat;
    if (!barrier) {
        return kin__refuse(KIN_E_ARGUMENT, "barrier is NULL");
    }
    kin_status status = kin__seat_find(&seat, barrier, KIN_TYPE_BARRIER);
    if (status == KIN_OK) {
        kin__barrier *inside = (kin__barrier *)barrier;
        break_generation(seat->family, inside, atomic_load(&inside->word));
    }
    return kin__told(status);
}

kin_status kin_barrier_reset(kin_barrier *barrier)
{
    kin__seat *seat;
    if (!barrier) {
        return kin__refuse(KIN_E_ARGUMENT, "barrier is NULL");
    }
    kin_status status = kin__seat_find(&seat, barrier, KIN_TYPE_BARRIER);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    kin__barrier *inside = (kin__barrier *)barrier;
    uint64_t runner = atomic_load(&inside->runner);
    uint64_t word = atomic_fetch_or(&inside->word, BROKEN) | BROKEN;
    kin__unpark_tell(seat->family, &inside->word, TAG(word));
    if (atomic_compare_exchange_strong(&inside->word, &word, NEXT(word))) { /* else another reset was faster */
        atomic_compare_exchange_strong(&inside->runner, &runner, 0);
    }
    kin__unpark_told(seat->family, &inside->word);
    kin__unpark(seat->family, &inside->word, KIN__ALL);
    return KIN_OK;
}

kin_status kin_barrier_inspect(const kin_barrier *barrier, kin_barrier_info *info)
{
    kin_status status = kin__info_check(info, "KIN_BARRIER_INFO_INIT");
    if (status == KIN_OK) {
        status = kin__object_check(barrier, KIN_TYPE_BARRIER);
    }
    if (status == KIN_OK) {
        kin__barrier *inside = (kin__barrier *)(uintptr_t)barrier;
        uint64_t word = atomic_load(&inside->word);
        kin_barrier_info own = {.parties = parties_of(inside), .waiting = COUNT(word), .broken = (word & BROKEN) != 0};
        kin__info_write(info, &own, sizeof own);
    }
    return kin__told(status);
}
