/* input.h: reading numbers that other processes wrote.
 *
 * Any member may write any byte of the arena at any moment. So a number that is read from there is input, like a packet
 * from a network. Three rules make it harmless:
 *
 * - The number is read once, into private memory (kin__read_*, kin__copy_in), and the copy is checked. The shared
 *   number is not read again for the same decision, because it may have changed.
 * - A pointer is made only from a checked offset, by kin__at, which checks that the whole extent may be touched. The
 *   raw kin__pointer is for this file and for the tables, whose index was checked (member.h, park, heap, names):
 *   ci/check knows them.
 * - The result of a check is valid for one call.
 *
 * A function may answer impossible numbers by any error. If it has KIN_E_DAMAGED, it uses that one.
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

/* One load of a field that is not atomic. kin does not change the field after the object is made, but a hostile member
 * may. So the compiler must not load it again. */
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

/* A text of at most size - 1 bytes. The result is terminated even if the memory has no terminating zero. */
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
