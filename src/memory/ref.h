/* ref.h: refs of blocks. Public face: kin/ref.h. */
#ifndef KIN_INTERNAL_REF_H
#define KIN_INTERNAL_REF_H

#include "kin/ref.h"

/* Frees the block that the ref names, if that is still the one: KIN_E_STALE if not. Of several processes that do so,
 * one succeeds, and none frees what was allocated there meanwhile. */
kin_status kin__ref_free(kin_ref ref);

#endif
