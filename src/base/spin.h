/* spin.h: spinning, and yielding, that learn whether they pay. */
#ifndef KIN_SPIN_H
#define KIN_SPIN_H

#include "os.h"

/* Spins until *word is no longer `expected`, or yields the processor once, as far as that has paid off on this object.
 * *spin is the object's memory of it; zero to begin with. Returns whether the word changed. */
bool kin__spin(_Atomic uint64_t *word, uint64_t expected, _Atomic uint32_t *spin);

#endif
