/* read_holds.h: how the readers of a readers-writer lock show themselves. Protocol: rwlock.c.
 *
 * A hold is one 64-bit word: a name and a mark. In one of the lock's slots the name is the reader's token; in the
 * reader's thread entry it is the lock's.
 */
#ifndef KIN_READ_HOLDS_H
#define KIN_READ_HOLDS_H

#include "family/thread_slot.h"

#define KIN__HOLD_WAITING UINT64_C(1)
#define KIN__HOLD_ODD UINT64_C(2)
#define KIN__HOLD_MARK (KIN__HOLD_WAITING | KIN__HOLD_ODD)

typedef struct kin__hold {
    _Atomic uint64_t *place; /* NULL: there is no hold */
    uint64_t name;
    uint64_t mark;
} kin__hold;

/* The mark of a reader that waits for the writer in this word. */
static inline uint64_t kin__hold_mark(uint64_t word)
{
    return word & KIN__RW_PHASE ? KIN__HOLD_WAITING | KIN__HOLD_ODD : KIN__HOLD_WAITING;
}

/* Whether the writer in this word has to wait for the hold. */
static inline bool kin__hold_counts(uint64_t hold, uint64_t word)
{
    return hold != 0 && (hold & KIN__HOLD_MARK) != kin__hold_mark(word);
}

/* The slot where a thread looks first: neighbours in the thread table have theirs on different cache lines. */
static inline _Atomic uint64_t *kin__hold_home(const kin__seat *seat, kin__rwlock *lock)
{
    uint32_t index = kin__token_index(seat->token);
    return &lock->slots[(index * 8 + index / 8) % KIN__READERS];
}

/* Finds a free place for the thread and writes a hold there. false: there is none. */
bool kin__hold_take(kin__seat *seat, kin__rwlock *lock, kin__hold *out, uint64_t mark);

/* Writes the mark into the thread's hold; into a new one if it has none. false: there is no place for one. */
static inline bool kin__hold_show(kin__seat *seat, kin__rwlock *lock, kin__hold *it, uint64_t mark)
{
    if (!it->place) {
        return kin__hold_take(seat, lock, it, mark);
    }
    it->mark = mark;
    atomic_store(it->place, it->name | mark);
    return true;
}

/* A hold of the calling thread other than `but`; NULL: it has none. */
_Atomic uint64_t *kin__hold_own(const kin__seat *seat, kin__rwlock *lock, const _Atomic uint64_t *but);

/* A hold that counts for the writer in this word; NULL: there is none. ask: asks the system whether its reader lives,
 * and empties a dead one's slot. */
_Atomic uint64_t *kin__hold_find(kin__seat *seat, kin__rwlock *lock, uint64_t word, bool ask);

/* Visits the token of each thread that is inside. */
void kin__rwlock_holders(kin_family *family, kin__rwlock *lock, void (*visit)(uint64_t token, void *context),
                         void *context);
/* The thread of that token sleeps on that word of the lock: the token of whom it waits for; 0: of nobody. A writer may
 * wait for several readers: if `wanted` is one of them, it is the answer. */
uint64_t kin__rwlock_blocker(kin_family *family, kin__rwlock *lock, const _Atomic uint64_t *slept_on, uint64_t token,
                             uint64_t wanted);

#endif
