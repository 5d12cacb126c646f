/* hash.h: SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; one round for each word and
 * three at the end, as in Python's and Rust's tables). Without the key nobody can choose inputs that collide. */
#ifndef KIN_HASH_H
#define KIN_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t kin__hash(const uint64_t key[2], const void *bytes, size_t size);

#endif
