/* snapshot.h: copies of a container's entries, as they were at one moment (kin/snapshot.h). */
#ifndef KIN_INTERNAL_SNAPSHOT_H
#define KIN_INTERNAL_SNAPSHOT_H

#include "container/container.h"
#include "kin/snapshot.h"

/* Copies the entries of `most` words of the table. Begins in that part, after its first `first` words. For the holder
 * of the container's lock. KIN_E_DAMAGED, KIN_E_NO_MEMORY. */
kin_status kin__snapshot_take(kin_snapshot **out, const kin__words_walk *table, uint64_t first, uint64_t most);

#endif
