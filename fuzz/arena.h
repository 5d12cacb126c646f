/* arena.h: what the fuzz targets have in common that write over an arena: mappings between pages that nobody may
 * touch, and the ways to write. */
#ifndef KIN_FUZZ_ARENA_H
#define KIN_FUZZ_ARENA_H

#include "family/input.h"
#include "kin/inspect.h"
#include "process/wire.h"

#include <stdlib.h>

static inline void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static inline uint64_t choose(kin__reader *in, unsigned width)
{
    return kin__get_number(in, width);
}

/* The input is used up. */
static inline bool is_done(const kin__reader *in)
{
    return in->bad || in->used >= in->size;
}

/* A place where numbers that mean something lie: count words of 8 bytes. */
typedef struct place {
    void *start;
    uint64_t count;
} place;

/* Writes some of the words of some of the places: what the input says, what stands elsewhere, a little more or less
 * of what was there. */
void scribble(kin__reader *in, const place *places, uint32_t count);

/* Looks at everything in a family, and requires of names that they end. */
extern const kin_inspector fuzz_sight;

/* Waiting takes no time in here: the clock goes on to where the sleep would have ended. For targets of one thread. */
extern bool fuzz_time_is_made_up;

#endif
