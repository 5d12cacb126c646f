/* copy.h: a private copy of one entry, made without the container's lock. */
#ifndef KIN_COPY_H
#define KIN_COPY_H

#include "container/container.h"

typedef struct kin__copy {
    char *bytes; /* of malloc, aligned to 8: the key, a gap up to a multiple of 8, the value */
    size_t room; /* of bytes */
    size_t key_size, value_size;
} kin__copy;

/* Copies the entry that a word of a table named a moment ago. The bytes of an earlier copy are used again if they
 * suffice. KIN_E_BUSY: the entry is gone. KIN_E_DAMAGED: it has another length than the block. KIN_E_NO_MEMORY. */
kin_status kin__copy_entry(kin__copy *out, kin_family *family, uint64_t word);

static inline const char *kin__copy_value(const kin__copy *it)
{
    return it->bytes + kin__value_at(it->key_size);
}

#endif
