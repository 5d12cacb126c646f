/* robust.h: words of shared memory that the kernel marks when a thread ends or its process execs. Protocol:
 * robust.c. */
#ifndef KIN_POSIX_ROBUST_H
#define KIN_POSIX_ROBUST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Owners that are no thread. */
#define KIN_POSIX_NOBODY 0u
#define KIN_POSIX_UNLISTED (UINT32_C(1) << 29) /* a process that could not put the word on a list */
#define KIN_POSIX_DIED (UINT32_C(1) << 30)     /* the thread that was the owner has ended, or its process execs */

typedef struct kin_posix_word {
    uint64_t raw;
    uint32_t owner;  /* a thread's id, or one of the above */
    uint32_t serial; /* 0: the word was never taken */
} kin_posix_word;

/* What a word's bits mean. Bits that no process writes mean NOBODY. */
kin_posix_word kin_posix_word_of(uint64_t raw);
/* The word is the last 8 bytes of a page. */
kin_posix_word kin_posix_word_read(const void *page);
/* Changes the word if it still is what was read. */
bool kin_posix_word_change(void *page, const kin_posix_word *seen, uint32_t owner, uint32_t serial);
/* The serial number of the next taking. */
uint32_t kin_posix_word_next(uint32_t serial);

/* Which word it is, in this process: a private address and a number. */
typedef struct kin_posix_place {
    const void *key;
    uint32_t index, serial;
} kin_posix_place;

/* Puts the word of `page` on the calling thread's list: from now on the kernel marks it DIED at the thread's end if
 * it names the thread. fd: of the file that page is a shared mapping of, or -1. When the thread ends in the C
 * library's way, and the word names it with that serial, another thread that has the place enrolled is named instead,
 * or NOBODY. Does nothing if the thread has it enrolled. False: the system or the C library has no such list for this
 * thread. */
bool kin_posix_enrol(const kin_posix_place *place, void *page, int fd);
/* How many threads of this process have it enrolled, whatever the serial. */
uint32_t kin_posix_enrolled(const void *key, uint32_t index);
/* Ends what all threads of this process have enrolled under the key; index UINT32_MAX: whatever the index. */
void kin_posix_expel(const void *key, uint32_t index);

#endif
