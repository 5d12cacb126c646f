/* futex.h: sleeping on a word until another thread or process says that it has changed (futex(2)). */
#ifndef KIN_POSIX_FUTEX_H
#define KIN_POSIX_FUTEX_H

#include <stdbool.h>
#include <stdint.h>

/* Sleeps while the word has that value, at most until the deadline. Returns for other reasons, too: the caller looks
 * again. shared: the word lies in memory of several processes. */
void kin_posix_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline, bool shared);
/* Wakes all that sleep on the word. */
void kin_posix_futex_wake(_Atomic uint32_t *word, bool shared);

/* Makes all that sleep on the word sleep on `onto` instead, if the word has that value. Those do not run meanwhile, so
 * this costs less than waking them, and takes the processor from nobody. false: nobody was moved. */
bool kin_posix_futex_move(_Atomic uint32_t *word, uint32_t expected, const void *onto, bool shared);

#endif
