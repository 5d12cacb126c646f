/* unpark.h: waking sleepers on a word of the arena. Protocol: park.c. */
#ifndef KIN_UNPARK_H
#define KIN_UNPARK_H

#include "family/family.h"

#define KIN__ALL UINT32_MAX

/* Wakes sleepers on word, oldest first, as long as what each wants fits into what is left of units; each at most
 * once. Call it after a sequentially consistent change of what they wait for. Linear in the number of those that
 * sleep in the word's bucket; where units suffice for more than 64 of them, but not for all, once for each 64. */
void kin__unpark(kin_family *family, _Atomic uint64_t *word, uint32_t units);

/* Wakes as kin__unpark, on a word in which flag says that a thread sleeps, or is about to. To be called if the flag was
 * seen. Clears the flag if no sleeper is left. */
void kin__unpark_flagged(kin_family *family, _Atomic uint64_t *word, uint64_t flag, uint32_t units);

typedef enum kin__unparked {
    KIN__UNPARKED_ONE,     /* the oldest sleeper */
    KIN__UNPARKED_BEFORE,  /* nobody: one that was woken before has not left its slot yet */
    KIN__UNPARKED_TOO_FEW, /* nobody: the oldest wants more units than there are */
    KIN__UNPARKED_NOBODY   /* sleeps there; the flag has been cleared, as by kin__unpark_flagged */
} kin__unparked;

/* Wakes the oldest sleeper alone, and only if what it wants fits into units: nobody comes before it. And, unless
 * `anyway`, only if no thread is on the way that was woken before, with a ticket not below `awaited`. Watchers are
 * woken in any case. *sleepers: how many slept on the word. Linear in the number of those that sleep in the bucket. */
kin__unparked kin__unpark_oldest(kin_family *family, _Atomic uint64_t *word, uint64_t flag, uint32_t units,
                                 uint64_t awaited, bool anyway, uint32_t *sleepers);

/* Puts into the state TOLD all slots that have begun on word wanting exactly this, woken or not; posts nobody. What
 * it tells them is their object's affair. */
void kin__unpark_tell(kin_family *family, _Atomic uint64_t *word, uint32_t want);
/* Posts those that are told and still there. */
void kin__unpark_told(kin_family *family, _Atomic uint64_t *word);

#endif
