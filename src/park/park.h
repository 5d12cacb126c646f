/* park.h: a futex between processes, on 64-bit words of the arena. Protocol and memory orders: park.c. */
#ifndef KIN_PARK_H
#define KIN_PARK_H

#include "family/thread_slot.h"
#include "park/unpark.h"

typedef enum kin__parked {
    KIN__WOKEN,     /* by an unpark. Leaving without taking what was waited for: pass it on with kin__unpark */
    KIN__CHANGED,   /* the word was not `expected` any more */
    KIN__TIMED_OUT, /* deadline */
} kin__parked;

/* Begin, look at the word, sleep if it is as expected, end. begin shows the caller as a sleeper, so an unpark after the
 * word's change finds it. want: how many units of the word's resource the caller waits for. sleep may be repeated; it
 * returns whether an unpark ended it. After begin there must be an end; true: it was woken, see KIN__WOKEN. */
void kin__park_begin(kin__seat *seat, _Atomic uint64_t *word, uint32_t want);
/* The same with a ticket of an earlier begin: a thread that sleeps again for the same thing keeps its turn. */
uint64_t kin__park_ticket(kin_family *family);
void kin__park_begin_with(kin__seat *seat, _Atomic uint64_t *word, uint32_t want, uint64_t ticket);
bool kin__park_sleep(kin__seat *seat, int64_t deadline);
/* The same, and an interrupt of the thread ends it, too; by: kin__interrupt_of(seat), or NULL. doze: it may end before
 * for no reason. */
bool kin__park_sleep_by(kin__seat *seat, kin__interrupt *by, int64_t deadline);
bool kin__park_doze_by(kin__seat *seat, kin__interrupt *by, int64_t deadline);
void kin__park_spin(kin__seat *seat, _Atomic uint32_t *spin); /* before the first sleep; see kin__spin */
bool kin__park_end(kin__seat *seat);
/* The same for a wake-up that only the slot shows. True: if this thread dies before settle, the wake-up is passed
 * on. Another wait is possible in between. */
bool kin__park_end_owing(kin__seat *seat);
void kin__park_settle(kin__seat *seat);
/* Between begin and end. After a wake-up: sleeps again, seen as a sleeper all the time; false: it has been told
 * (unpark.h). */
bool kin__park_renew(kin__seat *seat);
bool kin__park_told(const kin__seat *seat);
/* Of a slot's state word: its thread sleeps, or is about to, and nobody has woken it. */
bool kin__slot_waits(uint64_t state);

/* A watcher sleeps on several words at once, and takes nothing: every unpark of one of them wakes it, beside those
 * whose turn it is. (It enters the words' buckets only, so that others' words wake it, too, now and then.) Flags
 * that the words' releasers look at are its own to set, after begin. bell: the number of one (os.h) that others ring
 * as well as post the semaphore; or 0. */
uint64_t kin__watch_bucket(const kin_family *family, const _Atomic uint64_t *word); /* a bit, to be or-ed */
void kin__watch_begin(kin__seat *seat, uint64_t buckets, uint32_t bell);
void kin__watch_end(kin__seat *seat, uint64_t buckets);

/* A waiter sleeps in slices. At the end of a slice it looks at the word again, because its waker may have died. */
#define KIN__SLICE_OWNER KIN_MS(50) /* where there is an owner to watch */
#define KIN__SLICE_MAX KIN_MS(300)

/* Cleans the wait slot of a dead thread and passes on a wake-up that it did not use. */
void kin__park_reap(kin_family *family, uint32_t index);
/* The same for a slot that has begun on word, if its thread is dead, which the system is asked: false, it is not.
 * The thread's slot stays its own; its member is still to be reaped. Several may do it at once. */
bool kin__park_bury(kin_family *family, uint32_t index, _Atomic uint64_t *word);

#endif
