/* slices.h: one call's waiting on a word. It sleeps in slices; what it does at the end of each: slices.c. */
#ifndef KIN_SLICES_H
#define KIN_SLICES_H

#include "park/park.h"

/* The oldest sleeper's slices, where there is no owner to watch: half of what it may take to notice a death, since
 * it may be the oldest that has died. */
#define KIN__SLICE_UNIT KIN_MS(150)
/* The longest slice: how long it takes at most until a sleeper looks for itself whether it has been forgotten. */
#define KIN__SLICE_LONG KIN_SECONDS(5)

typedef struct kin__slices { /* made by kin__slices_of; over all sleeps of one call */
    int64_t deadline;
    int64_t unit; /* of the oldest sleeper's slices */
    int64_t unit_max;
    int64_t length; /* of the next slice */
    uint64_t ticket;
    _Atomic uint64_t *word; /* since the last begin */
    uint32_t looks;         /* about, at the ends of slices */
    uint32_t older;         /* that slept on the word at the end of the last slice */
    bool ticketed;
    kin__interrupt *by; /* what ends it early (kin__slices_interruptible), or NULL */
    bool interrupted;   /* it did: the deadline is over */
    bool dead;          /* the dead were found among the sleepers: the caller reaps them when its slot has ended */
} kin__slices;

/* owned: there is an owner, whose death is to be noticed soon. */
static inline kin__slices kin__slices_of(int64_t deadline, bool owned)
{
    return (kin__slices){.deadline = deadline,
                         .unit = KIN__SLICE_OWNER,
                         .unit_max = owned ? KIN__SLICE_OWNER : KIN__SLICE_UNIT,
                         .length = KIN__SLICE_OWNER};
}

/* The same for a wait of a public function, which an interrupt of the thread ends as if its deadline were over. What
 * the function returns then: kin__slices_status. */
static inline kin__slices kin__slices_interruptible(kin__seat *seat, int64_t deadline, bool owned)
{
    kin__slices slices = kin__slices_of(deadline, owned);
    slices.by = kin__interrupt_of(seat);
    return slices;
}

static inline kin_status kin__slices_status(const kin__slices *it, kin_status status)
{
    return it->interrupted && status == KIN_E_TIMED_OUT ? kin__interrupt_tell(it->by) : status;
}

/* To be called before a sleep if there is an owner whose death has to be noticed soon. */
void kin__slices_hurry(kin__slices *it);
/* kin__park_begin; the call keeps the ticket that it drew the first time. */
void kin__slices_begin(kin__seat *seat, kin__slices *it, _Atomic uint64_t *word, uint32_t want);
/* After begin: sleeps a slice. Whether it was woken, or told. */
bool kin__slices_sleep(kin__seat *seat, kin__slices *it);
/* After a slice at whose end the caller, its slot still begun, finds what it waits for although nobody woke it.
 * Tests count these: then the thread sleeps on for a while, since a waker may be about to mark it, as long as
 * evidence, a word that shows what others do, stays what it is. Whether it was woken meanwhile. */
bool kin__slices_forgotten(kin__seat *seat, _Atomic uint64_t *evidence);
/* Until when a slice of this length lasts that begins now: the deadline, if slices are off. */
int64_t kin__slices_end(int64_t now, int64_t length, int64_t deadline);

/* Sleeps a slice if *word is `expected`, from beginning to ending the wait slot. there: whether such a word is what the
 * call waits for; NULL: the word does not tell. */
typedef bool kin__slices_there(uint64_t word, uint64_t expected, uint32_t want);
kin__parked kin__slices_park(kin__seat *seat, kin__slices *it, _Atomic uint64_t *word, uint64_t expected, uint32_t want,
                             kin__slices_there *there);

/* How many threads have begun on word wanting exactly this, less those that are found dead, and less the one of entry
 * `except`. Asks the system about `most` of them at most, beginning after the caller's own. */
uint32_t kin__sleepers_alive(const kin__seat *seat, _Atomic uint64_t *word, uint32_t want, uint32_t except,
                             uint32_t most);
#define KIN__NOBODY UINT32_MAX

/* ---- for tests ---- */

typedef enum kin__slices_mode {
    KIN__SLICES_USUAL,
    KIN__SLICES_COUNTED, /* looks, and forgotten sleepers, are counted in the arena */
    KIN__SLICES_OFF,     /* a slice ends with the deadline only: a forgotten sleeper sleeps on */
} kin__slices_mode;

extern _Atomic uint32_t kin__slices_are; /* of this process: one of these */

#endif
