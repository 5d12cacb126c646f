/* wire.h: reading and writing what crosses from process to process: little-endian, fixed widths, no alignment but where
 * asked for.
 *
 * A reader looks at a length before it uses it. Its first failure sticks and makes all that follows read as zero, so a
 * parser checks once at the end, and before it believes a count. A writer without memory only measures.
 */
#ifndef KIN_INTERNAL_WIRE_H
#define KIN_INTERNAL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct kin__reader {
    const unsigned char *start;
    size_t size, used;
    bool bad;
} kin__reader;

typedef struct kin__writer {
    unsigned char *start; /* NULL: count only */
    size_t size, used;    /* used may pass size: then nothing was written there */
} kin__writer;

/* size bytes in place, or NULL. */
static inline const unsigned char *kin__get(kin__reader *in, uint64_t size)
{
    if (in->bad || size > in->size - in->used) {
        in->bad = true;
        return NULL;
    }
    const unsigned char *at = in->start + in->used;
    in->used += (size_t)size;
    return at;
}

static inline uint64_t kin__get_number(kin__reader *in, unsigned width)
{
    const unsigned char *at = kin__get(in, width);
    uint64_t value = 0;
    for (unsigned i = 0; at && i < width; i++) {
        value |= (uint64_t)at[i] << 8 * i;
    }
    return value;
}

static inline uint32_t kin__get_u32(kin__reader *in)
{
    return (uint32_t)kin__get_number(in, 4);
}

static inline uint64_t kin__get_u64(kin__reader *in)
{
    return kin__get_number(in, 8);
}

/* To out, which has size bytes and is zeroed if the reader has not. */
static inline void kin__get_bytes(kin__reader *in, void *out, size_t size)
{
    const unsigned char *at = kin__get(in, size);
    if (at && size > 0) {
        memcpy(out, at, size);
    } else {
        memset(out, 0, size);
    }
}

/* A length and as many bytes, none of them 0; out has room for max and the end. */
static inline void kin__get_text(kin__reader *in, char *out, size_t max)
{
    uint32_t length = kin__get_u32(in);
    if (length > max) {
        in->bad = true;
        length = 0;
    }
    kin__get_bytes(in, out, length);
    out[length] = '\0';
    in->bad = in->bad || memchr(out, '\0', length) != NULL;
}

/* Up to a multiple of unit from the start; what is skipped has to be zero. */
static inline void kin__get_align(kin__reader *in, size_t unit)
{
    while (!in->bad && in->used % unit != 0) {
        in->bad = kin__get_number(in, 1) != 0 || in->bad;
    }
}

/* All read, and nothing left. */
static inline bool kin__reader_done(const kin__reader *in)
{
    return !in->bad && in->used == in->size;
}

static inline void kin__put(kin__writer *out, const void *bytes, size_t size)
{
    if (out->start && size > 0 && out->used <= out->size && size <= out->size - out->used) {
        memcpy(out->start + out->used, bytes, size);
    }
    out->used += size;
}

static inline void kin__put_number(kin__writer *out, uint64_t value, unsigned width)
{
    unsigned char bytes[8];
    for (unsigned i = 0; i < width; i++) {
        bytes[i] = (unsigned char)(value >> 8 * i);
    }
    kin__put(out, bytes, width);
}

static inline void kin__put_u32(kin__writer *out, uint32_t value)
{
    kin__put_number(out, value, 4);
}

static inline void kin__put_u64(kin__writer *out, uint64_t value)
{
    kin__put_number(out, value, 8);
}

static inline void kin__put_text(kin__writer *out, const char *text)
{
    size_t length = strlen(text);
    kin__put_u32(out, (uint32_t)length);
    kin__put(out, text, length);
}

static inline void kin__put_align(kin__writer *out, size_t unit)
{
    while (out->used % unit != 0) {
        kin__put_number(out, 0, 1);
    }
}

#define KIN__SUM_START UINT64_C(0xcbf29ce484222325)

/* FNV-1a over 64-bit words, the last one filled up with zeros, with a shift that brings high bits down again. Each step
 * is a bijection: no change of a single word goes unnoticed. */
static inline uint64_t kin__sum(uint64_t sum, const void *bytes, size_t size)
{
    kin__reader in = {bytes, size, 0, false};
    while (in.used < size) {
        size_t left = size - in.used;
        sum = (sum ^ kin__get_number(&in, left < 8 ? (unsigned)left : 8)) * UINT64_C(0x100000001b3);
        sum ^= sum >> 32;
    }
    return sum;
}

#endif
