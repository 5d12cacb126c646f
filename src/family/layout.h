/* layout.h: where the parts of an arena lie, computed and checked. */
#ifndef KIN_LAYOUT_H
#define KIN_LAYOUT_H

#include "family/arena.h"

static inline uint64_t kin__round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* A number made of the sizes of all that lies in an arena: another build of kin may differ in them. */
uint32_t kin__layout_fingerprint(void);
/* Fills in the rest from reserve, max_members and max_threads; returns how many bytes come before the heap. */
uint64_t kin__layout_compute(kin__layout *layout);
/* Copies the arena's layout if it is what its own numbers make, for that reserve; if all tables lie in the bytes that
 * the system says are usable; and if there is a heap behind them. */
bool kin__layout_read(kin__layout *out, const kin__arena *arena, uint64_t reserve, uint64_t usable);
/* Writes the header of a new, zeroed arena; the magic number last. */
void kin__layout_format(kin__arena *arena, const kin__layout *layout, const kin_os_id *id, const char *name,
                        const kin_os_access *access);

#endif
