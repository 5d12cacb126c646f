/* serve.h: a slot of a pool whose workers the program starts. Protocol: external.c. */
#ifndef KIN_SERVE_H
#define KIN_SERVE_H

#include "pool/shared.h"

#define KIN__AT_DOOR 0x646f6f72u /* what a worker wants of `door`, as a mark of its wait slot */

/* Clears the words of a slot that has no batch, and frees it if it is still that worker's. */
void kin__slot_free(kin__worker_slot *slot, uint64_t who);

#endif
