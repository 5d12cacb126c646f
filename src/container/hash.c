#include "container/hash.h"

#include <string.h>

typedef struct state {
    uint64_t a, b, c, d;
} state;

static inline uint64_t turn(uint64_t word, int by)
{
    return word << by | word >> (64 - by);
}

static inline void mix(state *s)
{
    s->a += s->b;
    s->b = turn(s->b, 13) ^ s->a;
    s->a = turn(s->a, 32);
    s->c += s->d;
    s->d = turn(s->d, 16) ^ s->c;
    s->a += s->d;
    s->d = turn(s->d, 21) ^ s->a;
    s->c += s->b;
    s->b = turn(s->b, 17) ^ s->c;
    s->c = turn(s->c, 32);
}

static inline void take(state *s, uint64_t word)
{
    s->d ^= word;
    mix(s);
    s->a ^= word;
}

/* Little-endian on every machine. The members of a family run on one machine, but a seed and the numbers in a test may
 * come from another one. */
static inline uint64_t word_of(const unsigned char *bytes, size_t size)
{
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++) {
        word |= (uint64_t)bytes[i] << (8 * i);
    }
    return word;
}

static inline uint64_t whole_word_of(const unsigned char *b)
{
    return b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 | (uint64_t)b[4] << 32 |
           (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 | (uint64_t)b[7] << 56;
}

uint64_t kin__hash(const uint64_t key[2], const void *bytes, size_t size)
{
    state s = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
               key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
    const unsigned char *at = bytes, *end = at + size / 8 * 8;
    for (; at < end; at += 8) {
        take(&s, whole_word_of(at));
    }
    take(&s, word_of(at, size % 8) | (uint64_t)size << 56);
    s.c ^= 0xff;
    mix(&s);
    mix(&s);
    mix(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}
