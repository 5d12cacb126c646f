/* heap_lock.h: the heap's lock and the operations under it: taking runs of spans and giving them back, making and
 * retiring spans of small blocks. Protocol: heap_lock.c. */
#ifndef KIN_HEAP_LOCK_H
#define KIN_HEAP_LOCK_H

#include "family/thread_slot.h"

/* KIN_E_BUSY: its holder is stopped. */
kin_status kin__heap_enter(kin__seat *seat);
void kin__heap_leave(kin__seat *seat);

/* ---- for the lock's holder ---- */

/* Takes a run of unused spans that may be touched. KIN_E_NO_MEMORY: there is none, and retiring spans gives none. */
kin_status kin__run_find(kin_family *family, uint32_t count, uint32_t *index);
/* The same for a run of which only the first `filled` spans may be touched at once. */
kin_status kin__run_find_sparse(kin_family *family, uint32_t count, uint32_t filled, uint32_t *index);
/* Makes the span one of small blocks, all free. */
void kin__span_make_small(kin_family *family, uint32_t index, uint32_t class);
/* Makes the run of a large block unused. newest: the block's generation. give: the memory of a long run goes back to
 * the system, so no thread may read the run's old contents any more. Without give, a long run may lack memory in
 * places, and is used again as if it had none. */
void kin__run_release(kin_family *family, uint32_t index, uint32_t newest, bool give);

#endif
