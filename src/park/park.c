/* park.c: a futex between processes.
 *
 * Each thread entry holds a wait slot: {state, address, ticket, want} and the place of a native semaphore. The truth is
 * `state` = sequence (62 bits) | phase; the native semaphore is only a hint to look at it.
 *
 *     IDLE(s) ──park, the slot's thread──► WAIT(s+1) ──unpark, anybody, CAS──► WOKEN(s+1)
 *        ▲                                    │                                   │
 *        └────────leave, the slot's thread, exchange──────────────────────────────┘
 *
 * park(word, expected):                          unpark(word), after changing word:
 *   1. draw a ticket; write it, address, want      a. load the ticket counter; find the slots of the word's bucket
 *   2. set own bit in the bucket of the word       b. load state: WAIT(s); load address: the word's
 *   3. state = WAIT(s+1)           seq_cst         c. CAS state WAIT(s) -> WOKEN(s)    seq_cst
 *   4. load word; if changed: leave  seq_cst       d. post the slot's native semaphore
 *   5. sleep while state is WAIT(s+1)
 *   6. exchange state with IDLE; clear own bit
 *
 * No lost wake-up: 3 before 4, and the change of the word before b, are sequentially consistent; so either the parker
 * sees the change, or the unparker sees WAIT. A slot whose ticket is not below the counter's value of a is passed
 * over: its ticket was drawn after the change, and step 4 comes after that. The sequence number keeps c from hitting
 * a later wait of the same slot, whose address b did not read. A semaphore token that finds the state still WAIT is
 * stale, from an earlier wait: sleep on. A failed c wakes nobody, so it does not count and the next oldest has its
 * turn.
 *
 * A slot that was WOKEN but whose thread leaves without taking the thing (timeout, error, death) holds a wake-up that
 * is somebody else's: the thread, or the reaper of a dead one, passes it on with another unpark.
 *
 * Killed between the change of the word and d: the sleeper finds out at the end of its slice (park.h). Killed as a
 * sleeper: the slot stays WAIT or WOKEN until its member is reaped; meanwhile an unpark may be spent on it, which the
 * reaper repairs, or the next slice. Killed after it has left its slot, and before it has taken what it was woken
 * for: only the slice does.
 *
 * A watcher (park.h) sleeps with no address of its own, in the buckets of all its words: an unpark of any of them
 * wakes it beside the others, and does not count it.
 *
 * model/lock.pml is this protocol and lock.c's for spin; model/check verifies it.
 */
#include "park/park.h"

#include "base/deadline.h"
#include "base/spin.h"
#include "family/member.h"
#include "park/post.h"
#include "family/thread_slot.h"

#define IDLE 0u
#define WAIT 1u
#define WOKEN 2u
#define PHASE(state) ((state)&3u)

/* ---- buckets: which slots wait on words with this hash ---- */

static uint32_t bucket_number(uint64_t address)
{
    uint64_t hash = (address >> 3) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash >> 58);
}

static _Atomic uint64_t *bucket_at(kin_family *family, uint32_t number)
{
    uint64_t words = family->layout.max_threads / 64;
    return (_Atomic uint64_t *)kin__pointer(family, family->layout.buckets) + number * words;
}

static _Atomic uint64_t *bucket_of(kin_family *family, uint64_t address)
{
    return bucket_at(family, bucket_number(address));
}

static void enter_bucket(kin_family *family, uint64_t address, uint32_t index)
{
    atomic_fetch_or(&bucket_of(family, address)[index / 64], UINT64_C(1) << (index % 64));
}

static void leave_bucket(kin_family *family, uint64_t address, uint32_t index)
{
    atomic_fetch_and(&bucket_of(family, address)[index / 64], ~(UINT64_C(1) << (index % 64)));
}

/* The slot's address while its thread watches several words. */
#define WATCHING UINT64_C(1)

static void enter_buckets(kin_family *family, uint64_t buckets, uint32_t index)
{
    for (uint32_t i = 0; i < KIN__BUCKETS; i++) {
        if (buckets >> i & 1) {
            atomic_fetch_or(&bucket_at(family, i)[index / 64], UINT64_C(1) << (index % 64));
        }
    }
}

static void leave_buckets(kin_family *family, uint64_t buckets, uint32_t index)
{
    for (uint32_t i = 0; i < KIN__BUCKETS; i++) {
        if (buckets >> i & 1) {
            atomic_fetch_and(&bucket_at(family, i)[index / 64], ~(UINT64_C(1) << (index % 64)));
        }
    }
}

static uint32_t lowest_bit(uint64_t bits)
{
    uint32_t n = 0;
    for (uint32_t half = 32; half > 0; half /= 2) {
        if ((bits & ((UINT64_C(1) << half) - 1)) == 0) {
            bits >>= half;
            n += half;
        }
    }
    return n;
}

/* ---- the slots of one bucket ---- */

typedef struct walk {
    _Atomic uint64_t *bucket;
    uint32_t word, words;
    uint64_t bits; /* of this word, still to come */
} walk;

static walk walk_bucket(kin_family *family, uint64_t address)
{
    _Atomic uint64_t *bucket = bucket_of(family, address);
    return (walk){bucket, 0, (kin__thread_end(family) + 63) / 64, atomic_load(bucket)};
}

static bool next_slot(walk *it, uint32_t *index)
{
    while (it->bits == 0) {
        if (++it->word >= it->words) {
            return false;
        }
        it->bits = atomic_load(&it->bucket[it->word]);
    }
    *index = it->word * 64 + lowest_bit(it->bits);
    it->bits &= it->bits - 1;
    return true;
}

typedef struct sleeper {
    uint64_t state, ticket;
    uint32_t index, want;
} sleeper;

/* Whether the slot's thread sleeps on the address. */
static bool look(kin_family *family, uint32_t index, uint64_t address, sleeper *out)
{
    if (index >= family->layout.max_threads) {
        return false;
    }
    kin__thread *thread = kin__thread_at(family, index);
    out->index = index;
    out->state = atomic_load(&thread->state);
    out->want = atomic_load_explicit(&thread->want, memory_order_relaxed);
    out->ticket = atomic_load_explicit(&thread->ticket, memory_order_relaxed);
    return PHASE(out->state) == WAIT && atomic_load(&thread->address) == address;
}

/* ---- unpark ----
 *
 * Who is woken is decided before anybody is posted, by one look at each slot of the bucket: a woken thread that
 * sleeps again on the same word has drawn a later ticket, and is passed over. So the work is bounded by the number of
 * those that slept when the unpark began. Who draws a later ticket than the counter showed then, looks at the word
 * after its change.
 *
 * The oldest CHOSEN are sorted. More than those are woken in the order of their entries if all are to be, else by
 * another look for each CHOSEN of them.
 */
#define CHOSEN 64u

typedef struct wakes { /* whose semaphore is to be posted */
    uint32_t count;
    uint32_t first[CHOSEN]; /* in the order of the marks */
    bool more;
    uint64_t rest[KIN__THREADS_MAX / 64]; /* bit by entry; written when there are more */
} wakes;

static uint32_t words_of(const kin_family *family)
{
    return (family->layout.max_threads + 63) / 64;
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
    for (uint32_t i = 0; i < of->count; i++) {
        kin__post(family, of->first[i]);
    }
    for (uint32_t w = 0; of->more && w < words_of(family); w++) {
        for (uint64_t bits = of->rest[w]; bits; bits &= bits - 1) {
            kin__post(family, w * 64 + lowest_bit(bits));
        }
    }
}

static bool mark(kin_family *family, const sleeper *it, wakes *to)
{
    uint64_t state = it->state;
    if (!atomic_compare_exchange_strong(&kin__thread_at(family, it->index)->state, &state,
                                        (state & ~UINT64_C(3)) | WOKEN)) {
        return false;
    }
    note(family, to, it->index);
    return true;
}

typedef struct choice {
    uint64_t from, limit; /* of tickets: [from, limit) */
    uint32_t count, room;
    bool more; /* than there is room for */
    bool left; /* somebody wants more units than there are */
    sleeper oldest[CHOSEN];
} choice;

static void insert(choice *into, const sleeper *it)
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

/* Watchers are marked at once, the first time. */
static void choose(kin_family *family, uint64_t address, uint32_t units, choice *out, wakes *to)
{
    walk it = walk_bucket(family, address);
    sleeper each;
    uint32_t index;
    out->count = 0;
    out->more = out->left = false;
    while (next_slot(&it, &index)) {
        if (look(family, index, address, &each)) {
            if (each.ticket < out->from || each.ticket >= out->limit) {
                continue;
            }
            if (each.want > units) {
                out->left = true;
            } else {
                insert(out, &each);
            }
        } else if (out->from == 0 && look(family, index, WATCHING, &each)) {
            mark(family, &each, to);
        }
    }
}

static void mark_rest(kin_family *family, uint64_t address, const choice *after, wakes *to)
{
    walk it = walk_bucket(family, address);
    sleeper each;
    uint32_t index;
    while (next_slot(&it, &index)) {
        if (look(family, index, address, &each) && each.ticket >= after->from && each.ticket < after->limit) {
            mark(family, &each, to);
        }
    }
}

/* How many units of those chosen are left. */
static uint32_t mark_chosen(kin_family *family, choice *chosen, uint32_t units, wakes *to)
{
    for (uint32_t i = 0; i < chosen->count; i++) {
        const sleeper *it = &chosen->oldest[i];
        if (it->want > units) {
            chosen->left = true;
        } else if (mark(family, it, to) && units != KIN__ALL) {
            units -= it->want;
        }
    }
    return units;
}

/* Returns whether somebody still sleeps there whom the units did not suffice. */
static bool unpark_mark(kin_family *family, _Atomic uint64_t *word, uint32_t units, wakes *to)
{
    uint64_t address = kin__offset(family, (void *)word);
    choice chosen;
    bool left = false;
    chosen.from = 0;
    chosen.limit = atomic_load(&family->arena->next_ticket);
    chosen.room = units < CHOSEN ? units + 1 : CHOSEN; /* one more, for a mark that fails */
    for (;;) {
        choose(family, address, units, &chosen, to);
        units = mark_chosen(family, &chosen, units, to);
        left |= chosen.left;
        if (!chosen.more || units == 0) {
            return left || chosen.more;
        }
        chosen.from = chosen.oldest[chosen.count - 1].ticket + 1;
        if (units == KIN__ALL) {
            mark_rest(family, address, &chosen, to);
            return false;
        }
    }
}

void kin__unpark(kin_family *family, _Atomic uint64_t *word, uint32_t units)
{
    wakes to;
    to.count = 0;
    to.more = false;
    unpark_mark(family, word, units, &to);
    post_all(family, &to);
}

static void clear_flag(kin_family *family, _Atomic uint64_t *word, uint64_t flag, wakes *to)
{
    uint64_t value = atomic_load(word);
    while (value & flag) {
        if (atomic_compare_exchange_weak(word, &value, value & ~flag)) {
            unpark_mark(family, word, KIN__ALL, to); /* who came between sets the flag anew */
            return;
        }
    }
}

/* The flag goes before the posts: a woken process that runs at once would find it still set, sleep again on it, and be
 * woken for nothing. */
void kin__unpark_flagged(kin_family *family, _Atomic uint64_t *word, uint64_t flag, uint32_t units)
{
    wakes to;
    to.count = 0;
    to.more = false;
    if (!unpark_mark(family, word, units, &to)) {
        clear_flag(family, word, flag, &to);
    }
    post_all(family, &to);
}

/* A slot that begins anew goes from WAIT or WOKEN to WAIT, so a sleeper is not missed between. */
uint32_t kin__sleepers_alive(kin_family *family, _Atomic uint64_t *word)
{
    uint64_t address = kin__offset(family, (void *)word);
    walk it = walk_bucket(family, address);
    uint32_t alive = 0, index;
    while (next_slot(&it, &index)) {
        kin__thread *thread = kin__thread_at(family, index);
        if (PHASE(atomic_load(&thread->state)) == IDLE || atomic_load(&thread->address) != address) {
            continue;
        }
        alive += kin__token_alive(family, kin__token(atomic_load(&thread->lease) >> 24, index));
    }
    return alive;
}

/* ---- park ---- */

/* Before the slot says WAIT: what its last holder left as the place of a semaphore is not for posts to this one. */
static void make_semaphore(kin__seat *seat)
{
    kin_family *family = seat->family;
    if (!seat->has_sem) {
        seat->has_sem = kin_os_sem_create(&seat->sem, &seat->thread->place, &family->id, kin__token_index(seat->token),
                                          family->self->named, &family->access) == KIN_OK;
    }
}

static void sleep_until_woken(kin__seat *seat, int64_t deadline)
{
    _Atomic uint64_t *state = &seat->thread->state;
    int64_t pause = KIN_MS(1);
    while (PHASE(atomic_load(state)) == WAIT) {
        if (seat->has_sem) {
            kin_status status = kin_os_sem_wait(seat->sem, deadline);
            if (status != KIN_OK || kin_os_now() >= deadline) { /* any member can post as often as it likes */
                return;
            }
        } else { /* no native semaphore to be had: look again and again, less and less often */
            int64_t now = kin_os_now();
            if (now >= deadline) {
                return;
            }
            kin_os_sleep_until(kin__slice_end(now, pause, deadline));
            pause = pause < KIN_MS(10) ? pause * 2 : pause;
        }
    }
}

void kin__park_begin(kin__seat *seat, _Atomic uint64_t *word, uint32_t want)
{
    kin_family *family = seat->family;
    kin__thread *slot = seat->thread;
    uint64_t address = kin__offset(family, (void *)word);
    make_semaphore(seat);
    uint64_t sequence = (atomic_load_explicit(&slot->state, memory_order_relaxed) & ~UINT64_C(3)) + 4;
    atomic_store_explicit(&slot->address, address, memory_order_relaxed);
    atomic_store_explicit(&slot->want, want, memory_order_relaxed);
    atomic_store_explicit(&slot->ticket, atomic_fetch_add(&family->arena->next_ticket, 1), memory_order_relaxed);
    enter_bucket(family, address, kin__token_index(seat->token));
    atomic_store(&slot->state, sequence | WAIT);
}

uint64_t kin__watch_bucket(const kin_family *family, const _Atomic uint64_t *word)
{
    return UINT64_C(1) << bucket_number(kin__offset(family, (const void *)word));
}

void kin__watch_begin(kin__seat *seat, uint64_t buckets, uint32_t bell)
{
    kin__thread *slot = seat->thread;
    make_semaphore(seat);
    uint64_t sequence = (atomic_load_explicit(&slot->state, memory_order_relaxed) & ~UINT64_C(3)) + 4;
    atomic_store_explicit(&slot->address, WATCHING, memory_order_relaxed);
    atomic_store_explicit(&slot->want, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->bell, bell, memory_order_relaxed);
    enter_buckets(seat->family, buckets, kin__token_index(seat->token));
    atomic_store(&slot->state, sequence | WAIT);
}

void kin__watch_end(kin__seat *seat, uint64_t buckets)
{
    kin__thread *slot = seat->thread;
    uint64_t sequence = atomic_load_explicit(&slot->state, memory_order_relaxed) & ~UINT64_C(3);
    atomic_store(&slot->state, sequence | IDLE);
    atomic_store_explicit(&slot->bell, 0, memory_order_relaxed);
    leave_buckets(seat->family, buckets, kin__token_index(seat->token));
}

bool kin__park_sleep(kin__seat *seat, int64_t deadline)
{
    sleep_until_woken(seat, deadline);
    return PHASE(atomic_load(&seat->thread->state)) == WOKEN;
}

bool kin__slot_waits(uint64_t state)
{
    return PHASE(state) == WAIT;
}

bool kin__park_end(kin__seat *seat)
{
    kin__thread *slot = seat->thread;
    uint64_t sequence = atomic_load_explicit(&slot->state, memory_order_relaxed) & ~UINT64_C(3);
    uint64_t last = atomic_exchange(&slot->state, sequence | IDLE);
    leave_bucket(seat->family, atomic_load_explicit(&slot->address, memory_order_relaxed),
                 kin__token_index(seat->token));
    return PHASE(last) == WOKEN;
}

kin__parked kin__park(kin__seat *seat, _Atomic uint64_t *word, uint64_t expected, uint32_t want, int64_t deadline)
{
    kin__park_begin(seat, word, want);
    bool changed = atomic_load(word) != expected;
    if (!changed) {
        kin__park_sleep(seat, deadline);
    }
    if (kin__park_end(seat)) {
        return KIN__WOKEN;
    }
    return changed ? KIN__CHANGED : KIN__TIMED_OUT;
}

void kin__park_reap(kin_family *family, uint32_t thread)
{
    kin__thread *slot = kin__thread_at(family, thread);
    uint64_t state = atomic_load(&slot->state);
    uint64_t address = atomic_load(&slot->address);
    if (address == WATCHING) {
        leave_buckets(family, UINT64_MAX, thread);
        atomic_store(&slot->bell, 0);
        atomic_store(&slot->state, ((state & ~UINT64_C(3)) + 4) | IDLE); /* what it was woken by is not its own */
        return;
    }
    if (address == 0 || address % 8 != 0 || !kin__family_covers(family, address, 8)) {
        return; /* never used, or written over by a member gone mad */
    }
    leave_bucket(family, address, thread);
    if (PHASE(state) == IDLE) {
        return;
    }
    uint64_t last = atomic_exchange(&slot->state, ((state & ~UINT64_C(3)) + 4) | IDLE);
    if (PHASE(last) == WOKEN) {
        kin__unpark(family, kin__pointer(family, address), 1);
    }
}

void kin__park_spin(kin__seat *seat, _Atomic uint32_t *spin)
{
    uint64_t state = atomic_load(&seat->thread->state);
    if (PHASE(state) == WAIT) {
        kin__spin(&seat->thread->state, state, spin);
    }
}
