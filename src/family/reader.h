/* reader.h: families that this process has opened for reading only. Protocol: reader.c. */
#ifndef KIN_READER_H
#define KIN_READER_H

#include "base/last_error.h"
#include "family/thread_slot.h"

#define kin__always_changing()                                                                                         \
    kin__refuse(KIN_E_BUSY, "others were changing it all the time, or one of them is stopped or was killed in the "    \
                            "middle of a change")

/* Makes a family, which no thread finds yet, one for reading only. KIN_E_NO_MEMORY. */
kin_status kin__reader_make(kin_family *family);
/* Whether this is the seat of a family for reading only: only its `family` is of use. */
static inline bool kin__seat_only_reads(const kin__seat *seat)
{
    return !seat->thread;
}

/* kin__seat_find for a call that stores nothing in the arena. In a family for reading only: the family's seat. */
kin_status kin__seat_find_to_read(kin__seat **out, const void *p, uint32_t type);
/* kin__seat_take, likewise. */
kin_status kin__seat_take_to_read(kin__seat **out, kin_family *family);

/* For a reader that cannot take the lock: after failed attempt number n, from 0, it rests. False: no further attempt.
 * All rests together take some 20 ms. */
bool kin__reader_rests(int n);
/* The same for an attempt that ended with *status: whether to make another, as it is KIN_E_BUSY. If there is no further
 * attempt, *status is KIN_E_BUSY with its sentence. */
bool kin__reader_tries_again(kin_status *status, int n);

#endif
