/* snapshot.h: copies of a container's entries, as they were at one moment (kin/snapshot.h). */
#ifndef KIN_INTERNAL_SNAPSHOT_H
#define KIN_INTERNAL_SNAPSHOT_H

#include "container/container.h"
#include "kin/snapshot.h"

/* Copies the entries that the table's words name, from that part of it on, without the first `first` words, and of
 * `most` words. For the holder of the container's lock. KIN_E_DAMAGED, KIN_E_NO_MEMORY. */
kin_status kin__snapshot_take(kin_snapshot **out, const kin__words_walk *table, uint64_t first, uint64_t most);

#endif
