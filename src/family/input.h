/* input.h: the border to what others wrote.
 *
 * Any member may write any byte of the arena at any moment. So a number that is read from there is input, as a packet
 * from a network is, and three rules keep it harmless:
 *
 * - It is read once, into private memory (kin__read_*, kin__copy_in), and the copy is checked. The shared one is not
 *   read again for the same decision: it may be another by then.
 * - A pointer is made of a checked offset only, by kin__at, which asks whether all of the extent may be touched. The
 *   raw kin__pointer is for this file and for the tables, whose index was checked (member.h, park, heap, names):
 *   ci/check knows them.
 * - What is learnt so holds for one call.
 *
 * What the arena says cannot be true may be answered by any error; KIN_E_DAMAGED, where the function has it.
 */
#ifndef KIN_INPUT_H
#define KIN_INPUT_H

#include "family/family.h"

#include <string.h>

static inline void *kin__pointer(const kin_family *family, uint64_t offset)
{
    return family->base + offset;
}

/* The memory [offset, offset + size), if all of it may be touched and it is aligned (to a power of two); else NULL. */
static inline void *kin__at(kin_family *family, uint64_t offset, uint64_t size, uint64_t alignment)
{
    return (offset & (alignment - 1)) == 0 && kin__family_covers(family, offset, size) ? kin__pointer(family, offset)
                                                                                       : NULL;
}

/* The same for count elements of size bytes. */
static inline void *kin__array_at(kin_family *family, uint64_t offset, uint64_t count, uint64_t size,
                                  uint64_t alignment)
{
    return size == 0 || count <= UINT64_MAX / size ? kin__at(family, offset, count * size, alignment) : NULL;
}

/* One load of a field that is not atomic, because nobody changes it after the object is made, but somebody may all the
 * same: the compiler must not load it again. */
static inline uint32_t kin__read_u32(const uint32_t *shared)
{
    return *(const volatile uint32_t *)shared;
}

static inline uint64_t kin__read_u64(const uint64_t *shared)
{
    return *(const volatile uint64_t *)shared;
}

/* size bytes of several such fields; each is loaded once. */
static inline void kin__copy_in(void *private, const void *shared, size_t size)
{
    const volatile unsigned char *from = shared;
    unsigned char *to = private;
    while (size > 0) {
        if (size >= sizeof(uint64_t) && (uintptr_t)from % sizeof(uint64_t) == 0) {
            uint64_t word = *(const volatile uint64_t *)(const volatile void *)from;
            memcpy(to, &word, sizeof word);
            to += sizeof word;
            from += sizeof word;
            size -= sizeof word;
        } else {
            *to++ = *from++;
            size--;
        }
    }
}

/* A text of at most size - 1 bytes; what is there instead ends somewhere, too. */
static inline void kin__copy_in_text(char *private, const char *shared, size_t size)
{
    kin__copy_in(private, shared, size);
    private[size - 1] = '\0';
}

/* The names of objects. */
static inline kin__container *kin__names_of(const kin_family *family)
{
    return kin__pointer(family, family->layout.names);
}

#endif
