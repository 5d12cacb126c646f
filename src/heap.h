/* heap.h: blocks of the arena. Protocol: heap.c. Public face: kin/memory.h. */
#ifndef KIN_HEAP_H
#define KIN_HEAP_H

#include "family.h"

void kin__heap_init(kin_family *family);
/* A block's generation, for refs: KIN_E_ARGUMENT if no live block begins at that offset. */
kin_status kin__heap_generation(kin_family *family, uint64_t offset, uint32_t *generation, uint64_t *size);
/* Returns the block that a dead thread was just allocating or freeing, if any. False: not possible now, try later. */
bool kin__heap_reap(kin_family *family, kin__thread *thread, uint64_t token);

#endif
