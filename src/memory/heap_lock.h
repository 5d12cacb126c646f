/* heap_lock.h: the heap's lock, and what is done under it: runs of spans taken and given back, spans of small blocks
 * made and retired. Protocol: heap_lock.c. */
#ifndef KIN_HEAP_LOCK_H
#define KIN_HEAP_LOCK_H

#include "family/thread_slot.h"

/* KIN_E_BUSY: its holder is stopped. */
kin_status kin__heap_enter(kin__seat *seat);
void kin__heap_leave(kin__seat *seat);

/* ---- for the lock's holder ---- */

/* A run of unused spans that may be touched. KIN_E_NO_MEMORY: there is none, not even of blocks that are all free. */
kin_status kin__run_find(kin_family *family, uint32_t count, uint32_t *index);
/* The same for a run of which only the first `filled` spans may be touched at once. */
kin_status kin__run_find_sparse(kin_family *family, uint32_t count, uint32_t filled, uint32_t *index);
/* Makes it one of small blocks, all free. */
void kin__span_make_small(kin_family *family, uint32_t index, uint32_t class);
/* The run that holds a large block is unused from now on. newest: the block's generation. give: if it is long its
 * memory is given back to the system, so nobody may read what was in it any more. Else a long one may have no memory
 * in places, and is used again as if it had none. */
void kin__run_release(kin_family *family, uint32_t index, uint32_t newest, bool give);

#endif
