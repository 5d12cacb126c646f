/* read_holds.c: finding holds, and places for them. Protocol: rwlock.c. */
#include "park/read_holds.h"

#include "family/member.h"

#define LINE 8u /* slots in a cache line */
#define NAME(hold) ((hold) & ~KIN__HOLD_MARK)

/* The lock's name in a thread entry: its generation (28 bits) | its offset (36 bits; the lowest 3 are 0). The
 * generation tells a hold of a lock that was destroyed from those of the next lock in its place. */
static uint64_t name_of(const kin_family *family, kin__rwlock *lock)
{
    uint64_t generation = atomic_load_explicit(&lock->object.generation, memory_order_relaxed);
    return generation << 36 | kin__offset(family, lock);
}

static bool is_crowded(kin__rwlock *lock)
{
    return (atomic_load(&lock->word) & KIN__RW_CROWDED) != 0;
}

/* ---- places ---- */

static bool take_slot(kin__seat *seat, kin__rwlock *lock, kin__hold *out, uint64_t mark)
{
    size_t home = (size_t)(kin__hold_home(seat, lock) - lock->slots);
    for (uint32_t i = 0; i < KIN__READERS; i++) {
        _Atomic uint64_t *slot = &lock->slots[(home + i) % KIN__READERS];
        uint64_t none = 0;
        if (atomic_load_explicit(slot, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong(slot, &none, seat->token | mark)) {
            *out = (kin__hold){slot, seat->token, mark};
            return true;
        }
    }
    return false;
}

/* A word of the thread's entry other than `but` that holds this name (0: none). */
static _Atomic uint64_t *find_word(const kin__seat *seat, uint64_t name, const _Atomic uint64_t *but)
{
    for (uint32_t i = 0; i < KIN__READING; i++) {
        _Atomic uint64_t *word = &seat->thread->reading[i];
        if (NAME(atomic_load_explicit(word, memory_order_relaxed)) == name && word != but) {
            return word;
        }
    }
    return NULL;
}

/* CROWDED is set before the hold is written: so it is in the word when the reader looks at the word afterwards. */
static bool take_word(kin__seat *seat, kin__rwlock *lock, kin__hold *out, uint64_t mark)
{
    _Atomic uint64_t *word = find_word(seat, 0, NULL);
    if (!word) {
        return false;
    }
    if (!is_crowded(lock)) {
        atomic_fetch_or(&lock->word, KIN__RW_CROWDED);
    }
    *out = (kin__hold){word, name_of(seat->family, lock), mark};
    atomic_store(word, out->name | mark);
    return true;
}

static void remove_dead(kin__seat *seat, kin__rwlock *lock)
{
    for (uint32_t i = 0; i < KIN__READERS; i++) {
        uint64_t hold = atomic_load(&lock->slots[i]);
        if (hold != 0 && !kin__token_alive(seat->family, NAME(hold))) {
            atomic_compare_exchange_strong(&lock->slots[i], &hold, 0);
        }
    }
}

bool kin__hold_take(kin__seat *seat, kin__rwlock *lock, kin__hold *out, uint64_t mark)
{
    if (is_crowded(lock) ? take_word(seat, lock, out, mark) || take_slot(seat, lock, out, mark)
                         : take_slot(seat, lock, out, mark) || take_word(seat, lock, out, mark)) {
        return true;
    }
    remove_dead(seat, lock);
    return take_slot(seat, lock, out, mark);
}

/* ---- searches ---- */

_Atomic uint64_t *kin__hold_own(const kin__seat *seat, kin__rwlock *lock, const _Atomic uint64_t *but)
{
    size_t home = (size_t)(kin__hold_home(seat, lock) - lock->slots);
    _Atomic uint64_t *own = is_crowded(lock) ? find_word(seat, name_of(seat->family, lock), but) : NULL;
    for (uint32_t i = 0; i < KIN__READERS && !own; i++) {
        _Atomic uint64_t *slot = &lock->slots[(home + i) % KIN__READERS];
        if (NAME(atomic_load_explicit(slot, memory_order_relaxed)) == seat->token && slot != but) {
            own = slot;
        }
    }
    return own;
}

static _Atomic uint64_t *find_in_line(kin__seat *seat, _Atomic uint64_t *line, uint64_t word, bool ask)
{
    for (uint32_t i = 0; i < LINE; i++) {
        uint64_t hold = atomic_load(&line[i]);
        if (!kin__hold_counts(hold, word)) {
            continue;
        }
        if (!ask || kin__token_alive(seat->family, NAME(hold))) {
            return &line[i];
        }
        atomic_compare_exchange_strong(&line[i], &hold, 0);
    }
    return NULL;
}

/* All slots of a line. Written out: gcc at -O2 keeps a loop, which takes twice the instructions. */
static inline uint64_t any_in_line(_Atomic uint64_t *line)
{
    _Static_assert(LINE == 8, "as many as are written here");
    return atomic_load(&line[0]) | atomic_load(&line[1]) | atomic_load(&line[2]) | atomic_load(&line[3]) |
           atomic_load(&line[4]) | atomic_load(&line[5]) | atomic_load(&line[6]) | atomic_load(&line[7]);
}

/* Most slots are empty: eight are looked at with one branch. */
static _Atomic uint64_t *find_in_slots(kin__seat *seat, kin__rwlock *lock, uint64_t word, bool ask)
{
    for (_Atomic uint64_t *line = lock->slots; line < lock->slots + KIN__READERS; line += LINE) {
        _Atomic uint64_t *found = any_in_line(line) != 0 ? find_in_line(seat, line, word, ask) : NULL;
        if (found) {
            return found;
        }
    }
    return NULL;
}

/* A hold in a dead thread's entry stays until the entry is used again; without a lease it is nobody's. */
static _Atomic uint64_t *find_in_entries(kin__seat *seat, kin__rwlock *lock, uint64_t word, bool ask)
{
    kin_family *family = seat->family;
    uint64_t name = name_of(family, lock);
    for (uint32_t i = 0; i < kin__thread_end(family) * KIN__READING; i++) {
        kin__thread *thread = kin__thread_at(family, i / KIN__READING);
        uint64_t hold = atomic_load(&thread->reading[i % KIN__READING]);
        if (NAME(hold) != name || !kin__hold_counts(hold, word)) {
            continue;
        }
        uint64_t lease = atomic_load(&thread->lease);
        uint64_t token = kin__token(lease >> 24, i / KIN__READING);
        if ((lease & 0xff) == KIN__LIVE && (!ask || kin__token_alive(family, token))) {
            return &thread->reading[i % KIN__READING];
        }
    }
    return NULL;
}

_Atomic uint64_t *kin__hold_find(kin__seat *seat, kin__rwlock *lock, uint64_t word, bool ask)
{
    _Atomic uint64_t *hold = find_in_slots(seat, lock, word, ask);
    return hold || (word & KIN__RW_CROWDED) == 0 ? hold : find_in_entries(seat, lock, word, ask);
}

static void visit_holds(kin_family *family, kin__rwlock *lock, uint64_t word, bool waiting,
                        void (*visit)(uint64_t token, void *context), void *context)
{
    uint64_t name = name_of(family, lock);
    for (uint32_t i = 0; i < KIN__READERS; i++) {
        uint64_t hold = atomic_load(&lock->slots[i]);
        if (hold != 0 && kin__hold_counts(hold, word) != waiting) {
            visit(NAME(hold), context);
        }
    }
    for (uint32_t i = 0; (word & KIN__RW_CROWDED) && i < kin__thread_end(family) * KIN__READING; i++) {
        kin__thread *thread = kin__thread_at(family, i / KIN__READING);
        uint64_t hold = atomic_load(&thread->reading[i % KIN__READING]);
        uint64_t lease = atomic_load(&thread->lease);
        if (NAME(hold) == name && kin__hold_counts(hold, word) != waiting && (lease & 0xff) == KIN__LIVE) {
            visit(kin__token(lease >> 24, i / KIN__READING), context);
        }
    }
}

/* ---- looking on ---- */

void kin__rwlock_holders(kin_family *family, kin__rwlock *lock, void (*visit)(uint64_t token, void *context),
                         void *context)
{
    uint64_t word = atomic_load(&lock->word);
    if ((word & ~KIN__TOKEN_FLAGS) != 0 && (word & KIN__RW_DRAINING) == 0) {
        visit((word & ~KIN__TOKEN_FLAGS), context);
    } else {
        visit_holds(family, lock, word, false, visit, context);
    }
}

typedef struct search {
    uint64_t wanted, last;
    bool found;
} search;

static void search_token(uint64_t token, void *context)
{
    search *it = context;
    it->found = it->found || token == it->wanted;
    it->last = token;
}

uint64_t kin__rwlock_blocker(kin_family *family, kin__rwlock *lock, const _Atomic uint64_t *slept_on, uint64_t token,
                             uint64_t wanted)
{
    uint64_t word = atomic_load(&lock->word);
    if (slept_on == &lock->word) {
        return (word & ~KIN__TOKEN_FLAGS);
    }
    if (slept_on == &lock->turn) { /* one whose turn has come may sleep for a moment yet */
        search holder = {token, 0, false};
        visit_holds(family, lock, word, true, search_token, &holder);
        return holder.found ? (word & ~KIN__TOKEN_FLAGS) : 0;
    }
    if ((word & ~KIN__TOKEN_FLAGS) != token || (word & KIN__RW_DRAINING) == 0) {
        return 0;
    }
    search readers = {wanted, 0, false};
    visit_holds(family, lock, word, false, search_token, &readers);
    return readers.found ? wanted : readers.last;
}
