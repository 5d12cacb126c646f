/* deadlock.c: cycles of owners that wait for each other.
 *
 * ---- The edges ----
 *
 * 1. A thread that sleeps for a lock shows the lock's word in its wait slot. The word shows the owner.
 * 2. A readers-writer lock shows its writer and its readers. A writer waits for all of them.
 * 3. So nothing is written for this search: a thread that is about to sleep follows the edges, beginning at the owner
 *    that it waits for.
 *
 * ---- Why a cycle that is found is real ----
 *
 * 1. The thread walks along the cycle twice.
 * 2. If each slot shows the same sequence number and WAIT both times, all of them slept between the two walks.
 * 3. A thread that sleeps releases nothing.
 *
 * ---- Who gives up ----
 *
 * 1. The thread of the cycle with the last ticket. A thread keeps its ticket as long as it waits for the same lock.
 * 2. If two threads close a cycle at once, and the earlier ticket becomes visible last, neither gives up. Then one of
 *    them finds that it is the last when it looks again at the end of its slice.
 */
#include "park/deadlock.h"

#include "family/input.h"
#include "family/member.h"
#include "park/park.h"
#include "park/read_holds.h"

#include <stddef.h>

#define HOPS 64 /* longer ways are not followed */

typedef struct walk {
    uint64_t evidence; /* a sum over the states seen */
    uint64_t last_ticket;
    bool cycle;
} walk;

/* The object of that type and size that begins so many bytes before the word at offset, or NULL. */
static void *object_at(kin_family *family, uint64_t offset, size_t before, uint32_t type, size_t size)
{
    uint64_t start = offset - before;
    kin__object *object = offset >= before ? kin__at(family, start, size, 8) : NULL;
    return object && atomic_load(&object->tag) == KIN__TAG(type, start) ? object : NULL;
}

/* Whom the thread of that token waits for, which sleeps on the word at offset; 0: for no owner. wanted: see
 * read_holds.h. */
static uint64_t blocker(kin_family *family, uint64_t offset, uint64_t token, uint64_t wanted)
{
    static const size_t words[] = {offsetof(kin__rwlock, word), offsetof(kin__rwlock, turn),
                                   offsetof(kin__rwlock, drain)};
    kin__lock *lock = object_at(family, offset, offsetof(kin__lock, word), KIN_TYPE_LOCK, sizeof *lock);
    if (lock) {
        return atomic_load(&lock->word) & ~KIN__TOKEN_FLAGS;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        kin__rwlock *rwlock = object_at(family, offset, words[i], KIN_TYPE_RWLOCK, sizeof *rwlock);
        if (rwlock) {
            const _Atomic uint64_t *word = (void *)((char *)rwlock + words[i]);
            return kin__rwlock_blocker(family, rwlock, word, token, wanted);
        }
    }
    return 0;
}

/* Whom the thread of that token waits for; 0: it does not wait for an owner. */
static uint64_t next_owner(kin_family *family, uint64_t token, uint64_t wanted, walk *way)
{
    uint32_t index = kin__token_index(token);
    if (index >= family->layout.max_threads) {
        return 0;
    }
    kin__thread *thread = kin__thread_at(family, index);
    uint64_t state = atomic_load(&thread->state);
    uint64_t ticket = atomic_load(&thread->ticket);
    if (!kin__slot_waits(state) || atomic_load(&thread->lease) >> 24 != kin__token_generation(token)) {
        return 0;
    }
    uint64_t owner = blocker(family, atomic_load(&thread->address), token, wanted);
    if (atomic_load(&thread->state) != state) {
        return 0;
    }
    way->evidence = (way->evidence ^ state) * UINT64_C(0x100000001b3) + owner;
    way->last_ticket = ticket > way->last_ticket ? ticket : way->last_ticket;
    return owner;
}

/* From owner on, until it comes to token. */
static walk follow(kin_family *family, uint64_t token, uint64_t owner)
{
    walk way = {0, 0, false};
    for (int hop = 0; hop < HOPS && owner != 0 && !way.cycle; hop++) {
        owner = next_owner(family, owner, token, &way);
        way.cycle = owner == token;
    }
    return way;
}

bool kin__waits_in_cycle(kin_family *family, uint64_t token)
{
    walk first = follow(family, token, token);
    walk second = follow(family, token, token);
    return first.cycle && second.cycle && first.evidence == second.evidence;
}

/* Whether all on the way live. What a dead one owns is taken from it. */
static bool all_live(kin_family *family, uint64_t token, uint64_t owner)
{
    walk way = {0, 0, false};
    for (int hop = 0; hop < HOPS && owner != 0 && owner != token; hop++) {
        if (!kin__token_alive(family, owner)) {
            return false;
        }
        owner = next_owner(family, owner, token, &way);
    }
    return owner == token;
}

bool kin__deadlocked(kin__seat *seat, uint64_t owner)
{
    walk first = follow(seat->family, seat->token, owner);
    if (!first.cycle || first.last_ticket > atomic_load(&seat->thread->ticket)) {
        return false;
    }
    walk second = follow(seat->family, seat->token, owner);
    return second.cycle && second.evidence == first.evidence && all_live(seat->family, seat->token, owner);
}
