/* ref.h: refs of blocks. Public face: kin/ref.h. */
#ifndef KIN_INTERNAL_REF_H
#define KIN_INTERNAL_REF_H

#include "kin/ref.h"

/* Frees the block that the ref names. KIN_E_STALE: that block is already free. If several processes do so, one
 * succeeds, and none frees a block that was allocated there meanwhile. */
kin_status kin__ref_free(kin_ref ref);

#endif
