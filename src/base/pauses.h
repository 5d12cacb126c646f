/* pauses.h: growing pauses between looks at a word, before a sleep.
 *
 * An owner mostly releases soon, but each look takes the cache line from it. All pauses together take a few
 * microseconds, far less than a sleep and a wake-up cost.
 */
#ifndef KIN_PAUSES_H
#define KIN_PAUSES_H

#include "os.h"

#define KIN__PAUSES_MAX 400
#define KIN__PAUSES_AT_ONCE 32

typedef struct kin__pauses {
    int done, next;
} kin__pauses;

#define KIN__PAUSES                                                                                                    \
    {                                                                                                                  \
        0, 1                                                                                                           \
    }

/* Pauses once. Whether another pause is worth it. */
static inline bool kin__pause_again(kin__pauses *it)
{
    for (int i = 0; i < it->next; i++) {
        kin_os_cpu_relax();
    }
    it->done += it->next;
    it->next = it->next < KIN__PAUSES_AT_ONCE ? it->next * 2 : it->next;
    return it->done < KIN__PAUSES_MAX;
}

#endif
