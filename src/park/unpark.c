/* unpark.c: waking sleepers. Protocol: park.c.
 *
 * 1. One look at each slot of the bucket decides which threads are woken, before any of them is posted.
 * 2. A thread whose ticket was drawn after the unpark began is passed over: it looks at the word after the change.
 * 3. So the number of threads that slept at the beginning bounds the work, whatever the woken ones do meanwhile.
 * 4. The oldest CHOSEN threads are sorted. If all threads are to be woken, the others follow in the order of their
 *    slots. Else the slots are looked at once more for each further CHOSEN, for later tickets.
 * 5. All are marked before any is posted, and they are posted together: the woken ones do not hold up their waker.
 */
#include "park/unpark.h"

#include "park/post.h"
#include "park/slots.h"

/* ---- whose semaphore is to be posted ---- */

#define CHOSEN 64u

typedef struct wakes {
    uint32_t count;
    uint32_t first[CHOSEN]; /* in the order of the marks */
    bool more;
    uint64_t rest[KIN__THREADS_MAX / 64]; /* bit by entry; written when there are more */
} wakes;

static uint32_t words_of(const kin_family *family)
{
    return (family->layout.max_threads + 63) / 64;
}

static void begin_wakes(wakes *it)
{
    it->count = 0;
    it->more = false;
}

static void note(kin_family *family, wakes *to, uint32_t index)
{
    if (to->count < CHOSEN) {
        to->first[to->count++] = index;
        return;
    }
    for (uint32_t i = 0; !to->more && i < words_of(family); i++) {
        to->rest[i] = 0;
    }
    to->more = true;
    to->rest[index / 64] |= UINT64_C(1) << (index % 64);
}

static void post_all(kin_family *family, const wakes *of)
{
    kin__post_all(family, of->first, of->count);
    for (uint32_t w = 0; of->more && w < words_of(family); w++) {
        uint32_t some[64], count = 0;
        for (uint64_t bits = of->rest[w]; bits; bits &= bits - 1) {
            some[count++] = w * 64 + kin__lowest_bit(bits);
        }
        kin__post_all(family, some, count);
    }
}

/* ---- choosing ---- */

typedef struct choice {
    uint64_t address;
    uint64_t from, limit; /* of tickets: [from, limit) */
    uint64_t awaited;     /* `woken` is about tickets from this one on */
    uint32_t count, room;
    uint32_t seen; /* that would be chosen, if there were room */
    bool more;     /* than there is room for */
    bool left;     /* a sleeper wants more units than there are */
    bool woken;    /* a sleeper has been woken and has not left its slot yet */
    kin__sleeper oldest[CHOSEN];
} choice;

static bool waits(const kin__sleeper *it, uint64_t address)
{
    return it->address == address && KIN__SLOT_PHASE(it->state) == KIN__SLOT_WAIT;
}

static bool in_turn(const kin__sleeper *it, const choice *c)
{
    return waits(it, c->address) && it->ticket >= c->from && it->ticket < c->limit;
}

static void insert(choice *into, const kin__sleeper *it)
{
    uint32_t at = into->count;
    if (at == into->room) {
        into->more = true;
        if (it->ticket > into->oldest[--at].ticket) {
            return;
        }
    } else {
        into->count++;
    }
    for (; at > 0 && into->oldest[at - 1].ticket > it->ticket; at--) {
        into->oldest[at] = into->oldest[at - 1];
    }
    into->oldest[at] = *it;
}

static bool mark(kin_family *family, const kin__sleeper *it, wakes *to)
{
    bool marked = kin__slot_move(family, it, kin__slot_state(it->state, KIN__SLOT_WOKEN));
    if (marked) {
        note(family, to, it->index);
    }
    return marked;
}

/* Watchers are marked at once, the first time. */
static void choose(kin_family *family, uint32_t units, choice *out, wakes *to)
{
    kin__slot_walk walk = kin__slots_of(family, out->address);
    uint32_t index;
    out->count = out->seen = 0;
    out->more = out->left = out->woken = false;
    while (kin__slot_next_of(&walk, &index)) {
        kin__sleeper each = kin__slot_look(family, index);
        if (in_turn(&each, out) && each.want > units) {
            out->left = true;
        } else if (in_turn(&each, out)) {
            insert(out, &each);
            out->seen++;
        } else if (out->from == 0 && waits(&each, KIN__WATCHING)) {
            mark(family, &each, to);
        } else if (each.address == out->address && KIN__SLOT_PHASE(each.state) == KIN__SLOT_WOKEN) {
            out->woken |= each.ticket >= out->awaited;
        }
    }
}

/* It is the oldest now, and may not be about to look for a long time (slices.c). */
static void hurry(kin_family *family, const kin__sleeper *it, wakes *to)
{
    kin__thread *thread = kin__thread_at(family, it->index);
    if (atomic_load_explicit(&thread->older, memory_order_relaxed) > 1) {
        atomic_store_explicit(&thread->older, 0, memory_order_relaxed);
        note(family, to, it->index);
    }
}

/* Returns how many units of those chosen are left. */
static uint32_t mark_chosen(kin_family *family, choice *chosen, uint32_t units, wakes *to)
{
    for (uint32_t i = 0; i < chosen->count; i++) {
        const kin__sleeper *it = &chosen->oldest[i];
        if (it->want > units) {
            if (!chosen->left) {
                hurry(family, it, to);
            }
            chosen->left = true;
        } else if (mark(family, it, to) && units != KIN__ALL) {
            units -= it->want;
        }
    }
    return units;
}

static void mark_rest(kin_family *family, const choice *after, wakes *to)
{
    kin__slot_walk walk = kin__slots_of(family, after->address);
    uint32_t index;
    while (kin__slot_next_of(&walk, &index)) {
        kin__sleeper each = kin__slot_look(family, index);
        if (in_turn(&each, after)) {
            mark(family, &each, to);
        }
    }
}

/* Returns whether a thread still sleeps there because it wants more units than there were. */
static bool mark_all(kin_family *family, _Atomic uint64_t *word, uint32_t units, wakes *to)
{
    choice chosen; /* large: not all of it is written */
    bool left = false;
    chosen.address = kin__offset(family, (void *)word);
    chosen.from = 0;
    chosen.awaited = UINT64_MAX;
    chosen.limit = atomic_load(&family->arena->next_ticket);
    chosen.room = units < CHOSEN ? units + 1 : CHOSEN; /* one more, for a mark that fails */
    for (;;) {
        choose(family, units, &chosen, to);
        units = mark_chosen(family, &chosen, units, to);
        left |= chosen.left;
        if (!chosen.more || units == 0) {
            return left || chosen.more;
        }
        chosen.from = chosen.oldest[chosen.count - 1].ticket + 1;
        if (units == KIN__ALL) {
            mark_rest(family, &chosen, to);
            return false;
        }
    }
}

/* ---- for others ---- */

void kin__unpark(kin_family *family, _Atomic uint64_t *word, uint32_t units)
{
    wakes to;
    begin_wakes(&to);
    mark_all(family, word, units, &to);
    post_all(family, &to);
}

static void clear_flag(kin_family *family, _Atomic uint64_t *word, uint64_t flag, wakes *to)
{
    uint64_t value = atomic_load(word);
    while (value & flag) {
        if (atomic_compare_exchange_weak(word, &value, value & ~flag)) {
            mark_all(family, word, KIN__ALL, to); /* a sleeper that came in between sets the flag again */
            return;
        }
    }
}

/* The flag goes before the posts: a woken process that runs at once would find it still set, sleep again on it, and be
 * woken for nothing. */
void kin__unpark_flagged(kin_family *family, _Atomic uint64_t *word, uint64_t flag, uint32_t units)
{
    wakes to;
    begin_wakes(&to);
    if (!mark_all(family, word, units, &to)) {
        clear_flag(family, word, flag, &to);
    }
    post_all(family, &to);
}

/* Of the two oldest one is woken, and the other is the oldest then. A mark fails if the sleeper has left, or another
 * unpark has woken it: then the next is the oldest. */
static kin__unparked mark_oldest(kin_family *family, _Atomic uint64_t *word, uint32_t units, uint64_t awaited,
                                 bool anyway, uint32_t *sleepers, wakes *to)
{
    choice chosen;
    chosen.address = kin__offset(family, (void *)word);
    chosen.from = 0;
    chosen.limit = atomic_load(&family->arena->next_ticket);
    chosen.room = 2;
    chosen.awaited = awaited;
    for (;;) {
        choose(family, KIN__ALL, &chosen, to);
        *sleepers = chosen.seen;
        if (chosen.woken && (!anyway || chosen.count == 0)) {
            return KIN__UNPARKED_BEFORE;
        }
        if (chosen.count == 0) {
            return KIN__UNPARKED_NOBODY;
        }
        if (chosen.oldest[0].want > units) {
            return KIN__UNPARKED_TOO_FEW;
        }
        if (mark(family, &chosen.oldest[0], to)) {
            if (chosen.count > 1) {
                hurry(family, &chosen.oldest[1], to);
            }
            return KIN__UNPARKED_ONE;
        }
    }
}

kin__unparked kin__unpark_oldest(kin_family *family, _Atomic uint64_t *word, uint64_t flag, uint32_t units,
                                 uint64_t awaited, bool anyway, uint32_t *sleepers)
{
    wakes to;
    begin_wakes(&to);
    kin__unparked result = mark_oldest(family, word, units, awaited, anyway, sleepers, &to);
    if (result == KIN__UNPARKED_NOBODY) {
        clear_flag(family, word, flag, &to);
    }
    post_all(family, &to);
    return result;
}

void kin__unpark_tell(kin_family *family, _Atomic uint64_t *word, uint32_t want)
{
    uint64_t address = kin__offset(family, (void *)word);
    kin__slot_walk walk = kin__slots_of(family, address);
    uint32_t index;
    while (kin__slot_next_of(&walk, &index)) {
        for (;;) { /* until it is told, or not to be: it may begin its wait anew meanwhile */
            kin__sleeper each = kin__slot_look(family, index);
            uint32_t phase = KIN__SLOT_PHASE(each.state);
            if (each.address != address || each.want != want || phase == KIN__SLOT_IDLE || phase == KIN__SLOT_TOLD ||
                kin__slot_move(family, &each, kin__slot_state(each.state, KIN__SLOT_TOLD))) {
                break;
            }
        }
    }
}

void kin__unpark_told(kin_family *family, _Atomic uint64_t *word)
{
    uint64_t address = kin__offset(family, (void *)word);
    kin__slot_walk walk = kin__slots_of(family, address);
    uint32_t index;
    while (kin__slot_next_of(&walk, &index)) {
        kin__sleeper each = kin__slot_look(family, index);
        if (each.address == address && KIN__SLOT_PHASE(each.state) == KIN__SLOT_TOLD) {
            kin__post(family, index);
        }
    }
}
