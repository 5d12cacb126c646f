/* slices.c: what a sleeper does at the end of a slice.
 *
 * Only a death can lose a wake-up: a waker is killed between its change and its unpark, or between marking a slot and
 * posting it; or a sleeper is killed after it was marked. So a sleeper that is not woken looks about now and then:
 *
 * 1. It asks whether the oldest other sleeper on its word lives: an unpark chooses the oldest. It buries a dead one
 *    (park.c) and asks about the next.
 * 2. It asks about the slots on its word that are WOKEN, or that owe the word a wake-up. A living thread leaves such a
 *    slot at once. A dead one is buried, which passes its wake-up on. A living one is posted again, because its waker
 *    may have been killed before it did so.
 * 3. Its caller looks at the word, and asks about an owner. If there is something to take, it takes it, and wakes
 *    others if there is enough for them.
 *
 * It is enough that one of the sleepers on a word looks:
 *
 * 1. The oldest one looks at the end of each unit of time, the next after 2 units, those after it after 4, 7, 11 units
 *    and so on; each of them at least every KIN__SLICE_LONG.
 * 2. So hundreds of sleepers cost little more than ten. If the oldest are killed or stopped, the next still look.
 * 3. A call keeps its ticket over all its slices. Otherwise each slice would make it the youngest.
 * 4. An unpark may make a sleeper the oldest that had many before it when it last looked. It tells that sleeper, by
 *    `older` = 0 and a post, and the sleeper shortens its slice.
 */
#include "park/slices.h"

#include "base/deadline.h"
#include "park/post.h"
#include "park/slots.h"

#define ASKED_MAX 16u /* WOKEN slots that one look asks about */
#define FEW 4u
#define BURIED_MAX 64                  /* rounds of one look */
#define LOOK_INTERVAL KIN_MS(10)       /* of one thread, when its calls end sooner than a slice */
#define FORGOTTEN_AFTER KIN_SECONDS(2) /* nothing moves on the word and nobody is woken: no waker is on its way */

_Atomic uint32_t kin__slices_are = KIN__SLICES_USUAL;

static bool mode_is(kin__slices_mode mode)
{
    return atomic_load_explicit(&kin__slices_are, memory_order_relaxed) == (uint32_t)mode;
}

/* ---- the other sleepers on the word ---- */

typedef struct others {
    uint32_t older; /* asleep, with an earlier ticket */
    uint32_t oldest;
    uint64_t oldest_ticket;
    uint32_t woken_count;
    uint32_t woken[ASKED_MAX];
} others;

static void survey(const kin__seat *seat, const kin__slices *it, others *out)
{
    uint64_t address = kin__offset(seat->family, (void *)it->word);
    kin__slot_walk walk = kin__slots_of(seat->family, address);
    uint32_t index;
    out->older = out->woken_count = 0;
    out->oldest_ticket = it->ticket;
    while (kin__slot_next_of(&walk, &index)) {
        kin__sleeper each = kin__slot_look(seat->family, index);
        uint32_t phase = each.address == address ? KIN__SLOT_PHASE(each.state) : KIN__SLOT_IDLE;
        if (index == kin__token_index(seat->token)) {
            continue;
        }
        bool woken = phase == KIN__SLOT_WOKEN || atomic_load(&kin__thread_at(seat->family, index)->owes) == address;
        if (woken && out->woken_count < ASKED_MAX) {
            out->woken[out->woken_count++] = index;
        } else if (phase == KIN__SLOT_WAIT && each.ticket < it->ticket) {
            out->older++;
            if (each.ticket < out->oldest_ticket) {
                out->oldest_ticket = each.ticket;
                out->oldest = index;
            }
        }
    }
}

/* Whether any was dead: then the next has had its turn, and may be dead as well. One that has many before it leaves
 * the oldest to those, most times. */
static bool bury_the_dead(kin__seat *seat, const kin__slices *it, const others *seen, bool again)
{
    bool asks = seen->older > 0 && (seen->older < FEW || it->looks % FEW == 0);
    bool buried = asks && kin__park_bury(seat->family, seen->oldest, it->word);
    for (uint32_t i = 0; i < seen->woken_count; i++) {
        if (kin__park_bury(seat->family, seen->woken[i], it->word)) {
            buried = true;
        } else if (!again) {
            kin__post(seat->family, seen->woken[i]);
        }
    }
    return buried;
}

static void look_about(kin__seat *seat, kin__slices *it)
{
    others seen;
    int rounds = 0;
    if (mode_is(KIN__SLICES_COUNTED)) {
        atomic_fetch_add(&seat->family->arena->looks, 1);
    }
    do {
        survey(seat, it, &seen);
        if (!bury_the_dead(seat, it, &seen, rounds > 0)) {
            break;
        }
        it->dead = true;
    } while (++rounds < BURIED_MAX);
    it->older = seen.older;
    it->looks++;
}

static void choose_length(kin__slices *it)
{
    int64_t older = it->older, units = 1 + older * (older + 1) / 2; /* 1, 2, 4, 7, ... */
    it->length = units < KIN__SLICE_LONG / it->unit ? it->unit * units : KIN__SLICE_LONG;
}

/* ---- counting ---- */

/* Whether the slot has begun as that one, and is another's than that one's. */
static bool begun_like(kin_family *family, uint32_t index, const kin__sleeper *like)
{
    kin__sleeper it = kin__slot_look(family, index);
    return it.address == like->address && it.want == like->want && index != like->index &&
           KIN__SLOT_PHASE(it.state) != KIN__SLOT_IDLE;
}

/* Of the entries [from, to): each slot is looked at once, for one that begins and dies meanwhile must not count as a
 * loss. */
static uint32_t count_alive(kin_family *family, const kin__sleeper *like, uint32_t from, uint32_t to, uint32_t *asks)
{
    kin__slot_walk walk = kin__slots_of(family, like->address);
    uint32_t index, alive = 0;
    while (kin__slot_next_of(&walk, &index)) {
        if (index < from || index >= to || !begun_like(family, index, like)) {
            continue;
        }
        if (*asks == 0) {
            alive++;
        } else {
            --*asks;
            alive += kin__slot_alive(family, index, atomic_load(&kin__thread_at(family, index)->lease));
        }
    }
    return alive;
}

uint32_t kin__sleepers_alive(const kin__seat *seat, _Atomic uint64_t *word, uint32_t want, uint32_t except,
                             uint32_t most)
{
    kin_family *family = seat->family;
    kin__sleeper like = {.address = kin__offset(family, (void *)word), .want = want, .index = except};
    uint32_t self = kin__token_index(seat->token);
    uint32_t alive = count_alive(family, &like, self + 1, UINT32_MAX, &most);
    alive += begun_like(family, self, &like);
    return alive + count_alive(family, &like, 0, self, &most);
}

/* ---- sleeping ---- */

void kin__slices_hurry(kin__slices *it)
{
    it->unit = KIN__SLICE_OWNER;
    choose_length(it);
}

void kin__slices_begin(kin__seat *seat, kin__slices *it, _Atomic uint64_t *word, uint32_t want)
{
    if (!it->ticketed) {
        it->ticket = kin__park_ticket(seat->family);
        it->ticketed = true;
    }
    it->word = word;
    kin__park_begin_with(seat, word, want, it->ticket);
}

int64_t kin__slices_end(int64_t now, int64_t length, int64_t deadline)
{
    return kin__slice_end(now, mode_is(KIN__SLICES_OFF) ? KIN_OS_NEVER : length, deadline);
}

static int64_t end_of(const kin__slices *it, int64_t now)
{
    return kin__slices_end(now, it->length, it->deadline);
}

bool kin__slices_sleep(kin__seat *seat, kin__slices *it)
{
    int64_t now = kin_os_now(), end = end_of(it, now);
    atomic_store_explicit(&seat->thread->older, it->older, memory_order_relaxed);
    while (now < end) {
        if (kin__park_doze_by(seat, it->by, end)) {
            return true;
        }
        now = kin_os_now();
        if (kin__interrupt_pending(it->by)) {
            it->interrupted = true;
            it->deadline = 0;
            break;
        }
        if (atomic_load_explicit(&seat->thread->older, memory_order_relaxed) < it->older) {
            it->older = 0;
            choose_length(it);
            int64_t sooner = end_of(it, now);
            end = sooner < end ? sooner : end;
        }
    }
    if (now < it->deadline || it->interrupted || now - seat->looked_at >= LOOK_INTERVAL) {
        seat->looked_at = now;
        look_about(seat, it);
        it->unit = it->unit * 2 < it->unit_max ? it->unit * 2 : it->unit_max;
        choose_length(it);
    }
    return !kin__slot_waits(atomic_load(&seat->thread->state));
}

bool kin__slices_forgotten(kin__seat *seat, _Atomic uint64_t *evidence)
{
    if (!mode_is(KIN__SLICES_COUNTED)) {
        return false;
    }
    uint64_t found = atomic_load(evidence);
    int64_t end = kin_os_now() + FORGOTTEN_AFTER;
    for (int64_t now = kin_os_now(); now < end; now = kin_os_now()) {
        if (kin__park_sleep(seat, now + KIN_MS(1))) {
            return true;
        }
        if (atomic_load(evidence) != found) {
            return false;
        }
    }
    atomic_fetch_add(&seat->family->arena->forgotten, 1);
    return false;
}

kin__parked kin__slices_park(kin__seat *seat, kin__slices *it, _Atomic uint64_t *word, uint64_t expected, uint32_t want,
                             kin__slices_there *there)
{
    kin__slices_begin(seat, it, word, want);
    bool changed = atomic_load(word) != expected;
    if (!changed && !kin__slices_sleep(seat, it) && there && there(atomic_load(word), expected, want)) {
        kin__slices_forgotten(seat, word);
    }
    if (kin__park_end(seat)) {
        return KIN__WOKEN;
    }
    return changed ? KIN__CHANGED : KIN__TIMED_OUT;
}
