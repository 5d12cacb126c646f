/* cursor.h: visits a dict's entries without its lock. Protocol: cursor.c. */
#ifndef KIN_CURSOR_H
#define KIN_CURSOR_H

#include "container/copy.h"

typedef struct kin__step { /* an entry, as it was found in a slot */
    uint64_t hash, word;
} kin__step;

typedef struct kin__cursor {
    kin_family *family;
    kin__container *it;
    kin__step *steps; /* of one segment, sorted by hash; those before `at` have been shown */
    uint32_t count, at;
    bool stale;      /* the steps have to be read, or read again */
    uint64_t hash;   /* the least hash of an entry that may still be shown */
    uint64_t end;    /* the least hash of the next segment's keys; 0: there is no next segment */
    uint64_t looked; /* slots that were looked at, */
    uint64_t most;   /* and how many there can be in the arena */
    kin__copy entry; /* the entry that is shown */
} kin__cursor;

/* KIN_E_NO_MEMORY. The caller closes the cursor in any case. */
kin_status kin__cursor_open(kin__cursor *out, kin_family *family, kin__container *it);
void kin__cursor_close(kin__cursor *it);
/* Copies the next entry. KIN_E_END: there are no more. seat: the calling thread's, for the lock, in case that others
 * change the dict all the time; NULL: KIN_E_BUSY in that case. KIN_E_DAMAGED, KIN_E_NO_MEMORY, and those of
 * kin__container_enter. */
kin_status kin__cursor_next(kin__cursor *it, kin__seat *seat);

#endif
