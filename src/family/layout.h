/* layout.h: where the parts of an arena lie, computed and checked. */
#ifndef KIN_LAYOUT_H
#define KIN_LAYOUT_H

#include "family/arena.h"

/* A number made of the sizes of all that lies in an arena: another build of kin may differ in them. */
uint32_t kin__layout_fingerprint(void);
/* Fills in the rest from reserve, max_members and max_threads. */
void kin__layout_compute(kin__layout *layout);
/* Copies the arena's layout if it is what its own numbers make, for that reserve; if all that is usable from the
 * beginning lies in the bytes that the system says are; and if there is a heap behind the tables. */
bool kin__layout_read(kin__layout *out, const kin__arena *arena, uint64_t reserve, uint64_t usable);
/* Writes the header of a new, zeroed arena; the magic number last. secrets: random; the heap's key, and the seed of the
 * names' hash. */
void kin__layout_format(kin__arena *arena, const kin__layout *layout, const kin_os_id *id, const char *name,
                        const kin_os_access *access, const uint64_t secrets[3]);

#endif
